"""The terminal front end of a cell's operator requests."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from robomd_msgs.msg import OperatorRequest
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.operator import ANSWERS, Answer, RequestKind
from robomd_ros.qos import LATCHED
from robomd_ros.runtime import main_of


class OperatorPrompt(Node):
    """Shows what is asked at a cell and sends what is typed; run it in the cell's namespace.

    There is no default answer: an empty line repeats the request.

    Subscriptions:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): called with the answer.
    """

    def __init__(
        self, show: Callable[[str], None] | None = None, keyboard: bool = True, **kwargs: Any
    ) -> None:
        """Subscribe.

        Args:
            show: is given every text for the person; printed unless given.
            keyboard: read standard input; else whoever reads it calls `take`.
            **kwargs: of rclpy's Node.
        """
        super().__init__("operator_prompt", **kwargs)
        self._show = show or _print
        self._keyboard = keyboard
        self._request = OperatorRequest()
        self._operator = os.environ.get("USER", "")
        self._client = self.create_client(AnswerOperatorRequest, "answer_operator_request")
        self.create_subscription(OperatorRequest, "operator_request", self._on_request, LATCHED)

    def connect(self) -> None:
        """Start reading the keyboard."""
        if self._keyboard:
            threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    @property
    def text(self) -> str:
        """What is asked now, with the possible answers; empty if nothing is."""
        request = self._request
        return request_text(request) if request.request_id else ""

    def _on_request(self, message: OperatorRequest) -> None:
        closed = self._request.request_id and not message.request_id
        self._request = message
        self._show(request_text(message) if message.request_id else "(done)" if closed else "")

    def _read(self) -> None:
        for line in sys.stdin:
            self.take(line)

    def take(self, line: str) -> None:
        """Take a line that was typed; from any thread."""
        typed = line.strip().lower()
        request = self._request
        answer = parse_answer(typed, RequestKind(request.kind)) if request.request_id else None
        if answer is None:
            self._show(request_text(request) if request.request_id else "Nothing is asked now.")
            return
        if not self._client.service_is_ready():
            self._show("The perturbation node is not there; your answer was not sent.")
            return
        call = AnswerOperatorRequest.Request(
            request_id=request.request_id, answer=int(answer), operator_name=self._operator
        )
        self._client.call_async(call).add_done_callback(self._on_response)

    def _on_response(self, future: Any) -> None:
        response = future.result()
        if response is not None and not response.accepted:
            self._show(f"This answer did not count: {response.error_msg}")


def answers_of(kind: RequestKind) -> list[Answer]:
    """What may be typed for a request, in a fixed order."""
    return [*sorted(ANSWERS.get(kind, ())), Answer.PAUSE]


def parse_answer(typed: str, kind: RequestKind) -> Answer | None:
    """The answer that was typed (a whole word, or the start of exactly one); None if none was."""
    options = answers_of(kind)
    if not typed:
        return None
    found = [a for a in options if a.name.lower() == typed]
    found = found or [a for a in options if a.name.lower().startswith(typed)]
    return found[0] if len(found) == 1 else None


def request_text(request: OperatorRequest) -> str:
    """The request as numbered steps with the possible answers."""
    steps = [f"take back: {v.description}" for v in request.undo]
    steps += [v.description for v in request.apply]
    where = f" at {request.header.frame_id}" if request.header.frame_id else ""
    lines = [f"--- Request {request.request_id}{where}: {request.instruction}"]
    lines += [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    names = " / ".join(a.name.lower() for a in answers_of(RequestKind(request.kind)))
    return "\n".join([*lines, f"Type one of: {names}"])


def _print(text: str) -> None:
    if text:
        print(text, flush=True)  # noqa: T201 - this is the terminal front end


def main() -> None:
    """Run the node."""
    main_of(OperatorPrompt)


if __name__ == "__main__":
    main()
