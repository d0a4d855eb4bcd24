"""The box of a layer: what it says, how large it is, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..nested import flatten
from .network import Box
from .scene import Path, Point, Rectangle, Shape, Text
from .text import shortened, width_of

# Colours of the heads, by the kind of layer: each has a lightness of its own (L* of CIELAB from 26
# to 98), so that they differ in grey as well.
COLOURS = {
    "own": "#3d3d3d",
    "dense": "#08498a",
    "attention": "#833d7c",
    "recurrent": "#2a7445",
    "convolution": "#087bae",
    "embedding": "#0f9596",
    "model": "#978dc1",
    "normalization": "#ba9e43",
    "pooling": "#f8907f",
    "regularization": "#e9aabc",
    "operation": "#c9c9c9",
    "activation": "#d6dd85",
    "merging": "#acf2e5",
    "reshaping": "#e0effb",
    "input": "#f9f9f9",
}
DARK = {"own", "dense", "attention", "recurrent", "convolution"}  # with white letters
INK, GREY, EDGE = "#1a1a1a", "#5a5a5a", "#404040"

TITLE, NAME, ROW = 14.0, 12.0, 12.0  # sizes of letters
LINE = 17.0  # height of a row
PAD = 10.0
WIDEST = 420.0  # longer texts are shortened
MARGIN = 16.0  # around the picture
MOST_SHAPES = 6  # of several inputs or outputs


@dataclass(frozen=True)
class Style:
    """What is shown of each layer, and how: the arguments of ``plot_model``."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    rankdir: str = "TB"
    expand_nested: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False
    splines: str = "ortho"

    @property
    def sideways(self) -> bool:
        return self.rankdir in ("LR", "RL")

    @property
    def backwards(self) -> bool:
        return self.rankdir in ("BT", "RL")


def rows_of(box: Box, style: Style) -> list[tuple[str, str]]:
    """What a box says below its head, each as (what, value)."""
    rows = []
    if box.call is not None:
        rows.append(("call", f"{box.call[0]} of {box.call[1]}"))
    elif box.calls > 1:
        rows.append(("calls", str(box.calls)))
    if style.show_layer_activations and box.activation is not None:
        rows.append(("activation", box.activation))
    if style.show_shapes:
        before, after = box.input_shape, box.output_shape
        if before is not None and before == after:
            rows += _shape_rows("in, out", after)
        else:
            rows += _shape_rows("in", before) if before is not None else []
            rows += _shape_rows("out", after)
    if style.show_dtype:
        dtype = box.output_dtype
        rows.append(("dtype", "?" if dtype is None else ", ".join(map(str, flatten(dtype)))))
    if style.show_trainable and box.trainable is not None:
        rows.append(("weights", "trained" if box.trainable else "frozen"))
    if box.node is None and box.is_layer:  # of a subclass, the layers are all that is known
        rows += [(type(one).__name__, one.name) for one in box.thing._sublayers]
    return rows


def _shape_rows(what: str, structure: Any) -> list[tuple[str, str]]:
    """A row for each of the shapes; the middle of a long list is left out."""
    if structure is None:
        return [(what, "?")]
    if isinstance(structure, dict):
        shapes = [f"{key}: {shape}" for key, shape in structure.items()]
    else:
        shapes = [str(s) for s in (structure if isinstance(structure, list) else [structure])]
    if len(shapes) > MOST_SHAPES:
        shapes = [*shapes[: MOST_SHAPES - 2], f"… {len(shapes)} in all …", shapes[-1]]
    return [(what if not i else "", shape) for i, shape in enumerate(shapes)]


class Frame:
    """From places along and across the lines to x and y on the paper."""

    def __init__(self, style: Style, length: float) -> None:
        self.sideways = style.sideways
        self.length = length if style.backwards else None

    def point(self, across: float, along: float) -> Point:
        if self.length is not None:
            along = self.length - along
        x, y = (along, across) if self.sideways else (across, along)
        return x + MARGIN, y + MARGIN

    def corner(self, across: float, along: float, width: float, height: float) -> Point:
        """The upper left corner of a box, whose centre is given."""
        x, y = self.point(across, along)
        return x - width / 2, y - height / 2


class Leaf:
    """A box without anything inside, measured."""

    def __init__(self, box: Box, style: Style) -> None:
        self.box = box
        self.name = shortened(box.name, NAME, WIDEST) if style.show_layer_names else ""
        self.rows = rows_of(box, style)
        self.labels = max([width_of(label, ROW) for label, _ in self.rows], default=0.0)
        room = WIDEST - self.labels
        self.rows = [(label, shortened(value, ROW, room)) for label, value in self.rows]
        values = max([width_of(value, ROW) for _, value in self.rows], default=0.0)
        inside = max(
            width_of(box.type_name, TITLE, bold=True),
            width_of(self.name, NAME),
            self.labels + 8 + values if self.rows else 0.0,
        )
        self.head = TITLE + 11 + (LINE - 1 if self.name else 0)
        self.width = max(inside + 2 * PAD, 64.0)
        self.height = self.head + (len(self.rows) * LINE + 7 if self.rows else 0)
        self.across, self.along = self.width, self.height
        if style.sideways:
            self.across, self.along = self.height, self.width

    def shapes(self, frame: Frame, across: float, along: float) -> list[Shape]:
        """What is drawn for a box whose centre is there."""
        box = self.box
        x, y = frame.corner(across, along, self.width, self.height)
        frozen = box.trainable is False
        letters = "#ffffff" if box.kind in DARK else INK
        found: list[Shape] = []
        if self.rows:
            found.append(Rectangle(x, y, self.width, self.height, "#ffffff", radius=5))
            found.append(_head(x, y, self.width, self.head, COLOURS[box.kind]))
        else:
            found.append(Rectangle(x, y, self.width, self.height, COLOURS[box.kind], radius=5))
        middle = x + self.width / 2
        found.append(Text(middle, y + TITLE + 4, box.type_name, TITLE, True, letters, "middle"))
        if self.name:
            found.append(
                Text(middle, y + TITLE + LINE + 2, self.name, NAME, False, letters, "middle")
            )
        for number, (label, value) in enumerate(self.rows):
            baseline = y + self.head + number * LINE + ROW + 3
            found.append(Text(x + PAD, baseline, label, ROW, colour=GREY))
            found.append(Text(x + PAD + self.labels + 8, baseline, value, ROW, colour=INK))
        tip = f"{box.type_name} {box.name}".strip()
        if box.is_layer and getattr(box.thing, "built", False):
            tip = f"{tip}: {box.thing.count_params():,} weights"
        found.append(
            Rectangle(x, y, self.width, self.height, "none", EDGE, 5, 1.2, dashed=frozen, title=tip)
        )
        return found


def _head(x: float, y: float, width: float, height: float, fill: str) -> Path:
    """A rectangle whose upper corners are round."""
    r, right, bottom = 5.0, x + width, y + height
    return Path(
        [
            ("M", [(x, bottom)]),
            ("L", [(x, y + r)]),
            ("Q", [(x, y), (x + r, y)]),
            ("L", [(right - r, y)]),
            ("Q", [(right, y), (right, y + r)]),
            ("L", [(right, bottom)]),
            ("Z", []),
        ],
        fill=fill,
    )
