"""Losses row by row: arrays taken as (rows, width), and rows cut into chunks for threads.

A loss of entries, such as the squared error, is a pair of functions on flat blocks, value and
slope: the compiler vectorises them whatever the width, also where it is 1. A block of values is
summed by rows while it is in the cache, and slopes are multiplied by their row's dloss there.
Other losses bring a task of their own, which gets a chunk of rows.
"""

cimport numpy as cnp

from .arrays cimport (
    as_real,
    as_size,
    as_type,
    data,
    dim,
    new_array,
    new_like,
    rank,
    real,
    real_type,
    same_shape,
)
from .threads cimport run_typed, task32_t, task64_t

import numpy as np

from ...reference._labels import check_same_shape

cnp.import_array()


# ---- arrays in and out ----

cdef cnp.ndarray predictions_of(object y_pred, int axis):
    """y_pred as a C-contiguous array with `axis` at the end; the caller has checked the shapes."""
    cdef int typenum = real_type(y_pred)
    if axis != -1 and axis != cnp.PyArray_NDIM(<cnp.ndarray>y_pred) - 1:
        y_pred = np.moveaxis(y_pred, axis, -1)
    return as_real(y_pred, typenum)


cdef cnp.ndarray labels_of(object y_true, object y_pred, object axis):
    """y_true likewise, after a check that it has the shape of y_pred and that `axis` exists."""
    cdef int typenum = real_type(y_pred)
    cdef cnp.ndarray y, p = <cnp.ndarray>y_pred
    cdef int ndim = rank(p)
    cdef Py_ssize_t at = as_size(axis)
    at += ndim if at < 0 else 0
    real_type(y_true)
    y = <cnp.ndarray>y_true
    if not (same_shape(y, p) and 0 <= at < ndim and dim(p, <int>at) > 0):
        check_same_shape(y_true, y_pred, axis)
    if at != ndim - 1:
        y_true = np.moveaxis(y_true, axis, -1)
    return as_real(y_true, typenum)


cdef cnp.ndarray cotangents_of(object dloss, cnp.ndarray p):
    """dloss as an array of one number per row of p, whose rows must not be empty."""
    cdef cnp.ndarray d = as_type(dloss, cnp.PyArray_TYPE(p))
    if rank(p) == 0 or dim(p, rank(p) - 1) == 0:
        raise ValueError(
            "the cache is not one of the forward function: it holds predictions of shape "
            f"{(<object>p).shape}, and a row of them must not be empty"
        )
    if cnp.PyArray_SIZE(d) * dim(p, rank(p) - 1) != cnp.PyArray_SIZE(p):
        raise ValueError(
            f"dloss has {cnp.PyArray_SIZE(d)} numbers; it must have the shape of the loss, "
            f"which is one number for every {dim(p, rank(p) - 1)} of the predictions"
        )
    return d


cdef object back(cnp.ndarray a, int axis):
    """Move the last axis to where it came from."""
    return a if axis == -1 or axis == rank(a) - 1 else np.moveaxis(a, -1, axis)


cdef cnp.ndarray new_loss(cnp.ndarray p):
    """An array for one number per row."""
    return new_array(rank(p) - 1, cnp.PyArray_DIMS(p), cnp.PyArray_TYPE(p))


cdef cnp.ndarray new_column(cnp.ndarray p, int typenum):
    """The same as a column: (..., 1)."""
    cdef cnp.npy_intp dims[64]
    cdef int i, ndim = rank(p)
    for i in range(ndim - 1):
        dims[i] = dim(p, i)
    dims[ndim - 1] = 1
    return new_array(ndim, dims, typenum)


cdef struct AffineMap:
    const void* y
    void* out
    Py_ssize_t n
    double scale
    double shift


cdef void affine_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const AffineMap* a = <const AffineMap*>context
    cdef const real* y = <const real*>a.y
    cdef real* out = <real*>a.out
    cdef real scale = <real>a.scale, shift = <real>a.shift
    cdef Py_ssize_t i
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, a.n)):
        out[i] = y[i] * scale + shift


cdef cnp.ndarray affine(cnp.ndarray y, double scale, double shift):
    """y * scale + shift; y itself where that changes nothing."""
    cdef cnp.ndarray out
    cdef AffineMap a
    if scale == 1 and shift == 0:
        return y
    out = new_like(y)
    a.y, a.out, a.n = data(y), data(out), cnp.PyArray_SIZE(y)
    a.scale, a.shift = scale, shift
    run_typed(
        cnp.PyArray_TYPE(y) == cnp.NPY_FLOAT, affine_task[float], affine_task[double],
        (a.n + CHUNK - 1) // CHUNK, &a, sizeof(a), a.n,
    )
    return out


# ---- chunks ----

cdef void set_up(LossJob* job, cnp.ndarray p) noexcept:
    """Fill in the sizes, from an array (..., width)."""
    job.width = dim(p, rank(p) - 1)
    job.rows = cnp.PyArray_SIZE(p) // job.width
    job.single = cnp.PyArray_TYPE(p) == cnp.NPY_FLOAT


