"""Twins of reference.activations: each names its kernel, which elementwise.pxd runs."""

cimport numpy as cnp

from .kernels cimport activations as k
from .kernels.arrays cimport as_real, dim, new_array, new_like, rank, size
from .kernels.elementwise cimport (
    EXP, GAUSS, SIMPLE, Job, each, kernel_t, like, real_array, rows_of, run, use,
)

import operator

import numpy as np

cnp.import_array()

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


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
