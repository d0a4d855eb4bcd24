"""Twins of reference.activations: each names its kernel, which elementwise.pxd runs."""

cimport numpy as cnp

from .kernels cimport activations as k
from .kernels.arrays cimport as_real, dim, new_array, new_like, rank, size
from .kernels.elementwise cimport (
    EXP, GAUSS, SIMPLE, ElementwiseJob, each, kernel32_t, kernel64_t, like, real_array, rows_of,
    run, use,
)
from .kernels.threads cimport refuse_plan

import operator

import numpy as np

cnp.import_array()

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


cdef cnp.ndarray along_last(
    cnp.ndarray a, cnp.ndarray b, Py_ssize_t width, kernel32_t kernel32, kernel64_t kernel64
):
    """A kernel over the rows of a, and of b unless it is None: `width` elements each."""
    cdef cnp.ndarray out = new_like(a)
    cdef ElementwiseJob job
    if width == 0:
        raise ValueError(f"softmax needs at least one element, got the shape {np.shape(a)}")
    rows_of(&job, a, kernel32, kernel64, size(a) // width, width)
    use(&job, 0, a, width)
    if b is not None:
        use(&job, 1, b, width)
    use(&job, 1 if b is None else 2, out, width)
    run(&job, <double> EXP * size(a))
    return out


cdef cnp.ndarray along(
    object axis, cnp.ndarray a, cnp.ndarray b, kernel32_t kernel32, kernel64_t kernel64
):
    """along_last for any axis or tuple of axes: they are moved to the end and back."""
    cdef int ndim = rank(a)
    if ndim and type(axis) is int and (axis == -1 or axis == ndim - 1):
        return along_last(a, b, dim(a, ndim - 1), kernel32, kernel64)
    axes = [position(i, ndim) for i in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis names an axis twice: {axis}")
    order = [i for i in range(ndim) if i not in axes] + axes
    width = 1
    for i in axes:
        width *= a.shape[i]
    refuse_plan("an array is transposed")
    a = np.ascontiguousarray(np.transpose(a, order))
    if b is not None:
        b = np.ascontiguousarray(np.transpose(b, order))
    out = along_last(a, b, width, kernel32, kernel64)
    return np.ascontiguousarray(np.transpose(out, np.argsort(order)))


cdef int position(object axis, int ndim) except -1:
    """The axis counted from 0."""
    i = operator.index(axis)
    if not -ndim <= i < ndim:
        raise np.exceptions.AxisError(i, ndim)
    return i % ndim


def sigmoid_forward(x):
    """Twin of reference.activations.sigmoid_forward. Kernel: sigmoid in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.sigmoid[float], k.sigmoid[double], EXP)
    return y, (y,)


def sigmoid_backward(dy, cache):
    """Twin of reference.activations.sigmoid_backward.

    Kernel: sigmoid_dx in kernels/activations.pxd.
    """
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(like(dy, a), a, k.sigmoid_dx[float], k.sigmoid_dx[double], SIMPLE)


def log_sigmoid_forward(x):
    """Twin of reference.activations.log_sigmoid_forward.

    Kernel: log_sigmoid in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.log_sigmoid[float], k.log_sigmoid[double], EXP)
    return y, (a,)


def log_sigmoid_backward(dy, cache):
    """Twin of reference.activations.log_sigmoid_backward.

    Kernel: log_sigmoid_dx in kernels/activations.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.log_sigmoid_dx[float], k.log_sigmoid_dx[double], EXP)


def tanh_forward(x):
    """Twin of reference.activations.tanh_forward. Kernel: tanh in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.tanh[float], k.tanh[double], EXP)
    return y, (y,)


def tanh_backward(dy, cache):
    """Twin of reference.activations.tanh_backward. Kernel: tanh_dx in kernels/activations.pxd."""
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(like(dy, a), a, k.tanh_dx[float], k.tanh_dx[double], SIMPLE)


