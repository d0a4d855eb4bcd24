"""The picture of a model: its boxes are measured, placed, connected, and made a scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .boxes import EDGE, INK, MARGIN, NAME, WIDEST, Frame, Leaf, Style
from .layout import Route, lay_out
from .lines import ARROW, SPLINES, Channel, arrow
from .network import Box, Network, read
from .scene import Path, Rectangle, Scene, Shape, Text
from .text import shortened, width_of

NEST_FILLS = ("#f1eff8", "#e4e0f0")  # of nested models; those inside of them have the other one
GAP = 26.0  # between boxes side by side
STEP = 30.0  # the least distance between ranks
NEST_HEAD = 24.0  # above the boxes of a nested model, for its name
NEST_PAD = 14.0


def picture(model: Any, style: Style) -> Scene:
    """The picture of a model."""
    plan = Plan(read(model, style.expand_nested), style)
    frame = Frame(style, plan.along)
    width, height = (plan.along, plan.across) if style.sideways else (plan.across, plan.along)
    title = f"The layers of the model {model.name}, from input to output"
    layers = plan.shapes(frame, 0.0, 0.0, 0)
    return Scene(
        width + 2 * MARGIN, height + 2 * MARGIN, title, [shape for one in layers for shape in one]
    )


@dataclass
class _Item:
    """What is placed: a box, a nested plan, or nothing: a port, at which lines pass the edge of a
    nested model.

    entries, exits: of a nested plan, where lines enter and leave, from its centre.
    """

    what: Leaf | Plan | None
    across: float = 0.0
    along: float = 0.0
    entries: list[float] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)


class Plan:
    """A network in its places.

    Attributes:
        across, along: its size.
        entries, exits: for each input and output of a nested model, where its line passes the edge.
    """

    def __init__(self, network: Network, style: Style, name: str | None = None) -> None:
        self.style = style
        self.name = name  # of a nested model
        self.items = [self._item(box) for box in network.boxes]
        # From, to, and which output and input of these.
        self.ends = [(one.source, one.target, one.output, one.input) for one in network.lines]
        inputs, outputs = [], []
        if name is not None:
            inputs = [self._port(takers, before=True) for takers in network.inputs]
            outputs = [self._port([giver], before=False) for giver in network.outputs]
        layout = lay_out(
            [item.across for item in self.items],
            [(source, target) for source, target, *_ in self.ends],
            inputs,
            outputs,
            GAP,
        )
        self.x, self.rank, self.routes = layout.x, layout.rank, layout.routes
        self.left = 0.0
        self.across = layout.width
        if name is not None:
            self._widen([self.x[i] for i in inputs])
        self._make_channels()
        self.entries = [self.x[i] + self.left for i in inputs]
        self.exits = [self.x[i] + self.left for i in outputs]

    def _item(self, box: Box) -> _Item:
        if box.network is None:
            leaf = Leaf(box, self.style)
            return _Item(leaf, leaf.across, leaf.along)
        plan = Plan(box.network, self.style, box.name)
        middle = plan.across / 2
        entries = [place - middle for place in plan.entries]
        return _Item(
            plan, plan.across, plan.along, entries, [place - middle for place in plan.exits]
        )

    def _port(self, inside: list[tuple[int, int]], before: bool) -> int:
        """Add a port before boxes, each with the number of its input, or behind a box with the
        number of its output; return the port's own number.
        """
        port = len(self.items)
        self.items.append(_Item(None))
        for box, number in inside:
            self.ends.append((port, box, 0, number) if before else (box, port, number, 0))
        return port

    def _widen(self, entries: list[float]) -> None:
        """Make room for the edge and the name of a nested model, beside the lines that enter."""
        name = width_of(shortened(self.name or "", NAME, WIDEST), NAME, bold=True) + NEST_PAD
        if self.style.sideways:
            self.left = right = NEST_HEAD  # on both sides, so that a chain goes on straight
        else:
            self.left = right = max(NEST_PAD, name + 8 - min(entries, default=name))
        self.across += self.left + right

    def _make_channels(self) -> None:
        """How far along each rank begins and ends, with channels between for the lines."""
        depths = [0.0] * (max(self.rank, default=-1) + 1)
        for item, rank in zip(self.items, self.rank, strict=True):
            depths[rank] = max(depths[rank], item.along)
        self.channels = [Channel(SPLINES[self.style.splines]) for _ in depths[1:]]
        if self.name is not None and not self.style.sideways:
            if self.style.backwards:
                self.channels[-1].tail = NEST_HEAD
            else:
                self.channels[0].lead = NEST_HEAD
        for line, route in zip(self.ends, self.routes, strict=True):
            source, target, output, entry = line
            if self.items[source].exits:
                route.xs[0] += self.items[source].exits[output]
            if self.items[target].entries:
                route.xs[-1] += self.items[target].entries[entry]
            for number, channel in enumerate(self._channels_of(route)):
                key = _key(line, number)
                channel.add(key, route.xs[number], route.xs[number + 1])
        self.starts, self.stops = [], []
        along = 0.0
        for rank, depth in enumerate(depths):
            self.starts.append(along)
            along += depth
            self.stops.append(along)
            if rank < len(self.channels):
                beside_edge = not depth or not depths[rank + 1]
                self.channels[rank].settle(STEP / 2 if beside_edge else STEP)
                along += self.channels[rank].height
        self.along = along

    def _channels_of(self, route: Route) -> list[Channel]:
        return self.channels[self.rank[route.source] : self.rank[route.target]]

    def shapes(
        self, frame: Frame, across: float, along: float, depth: int
    ) -> tuple[list[Shape], list[Shape], list[Shape]]:
        """Areas, lines, and boxes with texts, in this order, of a plan that begins there.

        depth: the number of models around it.
        """
        areas: list[Shape] = []
        lines: list[Shape] = []
        boxes: list[Shape] = []
        if self.name is not None:
            area, text = self._area(frame, across, along, depth)
            areas.append(area)
            boxes.append(text)
        across += self.left
        for line, route in zip(self.ends, self.routes, strict=True):
            lines += self._line(frame, across, along, line, route)
        for i, item in enumerate(self.items):
            x = across + self.x[i]
            y = along + self._edge(i, 0)
            if isinstance(item.what, Leaf):
                boxes += item.what.shapes(frame, x, y)
            elif isinstance(item.what, Plan):
                inner = item.what.shapes(frame, x - item.across / 2, y - item.along / 2, depth + 1)
                areas += inner[0]
                lines += inner[1]
                boxes += inner[2]
        return areas, lines, boxes

    def _area(
        self, frame: Frame, across: float, along: float, depth: int
    ) -> tuple[Rectangle, Text]:
        """The area of a nested model, and its name in the upper left corner."""
        size = (self.across, self.along)
        width, height = size[::-1] if self.style.sideways else size
        x, y = frame.corner(across + self.across / 2, along + self.along / 2, width, height)
        fill = NEST_FILLS[depth % 2]
        name = shortened(self.name or "", NAME, min(WIDEST, width - 2 * NEST_PAD), bold=True)
        return (
            Rectangle(x, y, width, height, fill, EDGE, radius=8, thickness=1),
            Text(x + NEST_PAD - 4, y + NAME + 4, name, NAME, True, INK),
        )

    def _line(
        self, frame: Frame, across: float, along: float, line: tuple, route: Route
    ) -> list[Shape]:
        """A line from box to box, with an arrow where it ends at a box of a layer."""
        source, target = route.source, route.target
        steps = [("M", [(route.xs[0], self._edge(source, 1))])]
        for number, channel in enumerate(self._channels_of(route)):
            top = self.stops[self.rank[source] + number]
            steps.append(("L", [(route.xs[number], top)]))
            start, end = route.xs[number : number + 2]
            steps += channel.cross(_key(line, number), start, end, top)
        tip = (route.xs[-1], self._edge(target, -1))
        pointed = isinstance(self.items[target].what, Leaf)
        steps[-1] = ("L", [(tip[0], tip[1] - (ARROW - 2 if pointed else 0))])
        shown = [
            (command, [frame.point(x + across, y + along) for x, y in points])
            for command, points in steps
        ]
        found: list[Shape] = [Path(shown, stroke=EDGE)]
        if pointed:
            point = frame.point(tip[0] + across, tip[1] + along)
            found.append(Path(arrow(point, shown[-1][1][0]), fill=EDGE))
        return found

    def _edge(self, i: int, side: int) -> float:
        """Where along item i begins (side -1), has its middle (0), or ends (1)."""
        rank = self.rank[i]
        return (self.starts[rank] + self.stops[rank] + side * self.items[i].along) / 2


def _key(line: tuple[int, int, int, int], number: int) -> tuple:
    """What lines share in channel number `number` on their way if they are one there: they begin
    as one if they come from the same output.
    """
    source, _, output, _ = line
    return (source, output) if number == 0 else (*line, number)
