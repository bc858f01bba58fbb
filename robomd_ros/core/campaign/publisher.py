# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells a campaign's listener what happens, on a thread of its own: no trial waits for it."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from robomd_ros.core.campaign.status import CampaignListener, CampaignStatus
from robomd_ros.core.campaign.stored import CampaignFolder
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.trial import Trial

Event = Callable[[], None]
MakeRanking = Callable[[], FailureRanking]
_CLOSING_TIME = 10.0
"""How long a listener may take for what is still due at the end, s."""
_REST = 4.0
"""Pause after a ranking, in times of what it took: one of a thousand variations takes a tenth of a
second, and the trials must not wait for the processor."""
_SHORTEST = 1.0
"""Time between two rankings at least, s: ranking.json is not written more often."""


class Publisher:
    """Tells everything in its order; of several rankings that are due only the newest is made.

    Rankings come at most once a second and take at most a fifth of the time, so that those of a
    large catalogue come less often; the last one is always told.

    Rankings are also written to ranking.json. If the listener or the disk raises, publishing ends
    and `failed` is called with the exception.
    """

    def __init__(
        self,
        folder: CampaignFolder,
        listener: CampaignListener | None,
        failed: Callable[[Exception], None],
    ) -> None:
        self._folder = folder
        self._listener = listener
        self._failed = failed
        self._change = threading.Condition()
        self._events: deque[Event] = deque()
        self._ranking: MakeRanking | None = None
        self._next_ranking = 0.0
        self._status: CampaignStatus | None = None
        self._closing = False
        self._broken = False
        self._thread = threading.Thread(target=self._loop, name="campaign-publisher", daemon=True)

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def status(self, status: CampaignStatus) -> None:
        """Tell the status if more than the time left has changed."""
        compared = replace(status, eta=0.0)
        if self._listener is not None and compared != self._status:
            self._status = compared
            self._post(partial(self._listener.on_status, status))

    def trial(self, trial: Trial, finished_at: float) -> None:
        """Tell a trial that has ended, Unix time in s."""
        if self._listener is not None:
            self._post(partial(self._listener.on_trial, replace(trial, image=None), finished_at))

    def ranking(self, make: MakeRanking) -> None:
        """Make and publish a ranking when nothing else is due, unless a newer one comes first."""
        with self._change:
            self._ranking = make
            self._change.notify()

    def close(self) -> None:
        """Tell what is due, and end."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(_CLOSING_TIME)

    def conclude(self, ranking: FailureRanking, status: CampaignStatus) -> None:
        """After `close`: tell the last ranking and status on the calling thread.

        Nothing is told to a listener that has raised, or is still busy with what came before.
        """
        if self._listener is not None and not self._broken and not self._thread.is_alive():
            self._listener.on_ranking(ranking)
            self._listener.on_status(status)

    def _post(self, event: Event) -> None:
        with self._change:
            self._events.append(event)
            self._change.notify()

    def _loop(self) -> None:
        try:
            while (event := self._next()) is not None:
                event()
        except Exception as error:  # noqa: BLE001 (a listener may raise anything; it is passed on)
            self._broken = True
            self._failed(error)

    def _next(self) -> Event | None:
        with self._change:
            while not (self._events or self._closing or self._ranking_due()):
                self._change.wait(self._pause())
            if self._events:
                return self._events.popleft()
            make, self._ranking = self._ranking, None
        return None if make is None else partial(self._publish_ranking, make)

    def _ranking_due(self) -> bool:
        return self._ranking is not None and self._next_ranking <= time.monotonic()

    def _pause(self) -> float | None:
        """How long a ranking must wait, s; None without one."""
        if self._ranking is None:
            return None
        return max(0.0, self._next_ranking - time.monotonic())

    def _publish_ranking(self, make: MakeRanking) -> None:
        begun = time.monotonic()
        ranking = make()
        self._folder.write_ranking(ranking.to_dict())
        if self._listener is not None:
            self._listener.on_ranking(ranking)
        now = time.monotonic()
        self._next_ranking = max(begun + _SHORTEST, now + _REST * (now - begun))
