"""Running sums and products, sorting, ranks and medians."""

import warnings

import numpy as np

from .. import config
from ..operation import ArrayOp, ViewOp
from ..shape_rules import common_shape, nth_axis, reduced, replaced, scanned
from ..tensor import is_symbolic
from .creation import as_tensor, cast, is_whole, ndim
from .indexing import add_along_axis, take_along_axis
from .reductions import _spread, fold
from .reductions import sum as sum_of
from .shapes import reshape

# --------------------------------------------------------------------------------------------------
# Running sums and products, differences


def _flat_if_none(rule):
    """Without an axis, operation and rule apply to the flattened array."""

    def flexible(g, y, x, axis, **options):
        if axis is None:
            return rule(g, y, x.reshape(-1), axis=0, **options).reshape(x.shape)
        return rule(g, y, x, axis=axis, **options)

    return flexible


def _keep_int(scan):
    """NumPy adds small integers in int64; Keras keeps int32."""
    return lambda x, axis: scan(x, axis, dtype=np.int32 if x.dtype.kind == "b" else x.dtype)


def _cumsum_rule(g, y, x, axis):
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _cumprod_rule(g, y, x, axis):
    # dx_j = sum over k >= j of g_k * (product of x_i for i <= k, i != j): exact with zeros too.
    x, g = np.moveaxis(x, axis, -1), np.moveaxis(g, axis, -1)
    places = np.arange(x.shape[-1])
    dx = [
        (g * np.cumprod(np.where(places == j, 1, x), axis=-1))[..., j:].sum(axis=-1) for j in places
    ]
    return np.stack(dx, axis) if dx else np.zeros_like(x)


def _diff_rule(g, y, x, n, axis):
    for _ in range(n):
        end = np.zeros_like(np.take(g, [0], axis))
        g = np.concatenate([end, g], axis) - np.concatenate([g, end], axis)
    return g


def _diff_shape(x, n, axis):
    axis = nth_axis(axis, len(x))
    return replaced(x, axis, None if x[axis] is None else max(x[axis] - n, 0))


def _counted(x, **_):
    """The dtype of a running sum: booleans are counted."""
    return np.int32 if x.kind == "b" else x


_cumsum = ArrayOp(
    "cumsum",
    _keep_int(np.cumsum),
    _flat_if_none(_cumsum_rule),
    shape=scanned,
    dtype=_counted,
)
_cumprod = ArrayOp(
    "cumprod",
    _keep_int(np.cumprod),
    _flat_if_none(_cumprod_rule),
    shape=scanned,
    dtype=_counted,
)
_diff = ViewOp("diff", np.diff, _diff_rule, shape=_diff_shape)


def cumsum(x, axis=None, dtype=None):
    """The running sum along ``axis``.

    The result has the shape of x; without an axis, (x.size,).
    """
    return _cumsum(x if dtype is None else cast(x, dtype), axis=axis)


def cumprod(x, axis=None, dtype=None):
    """The running product along ``axis``.

    The result has the shape of x; without an axis, (x.size,).
    """
    return _cumprod(x if dtype is None else cast(x, dtype), axis=axis)


def diff(a, n=1, axis=-1):
    """The difference of neighbours along ``axis``, taken ``n`` times.

    a (..., m, ...) gives (..., m - n, ...).
    """
    return _diff(a, n=n, axis=axis)


# --------------------------------------------------------------------------------------------------
# Sorting


def _sort_rule(g, y, x, axis):
    order = np.argsort(x, axis, kind="stable")
    return add_along_axis.in_rule(g, order, shape=x.shape, axis=axis % x.ndim)


def _top_k_indices(x, k):
    _top_k_shape(x.shape, k)  # raises an error if there are fewer
    if x.dtype.kind == "b":
        x = x.view(np.int8)
    return np.argsort(-x if x.dtype.kind == "f" else x.max(initial=0) - x, axis=-1, kind="stable")[
        ..., :k
    ].astype(np.int32)


def _is_in_top_k(targets, predictions, k):
    inside = (targets >= 0) & (targets < predictions.shape[-1])
    own = np.take_along_axis(predictions, np.where(inside, targets, 0)[..., None], -1)
    if own.dtype.kind == "f":
        own = np.where(np.isnan(own), -np.inf, own)
    return inside & ((predictions > own).sum(-1) < k)


def _top_k_shape(x, k):
    last = nth_axis(-1, len(x))
    if x[last] is not None and k > x[last]:
        raise ValueError(f"top_k() got k={k}, but the last axis of {x} has only {x[last]} elements")
    return replaced(x, last, k)


def _in_top_k_shape(targets, predictions, k):
    return common_shape(targets, predictions[:-1])


