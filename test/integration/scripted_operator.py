# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A person at a cell as a program: does in the twin what is asked, judges, recovers, answers.

In a test: `ScriptedOperator(TwinClient(url), namespace="/robomd/cell_0")`, a node that needs an
executor. As a process: `python test/integration/scripted_operator.py --twin http://127.0.0.2:8080`.
"""

import argparse
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rclpy.node import Node

from robomd_msgs.msg import OperatorRequest, VariationCatalogue
from robomd_msgs.srv import AnswerOperatorRequest
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.operator.desk import Answer, RequestKind
from robomd_ros.core.variations import Scene, Variation
from robomd_ros.ros.conversions import variation_from_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.ros.runtime import run_node

_RETRY = 0.2
"""s between tries while the twin or the perturbation node is away."""


class Twin(Protocol):
    """What of a twin's client an operator needs."""

    def state(self) -> dict[str, Any]:
        """With `lifted` and `scene`."""
        ...

    def set_scene(self, variations: Any, *, seed: int | None = None) -> Any:
        """Put a scene in force, the objects at a start of this seed."""
        ...

    def clear(self, kind: str = "all") -> Any:
        """End faults."""
        ...


@dataclass(frozen=True)
class Asked:
    """A request that was answered: its kind, what was to be undone and made, and the answer."""

    number: int
    kind: RequestKind
    undo: tuple[str, ...]
    apply: tuple[str, ...]
    instruction: str
    answer: Answer


class ScriptedOperator(Node):
    """Answers every request of a cell; run it in the cell's namespace.

    It knows the changes from the requests alone, as a person does: a wrong difference puts a wrong
    scene in force.

    Attributes:
        asked: what was answered so far, in order.
        refused: messages of answers that did not count.
        instead: given a request, an answer to give instead of doing what is asked; None: do it.
        silent: while set, nothing is answered.
        lets_lower: the arm sets down what it holds; else the operator takes it out of the gripper.
    """

    def __init__(
        self,
        twin: Twin,
        *,
        delay: float = 0.0,
        instead: Callable[[OperatorRequest], Answer | None] = lambda request: None,
        diagnosis: str = "/robomd",
        operator: str = "script",
        **kwargs: Any,
    ) -> None:
        """Begin to listen.

        Args:
            twin: where changes are made and the outcome is seen.
            delay: how long the work takes at least, s.
            instead: see above.
            diagnosis: namespace of the diagnosis.
            operator: name in the answers.
            kwargs: of the node.
        """
        super().__init__("scripted_operator", **kwargs)
        self.asked: list[Asked] = []
        self.refused: list[str] = []
        self.instead = instead
        self.silent = threading.Event()
        self.lets_lower = False
        self._twin, self._delay, self._operator = twin, delay, operator
        self._catalogue: dict[str, Variation] = {}
        self._present: dict[str, Variation] | None = None
        self._seed = 0
        self._open = 0
        self._requests: queue.Queue[OperatorRequest | None] = queue.Queue()
        self._client = self.create_client(AnswerOperatorRequest, "answer_operator_request")
        self.create_subscription(
            VariationCatalogue, f"{diagnosis}/variation_catalogue", self._on_catalogue, LATCHED
        )
        self.create_subscription(OperatorRequest, "operator_request", self._on_request, LATCHED)
        self._thread = threading.Thread(target=self._work, name="operator", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Go home."""
        self._requests.put(None)
        self._open = -1
        self._thread.join(5.0)

    def _on_catalogue(self, message: VariationCatalogue) -> None:
        self._catalogue = {v.id: variation_from_msg(v) for v in message.variations}

    def _on_request(self, message: OperatorRequest) -> None:
        again = message.request_id == self._open
        self._open = message.request_id
        runs = message.kind == RequestKind.ROLLOUT_RUNS  # it judges what has ended
        if message.request_id and not again and not runs:
            self._requests.put(message)

    def _work(self) -> None:
        while (request := self._requests.get()) is not None:
            while self._is_open(request) and not self._serve(request):
                time.sleep(_RETRY)

    def _is_open(self, request: OperatorRequest) -> bool:
        return request.request_id == self._open

    def _serve(self, request: OperatorRequest) -> bool:
        """Do what is asked and answer; False where it must be tried again."""
        if self.silent.is_set() or not self._client.service_is_ready():
            return False
        if self._delay:
            time.sleep(self._delay)
        try:
            answer = self.instead(request) or self._do(request)
        except RoboMDError as error:  # the twin is away
            self.get_logger().warning(str(error))
            return False
        call = AnswerOperatorRequest.Request(
            request_id=request.request_id, answer=int(answer), operator_name=self._operator
        )
        future = self._client.call_async(call)
        future.add_done_callback(lambda done: self._note(request, answer, done.result()))
        return True

    def _do(self, request: OperatorRequest) -> Answer:
        kind = RequestKind(request.kind)
        if kind is RequestKind.LABEL_OUTCOME:
            return Answer.SUCCESS if self._twin.state()["lifted"] else Answer.FAILURE
        if kind is RequestKind.RELEASE_OBJECT:
            by_hand = request.holds_object and not self.lets_lower
            return Answer.OPEN_GRIPPER if by_hand else Answer.DONE
        if kind is RequestKind.RECOVER_ROBOT:
            self._twin.clear("all")
            return Answer.DONE
        nominal = kind is RequestKind.RESTORE_NOMINAL
        present = {} if nominal else dict(self._in_force())
        for variation in request.undo:
            present.pop(variation.id, None)
        for variation in request.apply:
            present[variation.id] = variation_from_msg(variation)
        self._seed += 1
        self._twin.set_scene(Scene(tuple(present.values())), seed=self._seed)
        self._present = present
        return Answer.DONE

    def _in_force(self) -> dict[str, Variation]:
        """What was made so far; what the twin shows, if this program was just started."""
        if self._present is None:
            self._present = {i: self._catalogue[i] for i in self._twin.state()["scene"]}
        return self._present

    def _note(self, request: OperatorRequest, answer: Answer, response: Any) -> None:
        if not response.accepted:
            self.refused.append(response.error_msg)
            return
        undo, apply = ([v.id for v in part] for part in (request.undo, request.apply))
        kind = RequestKind(request.kind)
        self.asked.append(
            Asked(
                request.request_id,
                kind,
                tuple(undo),
                tuple(apply),
                request.instruction,
                answer,
            )
        )
        self.get_logger().info(
            f"{kind.name} undo {undo} apply {apply}: {answer.name}  {request.instruction}"
        )


def main() -> int:
    """Run as a process until a signal."""
    from sim_bridge.twin.client import TwinClient  # noqa: PLC0415 - tests bring their own

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--twin", default="http://127.0.0.2:8080", help="control url of the twin")
    parser.add_argument("--cell", default="cell_0")
    parser.add_argument("--delay", type=float, default=0.0, help="s that the work takes at least")
    options = parser.parse_args()
    arguments = ["--ros-args", "-r", f"__ns:=/robomd/{options.cell}"]
    twin = TwinClient(options.twin)
    return run_node(lambda: ScriptedOperator(twin, delay=options.delay), arguments)


if __name__ == "__main__":
    sys.exit(main())
