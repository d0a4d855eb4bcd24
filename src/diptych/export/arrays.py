"""Nodes for operations that move, choose and reduce elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder, Value
from .elementwise import workable
from .tables import NODES, NotExportable, converts

# --------------------------------------------------------------------------------------------------
# Shapes


def _axis(axis: int, rank: int) -> int:
    return axis % rank


@converts("reshape")
def _reshape(g: Builder, x: Value, newshape: tuple) -> Value:
    return g.reshape(x, newshape)


@converts("transpose")
def _transpose(g: Builder, x: Value, axes: Any = None) -> Value:
    axes = range(x.rank)[::-1] if axes is None else [a % x.rank for a in axes]
    return g.transpose(x, axes)


@converts("moveaxis")
def _moveaxis(g: Builder, x: Value, source: Any, destination: Any) -> Value:
    return g.transpose(x, _moved(x.rank, np.moveaxis, source, destination))


@converts("swapaxes")
def _swapaxes(g: Builder, x: Value, axis1: int, axis2: int) -> Value:
    return g.transpose(x, _moved(x.rank, np.swapaxes, axis1, axis2))


def _moved(rank: int, function: Any, *axes: Any) -> list[int]:
    """The order of the axes that a function of NumPy makes, seen on sizes that tell them apart."""
    sizes = tuple(range(1, rank + 1))
    return [n - 1 for n in function(np.broadcast_to(0, sizes), *axes).shape]


@converts("squeeze")
def _squeeze(g: Builder, x: Value, axis: Any) -> Value:
    if axis is None:
        return g.op("Squeeze", x)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return g.op("Squeeze", x, g.ints(*axes)) if axes else x


@converts("expand_dims")
def _expand_dims(g: Builder, x: Value, axis: Any) -> Value:
    return g.expand(x, *(axis if isinstance(axis, tuple) else (axis,)))


@converts("broadcast_to")
def _broadcast_to(g: Builder, x: Value, shape: tuple) -> Value:
    # A size that is not known is that of x, as which a 1 counts here.
    return g.op("Expand", x, g.ints(*[1 if n is None else n for n in shape]))


@converts("full_like")
def _full_like(g: Builder, x: Value, fill_value: Any, dtype: Any = None) -> Value:
    return g.op("Expand", g.const(fill_value, dtype or x.dtype), g.shape_of(x))


@converts("concatenate")
def _concatenate(g: Builder, *xs: Value, axis: int) -> Value:
    return g.op("Concat", *xs, axis=axis)


@converts("stack")
def _stack(g: Builder, *xs: Value, axis: int) -> Value:
    axis = _axis(axis, xs[0].rank + 1)
    return g.op("Concat", *[g.expand(x, axis) for x in xs], axis=axis)


@converts("split", "array_split")
def _split(g: Builder, x: Value, indices_or_sections: Any, axis: int) -> list[Value]:
    size = x.shape[axis] if x.shape is not None else None
    if np.ndim(indices_or_sections):
        cuts = [0, *(int(i) for i in indices_or_sections), np.iinfo(np.int64).max]
        ends = zip(cuts[:-1], cuts[1:], strict=True)
        return [g.slice(x, axis, start, end) for start, end in ends]
    parts = int(indices_or_sections)
    if parts == 1:
        return [g.op("Identity", x)]
    if size is None:
        return g.op("Split", x, outputs=parts, axis=axis, num_outputs=parts)
    least, larger = divmod(size, parts)
    sizes = [least + (i < larger) for i in range(parts)]
    return g.op("Split", x, g.ints(*sizes), outputs=parts, axis=axis)


@converts("unstack")
def _unstack(g: Builder, x: Value, num: int, axis: int) -> list[Value]:
    return [g.op("Gather", x, g.const(i, np.int64), axis=axis) for i in range(num)]


@converts("tile")
def _tile(g: Builder, x: Value, repeats: tuple) -> Value:
    rank = max(x.rank, len(repeats))
    x = g.expand(x, *range(rank - x.rank))
    return g.op("Tile", x, g.ints(*(1,) * (rank - len(repeats)), *repeats))


@converts("repeat")
def _repeat(g: Builder, x: Value, repeats: Any, axis: int | None) -> Value:
    if axis is None:
        x, axis = g.reshape(x, (-1,)), 0
    axis = _axis(axis, x.rank)
    each = np.ravel(repeats)
    if each.size == 1:
        n = g.const(int(each[0]), np.int64)
        places = g.range_to(g.size_of(x, axis) * n) / n
    else:
        places = g.const(np.repeat(np.arange(each.size), each))
    return g.op("Gather", x, places, axis=axis)


@converts("roll")
def _roll(g: Builder, x: Value, shift: Any, axis: Any) -> Value:
    if axis is None:
        return g.reshape(_roll(g, g.reshape(x, (-1,)), shift, 0), g.shape_of(x))
    axes = axis if isinstance(axis, tuple) else (axis,)
    shifts = np.broadcast_to(shift, len(axes)).tolist()
    for one, by in zip(axes, shifts, strict=True):
        one = _axis(one, x.rank)
        n = g.size_of(x, one)
        shape = x.shape
        x = g.op("Gather", x, g.op("Mod", g.range_to(n) - by, n), axis=one)
        x.shape = shape
    return x


@converts("flip")
def _flip(g: Builder, x: Value, axis: Any) -> Value:
    axes = range(x.rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        x = g.flip(x, one)
    return x


@converts("rot90")
def _rot90(g: Builder, x: Value, k: int, axes: tuple) -> Value:
    rank = x.rank
    first, second = (_axis(axis, rank) for axis in axes)
    if k % 4 == 2:
        return g.flip(g.flip(x, first), second)
    if k % 4 == 0:
        return g.op("Identity", x)
    order = list(range(rank))
    order[first], order[second] = second, first
    if k % 4 == 1:
        return g.transpose(g.flip(x, second), order)
    return g.flip(g.transpose(x, order), second)


@converts("pad")
def _pad(g: Builder, x: Value, pad_width: Any, mode: str, constant_values: Any) -> Value:
    if mode == "symmetric":
        raise NotExportable("ONNX has no padding with mode='symmetric'; 'reflect' and 'edge' are.")
    befores, afters = zip(*pad_width, strict=True)
    value = g.const(constant_values, x.dtype) if mode == "constant" else None
    if mode == "wrap":
        return _wrapped(g, x, pad_width)
    return g.op("Pad", x, g.ints(*befores, *afters), value, mode=mode)


def _wrapped(g: Builder, x: Value, pad_width: Any) -> Value:
    for axis, (before, after) in enumerate(pad_width):
        if before or after:
            n, shape = g.size_of(x, axis), x.shape
            places = g.range_to(n + (before + after)) - before
            x = g.op("Gather", x, g.op("Mod", places, n), axis=axis)
            x.shape = shape
    return x


@converts("tril")
def _tril(g: Builder, x: Value, k: int) -> Value:
    return g.op("Trilu", x, g.const(k, np.int64), upper=0)


@converts("triu")
def _triu(g: Builder, x: Value, k: int) -> Value:
    return g.op("Trilu", x, g.const(k, np.int64), upper=1)


# --------------------------------------------------------------------------------------------------
# Choosing


@converts("where")
def _where(g: Builder, condition: Value, a: Value, b: Value) -> Value:
    return g.where(condition, a, b)


@converts("select")
def _select(g: Builder, *arrays: Value, n: int) -> Value:
    y = arrays[-1]
    for condition, choice in reversed(list(zip(arrays[:n], arrays[n:-1], strict=True))):
        y = g.where(condition, choice, g.cast(y, choice.dtype))
    return y


@converts("get_item")
def _get_item(g: Builder, x: Value, key: Any) -> Value:
    """Part by part: slices, and places, which take an axis away; new axes at the end."""
    parts = list(key) if isinstance(key, tuple) else [key]
    taken = [part for part in parts if part is not None and part is not Ellipsis]
    dots = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[dots : dots + 1] = [slice(None)] * (x.rank - len(taken))
    arrays = [p for p in parts if not isinstance(p, (slice, int, np.integer, type(None)))]
    if len(arrays) > 1 or any(_is_mask(p) for p in arrays):
        raise NotExportable(
            "An index of several arrays, or of booleans, has no counterpart in ONNX; use "
            "ops.take, ops.take_along_axis or ops.where."
        )
    axis = 0
    fresh: list[int] = []  # where new axes stand in the result
    place = 0
    for part in parts:
        if part is None:
            fresh.append(place)
            place += 1
            continue
        if isinstance(part, slice):
            if part != slice(None):
                x = _sliced(g, x, axis, part)
            axis, place = axis + 1, place + 1
        elif isinstance(part, (int, np.integer)):
            x = g.op("Gather", x, g.const(int(part), np.int64), axis=axis)
        else:
            index = part if isinstance(part, Value) else g.const(part)
            rank = len(index.shape or ())
            x = g.op("Gather", x, g.cast(index, np.int64), axis=axis)
            axis, place = axis + rank, place + rank
    return g.expand(x, *fresh)


def _is_mask(part: Any) -> bool:
    return np.dtype(part.dtype) == bool


def _sliced(g: Builder, x: Value, axis: int, part: slice) -> Value:
    step = 1 if part.step is None else part.step
    most = np.iinfo(np.int64).max
    start = part.start if part.start is not None else (0 if step > 0 else most)
    end = part.stop if part.stop is not None else (most if step > 0 else -most)
    return g.slice(x, axis, start, end, step)


@converts("take")
def _take(g: Builder, x: Value, indices: Value, axis: int | None) -> Value:
    if axis is None:
        x, axis = g.reshape(x, (-1,)), 0
    return g.op("Gather", x, g.cast(indices, np.int64), axis=axis)


@converts("take_along_axis")
def _take_along_axis(g: Builder, x: Value, indices: Value, axis: int | None) -> Value:
    if axis is None:
        x, indices, axis = g.reshape(x, (-1,)), g.reshape(indices, (-1,)), 0
    indices = g.cast(indices, np.int64)
    if x.shape is not None and indices.shape is not None:
        axis = _axis(axis, len(x.shape))
        others = [
            (m, n) for i, (m, n) in enumerate(zip(x.shape, indices.shape, strict=True)) if i != axis
        ]
        if any(m != n and 1 in (m, n) for m, n in others):
            raise NotExportable("ONNX's take_along_axis does not broadcast; repeat the axes first.")
    return g.op("GatherElements", x, indices, axis=axis)


@converts("slice")
def _slice(g: Builder, x: Value, start_indices: tuple, shape: tuple) -> Value:
    most = np.iinfo(np.int64).max
    ends = [most if n == -1 else start + n for start, n in zip(start_indices, shape, strict=True)]
    axes = g.ints(*range(len(shape)))
    return g.op("Slice", x, g.ints(*start_indices), g.ints(*ends), axes)


@converts("one_hot")
def _one_hot(g: Builder, x: Value, num_classes: int, axis: int, dtype: Any) -> Value:
    x = g.cast(x, np.int64)
    axis = _axis(axis, x.rank + 1)
    classes = np.arange(num_classes).reshape([-1] + [1] * (x.rank - axis))
    hot = g.expand(x, axis).compare("Equal", classes)  # others give zeros, as they should
    return g.cast(hot, dtype)


@converts("isin")
def _isin(g: Builder, a: Value, b: Value, assume_unique: bool, invert: bool) -> Value:
    a, b = workable(g, a), workable(g, b)
    same = g.expand(a, a.rank).compare("Equal", g.reshape(b, (-1,)))
    found = g.cast(g.reduce("ReduceMax", g.cast(same, np.int32), [a.rank], False), bool)
    return g.op("Not", found) if invert else found


# --------------------------------------------------------------------------------------------------
# Along axes


def _axes(axis: Any) -> tuple | None:
    return None if axis is None else axis if isinstance(axis, tuple) else (axis,)


REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd"}


def _reduction(kind: str) -> Any:
    return lambda g, x, axis=None, keepdims=False: g.reduce(
        kind, workable(g, x), _axes(axis), keepdims
    )


NODES.update({name: _reduction(kind) for name, kind in REDUCTIONS.items()})


def _extreme(kind: str, choose: str) -> Any:
    def convert(
        g: Builder, x: Value, axis: Any = None, keepdims: bool = False, initial: Any = None
    ) -> Value:
        y = g.reduce(kind, workable(g, x), _axes(axis), keepdims)
        return y if initial is None else g.op(choose, y, g.like(initial, y))

    return convert


NODES["max"], NODES["min"] = _extreme("ReduceMax", "Max"), _extreme("ReduceMin", "Min")
NODES["any"] = lambda g, x, axis=None, keepdims=False: g.cast(
    g.reduce("ReduceMax", g.cast(g.cast(x, bool), np.int32), _axes(axis), keepdims), bool
)
NODES["all"] = lambda g, x, axis=None, keepdims=False: g.cast(
    g.reduce("ReduceMin", g.cast(g.cast(x, bool), np.int32), _axes(axis), keepdims), bool
)
NODES["count_nonzero"] = lambda g, x, axis: g.reduce(
    "ReduceSum", g.cast(g.cast(x, bool), np.int32), _axes(axis), False
)


@converts("var")
def variance(g: Builder, x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    centred = x - g.reduce("ReduceMean", x, _axes(axis), True)
    return g.reduce("ReduceMean", centred * centred, _axes(axis), keepdims)


@converts("std")
def _std(g: Builder, x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    return g.op("Sqrt", variance(g, x, axis, keepdims))


@converts("logsumexp")
def _logsumexp(g: Builder, x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    axes = tuple(range(x.rank)) if axis is None else _axes(axis)
    most = g.reduce("ReduceMax", x, axes, True)
    total = g.op("Log", g.reduce("ReduceSum", g.op("Exp", x - most), axes, True)) + most
    return total if keepdims else g.op("Squeeze", total, g.ints(*axes or ()))


@converts("norm")
def _norm(g: Builder, x: Value, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    axes = tuple(range(x.rank)) if axis is None else _axes(axis) or ()
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):
        return g.reduce("ReduceL2", x, axes, keepdims)
    if len(axes) == 1 and ord == 1:
        return g.reduce("ReduceL1", x, axes, keepdims)
    if len(axes) == 1 and ord in (np.inf, -np.inf):
        kind = "ReduceMax" if ord > 0 else "ReduceMin"
        return g.reduce(kind, g.op("Abs", x), axes, keepdims)
    if len(axes) == 1 and ord:
        powers = g.op("Pow", g.op("Abs", x), g.like(ord, x))
        return g.op("Pow", g.reduce("ReduceSum", powers, axes, keepdims), g.like(1 / ord, x))
    raise NotExportable(f"ONNX has no norm of matrices with ord={ord!r}.")


def _place(kind: str) -> Any:
    def convert(g: Builder, x: Value, axis: int | None, keepdims: bool) -> Value:
        x = workable(g, x)
        if axis is not None:
            return g.op(kind, x, dtype=np.int64, axis=axis, keepdims=int(keepdims))
        y = g.op(kind, g.reshape(x, (-1,)), dtype=np.int64, axis=0, keepdims=0)
        return g.reshape(y, (1,) * x.rank) if keepdims else y

    return convert


NODES["argmax"], NODES["argmin"] = _place("ArgMax"), _place("ArgMin")


@converts("cumsum")
def _cumsum(g: Builder, x: Value, axis: int | None, **options: Any) -> Value:
    x = workable(g, x)
    if axis is None:
        x, axis = g.reshape(x, (-1,)), 0
    return g.op("CumSum", x, g.const(axis, np.int64))


@converts("diff")
def _diff(g: Builder, x: Value, n: int, axis: int) -> Value:
    most = np.iinfo(np.int64).max
    for _ in range(n):
        x = g.slice(x, axis, 1, most) - g.slice(x, axis, 0, -1)
    return x


def _ordered(g: Builder, x: Value, axis: int | None) -> tuple[Value, Value]:
    if axis is None:
        x, axis = g.reshape(x, (-1,)), 0
    n = g.shape_of(x, axis, None if axis == -1 else axis + 1)
    values, places = g.op("TopK", x, n, outputs=2, axis=axis, largest=0, sorted=1)
    places.dtype = np.dtype(np.int64)
    return values, places


NODES["sort"] = lambda g, x, axis: _ordered(g, workable(g, x), axis)[0]
NODES["argsort"] = lambda g, x, axis: _ordered(g, workable(g, x), axis)[1]


@converts("top_k_indices")
def _top_k(g: Builder, x: Value, k: int, **options: Any) -> Value:
    _, places = g.op("TopK", workable(g, x), g.ints(k), outputs=2, axis=-1)
    places.dtype = np.dtype(np.int64)
    return places


@converts("searchsorted", "digitize")
def _searchsorted(g: Builder, *inputs: Value, side: str | None = None, **options: Any) -> Value:
    """How many of the sorted numbers lie below each value."""
    values, bins = inputs if side is None else inputs[::-1]
    kind = "GreaterOrEqual" if side != "left" else "Greater"
    values, bins = workable(g, values), workable(g, bins)
    if values.dtype != bins.dtype:
        values, bins = g.cast(values, np.float32), g.cast(bins, np.float32)
    below = g.expand(values, values.rank).compare(kind, bins)
    return g.reduce("ReduceSum", g.cast(below, np.int32), [values.rank], False)


# --------------------------------------------------------------------------------------------------
# Products


@converts("matmul", "dense.matmul")
def _matmul(g: Builder, a: Value, b: Value) -> Value:
    return g.op("MatMul", a, b)


@converts("einsum")
def _einsum(g: Builder, *operands: Value, subscripts: str) -> Value:
    return g.op("Einsum", *operands, equation=subscripts.replace(" ", ""))


@converts("tensordot")
def _tensordot(g: Builder, a: Value, b: Value, axes: Any) -> Value:
    if isinstance(axes, int):
        axes = range(a.rank - axes, a.rank), range(axes)
    first, second = ([axes[i]] if isinstance(axes[i], int) else list(axes[i]) for i in (0, 1))
    left = [chr(ord("a") + i) for i in range(a.rank)]
    right = [chr(ord("A") + i) for i in range(b.rank)]
    for i, j in zip(first, second, strict=True):
        right[j % b.rank] = left[i % a.rank]
    shared = {left[i % a.rank] for i in first}
    out = [letter for letter in (*left, *right) if letter not in shared]
    return g.op("Einsum", a, b, equation=f"{''.join(left)},{''.join(right)}->{''.join(out)}")
