# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The console over real DDS: requests on a page, answers that count, the red button."""

import asyncio
import json
import os
import threading
import time

import aiohttp
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from bare_cell import BareCell, TableTwin
from builtin_interfaces.msg import Time
from graph import rows, valid, wait_for
from in_process import Graph, overrides
from rclpy.action import ActionClient
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene, Diagnose
from robomd_msgs.msg import Trial as TrialMsg
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.core.operator.desk import Answer
from robomd_ros.core.share import config_file
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.console_node import ConsoleNode
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import scene_to_msg, trial_to_msg
from robomd_ros.ros.qos import TRIALS

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
GREEN, DIM, MUG = IDS = ("cube_color_green", "light_dim", "distractor_red_mug")
PLACE = "/robomd/cell_0"


class Phone:
    """A browser's part of the console, on a thread with a loop of its own."""

    def __init__(self, console):
        self.console = console
        self.boards, self.told = [], []
        self.answer = lambda board: None
        self._loop = asyncio.new_event_loop()
        self._ending = threading.Event()
        self._line = None
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))
        self._thread.start()
        wait_for(lambda: self.boards, "the board", 20)

    async def _run(self):
        url = f"http://127.0.0.1:{self.console.server.port}"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(url, headers={"Origin": url}, cookie_jar=jar) as client:
            await client.post("/enter", data=self.console.server.access.new_code())
            async with client.ws_connect("/line") as self._line:
                while not self._ending.is_set():
                    await self._hear()

    async def _hear(self):
        try:
            message = json.loads((await self._line.receive(timeout=0.2)).data)
        except (asyncio.TimeoutError, TypeError):
            return
        if "told" in message:
            self.told.append(message["told"])
            return
        self.boards.append(message["board"])
        wish = self.answer(message["board"])
        if wish is not None:
            await self._line.send_json(wish)

    def say(self, **wish):
        asyncio.run_coroutine_threadsafe(self._line.send_json(wish), self._loop).result(5)

    def tells(self, said):
        wait_for(lambda: any(said in t["said"] for t in self.told), f"{said} in {self.told}", 10)

    def asked(self, kind):
        """The newest board, once it holds a request of this kind."""

        def newest():
            request = self.boards[-1]["request"]
            return request if request and request["kind"] == kind else None

        return wait_for(newest, f"a request {kind}", 20)

    def close(self):
        self._ending.set()
        self._thread.join(10)


class Cell(Graph):
    """A cell with a person, and a console for the hand."""

    def start(self):
        self.stopped = []
        by_person = overrides(backend="operator", countdown=0.0)
        self.add(PerturbationNode(namespace=PLACE, parameter_overrides=by_person))
        self.console = self.add(ConsoleNode(namespace=PLACE, parameter_overrides=overrides(port=0)))
        self.action = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        assert self.action.wait_for_server(10)
        self.phone = Phone(self.console)
        return self

    def offer_stop(self):
        self.client.create_service(Trigger, f"{PLACE}/stop_motion", self._stop)

    def _stop(self, _request, response):
        self.stopped.append(1)
        response.success, response.message = True, "the arm rests"
        return response

    def scene(self, *ids):
        goal = ApplyScene.Goal(scene=scene_to_msg(Scene(tuple(CATALOGUE[i] for i in ids))))
        handle = self.result(self.action.send_goal_async(goal), "answer")
        return handle.get_result_async()

    def close(self):
        if hasattr(self, "phone"):
            self.phone.close()
        super().close()


@pytest.fixture
def cell(domain):
    graph = Cell(domain)
    yield graph.start()
    graph.close()


def test_what_is_asked_is_answered_on_the_page_or_elsewhere_and_the_arm_is_stopped(cell):
    phone = cell.phone
    result = cell.scene(GREEN)
    first = phone.asked("RESTORE_NOMINAL")
    wait_for(lambda: phone.boards[-1]["there"], "the perturbation node", 10)
    phone.say(number=first["number"], answer="DONE", name="Bob")
    phone.tells("done: taken")
    second = phone.asked("APPLY_SCENE")
    assert second["steps"] == [CATALOGUE[GREEN].description]
    other = cell.call(  # another front end is faster
        AnswerOperatorRequest, f"{PLACE}/answer_operator_request",
        request_id=int(second["number"]), answer=int(Answer.DONE), operator_name="Ada",
    )  # fmt: skip
    assert other.accepted
    assert cell.result(result, "the scene").result.error_code == ApplyScene.Result.NONE
    wait_for(lambda: phone.boards[-1]["ended"] == "Ada answered done", "who answered", 10)
    phone.say(number=second["number"], answer="DONE")
    phone.tells("is not open any more")
    phone.say(do="stop_motion")
    phone.tells("stop_motion is not offered; nothing was told")
    cell.offer_stop()
    wait_for(lambda: phone.boards[-1]["can_stop"], "the arm", 10)
    phone.say(do="stop_motion")
    phone.tells("the arm rests")
    assert len(cell.stopped) == 1


