# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The order in which a person may reach into a cell: the arm rests, holds nothing and is home."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future
from std_srvs.srv import Trigger

from robomd_ros.core.errors import CellFault
from robomd_ros.core.operator.desk import Answer, Answered, Request, RequestKind
from robomd_ros.nodes.homing import Homing
from robomd_ros.nodes.motion_lease import LeaseRefused, MotionLease
from robomd_ros.nodes.robot_watch import RobotWatch, sentence
from robomd_ros.ros.cell_state import COUNT_DOWN, CellStatePublisher
from robomd_ros.ros.runtime import Ticker, unless

REACHING = (
    RequestKind.APPLY_SCENE,
    RequestKind.RESTORE_NOMINAL,
    RequestKind.RECOVER_ROBOT,
    RequestKind.RELEASE_OBJECT,
)
"""What a person reaches into the cell for."""
_PATIENCE = 5.0
"""s that a rollout or a motion gets to end before a person is asked to reach in."""
_TOLD_LATE = 0.7
"""s after an arm has come to rest until what its gripper holds is known for sure."""
_REST = 3.0
"""s within which a locked arm must have come to rest."""
_HEARD = 0.3
"""s that the news that nobody is inside may take to whoever moves the arm."""
_HOME_LIMIT, _HOME_ATTEMPTS, _HOME_PAUSE = 60.0, 3, 0.5
"""s for the way home; how often it is tried, and s between: an arm that has stopped may swing."""
_OPENING, _SETTING_DOWN = 15.0, 90.0
"""s for the gripper to open, and for the arm to lower, open and lift."""
_LOWER = (
    "The gripper holds an object. Stay out and answer done: the arm lowers it until it meets "
    "something, opens, and goes up and home. "
)
_TAKE = "Or hold it with your hand and answer open: the gripper opens, and nothing else moves."
_HOLD = (
    "The gripper holds an object. Hold the object with your hand, then answer open: the gripper "
    "opens, and nothing else moves."
)
_ACTIVE = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)

Ask = Callable[[Request, Callable[[], bool]], Awaitable[Answered | None]]


@dataclass(frozen=True)
class Told:
    """How a person is told what comes.

    Attributes:
        announce: says in a sentence that the arm may move at a Unix time, s; 0: no more.
        countdown: s between an answer and the first motion.
    """

    announce: Callable[[str, float], None]
    countdown: float


