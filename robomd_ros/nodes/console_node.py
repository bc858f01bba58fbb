# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The console for the hand: what is asked at a cell, as one page on a phone beside the arm."""

import os
from typing import Any

from rclpy.node import Node
from rich.console import Console
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robomd_msgs.msg import CampaignStatus, CellState, OperatorRequest
from robomd_msgs.msg import Trial as TrialMsg
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.console.access import is_local, own_addresses
from robomd_ros.console.board import Board
from robomd_ros.console.needs import check_console
from robomd_ros.console.qr import terminal_code
from robomd_ros.console.server import ConsoleServer, Told
from robomd_ros.core.operator.desk import Answer
from robomd_ros.core.operator.words import word_of
from robomd_ros.core.trial import Result
from robomd_ros.ros.cell_state import counting_down
from robomd_ros.ros.conversions import request_from_msg, status_from_msg, trial_from_msg
from robomd_ros.ros.node_parameters import ConsoleParameters
from robomd_ros.ros.parameters import campaign_namespace, declare
from robomd_ros.ros.qos import IMAGE_IN, LATCHED, TRIALS
from robomd_ros.ros.runtime import main_of, on_executor
from robomd_ros.ros.standard import image_from_msg
from robomd_ros.terminal.keyboard import Keyboard

_CONTROLS = ("pause", "resume", "stop")
_LOOK = 1.0
"""s between looks at who is there."""
_OPEN_TO_ALL = (
    "console_host:={host} opens the console to everybody in this network: nobody answers without "
    "the code below, but what is sent is not encrypted. Use it in a network that you trust only."
)


