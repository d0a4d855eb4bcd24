"""Twins of reference.piecewise: each names its kernel, which elementwise.pxd runs."""

cimport numpy as cnp
from libc.math cimport NAN

from .kernels cimport piecewise as k
from .kernels.arrays cimport as_real, dim, new_like, rank, same_shape, size
from .kernels.elementwise cimport (
    CHUNK, SIMPLE, Job, each, kernel_t, like, real_array, rows_of, run, use,
)

import numpy as np

cnp.import_array()


def relu_forward(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Twin of reference.piecewise.relu_forward. The plain relu has a kernel of its own."""
    cdef cnp.ndarray a = real_array(x)
    cdef double slope = negative_slope, start = threshold
    cdef double cap = NAN if max_value is None else max_value  # nothing is above NaN
    if slope == 0 and start == 0 and max_value is None:
        y = each(a, None, <kernel_t> k.relu[float], <kernel_t> k.relu[double], SIMPLE)
    else:
        y = each(
            a, None, <kernel_t> k.relu_options[float], <kernel_t> k.relu_options[double], SIMPLE,
            slope, cap, start,
        )
    return y, (a, negative_slope, max_value, threshold)


def relu_backward(dy, cache):
    """Twin of reference.piecewise.relu_backward."""
    x, negative_slope, max_value, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    cdef double cap = NAN if max_value is None else max_value
    return each(
        like(dy, a), a, <kernel_t> k.relu_dx[float], <kernel_t> k.relu_dx[double], SIMPLE,
        negative_slope, cap, threshold,
    )


def leaky_relu_forward(x, negative_slope=0.2):
    """Twin of reference.piecewise.leaky_relu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.leaky_relu[float], <kernel_t> k.leaky_relu[double],
        SIMPLE, negative_slope,
    )
    return y, (a, negative_slope)


def leaky_relu_backward(dy, cache):
    """Twin of reference.piecewise.leaky_relu_backward."""
    x, negative_slope = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.leaky_relu_dx[float], <kernel_t> k.leaky_relu_dx[double],
        SIMPLE, negative_slope,
    )


