# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The protocol of a search strategy: ask for a scene, tell the outcome."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robomd_ros.core.evidence.rates import CONFIDENCE, FAILING_THRESHOLD
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Catalogue, Scene

if TYPE_CHECKING:  # torch and scipy are heavy
    from robomd_ros.core.embedding.unseen import Judge
    from robomd_ros.core.evidence.ranking import Predicted

Cost = Callable[[Scene], float]
"""Human work that a scene would be at present, s."""


@dataclass(frozen=True)
class SearchContext:
    """What every strategy is built from.

    Attributes:
        catalogue: the actions.
        seed: of everything random in the strategy.
        accumulate: scenes accumulate on success and reset on failure (Algorithm 1); else every
            scene is a single variation.
        max_scene_size: a search episode ends after this many successes.
        horizon: longest rollout, policy steps; scales the success penalty.
        options: the strategy's own parameters (learning_rate, n_steps, ...).
        budget: valid trials that the search has.
        folder: of the campaign, for a search that learns from what is stored there.
        confidence: with which something is held to be known.
        failing_threshold: a failure rate above it is called failing.
    """

    catalogue: Catalogue
    seed: int
    accumulate: bool
    max_scene_size: int
    horizon: int
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: int = sys.maxsize
    folder: Path | None = None
    confidence: float = CONFIDENCE
    failing_threshold: float = FAILING_THRESHOLD


@dataclass(frozen=True)
class Asked:
    """One earlier ask of a resumed campaign.

    Attributes:
        lane: the lane that asked.
        scene: the answer, its variations in the order in which they were added.
        trial: its valid trial; None if there was none (yet).
        dropped: the campaign gave the ask up; False with no trial: it is asked again, and told.
    """

    lane: int
    scene: Scene
    trial: Trial | None = None
    dropped: bool = False


class Search(Protocol):
    """Chooses what to try next. Not thread-safe: the campaign calls it under its lock.

    A lane is one sequence of accumulating scenes; every cell works on a lane of its own, so that
    slow and fast cells never wait for each other. Lanes are numbered from 0 and may come at any
    time. Between an `ask` and its `tell` (or `drop`) a lane asks nothing else.
    """

    @property
    def name(self) -> str:
        """ppo, uniform, thompson, ..."""
        ...

    @property
    def wants_images(self) -> bool:
        """Whether `begin` must be given a nominal picture and trials must carry theirs."""
        ...

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Called once before the first ask; (H, W, 3) uint8 RGB if `wants_images`."""
        ...

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """The next scene for this lane.

        Args:
            lane: where.
            cost: where the search has a choice between scenes that it will all ask for, the
                cheapest is first; None: no preference.
        """
        ...

    def tell(self, lane: int, trial: Trial) -> None:
        """The valid outcome of the lane's last ask."""
        ...

    def drop(self, lane: int) -> None:
        """The lane's last ask will have no outcome; its search episode ends."""
        ...

    def observe(self, trial: Trial) -> None:
        """A valid trial that this search did not ask for (confirmation, another run of it)."""
        ...

    def policy_probability(self) -> NDArray[np.float64] | None:
        """Eq. 3: (len(catalogue),) probabilities at the nominal state; None without an agent."""
        ...

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Go on with a campaign; called before `begin`, once.

        Args:
            asked: the asks so far, in order. Those without an outcome are told or dropped later.
            folder: of the checkpoints; a learning agent goes on from its last update.

        Raises:
            CampaignFolderError: the checkpoint is damaged or of another agent.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write a checkpoint if there is anything new to write; atomic."""
        ...

    def judge(self) -> "Judge | None":
        """What says how likely an untried change fails; None if nothing does (yet)."""
        ...

    def predicted(self) -> "Predicted | None":
        """What it says about the whole catalogue; None as `judge`."""
        ...

    def remark(self) -> str:
        """What the campaign's status should say of the search; "" for nothing."""
        ...

    def wants_more(self) -> bool:
        """Whether the campaign goes on although every variation is decided."""
        ...

    def finished(self) -> str:
        """Why the campaign ends although not every variation is decided; "" if it does not."""
        ...

    def close(self, learn: bool) -> None:
        """The campaign has ended; may be called again.

        Args:
            learn: it came to its end, so that there is time to learn from its last trials.
        """
        ...


class Foreground:
    """What a search has that learns, if at all, when it is told, and knows what was tried only."""

    def judge(self) -> None:
        """None: only what was tried is known."""

    def predicted(self) -> None:
        """None: only what was tried is known."""

    def remark(self) -> str:
        """Nothing."""
        return ""

    def wants_more(self) -> bool:
        """No."""
        return False

    def finished(self) -> str:
        """It does not."""
        return ""

    def close(self, learn: bool) -> None:
        """Nothing runs in the background."""
