"""Twins of reference.piecewise: each names its kernel, which elementwise.pxd runs."""

cimport numpy as cnp
from libc.math cimport NAN

from .kernels cimport piecewise as k
from .kernels.arrays cimport as_real, dim, new_like, rank, same_shape, size
from .kernels.elementwise cimport (
    CHUNK, SIMPLE, ElementwiseJob, each, like, real_array, rows_of, run, stage_of, use,
)
from .kernels.gil cimport run_with_gil
from .kernels.threads cimport Stage, refuse_plan

import numpy as np

cnp.import_array()


def relu_forward(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Twin of reference.piecewise.relu_forward. The plain relu has a kernel of its own.

    Kernels: relu and relu_options in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    cdef double slope = negative_slope, start = threshold
    cdef double cap = NAN if max_value is None else max_value  # nothing is above NaN
    if slope == 0 and start == 0 and max_value is None:
        y = each(a, None, k.relu[float], k.relu[double], SIMPLE)
    else:
        y = each(a, None, k.relu_options[float], k.relu_options[double], SIMPLE, slope, cap, start)
    return y, (a, negative_slope, max_value, threshold)


def relu_backward(dy, cache):
    """Twin of reference.piecewise.relu_backward. Kernel: relu_dx in kernels/piecewise.pxd."""
    x, negative_slope, max_value, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    cdef double cap = NAN if max_value is None else max_value
    return each(
        like(dy, a), a, k.relu_dx[float], k.relu_dx[double], SIMPLE, negative_slope, cap, threshold
    )


def add_relu_forward(x, shortcut):
    """Extra: x + shortcut, of one shape, and the relu after it: the end of a residual block.

    tests/extras.py holds it against the reference. Kernel: add_relu in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, like(shortcut, a), k.add_relu[float], k.add_relu[double], SIMPLE)
    return y, (y,)


def add_relu_backward(dy, cache):
    """Extra: relu's gradient, which both have. It's found from y: 0 where the sum was 0 or less.

    tests/extras.py holds it against the reference.
    """
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    dx = each(like(dy, a), a, k.relu_dx[float], k.relu_dx[double], SIMPLE, 0.0, NAN, 0.0)
    return dx, dx


def leaky_relu_forward(x, negative_slope=0.2):
    """Twin of reference.piecewise.leaky_relu_forward.

    Kernel: leaky_relu in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.leaky_relu[float], k.leaky_relu[double], SIMPLE, negative_slope)
    return y, (a, negative_slope)


def leaky_relu_backward(dy, cache):
    """Twin of reference.piecewise.leaky_relu_backward.

    Kernel: leaky_relu_dx in kernels/piecewise.pxd.
    """
    x, negative_slope = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, k.leaky_relu_dx[float], k.leaky_relu_dx[double], SIMPLE, negative_slope
    )


def prelu_forward(x, alpha):
    """Twin of reference.piecewise.prelu_forward. alpha is repeated within one sample only.

    Kernel: prelu in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray slopes = as_real(alpha, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray full = for_a_sample(a, slopes)
    cdef Py_ssize_t width = size(full)
    cdef cnp.ndarray y = new_like(a)
    cdef ElementwiseJob job
    rows_of(&job, a, k.prelu[float], k.prelu[double], size(a) // max(1, width), width)
    use(&job, 0, a, width)
    use(&job, 1, full, 0)
    use(&job, 2, y, width)
    run(&job, size(a))
    return y, (a, slopes)


def prelu_backward(dy, cache):
    """Twin of reference.piecewise.prelu_backward. dalpha is summed by columns, in row order.

    Kernels: prelu_dx and prelu_dalpha in kernels/piecewise.pxd.
    """
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray slopes = as_real(alpha, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray full = for_a_sample(a, slopes)
    cdef cnp.ndarray g = like(dy, a)
    cdef cnp.ndarray dx = new_like(a)
    cdef cnp.ndarray dalpha = new_like(full)
    cdef Py_ssize_t width = size(full), rows = size(a) // max(1, width)
    cdef ElementwiseJob by_rows, by_columns
    cdef Stage stages[2]
    rows_of(&by_rows, a, k.prelu_dx[float], k.prelu_dx[double], rows, width)
    use(&by_rows, 0, g, width)
    use(&by_rows, 1, a, width)
    use(&by_rows, 2, full, 0)
    use(&by_rows, 3, dx, width)
    stages[0] = stage_of(&by_rows)
    # The columns are the units of the second stage, as many of them to a chunk as rows leave room
    # for.
    rows_of(
        &by_columns, a, k.prelu_dalpha[float], k.prelu_dalpha[double],
        width, max(1, min(rows, CHUNK // 64)),
    )
    by_columns.p[0] = width
    by_columns.p[1] = rows
    use(&by_columns, 0, g, 1)
    use(&by_columns, 1, a, 1)
    use(&by_columns, 2, dalpha, 1)
    stages[1] = stage_of(&by_columns)
    run_with_gil(stages, 2, 2 * size(a))

    if not same_shape(dalpha, slopes):
        refuse_plan("the gradient of a PReLU's slopes is summed by NumPy")
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
    refuse_plan("the slopes of a PReLU are repeated")
    return np.ascontiguousarray(np.broadcast_to(alpha, np.shape(x)[lead:]))


def relu6_forward(x):
    """Twin of reference.piecewise.relu6_forward. Kernel: relu6 in kernels/piecewise.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.relu6[float], k.relu6[double], SIMPLE)
    return y, (a,)