cdef void run(LossJob* job, task32_t task32, task64_t task64, double cost) noexcept nogil:
    """All rows; cost is that of one entry, as run_typed counts."""
    cdef Py_ssize_t each = rows_per_chunk(job)
    run_typed(
        job.single, task32, task64, (job.rows + each - 1) // each, job, sizeof(job[0]),
        cost * job.rows * job.width,
    )


# ---- losses of entries ----

cdef inline void entries(
    const real* y, const real* p, real* out, Py_ssize_t n, LossJob* job
) noexcept nogil:
    if real is float:
        job.f32(y, p, out, n, job.o)
    else:
        job.f64(y, p, out, n, job.o)


cdef void sum_entries(
    const real* y, const real* p, real* loss, Py_ssize_t rows, LossJob* job
) noexcept nogil:
    """loss[row] = sum_j f(y[row, j], p[row, j]) / divisor"""
    cdef real values[BLOCK]
    cdef Py_ssize_t width = job.width
    cdef real divisor = <real>job.divisor
    cdef Py_ssize_t row = 0
    cdef Py_ssize_t start, n, i
    cdef real s
    while row < rows:
        if width == 1:
            n = min(BLOCK, rows - row)
            entries(y + row, p + row, loss + row, n, job)  # the sum of one entry is the entry
            row += n
        elif width <= BLOCK:
            n = min(BLOCK // width, rows - row)
            entries(y + row * width, p + row * width, values, n * width, job)
            for i in range(n):
                loss[row + i] = sum_of(values + i * width, width) / divisor
            row += n
        else:
            s = 0
            start = 0
            while start < width:
                n = min(BLOCK, width - start)
                entries(y + row * width + start, p + row * width + start, values, n, job)
                s += sum_of(<const real*>values, n)
                start += n
            loss[row] = s / divisor
            row += 1


cdef void losses_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    sum_entries(
        <const real*>job.y + first * job.width,
        <const real*>job.p + first * job.width,
        <real*>job.loss + first,
        last - first,
        job,
    )


cdef void slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """out[row, j] = dloss[row] / divisor * f'(y[row, j], p[row, j])"""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef real* out = <real*>job.out
    cdef real divisor = <real>job.divisor
    cdef Py_ssize_t stop = last * width
    cdef Py_ssize_t i = first * width
    cdef Py_ssize_t n, row, j, end
    cdef real share
    while i < stop:
        n = min(BLOCK // width * width if width <= BLOCK else BLOCK, stop - i)
        entries(<const real*>job.y + i, <const real*>job.p + i, out + i, n, job)
        end = i + n
        if width == 1:
            for j in range(i, end):
                out[j] = (<const real*>job.dloss)[j] / divisor * out[j]
        else:
            # A block is whole rows, or a piece of one.
            for row in range(i // width, (end + width - 1) // width):
                share = (<const real*>job.dloss)[row] / divisor
                for j in range(max(i, row * width), min(end, (row + 1) * width)):
                    out[j] = share * out[j]
        i = end


cdef cnp.ndarray entry_losses(
    cnp.ndarray y, cnp.ndarray p, entries32_t f32, entries64_t f64, bint mean, double cost,
    double a=0, double b=0, double c=0, double d=0,
):
    """The loss of every row: sum or mean of f over its entries, f's options being a to d."""
    cdef cnp.ndarray loss = new_loss(p)
    cdef LossJob job
    set_up(&job, p)
    job.f32, job.f64 = f32, f64
    job.o[0], job.o[1], job.o[2], job.o[3] = a, b, c, d
    job.divisor = job.width if mean else 1
    job.y, job.p, job.loss = data(y), data(p), data(loss)
    with nogil:
        run(&job, losses_task[float], losses_task[double], cost)
    return loss


cdef cnp.ndarray entry_slopes(
    object dloss, cnp.ndarray y, cnp.ndarray p, entries32_t f32, entries64_t f64, bint mean,
    double cost, double a=0, double b=0, double c=0, double d=0,
):
    """The gradient of every entry, f being the slope."""
    p = as_real(p, real_type(p))
    y = as_real(y, real_type(p))
    if not same_shape(y, p):
        raise ValueError(
            "the cache is not one of the forward function: it holds labels and predictions of "
            f"shapes {(<object>y).shape} and {(<object>p).shape}"
        )
    cdef cnp.ndarray g = cotangents_of(dloss, p)
    cdef cnp.ndarray out = new_like(p)
    cdef LossJob job
    set_up(&job, p)
    job.f32, job.f64 = f32, f64
    job.o[0], job.o[1], job.o[2], job.o[3] = a, b, c, d
    job.divisor = job.width if mean else 1
    job.y, job.p, job.dloss, job.out = data(y), data(p), data(g), data(out)
    with nogil:
        run(&job, slopes_task[float], slopes_task[double], cost)
    return out
