"""Normalisations: each shifts and scales its input to a fixed size, in order of complexity.

They differ in what is taken together for one mean and one variance:

    unit, RMS, layer     the D entries of one row
    group                the S positions and K = C / G channels of one group of one sample
    batch                all the N rows of one channel

Then every channel gets a scale gamma and an offset beta of its own, which are learned and may be
None. N rows or samples, D features, C channels, S positions; leading axes count rows. epsilon keeps
the divisor away from 0. All variances are biased (divided by n) and are sums of squared distances
from the mean: E[x^2] - E[x]^2 loses every digit where the mean is large.

With g the gradient of the normalised values x_hat = (x - mean) inv and n of them taken together,
the same three terms appear in each backward:

    dx = inv (g - 1/n sum g - x_hat 1/n sum (g x_hat))
              |      |                |
              |      |                x changes the variance
              |      x changes the mean
              x changes its own x_hat

Fast twins, by the same names: fastcore/normalization.pyx.
"""

import math

import numpy as np

from ._normal import check_cotangents, check_groups, check_mask, check_vectors
from ._shapes import check_cotangent

# --------------------------------------------------------------------------------------------------
# Over a row


def unit_normalization_forward(x, epsilon=1e-12):
    """Divides every row by its Euclidean length.

        y[n, d] = x[n, d] / max(norm[n], epsilon),   norm[n] = sqrt(sum_d x[n, d]^2)

    x: (..., D)
    Returns y: (..., D), dtype of x, and cache = (x, norm, epsilon); norm: (..., 1).
    """
    check_vectors("unit_normalization", x)
    norm = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    y = x / np.maximum(norm, epsilon)
    return y, (x, norm, epsilon)


def unit_normalization_backward(dy, cache, need_dx=True):
    """Gradient of unit_normalization_forward. dy: (..., D), as y. Returns dx.

    dx = 1/norm (dy - y sum_d (dy y))      where norm > epsilon
    dx = 1/epsilon dy                      elsewhere: the divisor is constant there
    """
    x, norm, epsilon = cache
    check_cotangent("unit_normalization_backward", dy.shape, x.shape)
    if not need_dx:
        return None
    divisor = np.maximum(norm, epsilon)
    y = x / divisor
    along = np.where(norm > epsilon, (dy * y).sum(axis=-1, keepdims=True), 0)  # norm = ||x||
    return (dy - y * along) / divisor  # y = x / max(norm, epsilon)


def rms_normalization_forward(x, gamma, epsilon=1e-6):
    """Divides every row by its root mean square.

        y[n, d] = gamma[d] x[n, d] inv[n],   inv[n] = 1 / sqrt(1/D sum_d x[n, d]^2 + epsilon)

    x: (..., D)   gamma: (D,) or None
    Returns y: (..., D), dtype of x, and cache = (x, gamma, inv); inv: (..., 1).
    Raises ValueError where gamma does not fit.
    Source: Zhang & Sennrich 2019, Root Mean Square Layer Normalization, eq. 4.
    """
    check_vectors("rms_normalization", x, gamma=gamma)
    inv = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + epsilon)
    x_hat = x * inv
    y = x_hat if gamma is None else gamma * x_hat
    return y, (x, gamma, inv)


def rms_normalization_backward(dy, cache, need_dx=True):
    """Gradients of rms_normalization_forward. dy: (..., D), as y. Returns (dx, dgamma).

    g[n, d] = gamma[d] dy[n, d]             dgamma[d] = sum_n dy[n, d] x_hat[n, d]
    dx[n, d] = inv[n] (g[n, d] - x_hat[n, d] 1/D sum_e g[n, e] x_hat[n, e])
    """
    x, gamma, inv = cache
    check_cotangent("rms_normalization_backward", dy.shape, x.shape)
    x_hat = x * inv
    dgamma = None if gamma is None else _sum_rows(dy * x_hat)  # y = gamma x_hat
    if not need_dx:
        return None, dgamma
    g = dy if gamma is None else gamma * dy  # y = gamma x_hat
    dx = inv * (g - x_hat * (g * x_hat).mean(axis=-1, keepdims=True))  # x_hat = x inv(x)
    return dx, dgamma


