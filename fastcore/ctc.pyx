"""Connectionist temporal classification, compiled: the twin of reference/ctc.py.

Two stages, each one loop for the threads: what belongs to a frame (log-sum-exp of its logits, their
softmax) in chunks of rows, and the two recursions, one sample at a time. All positions of the
extended labels move on together, in a plain loop over s that the compiler vectorises.
"""

cimport numpy as cnp
from libc.math cimport INFINITY
from libc.string cimport memcpy

from .kernels.arrays cimport (
    as_real, as_size, as_type, data, dim, new_array, new_like, new_vector, real, real_type, size,
)
from .kernels.loss_rows cimport BLOCK, sum_of
from .kernels.threads cimport Stage, refuse_plan, run_stages, task32_t, task64_t, typed_stage
from .kernels.vector_math cimport largest_of, vexp, vlog, vlog1p

import numpy as np

from ..reference._labels import check_sequences

cnp.import_array()

cdef enum:
    CHUNK = 4096  # logits of a chunk of frames

cdef double LOG_ZERO = -1e5  # for log(0), as in the reference


cdef struct Sequences:
    Py_ssize_t samples, frames, classes, labels
    Py_ssize_t positions              # S = 2L + 1
    Py_ssize_t blank
    const cnp.int64_t* target         # IN (N, L)
    const cnp.int64_t* target_length  # IN (N,)
    const cnp.int64_t* output_length  # IN (N,)
    const void* z                     # IN (N, T, K) logits
    double* log_sum                   # OUT of forward, IN of backward (N, T)
    double* alpha                     # OUT of forward, IN of backward (N, T, S)
    double* log_p                     # OUT of forward, IN of backward (N,)
    void* loss                        # OUT of forward (N,)
    const void* dloss                 # IN of backward (N,)
    void* dz                          # OUT of backward (N, T, K)
    double* work                      # (N, 3, S + 2)


# Tier 3.

cdef inline double log_of_three(double a, double b, double c) noexcept nogil:
    """log(e^a + e^b + e^c), with two exponentials; -inf and NaN as in numpy.logaddexp."""
    cdef double low = b if a > b else a
    cdef double high = a if a > b else b
    cdef double middle = c if high > c else high
    cdef double top = high if high > c else c
    cdef double shift = top if top > -INFINITY else 0
    return top + vlog1p(vexp(low - shift) + vexp(middle - shift))


