# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The threads of a campaign: one per cell."""

import threading
import time
from collections.abc import Callable, Sequence

from robomd_ros.core.cell import Cell

Task = Callable[[], None]


class Crew:
    """Does in every cell what comes next there, until there is nothing any more.

    `busy` is shared: it is read and changed under the campaign's lock.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        lock: threading.Condition,
        next_task: Callable[[Cell], Task | None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Make the threads; `start` begins.

        Args:
            cells: one thread each.
            lock: the campaign's.
            next_task: blocks until there is something to do in this cell; None at the end.
            failed: is told what a task raised; that thread ends.
        """
        self._cells = tuple(cells)
        self._lock = lock
        self._next_task = next_task
        self._failed = failed
        self._threads = [self._thread(cell) for cell in self._cells]
        self.busy: set[str] = set()
        """Names of the cells that run something."""

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float) -> None:
        """Cancel what runs and wait for the threads; one that does not end in time is left alone.

        Args:
            timeout: s.
        """
        deadline = time.monotonic() + timeout
        while any(t.is_alive() for t in self._threads) and time.monotonic() < deadline:
            # Again and again: a trial that was about to start has missed the first time.
            self._cancel()
            for thread in filter(threading.Thread.is_alive, self._threads):
                thread.join(0.1)

    def _thread(self, cell: Cell) -> threading.Thread:
        name = f"cell-{cell.name}"
        return threading.Thread(target=self._work, args=(cell,), name=name, daemon=True)

    def _work(self, cell: Cell) -> None:
        try:
            while (task := self._next_task(cell)) is not None:
                task()
        except Exception as error:  # noqa: BLE001 (a thread's boundary; run() raises it)
            self._failed(error)

    def _cancel(self) -> None:
        with self._lock:
            busy = [cell for cell in self._cells if cell.name in self.busy]
        for cell in busy:
            cell.cancel()
