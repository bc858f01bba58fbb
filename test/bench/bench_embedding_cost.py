# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the embedding costs: training, virtual steps of PPO, a query, ranking 10,000 descriptions.

Run it with `make bench` or `python test/bench/bench_embedding_cost.py [--steps 100000]`. The
processor seconds stand beside the seconds on the clock, because other work on the machine only
lengthens the latter; the goals are held to the clock.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import torch
from recorded_cell import RecordedRollouts
from unseen_data import POOL, EncodedLift, UnseenLift, with_encoders

from robomd_ros.core.embedding.agent import EmbeddingAgent
from robomd_ros.core.embedding.encoders import make_encoders
from robomd_ros.core.embedding.training import TrainingSettings, train
from robomd_ros.core.embedding.unseen import Judge, Question
from sim_bridge.tasks.continuous_catalogue import variations

TRAINING_GOAL, STEPS_GOAL, QUERY_GOAL, RANKING_GOAL = 600.0, 300.0, 0.05, 60.0
"""Seconds at most: training on 2,000 trials, 100,000 steps, one query, 10,000 descriptions."""
QUERIES = 50


@dataclass
class Stopwatch:
    """Tells what parts took, and whether all met their goals."""

    met: bool = True

    @contextmanager
    def part(self, name: str, goal: float | None = None) -> Iterator[None]:
        """Time a part and print it; with a goal, whether it was met."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.judge(name, time.perf_counter() - wall, time.process_time() - cpu, goal)

    def judge(self, name: str, wall: float, cpu: float, goal: float | None) -> None:
        """Print what a part took, s on the clock and of processor time."""
        line = f"{name}: {_seconds(wall)} ({_seconds(cpu)} of processor time)"
        if goal is not None:
            self.met &= bool(wall <= goal)
            line += f", at most {_seconds(goal)}: {'met' if wall <= goal else 'MISSED'}"
        print(line, flush=True)


def _seconds(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1.0 else f"{value:.1f} s"


def run(data: UnseenLift, options: argparse.Namespace) -> bool:
    watch = Stopwatch()
    with watch.part("loading the encoders"):
        encoders = make_encoders(options.image, options.text)
        encoders.image.encode([data.nominal_picture()])
        encoders.text.encode(["lift the cube"])
    trials = len(data.pool)
    with watch.part(f"pictures and features of {trials} trials"):
        encoded = EncodedLift(data, encoders)
    samples = encoded.samples
    with watch.part(f"training on {len(samples)} trials", TRAINING_GOAL):
        model = train(samples, TrainingSettings(), 0)
    with watch.part(f"{options.steps} virtual steps of PPO", STEPS_GOAL):
        agent = EmbeddingAgent.train(model.known, model.nominal, seed=0, steps=options.steps)
    judge = Judge(model, encoders, agent, data.catalogue.instruction)
    query(watch, judge, data)
    sentences = [v["description"] for v in variations(options.descriptions, seed=1)]
    with watch.part(f"ranking {len(sentences)} descriptions", RANKING_GOAL):
        said = judge.ask([Question(sentence) for sentence in sentences])
        order = np.argsort(-said.probability)
    assert len(order) == len(sentences)
    return watch.met


def query(watch: Stopwatch, judge: Judge, data: UnseenLift) -> None:
    """One question after the other, each with a sentence and a picture of its own."""
    ids = data.truth.ids[: QUERIES + 1]
    texts, pictures = data.texts(ids), data.query_pictures(ids)
    questions = [Question(t, p) for t, p in zip(texts, pictures, strict=True)]
    wordy = [Question(question.text) for question in questions]
    for name, those in (("a query", questions), ("a query without a picture", wordy)):
        judge.ask(those[:1])
        walls, cpu = [], time.process_time()
        for question in those[1:]:
            start = time.perf_counter()
            judge.ask([question])
            walls.append(time.perf_counter() - start)
        cpu = (time.process_time() - cpu) / len(walls)
        watch.judge(f"{name}, warm, median of {len(walls)}", np.median(walls), cpu, QUERY_GOAL)


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--steps", type=int, default=100_000, help="virtual ones of PPO")
    known.add_argument("--descriptions", type=int, default=10_000)
    return with_encoders(known)


def main() -> int:
    options = parser().parse_args()
    torch.set_num_threads(2)
    data = UnseenLift()
    # For the cost alone every recorded trial is taken, those of the truth sample's variations too.
    data.pool = RecordedRollouts.load(POOL)
    try:
        return 0 if run(data, options) else 1
    finally:
        data.close()


if __name__ == "__main__":
    raise SystemExit(main())
