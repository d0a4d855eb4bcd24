"""The error function, statistics without NaN, counting, and sums over segments."""

import math
from functools import lru_cache

import numpy as np

from .. import config
from ..operation import ArrayOp
from ..shape_rules import agree, check_rank, common_shape
from ..tensor import Tensor
from . import ordering, reductions
from .array_ops import Unary
from .creation import as_tensor, cast, convert_to_numpy, dtype, is_whole, ndim, ones_like
from .elementwise import divide, sqrt, square, subtract
from .indexing import one_hot, where
from .logic import equal, isnan, logical_not
from .scattering import products_of_others

# --------------------------------------------------------------------------------------------------
# The error function. NumPy has none: polynomials are fitted once to math.erf.


def _exp_minus_square(x):
    """exp(-x**2) with a small relative error for large x too, where x**2 is rounded."""
    coarse = np.round(x * 16) / 16
    return np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))


@lru_cache
def _fits():
    """Fitted polynomials: erf(x) / x in x**2 up to 1, erfc(x) exp(x**2) in 1 / (1 + x) above."""
    from numpy.polynomial import chebyshev  # here, since it takes long to import

    def near(u):
        x = np.sqrt((u + 1) / 2)
        return np.array([math.erf(v) / v if v else 2 / math.sqrt(math.pi) for v in x])

    def far(u):
        x = 4 / (u + 1) - 1
        return np.array([math.erfc(v) for v in x]) / _exp_minus_square(x)

    low = 4 / 27.0 - 1  # the point of x = 26, beyond which erfc is 0 in double precision
    far_on = chebyshev.Chebyshev.interpolate(far, 28, domain=[low, 1])
    return chebyshev.cheb2poly(chebyshev.chebinterpolate(near, 14)), far_on


def _horner(coefficients, x):
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= x
        y += c
    return y


def _erf_and_erfc(x):
    near_fit, far_fit = _fits()
    a = np.minimum(np.abs(x.astype(np.float64)), 30)
    small = a < 1
    near = np.minimum(a, 1)
    near = near * _horner(near_fit, 2 * near * near - 1)
    tail = np.zeros_like(a)
    if not small.all():
        far = np.clip(a, 1, 26)
        tail = _exp_minus_square(a) * far_fit(4 / (far + 1) - 1)
    erf_a = np.where(small, near, 1 - tail)
    erfc_a = np.where(small, 1 - near, tail)
    negative = x < 0
    return (
        np.where(negative, -erf_a, erf_a).astype(x.dtype),
        np.where(negative, 2 - erfc_a, erfc_a).astype(x.dtype),
    )


def _erfinv(x):
    from statistics import NormalDist  # here, since it takes long to import

    def one(v):
        if not -1 < v < 1:
            return math.copysign(math.inf, v) if abs(v) == 1 else math.nan
        return NormalDist().inv_cdf((v + 1) / 2) / math.sqrt(2)

    return np.array([one(float(v)) for v in x.reshape(-1)], x.dtype).reshape(x.shape)


_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

erf = Unary(
    "erf",
    lambda x: _erf_and_erfc(x)[0],
    lambda g, y, x: g * _SLOPE * np.exp(-x * x),
    floating=True,
    doc="The error function, 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.",
)
erfc = Unary(
    "erfc",
    lambda x: _erf_and_erfc(x)[1],
    lambda g, y, x: -g * _SLOPE * np.exp(-x * x),
    floating=True,
    doc="1 - erf(x), exact for large x as well.",
)
erfinv = Unary(
    "erfinv",
    _erfinv,
    lambda g, y, x: g * np.exp(y * y) / _SLOPE,
    floating=True,
    doc="The number whose error function is x: infinite at -1 and 1, NaN beyond.",
)

# --------------------------------------------------------------------------------------------------
# Statistics that ignore NaN; of nothing but NaN they give NaN (sums 0, products 1, indices -1).
# Integers have no NaN. Means of float16 are computed in float32, as in ``reductions``.


def _without_nan(x, value):
    return x if is_whole(x) else where(isnan(x), value, x)


def _count(x, axis, keepdims):
    return reductions.sum(cast(logical_not(isnan(x)), x.dtype), axis, keepdims)


def _or_nan(y, x, axis, keepdims):
    return y if is_whole(x) else where(equal(_count(x, axis, keepdims), 0), math.nan, y)


