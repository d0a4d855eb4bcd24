"""Twins of reference.activations: each public function names its kernel, one driver runs it.

(a) A public function makes its arrays C-contiguous and hands over its kernel, in both types.
(b) `run` cuts the work into chunks, of elements or of whole rows, for run_chunks. Where a chunk
    begins depends on the shape alone, so the bits do not depend on the threads.
(c) The kernels, plain loops over one chunk, stand in _activations.pxd.
"""

cimport numpy as cnp
from libc.math cimport NAN
from libc.string cimport memset

from . cimport _activations as k
from ._arrays cimport as_real, data, dim, new_array, new_like, rank, real_type, same_shape, size
from ._threads cimport is_parallel, run_chunks

import operator

import numpy as np

cnp.import_array()

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

# The pointers really are real*. n: elements or rows; p: options, or the width of a row first.
ctypedef void (*kernel_t)(void** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # elements: a chunk and its result stay in the first-level cache
    MOST_ARRAYS = 4

# What an element costs, in simple vectorised operations: for the decision to use threads.
cdef enum:
    SIMPLE = 1
    EXP = 8
    GAUSS = 16


# ---- The driver ----

cdef struct Job:
    kernel_t kernel
    void* at[MOST_ARRAYS]
    Py_ssize_t step[MOST_ARRAYS]  # bytes from one unit, an element or a row, to the next
    Py_ssize_t units
    Py_ssize_t chunk  # units in a chunk
    double p[3]


cdef void do_chunk(Py_ssize_t index, void* context) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef Py_ssize_t first = index * job.chunk
    cdef void* at[MOST_ARRAYS]
    cdef int i
    for i in range(MOST_ARRAYS):
        at[i] = <char*> job.at[i] + first * job.step[i]
    job.kernel(at, min(job.chunk, job.units - first), job.p)


cdef void run(Job* job, double work):
    cdef Py_ssize_t chunks = (job.units + job.chunk - 1) // job.chunk
    if is_parallel(work):
        with nogil:
            run_chunks(do_chunk, chunks, job, work)
    else:
        run_chunks(do_chunk, chunks, job, work)


cdef inline void use(Job* job, int i, cnp.ndarray a, Py_ssize_t unit) noexcept:
    """Array i of the job is a, `unit` elements of it to a unit."""
    job.at[i] = data(a)
    job.step[i] = unit * cnp.PyArray_ITEMSIZE(a)


cdef inline cnp.ndarray real_array(object x):
    """x as a C-contiguous array of float32 or float64, itself where it is one."""
    return as_real(x, real_type(x))


cdef inline cnp.ndarray like(object dy, cnp.ndarray y):
    """dy as a C-contiguous array with the shape and type of y, or an error."""
    cdef cnp.ndarray g = as_real(dy, cnp.PyArray_TYPE(y))
    if not same_shape(g, y):
        raise ValueError(f"dy must have the shape of y: expected {np.shape(y)}, got {np.shape(g)}")
    return g


cdef cnp.ndarray each(
    cnp.ndarray a, cnp.ndarray b, kernel_t single, kernel_t wide, double cost,
    double p0=0.0, double p1=0.0, double p2=0.0,
):
    """A kernel over the elements of a, and of b unless it is None: the result has their shape."""
    cdef cnp.ndarray out = new_like(a)
    cdef Job job
    memset(&job, 0, sizeof(Job))
    job.kernel = single if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT else wide
    job.units = size(a)
    job.chunk = CHUNK
    job.p[0] = p0
    job.p[1] = p1
    job.p[2] = p2
    use(&job, 0, a, 1)
    if b is not None:
        use(&job, 1, b, 1)
    use(&job, 1 if b is None else 2, out, 1)
    run(&job, cost * job.units)
    return out


cdef void rows_of(Job* job, kernel_t kernel, Py_ssize_t rows, Py_ssize_t width) noexcept:
    """Prepare a job over rows; the arrays are still to be named."""
    memset(job, 0, sizeof(Job))
    job.kernel = kernel
    job.units = rows
    job.chunk = max(1, CHUNK // max(1, width))
    job.p[0] = width


cdef cnp.ndarray along_last(
    cnp.ndarray a, cnp.ndarray b, Py_ssize_t width, kernel_t single, kernel_t wide
):
    """A kernel over the rows of a, and of b unless it is None: `width` elements each."""
    cdef cnp.ndarray out = new_like(a)
    cdef Job job
    if width == 0:
        raise ValueError(f"softmax needs at least one element, got the shape {np.shape(a)}")
    rows_of(
        &job, single if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT else wide, size(a) // width, width
    )
    use(&job, 0, a, width)
    if b is not None:
        use(&job, 1, b, width)
    use(&job, 1 if b is None else 2, out, width)
    run(&job, <double> EXP * size(a))
    return out


cdef cnp.ndarray along(
    object axis, cnp.ndarray a, cnp.ndarray b, kernel_t single, kernel_t wide
):
    """along_last for any axis or tuple of axes: they are moved to the end and back."""
    cdef int ndim = rank(a)
    if ndim and type(axis) is int and (axis == -1 or axis == ndim - 1):
        return along_last(a, b, dim(a, ndim - 1), single, wide)
    axes = [position(i, ndim) for i in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis names an axis twice: {axis}")
    order = [i for i in range(ndim) if i not in axes] + axes
    width = 1
    for i in axes:
        width *= a.shape[i]
    a = np.ascontiguousarray(np.transpose(a, order))
    if b is not None:
        b = np.ascontiguousarray(np.transpose(b, order))
    out = along_last(a, b, width, single, wide)
    return np.ascontiguousarray(np.transpose(out, np.argsort(order)))


cdef int position(object axis, int ndim) except -1:
    """The axis counted from 0."""
    i = operator.index(axis)
    if not -ndim <= i < ndim:
        raise np.exceptions.AxisError(i, ndim)
    return i % ndim


# ---- Twins: straight pieces ----


def relu_forward(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Twin of reference.activations.relu_forward. The plain relu has a kernel of its own."""
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
    """Twin of reference.activations.relu_backward."""
    x, negative_slope, max_value, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    cdef double cap = NAN if max_value is None else max_value
    return each(
        like(dy, a), a, <kernel_t> k.relu_dx[float], <kernel_t> k.relu_dx[double], SIMPLE,
        negative_slope, cap, threshold,
    )


def leaky_relu_forward(x, negative_slope=0.2):
    """Twin of reference.activations.leaky_relu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.leaky_relu[float], <kernel_t> k.leaky_relu[double],
        SIMPLE, negative_slope,
    )
    return y, (a, negative_slope)


def leaky_relu_backward(dy, cache):
    """Twin of reference.activations.leaky_relu_backward."""
    x, negative_slope = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.leaky_relu_dx[float], <kernel_t> k.leaky_relu_dx[double],
        SIMPLE, negative_slope,
    )


def prelu_forward(x, alpha):
    """Twin of reference.activations.prelu_forward. alpha is repeated within one sample only."""
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
    """Twin of reference.activations.prelu_backward. dalpha is summed by columns, in row order."""
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
    """Twin of reference.activations.relu6_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.relu6[float], <kernel_t> k.relu6[double], SIMPLE)
    return y, (a,)


def relu6_backward(dy, cache):
    """Twin of reference.activations.relu6_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, <kernel_t> k.relu6_dx[float], <kernel_t> k.relu6_dx[double], SIMPLE)


def hard_sigmoid_forward(x):
    """Twin of reference.activations.hard_sigmoid_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_sigmoid[float], <kernel_t> k.hard_sigmoid[double], SIMPLE)
    return y, (a,)


def hard_sigmoid_backward(dy, cache):
    """Twin of reference.activations.hard_sigmoid_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_sigmoid_dx[float], <kernel_t> k.hard_sigmoid_dx[double],
        SIMPLE,
    )


