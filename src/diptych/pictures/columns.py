"""Where the boxes of each rank stand: Brandes and Köpf, "Fast and simple horizontal coordinate
assignment" (Graph Drawing 2001).

Each box is aligned with the median of its neighbours in the rank before, so that lines are straight
where they can be. This is done from above and from below, and from the left and from the right; the
mean of the middle two of these four places is taken.
"""

from __future__ import annotations

from collections.abc import Sequence


def columns(
    layers: list[list[int]],
    above: list[list[int]],
    below: list[list[int]],
    is_point: Sequence[bool],
    widths: Sequence[float],
    gap: float,
) -> list[float]:
    """The x of the centre of each box, and of each point of a line between.

    Args:
        layers: the ranks, each from left to right.
        above, below: the neighbours of each in the rank before and in the rank after.
        is_point: whether it is a point of a line; those of one line get the same x.
        widths: of the boxes; 0 of the points.
        gap: the least distance between two boxes of a rank.
    """
    crossing = _lines_that_give_way(layers, above, is_point)
    found = []
    for neighbours, downwards in ((above, True), (below, False)):
        for rightwards in (True, False):
            ranked = layers if downwards else layers[::-1]
            if not rightwards:
                ranked = [layer[::-1] for layer in ranked]
            root = _align(ranked, neighbours, crossing)
            x = _compact(ranked, root, widths, is_point, gap)
            found.append(x if rightwards else [-place for place in x])
    return _middle(found, widths)


def _lines_that_give_way(
    layers: list[list[int]], above: list[list[int]], is_point: Sequence[bool]
) -> set[tuple[int, int]]:
    """The pieces of lines that cross a piece between two points: the latter stays straight."""
    found = set()
    for upper, lower in zip(layers, layers[1:], strict=False):
        place = {i: number for number, i in enumerate(upper)}
        straight = [
            (place[above[j][0]], number)
            for number, j in enumerate(lower)
            if is_point[j] and is_point[above[j][0]]
        ]
        if not straight:
            continue
        for number, j in enumerate(lower):
            for i in above[j]:
                if not (is_point[i] and is_point[j]) and any(
                    (place[i] - a) * (number - b) < 0 for a, b in straight
                ):
                    found.add((min(i, j), max(i, j)))
    return found


def _align(
    layers: list[list[int]], neighbours: list[list[int]], crossing: set[tuple[int, int]]
) -> list[int]:
    """Align each box with the median of its neighbours in the rank before, where no line that was
    aligned already is crossed. Returns for each box the first one of its column.
    """
    root = list(range(sum(map(len, layers))))
    for before, layer in zip(layers, layers[1:], strict=False):
        place = {i: number for number, i in enumerate(before)}
        reached = -1
        aligned: set[int] = set()
        for j in layer:
            near = sorted(place[i] for i in neighbours[j])
            medians = near[(len(near) - 1) // 2 : len(near) // 2 + 1]
            for number in medians:
                i = before[number]
                free = i not in aligned and reached < number
                if free and (min(i, j), max(i, j)) not in crossing:
                    root[j] = root[i]
                    aligned.add(i)
                    reached = number
                    break
    return root


def _compact(
    layers: list[list[int]],
    root: list[int],
    widths: Sequence[float],
    is_point: Sequence[bool],
    gap: float,
) -> list[float]:
    """Place the columns as far left as their distances allow, then, towards what is right of them,
    as far right as costs no width.
    """
    after: dict[int, dict[int, float]] = {i: {} for i in set(root)}
    waiting = dict.fromkeys(after, 0)
    for layer in layers:
        for i, j in zip(layer, layer[1:], strict=False):
            distance = (widths[i] + widths[j]) / 2 + gap * (
                0.75 if is_point[i] or is_point[j] else 1.0
            )
            left, right = root[i], root[j]
            if right not in after[left]:
                waiting[right] += 1
            after[left][right] = max(distance, after[left].get(right, 0.0))
    sequence = [i for i in after if not waiting[i]]
    x = dict.fromkeys(after, 0.0)
    for i in sequence:  # grows as it is walked through
        for j, distance in after[i].items():
            x[j] = max(x[j], x[i] + distance)
            waiting[j] -= 1
            if not waiting[j]:
                sequence.append(j)
    for i in reversed(sequence):
        if after[i]:
            x[i] = max(x[i], min(x[j] - distance for j, distance in after[i].items()))
    return [x[i] for i in root]


def _middle(found: list[list[float]], widths: Sequence[float]) -> list[float]:
    """The mean of the middle two of the four places, after moving all to the narrowest."""
    count = len(widths)
    if not count:
        return []

    def edges(x: list[float]) -> tuple[float, float]:
        return (
            min(x[i] - widths[i] / 2 for i in range(count)),
            max(x[i] + widths[i] / 2 for i in range(count)),
        )

    ends = [edges(x) for x in found]
    left, right = min(ends, key=lambda end: end[1] - end[0])
    moved = [
        [place + (left - start if number % 2 == 0 else right - stop) for place in x]
        for number, (x, (start, stop)) in enumerate(zip(found, ends, strict=True))
    ]
    middle = [sorted(places)[1:3] for places in zip(*moved, strict=True)]
    return [(a + b) / 2 for a, b in middle]
