"""Cross-entropies, compiled: the twin of reference/crossentropy.py.

The sums over entries are run by kernels/loss_rows.pyx as in losses.pyx. The categorical ones work
on blocks of whole rows: maxima by row, exponentials over the flat block (vectorised also for three
classes), sums by row, logarithms over the rows.
"""

cimport numpy as cnp
from libc.math cimport pow

from .kernels.arrays cimport (
    as_real, as_size, as_type, data, dim, new_like, rank, real, real_type, size,
)
from .kernels.threads cimport refuse_plan, run_chunks, task32_t, task64_t
from .kernels.vector_math cimport (
    largest_of, vexp_raised, vlog, vlog1p, vlog_lowered, vsigmoid, vsoftplus,
)
from .kernels.loss_rows cimport (
    BLOCK,
    LossJob,
    affine,
    back,
    clip,
    cotangents_of,
    dot_of,
    end_row,
    entries32_t,
    entries64_t,
    entry_losses,
    entry_slopes,
    first_row,
    is_clipped,
    labels_of,
    new_column,
    new_loss,
    predictions_of,
    run,
    set_up,
    sum_entries,
    sum_of,
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


cdef inline real log_loss(real y, real p) noexcept nogil:
    """Cross-entropy of a label y and a probability p."""
    return -(y * vlog(p) + (1 - y) * vlog1p(-p))


cdef inline real log_loss_slope(real y, real q, double epsilon) noexcept nogil:
    cdef real p = clip(q, epsilon)
    cdef real slope = (p - y) / (p * (1 - p))
    return <real>0 if is_clipped(q, epsilon) else slope


cdef void _binary(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = log_loss(y[i], clip(p[i], o[0]))


cdef void _binary_slope(
    const real* y, const real* p, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = log_loss_slope(y[i], p[i], o[0])


cdef void _binary_of_logits(
    const real* y, const real* z, real* out, Py_ssize_t n, const double* o
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = vsoftplus(z[i]) - z[i] * y[i]


cdef void _binary_of_logits_slope(
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
    cdef entries32_t f32 = _binary_of_logits[float] if from_logits else _binary[float]
    cdef entries64_t f64 = _binary_of_logits[double] if from_logits else _binary[double]
    cdef double smoothing = label_smoothing
    y = affine(y, 1 - smoothing, smoothing / 2)
    loss = entry_losses(y, p, f32, f64, True, 20, epsilon)
    return loss, (back(y, axis), back(p, axis), from_logits, axis, epsilon)


def binary_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.binary_crossentropy_backward."""
    y_true, y_pred, from_logits, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, y_pred, axis)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef entries32_t f32 = _binary_of_logits_slope[float] if from_logits else _binary_slope[float]
    cdef entries64_t f64 = _binary_of_logits_slope[double] if from_logits else _binary_slope[double]
    return back(entry_slopes(dloss, y, p, f32, f64, True, 10, epsilon), axis)


# ---- rows of classes ----

cdef void softmax_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Softmax + cross-entropy fusion: q = softmax(z), and the loss of labels y or class numbers k.

    loss = -sum_k y_k log(q_k) = (sum_k y_k) logsumexp(z) - sum_k y_k z_k, the log-sum-exp being
    taken of z - max(z).
    """
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef real sums[BLOCK]
    cdef real label_sum[BLOCK]
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
                label_sum[i] = sum_of(y, width)
            else:
                loss[i] = -q[i * width + max(0, job.k[row + i])]
                label_sum[i] = 1
        for j in range(n * width):
            q[j] = vexp_raised(q[j])
        for i in range(n):
            sums[i] = sum_of(<const real*>q + i * width, width)
            for j in range(i * width, (i + 1) * width):
                q[j] /= sums[i]
        for i in range(n):
            loss[i] += label_sum[i] * vlog_lowered(sums[i])  # log-sum-exp
        if job.k != NULL:
            for i in range(n):
                loss[i] = 0 if job.k[row + i] < 0 else loss[i]
        row += n


cdef void normalize_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """q = p / sum_k p_k"""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* p
    cdef real* q
    cdef real sum
    for row in range(first, last):
        p = <const real*>job.p + row * width
        q = <real*>job.q + row * width
        sum = sum_of(p, width)
        (<real*>job.sums)[row] = sum
        for j in range(width):
            q[j] = p[j] / sum


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The loss of y and q, summed over the entries."""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t start = first * job.width
    sum_entries(
        <const real*>job.y + start,
        <const real*>job.q + start,
        <real*>job.loss + first,
        last - first,
        job,
    )


cdef void softmax_sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    softmax_task(chunk, context, like)
    sum_task(chunk, context, like)


cdef void normalize_sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    normalize_task(chunk, context, like)
    sum_task(chunk, context, like)


cdef void normalize_pick_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """normalize_task, then the loss -log(q_k) of the class numbers k."""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef real* loss = <real*>job.loss
    cdef Py_ssize_t row
    normalize_task(chunk, context, like)
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


cdef void softmax_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Gradient of softmax + cross-entropy: dz = dloss (q sum_i y_i - y)"""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef const real* q
    cdef real* out
    cdef real dloss, label_sum
    for row in range(first, last):
        y = <const real*>job.y + row * width
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        label_sum = sum_of(y, width)
        for j in range(width):
            out[j] = dloss * (q[j] * label_sum - y[j])


cdef void normalize_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dp = dloss (sum_i u_i - u / q) / sum_k p_k, u = y where q is not clipped, else 0"""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
    cdef Py_ssize_t width = job.width
    cdef Py_ssize_t row, j
    cdef const real* y
    cdef const real* q
    cdef real* out
    cdef real dloss, sum, label_sum
    for row in range(first, last):
        y = <const real*>job.y + row * width
        q = <const real*>job.q + row * width
        out = <real*>job.out + row * width
        dloss = (<const real*>job.dloss)[row]
        sum = (<const real*>job.sums)[row]
        for j in range(width):
            out[j] = 0 if is_clipped(q[j], job.o[0]) else y[j]
        label_sum = sum_of(<const real*>out, width)
        for j in range(width):
            out[j] = dloss * ((label_sum - out[j] / clip(q[j], job.o[0])) / sum)


cdef void number_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The same two for class numbers: only the entry of the label differs from the others."""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
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
        elif job.sums == NULL:
            for j in range(width):
                out[j] = dloss * q[j]
            out[k] = dloss * (q[k] - 1)
        else:
            scale = 0 if is_clipped(q[k], job.o[0]) else <real>1
            scale = scale / (<const real*>job.sums)[row]
            for j in range(width):
                out[j] = dloss * scale
            out[k] = dloss * scale * (1 - 1 / clip(q[k], job.o[0]))


cdef tuple _losses_of_classes(
    LossJob* job, cnp.ndarray p, bint from_logits, int axis,
    task32_t a32, task64_t a64, task32_t b32, task64_t b64,
):
    """Run the kernels a (logits) or b (probabilities): loss, q and sums as the cache has them."""
    cdef cnp.ndarray loss = new_loss(p)
    cdef cnp.ndarray q = new_like(p)
    cdef cnp.ndarray sums = None
    job.p, job.q, job.loss = data(p), data(q), data(loss)
    job.divisor = 1
    set_up(job, p)
    if not from_logits:
        a32, a64 = b32, b64
        sums = new_column(p, cnp.PyArray_TYPE(p))
        job.sums = data(sums)
    with nogil:
        run(job, a32, a64, 20)
    return loss, back(q, axis), None if sums is None else back(sums, axis)


cdef object _slopes_of_classes(
    LossJob* job, object dloss, object q, object sums, int axis,
    task32_t a32, task64_t a64, task32_t b32, task64_t b64,
):
    """Run the kernels a (sums is None: logits) or b (probabilities): the gradient."""
    cdef cnp.ndarray q_rows = predictions_of(q, axis)
    cdef cnp.ndarray sum_rows = None
    if sums is not None:
        sum_rows = as_real(predictions_of(sums, axis), real_type(q_rows))
        if size(sum_rows) * dim(q_rows, rank(q_rows) - 1) != size(q_rows):
            raise ValueError(
                "the cache is not one of the forward function: it holds sums of shape "
                f"{(<object>sum_rows).shape} for predictions of shape {(<object>q_rows).shape}"
            )
    cdef cnp.ndarray d = cotangents_of(dloss, q_rows)
    cdef cnp.ndarray out = new_like(q_rows)
    job.q, job.dloss, job.out, job.sums = data(q_rows), data(d), data(out), NULL
    set_up(job, q_rows)
    if sums is not None:
        a32, a64 = b32, b64
        job.sums = data(sum_rows)
    with nogil:
        run(job, a32, a64, 3)
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
    cdef LossJob job
    y = affine(y, 1 - smoothing, smoothing / dim(y, rank(y) - 1))
    job.y, job.k = data(y), NULL
    job.f32, job.f64 = _class_entries[float], _class_entries[double]
    job.o[0] = epsilon
    loss, q, sums = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_task[float], softmax_task[double],
        normalize_sum_task[float], normalize_sum_task[double],
    )
    return loss, (back(y, axis), q, sums, axis, epsilon)


def categorical_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.categorical_crossentropy_backward."""
    y_true, q, sums, axis, epsilon = cache
    cdef cnp.ndarray y = labels_of(y_true, q, axis)
    cdef LossJob job
    job.y = data(y)
    job.o[0] = epsilon
    return _slopes_of_classes(
        &job, dloss, q, sums, axis,
        softmax_slopes_task[float], softmax_slopes_task[double],
        normalize_slopes_task[float], normalize_slopes_task[double],
    )


cdef struct Labels:
    const cnp.int64_t* y
    cnp.int64_t* k
    Py_ssize_t n
    Py_ssize_t classes
    bint ignoring
    cnp.int64_t ignored
    bint wrong          # OUT: whether one is no class


cdef void encode_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """k = y, or -1 where it is ignored or no class."""
    cdef Labels* p = <Labels*>context
    cdef Py_ssize_t i
    cdef cnp.int64_t label
    for i in range(p.n):
        label = p.y[i]  # read once: another thread may be writing the caller's array
        if p.ignoring and label == p.ignored:
            label = -1
        elif label < 0 or label >= p.classes:
            label, p.wrong = -1, True
        p.k[i] = label


cdef cnp.ndarray class_numbers(object y_true, object y_pred, object axis, object ignore_class):
    """The labels, all checked, since they are used as addresses; -1 for those to be ignored."""
    cdef cnp.ndarray y = as_type(y_true, cnp.NPY_INT64)
    cdef cnp.ndarray k, p
    cdef Py_ssize_t at = as_size(axis)
    # A number that no label can be leaves out nothing.
    cdef bint ignoring = ignore_class is not None and -(2**63) <= ignore_class < 2**63
    cdef bint good
    cdef cnp.int64_t ignored = ignore_class if ignoring else 0
    cdef int i, ndim
    cdef Labels labels
    real_type(y_pred)
    p = <cnp.ndarray>y_pred
    ndim = cnp.PyArray_NDIM(p)
    good = cnp.PyArray_NDIM(y) == ndim - 1 and at in (-1, ndim - 1) and dim(p, ndim - 1) > 0
    if good:
        for i in range(ndim - 1):
            good = good and dim(y, i) == dim(p, i)
    if not good:
        check_classes(y, y_pred, axis, ignore_class)
    k = new_like(y)
    labels.y, labels.k = <const cnp.int64_t*>data(y), <cnp.int64_t*>data(k)
    labels.n, labels.classes = cnp.PyArray_SIZE(y), dim(p, <int>(at + ndim if at < 0 else at))
    labels.ignoring, labels.ignored, labels.wrong = ignoring, ignored, False
    run_chunks(encode_task, 1, &labels, sizeof(Labels), labels.n)
    if labels.wrong:
        check_classes(y, y_pred, axis, ignore_class)
    return k


def sparse_categorical_crossentropy_forward(
    y_true, y_pred, from_logits=False, ignore_class=None, axis=-1, epsilon=1e-7
):
    """Twin of reference.crossentropy.sparse_categorical_crossentropy_forward.

    The labels are looked up, never made one-hot.
    """
    cdef cnp.ndarray k = class_numbers(y_true, y_pred, axis, ignore_class)
    cdef cnp.ndarray p = predictions_of(y_pred, axis)
    cdef LossJob job
    job.k = <const cnp.int64_t*>data(k)
    job.o[0] = epsilon
    loss, q, sums = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_task[float], softmax_task[double],
        normalize_pick_task[float], normalize_pick_task[double],
    )
    return loss, (y_true, q, sums, ignore_class, axis, epsilon)


def sparse_categorical_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.sparse_categorical_crossentropy_backward.

    The labels are checked again: they belong to the caller, who may have changed them since.
    """
    y_true, q, sums, ignore_class, axis, epsilon = cache
    cdef cnp.ndarray k = class_numbers(y_true, q, axis, ignore_class)
    cdef LossJob job
    job.k = <const cnp.int64_t*>data(k)
    job.o[0] = epsilon
    return _slopes_of_classes(
        &job, dloss, q, sums, axis,
        number_slopes_task[float], number_slopes_task[double],
        number_slopes_task[float], number_slopes_task[double],
    )


# ---- focal: the modulating factor u^gamma, u being the probability of the other answer ----

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
            * power[i] * log_loss(y[i], clip(q[i], o[0]))
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
        b = log_loss(y[i], clip(q[i], o[0]))
        db = log_loss_slope(y[i], q[i], o[0])
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
    cdef entries32_t f32 = _focal_of_logits[float] if from_logits else _focal[float]
    cdef entries64_t f64 = _focal_of_logits[double] if from_logits else _focal[double]
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
    cdef entries32_t f32 = _focal_of_logits_slope[float] if from_logits else _focal_slope[float]
    cdef entries64_t f64 = _focal_of_logits_slope[double] if from_logits else _focal_slope[double]
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


cdef void focal_slopes_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dq by entries, then through the softmax (job.sums is NULL) or the division by the sum."""
    cdef LossJob* job = <LossJob*>context
    cdef Py_ssize_t first = first_row(job, chunk), last = end_row(job, chunk)
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
        if job.sums == NULL:
            for j in range(width):
                out[j] = dloss * ((out[j] - pull) * q[j])
        else:
            for j in range(width):
                out[j] = dloss * ((out[j] - pull) / (<const real*>job.sums)[row])


cdef cnp.ndarray weighted(object y, object alpha, int axis):
    """alpha y, the classes at the end; alpha: one for all, or one for each of the last axis."""
    cdef cnp.ndarray rows
    if isinstance(alpha, (int, float)):
        rows = predictions_of(y, axis)
        return affine(rows, alpha, 0)
    check_alpha(y, alpha)
    refuse_plan("the labels are weighted by NumPy")
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
    cdef LossJob job
    y = affine(y, 1 - smoothing, smoothing / dim(y, rank(y) - 1))
    y_true = back(y, axis)
    w = weighted(y_true, alpha, axis)
    job.y, job.k = data(w), NULL
    job.f32, job.f64 = _class_focal[float], _class_focal[double]
    job.o[0], job.o[1] = epsilon, gamma
    loss, q, sums = _losses_of_classes(
        &job, p, from_logits, axis,
        softmax_sum_task[float], softmax_sum_task[double],
        normalize_sum_task[float], normalize_sum_task[double],
    )
    return loss, (y_true, q, sums, alpha, gamma, axis, epsilon)


def categorical_focal_crossentropy_backward(dloss, cache):
    """Twin of reference.crossentropy.categorical_focal_crossentropy_backward."""
    y, q, sums, alpha, gamma, axis, epsilon = cache
    cdef cnp.ndarray w
    cdef LossJob job
    labels_of(y, q, axis)
    w = weighted(y, alpha, axis)
    job.y = data(w)
    job.o[0], job.o[1] = epsilon, gamma
    return _slopes_of_classes(
        &job, dloss, q, sums, axis,
        focal_slopes_task[float], focal_slopes_task[double],
        focal_slopes_task[float], focal_slopes_task[double],
    )