def hard_silu_forward(x):
    """Twin of reference.activations.hard_silu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_silu[float], <kernel_t> k.hard_silu[double], SIMPLE)
    return y, (a,)


def hard_silu_backward(dy, cache):
    """Twin of reference.activations.hard_silu_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_silu_dx[float], <kernel_t> k.hard_silu_dx[double], SIMPLE
    )


def hard_tanh_forward(x):
    """Twin of reference.activations.hard_tanh_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.hard_tanh[float], <kernel_t> k.hard_tanh[double], SIMPLE)
    return y, (a,)


def hard_tanh_backward(dy, cache):
    """Twin of reference.activations.hard_tanh_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.hard_tanh_dx[float], <kernel_t> k.hard_tanh_dx[double], SIMPLE
    )


def hard_shrink_forward(x, threshold=0.5):
    """Twin of reference.activations.hard_shrink_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.hard_shrink[float], <kernel_t> k.hard_shrink[double],
        SIMPLE, threshold,
    )
    return y, (a, threshold)


def hard_shrink_backward(dy, cache):
    """Twin of reference.activations.hard_shrink_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.shrink_dx[float], <kernel_t> k.shrink_dx[double],
        SIMPLE, threshold,
    )


def soft_shrink_forward(x, threshold=0.5):
    """Twin of reference.activations.soft_shrink_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.soft_shrink[float], <kernel_t> k.soft_shrink[double],
        SIMPLE, threshold,
    )
    return y, (a, threshold)


def soft_shrink_backward(dy, cache):
    """Twin of reference.activations.soft_shrink_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.shrink_dx[float], <kernel_t> k.shrink_dx[double],
        SIMPLE, threshold,
    )


