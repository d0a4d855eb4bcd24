"""Curves over the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .scene import Path, Point, Rectangle, Scene, Shape, Step, Text
from .text import width_of

WIDTH, HEIGHT = 480.0, 240.0  # of one chart, with everything around it
LEFT, RIGHT, TOP, BOTTOM = 62.0, 18.0, 50.0, 42.0  # what is around the curves
SIZE = 12.0
INK, GREY, GRID = "#1a1a1a", "#5a5a5a", "#d9d9d9"
STEEP = 30.0  # if the largest value is so many times the smallest, the axis is logarithmic
MOST_DOTS = 30  # epochs, of which each has a dot


@dataclass
class Curve:
    """One value for some of the epochs.

    Attributes:
        what: a name, for the legend; "" for none.
        epochs: their numbers, the first is 1.
        values: not all need be finite.
        colour: of the line.
        dashed: whether the line has gaps, so that it can be told from others in grey.
    """

    what: str
    epochs: Sequence[int]
    values: Sequence[float]
    colour: str
    dashed: bool = False
    thickness: float = 2.2


@dataclass
class Chart:
    """Curves with axes: `title` names what goes up; `best` is (epoch, value, words) or None."""

    title: str
    curves: list[Curve]
    best: tuple[int, float, str] | None = None


def charts(title: str, many: Sequence[Chart]) -> Scene:
    """The charts, one under the other, so that they are legible on a narrow screen as well."""
    scene = Scene(WIDTH, HEIGHT * max(len(many), 1), title)
    for number, chart in enumerate(many):
        scene.shapes += axes(chart, HEIGHT * number)
    return scene


def axes(chart: Chart, top: float) -> list[Shape]:
    """A chart whose upper edge is at ``top``."""
    return _Axes(chart, top).shapes()


class _Axes:
    def __init__(self, chart: Chart, top: float) -> None:
        self.chart = chart
        self.top = top
        values = [v for curve in chart.curves for v in curve.values if math.isfinite(v)]
        self.empty = not values
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        self.logarithmic = low > 0 and high / low > STEEP
        if low == high:
            low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
        self.ticks = powers(low, high) if self.logarithmic else steps(low, high)
        self.low, self.high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        epochs = [epoch for curve in chart.curves for epoch in curve.epochs]
        self.first, self.last = min(epochs, default=1), max(epochs, default=1)

    def x(self, epoch: float) -> float:
        width = WIDTH - LEFT - RIGHT
        if self.first == self.last:
            return LEFT + width / 2
        return LEFT + 6 + (width - 12) * (epoch - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        height = HEIGHT - TOP - BOTTOM
        return self.top + TOP + height * (1 - (value - low) / (high - low))

    def shapes(self) -> list[Shape]:
        bottom = self.top + HEIGHT - BOTTOM
        name = self.chart.title + (" (logarithmic)" if self.logarithmic else "")
        found: list[Shape] = [Text(LEFT, self.top + 18, name, SIZE + 1, bold=True, colour=INK)]
        for tick in self.ticks:
            y = self.y(tick)
            found.append(Path([("M", [(LEFT, y)]), ("L", [(WIDTH - RIGHT, y)])], GRID, thickness=1))
            found.append(Text(LEFT - 7, y + 4, f"{tick:.6g}", SIZE, colour=GREY, anchor="end"))
        found.append(Path([("M", [(LEFT, bottom)]), ("L", [(WIDTH - RIGHT, bottom)])], GREY))
        for epoch in whole_steps(self.first, self.last):
            x = self.x(epoch)
            found.append(Path([("M", [(x, bottom)]), ("L", [(x, bottom + 4)])], GREY, thickness=1))
            found.append(Text(x, bottom + 17, str(epoch), SIZE, colour=GREY, anchor="middle"))
        middle = (LEFT + WIDTH - RIGHT) / 2
        found.append(Text(middle, bottom + 33, "epoch", SIZE, colour=INK, anchor="middle"))
        if self.empty:
            found.append(Text(middle, self.top + HEIGHT / 2, "no finite values", SIZE, colour=INK))
        found += self._legend()
        for curve in self.chart.curves:
            found += self._curve(curve)
        return found + self._best()

    def _legend(self) -> list[Shape]:
        found: list[Shape] = []
        right = WIDTH - RIGHT
        y = self.top + 14
        for curve in reversed([curve for curve in self.chart.curves if curve.what]):
            right -= width_of(curve.what, SIZE)
            found.append(Text(right, y + 4, curve.what, SIZE, colour=INK))
            line: list[Step] = [("M", [(right - 31, y)]), ("L", [(right - 5, y)])]
            found.append(Path(line, curve.colour, thickness=2.2, dashed=curve.dashed))
            right -= 45
        return found

    def _curve(self, curve: Curve) -> list[Shape]:
        found: list[Shape] = []
        part: list[Point] = []
        many = len(curve.epochs) > MOST_DOTS or not curve.what
        for epoch, value in zip([*curve.epochs, 0], [*curve.values, math.nan], strict=True):
            if math.isfinite(value) and (value > 0 or not self.logarithmic):
                part.append((self.x(epoch), self.y(value)))
                continue
            if len(part) > 1:
                line: list[Step] = [("M", part[:1]), ("L", part[1:])]
                found.append(Path(line, curve.colour, "none", curve.thickness, curve.dashed))
            found += [dot(point, curve.colour) for point in part if not many or len(part) == 1]
            part = []
        return found

    def _best(self) -> list[Shape]:
        """A line across at the best epoch, and what is best there."""
        if self.chart.best is None:
            return []
        epoch, value, words = self.chart.best
        x, y = self.x(epoch), self.y(value)
        top, bottom = self.top + TOP - 8, self.top + HEIGHT - BOTTOM
        length = width_of(words, SIZE)
        left = min(max(x - length / 2, LEFT), WIDTH - RIGHT - length)
        return [
            Path([("M", [(x, top)]), ("L", [(x, bottom)])], GREY, thickness=1, dashed=True),
            ring((x, y), 5.0),
            Rectangle(left - 3, top - 12, length + 6, 16, "#ffffff"),
            Text(left, top, words, SIZE, colour=INK),
        ]


def _circle(centre: Point, radius: float) -> list[Step]:
    (x, y), r, c = centre, radius, radius * 0.5523  # of the four curves of a circle
    return [
        ("M", [(x + r, y)]),
        ("C", [(x + r, y + c), (x + c, y + r), (x, y + r)]),
        ("C", [(x - c, y + r), (x - r, y + c), (x - r, y)]),
        ("C", [(x - r, y - c), (x - c, y - r), (x, y - r)]),
        ("C", [(x + c, y - r), (x + r, y - c), (x + r, y)]),
        ("Z", []),
    ]


def dot(centre: Point, colour: str) -> Path:
    return Path(_circle(centre, 2.6), fill=colour)


def ring(centre: Point, radius: float) -> Path:
    return Path(_circle(centre, radius), INK, thickness=1.5)


def steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers, at most so many, from below `low` to above `high`."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 2.5, 5, 10, 20) if k * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def powers(low: float, high: float) -> list[float]:
    """Powers of ten, or where these are few, 1, 2 and 5 times them, between `low` and `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / 6))
    found = [10.0**i for i in range(first, last + 1, step) if low <= 10.0**i <= high]
    if len(found) < 3:
        found = [k * 10.0**i for i in range(first, last + 1) for k in (1, 2, 5)]
        found = [tick for tick in found if low <= tick <= high]
    return found


def whole_steps(first: int, last: int, most: int = 8) -> list[int]:
    """Round whole numbers, at most about so many, from `first` to `last`."""
    rough = max((last - first) / most, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough)
    return [i for i in range(first, last + 1) if i % step == 0 or (i == first and step == 1)]
