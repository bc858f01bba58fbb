"""The search agent inside the embedding space: PPO on Algorithm 2, and what its density says."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.policies import ActorCriticPolicy

from robomd_ros.core.embedding.frame import ActionFrame
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.virtual import (
    Shaping,
    VirtualDiagnosis,
    VirtualProblem,
    agent_spaces,
)
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.reward import ContinuousReward
from robomd_ros.core.search.on_policy import one_thread, reproducible

Progress = Callable[[int, int], object]
"""Called with the virtual steps done and the virtual steps in all; False ends the training."""

_FORMAT = 1
_ADAM = {"eps": 1e-5, "fused": True}
"""SB3's epsilon; one fused update of all weights takes half the time of the default."""
_WEIGHTS, _MANIFEST = "agent.safetensors", "agent.json"


@dataclass(frozen=True)
class AgentSettings:
    """How the search agent learns; the defaults are Appendix I-C's where the paper names one.

    Attributes:
        learning_rate, n_epochs, batch_size, clip_range, gamma, net_arch: of PPO, the paper's.
        gae_lambda, ent_coef: of PPO, SB3's.
        n_envs: virtual environments stepped together.
        n_steps: steps of each between two updates.
        max_steps: executions after which an episode is cut off.
        horizon: longest rollout of the policy under test, policy steps (Eq. 2).
        c_failure, c_success, k: of Eq. 2.
        penalty: of an action as far from everything known as the known are spread.
        components: principal axes of the known embeddings that actions are made of; 0: the whole
            space, the paper's.
    """

    learning_rate: float = 3e-4
    n_epochs: int = 10
    batch_size: int = 64
    clip_range: float = 0.2
    gamma: float = 0.99
    net_arch: tuple[int, ...] = (128, 256, 128)
    gae_lambda: float = 0.95
    ent_coef: float = 0.0
    n_envs: int = 64
    n_steps: int = 32
    max_steps: int = 8
    horizon: int = 80
    c_failure: float = 1.0
    c_success: float = 1.0
    k: float = 0.1
    penalty: float = 1.0
    components: int = 0

    def __post_init__(self) -> None:
        if self.components < 0:
            raise ValueError(
                f"components must be at least 0 (the whole space); got {self.components}"
            )

    def frame(self, known: KnownEmbeddings) -> ActionFrame:
        """The coordinates of the actions."""
        if self.components == 0:
            return ActionFrame.whole(known)
        return ActionFrame.principal(known, self.components)


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
    ) -> None:
        """Wrap a trained policy; `train` and `load` make agents."""
        policy.set_training_mode(False)
        self._policy = policy
        self._frame = frame
        self._nominal = np.asarray(nominal, dtype=np.float64)
        self.settings = settings
        self.seed = seed
        self.steps = steps

    @classmethod
    def train(
        cls,
        known: KnownEmbeddings,
        nominal: NDArray[np.floating[Any]],
        settings: AgentSettings | None = None,
        seed: int = 0,
        steps: int = 100_000,
        progress: Progress | None = None,
        potentials: NDArray[np.float64] | None = None,
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
            potentials: (m + 1,) Phi of every known embedding and of the nominal scene, for
                potential-based shaping; None: no shaping.

        Raises:
            EmbeddingError: the known trials hold no failure or no success, so that there is
                nothing to learn.
        """
        settings = settings or AgentSettings()
        _check_both_outcomes(known)
        shaping = None if potentials is None else Shaping(settings.gamma, potentials)
        reward = ContinuousReward(
            settings.horizon, settings.c_failure, settings.c_success, settings.k
        )
        frame = settings.frame(known)
        problem = VirtualProblem(
            known, nominal, frame, reward, settings.penalty, settings.max_steps, shaping
        )
        with reproducible(seed), one_thread():
            learner = _make_learner(problem, settings, seed)
            callback = None if progress is None else _Reporter(progress, steps)
            learner.learn(steps, callback)
        return cls(learner.policy, frame, nominal, settings, seed, learner.num_timesteps)

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

    def mean_action(self, state: NDArray[np.floating[Any]] | None = None) -> NDArray[np.float64]:
        """(d,) the point of the embedding space where the density is highest."""
        states = self._nominal[None] if state is None else state[None]
        return np.asarray(self._frame.to_embeddings(self._gaussian(states)[0])[0])

    def save(self, folder: Path) -> None:
        """Write the agent's weights and its manifest.

        Raises:
            EmbeddingError: the folder cannot be written.
        """
        arrays = {f"policy.{k}": v.numpy() for k, v in self._policy.state_dict().items()}
        arrays |= {"frame.center": self._frame.center, "frame.scales": self._frame.scales}
        arrays |= {"frame.deviations": self._frame.deviations, "nominal": self._nominal}
        if self._frame.axes is not None:
            arrays["frame.axes"] = self._frame.axes
        manifest = {
            "format": _FORMAT,
            "settings": asdict(self.settings),
            "seed": self.seed,
            "steps": self.steps,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / _WEIGHTS)
            (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        except (OSError, SafetensorError) as error:
            raise EmbeddingError(
                f"cannot write the search agent to {folder}: {error}; free some space or choose "
                "another folder"
            ) from error

    @classmethod
    def load(cls, folder: Path) -> "EmbeddingAgent":
        """Read an agent.

        Raises:
            EmbeddingError: there is none, it is damaged, or another version wrote it.
        """
        remedy = "train the search agent again (the trials are kept)"
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] != _FORMAT:
                raise EmbeddingError(
                    f"the search agent in {folder} has format {manifest['format']}, this version "
                    f"reads {_FORMAT}; {remedy}"
                )
            arch = tuple(manifest["settings"].pop("net_arch"))
            settings = AgentSettings(net_arch=arch, **manifest["settings"])
            arrays = load_file(folder / _WEIGHTS)
            frame = ActionFrame(
                arrays["frame.center"],
                arrays.get("frame.axes"),
                arrays["frame.scales"],
                arrays["frame.deviations"],
            )
            policy = _make_policy(frame, settings)
            prefix = "policy."
            weights = {k: v for k, v in arrays.items() if k.startswith(prefix)}
            policy.load_state_dict(
                {k.removeprefix(prefix): torch.from_numpy(v) for k, v in weights.items()}
            )
            seed, steps = int(manifest["seed"]), int(manifest["steps"])
            return cls(policy, frame, arrays["nominal"], settings, seed, steps)
        except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise EmbeddingError(
                f"the search agent in {folder} is missing or damaged ({error}); {remedy}"
            ) from error

    def _gaussian(
        self, states: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means (n, c) and deviations (c,) of the actions in each state, in the frame."""
        seen = torch.as_tensor(self._frame.to_actions(states), dtype=torch.float32)
        with torch.no_grad(), one_thread():
            means = self._policy.get_distribution(seen).distribution.mean  # type: ignore[union-attr]
            deviations = self._policy.log_std.exp()
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


def _make_learner(problem: VirtualProblem, settings: AgentSettings, seed: int) -> PPO:
    learner = PPO(
        ActorCriticPolicy,
        VirtualDiagnosis(problem, settings.n_envs, seed),
        learning_rate=settings.learning_rate,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.ent_coef,
        policy_kwargs={"net_arch": list(settings.net_arch), "optimizer_kwargs": _ADAM},
        seed=seed,
        device="cpu",
    )
    learner.set_logger(configure(None, []))
    first = torch.as_tensor(problem.frame.first_deviations, dtype=torch.float32)
    with torch.no_grad():
        learner.policy.log_std.copy_(first.log())
    return learner


def _make_policy(frame: ActionFrame, settings: AgentSettings) -> ActorCriticPolicy:
    seen, done = agent_spaces(frame.size)
    return ActorCriticPolicy(seen, done, lambda _: 0.0, net_arch=list(settings.net_arch))
