"""Activations that are exactly zero somewhere: sparsemax and its kin."""

import numpy as np

from ..operation import ArrayOp
from ..shape_rules import along
from .elementwise import clip, square
from .indexing import where
from .numbers import as_float


def sparse_plus(x):
    """x above 1, (x + 1)^2 / 4 between -1 and 1, 0 below: in the shape of x."""
    x = as_float(x)
    return where(x <= -1.0, 0.0, where(x >= 1.0, x, square(x + 1.0) / 4.0))


def sparse_sigmoid(x):
    """(x + 1) / 2, limited to 0 ... 1, the slope of ``sparse_plus``: in the shape of x."""
    return clip((as_float(x) + 1.0) / 2.0, 0.0, 1.0)


def _sparsemax_of(x, axis):
    # Martins and Astudillo 2016, "From softmax to sparsemax", algorithm 1: the projection of x to
    # the probabilities. Of the k(z) largest, tau is what their sum is too large by, shared equally.
    z = np.moveaxis(-np.sort(-x, axis=axis), axis, -1)
    total = np.cumsum(z, axis=-1)
    k = np.arange(1, z.shape[-1] + 1, dtype=x.dtype)
    support = np.sum(1 + k * z > total, axis=-1, keepdims=True)
    tau = (np.take_along_axis(total, support - 1, axis=-1) - 1) / support.astype(x.dtype)
    return np.maximum(x - np.moveaxis(tau, -1, axis), 0)


def _sparsemax_rule(g, y, x, axis):
    # Equation 14: within the support, g less its mean there.
    support = (y > 0).astype(y.dtype)
    mean = np.sum(g * support, axis=axis, keepdims=True) / np.sum(support, axis=axis, keepdims=True)
    return support * (g - mean)


_sparsemax = ArrayOp(
    "sparsemax", _sparsemax_of, _sparsemax_rule, floating=True, wide=True, shape=along
)


def sparsemax(x, axis=-1):
    """The probabilities that are nearest to x along an axis: like softmax, with zeros for what is
    small, in the shape of x.
    """
    return _sparsemax(x, axis=axis)
