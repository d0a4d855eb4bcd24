"""The dense (fully connected) layer and the batched matrix product.

N rows, D features in, U units out; M, K, N in the matrix product, as in (M, K) @ (K, N).

Fast twins, by the same names: fastcore/dense.pyx.
"""

import math

import numpy as np

from ._fused import activation_pair
from ._shapes import check_cotangent, check_dense, matmul_shape, sum_to


def dense_forward(x, kernel, bias, activation="linear"):
    """Every output is a weighted sum of all the inputs: an affine map, then the activation.

        z[n, u] = sum_d x[n, d] kernel[d, u] + bias[u]        y = activation(z)

    x: (..., D), at least 2 axes; all but the last count rows.   kernel: (D, U)   bias: (U,) or None
    activation: 'linear', 'relu', 'tanh' or 'sigmoid'.
    Returns y: (..., U), dtype of x, and cache = (x, kernel, y, has_bias, activation).
    Raises ValueError where the shapes do not fit or the activation is another.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 6.1.
    """
    check_dense(x.shape, kernel.shape, None if bias is None else bias.shape)
    apply, _ = activation_pair(activation)
    z = x @ kernel
    if bias is not None:
        z = z + bias
    y = apply(z)
    return y, (x, kernel, y, bias is not None, activation)


def dense_backward(dy, cache, need_dx=True):
    """Gradients of dense_forward. dy: (..., U), as y. Returns (dx, dkernel, dbias).

        dz[n, u] = dy[n, u] activation'(z[n, u])
        dx[n, d] = sum_u dz[n, u] kernel[d, u]
        dkernel[d, u] = sum_n x[n, d] dz[n, u]        dbias[u] = sum_n dz[n, u]

    need_dx: False leaves dx out (None); the first layer of a network has no use for it.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 6.5.6.
    """
    x, kernel, y, has_bias, activation = cache
    check_cotangent("dense_backward", dy.shape, y.shape)
    _, derive = activation_pair(activation)
    features, units = kernel.shape
    rows = math.prod(x.shape[:-1])
    dz = derive(dy, y)  # y = activation(z)
    dbias = dz.reshape(rows, units).sum(axis=0) if has_bias else None  # z = z + bias
    dkernel = x.reshape(rows, features).T @ dz.reshape(rows, units)  # z = x kernel
    dx = dz @ kernel.T if need_dx else None  # z = x kernel
    return dx, dkernel, dbias


def matmul_forward(a, b):
    """The matrix product, over any number of leading axes.

        y[..., m, n] = sum_k a[..., m, k] b[..., k, n]

    a: (..., M, K) or (K,)   b: (..., K, N) or (K,). The leading axes broadcast. A vector on the
    left counts as one row, on the right as one column; that axis is missing in y, as in np.matmul.
    Returns y: (..., M, N) and cache = (a, b).   Raises ValueError where the shapes do not fit.
    """
    matmul_shape(a.shape, b.shape)
    return np.asarray(np.matmul(a, b)), (a, b)


def matmul_backward(dy, cache):
    """Gradients of matmul_forward. dy: as y. Returns (da, db).

        da[..., m, k] = sum_n dy[..., m, n] b[..., k, n]
        db[..., k, n] = sum_m a[..., m, k] dy[..., m, n]

    summed over the leading axes that were broadcast.
    """
    a, b = cache
    check_cotangent("matmul_backward", dy.shape, matmul_shape(a.shape, b.shape))
    # A vector is a matrix of one row (a) or one column (b) again.
    if b.ndim == 1:
        dy = np.expand_dims(dy, -1)
    if a.ndim == 1:
        dy = np.expand_dims(dy, -2)
    rows = a if a.ndim > 1 else a[np.newaxis, :]
    columns = b if b.ndim > 1 else b[:, np.newaxis]
    da = sum_to(dy @ np.swapaxes(columns, -1, -2), rows.shape)
    db = sum_to(np.swapaxes(rows, -1, -2) @ dy, columns.shape)
    return da.reshape(a.shape), db.reshape(b.shape)
