"""How lines go from one rank to the next: the channel between two ranks, and arrows.

Within a rank a line is straight; all its turns are in channels, where there are no boxes.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from .scene import Point, Step

TRACK = 10.0  # between two lines that run across in the same channel
ARROW = 8.0  # the length of an arrow's head
ROUND = 6.0  # the radius of a corner
NEAR = 0.5  # lines so near each other are one
SPLINES = {
    "ortho": "ortho",
    "curved": "curved",
    "spline": "curved",
    "polyline": "straight",
    "line": "straight",
}


@dataclass(eq=False)
class Net:
    """Lines of a channel that run across together: they come from one place, or from several and
    go to the same ones.
    """

    starts: list[float]
    ends: list[float] = field(default_factory=list)
    track: int = 0

    @property
    def left(self) -> float:
        return min(self.starts + self.ends)

    @property
    def right(self) -> float:
        return max(self.starts + self.ends)

    @property
    def turns(self) -> bool:
        return self.right - self.left > NEAR

    def holds(self, x: float) -> bool:
        return self.left + NEAR < x < self.right - NEAR


class Channel:
    """The lines between two ranks.

    Args:
        kind: "ortho", "curved" or "straight".
        lead, tail: how far the lines are straight at the beginning, and at the end.
    """

    def __init__(self, kind: str, lead: float = 8.0, tail: float = ARROW + 4.0) -> None:
        self.kind = kind
        self.lead, self.tail = lead, tail
        self.nets: dict[Hashable, Net] = {}
        self.height = 0.0
        self.tracks = 0

    def add(self, key: Hashable, start: float, end: float) -> None:
        """Add a line; lines with the same key come from the same place."""
        self.nets.setdefault(key, Net([start])).ends.append(end)

    def settle(self, least: float) -> None:
        """Find the height: `least`, or what the lines need."""
        need = 0.0
        if self.kind == "ortho":
            self._join()
            turning = from_top_to_bottom([n for n in dict.fromkeys(self.nets.values()) if n.turns])
            for number, net in enumerate(turning):
                beside = [
                    other.track + 1
                    for other in turning[:number]
                    if other.left - TRACK < net.right and net.left - TRACK < other.right
                ]
                net.track = max(beside, default=0)
            self.tracks = max((net.track + 1 for net in turning), default=0)
            need = (self.tracks - 1) * TRACK
        else:
            widest = max((net.right - net.left for net in self.nets.values()), default=0.0)
            need = min(widest / 8, 40.0)
        self.height = max(least, self.lead + self.tail + need)

    def _join(self) -> None:
        """Make one net of those that go to the same places."""
        joined: dict[frozenset, Net] = {}
        for key, net in self.nets.items():
            ends = frozenset(round(end) for end in net.ends)
            if ends in joined:
                joined[ends].starts += net.starts
                self.nets[key] = joined[ends]
            else:
                joined[ends] = net

    def cross(self, key: Hashable, start: float, end: float, top: float) -> list[Step]:
        """The way of a line from (start, top) to (end, top + height)."""
        bottom = top + self.height
        upper, lower = top + self.lead, bottom - self.tail
        if abs(start - end) <= NEAR:
            return [("L", [(end, bottom)])]
        if self.kind == "straight":
            return [("L", [(start, upper)]), ("L", [(end, lower)]), ("L", [(end, bottom)])]
        if self.kind == "curved":
            middle = (upper + lower) / 2
            curve = [(start, middle), (end, middle), (end, lower)]
            return [("L", [(start, upper)]), ("C", curve), ("L", [(end, bottom)])]
        across = (upper + lower) / 2 + (self.nets[key].track - (self.tracks - 1) / 2) * TRACK
        turn = min(ROUND, abs(end - start) / 2, across - top, bottom - across)
        side = turn if end > start else -turn
        return [
            ("L", [(start, across - turn)]),
            ("Q", [(start, across), (start + side, across)]),
            ("L", [(end - side, across)]),
            ("Q", [(end, across), (end, across + turn)]),
            ("L", [(end, bottom)]),
        ]


def from_top_to_bottom(nets: list[Net]) -> list[Net]:
    """The lines that run across, in an order in which few cross: each new one goes where it costs
    the least.
    """
    found: list[Net] = []
    for net in nets:
        costs = [
            sum(_cost(other, net) for other in found[:place])
            + sum(_cost(net, other) for other in found[place:])
            for place in range(len(found) + 1)
        ]
        found.insert(costs.index(min(costs)), net)
    return found


def _cost(upper: Net, lower: Net) -> int:
    """How often two nets cross if one runs across above the other; much, if they would run upon
    each other.
    """
    upon = any(abs(end - start) <= 3 for end in upper.ends for start in lower.starts)
    return (
        sum(lower.holds(end) for end in upper.ends)
        + sum(upper.holds(start) for start in lower.starts)
        + (100 if upon else 0)
    )


def arrow(tip: Point, before: Point) -> list[Step]:
    """The head of an arrow that comes from the direction of `before`, which is straight above,
    below or beside.
    """
    (x, y), (a, b) = tip, before
    length = max(abs(x - a), abs(y - b), 1e-9)
    dx, dy = (x - a) / length * ARROW, (y - b) / length * ARROW
    half = 0.45
    return [
        ("M", [(x, y)]),
        ("L", [(x - dx - dy * half, y - dy - dx * half)]),
        ("L", [(x - dx + dy * half, y - dy + dx * half)]),
        ("Z", []),
    ]
