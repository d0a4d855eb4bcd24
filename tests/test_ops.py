"""Every operation of `diptych.ops`: values against NumPy, gradients against finite differences,
symbolic shapes.
"""

import math

import numpy as np
import pytest

import diptych
from diptych import GradientTape, KerasTensor, Tensor, Variable, config, ops

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


def _id(row):
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
# Values


@pytest.mark.parametrize("row", SMOOTH + CONSTANT, ids=_id)
def test_values_are_those_of_numpy(row):
    arrays = make(row)
    for y, right in zip(
        leaves(row[1](ops, *map(Tensor, arrays))), leaves(expected(row, arrays)), strict=True
    ):
        assert isinstance(y, Tensor)
        assert isinstance(y.array, np.ndarray)
        np.testing.assert_allclose(y.array, right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("row", SMOOTH, ids=_id)
def test_float32_stays_float32(row):
    arrays = [a.astype(np.float32) if a.dtype == np.float64 else a for a in make(row)]
    outputs = leaves(row[1](ops, *map(Tensor, arrays)))
    assert all(y.dtype == np.float32 for y in outputs if y.dtype.kind == "f"), [
        y.dtype for y in outputs
    ]
    assert any(y.dtype.kind == "f" for y in outputs)


@pytest.mark.parametrize("row", SMOOTH + CONSTANT, ids=_id)
def test_inputs_stay_unchanged(row):
    arrays = make(row)
    before = [a.copy() for a in arrays]
    tensors = [Tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch([t for t in tensors if t.dtype.kind == "f"])
        outputs = [y for y in leaves(row[1](ops, *tensors)) if y.tracked]
    if outputs:
        tape.gradient(outputs, tensors)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


# --------------------------------------------------------------------------------------------------
# Gradients


def check_gradients(call, arrays, seed=1, step=1e-6, tolerance=1e-6):
    """Compare <dy, J v> found by finite differences with <J^T dy, v> found by the tape, v and dy
    being random.
    """
    rng = np.random.default_rng(seed)
    tensors = [Tensor(a) for a in arrays]
    floats = [t for t in tensors if t.dtype == np.float64]
    with GradientTape() as tape:
        tape.watch(floats)
        outputs = [y for y in leaves(call(ops, *tensors)) if y.dtype.kind == "f"]
    cotangents = [rng.normal(size=y.shape) for y in outputs]
    gradients = tape.gradient(outputs, floats, output_gradients=cotangents)
    directions = [rng.normal(size=t.shape) for t in floats]
    for t, g in zip(floats, gradients, strict=True):
        assert g is not None
        assert isinstance(g, np.ndarray)
        assert (g.shape, g.dtype) == (t.shape, t.dtype)

    def projected(h):
        moved = iter([t.array + h * v for t, v in zip(floats, directions, strict=True)])
        inputs = [Tensor(next(moved)) if t.dtype == np.float64 else t for t in tensors]
        found = [y for y in leaves(call(ops, *inputs)) if y.dtype.kind == "f"]
        return sum(
            float((c * np.nan_to_num(y.array)).sum())
            for c, y in zip(cotangents, found, strict=True)
        )

    numeric = (projected(step) - projected(-step)) / (2 * step)
    analytic = sum(
        float((g[np.isfinite(t.array)] * v[np.isfinite(t.array)]).sum())
        for t, g, v in zip(floats, gradients, directions, strict=True)
    )
    assert analytic == pytest.approx(numeric, rel=tolerance, abs=tolerance), (analytic, numeric)


@pytest.mark.parametrize("row", SMOOTH, ids=_id)
def test_gradients_against_finite_differences(row):
    for seed in (0, 1):
        check_gradients(row[1], make(row, seed), seed)


def test_gradient_check_notices_a_wrong_rule():
    from diptych.autodiff import ArrayOp

    wrong = ArrayOp("wrong", np.sin, lambda g, y, x: g * np.cos(x) * 1.001)
    with pytest.raises(AssertionError):
        check_gradients(lambda xp, x: wrong(x), [np.linspace(-1, 1, 7)])


def test_cholesky_gradient():
    """Only symmetric inputs make sense, so the matrix is made symmetric inside."""
    call = lambda xp, a: xp.cholesky(xp.matmul(a, xp.swapaxes(a, -1, -2)) + 3 * np.eye(3))  # noqa: E731
    a = np.random.default_rng(0).normal(size=(2, 3, 3))
    check_gradients(call, [a])
    upper = ops.cholesky(definite(3)(np.random.default_rng(0)), upper=True).array
    np.testing.assert_array_equal(np.tril(upper, -1), 0)


@pytest.mark.parametrize("row", [row for row in CONSTANT if row[0] != "bincount"], ids=_id)
def test_constant_operations_carry_no_gradient(row):
    arrays = make(row)
    tensors = [Tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch(tensors)
        outputs = leaves(row[1](ops, *tensors))
    assert not any(y.tracked for y in outputs)
    assert tape.gradient(outputs, tensors) == [None] * len(tensors)


STEPS = ["sign", "floor", "ceil", "round", "trunc"]


@pytest.mark.parametrize("name", STEPS)
def test_step_functions_have_the_gradient_zero(name):
    x = Variable([0.3, -1.7, 2.0])
    with GradientTape() as tape:
        y = getattr(ops, name)(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 0, 0])


def gradient_of(call, *values):
    variables = [Variable(v, dtype="float64") for v in values]
    with GradientTape() as tape:
        y = call(*variables)
    gradients = tape.gradient(y, variables)
    return gradients[0] if len(gradients) == 1 else gradients


def test_ties_share_the_gradient():
    np.testing.assert_allclose(gradient_of(ops.max, [2.0, 5.0, 5.0, 1.0]), [0, 0.5, 0.5, 0])
    np.testing.assert_allclose(
        gradient_of(ops.min, [[1.0, 1.0], [1.0, 3.0]]), [[1 / 3, 1 / 3], [1 / 3, 0]]
    )
    for name in ("maximum", "minimum", "fmax", "fmin"):
        a, b = gradient_of(getattr(ops, name), [3.0], [3.0])
        assert (a[0], b[0]) == (0.5, 0.5)
    np.testing.assert_allclose(gradient_of(lambda x: ops.max(x, initial=9.0), [2.0, 5.0]), [0, 0])


def test_gradients_at_special_points():
    assert gradient_of(ops.absolute, 0.0) == 0
    assert gradient_of(ops.sinc, 0.0) == 0
    np.testing.assert_array_equal(gradient_of(ops.norm, [0.0, 0.0]), [0, 0])
    np.testing.assert_array_equal(
        gradient_of(lambda x: ops.clip(x, 0.0, 1.0), [0.0, 1.0, 2.0]), [1, 1, 0]
    )
    base, exponent = gradient_of(ops.power, 0.0, 2.0)
    assert (base, exponent) == (0, 0)
    assert gradient_of(lambda x: ops.power(x, 0.0), 0.0) == 0
    numerator, denominator = gradient_of(ops.divide_no_nan, 3.0, 0.0)
    assert (numerator, denominator) == (0, 0)


def test_casting_between_floats_carries_the_gradient_and_its_dtype():
    x = Variable([1.0, 2.0], dtype="float32")
    with GradientTape() as tape:
        y = ops.sum(ops.cast(x, "float64") ** 2)
    gradient = tape.gradient(y, x)
    assert y.dtype == np.float64
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, [2, 4])


def test_mixed_float_tensors_meet_in_the_wider_one_and_gradients_go_home():
    x, z = Variable([1.0, 2.0], dtype="float32"), Variable([3.0, 4.0], dtype="float64")
    with GradientTape() as tape:
        y = ops.sum(x * z)
    dx, dz = tape.gradient(y, [x, z])
    assert (y.dtype, dx.dtype, dz.dtype) == (np.float64, np.float32, np.float64)
    np.testing.assert_allclose(dx, [3, 4])


# --------------------------------------------------------------------------------------------------
# Dtypes


F32, F64, I32, I64, BOOL = np.float32, np.float64, np.int32, np.int64, np.bool_


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: x + 2.0, F32),
        (lambda x: 2 - x, F32),
        (lambda x: x * np.float64(2), F32),
        (lambda x: x + np.arange(3.0), F32),
        (lambda x: np.arange(3.0) + x, F32),
        (lambda x: ops.sum(x) * 0.5, F32),
        (lambda x: ops.sum(x) + np.arange(3.0), F32),
        (lambda x: ops.maximum(x, 0), F32),
        (lambda x: ops.concatenate([x, np.zeros(2)]), F32),
        (lambda x: ops.where(x > 0, x, 0.0), F32),
        (lambda x: ops.where(x > 0, 1.0, x), F32),
        (lambda x: ops.matmul(x, np.ones((3, 2))), F32),
        (lambda x: x + Tensor(np.arange(3)), F32),
        (lambda x: x * Tensor(np.ones(3)), F64),
        (lambda x: ops.clip(x, 0, 1), F32),
        (lambda x: x > 0.5, BOOL),
        (lambda x: ops.argmax(x), I32),
        (lambda x: ops.cast(x, "int64"), I64),
        (lambda x: ops.mean(x, axis=0), F32),
    ],
)
def test_dtypes_beside_a_float32_tensor(call, dtype):
    assert call(Tensor(np.ones(3, F32))).dtype == dtype


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda i: i + 1, I32),
        (lambda i: i * 2.5, F32),
        (lambda i: i / 2, F32),
        (lambda i: ops.exp(i), F32),
        (lambda i: ops.mean(i), F32),
        (lambda i: ops.sum(i), I32),
        (lambda i: ops.prod(i), I32),
        (lambda i: ops.cumsum(i), I32),
        (lambda i: ops.sum(i > 0), I32),
        (lambda i: ops.sqrt(i), F32),
        (lambda i: i // 2, I32),
        (lambda i: i + Tensor(np.arange(3)), I64),
        (lambda i: ops.max(i), I32),
        (lambda i: ops.std(i), F32),
        (lambda i: -i, I32),
    ],
)
def test_dtypes_beside_an_int32_tensor(call, dtype):
    assert call(Tensor(np.ones(3, I32))).dtype == dtype


