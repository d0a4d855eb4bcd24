"""Grids: a confusion matrix, and samples with what is said about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .scene import Pixels, Rectangle, Scene, Shape, Text
from .text import shortened, width_of

SIZE = 12.0
INK, EDGE = "#1a1a1a", "#404040"
MARGIN = 14.0
CELL = 34.0  # the least width and height of a matrix's cell
PALE, DEEP = (255, 255, 255), (8, 73, 138)  # the colours of no sample, and of all of a class
LABEL = 150.0  # the most that a class's name may take
IMAGE = 104.0  # the side of a sample
IN_A_ROW = 4
LEAST_SIDE = 6  # of an image in a vector


def confusion(counts: np.ndarray, labels: Sequence[str]) -> Scene:
    """A confusion matrix: rows are what samples are, columns what they were taken for."""
    columns = rows = [shortened(label, SIZE, LABEL) for label in labels]
    width, height = max(CELL, width_of(f"{counts.max(initial=0)}", SIZE) + 12), CELL - 6
    if any(width_of(name, SIZE) + 8 > width for name in columns):
        columns = [str(j) for j in range(len(rows))]
        rows = [f"{name} ({i})" for i, name in enumerate(rows)]
    left = MARGIN + max((width_of(name, SIZE) for name in rows), default=0.0) + 14
    top = MARGIN + 64.0
    right = np.trace(counts) / max(counts.sum(), 1)
    title = f"Confusion matrix: {right:.1%} of {counts.sum()} are right"
    widest = max(left + len(rows) * width, MARGIN + width_of(title, SIZE, True))
    scene = Scene(widest + MARGIN, top + len(rows) * height + MARGIN, title)
    scene.shapes += [
        Text(MARGIN, MARGIN + 8, title, SIZE, True, INK),
        Text(left - 8, top - 7, "is", SIZE, True, INK, "end"),
        Text(left, top - 27, "taken for", SIZE, True, INK),
    ]
    for j, name in enumerate(columns):
        x = left + (j + 0.5) * width
        scene.shapes.append(Text(x, top - 7, name, SIZE, False, INK, "middle"))
    for i, name in enumerate(rows):
        y = top + i * height
        scene.shapes.append(Text(left - 8, y + height / 2 + 4, name, SIZE, False, INK, "end"))
        of_class = counts[i].sum()
        for j in range(len(columns)):
            count = int(counts[i, j])
            tip = f"{labels[i]}, taken for {labels[j]}: {count} of {of_class}"
            share = count / max(of_class, 1)
            scene.shapes += _cell(left + j * width, y, width, height, count, share, tip)
    return scene


def _cell(
    x: float, y: float, width: float, height: float, count: int, share: float, tip: str
) -> list[Shape]:
    depth = share**0.5  # so that a few mistakes are seen beside many right answers
    red, green, blue = (round(a + (b - a) * depth) for a, b in zip(PALE, DEEP, strict=True))
    fill = f"#{red:02x}{green:02x}{blue:02x}"
    letters = "#ffffff" if depth > 0.55 else INK
    found: list[Shape] = [Rectangle(x, y, width, height, fill, "#bfbfbf", thickness=0.8, title=tip)]
    if count:
        found.append(
            Text(x + width / 2, y + height / 2 + 4, str(count), SIZE, False, letters, "middle")
        )
    return found


@dataclass
class Cell:
    """A sample, the lines of text under it, and what is shown where a pointer rests on it."""

    sample: np.ndarray
    first: str
    second: str
    third: str
    tip: str


def gallery(cells: Sequence[Cell], title: str) -> Scene:
    """Samples side by side: images, or vectors as strips of grey."""
    widest = max(
        [width_of(line, SIZE) for cell in cells for line in (cell.first, cell.second, cell.third)],
        default=0.0,
    )
    width = max(IMAGE, min(widest, LABEL)) + 16
    height = IMAGE + 3 * 16 + 22
    columns = min(max(len(cells), 1), IN_A_ROW)
    rows = max(-(-len(cells) // IN_A_ROW), 1)
    scene = Scene(columns * width + 2 * MARGIN, rows * height + 2 * MARGIN + 14, title)
    scene.shapes.append(Text(MARGIN + 8, MARGIN + 8, title, SIZE + 1, True, INK))
    for number, cell in enumerate(cells):
        x = MARGIN + 8 + width * (number % IN_A_ROW)
        y = MARGIN + 20 + height * (number // IN_A_ROW)
        pixels = as_pixels(cell.sample)
        tall, wide = pixels.shape[:2]
        longest = max(tall, wide, 1)
        w, h = IMAGE * wide / longest, max(IMAGE * tall / longest, 24.0)
        top = y + (IMAGE - h) / 2
        scene.shapes.append(Pixels(x, top, w, h, pixels, cell.tip))
        scene.shapes.append(Rectangle(x, top, w, h, "none", EDGE, thickness=0.8))
        for line, text in enumerate((cell.first, cell.second, cell.third)):
            short = shortened(text, SIZE, LABEL)
            scene.shapes.append(Text(x, y + IMAGE + 16 * (line + 1), short, SIZE, False, INK))
    return scene


def as_pixels(sample: np.ndarray) -> np.ndarray:
    """A sample as pixels, (H, W) grey or (H, W, 3), uint8: its smallest value is black, its largest
    white.

    Channels that are neither one nor three are averaged. A vector is one row of pixels; a long one
    whose size is a square is taken for an image whose rows stand one after the other.
    """
    values = np.asarray(sample, float)
    if not 1 <= values.ndim <= 3:
        raise ValueError(
            f"A sample of shape {values.shape} cannot be drawn: expected an image, (H, W) or "
            "(H, W, C), or a vector, (D,)."
        )
    if values.ndim == 1:
        side = math.isqrt(values.size)
        is_image = side >= LEAST_SIDE and side * side == values.size
        values = values.reshape((side, side) if is_image else (1, -1))
    if values.ndim == 3 and values.shape[2] != 3:
        values = values.mean(axis=2)
    values = np.nan_to_num(values)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    return ((values - low) / ((high - low) or 1) * 255).astype(np.uint8)
