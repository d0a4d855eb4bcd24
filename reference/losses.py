"""Losses of regression and of margins: how far a prediction is from its label.

Every function compares y_true with y_pred, both (..., D), and returns one loss per sample, (...):
the sum or the mean over the last axis. The last pair of functions, scaled_sum, adds these up.
Labels are data, so backward returns the gradient of y_pred alone:

    name_forward(y_true, y_pred, options) -> loss, cache
    name_backward(dloss, cache)           -> dy_pred

The cross-entropies have a file of their own, crossentropy.py. Easy ones first.
Dtype: that of y_pred. Raises ValueError where y_true and y_pred differ in shape.

Fast twins, by the same names: fastcore/losses.pyx.
"""

import math

import numpy as np

from ._labels import check_same_shape


def mean_squared_error_forward(y_true, y_pred):
    """Mean squared error (MSE).

        loss = 1/D sum_j (y_pred_j - y_true_j)^2

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred).
    Source: Bishop 2006, sec. 1.1.
    """
    check_same_shape(y_true, y_pred)
    error = y_pred - y_true
    loss = np.mean(error * error, axis=-1)
    return loss, (y_true, y_pred)


def mean_squared_error_backward(dloss, cache):
    """dy_pred_j = dloss 2/D (y_pred_j - y_true_j)"""
    y_true, y_pred = cache
    error = y_pred - y_true
    return _each(dloss, error) * 2 * error


def mean_absolute_error_forward(y_true, y_pred):
    """Mean absolute error (MAE).

        loss = 1/D sum_j |y_pred_j - y_true_j|

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred).
    Source: Hastie, Tibshirani & Friedman 2009, sec. 10.6.
    """
    check_same_shape(y_true, y_pred)
    error = y_pred - y_true
    loss = np.mean(np.abs(error), axis=-1)
    return loss, (y_true, y_pred)


def mean_absolute_error_backward(dloss, cache):
    """dy_pred_j = dloss 1/D sign(error_j), and 0 where the error is 0."""
    y_true, y_pred = cache
    error = y_pred - y_true
    return _each(dloss, error) * np.sign(error)


def mean_absolute_percentage_error_forward(y_true, y_pred, epsilon=1e-7):
    """Mean absolute error in percent of the label.

        loss = 100/D sum_j |y_pred_j - y_true_j| / max(|y_true_j|, epsilon)

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred, epsilon).
    Source: Hyndman & Koehler 2006, sec. 2.2.
    """
    check_same_shape(y_true, y_pred)
    error = y_pred - y_true
    size = np.maximum(np.abs(y_true), epsilon)
    loss = 100 * np.mean(np.abs(error) / size, axis=-1, keepdims=True)
    return loss[..., 0], (y_true, y_pred, epsilon)


def mean_absolute_percentage_error_backward(dloss, cache):
    """dy_pred_j = dloss 100/D sign(error_j) / max(|y_true_j|, epsilon)"""
    y_true, y_pred, epsilon = cache
    size = np.maximum(np.abs(y_true), epsilon)
    return _each(dloss, y_pred) * 100 * np.sign(y_pred - y_true) / size


def mean_squared_logarithmic_error_forward(y_true, y_pred, epsilon=1e-7):
    """Mean squared error of logarithms: it counts ratios, and is blind below epsilon.

        loss = 1/D sum_j (log(1 + max(y_pred_j, epsilon)) - log(1 + max(y_true_j, epsilon)))^2

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred, epsilon).
    Source: Keras 3, keras.losses.mean_squared_logarithmic_error.
    """
    check_same_shape(y_true, y_pred)
    error = np.log1p(np.maximum(y_pred, epsilon)) - np.log1p(np.maximum(y_true, epsilon))
    loss = np.mean(error * error, axis=-1)
    return loss, (y_true, y_pred, epsilon)


def mean_squared_logarithmic_error_backward(dloss, cache):
    """dy_pred_j = dloss 2/D (bracket)_j / (1 + y_pred_j), and 0 where y_pred_j < epsilon."""
    y_true, y_pred, epsilon = cache
    error = np.log1p(np.maximum(y_pred, epsilon)) - np.log1p(np.maximum(y_true, epsilon))
    slope = 2 * error / (1 + np.maximum(y_pred, epsilon))
    return _each(dloss, error) * np.where(y_pred < epsilon, 0, slope)