def layer_normalization_forward(x, gamma, beta, epsilon=1e-3):
    """Gives every row mean 0 and variance 1, then every feature a scale and an offset.

        mean[n] = 1/D sum_d x[n, d]        variance[n] = 1/D sum_d (x[n, d] - mean[n])^2
        y[n, d] = gamma[d] x_hat[n, d] + beta[d],    x_hat[n, d] = (x[n, d] - mean[n]) inv[n]
        inv[n] = 1 / sqrt(variance[n] + epsilon)

    x: (..., D)   gamma, beta: (D,) or None
    Returns y: (..., D), dtype of x, and cache = (x, gamma, has_beta, mean, inv); mean, inv:
    (..., 1).   Raises ValueError where gamma or beta does not fit.
    Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3.
    """
    check_vectors("layer_normalization", x, gamma=gamma, beta=beta)
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    inv = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inv
    y = _scale_and_offset(x_hat, gamma, beta)
    return y, (x, gamma, beta is not None, mean, inv)


def layer_normalization_backward(dy, cache, need_dx=True):
    """Gradients of layer_normalization_forward. dy: (..., D), as y. Returns (dx, dgamma, dbeta).

    dgamma[d] = sum_n dy[n, d] x_hat[n, d]        dbeta[d] = sum_n dy[n, d]
    g[n, d] = gamma[d] dy[n, d]
    dx[n, d] = inv[n] (g[n, d] - 1/D sum_e g[n, e] - x_hat[n, d] 1/D sum_e g[n, e] x_hat[n, e])
    """
    x, gamma, has_beta, mean, inv = cache
    check_cotangent("layer_normalization_backward", dy.shape, x.shape)
    x_hat = (x - mean) * inv
    dgamma = None if gamma is None else _sum_rows(dy * x_hat)  # y = gamma x_hat + beta
    dbeta = _sum_rows(dy) if has_beta else None  # y = gamma x_hat + beta
    if not need_dx:
        return None, dgamma, dbeta
    g = dy if gamma is None else gamma * dy  # y = gamma x_hat + beta
    through_mean = g.mean(axis=-1, keepdims=True)  # mean = 1/D sum x
    through_variance = x_hat * (g * x_hat).mean(axis=-1, keepdims=True)  # inv of the variance
    dx = inv * (g - through_mean - through_variance)  # x_hat = (x - mean) inv
    return dx, dgamma, dbeta


# --------------------------------------------------------------------------------------------------
# Over a group of channels of a sample


def group_normalization_forward(x, gamma, beta, groups=32, epsilon=1e-3):
    """Gives every group of channels of every sample mean 0 and variance 1.

    Group j holds the K = C / G channels jK ... jK + K - 1, over all S positions:

        mean[n, j] = 1/(S K) sum_s sum_k x[n, s, jK + k]
        variance[n, j] = 1/(S K) sum_s sum_k (x[n, s, jK + k] - mean[n, j])^2
        y[n, s, c] = gamma[c] x_hat[n, s, c] + beta[c]
        x_hat[n, s, jK + k] = (x[n, s, jK + k] - mean[n, j]) inv[n, j]
        inv[n, j] = 1 / sqrt(variance[n, j] + epsilon)

    x: (N, ..., C), the axes between are the S positions   gamma, beta: (C,) or None
    groups: G. One group of all channels is layer normalisation over a whole sample; a group for
    each channel is instance normalisation.
    Returns y: as x, and cache = (x, gamma, has_beta, groups, mean, inv); mean, inv: (N, G).
    Raises ValueError where C is 0, G does not divide C, or gamma or beta does not fit.
    Source: Wu & He 2018, Group Normalization, sec. 3.1.
    """
    check_groups(x, groups)
    check_vectors("group_normalization", x, gamma=gamma, beta=beta)
    grouped = _in_groups(x, groups)  # (N, S, G, K)
    count = max(grouped.shape[1] * grouped.shape[3], 1)
    mean = grouped.sum(axis=(1, 3)) / count
    centred = grouped - _to_groups(mean)
    variance = (centred**2).sum(axis=(1, 3)) / count
    inv = 1 / np.sqrt(variance + epsilon)
    x_hat = (centred * _to_groups(inv)).reshape(x.shape)
    y = _scale_and_offset(x_hat, gamma, beta)
    return y, (x, gamma, beta is not None, groups, mean, inv)