def _but_for_nan_alone(indices, x, axis, keepdims):
    """The indices, -1 where all elements along the axis are NaN."""
    if is_whole(x):
        return indices
    return where(reductions.all(isnan(x), axis, keepdims), cast(-1, "int32"), indices)


def _as_wide(x):
    """``x`` as a tensor of floats, of at least 32 bits."""
    x = as_tensor(x)
    if is_whole(x):
        return cast(x, config.floatx())
    return cast(x, "float32") if dtype(x) == "float16" else x


def _as_float_like(y, x):
    """The result ``y`` in the float type of ``x``."""
    return cast(y, "float16") if dtype(x) == "float16" else y


def nansum(x, axis=None, keepdims=False):
    """The sum of all that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; 0 where there is nothing else.
    """
    return reductions.sum(_without_nan(x, 0), axis, keepdims)


def nanprod(x, axis=None, keepdims=False):
    """The product of all that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; 1 where there is nothing else.
    """
    return reductions.prod(_without_nan(x, 1), axis, keepdims)


def nanmax(x, axis=None, keepdims=False):
    """The greatest element that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; NaN where there is nothing else.
    """
    x = as_tensor(x)
    return _or_nan(reductions.max(_without_nan(x, -math.inf), axis, keepdims), x, axis, keepdims)


def nanmin(x, axis=None, keepdims=False):
    """The least element that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; NaN where there is nothing else.
    """
    x = as_tensor(x)
    return _or_nan(reductions.min(_without_nan(x, math.inf), axis, keepdims), x, axis, keepdims)


def nanmean(x, axis=None, keepdims=False):
    """The mean of all that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; NaN where there is nothing else.
    """
    wide = _as_wide(x)
    mean = divide(nansum(wide, axis, keepdims), _count(wide, axis, keepdims))
    return _as_float_like(mean, x)


def nanvar(x, axis=None, keepdims=False):
    """The variance of all that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; NaN where there is nothing else.
    """
    wide = _as_wide(x)
    centred = where(isnan(wide), 0, subtract(wide, nanmean(wide, axis, True)))
    total = reductions.sum(square(centred), axis, keepdims)
    return _as_float_like(divide(total, _count(wide, axis, keepdims)), x)


def nanstd(x, axis=None, keepdims=False):
    """The standard deviation of all that is not NaN.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; NaN where there is nothing else.
    """
    return _as_float_like(sqrt(nanvar(_as_wide(x), axis, keepdims)), x)


def nanargmax(x, axis=None, keepdims=False):
    """The index of the first greatest element that is not NaN; -1 if there is none.

    x (..., n, ...) gives int32 of shape (...), or (..., 1, ...) with keepdims; without an axis, the
    index is that of the flattened x.
    """
    x = as_tensor(x)
    indices = reductions.argmax(_without_nan(x, -math.inf), axis, keepdims)
    return _but_for_nan_alone(indices, x, axis, keepdims)


def nanargmin(x, axis=None, keepdims=False):
    """The index of the first least element that is not NaN; -1 if there is none.

    x (..., n, ...) gives int32 of shape (...), or (..., 1, ...) with keepdims; without an axis, the
    index is that of the flattened x.
    """
    x = as_tensor(x)
    indices = reductions.argmin(_without_nan(x, math.inf), axis, keepdims)
    return _but_for_nan_alone(indices, x, axis, keepdims)


def nancumsum(x, axis=None, dtype=None):
    """The running sum that takes NaN as 0.

    The result has the shape of x; without an axis, (x.size,).
    """
    return ordering.cumsum(_without_nan(x, 0), axis, dtype)


def nancumprod(x, axis=None, dtype=None):
    """The running product that takes NaN as 1.

    The result has the shape of x; without an axis, (x.size,).
    """
    return ordering.cumprod(_without_nan(x, 1), axis, dtype)


def ptp(x, axis=None, keepdims=False):
    """The greatest element minus the least.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims.
    """
    return subtract(reductions.max(x, axis, keepdims), reductions.min(x, axis, keepdims))


# --------------------------------------------------------------------------------------------------
# Counting, and sums over segments

_digitize = ArrayOp(
    "digitize",
    lambda x, bins: np.digitize(x, bins).astype(np.int32),
    constant=True,
    shape=lambda x, bins: x,
    dtype="int32",
)


