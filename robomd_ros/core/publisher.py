"""Tells a campaign's listener what happens, on a thread of its own: no trial waits for it."""

import threading
from collections import deque
from collections.abc import Callable

from robomd_ros.core.ranking import FailureRanking

Event = Callable[[], None]
MakeRanking = Callable[[], FailureRanking]


class Publisher:
    """Runs events in order; of several rankings that are due only the newest is made.

    An event that raises ends the publishing: `failed` is called with the exception, once.
    """

    def __init__(
        self,
        publish_ranking: Callable[[FailureRanking], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._publish_ranking = publish_ranking
        self._failed = failed
        self._change = threading.Condition()
        self._events: deque[Event] = deque()
        self._ranking: MakeRanking | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="campaign-publisher", daemon=True)
        self._thread.start()

    def post(self, event: Event) -> None:
        """Run this after the events posted before."""
        with self._change:
            self._events.append(event)
            self._change.notify()

    def post_ranking(self, make: MakeRanking) -> None:
        """Make and publish a ranking when nothing else is due, unless a newer one comes first."""
        with self._change:
            self._ranking = make
            self._change.notify()

    def close(self, timeout: float) -> bool:
        """Publish what is due and end; whether all of it was published in time (s)."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        try:
            while (event := self._next()) is not None:
                event()
        except Exception as error:  # noqa: BLE001 (a listener may raise anything; it is passed on)
            self._failed(error)

    def _next(self) -> Event | None:
        with self._change:
            while not (self._events or self._ranking or self._closing):
                self._change.wait()
            if self._events:
                return self._events.popleft()
            make, self._ranking = self._ranking, None
        return None if make is None else lambda: self._publish_ranking(make())
