# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The search agent inside the embedding space: PPO on Algorithm 2, and what its density says."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule

from robomd_ros.core.embedding.agent_files import fingerprint, read_agent, write_agent
from robomd_ros.core.embedding.agent_settings import AgentSettings
from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.virtual import (
    VirtualDiagnosis,
    VirtualProblem,
    agent_spaces,
)
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.search.on_policy import one_thread, reproducible
from robomd_ros.core.search.reward import ContinuousReward

Progress = Callable[[int, int], object]
"""Called with the virtual steps done and the virtual steps in all; False ends the training."""

_ADAM = {"eps": 1e-5, "fused": True}
"""SB3's epsilon; one fused update of all weights takes half the time of the default."""
_POLICY, _FRAME = "policy.", "frame."


class SphericalPolicy(ActorCriticPolicy):
    """SB3's actor and critic with one width for all coordinates of the Gaussian."""

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        # It broadcasts wherever SB3 uses it; the optimizer has to learn it instead of the old one.
        self.log_std = torch.nn.Parameter(self.log_std.detach()[:1].clone())
        arguments = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        self.optimizer = self.optimizer_class(self.parameters(), **arguments)


class EmbeddingAgent:
    """A Gaussian policy over the embedding space that has learned where the policy fails."""

    def __init__(
        self,
        policy: ActorCriticPolicy,
        frame: ActionFrame,
        nominal: NDArray[np.floating[Any]],
        settings: AgentSettings,
        seed: int,
        steps: int,
        known_sha256: str,
    ) -> None:
        """Wrap a trained policy; `train` and `load` make agents."""
        policy.set_training_mode(False)
        self._policy = policy
        self._frame = frame
        self._nominal = np.asarray(nominal, dtype=np.float64)
        self.settings = settings
        self.seed = seed
        self.steps = steps
        self.known_sha256 = known_sha256

    @classmethod
    def train(
        cls,
        known: KnownEmbeddings,
        nominal: NDArray[np.floating[Any]],
        settings: AgentSettings | None = None,
        seed: int = 0,
        steps: int = 100_000,
        progress: Progress | None = None,
    ) -> "EmbeddingAgent":
        """Learn on virtual trials only; nothing is executed.

        Args:
            known: the known embeddings with their trials.
            nominal: (d,) embedding of the nominal scene.
            settings: default: the paper's.
            seed: the same seed and arguments give the same agent.
            steps: virtual steps, rounded up to a whole number of updates.
            progress: called after every collection of steps; where it returns False the agent is
                handed over as it then is (`steps` says after how many).

        Raises:
            EmbeddingError: the known trials hold no failure or no success, so that there is
                nothing to learn.
        """
        settings = settings or AgentSettings()
        _check_both_outcomes(known)
        reward = ContinuousReward(
            settings.horizon, settings.c_failure, settings.c_success, settings.k
        )
        frame = settings.frame(known)
        problem = VirtualProblem(
            known, nominal, frame, reward, settings.penalty, settings.max_steps
        )
        with reproducible(seed), one_thread():
            learner = _make_learner(problem, settings, seed)
            callback = None if progress is None else _Reporter(progress, steps)
            learner.learn(steps, callback)
        return cls(
            learner.policy,
            frame,
            nominal,
            settings,
            seed,
            learner.num_timesteps,
            fingerprint(known),
        )

    def log_density(
        self,
        actions: NDArray[np.floating[Any]],
        states: NDArray[np.floating[Any]] | None = None,
    ) -> NDArray[np.float64]:
        """Logarithm of p(a | s) of points of the embedding space, Sec. III-C.

        With principal axes it is the density on their subspace.

        Args:
            actions: (n, d).
            states: (n, d) one per action, or (1, d) one for all; None: the nominal scene.

        Returns:
            (n,) natural logarithms.
        """
        states = self._nominal[None] if states is None else np.atleast_2d(states)
        means, deviations = self._gaussian(states)
        along = (self._frame.to_actions(actions) - means) / deviations
        constant = np.log(deviations).sum() + np.log(self._frame.scales).sum()
        constant += 0.5 * self._frame.size * np.log(2.0 * np.pi)
        return np.asarray(-0.5 * np.square(along).sum(axis=1) - constant)

    def log_ratio(
        self,
        a: NDArray[np.floating[Any]],
        b: NDArray[np.floating[Any]],
        state: NDArray[np.floating[Any]] | None = None,
    ) -> float:
        """The logarithm of Eq. 4, p(a | s) / p(b | s): above 0 where a is likelier to fail.

        Args:
            a: (d,) point of the embedding space.
            b: (d,) another.
            state: (d,) embedding of the scene; None: nominal.
        """
        states = None if state is None else state[None]
        of_a, of_b = self.log_density(np.stack([a, b]), states)
        return float(of_a - of_b)

    def sample(
        self,
        count: int,
        rng: np.random.Generator,
        state: NDArray[np.floating[Any]] | None = None,
    ) -> NDArray[np.float64]:
        """Actions as the agent takes them, points (count, d) of the embedding space.

        Args:
            count: how many.
            rng: draws them.
            state: (d,) embedding of the scene; None: nominal.
        """
        means, deviations = self._gaussian(self._nominal[None] if state is None else state[None])
        drawn = means + deviations * rng.standard_normal((count, self._frame.size))
        return self._frame.to_embeddings(np.clip(drawn, -1.0, 1.0))

    def save(self, folder: Path) -> None:
        """Write weights and manifest (agent_files.py).

        Raises:
            EmbeddingError: the folder cannot be written.
        """
        arrays = {f"{_POLICY}{k}": v.numpy() for k, v in self._policy.state_dict().items()}
        arrays |= {"nominal": self._nominal}
        arrays |= {
            f"{_FRAME}{field.name}": getattr(self._frame, field.name)
            for field in fields(ActionFrame)
            if getattr(self._frame, field.name) is not None
        }
        manifest = {
            "settings": asdict(self.settings),
            "seed": self.seed,
            "steps": self.steps,
            "known_sha256": self.known_sha256,
        }
        write_agent(folder, arrays, manifest)

    @classmethod
    def load(cls, folder: Path, known: KnownEmbeddings | None = None) -> "EmbeddingAgent":
        """Read an agent.

        Args:
            folder: that `save` wrote.
            known: the known embeddings it has to belong to; None: not checked.

        Raises:
            EmbeddingError: missing, damaged, of another version, or of other known embeddings.
        """
        return read_agent(Path(folder), cls._from_contents, known)

    @classmethod
    def _from_contents(
        cls, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
    ) -> "EmbeddingAgent":
        stored = dict(manifest["settings"])
        settings = AgentSettings(**{**stored, "net_arch": tuple(stored["net_arch"])})
        parts = _beginning_with(_FRAME, arrays)
        frame = ActionFrame(
            parts["center"], parts.get("axes"), parts["scales"], parts["deviations"]
        )
        seen, done = agent_spaces(frame.size)
        kind = _policy_class(settings)
        policy = kind(seen, done, lambda _: 0.0, net_arch=list(settings.net_arch))
        weights = _beginning_with(_POLICY, arrays)
        policy.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        seed, steps = int(manifest["seed"]), int(manifest["steps"])
        known_sha256 = str(manifest["known_sha256"])
        return cls(policy, frame, arrays["nominal"], settings, seed, steps, known_sha256)

    def _gaussian(
        self, states: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means (n, c) and deviations (c,) of the actions in each state, in the frame."""
        seen = torch.as_tensor(self._frame.to_actions(states), dtype=torch.float32)
        with torch.no_grad(), one_thread():
            means = self._policy.get_distribution(seen).distribution.mean  # type: ignore[union-attr]
            deviations = self._policy.log_std.exp().expand(self._frame.size)
        return means.double().numpy(), deviations.double().numpy()


class _Reporter(BaseCallback):
    """Tells the progress after every collection of steps."""

    def __init__(self, progress: Progress, steps: int) -> None:
        super().__init__()
        self._progress, self._steps, self._go_on = progress, steps, True

    def _on_step(self) -> bool:
        return self._go_on

    def _on_rollout_end(self) -> None:
        done = min(self.num_timesteps, self._steps)
        self._go_on = self._progress(done, self._steps) is not False


def _check_both_outcomes(known: KnownEmbeddings) -> None:
    failures, trials = int(known.failures.sum()), int(known.trials.sum())
    if failures in (0, trials):
        missing = "failure" if failures == 0 else "success"
        raise EmbeddingError(
            f"none of the {trials} recorded trials is a {missing}: there is nothing for the search "
            "agent to learn; record more trials"
        )


def _policy_class(settings: AgentSettings) -> type[ActorCriticPolicy]:
    return SphericalPolicy if settings.spherical else ActorCriticPolicy


def _make_learner(problem: VirtualProblem, settings: AgentSettings, seed: int) -> PPO:
    learner = PPO(
        _policy_class(settings),
        VirtualDiagnosis(problem, settings.n_envs, seed),
        learning_rate=settings.learning_rate,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.ent_coef / problem.frame.size,
        policy_kwargs={"net_arch": list(settings.net_arch), "optimizer_kwargs": _ADAM},
        seed=seed,
        device="cpu",
    )
    learner.set_logger(configure(None, []))
    with torch.no_grad():
        learner.policy.log_std.fill_(math.log(problem.frame.first_deviation))
    return learner


def _beginning_with(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