def _bincount_shape(x, weights, minlength):
    check_rank(x, 1, 2)
    common_shape(x, weights)
    return (*x[:-1], None)  # one more than the greatest number


def _segments_shape(data, ids, num_segments):
    check_rank(ids, 1)
    agree(data[0], ids[0], "along axis 0: every row needs the id of its segment")
    return (num_segments, *data[1:])  # without a number, one more than the greatest id


_bincount = ArrayOp(
    "bincount",
    lambda x, weights, minlength: _counted(x, weights, minlength),
    lambda g, y, x, weights, minlength: np.zeros_like(x),
    lambda g, y, x, weights, minlength: np.take_along_axis(g, x, axis=-1),
    shape=_bincount_shape,
    dtype=lambda x, weights, minlength: weights,
)
_segment_sum: ArrayOp = ArrayOp(
    "segment_sum",
    lambda data, ids, num_segments: _add_at(data, ids, num_segments),
    lambda g, y, data, ids, num_segments: _row_of_segment.in_rule(g, ids),
    shape=_segments_shape,
)
_row_of_segment: ArrayOp = ArrayOp(
    "row_of_segment",
    lambda rows, ids: _from_segments(rows, ids),
    lambda g, y, rows, ids: _segment_sum.in_rule(g, ids, num_segments=len(rows)),
    shape=lambda rows, ids: (*ids, *rows[1:]),
)


def _reduced_segments(name, rule):
    return ArrayOp(
        f"segment_{name}",
        lambda data, ids, num_segments: _ufunc_at(name, data, ids, num_segments),
        lambda g, y, data, ids, num_segments: rule(g, y, data, ids),
        shape=_segments_shape,
    )


def _counted(x, weights, minlength):
    length = max(minlength, int(x.max()) + 1 if x.size else 0)
    rows = zip(np.atleast_2d(x), np.atleast_2d(weights), strict=True)
    y = [np.bincount(row, own, length).astype(weights.dtype) for row, own in rows]
    return y[0] if x.ndim == 1 else np.reshape(y, (len(x), length))


def _segments(ids, num_segments):
    if num_segments is None:
        return max(int(ids.max()) + 1, 0) if ids.size else 0
    return num_segments


def _existing(ids, count):
    """Which rows have the id of a segment."""
    return (ids >= 0) & (ids < count)


def _add_at(data, ids, num_segments):
    y = np.zeros((_segments(ids, num_segments), *data.shape[1:]), data.dtype)
    there = _existing(ids, len(y))
    np.add.at(y, ids[there], data[there])
    return y


def _extreme(dtype, name):
    """What an empty segment has: 1, the least number or the greatest."""
    if name == "prod":
        return 1
    if dtype.kind == "f":
        return -np.inf if name == "max" else np.inf
    if dtype.kind == "b":
        return name == "min"
    return np.iinfo(dtype).min if name == "max" else np.iinfo(dtype).max


def _ufunc_at(name, data, ids, num_segments):
    ufunc = {"max": np.maximum, "min": np.minimum, "prod": np.multiply}[name]
    shape = (_segments(ids, num_segments), *data.shape[1:])
    y = np.full(shape, _extreme(data.dtype, name), data.dtype)
    there = _existing(ids, len(y))
    ufunc.at(y, ids[there], data[there])
    return y


def _from_segments(g, ids):
    """For each row what its segment has, 0 without a segment."""
    rows = np.zeros((len(ids), *g.shape[1:]), g.dtype)
    there = _existing(ids, len(g))
    rows[there] = g[ids[there]]
    return rows


def _share_in_segments(g, y, data, ids):
    ties = (data == _row_of_segment.in_rule(y, ids)).astype(g.dtype)
    shares = np.maximum(_segment_sum.in_rule(ties, ids, num_segments=len(y)), 1)
    return ties * _row_of_segment.in_rule(g / shares, ids)


def _product_in_segments(g, y, data, ids):
    """g times the product of the others, without division by zero: 0 if another one is 0."""
    if isinstance(data, Tensor):
        return _row_of_segment(g, ids) * products_of_others(data, np.asarray(ids)[:, None])
    zero = (data == 0).astype(data.dtype)
    others = np.where(zero == 1, 1, data)
    zeros = _from_segments(_add_at(zero, ids, len(y)), ids) - zero
    product = _from_segments(_ufunc_at("prod", others, ids, len(y)), ids)
    return _from_segments(g, ids) * np.where(zeros > 0, 0, product / others)


