"""Normalisation: the functions of ``keras.ops``, and those for the layers.

The equations and gradients are in ``diptych.reference.normalization``. The engines support the last
axis only; other axes are moved there before and back afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import config
from .. import engine as _engine
from ..engine import Engine
from ..graph import KerasTensor, record
from ..operation import Twin, common_float
from ..shape_rules import agree, broadcast, check_rank, count
from ..slices import open_slice
from ..tape import record as record_on_tape
from ..tape import record_effect
from ..tensor import Tensor, Variable, is_symbolic
from ..trial import open_trial
from .creation import as_tensor, cast, dtype, ones, shape
from .elementwise import add, clip, divide, maximum, multiply, rsqrt, square, subtract
from .indexing import where
from .reductions import mean, norm, sum, var
from .shapes import broadcast_to, expand_dims, moveaxis, reshape, transpose


class _GivenStatistics(Twin):
    """A twin whose backward gets ``needs``: a frozen layer needs only the gradient of the first
    input.
    """

    def _pair(self, engine: Engine) -> tuple[Callable, Callable]:
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")
        return forward, lambda dy, cache, needs: backward(dy, cache, *needs)


# --------------------------------------------------------------------------------------------------
# The twins, made of operations: for gradients of gradients only


def _unit_of_operations(x, epsilon):
    return divide(x, maximum(norm(x, axis=-1, keepdims=True), epsilon))


def _rms_of_operations(x, gamma, epsilon):
    x_hat = multiply(x, rsqrt(add(mean(square(x), -1, keepdims=True), epsilon)))
    return _scaled_and_moved(x_hat, gamma, None)


def _layer_of_operations(x, gamma, beta, epsilon):
    return _scaled_and_moved(_standardized(x, -1, epsilon), gamma, beta)


def _group_of_operations(x, gamma, beta, groups, epsilon):
    positions, width = math.prod(x.shape[1:-1]), x.shape[-1] // groups
    grouped = reshape(x, (x.shape[0], positions, groups, width))
    x_hat = reshape(_standardized(grouped, (1, 3), epsilon), x.shape)
    return _scaled_and_moved(x_hat, gamma, beta)


def _batch_of_operations(x, mean, variance, gamma, beta, epsilon):
    x_hat = multiply(subtract(x, mean), rsqrt(add(variance, epsilon)))
    return _scaled_and_moved(x_hat, gamma, beta)


def _batch_training_of_operations(x, gamma, beta, mask, epsilon):
    mask = ones(x.shape[:-1], x.dtype) if mask is None else mask
    moments = _masked_moments(x, mask, x.ndim - 1)
    return [_batch_of_operations(x, *moments, gamma, beta, epsilon), *moments]


def _standardized(x, axes, epsilon):
    """x with mean 0 and variance 1 along these axes."""
    centred = subtract(x, mean(x, axes, keepdims=True))
    return multiply(centred, rsqrt(add(mean(square(centred), axes, keepdims=True), epsilon)))


def _scaled_and_moved(x_hat, gamma, beta):
    y = x_hat if gamma is None else multiply(x_hat, gamma)
    return y if beta is None else add(y, beta)


_unit = Twin(
    "normalization", "unit_normalization", has_need_dx=True, composition=_unit_of_operations
)
_rms = Twin("normalization", "rms_normalization", has_need_dx=True, composition=_rms_of_operations)
_layer = Twin(
    "normalization", "layer_normalization", has_need_dx=True, composition=_layer_of_operations
)
_group = Twin(
    "normalization", "group_normalization", has_need_dx=True, composition=_group_of_operations
)
_batch = _GivenStatistics("normalization", "batch_normalization", composition=_batch_of_operations)
_batch_training = Twin(
    "normalization",
    "batch_normalization_training",
    has_need_dx=True,
    composition=_batch_training_of_operations,
)

# --------------------------------------------------------------------------------------------------
# The functions of keras.ops


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """scale (x - mean) / sqrt(variance + epsilon) + offset, for every channel.

    Args:
        x: a tensor of any rank.
        mean, variance: a number for each entry of ``axis``.
        axis: the axis of the channels.
        offset, scale: a number for each entry of ``axis``, or None.
        epsilon: keeps the divisor away from 0.
    """
    x = as_tensor(x)
    (axis,) = _axes("batch_normalization", axis, x)
    if _any_symbolic(x, mean, variance, offset, scale):
        given = (x, mean, variance, axis, offset, scale, epsilon)
        for vector in (mean, variance, offset, scale):
            if vector is not None:
                check_rank(shape(vector), 1)
                agree(shape(vector)[0], x.shape[axis], f"numbers along axis {axis}")
        float_type = common_float("batch_normalization", (x, mean, variance, offset, scale))
        return _record(batch_normalization, x.shape, float_type, given)
    return batch_over(x, mean, variance, offset, scale, axis, epsilon)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Any:
    """Normalise along ``axis`` to mean 0 and variance 1, then apply scale and offset.

    Args:
        x: a tensor of any rank.
        gamma, beta: scale and offset, in the shape of those axes (or one that broadcasts against
            ``x``), or None.
        axis: an axis, or several.
        epsilon: added to the variance; by default ``config.epsilon()``.
        rms_scaling: divide by the standard deviation without subtracting the mean, and add no
            offset; for old models, as in Keras. The root mean square is ``rms_normalization``.
    """
    x = as_tensor(x)
    axes = _axes("layer_normalization", axis, x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if _any_symbolic(x, gamma, beta):
        given = (x, gamma, beta, axes, epsilon, rms_scaling)
        name = None if rms_scaling else "layer_normalization"
        float_type = common_float(name, given[:3])
        return _record(layer_normalization, _scaled(x, axes, gamma, beta), float_type, given)
    if rms_scaling:
        y = multiply(x, rsqrt(add(var(x, axes, keepdims=True), epsilon)))
        return y if gamma is None else multiply(y, _along(gamma, axes, x))
    if not _are_vectors(axes, x, gamma, beta):
        y = layer_normalization(x, None, None, axes, epsilon)
        y = y if gamma is None else multiply(y, _along(gamma, axes, x))
        return y if beta is None else add(y, _along(beta, axes, x))
    return layer_over(x, gamma, beta, axes, epsilon)


def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """Divide by the root mean square along ``axis``, then scale.

    Args:
        x: a tensor of any rank.
        scale: in the shape of those axes (or one that broadcasts against ``x``), or None.
        axis: an axis, or several.
        epsilon: added to the mean square; by default ``config.epsilon()``.
    """
    x = _with_axes(as_tensor(x))
    axes = _axes("rms_normalization", axis, x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if _any_symbolic(x, scale):
        given = (x, scale, axes, epsilon)
        float_type = common_float("rms_normalization", (x, scale))
        return _record(rms_normalization, _scaled(x, axes, scale), float_type, given)
    if not _are_vectors(axes, x, scale):
        y = rms_normalization(x, None, axes, epsilon)
        return multiply(y, _along(scale, axes, x))
    return rms_over(x, scale, axes, epsilon)


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """Divide by the norm along ``axis``, which is at least ``epsilon``.

    Args:
        x: a tensor of any rank.
        axis: an axis, or several; None: all of them.
        order: of the norm: 2 for the Euclidean length, 1 for the sum of magnitudes.
        epsilon: by default ``config.epsilon()``.

    Raises:
        ValueError: ``order`` is no positive whole number.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize needs a whole number of at least 1 as `order`; got {order!r}.")
    x = _with_axes(as_tensor(x))
    axes = tuple(range(len(x.shape))) if axis is None else _axes("normalize", axis, x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if is_symbolic(x):
        float_type = common_float("normalize" if order == 2 else None, (x,))
        return _record(normalize, x.shape, float_type, (x, axes, order, epsilon))
    rows, unfold = _fold(x, axes)
    if order == 2:
        return unfold(_unit((rows,), epsilon))
    return unfold(divide(rows, maximum(norm(rows, ord=order, axis=-1, keepdims=True), epsilon)))


def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Any, Any]:
    """The mean and the variance (divided by n, not by n - 1) along ``axes``.

    x (..., n, ...) gives (...) twice, or (..., 1, ...) with keepdims. ``synchronized`` has to be
    False.

    Raises:
        ValueError: ``synchronized`` is asked for.
    """
    if synchronized:
        raise ValueError(
            "moments(synchronized=True) is for several devices, but there is only one."
        )
    if dtype(x) == "float16":  # in float32, and infinity as the greatest float16, as in Keras
        limit = float(np.finfo(np.float16).max)
        both = moments(cast(x, "float32"), axes, keepdims)
        first, second = (cast(clip(y, -limit, limit), "float16") for y in both)
        return first, second
    return mean(x, axes, keepdims), var(x, axes, keepdims)


