"""Activations, the dense layer and dropout: operations with twins in both engines.

The equations and gradients are in ``diptych.reference.piecewise``,
``diptych.reference.activations``, ``diptych.reference.dense`` and ``diptych.reference.dropout``.
"""

import math
import warnings

from ..legacy.notes import users_level
from ..operation import LinearTwin, Twin
from ..reference.activations import SELU_ALPHA, SELU_SCALE
from ..shape_rules import (
    agree,
    along,
    broadcast,
    check_rank,
    matrix_product,
    nth_axis,
    replaced,
    same,
)
from .array_ops import unbroadcast
from .creation import as_tensor
from .elementwise import absolute, exp, minimum, sqrt, square
from .indexing import where
from .linalg import matmul
from .reductions import sum
from .shapes import concatenate, reshape, split, transpose, transpose_view
from .special import erfc


def warn_of_softmax_of_one(where, shape, axis=-1):
    """Warn if a softmax along ``axis``, one or several, of an array of this shape is always 1, and
    return whether it is.

    where: what takes the softmax, as the start of a sentence. This is called for a layer, once, and
    when a graph is made, not when ``ops.softmax`` computes.
    """
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    is_one = all(-len(shape) <= one < len(shape) and shape[one] == 1 for one in axes)
    if is_one:
        warnings.warn(
            f"{where} takes a softmax over axis {axis} of an array of shape {tuple(shape)}. This "
            "axis has size 1: the result is always 1, and nothing is learned. For a yes/no "
            "question use a sigmoid, with loss='binary_crossentropy'; for several classes, one "
            "unit for each.",
            stacklevel=users_level(),
        )
    return is_one


class _RandomDropout(LinearTwin):
    """Dropout whose option is not a mask, but the function that draws it."""

    def _again(self, g, dy, record):
        return _dropout((g,), *record.cache)  # with the mask that was drawn

    def _pair(self, engine):
        forward, backward = super()._pair(engine)

        def dropout_forward(x, draw, rate):
            return forward(x, draw(), rate)

        return dropout_forward, backward


class _Probabilities(Twin):
    """A twin whose output stores its logits, from which crossentropy losses are exact."""

    def __call__(self, inputs, *options):
        logits = as_tensor(inputs[0])
        y = Twin.__call__(self, (logits,), *options)
        if not options or options[0] in (-1, len(logits.shape) - 1):
            y.logits = (self.name, logits)
        return y

    def record_symbolic(self, inputs, arguments, options, *more):
        if self.name == "softmax":
            warn_of_softmax_of_one("ops.softmax", inputs[0].shape, *more)
        return Twin.record_symbolic(self, inputs, arguments, options, *more)


def _prelu_shape(x, alpha):
    if len(alpha) > len(x):
        raise ValueError("there are more axes of slopes than of numbers.")
    stretched = broadcast(x, alpha)
    where = "to which the slopes must broadcast: sizes are equal or 1"
    return tuple([agree(m, n, where) for m, n in zip(x, stretched, strict=True)])