_sort = ArrayOp(
    "sort",
    lambda x, axis: np.sort(x, axis, kind="stable"),
    _flat_if_none(_sort_rule),
    shape=scanned,
)
_argsort = ArrayOp(
    "argsort",
    lambda x, axis: np.argsort(x, axis, kind="stable").astype(np.int32),
    constant=True,
    shape=scanned,
    dtype="int32",
)
_argpartition = ArrayOp(
    "argpartition",
    lambda x, kth, axis: np.argpartition(x, kth, axis).astype(np.int32),
    constant=True,
    shape=lambda x, kth, axis: scanned(x, axis),
    dtype="int32",
)
_top_k = ArrayOp("top_k_indices", _top_k_indices, constant=True, shape=_top_k_shape, dtype="int32")
_in_top_k = ArrayOp(
    "in_top_k",
    _is_in_top_k,
    constant=True,
    shape=_in_top_k_shape,
    dtype="bool",
)
_searchsorted = ArrayOp(
    "searchsorted",
    lambda sorted_sequence, values, side: np.searchsorted(sorted_sequence, values, side).astype(
        np.int32
    ),
    constant=True,
    shape=lambda sorted_sequence, values, side: values,
    dtype="int32",
)


def sort(x, axis=-1):
    """Sort along ``axis``; gradients go back to the original positions.

    The shape stays; without an axis, x is flattened.
    """
    return _sort(x, axis=axis)


def argsort(x, axis=-1):
    """The indices that sort ``x`` along ``axis``; equal elements keep their order.

    x (..., n, ...) gives int32 of the same shape; without an axis, x is flattened. Not
    differentiable.
    """
    return _argsort(x, axis=axis)


def argpartition(x, kth, axis=-1):
    """Indices that part a line: those of smaller elements, that of element number ``kth`` of the
    sorted line, and those of greater ones, in any order within the parts.

    Args:
        x: numbers.
        kth: the number of the element that stands in its sorted place.
        axis: the axis; None: the flattened tensor.

    Returns:
        int32 in the shape of ``x``, or (size,).
    """
    return _argpartition(x, kth=kth, axis=axis)


def top_k(x, k, sorted=True):
    """The ``k`` greatest elements along the last axis, greatest first, and their indices.

    x (..., n) gives (..., k) twice, the indices as int32. They come sorted even without ``sorted``.
    """
    indices = _top_k(x, k=k)
    return take_along_axis(x, indices, axis=-1), indices


def in_top_k(targets, predictions, k):
    """Whether the prediction for the target class is among the ``k`` greatest of its row.

    targets (N,) of integers and predictions (N, C) give (N,) of bools.

    It is not for a class that does not exist; NaN is less than any other prediction.
    """
    return _in_top_k(targets, predictions, k=k)


def searchsorted(sorted_sequence, values, side="left"):
    """The index at which to insert each value so that the sequence stays sorted.

    sorted_sequence (n,) and values (...) give int32 of shape (...). side="right" is the index
    behind elements that are equal.
    """
    return _searchsorted(sorted_sequence, values, side=side)


# --------------------------------------------------------------------------------------------------
# Medians and quantiles


# A quantile is a weighted mean of two sorted neighbours, at and above a place between 0 and n - 1.
_SHARE_ABOVE = {
    "linear": lambda place: place - np.floor(place),
    "lower": lambda place: 0.0,
    "higher": lambda place: 1.0,
    "midpoint": lambda place: 0.5,
    "nearest": lambda place: np.rint(place) - np.floor(place),
}


def _quantile_rule(g, y, x, q, axis, method, keepdims):
    # NaN, which sorts last, is left out; if one were counted, there would be no gradient anyway.
    flat, unfold = fold(x, axis)
    ranks = np.asarray(np.argsort(np.argsort(flat, axis=-1, kind="stable"), axis=-1))
    last = np.maximum(np.asarray(flat == flat).sum(axis=-1, keepdims=True) - 1, 0)
    places = [fraction * last for fraction in np.ravel(np.asarray(q))]
    g = g.reshape((len(places), *g.shape[np.ndim(q) :]))
    dx = np.zeros_like(x)
    for place, own in zip(places, g, strict=True):
        above = _SHARE_ABOVE[method](place)
        weights = (ranks == np.floor(place)) * (1 - above) + (ranks == np.ceil(place)) * above
        dx = dx + _spread(own, x, axis, keepdims) * unfold(weights.astype(x.dtype))
    return dx


def _median_rule(g, y, x, axis, keepdims):
    return _quantile_rule(g, y, x, 0.5, axis, "linear", keepdims)


def _quantiles(function):
    def forward(x, q, axis, method, keepdims):
        y = function(x, q, axis=axis, method=method, keepdims=keepdims)
        return np.asarray(y).astype(x.dtype)

    return forward


