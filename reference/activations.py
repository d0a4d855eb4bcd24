"""Activations that are smooth, or nearly so, and softmax. Those made of pieces: piecewise.py.

All but the last few work element by element on x of any shape, and backward is the chain rule with
the derivative f' at each element:

    name_forward(x, options) -> y, cache        y = f(x)
    name_backward(dy, cache) -> dx              dx = dy f'(x)

x, y, dy and dx have the same shape and dtype; the cache holds the arguments, (x, options...), where
nothing else is said. NaN stays NaN, and no finite x overflows on the way to a finite y. Where f'
jumps (elu, selu at 0) backward takes the slope on the left.

Fast twins, by the same names: fastcore/activations.pyx.
"""

import math

import numpy as np


def sigmoid_forward(x):
    """The logistic function: any number becomes a probability.

        y = 1 / (1 + exp(-x))  =  exp(x) / (1 + exp(x))

    Of the two forms the one is taken whose exp cannot overflow.
    Returns y and cache = (y,).
    Any shape. Source: Goodfellow, Bengio & Courville 2016, sec. 3.10.
    """
    y = _sigmoid(x)
    return y, (y,)


def sigmoid_backward(dy, cache):
    """f' = y (1 - y)"""
    (y,) = cache
    return dy * y * (1 - y)


def log_sigmoid_forward(x):
    """y = log(sigmoid(x)) = -softplus(-x), for any shape"""
    return -_softplus(-x), (x,)


def log_sigmoid_backward(dy, cache):
    """f' = sigmoid(-x)"""
    (x,) = cache
    return dy * _sigmoid(-x)


def tanh_forward(x):
    """y = tanh(x) = 2 sigmoid(2x) - 1

    Returns y and cache = (y,).
    Any shape. Source: LeCun et al. 1998, "Efficient BackProp", sec. 4.4.
    """
    y = np.tanh(x)
    return y, (y,)


def tanh_backward(dy, cache):
    """f' = 1 - y^2"""
    (y,) = cache
    return dy * (1 - y * y)


def tanh_shrink_forward(x):
    """y = x - tanh(x), for any shape"""
    return x - np.tanh(x), (x,)


def tanh_shrink_backward(dy, cache):
    """f' = tanh(x)^2"""
    (x,) = cache
    return dy * np.tanh(x) ** 2


def softplus_forward(x):
    """A smooth relu.

        y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))

    Any shape. Source: Dugas et al. 2001, eq. 3.
    """
    return _softplus(x), (x,)


def softplus_backward(dy, cache):
    """f' = sigmoid(x)"""
    (x,) = cache
    return dy * _sigmoid(x)


def softsign_forward(x):
    """A tanh that saturates slowly: y = x / (1 + |x|)

    Any shape. Source: Glorot & Bengio 2010, sec. 3.1.
    """
    return x / (1 + np.abs(x)), (x,)


def softsign_backward(dy, cache):
    """f' = 1 / (1 + |x|)^2"""
    (x,) = cache
    return dy / (1 + np.abs(x)) ** 2


def squareplus_forward(x, b=4):
    """A smooth relu without exp.

        y = (x + sqrt(x^2 + b)) / 2

    For x < 0 the sum cancels; times (|x| + sqrt) / (|x| + sqrt) it is b / (2 (|x| + sqrt)).
    Any shape. Source: Barron 2021, eq. 1.
    """
    total = np.abs(x) + np.sqrt(x * x + b)
    y = np.where(x < 0, b / total / 2, total / 2)
    return y, (x, b)


def squareplus_backward(dy, cache):
    """f' = (1 + x / sqrt(x^2 + b)) / 2 = y / sqrt(x^2 + b)"""
    x, b = cache
    y, _ = squareplus_forward(x, b)
    return dy * y / np.sqrt(x * x + b)


def exponential_forward(x):
    """y = exp(x)

    Any shape. Returns y and cache = (y,).
    """
    y = np.exp(x)
    return y, (y,)


def exponential_backward(dy, cache):
    """f' = y"""
    (y,) = cache
    return dy * y


def elu_forward(x, alpha=1.0):
    """Exponential linear unit: a relu that saturates at -alpha.

        y = x  where x > 0,  alpha (exp(x) - 1)  elsewhere

    Any shape. Source: Clevert, Unterthiner & Hochreiter 2016, eq. 15.
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), (x, alpha)


def elu_backward(dy, cache):
    """f' = alpha exp(x) where x <= 0, else 1"""
    x, alpha = cache
    return dy * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))


# Chosen so that mean 0 and variance 1 of the inputs reproduce themselves.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu_forward(x):
    """Self-normalising elu: y = SELU_SCALE elu(x, SELU_ALPHA)

    Any shape. Source: Klambauer et al. 2017, eq. 2 and 14.
    """
    y, _ = elu_forward(x, SELU_ALPHA)
    return SELU_SCALE * y, (x,)


def selu_backward(dy, cache):
    """f' = SELU_SCALE elu'"""
    (x,) = cache
    return SELU_SCALE * elu_backward(dy, (x, SELU_ALPHA))


