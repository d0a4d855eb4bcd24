"""Indexing, updating and choosing elements."""

import builtins

import numpy as np

from ..operation import ArrayOp, ViewOp, align, cast, gather, one_number
from ..promotion import dtype_named
from ..shape_rules import broadcast, check_rank, common_shape, count, nth_axis, replaced
from ..tensor import Tensor, is_symbolic
from .array_ops import unbroadcast

# --------------------------------------------------------------------------------------------------
# Indexing


def _is_basic(key):
    """Whether a key takes each element at most once: slices, integers, new axes, boolean masks."""
    parts = key if isinstance(key, tuple) else (key,)
    return builtins.all(
        part is None
        or part is Ellipsis
        or isinstance(part, (int, np.integer, builtins.slice))
        or (isinstance(part, np.ndarray) and part.dtype == bool)
        for part in parts
    )


def _put_at(g, key, shape):
    """Zeros in this shape with g added at the places of a key."""
    x = np.zeros(shape, g.dtype)
    if _is_basic(key):
        x[key] = g
    else:
        np.add.at(x, key, g)  # an integer array may take an element twice: the gradients add up
    return x


_put_item = ArrayOp(
    "put_item",
    _put_at,
    lambda g, y, x, key, shape: g[key],
    shape=lambda x, key, shape: shape,
)


def _get_item_rule(g, y, x, key):
    return _put_item.in_rule(g, key=key, shape=x.shape)


def _plain_key(key):
    """An index with its tensors and lists as arrays."""
    if isinstance(key, tuple):
        return tuple(_plain_key(part) for part in key)
    if isinstance(key, Tensor):
        return key.array
    return np.asarray(key, dtype=None if key else int) if isinstance(key, list) else key


def _get_item_shape(x, key):
    parts = list(key) if isinstance(key, tuple) else [key]
    rest = len(x) - builtins.sum(map(_axes_indexed, parts))
    if rest < 0:
        raise ValueError(f"the index {key!r} is for {len(x) - rest} axes.")
    dots = [i for i, part in enumerate(parts) if part is Ellipsis] or [len(parts)]
    parts[dots[0] : dots[0] + 1] = [builtins.slice(None)] * rest
    sizes, chosen, place = [], [], 0
    for part in parts:
        here, x = x[: _axes_indexed(part)], x[_axes_indexed(part) :]
        if part is None:
            sizes.append(1)
        elif isinstance(part, builtins.slice):
            sizes.append(None if here[0] is None else len(range(*part.indices(here[0]))))
        else:  # integers and arrays broadcast; their axes come first unless they stand together
            together = not chosen or place == len(sizes)
            place = len(sizes) if together else 0
            chosen.append(_shape_chosen(part, here))
    return (*sizes[:place], *broadcast((), *chosen), *sizes[place:])


def _is_integer(part):
    return isinstance(part, (int, np.integer))


def _axes_indexed(part):
    """How many axes a part of a key takes elements from: none, one, or those of a mask."""
    if part is None or part is Ellipsis:
        return 0
    if _is_integer(part) or isinstance(part, builtins.slice):
        return 1
    kind = np.dtype(part.dtype).kind if hasattr(part, "dtype") else None
    if kind not in ("i", "u", "b"):
        raise ValueError(f"{part!r} is no index: it has to hold integers or booleans.")
    return len(part.shape) if kind == "b" else 1


def _shape_chosen(part, here):
    """The shape that an integer, an array of integers or a mask puts in the place of axes."""
    if _is_integer(part):
        if here[0] is not None and not -here[0] <= part < here[0]:
            raise ValueError(f"the index {part} is beyond an axis of size {here[0]}.")
        return ()
    if np.dtype(part.dtype) != bool:
        return tuple(part.shape)
    common_shape(here, tuple(part.shape))
    return (None,) if is_symbolic(part) else (int(np.count_nonzero(part)),)


_get_item = ViewOp("get_item", lambda x, key: x[key], _get_item_rule, shape=_get_item_shape)


def get_item(x, key):
    """Return ``x[key]``: integers, slices, ellipsis, None, arrays of integers or booleans.

    The shape is that of NumPy's indexing: x (N, M)[1] is (M,), x[:, None] is (N, 1, M).
    """
    return _get_item(x, key=_plain_key(key))


def _add_slices(g, indices, shape, axis):
    """Zeros in this shape with the slices of ``g`` added at ``indices`` along ``axis``."""
    x = np.zeros(shape, g.dtype)
    if x.ndim == 2 and axis == 0 and g.size:
        # The gradient of an embedding. Sorted by row, equal rows are adjacent and can be summed at
        # once.
        rows, g = np.reshape(indices, -1) % x.shape[0], g.reshape(-1, x.shape[1])
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
        x[rows[starts]] = np.add.reduceat(g[order], starts, axis=0)
        return x
    np.add.at(x, (builtins.slice(None),) * axis + (indices,), g)
    return x