def _glu_shape(x, axis):
    axis = nth_axis(axis, len(x))
    if x[axis] is None:
        return x
    if x[axis] % 2:
        raise ValueError(f"the size along axis {axis} must be even, to be halved.")
    return replaced(x, axis, x[axis] // 2)


def _dense_shape(x, kernel, bias, activation):
    check_rank(kernel, 2)
    if bias is not None:
        check_rank(bias, 1)
        agree(bias[0], kernel[1], "units: the bias has one number for each column of the kernel")
    return matrix_product(x, kernel)


# --------------------------------------------------------------------------------------------------
# The twins. What their backward functions compute is said again by rules, as in ``elementwise``:
# they are for gradients of gradients only. The gradient of a piecewise function is g times its
# slope, which is constant in each piece.


def _zero_where(level, g):
    """0 where a function is level, g elsewhere, also where x is NaN."""
    return where(level, 0.0, g)


def _relu_rule(g, y, x, negative_slope, max_value, threshold):
    g = where(x <= threshold, negative_slope * g, g)
    return g if max_value is None else _zero_where(x >= max_value, g)


def _prelu_wrt_alpha(g, y, x, alpha):
    return unbroadcast(where(x <= 0, g * x, 0.0), alpha)


def _shrink_rule(g, y, x, threshold):
    return _zero_where(absolute(x) <= threshold, g)


def _hard_silu_rule(g, y, x):
    return g * (hard_sigmoid(x) + _zero_where(absolute(x) >= 3, x / 6))


def _elu_rule(g, y, x, alpha):
    return g * where(x > 0, 1.0, alpha * exp(minimum(x, 0.0)))


def _gelu_rule(g, y, x, approximate):
    if approximate:
        slope = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        below = sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
        return g * (below + x * below * (1 - below) * slope)
    below = erfc(x * -math.sqrt(0.5)) / 2
    return g * (below + x * exp(-x * x / 2) / math.sqrt(2 * math.pi))


def _silu_rule(g, y, x):
    s = sigmoid(x)
    return g * (s + x * s * (1 - s))


def _mish_rule(g, y, x):
    t = tanh(softplus(x))
    return g * (t + x * (1 - t * t) * sigmoid(x))


def _glu_rule(g, y, x, axis):
    a, b = split(x, 2, axis)
    s = sigmoid(b)
    return concatenate([g * s, g * a * s * sigmoid(-b)], axis)


def _softmax_rule(g, y, x, axis):
    return y * (g - sum(g * y, axis, keepdims=True))


def _log_softmax_rule(g, y, x, axis):
    return g - exp(y) * sum(g, axis, keepdims=True)


def before_activation(g, y, activation):
    """dz from g = dy where y = activation(z), for those that the engines fuse with a product."""
    if activation == "relu":
        return where(y > 0, g, 0.0)
    if activation == "tanh":
        return g * (1 - y * y)
    return g * (y * (1 - y)) if activation == "sigmoid" else g


def _dense_wrt_x(g, y, x, kernel, bias, activation):
    return matmul(before_activation(g, y, activation), transpose_view(kernel, (1, 0)))


def _dense_wrt_kernel(g, y, x, kernel, bias, activation):
    dz = before_activation(g, y, activation)
    rows = math.prod(x.shape[:-1])
    x, dz = reshape(x, (rows, x.shape[-1])), reshape(dz, (rows, dz.shape[-1]))
    return matmul(transpose(x), dz)


def _dense_wrt_bias(g, y, x, kernel, bias, activation):
    return unbroadcast(before_activation(g, y, activation), bias)


_relu = Twin("piecewise", "relu", _relu_rule, shape=same)
_leaky_relu = Twin(
    "piecewise", "leaky_relu", lambda g, y, x, slope: where(x <= 0, slope * g, g), shape=same
)
_relu6 = Twin("piecewise", "relu6", lambda g, y, x: _zero_where((x <= 0) | (x >= 6), g), shape=same)
_elu = Twin("activations", "elu", _elu_rule, shape=same)
_selu = Twin(
    "activations",
    "selu",
    lambda g, y, x: SELU_SCALE * _elu_rule(g, y, x, SELU_ALPHA),
    shape=same,
)
_celu = Twin(
    "activations", "celu", lambda g, y, x, alpha: g * exp(minimum(x, 0.0) / alpha), shape=same
)
_prelu = Twin(
    "piecewise",
    "prelu",
    lambda g, y, x, alpha: where(x <= 0, alpha * g, g),
    _prelu_wrt_alpha,
    shape=_prelu_shape,
)
_gelu = Twin("activations", "gelu", _gelu_rule, shape=same)
_sigmoid = _Probabilities("activations", "sigmoid", lambda g, y, x: g * y * (1 - y), shape=same)
_log_sigmoid = Twin("activations", "log_sigmoid", lambda g, y, x: g * sigmoid(-x), shape=same)
_hard_sigmoid = Twin(
    "piecewise", "hard_sigmoid", lambda g, y, x: _zero_where(absolute(x) >= 3, g / 6), shape=same
)
_tanh = Twin("activations", "tanh", lambda g, y, x: g * (1 - y * y), shape=same)
_hard_tanh = Twin(
    "piecewise", "hard_tanh", lambda g, y, x: _zero_where(absolute(x) >= 1, g), shape=same
)
_tanh_shrink = Twin("activations", "tanh_shrink", lambda g, y, x: g * square(tanh(x)), shape=same)
_hard_shrink = Twin("piecewise", "hard_shrink", _shrink_rule, shape=same)
_soft_shrink = Twin("piecewise", "soft_shrink", _shrink_rule, shape=same)
_threshold = Twin(
    "piecewise", "threshold", lambda g, y, x, least, _: _zero_where(x <= least, g), shape=same
)
_softplus = Twin("activations", "softplus", lambda g, y, x: g * sigmoid(x), shape=same)
_softsign = Twin("activations", "softsign", lambda g, y, x: g / square(1 + absolute(x)), shape=same)
_squareplus = Twin(
    "activations", "squareplus", lambda g, y, x, b: g * y / sqrt(x * x + b), shape=same
)
_silu = Twin("activations", "silu", _silu_rule, shape=same)
_mish = Twin("activations", "mish", _mish_rule, shape=same)
_hard_silu = Twin("piecewise", "hard_silu", _hard_silu_rule, shape=same)
_glu = Twin("activations", "glu", _glu_rule, shape=_glu_shape)
_softmax = _Probabilities("activations", "softmax", _softmax_rule, shape=along)
_log_softmax = Twin("activations", "log_softmax", _log_softmax_rule, shape=along)
_dense = Twin(
    "dense",
    "dense",
    _dense_wrt_x,
    _dense_wrt_kernel,
    _dense_wrt_bias,
    has_need_dx=True,
    shape=_dense_shape,
)
_dropout = LinearTwin("dropout", "dropout", shape=same)
_random_dropout = _RandomDropout("dropout", "dropout", shape=same)

# --------------------------------------------------------------------------------------------------
# Piecewise linear functions


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0), with slope 0 at 0.

    With options: ``negative_slope * (x - threshold)`` below ``threshold``, and at most
    ``max_value``.
    """
    return _relu((x,), negative_slope, max_value, threshold)


def leaky_relu(x, negative_slope=0.2):
    """x above 0, ``negative_slope * x`` below. Element by element, in the shape of x."""
    return _leaky_relu((x,), negative_slope)


def relu6(x):
    """min(max(x, 0), 6). Element by element, in the shape of x."""
    return _relu6((x,))


def prelu(x, alpha):
    """x above 0, ``alpha * x`` below, with a learned ``alpha`` that broadcasts against x; in the
    shape of x.
    """
    return _prelu((x, alpha))


def hard_sigmoid(x):
    """min(max(x / 6 + 1/2, 0), 1). Element by element, in the shape of x."""
    return _hard_sigmoid((x,))


def hard_silu(x):
    """x * hard_sigmoid(x). Element by element, in the shape of x."""
    return _hard_silu((x,))


def hard_tanh(x):
    """min(max(x, -1), 1). Element by element, in the shape of x."""
    return _hard_tanh((x,))


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0. Element by element, in the shape of x."""
    return _hard_shrink((x,), threshold)