def threshold_forward(x, threshold, default_value):
    """Twin of reference.activations.threshold_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.threshold_at[float], <kernel_t> k.threshold_at[double], SIMPLE,
        threshold, default_value,
    )
    return y, (a, threshold)


def threshold_backward(dy, cache):
    """Twin of reference.activations.threshold_backward."""
    x, threshold = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.threshold_dx[float], <kernel_t> k.threshold_dx[double],
        SIMPLE, threshold,
    )


# ---- Twins: curves ----


def sigmoid_forward(x):
    """Twin of reference.activations.sigmoid_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.sigmoid[float], <kernel_t> k.sigmoid[double], EXP)
    return y, (y,)


def sigmoid_backward(dy, cache):
    """Twin of reference.activations.sigmoid_backward."""
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(
        like(dy, a), a, <kernel_t> k.sigmoid_dx[float], <kernel_t> k.sigmoid_dx[double], SIMPLE
    )


def log_sigmoid_forward(x):
    """Twin of reference.activations.log_sigmoid_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.log_sigmoid[float], <kernel_t> k.log_sigmoid[double], EXP)
    return y, (a,)


def log_sigmoid_backward(dy, cache):
    """Twin of reference.activations.log_sigmoid_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.log_sigmoid_dx[float], <kernel_t> k.log_sigmoid_dx[double], EXP
    )


def tanh_forward(x):
    """Twin of reference.activations.tanh_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.tanh[float], <kernel_t> k.tanh[double], EXP)
    return y, (y,)


def tanh_backward(dy, cache):
    """Twin of reference.activations.tanh_backward."""
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(like(dy, a), a, <kernel_t> k.tanh_dx[float], <kernel_t> k.tanh_dx[double], SIMPLE)


def tanh_shrink_forward(x):
    """Twin of reference.activations.tanh_shrink_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.tanh_shrink[float], <kernel_t> k.tanh_shrink[double], EXP)
    return y, (a,)


def tanh_shrink_backward(dy, cache):
    """Twin of reference.activations.tanh_shrink_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.tanh_shrink_dx[float], <kernel_t> k.tanh_shrink_dx[double], EXP
    )


def softplus_forward(x):
    """Twin of reference.activations.softplus_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.softplus[float], <kernel_t> k.softplus[double], EXP)
    return y, (a,)


