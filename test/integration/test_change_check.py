# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A person's `done` is held against the camera's picture, over real DDS."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from bare_cell import BareCell, TableTwin
from graph import wait_for
from in_process import Graph, overrides
from rclpy.action import ActionClient
from scripted_operator import ScriptedOperator

from robomd_msgs.action import ApplyScene
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import NOMINAL, Scene, load_catalogue
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import facts_from_msg, scene_to_msg

pytestmark = pytest.mark.ros
CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
PLACE = "/robomd/cell_0"
CHANGES = (RequestKind.APPLY_SCENE, RequestKind.RESTORE_NOMINAL)


def really_done_at_last(request):
    """Does what is asked, and answers a doubt by `really done`."""
    return Answer.REALLY_DONE if "really done" in request.instruction else None


class Cell(Graph):
    """A perturbation node, a camera, and a person whose answers a test may choose."""

    def __init__(self, domain):
        super().__init__(domain)
        self.twin = TableTwin()
        self.bare = self.add(BareCell(self.twin, namespace=PLACE))
        values = overrides(
            backend="operator", countdown=0.0, reset_instruction="Put the cube back."
        )
        self.add(PerturbationNode(namespace=PLACE, parameter_overrides=values))
        self.operator = self.add(ScriptedOperator(self.twin, namespace=PLACE))
        self.action = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        assert self.action.wait_for_server(10)

    def apply(self, *ids):
        goal = ApplyScene.Goal(scene=scene_to_msg(CATALOGUE.scene(ids)))
        handle = self.result(self.action.send_goal_async(goal), "acceptance")
        return self.result(handle.get_result_async(), "the scene", 30).result

    def begin(self):
        """The nominal scene, everything well."""
        self.bare.frozen = None
        # the picture of before may show the nominal scene already: there is nothing to be seen then
        self.operator.instead = really_done_at_last
        self.twin.set_scene(NOMINAL)
        self.operator._present = {}  # it took back what was not done
        assert self.apply().error_code == 0
        self.operator.instead = lambda request: None
        self.operator.asked.clear()


@pytest.fixture(scope="module")
def only_cell(module_domain):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in module_domain.items():
            patch.setenv(name, value)
        made = Cell(module_domain)
        yield made
        made.close()


@pytest.fixture
def cell(only_cell):
    only_cell.begin()
    return only_cell


def changes_asked(cell):
    return [a for a in cell.operator.asked if a.kind in CHANGES]


def test_a_change_that_is_made_is_asked_once_and_measured(cell):
    for name in ("cube_color_green", "light_dim", "table_color_blue", "distractor_red_mug"):
        result = cell.apply(name)
        assert result.error_code == 0, result.error_msg
        facts = facts_from_msg(result.facts)
        assert (facts["change_verified"], facts["change_asked"]) == ("yes", 1), facts
    assert facts["gained_red"] > 0.006
    assert cell.apply().error_code == 0


@pytest.mark.parametrize(
    ("name", "made", "doubt"),
    [
        ("cube_color_green", None, "I see no change."),
        ("table_color_red", (), "The table still looks white, not red."),
        ("light_dim", (), "The light looks as before."),
        ("cube_color_green", ("cube_color_blue",), "does not look green"),
        ("distractor_red_mug", (), "I do not see the red mug."),
    ],
)
def test_what_is_not_seen_is_asked_again_until_it_is_made(cell, name, made, doubt):
    def first_wrong(request):
        if "really done" in request.instruction:
            return None  # now it is made
        if made is not None:
            cell.twin.set_scene(Scene(tuple(CATALOGUE[i] for i in made)))
        return Answer.DONE

    cell.operator.instead = first_wrong
    result = cell.apply(name)
    assert result.error_code == 0, result.error_msg
    wait_for(lambda: len(changes_asked(cell)) == 2, "both requests", 5)
    assert doubt in changes_asked(cell)[1].instruction
    facts = facts_from_msg(result.facts)
    assert (facts["change_verified"], facts["change_asked"]) == ("yes", 2)


def test_a_person_who_insists_is_believed_and_that_is_kept(cell):
    def insists(request):
        return Answer.REALLY_DONE if "really done" in request.instruction else Answer.DONE

    cell.operator.instead = insists
    result = cell.apply("cube_heavy")
    assert result.error_code == 0
    assert facts_from_msg(result.facts)["change_verified"] == "really done"


def test_a_camera_that_is_frozen_over_a_change_is_no_change_that_was_not_made(cell):
    def freezes(request):
        cell.bare.freeze()

    cell.operator.instead = freezes
    result = cell.apply("light_dark")
    assert result.error_code == result.CELL_FAULT and "frozen" in result.error_msg
    cell.bare.frozen = None
    cell.operator.instead = lambda request: None


def test_nobody_is_sent_into_a_cell_whose_camera_is_broken(cell):
    cell.bare.freeze()
    wait_for(lambda: cell.bare.count_subscribers(f"{PLACE}/camera/image_raw"), "the node", 5)
    asked = []

    def mends(request):
        asked.append((RequestKind(request.kind), request.instruction))
        if request.kind == RequestKind.RECOVER_ROBOT:
            cell.bare.frozen = None
            return Answer.DONE
        return None

    cell.operator.instead = mends
    time.sleep(1.5)
    assert cell.apply("light_dim").error_code == 0
    assert asked[0][0] is RequestKind.RECOVER_ROBOT and "frozen" in asked[0][1]