def test_an_integer_tensor_times_a_fraction_keeps_the_fraction():
    np.testing.assert_allclose((Tensor(np.array([1, 2], I32)) * 2.5).array, [2.5, 5.0])


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, I32), (2.0, F32), (True, BOOL), ([1, 2], I32), ([1.0, 2], F32), ([2**40], I64),
        (np.float64(2), F64),
        (np.arange(2), I64), (np.zeros(2), F64), (np.zeros(2, F32), F32), ([[True]], BOOL),
    ],
)  # fmt: skip
def test_convert_to_tensor_dtypes(value, dtype):
    assert ops.convert_to_tensor(value).dtype == dtype


def test_floatx_decides_about_bare_numbers():
    config.set_floatx("float64")
    try:
        assert ops.convert_to_tensor(1.5).dtype == F64
        assert ops.zeros(3).dtype == F64
        assert ops.exp(1).dtype == F64
    finally:
        config.set_floatx("float32")


def test_creation():
    checks = [
        (ops.zeros((2, 3)), np.zeros((2, 3), F32)),
        (ops.ones(2, dtype="int32"), np.ones(2, I32)),
        (ops.full((2,), 7.0), np.full(2, 7, F32)),
        (ops.eye(3, 4, k=1), np.eye(3, 4, 1, dtype=F32)),
        (ops.identity(2), np.eye(2, dtype=F32)),
        (ops.tri(3), np.tri(3, dtype=F32)),
        (ops.arange(5), np.arange(5, dtype=I32)),
        (ops.arange(1, 2, 0.25), np.arange(1, 2, 0.25, dtype=F32)),
        (ops.arange(0, 6, 2, dtype="float32"), np.arange(0, 6, 2, dtype=F32)),
        (ops.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=F32)),
        (ops.logspace(0, 2, 3), np.logspace(0, 2, 3, dtype=F32)),
        (ops.empty((2,)), np.zeros(2, F32)),
        (ops.array([1.0]), np.ones(1, F32)),
    ]
    for y, right in checks:
        assert y.dtype == right.dtype
        np.testing.assert_allclose(y.array, right)