def softplus_backward(dy, cache):
    """Twin of reference.activations.softplus_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.softplus_dx[float], <kernel_t> k.softplus_dx[double], EXP
    )


def softsign_forward(x):
    """Twin of reference.activations.softsign_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.softsign[float], <kernel_t> k.softsign[double], SIMPLE)
    return y, (a,)


def softsign_backward(dy, cache):
    """Twin of reference.activations.softsign_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.softsign_dx[float], <kernel_t> k.softsign_dx[double], SIMPLE
    )


def squareplus_forward(x, b=4):
    """Twin of reference.activations.squareplus_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.squareplus[float], <kernel_t> k.squareplus[double], SIMPLE, b
    )
    return y, (a, b)


def squareplus_backward(dy, cache):
    """Twin of reference.activations.squareplus_backward."""
    x, b = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.squareplus_dx[float], <kernel_t> k.squareplus_dx[double],
        SIMPLE, b,
    )


def exponential_forward(x):
    """Twin of reference.activations.exponential_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.exponential[float], <kernel_t> k.exponential[double], EXP)
    return y, (y,)


def exponential_backward(dy, cache):
    """Twin of reference.activations.exponential_backward."""
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(
        like(dy, a), a, <kernel_t> k.exponential_dx[float], <kernel_t> k.exponential_dx[double],
        SIMPLE,
    )


def elu_forward(x, alpha=1.0):
    """Twin of reference.activations.elu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.elu[float], <kernel_t> k.elu[double], EXP, alpha, 1.0)
    return y, (a, alpha)


def elu_backward(dy, cache):
    """Twin of reference.activations.elu_backward."""
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.elu_dx[float], <kernel_t> k.elu_dx[double], EXP, alpha, 1.0
    )


def selu_forward(x):
    """Twin of reference.activations.selu_forward. The kernel of elu takes the scale as well."""
    cdef cnp.ndarray a = real_array(x)
    y = each(
        a, None, <kernel_t> k.elu[float], <kernel_t> k.elu[double], EXP, SELU_ALPHA, SELU_SCALE
    )
    return y, (a,)


def selu_backward(dy, cache):
    """Twin of reference.activations.selu_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.elu_dx[float], <kernel_t> k.elu_dx[double], EXP,
        SELU_ALPHA, SELU_SCALE,
    )


def celu_forward(x, alpha=1.0):
    """Twin of reference.activations.celu_forward."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, <kernel_t> k.celu[float], <kernel_t> k.celu[double], EXP, alpha)
    return y, (a, alpha)


def celu_backward(dy, cache):
    """Twin of reference.activations.celu_backward."""
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    return each(
        like(dy, a), a, <kernel_t> k.celu_dx[float], <kernel_t> k.celu_dx[double], EXP, alpha
    )


def gelu_forward(x, approximate=False):
    """Twin of reference.activations.gelu_forward."""
    cdef cnp.ndarray a = real_array(x)
    if approximate:
        y = each(a, None, <kernel_t> k.gelu_tanh[float], <kernel_t> k.gelu_tanh[double], EXP)
    else:
        y = each(a, None, <kernel_t> k.gelu[float], <kernel_t> k.gelu[double], GAUSS)
    return y, (a, approximate)


def gelu_backward(dy, cache):
    """Twin of reference.activations.gelu_backward."""
    x, approximate = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray g = like(dy, a)
    if approximate:
        return each(
            g, a, <kernel_t> k.gelu_tanh_dx[float], <kernel_t> k.gelu_tanh_dx[double], EXP
        )
    return each(g, a, <kernel_t> k.gelu_dx[float], <kernel_t> k.gelu_dx[double], GAUSS)


def silu_forward(x):
    """Twin of reference.activations.silu_forward."""
    cdef cnp.ndarray a = real_array(x)
    return each(a, None, <kernel_t> k.silu[float], <kernel_t> k.silu[double], EXP), (a,)


