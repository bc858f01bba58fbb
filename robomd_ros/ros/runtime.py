# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How every node of this package starts, spins and ends."""

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from robomd_ros.core.errors import EXIT_CONFIGURATION, ConfigurationError, RoboMDError
from robomd_ros.core.hosted.parent import die_with_starter
from robomd_ros.terminal.output import print_what_can_be

EXIT_FAULT = 1
EXIT_CAMPAIGN = 3
"""Exit code of a diagnosis whose campaign failed: the message says what to do first."""
KEEP_SHORT = 2.0
"""s that results are kept where a campaign sends several goals a second."""
Value = TypeVar("Value")


def run_node(make: Callable[[], Node | Iterable[Node]], args: list[str] | None = None) -> int:
    """Initialise, make the node, call its `connect()` if it has one, spin, and clean up.

    A node that wants to end by itself sets `exit_code` and calls `rclpy.try_shutdown()`. After a
    signal the node still spins and talks while its `close()` runs.

    Args:
        make: makes the node, or one after the other those that share this process.
        args: the command line's arguments; None: this process's.

    Returns:
        The process's exit code: 0 after a shutdown by signal or wish, 2 for a refused
        configuration, 1 for another start-up error; errors are one line on stderr.
    """
    # rclpy's own handlers would shut the graph down before a running goal could be cancelled
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # noqa: BLE001 - rclpy raises classes of its C layer
        print(f"error: ROS 2 does not start: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION
    _on_signals(_interrupt)
    executor = SingleThreadedExecutor()
    nodes: list[Node] = []
    code = 0
    try:
        made = make()
        for node in (made,) if isinstance(made, Node) else made:
            nodes.append(node)
            executor.add_node(node)
        for node in nodes:
            getattr(node, "connect", lambda: None)()
        # an exception in the middle of a callback, or of rclpy itself, could leave either broken
        asked_to_end = threading.Event()
        _on_signals(lambda *_: asked_to_end.set())
        gc.freeze()  # all of this lives as long as the node: not to be gone through again and again
        with _woken_by_signals(executor):
            while rclpy.ok() and not asked_to_end.is_set():
                executor.spin_once()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RoboMDError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - logging may be gone
        code = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_FAULT
    finally:
        _on_signals(signal.SIG_IGN)  # a second Ctrl-C must not break the cleaning up
        code = code or max((int(getattr(node, "exit_code", 0)) for node in nodes), default=0)
        _close(nodes, executor)
        rclpy.try_shutdown()
    return code


def _interrupt(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _on_signals(handler: Any) -> None:
    with contextlib.suppress(ValueError):  # not on the main thread: whoever called handles them
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _woken_by_signals(executor: SingleThreadedExecutor) -> Iterator[None]:
    """A signal gives the executor something to do: while it waits, Python runs no handler.

    Python itself writes into a pipe that a signal has come; a thread that sleeps until then tells
    the executor. A node that is idle wakes up for nothing, and a signal is heeded at once.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def tell() -> None:
        while os.read(reading, 64):
            executor.create_task(lambda: None)
        os.close(reading)

    try:
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    except ValueError:  # not on the main thread: whoever called handles signals
        os.close(reading)
        os.close(writing)
        yield
        return
    threading.Thread(target=tell, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)


def _close(nodes: list[Node], executor: SingleThreadedExecutor) -> None:
    """Run each node's `close()` in a thread while all go on spinning; then destroy them."""
    for node in nodes:
        closing = threading.Thread(target=getattr(node, "close", lambda: None), name="close")
        closing.start()
        with contextlib.suppress(ExternalShutdownException):
            while closing.is_alive() and rclpy.ok():
                executor.spin_once(timeout_sec=0.05)
        closing.join()
    for node in nodes:
        node.destroy_node()


def main_of(make: Callable[[], Node | Iterable[Node]], args: list[str] | None = None) -> None:
    """Body of a node's `main()`; leaves at once, so that no library's exit handler can hang.

    The node ends with the process that started it, where that has said so: our bring-ups and
    launch files do; a node that a person starts in a shell outlives the shell.
    """
    die_with_starter()
    print_what_can_be()
    code = run_node(make, args)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def in_thread(node: Node, name: str, work: Callable[[], Value]) -> Future:
    """Run blocking work in a named thread; await the future in a callback of the node."""
    executor = node.executor
    future = Future(executor=executor)

    def target() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits the future
            future.set_exception(error)
        else:
            future.set_result(result)
        # a future does not wake the coroutine that awaits it: it would sleep until the next timer
        executor.wake()

    threading.Thread(target=target, name=name, daemon=True).start()
    return future


def on_executor(node: Node, question: Callable[[], Future]) -> Future:
    """Ask another node on the thread that spins this one, from whatever thread.

    An action client of rclpy notes what it has asked after it has sent it, in Jazzy without a lock:
    asked on another thread, an answer that comes in between is dropped, and nobody ever hears it.

    Args:
        node: whose executor spins.
        question: sends something and gives the future of its answer.

    Returns:
        A future of the same answer.
    """
    answer = Future()

    def hand_over(given: Future) -> None:
        error = given.exception()
        if error is None:
            answer.set_result(given.result())
        else:
            answer.set_exception(error)

    def ask() -> None:
        try:
            given = question()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
            answer.set_exception(error)
        else:
            given.add_done_callback(hand_over)

    node.executor.create_task(ask)
    return answer


class Ticker:
    """One timer of a node for all that wants to be called now and then.

    Making and destroying a timer for every goal costs a trial some ms; one that nobody needs
    rests, for every tick costs the node one. Used on the thread that spins the node.
    """

    def __init__(self, node: Node, period: float) -> None:
        """Prepare; period in s."""
        self.node = node
        self._callbacks: list[Callable[[], None]] = []
        self._timer = node.create_timer(period, self._tick, autostart=False)

    @contextlib.contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call it at every tick within this context; the first comes after a period."""
        if not self._callbacks:
            self._timer.reset()
        self._callbacks.append(callback)
        try:
            yield
        finally:
            self._callbacks.remove(callback)
            if not self._callbacks:
                with contextlib.suppress(InvalidHandle):  # the node has gone, and its timer with it
                    self._timer.cancel()

    def _tick(self) -> None:
        for callback in list(self._callbacks):
            callback()


async def unless(ticker: Ticker, future: Future, over: Callable[[], bool]) -> Any:
    """Await a future in a callback of the ticker's node, but no longer than until `over()`.

    Args:
        ticker: of the node whose executor runs the callback.
        future: of another node's answer, which may never come.
        over: asked at every tick whether to wait no longer.

    Returns:
        The future's result; None if it did not come in time.
    """
    first = Future(executor=ticker.node.executor)

    def settle(_future: Any = None) -> None:
        if not first.done() and (future.done() or over()):
            first.set_result(None)

    future.add_done_callback(settle)
    with ticker.calling(settle):
        await first
    return future.result() if future.done() else None


def cancel_late(future: Future) -> None:
    """Done callback: cancel a goal whose acceptance nobody waits for any more."""
    handle = future.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()


class OneGoalServer:
    """An action server that executes one goal at a time and rejects a second one.

    The execute callback is a coroutine; it runs on the node's executor, so it must await blocking
    work (see `in_thread`) instead of doing it.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        name: str,
        execute: Callable[[Any], Any],
        *,
        on_cancel: Callable[[], None] = lambda: None,
        accept: Callable[[Any], bool] = lambda goal: True,
        keep_result: float = 10.0,
    ) -> None:
        """Offer the action.

        Args:
            node: who offers it.
            action_type: the generated action class.
            name: relative action name.
            execute: coroutine function from a goal handle to the action's Result.
            on_cancel: called once when the running goal is asked to end.
            accept: whether a goal that finds the server free is accepted.
            keep_result: s that a result is kept for whoever asks late. Every status message, three
                for each goal, lists all goals whose results are kept: short where goals are many.
        """
        self._busy = False
        self._execute = execute
        self._on_cancel = on_cancel
        self._accept = accept
        self._log = node.get_logger()
        self._name = name
        self._server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=self._run,
            goal_callback=self._on_goal,
            cancel_callback=self._cancel,
            result_timeout=keep_result,
        )

    @property
    def busy(self) -> bool:
        """Whether a goal is being executed."""
        return self._busy

    def destroy(self) -> None:
        """Stop offering the action."""
        self._server.destroy()

    def _on_goal(self, goal: Any) -> GoalResponse:
        if self._busy:
            self._log.warning(f"{self._name}: a goal was rejected, another one is being executed")
            return GoalResponse.REJECT
        if not self._accept(goal):
            return GoalResponse.REJECT
        self._busy = True
        return GoalResponse.ACCEPT

    def _cancel(self, _handle: Any) -> CancelResponse:
        self._on_cancel()
        return CancelResponse.ACCEPT

    async def _run(self, handle: Any) -> Any:
        try:
            return await self._execute(handle)
        finally:
            self._busy = False


def finish(handle: Any, result: Any) -> Any:
    """End a goal: canceled if asked, aborted if the result has an error, else succeeded."""
    if handle.is_cancel_requested:
        handle.canceled()
    elif result.error_code:
        handle.abort()
    else:
        handle.succeed()
    return result