def test_questions():
    x = Tensor(np.zeros((2, 3), F32))
    assert ops.shape(x) == (2, 3)
    assert (ops.ndim(x), ops.size(x), ops.dtype(x)) == (2, 6, "float32")
    assert ops.is_tensor(x)
    assert not ops.is_tensor(x.array)
    k = KerasTensor((None, 3))
    assert ops.shape(k) == (None, 3)
    assert ops.size(k) is None
    assert ops.is_tensor(k)
    assert ops.shape([[1, 2]]) == (1, 2)
    assert isinstance(ops.convert_to_numpy(x), np.ndarray)


def test_convert_to_tensor_leaves_tensors_alone_and_stacks_lists_of_them():
    w = Variable([1.0, 2.0])
    assert ops.convert_to_tensor(w) is w
    with GradientTape() as tape:
        y = ops.sum(ops.convert_to_tensor([w, w * 3.0, [0.0, 1.0]]) ** 2)
    np.testing.assert_allclose(tape.gradient(y, w), [20, 40])
    with GradientTape() as tape:
        y = ops.max([w, w])
    np.testing.assert_allclose(tape.gradient(y, w), [0, 1])


def test_decompositions_compute_and_refuse_gradients():
    a = definite(3)(np.random.default_rng(0))
    q, r = ops.qr(a)
    np.testing.assert_allclose(q.array @ r.array, a)
    u, s, vh = ops.svd(a)
    np.testing.assert_allclose(u.array * s.array @ vh.array, a)
    values, vectors = ops.eigh(a)
    np.testing.assert_allclose(vectors.array * values.array @ vectors.array.T, a)
    sign, log = ops.slogdet(a)
    np.testing.assert_allclose(sign.array * np.exp(log.array), np.linalg.det(a))
    np.testing.assert_allclose(ops.pinv(a).array, np.linalg.inv(a))
    assert ops.matrix_rank(a).array == 3
    w = Variable(a)
    with GradientTape() as tape:
        y = ops.sum(ops.svd(w, compute_uv=False))
    with pytest.raises(NotImplementedError, match="ops.svd has no gradient rule"):
        tape.gradient(y, w)