def group_normalization_backward(dy, cache, need_dx=True):
    """Gradients of group_normalization_forward. dy: as y. Returns (dx, dgamma, dbeta).

    dgamma[c] = sum_n sum_s dy[n, s, c] x_hat[n, s, c]      dbeta[c] = sum_n sum_s dy[n, s, c]
    g[n, s, c] = gamma[c] dy[n, s, c]
    dx = inv (g - 1/(S K) sum g - x_hat 1/(S K) sum (g x_hat)),   sums over s and k
    """
    x, gamma, has_beta, groups, mean, inv = cache
    check_cotangent("group_normalization_backward", dy.shape, x.shape)
    x_hat = (_in_groups(x, groups) - _to_groups(mean)) * _to_groups(inv)
    dgamma = None if gamma is None else _sum_rows(dy * x_hat.reshape(x.shape))  # gamma x_hat
    dbeta = _sum_rows(dy) if has_beta else None  # y = gamma x_hat + beta
    if not need_dx:
        return None, dgamma, dbeta
    g = _in_groups(dy if gamma is None else gamma * dy, groups)  # y = gamma x_hat + beta
    count = max(g.shape[1] * g.shape[3], 1)
    through_mean = _to_groups(g.sum(axis=(1, 3)) / count)  # mean = 1/(S K) sum x
    through_variance = x_hat * _to_groups((g * x_hat).sum(axis=(1, 3)) / count)  # inv of variance
    dx = _to_groups(inv) * (g - through_mean - through_variance)  # x_hat = (x - mean) inv
    return dx.reshape(x.shape), dgamma, dbeta


# --------------------------------------------------------------------------------------------------
# Over the batch


def batch_normalization_forward(x, mean, variance, gamma, beta, epsilon=1e-3):
    """Batch normalisation in use (inference): by a mean and a variance that are given.

    The layer gives the running statistics that it has kept in training.

        y[n, c] = gamma[c] x_hat[n, c] + beta[c],   x_hat[n, c] = (x[n, c] - mean[c]) inv[c]
        inv[c] = 1 / sqrt(variance[c] + epsilon)

    x: (..., C); all axes but the last count rows   mean, variance: (C,)   gamma, beta: (C,) or None
    Returns y: (..., C), dtype of x, and cache = (x, mean, variance, gamma, has_beta, epsilon).
    Raises ValueError where an argument does not fit.
    Source: Ioffe & Szegedy 2015, Batch Normalization, algorithm 2.
    """
    check_vectors("batch_normalization", x, mean=mean, variance=variance, gamma=gamma, beta=beta)
    inv = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inv
    y = _scale_and_offset(x_hat, gamma, beta)
    return y, (x, mean, variance, gamma, beta is not None, epsilon)


def batch_normalization_backward(
    dy, cache, need_dx=True, need_dmean=True, need_dvariance=True, need_dgamma=True, need_dbeta=True
):
    """Gradients of batch_normalization_forward. dy: (..., C), as y.

    Returns (dx, dmean, dvariance, dgamma, dbeta), None for those that nobody needs: a frozen layer
    wants dx alone.

        g[n, c] = gamma[c] dy[n, c]        dx[n, c] = inv[c] g[n, c]
        dmean[c] = -inv[c] sum_n g[n, c]
        dvariance[c] = -1/2 inv[c]^2 sum_n g[n, c] x_hat[n, c]
        dgamma[c] = sum_n dy[n, c] x_hat[n, c]        dbeta[c] = sum_n dy[n, c]
    """
    x, mean, variance, gamma, has_beta, epsilon = cache
    check_cotangent("batch_normalization_backward", dy.shape, x.shape)
    inv = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inv
    g = dy if gamma is None else gamma * dy  # y = gamma x_hat + beta
    dgamma = _sum_rows(dy * x_hat) if need_dgamma and gamma is not None else None  # the same
    dbeta = _sum_rows(dy) if need_dbeta and has_beta else None  # the same
    dx = g * inv if need_dx else None  # x_hat = (x - mean) inv
    dmean = -inv * _sum_rows(g) if need_dmean else None  # x_hat = (x - mean) inv
    # inv = 1 / sqrt(variance + epsilon): d inv / d variance = -1/2 inv^3, and x - mean = x_hat/inv.
    dvariance = inv**2 * _sum_rows(g * x_hat) / -2 if need_dvariance else None
    return dx, dmean, dvariance, dgamma, dbeta


