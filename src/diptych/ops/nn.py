"""Activations, the dense layer and dropout: operations with twins in both engines.

The equations and gradients are in ``diptych.reference.piecewise``,
``diptych.reference.activations``, ``diptych.reference.dense`` and ``diptych.reference.dropout``.
"""

from ..operation import Twin
from .creation import as_tensor


class _Probabilities(Twin):
    """A twin whose output stores its logits, from which crossentropy losses are exact."""

    def __call__(self, inputs, *options):
        logits = as_tensor(inputs[0])
        y = Twin.__call__(self, (logits,), *options)
        if not options or options[0] in (-1, len(logits.shape) - 1):
            y.logits = (self.name, logits)
        return y


_relu = Twin("piecewise", "relu")
_leaky_relu = Twin("piecewise", "leaky_relu")
_relu6 = Twin("piecewise", "relu6")
_elu = Twin("activations", "elu")
_selu = Twin("activations", "selu")
_celu = Twin("activations", "celu")
_prelu = Twin("piecewise", "prelu")
_gelu = Twin("activations", "gelu")
_sigmoid = _Probabilities("activations", "sigmoid")
_log_sigmoid = Twin("activations", "log_sigmoid")
_hard_sigmoid = Twin("piecewise", "hard_sigmoid")
_tanh = Twin("activations", "tanh")
_hard_tanh = Twin("piecewise", "hard_tanh")
_tanh_shrink = Twin("activations", "tanh_shrink")
_hard_shrink = Twin("piecewise", "hard_shrink")
_soft_shrink = Twin("piecewise", "soft_shrink")
_threshold = Twin("piecewise", "threshold")
_softplus = Twin("activations", "softplus")
_softsign = Twin("activations", "softsign")
_squareplus = Twin("activations", "squareplus")
_silu = Twin("activations", "silu")
_mish = Twin("activations", "mish")
_hard_silu = Twin("piecewise", "hard_silu")
_glu = Twin("activations", "glu")
_softmax = _Probabilities("activations", "softmax")
_log_softmax = Twin("activations", "log_softmax")
_dense = Twin("dense", "dense", has_need_dx=True)
_dropout = Twin("dropout", "dropout")

# --------------------------------------------------------------------------------------------------
# Piecewise linear functions


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0), with slope 0 at 0.

    With options: ``negative_slope * (x - threshold)`` below ``threshold``, and at most
    ``max_value``.
    """
    return _relu((x,), negative_slope, max_value, threshold)


def leaky_relu(x, negative_slope=0.2):
    """x above 0, ``negative_slope * x`` below."""
    return _leaky_relu((x,), negative_slope)


def relu6(x):
    """min(max(x, 0), 6)."""
    return _relu6((x,))


def prelu(x, alpha):
    """x above 0, ``alpha * x`` below, with a learned ``alpha`` that broadcasts against x."""
    return _prelu((x, alpha))


def hard_sigmoid(x):
    """min(max(x / 6 + 1/2, 0), 1)."""
    return _hard_sigmoid((x,))


def hard_silu(x):
    """x * hard_sigmoid(x)."""
    return _hard_silu((x,))


def hard_tanh(x):
    """min(max(x, -1), 1)."""
    return _hard_tanh((x,))


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0."""
    return _hard_shrink((x,), threshold)


def soft_shrink(x, threshold=0.5):
    """x moved towards 0 by ``threshold``, and 0 if |x| <= ``threshold``."""
    return _soft_shrink((x,), threshold)


def threshold(x, threshold, default_value):
    """x where x > threshold, else ``default_value``."""
    return _threshold((x,), threshold, default_value)


# --------------------------------------------------------------------------------------------------
# Smooth functions


def sigmoid(x):
    """1 / (1 + exp(-x)); the result stores ``x`` as its ``logits``."""
    return _sigmoid((x,))


def log_sigmoid(x):
    """log(sigmoid(x)), without overflow."""
    return _log_sigmoid((x,))


def tanh(x):
    """The hyperbolic tangent."""
    return _tanh((x,))


def tanh_shrink(x):
    """x - tanh(x)."""
    return _tanh_shrink((x,))


def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return _softplus((x,))


def softsign(x):
    """x / (1 + |x|)."""
    return _softsign((x,))


def squareplus(x, b=4):
    """(x + sqrt(x**2 + b)) / 2."""
    return _squareplus((x,), b)


def elu(x, alpha=1.0):
    """x above 0, ``alpha * (exp(x) - 1)`` below."""
    return _elu((x,), alpha)


def selu(x):
    """elu, scaled so that activations keep mean 0 and variance 1."""
    return _selu((x,))


def celu(x, alpha=1.0):
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` below."""
    return _celu((x,), alpha)


def gelu(x, approximate=True):
    """x * Phi(x), Phi being the normal distribution function, or its approximation by tanh."""
    return _gelu((x,), approximate)


def silu(x):
    """x * sigmoid(x)."""
    return _silu((x,))


def mish(x):
    """x * tanh(softplus(x))."""
    return _mish((x,))


def glu(x, axis=-1):
    """The first half of x along ``axis``, times the sigmoid of the second half."""
    return _glu((x,), axis)


# --------------------------------------------------------------------------------------------------
# Over an axis


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along ``axis``; for the last axis, the result stores ``x`` as its
    ``logits``.
    """
    return _softmax((x,), axis)


def log_softmax(x, axis=-1):
    """log(softmax(x)), without overflow."""
    return _log_softmax((x,), axis)


def dense(x, kernel, bias=None, activation="linear"):
    """activation(x @ kernel + bias), in one operation if the engine fuses that activation."""
    if activation == "sigmoid":  # separate, so that the result stores its logits
        return sigmoid(dense(x, kernel, bias))
    if activation == "softmax":
        return softmax(dense(x, kernel, bias))
    return _dense((x, kernel, bias), activation)


# --------------------------------------------------------------------------------------------------
# Dropout


def drop(x, dropout_mask, rate):
    """Apply a dropout mask: x / (1 - rate) where it is True, else 0. ``random.draw_dropout_mask``
    draws it; the twins are ``dropout_forward`` and ``dropout_backward``.
    """
    return _dropout((x,), dropout_mask, rate)
