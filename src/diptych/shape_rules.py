"""Rules for shapes: what an operation returns, known from its inputs before there are any values.

A shape is a tuple, in which None is a size that only the data will tell. A rule takes the shapes of
the inputs and the options of the operation, as its forward function takes the arrays, and returns
the shape of the output, or a list of shapes for a list of outputs. It raises ValueError where no
data could fit; the operation adds its name and the shapes that it was given.

Here are the rules that several operations share; the others stand beside their operations.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[Any, ...]  # of sizes: int, or None if unknown


def same(x: Shape, *others: Any, **options: Any) -> Shape:
    """The shape of the first input."""
    return x


def broadcast(*shapes: Shape, **options: Any) -> Shape:
    """The shape to which all inputs are stretched along axes of size 1, as in NumPy.

    None may turn out to be 1: beside a size n > 1 it gives n, beside 1 or None it gives None.
    """
    rank = max(map(len, shapes))
    result: Shape = (1,) * rank
    for shape in shapes:
        padded = (1,) * (rank - len(shape)) + tuple(shape)
        result = tuple([_stretched(m, n, i) for i, (m, n) in enumerate(zip(result, padded))])  # noqa: B905
    return result


def _stretched(m: int | None, n: int | None, axis: int) -> int | None:
    if m == 1 or m == n:
        return n
    if n == 1:
        return m
    return agree(m, n, f"along axis {axis} of the result, where sizes must be equal or 1")


def agree(m: int | None, n: int | None, where: str) -> int | None:
    """The common size of two axes; ``where`` ends the error if they differ."""
    if m is None:
        return n
    if n is None or m == n:
        return m
    raise ValueError(f"{m} does not fit {n} {where}.")


def common_shape(*shapes: Shape) -> Shape:
    """The common shape of several inputs."""
    first, *others = shapes
    for other in others:
        check_rank(other, len(first))
        first = tuple(
            [
                agree(m, n, f"along axis {axis}, where the sizes must be equal")
                for axis, (m, n) in enumerate(zip(first, other, strict=True))
            ]
        )
    return first


def check_rank(shape: Shape, *ranks: int) -> None:
    """Raise ValueError unless a shape has one of these numbers of axes."""
    if len(shape) not in ranks:
        wanted = " or ".join(map(str, ranks))
        raise ValueError(f"{shape} has {len(shape)} axes where {wanted} are expected.")


def nth_axis(axis: Any, rank: int) -> int:
    """An axis as a number of at least 0."""
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise ValueError(f"axis={axis} does not exist in an array of {rank} axes.")
    return axis % rank


def axes_of(axis: Any, rank: int) -> Shape:
    """``axis`` (None for all, one, or several) as a tuple of numbers of at least 0."""
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple([nth_axis(a, rank) for a in given])
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis={axis} names an axis twice.")
    return axes


def along(x: Shape, axis: Any = None, *_: Any, **options: Any) -> Shape:
    """The shape of the input, in which ``axis`` must exist."""
    axes_of(axis, len(x))
    return x


def reduced(x: Shape, axis: Any = None, keepdims: bool = False, **options: Any) -> Shape:
    """The shape without the axes over which is summed, or with size 1 there."""
    axes = axes_of(axis, len(x))
    if keepdims:
        return tuple([1 if i in axes else n for i, n in enumerate(x)])
    return tuple([n for i, n in enumerate(x) if i not in axes])


def scanned(x: Shape, axis: Any = None, **options: Any) -> Shape:
    """The shape of the input; without an axis, that of the flattened input."""
    return (count(x),) if axis is None else along(x, axis)


def count(shape: Shape) -> int | None:
    """The number of elements."""
    return None if None in shape else math.prod(shape)


def replaced(x: Shape, axis: int, *sizes: int | None) -> Shape:
    """The shape with these sizes in the place of one axis, ``axis`` being at least 0."""
    return (*x[:axis], *sizes, *x[axis + 1 :])


def moved(move: Callable) -> Callable:
    """The rule of a NumPy function that puts axes into another order, inserts or drops them.

    ``move`` is applied to an array without memory of its own whose sizes say which axis is which:
    axis i has size i + 2, and 1 is a size of 1.
    """

    def rule(x: Shape, **options: Any) -> Shape:
        marked = np.broadcast_to(0, [1 if n == 1 else i + 2 for i, n in enumerate(x)])
        return tuple([1 if n == 1 else x[n - 2] for n in move(marked, **options).shape])

    return rule


def matrix_product(a: Shape, b: Shape, *_: Any) -> Shape:
    """The shape of a matrix product: a vector counts as a row or a column, other axes broadcast."""
    if not a or not b:
        raise ValueError("a matrix product needs inputs of at least one axis.")
    inner = b[-2] if len(b) > 1 else b[-1]
    agree(a[-1], inner, "where the rows of the first meet the columns of the second")
    return broadcast(a[:-2], b[:-2]) + a[-2:-1] + (b[-1:] if len(b) > 1 else ())
