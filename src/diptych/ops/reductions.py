"""Operations along axes: sums, means, extremes, norms, running sums, sorting.

``axis`` is None (all axes), an int, or a tuple of ints. Elements that tie for a maximum or minimum
share its gradient equally, as in TensorFlow.
"""

import math

import numpy as np

from .. import config
from ..operation import ArrayOp
from ..shape_rules import reduced
from .creation import as_tensor, cast, dtype, is_whole, ones_like
from .elementwise import divide, multiply
from .shapes import inverse, reshape

# --------------------------------------------------------------------------------------------------
# Helpers of the rules


def _axes(axis, ndim):
    """``axis`` as a tuple of non-negative axes."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in axis) if isinstance(axis, (tuple, list)) else (axis % ndim,)


def _tidy(axis):
    """Several axes as a tuple, as NumPy needs them; Keras also accepts lists."""
    return tuple(axis) if isinstance(axis, list) else axis


def _stretch(r, x, axis, keepdims):
    """Restore the reduced axes of ``r`` with size 1, so that it broadcasts against ``x``."""
    if keepdims or axis is None or x.ndim == 0:
        return r
    return np.expand_dims(r, _axes(axis, x.ndim))


def _count(x, axis):
    """The number of elements reduced to each result."""
    return x.size if axis is None else math.prod([x.shape[a] for a in _axes(axis, x.ndim)])


def _spread(g, x, axis, keepdims):
    return np.broadcast_to(_stretch(g, x, axis, keepdims), x.shape)


def _to_extremes(g, y, x, axis=None, keepdims=False, **_):
    ties = x == _stretch(y, x, axis, keepdims)
    share = ties.astype(g.dtype).sum(axis=axis, keepdims=True)
    return ties * (_stretch(g, x, axis, keepdims) / np.maximum(share, 1))  # none: `initial` won


def fold(x, axis):
    """Move the reduced axes to the end as a single one; also return a function that undoes it."""
    axes = _axes(axis, x.ndim)
    other_axes = tuple(a for a in range(x.ndim) if a not in axes)
    moved = x.transpose(other_axes + axes)
    back = inverse(other_axes + axes)
    folded = moved.reshape(*moved.shape[: len(other_axes)], -1)
    return folded, lambda r: r.reshape(moved.shape).transpose(back)


def _prod_rule(g, y, x, axis=None, keepdims=False):
    # The product of all other elements, without division, so that it is exact with zeros in x.
    flat, unfold = fold(x, axis)
    ones = np.ones((*flat.shape[:-1], 1), x.dtype)
    before = np.cumprod(np.concatenate([ones, flat[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return _spread(g, x, axis, keepdims) * unfold(before * after)


def _var_rule(g, y, x, axis=None, keepdims=False):
    centred = x - x.mean(axis=axis, keepdims=True)
    return _stretch(g, x, axis, keepdims) * centred * 2 / _count(x, axis)


def _std_rule(g, y, x, axis=None, keepdims=False):
    return _var_rule(g / (2 * y), None, x, axis, keepdims)


def _norm_rule(g, y, x, ord=None, axis=None, keepdims=False):
    y = _stretch(y, x, axis, keepdims)
    g = _stretch(g, x, axis, keepdims)
    vectors = isinstance(axis, int) or (axis is None and x.ndim == 1)
    if ord in (None, "fro") or (vectors and ord == 2):
        return g * x / np.where(y == 0, 1, y)
    if not vectors:
        raise NotImplementedError(
            f"ops.norm has no gradient for a matrix norm with ord={ord!r}; 'fro' has one."
        )
    if ord in (np.inf, -np.inf):
        return _to_extremes(g, y, np.abs(x), axis, keepdims=True) * np.sign(x)
    if ord == 0:
        return np.zeros_like(x)
    return g * np.sign(x) * (np.abs(x) / np.where(y == 0, 1, y)) ** (ord - 1)


def _stable_logsumexp(x, axis=None, keepdims=False):
    largest = np.max(x, axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, np.zeros_like(largest))
    result = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return result if keepdims else np.squeeze(result, axis=axis)


# Sums and products of small integers and booleans have 32 bits, as in Keras (in NumPy 64). Those of
# float16 are computed in 32 bits, since a sum overflows where its mean does not.
WIDE = {
    "?": np.int32, "b": np.int32, "h": np.int32, "B": np.uint32, "H": np.uint32, "e": np.float32,
}  # fmt: skip


def _widened(ufunc):
    """The reduction with a ufunc, in the dtype that ``WIDE`` says."""

    def forward(x, axis=None, keepdims=False):
        wide = WIDE.get(x.dtype.char)
        if wide is None:
            return ufunc.reduce(x, axis, x.dtype, None, keepdims)
        y = ufunc.reduce(x, axis, wide, None, keepdims)
        return y.astype(x.dtype) if wide is np.float32 else y

    return forward


def _in_float32(function):
    """The function, which computes in float32 what is float16, and gives its result as float16."""

    def forward(x, **options):
        if x.dtype.char != "e":
            return function(x, **options)
        return np.asarray(function(x.astype(np.float32), **options)).astype(x.dtype)

    return forward


def dtype_of_sum(x, **options):
    """The dtype of a sum or product: see ``WIDE``."""
    return x if x.kind == "f" else WIDE.get(x.char, x)


def _norm_shape(x, ord=None, axis=None, keepdims=False):
    axes = _axes(axis, len(x)) if axis is not None or ord is not None else (0,)
    if len(axes) not in (1, 2):
        raise ValueError(f"a norm is that of vectors or matrices, but axis={axis} names {axes}.")
    return reduced(x, axis, keepdims)


def _mean_of(x, axis=None, keepdims=False):
    if x.dtype.char == "e":
        return _mean_of(x.astype(np.float32), axis, keepdims).astype(x.dtype)
    return np.add.reduce(x, axis, None, None, keepdims) / x.dtype.type(_count(x, axis))


# --------------------------------------------------------------------------------------------------
# The operations

_sum = ArrayOp(
    "sum",
    _widened(np.add),
    lambda g, y, x, axis=None, keepdims=False: _spread(g, x, axis, keepdims),
    shape=reduced,
    dtype=dtype_of_sum,
)
_mean = ArrayOp(
    "mean",
    _mean_of,
    lambda g, y, x, axis=None, keepdims=False: _spread(g, x, axis, keepdims) / _count(x, axis),
    floating=True,
    shape=reduced,
)
_prod = ArrayOp("prod", _widened(np.multiply), _prod_rule, shape=reduced, dtype=dtype_of_sum)
_max = ArrayOp("max", np.max, _to_extremes, shape=reduced)
_min = ArrayOp("min", np.min, _to_extremes, shape=reduced)
_var = ArrayOp("var", _in_float32(np.var), _var_rule, floating=True, shape=reduced)
_std = ArrayOp("std", _in_float32(np.std), _std_rule, floating=True, shape=reduced)
_norm = ArrayOp("norm", _in_float32(np.linalg.norm), _norm_rule, floating=True, shape=_norm_shape)
_logsumexp = ArrayOp(
    "logsumexp",
    _in_float32(_stable_logsumexp),
    lambda g, y, x, axis=None, keepdims=False: (
        _stretch(g, x, axis, keepdims) * np.exp(x - _stretch(y, x, axis, keepdims))
    ),
    floating=True,
    shape=reduced,
)
_all = ArrayOp("all", np.all, constant=True, shape=reduced, dtype="bool")
_any = ArrayOp("any", np.any, constant=True, shape=reduced, dtype="bool")
_count_nonzero = ArrayOp(
    "count_nonzero",
    lambda x, axis: np.asarray(np.count_nonzero(x, axis=axis), np.int32),
    constant=True,
    shape=reduced,
    dtype="int32",
)
_argmax = ArrayOp(
    "argmax",
    lambda x, axis, keepdims: np.argmax(x, axis=axis, keepdims=keepdims).astype(np.int32),
    constant=True,
    shape=reduced,
    dtype="int32",
)
_argmin = ArrayOp(
    "argmin",
    lambda x, axis, keepdims: np.argmin(x, axis=axis, keepdims=keepdims).astype(np.int32),
    constant=True,
    shape=reduced,
    dtype="int32",
)


def sum(x, axis=None, keepdims=False):
    """Add the elements along ``axis``; small integers and booleans in 32 bits.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all.
    """
    return _sum(x, axis=_tidy(axis), keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    """Average the elements along ``axis``; integers give floats.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all.
    """
    return _mean(x, axis=_tidy(axis), keepdims=keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    """Multiply the elements along ``axis``; small integers and booleans in 32 bits, unless a
    ``dtype`` is given.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all.
    """
    if dtype is None:
        return _prod(x, axis=_tidy(axis), keepdims=keepdims)
    return cast(_prod(cast(x, dtype), axis=_tidy(axis), keepdims=keepdims), dtype)


def max(x, axis=None, keepdims=False, initial=None):
    """The greatest element along ``axis``, at least ``initial``.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all. The gradient is shared by elements that tie.
    """
    return _max(
        x, axis=_tidy(axis), keepdims=keepdims, **({} if initial is None else {"initial": initial})
    )


def min(x, axis=None, keepdims=False, initial=None):
    """The least element along ``axis``, at most ``initial``.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all. The gradient is shared by elements that tie.
    """
    return _min(
        x, axis=_tidy(axis), keepdims=keepdims, **({} if initial is None else {"initial": initial})
    )


def amax(x, axis=None, keepdims=False):
    """The greatest element along ``axis``: ``max`` without ``initial``.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims.
    """
    return max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    """The least element along ``axis``: ``min`` without ``initial``.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims.
    """
    return min(x, axis, keepdims)


def var(x, axis=None, keepdims=False):
    """The mean squared distance from the mean (divided by n, not by n - 1).

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all. Integers give floats.
    """
    return _var(x, axis=_tidy(axis), keepdims=keepdims)


def std(x, axis=None, keepdims=False):
    """The square root of the variance.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all. Integers give floats.
    """
    return _std(x, axis=_tidy(axis), keepdims=keepdims)


def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))), without overflow.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all.
    """
    return _logsumexp(x, axis=_tidy(axis), keepdims=keepdims)


