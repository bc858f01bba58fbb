# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The terminal front end of a cell's operator requests."""

import os
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rich.console import Console
from std_srvs.srv import Trigger

from robomd_msgs.msg import CampaignStatus, OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.operator.desk import ANSWERS, HEARD, NUMBERS, Answer, RequestKind
from robomd_ros.core.wording import counted
from robomd_ros.ros.node_parameters import PromptParameters
from robomd_ros.ros.parameters import campaign_namespace, declare
from robomd_ros.ros.qos import LATCHED
from robomd_ros.ros.runtime import main_of
from robomd_ros.ros.standard import time_from_msg
from robomd_ros.terminal.keyboard import Keyboard
from robomd_ros.terminal.prompt_screen import PromptScreen

MEANINGS = {
    Answer.DONE: "it is done as asked",
    Answer.OPEN_GRIPPER: "you hold the object: open the gripper",
    Answer.SUCCESS: "the policy did the task",
    Answer.FAILURE: "the policy did not do the task",
    Answer.SKIP: "it cannot be done now: put the scene back as it was; other scenes come first",
    Answer.INVALID: "this trial does not count; its scene is asked again",
    Answer.UNDO: "the last label was wrong: that trial does not count and is asked again",
    Answer.PAUSE: "no new trial starts until you type resume; this request stays open",
    Answer.STOP: "end the campaign; the same command goes on with it later",
}
"""What the answers mean, in the order in which they are shown."""
_CAMPAIGN = ("pause", "resume", "stop")


class OperatorPrompt(Node):
    """Shows what is asked at a cell and sends what is typed; run it in the cell's namespace.

    There is no default answer: an empty line repeats the request, `?` explains the answers. Any
    number of front ends may run; one that was too slow is told so.

    Parameters:
        campaign_namespace (string): whose pause, resume and stop are reached at any time; empty:
            the one above the node's own.

    Subscriptions:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now.
        <campaign_namespace>/campaign_status (robomd_msgs/CampaignStatus, latched): how far it is.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): called with the answer.
        <campaign_namespace>/pause (std_srvs/Trigger): called while nothing is asked.
        <campaign_namespace>/resume (std_srvs/Trigger): called when typed.
        <campaign_namespace>/stop (std_srvs/Trigger): called while nothing is asked.
    """

    def __init__(
        self, show: Callable[[str], None] | None = None, keyboard: bool = True, **kwargs: Any
    ) -> None:
        """Prepare.

        Args:
            show: prints a text for the person; unless given, a screen of its own does.
            keyboard: read the keyboard; else somebody calls `take` with what is typed.
            kwargs: of the node.
        """
        super().__init__("operator_prompt", **kwargs)
        values = declare(self, PromptParameters)
        self.text = ""
        """What is asked now, for people; empty if nothing is."""
        self._keyboard = Keyboard(self.take, self._draw) if keyboard else None
        self._screen = PromptScreen(Console(), self._typed) if show is None else None
        self._show = show or self._screen.show
        self._request = OperatorRequest()
        self._status: CampaignStatus | None = None
        self._sent: set[int] = set()  # requests that an answer is on its way to
        self._operator = os.environ.get("USER", "")
        self._client = self.create_client(AnswerOperatorRequest, "answer_operator_request")
        campaign = campaign_namespace(self, values["campaign_namespace"])
        self._campaign = {
            word: self.create_client(Trigger, f"{campaign}/{word}") for word in _CAMPAIGN
        }
        self.create_subscription(OperatorRequest, "operator_request", self._on_request, LATCHED)
        self.create_subscription(
            CampaignStatus, f"{campaign}/campaign_status", self._on_status, LATCHED
        )

    def connect(self) -> None:
        """Start reading the keyboard."""
        if self._keyboard is not None:
            self._keyboard.start()

    def close(self) -> None:
        """Give the terminal back."""
        if self._keyboard is not None:
            self._keyboard.close()

    def take(self, line: str) -> None:
        """Take what was typed; from any thread."""
        word = line.strip().lower()
        request = self._request
        open_now = bool(request.request_id)
        answer = parse_answer(word, RequestKind(request.kind)) if open_now else None
        command = None if answer is not None else _command(word, open_now)
        if answer is not None:
            self._answer(request, answer)
        elif command is not None:
            self._control(command)
        elif word in ("?", "help"):
            self._show(meanings(RequestKind(request.kind)))
        elif open_now:
            unknown = f"{line.strip()!r} is no answer, or the start of several.\n" if word else ""
            self._show(unknown + self.text)
        else:
            self._show("Nothing is asked now. You may type: pause / resume / stop")

    def _typed(self) -> str:
        return self._keyboard.typed if self._keyboard is not None else ""

    def _draw(self) -> None:
        if self._screen is not None:
            self._screen.draw()

    def _on_request(self, message: OperatorRequest) -> None:
        before, self._request = self._request, message
        if message.request_id == before.request_id:
            return
        self.text = request_text(message) if message.request_id else ""
        # if an answer of ours is on its way, its response tells whether it counted
        if before.request_id and before.request_id not in self._sent:
            self._show(_closed_elsewhere(before))
        self._sent.discard(before.request_id)
        if message.request_id:
            self._show("\n".join(filter(None, (self._progress(), self.text))))

    def _on_status(self, message: CampaignStatus) -> None:
        before, self._status = self._status, message
        if before is not None and before.state == message.state:
            return
        if message.state == CampaignStatus.PAUSED:
            self._show("The campaign is paused: type resume to go on.")
        elif message.state in (
            CampaignStatus.FINISHED,
            CampaignStatus.STOPPED,
            CampaignStatus.FAILED,
        ):
            state = CampaignState(message.state).name.lower()
            self._show(f"The campaign has {state}. {message.message}")

    def _progress(self) -> str:
        """How far the campaign is; empty where another view tells it."""
        status = self._status
        if status is None or self._screen is None:
            return ""
        budget = counted(status.trials_budget, "trial")
        return f"({status.trials_done} of {budget}; {status.message})"

    def _answer(self, request: OperatorRequest, answer: Answer) -> None:
        if not self._client.service_is_ready():
            self._show("The perturbation node is not there; your answer was not sent.")
            return
        number = request.request_id
        if answer not in HEARD:
            self._sent.add(number)
        call = AnswerOperatorRequest.Request(
            request_id=number, answer=int(answer), operator_name=self._operator
        )
        future = self._client.call_async(call)
        future.add_done_callback(lambda done: self._on_response(number, answer, done.result()))

    def _on_response(self, number: int, answer: Answer, response: Any) -> None:
        if not response.accepted:
            self._sent.discard(number)
            if response.error_code == response.ALREADY_ANSWERED:
                self._show("Somebody else was faster: your answer did not count.")
            else:
                self._show(f"This answer did not count: {response.error_msg}")
        elif answer is Answer.UNDO:
            self._show("The last label is taken back; its scene is asked again.")
        else:
            self._show(f"({answer.name.lower()}: taken)")

    def _control(self, command: str) -> None:
        client = self._campaign[command]
        if not client.service_is_ready():
            self._show(f"{client.srv_name} is not offered: no campaign to {command}.")
            return
        future = client.call_async(Trigger.Request())
        future.add_done_callback(lambda done: self._show(f"({done.result().message})"))


