"""Cross-entropies: how surprised a predicted distribution is by the labels.

As in losses.py, each function returns one loss per sample and backward the gradient of y_pred:

    name_forward(y_true, y_pred, options) -> loss, cache
    name_backward(dloss, cache)           -> dy_pred

D, or K for classes, is the length of `axis`, which is the last one unless given.
from_logits=True means that y_pred are logits z: the sigmoid or softmax is then taken here, in one
piece with the logarithm, which is exact for logits of any size. With probabilities, a logarithm
needs clip(p) = min(max(p, epsilon), 1 - epsilon); where p lies outside, its gradient is 0.
Dtype: that of y_pred. Raises ValueError where y_true and y_pred do not fit in shape.
How a model's softmax comes to be taken here: docs/architecture.md.

Fast twins, by the same names: fastcore/crossentropy.pyx.
"""

import numpy as np

from ._labels import check_alpha, check_classes, check_same_shape


def kl_divergence_forward(y_true, y_pred, epsilon=1e-7):
    """Kullback-Leibler divergence of the labels from the predictions.

        loss = sum_j t_j log(t_j / p_j),   t, p = y_true, y_pred clipped to [epsilon, 1]

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y_true, y_pred, epsilon).
    Source: Cover & Thomas 2006, sec. 2.3.
    """
    check_same_shape(y_true, y_pred)
    t = np.clip(y_true, epsilon, 1)
    p = np.clip(y_pred, epsilon, 1)
    loss = np.sum(t * np.log(t / p), axis=-1)
    return loss, (y_true, y_pred, epsilon)


def kl_divergence_backward(dloss, cache):
    """dy_pred_j = -dloss t_j / p_j, and 0 where y_pred_j was clipped."""
    y_true, y_pred, epsilon = cache
    t = np.clip(y_true, epsilon, 1)
    p = np.clip(y_pred, epsilon, 1)
    clipped = (y_pred < epsilon) | (y_pred > 1)
    return dloss[..., np.newaxis] * np.where(clipped, 0, -t / p)


def binary_crossentropy_forward(
    y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1, epsilon=1e-7
):
    """Cross-entropy of D separate yes/no questions.

        loss = -1/D sum_j (y_j log(p_j) + (1 - y_j) log(1 - p_j))

        y = y_true (1 - label_smoothing) + label_smoothing / 2
        p = clip(y_pred), or with logits p = sigmoid(z): sigmoid + cross-entropy in one, of which
            each term is max(z_j, 0) - z_j y_j + log(1 + exp(-|z_j|))

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y, y_pred, from_logits, axis, epsilon).
    Source: Bishop 2006, sec. 4.3.2.
    """
    check_same_shape(y_true, y_pred, axis)
    y = y_true * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        z = y_pred
        terms = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    else:
        terms = _surprise(y, _clip(y_pred, epsilon))
    loss = np.mean(terms, axis=axis)
    return loss, (y, y_pred, from_logits, axis, epsilon)


def binary_crossentropy_backward(dloss, cache):
    """dz_j = dloss 1/D (sigmoid(z_j) - y_j)                      with logits
    dy_pred_j = dloss 1/D (p_j - y_j) / (p_j (1 - p_j))          with probabilities
    """
    y, y_pred, from_logits, axis, epsilon = cache
    if from_logits:
        slope = _sigmoid(y_pred) - y
    else:
        p = _clip(y_pred, epsilon)
        slope = np.where(_clipped(y_pred, epsilon), 0, (p - y) / (p * (1 - p)))
    return np.expand_dims(dloss, axis) / y.shape[axis] * slope


def categorical_crossentropy_forward(
    y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1, epsilon=1e-7
):
    """Cross-entropy of one question with K answers.

        loss = -sum_k y_k log(p_k)

        y = y_true (1 - label_smoothing) + label_smoothing / K
        p = clip(q),  q_k = y_pred_k / sum_i y_pred_i,  or with logits p = q = softmax(z):
        softmax + cross-entropy in one, log(p_k) = z_k - log sum_i exp(z_i), the log-sum-exp of z

    y_true: (..., K) one-hot or a distribution   y_pred: (..., K)
    Returns loss: (...) and cache = (y, q, total, axis, epsilon); total: sum_i y_pred_i,
    (..., 1), or None with logits.
    Source: Bishop 2006, sec. 4.3.4.
    """
    check_same_shape(y_true, y_pred, axis)
    y = y_true * (1 - label_smoothing) + label_smoothing / y_true.shape[axis]
    log_p, q, total = _distribution(y_pred, from_logits, axis, epsilon)
    loss = -np.sum(y * log_p, axis=axis)
    return loss, (y, q, total, axis, epsilon)


