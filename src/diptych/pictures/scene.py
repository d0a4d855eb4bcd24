"""What a picture is made of, before it is drawn: rectangles, lines and texts with their places.

Lengths are in pixels of 1/96 inch, as in SVG; y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Point = tuple[float, float]
Step = tuple[str, list[Point]]  # of a path
PIXELS_PER_INCH = 96


@dataclass
class Rectangle:
    """A rectangle with round corners; `title` is shown where a pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    fill: str = "none"
    stroke: str = "none"
    radius: float = 0.0
    thickness: float = 1.0
    dashed: bool = False
    title: str = ""


@dataclass
class Text:
    """A line of text on the baseline `y`; `anchor` says which of its ends is at `x`."""

    x: float
    y: float
    text: str
    size: float = 12.0
    bold: bool = False
    colour: str = "#000000"
    anchor: str = "start"  # or "middle", "end"


@dataclass
class Path:
    """A line, or with `fill` an area: commands M (go to), L (line to), Q and C (curves of degree 2
    and 3) and Z (close), each with its points.
    """

    steps: list[Step]
    stroke: str = "none"
    fill: str = "none"
    thickness: float = 1.5
    dashed: bool = False


@dataclass
class Pixels:
    """An image of its own pixels, which stay sharp: (H, W) grey or (H, W, 3) colours, uint8."""

    x: float
    y: float
    width: float
    height: float
    values: np.ndarray
    title: str = ""


Shape = Rectangle | Text | Path | Pixels


@dataclass
class Scene:
    """Shapes, drawn one after the other, on white paper of this size."""

    width: float
    height: float
    title: str = ""
    shapes: list[Shape] = field(default_factory=list)
