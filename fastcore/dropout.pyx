"""Twin of reference/dropout.py: one walk over the numbers and a byte for each of them."""

import numpy as np

cimport numpy as cnp

from .kernels.arrays cimport as_real, as_type, data, new_like, real, real_type, same_shape, size
from .kernels.threads cimport is_parallel, run_chunks

from ..reference._shapes import check_cotangent

cnp.import_array()

cdef enum:
    CHUNK = 16384  # numbers


cdef struct Job:
    const void* x
    const unsigned char* kept
    void* y
    Py_ssize_t n
    double scale
    bint single


cdef void keep(
    Py_ssize_t n, const real* x, const unsigned char* kept, real scale, real* y,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * scale if kept[i] else <real>0.0


cdef void keep_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Job* job = <const Job*>context
    cdef Py_ssize_t first = chunk * CHUNK
    cdef Py_ssize_t n = min(<Py_ssize_t>CHUNK, job.n - first)
    if job.single:
        keep[float](
            n, <const float*>job.x + first, job.kept + first, <float>job.scale,
            <float*>job.y + first,
        )
    else:
        keep[double](
            n, <const double*>job.x + first, job.kept + first, job.scale,
            <double*>job.y + first,
        )


cdef cnp.ndarray dropped(cnp.ndarray x, cnp.ndarray kept, double rate):
    """x / (1 - rate) where kept, else 0; both arrays are contiguous and of one shape."""
    cdef cnp.ndarray y = new_like(x)
    cdef Job job
    job.x, job.y, job.n = data(x), data(y), size(x)
    job.kept = <const unsigned char*>data(kept)
    job.scale = 1 / (1 - rate)
    job.single = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT
    cdef Py_ssize_t chunks = (job.n + CHUNK - 1) // CHUNK
    cdef Py_ssize_t chunk
    if is_parallel(job.n):
        with nogil:
            run_chunks(keep_chunk, chunks, &job, job.n)
    else:
        for chunk in range(chunks):
            keep_chunk(chunk, &job)
    return y


def dropout_forward(x, kept, rate):
    """Twin of reference.dropout.dropout_forward. kept is read as it is: a byte each."""
    cdef cnp.ndarray xs = as_real(x, real_type(x))
    cdef cnp.ndarray mask = as_type(kept, cnp.NPY_BOOL)
    if not same_shape(mask, xs):
        mask = as_type(np.broadcast_to(mask, x.shape), cnp.NPY_BOOL)
    return dropped(xs, mask, rate), (mask, rate)


def dropout_backward(dy, cache):
    """Twin of reference.dropout.dropout_backward. As forward."""
    kept, rate = cache
    cdef cnp.ndarray dys = as_real(dy, real_type(dy))
    cdef cnp.ndarray mask = as_type(kept, cnp.NPY_BOOL)
    if not same_shape(dys, mask):
        check_cotangent("dropout_backward", dy.shape, kept.shape)
    return dropped(dys, mask, rate)