class CellOrder:
    """Locks the cell while a person is asked to reach in, and brings it into order before.

    Locked means: `cell_state` says that a person is inside, and whoever moves the arm refuses to.
    It is locked from before the request is shown until it was answered and a count-down is over; a
    request that nobody answered leaves it locked, for nobody has said that the cell is empty.
    """

    def __init__(
        self, node: Node, ticker: Ticker, state: CellStatePublisher, robot: RobotWatch, told: Told
    ) -> None:
        """Connect the pieces; the cell is locked, for nothing is known of it.

        Args:
            node: the perturbation node.
            ticker: of the node.
            state: tells whether somebody is inside.
            robot: whether it is ready, where it is, and what it holds.
            told: how a person is told what comes.
        """
        self._node = node
        self._ticker = ticker
        self._state = state
        self._robot = robot
        self._told = told
        self._answered = False
        self._executing = False
        self._lease = MotionLease(node, ticker)
        self._homing = Homing(node, ticker, self._lease)
        self._opener = node.create_client(Trigger, "open_gripper")
        self._setter = node.create_client(Trigger, "set_down")
        node.create_subscription(
            GoalStatusArray,
            "execute_policy/_action/status",
            self._on_executed,
            qos_profile_action_status_default,
        )
        state.lock("nobody has said yet that the cell is empty")

    async def settled(self) -> bool:
        """Whether what runs has ended: waited for some seconds, for a rollout may be ending.

        A status that a dead executor has left counts no longer than that, if the arm rests.
        """
        await self._until(lambda: not self._executing and not self._robot.moving, _PATIENCE)
        self._executing = self._executing and self._robot.moving
        return not self._robot.moving

    async def restore(self, ask: Ask, announced: bool = False) -> None:
        """Robot ready, nothing held, home; a person is asked where that takes one.

        Args:
            ask: asks the person, between `lock` and `answered`; raises where there is no answer.
            announced: somebody was told just now that the arm moves.
        """
        await self._recover(ask)
        if (
            self._robot.away
        ):  # it may have stopped just now: whether it holds something is told late
            await self._until(lambda: not self._robot.moving, _PATIENCE)
            await self._until(lambda: False, _TOLD_LATE)
        announced = await self._release(ask) or announced
        await self._bring_home(ask, announced)

    async def lock(self, kind: RequestKind) -> None:
        """Before a person is asked to reach in: lock the cell, and see the arm rest."""
        self._answered = False
        self._state.lock(f"a person is asked to reach in ({kind.name})")
        if not await self._until(lambda: not self._robot.moving, _REST):
            raise CellFault(
                f"the arm still moves {_REST:g} s after the cell was locked; stop it at the "
                "pendant, and see who moves it"
            )

    def answered(self) -> None:
        """The person has answered, and will step back."""
        self._answered = True

    async def step_back(self) -> None:
        """Unlock the cell after the count-down, if the last request was answered."""
        if not self._answered:
            return
        self._answered = False
        await self._count_down()
        self._state.unlock()

    async def _count_down(self) -> None:
        seconds = self._told.countdown
        if not seconds:
            return
        text = f"The arm may move in {seconds:g} s: stay out of the cell."
        self._told.announce(text, time.time() + seconds)
        if self._state.newest.person_inside:
            self._state.lock(f"{COUNT_DOWN}{text}")
        await self._until(lambda: False, seconds)
        self._told.announce("", 0.0)

    async def _recover(self, ask: Ask) -> None:
        robot = self._robot
        if robot.problem():
            await robot.mend_itself()
        while problem := robot.problem():
            text = (
                f"The robot is not ready: {problem} Do what is needed at the robot and its "
                "pendant, step back, then answer: the recovery runs when you have answered."
            )
            request = Request(kind=RequestKind.RECOVER_ROBOT, instruction=text)
            if await ask(request, lambda: not robot.problem()):
                await self.step_back()
                await robot.recover()

    async def _release(self, ask: Ask) -> bool:
        """Have what the gripper holds set down, or taken by a person; whether the arm moved."""
        problem, moved = "", False
        while self._robot.holds_object:
            lowers = bool(self._setter.service_is_ready())
            text = f"{problem}{_LOWER if lowers else ''}{_TAKE if lowers else _HOLD}"
            request = Request(kind=RequestKind.RELEASE_OBJECT, instruction=text)
            said = await ask(request, lambda: not self._robot.holds_object)
            if said is not None and said.answer is Answer.DONE and lowers:
                reason = await self._set_down()
                moved = not reason
                problem = sentence(f"It was not set down: {reason}") + " "
                await self._recover(ask)
                continue
            moved = False
            if said is None or said.answer is not Answer.OPEN_GRIPPER:
                problem = "It still holds something. "
                continue
            if reason := await self._open_gripper():
                problem = sentence(f"The gripper did not open: {reason}") + " "
                continue
            text = "The gripper is open. Take the object out, step back, then answer done."
            await ask(Request(kind=RequestKind.RELEASE_OBJECT, instruction=text), lambda: False)
        await self.step_back()
        return moved

    async def _set_down(self) -> str:
        """Have the arm lower, open and lift, now that the person is out; why not, empty if so."""
        await self.step_back()
        await self._until(lambda: False, _HEARD)
        answer = await unless(
            self._ticker, self._setter.call_async(Trigger.Request()), _after(_SETTING_DOWN)
        )
        if answer is None:
            self._homing.stop()
            return f"{self._setter.srv_name} gave no answer within {_SETTING_DOWN:g} s"
        await self._until(lambda: not self._robot.holds_object, _TOLD_LATE)
        return "" if answer.success else str(answer.message)

    async def _open_gripper(self) -> str:
        """Have the executor open the gripper; why it did not, empty if it did."""
        if not self._opener.service_is_ready():
            return f"nobody offers {self._opener.srv_name}; open it at the pendant"
        answer = await unless(
            self._ticker, self._opener.call_async(Trigger.Request()), _after(_OPENING)
        )
        if answer is None:
            return f"{self._opener.srv_name} gave no answer within {_OPENING:g} s"
        await self._until(lambda: not self._robot.holds_object, 2.0)
        return "" if answer.success else str(answer.message)

    async def _bring_home(self, ask: Ask, announced: bool) -> None:
        """Home, where the arm says that it is elsewhere."""
        while self._robot.away:
            reason = "nobody has said that the cell is empty."
            if not self._state.newest.person_inside:
                if not announced:
                    await self._count_down()
                reason = await self._go_home()
            if not reason:
                return
            text = (
                f"The arm is not home but {self._robot.position}: {sentence(reason)} See that its "
                "way home is free, step back, then answer done: it goes home."
            )
            request = Request(kind=RequestKind.RECOVER_ROBOT, instruction=text)
            if await ask(request, lambda: not self._robot.away):
                await self.step_back()
                announced = True
                if self._robot.problem():
                    await self._robot.recover()

    async def _go_home(self) -> str:
        """Move home; why the arm is not there, empty if it is."""
        await self._until(lambda: False, _HEARD)
        reason = ""
        for _ in range(_HOME_ATTEMPTS):
            try:
                await self._lease.take("")
                reason = await self._homing.go(_HOME_LIMIT, lambda: bool(self._robot.problem()))
            except LeaseRefused as refused:
                reason = str(refused)
            finally:
                self._lease.give_back()
            if await self._until(lambda: not self._robot.away, _HOME_PAUSE):
                return ""
            if self._robot.problem():
                return self._robot.problem()
        return reason or "it went home, but does not say that it is there"

    async def _until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Wait until something is true; whether it is."""
        over = _after(limit)
        if not condition():
            waiting = Future(executor=self._node.executor)
            await unless(self._ticker, waiting, lambda: condition() or over())
        return condition()

    def _on_executed(self, message: GoalStatusArray) -> None:
        self._executing = any(status.status in _ACTIVE for status in message.status_list)


def _after(seconds: float) -> Callable[[], bool]:
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit
