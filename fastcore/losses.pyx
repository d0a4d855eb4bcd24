"""Losses of regression and of margins, compiled: the twin of reference/losses.py.

Most are two functions of entries, the value and the slope, which loss_rows.pyx runs over blocks.
No array of errors is stored: the cache holds the inputs themselves, and nothing is copied.
"""

cimport numpy as cnp
from libc.math cimport INFINITY, sqrt

from .kernels.arrays cimport (
    as_real, as_type, data, dim, new_array, new_like, rank, real, real_type, size,
)
from .kernels.threads cimport refuse_plan, run_typed
from .kernels.vector_math cimport vabs, vlog, vlog1p, vsoftplus, vtanh
from .kernels.loss_rows cimport (
    BLOCK,
    LossJob,
    affine,
    back,
    cotangents_of,
    dot_of,
    end_row,
    entry_losses,
    entry_slopes,
    first_row,
    labels_of,
    new_column,
    new_loss,
    predictions_of,
    run,
    set_up,
    sum_of,
)

import numpy as np


cnp.import_array()


cdef inline real sign(real e) noexcept nogil:
    """1, -1, or e itself where it is 0 or NaN."""
    return <real>1 if e > 0 else (<real>-1 if e < 0 else e)


cdef inline real at_least(real x, real low) noexcept nogil:
    """max(x, low); NaN stays."""
    return low if x < low else x


cdef void _square(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = (p[i] - y[i]) * (p[i] - y[i])


cdef void _square_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = 2 * (p[i] - y[i])


def mean_squared_error_forward(y_true, y_pred):
    """Twin of reference.losses.mean_squared_error_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _square[float], _square[double], True, 1), (y, p)


def mean_squared_error_backward(dloss, cache):
    """Twin of reference.losses.mean_squared_error_backward."""
    cdef cnp.ndarray y, p
    y, p = cache
    return entry_slopes(dloss, y, p, _square_slope[float], _square_slope[double], True, 1)


cdef void _size(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vabs(p[i] - y[i])


cdef void _size_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = sign(p[i] - y[i])


def mean_absolute_error_forward(y_true, y_pred):
    """Twin of reference.losses.mean_absolute_error_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _size[float], _size[double], True, 1), (y, p)


def mean_absolute_error_backward(dloss, cache):
    """Twin of reference.losses.mean_absolute_error_backward."""
    cdef cnp.ndarray y, p
    y, p = cache
    return entry_slopes(dloss, y, p, _size_slope[float], _size_slope[double], True, 1)


cdef void _percent(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = 100 * (vabs(p[i] - y[i]) / at_least(vabs(y[i]), <real>o[0]))


cdef void _percent_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = 100 * sign(p[i] - y[i]) / at_least(vabs(y[i]), <real>o[0])


def mean_absolute_percentage_error_forward(y_true, y_pred, epsilon=1e-7):
    """Twin of reference.losses.mean_absolute_percentage_error_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    loss = entry_losses(y, p, _percent[float], _percent[double], True, 2, epsilon)
    return loss, (y, p, epsilon)


def mean_absolute_percentage_error_backward(dloss, cache):
    """Twin of reference.losses.mean_absolute_percentage_error_backward."""
    cdef cnp.ndarray y, p
    y, p, epsilon = cache
    return entry_slopes(
        dloss, y, p, _percent_slope[float], _percent_slope[double], True, 2, epsilon
    )


cdef inline real log_error(real y, real p, real epsilon) noexcept nogil:
    return vlog1p(at_least(p, epsilon)) - vlog1p(at_least(y, epsilon))


cdef void _log_square(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real e
    for i in range(n):
        e = log_error(y[i], p[i], <real>o[0])
        out[i] = e * e


cdef void _log_square_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real epsilon = <real>o[0]
    cdef real slope
    for i in range(n):
        slope = 2 * log_error(y[i], p[i], epsilon) / (1 + at_least(p[i], epsilon))
        out[i] = 0 if p[i] < epsilon else slope


def mean_squared_logarithmic_error_forward(y_true, y_pred, epsilon=1e-7):
    """Twin of reference.losses.mean_squared_logarithmic_error_forward.

    The logarithms are taken again in backward, which is faster than to keep them.
    """
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    loss = entry_losses(y, p, _log_square[float], _log_square[double], True, 20, epsilon)
    return loss, (y, p, epsilon)


def mean_squared_logarithmic_error_backward(dloss, cache):
    """Twin of reference.losses.mean_squared_logarithmic_error_backward."""
    cdef cnp.ndarray y, p
    y, p, epsilon = cache
    return entry_slopes(
        dloss, y, p, _log_square_slope[float], _log_square_slope[double], True, 20, epsilon
    )


cdef void _huber(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real delta = <real>o[0]
    cdef real e, near, far
    for i in range(n):
        e = vabs(p[i] - y[i])
        near = e * e / 2
        far = delta * e - delta * delta / 2
        out[i] = near if e <= delta else far


cdef void _huber_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real delta = <real>o[0]
    cdef real e
    for i in range(n):
        e = at_least(p[i] - y[i], -delta)
        out[i] = delta if e > delta else e


def huber_forward(y_true, y_pred, delta=1.0):
    """Twin of reference.losses.huber_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _huber[float], _huber[double], True, 2, delta), (y, p, delta)


def huber_backward(dloss, cache):
    """Twin of reference.losses.huber_backward."""
    cdef cnp.ndarray y, p
    y, p, delta = cache
    return entry_slopes(dloss, y, p, _huber_slope[float], _huber_slope[double], True, 2, delta)


cdef void _log_cosh(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real e
    for i in range(n):
        e = vabs(p[i] - y[i])
        out[i] = e + vsoftplus(-2 * e) - <real>0.6931471805599453


cdef void _log_cosh_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vtanh(p[i] - y[i])


def log_cosh_forward(y_true, y_pred):
    """Twin of reference.losses.log_cosh_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _log_cosh[float], _log_cosh[double], True, 20), (y, p)


def log_cosh_backward(dloss, cache):
    """Twin of reference.losses.log_cosh_backward."""
    cdef cnp.ndarray y, p
    y, p = cache
    return entry_slopes(dloss, y, p, _log_cosh_slope[float], _log_cosh_slope[double], True, 10)


cdef void _poisson(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = p[i] - y[i] * vlog(p[i] + <real>o[0])


cdef void _poisson_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = 1 - y[i] / (p[i] + <real>o[0])


def poisson_forward(y_true, y_pred, epsilon=1e-7):
    """Twin of reference.losses.poisson_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    loss = entry_losses(y, p, _poisson[float], _poisson[double], True, 10, epsilon)
    return loss, (y, p, epsilon)


def poisson_backward(dloss, cache):
    """Twin of reference.losses.poisson_backward."""
    cdef cnp.ndarray y, p
    y, p, epsilon = cache
    return entry_slopes(
        dloss, y, p, _poisson_slope[float], _poisson_slope[double], True, 2, epsilon
    )


cdef struct LabelScan:
    const void* y
    Py_ssize_t n
    bint binary         # OUT whether every label is 0 or 1


cdef void scan_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef LabelScan* scan = <LabelScan*>context
    cdef const real* y = <const real*>scan.y
    cdef Py_ssize_t i
    scan.binary = True
    for i in range(scan.n):
        if y[i] != 0 and y[i] != 1:
            scan.binary = False
            return


cdef cnp.ndarray signs(cnp.ndarray y):
    """Labels for a hinge: 0 and 1 become -1 and 1, if there are no others."""
    cdef LabelScan scan
    refuse_plan("a hinge looks at its labels first")
    scan.y, scan.n = data(y), cnp.PyArray_SIZE(y)
    run_typed(
        cnp.PyArray_TYPE(y) == cnp.NPY_FLOAT, scan_task[float], scan_task[double], 1, &scan,
        sizeof(scan), scan.n,
    )
    return affine(y, 2, -1) if scan.binary else y


cdef void _hinge(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = at_least(1 - y[i] * p[i], 0)


cdef void _hinge_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = -y[i] if 1 - y[i] * p[i] > 0 else <real>0


def hinge_forward(y_true, y_pred):
    """Twin of reference.losses.hinge_forward."""
    cdef cnp.ndarray y = signs(labels_of(y_true, y_pred, -1))
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _hinge[float], _hinge[double], True, 1), (y, p)


def hinge_backward(dloss, cache):
    """Twin of reference.losses.hinge_backward."""
    cdef cnp.ndarray y, p
    y, p = cache
    return entry_slopes(dloss, y, p, _hinge_slope[float], _hinge_slope[double], True, 1)


cdef void _hinge_square(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real gap
    for i in range(n):
        gap = at_least(1 - y[i] * p[i], 0)
        out[i] = gap * gap


cdef void _hinge_square_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = -2 * y[i] * at_least(1 - y[i] * p[i], 0)


def squared_hinge_forward(y_true, y_pred):
    """Twin of reference.losses.squared_hinge_forward."""
    cdef cnp.ndarray y = signs(labels_of(y_true, y_pred, -1))
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    return entry_losses(y, p, _hinge_square[float], _hinge_square[double], True, 1), (y, p)


def squared_hinge_backward(dloss, cache):
    """Twin of reference.losses.squared_hinge_backward."""
    cdef cnp.ndarray y, p
    y, p = cache
    return entry_slopes(
        dloss, y, p, _hinge_square_slope[float], _hinge_square_slope[double], True, 1
    )


cdef void categorical_hinge_losses_task(
    Py_ssize_t chunk, void* context, const real* like
) noexcept nogil:
    """gap = 1 + (score of the runner-up, the best of the wrong classes) - (of the right one)"""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j, runner_up
    cdef const real* y
    cdef const real* p
    cdef real wrong, worst, gap
    for row in range(first, last):
        y = <const real*>job.y + row * width
        p = <const real*>job.p + row * width
        runner_up = 0
        worst = (1 - y[0]) * p[0]
        for j in range(1, width):
            if worst != worst:
                break  # the first NaN is the maximum, as for NumPy; ties go to the first maximum
            wrong = (1 - y[j]) * p[j]
            if not wrong <= worst:
                worst = wrong
                runner_up = j
        gap = 1 + worst - dot_of(y, p, width)
        job.runner_up[row] = runner_up
        (<real*>job.gap)[row] = gap
        (<real*>job.loss)[row] = at_least(gap, 0)


cdef void categorical_hinge_slopes_task(
    Py_ssize_t chunk, void* context, const real* like
) noexcept nogil:
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef real* out
    cdef real open
    for row in range(first, last):
        y = <const real*>job.y + row * width
        out = <real*>job.out + row * width
        open = (<const real*>job.dloss)[row] if (<real*>job.gap)[row] > 0 else <real>0
        for j in range(width):
            out[j] = -open * y[j]
        out[job.runner_up[row]] += open * (1 - y[job.runner_up[row]])


def categorical_hinge_forward(y_true, y_pred):
    """Twin of reference.losses.categorical_hinge_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    cdef cnp.ndarray loss = new_loss(p)
    cdef cnp.ndarray runner_up = new_column(p, cnp.NPY_INTP)
    cdef cnp.ndarray gap = new_column(p, cnp.PyArray_TYPE(p))
    cdef LossJob job
    set_up(&job, p)
    job.y, job.p, job.loss, job.gap = data(y), data(p), data(loss), data(gap)
    job.runner_up = <Py_ssize_t*>data(runner_up)
    with nogil:
        run(&job, categorical_hinge_losses_task[float], categorical_hinge_losses_task[double], 3)
    return loss, (y, runner_up, gap)


def categorical_hinge_backward(dloss, cache):
    """Twin of reference.losses.categorical_hinge_backward."""
    cdef cnp.ndarray y, runner_up, gap, d, out
    cdef Py_ssize_t width
    cdef LossJob job
    labels, runner_up, gap = cache
    y = as_real(labels, real_type(labels))
    gap = as_real(gap, real_type(y))
    runner_up = as_type(runner_up, cnp.NPY_INTP)
    width = dim(y, rank(y) - 1) if rank(y) else 0
    if (
        size(gap) * width != size(y) or size(runner_up) != size(gap)
        or (size(runner_up) and not 0 <= np.min(runner_up) <= np.max(runner_up) < width)
    ):
        raise ValueError("categorical_hinge_backward: the cache is not one of its forward function")
    d = cotangents_of(dloss, y)
    out = new_like(y)
    set_up(&job, y)
    job.y, job.gap, job.dloss, job.out = data(y), data(gap), data(d), data(out)
    job.runner_up = <Py_ssize_t*>data(runner_up)
    with nogil:
        run(&job, categorical_hinge_slopes_task[float], categorical_hinge_slopes_task[double], 1)
    return out


cdef inline real length_of(const real* v, Py_ssize_t width, double epsilon) noexcept nogil:
    return at_least(<real>sqrt(dot_of(v, v, width)), <real>epsilon)


cdef void cosine_losses_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row
    cdef const real* y
    cdef const real* p
    for row in range(first, last):
        y = <const real*>job.y + row * width
        p = <const real*>job.p + row * width
        (<real*>job.loss)[row] = -(
            dot_of(y, p, width) / length_of(y, width, job.o[0]) / length_of(p, width, job.o[0])
        )


cdef void cosine_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef const real* p
    cdef real* out
    cdef real share, length, length_true, pull
    for row in range(first, last):
        y = <const real*>job.y + row * width
        p = <const real*>job.p + row * width
        out = <real*>job.out + row * width
        length = length_of(p, width, job.o[0])
        length_true = length_of(y, width, job.o[0])
        pull = dot_of(y, p, width) / length_true / length / length
        if length <= <real>job.o[0]:
            pull = 0  # the length is a constant there
        share = -(<const real*>job.dloss)[row] / length
        for j in range(width):
            out[j] = share * (y[j] / length_true - p[j] * pull)


def cosine_similarity_forward(y_true, y_pred, axis=-1, epsilon=1e-7):
    """Twin of reference.losses.cosine_similarity_forward. Three dot products a row."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef cnp.ndarray loss = new_loss(p)
    cdef LossJob job
    set_up(&job, p)
    job.y, job.p, job.loss = data(y), data(p), data(loss)
    job.o[0] = epsilon
    with nogil:
        run(&job, cosine_losses_task[float], cosine_losses_task[double], 3)
    return loss, (back(y, axis), back(p, axis), axis, epsilon)


def cosine_similarity_backward(dloss, cache):
    """Twin of reference.losses.cosine_similarity_backward."""
    y_true, y_pred, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef cnp.ndarray d = cotangents_of(dloss, p)
    cdef cnp.ndarray out = new_like(p)
    cdef LossJob job
    set_up(&job, p)
    job.y, job.p, job.dloss, job.out = data(y), data(p), data(d), data(out)
    job.o[0] = epsilon
    with nogil:
        run(&job, cosine_slopes_task[float], cosine_slopes_task[double], 6)
    return back(out, axis)


cdef real total_of(const real* v, Py_ssize_t n) noexcept nogil:
    """sum_i v[i]; sums of blocks are added in double precision."""
    cdef double s = 0
    cdef Py_ssize_t start = 0
    while start < n:
        s += sum_of(v + start, min(BLOCK, n - start))
        start += BLOCK
    return <real>s


cdef struct ScaledSum:
    const void* losses
    void* loss          # OUT of forward, IN of backward: dloss
    void* out           # OUT of backward
    Py_ssize_t n
    double divisor      # of an empty sum infinity, not 0


cdef void scaled_sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const ScaledSum* job = <const ScaledSum*>context
    (<real*>job.loss)[0] = total_of(<const real*>job.losses, job.n) / <real>job.divisor


cdef void scaled_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const ScaledSum* job = <const ScaledSum*>context
    cdef real slope = (<const real*>job.loss)[0] / <real>job.divisor
    cdef real* out = <real*>job.out
    cdef Py_ssize_t i
    for i in range(job.n):
        out[i] = slope


def scaled_sum_forward(losses, divisor):
    """Twin of reference.losses.scaled_sum_forward. In 16 lanes."""
    cdef cnp.ndarray values = as_real(losses, real_type(losses))
    cdef cnp.ndarray loss = new_array(0, NULL, cnp.PyArray_TYPE(values))
    cdef ScaledSum job
    job.losses, job.loss, job.n = data(values), data(loss), size(values)
    job.divisor = divisor or INFINITY
    run_typed(
        cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT, scaled_sum_task[float],
        scaled_sum_task[double], 1, &job, sizeof(ScaledSum), job.n,
    )
    return loss, (values, divisor)


def scaled_sum_backward(dloss, cache):
    """Twin of reference.losses.scaled_sum_backward."""
    losses, divisor = cache
    cdef cnp.ndarray values = as_real(losses, real_type(losses))
    cdef cnp.ndarray d = as_type(dloss, cnp.PyArray_TYPE(values))
    cdef cnp.ndarray out = new_like(values)
    cdef ScaledSum job
    if size(d) != 1:
        raise ValueError(f"dloss has shape {(<object>d).shape}; the loss is a single number")
    job.loss, job.out, job.n = data(d), data(out), size(values)
    job.divisor = divisor or INFINITY
    run_typed(
        cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT, scaled_slopes_task[float],
        scaled_slopes_task[double], 1, &job, sizeof(ScaledSum), job.n,
    )
    return out
