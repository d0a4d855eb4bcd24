"""Cross-entropies, compiled: the twin of reference/crossentropy.py.

The sums over entries are run by kernels/loss_rows.pyx as in losses.pyx. The categorical ones work
on blocks of whole rows: maxima by row, exponentials over the flat block (vectorised also for three
classes), sums by row, logarithms over the rows.
"""

cimport numpy as cnp
from libc.math cimport INFINITY, pow

from .kernels.arrays cimport as_real, as_type, data, dim, new_like, rank, real, real_type, size
from .kernels.vector_math cimport vexp, vlog, vlog1p, vsigmoid, vsoftplus
from .kernels.loss_rows cimport (
    BLOCK,
    Job,
    affine,
    back,
    clip,
    cotangents_of,
    dot_of,
    entries32,
    entries64,
    entry_losses,
    entry_slopes,
    is_clipped,
    labels_of,
    new_column,
    new_loss,
    predictions_of,
    rows32,
    rows64,
    run,
    set_up,
    sum_entries,
    total_of,
)

import numpy as np

from ..reference._labels import check_alpha, check_classes

cnp.import_array()


# ---- entries ----

cdef inline real within(real x, real low) noexcept nogil:
    """x clipped to [low, 1]; NaN stays."""
    x = low if x < low else x
    return <real>1 if x > 1 else x