def tanh_shrink_forward(x):
    """Twin of reference.activations.tanh_shrink_forward.

    Kernel: tanh_shrink in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.tanh_shrink[float], k.tanh_shrink[double], EXP)
    return y, (a,)


def tanh_shrink_backward(dy, cache):
    """Twin of reference.activations.tanh_shrink_backward.

    Kernel: tanh_shrink_dx in kernels/activations.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.tanh_shrink_dx[float], k.tanh_shrink_dx[double], EXP)


def softplus_forward(x):
    """Twin of reference.activations.softplus_forward.

    Kernel: softplus in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.softplus[float], k.softplus[double], EXP)
    return y, (a,)


def softplus_backward(dy, cache):
    """Twin of reference.activations.softplus_backward.

    Kernel: softplus_dx in kernels/activations.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.softplus_dx[float], k.softplus_dx[double], EXP)


def softsign_forward(x):
    """Twin of reference.activations.softsign_forward.

    Kernel: softsign in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.softsign[float], k.softsign[double], SIMPLE)
    return y, (a,)


def softsign_backward(dy, cache):
    """Twin of reference.activations.softsign_backward.

    Kernel: softsign_dx in kernels/activations.pxd.
    """
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.softsign_dx[float], k.softsign_dx[double], SIMPLE)


def squareplus_forward(x, b=4):
    """Twin of reference.activations.squareplus_forward.

    Kernel: squareplus in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.squareplus[float], k.squareplus[double], SIMPLE, b)
    return y, (a, b)


def squareplus_backward(dy, cache):
    """Twin of reference.activations.squareplus_backward.

    Kernel: squareplus_dx in kernels/activations.pxd.
    """
    x, b = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.squareplus_dx[float], k.squareplus_dx[double], SIMPLE, b)


def exponential_forward(x):
    """Twin of reference.activations.exponential_forward.

    Kernel: exponential in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.exponential[float], k.exponential[double], EXP)
    return y, (y,)


def exponential_backward(dy, cache):
    """Twin of reference.activations.exponential_backward.

    Kernel: exponential_dx in kernels/activations.pxd.
    """
    (y,) = cache
    cdef cnp.ndarray a = real_array(y)
    return each(like(dy, a), a, k.exponential_dx[float], k.exponential_dx[double], SIMPLE)


def elu_forward(x, alpha=1.0):
    """Twin of reference.activations.elu_forward. Kernel: elu in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.elu[float], k.elu[double], EXP, alpha, 1.0)
    return y, (a, alpha)


def elu_backward(dy, cache):
    """Twin of reference.activations.elu_backward. Kernel: elu_dx in kernels/activations.pxd."""
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.elu_dx[float], k.elu_dx[double], EXP, alpha, 1.0)


def selu_forward(x):
    """Twin of reference.activations.selu_forward. The kernel of elu takes the scale as well.

    Kernel: elu in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.elu[float], k.elu[double], EXP, SELU_ALPHA, SELU_SCALE)
    return y, (a,)


def selu_backward(dy, cache):
    """Twin of reference.activations.selu_backward. Kernel: elu_dx in kernels/activations.pxd."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.elu_dx[float], k.elu_dx[double], EXP, SELU_ALPHA, SELU_SCALE)


def celu_forward(x, alpha=1.0):
    """Twin of reference.activations.celu_forward. Kernel: celu in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    y = each(a, None, k.celu[float], k.celu[double], EXP, alpha)
    return y, (a, alpha)


def celu_backward(dy, cache):
    """Twin of reference.activations.celu_backward. Kernel: celu_dx in kernels/activations.pxd."""
    x, alpha = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.celu_dx[float], k.celu_dx[double], EXP, alpha)


def gelu_forward(x, approximate=False):
    """Twin of reference.activations.gelu_forward.

    Kernels: gelu_tanh and gelu in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    if approximate:
        y = each(a, None, k.gelu_tanh[float], k.gelu_tanh[double], EXP)
    else:
        y = each(a, None, k.gelu[float], k.gelu[double], GAUSS)
    return y, (a, approximate)


