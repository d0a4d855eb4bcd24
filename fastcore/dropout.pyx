"""Twin of reference/dropout.py: one pass over the numbers and a byte of the mask for each."""

import numpy as np

cimport numpy as cnp

from .kernels.arrays cimport as_real, as_type, data, new_like, real, real_type, same_shape, size
from .kernels.gil cimport run_with_gil
from .kernels.threads cimport Stage, typed_stage

from ..reference._shapes import check_cotangent

cnp.import_array()

cdef enum:
    CHUNK = 16384  # numbers


cdef struct DropoutJob:
    const void* x
    const unsigned char* mask
    void* y
    Py_ssize_t n
    double scale


cdef void dropout_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Where the dropout mask is 1, x / (1 - rate); where it is 0, 0."""
    cdef const DropoutJob* job = <const DropoutJob*>context
    cdef Py_ssize_t first = chunk * CHUNK
    cdef const real* x = <const real*>job.x + first
    cdef const unsigned char* mask = job.mask + first
    cdef real* y = <real*>job.y + first
    cdef real scale = <real>job.scale
    cdef Py_ssize_t i
    for i in range(min(<Py_ssize_t>CHUNK, job.n - first)):
        y[i] = x[i] * scale if mask[i] else <real>0.0


cdef cnp.ndarray dropped(cnp.ndarray x, cnp.ndarray mask, double rate):
    """x / (1 - rate) where the mask is 1, else 0; both arrays are contiguous and of one shape."""
    cdef cnp.ndarray y = new_like(x)
    cdef DropoutJob job
    job.x, job.y, job.n = data(x), data(y), size(x)
    job.mask = <const unsigned char*>data(mask)
    job.scale = 1 / (1 - rate)
    cdef Stage stage = typed_stage(
        cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT, dropout_task[float], dropout_task[double],
        (job.n + CHUNK - 1) // CHUNK, &job, sizeof(job),
    )
    run_with_gil(&stage, 1, job.n)
    return y


def dropout_forward(x, dropout_mask, rate):
    """Twin of reference.dropout.dropout_forward. The dropout mask is read as it is: a byte each."""
    cdef cnp.ndarray xs = as_real(x, real_type(x))
    cdef cnp.ndarray mask = as_type(dropout_mask, cnp.NPY_BOOL)
    if not same_shape(mask, xs):
        mask = as_type(np.broadcast_to(mask, x.shape), cnp.NPY_BOOL)
    return dropped(xs, mask, rate), (mask, rate)


def dropout_backward(dy, cache):
    """Twin of reference.dropout.dropout_backward. As forward."""
    dropout_mask, rate = cache
    cdef cnp.ndarray dys = as_real(dy, real_type(dy))
    cdef cnp.ndarray mask = as_type(dropout_mask, cnp.NPY_BOOL)
    if not same_shape(dys, mask):
        check_cotangent("dropout_backward", dy.shape, (<object>mask).shape)
    return dropped(dys, mask, rate)
