"""The Cython twin of tutorial 16's scale_norm: rows are shared among threads."""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport sqrt

ctypedef fused real:
    float
    double


cdef double dot(const real* a, const real* b, Py_ssize_t size) noexcept nogil:
    """sum a b, as eight sums side by side: one alone would wait for itself at every addition."""
    cdef double[8] sums
    cdef double total = 0
    cdef Py_ssize_t d, lane, whole = size // 8 * 8
    for lane in range(8):
        sums[lane] = 0
    for d in range(0, whole, 8):
        for lane in range(8):
            sums[lane] += <double>a[d + lane] * b[d + lane]
    for d in range(whole, size):
        total += <double>a[d] * b[d]
    for lane in range(8):
        total += sums[lane]
    return total


cdef void forward(
    const real[:, ::1] x, double g, double epsilon, real[:, ::1] y, double[::1] length
) noexcept nogil:
    cdef Py_ssize_t n, d, size = x.shape[1]
    cdef real factor
    for n in prange(x.shape[0], schedule="static"):  # a row belongs to one thread
        length[n] = max(sqrt(dot(&x[n, 0], &x[n, 0], size)), epsilon)
        factor = <real>(g / length[n])
        for d in range(size):
            y[n, d] = factor * x[n, d]


cdef void backward(
    const real[:, ::1] dy, const real[:, ::1] x, const double[::1] length, double g,
    real[:, ::1] dx, double[::1] along
) noexcept nogil:
    cdef Py_ssize_t n, d, size = x.shape[1]
    cdef real factor, share
    for n in prange(x.shape[0], schedule="static"):
        along[n] = dot(&dy[n, 0], &x[n, 0], size) / length[n]  # dy . x_hat: its share of dg
        factor = <real>(g / length[n])
        share = <real>(along[n] / length[n])
        for d in range(size):
            dx[n, d] = factor * (dy[n, d] - share * x[n, d])


def scale_norm_forward(x, g, epsilon):
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[x.ndim - 1])
    y = np.empty_like(rows)
    length = np.empty(len(rows))
    if rows.size:
        if x.dtype == np.float32:
            forward[float](rows, g[0], epsilon, y, length)
        else:
            forward[double](rows, g[0], epsilon, y, length)
    return y.reshape(x.shape), (x, g, length)


def scale_norm_backward(dy, cache):
    x, g, length = cache
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[x.ndim - 1])
    dys = np.ascontiguousarray(dy).reshape(rows.shape)
    dx = np.empty_like(rows)
    along = np.zeros(len(rows))
    if rows.size:
        if x.dtype == np.float32:
            backward[float](dys, rows, length, g[0], dx, along)
        else:
            backward[double](dys, rows, length, g[0], dx, along)
    return dx.reshape(x.shape), np.array([along.sum()], x.dtype)
