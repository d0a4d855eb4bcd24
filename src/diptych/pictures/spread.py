"""Many runs of one training: their curves, and how often each result came out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .chart import BOTTOM, GREY, HEIGHT, INK, LEFT, RIGHT, SIZE, TOP, WIDTH, Chart, Curve, axes
from .scene import Path, Rectangle, Scene, Step, Text
from .text import width_of

MOST_CURVES = 60
MOST_POINTS = 240
BINS = 24
GOOD, BAD = "#08498a", "#d9822b"


def spread(
    losses: Sequence[np.ndarray],
    scores: np.ndarray,
    failed: Sequence[bool],
    monitor: str,
    title: str,
) -> Scene:
    """Two charts: the loss of the runs over the epochs, and a histogram of their scores.

    Args:
        losses: one array for each run.
        scores: (n,) numbers.
        failed: of which runs the curves are dashed, and another colour.
        monitor: the name of the score.
        title: what is to be learnt from it.
    """
    top = 34.0
    scene = Scene(max(WIDTH, width_of(title, SIZE + 1, True) + 28), 2 * HEIGHT + top, title)
    scene.shapes.append(Text(14, 22, title, SIZE + 1, True, INK))
    shown = _some(losses, scores)
    curves = [_curve(losses[i], failed[i]) for i in shown]
    name = "loss" if len(shown) == len(losses) else f"loss of {len(shown)} of the runs"
    scene.shapes += axes(Chart(name, curves), top)
    if any(failed):
        scene.shapes += _key(top)
    scene.shapes += _histogram(scores, failed, monitor, top + HEIGHT)
    return scene


def _some(losses: Sequence[np.ndarray], scores: np.ndarray) -> list[int]:
    """Runs to draw: all, or so many of them that their scores stand for all."""
    order = np.argsort(scores, kind="stable")
    if len(order) > MOST_CURVES:
        order = order[np.linspace(0, len(order) - 1, MOST_CURVES).astype(int)]
    return [int(i) for i in order if len(losses[i])]


def _curve(loss: np.ndarray, failed: bool) -> Curve:
    which = np.unique(np.linspace(0, len(loss) - 1, min(len(loss), MOST_POINTS)).astype(int))
    epochs = [int(i) + 1 for i in which]
    values = [float(value) for value in loss[which]]
    return Curve("", epochs, values, BAD if failed else GOOD, failed, thickness=0.9)


def _key(top: float) -> list:
    found: list = []
    right, y = WIDTH - RIGHT, top + 14
    for what, colour, dashed in (("failed", BAD, True), ("succeeded", GOOD, False)):
        right -= width_of(what, SIZE)
        found.append(Text(right, y + 4, what, SIZE, colour=INK))
        line: list[Step] = [("M", [(right - 31, y)]), ("L", [(right - 5, y)])]
        found.append(Path(line, colour, thickness=2.2, dashed=dashed))
        right -= 45
    return found


def _histogram(scores: np.ndarray, failed: Sequence[bool], monitor: str, top: float) -> list:
    finite = np.isfinite(scores)
    values, bad = scores[finite], np.asarray(failed)[finite]
    found: list = [Text(LEFT, top + 18, "runs", SIZE + 1, True, INK)]
    if not len(values):
        return [*found, Text(LEFT, top + HEIGHT / 2, "no finite values", SIZE, colour=INK)]
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(values, edges)
    counts_bad, _ = np.histogram(values[bad], edges)
    bottom, width = top + HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / BINS
    scale = (HEIGHT - TOP - BOTTOM) / counts.max()
    for i in np.flatnonzero(counts):
        x = float(LEFT + i * width)
        tip = f"{counts[i]} runs with {monitor} from {edges[i]:.4g} to {edges[i + 1]:.4g}"
        for count, base, colour in (
            (counts_bad[i], 0, BAD),
            (counts[i] - counts_bad[i], counts_bad[i], GOOD),
        ):
            if count:
                y = float(bottom - (base + count) * scale)
                height = float(count * scale)
                found.append(Rectangle(x + 1, y, width - 2, height, colour, title=tip))
        y = float(bottom - counts[i] * scale - 4)
        found.append(Text(x + width / 2, y, str(counts[i]), SIZE - 2, colour=INK, anchor="middle"))
    line: list[Step] = [("M", [(LEFT, bottom)]), ("L", [(WIDTH - RIGHT, bottom)])]
    found.append(Path(line, GREY))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        text = f"{low + share * (high - low):.4g}"
        found.append(Text(x, bottom + 17, text, SIZE, colour=GREY, anchor=anchor))
    middle = (LEFT + WIDTH - RIGHT) / 2
    missing = "" if finite.all() else f" ({int(np.sum(~finite))} runs are not finite)"
    name = f"{monitor} after the training{missing}"
    found.append(Text(middle, bottom + 33, name, SIZE, colour=INK, anchor="middle"))
    return found