def celu_forward(x, alpha=1.0):
    """An elu whose slope is continuous at 0 for every alpha.

        y = max(x, 0) + min(0, alpha (exp(x / alpha) - 1))

    Any shape. Source: Barron 2017, "Continuously Differentiable Exponential Linear Units", eq. 2.
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)), (x, alpha)


def celu_backward(dy, cache):
    """f' = exp(x / alpha) where x <= 0, else 1"""
    x, alpha = cache
    return dy * np.exp(np.minimum(x, 0) / alpha)


def gelu_forward(x, approximate=False):
    """Gaussian error linear unit: x times the probability that a normal variable is below x.

        y = x Phi(x),  Phi(x) = erfc(-x / sqrt(2)) / 2            exact
        y = x (1 + tanh(u)) / 2 = x sigmoid(2u)                   approximate
        u = sqrt(2/pi) (x + 0.044715 x^3)

    Any shape. Source: Hendrycks & Gimpel 2016, sec. 2.
    """
    below = _sigmoid(2 * _gelu_u(x)) if approximate else _normal_cdf(x)
    return x * below, (x, approximate)


def gelu_backward(dy, cache):
    """f' = Phi + x Phi',  Phi' = exp(-x^2 / 2) / sqrt(2 pi), or the slope of sigmoid(2u)"""
    x, approximate = cache
    if approximate:
        below = _sigmoid(2 * _gelu_u(x))
        density = below * (1 - below) * 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    else:
        below = _normal_cdf(x)
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return dy * (below + x * density)


def silu_forward(x):
    """y = x sigmoid(x), also called swish

    Any shape. Source: Ramachandran, Zoph & Le 2017, sec. 4; Elfwing, Uchibe & Doya 2018, eq. 2.
    """
    return x * _sigmoid(x), (x,)


def silu_backward(dy, cache):
    """f' = s + x s (1 - s), s = sigmoid(x)"""
    (x,) = cache
    s = _sigmoid(x)
    return dy * (s + x * s * (1 - s))


def mish_forward(x):
    """y = x tanh(softplus(x))

    Any shape. Source: Misra 2019, eq. 1.
    """
    return x * np.tanh(_softplus(x)), (x,)


def mish_backward(dy, cache):
    """f' = t + x (1 - t^2) sigmoid(x), t = tanh(softplus(x))"""
    (x,) = cache
    t = np.tanh(_softplus(x))
    return dy * (t + x * (1 - t * t) * _sigmoid(x))


def glu_forward(x, axis=-1):
    """Gated linear unit: one half of x lets the other through.

        y = a sigmoid(b),  a and b the halves of x along axis

    x: (..., 2K, ...); y: (..., K, ...). Raises ValueError where that length is odd.
    Source: Dauphin et al. 2017, eq. 1.
    """
    if x.shape[axis] % 2:
        raise ValueError(f"glu halves axis {axis}: its length must be even, got shape {x.shape}")
    a, b = np.split(x, 2, axis)
    return a * _sigmoid(b), (x, axis)


def glu_backward(dy, cache):
    """da = dy s,  db = dy a s (1 - s),  s = sigmoid(b), 1 - s = sigmoid(-b)"""
    x, axis = cache
    a, b = np.split(x, 2, axis)
    s = _sigmoid(b)
    return np.concatenate([dy * s, dy * a * s * _sigmoid(-b)], axis)


def softmax_forward(x, axis=-1):
    """Numbers become probabilities that sum to 1 along axis, an int or a tuple of ints.

        y_i = exp(x_i - m) / sum_j exp(x_j - m),  m = max_j x_j

    The maximum m changes nothing, since it cancels, but keeps exp from overflowing.
    Returns y and cache = (y, axis).
    Any shape. Source: Goodfellow, Bengio & Courville 2016, sec. 4.1.
    """
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    y = e / np.sum(e, axis=axis, keepdims=True)
    return y, (y, axis)


def softmax_backward(dy, cache):
    """dx_i = y_i (dy_i - sum_j dy_j y_j)"""
    y, axis = cache
    return y * (dy - np.sum(dy * y, axis=axis, keepdims=True))


def log_softmax_forward(x, axis=-1):
    """The logarithm of softmax, exact where softmax itself underflows.

        y_i = x_i - m - log sum_j exp(x_j - m),  m = max_j x_j        x minus its log-sum-exp

    Returns y and cache = (y, axis).
    Any shape. Source: Goodfellow, Bengio & Courville 2016, sec. 6.2.2.3.
    """
    shifted = x - np.max(x, axis=axis, keepdims=True)
    y = shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
    return y, (y, axis)


def log_softmax_backward(dy, cache):
    """dx_i = dy_i - exp(y_i) sum_j dy_j"""
    y, axis = cache
    return dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True)


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1 + e)


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _gelu_u(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def _normal_cdf(x):
    """Phi(x), element by element: NumPy has no erf."""
    phi = np.vectorize(lambda value: math.erfc(-value / math.sqrt(2)) / 2, otypes=[float])
    return phi(x).astype(x.dtype)
