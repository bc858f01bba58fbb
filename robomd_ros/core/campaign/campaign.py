# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The campaign loop: cells run trials, the search chooses, the evidence grows."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from robomd_ros.core.campaign.cell_pool import Attempt, CellPool, attempt
from robomd_ros.core.campaign.cell_reference import CellReferences
from robomd_ros.core.campaign.control import search_budget
from robomd_ros.core.campaign.crew import Crew, Task
from robomd_ros.core.campaign.dispatch import Dispatcher, Job
from robomd_ros.core.campaign.forecast import describe, past_trials
from robomd_ros.core.campaign.opening import Opening
from robomd_ros.core.campaign.parameters import DiagnosisParameters
from robomd_ros.core.campaign.publisher import Publisher
from robomd_ros.core.campaign.relabelling import relabel
from robomd_ros.core.campaign.repeats import Repeats
from robomd_ros.core.campaign.status import CampaignListener, CampaignState, CampaignStatus, Pace
from robomd_ros.core.campaign.stored import (
    CampaignFolder,
    StoredCampaign,
    open_campaign,
    read_campaign,
)
from robomd_ros.core.campaign.trial_log import TrialRecord, last_label, trial_of
from robomd_ros.core.cell import Cell
from robomd_ros.core.errors import CellFault, ConfigurationError, RelabelError
from robomd_ros.core.evidence.findings import Findings
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.evidence.rates import Counts
from robomd_ros.core.schema import default_of
from robomd_ros.core.search import Search, SearchContext, make_search
from robomd_ros.core.trial import Outcome, Result
from robomd_ros.core.variations import NOMINAL
from robomd_ros.core.wording import counted

if TYPE_CHECKING:  # torch is heavy
    from robomd_ros.core.embedding.unseen import Judge

__all__ = [
    "Campaign",
    "CampaignFolder",
    "CampaignListener",
    "CampaignState",
    "CampaignStatus",
    "StoredCampaign",
    "open_campaign",
    "read_campaign",
]

MAX_DROPS_IN_A_ROW = 5
"""So many requests without a valid trial, one after the other, end the campaign."""