def test_histogram():
    counts, edges = ops.histogram(np.array([0.0, 0.1, 0.9, 1.0]), bins=2)
    assert counts.tolist() == [2, 2]
    assert edges.tolist() == [0, 0.5, 1]


# --------------------------------------------------------------------------------------------------
# The operations of the engines


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


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("row", ENGINE_OPS, ids=_id)
def test_operations_of_the_engines(row, engine):
    _, call, _, oracle = row
    arrays = make(row)
    with diptych.engine(engine):
        y = call(*map(Tensor, arrays))
        np.testing.assert_allclose(y.array, oracle(*arrays), rtol=1e-10, atol=1e-12)
        single = call(*[Tensor(a.astype(np.float32)) for a in arrays])
        assert (single.shape, single.dtype) == (y.shape, np.float32)
        check_gradients(lambda xp, *xs: call(*xs), arrays)
        symbolic = call(*[KerasTensor(a.shape, a.dtype) for a in arrays])
        assert (symbolic.shape, symbolic.dtype) == (y.shape, "float64")


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_probabilities_remember_their_logits(engine):
    z = Tensor(np.random.default_rng(0).normal(size=(4, 3)))
    with diptych.engine(engine):
        assert ops.sigmoid(z).logits is z
        assert ops.softmax(z).logits is z
        assert ops.softmax(z, axis=1).logits is z
        assert ops.softmax(z, axis=0).logits is None
        assert ops.relu(z).logits is None
        for activation in ("sigmoid", "softmax"):
            y = ops.dense(z, np.eye(3), activation=activation)
            np.testing.assert_allclose(y.logits.array, z.array)
        np.testing.assert_allclose(ops.sigmoid([0.0]).logits.array, [0.0])


@pytest.mark.parametrize(
    ("inputs", "dtype"),
    [
        ((np.ones((2, 3)), np.ones((3, 2), F32)), F64),
        ((Tensor(np.ones((2, 3), F32)), np.ones((3, 2))), F32),
        ((np.ones((2, 3), F32), Variable(np.ones((3, 2)), dtype="float64")), F64),
        ((np.ones((2, 3), I64), Variable(np.ones((3, 2)), dtype="float32")), F32),
        (([[1, 2, 3]], np.ones((3, 2), I32)), F32),
    ],
)
def test_engines_get_one_float_type(inputs, dtype):
    assert ops.dense(*inputs).dtype == dtype


def test_engines_refuse_other_types():
    with pytest.raises(TypeError, match="float32 or float64, and got float16"):
        ops.relu(np.ones(3, np.float16))


# --------------------------------------------------------------------------------------------------
# Symbolic tensors

# The shape hangs on the values, or zeros are no possible input.
NEEDS_VALUES = {
    "inv", "det", "logdet", "solve", "solve vector", "nonzero", "where alone", "bincount",
    "bincount of weights", "x[mask]",
}  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in SMOOTH + CONSTANT
        if row[0] not in NEEDS_VALUES and all(a.size for a in make(row))
    ],
    ids=_id,
)
def test_shapes_and_dtypes_are_known_before_the_data(row):
    """Symbolically, the call must give the shape and dtype that it gives with data."""
    arrays = make(row)
    symbols = [KerasTensor(a.shape, a.dtype) for a in arrays]
    outputs = leaves(row[1](ops, *symbols))
    for y, real in zip(outputs, leaves(row[1](ops, *map(Tensor, arrays))), strict=True):
        assert isinstance(y, KerasTensor)
        assert (y.shape, y.dtype) == (real.shape, real.dtype.name)