def relu6_backward(dy, cache):
    """Twin of reference.piecewise.relu6_backward. Kernel: relu6_dx in kernels/piecewise.pxd."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.relu6_dx[float], k.relu6_dx[double], SIMPLE)


def hard_sigmoid_forward(x):
    """Twin of reference.piecewise.hard_sigmoid_forward.

    Kernel: hard_sigmoid in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.hard_sigmoid[float], k.hard_sigmoid[double], SIMPLE)
    return y, (a,)


def hard_sigmoid_backward(dy, cache):
    """Twin of reference.piecewise.hard_sigmoid_backward.

    Kernel: hard_sigmoid_dx in kernels/piecewise.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.hard_sigmoid_dx[float], k.hard_sigmoid_dx[double], SIMPLE)


def hard_silu_forward(x):
    """Twin of reference.piecewise.hard_silu_forward. Kernel: hard_silu in kernels/piecewise.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.hard_silu[float], k.hard_silu[double], SIMPLE)
    return y, (a,)


def hard_silu_backward(dy, cache):
    """Twin of reference.piecewise.hard_silu_backward.

    Kernel: hard_silu_dx in kernels/piecewise.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.hard_silu_dx[float], k.hard_silu_dx[double], SIMPLE)


def hard_tanh_forward(x):
    """Twin of reference.piecewise.hard_tanh_forward. Kernel: hard_tanh in kernels/piecewise.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.hard_tanh[float], k.hard_tanh[double], SIMPLE)
    return y, (a,)


def hard_tanh_backward(dy, cache):
    """Twin of reference.piecewise.hard_tanh_backward.

    Kernel: hard_tanh_dx in kernels/piecewise.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.hard_tanh_dx[float], k.hard_tanh_dx[double], SIMPLE)


def hard_shrink_forward(x, threshold=0.5):
    """Twin of reference.piecewise.hard_shrink_forward.

    Kernel: hard_shrink in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.hard_shrink[float], k.hard_shrink[double], SIMPLE, threshold)
    return y, (a, threshold)


def hard_shrink_backward(dy, cache):
    """Twin of reference.piecewise.hard_shrink_backward.

    Kernel: shrink_dx in kernels/piecewise.pxd.
    """
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.shrink_dx[float], k.shrink_dx[double], SIMPLE, threshold)


def soft_shrink_forward(x, threshold=0.5):
    """Twin of reference.piecewise.soft_shrink_forward.

    Kernel: soft_shrink in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.soft_shrink[float], k.soft_shrink[double], SIMPLE, threshold)
    return y, (a, threshold)


def soft_shrink_backward(dy, cache):
    """Twin of reference.piecewise.soft_shrink_backward.

    Kernel: shrink_dx in kernels/piecewise.pxd.
    """
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.shrink_dx[float], k.shrink_dx[double], SIMPLE, threshold)


def threshold_forward(x, threshold, default_value):
    """Twin of reference.piecewise.threshold_forward.

    Kernel: threshold_at in kernels/piecewise.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, k.threshold_at[float], k.threshold_at[double], SIMPLE, threshold, default_value
    )
    return y, (a, threshold)


def threshold_backward(dy, cache):
    """Twin of reference.piecewise.threshold_backward.

    Kernel: threshold_dx in kernels/piecewise.pxd.
    """
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.threshold_dx[float], k.threshold_dx[double], SIMPLE, threshold)