def categorical_crossentropy_backward(dloss, cache):
    """dz_k = dloss (q_k sum_i y_i - y_k)                         with logits
    dy_pred_k = dloss (sum_i u_i - u_k / q_k) / total            with probabilities

    For labels that sum to one the first line is the textbook's dz = softmax(z) - y.
    u is y where q was not clipped, else 0.
    """
    y, q, total, axis, epsilon = cache
    return np.expand_dims(dloss, axis) * _slope(y, q, total, axis, epsilon)


def sparse_categorical_crossentropy_forward(
    y_true, y_pred, from_logits=False, ignore_class=None, axis=-1, epsilon=1e-7
):
    """Categorical cross-entropy of labels that are the numbers of the classes.

        loss = -log(p_k),   k = y_true,   p as in categorical_crossentropy_forward
        loss = 0            where y_true is ignore_class

    y_true: (...) integers 0..K-1, or ignore_class   y_pred: (..., K)
    Returns loss: (...) and cache = (y_true, q, total, ignore_class, axis, epsilon); q, total as in
    categorical_crossentropy_forward.
    Raises ValueError for a label that is no class; it names the first.
    Source: Bishop 2006, sec. 4.3.4.
    """
    check_classes(y_true, y_pred, axis, ignore_class)
    log_p, q, total = _distribution(y_pred, from_logits, axis, epsilon)
    ignored = _ignored(y_true, ignore_class)
    k = np.expand_dims(np.where(ignored, 0, y_true), axis)
    loss = -np.take_along_axis(log_p, k, axis)
    loss = np.where(np.expand_dims(ignored, axis), 0, loss).squeeze(axis)
    return loss, (y_true, q, total, ignore_class, axis, epsilon)


def sparse_categorical_crossentropy_backward(dloss, cache):
    """As categorical_crossentropy_backward, where y_k = 1 if k is the label, else 0."""
    y_true, q, total, ignore_class, axis, epsilon = cache
    ignored = _ignored(y_true, ignore_class)
    y = np.zeros_like(q)
    np.put_along_axis(y, np.expand_dims(np.where(ignored, 0, y_true), axis), 1, axis)
    slope = _slope(y, q, total, axis, epsilon)
    slope = np.where(np.expand_dims(ignored, axis), 0, slope)
    return np.expand_dims(dloss, axis) * slope


def binary_focal_crossentropy_forward(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
    epsilon=1e-7,
):
    """Binary cross-entropy in which what is already predicted well counts less.

        loss = 1/D sum_j w_j u_j^gamma b_j

        b = -(y log(clip(q)) + (1 - y) log(1 - clip(q)))
        u = y (1 - q) + (1 - y) q                        (1 - probability of the label)
        w = y alpha + (1 - y) (1 - alpha) with apply_class_balancing, else 1
        q = y_pred, or sigmoid(z) with logits;   y: smoothed as in binary_crossentropy_forward

    y_true, y_pred: (..., D)
    Returns loss: (...) and cache = (y, y_pred, balance, gamma, from_logits, axis, epsilon);
    balance: alpha, or None without apply_class_balancing.
    Source: Lin et al. 2017, sec. 3.
    """
    check_same_shape(y_true, y_pred, axis)
    balance = alpha if apply_class_balancing else None
    y = y_true * (1 - label_smoothing) + label_smoothing / 2
    q = _sigmoid(y_pred) if from_logits else y_pred
    u = y * (1 - q) + (1 - y) * q
    b = _surprise(y, _clip(q, epsilon))
    loss = np.mean(_balance(y, balance) * u**gamma * b, axis=axis)
    return loss, (y, y_pred, balance, gamma, from_logits, axis, epsilon)


def binary_focal_crossentropy_backward(dloss, cache):
    """dq_j = dloss 1/D w_j (gamma u_j^(gamma-1) (1 - 2 y_j) b_j + u_j^gamma db_j)

    db = (p - y) / (p (1 - p)), p = clip(q), and 0 where q was clipped.
    dy_pred = dq, or dz = dq q (1 - q) with logits.
    """
    y, y_pred, balance, gamma, from_logits, axis, epsilon = cache
    q = _sigmoid(y_pred) if from_logits else y_pred
    p = _clip(q, epsilon)
    u = y * (1 - q) + (1 - y) * q
    du = _power_slope(u, gamma) * (1 - 2 * y)
    db = np.where(_clipped(q, epsilon), 0, (p - y) / (p * (1 - p)))
    slope = _balance(y, balance) * (du * _surprise(y, p) + u**gamma * db)
    if from_logits:
        slope = slope * q * (1 - q)
    return np.expand_dims(dloss, axis) / y.shape[axis] * slope