class Campaign:
    """Runs the trials of one campaign folder on some cells until the budget or the order is done.

    One thread per cell; whatever is shared is under one lock. `run` blocks and may be called once;
    `pause`, `resume`, `stop` and `status` may be called from any thread.
    """

    def __init__(
        self,
        folder: CampaignFolder,
        cells: Sequence[Cell],
        listener: CampaignListener | None = None,
        search: Search | None = None,
        order_by_cost: bool = default_of(DiagnosisParameters, "order_by_cost"),
        poll_period: float = 0.2,
        stop_timeout: float = 1.5,
    ) -> None:
        """Connect the pieces; nothing runs yet.

        Args:
            folder: an open campaign folder; the caller closes it after `run`.
            cells: where trials run; the caller closes them after `run`.
            listener: is told what happens.
            search: the strategy; by default the one of the configuration.
            order_by_cost: people make the changes: of scenes that may come next the one that is
                the least work does, and the status says how much work is left.
            poll_period: how often a cell that is away is asked whether it is back, s.
            stop_timeout: how long a stopped trial may take to end before it is left alone, s.

        Raises:
            ConfigurationError: no cell, or two of one name.
        """
        config = folder.config
        self._folder = folder
        self._pool = CellPool(cells)
        self._poll_period = poll_period
        self._stop_timeout = stop_timeout
        self._search = search or _configured_search(folder)
        self._order_by_cost = order_by_cost
        self._dispatcher = Dispatcher(config, folder.catalogue, self._search, order_by_cost)
        self._findings = Findings(folder, self._search)
        self._pace = Pace()
        self._publisher = Publisher(folder, listener, self._fail)
        self._change = threading.Condition()
        self._crew = Crew(cells, self._change, self._next_task, self._fail)
        self._opening = Opening(folder, self._search)
        self._paused = False
        self._scene = NOMINAL
        self._past = past_trials(folder.path, folder.catalogue)
        self._warning = ""
        self._repeats = Repeats()
        self._references = CellReferences(folder.path)
        self._outcome = ""
        self._ending: CampaignState | None = None
        self._error: Exception | None = None
        self._closed = False

    # What the world may ask

    def run(self) -> FailureRanking:
        """Run the campaign to its end and return the final ranking, which is also on disk.

        Raises:
            CampaignFolderError: the search agent's checkpoint is damaged.
            TrialLogError: a trial could not be stored.
            CellFault: there were no valid trials any more; the message says why.
            Exception: what a cell or the listener raised against its contract.
        """
        if self._publisher.started:
            raise RuntimeError("a campaign runs once; open its folder again to resume it")
        self._publisher.start()
        try:
            with self._change:
                self._restore()
                self._publisher.status(self.status())
            self._crew.start()
            self._wait_for_end()
        except Exception as error:  # noqa: BLE001 (stored, and raised below)
            self._fail(error)
        finally:
            self.stop()  # a KeyboardInterrupt; nothing if the campaign has ended
            self._crew.join(self._stop_timeout)
            ranking = self._finish()
        if self._error is not None:
            raise self._error
        return ranking

    def pause(self) -> None:
        """Start no new trial; those that run go on to their end."""
        with self._change:
            self._paused = True
            self._pace.interrupt()
            self._publisher.status(self.status())

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._change:
            self._paused = False
            self._repeats.clear()
            self._publisher.status(self.status())
            self._change.notify_all()

    def reconfigure(self, budget: int, confidence: float) -> None:
        """Go on with another budget and confidence; the folder records the change.

        Raises:
            ConfigurationError: a value is not allowed, the budget is less than the trials done or
                under way, the campaign has ended, or its folder cannot be written.
        """
        with self._change:
            if self._ending is not None:
                raise ConfigurationError("the campaign has ended; start it again with these values")
            least = max(1, self._dispatcher.valid + self._dispatcher.under_way)
            if budget < least:
                raise ConfigurationError(
                    f"the budget must be at least {least}, the trials that are done or under way; "
                    f"got {budget}"
                )
            wanted = self._folder.config.changed(budget=budget, confidence=confidence)
            self._folder.reconfigure(wanted)
            self._dispatcher.reconfigure(wanted)
            if self._dispatcher.valid:
                self._conclude()
            self._publisher.status(self.status())
            self._change.notify_all()

    def stop(self) -> None:
        """End soon: running trials are cancelled and asked again when the folder is resumed.

        Returns at once; `run` returns within the stop timeout.
        """
        self._end(CampaignState.STOPPED)

    def relabel(self, index: int, result: Result, by: str, tag: str = "") -> TrialRecord:
        """Give an earlier trial another label; see relabelling. That of before stays in the log.

        Raises:
            NoSuchTrialError, RelabelError: it cannot have this label, or the campaign has ended.
        """
        with self._change:
            self._refuse_after_end()
            record = relabel(self._folder, self._dispatcher, self._findings, index, result, by, tag)
            trial = trial_of(record, self._folder.catalogue)
            self._warning = f"trial {index} in {trial.cell}: {trial.outcome.detail}"
            self._publisher.trial(trial, time.time())
            self._conclude()
            self._publisher.status(self.status())
            self._change.notify_all()
            return record

    def take_back(self, cell: str, by: str) -> TrialRecord:
        """Relabel what a person judged last in a cell to INVALID; LookupError without a label."""
        with self._change:
            self._refuse_after_end()
            last = last_label(self._folder.log.records(), cell)
            return self.relabel(last.trial_index, Result.INVALID, by)

    def _refuse_after_end(self) -> None:
        if self._closed or self._ending is not None:
            raise RelabelError(f"the campaign has ended; use `robomd relabel {self._folder.path}`")

    def fails_more(self, a: Sequence[str], b: Sequence[str]) -> float:
        """Posterior probability that a fails more often than b; see Findings. Works after the end.

        Raises:
            CatalogueError: an id is not in the catalogue.
            LookupError: several ids that are no failure mode of their own.
        """
        with self._change:
            return self._findings.fails_more(a, b)

    @property
    def embeds(self) -> bool:
        """Whether it has, or will have, an embedding that answers for what was not tried."""
        return self._folder.config.action_space == "embedding"

    def judge(self) -> "Judge | None":
        """What says how likely an untried change fails; None without an embedding (yet)."""
        return self._search.judge()

    def status(self) -> CampaignStatus:
        """What the campaign is doing."""
        with self._change:
            state, waiting_for = self._state()
            done, budget = self._dispatcher.valid, self._folder.config.budget
            ended = state in (CampaignState.FINISHED, CampaignState.FAILED, CampaignState.STOPPED)
            work = ""
            if self._order_by_cost and not ended:
                work = f"left: {self._dispatcher.work.left(budget - done).describe()}"
            return CampaignStatus(
                state=state,
                trials_done=done,
                trials_budget=budget,
                invalid_trials=self._dispatcher.invalid,
                scene=self._scene,
                waiting_for=waiting_for,
                message="; ".join(filter(None, self._remarks(work))),
                eta=0.0 if ended else self._pace.time_left(budget - done),
                campaign_id=self._folder.campaign_id,
            )

    def _remarks(self, work: str) -> tuple[str, ...]:
        """What the status says, the most important first; "" for nothing."""
        control, about = self._dispatcher.control, self._search.remark()
        unchanged = (
            () if self._outcome == control.verdict() else (control.oddity, control.describe())
        )
        plan = ""
        if not self._outcome and not control.others:  # before the first change
            nominal = Counts(control.failures, control.trials)
            config, catalogue = self._folder.config, self._folder.catalogue
            plan = describe(config, catalogue, nominal, self._past, self._order_by_cost)
        rest, pool = self._repeats.describe(), self._pool.describe()
        return self._outcome, rest, plan, pool, work, *unchanged, about, self._warning

    def _state(self) -> tuple[CampaignState, str]:
        if self._ending is not None:
            return self._ending, ""
        if self._paused:
            return CampaignState.PAUSED, "resume"
        if len(self._repeats.resting) == len(self._pool.cells):
            return CampaignState.PAUSED, "resume"
        if self._pool.empty:
            started = self._dispatcher.valid + self._dispatcher.invalid > 0
            return (CampaignState.WAITING if started else CampaignState.STARTING), "a cell"
        if not self._opening.begun:
            return CampaignState.STARTING, "the first picture"
        return CampaignState.RUNNING, ""

    # Beginning and end

    def _restore(self) -> None:
        """Take in what the folder holds."""
        log = self._folder.log
        for record in log.records():
            if not record.done:
                outcome = Outcome(Result.INVALID, detail="interrupted")
                log.complete(record.trial_index, outcome, "", time.time())
        records = log.records()
        if records:
            asked, others = self._dispatcher.restore(records, log.dropped(), log.first_labels())
            self._search.restore(asked, self._folder.checkpoints)
            for record in records:
                if record.outcome is not None and record.outcome.valid:
                    self._findings.add(trial_of(record, self._folder.catalogue))
            for trial in others:
                self._search.observe(trial)
        self._opening.restore()
        self._conclude()

    def _wait_for_end(self) -> None:
        with self._change:
            while self._ending is None:
                self._change.wait()

    def _finish(self) -> FailureRanking:
        """Store and publish what is final."""
        self._search.close(learn=self._ending is CampaignState.FINISHED)
        with self._change:
            self._closed = True
            ranking = self._findings.ranking_maker()()
        self._publisher.close()
        if self._error is None:  # else the disk may be the reason, and all that counts is there
            self._search.save(self._folder.checkpoints)
            self._folder.write_ranking(ranking.to_dict())
        self._publisher.conclude(ranking, self.status())
        return ranking

    def _end(self, state: CampaignState, error: Exception | None = None) -> None:
        with self._change:
            if self._ending is not None:
                return
            self._ending, self._error = state, error
            if error is not None:
                self._warning = str(error) or type(error).__name__
            self._change.notify_all()

    def _fail(self, error: Exception) -> None:
        self._end(CampaignState.FAILED, error)

    # The cells' threads

    def _next_task(self, cell: Cell) -> Task | None:
        """Wait until there is something to do in this cell; None at the end."""
        with self._change:
            while not self._over():
                task = self._task(cell)
                self._publisher.status(self.status())
                if task is not None:
                    return task
                self._change.wait(self._poll_period)
            return None

    def _over(self) -> bool:
        reached = self._reached
        if reached and not self._dispatcher.running and self._ending is None:
            self._outcome = reached
            self._end(CampaignState.FINISHED)
        return self._ending is not None

    @property
    def _reached(self) -> str:
        """Why no trial is asked any more; "" if one may be."""
        config, control = self._folder.config, self._dispatcher.control
        if control.ends:
            return control.verdict()
        if told := self._search.finished():
            return told
        if self._findings.settled and not self._search.wants_more():
            return f"every variation is decided with {config.confidence:.0%} confidence"
        if self._dispatcher.valid >= config.budget:
            return f"the budget of {counted(config.budget, 'trial')} is spent"
        return ""

    def _task(self, cell: Cell) -> Task | None:
        if self._paused or cell.name in self._repeats.resting or not self._pool.look(cell):
            return None
        if not self._opening.begun:
            if self._opening.observing:
                return None
            self._opening.observing = True
            self._crew.busy.add(cell.name)
            return partial(self._observe_nominal, cell)
        if self._reached:  # unless a trial in flight changes that
            return None
        job = self._dispatcher.next_job(
            cell.name, self._pool.others(cell), self._findings.open_scenes
        )
        if job is None:
            return None
        record = self._folder.log.ask(job.request, job.trials, cell.name, time.time())
        self._scene = job.scene
        self._crew.busy.add(cell.name)
        return partial(self._run_trial, cell, job, record)

    def _observe_nominal(self, cell: Cell) -> None:
        """Take the picture that every search episode starts from."""
        seen = self._opening.look(cell)
        with self._change:
            self._opening.observing = False
            self._crew.busy.discard(cell.name)
            if self._closed or (seen.picture is None and self._ending is not None):
                return
            if seen.picture is not None:
                self._opening.begin(seen.picture)
            elif seen.lost:
                self._pool.lost(cell, seen.reason)
            else:
                self._warning = self._opening.failed(cell, seen.reason)
            self._change.notify_all()

    def _run_trial(self, cell: Cell, job: Job, record: TrialRecord) -> None:
        done = attempt(cell, job.scene, job.request.seed, self._search.wants_images)
        path = "" if done.trial.image is None else f"images/{record.trial_index:06d}.png"
        trial = replace(done.trial, index=record.trial_index, image_path=path)
        done = replace(done, trial=self._references.judged(trial))
        with self._change:
            self._crew.busy.discard(cell.name)
            if self._closed:  # too late: the row stays open, and is asked again on resume
                return
            if done.lost:
                self._pool.lost(cell, done.trial.outcome.detail)
            self._take_in(job, done)
            self._publisher.status(self.status())
            self._change.notify_all()

    def _take_in(self, job: Job, done: Attempt) -> None:
        trial = done.trial
        if not trial.outcome.valid and self._ending is not None:
            self._dispatcher.interrupted(job)  # cancelled, most likely; the row stays open
            return
        now = time.time()
        # the label first: a disk that is full for a picture may still hold it
        self._folder.log.complete(trial.index, trial.outcome, trial.image_path, now, trial.token)
        if trial.image is not None:
            self._folder.store_picture(trial.image_path, trial.image)
        self._publisher.trial(trial, now)
        if trial.outcome.valid:
            self._pace.tick(time.monotonic())
            self._findings.add(trial)
            self._dispatcher.succeeded(job, trial)
            self._repeats.valid(trial.cell)
            self._search.save(self._folder.checkpoints)
            self._conclude()
            return
        self._warning = f"trial {trial.index} in {trial.cell} was invalid: {trial.outcome.detail}"
        # people make the changes: nobody works for trials that end as the last ones did
        if self._order_by_cost and not done.skipped:
            self._repeats.invalid(trial.cell, trial.outcome.detail)
        if self._dispatcher.failed(job, done.lost, done.skipped):
            self._drop(job, trial.outcome.detail, now)

    def _drop(self, job: Job, reason: str, now: float) -> None:
        self._folder.log.drop(job.request.number, reason, now)
        scene = ", ".join(job.request.scene) or "nominal"
        tries = counted(job.trials, "invalid trial")
        self._warning = f"gave up the scene {scene} after {tries}: {reason}"
        if self._dispatcher.dropped_in_a_row >= MAX_DROPS_IN_A_ROW:
            raise CellFault(
                f"{MAX_DROPS_IN_A_ROW} scenes in a row had no valid trial; the last reason: "
                f"{reason}. Check the cells and the policy, then start again with the same folder"
            )

    def _conclude(self) -> None:
        self._findings.conclude()
        self._publisher.ranking(self._findings.ranking_maker())


def _configured_search(folder: CampaignFolder) -> Search:
    config = folder.config
    context = SearchContext(
        folder.catalogue,
        config.seed,
        config.accumulates,
        config.max_scene_size,
        config.horizon,
        config.search_options,
        search_budget(config),
        folder.path,
        config.confidence,
        config.failing_threshold,
    )
    return make_search(config.search, context)
