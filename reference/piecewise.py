"""Activations made of pieces: mostly straight lines that meet at kinks, no exp in them.

All work element by element, and backward is the chain rule with the derivative f' at each element:

    name_forward(x, options) -> y, cache        y = f(x)
    name_backward(dy, cache) -> dx              dx = dy f'(x)

x, y, dy and dx have the same shape and dtype; the cache holds the arguments, (x, options...), where
nothing else is said. NaN stays NaN. At a kink, where there is no derivative, backward takes a
subgradient, the slope on its left, so that relu'(0) = 0; a function that is level outside an
interval has slope 0 at both of its ends.

Fast twins, by the same names: fastcore/piecewise.pyx.
"""

import numpy as np


def relu_forward(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Rectified linear unit, with the options of Keras.

        y = max(x, 0)                            as it stands in the books, and by default

        y = negative_slope (x - threshold)       where x <= threshold
        y = x                                    above
        y = min(y, max_value)                    unless max_value is None

    Any shape. Source: Nair & Hinton 2010.
    """
    below = negative_slope * (x - threshold) if negative_slope else 0.0
    y = np.where(x <= threshold, below, x)
    if max_value is not None:
        y = np.minimum(y, max_value)
    return y, (x, negative_slope, max_value, threshold)


def relu_backward(dy, cache):
    """f' = negative_slope where x <= threshold, 0 where x >= max_value, 1 between"""
    x, negative_slope, max_value, threshold = cache
    dx = np.where(x <= threshold, negative_slope * dy, dy)
    if max_value is not None:
        dx = np.where(x >= max_value, 0.0, dx)
    return dx


def leaky_relu_forward(x, negative_slope=0.2):
    """A relu that keeps some slope below zero, so that no unit can die.

        y = x  where x > 0,  negative_slope x  elsewhere

    Any shape. Source: Maas, Hannun & Ng 2013, sec. 2.
    """
    return np.where(x <= 0, negative_slope * x, x), (x, negative_slope)


def leaky_relu_backward(dy, cache):
    """f' = negative_slope where x <= 0, else 1"""
    x, negative_slope = cache
    return np.where(x <= 0, negative_slope * dy, dy)


def prelu_forward(x, alpha):
    """Leaky relu whose slopes are learned.

        y = x  where x > 0,  alpha x  elsewhere

    x: (N, ...); alpha: the shape of x without N, or 1 in places: broadcast against x.
    Source: He et al. 2015, eq. 1.
    """
    return np.where(x <= 0, alpha * x, x), (x, alpha)


def prelu_backward(dy, cache):
    """dx = dy alpha, dalpha = sum dy x  where x <= 0; the sum is over where alpha was repeated"""
    x, alpha = cache
    dx = np.where(x <= 0, alpha * dy, dy)
    dalpha = np.where(x <= 0, dy * x, 0.0)
    dalpha = dalpha.sum(axis=tuple(range(x.ndim - alpha.ndim)))
    repeated = tuple(i for i, n in enumerate(alpha.shape) if n == 1)
    return dx, dalpha.sum(axis=repeated, keepdims=True)


def relu6_forward(x):
    """y = min(max(x, 0), 6)

    Any shape. Source: Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10", sec. 2.
    """
    return np.clip(x, 0, 6), (x,)


def relu6_backward(dy, cache):
    """f' = 1 where 0 < x < 6, else 0"""
    (x,) = cache
    return np.where((x <= 0) | (x >= 6), 0.0, dy)


def hard_sigmoid_forward(x):
    """The sigmoid as three straight lines: y = min(max(x / 6 + 1/2, 0), 1)

    Any shape. Source: Courbariaux et al. 2016, eq. 3; Howard et al. 2019, sec. 5.2, for 1/6.
    """
    return np.clip(x / 6 + 0.5, 0, 1), (x,)


def hard_sigmoid_backward(dy, cache):
    """f' = 1/6 where -3 < x < 3, else 0"""
    (x,) = cache
    return np.where(np.abs(x) >= 3, 0.0, dy / 6)


def hard_silu_forward(x):
    """y = x hard_sigmoid(x)

    Any shape. Source: Howard et al. 2019, sec. 5.2, as h-swish.
    """
    return x * np.clip(x / 6 + 0.5, 0, 1), (x,)


def hard_silu_backward(dy, cache):
    """f' = x / 3 + 1/2 where -3 < x < 3, else 0 on the left and 1 on the right"""
    (x,) = cache
    slope = np.clip(x / 6 + 0.5, 0, 1) + np.where(np.abs(x) >= 3, 0.0, x / 6)
    return dy * slope


def hard_tanh_forward(x):
    """y = min(max(x, -1), 1)

    Any shape. Source: Collobert 2004, "Large Scale Machine Learning", ch. 6.
    """
    return np.clip(x, -1, 1), (x,)


def hard_tanh_backward(dy, cache):
    """f' = 1 where -1 < x < 1, else 0"""
    (x,) = cache
    return np.where(np.abs(x) >= 1, 0.0, dy)


def hard_shrink_forward(x, threshold=0.5):
    """y = x where |x| > threshold, else 0

    Any shape. Source: Donoho & Johnstone 1994, sec. 2, hard thresholding.
    """
    return np.where(np.abs(x) <= threshold, 0.0, x), (x, threshold)


def hard_shrink_backward(dy, cache):
    """f' = 1 where |x| > threshold, else 0"""
    x, threshold = cache
    return np.where(np.abs(x) <= threshold, 0.0, dy)


def soft_shrink_forward(x, threshold=0.5):
    """x moved towards zero: y = x - threshold, x + threshold, or 0 between the two thresholds

    Any shape. Source: Donoho & Johnstone 1994, sec. 2, soft thresholding.
    """
    return x - np.clip(x, -threshold, threshold), (x, threshold)


def soft_shrink_backward(dy, cache):
    """f' = 1 where |x| > threshold, else 0"""
    return hard_shrink_backward(dy, cache)


def threshold_forward(x, threshold, default_value):
    """y = x where x > threshold, else default_value

    Any shape. Returns y and cache = (x, threshold).
    """
    return np.where(x <= threshold, default_value, x), (x, threshold)


def threshold_backward(dy, cache):
    """f' = 1 where x > threshold, else 0"""
    x, threshold = cache
    return np.where(x <= threshold, 0.0, dy)
