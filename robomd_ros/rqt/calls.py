# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Service calls whose answers come later, or never."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from std_srvs.srv import Trigger

from robomd_ros.core.operator.desk import Answer
from robomd_ros.rqt.values import CallResult

_PATIENCE = {"recover": 90.0, "answer": 15.0}
"""s that a service may take where a robot, or the diagnosis behind it, works on it meanwhile."""
_USUAL_PATIENCE = 5.0


@dataclass
class _Pending:
    result: CallResult
    client: Any
    future: Any
    deadline: float


class Calls:
    """Sends calls and tells how each of them ended, once. Used on the node's executor."""

    def __init__(self, post: Callable[[str, Any], None]) -> None:
        """Args: post: is called with "call" and the CallResult."""
        self._post = post
        self._pending: list[_Pending] = []

    def trigger(self, cell: str, name: str, client: Any) -> None:
        """Call a std_srvs/Trigger."""
        result = CallResult(cell, name, ok=False, message="")

        def read(response: Any) -> CallResult:
            return replace(result, ok=response.success, message=response.message)

        self._send(result, client, Trigger.Request(), read)

    def answer(self, cell: str, request: Any, client: Any) -> None:
        """Call an AnswerOperatorRequest."""
        given = Answer(request.answer)
        result = CallResult(cell, "answer", False, "", number=request.request_id, answer=given)

        def read(response: Any) -> CallResult:
            return replace(
                result,
                ok=response.accepted,
                message=response.error_msg,
                code=response.error_code,
            )

        self._send(result, client, request, read)

    def expire(self, now: float) -> None:
        """Give up what nobody has answered in time; now in s of the steady clock."""
        late = [call for call in self._pending if call.deadline <= now]
        for call in late:
            self._pending.remove(call)
            call.client.remove_pending_request(call.future)
            reason = "no answer: the node that offers it may be gone; try again"
            self._post("call", replace(call.result, message=reason))

    def _send(
        self, result: CallResult, client: Any, request: Any, read: Callable[[Any], CallResult]
    ) -> None:
        if not client.service_is_ready():
            reason = f"{client.srv_name} is not offered now; nothing was sent"
            self._post("call", replace(result, message=reason))
            return
        deadline = time.monotonic() + _PATIENCE.get(result.name, _USUAL_PATIENCE)
        pending = _Pending(result, client, client.call_async(request), deadline)
        self._pending.append(pending)

        def done(future: Any) -> None:
            if pending in self._pending:
                self._pending.remove(pending)
                response = future.result()
                if response is not None:
                    self._post("call", read(response))

        pending.future.add_done_callback(done)