def soft_shrink(x, threshold=0.5):
    """x moved towards 0 by ``threshold``, and 0 if |x| <= ``threshold``. Element by element, in the
    shape of x.
    """
    return _soft_shrink((x,), threshold)


def threshold(x, threshold, default_value):
    """x where x > threshold, else ``default_value``. Element by element, in the shape of x."""
    return _threshold((x,), threshold, default_value)


# --------------------------------------------------------------------------------------------------
# Smooth functions


def sigmoid(x):
    """1 / (1 + exp(-x)); the result stores ``x`` as its ``logits``. Element by element, in the
    shape of x.
    """
    return _sigmoid((x,))


def log_sigmoid(x):
    """log(sigmoid(x)), without overflow. Element by element, in the shape of x."""
    return _log_sigmoid((x,))


def tanh(x):
    """The hyperbolic tangent. Element by element, in the shape of x."""
    return _tanh((x,))


def tanh_shrink(x):
    """x - tanh(x). Element by element, in the shape of x."""
    return _tanh_shrink((x,))


def softplus(x):
    """log(1 + exp(x)), without overflow. Element by element, in the shape of x."""
    return _softplus((x,))


def softsign(x):
    """x / (1 + |x|). Element by element, in the shape of x."""
    return _softsign((x,))


def squareplus(x, b=4):
    """(x + sqrt(x**2 + b)) / 2. Element by element, in the shape of x."""
    return _squareplus((x,), b)