def test_a_phone_that_is_gone_leaves_the_request_open(cell):
    result = cell.scene(GREEN)
    cell.phone.asked("RESTORE_NOMINAL")
    cell.phone.close()
    time.sleep(0.5)
    assert not result.done()
    cell.phone = Phone(cell.console)  # a new one, with a new code
    again = cell.phone.asked("RESTORE_NOMINAL")
    wait_for(lambda: cell.phone.boards[-1]["there"], "the perturbation node", 10)
    cell.phone.say(number=again["number"], answer="INVALID")
    assert cell.result(result, "the scene").result.error_code == ApplyScene.Result.INVALID


def test_a_count_down_is_on_the_page(cell):
    state = next(n for n in cell._nodes if isinstance(n, PerturbationNode))._state
    state.lock("count-down: the arm may move in 3 s")
    wait_for(lambda: cell.phone.boards[-1]["waits"] == "the arm may move in 3 s", "it", 10)
    state.unlock()
    wait_for(lambda: not cell.phone.boards[-1]["waits"], "its end", 10)


def test_a_label_is_corrected_where_a_campaign_runs(cell):
    asked = []

    def relabel(request, response):
        asked.append((request.index, request.result, request.operator_name))
        response.accepted = True
        return response

    cell.phone.say(relabel=0, label="SUCCESS")
    cell.phone.tells("relabel_trial is not offered: no campaign runs")
    cell.client.create_service(RelabelTrial, "/robomd/relabel_trial", relabel)
    trials = cell.client.create_publisher(TrialMsg, "/robomd/trials", TRIALS)
    wait_for(trials.get_subscription_count, "the console", 10)
    outcome = Outcome(Result.SUCCESS, Source.OPERATOR)
    for name, index in (("cell_0", 4), ("cell_1", 5)):
        trial = Trial(index, name, Scene((CATALOGUE[GREEN],)), 7, outcome)
        trials.publish(trial_to_msg(trial, "c", Time()))
    wait_for(lambda: cell.phone.boards[-1]["labelled"], "the trial", 10)
    assert [t["index"] for t in cell.phone.boards[-1]["labelled"]] == [4]  # of this cell alone
    wait_for(cell.console._relabel.service_is_ready, "the service", 10)
    cell.phone.say(relabel=4, label="FAILURE", name="Bob")
    cell.phone.tells("trial 4 is FAILURE now")
    assert asked[0][:2] == (4, int(Result.FAILURE)) and "Bob" in asked[0][2]
    wait_for(lambda: cell.phone.boards[-1]["labelled"][0]["label"] == "FAILURE", "it", 10)


@pytest.mark.slow
def test_a_campaign_of_ten_trials_is_answered_through_the_console(domain, tmp_path):
    twin = TableTwin([{MUG}])
    graph = Cell(dict(os.environ) | domain)
    try:
        bare = graph.add(BareCell(twin, duration=0.3, namespace=PLACE))
        graph.start()
        present, answered = {}, set()

        def answer(board):
            request = board["request"]
            if not request or not board["there"] or request["number"] in answered:
                return None
            answered.add(request["number"])
            number, kind = request["number"], request["kind"]
            if kind == "ROLLOUT_RUNS":
                failed = MUG in present.values()
                return {"number": number, "answer": "FAILURE", "tag": "slipped"} if failed else None
            if kind == "LABEL_OUTCOME":
                return {"number": number, "answer": "SUCCESS", "name": "Bob"}
            for step in request["steps"]:  # a person does what the words say
                back = step.removeprefix("take back: ")
                if back != step:
                    present.pop(back)
                else:
                    present[step] = next(v.id for v in CATALOGUE if v.description == step)
            twin.set_scene(Scene(tuple(CATALOGUE[i] for i in present.values())))
            return {"number": number, "answer": "DONE"}

        graph.phone.answer = answer
        values = overrides(
            campaign_dir=str(tmp_path / "c"), cells=["cell_0"], policy="python:table:policy",
            search="uniform", task="ur5e_tabletop", catalogue="ur5e_tabletop", budget=10,
            variations=",".join(IDS), confidence=0.9999999, scene_timeout=0.0, order_by_cost=True,
            report=False,
        )  # fmt: skip
        graph.add(DiagnosisNode(namespace="/robomd", parameter_overrides=values))
        action = ActionClient(graph.client, Diagnose, "/robomd/diagnose")
        assert action.wait_for_server(10)
        handle = graph.result(action.send_goal_async(Diagnose.Goal()), "answer to the goal")
        ended = graph.result(handle.get_result_async(), "the end", 120).result
        assert ended.error_code == Diagnose.Result.NONE, ended.error_msg
        done = valid(tmp_path / "c")
        assert len(done) == 10 and not rows(tmp_path / "c", "result = 'INVALID'")
        for row in done:
            assert (row["result"] == "FAILURE") == (MUG in json.loads(row["scene"]))
        assert [sorted(json.loads(r["scene"])) for r in done] == [sorted(i) for i in bare.runs]
        assert bare.cancels == sum(row["result"] == "FAILURE" for row in done)
    finally:
        graph.close()
