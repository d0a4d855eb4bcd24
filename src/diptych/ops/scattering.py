"""Writing numbers to places, distinct elements, and the places that numbers stand for."""

import math

import numpy as np

from ..operation import ArrayOp
from ..shape_rules import agree, nth_axis, replaced
from ..tensor import Tensor
from .creation import as_tensor

# --------------------------------------------------------------------------------------------------
# Scattering


def _key(indices):
    """Indices (..., k) as k arrays (...), to index with."""
    return tuple(np.moveaxis(np.asarray(indices), -1, 0))


def _scatter_shape(indices, values, shape):
    _check_places(shape, indices, values)
    return shape


def _check_places(shape, indices, updates):
    """Raise ValueError unless updates broadcast to what is at these places in a shape."""
    if not indices or (indices[-1] or 0) > len(shape):
        raise ValueError(f"its places of shape {indices} are not in a tensor of shape {shape}.")
    if indices[-1] is None:
        return
    wanted = (*indices[:-1], *shape[indices[-1] :])
    for n, m in zip(updates[::-1], wanted[::-1], strict=False):
        if n != 1:
            agree(n, m, f"where updates of shape {updates} must be like {wanted}")


def _scattered(indices, values, shape):
    y = np.zeros(shape, values.dtype)
    np.add.at(y, _key(indices), values)
    return y


_scatter = ArrayOp(
    "scatter",
    _scattered,
    lambda g, y, indices, values, shape: np.zeros_like(indices),
    lambda g, y, indices, values, shape: g[_key(indices)],
    shape=_scatter_shape,
    dtype=lambda indices, values, shape: values,
)


def scatter(indices, values, shape):
    """Zeros of a shape, with values added at places.

    Args:
        indices: integers (..., k): the places, by their first k indices.
        values: (..., *shape[k:]): what is added there; at one place several times, their sum.
        shape: the shape of the result.

    Returns:
        A tensor of this shape in the dtype of ``values``.
    """
    return _scatter(indices, values, shape=tuple(int(n) for n in shape))


_UFUNCS = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def _updated(inputs, indices, updates, reduction):
    y = np.array(inputs)
    if reduction is None:
        y[_key(indices)] = updates
    else:
        _UFUNCS[reduction].at(y, _key(indices), updates)
    return y


def _last_there(indices, shape):
    """For each place that is written, whether nothing is written there later."""
    key = _key(indices)
    numbers = np.arange(key[0].size).reshape(key[0].shape)
    writer = np.full(shape[: len(key)], -1)
    writer[key] = numbers
    return writer[key] == numbers


def products_of_others(x, places):
    """For each row of a tensor (N, ...), by operations, the product of the other rows that have the
    same place (N, k). Each factor is by itself, so that there is a gradient where one of them is 0.
    """
    others = (places[:, None] == places).all(axis=-1) & ~np.eye(len(places), dtype=bool)
    others = others.reshape(others.shape + (1,) * (x.ndim - 1))
    return np.prod(np.where(others, x, 1), axis=1)


def _behind(mask, updates):
    """A mask of places with axes of size 1 for those of the updates."""
    return mask.reshape(mask.shape + (1,) * (updates.ndim - mask.ndim))


def _products_of_others(updates, key, inputs):
    """For each update the product of everything else at its place, without dividing by zero."""
    if isinstance(updates, Tensor):
        return inputs[key] * products_of_others(updates, np.stack(key, axis=-1))
    zero = updates == 0
    nonzero = np.where(zero, 1, updates)
    product, zeros = np.array(inputs), np.zeros(inputs.shape, int)
    np.multiply.at(product, key, nonzero)
    np.add.at(zeros, key, zero)
    return np.where(zeros[key] - zero > 0, 0, product[key] / nonzero)


def _update_wrt_inputs(g, y, inputs, indices, updates, reduction):
    key = _key(indices)
    if reduction is None:
        kept = np.ones(inputs.shape, bool)
        kept[key] = False
        return g * kept
    if reduction == "add":
        return g
    if reduction == "mul":
        ones = np.ones(inputs.shape, inputs.dtype)
        return g * _scatter_update.in_rule(ones, indices, updates, reduction="mul")
    return g * (inputs == y) / _winners(y, inputs, key, updates)


def _update_wrt_updates(g, y, inputs, indices, updates, reduction):
    key = _key(indices)
    if reduction is None:
        return g[key] * _behind(_last_there(indices, inputs.shape), updates)
    if reduction == "add":
        return g[key]
    if reduction == "mul":
        return g[key] * _products_of_others(updates, key, inputs)
    return (g / _winners(y, inputs, key, updates))[key] * (updates == y[key])


def _winners(y, inputs, key, updates):
    """How many of the old and new numbers at each place are the greatest, or least: they share its
    gradient.
    """
    winners = np.asarray(inputs == y).astype(inputs.dtype)
    np.add.at(winners, key, np.asarray(updates == y[key]))
    return winners