def _without_warning(function):
    """NumPy warns where there is nothing but NaN; the result is NaN."""

    def quiet(*args, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return function(*args, **options)

    return quiet


_median = ArrayOp("median", np.median, _median_rule, floating=True, shape=reduced, wide=True)
_nanmedian = ArrayOp(
    "nanmedian",
    _without_warning(np.nanmedian),
    _median_rule,
    floating=True,
    shape=reduced,
    wide=True,
)


def _quantile_operations(name, function):
    """The operation with the fractions as an option, and the one that takes symbolic fractions."""
    rules = _quantiles(function), _quantile_rule
    return (
        ArrayOp(
            name, *rules, wide=True, shape=lambda x, q, **axes: np.shape(q) + reduced(x, **axes)
        ),
        ArrayOp(f"{name}_at", *rules, wide=True, shape=lambda x, q, **axes: q + reduced(x, **axes)),
    )


_quantile, _quantile_at = _quantile_operations("quantile", np.quantile)
_nanquantile, _nanquantile_at = _quantile_operations(
    "nanquantile", _without_warning(np.nanquantile)
)


def median(x, axis=None, keepdims=False):
    """The middle element along ``axis``, or the mean of the two middle ones.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims; ``axis`` may be several, None is
    all. Integers give floats.
    """
    return _median(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


def nanmedian(x, axis=None, keepdims=False):
    """The median of all that is not NaN along ``axis``; NaN where there is nothing else.

    x (..., n, ...) gives (...), or (..., 1, ...) with keepdims.
    """
    return _nanmedian(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


def _any_quantile(operation, symbolic, x, q, **options):
    if options["method"] not in _SHARE_ABOVE:
        raise ValueError(
            f"{operation.name}() got method={options['method']!r}; the methods are 'linear', "
            "'lower', 'higher', 'midpoint' or 'nearest'."
        )
    x = as_tensor(x)
    if is_whole(x):
        x = cast(x, config.floatx())
    if isinstance(options["axis"], list):
        options["axis"] = tuple(options["axis"])
    if is_symbolic(q):
        return symbolic(x, q, **options)
    q = np.asarray(q, np.float64)
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError(
            f"Quantiles are asked for by fractions between 0 and 1, percentiles by numbers between "
            f"0 and 100; got the fractions {q}."
        )
    return operation(x, q=q.tolist(), **options)


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The value below which the fraction ``q`` of the elements along ``axis`` lies.

    x (..., n, ...) and q (*Q) give (*Q, ...), or (*Q, ..., 1, ...) with keepdims.

    Args:
        x: numbers; integers give floats.
        q: a fraction between 0 and 1, or an array of them, whose axes come first in the result. No
            gradient goes to it.
        axis: None (all axes), an int or a tuple of ints.
        method: where a quantile lies between two elements: "linear" (in proportion), "lower",
            "higher", "midpoint" or "nearest" (the even one of two that are equally near).
        keepdims: whether the reduced axes stay, with size 1.
    """
    options = {"axis": axis, "method": method, "keepdims": keepdims}
    return _any_quantile(_quantile, _quantile_at, x, q, **options)


def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """The quantile of all that is not NaN; the arguments are those of ``quantile``.

    x (..., n, ...) and q (*Q) give (*Q, ...).
    """
    options = {"axis": axis, "method": method, "keepdims": keepdims}
    return _any_quantile(_nanquantile, _nanquantile_at, x, q, **options)


def percentile(x, q, axis=None, method="linear", keepdims=False):
    """The quantile for ``q`` per cent: a number between 0 and 100, or an array of them.

    x (..., n, ...) and q (*Q) give (*Q, ...). The arguments are those of ``quantile``.
    """
    return quantile(x, _fractions(q), axis, method, keepdims)


def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """The percentile of all that is not NaN; the arguments are those of ``percentile``.

    x (..., n, ...) and q (*Q) give (*Q, ...).
    """
    return nanquantile(x, _fractions(q), axis, method, keepdims)


def _fractions(q):
    return q / 100 if is_symbolic(q) else np.asarray(q, np.float64) / 100


# --------------------------------------------------------------------------------------------------
# Integrals


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of samples along an axis by the trapezoidal rule: the sum of
    (y[i] + y[i + 1]) / 2 times the distance.

    Args:
        y: the samples; integers give floats.
        x: where they were taken, a vector or in the shape of ``y``; None: at equal distances.
        dx: the distance, without ``x``.
        axis: the axis, which the result does not have.
    """
    y = as_tensor(y)
    if is_whole(y):
        y = cast(y, config.floatx())
    axis = nth_axis(axis, len(y.shape))
    before = (slice(None),) * axis
    distance = dx
    if x is not None:
        distance = diff(x, axis=axis if ndim(x) > 1 else 0)
        if ndim(x) == 1:
            distance = reshape(distance, (-1,) + (1,) * (len(y.shape) - axis - 1))
    pairs = y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]
    return sum_of(pairs * distance / 2.0, axis=axis)