def huber_forward(y_true, y_pred, delta=1.0):
    """Huber's loss: a parabola near zero, straight lines of slope delta beyond.

        loss = 1/D sum_j h(y_pred_j - y_true_j)
        h(e) = e^2 / 2                      where |e| <= delta
               delta |e| - delta^2 / 2      elsewhere

    y_true, y_pred: (..., D)   delta: number > 0
    Returns loss: (...) and cache = (y_true, y_pred, delta).
    Source: Huber 1964, sec. 4.
    """
    check_same_shape(y_true, y_pred)
    error = y_pred - y_true
    size = np.abs(error)
    h = np.where(size <= delta, error * error / 2, delta * size - delta * delta / 2)
    loss = np.mean(h, axis=-1)
    return loss, (y_true, y_pred, delta)


def huber_backward(dloss, cache):
    """dy_pred_j = dloss 1/D clip(error_j, -delta, delta)"""
    y_true, y_pred, delta = cache
    error = y_pred - y_true
    return _each(dloss, error) * np.clip(error, -delta, delta)


def log_cosh_forward(y_true, y_pred):
    """Logarithm of the hyperbolic cosine of the error: smooth, e^2 / 2 near zero, |e| far away.

        loss = 1/D sum_j log(cosh(e_j)),   e = y_pred - y_true
        log(cosh(e)) = |e| + log(1 + exp(-2 |e|)) - log(2)      (this form cannot overflow)

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred).
    Source: Green 1990, sec. 3.
    """
    check_same_shape(y_true, y_pred)
    error = y_pred - y_true
    size = np.abs(error)
    loss = np.mean(size + np.log1p(np.exp(-2 * size)) - math.log(2), axis=-1)
    return loss, (y_true, y_pred)


def log_cosh_backward(dloss, cache):
    """dy_pred_j = dloss 1/D tanh(error_j)"""
    y_true, y_pred = cache
    error = y_pred - y_true
    return _each(dloss, error) * np.tanh(error)


def poisson_forward(y_true, y_pred, epsilon=1e-7):
    """Negative log-likelihood of counts y_true under Poisson rates y_pred, but for log(y_true!).

        loss = 1/D sum_j (y_pred_j - y_true_j log(y_pred_j + epsilon))

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred, epsilon).
    Source: McCullagh & Nelder 1989, sec. 6.2.
    """
    check_same_shape(y_true, y_pred)
    loss = np.mean(y_pred - y_true * np.log(y_pred + epsilon), axis=-1)
    return loss, (y_true, y_pred, epsilon)


def poisson_backward(dloss, cache):
    """dy_pred_j = dloss 1/D (1 - y_true_j / (y_pred_j + epsilon))"""
    y_true, y_pred, epsilon = cache
    return _each(dloss, y_pred) * (1 - y_true / (y_pred + epsilon))


def hinge_forward(y_true, y_pred):
    """Hinge loss of labels -1 and 1: zero once a prediction is on its side by a margin of 1.

        loss = 1/D sum_j max(0, 1 - y_true_j y_pred_j)

    y_true, y_pred: (..., D)   If every label is 0 or 1, 0 counts as -1.
    Returns loss: (...) and cache = (y, y_pred); y: (..., D), the labels used.
    Source: Cortes & Vapnik 1995, sec. 3.
    """
    check_same_shape(y_true, y_pred)
    y = _signs(y_true)
    gap = 1 - y * y_pred
    loss = np.mean(np.maximum(gap, 0), axis=-1)
    return loss, (y, y_pred)


def hinge_backward(dloss, cache):
    """dy_pred_j = -dloss 1/D y_j where the gap 1 - y_j y_pred_j is open, else 0."""
    y, y_pred = cache
    return _each(dloss, y) * np.where(1 - y * y_pred > 0, -y, 0)


def squared_hinge_forward(y_true, y_pred):
    """Squared hinge loss: as hinge, but the gap counts squared.

        loss = 1/D sum_j max(0, 1 - y_true_j y_pred_j)^2

    y_true, y_pred: (..., D)   If every label is 0 or 1, 0 counts as -1.
    Returns loss: (...) and cache = (y, y_pred); y: (..., D), the labels used.
    Source: Rosasco et al. 2004, sec. 2.
    """
    check_same_shape(y_true, y_pred)
    y = _signs(y_true)
    gap = np.maximum(1 - y * y_pred, 0)
    loss = np.mean(gap * gap, axis=-1)
    return loss, (y, y_pred)