def silu_backward(dy, cache):
    """Twin of reference.activations.silu_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, <kernel_t> k.silu_dx[float], <kernel_t> k.silu_dx[double], EXP)


def mish_forward(x):
    """Twin of reference.activations.mish_forward."""
    cdef cnp.ndarray a = real_array(x)
    return each(a, None, <kernel_t> k.mish[float], <kernel_t> k.mish[double], EXP), (a,)


def mish_backward(dy, cache):
    """Twin of reference.activations.mish_backward."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, <kernel_t> k.mish_dx[float], <kernel_t> k.mish_dx[double], EXP)


def glu_forward(x, axis=-1):
    """Twin of reference.activations.glu_forward. All that follows the axis is one row."""
    cdef cnp.ndarray a = real_array(x)
    cdef int ndim = rank(a), at = position(axis, ndim), i
    cdef cnp.npy_intp* dims = cnp.PyArray_DIMS(a)
    cdef cnp.npy_intp half[64]  # more axes than NumPy allows
    cdef Py_ssize_t width = 1, rows = 1
    cdef cnp.ndarray y
    cdef Job job
    if dims[at] % 2:
        raise ValueError(
            f"glu halves axis {axis}: its length must be even, got shape {np.shape(a)}"
        )
    for i in range(ndim):
        half[i] = dims[i] // 2 if i == at else dims[i]
        if i < at:
            rows *= half[i]
        else:
            width *= half[i]
    y = new_array(ndim, half, cnp.PyArray_TYPE(a))
    rows_of(
        &job, <kernel_t> k.glu[float] if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
        else <kernel_t> k.glu[double], rows, width
    )
    use(&job, 0, a, 2 * width)
    use(&job, 1, y, width)
    run(&job, <double> EXP * size(y))
    return y, (a, axis)


def glu_backward(dy, cache):
    """Twin of reference.activations.glu_backward."""
    x, axis = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray g = as_real(dy, cnp.PyArray_TYPE(a))
    cdef int ndim = rank(a), at = position(axis, ndim), i
    cdef Py_ssize_t width = 1, rows = 1
    cdef cnp.ndarray dx
    cdef Job job
    cdef bint fits = rank(g) == ndim
    for i in range(ndim if fits else 0):
        fits = fits and dim(g, i) == (dim(a, i) // 2 if i == at else dim(a, i))
        if i < at:
            rows *= dim(g, i)
        else:
            width *= dim(g, i)
    if not fits:
        raise ValueError(
            f"dy must have the shape of y, that of x {np.shape(a)} with axis {axis} halved, "
            f"got {np.shape(g)}"
        )
    dx = new_like(a)
    rows_of(
        &job, <kernel_t> k.glu_dx[float] if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
        else <kernel_t> k.glu_dx[double], rows, width
    )
    use(&job, 0, g, width)
    use(&job, 1, a, 2 * width)
    use(&job, 2, dx, 2 * width)
    run(&job, <double> EXP * size(g))
    return dx


def softmax_forward(x, axis=-1):
    """Twin of reference.activations.softmax_forward. Short rows share one pass of exp."""
    cdef cnp.ndarray a = real_array(x)
    y = along(axis, a, None, <kernel_t> k.softmax[float], <kernel_t> k.softmax[double])
    return y, (y, axis)


def softmax_backward(dy, cache):
    """Twin of reference.activations.softmax_backward."""
    y, axis = cache
    cdef cnp.ndarray a = real_array(y)
    return along(
        axis, like(dy, a), a, <kernel_t> k.softmax_dx[float], <kernel_t> k.softmax_dx[double]
    )


def log_softmax_forward(x, axis=-1):
    """Twin of reference.activations.log_softmax_forward. Short rows share one pass of exp."""
    cdef cnp.ndarray a = real_array(x)
    y = along(axis, a, None, <kernel_t> k.log_softmax[float], <kernel_t> k.log_softmax[double])
    return y, (y, axis)


def log_softmax_backward(dy, cache):
    """Twin of reference.activations.log_softmax_backward."""
    y, axis = cache
    cdef cnp.ndarray a = real_array(y)
    return along(
        axis, like(dy, a), a,
        <kernel_t> k.log_softmax_dx[float], <kernel_t> k.log_softmax_dx[double],
    )
