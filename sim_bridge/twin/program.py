# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A running script: its threads, its variables, and the operations that its translation needs."""

import operator
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from sim_bridge.twin.motion import ScriptPose
from sim_bridge.twin.translate import MAIN, translate
from sim_bridge.twin.urscript import ScriptError, select_version

Steps = Generator[None, None, Any]

_LOOPS_PER_CYCLE = 20_000
_MOST_THREADS = 50
_CAUGHT = (
    *(ScriptError, ArithmeticError, AttributeError, LookupError, NameError, RecursionError),
    *(RuntimeError, TypeError, ValueError),
)
_INT_LIMIT = 2**31


@lru_cache(maxsize=16)
def compile_script(
    text: str, version: tuple[int, int], natives: frozenset[str], blocking: frozenset[str]
) -> CodeType:
    """The code of a script, kept for the next upload of the same text; ScriptError as translate."""
    return translate(select_version(text, version), natives, blocking)


class Program:
    """One script in execution.

    Threads run in the order in which they were started, each until it needs the next control cycle;
    a critical section keeps the others out until it is left.
    """

    def __init__(
        self,
        code: CodeType,
        natives: Mapping[str, Callable[..., Any]],
    ) -> None:
        """Prepare the main thread; nothing of the script runs yet."""
        self._loops = 0
        self._current = 0
        self._critical = 0
        self._next_handle = 1
        self._threads: dict[int, Steps] = {}
        names: dict[str, Any] = {"__builtins__": {}}
        names.update({f"n_{name}": function for name, function in natives.items()})
        names.update(_OPERATIONS)
        names.update(
            o_loop=self._loop,
            o_run=self._run,
            o_kill=self._kill,
            o_join=self._join,
            o_halt=self._halt,
            o_enter_critical=self._enter,
            o_exit_critical=self._exit,
        )
        exec(code, names)  # noqa: S102 - require_harmless has seen the whole tree
        self._main = self._run(names[MAIN]())

    def cycle(self) -> bool:
        """Let every thread take one step.

        Returns:
            Whether the program still runs; it ends with its main thread.

        Raises:
            ScriptError: the script did what ends it.
        """
        self._loops = 0
        done: set[int] = set()
        while True:
            waiting = [handle for handle in self._threads if handle not in done]
            if not waiting:
                return True
            handle = waiting[0]
            done.add(handle)
            if self._critical and self._critical != handle:
                continue
            if not self._step(handle) and handle == self._main:
                self.close()
                return False

    def close(self) -> None:
        """End all threads."""
        for steps in self._threads.values():
            steps.close()
        self._threads.clear()

    def _step(self, handle: int) -> bool:
        self._current = handle
        try:
            next(self._threads[handle])
        except StopIteration:
            self._forget(handle)
            return False
        except _CAUGHT as error:
            raise ScriptError(f"{type(error).__name__}: {error}") from error
        return True

    def _forget(self, handle: int) -> None:
        self._threads.pop(handle, None)
        if self._critical == handle:
            self._critical = 0

    # operations

    def _loop(self) -> None:
        self._loops += 1
        if self._loops > _LOOPS_PER_CYCLE:
            raise ScriptError("a loop of the script never waits for the next control cycle")

    def _run(self, steps: Steps) -> int:
        if len(self._threads) >= _MOST_THREADS:
            raise ScriptError(f"more than {_MOST_THREADS} threads")
        handle = self._next_handle
        self._next_handle += 1
        self._threads[handle] = steps
        return handle

    def _kill(self, handle: int) -> None:
        if handle == self._current:
            raise ScriptError("a thread cannot kill itself")
        steps = self._threads.get(handle)
        if steps is not None:
            steps.close()
            self._forget(handle)

    def _join(self, handle: int) -> Steps:
        while handle in self._threads and handle != self._current:
            yield

    def _halt(self) -> None:
        raise ScriptError("the script halted")

    def _enter(self) -> None:
        self._critical = self._current

    def _exit(self) -> None:
        self._critical = 0


def _number(value: Any) -> Any:
    if type(value) is not int and not isinstance(value, float):  # truth values are no numbers
        raise ScriptError(f"a number is needed; got a {type(value).__name__}")
    return value


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(left: Any, right: Any) -> Any:
        result = function(_number(left), _number(right))
        if type(result) is int and not -_INT_LIMIT <= result < _INT_LIMIT:
            raise ScriptError(f"a whole number left the range of 32 bits: {result}")
        return result

    return calculate


def _pose(*values: Any) -> ScriptPose:
    return ScriptPose(float(_number(value)) for value in values)


def _list(*values: Any) -> list[Any]:
    """A list literal: numbers, texts, or rows of numbers; nothing deeper, which could explode."""
    for value in values:
        if isinstance(value, list) and any(isinstance(part, list) for part in value):
            raise ScriptError("lists can be nested twice, not deeper")
    return list(values)


def _set(target: Any, index: Any, value: Any) -> None:
    if not isinstance(target, list) or isinstance(value, list):
        raise ScriptError("only an element of a list can be set, and only to a single value")
    target[index] = value


def _copy(value: Any) -> Any:
    return type(value)(value) if isinstance(value, list) else value


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "o_add": _arithmetic(operator.add),
    "o_subtract": _arithmetic(operator.sub),
    "o_multiply": _arithmetic(operator.mul),
    "o_divide": _arithmetic(operator.truediv),
    "o_modulo": _arithmetic(operator.mod),
    "o_negative": lambda value: -_number(value),
    "o_pose": _pose,
    "o_copy": _copy,
    "o_list": _list,
    "o_set": _set,
}
