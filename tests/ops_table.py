"""The table of calls that `test_ops.py` checks: label, call(xp, *inputs), inputs, oracle.

`call` runs with `diptych.ops` as xp and, where there is no oracle, with NumPy for the right values.
"""

import math

import numpy as np

from diptych import ops
from tests.golden import operations

# --------------------------------------------------------------------------------------------------
# Inputs: functions of a random generator


def normal(*shape):
    return lambda rng: rng.normal(size=shape)


def positive(*shape):
    return lambda rng: rng.uniform(0.5, 2.5, size=shape)


def inside(*shape):
    """Within (-1, 1), away from both ends."""
    return lambda rng: rng.uniform(-0.9, 0.9, size=shape)


def definite(n, *batch):
    """Symmetric positive definite matrices."""

    def make(rng):
        a = rng.normal(size=(*batch, n, n))
        return a @ a.swapaxes(-1, -2) + n * np.eye(n)

    return make


def integers(high, *shape):
    return lambda rng: rng.integers(0, high, size=shape)


def exactly(*values):
    return lambda rng: np.array(values)


# --------------------------------------------------------------------------------------------------
# The table: label, call(xp, *inputs), inputs, and, where NumPy itself cannot run the call, an
# oracle.

UNARY = [
    ("absolute", normal), ("abs", normal), ("arccos", inside), ("arcsin", inside),
    ("arcsinh", normal),
    ("arctan", normal), ("arctanh", inside), ("cbrt", positive), ("ceil", normal), ("cos", normal),
    ("cosh", normal), ("deg2rad", normal), ("exp", normal), ("exp2", normal), ("expm1", normal),
    ("fabs", normal), ("floor", normal), ("log", positive), ("log10", positive),
    ("log1p", positive),
    ("log2", positive), ("negative", normal), ("rad2deg", normal), ("reciprocal", positive),
    ("round", normal), ("sign", normal), ("sin", normal), ("sinc", normal), ("sinh", normal),
    ("sqrt", positive), ("square", normal), ("tan", inside), ("trunc", normal),
    ("nan_to_num", normal),
    ("copy", normal), ("ravel", normal), ("diagflat", normal),
]  # fmt: skip
BINARY = [
    ("add", normal, normal), ("subtract", normal, normal), ("multiply", normal, normal),
    ("divide", normal, positive), ("true_divide", normal, positive), ("power", positive, normal),
    ("maximum", normal, normal), ("minimum", normal, normal), ("fmax", normal, normal),
    ("fmin", normal, normal), ("mod", normal, positive), ("fmod", normal, positive),
    ("floor_divide", normal, positive), ("arctan2", normal, positive), ("hypot", normal, positive),
    ("logaddexp", normal, normal), ("logaddexp2", normal, normal),
]  # fmt: skip
CONSTANT = [
    ("equal", lambda xp, a, b: xp.equal(a, b), [integers(3, 4, 3), integers(3, 4, 3)]),
    ("not_equal", lambda xp, a, b: xp.not_equal(a, b), [integers(3, 4, 3), integers(3, 3)]),
    ("greater", lambda xp, a, b: xp.greater(a, b), [normal(4, 3), normal(3)]),
    ("greater_equal", lambda xp, a, b: xp.greater_equal(a, b), [integers(3, 4), integers(3, 4)]),
    ("less", lambda xp, a, b: xp.less(a, b), [normal(4, 3), normal(3)]),
    ("less_equal", lambda xp, a, b: xp.less_equal(a, b), [integers(3, 4), integers(3, 4)]),
    ("logical_and", lambda xp, a, b: xp.logical_and(a, b), [integers(2, 4), integers(2, 4)]),
    ("logical_or", lambda xp, a, b: xp.logical_or(a, b), [integers(2, 4), integers(2, 4)]),
    ("logical_xor", lambda xp, a, b: xp.logical_xor(a, b), [integers(2, 4), integers(2, 4)]),
    ("logical_not", lambda xp, a: xp.logical_not(a), [integers(2, 4)]),
    ("bitwise_and", lambda xp, a, b: xp.bitwise_and(a, b), [integers(9, 4), integers(9, 4)]),
    ("bitwise_or", lambda xp, a, b: xp.bitwise_or(a, b), [integers(9, 4), integers(9, 4)]),
    ("bitwise_xor", lambda xp, a, b: xp.bitwise_xor(a, b), [integers(9, 4), integers(9, 4)]),
    ("left_shift", lambda xp, a, b: xp.left_shift(a, b), [integers(9, 4), integers(3, 4)]),
    ("right_shift", lambda xp, a, b: xp.right_shift(a, b), [integers(9, 4), integers(3, 4)]),
    ("isnan", lambda xp, a: xp.isnan(a), [exactly(1.0, math.nan, math.inf, -math.inf)]),
    ("isinf", lambda xp, a: xp.isinf(a), [exactly(1.0, math.nan, math.inf, -math.inf)]),
    ("isfinite", lambda xp, a: xp.isfinite(a), [exactly(1.0, math.nan, math.inf, -math.inf)]),
    ("isposinf", lambda xp, a: xp.isposinf(a), [exactly(1.0, math.nan, math.inf, -math.inf)]),
    ("isneginf", lambda xp, a: xp.isneginf(a), [exactly(1.0, math.nan, math.inf, -math.inf)]),
    ("isclose", lambda xp, a, b: xp.isclose(a, b, rtol=0.5), [normal(5), normal(5)]),
    ("allclose", lambda xp, a, b: xp.allclose(a, b, atol=9), [normal(5), normal(5)]),
    ("isin", lambda xp, a, b: xp.isin(a, b), [integers(5, 4), integers(5, 2)]),
    ("all", lambda xp, a: xp.all(a, axis=1), [integers(2, 4, 2)]),
    ("any", lambda xp, a: xp.any(a, axis=(0, 1)), [integers(2, 4, 2)]),
    ("count_nonzero", lambda xp, a: xp.count_nonzero(a, axis=1), [integers(2, 4, 3)]),
    ("argmax", lambda xp, a: xp.argmax(a, axis=-1), [integers(3, 4, 5)]),
    ("argmax of all", lambda xp, a: xp.argmax(a), [normal(4, 5)]),
    ("argmin", lambda xp, a: xp.argmin(a, axis=0, keepdims=True), [normal(4, 5)]),
    ("argsort", lambda xp, a: xp.argsort(a, axis=0), [normal(4, 5)]),
    (
        "searchsorted",
        lambda xp, a, b: xp.searchsorted(a, b, side="right"),
        [exactly(1.0, 2.0, 4.0), normal(4)],
    ),
    ("digitize", lambda xp, a: xp.digitize(a, [-1.0, 0.0, 1.0]), [normal(6)]),
    ("nonzero", lambda xp, a: list(xp.nonzero(a)), [integers(2, 4, 3)]),
    ("where alone", lambda xp, a: list(xp.where(a)), [integers(2, 4, 3)]),
    ("zeros_like", lambda xp, a: xp.zeros_like(a), [normal(4, 3)]),
    ("ones_like", lambda xp, a: xp.ones_like(a, dtype="int32"), [normal(4, 3)]),
    ("full_like", lambda xp, a: xp.full_like(a, 7), [normal(4, 3)]),
    ("bincount", lambda xp, a: xp.bincount(a, minlength=6), [integers(5, 9)]),
]
MASK = np.array([[True, False, True], [False, False, True]])