def _add_along_axis(g, indices, shape, axis):
    """Zeros in this shape with each element of ``g`` added in its line along ``axis``, at the index
    that ``indices`` has in its place.
    """
    x = np.zeros(shape, g.dtype)
    index = list(np.indices(g.shape, sparse=True))
    for a, n in enumerate(shape):
        if n == 1 and g.shape[a] != 1:
            index[a] = np.zeros_like(index[a])
    index[axis] = indices % shape[axis]
    np.add.at(x, tuple(index), g)
    return x


# The reverse of ``take`` and of ``take_along_axis``: zeros with g added where elements were taken.
add_slices = ArrayOp(
    "add_slices",
    _add_slices,
    lambda g, y, x, indices, shape, axis: np.take(g, indices, axis),
    shape=lambda x, indices, shape, axis: shape,
)
add_along_axis = ArrayOp(
    "add_along_axis",
    _add_along_axis,
    lambda g, y, x, indices, shape, axis: np.take_along_axis(g, indices, axis),
    shape=lambda x, indices, shape, axis: shape,
)


def _take_rule(g, y, x, indices, axis):
    if axis is None:
        return add_slices.in_rule(g, indices, shape=(x.size,), axis=0).reshape(x.shape)
    return add_slices.in_rule(g, indices, shape=x.shape, axis=axis % x.ndim)


def _take_along_axis_rule(g, y, x, indices, axis):
    if axis is None:
        dx = add_along_axis.in_rule(g.reshape(-1), indices.reshape(-1), shape=(x.size,), axis=0)
        return dx.reshape(x.shape)
    return add_along_axis.in_rule(g, indices, shape=x.shape, axis=axis % x.ndim)


def _take_shape(x, indices, axis):
    return indices if axis is None else replaced(x, nth_axis(axis, len(x)), *indices)


def _take_along_axis_shape(x, indices, axis):
    if axis is None:
        return _take_along_axis_shape((count(x),), indices, 0)
    check_rank(indices, len(x))
    axis = nth_axis(axis, len(x))
    lines = broadcast(replaced(x, axis, 1), replaced(indices, axis, 1))
    return replaced(lines, axis, indices[axis])


_take = ArrayOp(
    "take", lambda x, indices, axis: np.take(x, indices, axis), _take_rule, shape=_take_shape
)
_take_along_axis = ArrayOp(
    "take_along_axis",
    lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    _take_along_axis_rule,
    shape=_take_along_axis_shape,
)


def take(x, indices, axis=None):
    """Take the elements (or slices along ``axis``) at ``indices``; -1 is the last.

    x (..., n, ...) and indices (*I) of integers give (..., *I, ...); without an axis, x is
    flattened.
    """
    return _take(x, _integers(indices), axis=axis)


def take_along_axis(x, indices, axis=None):
    """For every line along ``axis``, take the elements that its own line of ``indices`` names.

    x (..., n, ...) and indices (..., k, ...) give the shape of the indices.
    """
    return _take_along_axis(x, _integers(indices), axis=axis)


def _integers(indices):
    if isinstance(indices, (list, tuple)):
        indices = gather(indices)
    if hasattr(indices, "dtype") and np.dtype(indices.dtype).kind == "f":
        return cast(indices, dtype="int32")  # ids that went through a float input layer
    return indices


def _slice_shape(x, start_indices, shape):
    check_rank(x, len(start_indices))
    check_rank(x, len(shape))
    return tuple(
        (None if length == -1 else length) if n is None else len(range(*window.indices(n)))
        for n, length, window in zip(x, shape, _windows(x, start_indices, shape), strict=True)
    )


_slice = ViewOp(
    "slice",
    lambda x, start_indices, shape: x[_window(x, start_indices, shape)],
    lambda g, y, x, start_indices, shape: _get_item_rule(g, y, x, _window(x, start_indices, shape)),
    shape=_slice_shape,
)


def _window(x, start_indices, shape):
    return _windows(x.shape, start_indices, shape)


def _windows(sizes, start_indices, shape):
    return tuple(
        builtins.slice(s, n if length == -1 else s + length)
        for s, length, n in zip(start_indices, shape, sizes, strict=True)
    )


def slice(inputs, start_indices, shape):
    """Cut out the block that begins at ``start_indices``; a size of -1 means up to the end.

    inputs (n, m) with start_indices (i, j) and shape (a, b) give inputs[i : i + a, j : j + b]: one
    number of each for every axis.
    """
    return _slice(inputs, start_indices=_numbers(start_indices), shape=_numbers(shape))


def _numbers(values):
    return tuple(int(v) for v in values)


def _slice_update_rule(g, y, inputs, updates, start_indices):
    return _slice_update_op.in_rule(g, np.zeros_like(updates), start_indices=start_indices)


def _slice_update(inputs, updates, start_indices):
    y = inputs.copy()
    y[_window(inputs, start_indices, updates.shape)] = updates
    return y