class ConsoleNode(Node):
    """Serves the requests of a cell as one page; run it in the cell's namespace.

    The page is opened by the QR code on the terminal, whose code is good once. Any number of front
    ends may run: the first answer counts, and the others say who gave it. A page that is cut off
    holds nothing. Enter on the node's terminal prints a new code, for another phone.

    Parameters:
        host (string): address to listen on; 127.0.0.1: this machine only.
        port (int): likewise; 0: any that is free.
        campaign_namespace (string): whose pause, resume and stop are called; empty: the one above
            the node's own.

    Subscriptions:
        operator_request (robomd_msgs/OperatorRequest, latched): what is asked now.
        cell_state (robomd_msgs/CellState, latched): the count-down until the arm may move.
        camera/image_raw (sensor_msgs/Image, sensor data): shown now and before.
        <campaign_namespace>/campaign_status (robomd_msgs/CampaignStatus, latched): how far it is.
        <campaign_namespace>/trials (robomd_msgs/Trial, reliable, depth 50): whose labels may be
            corrected.

    Services:
        answer_operator_request (robomd_msgs/AnswerOperatorRequest): called with the answer.
        stop_motion (std_srvs/Trigger): called by the red button.
        <campaign_namespace>/pause (std_srvs/Trigger): called.
        <campaign_namespace>/resume (std_srvs/Trigger): called.
        <campaign_namespace>/stop (std_srvs/Trigger): called.
        <campaign_namespace>/relabel_trial (robomd_msgs/RelabelTrial): called.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("console_node", **kwargs)
        values = declare(self, ConsoleParameters)
        self._host = values["host"]
        check_console(self._host)
        place = self.get_namespace().strip("/").rsplit("/", 1)[-1]
        self._operator = os.environ.get("USER", "")
        self.board = Board(place)
        self.server = ConsoleServer(self.board, self, self._host, values["port"])
        self._keyboard: Keyboard | None = None
        campaign = campaign_namespace(self, values["campaign_namespace"])
        self._answers = self.create_client(AnswerOperatorRequest, "answer_operator_request")
        self._relabel = self.create_client(RelabelTrial, f"{campaign}/relabel_trial")
        self._triggers = {
            name: self.create_client(Trigger, f"{where}{name}")
            for where, names in (("", ("stop_motion",)), (f"{campaign}/", _CONTROLS))
            for name in names
        }
        self.create_subscription(OperatorRequest, "operator_request", self._on_request, LATCHED)
        self.create_subscription(CellState, "cell_state", self._on_state, LATCHED)
        self.create_subscription(Image, "camera/image_raw", self._on_image, IMAGE_IN)
        self.create_subscription(
            CampaignStatus,
            f"{campaign}/campaign_status",
            lambda message: self.board.campaign(status_from_msg(message)),
            LATCHED,
        )
        self.create_subscription(TrialMsg, f"{campaign}/trials", self._on_trial, TRIALS)
        self.create_timer(_LOOK, self._look)

    def connect(self) -> None:
        """Listen, and print the code.

        Raises:
            ConfigurationError: the address cannot be used.
        """
        self.server.start()
        if not is_local(self._host):
            self.get_logger().warning(_OPEN_TO_ALL.format(host=self._host))
        self.show_code()
        self._keyboard = Keyboard(lambda *_: self.show_code())
        if self._keyboard.is_terminal:
            self._keyboard.start()

    def close(self) -> None:
        """End; pages see that the line is cut."""
        if self._keyboard is not None:
            self._keyboard.close()
        self.server.close()

    def show_code(self) -> None:
        """Print a new code; the one before is good no more."""
        address = (
            f"http://{self._reached_at()}:{self.server.port}/enter#{self.server.access.new_code()}"
        )
        console = Console(highlight=False)
        console.print(terminal_code(address), soft_wrap=True)
        console.print(
            f"The console of {self.board.cell}, good for one phone:\n{address}",
            soft_wrap=True,
        )

    def _reached_at(self) -> str:
        if self._host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
            return str(self._host)
        return next(iter(own_addresses()), "127.0.0.1")

    # What comes in

    def _on_request(self, message: OperatorRequest) -> None:
        self.board.ask(request_from_msg(message))

    def _on_state(self, message: CellState) -> None:
        asked = bool(self.board.request.number)
        self.board.wait("" if asked else counting_down(message))

    def _on_trial(self, message: TrialMsg) -> None:
        if message.cell == self.board.cell:
            self.board.trial(trial_from_msg(message))

    def _on_image(self, message: Image) -> None:
        try:
            self.board.look(image_from_msg(message))
        except ValueError as error:
            self.get_logger().warning(f"camera/image_raw: {error}", throttle_duration_sec=60.0)

    def _look(self) -> None:
        self.board.presence(
            self._answers.service_is_ready(), self._triggers["stop_motion"].service_is_ready()
        )

    # What goes out (Hand), on the server's thread

    def answer(self, number: int, answer: Answer, name: str, tag: str, told: Told) -> None:
        """Answer a request."""
        word = word_of(answer)
        if not self._answers.service_is_ready():
            told(False, f"the perturbation node is not there: {word} was not sent")
            return
        call = AnswerOperatorRequest.Request(
            request_id=number,
            answer=int(answer),
            operator_name=self._by(name),
            tag=tag,
        )

        def done(future: Any) -> None:
            response = future.result()
            if response.accepted:
                told(True, f"{word}: taken")
            elif response.error_code == response.ALREADY_ANSWERED:
                told(False, f"your {word} came too late: {response.error_msg}")
            else:
                told(False, f"your {word} did not count: {response.error_msg}")

        on_executor(self, lambda: self._answers.call_async(call)).add_done_callback(done)

    def control(self, what: str, told: Told) -> None:
        """`stop_motion` of the arm; `pause`, `resume`, `stop` of the campaign."""
        client = self._triggers[what]
        if not client.service_is_ready():
            told(False, f"{client.srv_name} is not offered; nothing was told")
            return

        def done(future: Any) -> None:
            response = future.result()
            told(response.success, response.message or f"{what.replace('_', ' ')}: done")

        question = Trigger.Request()
        on_executor(self, lambda: client.call_async(question)).add_done_callback(done)

    def relabel(self, index: int, result: Result, name: str, told: Told) -> None:
        """Give an earlier trial another label."""
        if not self._relabel.service_is_ready():
            told(False, f"{self._relabel.srv_name} is not offered: no campaign runs")
            return
        call = RelabelTrial.Request(index=index, result=int(result), operator_name=self._by(name))

        def done(future: Any) -> None:
            response = future.result()
            if response.accepted:
                self.board.relabelled(index, result)
                told(True, f"trial {index} is {result.name} now")
            else:
                told(False, f"trial {index} keeps its label: {response.error_msg}")

        on_executor(self, lambda: self._relabel.call_async(call)).add_done_callback(done)

    def _by(self, name: str) -> str:
        return f"{self._operator} ({name})".strip() if name else self._operator


def main() -> None:
    """Run the node."""
    main_of(ConsoleNode)


if __name__ == "__main__":
    main()
