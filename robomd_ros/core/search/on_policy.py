# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What PPO and A2C share: an SB3 agent that learns from trials of many lanes, as they come."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.logger import configure
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robomd_ros.core.search.agent_picture import PICTURE_SIZE, agent_picture
from robomd_ros.core.search.checkpoint import load_checkpoint, save_checkpoint
from robomd_ros.core.search.reward import DiscreteReward
from robomd_ros.core.search.scene_builder import EpisodeEnd, SceneBuilder
from robomd_ros.core.search.search import Asked, Cost, Foreground, SearchContext
from robomd_ros.core.trial import Trial
from robomd_ros.core.variations import Scene

_UPDATES = 24
"""Updates that a campaign has, where neither of the next two decides."""
_FEWEST_STEPS, _MOST_STEPS = 8, 64
"""Trials of an update: of fewer, it would follow single outcomes."""


class AgentSpaces(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """The spaces that SB3 builds its networks from; it is never stepped.

    Observation: (3, 84, 84) uint8 RGB, channels first as the networks want them.
    """

    def __init__(self, actions: int) -> None:
        self.observation_space = spaces.Box(0, 255, (3, PICTURE_SIZE, PICTURE_SIZE), np.uint8)
        self.action_space = spaces.Discrete(actions)


@dataclass
class Transition:
    """One ask and its outcome, as the agent learns from it."""

    picture: NDArray[np.uint8]
    action: int
    value: float
    log_probability: float
    reward: float = 0.0
    done: bool = False


@dataclass
class Lane:
    """A sequence of scenes: what its agent sees now, and what it has gone through."""

    builder: SceneBuilder
    picture: NDArray[np.uint8] | None = None
    """(3, 84, 84) uint8; None is the nominal scene's."""
    open: Transition | None = None
    complete: list[Transition] = field(default_factory=list)


def agent_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """How SB3 makes an agent with these options: they have its names, but for the layers."""
    ours = ("c_failure", "c_success", "net_arch")
    return {
        **{name: value for name, value in options.items() if name not in ours},
        "policy_kwargs": {"net_arch": options["net_arch"]},
        "device": "cpu",
    }


class OnPolicySearch(Foreground):
    """An SB3 on-policy agent without SB3's lockstep loop.

    SB3 steps its environments together; here each lane (each cell) goes at its own speed. Every
    lane keeps its transitions, and when `n_steps` are complete over all lanes, advantages are
    computed lane by lane and the agent makes one update on all of them.

    Note:
        A trial that was in flight during an update was chosen by the agent before it. Its stored
        log-probability is that agent's, so that the probability ratio of PPO stays right.
    """

    name: ClassVar[str]
    wants_images = True

    def __init__(self, context: SearchContext, **options: Any) -> None:
        """Build the agent.

        Args:
            context: as for every search.
            options: every option of the strategy (search/strategies.py).
        """
        self._context = context
        self._options = options = {
            **options,
            "n_steps": options["n_steps"] or steps_between_updates(context.budget),
        }
        self._reward = DiscreteReward(context.horizon, options["c_failure"], options["c_success"])
        with reproducible(context.seed):
            self._model = self.make_agent(AgentSpaces(len(context.catalogue)), options)
        self._model.set_logger(configure(None, []))
        self._lanes: dict[int, Lane] = {}
        self._nominal: NDArray[np.uint8] | None = None
        self._asked = 0
        self._complete = 0
        self._updates = 0
        self._saved_updates = 0
        self._view: NDArray[np.float64] | None = None

    def make_agent(self, env: AgentSpaces, options: dict[str, Any]) -> OnPolicyAlgorithm:
        """The SB3 agent of this strategy."""
        raise NotImplementedError

    @property
    def updates(self) -> int:
        """How often the agent has learned."""
        return self._updates

    def begin(self, nominal_image: NDArray[np.uint8] | None) -> None:
        """Take the nominal picture, the state that every search episode starts from."""
        if nominal_image is None:
            raise ValueError(f"search {self.name!r} needs the nominal picture; got None")
        self._nominal = _channels_first(nominal_image)

    def ask(self, lane: int, cost: Cost | None = None) -> Scene:
        """Sample an action from the present policy; every ask has a generator of its own.

        The order is the agent's: what it asks next depends on what it saw before.
        """
        here = self._lane(lane)
        picture = self._present_picture(here)
        log_probabilities, value = self._look(picture)
        probabilities = np.exp(log_probabilities)
        rng = np.random.default_rng([self._context.seed, self._asked])
        action = int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))
        self._asked += 1
        here.open = Transition(picture, action, value, float(log_probabilities[action]))
        return here.builder.proposed(self._context.catalogue.variations[action])

    def tell(self, lane: int, trial: Trial) -> None:
        """Complete the lane's transition; learn when there are enough."""
        here = self._lane(lane)
        if trial.image is None:
            raise ValueError(f"search {self.name!r} needs the trial's picture; got None")
        transition, here.open = here.open, None
        picture = _channels_first(trial.image)
        end = here.builder.record(trial.scene, trial.outcome.failed)
        here.picture = picture if end is EpisodeEnd.NONE else None
        if transition is None:  # asked before a restart, by an agent state that is gone
            return
        transition.reward = self._reward(trial.outcome)
        transition.done = end is EpisodeEnd.TERMINATED
        here.complete.append(transition)
        if end is EpisodeEnd.TRUNCATED:
            self._truncate(transition, picture)
        self._complete += 1
        if self._complete >= self._model.n_steps:
            self._learn()

    def drop(self, lane: int) -> None:
        """Forget the open ask; the lane's episode is cut off where it stood."""
        here = self._lane(lane)
        here.open = None
        if here.complete and not here.complete[-1].done:
            self._truncate(here.complete[-1], self._present_picture(here))
        here.builder.reset()
        here.picture = None

    def observe(self, trial: Trial) -> None:
        """Nothing is learned: an on-policy agent learns from its own actions only."""

    def policy_probability(self) -> NDArray[np.float64] | None:
        """Eq. 3 at the nominal picture, (len(catalogue),); None before there is one."""
        if self._nominal is None:
            return None
        if self._view is None:
            probabilities = np.exp(self._look(self._nominal)[0])
            self._view = probabilities / probabilities.sum()
        return self._view.copy()

    def restore(self, asked: Sequence[Asked], folder: Path) -> None:
        """Go on from the last update; lanes start anew, transitions after it are lost."""
        self._asked = len(asked)
        if self._file(folder).exists():
            self._updates = load_checkpoint(self._file(folder), self._model, self._identity())
            self._saved_updates = self._updates
            self._view = None

    def save(self, folder: Path) -> None:
        """Write the agent if it has learned since it was last written."""
        if self._updates > self._saved_updates:
            save_checkpoint(self._file(folder), self._model, self._identity(), self._updates)
            self._saved_updates = self._updates

    def _file(self, folder: Path) -> Path:
        return folder / f"{self.name}.pt"

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with."""
        ids = [v.id for v in self._context.catalogue]
        return {"search": self.name, "variations": ids, "net_arch": self._options["net_arch"]}

    def _lane(self, number: int) -> Lane:
        if number not in self._lanes:
            context = self._context
            builder = SceneBuilder(context.accumulate, context.max_scene_size)
            self._lanes[number] = Lane(builder)
        return self._lanes[number]

    def _present_picture(self, lane: Lane) -> NDArray[np.uint8]:
        picture = self._nominal if lane.picture is None else lane.picture
        if picture is None:
            raise RuntimeError("begin() must be called with the nominal picture before ask()")
        return picture

    def _look(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """Log-probability of every action, (n,), and the value of what is seen."""
        self._model.policy.set_training_mode(False)
        batch = torch.as_tensor(picture[None])
        with torch.no_grad(), one_thread():
            distribution = self._model.policy.get_distribution(batch).distribution
            value = self._model.policy.predict_values(batch)
        logits = distribution.logits[0].double().numpy()  # type: ignore[union-attr]
        return np.asarray(logits, dtype=np.float64), float(value)

    def _truncate(self, transition: Transition, picture: NDArray[np.uint8]) -> None:
        """Cut an episode off: what would have come after counts by its estimated value."""
        transition.reward += self._model.gamma * self._look(picture)[1]
        transition.done = True

    def _learn(self) -> None:
        """One update from the complete transitions of all lanes."""
        buffer = self._model.rollout_buffer
        buffer.reset()
        advantages: list[float] = []
        for number in sorted(self._lanes):
            lane = self._lanes[number]
            advantages += self._lane_advantages(lane)
            for t in lane.complete:
                value, log_probability = torch.tensor([t.value]), torch.tensor([t.log_probability])
                action, reward = np.array([[t.action]]), np.array([t.reward])
                # Episode starts only serve SB3's own advantages, which are not used.
                buffer.add(t.picture[None], action, reward, np.zeros(1), value, log_probability)
            lane.complete.clear()
        buffer.advantages[:, 0] = advantages
        buffer.returns[:, 0] = buffer.advantages[:, 0] + buffer.values[:, 0]
        with reproducible((self._context.seed + 1 + self._updates) % 2**32), one_thread():
            self._model.train()
        self._complete = 0
        self._updates += 1
        self._view = None

    def _lane_advantages(self, lane: Lane) -> list[float]:
        if not lane.complete:
            return []
        last_value = 0.0
        if not lane.complete[-1].done:
            last_value = self._look(self._present_picture(lane))[1]
        return generalized_advantages(
            lane.complete, last_value, self._model.gamma, self._model.gae_lambda
        )


def steps_between_updates(budget: int) -> int:
    """Trials between two updates so that the agent has learned often before the budget ends."""
    return min(_MOST_STEPS, max(_FEWEST_STEPS, budget // _UPDATES))


def generalized_advantages(
    transitions: Sequence[Transition], last_value: float, gamma: float, gae_lambda: float
) -> list[float]:
    """Generalized advantage estimates of one lane's transitions, in their order.

    Args:
        transitions: consecutive, possibly of several episodes.
        last_value: estimated value of what follows the last one; unused if that is done.
        gamma: discount factor.
        gae_lambda: decay of the estimator.
    """
    advantages: list[float] = []
    running, next_value = 0.0, last_value
    for t in reversed(transitions):
        goes_on = 0.0 if t.done else 1.0
        delta = t.reward + gamma * next_value * goes_on - t.value
        running = delta + gamma * gae_lambda * goes_on * running
        advantages.append(running)
        next_value = t.value
    return advantages[::-1]


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed the global generators that SB3 draws from, and put them back as they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: the same sums everywhere, and cores left to the cells."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _channels_first(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(agent_picture(image).transpose(2, 0, 1))