def batch_normalization_training_forward(x, gamma, beta, mask, epsilon=1e-3):
    """Batch normalisation in training: every channel gets mean 0 and variance 1 over the batch.

    The mean and the variance are those of the n rows that count:

        mean[c] = 1/n sum_i x[i, c]        variance[c] = 1/n sum_i (x[i, c] - mean[c])^2
        y[i, c] = gamma[c] x_hat[i, c] + beta[c],   x_hat[i, c] = (x[i, c] - mean[c]) inv[c]
        inv[c] = 1 / sqrt(variance[c] + epsilon)

    They are returned as well, for their moving averages (ops/normalization.py, move_average):
        moving_mean = momentum moving_mean + (1 - momentum) mean,  the variance likewise.

    x: (..., C); all axes but the last count rows   gamma, beta: (C,) or None
    mask: (...) or None; a row where it is 0 does not count (a time step of padding). It is
    normalised like the others. If no row counts, mean and variance are 0.
    Returns (y, mean, variance), y: (..., C), mean, variance: (C,), and
    cache = (x, gamma, has_beta, mask, mean, inv).   Raises ValueError where an argument does not
    fit.
    Source: Ioffe & Szegedy 2015, Batch Normalization, algorithm 1.
    """
    check_vectors("batch_normalization_training", x, gamma=gamma, beta=beta)
    check_mask("batch_normalization_training", x, mask)
    counted = _rows(x)[_counts(x, mask)]
    n = max(len(counted), 1)
    mean = counted.sum(axis=0) / n
    variance = ((counted - mean) ** 2).sum(axis=0) / n
    inv = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inv
    y = _scale_and_offset(x_hat, gamma, beta)
    return (y, mean, variance), (x, gamma, beta is not None, mask, mean, inv)


def batch_normalization_training_backward(dy, cache, need_dx=True):
    """Gradients of batch_normalization_training_forward. Returns (dx, dgamma, dbeta).

    dy: the gradients of its three results, (dy, dmean, dvariance).

        dgamma[c] = sum_i dy[i, c] x_hat[i, c]        dbeta[c] = sum_i dy[i, c]
        g[i, c] = gamma[c] dy[i, c], and summed over all rows:
        dvariance'[c] = dvariance[c] - 1/2 inv[c]^2 sum_i g[i, c] x_hat[i, c]
        dmean'[c] = dmean[c] - inv[c] sum_i g[i, c]
        dx[i, c] = inv[c] g[i, c] + (dmean'[c] + 2 (x[i, c] - mean[c]) dvariance'[c]) / n

    where the fraction belongs to the n rows that count. The variance depends on the mean as well,
    but there its derivative is -2/n sum_i (x[i, c] - mean[c]) = 0.
    Source: Ioffe & Szegedy 2015, sec. 3.
    """
    dy, dmean, dvariance = dy
    x, gamma, has_beta, mask, mean, inv = cache
    check_cotangents(
        "batch_normalization_training_backward",
        {"dy": dy, "dmean": dmean, "dvariance": dvariance},
        {"y": x.shape, "mean": mean.shape, "variance": mean.shape},
    )
    x_hat = (x - mean) * inv
    dgamma = None if gamma is None else _sum_rows(dy * x_hat)  # y = gamma x_hat + beta
    dbeta = _sum_rows(dy) if has_beta else None  # y = gamma x_hat + beta
    if not need_dx:
        return None, dgamma, dbeta
    g = dy if gamma is None else gamma * dy  # y = gamma x_hat + beta
    dvariance = dvariance - inv**2 * _sum_rows(g * x_hat) / 2  # inv = 1 / sqrt(variance + epsilon)
    dmean = dmean - inv * _sum_rows(g)  # x_hat = (x - mean) inv
    counts = _counts(x, mask)
    n = max(np.count_nonzero(counts), 1)
    dx = _rows(inv * g)  # x_hat = (x - mean) inv
    # mean = 1/n sum x, variance = 1/n sum (x - mean)^2
    dx[counts] += (dmean + 2 * (_rows(x)[counts] - mean) * dvariance) / n
    return dx.reshape(x.shape), dgamma, dbeta


# --------------------------------------------------------------------------------------------------
# Helpers


def _scale_and_offset(x_hat, gamma, beta):
    """gamma x_hat + beta, as far as they are given."""
    y = x_hat if gamma is None else gamma * x_hat
    return y if beta is None else y + beta


def _rows(x):
    """x as a matrix: all axes but the last count rows."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _sum_rows(a):
    return _rows(a).sum(axis=0)


def _counts(x, mask):
    """Which rows count."""
    return np.ones(math.prod(x.shape[:-1]), bool) if mask is None else mask.reshape(-1) != 0


def _in_groups(x, groups):
    """(N, ..., C) as (N, S, G, K)."""
    positions, members = math.prod(x.shape[1:-1]), x.shape[-1] // groups
    return x.reshape(x.shape[0], positions, groups, members)


def _to_groups(a):
    """(N, G) as it broadcasts against (N, S, G, K)."""
    return a[:, np.newaxis, :, np.newaxis]
