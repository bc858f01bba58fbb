# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How what the gripper holds is released before a person reaches in: set down, or taken."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import stays
from std_srvs.srv import Trigger
from test_perturbation_node import PLACE, Perturbation, Result

from robomd_msgs.msg import CampaignStatus, CellState, OperatorRequest, RobotStatus
from robomd_ros.core.campaign.repeats import LIMIT, Repeats
from robomd_ros.core.operator.desk import Answer
from robomd_ros.ros.qos import LATCHED


class Holding(Perturbation):
    """A cell whose arm holds something, away from home; its services say what they were asked."""

    def start(self, *services):
        self.called, self.refuses = [], ""
        self.states = []
        self.client.create_subscription(
            CellState, f"{PLACE}/cell_state", self.states.append, LATCHED
        )
        self.statuses = self.client.create_publisher(RobotStatus, f"{PLACE}/robot_status", LATCHED)
        self.status = RobotStatus(ready=True, position="12 cm from home", holds_object=True)
        for name in services:
            self.client.create_service(Trigger, f"{PLACE}/{name}", self._service(name))
        super().start(backend="operator", reset_instruction="Put it back.")
        self.tell()

    def tell(self, **changes):
        for name, value in changes.items():
            setattr(self.status, name, value)
        self.statuses.publish(self.status)

    def _service(self, name):
        def called(_request, response):
            self.called.append((name, self.states[-1].person_inside))
            response.success, response.message = not self.refuses, self.refuses
            if response.success and name != "home":
                self.tell(holds_object=False)
            elif response.success:
                self.tell(position="at home", at_home=True)
            return response

        return called

    def next(self, before=0):
        """The request that is open next, of another number."""
        wait_for(lambda: self.requests[-1].request_id not in (0, before), "a request", 10)
        return self.requests[-1]


@pytest.fixture
def cell(domain):
    cell = Holding(domain)
    yield cell
    cell.close()


def test_done_lets_the_arm_set_it_down_when_nobody_is_inside(cell):
    cell.start("set_down", "open_gripper", "home")
    handle = cell.send()
    asked = cell.asked()
    assert asked.kind == OperatorRequest.RELEASE_OBJECT and asked.holds_object
    assert "answer done: the arm lowers it" in asked.instruction
    assert "answer open" in asked.instruction
    assert stays(lambda: not cell.called, 0.3)  # nothing moves before somebody has answered
    assert cell.answer(asked, Answer.DONE).accepted
    scene = cell.next(asked.request_id)
    assert scene.kind == OperatorRequest.RESTORE_NOMINAL and scene.arm_position == "at home"
    assert cell.called == [("set_down", False), ("home", False)]
    assert cell.answer(scene, Answer.DONE).accepted
    assert cell.end(handle).result.error_code == Result.NONE


def test_where_it_could_not_be_set_down_it_is_asked_again_with_the_reason(cell):
    cell.start("set_down", "open_gripper", "home")
    cell.refuses = "nothing was met on the way down"
    cell.send()
    asked = cell.asked()
    assert cell.answer(asked, Answer.DONE).accepted
    again = cell.next(asked.request_id)
    assert again.kind == OperatorRequest.RELEASE_OBJECT
    assert "It was not set down: nothing was met on the way down." in again.instruction
    assert cell.called == [("set_down", False)]
    cell.refuses = ""
    assert cell.answer(again, Answer.OPEN_GRIPPER).accepted  # held by a person instead
    taken = cell.next(again.request_id)
    assert "Take the object out" in taken.instruction
    assert cell.called[1:] == [("open_gripper", True)]
    assert cell.answer(taken, Answer.DONE).accepted
    wait_for(lambda: cell.called[2:] == [("home", False)], "the way home", 10)


def test_an_arm_that_sets_nothing_down_moves_for_no_answer(cell):
    cell.start("open_gripper", "home")
    cell.send()
    asked = cell.asked()
    assert "lowers" not in asked.instruction
    assert cell.answer(asked, Answer.DONE).accepted
    again = cell.next(asked.request_id)
    assert "It still holds something." in again.instruction
    assert cell.called == []


def test_a_cell_that_rests_is_given_to_a_person_and_goes_on_when_it_is_mended(cell):
    resumed, repeats = [], Repeats()
    statuses = cell.client.create_publisher(CampaignStatus, "/robomd/campaign_status", LATCHED)
    cell.client.create_service(
        Trigger, "/robomd/resume", lambda _, response: resumed.append(1) or response
    )
    cell.start("recover", "home")
    cell.tell(holds_object=False, position="at home", at_home=True)
    for n in range(LIMIT):
        repeats.invalid("cell_0", f"payload is {n}.0, and was 0.9 at the first trial")
    statuses.publish(CampaignStatus(message=f"plan; {repeats.describe()}"))
    asked = cell.asked()
    assert asked.kind == OperatorRequest.RECOVER_ROBOT
    assert "payload is 2.0, and was 0.9" in asked.instruction
    assert cell.states[-1].person_inside
    statuses.publish(CampaignStatus(message=repeats.describe()))  # it is asked once
    assert cell.answer(asked, Answer.DONE).accepted
    wait_for(lambda: resumed, "the campaign to go on", 10)
    assert cell.called == [("recover", False)]
    statuses.publish(CampaignStatus(message=""))
    assert stays(lambda: not cell.requests[-1].request_id, 0.3)
    statuses.publish(CampaignStatus(message=repeats.describe()))  # again, and somebody resumes
    again = cell.next(asked.request_id)
    assert again.kind == OperatorRequest.RECOVER_ROBOT
    statuses.publish(CampaignStatus(message=""))
    wait_for(lambda: not cell.requests[-1].request_id, "the end of the request", 10)
    assert len(resumed) == 1