def _update_shape(inputs, indices, updates, reduction):
    _check_places(inputs, indices, updates)
    return inputs


_scatter_update = ArrayOp(
    "scatter_update",
    _updated,
    _update_wrt_inputs,
    lambda g, y, inputs, indices, updates, reduction: np.zeros_like(indices),
    _update_wrt_updates,
    shape=_update_shape,
)


def scatter_update(inputs, indices, updates, reduction=None):
    """Return ``inputs`` with other numbers at some places.

    Args:
        inputs: (D0, D1, ...).
        indices: integers (N, k): the places, by their first k indices.
        updates: (N, *inputs.shape[k:]), in the dtype of ``inputs``.
        reduction: None: updates replace what is there, the last one if there are several; "add",
            "max", "min" or "mul": they are added to it, and so on.

    Raises:
        ValueError: another ``reduction``.
    """
    reduction = reduction.lower() if isinstance(reduction, str) else reduction
    if reduction not in (None, *_UFUNCS):
        raise ValueError(
            f"scatter_update() got reduction={reduction!r}; it is None, 'add', 'max', 'min' or "
            "'mul'."
        )
    inputs = as_tensor(inputs)
    return _scatter_update(inputs, indices, as_tensor(updates, inputs.dtype), reduction=reduction)


# --------------------------------------------------------------------------------------------------
# Distinct elements


def _distinct(x, axis, size, fill_value, parts):
    """Values, first indices, inverse and counts: those whose names are in ``parts``."""
    values, index, inverse, counts = np.unique(x, True, True, True, axis, equal_nan=False)
    inverse = inverse.reshape(x.shape if axis is None else (x.shape[axis],))
    if size is not None:
        along = 0 if axis is None else axis
        lacking = max(size - len(index), 0)
        values = np.take(values, np.arange(min(size, len(index))), along)
        if lacking:
            filler = np.take(values, [0], along) if fill_value is None else fill_value
            shape = [*values.shape]
            shape[along] = lacking
            values = np.concatenate(
                [values, np.broadcast_to(np.asarray(filler, values.dtype), shape)], along
            )
        index = np.pad(index[:size], (0, lacking), constant_values=index[0] if len(index) else 0)
        counts = np.pad(counts[:size], (0, lacking))
    found = {"index": index, "inverse": inverse, "counts": counts}
    return [values, *[found[part].astype(np.int32) for part in parts]]


def _distinct_shape(x, axis, size, fill_value, parts):
    one = (size,)
    values = one if axis is None else replaced(x, axis, size)
    inverse = x if axis is None else (x[axis],)
    return [values, *[inverse if part == "inverse" else one for part in parts]]


_unique = ArrayOp(
    "unique",
    _distinct,
    constant=True,
    shape=_distinct_shape,
    dtype=lambda x, parts, **_: [x, *[np.int32 for _ in parts]],
)


def unique(
    x,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    """The distinct elements of ``x``, ascending; or the distinct slices along an axis.

    Args:
        x: a tensor; NaN is distinct from any other NaN.
        sorted: accepted for Keras's sake: the result is always sorted.
        return_index: whether to return where each occurs first, int32 (U,).
        return_inverse: whether to return the number of each element of ``x`` among the distinct
            ones, int32 in the shape of ``x``, or (x.shape[axis],).
        return_counts: whether to return how often each occurs, int32 (U,).
        axis: the axis; None: single elements.
        size: how many to return: more are cut off, fewer are filled up.
        fill_value: what fills up; None: the first one. No gradient flows through any of it.

    Returns:
        The distinct elements (U,), or (..., U, ...) with an axis; with one of the options a tuple
        of what they ask for.
    """
    x = as_tensor(x)
    if axis is not None:
        axis = nth_axis(axis, len(x.shape))
    wanted = {"index": return_index, "inverse": return_inverse, "counts": return_counts}
    parts = tuple([part for part, asked in wanted.items() if asked])
    found = _unique(x, axis=axis, size=size, fill_value=fill_value, parts=parts)
    return tuple(found) if parts else found[0]


_unravel_index = ArrayOp(
    "unravel_index",
    lambda x, shape: [np.asarray(i, x.dtype) for i in _unraveled(x, shape)],
    constant=True,
    shape=lambda x, shape: [x] * len(shape),
)


def _unraveled(x, shape):
    """Negative indices count from the end; those beyond an end mean it."""
    size = math.prod(shape)
    x = np.clip(x.astype(np.int64), -size, size - 1)
    return np.unravel_index(np.where(x < 0, x + size, x), shape)


def unravel_index(indices, shape):
    """The index along each axis of the elements that have these numbers in a flattened tensor.

    Args:
        indices: integers (...); negative ones count from the end.
        shape: the shape of the tensor.

    Returns:
        A tuple with a tensor (...) for each of its axes.
    """
    return tuple(_unravel_index(indices, shape=tuple(int(n) for n in shape)))