def _np_one_hot(a, n):
    return (a[..., None] == np.arange(n)).astype(np.float64)


def _np_layer_normalization(x, axes, epsilon):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def _np_moments(x, axes):
    return [x.mean(axes), x.var(axes)]


def _np_top_k(x, k):
    order = np.argsort(-x, axis=-1)[..., :k]
    return [np.take_along_axis(x, order, -1), order]


def _np_logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def _np_slice_update(x, start, updates):
    x = x.copy()
    x[tuple(slice(s, s + n) for s, n in zip(start, updates.shape, strict=True))] = updates
    return x


def _np_segment_sum(x, ids, n):
    return np.stack([x[ids == i].sum(axis=0) for i in range(n)])


def _np_segment_max(x, ids, n):
    return np.stack([x[ids == i].max(axis=0, initial=-np.inf) for i in range(n)])


def _vectorised(function):
    return lambda x: np.vectorize(function)(x)


SMOOTH = [
    # Reductions
    *[
        (f"{name} {options}", lambda xp, x, n=name, o=options: getattr(xp, n)(x, **o),
         [normal(4, 3, 2)])
        for name in ("sum", "mean", "prod", "max", "min", "var", "std", "amax", "amin", "median")
        for options in (
            {}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, {"keepdims": True},
        )
    ],
    ("max initial", lambda xp, x: xp.max(x, axis=1, initial=0.3), [normal(5, 3)]),
    ("prod with zeros", lambda xp, x: xp.prod(x, axis=1),
     [exactly([2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [1.0, 2.0, 3.0])]),
    ("median of five", lambda xp, x: xp.median(x, axis=1), [normal(3, 5)]),
    ("quantile", lambda xp, x: xp.quantile(x, 0.3, axis=1), [normal(3, 6)]),
    ("percentile", lambda xp, x: xp.percentile(x, 75.0), [normal(3, 6)]),
    ("percentiles", lambda xp, x: xp.percentile(x, [10, 75.0], axis=0), [normal(3, 6)]),
    *[
        (f"quantiles {method} {options}",
         lambda xp, x, m=method, o=options: xp.quantile(
             x, [[0.1, 0.5], [1.0, 0.62]], method=m, **o
         ),
         [normal(3, 4, 5)])
        for method in ("linear", "lower", "higher", "midpoint", "nearest")
        for options in ({}, {"axis": 1}, {"axis": (0, 2), "keepdims": True})
    ],
    ("median over axes", lambda xp, x: xp.median(x, axis=(0, 2), keepdims=True),
     [normal(3, 4, 5)]),
    ("ptp", lambda xp, x: xp.ptp(x, axis=0), [normal(3, 6)]),
    *[
        (f"logsumexp {options}", lambda xp, x, o=options: xp.logsumexp(x, **o), [normal(4, 3)],
         lambda x, o=options: _np_logsumexp(x, **o))
        for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True})
    ],
    *[
        (f"norm {options}", lambda xp, x, o=options: xp.norm(x, **o), [normal(4, 3)],
         lambda x, o=options: np.linalg.norm(x, **o))
        for options in (
            {}, {"axis": 1}, {"axis": 0, "keepdims": True}, {"axis": (0, 1)}, {"axis": 1, "ord": 1},
            {"axis": 1, "ord": 2}, {"axis": 1, "ord": 3}, {"axis": 1, "ord": np.inf},
            {"axis": 1, "ord": -np.inf},
            {"ord": "fro"}, {"axis": 1, "ord": 0},
        )
    ],
    ("average", lambda xp, x, w: xp.average(x, axis=1, weights=w), [normal(4, 3), positive(3)]),
    ("average of all", lambda xp, x, w: xp.average(x, weights=w), [normal(4, 3), positive(4, 3)]),
    ("moments", lambda xp, x: xp.moments(x, [0, 1]),
     [normal(4, 3, 2)], lambda x: _np_moments(x, (0, 1))),
    ("normalize", lambda xp, x: xp.normalize(x, axis=1), [normal(4, 3)],
     lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)),
    ("normalize over two axes", lambda xp, x: xp.normalize(x, axis=(0, 2)), [normal(4, 3, 2)],
     lambda x: x / np.sqrt((x * x).sum((0, 2), keepdims=True))),
    ("normalize over all axes", lambda xp, x: xp.normalize(x, axis=None), [normal(4, 3)],
     lambda x: x / np.linalg.norm(x)),
    ("normalize by magnitudes", lambda xp, x: xp.normalize(x, order=1), [normal(4, 3)],
     lambda x: x / np.abs(x).sum(-1, keepdims=True)),
    ("batch_normalization",
     lambda xp, x, m, v, b, g: xp.batch_normalization(x, m, v, 1, b, g, epsilon=0.1),
     [normal(4, 3, 2), normal(3), positive(3), normal(3), normal(3)],
     lambda x, m, v, b, g: (
         (x - m[:, None]) / np.sqrt(v[:, None] + 0.1) * g[:, None] + b[:, None])),
    ("layer_normalization",
     lambda xp, x, g, b: xp.layer_normalization(x, g, b, axis=[0, 2], epsilon=0.1),
     [normal(4, 3, 2), normal(4, 2), normal(4, 2)],
     lambda x, g, b: _np_layer_normalization(x, (0, 2), 0.1) * g[:, None] + b[:, None]),
    ("layer_normalization, broadcast",
     lambda xp, x, g, b: xp.layer_normalization(x, g, b, axis=-1, epsilon=0.1),
     [normal(4, 3, 2), normal(3, 2), normal(4, 1, 1)],
     lambda x, g, b: _np_layer_normalization(x, -1, 0.1) * g + b),
    ("layer_normalization, rms_scaling",
     lambda xp, x, g: xp.layer_normalization(x, g, epsilon=0.1, rms_scaling=True),
     [normal(4, 3), normal(3)],
     lambda x, g: x / np.sqrt(x.var(-1, keepdims=True) + 0.1) * g),
    ("rms_normalization of an axis", lambda xp, x, s: xp.rms_normalization(x, s, 0, 0.1),
     [normal(4, 3), positive(4)],
     lambda x, s: s[:, None] * x / np.sqrt((x * x).mean(0) + 0.1)),
    ("rms_normalization", lambda xp, x, s: xp.rms_normalization(x, s), [normal(4, 3), positive(3)],
     lambda x, s: s * x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7)),
    *[
        (name, lambda xp, x, name=name: getattr(xp, name)(x, axis=1),
         [exactly([1.0, math.nan, 2.5, -1.0], [0.5, 3.0, 2.0, math.nan])])
        for name in (
            "nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nancumsum",
            "nancumprod",
        )
    ],
    # Running sums, sorting
    ("cumsum", lambda xp, x: xp.cumsum(x, axis=1), [normal(4, 3)]),
    ("cumsum of all", lambda xp, x: xp.cumsum(x), [normal(4, 3)]),
    ("cumprod", lambda xp, x: xp.cumprod(x, axis=0), [exactly([2.0, 0.0], [0.0, 3.0], [4.0, 5.0])]),
    ("cumprod of all", lambda xp, x: xp.cumprod(x), [normal(2, 3)]),
    ("diff", lambda xp, x: xp.diff(x, n=2, axis=0), [normal(5, 3)]),
    ("sort", lambda xp, x: xp.sort(x, axis=0), [normal(5, 3)]),
    ("sort of all", lambda xp, x: xp.sort(x, axis=None), [normal(5, 3)]),
    ("top_k", lambda xp, x: list(xp.top_k(x, 2)), [normal(4, 5)], lambda x: _np_top_k(x, 2)),
    # Shapes
    ("reshape", lambda xp, x: xp.reshape(x, (-1, 6)), [normal(4, 3, 2)]),
    ("transpose", lambda xp, x: xp.transpose(x), [normal(4, 3, 2)]),
    ("transpose axes", lambda xp, x: xp.transpose(x, (1, -1, 0)), [normal(4, 3, 2)]),
    ("moveaxis", lambda xp, x: xp.moveaxis(x, 0, -1), [normal(4, 3, 2)]),
    ("moveaxis two", lambda xp, x: xp.moveaxis(x, (0, 1), (2, 0)), [normal(4, 3, 2)]),
    ("swapaxes", lambda xp, x: xp.swapaxes(x, 0, 2), [normal(4, 3, 2)]),
    ("squeeze", lambda xp, x: xp.squeeze(x), [normal(4, 1, 2)]),
    ("squeeze axis", lambda xp, x: xp.squeeze(x, axis=1), [normal(4, 1, 2)]),
    ("expand_dims", lambda xp, x: xp.expand_dims(x, (0, -1)), [normal(4, 3)]),
    ("broadcast_to", lambda xp, x: xp.broadcast_to(x, (5, 4, 3)), [normal(4, 1)]),
    ("concatenate", lambda xp, x, y: xp.concatenate([x, y], axis=1), [normal(4, 3), normal(4, 2)]),
    ("concatenate last", lambda xp, x, y, z: xp.concatenate([x, y, z], axis=-1),
     [normal(4, 1), normal(4, 2), normal(4, 3)]),
    ("stack", lambda xp, x, y: xp.stack([x, y], axis=1), [normal(4, 3), normal(4, 3)]),
    ("stack last", lambda xp, x, y: xp.stack([x, y], axis=-1), [normal(4, 3), normal(4, 3)]),
    ("hstack", lambda xp, x, y: xp.hstack([x, y]), [normal(4, 3), normal(4, 2)]),
    ("vstack", lambda xp, x, y: xp.vstack([x, y]), [normal(3), normal(2, 3)]),
    ("append", lambda xp, x, y: xp.append(x, y), [normal(4, 3), normal(2)]),
    ("split", lambda xp, x: xp.split(x, 3, axis=1), [normal(4, 6)]),
    ("split at", lambda xp, x: xp.split(x, [1, 4], axis=1), [normal(4, 6)]),
    ("array_split", lambda xp, x: xp.array_split(x, 4, axis=1), [normal(4, 6)]),
    ("unstack", lambda xp, x: xp.unstack(x, axis=1),
     [normal(4, 3)], lambda x: [x[:, i] for i in range(3)]),
    ("tile", lambda xp, x: xp.tile(x, (2, 1, 3)), [normal(4, 3)]),
    ("tile number", lambda xp, x: xp.tile(x, 2), [normal(4, 3)]),
    ("repeat", lambda xp, x: xp.repeat(x, 3, axis=1), [normal(4, 3)]),
    ("repeat each", lambda xp, x: xp.repeat(x, [0, 2, 1], axis=1), [normal(4, 3)]),
    ("repeat flat", lambda xp, x: xp.repeat(x, 2), [normal(4, 3)]),
    ("roll", lambda xp, x: xp.roll(x, 2), [normal(4, 3)]),
    ("roll axes", lambda xp, x: xp.roll(x, (1, -1), axis=(0, 1)), [normal(4, 3)]),
    ("flip", lambda xp, x: xp.flip(x, axis=1), [normal(4, 3)]),
    ("flip all", lambda xp, x: xp.flip(x), [normal(4, 3)]),
    ("fliplr", lambda xp, x: xp.fliplr(x), [normal(4, 3)]),
    ("flipud", lambda xp, x: xp.flipud(x), [normal(4, 3)]),
    ("rot90", lambda xp, x: xp.rot90(x, k=3), [normal(4, 3)]),
    ("pad number", lambda xp, x: xp.pad(x, 1), [normal(4, 3)]),
    ("pad value", lambda xp, x: xp.pad(x, ((0, 1), (2, 0)), constant_values=3), [normal(4, 3)]),
    *[
        (f"pad {mode}", lambda xp, x, mode=mode: xp.pad(x, ((2, 1), (0, 0), (1, 3)), mode=mode),
         [normal(4, 2, 3)])
        for mode in ("edge", "symmetric", "wrap")
    ],
    ("pad reflect", lambda xp, x: xp.pad(x, ((2, 1), (0, 2)), mode="reflect"), [normal(4, 3)]),
    ("meshgrid", lambda xp, x, y: list(xp.meshgrid(x, y)), [normal(4), normal(3)]),
    ("meshgrid ij", lambda xp, x, y, z: list(xp.meshgrid(x, y, z, indexing="ij")),
     [normal(4), normal(3), normal(2)]),
    # Indexing and choosing
    ("x[1]", lambda xp, x: x[1], [normal(4, 3)]),
    ("x[:, -1]", lambda xp, x: x[:, -1], [normal(4, 3)]),
    ("x[..., None, ::2]", lambda xp, x: x[..., None, ::2], [normal(4, 3)]),
    ("x[::-1, 1:]", lambda xp, x: x[::-1, 1:], [normal(4, 3)]),
    ("x[[0, 0, 2]]", lambda xp, x: x[[0, 0, 2]], [normal(4, 3)]),
    ("x[array, array]", lambda xp, x: x[np.array([0, 0, 3]), np.array([1, 1, -1])], [normal(4, 3)]),
    ("x[mask]", lambda xp, x: x[MASK], [normal(2, 3)]),
    ("get_item", lambda xp, x: xp.get_item(x, (slice(1, 3), 0)),
     [normal(4, 3)], lambda x: x[1:3, 0]),
    ("take flat", lambda xp, x, i: xp.take(x, i), [normal(4, 3), integers(12, 5)]),
    ("take rows", lambda xp, x, i: xp.take(x, i, axis=0), [normal(4, 3), integers(4, 6, 2)]),
    ("take axis 1", lambda xp, x, i: xp.take(x, i, axis=1), [normal(4, 3, 2), integers(3, 7)]),
    ("take negative", lambda xp, x: xp.take(x, np.array([-1, 0, -1]), axis=0), [normal(4, 3)]),
    ("take_along_axis", lambda xp, x, i: xp.take_along_axis(x, i, axis=1),
     [normal(4, 3), integers(3, 4, 5)]),
    ("take_along_axis flat", lambda xp, x, i: xp.take_along_axis(x, i, axis=None),
     [normal(4, 3), integers(12, 5)]),
    ("take_along_axis broadcast", lambda xp, x, i: xp.take_along_axis(x, i, axis=1),
     [normal(1, 3), integers(3, 4, 2)]),
    ("slice", lambda xp, x: xp.slice(x, (1, 0), (2, -1)), [normal(4, 3)], lambda x: x[1:3]),
    ("slice_update", lambda xp, x, u: xp.slice_update(x, (1, 1), u), [normal(4, 3), normal(2, 2)],
     lambda x, u: _np_slice_update(x, (1, 1), u)),
    ("where", lambda xp, c, x, y: xp.where(c, x, y), [integers(2, 4, 3), normal(4, 3), normal(3)]),
    ("where number", lambda xp, c, x: xp.where(c, x, 0.5), [integers(2, 4, 1), normal(3)]),
    ("select", lambda xp, x, y: xp.select([MASK, ~MASK[::-1]], [x, y], 1.5),
     [normal(2, 3), normal(2, 3)]),
    ("full", lambda xp, x: xp.full((4, 3), x, dtype=x.dtype), [normal(3)]),
    ("full_like", lambda xp, x, y: xp.full_like(x, y), [normal(4, 3), normal(4, 1)]),
    ("clip", lambda xp, x: xp.clip(x, -0.5, 0.5), [normal(4, 3)]),
    ("clip to tensors", lambda xp, x, a, b: xp.clip(x, a, b),
     [normal(4, 3), exactly(-0.5, 0.0, -0.1), exactly(0.6)]),
    ("round decimals", lambda xp, x: xp.round(x, 1), [normal(4, 3)]),
    # Products
    ("matmul", lambda xp, x, y: xp.matmul(x, y), [normal(4, 3), normal(3, 2)]),
    ("matmul vector", lambda xp, x, y: xp.matmul(x, y), [normal(4, 3), normal(3)]),
    ("matmul row", lambda xp, x, y: xp.matmul(x, y), [normal(3), normal(3, 2)]),
    ("matmul two vectors", lambda xp, x, y: xp.matmul(x, y), [normal(3), normal(3)]),
    ("matmul batches", lambda xp, x, y: xp.matmul(x, y), [normal(5, 1, 4, 3), normal(2, 3, 2)]),
    ("matmul batch, vector", lambda xp, x, y: xp.matmul(x, y), [normal(5, 4, 3), normal(3)]),
    ("matmul row, batch", lambda xp, x, y: xp.matmul(x, y), [normal(3), normal(5, 3, 2)]),
    ("dot", lambda xp, x, y: xp.dot(x, y), [normal(4, 3), normal(2, 3, 5)]),
    ("dot vector", lambda xp, x, y: xp.dot(x, y), [normal(4, 3), normal(3)]),
    ("dot number", lambda xp, x, y: xp.dot(x, y), [normal(4, 3), normal()]),
    ("inner", lambda xp, x, y: xp.inner(x, y), [normal(4, 3), normal(2, 3)]),
    ("outer", lambda xp, x, y: xp.outer(x, y), [normal(4), normal(3)]),
    ("vdot", lambda xp, x, y: xp.vdot(x, y), [normal(4, 3), normal(4, 3)]),
    ("tensordot", lambda xp, x, y: xp.tensordot(x, y), [normal(4, 3, 2), normal(3, 2, 5)]),
    ("tensordot one", lambda xp, x, y: xp.tensordot(x, y, axes=1), [normal(4, 3), normal(3, 5)]),
    ("tensordot axes", lambda xp, x, y: xp.tensordot(x, y, axes=((0, 2), (3, 1))),
     [normal(4, 3, 2), normal(5, 2, 6, 4)]),
    ("tensordot none", lambda xp, x, y: xp.tensordot(x, y, axes=0), [normal(4), normal(3)]),
    *[
        (f"einsum {eq}", lambda xp, *xs, eq=eq: xp.einsum(eq, *xs),
         [normal(*shape) for shape in shapes])
        for eq, *shapes in (
            ("ij,jk->ik", (4, 3), (3, 2)), ("ij,jk", (4, 3), (3, 2)), ("bij,bjk->bik", (5, 4, 3),
            (5, 3, 2)),
            ("ij->j", (4, 3)), ("ij->", (4, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)),
            ("i,j->ij", (4,), (3,)),
            ("...ij,...jk->...ik", (5, 1, 4, 3), (2, 3, 2)), ("ij,kj,lj->ikl", (2, 3), (4, 3),
            (5, 3)),
            ("ij,ik->k", (4, 3), (4, 2)), ("bthd,bshd->bhts", (2, 3, 4, 5), (2, 6, 4, 5)),
            ("i...->...", (4, 3, 2)),
        )
    ],
    ("cross", lambda xp, x, y: xp.cross(x, y), [normal(4, 3), normal(3)]),
    # Triangles, diagonals, inverses
    ("tril", lambda xp, x: xp.tril(x, k=-1), [normal(4, 3)]),
    ("triu", lambda xp, x: xp.triu(x, k=1), [normal(2, 4, 3)]),
    ("diag of matrix", lambda xp, x: xp.diag(x, k=1), [normal(4, 3)]),
    ("diag of vector", lambda xp, x: xp.diag(x, k=-2), [normal(4)]),
    ("diagonal", lambda xp, x: xp.diagonal(x, offset=-1, axis1=2, axis2=0), [normal(4, 3, 5)]),
    ("trace", lambda xp, x: xp.trace(x, offset=1), [normal(4, 3)]),
    ("trace axes", lambda xp, x: xp.trace(x, axis1=-1, axis2=1), [normal(2, 4, 3)]),
    ("inv", lambda xp, x: xp.inv(x), [definite(3, 2)], np.linalg.inv),
    ("det", lambda xp, x: xp.det(x), [definite(3, 2)], np.linalg.det),
    ("logdet", lambda xp, x: xp.logdet(x), [definite(3)], lambda x: np.linalg.slogdet(x)[1]),
    ("solve", lambda xp, a, b: xp.solve(a, b), [definite(3, 2), normal(2, 3, 4)], np.linalg.solve),
    ("solve vector", lambda xp, a, b: xp.solve(a, b), [definite(3), normal(3)], np.linalg.solve),
    # Errors and segments
    ("erf", lambda xp, x: xp.erf(x), [normal(4, 3)], _vectorised(math.erf)),
    ("erfc", lambda xp, x: xp.erfc(x), [normal(4, 3)], _vectorised(math.erfc)),
    ("erfinv", lambda xp, x: xp.erf(xp.erfinv(x)), [inside(4, 3)], lambda x: x),
    ("divide_no_nan", lambda xp, x, y: xp.divide_no_nan(x, y),
     [normal(4, 3), exactly(0.5, 2.0, -1.0)],
     lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y))),
    ("rsqrt", lambda xp, x: xp.rsqrt(x), [positive(4, 3)], lambda x: 1 / np.sqrt(x)),
    ("arccosh", lambda xp, x: xp.arccosh(x + 1.0), [positive(4, 3)]),
    ("segment_sum", lambda xp, x, i: xp.segment_sum(x, i, 4), [normal(6, 2), integers(3, 6)],
     lambda x, i: _np_segment_sum(x, i, 4)),
    ("segment_max", lambda xp, x, i: xp.segment_max(x, i, 3),
     [normal(6, 2), exactly(0, 1, 2, 0, 1, 2)],
     lambda x, i: _np_segment_max(x, i, 3)),
    ("bincount of weights", lambda xp, x, w: xp.bincount(x, weights=w),
     [integers(4, 6), normal(6)]),
]  # fmt: skip
SMOOTH += [
    (f"{name} {shape}", lambda xp, x, name=name: getattr(xp, name)(x), [kind(*shape)])
    for name, kind in UNARY
    for shape in ((4, 3), (), (0, 3))
    if not (name in ("diagflat", "ravel") and shape == ())
]
SMOOTH += [
    (f"{name} {a} {b}", lambda xp, x, y, name=name: getattr(xp, name)(x, y), [left(*a), right(*b)])
    for name, left, right in BINARY
    for a, b in (
        ((4, 3), (4, 3)),
        ((4, 1), (3,)),
        ((), (2, 3)),
        ((2, 3), ()),
        ((), ()),
        ((0, 3), (1, 3)),
    )
]
LABELS = ("one_hot", lambda xp, a: xp.one_hot(a, 4), [integers(4, 5)], lambda a: _np_one_hot(a, 4))
CONSTANT += [
    LABELS,
    ("one_hot axis", lambda xp, a: xp.one_hot(a, 4, axis=0),
     [integers(4, 5)], lambda a: _np_one_hot(a, 4).T),
    ("multi_hot", lambda xp, a: xp.multi_hot(a, 4),
     [integers(4, 5, 2)], lambda a: _np_one_hot(a, 4).max(-2)),
    ("in_top_k", lambda xp, t, p: xp.in_top_k(t, p, 2), [integers(5, 4), normal(4, 5)],
     lambda t, p: (p > p[np.arange(4), t][:, None]).sum(1) < 2),
    ("nanargmax", lambda xp, a: xp.nanargmax(a), [exactly(1.0, math.nan, 3.0)]),
    ("nanargmin", lambda xp, a: xp.nanargmin(a), [exactly(math.nan, 2.0, 1.0)]),
]  # fmt: skip

