"""Losses row by row: what losses.pyx and crossentropy.pyx share. See loss_rows.pyx."""

cimport numpy as cnp

from .arrays cimport real
from .threads cimport task32_t, task64_t
from .vector_math cimport vclip

cdef enum:
    BLOCK = 512   # entries at a time: four such blocks of doubles stay in the first-level cache
    CHUNK = 8192  # entries of a chunk

# One loss, entry by entry: out[i] = f(y[i], p[i]) for n entries, o its options.
ctypedef void (*entries32_t)(
    const float* y, const float* p, float* out, Py_ssize_t n, const double* o
) noexcept nogil
ctypedef void (*entries64_t)(
    const double* y, const double* p, double* out, Py_ssize_t n, const double* o
) noexcept nogil

cdef struct LossJob:
    bint single
    entries32_t f32         # of a loss of entries
    entries64_t f64
    double o[4]             # options
    Py_ssize_t rows
    Py_ssize_t width
    double divisor          # of each row's sum: width for a mean, else 1
    const void* y           # IN (rows, width) labels
    const cnp.int64_t* k    # IN (rows,) labels of the sparse loss, negative where ignored
    const void* p           # IN (rows, width) predictions
    const void* dloss       # IN (rows,)
    void* q                 # OUT of forward, IN of backward (rows, width)
    void* sums              # OUT of forward, IN of backward (rows,) sum_k p_k; NULL with logits
    void* gap               # OUT of forward, IN of backward (rows,): the margin that is missing
    void* loss              # OUT (rows,)
    void* out               # OUT (rows, width) gradient
    Py_ssize_t* runner_up   # OUT of forward, IN of backward (rows,): the best of the wrong classes

cdef cnp.ndarray labels_of(object y_true, object y_pred, object axis)
cdef cnp.ndarray predictions_of(object y_pred, int axis)
cdef cnp.ndarray cotangents_of(object dloss, cnp.ndarray p)
cdef object back(cnp.ndarray a, int axis)
cdef cnp.ndarray new_loss(cnp.ndarray p)
cdef cnp.ndarray new_column(cnp.ndarray p, int typenum)
cdef cnp.ndarray affine(cnp.ndarray y, double scale, double shift)
cdef void set_up(LossJob* job, cnp.ndarray p) noexcept
cdef void run(LossJob* job, task32_t task32, task64_t task64, double cost) noexcept nogil
cdef cnp.ndarray entry_losses(
    cnp.ndarray y, cnp.ndarray p, entries32_t f32, entries64_t f64, bint mean, double cost,
    double a=*, double b=*, double c=*, double d=*,
)
cdef cnp.ndarray entry_slopes(
    object dloss, cnp.ndarray y, cnp.ndarray p, entries32_t f32, entries64_t f64, bint mean,
    double cost, double a=*, double b=*, double c=*, double d=*,
)
cdef void sum_entries(
    const real* y, const real* p, real* loss, Py_ssize_t rows, LossJob* job
) noexcept nogil


cdef inline Py_ssize_t rows_per_chunk(const LossJob* job) noexcept nogil:
    return max(1, CHUNK // job.width)


cdef inline Py_ssize_t first_row(const LossJob* job, Py_ssize_t chunk) noexcept nogil:
    """The first row of a chunk."""
    return chunk * rows_per_chunk(job)


cdef inline Py_ssize_t end_row(const LossJob* job, Py_ssize_t chunk) noexcept nogil:
    """The row after the last one of a chunk."""
    return min((chunk + 1) * rows_per_chunk(job), job.rows)


cdef inline real sum_of(const real* v, Py_ssize_t n) noexcept nogil:
    """sum_i v[i]; in 16 lanes, since the compiler must not reorder a sum by itself."""
    cdef real lanes[16]
    cdef real s = 0
    cdef Py_ssize_t i, k
    cdef Py_ssize_t whole = n - n % 16
    if whole:
        for k in range(16):
            lanes[k] = v[k]
        for i in range(16, whole, 16):
            for k in range(16):
                lanes[k] += v[i + k]
        for k in range(8):
            lanes[k] += lanes[k + 8]
        for k in range(8):
            s += lanes[k]
    for i in range(whole, n):
        s += v[i]
    return s


cdef inline real dot_of(const real* u, const real* v, Py_ssize_t n) noexcept nogil:
    """sum_i u[i] v[i], in 16 lanes."""
    cdef real lanes[16]
    cdef real s = 0
    cdef Py_ssize_t i, k
    cdef Py_ssize_t whole = n - n % 16
    if whole:
        for k in range(16):
            lanes[k] = u[k] * v[k]
        for i in range(16, whole, 16):
            for k in range(16):
                lanes[k] += u[i + k] * v[i + k]
        for k in range(8):
            lanes[k] += lanes[k + 8]
        for k in range(8):
            s += lanes[k]
    for i in range(whole, n):
        s += u[i] * v[i]
    return s


cdef inline real clip(real q, double epsilon) noexcept nogil:
    """q clipped to [epsilon, 1 - epsilon]; NaN stays."""
    return vclip(q, <real>epsilon, <real>(1.0 - epsilon))


cdef inline bint is_clipped(real q, double epsilon) noexcept nogil:
    """Whether clip(q) is constant there; not for NaN, which goes on into the gradient."""
    return (q < <real>epsilon) | (q > <real>(1.0 - epsilon))
