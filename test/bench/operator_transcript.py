# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the operator sees in a campaign of ten trials, and the changes that the order saves.

The diagnosis node, the perturbation node, the terminal prompt and a hand-made cell, over real DDS.
The answers are typed at the prompt by a program that does in a table what is asked. Run it with
`python test/bench/operator_transcript.py [--trials 10]`.
"""

import argparse
import os
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 101))

import numpy as np
from bare_cell import BareCell, TableTwin
from fakes import FakeCell
from in_process import Graph, overrides
from rclpy.action import ActionClient

from robomd_msgs.action import Diagnose
from robomd_msgs.msg import OperatorRequest
from robomd_ros.core.campaign.campaign import Campaign, open_campaign, read_campaign
from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.operator.desk import RequestKind
from robomd_ros.core.operator.work import WorkLedger, count_changes
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Catalogue, Scene, load_catalogue
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.operator_prompt import OperatorPrompt
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import variation_from_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.terminal.conversation import FRESH

FIVE = (
    "cube_color_green",
    "table_color_blue",
    "light_dim",
    "distractor_red_mug",
    "camera_moved",
)
CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
PLACE = "/robomd/ur5e"


class TypingOperator:
    """Reads the prompt, does in the twin what is asked, and types the answer."""

    def __init__(self, twin: TableTwin, slip_at: int) -> None:
        self.twin = twin
        self.prompt: OperatorPrompt | None = None
        self._slip_at = slip_at
        self._labels = 0
        self._undone = False
        self._present: dict = {}

    def on_request(self, message: OperatorRequest) -> None:
        """Answer what is asked, on a thread of its own as a person would."""
        runs = message.kind == RequestKind.ROLLOUT_RUNS  # it is labelled when it has ended
        if message.request_id and not runs:
            threading.Timer(FRESH + 0.05, self._answer, [message]).start()

    def _answer(self, request: OperatorRequest) -> None:
        if request.kind == OperatorRequest.LABEL_OUTCOME:
            self._type(self._label())
            return
        if self._labels == self._slip_at and not self._undone:
            self._undone = True
            self._type("undo")
        self._change(request)
        self._type("done")

    def _label(self) -> str:
        self._labels += 1
        lifted = self.twin.state()["lifted"]
        if self._labels == self._slip_at:
            lifted = not lifted  # a slip of the finger
        return "success" if lifted else "failure"

    def _change(self, request: OperatorRequest) -> None:
        for variation in request.undo:
            del self._present[variation.id]
        for variation in request.apply:
            self._present[variation.id] = variation_from_msg(variation)
        self.twin.set_scene(Scene(tuple(self._present.values())))

    def _type(self, word: str) -> None:
        print(f"> {word}", flush=True)
        self.prompt.take(word)


def transcript(folder: Path, trials: int) -> None:
    """Run the campaign over ROS and print what the operator sees."""
    twin = TableTwin(fails_in=[{"distractor_red_mug"}, {"camera_moved"}])
    operator = TypingOperator(twin, slip_at=3)
    graph = Graph(dict(os.environ))
    try:
        graph.add(BareCell(twin, namespace=PLACE))
        operator.prompt = graph.add(OperatorPrompt(keyboard=False, namespace=PLACE))
        graph.client.create_subscription(
            OperatorRequest, f"{PLACE}/operator_request", operator.on_request, LATCHED
        )
        by_person = overrides(
            backend="operator", reset_instruction="Put the cube back on its mark."
        )
        graph.add(PerturbationNode(namespace=PLACE, parameter_overrides=by_person))
        values = overrides(
            campaign_dir=str(folder),
            cells=["ur5e"],
            task=CATALOGUE.task,
            catalogue="ur5e_tabletop",
            policy="python:table:policy",
            search="uniform",
            variations=",".join(FIVE),
            budget=trials,
            scene_timeout=0.0,
            order_by_cost=True,
            confidence=0.9999999,
        )
        graph.add(DiagnosisNode(namespace="/robomd", parameter_overrides=values))
        action = ActionClient(graph.client, Diagnose, "/robomd/diagnose")
        action.wait_for_server(10)
        handle = graph.result(action.send_goal_async(Diagnose.Goal()), "answer to the goal")
        graph.result(handle.get_result_async(), "end of the campaign", 120)
    finally:
        graph.close()


class AnyCell(FakeCell):
    """For any catalogue: its pictures are all the same."""

    def _look(self, scene: Scene) -> np.ndarray:
        return np.full((84, 84, 3), 90, np.uint8)


def campaign_scenes(folder: Path, catalogue: Catalogue, ordered: bool, **values) -> list[Scene]:
    """The scenes of a campaign in one cell, in their order."""
    config = CampaignConfig(catalogue.task, "python:table:policy", "ur5e_tabletop", **values)
    opened = open_campaign(folder, config, catalogue)
    cell = AnyCell(fails=lambda scene, seed: "distractor_red_mug" in scene.ids)
    try:
        Campaign(opened, [cell], order_by_cost=ordered, poll_period=0.01).run()
    finally:
        opened.close()
    log = read_campaign(folder).open_log()
    scenes = [catalogue.scene(r.request.scene) for r in log.records()]
    log.close()
    return scenes


def seconds(catalogue: Catalogue, scenes: list[Scene]) -> float:
    """Human work of these scenes, one after the other, s."""
    ledger, total = WorkLedger(catalogue), 0.0
    for scene in scenes:
        total += ledger.cost("cell", scene)
        ledger.ask("cell", scene)
    return total


def compare(folder: Path, trials: int) -> None:
    """Print the single changes asked for with and without the order."""
    print("\nsearch    variations  trials  changes without -> with order   operator's work")
    cases = [
        ("uniform", FIVE, trials),
        ("uniform", (), 52),
        ("thompson", FIVE, trials),
        ("thompson", (), 104),
        ("ppo", FIVE, trials),
    ]
    for number, (search, ids, budget) in enumerate(cases):
        catalogue = CATALOGUE.subset(ids) if ids else CATALOGUE
        told = []
        for ordered in (False, True):
            scenes = campaign_scenes(
                folder / f"{number}{ordered}",
                catalogue,
                ordered,
                search=search,
                budget=budget,
                seed=0,
                confidence=0.9999999,
                variation_ids=ids,
            )
            told.append((count_changes(scenes), seconds(catalogue, scenes) / 60))
        (before, minutes), (after, left) = told
        print(
            f"{search:<9} {len(catalogue):>10}  {budget:>6}  {before:>15} -> {after:<10}"
            f"  {minutes:.0f} min -> {left:.0f} min"
        )


def main() -> None:
    """Print the transcript and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        transcript(Path(folder, "campaign"), options.trials)
        compare(Path(folder), options.trials)


if __name__ == "__main__":
    main()