# The operations beyond, whose values Keras computed: see `test_golden.py`.


def _with_numbers(rows):
    """Rows of `golden.operations` in float64, whose arrays are given rather than drawn."""
    return [
        (label, call, [exactly_like(x.astype(float) if x.dtype.kind == "f" else x) for x in arrays])
        for label, call, arrays in rows
    ]


def exactly_like(array):
    return lambda rng: array.copy()


MORE_SMOOTH, MORE_CONSTANT = map(_with_numbers, (operations.SMOOTH, operations.CONSTANT))


def label(row):
    return row[0]


def make(row, seed=0):
    rng = np.random.default_rng(seed)
    return [maker(rng) for maker in row[2]]


def expected(row, arrays):
    if len(row) > 3:
        return row[3](*arrays)
    return row[1](np, *arrays)


def leaves(y):
    return list(y) if isinstance(y, (list, tuple)) else [y]


# --------------------------------------------------------------------------------------------------
# The operations of the engines: label, call(*inputs), inputs, oracle


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ENGINE_OPS = [
    ("relu", lambda x: ops.relu(x), [normal(4, 3)], lambda x: np.maximum(x, 0)),
    ("relu options", lambda x: ops.relu(x, 0.1, 1.0, 0.3), [normal(9, 3)],
     lambda x: np.where(x >= 1, 1, np.where(x >= 0.3, x, 0.1 * (x - 0.3)))),
    ("relu6", lambda x: ops.relu6(x * 5.0), [normal(4, 3)], lambda x: np.clip(5 * x, 0, 6)),
    ("leaky_relu", lambda x: ops.leaky_relu(x), [normal(4, 3)],
     lambda x: np.where(x > 0, x, 0.2 * x)),
    ("prelu", lambda x, a: ops.prelu(x, a), [normal(4, 3), positive(3)],
     lambda x, a: np.where(x > 0, x, a * x)),
    ("elu", lambda x: ops.elu(x, 0.5), [normal(4, 3)],
     lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("selu", lambda x: ops.selu(x), [normal(4, 3)],
     lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    ("celu", lambda x: ops.celu(x, 2.0), [normal(4, 3)],
     lambda x: np.where(x > 0, x, 2 * np.expm1(x / 2))),
    ("gelu", lambda x: ops.gelu(x), [normal(4, 3)], _tanh_gelu),
    ("gelu exact", lambda x: ops.gelu(x, approximate=False), [normal(4, 3)],
     lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
    ("sigmoid", lambda x: ops.sigmoid(x), [normal(4, 3)], _sigmoid),
    ("log_sigmoid", lambda x: ops.log_sigmoid(x), [normal(4, 3)], lambda x: np.log(_sigmoid(x))),
    ("hard_sigmoid", lambda x: ops.hard_sigmoid(x), [normal(4, 3)],
     lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_silu", lambda x: ops.hard_silu(x), [normal(4, 3)],
     lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_tanh", lambda x: ops.hard_tanh(x), [normal(4, 3)], lambda x: np.clip(x, -1, 1)),
    ("hard_shrink", lambda x: ops.hard_shrink(x), [normal(4, 3)],
     lambda x: np.where(abs(x) > 0.5, x, 0)),
    ("soft_shrink", lambda x: ops.soft_shrink(x, 0.2), [normal(4, 3)],
     lambda x: np.sign(x) * np.maximum(abs(x) - 0.2, 0)),
    ("tanh_shrink", lambda x: ops.tanh_shrink(x), [normal(4, 3)], lambda x: x - np.tanh(x)),
    ("threshold", lambda x: ops.threshold(x, 0.3, -7.0), [normal(4, 3)],
     lambda x: np.where(x > 0.3, x, -7)),
    ("tanh", lambda x: ops.tanh(x), [normal(4, 3)], np.tanh),
    ("softplus", lambda x: ops.softplus(x), [normal(4, 3)], lambda x: np.log1p(np.exp(x))),
    ("softsign", lambda x: ops.softsign(x), [normal(4, 3)], lambda x: x / (1 + abs(x))),
    ("squareplus", lambda x: ops.squareplus(x, 3), [normal(4, 3)],
     lambda x: (x + np.sqrt(x * x + 3)) / 2),
    ("silu", lambda x: ops.silu(x), [normal(4, 3)], lambda x: x * _sigmoid(x)),
    ("swish", lambda x: ops.swish(x), [normal(4, 3)], lambda x: x * _sigmoid(x)),
    ("mish", lambda x: ops.mish(x), [normal(4, 3)], lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    ("glu", lambda x: ops.glu(x, axis=1), [normal(4, 6)], lambda x: x[:, :3] * _sigmoid(x[:, 3:])),
    ("softmax", lambda x: ops.softmax(x), [normal(4, 3)], _softmax),
    ("softmax axis 0", lambda x: ops.softmax(x, axis=0), [normal(4, 3)], lambda x: _softmax(x, 0)),
    ("log_softmax", lambda x: ops.log_softmax(x), [normal(4, 3)], lambda x: np.log(_softmax(x))),
    ("dense", lambda x, k, b: ops.dense(x, k, b), [normal(4, 3), normal(3, 2), normal(2)],
     lambda x, k, b: x @ k + b),
    ("dense without bias",
     lambda x, k: ops.dense(x, k), [normal(2, 4, 3), normal(3, 2)], np.matmul),
    *[
        (f"dense {name}", lambda x, k, b, name=name: ops.dense(x, k, b, name),
         [normal(4, 3), normal(3, 2), normal(2)], lambda x, k, b, f=f: f(x @ k + b))
        for name, f in {
            "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh,
            "sigmoid": _sigmoid, "softmax": _softmax,
        }.items()
    ],
]  # fmt: skip