def categorical_focal_crossentropy_forward(
    y_true,
    y_pred,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
    epsilon=1e-7,
):
    """Categorical cross-entropy in which what is already predicted well counts less.

        loss = -sum_k alpha_k (1 - p_k)^gamma y_k log(p_k)

        p = clip(q);   y, q as in categorical_crossentropy_forward

    y_true, y_pred: (..., K)   alpha: number, or a tuple of K numbers (for the last axis)
    Returns loss: (...) and cache = (y, q, total, alpha, gamma, axis, epsilon); total as in
    categorical_crossentropy_forward.
    Source: Lin et al. 2017, sec. 3.
    """
    check_same_shape(y_true, y_pred, axis)
    check_alpha(y_pred, alpha)
    y = y_true * (1 - label_smoothing) + label_smoothing / y_true.shape[axis]
    _, q, total = _distribution(y_pred, from_logits, axis, epsilon)
    p = _clip(q, epsilon)
    alphas = np.asarray(alpha, dtype=q.dtype)
    loss = -np.sum(alphas * (1 - p) ** gamma * y * np.log(p), axis=axis)
    return loss, (y, q, total, alpha, gamma, axis, epsilon)


def categorical_focal_crossentropy_backward(dloss, cache):
    """dq_k = alpha_k y_k (gamma (1 - p_k)^(gamma-1) log(p_k) - (1 - p_k)^gamma / p_k)

    and 0 where q was clipped;  then through the softmax or the division by the total:
    dz_k = dloss q_k (dq_k - sum_i q_i dq_i)                      with logits
    dy_pred_k = dloss (dq_k - sum_i q_i dq_i) / total            with probabilities
    """
    y, q, total, alpha, gamma, axis, epsilon = cache
    p = _clip(q, epsilon)
    alphas = np.asarray(alpha, dtype=q.dtype)
    dq = alphas * y * (_power_slope(1 - p, gamma) * np.log(p) - (1 - p) ** gamma / p)
    dq = np.where(_clipped(q, epsilon), 0, dq)
    slope = dq - np.sum(q * dq, axis=axis, keepdims=True)
    slope = slope * q if total is None else slope / total
    return np.expand_dims(dloss, axis) * slope


def _distribution(y_pred, from_logits, axis, epsilon):
    """log(p), q and total of categorical_crossentropy_forward."""
    if from_logits:
        z = y_pred - np.max(y_pred, axis=axis, keepdims=True)  # so that no exp overflows
        log_q = z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))  # z - log-sum-exp(z)
        return log_q, np.exp(log_q), None
    total = np.sum(y_pred, axis=axis, keepdims=True)
    q = y_pred / total
    return np.log(_clip(q, epsilon)), q, total


def _slope(y, q, total, axis, epsilon):
    """Derivative of -sum_k y_k log(p_k) by the logits (total is None), or by y_pred."""
    if total is None:  # softmax(z) - y
        return q * np.sum(y, axis=axis, keepdims=True) - y
    u = np.where(_clipped(q, epsilon), 0, y)
    return (np.sum(u, axis=axis, keepdims=True) - u / _clip(q, epsilon)) / total


def _surprise(y, p):
    """-(y log(p) + (1 - y) log(1 - p))"""
    return -(y * np.log(p) + (1 - y) * np.log1p(-p))


def _sigmoid(z):
    """1 / (1 + exp(-z)) without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _clip(q, epsilon):
    return np.clip(q, epsilon, 1 - epsilon)


def _clipped(q, epsilon):
    """Where clip(q) is constant; NaN is not, so that it shows in the gradient."""
    return (q < epsilon) | (q > 1 - epsilon)


def _power_slope(u, gamma):
    """Derivative of u^gamma; for gamma = 0 it is 0 at u = 0 too."""
    return gamma * u ** (gamma - 1) if gamma else np.zeros_like(u)


def _balance(y, balance):
    return 1 if balance is None else y * balance + (1 - y) * (1 - balance)


def _ignored(y_true, ignore_class):
    if ignore_class is None:
        return np.zeros(y_true.shape, dtype=bool)
    return y_true == ignore_class