def prelu_forward(x, alpha):
    """Twin of reference.piecewise.prelu_forward. alpha is repeated within one sample only."""
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray slopes = as_real(alpha, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray full = for_a_sample(a, slopes)
    cdef Py_ssize_t width = size(full)
    cdef cnp.ndarray y = new_like(a)
    cdef Job job
    rows_of(
        &job, <kernel_t> k.prelu[float] if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
        else <kernel_t> k.prelu[double], size(a) // max(1, width), width
    )
    use(&job, 0, a, width)
    use(&job, 1, full, 0)
    use(&job, 2, y, width)
    run(&job, size(a))
    return y, (a, slopes)


def prelu_backward(dy, cache):
    """Twin of reference.piecewise.prelu_backward. dalpha is summed by columns, in row order."""
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray slopes = as_real(alpha, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray full = for_a_sample(a, slopes)
    cdef cnp.ndarray g = like(dy, a)
    cdef cnp.ndarray dx = new_like(a)
    cdef cnp.ndarray dalpha = new_like(full)
    cdef Py_ssize_t width = size(full), rows = size(a) // max(1, width)
    cdef bint single = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
    cdef Job job
    rows_of(
        &job, <kernel_t> k.prelu_dx[float] if single else <kernel_t> k.prelu_dx[double], rows, width
    )
    use(&job, 0, g, width)
    use(&job, 1, a, width)
    use(&job, 2, full, 0)
    use(&job, 3, dx, width)
    run(&job, size(a))

    # The columns are the units now, as many of them to a chunk as rows leave room for.
    rows_of(
        &job, <kernel_t> k.prelu_dalpha[float] if single else <kernel_t> k.prelu_dalpha[double],
        width, max(1, min(rows, CHUNK // 64))
    )
    job.p[0] = width
    job.p[1] = rows
    use(&job, 0, g, 1)
    use(&job, 1, a, 1)
    use(&job, 2, dalpha, 1)
    run(&job, size(a))

    if not same_shape(dalpha, slopes):
        summed = np.sum(dalpha, axis=tuple(range(rank(dalpha) - rank(slopes))))
        ones = tuple([i for i in range(rank(slopes)) if dim(slopes, i) == 1])
        return dx, np.asarray(np.sum(summed, axis=ones, keepdims=True))
    return dx, dalpha


cdef cnp.ndarray for_a_sample(cnp.ndarray x, cnp.ndarray alpha):
    """alpha repeated to the shape of one sample of x; of the whole x if it has as many axes."""
    cdef int lead = 1 if rank(alpha) < rank(x) else 0, i
    cdef bint fits = rank(alpha) == rank(x) - lead
    for i in range(rank(alpha) if fits else 0):
        fits = fits and dim(alpha, i) == dim(x, i + lead)
    if fits:
        return alpha
    return np.ascontiguousarray(np.broadcast_to(alpha, np.shape(x)[lead:]))


def relu6_forward(x):
    """Twin of reference.piecewise.relu6_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.relu6[float], <kernel_t> k.relu6[double], SIMPLE)
    return y, (a,)


def relu6_backward(dy, cache):
    """Twin of reference.piecewise.relu6_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, <kernel_t> k.relu6_dx[float], <kernel_t> k.relu6_dx[double], SIMPLE)


def hard_sigmoid_forward(x):
    """Twin of reference.piecewise.hard_sigmoid_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_sigmoid[float], <kernel_t> k.hard_sigmoid[double], SIMPLE)
    return y, (a,)


def hard_sigmoid_backward(dy, cache):
    """Twin of reference.piecewise.hard_sigmoid_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_sigmoid_dx[float], <kernel_t> k.hard_sigmoid_dx[double],
        SIMPLE,
    )


def hard_silu_forward(x):
    """Twin of reference.piecewise.hard_silu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_silu[float], <kernel_t> k.hard_silu[double], SIMPLE)
    return y, (a,)


def hard_silu_backward(dy, cache):
    """Twin of reference.piecewise.hard_silu_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_silu_dx[float], <kernel_t> k.hard_silu_dx[double], SIMPLE
    )


def hard_tanh_forward(x):
    """Twin of reference.piecewise.hard_tanh_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_tanh[float], <kernel_t> k.hard_tanh[double], SIMPLE)
    return y, (a,)


def hard_tanh_backward(dy, cache):
    """Twin of reference.piecewise.hard_tanh_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_tanh_dx[float], <kernel_t> k.hard_tanh_dx[double], SIMPLE
    )


def hard_shrink_forward(x, threshold=0.5):
    """Twin of reference.piecewise.hard_shrink_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.hard_shrink[float], <kernel_t> k.hard_shrink[double],
        SIMPLE, threshold,
    )
    return y, (a, threshold)


def hard_shrink_backward(dy, cache):
    """Twin of reference.piecewise.hard_shrink_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.shrink_dx[float], <kernel_t> k.shrink_dx[double],
        SIMPLE, threshold,
    )


def soft_shrink_forward(x, threshold=0.5):
    """Twin of reference.piecewise.soft_shrink_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.soft_shrink[float], <kernel_t> k.soft_shrink[double],
        SIMPLE, threshold,
    )
    return y, (a, threshold)


def soft_shrink_backward(dy, cache):
    """Twin of reference.piecewise.soft_shrink_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.shrink_dx[float], <kernel_t> k.shrink_dx[double],
        SIMPLE, threshold,
    )


def threshold_forward(x, threshold, default_value):
    """Twin of reference.piecewise.threshold_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.threshold_at[float], <kernel_t> k.threshold_at[double], SIMPLE,
        threshold, default_value,
    )
    return y, (a, threshold)


def threshold_backward(dy, cache):
    """Twin of reference.piecewise.threshold_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.threshold_dx[float], <kernel_t> k.threshold_dx[double],
        SIMPLE, threshold,
    )