def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors (one axis) or matrices (two); where x is 0, its gradient is 0.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims. ``ord`` as in NumPy: None
    (Euclidean, Frobenius), a number, inf, -inf, "fro", "nuc".
    """
    return _norm(x, ord=ord, axis=_tidy(axis), keepdims=keepdims)


def all(x, axis=None, keepdims=False):
    """Whether every element along ``axis`` is true.

    x (..., n, ...) gives (...) of bools, or (..., 1, ...) with keepdims. ``axis`` may be several;
    None is all of them.
    """
    return _all(x, axis=_tidy(axis), keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    """Whether some element along ``axis`` is true.

    x (..., n, ...) gives (...) of bools, or (..., 1, ...) with keepdims. ``axis`` may be several;
    None is all of them.
    """
    return _any(x, axis=_tidy(axis), keepdims=keepdims)


def count_nonzero(x, axis=None):
    """How many elements along ``axis`` are not zero.

    x (..., n, ...) gives int32 of shape (...); ``axis`` may be several, and None is all of them.
    """
    return _count_nonzero(x, axis=_tidy(axis))


def argmax(x, axis=None, keepdims=False):
    """The index of the first greatest element along ``axis``, as int32.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; without an axis, the index is that
    of the flattened x. Not differentiable.
    """
    return _argmax(x, axis=axis, keepdims=keepdims)


def argmin(x, axis=None, keepdims=False):
    """The index of the first least element along ``axis``, as int32.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; without an axis, the index is that
    of the flattened x. Not differentiable.
    """
    return _argmin(x, axis=axis, keepdims=keepdims)


def average(x, axis=None, weights=None):
    """The mean, with weights in the shape of ``x`` or, for one axis, of that axis's length.

    x (..., n, ...) gives (...). ``axis`` may be several; None is all of them. Integers give floats.

    Raises:
        ValueError: the weights have not the shape of x, and there is not one axis of their length.
    """
    if weights is None:
        return mean(x, axis)
    if isinstance(axis, (tuple, list)) and len(axis) == 1:
        (axis,) = axis
    x, weights = as_tensor(x), as_tensor(weights)
    given = dtype(x)
    if dtype(weights) == "float16" and given == "float16":
        return cast(average(cast(x, "float32"), axis, cast(weights, "float32")), given)
    if is_whole(x) and is_whole(weights):
        x, weights = cast(x, config.floatx()), cast(weights, config.floatx())
    if weights.ndim == 1 and x.ndim > 1:
        if not isinstance(axis, int):
            raise ValueError(
                f"average() with weights of shape {weights.shape} needs axis=int, got axis={axis}."
            )
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = reshape(weights, shape)
    weights = multiply(weights, ones_like(x))
    return divide(sum(multiply(x, weights), axis), sum(weights, axis))
