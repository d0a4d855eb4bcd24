"""Where the boxes of a graph and the lines between them go; what is in the boxes is not known here.

The way of Sugiyama, Tagawa and Toda (1981): boxes get ranks, so that every line runs down; a line
over several ranks is cut into pieces by points in between; boxes and points of a rank are ordered
so that few lines cross; then they get their places (Brandes and Köpf, 2001). As the points in
between keep their distance from the boxes as well, no line runs through a box.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .columns import columns

SWEEPS = 24  # at most so many times are the ranks reordered


@dataclass
class Route:
    """The way of a line: where it leaves its box, for every rank on its way the point at which it
    crosses it, and where it ends.
    """

    source: int
    target: int
    ranks: list[int]
    xs: list[float]


@dataclass
class Layout:
    """Where things are: y grows along the lines, x across them; all places are centres.

    Attributes:
        x: of each box.
        rank: of each box.
        routes: of the lines, in the order in which they were given.
        width: from the leftmost edge of a box, x = 0, to the rightmost.
    """

    x: list[float]
    rank: list[int]
    routes: list[Route]
    width: float


def lay_out(
    widths: Sequence[float],
    lines: Sequence[tuple[int, int]],
    first: Collection[int] = (),
    last: Collection[int] = (),
    gap: float = 24.0,
) -> Layout:
    """Find a place for each box.

    Args:
        widths: of the boxes.
        lines: pairs (source, target), numbers of boxes; they must not form a circle.
        first, last: boxes that stand in the first, and in the last rank, and nothing else there.
        gap: the least distance between two boxes of a rank.
    """
    rank = ranks(len(widths), lines, first, last)
    chains, layers, is_point = _with_points(rank, lines)
    above: list[list[int]] = [[] for _ in is_point]
    below: list[list[int]] = [[] for _ in is_point]
    for chain in chains:
        for upper, lower in zip(chain, chain[1:], strict=False):
            below[upper].append(lower)
            above[lower].append(upper)
    layers = order(layers, above, below)
    room = [*widths, *[0.0] * (len(is_point) - len(widths))]
    x = columns(layers, above, below, is_point, room, gap)
    left = min((x[i] - room[i] / 2 for i in range(len(room))), default=0.0)
    x = [place - left for place in x]
    right = max((x[i] + room[i] / 2 for i in range(len(room))), default=0.0)
    routes = [
        Route(a, b, list(range(rank[a], rank[b] + 1)), [x[i] for i in chain])
        for (a, b), chain in zip(lines, chains, strict=True)
    ]
    return Layout(x[: len(widths)], rank, routes, right)


def ranks(
    count: int,
    lines: Sequence[tuple[int, int]],
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> list[int]:
    """The rank of each box: below all boxes from which lines come, by the longest way; a box with
    more lines out than in goes as far down as it can, which shortens them.
    """
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for a, b in lines:
        sources[b].append(a)
        targets[a].append(b)
    waiting = [len(before) for before in sources]
    free = [i for i in range(count) if not waiting[i]]
    rank = [0 if i in first or not first else 1 for i in range(count)]
    for i in free:  # grows as it is walked through
        for j in targets[i]:
            rank[j] = max(rank[j], rank[i] + 1)
            waiting[j] -= 1
            if not waiting[j]:
                free.append(j)
    if len(free) < count:
        raise ValueError("The lines form a circle.")
    for i in reversed(free):
        if len(targets[i]) > len(sources[i]) and i not in first:
            rank[i] = min(rank[j] for j in targets[i]) - 1
    bottom = max((rank[i] + 1 for i in range(count) if i not in last), default=0)
    for i in last:
        rank[i] = bottom
    lowest = min(rank, default=0)
    return [one - lowest for one in rank]


def _with_points(
    rank: Sequence[int], lines: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], list[list[int]], list[bool]]:
    """The lines as chains from rank to rank, the ranks with the points between, and which of all
    these numbers are points.
    """
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for i, one in enumerate(rank):
        layers[one].append(i)
    is_point = [False] * len(rank)
    chains = []
    for a, b in lines:
        chain = [a]
        for between in range(rank[a] + 1, rank[b]):
            layers[between].append(len(is_point))
            chain.append(len(is_point))
            is_point.append(True)
        chains.append([*chain, b])
    return chains, layers, is_point


def order(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]]
) -> list[list[int]]:
    """The ranks, each reordered so that few lines cross: again and again each box goes to the mean
    place of its neighbours in the rank before, then in the rank after it.
    """
    layers = _by_first_visit(layers, below)
    best, fewest = layers, crossings(layers, below)
    without_gain = 0
    for sweep in range(SWEEPS):
        if not fewest or without_gain == 4:
            break
        layers = [list(layer) for layer in layers]
        down = sweep % 2 == 0
        towards = above if down else below
        for number in range(len(layers)) if down else reversed(range(len(layers))):
            fixed = number - 1 if down else number + 1
            if 0 <= fixed < len(layers):
                layers[number] = _by_mean_place(layers[number], layers[fixed], towards)
        _swap_neighbours(layers, above, below)
        count = crossings(layers, below)
        without_gain += 1
        if count < fewest:
            best, fewest, without_gain = layers, count, 0
    return best


def _by_first_visit(layers: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """The ranks in the order of a walk along the lines, from the boxes at which lines begin."""
    place: dict[int, int] = {}
    for layer in layers:
        for start in layer:
            stack = [start]
            while stack:
                i = stack.pop()
                if i not in place:
                    place[i] = len(place)
                    stack.extend(reversed(below[i]))
    return [sorted(layer, key=place.__getitem__) for layer in layers]


def _by_mean_place(layer: list[int], fixed: list[int], towards: list[list[int]]) -> list[int]:
    """A rank in the order of the mean places of its neighbours in a `fixed` rank; boxes that have
    none there keep their places.
    """
    place = {i: number for number, i in enumerate(fixed)}
    mean = {}
    for i in layer:
        near = [place[j] for j in towards[i]]
        if near:
            mean[i] = sum(near) / len(near)
    moving = iter(sorted(mean, key=mean.__getitem__))
    return [next(moving) if i in mean else i for i in layer]


def _swap_neighbours(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]]
) -> None:
    """Swap two neighbours wherever fewer lines cross then."""
    place = {i: number for layer in layers for number, i in enumerate(layer)}

    def crossed(left: int, right: int) -> int:
        return sum(
            place[a] > place[b] for side in (above, below) for a in side[left] for b in side[right]
        )

    for layer in layers:
        for number in range(len(layer) - 1):
            left, right = layer[number], layer[number + 1]
            if crossed(left, right) > crossed(right, left):
                layer[number], layer[number + 1] = right, left
                place[left], place[right] = number + 1, number


def crossings(layers: list[list[int]], below: list[list[int]]) -> int:
    """How many pairs of lines cross."""
    total = 0
    for upper, lower in zip(layers, layers[1:], strict=False):
        place = {i: number for number, i in enumerate(lower)}
        seen: list[int] = []
        for i in upper:
            ends = sorted(place[j] for j in below[i])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total