def squared_hinge_backward(dloss, cache):
    """dy_pred_j = -dloss 2/D y_j max(0, 1 - y_j y_pred_j)"""
    y, y_pred = cache
    gap = np.maximum(1 - y * y_pred, 0)
    return _each(dloss, y) * -2 * y * gap


def categorical_hinge_forward(y_true, y_pred):
    """Hinge loss between the score of the right class and the best of the wrong ones.

        loss = max(0, 1 + worst - right)
        right = sum_j y_true_j y_pred_j
        worst = max_j (1 - y_true_j) y_pred_j

    y_true: (..., D) one-hot   y_pred: (..., D) scores
    Returns loss: (...) and cache = (y_true, rival, gap); rival: (..., 1) the (first) j of the
    maximum, gap: (..., 1) the bracket.
    Source: Crammer & Singer 2001, sec. 2.
    """
    check_same_shape(y_true, y_pred)
    right = np.sum(y_true * y_pred, axis=-1, keepdims=True)
    wrong = (1 - y_true) * y_pred
    rival = np.argmax(wrong, axis=-1, keepdims=True)
    gap = 1 + np.take_along_axis(wrong, rival, axis=-1) - right
    loss = np.maximum(gap, 0)
    return loss[..., 0], (y_true, rival, gap)


def categorical_hinge_backward(dloss, cache):
    """dy_pred_j = dloss ((1 - y_true_j) [j is the rival] - y_true_j) if the gap is open, else 0."""
    y_true, rival, gap = cache
    is_rival = np.arange(y_true.shape[-1]) == rival
    slope = np.where(is_rival, 1 - y_true, 0) - y_true
    return dloss[..., np.newaxis] * np.where(gap > 0, slope, 0)


def cosine_similarity_forward(y_true, y_pred, axis=-1, epsilon=1e-7):
    """Minus the cosine of the angle between label and prediction: -1 where they agree.

        loss = -sum_j t_j p_j,   t = y_true / |y_true|,   p = y_pred / |y_pred|
        |v| = max(epsilon, sqrt(sum_j v_j^2))

    y_true, y_pred: (..., D), or with D at another axis
    Returns loss: (...) and cache = (y_true, y_pred, axis, epsilon).
    Source: Salton & McGill 1983, ch. 4.
    """
    check_same_shape(y_true, y_pred, axis)
    t = y_true / _length(y_true, axis, epsilon)
    p = y_pred / _length(y_pred, axis, epsilon)
    loss = -np.sum(t * p, axis=axis)
    return loss, (y_true, y_pred, axis, epsilon)


def cosine_similarity_backward(dloss, cache):
    """dy_pred_j = -dloss (t_j - p_j sum_k t_k p_k) / |y_pred|

    Where |y_pred| is the constant epsilon the sum falls away.
    """
    y_true, y_pred, axis, epsilon = cache
    length = _length(y_pred, axis, epsilon)
    t = y_true / _length(y_true, axis, epsilon)
    p = y_pred / length
    cosine = np.sum(t * p, axis=axis, keepdims=True)
    cosine = np.where(length <= epsilon, 0, cosine)
    return -np.expand_dims(dloss, axis) * (t - p * cosine) / length


def scaled_sum_forward(losses, divisor):
    """One loss for the whole batch: the mean over its samples if the divisor is their number.

        L = 1/divisor sum_n loss_n

    losses: (...). divisor: a number; 0, the number of samples of an empty batch, gives 0.
    Returns L: () and cache = (losses, divisor).
    Source: Goodfellow, Bengio & Courville 2016, sec. 8.1.1 (empirical risk).
    """
    loss = np.sum(losses) / losses.dtype.type(divisor or math.inf)
    return np.asarray(loss), (losses, divisor)


def scaled_sum_backward(dloss, cache):
    """dlosses_n = dL 1/divisor"""
    losses, divisor = cache
    return np.full_like(losses, dloss / losses.dtype.type(divisor or math.inf))


def _length(v, axis, epsilon):
    """|v| of cosine_similarity_forward, 1 at the axis."""
    return np.maximum(np.sqrt(np.sum(v * v, axis=axis, keepdims=True)), epsilon)


def _each(dloss, like):
    """Share of every entry of a mean over the last axis: dloss / D, as (..., 1)."""
    return dloss[..., np.newaxis] / like.shape[-1]


def _signs(y_true):
    """Labels for a hinge: 0 and 1 become -1 and 1, if there are no others."""
    binary = np.all((y_true == 0) | (y_true == 1))
    return 2 * y_true - 1 if binary else y_true