_segment_max = _reduced_segments("max", _share_in_segments)
_segment_min = _reduced_segments("min", _share_in_segments)
_segment_prod = _reduced_segments("prod", _product_in_segments)


def digitize(x, bins):
    """The index of the interval of ``bins``, a sorted vector, that contains each element: how many
    boundaries are not above it, int32 in the shape of ``x``.
    """
    return _digitize(x, bins)


def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights.

    Args:
        x: integers of at least 0, (N,) or (B, N).
        weights: a number for each, which gives sums; None: each counts 1, in int32.
        minlength: the least length of the result.

    Returns:
        (L,) or (B, L), with L one more than the greatest number.

    Raises:
        TypeError: ``x`` does not hold integers.
        ValueError: ``sparse`` is asked for: there are no sparse tensors here.
    """
    if sparse:
        raise ValueError("Sparse tensors are not available; bincount makes dense ones.")
    if not is_whole(x):
        raise TypeError(f"bincount() counts integers, but got {dtype(x)}.")
    if weights is None:
        weights = ones_like(x, "int32")
    return _bincount(x, weights, minlength=minlength)


def _histogram_of(x, bins, range):
    counts, edges = np.histogram(x, bins, range)
    dtype = _histogram_dtype(x.dtype)
    return [counts.astype(dtype), edges.astype(dtype)]


def _histogram_dtype(x, **options):
    return x if x.kind == "f" else np.dtype(config.floatx())


def _histogram_shape(x, bins, range):
    bins = bins if isinstance(bins, int) else len(bins) - 1
    return [(bins,), (bins + 1,)]


_histogram = ArrayOp(
    "histogram", _histogram_of, constant=True, shape=_histogram_shape, dtype=_histogram_dtype
)


def histogram(x, bins=10, range=None):
    """How many elements are in each of several intervals of equal length.

    Args:
        x: numbers of any shape.
        bins: the number of intervals, or their boundaries.
        range: the ends (low, high) of the first and last interval; None: the least and the
            greatest element.

    Returns:
        The numbers (bins,) and the boundaries (bins + 1,), in the float type of ``x`` or the
        configured one.
    """
    if not isinstance(bins, int):
        bins = convert_to_numpy(bins).tolist()
    return tuple(_histogram(x, bins=bins, range=range))


def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """Add up the rows of ``data`` that have the same id.

    data (N, ...) and segment_ids (N,) give (num_segments, ...).

    Ids are integers from 0 to ``num_segments - 1``; rows with any other id are left out.
    """
    return _segment_sum(data, segment_ids, num_segments=num_segments)


def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """The maximum, element by element, of the rows of ``data`` that have the same id.

    data (N, ...) and segment_ids (N,) give (num_segments, ...).

    Ids are integers from 0 to ``num_segments - 1``; rows with any other id are left out. A segment
    without rows has the least value of the dtype.
    """
    return _segment_max(data, segment_ids, num_segments=num_segments)


def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """The minimum, element by element, of the rows of ``data`` (N, ...) that have the same id.

    Ids are as in ``segment_max``. A segment without rows has the greatest value of the dtype.
    """
    return _segment_min(data, segment_ids, num_segments=num_segments)


def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """The product, element by element, of the rows of ``data`` (N, ...) that have the same id.

    Ids are as in ``segment_max``. A segment without rows has ones.
    """
    return _segment_prod(data, segment_ids, num_segments=num_segments)


def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """Turn sets of class numbers into vectors with a one for each of them.

    A vector is one set. Of more axes the second is the set, as in Keras: (N, T, ...) becomes
    (N, ..., num_classes). ``axis`` is the place of the classes before the sets are joined.
    ``num_tokens`` is an old name of ``num_classes``.

    Raises:
        TypeError: an argument is unknown.
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs:
        raise TypeError(f"multi_hot() got an unexpected argument {next(iter(kwargs))!r}.")
    hot = one_hot(inputs, num_classes, axis, dtype, sparse)
    return reductions.max(hot, axis=1 if ndim(hot) > 2 else 0)
