# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A label that a person gives while the rollout runs: it ends the rollout, and counts."""

import math
import threading
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.task import Future

from robomd_msgs.action import LabelOutcome
from robomd_ros.core.trial import Outcome, Result
from robomd_ros.ros.conversions import outcome_from_msg, outcome_to_msg
from robomd_ros.ros.runtime import cancel_late

_PATIENCE = 2.0
"""s for the question to be withdrawn: who puts the label's question afterwards needs it gone."""
_RUNNING = outcome_to_msg(Outcome(Result.UNKNOWN, duration=math.nan))


class EarlyLabel:
    """Lets a person label a rollout that runs; used once, on the campaign's thread of the cell."""

    def __init__(
        self,
        client: ActionClient,
        ask: Callable[[Callable[[], Future]], Future],
        instruction: str,
        end_rollout: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            client: of the cell's label_outcome.
            ask: runs a question on the thread that spins the node.
            instruction: what the policy was told to do.
            end_rollout: ends the rollout soon; from any thread.
        """
        self._client = client
        self._ask = ask
        self._goal = LabelOutcome.Goal(instruction=instruction, outcome=_RUNNING)
        self._end_rollout = end_rollout
        self._lock = threading.Lock()
        self._handle: Any = None
        self._ended = threading.Event()
        self._over = False
        self._outcome: Outcome | None = None

    def begin(self) -> None:
        """Put the question, where somebody puts questions to a person."""
        if not self._client.server_is_ready():
            self._ended.set()
            return
        sent = self._ask(lambda: self._client.send_goal_async(self._goal))
        sent.add_done_callback(self._on_accepted)

    def end(self) -> Outcome | None:
        """The rollout is over: withdraw the question.

        Returns:
            What a person said while it ran; None if nobody said anything.
        """
        with self._lock:
            self._over, handle = True, self._handle
        if handle is not None and not self._ended.is_set():
            self._ask(handle.cancel_goal_async)
            self._ended.wait(_PATIENCE)
        return self._outcome

    def _on_accepted(self, future: Future) -> None:
        with self._lock:
            late = self._over
            handle = None if future.exception() is not None else future.result()
            if handle is None or not handle.accepted:
                self._ended.set()
                return
            self._handle = handle
        if late:
            cancel_late(future)
            return
        self._ask(handle.get_result_async).add_done_callback(self._on_result)

    def _on_result(self, future: Future) -> None:
        try:
            if future.exception() is not None:
                return
            result = future.result().result
            if result.error_code in (LabelOutcome.Result.NONE, LabelOutcome.Result.INVALID):
                outcome = outcome_from_msg(result.outcome)
                if outcome.result is not Result.UNKNOWN:
                    self._outcome = outcome
                    self._end_rollout()
        except ValueError:
            return  # no outcome that anybody could read: the question is put again afterwards
        finally:
            self._ended.set()