@pytest.mark.parametrize(
    ("call", "shapes", "expected_shapes"),
    [
        (lambda x: ops.sum(x, axis=-1), [(None, 3)], [(None,)]),
        (lambda x: ops.mean(x), [(None, 3)], [()]),
        (lambda x: ops.mean(x, axis=0, keepdims=True), [(None, 3)], [(1, 3)]),
        (lambda x: ops.reshape(x, (-1, 6)), [(None, 2, 3)], [(None, 6)]),
        (lambda x: ops.reshape(x, (None, 6)), [(None, 2, 3)], [(None, 6)]),
        (lambda x: ops.transpose(x), [(None, 3)], [(3, None)]),
        (lambda x: ops.expand_dims(x, 1), [(None, 3)], [(None, 1, 3)]),
        (lambda x, y: x + y, [(None, 3), (3,)], [(None, 3)]),
        (lambda x, y: x @ y, [(None, 3), (3, 5)], [(None, 5)]),
        (lambda x: 2.0 * x - np.ones(3), [(None, 3)], [(None, 3)]),
        (lambda x: np.ones((1, 3)) / (x + 1.0), [(None, 3)], [(None, 3)]),
        (lambda x: x[:, 1:, None], [(None, 3)], [(None, 2, 1)]),
        (lambda x: x[..., -1] > 0, [(None, 3)], [(None,)]),
        (lambda x, y: ops.concatenate([x, y], axis=-1), [(None, 3), (None, 2)], [(None, 5)]),
        (lambda x, y: ops.stack([x, y], axis=1), [(None, 3), (None, 3)], [(None, 2, 3)]),
        (lambda x: ops.split(x, 2, axis=1), [(None, 6)], [(None, 3), (None, 3)]),
        (lambda x: ops.unstack(x, axis=1), [(None, 2, 3)], [(None, 3), (None, 3)]),
        (lambda x: ops.pad(x, ((0, 0), (1, 2))), [(None, 3)], [(None, 6)]),
        (lambda x: ops.one_hot(x, 4), [(None,)], [(None, 4)]),
        (lambda x: ops.top_k(x, 2), [(None, 5)], [(None, 2), (None, 2)]),
        (lambda x: ops.moments(x, [0]), [(None, 3)], [(3,), (3,)]),
        (lambda x: ops.normalize(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.log(x), [(None, 3)], [(None, 3)]),
        (lambda x, y: ops.einsum("bi,bj->bij", x, y), [(None, 3), (None, 2)], [(None, 3, 2)]),
        (lambda x: ops.tile(x, (1, 2)), [(None, 3)], [(None, 6)]),
        (lambda x: x.reshape(-1), [(None, 3)], [(None,)]),
        (lambda x: ops.zeros_like(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.stop_gradient(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.convert_to_tensor([x, x]), [(None, 3)], [(2, None, 3)]),
        (lambda x: np.mean(np.square(x), axis=-1), [(None, 3)], [(None,)]),
        (lambda x: np.concatenate([x, x], axis=-1), [(None, 3)], [(None, 6)]),
        (lambda x: ops.relu(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.softmax(x), [(None, 3)], [(None, 3)]),
    ],
)
def test_an_unknown_batch_stays_unknown(call, shapes, expected_shapes):
    outputs = leaves(call(*[KerasTensor(shape) for shape in shapes]))
    assert [y.shape for y in outputs] == expected_shapes


def test_a_graph_of_operations_replays():
    from diptych.graph import Function

    x = KerasTensor((None, 3))
    low, high = ops.split(ops.sort(abs(x) * 2.0, axis=-1), [1], axis=-1)
    y = ops.concatenate([high, 1.0 - low], axis=-1)
    a = np.array([[3.0, -1.0, 2.0]], np.float32)
    result = Function([x], y).run([Tensor(a)])
    np.testing.assert_allclose(result.array, [[4.0, 6.0, -1.0]])


def test_symbolic_tensors_have_no_values():
    x = KerasTensor((None, 3))
    for call in (
        lambda: bool(x > 0),
        lambda: np.percentile(x, 3),
        lambda: np.asarray(x),
        lambda: ops.convert_to_numpy(x),
        lambda: list(x),
    ):
        with pytest.raises((TypeError, ValueError), match="is symbolic"):
            call()
    with pytest.raises(ValueError, match="needs a known size"):
        ops.unstack(x)


# --------------------------------------------------------------------------------------------------
# Names, errors


KERAS_OPS = """
abs add all any arange argmax argmin argsort average average_pool batch_normalization
binary_crossentropy broadcast_to cast categorical_crossentropy ceil clip concatenate conv
conv_transpose convert_to_numpy convert_to_tensor cos count_nonzero cumsum depthwise_conv diag
divide dot dot_product_attention dtype einsum elu equal exp expand_dims eye flip floor full
full_like gelu greater greater_equal hard_sigmoid identity is_tensor isfinite isinf isnan
layer_normalization leaky_relu less less_equal linspace log log1p log_softmax logical_and
logical_not logical_or logsumexp matmul max max_pool maximum mean median meshgrid min minimum mod
moments moveaxis multiply ndim negative norm normalize not_equal one_hot ones ones_like outer pad
power prod ravel reciprocal relu relu6 repeat reshape roll round rsqrt selu separable_conv shape
sigmoid sign silu sin size slice softmax softplus softsign sort sparse_categorical_crossentropy
split sqrt square squeeze stack std stop_gradient subtract sum swapaxes swish take take_along_axis
tan tanh tensordot tile top_k trace transpose tril triu unstack var where zeros zeros_like
""".split()
LATER = {
    "average_pool", "batch_normalization", "conv", "conv_transpose", "depthwise_conv",
    "dot_product_attention", "layer_normalization", "max_pool", "separable_conv",
}  # fmt: skip
LOSSES = {"binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"}


@pytest.mark.parametrize("name", sorted(set(KERAS_OPS) - LATER - LOSSES))
def test_the_everyday_names_of_keras_are_there(name):
    assert callable(getattr(ops, name))
    assert name in ops.__all__


def test_every_exported_name_exists_once():
    assert len(set(ops.__all__)) == len(ops.__all__)
    for name in ops.__all__:
        assert hasattr(ops, name)


@pytest.mark.parametrize(
    ("call", "keywords"),
    [
        (ops.add, {"x1": 1.0, "x2": 2.0}),
        (ops.exp, {"x": 1.0}),
        (ops.sum, {"x": [1.0], "axis": 0, "keepdims": True}),
        (ops.reshape, {"x": [1.0, 2.0], "newshape": (2, 1)}),
        (ops.concatenate, {"xs": [[1.0], [2.0]], "axis": 0}),
        (ops.where, {"condition": [True], "x1": [1.0], "x2": [2.0]}),
        (ops.clip, {"x": 1.0, "x_min": 0.0, "x_max": 2.0}),
        (ops.take, {"x": [1.0], "indices": [0], "axis": 0}),
        (ops.one_hot, {"x": [1], "num_classes": 2, "axis": -1, "dtype": "float32"}),
        (ops.cast, {"x": 1.0, "dtype": "int32"}),
        (ops.matmul, {"x1": [[1.0]], "x2": [[1.0]]}),
        (ops.slice, {"inputs": [1.0, 2.0], "start_indices": [0], "shape": [1]}),
        (ops.solve, {"a": [[1.0]], "b": [1.0]}),
    ],
)
def test_arguments_have_the_names_of_keras(call, keywords):
    assert isinstance(call(**keywords), Tensor)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ops.pad(x, 1, mode="mirror"), ValueError, "the modes are 'constant'"),
        (
            lambda x: ops.pad(x, 1, mode="edge", constant_values=1),
            ValueError,
            "mode='constant' only",
        ),
        (lambda x: ops.where(x > 0, x), ValueError, "both x1 and x2"),
        (lambda x: ops.unstack(x, num=3), ValueError, "num=3, and axis 0 has 2"),
        (lambda x: ops.one_hot(x, 3, sparse=True), ValueError, "dense"),
        (lambda x: ops.convert_to_tensor(x, sparse=True), ValueError, "dense"),
        (lambda x: ops.average(x, weights=[1.0, 2.0]), ValueError, "needs axis=int"),
        (lambda x: ops.quantile(x, [0.1, 0.2]), ValueError, "single q"),
        (lambda x: ops.quantile(x, 0.1, method="nearest"), ValueError, "method='nearest'"),
        (lambda x: ops.reshape(x, (5,)), ValueError, "reshape"),
    ],
)
def test_errors_teach(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones((2, 3), np.float32)))