cdef inline Py_ssize_t first_frame(const Sequences* job, Py_ssize_t chunk) noexcept nogil:
    return chunk * max(<Py_ssize_t>1, CHUNK // job.classes)


cdef inline Py_ssize_t end_frame(const Sequences* job, Py_ssize_t chunk) noexcept nogil:
    return min(first_frame(job, chunk + 1), job.samples * job.frames)


# Tier 2: rows of logits.

cdef double sum_of_exp(const real* z, real largest, Py_ssize_t n) noexcept nogil:
    """sum_k exp(z_k - largest)"""
    cdef real values[BLOCK]
    cdef double sum = 0
    cdef Py_ssize_t start = 0, count, k
    while start < n:
        count = min(<Py_ssize_t>BLOCK, n - start)
        for k in range(count):
            values[k] = vexp(z[start + k] - largest)
        sum += sum_of(<const real*>values, count)
        start += count
    return sum


cdef void softmax_row(
    real* dz, const real* z, double log_sum, real dloss, Py_ssize_t n
) noexcept nogil:
    """dz = dloss softmax(z)"""
    cdef Py_ssize_t k
    for k in range(n):
        dz[k] = dloss * vexp(<real>(z[k] - log_sum))


# Tier 2: rows of numbers, one for each position s.

cdef void forward_row(
    double* alpha, const double* since, const double* toll, const double* log_y, Py_ssize_t n
) noexcept nogil:
    """alpha of a frame from `since`, that of the frame before, which begins at s = -2."""
    cdef Py_ssize_t s
    for s in range(n):
        alpha[s] = log_y[s] + log_of_three(since[s + 2], since[s + 1], since[s] + toll[s])


cdef void backward_row(
    double* beta, const double* since, const double* toll, Py_ssize_t n
) noexcept nogil:
    """beta of a frame from `since`, beta + log y of the frame after, which goes on to s = n + 1."""
    cdef Py_ssize_t s
    for s in range(n):
        beta[s] = log_of_three(since[s], since[s + 1], since[s + 2] + toll[s + 2])


cdef void share_row(
    double* gamma, const double* alpha, const double* beta, double log_p, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t s
    for s in range(n):
        gamma[s] = vexp(alpha[s] + beta[s] - log_p)


cdef void toll_row(
    const cnp.int64_t* target, Py_ssize_t labels, double* toll
) noexcept nogil:
    """What the jump from s - 2 to s costs, for s up to 2 labels + 2."""
    cdef Py_ssize_t s
    for s in range(2 * labels + 3):
        toll[s] = -INFINITY
    for s in range(1, labels):
        toll[2 * s + 1] = LOG_ZERO if target[s] == target[s - 1] else 0


cdef void log_y_row(
    const Sequences* job, const cnp.int64_t* target, Py_ssize_t labels, Py_ssize_t frame,
    double* log_y, const real* like,
) noexcept nogil:
    """log y_t(l'_s) of one frame."""
    cdef const real* z = <const real*>job.z + frame * job.classes
    cdef double log_sum = job.log_sum[frame]
    cdef double of_blank = z[job.blank] - log_sum
    cdef Py_ssize_t s
    for s in range(labels):
        log_y[2 * s] = of_blank
        log_y[2 * s + 1] = z[target[s]] - log_sum
    log_y[2 * labels] = of_blank


# Tier 2: tasks.

cdef void log_sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The log-sum-exp of some frames."""
    cdef Sequences* job = <Sequences*>context
    cdef Py_ssize_t classes = job.classes
    cdef const real* z
    cdef real largest
    cdef Py_ssize_t frame
    for frame in range(first_frame(job, chunk), end_frame(job, chunk)):
        z = <const real*>job.z + frame * classes
        largest = largest_of(z, classes)
        job.log_sum[frame] = <double>largest + vlog(sum_of_exp(z, largest, classes))


cdef void forward_task(Py_ssize_t n, void* context, const real* like) noexcept nogil:
    """alpha of all the frames of sample n, and its loss."""
    cdef Sequences* job = <Sequences*>context
    cdef Py_ssize_t labels = job.target_length[n], frames = job.output_length[n]
    cdef Py_ssize_t count = 2 * labels + 1
    cdef const cnp.int64_t* target = job.target + n * job.labels
    cdef double* since = job.work + n * 3 * (job.positions + 2)
    cdef double* log_y = since + job.positions + 2
    cdef double* toll = log_y + job.positions + 2
    cdef double* alpha
    cdef Py_ssize_t t, s
    toll_row(target, labels, toll)
    since[0] = since[1] = -INFINITY
    since[2] = 0
    for s in range(1, count):
        since[s + 2] = LOG_ZERO
    for t in range(job.frames):
        alpha = job.alpha + (n * job.frames + t) * job.positions
        s = 0
        if t < frames:
            log_y_row(job, target, labels, n * job.frames + t, log_y, like)
            forward_row(alpha, since, toll, log_y, count)
            memcpy(since + 2, alpha, count * sizeof(double))
            s = count
        while s < job.positions:
            alpha[s] = LOG_ZERO
            s += 1
    # The last blank or the last label; without labels the row begins with -inf.
    job.log_p[n] = log_of_three(since[count + 1], since[count], -INFINITY)
    (<real*>job.loss)[n] = <real>-job.log_p[n]


cdef void softmax_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dz = dloss y, for some frames; 0 for frames that do not count."""
    cdef Sequences* job = <Sequences*>context
    cdef Py_ssize_t classes = job.classes
    cdef const real* z
    cdef real* dz
    cdef real dloss
    cdef Py_ssize_t frame, n, k
    for frame in range(first_frame(job, chunk), end_frame(job, chunk)):
        z = <const real*>job.z + frame * classes
        dz = <real*>job.dz + frame * classes
        n = frame // job.frames
        if frame - n * job.frames < job.output_length[n]:
            dloss = (<const real*>job.dloss)[n]
            softmax_row(dz, z, job.log_sum[frame], dloss, classes)
        else:
            for k in range(classes):
                dz[k] = 0


cdef void backward_task(Py_ssize_t n, void* context, const real* like) noexcept nogil:
    """beta of the frames of sample n, from the last one; the shares gamma leave its dz."""
    cdef Sequences* job = <Sequences*>context
    cdef Py_ssize_t labels = job.target_length[n], frames = job.output_length[n]
    cdef Py_ssize_t count = 2 * labels + 1
    cdef const cnp.int64_t* target = job.target + n * job.labels
    cdef double* since = job.work + n * 3 * (job.positions + 2)
    cdef double* gamma = since  # needed before `since` is
    cdef double* beta = since + job.positions + 2
    cdef double* toll = beta + job.positions + 2
    cdef double dloss = (<const real*>job.dloss)[n]
    cdef double of_blank
    cdef real* dz
    cdef Py_ssize_t t, s, frame
    toll_row(target, labels, toll)
    for s in range(count):
        beta[s] = 0 if s >= count - 2 else -INFINITY
    for t in range(frames - 1, -1, -1):
        frame = n * job.frames + t
        dz = <real*>job.dz + frame * job.classes
        share_row(gamma, job.alpha + frame * job.positions, beta, job.log_p[n], count)
        of_blank = gamma[2 * labels]
        for s in range(labels):
            of_blank += gamma[2 * s]
            dz[target[s]] -= <real>(dloss * gamma[2 * s + 1])
        dz[job.blank] -= <real>(dloss * of_blank)
        log_y_row(job, target, labels, frame, since, like)
        for s in range(count):
            since[s] += beta[s]
        since[count] = since[count + 1] = -INFINITY
        backward_row(beta, since, toll, count)


# Tier 1.

cdef int set_up(
    Sequences* job, cnp.ndarray target, cnp.ndarray output,
    cnp.ndarray target_length, cnp.ndarray output_length, object mask_index,
) except -1:
    """Check what both directions are given, and note sizes and places."""
    refuse_plan("the labels of sequences are checked first")
    check_sequences(target, output, target_length, output_length, mask_index)
    job.samples, job.frames, job.classes = dim(output, 0), dim(output, 1), dim(output, 2)
    job.labels = dim(target, 1)
    job.positions = 2 * job.labels + 1
    job.blank = as_size(mask_index)
    job.target = <cnp.int64_t*>data(target)
    job.target_length = <cnp.int64_t*>data(target_length)
    job.output_length = <cnp.int64_t*>data(output_length)
    job.z = data(output)
    return 0


cdef void run(
    Sequences* job, int typenum, task32_t frames32, task64_t frames64,
    task32_t samples32, task64_t samples64,
) noexcept:
    """Two stages: all the frames, then all the samples."""
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef Py_ssize_t rows = job.samples * job.frames
    cdef Py_ssize_t each = max(<Py_ssize_t>1, CHUNK // job.classes)
    cdef Stage[2] stages
    cdef Py_ssize_t chunks = (rows + each - 1) // each
    stages[0] = typed_stage(single, frames32, frames64, chunks, job, sizeof(Sequences))
    stages[1] = typed_stage(single, samples32, samples64, job.samples, job, sizeof(Sequences))
    with nogil:
        run_stages(stages, 2, <double>rows * (12 * job.classes + 60 * job.positions))


cdef cnp.ndarray work_rows(const Sequences* job):
    cdef cnp.npy_intp[3] dims = [job.samples, 3, job.positions + 2]
    return new_array(3, dims, cnp.NPY_DOUBLE)


def ctc_forward(target, output, target_length, output_length, mask_index=0):
    """Twin of reference.ctc.ctc_forward. Two exponentials and a logarithm for each alpha."""
    cdef int typenum = real_type(output)
    cdef cnp.ndarray z = as_real(output, typenum)
    cdef cnp.ndarray labels = as_type(target, cnp.NPY_INT64)
    cdef cnp.ndarray many = as_type(target_length, cnp.NPY_INT64)
    cdef cnp.ndarray lasts = as_type(output_length, cnp.NPY_INT64)
    cdef Sequences job
    set_up(&job, labels, z, many, lasts, mask_index)
    cdef cnp.npy_intp[3] dims = [job.samples, job.frames, job.positions]
    cdef cnp.ndarray log_sum = new_array(2, dims, cnp.NPY_DOUBLE)
    cdef cnp.ndarray alpha = new_array(3, dims, cnp.NPY_DOUBLE)
    cdef cnp.ndarray log_p = new_vector(job.samples, cnp.NPY_DOUBLE)
    cdef cnp.ndarray loss = new_vector(job.samples, typenum)
    cdef cnp.ndarray work = work_rows(&job)
    job.log_sum = <double*>data(log_sum)
    job.alpha = <double*>data(alpha)
    job.log_p = <double*>data(log_p)
    job.loss = data(loss)
    job.work = <double*>data(work)
    run(
        &job, typenum, log_sum_task[float], log_sum_task[double],
        forward_task[float], forward_task[double],
    )
    return loss, (labels, z, many, lasts, mask_index, log_sum, alpha, log_p)


def ctc_backward(dloss, cache):
    """Twin of reference.ctc.ctc_backward. The softmax first, all frames; then the shares."""
    target, output, target_length, output_length, mask_index, log_sum, alpha, log_p = cache
    cdef int typenum = real_type(output)
    cdef cnp.ndarray z = as_real(output, typenum)
    cdef cnp.ndarray labels = as_type(target, cnp.NPY_INT64)
    cdef cnp.ndarray many = as_type(target_length, cnp.NPY_INT64)
    cdef cnp.ndarray lasts = as_type(output_length, cnp.NPY_INT64)
    cdef cnp.ndarray sums = as_real(log_sum, cnp.NPY_DOUBLE)
    cdef cnp.ndarray first = as_real(alpha, cnp.NPY_DOUBLE)
    cdef cnp.ndarray total = as_real(log_p, cnp.NPY_DOUBLE)
    cdef cnp.ndarray d = as_real(dloss, typenum)
    cdef Sequences job
    set_up(&job, labels, z, many, lasts, mask_index)
    if (
        size(sums) != job.samples * job.frames
        or size(first) != size(sums) * job.positions
        or size(total) != job.samples
    ):
        raise ValueError(
            "the cache is not one of the forward function: beside output of shape "
            f"{np.shape(output)} it holds arrays of shapes {np.shape(log_sum)}, {np.shape(alpha)} "
            f"and {np.shape(log_p)}"
        )
    if size(d) != job.samples:
        raise ValueError(f"dloss has {size(d)} numbers for {job.samples} samples")
    cdef cnp.ndarray dz = new_like(z)
    cdef cnp.ndarray work = work_rows(&job)
    job.log_sum = <double*>data(sums)
    job.alpha = <double*>data(first)
    job.log_p = <double*>data(total)
    job.dloss, job.dz = data(d), data(dz)
    job.work = <double*>data(work)
    run(
        &job, typenum, softmax_task[float], softmax_task[double],
        backward_task[float], backward_task[double],
    )
    return dz
