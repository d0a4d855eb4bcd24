"""Operations that only move elements; the gradients move them back."""

import math
from itertools import pairwise

import numpy as np

from ..operation import ArrayOp, ViewOp, gather
from ..operation import stack as _stack
from ..shape_rules import agree, along, check_rank, count, moved, nth_axis, replaced
from .array_ops import unbroadcast
from .creation import ndim, shape
from .indexing import add_slices

# --------------------------------------------------------------------------------------------------
# Shape and order of axes


def _reshape_shape(x, newshape):
    if newshape.count(-1) > 1 or min(newshape, default=0) < -1:
        raise ValueError(f"newshape={newshape}: sizes are at least 0, and one of them may be -1.")
    total, known = count(x), math.prod(n for n in newshape if n != -1)
    if total is None:  # any numbers of elements may turn out to fit
        return tuple(None if n == -1 else n for n in newshape)
    fits = total == known if -1 not in newshape else known and total % known == 0
    if not fits:
        raise ValueError(f"its {total} elements do not fill the shape {newshape}.")
    return tuple(total // known if n == -1 else n for n in newshape)


def _broadcast_to_shape(x, shape):
    if len(x) > len(shape) or any(
        m not in (1, n, None) for m, n in zip(x[::-1], shape[::-1], strict=False)
    ):
        raise ValueError(
            f"it does not broadcast to {shape}: sizes must be equal, or 1 in the input."
        )
    return shape


def inverse(axes):
    """The order of axes that undoes this one."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


_reshape = ViewOp(
    "reshape",
    lambda x, newshape: x.reshape(newshape),
    lambda g, y, x, newshape: g.reshape(x.shape),
    shape=_reshape_shape,
)
_transpose = ViewOp(
    "transpose",
    lambda x, axes: x.transpose(axes),
    lambda g, y, x, axes: g.transpose(
        None if axes is None else inverse([a % x.ndim for a in axes])
    ),
    shape=moved(np.transpose),
)
_moveaxis = ViewOp(
    "moveaxis",
    np.moveaxis,
    lambda g, y, x, source, destination: np.moveaxis(g, destination, source),
    shape=moved(np.moveaxis),
)
_swapaxes = ViewOp(
    "swapaxes",
    lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2),
    shape=moved(np.swapaxes),
)
_squeeze = ViewOp(
    "squeeze",
    lambda x, axis: np.squeeze(x, axis),
    lambda g, y, x, axis: g.reshape(x.shape),
    shape=moved(np.squeeze),
)
_expand_dims = ViewOp(
    "expand_dims",
    lambda x, axis: np.expand_dims(x, axis),
    lambda g, y, x, axis: g.reshape(x.shape),
    shape=moved(np.expand_dims),
)
_broadcast_to = ViewOp(
    "broadcast_to",
    np.broadcast_to,
    lambda g, y, x, shape: unbroadcast(g, x),
    shape=_broadcast_to_shape,
)


def reshape(x, newshape):
    """Reshape ``x``; one size may be -1 (or None), which is then inferred.

    x (n, m) with newshape=(m, -1) gives (m, n): the number of elements stays, and the last axis
    runs fastest.
    """
    if not isinstance(newshape, (list, tuple)):
        newshape = (newshape,)
    return _reshape(x, newshape=tuple([-1 if n is None else int(n) for n in newshape]))


def ravel(x):
    """Return ``x`` with a single axis. x of n elements gives (n,)."""
    return reshape(x, (-1,))


def transpose(x, axes=None):
    """Put the axes into another order; by default into the reverse one.

    x (a, b, c) gives (c, b, a), and with axes=(1, 0, 2) gives (b, a, c).
    """
    return _transpose(x, axes=None if axes is None else tuple(axes))


def moveaxis(x, source, destination):
    """Move axes to other places; the rest keep their order.

    x (a, b, c) with source=0, destination=2 gives (b, c, a); both may be several axes.
    """
    return _moveaxis(x, source=source, destination=destination)


def swapaxes(x, axis1, axis2):
    """Exchange two axes.

    x (a, b, c) with axes 0 and 2 gives (c, b, a).
    """
    return _swapaxes(x, axis1=axis1, axis2=axis2)


def squeeze(x, axis=None):
    """Remove axes of size 1: those given, or all of them. x (1, n, 1) gives (n,)."""
    return _squeeze(x, axis=tuple(axis) if isinstance(axis, list) else axis)


def expand_dims(x, axis):
    """Insert axes of size 1 where ``axis`` says.

    x (n, m) with axis=1 gives (n, 1, m); ``axis`` may be several, and counts in the result.
    """
    return _expand_dims(x, axis=tuple(axis) if isinstance(axis, list) else axis)


def broadcast_to(x, shape):
    """Repeat ``x`` along axes of size 1 and new leading axes until it has this shape."""
    return _broadcast_to(x, shape=tuple(shape))


# --------------------------------------------------------------------------------------------------
# Joining and splitting


def _concatenate_rule(i, g, y, *xs, axis):
    axis = axis % g.ndim
    start = sum(x.shape[axis] for x in xs[:i])
    return g[(slice(None),) * axis + (slice(start, start + xs[i].shape[axis]),)]


def _concatenate_shape(*xs, axis):
    if axis is None:
        raise ValueError("axis=None is for arrays only: name the axis to join along.")
    axis, joined = nth_axis(axis, len(xs[0])), list(xs[0])
    for x in xs[1:]:
        check_rank(x, len(joined))
        for i, n in enumerate(x):
            if i != axis:
                joined[i] = agree(joined[i], n, f"along axis {i}; only axis {axis} may differ")
            else:
                joined[i] = None if None in (joined[i], n) else joined[i] + n
    return tuple(joined)


def _array_split_shape(x, indices_or_sections, axis):
    axis = nth_axis(axis, len(x))
    n = x[axis]
    if np.ndim(indices_or_sections):
        cuts = [0, *map(int, indices_or_sections), None]
        sizes = [_length(n, *ends) for ends in pairwise(cuts)]
    elif n is None:
        sizes = [None] * indices_or_sections
    else:
        size, larger = divmod(n, indices_or_sections)
        sizes = [size + (i < larger) for i in range(indices_or_sections)]
    return [replaced(x, axis, size) for size in sizes]


def _length(n, start, stop):
    """The size of the slice [start:stop] of an axis of size n."""
    if n is not None:
        return len(range(*slice(start, stop).indices(n)))
    return None if stop is None or min(start, stop) < 0 else max(stop - start, 0)


def _split_shape(x, indices_or_sections, axis):
    parts = _array_split_shape(x, indices_or_sections, axis)
    if not np.ndim(indices_or_sections) and parts[0] != parts[-1]:
        raise ValueError(
            f"axis {axis} does not divide into {indices_or_sections} equal parts; array_split "
            "makes parts whose sizes differ by one."
        )
    return parts


_concatenate = ArrayOp(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis),
    _concatenate_rule,
    variadic=True,
    same=0,
    shape=_concatenate_shape,
)
_split = ViewOp(
    "split",
    lambda x, indices_or_sections, axis: np.split(x, indices_or_sections, axis),
    lambda g, y, x, indices_or_sections, axis: np.concatenate(g, axis),
    shape=_split_shape,
)
_array_split = ViewOp(
    "array_split",
    lambda x, indices_or_sections, axis: np.array_split(x, indices_or_sections, axis),
    lambda g, y, x, indices_or_sections, axis: np.concatenate(g, axis),
    shape=_array_split_shape,
)
_unstack = ViewOp(
    "unstack",
    lambda x, num, axis: list(np.moveaxis(x, axis, 0)),
    lambda g, y, x, num, axis: np.stack(g, axis),
    shape=lambda x, num, axis: [replaced(x, nth_axis(axis, len(x)))] * num,
)


def concatenate(xs, axis=0):
    """Join tensors along an axis that they have.

    Tensors (..., n, ...), (..., m, ...) and so on give (..., n + m, ...); the other sizes are
    equal. The dtype is the one to which those of all promote.
    """
    return _concatenate(*xs, axis=axis)


def stack(x, axis=0):
    """Join tensors of one shape along a new axis.

    n tensors (a, b) give (n, a, b) with axis=0, (a, b, n) with axis=-1.
    """
    return _stack(*x, axis=axis)


def hstack(xs):
    """Join tensors along the second axis; vectors along the first.

    Tensors (N, m, ...) and (N, k, ...) give (N, m + k, ...).
    """
    xs = [expand_dims(x, 0) if ndim(x) == 0 else x for x in xs]
    return concatenate(xs, axis=0 if ndim(xs[0]) == 1 else 1)


def vstack(xs):
    """Join tensors along the first axis; vectors become rows.

    Tensors (n, ...) and (m, ...) give (n + m, ...); vectors (M,) become (1, M).
    """
    return concatenate([reshape(x, (1, -1)) if ndim(x) < 2 else x for x in xs], axis=0)


def append(x1, x2, axis=None):
    """Join two tensors along an axis, or as vectors without one.

    x1 (..., n, ...) and x2 (..., m, ...) give (..., n + m, ...); sizes along the other axes are
    equal.
    """
    return concatenate([ravel(x1), ravel(x2)] if axis is None else [x1, x2], axis=axis or 0)


def split(x, indices_or_sections, axis=0):
    """Cut ``x`` into a number of equal parts, or before the given indices; returns a list.

    x (..., n, ...) in k parts gives k tensors (..., n / k, ...); n has to be a multiple of k.
    """
    if isinstance(indices_or_sections, (list, tuple)):
        indices_or_sections = list(indices_or_sections)
    return _split(x, indices_or_sections=indices_or_sections, axis=axis)


def array_split(x, indices_or_sections, axis=0):
    """Cut ``x`` into parts whose sizes may differ by one; returns a list.

    x (..., n, ...) in k parts gives n % k of size n // k + 1, then the rest of size n // k. A list
    of indices cuts before these, as in ``split``.
    """
    return _array_split(x, indices_or_sections=indices_or_sections, axis=axis)


# For the library's own layers: views of a variable, which are used only within the step.


def reshape_view(x, newshape):
    """``reshape`` to a tuple, without a copy of a variable."""
    return _reshape.view(x, newshape=newshape)


def transpose_view(x, axes):
    """``transpose``, without a copy of a variable."""
    return _transpose.view(x, axes=axes)


def split_view(x, indices, axis):
    """``split`` before the given indices, without copies of a variable."""
    return _split.view(x, indices_or_sections=indices, axis=axis)


def unstack(x, num=None, axis=0):
    """Return the list of slices along an axis; ``num``, if given, must be their number.

    x (n, a, b) gives n tensors (a, b).

    Raises:
        ValueError: ``num`` is not the size of the axis, or is missing where that is unknown.
    """
    x = gather(x)
    found = shape(x)[axis]
    if found is None and num is None:
        raise ValueError(
            f"unstack() needs `num`, or a known size along axis {axis}; the shape is {x.shape}."
        )
    if None not in (num, found) and num != found:
        raise ValueError(f"unstack() got num={num}, but axis {axis} has size {found}.")
    return _unstack(x, num=num if found is None else found, axis=axis)


# --------------------------------------------------------------------------------------------------
# Repeating, turning, padding


def _tile_rule(g, y, x, repeats):
    repeats = (1,) * (g.ndim - len(repeats)) + tuple(repeats)
    shape = (1,) * (g.ndim - x.ndim) + x.shape
    split = [n for pair in zip(repeats, shape, strict=True) for n in pair]
    return g.reshape(split).sum(axis=tuple(range(0, 2 * g.ndim, 2))).reshape(x.shape)


def _repeat_rule(g, y, x, repeats, axis):
    if axis is None:
        return _repeat_rule(g, y, x.reshape(-1), repeats, 0).reshape(x.shape)
    repeats = np.broadcast_to(repeats, x.shape[axis])
    origin = np.repeat(np.arange(x.shape[axis]), repeats)
    return add_slices.in_rule(g, origin, shape=x.shape, axis=axis % x.ndim)


def _pad(x, pad_width, mode, constant_values):
    if mode == "constant":
        return np.pad(x, pad_width, mode, constant_values=constant_values)
    return np.pad(x, pad_width, mode)


def _pad_rule(g, y, x, pad_width, mode, constant_values):
    if mode == "constant":
        return g[tuple(slice(p, p + n) for (p, _), n in zip(pad_width, x.shape, strict=True))]
    for axis, width in enumerate(pad_width):
        if width != (0, 0):
            # Padding the indices in the same way shows which element each entry was copied from.
            origin = np.pad(np.arange(x.shape[axis]), [width], mode)
            shape = (*g.shape[:axis], x.shape[axis], *g.shape[axis + 1 :])
            g = add_slices.in_rule(g, origin, shape=shape, axis=axis)
    return g


def _tile_shape(x, repeats):
    rank = max(len(x), len(repeats))
    x, repeats = (1,) * (rank - len(x)) + x, (1,) * (rank - len(repeats)) + repeats
    return tuple(None if n is None else n * r for n, r in zip(x, repeats, strict=True))


def _repeat_shape(x, repeats, axis):
    if axis is None:
        return _repeat_shape((count(x),), repeats, 0)
    axis, each = nth_axis(axis, len(x)), np.ravel(repeats)
    n = x[axis]
    if each.size == 1:
        return replaced(x, axis, None if n is None else n * int(each[0]))
    agree(n, each.size, f"along axis {axis}: `repeats` needs one number, or one for each element")
    return replaced(x, axis, int(each.sum()))


def _pad_shape(x, pad_width, **mode):
    return tuple(
        None if n is None else before + n + after
        for n, (before, after) in zip(x, pad_width, strict=True)
    )


_tile = ArrayOp("tile", lambda x, repeats: np.tile(x, repeats), _tile_rule, shape=_tile_shape)
_repeat = ArrayOp("repeat", np.repeat, _repeat_rule, shape=_repeat_shape)
_roll = ArrayOp(
    "roll",
    np.roll,
    lambda g, y, x, shift, axis: np.roll(
        g, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis
    ),
    shape=lambda x, shift, axis: along(x, axis),
)
_flip = ViewOp("flip", np.flip, lambda g, y, x, axis: np.flip(g, axis), shape=along)
_rot90 = ViewOp(
    "rot90", np.rot90, lambda g, y, x, k, axes: np.rot90(g, -k, axes), shape=moved(np.rot90)
)
_pad_op = ArrayOp("pad", _pad, _pad_rule, shape=_pad_shape)

_PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def tile(x, repeats):
    """Join copies of ``x``, ``repeats`` along each axis.

    x (n, m) with repeats (2, 3) gives (2n, 3m); one axis is added in front for each number too
    many.
    """
    return _tile(x, repeats=_ints(repeats))


def repeat(x, repeats, axis=None):
    """Repeat each element along ``axis``; without an axis, those of the flattened tensor.

    x (..., n, ...) gives (..., n * repeats, ...); ``repeats`` is a number, or one for each element
    along the axis.
    """
    return _repeat(x, repeats=repeats, axis=axis)


def roll(x, shift, axis=None):
    """Shift the elements along ``axis``, cyclically.

    The shape stays. ``shift`` and ``axis`` may be several; without an axis, the flattened x is
    shifted.
    """
    return _roll(x, shift=_pair(shift), axis=_pair(axis))


def flip(x, axis=None):
    """Reverse the order along ``axis``, or along all axes. The shape stays."""
    return _flip(x, axis=_pair(axis))


def fliplr(x):
    """Reverse the order along the second axis.

    x (N, M, ...) keeps its shape.
    """
    return flip(x, 1)


def flipud(x):
    """Reverse the order along the first axis. x (N, ...) keeps its shape."""
    return flip(x, 0)


def rot90(array, k=1, axes=(0, 1)):
    """Turn by 90 degrees ``k`` times, in the plane of two axes.

    (N, M, ...) gives (M, N, ...) for odd ``k``, from the first of the axes towards the second.
    """
    return _rot90(array, k=k, axes=tuple(axes))


def pad(x, pad_width, mode="constant", constant_values=None):
    """Add elements around ``x``.

    ``pad_width`` is a number, a pair (before, after), or a pair for each axis. ``mode`` is
    "constant" (``constant_values``, by default 0), or "edge", "reflect", "symmetric" or "wrap" for
    copies of elements inside.

    Raises:
        ValueError: the mode is none of these, or has no use for ``constant_values``.
    """
    if mode not in _PAD_MODES:
        raise ValueError(
            f"pad() got mode={mode!r}; the modes are {', '.join(map(repr, _PAD_MODES))}."
        )
    if mode != "constant" and constant_values is not None:
        raise ValueError(
            f"pad() takes constant_values only with mode='constant', but got mode={mode!r}."
        )
    x = gather(x)
    width = np.broadcast_to(np.asarray(pad_width, dtype=int), (ndim(x), 2)).tolist()
    value = 0 if constant_values is None else constant_values
    return _pad_op(x, pad_width=tuple(map(tuple, width)), mode=mode, constant_values=value)


def _pair(n):
    return tuple(n) if isinstance(n, list) else n


def _ints(n):
    return tuple(n) if isinstance(n, (list, tuple)) else (n,)
