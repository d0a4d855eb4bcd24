"""Losses row by row: what losses.pyx and crossentropy.pyx share. See loss_rows.pyx."""

cimport numpy as cnp

from .arrays cimport real

# Elements that a kernel works on at a time: four such blocks of doubles stay in the first cache.
cdef enum:
    BLOCK = 512

# One loss, entry by entry: out[i] = f(y[i], p[i]) for n entries, o its options.
ctypedef void (*entries32)(
    const float* y, const float* p, float* out, Py_ssize_t n, const double* o
) noexcept nogil
ctypedef void (*entries64)(
    const double* y, const double* p, double* out, Py_ssize_t n, const double* o
) noexcept nogil

# Rows first..last-1 of a job; `like` is NULL and only says the type.
ctypedef void (*rows32)(Py_ssize_t first, Py_ssize_t last, Job* job, float* like) noexcept nogil
ctypedef void (*rows64)(Py_ssize_t first, Py_ssize_t last, Job* job, double* like) noexcept nogil

cdef struct Job:
    rows32 kernel32
    rows64 kernel64
    entries32 f32
    entries64 f64
    double o[4]
    Py_ssize_t rows
    Py_ssize_t width
    double divisor          # of each row's sum: width for a mean, else 1
    bint is_float
    const void* y           # IN (rows, width) labels
    const cnp.int64_t* k    # IN (rows,) labels of the sparse loss, negative where ignored
    const void* p           # IN (rows, width) predictions
    const void* dloss       # IN (rows,)
    void* q                 # OUT of forward, IN of backward (rows, width)
    void* total             # OUT of forward, IN of backward (rows,), or NULL with logits
    void* loss              # OUT (rows,)
    void* out               # OUT (rows, width) gradient
    Py_ssize_t* rival       # OUT of forward, IN of backward (rows,)

cdef cnp.ndarray labels_of(object y_true, object y_pred, int axis)
cdef cnp.ndarray predictions_of(object y_pred, int axis)
cdef cnp.ndarray cotangents_of(object dloss, cnp.ndarray p)
cdef object back(cnp.ndarray a, int axis)
cdef cnp.ndarray new_loss(cnp.ndarray p)
cdef cnp.ndarray new_column(cnp.ndarray p, int typenum)
cdef cnp.ndarray affine(cnp.ndarray y, double scale, double shift)
cdef void set_up(Job* job, cnp.ndarray p, rows32 kernel32, rows64 kernel64) noexcept
cdef void run(Job* job, double cost) noexcept nogil
cdef cnp.ndarray entry_losses(
    cnp.ndarray y, cnp.ndarray p, entries32 f32, entries64 f64, bint mean, double cost,
    double a=*, double b=*, double c=*, double d=*,
)
cdef cnp.ndarray entry_slopes(
    object dloss, cnp.ndarray y, cnp.ndarray p, entries32 f32, entries64 f64, bint mean,
    double cost, double a=*, double b=*, double c=*, double d=*,
)
cdef void sum_entries(
    const real* y, const real* p, real* loss, Py_ssize_t rows, Job* job
) noexcept nogil


cdef inline real total_of(const real* v, Py_ssize_t n) noexcept nogil:
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
    """q kept within [epsilon, 1 - epsilon]; NaN stays."""
    cdef real low = <real>epsilon
    cdef real high = <real>(1.0 - epsilon)
    q = low if q < low else q
    return high if q > high else q


cdef inline bint is_clipped(real q, double epsilon) noexcept nogil:
    """Whether clip(q) is constant there; not for NaN, which shall show in the gradient."""
    return (q < <real>epsilon) | (q > <real>(1.0 - epsilon))