def answers_of(kind: RequestKind) -> list[Answer]:
    """What may be typed for a request, in a fixed order."""
    allowed = ANSWERS.get(kind, frozenset()).union(HEARD)
    return [answer for answer in MEANINGS if answer in allowed]


def parse_answer(typed: str, kind: RequestKind) -> Answer | None:
    """The answer that was typed (a whole word, or the start of exactly one); None if none was."""
    names = {answer.name.lower(): answer for answer in answers_of(kind)}
    word = _matching(typed, names)
    return None if word is None else names[word]


def request_text(request: OperatorRequest) -> str:
    """The request as numbered steps, what is taken back first, with the possible answers."""
    steps = [f"take back: {v.description}" for v in request.undo]
    steps += [v.description for v in request.apply]
    lines = [f"--- {_name(request)}: {request.instruction}"]
    lines += [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    names = " / ".join(a.name.lower() for a in answers_of(RequestKind(request.kind)))
    return "\n".join([*lines, f"Type one of: {names}   (? explains them)"])


def meanings(kind: RequestKind) -> str:
    """What every answer to a request of this kind means."""
    answers = [a for a in answers_of(kind) if kind is not RequestKind.UNKNOWN]
    lines = [f"  {a.name.lower()}: {MEANINGS[a]}" for a in answers]
    return "\n".join([*lines, "  resume: go on after a pause"])


def _command(word: str, request_open: bool) -> str | None:
    """The wish about the campaign that was typed; a request hears pause and stop itself."""
    return _matching(word, ("resume",) if request_open else _CAMPAIGN)


def _matching(typed: str, words: Any) -> str | None:
    """The word that was typed, whole or its beginning; None if there is none, or several."""
    if not typed:
        return None
    found = [w for w in words if w == typed] or [w for w in words if w.startswith(typed)]
    return found[0] if len(found) == 1 else None


def _closed_elsewhere(request: OperatorRequest) -> str:
    deadline = time_from_msg(request.deadline)
    if 0.0 < deadline <= time.time():
        return f"{_name(request)} has lapsed: its time is over."
    return f"{_name(request)} is closed: somebody else answered, or it is not needed any more."


def _name(request: OperatorRequest) -> str:
    where = f" at {request.header.frame_id}" if request.header.frame_id else ""
    return f"Request {request.request_id % NUMBERS}{where}"


def main() -> None:
    """Run the node."""
    main_of(OperatorPrompt)


if __name__ == "__main__":
    main()
