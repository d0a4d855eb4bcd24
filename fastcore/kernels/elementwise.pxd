"""The driver of the activations: cuts work into chunks and has threads call a kernel on them.

A public function makes its arrays C-contiguous and names its kernel, in both types. A chunk is a
number of elements or of whole rows. Where it begins depends on the shape alone, so the bits do not
depend on the threads.
"""

cimport numpy as cnp
from libc.string cimport memset

from .arrays cimport as_real, data, new_like, real, real_type, same_shape, size
from .gil cimport run_with_gil
from .threads cimport Stage, typed_stage

# A kernel in both types. n: elements or rows; p: options, or the width of a row first.
ctypedef void (*kernel32_t)(float** at, Py_ssize_t n, const double* p) noexcept nogil
ctypedef void (*kernel64_t)(double** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # elements: a chunk and its result stay in the first-level cache
    MOST_ARRAYS = 4

# What an element costs, in simple vectorised operations: for the decision to use threads.
cdef enum:
    SIMPLE = 1
    EXP = 8
    GAUSS = 16


cdef struct ElementwiseJob:
    bint single
    kernel32_t kernel32
    kernel64_t kernel64
    void* at[MOST_ARRAYS]
    Py_ssize_t step[MOST_ARRAYS]  # bytes from one unit, an element or a row, to the next
    Py_ssize_t units
    Py_ssize_t chunk  # units in a chunk
    double p[3]


cdef inline void kernel_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """The kernel on one chunk."""
    cdef ElementwiseJob* job = <ElementwiseJob*>context
    cdef Py_ssize_t first = index * job.chunk
    cdef Py_ssize_t count = min(job.chunk, job.units - first)
    cdef real* at[MOST_ARRAYS]
    cdef int i
    for i in range(MOST_ARRAYS):
        at[i] = <real*>(<char*>job.at[i] + first * job.step[i])
    if real is float:
        job.kernel32(at, count, job.p)
    else:
        job.kernel64(at, count, job.p)


cdef inline Stage stage_of(ElementwiseJob* job) noexcept:
    """All the chunks of a job."""
    cdef Py_ssize_t chunks = (job.units + job.chunk - 1) // job.chunk
    return typed_stage(
        job.single, kernel_task[float], kernel_task[double], chunks, job, sizeof(job[0]),
    )


cdef inline void run(ElementwiseJob* job, double work) noexcept:
    cdef Stage stage = stage_of(job)
    run_with_gil(&stage, 1, work)


cdef inline void use(ElementwiseJob* job, int i, cnp.ndarray a, Py_ssize_t unit) noexcept:
    """Array i of the job is a, `unit` elements of it to a unit."""
    job.at[i] = data(a)
    job.step[i] = unit * cnp.PyArray_ITEMSIZE(a)


cdef inline cnp.ndarray real_array(object x):
    """x as a C-contiguous array of float32 or float64, itself where it is one."""
    return as_real(x, real_type(x))


cdef inline cnp.ndarray like(object dy, cnp.ndarray y):
    """dy as a C-contiguous array with the shape and type of y, or an error."""
    cdef cnp.ndarray g = as_real(dy, cnp.PyArray_TYPE(y))
    if not same_shape(g, y):
        raise ValueError(
            f"dy must have the shape of y: expected {(<object> y).shape}, got {(<object> g).shape}"
        )
    return g


cdef inline cnp.ndarray each(
    cnp.ndarray a, cnp.ndarray b, kernel32_t kernel32, kernel64_t kernel64, double cost,
    double p0=0.0, double p1=0.0, double p2=0.0,
):
    """A kernel over the elements of a, and of b unless it is None: the result has their shape."""
    cdef cnp.ndarray out = new_like(a)
    cdef ElementwiseJob job
    memset(&job, 0, sizeof(ElementwiseJob))
    job.single = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
    job.kernel32, job.kernel64 = kernel32, kernel64
    job.units = size(a)
    job.chunk = CHUNK
    job.p[0] = p0
    job.p[1] = p1
    job.p[2] = p2
    use(&job, 0, a, 1)
    if b is not None:
        use(&job, 1, b, 1)
    use(&job, 1 if b is None else 2, out, 1)
    run(&job, cost * job.units)
    return out


cdef inline void rows_of(
    ElementwiseJob* job, cnp.ndarray a, kernel32_t kernel32, kernel64_t kernel64, Py_ssize_t rows,
    Py_ssize_t width,
) noexcept:
    """Prepare a job over rows, of the type of `a`; the arrays are still to be named."""
    memset(job, 0, sizeof(ElementwiseJob))
    job.single = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
    job.kernel32, job.kernel64 = kernel32, kernel64
    job.units = rows
    job.chunk = max(1, CHUNK // max(1, width))
    job.p[0] = width