# --------------------------------------------------------------------------------------------------
# For the layers, which check the arguments when they are built: x is a tensor, axes are sorted and
# not negative, vectors have one number for each entry along them.


def layer_over(x: Any, gamma: Any, beta: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """Normalise along the axes to mean 0 and variance 1."""
    rows, unfold = _fold(x, axes)
    return unfold(_layer((rows, _flat(gamma), _flat(beta)), epsilon))


def rms_over(x: Any, scale: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """Divide by the root mean square along the axes."""
    rows, unfold = _fold(x, axes)
    return unfold(_rms((rows, _flat(scale)), epsilon))


def group_over(x: Any, gamma: Any, beta: Any, groups: int, axis: int, epsilon: float) -> Any:
    """Normalise every group of channels of every sample to mean 0 and variance 1."""
    return _from_last(_group((_to_last(x, axis), gamma, beta), groups, epsilon), axis)


def batch_over(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, axis: int, epsilon: float
) -> Any:
    """Normalise every channel by a given mean and variance, such as the moving averages."""
    y = _batch((_to_last(x, axis), mean, variance, scale, offset), epsilon)
    return _from_last(y, axis)


def batch_statistics_over(
    x: Any, gamma: Any, beta: Any, mask: Any, axis: int, epsilon: float
) -> list:
    """Normalise every channel by the mean and variance of the batch; return these as well.

    Args:
        x: a tensor of any rank.
        gamma, beta: a number for each channel, or None.
        mask: None, or a mask with one axis less than ``x``; False entries do not count for the
            statistics.
        axis: the axis of the channels.
        epsilon: keeps the divisor away from 0.
    """
    if open_slice() is not None or (mask is not None and axis != x.ndim - 1):
        if mask is None:
            mean, variance = _moments_of_slices(x, axis)
        else:
            mean, variance = _masked_moments(x, mask, axis)
        return [batch_over(x, mean, variance, beta, gamma, axis, epsilon), mean, variance]
    if mask is not None:
        mask = cast(mask, x.dtype)
    y, mean, variance = _batch_training((_to_last(x, axis), gamma, beta, mask), epsilon)
    return [_from_last(y, axis), mean, variance]


def move_average(average: Variable, value: Tensor, momentum: float) -> None:
    """Update a moving average: momentum * average + (1 - momentum) * value. It has no gradient."""
    record_effect(_move, (value,), average, momentum)


def _move(value: np.ndarray, average: Variable, momentum: float) -> None:
    trial = open_trial.get()
    if trial is not None:
        if trial.defer(partial(_move, value, average, momentum)):
            return
        trial.remember(average)
    value = value.astype(average.array.dtype, copy=False)
    _engine.current().optimizers.average_([average.array], [value], momentum)


def _masked_moments(x: Any, mask: Any, axis: int) -> tuple[Any, Any]:
    """Mean and variance of each channel over unmasked entries; the mask has no channel axis."""
    axes = tuple(a for a in range(x.ndim) if a != axis)
    counts = broadcast_to(expand_dims(cast(mask, "bool"), -1), x.shape)
    n = maximum(total(sum(cast(counts, x.dtype), axes, keepdims=True)), 1.0)
    mean = divide(total(sum(where(counts, x, 0.0), axes, keepdims=True)), n)
    distances = where(counts, subtract(x, mean), 0.0)
    variance = divide(total(sum(square(distances), axes, keepdims=True)), n)
    return reshape(mean, (x.shape[axis],)), reshape(variance, (x.shape[axis],))


def _moments_of_slices(x: Any, axis: int) -> tuple[Any, Any]:
    """Mean and variance of each channel of a batch of which ``x`` is a slice."""
    part = open_slice()
    axes = tuple(a for a in range(x.ndim) if a != axis)
    wide = cast(x, "float32") if x.dtype == np.float16 else x
    n = float(part.whole(x.shape, "The input of a BatchNormalization") // x.shape[axis])
    mean = divide(total(sum(wide, axes, keepdims=True)), n)
    variance = divide(total(sum(square(subtract(wide, mean)), axes, keepdims=True)), n)
    return reshape(mean, (x.shape[axis],)), reshape(variance, (x.shape[axis],))


def total(x: Tensor) -> Tensor:
    """The sum over all slices of a batch; outside of slices ``x`` itself. Each slice's loss depends
    on it, so its gradient is a sum over the slices too.
    """
    part = open_slice()
    if part is None:
        return x
    return record_on_tape(part.total(x.array), (x,), _total_backward, None, _total_forward)


def _total_forward(x: np.ndarray) -> tuple[np.ndarray, None]:
    return open_slice().total(x), None


def _total_backward(dy: np.ndarray, cache: None, needs: Any) -> list[np.ndarray]:
    return [open_slice().total(dy)]


# --------------------------------------------------------------------------------------------------
# Axes


def _axes(name: str, axis: Any, x: Any) -> tuple[int, ...]:
    """``axis`` as a sorted tuple of axes that ``x`` has."""
    ndim = len(x.shape)
    given = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    for a in given:
        if not -ndim <= a < ndim:
            raise ValueError(
                f"{name}: axis {a} does not exist in an input of shape {tuple(x.shape)}; its axes "
                f"are 0 to {ndim - 1}, or -{ndim} to -1."
            )
    return tuple(sorted({a % ndim for a in given}))


def _to_last(x: Any, axis: int) -> Any:
    return x if axis == x.ndim - 1 else moveaxis(x, axis, -1)


def _from_last(y: Any, axis: int) -> Any:
    return y if axis == y.ndim - 1 else moveaxis(y, -1, axis)


def _fold(x: Any, axes: tuple[int, ...]) -> tuple[Any, Callable]:
    """``x`` with these axes as a single one at the end, and a function that undoes it."""
    ndim = x.ndim
    if axes == (ndim - 1,):
        return x, lambda y: y
    other_axes = tuple(a for a in range(ndim) if a not in axes)
    moved = x if other_axes + axes == tuple(range(ndim)) else transpose(x, other_axes + axes)
    shape = moved.shape
    lead = shape[: len(other_axes)]
    rows = reshape(moved, (*lead, math.prod(shape[len(other_axes) :])))

    def unfold(y: Any) -> Any:
        y = reshape(y, shape)
        order = other_axes + axes
        back = sorted(range(ndim), key=order.__getitem__)
        return y if moved is x else transpose(y, back)

    return rows, unfold


def _with_axes(x: Any) -> Any:
    """A scalar as a vector of one."""
    return x if len(x.shape) else reshape(x, (1,))


def _are_vectors(axes: Sequence[int], x: Any, *vectors: Any) -> bool:
    """Whether each vector has exactly one number for each entry along the axes."""
    size = math.prod(x.shape[a] for a in axes)
    return all(v is None or as_tensor(v).size == size for v in vectors)


def _flat(vector: Any) -> Any:
    if vector is None or (isinstance(vector, Tensor) and vector.array.ndim == 1):
        return vector
    vector = as_tensor(vector)
    return vector if vector.ndim == 1 else reshape(vector, (vector.size,))


def _along(vector: Any, axes: Sequence[int], x: Any) -> Any:
    """A vector, reshaped to broadcast against ``x`` along these axes."""
    vector = as_tensor(vector)
    if vector.ndim != len(axes) or vector.ndim == x.ndim:
        return vector
    return reshape(vector, tuple(n if a in axes else 1 for a, n in enumerate(x.shape)))


# --------------------------------------------------------------------------------------------------
# Symbolic tensors


def _any_symbolic(*tensors: Any) -> bool:
    return any(is_symbolic(tensor) for tensor in tensors)


def _scaled(x: Any, axes: Sequence[int], *vectors: Any) -> tuple:
    """The shape of ``x`` times vectors that have a number for each entry along the axes, or that
    broadcast.
    """
    found, entries = tuple(x.shape), count(tuple(x.shape[a] for a in axes))
    for vector in vectors:
        if vector is not None and count(shape(vector)) not in (entries, None):
            if entries is not None and len(shape(vector)) == len(axes) != len(found):
                raise ValueError(
                    f"A normalisation over the axes {axes} of an input of shape {x.shape} needs "
                    f"{entries} numbers to scale and shift by; got the shape {shape(vector)}."
                )
            if entries is not None:
                found = broadcast(found, shape(vector))
    return found


def _record(operation: Callable, shape: tuple, dtype: Any, arguments: tuple) -> KerasTensor:
    return record(operation, arguments, {}, KerasTensor(shape, dtype))


__all__ = [
    "batch_normalization",
    "layer_normalization",
    "moments",
    "normalize",
    "rms_normalization",
]
