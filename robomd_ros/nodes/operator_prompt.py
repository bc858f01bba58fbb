# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The terminal front end of a cell's operator requests."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rich.console import Console
from std_srvs.srv import Trigger

from robomd_msgs.msg import CampaignStatus, CellState, OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.operator.desk import HEARD, Answer, Request, RequestKind
from robomd_ros.core.operator.words import Relabel, word_of
from robomd_ros.core.wording import counted, lasting
from robomd_ros.ros.cell_state import counting_down
from robomd_ros.ros.conversions import request_from_msg
from robomd_ros.ros.node_parameters import PromptParameters
from robomd_ros.ros.parameters import campaign_namespace, declare
from robomd_ros.ros.qos import LATCHED
from robomd_ros.ros.runtime import main_of
from robomd_ros.terminal.conversation import Begun, Conversation
from robomd_ros.terminal.keyboard import Keyboard
from robomd_ros.terminal.prompt_screen import PromptScreen
from robomd_ros.terminal.request_text import name_of

_CAMPAIGN = ("pause", "resume", "stop")
_IN_TMUX = (
    "A connection that breaks ends this prompt, not the campaign. Begin it in tmux to come back "
    "to it:\n  tmux new -A -s robomd"
)


class OperatorPrompt(Node):
    """Shows what is asked at a cell and sends what is typed; run it in the cell's namespace.

    There is no default answer: an empty line repeats the request, `?` explains the answers. A line
    belongs to the request for which it was begun; dangerous words ask back. Any number of front
    ends may run; one that was too slow is told so.

    Parameters:
        campaign_namespace (string): whose pause, resume, stop and relabel_trial are reached at any
            time; empty: the one above the node's own.

    Subscriptions:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now.
        cell_state (robomd_msgs/CellState, latched): the count-down until the arm may move.
        <campaign_namespace>/campaign_status (robomd_msgs/CampaignStatus, latched): how far it is.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): called with the answer.
        <campaign_namespace>/pause (std_srvs/Trigger): called while nothing is asked.
        <campaign_namespace>/resume (std_srvs/Trigger): called when typed.
        <campaign_namespace>/stop (std_srvs/Trigger): called while nothing is asked.
        <campaign_namespace>/relabel_trial (robomd_msgs/RelabelTrial): called when typed.
    """

    def __init__(
        self, show: Callable[[str], None] | None = None, keyboard: bool = True, **kwargs: Any
    ) -> None:
        """Prepare.

        Args:
            show: prints a text for the person; unless given, a screen of its own does.
            keyboard: read the keyboard; else somebody calls `take` with what is typed, and sets
                `discard` and `ring`.
            kwargs: of the node.
        """
        super().__init__("operator_prompt", **kwargs)
        values = declare(self, PromptParameters)
        self._lock = threading.RLock()
        self._keyboard = Keyboard(self.take, self._draw, begun=self.begun) if keyboard else None
        self._screen = PromptScreen(Console(), self._typed) if show is None else None
        self._show = show or self._screen.show
        self.discard: Callable[[], str] = (
            self._keyboard.discard if self._keyboard is not None else lambda: ""
        )
        """Forgets the line being typed and returns it."""
        self.ring: Callable[[], None] = self._screen.ring if self._screen else lambda: None
        """Sounds the terminal's bell."""
        self._place = self.get_namespace().strip("/").rsplit("/", 1)[-1]
        width = (lambda: self._screen.width) if self._screen is not None else (lambda: 80)
        self._talk = Conversation(self._show, self, self._place, width)
        self._status: CampaignStatus | None = None
        self._sent: set[int] = set()  # requests that an answer is on its way to
        self._told = ""  # of the count-down
        self._operator = os.environ.get("USER", "")
        self._client = self.create_client(AnswerOperatorRequest, "answer_operator_request")
        campaign = campaign_namespace(self, values["campaign_namespace"])
        self._campaign: Mapping[str, Any] = {
            word: self.create_client(Trigger, f"{campaign}/{word}") for word in _CAMPAIGN
        }
        self._relabel = self.create_client(RelabelTrial, f"{campaign}/relabel_trial")
        self.create_subscription(OperatorRequest, "operator_request", self._on_request, LATCHED)
        self.create_subscription(CellState, "cell_state", self._on_state, LATCHED)
        self.create_subscription(
            CampaignStatus, f"{campaign}/campaign_status", self._on_status, LATCHED
        )

    @property
    def text(self) -> str:
        """What is asked now, for people; empty if nothing is."""
        return self._talk.text

    @property
    def labelling(self) -> bool:
        """Whether a label is asked: what the ranking says must not stand beside the question."""
        return self._talk.request.kind in (RequestKind.LABEL_OUTCOME, RequestKind.ROLLOUT_RUNS)

    def connect(self) -> None:
        """Start reading the keyboard."""
        if self._keyboard is not None:
            remote = os.environ.get("SSH_CONNECTION") and not os.environ.get("TMUX")
            if self._keyboard.is_terminal and remote and not os.environ.get("STY"):
                self._show(_IN_TMUX)
            self._keyboard.start()

    def close(self) -> None:
        """Give the terminal back."""
        if self._keyboard is not None:
            self._keyboard.close()

    def begun(self) -> Begun:
        """The mark of a line whose first key is typed now; from any thread."""
        return self._talk.begun()

    def take(self, line: str, begun: Begun | None = None) -> None:
        """Take what was typed, and when it was begun; from any thread."""
        with self._lock:
            self._talk.take(line, begun)

    def _typed(self) -> str:
        return self._keyboard.typed if self._keyboard is not None else ""

    def _draw(self) -> None:
        if self._screen is not None:
            self._screen.draw()

    def _on_request(self, message: OperatorRequest) -> None:
        request = request_from_msg(message)
        with self._lock:
            before = self._talk.request
            if request.number == before.number:
                return
            # if an answer of ours is on its way, its response tells whether it counted
            if before.number and before.number not in self._sent:
                self._show(self._closed_elsewhere(before, message.instruction))
            self._sent.discard(before.number)
            self._told = ""
            discarded = "" if self._talk.goes_on(request) else self.discard()
            self._talk.ask(request, self._progress(), discarded)

    def _on_state(self, message: CellState) -> None:
        """Tell the count-down: nothing is asked any more, and the arm does not move yet."""
        with self._lock:
            waits = message.person_inside and not self._talk.request.number
            told = counting_down(message) if waits else ""
            if told and told != self._told:
                self.ring()
                self._show(f"({told})")
            self._told = told

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
        done = f"{status.trials_done} of {counted(status.trials_budget, 'trial')} done"
        return f"{done}, {lasting(status.eta)} left." if status.eta > 0 else f"{done}."

    # What becomes of what is typed (Actions), under the lock

    def answer(self, request: Request, answer: Answer, tag: str) -> None:
        """Send an answer."""
        if not self._client.service_is_ready():
            self._show("The perturbation node is not there; your answer was not sent.")
            return
        number = request.number
        if answer not in HEARD:
            self._sent.add(number)
        call = AnswerOperatorRequest.Request(
            request_id=number, answer=int(answer), operator_name=self._operator, tag=tag
        )
        future = self._client.call_async(call)
        future.add_done_callback(lambda done: self._on_response(number, answer, done.result()))

    def control(self, command: str) -> None:
        """Pause, resume or stop the campaign."""
        client = self._campaign[command]
        if not client.service_is_ready():
            self._show(f"{client.srv_name} is not offered: no campaign to {command}.")
            return
        future = client.call_async(Trigger.Request())
        future.add_done_callback(lambda done: self._show(f"({done.result().message})"))

    def relabel(self, wish: Relabel) -> None:
        """Give an earlier trial another label."""
        if not self._relabel.service_is_ready():
            self._show(
                f"{self._relabel.srv_name} is not offered: no campaign runs. After its end: "
                "robomd relabel <folder> <trial> <label>"
            )
            return
        call = RelabelTrial.Request(
            index=wish.index,
            result=int(wish.result),
            tag=wish.tag,
            operator_name=self._operator,
        )

        def told(done: Any) -> None:
            response = done.result()
            if response.accepted:
                self._show(f"(trial {wish.index} is {wish.result.name} now)")
            else:
                self._show(f"Trial {wish.index} was not relabelled: {response.error_msg}")

        self._relabel.call_async(call).add_done_callback(told)

    def _on_response(self, number: int, answer: Answer, response: Any) -> None:
        word = word_of(answer)
        if not response.accepted:
            self._sent.discard(number)
            if response.error_code == response.ALREADY_ANSWERED:
                self._show(f"Your {word} came too late: {response.error_msg}.")
            else:
                self._show(f"Your {word} did not count: {response.error_msg}")
        elif answer is Answer.UNDO:
            self._show("The last label is taken back; its scene is asked again.")
        else:
            self._show(f"({word}: taken)")

    def _closed_elsewhere(self, request: Request, how: str) -> str:
        name = name_of(request, self._place)
        if request.kind is RequestKind.ROLLOUT_RUNS and not how:
            return "(the rollout has ended)"
        if 0.0 < request.deadline <= time.time():
            return f"{name} has lapsed: its time is over."
        return f"{name} is closed: {how or 'it is not needed any more'}."


def main() -> None:
    """Run the node."""
    main_of(OperatorPrompt)


if __name__ == "__main__":
    main()
