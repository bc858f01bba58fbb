# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who does what next: requests, lanes, attempts and the budget of a campaign. No threads here."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import numpy as np

from robomd_ros.core.campaign.config import CampaignConfig
from robomd_ros.core.campaign.control import ControlArm
from robomd_ros.core.campaign.trial_log import Purpose, TrialRecord, TrialRequest, trial_of
from robomd_ros.core.errors import RelabelError
from robomd_ros.core.operator.work import WorkLedger, cheapest
from robomd_ros.core.search.search import Asked, Search
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import NOMINAL, Catalogue, Scene


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
        told: the search has had an outcome of it, which was taken back since.
        postponed: other scenes come first.
    """

    request: TrialRequest
    scene: Scene
    trials: int = 0
    faults: int = 0
    losses: int = 0
    cell: str = ""
    told: bool = False
    postponed: bool = False

    @property
    def of_search(self) -> bool:
        """Whether the search waits for its outcome."""
        return self.request.purpose is Purpose.SEARCH and not self.told


class Dispatcher:
    """Hands out jobs so that exactly `budget` trials become valid.

    A job that is queued for another try keeps its place in the budget, so no more are started
    than can count. Invalid jobs are tried again up to `max_attempts` times, elsewhere if there is
    another cell; then they are dropped.

    With `order_by_cost`, of several jobs that could come next the one that is the least work for
    the person at the cell does. All of them come in the end.

    The unchanged scene is tried first and again and again (ControlArm); the search is told of
    these trials as of any that it did not ask for, and never as of an action of its own. They
    count as valid trials of the budget.
    """

    def __init__(
        self,
        config: CampaignConfig,
        catalogue: Catalogue,
        search: Search,
        order_by_cost: bool,
    ) -> None:
        self._config = config
        self._order_by_cost = order_by_cost
        self.work = WorkLedger(catalogue)
        """What the scenes asked so far were of work."""
        self._catalogue = catalogue
        self._search = search
        self._queue: list[Job] = []
        self._running: list[Job] = []
        self._homes: dict[str, int] = {}
        self._requests = 0
        self._confirmations = 0
        self._repetitions: Counter[frozenset[str]] = Counter()
        self.control = ControlArm(config)
        """The unchanged scene's trials."""
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
    def under_way(self) -> int:
        """Trials in flight, and those that wait for another try: each has a place in the budget."""
        return len(self._running) + len(self._queue)

    def reconfigure(self, config: CampaignConfig) -> None:
        """Go on with another budget or confidence."""
        self._config = self.control.config = config

    @property
    def dropped_in_a_row(self) -> int:
        """Requests given up since the last valid trial."""
        return self._dropped_in_a_row

    def restore(
        self,
        records: Sequence[TrialRecord],
        dropped: Mapping[int, str],
        first_labels: Mapping[int, Result],
    ) -> tuple[list[Asked], list[Trial]]:
        """Go on from a log whose trials have all ended.

        Requests that are neither served nor dropped are queued first, with their attempts anew.

        Args:
            records: all trials.
            dropped: requests that were given up.
            first_labels: of trials whose label was changed, the one that the search was told.

        Returns:
            The asks of the search in their order with what it was told, and the other labelled
            trials that it has seen. Labels that were changed are among both: the search keeps
            what it learned from them.
        """
        served = {r.request.number: r for r in records if r.outcome and r.outcome.valid}
        requests = {r.request.number: r.request for r in records}
        self._requests = max(requests, default=-1) + 1
        self.valid, self.invalid = len(served), len(records) - len(served)
        asked: list[Asked] = []
        others: list[Trial] = []
        labelled = dict(self._labelled(records, first_labels))
        for number, request in sorted(requests.items()):
            trials = labelled.get(number, [])
            scene = self._catalogue.scene(request.scene)
            self._note(request.purpose, scene)
            if request.purpose is Purpose.CONTROL and number in served:
                self.control.add(trial_of(served[number], self._catalogue).outcome)
            if request.purpose is Purpose.SEARCH:
                first, trials = (trials[0] if trials else None), trials[1:]
                asked.append(Asked(request.lane, scene, first, number in dropped))
            others += trials
            if number not in served and number not in dropped:
                tries = sum(r.request.number == number for r in records)
                self._queue.append(Job(request, scene, tries, told=number in labelled))
        for record in records:
            scene = self._catalogue.scene(record.request.scene)
            self.work.ask(record.cell, scene, record.asked_at)
            if record.outcome is not None and record.outcome.valid:
                self.work.ended(record.cell, record.outcome.duration, record.finished_at)
        return asked, others

    def _labelled(
        self, records: Sequence[TrialRecord], first_labels: Mapping[int, Result]
    ) -> Iterator[tuple[int, list[Trial]]]:
        """Per request, the trials that had a label, with that label, in their order."""
        found: dict[int, list[Trial]] = {}
        for record in records:
            trial = trial_of(record, self._catalogue)
            result = first_labels.get(record.trial_index)
            if result is not None:
                trial = replace(trial, outcome=replace(trial.outcome, result=result))
            if trial.outcome.valid:
                found.setdefault(record.request.number, []).append(trial)
        yield from found.items()

    def next_job(self, cell: str, others: bool, open_scenes: Sequence[Scene]) -> Job | None:
        """What this cell does next; None if nothing is to be done at present.

        Args:
            cell: name of the cell that is free.
            others: whether another cell could take a job that failed on this one.
            open_scenes: combinations worth a confirmation, the most valuable first.
        """
        ready = [j for j in self._queue if not j.postponed]
        job = self._first(cell, [j for j in ready if j.cell != cell or not others])
        if job is None and self.valid + len(self._running) + len(self._queue) < self._config.budget:
            job = self._new_job(cell, open_scenes)
        elif job is None and self._queue:
            job = self._first(cell, ready or self._queue)  # the other cell has had its chance
        if job is None:
            return None
        if job in self._queue:
            self._queue.remove(job)
        if job.of_search:
            self._homes[cell] = job.request.lane
        job.cell, job.trials, job.postponed = cell, job.trials + 1, False
        self._running.append(job)
        self.work.ask(cell, job.scene)
        return job

    def _new_job(self, cell: str, open_scenes: Sequence[Scene]) -> Job | None:
        """A request that was not made before; None while the unchanged scene is in doubt."""
        if wanted := self.control.first:
            pending = [j.request.purpose for j in (*self._queue, *self._running)]
            room = wanted > pending.count(Purpose.CONTROL)
            return self._job(Purpose.CONTROL, -1, NOMINAL) if room else None
        if self.control.due:
            return self._job(Purpose.CONTROL, -1, NOMINAL)
        return self._confirmation(open_scenes) or self._search_job(cell)

    def _first(self, cell: str, jobs: Sequence[Job]) -> Job | None:
        """The job that comes next; None if there is none."""
        if not jobs or not self._order_by_cost:
            return next(iter(jobs), None)
        return jobs[cheapest([job.scene for job in jobs], self.work, cell)]

    def succeeded(self, job: Job, trial: Trial) -> None:
        """The job has its valid trial."""
        self._running.remove(job)
        self.valid += 1
        self.work.ended(job.cell, trial.outcome.duration)
        self._dropped_in_a_row = 0
        if job.request.purpose is Purpose.CONTROL:
            self.control.add(trial.outcome)
        if job.of_search:
            self._search.tell(job.request.lane, trial)
        else:
            self._search.observe(trial)

    def relabelled(self, before: TrialRecord, outcome: Outcome) -> None:
        """A trial has another label than `before`.

        What became INVALID is queued again; what a person had declared invalid serves its request.

        Raises:
            RelabelError: that request is being tried again at this moment, or was given up.
        """
        valid = before.outcome is not None and before.outcome.valid
        if outcome.valid and not valid:
            self._counts_again(replace(before, outcome=outcome))
        elif valid and not outcome.valid:
            self.valid -= 1
            self.invalid += 1
            scene = self._catalogue.scene(before.request.scene)
            self._queue.append(Job(before.request, scene, before.attempt, told=True))
        if before.request.purpose is Purpose.CONTROL:
            if before.outcome is not None and valid:
                self.control.add(before.outcome, by=-1)
            if outcome.valid:
                self.control.add(outcome)

    def _counts_again(self, record: TrialRecord) -> None:
        number = record.request.number
        job = next((j for j in self._queue if j.request.number == number), None)
        if job is None:
            running = any(j.request.number == number for j in self._running)
            why = "is being tried again now" if running else "was given up"
            raise RelabelError(
                f"the scene of trial {record.trial_index} {why}; the trial stays INVALID"
            )
        self._queue.remove(job)
        self.valid += 1
        self.invalid -= 1
        trial = trial_of(record, self._catalogue)
        if job.of_search:
            self._search.tell(job.request.lane, trial)
        elif not job.told:
            self._search.observe(trial)

    def failed(self, job: Job, lost: bool, skipped: bool = False) -> bool:
        """The job's trial was invalid.

        Args:
            job: of the trial.
            lost: the cell went away. The first time that is not held against the scene; a scene
                that takes one cell after the other with it is.
            skipped: the operator cannot make the scene now.

        Returns:
            Whether the job is dropped; else it is queued again.
        """
        self._running.remove(job)
        self.invalid += 1
        if lost and not job.losses:
            job.losses += 1
        else:
            job.faults += 1
        job.postponed = skipped
        if job.faults < self._config.max_attempts:
            self._queue.append(job)
            return False
        self._dropped_in_a_row += 1
        if job.of_search:
            self._search.drop(job.request.lane)
        return True

    def interrupted(self, job: Job) -> None:
        """The job's trial was broken off; it keeps its place."""
        self._running.remove(job)
        self._queue.append(job)

    def _search_job(self, cell: str) -> Job:
        lane = self._free_lane(cell)
        if self._order_by_cost:
            scene = self._search.ask(lane, partial(self.work.cost, cell))
        else:
            scene = self._search.ask(lane)
        return self._job(Purpose.SEARCH, lane, scene)

    def _confirmation(self, open_scenes: Sequence[Scene]) -> Job | None:
        """One at a time: its outcome may make the next one needless.

        Their share is one of the trials so far, so that a larger budget goes on with the same.
        """
        limit = int(self._config.confirmation_share * (self._requests + 1))
        pending = (j.request.purpose for j in (*self._queue, *self._running))
        if not open_scenes or self._confirmations >= limit or Purpose.CONFIRMATION in pending:
            return None
        return self._job(Purpose.CONFIRMATION, -1, open_scenes[0])

    def _job(self, purpose: Purpose, lane: int, scene: Scene) -> Job:
        number = self._requests
        self._requests += 1
        seed = trial_seed(self._config.seed, scene, self._repetitions[scene.key])
        self._note(purpose, scene)
        return Job(TrialRequest(number, purpose, lane, scene.ids, seed), scene)

    def _note(self, purpose: Purpose, scene: Scene) -> None:
        """A request was made."""
        self._repetitions[scene.key] += 1
        self._confirmations += purpose is Purpose.CONFIRMATION
        self.control.ask(nominal=not scene.key)

    def _free_lane(self, cell: str) -> int:
        """The cell's own lane, so that its scene goes on there; else one that nobody uses."""
        busy = {j.request.lane for j in (*self._queue, *self._running) if j.of_search}
        home = self._homes.get(cell)
        if home is not None and home not in busy:
            return home
        taken = busy | {lane for name, lane in self._homes.items() if name != cell}
        return next(lane for lane in count() if lane not in taken)


def trial_seed(campaign_seed: int, scene: Scene, repetition: int) -> int:
    """The seed of a request's trials, [0, 2^31): the same whenever and wherever they run.

    It depends on the scene and on how often that was asked before, and on nothing else: two
    policies with the same campaign seed meet the same starts in the same scenes, whatever their
    searches ask in between.
    """
    digest = hashlib.sha256("\n".join(sorted(scene.key)).encode()).digest()
    words = np.frombuffer(digest[:16], dtype="<u4").tolist()
    state = np.random.SeedSequence([campaign_seed, 1, *words, repetition]).generate_state(1)
    return int(state[0]) >> 1


def nominal_seed(campaign_seed: int) -> int:
    """The seed of the nominal picture, [0, 2^31)."""
    return int(np.random.SeedSequence([campaign_seed, 2]).generate_state(1)[0]) >> 1
