"""Who does what next: requests, lanes, attempts and the budget of a campaign. No threads here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from robomd_ros.core.config import CampaignConfig
from robomd_ros.core.search.search import Asked, Search
from robomd_ros.core.trial import Trial
from robomd_ros.core.trial_log import Purpose, Request, TrialRecord
from robomd_ros.core.variations import Catalogue, Scene


@dataclass
class Job:
    """A request that needs a valid trial.

    Attributes:
        request: what is wanted.
        scene: the request's scene.
        trials: how many trials were spent on it so far.
        faults: how many of them count against it.
        losses: how many of them ended because their cell was lost.
        cell: where it was tried last; "" nowhere.
    """

    request: Request
    scene: Scene
    trials: int = 0
    faults: int = 0
    losses: int = 0
    cell: str = ""


class Dispatcher:
    """Hands out jobs so that exactly `budget` trials become valid.

    A job that is queued for another try keeps its place in the budget, so no more are started
    than can count. Invalid jobs are tried again up to `max_attempts` times, elsewhere if there is
    another cell; then they are dropped.
    """

    def __init__(self, config: CampaignConfig, catalogue: Catalogue, search: Search) -> None:
        self._config = config
        self._catalogue = catalogue
        self._search = search
        self._queue: list[Job] = []
        self._running: list[Job] = []
        self._homes: dict[str, int] = {}
        self._requests = 0
        self._confirmations = 0
        self._dropped_in_a_row = 0
        self.valid = 0
        """Valid trials so far."""
        self.invalid = 0
        """Invalid trials so far."""

    @property
    def running(self) -> int:
        """Trials in flight."""
        return len(self._running)

    @property
    def dropped_in_a_row(self) -> int:
        """Requests given up since the last valid trial."""
        return self._dropped_in_a_row

    def restore(
        self, records: Sequence[TrialRecord], dropped: Mapping[int, str]
    ) -> tuple[list[Asked], list[Trial]]:
        """Go on from a log whose trials have all ended.

        Requests that are neither served nor dropped are queued first, with their attempts anew.

        Returns:
            The asks of the search in their order, and the valid trials that it did not ask for.
        """
        served = {r.request.number: r for r in records if r.outcome and r.outcome.valid}
        requests = {r.request.number: r.request for r in records}
        self._requests = max(requests, default=-1) + 1
        self.valid, self.invalid = len(served), len(records) - len(served)
        asked: list[Asked] = []
        others: list[Trial] = []
        for number, request in sorted(requests.items()):
            record = served.get(number)
            trial = trial_of(record, self._catalogue) if record else None
            scene = self._catalogue.scene(request.scene)
            if request.purpose is Purpose.SEARCH:
                asked.append(Asked(request.lane, scene, trial, number in dropped))
            else:
                self._confirmations += 1
                others += [trial] if trial else []
            if trial is None and number not in dropped:
                tries = sum(r.request.number == number for r in records)
                self._queue.append(Job(request, scene, tries))
        return asked, others

    def next_job(self, cell: str, others: bool, open_scenes: Sequence[Scene]) -> Job | None:
        """What this cell does next; None if nothing is to be done at present.

        Args:
            cell: name of the cell that is free.
            others: whether another cell could take a job that failed on this one.
            open_scenes: combinations worth a confirmation, the most valuable first.
        """
        job = next((j for j in self._queue if j.cell != cell or not others), None)
        if job is None and self.valid + len(self._running) + len(self._queue) < self._config.budget:
            job = self._confirmation(open_scenes) or self._search_job(cell)
        elif job is None and self._queue:
            job = self._queue[0]  # the other cell has had its chance
        if job is None:
            return None
        if job in self._queue:
            self._queue.remove(job)
        if job.request.purpose is Purpose.SEARCH:
            self._homes[cell] = job.request.lane
        job.cell, job.trials = cell, job.trials + 1
        self._running.append(job)
        return job

    def succeeded(self, job: Job, trial: Trial) -> None:
        """The job has its valid trial."""
        self._running.remove(job)
        self.valid += 1
        self._dropped_in_a_row = 0
        if job.request.purpose is Purpose.SEARCH:
            self._search.tell(job.request.lane, trial)
        else:
            self._search.observe(trial)

    def failed(self, job: Job, lost: bool) -> bool:
        """The job's trial was invalid.

        Args:
            job: of the trial.
            lost: the cell went away. The first time that is not held against the scene; a scene
                that takes one cell after the other with it is.

        Returns:
            Whether the job is dropped; else it is queued again.
        """
        self._running.remove(job)
        self.invalid += 1
        if lost and not job.losses:
            job.losses += 1
        else:
            job.faults += 1
        if job.faults < self._config.max_attempts:
            self._queue.append(job)
            return False
        self._dropped_in_a_row += 1
        if job.request.purpose is Purpose.SEARCH:
            self._search.drop(job.request.lane)
        return True

    def interrupted(self, job: Job) -> None:
        """The job's trial was broken off; it keeps its place."""
        self._running.remove(job)
        self._queue.append(job)

    def _search_job(self, cell: str) -> Job:
        lane = self._free_lane(cell)
        scene = self._search.ask(lane)
        return self._job(Purpose.SEARCH, lane, scene)

    def _confirmation(self, open_scenes: Sequence[Scene]) -> Job | None:
        """One at a time: its outcome may make the next one needless."""
        limit = int(self._config.confirmation_share * self._config.budget)
        pending = (j.request.purpose for j in (*self._queue, *self._running))
        if not open_scenes or self._confirmations >= limit or Purpose.CONFIRMATION in pending:
            return None
        self._confirmations += 1
        return self._job(Purpose.CONFIRMATION, -1, open_scenes[0])

    def _job(self, purpose: Purpose, lane: int, scene: Scene) -> Job:
        number = self._requests
        self._requests += 1
        seed = trial_seed(self._config.seed, number)
        return Job(Request(number, purpose, lane, scene.ids, seed), scene)

    def _free_lane(self, cell: str) -> int:
        """The cell's own lane, so that its scene goes on there; else one that nobody uses."""
        busy = {j.request.lane for j in (*self._queue, *self._running)}
        home = self._homes.get(cell)
        if home is not None and home not in busy:
            return home
        taken = busy | {lane for name, lane in self._homes.items() if name != cell}
        return next(lane for lane in count() if lane not in taken)


def trial_seed(campaign_seed: int, request: int) -> int:
    """The seed of a request's trials, [0, 2^31): the same whenever and wherever they run."""
    state = np.random.SeedSequence([campaign_seed, 1, request]).generate_state(1)
    return int(state[0]) >> 1


def nominal_seed(campaign_seed: int) -> int:
    """The seed of the nominal picture, [0, 2^31)."""
    return int(np.random.SeedSequence([campaign_seed, 2]).generate_state(1)[0]) >> 1


def trial_of(record: TrialRecord, catalogue: Catalogue) -> Trial:
    """A finished trial of the log, without its picture."""
    if record.outcome is None:
        raise ValueError(f"trial {record.trial_index} has not ended")
    return Trial(
        record.trial_index,
        record.cell,
        catalogue.scene(record.request.scene),
        record.request.seed,
        record.outcome,
        image_path=record.image_path,
    )