def _slice_update_shape(inputs, updates, start_indices):
    check_rank(updates, len(inputs))
    check_rank(inputs, len(start_indices))
    for start, n, size in zip(start_indices, updates, inputs, strict=True):
        if None not in (n, size) and start + n > size:
            raise ValueError(f"{n} elements from number {start} on are beyond an axis of {size}.")
    return inputs


_slice_update_op = ArrayOp(
    "slice_update",
    _slice_update,
    _slice_update_rule,
    lambda g, y, inputs, updates, start_indices: g[_window(inputs, start_indices, updates.shape)],
    same=0,
    shape=_slice_update_shape,
)


def slice_update(inputs, start_indices, updates):
    """Return ``inputs`` with ``updates`` in place of the block at ``start_indices``.

    inputs (n, m) and updates (a, b) give (n, m).

    start_indices has one number for each axis of inputs, and updates has as many axes.
    """
    return _slice_update_op(inputs, updates, start_indices=_numbers(start_indices))


# --------------------------------------------------------------------------------------------------
# Choosing

_where = ArrayOp(
    "where",
    np.where,
    lambda g, y, condition, a, b: np.zeros_like(condition),
    lambda g, y, condition, a, b: unbroadcast(np.where(condition, g, np.zeros_like(g)), a),
    lambda g, y, condition, a, b: unbroadcast(np.where(condition, np.zeros_like(g), g), b),
    same=1,
    shape=broadcast,
)
_nonzero = ArrayOp(
    "nonzero",
    lambda x: [i.astype(np.int32) for i in np.nonzero(x)],
    constant=True,
    shape=lambda x: [(None,)] * len(x),
    dtype="int32",
)


def where(condition, x1=None, x2=None):
    """Take from ``x1`` where ``condition`` is true, else from ``x2``; without both, its indices.

    The shapes of all three broadcast, and the result has theirs; the dtypes of x1 and x2 promote.

    Raises:
        ValueError: only one of x1 and x2 is given.
    """
    if x1 is None and x2 is None:
        return tuple(_nonzero(condition))
    if x1 is None or x2 is None:
        raise ValueError("where() takes a condition alone, or a condition with both x1 and x2.")
    return _where(condition, x1, x2)


def nonzero(x):
    """Return the indices of the elements that are not zero: a tuple with a tensor for each axis.

    x of d axes with n such elements gives d int32 tensors of shape (n,); a symbolic one gives
    (None,).
    """
    return tuple(_nonzero(x))


def _select_rule(i, g, y, *arrays, n):
    conditions, x = [np.asarray(condition, bool) for condition in arrays[:n]], arrays[i]
    chosen = np.select(conditions, np.arange(n, 2 * n), default=2 * n)
    return unbroadcast(np.where(chosen == i, g, np.zeros_like(g)), x)


class _Select(ArrayOp):
    """``n`` conditions, then the choices and the default, which share one dtype."""

    def __call__(self, *inputs, n):
        inputs = [gather(x) for x in inputs]
        if not builtins.any(map(is_symbolic, inputs)):
            inputs[n:] = align(inputs[n:])
        return super().__call__(*inputs, n=n)

    def _dtype(self, inputs, options):
        return align([one_number(x) for x in inputs[options["n"] :]])[0].dtype


_select = _Select(
    "select",
    lambda *arrays, n: np.select([c.astype(bool) for c in arrays[:n]], arrays[n:-1], arrays[-1]),
    _select_rule,
    variadic=True,
    shape=broadcast,
)


def select(condlist, choicelist, default=0):
    """Take elements from the first choice whose condition is true, or from ``default``; a plain
    number there takes the dtype of the choices.

    Conditions, choices and default have shapes that broadcast, and the result has theirs.
    """
    return _select(*condlist, *choicelist, default, n=len(condlist))


# --------------------------------------------------------------------------------------------------
# Labels


def _one_hot(x, num_classes, axis, dtype):
    hot = x[..., None] == np.arange(num_classes)
    return np.moveaxis(hot, -1, axis).astype(dtype)


def _one_hot_shape(x, num_classes, axis, dtype):
    axis = axis % (len(x) + 1)
    return (*x[:axis], num_classes, *x[axis:])


_one_hot_op = ArrayOp(
    "one_hot",
    _one_hot,
    constant=True,
    shape=_one_hot_shape,
    dtype=lambda x, num_classes, axis, dtype: dtype,
)


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Turn class numbers into vectors of zeros with a one; other numbers give zeros alone.

    x (...) of integers gives (..., num_classes), or has the classes on another ``axis``. By default
    of the configured float type.

    Raises:
        ValueError: ``sparse`` is asked for: there are no sparse tensors here.
    """
    if sparse:
        raise ValueError("Sparse tensors are not available; one_hot makes dense ones.")
    dtype = dtype_named(dtype).name
    return _one_hot_op(_integers(x), num_classes=num_classes, axis=axis, dtype=dtype)
