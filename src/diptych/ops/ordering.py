"""Running sums and products, sorting, ranks and medians."""

import numpy as np

from ..operation import ArrayOp, ViewOp
from ..shape_rules import common_shape, nth_axis, reduced, replaced, scanned
from .creation import cast
from .indexing import add_along_axis, take_along_axis
from .reductions import _spread, fold

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
    """The running sum along ``axis``."""
    return _cumsum(x if dtype is None else cast(x, dtype), axis=axis)


def cumprod(x, axis=None, dtype=None):
    """The running product along ``axis``."""
    return _cumprod(x if dtype is None else cast(x, dtype), axis=axis)


def diff(a, n=1, axis=-1):
    """The difference of neighbours along ``axis``, taken ``n`` times."""
    return _diff(a, n=n, axis=axis)


# --------------------------------------------------------------------------------------------------
# Sorting


def _sort_rule(g, y, x, axis):
    order = np.argsort(x, axis, kind="stable")
    return add_along_axis.in_rule(g, order, shape=x.shape, axis=axis % x.ndim)


def _top_k_indices(x, k):
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
    return replaced(x, last, k if x[last] is None else min(k, x[last]))


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
    """Sort along ``axis``; gradients go back to the original positions."""
    return _sort(x, axis=axis)


def argsort(x, axis=-1):
    """The indices that sort ``x`` along ``axis``; equal elements keep their order."""
    return _argsort(x, axis=axis)


def top_k(x, k, sorted=True):
    """The ``k`` greatest elements along the last axis, greatest first, and their indices."""
    indices = _top_k(x, k=k)
    return take_along_axis(x, indices, axis=-1), indices


def in_top_k(targets, predictions, k):
    """Whether the prediction for the target class is among the ``k`` greatest of its row.

    It is not for a class that does not exist; NaN is less than any other prediction.
    """
    return _in_top_k(targets, predictions, k=k)


def searchsorted(sorted_sequence, values, side="left"):
    """The index at which to insert each value so that the sequence stays sorted."""
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
    flat, unfold = fold(x, axis)
    order = np.argsort(flat, axis=-1, kind="stable")
    places = np.ravel(q) * (flat.shape[-1] - 1)
    g = g.reshape(places.size, *g.shape[np.ndim(q) :])
    dx = np.zeros_like(x)
    for place, own in zip(places, g, strict=True):
        low, high = int(np.floor(place)), int(np.ceil(place))
        above = _SHARE_ABOVE[method](place) if high > low else 0.0
        weights = np.zeros_like(flat)
        for number, share in ((low, 1 - above), (high, above)):
            if share:
                where = order[..., number : number + 1]
                np.put_along_axis(weights, where, np.asarray(share, x.dtype), -1)
        dx = dx + _spread(own, x, axis, keepdims) * unfold(weights)
    return dx


_median = ArrayOp(
    "median",
    np.median,
    lambda g, y, x, axis, keepdims: _quantile_rule(g, y, x, 0.5, axis, "linear", keepdims),
    floating=True,
    shape=reduced,
)
_quantile = ArrayOp(
    "quantile",
    lambda x, q, axis, method, keepdims: np.quantile(
        x, q, axis=axis, method=method, keepdims=keepdims
    ).astype(x.dtype),
    _quantile_rule,
    floating=True,
    shape=lambda x, q, axis, method, keepdims: (*np.shape(q), *reduced(x, axis, keepdims)),
)


def median(x, axis=None, keepdims=False):
    """The middle element along ``axis``, or the mean of the two middle ones."""
    return _median(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The value below which the fraction ``q`` of the elements along ``axis`` lies.

    Args:
        x: numbers; integers give floats.
        q: a fraction between 0 and 1, or an array of them, whose axes come first in the result.
        axis: None (all axes), an int or a tuple of ints.
        method: where a quantile lies between two elements: "linear" (in proportion), "lower",
            "higher", "midpoint" or "nearest" (the even one of two that are equally near).
        keepdims: whether the reduced axes stay, with size 1.
    """
    if method not in _SHARE_ABOVE:
        raise ValueError(
            f"quantile() got method={method!r}; the methods are 'linear', 'lower', 'higher', "
            "'midpoint' or 'nearest'."
        )
    q = np.asarray(q, np.float64)
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError(
            f"Quantiles are asked for by fractions between 0 and 1, percentiles by numbers between "
            f"0 and 100; got the fractions {q}."
        )
    axis = tuple(axis) if isinstance(axis, list) else axis
    return _quantile(x, q=q.tolist(), axis=axis, method=method, keepdims=keepdims)