cdef void _divergence(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t
    for i in range(n):
        t = within(y[i], <real>o[0])
        out[i] = t * vlog(t / within(p[i], <real>o[0]))


cdef void _divergence_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real epsilon = <real>o[0]
    cdef real slope
    for i in range(n):
        slope = -within(y[i], epsilon) / within(p[i], epsilon)
        out[i] = 0 if (p[i] < epsilon) | (p[i] > 1) else slope


def kl_divergence_forward(y_true, y_pred, epsilon=1e-7):
    """Twin of reference.crossentropy.kl_divergence_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, -1)
    cdef cnp.ndarray p = predictions_of(y_pred, -1)
    loss = entry_losses(y, p, _divergence[float], _divergence[double], False, 12, epsilon)
    return loss, (y, p, epsilon)


def kl_divergence_backward(dloss, cache):
    """Twin of reference.crossentropy.kl_divergence_backward."""
    cdef cnp.ndarray y, p
    y, p, epsilon = cache
    return entry_slopes(
        dloss, y, p, _divergence_slope[float], _divergence_slope[double], False, 2, epsilon
    )


cdef inline real surprise(real y, real p) noexcept nogil:
    return -(y * vlog(p) + (1 - y) * vlog1p(-p))


cdef inline real surprise_slope(real y, real q, double epsilon) noexcept nogil:
    cdef real p = clip(q, epsilon)
    cdef real slope = (p - y) / (p * (1 - p))
    return <real>0 if is_clipped(q, epsilon) else slope


cdef void _bits(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = surprise(y[i], clip(p[i], o[0]))


cdef void _bits_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = surprise_slope(y[i], p[i], o[0])


cdef void _bits_of_logits(
    const real* y, const real* z, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vsoftplus(z[i]) - z[i] * y[i]


cdef void _bits_of_logits_slope(
    const real* y, const real* z, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vsigmoid(z[i]) - y[i]


def binary_crossentropy_forward(
    y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1, epsilon=1e-7
):
    """Twin of reference.crossentropy.binary_crossentropy_forward.

    With logits, sigmoid and logarithm are one pass, and backward needs nothing but the inputs.
    """
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef entries32 f32 = _bits_of_logits[float] if from_logits else _bits[float]
    cdef entries64 f64 = _bits_of_logits[double] if from_logits else _bits[double]
    cdef double smoothing = label_smoothing
    y = affine(y, 1 - smoothing, smoothing / 2)
    loss = entry_losses(y, p, f32, f64, True, 20, epsilon)
    return loss, (back(y, axis), back(p, axis), from_logits, axis, epsilon)


def binary_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.binary_crossentropy_backward."""
    y_true, y_pred, from_logits, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef entries32 f32 = _bits_of_logits_slope[float] if from_logits else _bits_slope[float]
    cdef entries64 f64 = _bits_of_logits_slope[double] if from_logits else _bits_slope[double]
    return back(entry_slopes(dloss, y, p, f32, f64, True, 10, epsilon), axis)


# ---- rows of classes ----

cdef inline real largest_of(const real* v, Py_ssize_t n) noexcept nogil:
    """max_i v[i], in 16 lanes; NaN is passed over (the softmax of its row is NaN all the same)."""
    cdef real lanes[16]
    cdef real m = <real>-INFINITY
    cdef Py_ssize_t i, k
    cdef Py_ssize_t whole = n - n % 16
    if whole:
        for k in range(16):
            lanes[k] = m
        for i in range(0, whole, 16):
            for k in range(16):
                lanes[k] = v[i + k] if v[i + k] > lanes[k] else lanes[k]
        for k in range(16):
            m = lanes[k] if lanes[k] > m else m
    for i in range(whole, n):
        m = v[i] if v[i] > m else m
    return m


cdef void softmax_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """q = softmax(z), and the loss -sum_k y_k log(q_k) of labels y, or of the class numbers k."""
    cdef real sums[BLOCK]
    cdef real mass[BLOCK]
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t each = max(1, BLOCK // width)
    cdef Py_ssize_t row = first
    cdef Py_ssize_t n, i, j
    cdef const real* z
    cdef const real* y
    cdef real* q
    cdef real* loss
    cdef real m
    while row < last:
        n = min(each, last - row)
        z = <const real*>job.p + row * width
        q = <real*>job.q + row * width
        loss = <real*>job.loss + row
        for i in range(n):
            m = largest_of(z + i * width, width)
            for j in range(i * width, (i + 1) * width):
                q[j] = z[j] - m
            if job.k == NULL:
                y = <const real*>job.y + (row + i) * width
                loss[i] = -dot_of(y, <const real*>q + i * width, width)
                mass[i] = total_of(y, width)
            else:
                loss[i] = -q[i * width + max(0, job.k[row + i])]
                mass[i] = 1
        for j in range(n * width):
            q[j] = vexp(q[j])
        for i in range(n):
            sums[i] = total_of(<const real*>q + i * width, width)
            for j in range(i * width, (i + 1) * width):
                q[j] /= sums[i]
        for i in range(n):
            loss[i] += mass[i] * vlog(sums[i])
        if job.k != NULL:
            for i in range(n):
                loss[i] = 0 if job.k[row + i] < 0 else loss[i]
        row += n


cdef void share_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """total = sum_k p_k, q = p / total"""
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* p
    cdef real* q
    cdef real total
    for row in range(first, last):
        p = <const real*>job.p + row * width
        q = <real*>job.q + row * width
        total = total_of(p, width)
        (<real*>job.total)[row] = total
        for j in range(width):
            q[j] = p[j] / total


cdef void sum_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """The loss of y and q by entries."""
    cdef Py_ssize_t start = first * job.width
    sum_entries(
        <const real*>job.y + start,
        <const real*>job.q + start,
        <real*>job.loss + first,
        last - first,
        job,
    )


cdef void softmax_sum_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    softmax_rows(first, last, job, like)
    sum_rows(first, last, job, like)


cdef void share_sum_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    share_rows(first, last, job, like)
    sum_rows(first, last, job, like)


cdef void share_pick_rows(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """share_rows, then the loss -log(q_k) of the class numbers k."""
    cdef real* loss = <real*>job.loss
    cdef Py_ssize_t row
    share_rows(first, last, job, like)
    for row in range(first, last):
        loss[row] = (<real*>job.q)[row * job.width + max(0, job.k[row])]
    for row in range(first, last):
        loss[row] = -vlog(clip(loss[row], job.o[0]))
    for row in range(first, last):
        loss[row] = 0 if job.k[row] < 0 else loss[row]


cdef void _class_entries(
    const real* y, const real* q, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = -y[i] * vlog(clip(q[i], o[0]))


cdef void _softmax_slopes(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """dz = dloss (q sum_i y_i - y)"""
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef const real* q
    cdef real* out
    cdef real dloss, mass
    for row in range(first, last):
        y = <const real*>job.y + row * width
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        mass = total_of(y, width)
        for j in range(width):
            out[j] = dloss * (q[j] * mass - y[j])


cdef void _share_slopes(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """dp = dloss (sum_i u_i - u / q) / total, u = y where q is not clipped, else 0"""
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef const real* q
    cdef real* out
    cdef real dloss, total, mass
    for row in range(first, last):
        y = <const real*>job.y + row * width
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        total = (<const real*>job.total)[row]
        for j in range(width):
            out[j] = 0 if is_clipped(q[j], job.o[0]) else y[j]
        mass = total_of(<const real*>out, width)
        for j in range(width):
            out[j] = dloss * ((mass - out[j] / clip(q[j], job.o[0])) / total)


cdef void _number_slopes(Py_ssize_t first, Py_ssize_t last, Job* job, real* like) noexcept nogil:
    """The same two for class numbers: only the entry of the label differs from the others."""
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j, k
    cdef const real* q
    cdef real* out
    cdef real dloss, scale
    for row in range(first, last):
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        k = job.k[row]
        if k < 0:
            for j in range(width):
                out[j] = 0
        elif job.total == NULL:
            for j in range(width):
                out[j] = dloss * q[j]
            out[k] = dloss * (q[k] - 1)
        else:
            scale = 0 if is_clipped(q[k], job.o[0]) else <real>1
            scale = scale / (<const real*>job.total)[row]
            for j in range(width):
                out[j] = dloss * scale
            out[k] = dloss * scale * (1 - 1 / clip(q[k], job.o[0]))


cdef tuple _losses_of_classes(
    Job* job, cnp.ndarray p, bint from_logits, int axis,
    rows32 a32, rows64 a64, rows32 b32, rows64 b64,
):
    """Run the kernels a (logits) or b (probabilities): loss, q and total as the cache has them."""
    cdef cnp.ndarray loss = new_loss(p)
    cdef cnp.ndarray q = new_like(p)
    cdef cnp.ndarray total = None
    job.p, job.q, job.loss = data(p), data(q), data(loss)
    job.divisor = 1
    if from_logits:
        set_up(job, p, a32, a64)
    else:
        set_up(job, p, b32, b64)
        total = new_column(p, cnp.PyArray_TYPE(p))
        job.total = data(total)
    with nogil:
        run(job, 20)
    return loss, back(q, axis), None if total is None else back(total, axis)


cdef object _slopes_of_classes(
    Job* job, object dloss, object q, object total, int axis,
    rows32 a32, rows64 a64, rows32 b32, rows64 b64,
):
    """Run the kernels a (total is None: logits) or b (probabilities): the gradient."""
    cdef cnp.ndarray q_rows = predictions_of(q, axis)
    cdef cnp.ndarray total_rows = None
    if total is not None:
        total_rows = as_real(predictions_of(total, axis), real_type(q_rows))
        if size(total_rows) * dim(q_rows, rank(q_rows) - 1) != size(q_rows):
            raise ValueError(
                "the cache is not one of the forward function: it holds sums of shape "
                f"{(<object>total_rows).shape} for predictions of shape {(<object>q_rows).shape}"
            )
    cdef cnp.ndarray d = cotangents_of(dloss, q_rows)
    cdef cnp.ndarray out = new_like(q_rows)
    job.q, job.dloss, job.out, job.total = data(q_rows), data(d), data(out), NULL
    if total is None:
        set_up(job, q_rows, a32, a64)
    else:
        job.total = data(total_rows)
        set_up(job, q_rows, b32, b64)
    with nogil:
        run(job, 3)
    return back(out, axis)


def categorical_crossentropy_forward(
    y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1, epsilon=1e-7
):
    """Twin of reference.crossentropy.categorical_crossentropy_forward.

    With logits, softmax and loss are one pass: one exponential per entry, one logarithm per row.
    """
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef double smoothing = label_smoothing
    cdef Job job
    y = affine(y, 1 - smoothing, smoothing / dim(y, rank(y) - 1))
    job.y, job.k = data(y), NULL
    job.f32, job.f64 = _class_entries[float], _class_entries[double]
    job.o[0] = epsilon
    loss, q, total = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_rows[float], softmax_rows[double], share_sum_rows[float], share_sum_rows[double],
    )
    return loss, (back(y, axis), q, total, axis, epsilon)


def categorical_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.categorical_crossentropy_backward."""
    y_true, q, total, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, q, axis)
    cdef Job job
    job.y = data(y)
    job.o[0] = epsilon
    return _slopes_of_classes(
        &job, dloss, q, total, axis,
        _softmax_slopes[float], _softmax_slopes[double],
        _share_slopes[float], _share_slopes[double],
    )


cdef bint _encode(
    const cnp.int64_t* y, cnp.int64_t* k, Py_ssize_t n, Py_ssize_t classes,
    bint ignoring, cnp.int64_t ignored,
) noexcept nogil:
    """k = y, or -1 where it is ignored; whether the others are classes."""
    cdef Py_ssize_t i
    cdef cnp.int64_t label
    for i in range(n):
        label = y[i]  # read once: another thread may be writing the caller's array
        if ignoring and label == ignored:
            label = -1
        elif label < 0 or label >= classes:
            return False
        k[i] = label
    return True


cdef cnp.ndarray class_numbers(object y_true, object y_pred, int axis, object ignore_class):
    """The labels, all checked, since they are used as addresses; -1 for those to be ignored."""
    cdef cnp.ndarray y = as_type(y_true, cnp.NPY_INT64)
    cdef cnp.ndarray k, p
    cdef bint ignoring = ignore_class is not None
    cdef bint good
    cdef cnp.int64_t ignored = ignore_class if ignoring else 0
    cdef int i, ndim
    real_type(y_pred)
    p = <cnp.ndarray>y_pred
    ndim = cnp.PyArray_NDIM(p)
    good = cnp.PyArray_NDIM(y) == ndim - 1 and axis in (-1, ndim - 1) and dim(p, ndim - 1) > 0
    if good:
        for i in range(ndim - 1):
            good = good and dim(y, i) == dim(p, i)
    if not good:
        check_classes(y, y_pred, axis, ignore_class)
    k = new_like(y)
    good = _encode(
        <const cnp.int64_t*>data(y), <cnp.int64_t*>data(k), cnp.PyArray_SIZE(y),
        dim(p, axis + ndim if axis < 0 else axis), ignoring, ignored,
    )
    if not good:
        check_classes(y, y_pred, axis, ignore_class)
    return k


def sparse_categorical_crossentropy_forward(
    y_true, y_pred, from_logits=False, ignore_class=None, axis=-1, epsilon=1e-7
):
    """Twin of reference.crossentropy.sparse_categorical_crossentropy_forward.

    The labels are looked up, never spread out into rows of zeros and a one.
    """
    cdef cnp.ndarray k = class_numbers(y_true, y_pred, axis, ignore_class)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef Job job
    job.k = <const cnp.int64_t*>data(k)
    job.o[0] = epsilon
    loss, q, total = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_rows[float], softmax_rows[double], share_pick_rows[float], share_pick_rows[double],
    )
    return loss, (y_true, q, total, ignore_class, axis, epsilon)


def sparse_categorical_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.sparse_categorical_crossentropy_backward.

    The labels are checked again: they belong to the caller, who may have changed them since.
    """
    y_true, q, total, ignore_class, axis, epsilon = cache
    cdef cnp.ndarray k = class_numbers(y_true, q, axis, ignore_class)
    cdef Job job
    job.k = <const cnp.int64_t*>data(k)
    job.o[0] = epsilon
    return _slopes_of_classes(
        &job, dloss, q, total, axis,
        _number_slopes[float], _number_slopes[double],
        _number_slopes[float], _number_slopes[double],
    )


# ---- focal ----

cdef void powers(real* u, real* out, Py_ssize_t n, double exponent) noexcept nogil:
    """out = u^exponent; the common exponents need no pow, which is not vectorised."""
    cdef Py_ssize_t i
    if exponent == 0:
        for i in range(n):
            out[i] = 1
    elif exponent == 1:
        for i in range(n):
            out[i] = u[i]
    elif exponent == 2:
        for i in range(n):
            out[i] = u[i] * u[i]
    else:
        for i in range(n):
            out[i] = <real>pow(u[i], exponent)


cdef void power_slopes(real* u, real* out, Py_ssize_t n, double exponent) noexcept nogil:
    """out = exponent u^(exponent - 1), and 0 for the exponent 0"""
    cdef Py_ssize_t i
    if exponent == 0:
        for i in range(n):
            out[i] = 0
    else:
        powers(u, out, n, exponent - 1)
        for i in range(n):
            out[i] *= <real>exponent


# The options of the binary focal loss: epsilon, gamma, and the weights of the labels 1 and 0.

cdef void _focal(
    const real* y, const real* q, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef real u[BLOCK]
    cdef real power[BLOCK]
    cdef Py_ssize_t i
    for i in range(n):
        u[i] = y[i] * (1 - q[i]) + (1 - y[i]) * q[i]
    powers(u, power, n, o[1])
    for i in range(n):
        out[i] = (
            (y[i] * <real>o[2] + (1 - y[i]) * <real>o[3])
            * power[i] * surprise(y[i], clip(q[i], o[0]))
        )


cdef void _focal_slope(
    const real* y, const real* q, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef real u[BLOCK]
    cdef real power[BLOCK]
    cdef real slope[BLOCK]
    cdef Py_ssize_t i
    cdef real b, db
    for i in range(n):
        u[i] = y[i] * (1 - q[i]) + (1 - y[i]) * q[i]
    powers(u, power, n, o[1])
    power_slopes(u, slope, n, o[1])
    for i in range(n):
        b = surprise(y[i], clip(q[i], o[0]))
        db = surprise_slope(y[i], q[i], o[0])
        out[i] = (y[i] * <real>o[2] + (1 - y[i]) * <real>o[3]) * (
            slope[i] * (1 - 2 * y[i]) * b + power[i] * db
        )


cdef void _focal_of_logits(
    const real* y, const real* z, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vsigmoid(z[i])
    _focal(y, <const real*>out, out, n, o)


cdef void _focal_of_logits_slope(
    const real* y, const real* z, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef real q[BLOCK]
    cdef Py_ssize_t i
    for i in range(n):
        q[i] = out[i] = vsigmoid(z[i])
    _focal_slope(y, <const real*>out, out, n, o)
    for i in range(n):
        out[i] = out[i] * q[i] * (1 - q[i])


def binary_focal_crossentropy_forward(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
    epsilon=1e-7,
):
    """Twin of reference.crossentropy.binary_focal_crossentropy_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef entries32 f32 = _focal_of_logits[float] if from_logits else _focal[float]
    cdef entries64 f64 = _focal_of_logits[double] if from_logits else _focal[double]
    cdef double smoothing = label_smoothing
    cdef double one = alpha if apply_class_balancing else 1
    cdef double zero = 1 - alpha if apply_class_balancing else 1
    y = affine(y, 1 - smoothing, smoothing / 2)
    loss = entry_losses(y, p, f32, f64, True, 40, epsilon, gamma, one, zero)
    balance = alpha if apply_class_balancing else None
    return loss, (back(y, axis), back(p, axis), balance, gamma, from_logits, axis, epsilon)


def binary_focal_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.binary_focal_crossentropy_backward."""
    y_true, y_pred, balance, gamma, from_logits, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef entries32 f32 = _focal_of_logits_slope[float] if from_logits else _focal_slope[float]
    cdef entries64 f64 = _focal_of_logits_slope[double] if from_logits else _focal_slope[double]
    cdef double one = 1 if balance is None else balance
    cdef double zero = 1 if balance is None else 1 - balance
    return back(entry_slopes(dloss, y, p, f32, f64, True, 50, epsilon, gamma, one, zero), axis)


cdef void _class_focal(
    const real* y, const real* q, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef real u[BLOCK]
    cdef Py_ssize_t i
    for i in range(n):
        u[i] = 1 - clip(q[i], o[0])
    powers(u, out, n, o[1])
    for i in range(n):
        out[i] = -out[i] * y[i] * vlog(clip(q[i], o[0]))


cdef void _class_focal_slope(
    const real* y, const real* q, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef real u[BLOCK]
    cdef real power[BLOCK]
    cdef Py_ssize_t i
    cdef real p, slope
    for i in range(n):
        u[i] = 1 - clip(q[i], o[0])
    powers(u, power, n, o[1])
    power_slopes(u, out, n, o[1])
    for i in range(n):
        p = clip(q[i], o[0])
        slope = y[i] * (out[i] * vlog(p) - power[i] / p)
        out[i] = 0 if is_clipped(q[i], o[0]) else slope


cdef void _class_focal_slopes(
    Py_ssize_t first, Py_ssize_t last, Job* job, real* like
) noexcept nogil:
    """dq by entries, then through the softmax (total is NULL) or the division by the total."""
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t start = first * width
    cdef Py_ssize_t row, n, j
    cdef const real* q
    cdef real* out
    cdef real dloss, pull
    while start < last * width:
        n = min(BLOCK, last * width - start)
        _class_focal_slope(
            <const real*>job.y + start, <const real*>job.q + start, <real*>job.out + start, n, job.o
        )
        start += n
    for row in range(first, last):
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        pull = dot_of(q, <const real*>out, width)
        if job.total == NULL:
            for j in range(width):
                out[j] = dloss * ((out[j] - pull) * q[j])
        else:
            for j in range(width):
                out[j] = dloss * ((out[j] - pull) / (<const real*>job.total)[row])


cdef cnp.ndarray weighted(object y, object alpha, int axis):
    """alpha y, the classes at the end; alpha: one for all, or one for each of the last axis."""
    cdef cnp.ndarray rows
    if isinstance(alpha, (int, float)):
        rows = predictions_of(y, axis)
        return affine(rows, alpha, 0)
    check_alpha(y, alpha)
    return predictions_of(y * np.asarray(alpha, dtype=y.dtype), axis)


def categorical_focal_crossentropy_forward(
    y_true,
    y_pred,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
    epsilon=1e-7,
):
    """Twin of reference.crossentropy.categorical_focal_crossentropy_forward."""
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef cnp.ndarray w
    cdef double smoothing = label_smoothing
    cdef Job job
    y = affine(y, 1 - smoothing, smoothing / dim(y, rank(y) - 1))
    y_true = back(y, axis)
    w = weighted(y_true, alpha, axis)
    job.y, job.k = data(w), NULL
    job.f32, job.f64 = _class_focal[float], _class_focal[double]
    job.o[0], job.o[1] = epsilon, gamma
    loss, q, total = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_sum_rows[float], softmax_sum_rows[double],
        share_sum_rows[float], share_sum_rows[double],
    )
    return loss, (y_true, q, total, alpha, gamma, axis, epsilon)


def categorical_focal_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.categorical_focal_crossentropy_backward."""
    y, q, total, alpha, gamma, axis, epsilon = cache
    cdef cnp.ndarray w
    cdef Job job
    labels_of(y, q, axis)
    w = weighted(y, alpha, axis)
    job.y = data(w)
    job.o[0], job.o[1] = epsilon, gamma
    return _slopes_of_classes(
        &job, dloss, q, total, axis,
        _class_focal_slopes[float], _class_focal_slopes[double],
        _class_focal_slopes[float], _class_focal_slopes[double],
    )
