# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of an embedding's quality: Table V, Fig. 15, Fig. 16 of the paper, and calibration."""

import numpy as np
from matplotlib.figure import Figure

from robomd_ros.core.embedding.quality import Ablation, Quality
from robomd_ros.core.wording import words
from robomd_ros.report import drawing
from robomd_ros.report.drawing import Picture, Size, make_picture

_MOST_LABELS = 24
"""Scenes are named at a matrix of up to so many."""


def embedding_figures(quality: Quality) -> list[Picture]:
    """All figures there is data for."""
    figures = [cosine_figure(quality), loss_figure(quality), calibration_figure(quality)]
    neighbours = neighbour_figure(quality)
    return figures if neighbours is None else [*figures, neighbours]


def cosine_figure(quality: Quality) -> Picture:
    """The matrices of Table V, one panel each."""
    rows = quality.table

    def draw(figure: Figure, narrow: bool) -> None:
        columns = 1 if narrow else min(2, len(rows))
        axes = figure.subplots(-(-len(rows) // columns), columns, squeeze=False).ravel()
        for panel, row in zip(axes, rows, strict=False):
            image = panel.imshow(row.matrix.values, vmin=-1, vmax=1, cmap="RdBu_r")
            panel.set_title(f"{row.name}\nMSE {row.matrix.mse:.3f}", fontsize=8)
            labels = row.matrix.labels
            shown = list(map(words, labels)) if len(labels) <= _MOST_LABELS and not narrow else []
            panel.set_yticks(range(len(shown)), shown, fontsize=5)
            panel.set_xticks([])
        for panel in axes[len(rows) :]:
            panel.set_axis_off()
        figure.colorbar(image, ax=list(axes), label="cosine", shrink=0.5)

    height = 3.4 * -(-len(rows) // 2)
    return make_picture(
        "embedding_cosines",
        "How alike the embedding makes the changes",
        "Cosines between the mean embeddings of changes. " + " ".join(map(_spoken, rows)),
        "Each panel: cosines between the mean embeddings of all pairs of changes, for another loss "
        "or without the sentences. Nearer to a lone diagonal, changes are told apart better.",
        size=Size(8.0, height, 3.3 * len(rows)),
        draw=draw,
    )


def _spoken(row: Ablation) -> str:
    matrix, paper = row.matrix, row.paper
    text = f"{row.name}: MSE {matrix.mse:.4f}, Frobenius {matrix.frobenius:.4f}"
    return text + (f" (the paper: {paper[0]:.4f}, {paper[1]:.4f})." if paper else ".")


def neighbour_figure(quality: Quality) -> Picture | None:
    """KNN accuracy over k; None if nothing could be held out."""
    found = quality.neighbours
    if found is None:
        return None

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        axes.plot(found.k, found.accuracy, "o-", color=drawing.SUCCESS, label="k neighbours")
        axes.axhline(found.majority, color=drawing.NEUTRAL, ls="--", label="most frequent outcome")
        axes.set_xscale("log")
        axes.set_xticks(found.k, [str(k) for k in found.k], fontsize=7 if narrow else 9)
        axes.set_xticks([], minor=True)
        axes.set_xlabel("k, neighbours that vote")
        axes.set_ylabel("share of right outcomes")
        axes.set_ylim(0.0, 1.02)
        axes.legend(loc="lower left", fontsize=8)
        drawing.clear_grid(axes)

    best = int(np.argmax(found.accuracy))
    return make_picture(
        "embedding_neighbours",
        "What the nearest known scenes say",
        f"Accuracy of a nearest-neighbour vote on {found.held_out} held-out trials: best "
        f"{found.accuracy[best]:.2f} at k = {found.k[best]}, {found.accuracy[-1]:.2f} at "
        f"k = {found.k[-1]}; always the most frequent outcome: {found.majority:.2f}.",
        "The embedding was trained without the scenes whose outcomes are predicted here.",
        size=Size(6.4, 3.2, 3.0),
        draw=draw,
    )


def loss_figure(quality: Quality) -> Picture:
    """Training loss by what the embedding sees."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        for i, (name, losses) in enumerate(quality.losses.items()):
            axes.plot(losses, color=drawing.SERIES[i], ls=drawing.LINES[i], lw=1.6, label=name)
        axes.set_xlabel("update")
        axes.set_ylabel("loss, nats")
        axes.set_ylim(bottom=0.0)
        axes.legend(fontsize=8 if narrow else 9)
        drawing.clear_grid(axes)

    spoken = ", ".join(f"{name} {losses[-1]:.3f}" for name, losses in quality.losses.items())
    return make_picture(
        "embedding_losses",
        "Training loss by what is seen",
        f"Loss over the updates of training, at the end: {spoken}.",
        "Trained on pictures, on sentences, and on both. A lower training loss is no better "
        "prediction of what was not trained on.",
        size=Size(6.4, 3.2, 3.0),
        draw=draw,
    )


def calibration_figure(quality: Quality) -> Picture:
    """Reliability diagram of cross-validated predictions."""
    diagram = quality.diagram
    used = diagram.counts > 0

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=drawing.NEUTRAL, ls="--", lw=1)
        axes.scatter(
            diagram.predicted[used],
            diagram.observed[used],
            s=20 + 280 * diagram.counts[used] / diagram.counts.max(),
            color=drawing.SUCCESS,
            alpha=0.8,
        )
        axes.set_xlabel("predicted failure probability")
        axes.set_ylabel("share that failed")
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        drawing.clear_grid(axes, "both")

    triples = zip(diagram.predicted[used], diagram.observed[used], strict=True)
    spoken = ", ".join(f"{p:.2f} predicted, {o:.2f} failed" for p, o in triples)
    return make_picture(
        "embedding_calibration",
        "Whether predicted probabilities come true",
        f"Expected calibration error {diagram.error:.3f}. {spoken}.",
        f"Scenes by predicted failure probability, each predicted without its own trials; larger "
        f"marks hold more scenes. On the dashed line predictions come true. Expected calibration "
        f"error: {diagram.error:.3f}.",
        size=Size(4.6, 4.2, 3.6),
        draw=draw,
    )