def elu(x, alpha=1.0):
    """x above 0, ``alpha * (exp(x) - 1)`` below. Element by element, in the shape of x."""
    return _elu((x,), alpha)


def selu(x):
    """elu, scaled so that activations keep mean 0 and variance 1. Element by element, in the shape
    of x (Klambauer et al. 2017).
    """
    return _selu((x,))


def celu(x, alpha=1.0):
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` below. Element by element, in the shape of x."""
    return _celu((x,), alpha)


def gelu(x, approximate=True):
    """x * Phi(x), Phi being the normal distribution function, or its approximation by tanh. Element
    by element, in the shape of x.
    """
    return _gelu((x,), approximate)


def silu(x):
    """x * sigmoid(x). Element by element, in the shape of x."""
    return _silu((x,))


def mish(x):
    """x * tanh(softplus(x)). Element by element, in the shape of x."""
    return _mish((x,))


def glu(x, axis=-1):
    """The first half of x along ``axis``, times the sigmoid of the second half.

    x (..., 2n, ...) gives (..., n, ...).
    """
    return _glu((x,), axis)


# --------------------------------------------------------------------------------------------------
# Over an axis


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along ``axis``; for the last axis, the result stores ``x`` as its
    ``logits``.

    ``axis`` is one axis or several, or None for the softmax of all elements together; the shape is
    that of x.
    """
    return _of_all(softmax, x) if axis is None else _softmax((x,), _plain(axis))


def log_softmax(x, axis=-1):
    """log(softmax(x)), without overflow, along ``axis`` or of all elements together (None); in the
    shape of x.
    """
    return _of_all(log_softmax, x) if axis is None else _log_softmax((x,), _plain(axis))


def _plain(axis):
    """A list of axes as a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


def _of_all(function, x):
    x = as_tensor(x)
    return reshape(function(reshape(x, (-1,))), x.shape)


def dense(x, kernel, bias=None, activation="linear"):
    """activation(x @ kernel + bias), in one operation if the engine fuses that activation.

    x (..., D), kernel (D, units) and bias (units,) give (..., units).
    """
    if activation == "sigmoid":  # separate, so that the result stores its logits
        return sigmoid(dense(x, kernel, bias))
    if activation == "softmax":
        return softmax(dense(x, kernel, bias))
    return _dense((x, kernel, bias), activation)


# --------------------------------------------------------------------------------------------------
# Dropout


def drop_at_random(x, draw, rate):
    """``drop`` with the mask that ``draw()`` returns; a recorded step draws a new one each time."""
    return _random_dropout((x,), draw, rate)


def drop(x, dropout_mask, rate):
    """Apply a dropout mask: x / (1 - rate) where it is True, else 0. ``random.draw_dropout_mask``
    draws it; the twins are ``dropout_forward`` and ``dropout_backward``.
    """
    return _dropout((x,), dropout_mask, rate)