def gelu_backward(dy, cache):
    """Twin of reference.activations.gelu_backward.

    Kernels: gelu_tanh_dx and gelu_dx in kernels/activations.pxd.
    """
    x, approximate = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray g = like(dy, a)
    if approximate:
        return each(g, a, k.gelu_tanh_dx[float], k.gelu_tanh_dx[double], EXP)
    return each(g, a, k.gelu_dx[float], k.gelu_dx[double], GAUSS)


def silu_forward(x):
    """Twin of reference.activations.silu_forward. Kernel: silu in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    return each(a, None, k.silu[float], k.silu[double], EXP), (a,)


def silu_backward(dy, cache):
    """Twin of reference.activations.silu_backward. Kernel: silu_dx in kernels/activations.pxd."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.silu_dx[float], k.silu_dx[double], EXP)


def mish_forward(x):
    """Twin of reference.activations.mish_forward. Kernel: mish in kernels/activations.pxd."""
    cdef cnp.ndarray a = real_array(x)
    return each(a, None, k.mish[float], k.mish[double], EXP), (a,)


def mish_backward(dy, cache):
    """Twin of reference.activations.mish_backward. Kernel: mish_dx in kernels/activations.pxd."""
    (x,) = cache
    cdef cnp.ndarray a = real_array(x)
    return each(like(dy, a), a, k.mish_dx[float], k.mish_dx[double], EXP)


def glu_forward(x, axis=-1):
    """Twin of reference.activations.glu_forward. All that follows the axis is one row.

    Kernel: glu in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    cdef int ndim = rank(a), at = position(axis, ndim), i
    cdef cnp.npy_intp* dims = cnp.PyArray_DIMS(a)
    cdef cnp.npy_intp half[64]  # more axes than NumPy allows
    cdef Py_ssize_t width = 1, rows = 1
    cdef cnp.ndarray y
    cdef ElementwiseJob job
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
    rows_of(&job, a, k.glu[float], k.glu[double], rows, width)
    use(&job, 0, a, 2 * width)
    use(&job, 1, y, width)
    run(&job, <double> EXP * size(y))
    return y, (a, axis)


def glu_backward(dy, cache):
    """Twin of reference.activations.glu_backward. Kernel: glu_dx in kernels/activations.pxd."""
    x, axis = cache
    cdef cnp.ndarray a = real_array(x)
    cdef cnp.ndarray g = as_real(dy, cnp.PyArray_TYPE(a))
    cdef int ndim = rank(a), at = position(axis, ndim), i
    cdef Py_ssize_t width = 1, rows = 1
    cdef cnp.ndarray dx
    cdef ElementwiseJob job
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
    rows_of(&job, a, k.glu_dx[float], k.glu_dx[double], rows, width)
    use(&job, 0, g, width)
    use(&job, 1, a, 2 * width)
    use(&job, 2, dx, 2 * width)
    run(&job, <double> EXP * size(g))
    return dx


def softmax_forward(x, axis=-1):
    """Twin of reference.activations.softmax_forward. Short rows share one pass of exp.

    Kernel: softmax in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = along(axis, a, None, k.softmax[float], k.softmax[double])
    return y, (y, axis)


def softmax_backward(dy, cache):
    """Twin of reference.activations.softmax_backward.

    Kernel: softmax_dx in kernels/activations.pxd.
    """
    y, axis = cache
    cdef cnp.ndarray a = real_array(y)
    return along(axis, like(dy, a), a, k.softmax_dx[float], k.softmax_dx[double])


def log_softmax_forward(x, axis=-1):
    """Twin of reference.activations.log_softmax_forward. Short rows share one pass of exp.

    Kernel: log_softmax in kernels/activations.pxd.
    """
    cdef cnp.ndarray a = real_array(x)
    y = along(axis, a, None, k.log_softmax[float], k.log_softmax[double])
    return y, (y, axis)


def log_softmax_backward(dy, cache):
    """Twin of reference.activations.log_softmax_backward.

    Kernel: log_softmax_dx in kernels/activations.pxd.
    """
    y, axis = cache
    cdef cnp.ndarray a = real_array(y)
    return along(axis, like(dy, a), a, k.log_softmax_dx[float], k.log_softmax_dx[double])
