# The driver of the activations: cuts work into chunks and has run_chunks call a kernel on them.
#
# A public function makes its arrays C-contiguous and names its kernel, in both types. A chunk is a
# number of elements or of whole rows. Where it begins depends on the shape alone, so the bits do
# not depend on the threads.

cimport numpy as cnp
from libc.string cimport memset

from .arrays cimport as_real, data, new_like, real_type, same_shape, size
from .threads cimport is_parallel, run_chunks

# The pointers really are real*. n: elements or rows; p: options, or the width of a row first.
ctypedef void (*kernel_t)(void** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # elements: a chunk and its result stay in the first-level cache
    MOST_ARRAYS = 4

# What an element costs, in simple vectorised operations: for the decision to use threads.
cdef enum:
    SIMPLE = 1
    EXP = 8
    GAUSS = 16


cdef struct Job:
    kernel_t kernel
    void* at[MOST_ARRAYS]
    Py_ssize_t step[MOST_ARRAYS]  # bytes from one unit, an element or a row, to the next
    Py_ssize_t units
    Py_ssize_t chunk  # units in a chunk
    double p[3]


cdef inline void do_chunk(Py_ssize_t index, void* context) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef Py_ssize_t first = index * job.chunk
    cdef void* at[MOST_ARRAYS]
    cdef int i
    for i in range(MOST_ARRAYS):
        at[i] = <char*> job.at[i] + first * job.step[i]
    job.kernel(at, min(job.chunk, job.units - first), job.p)


cdef inline void run(Job* job, double work) noexcept:
    cdef Py_ssize_t chunks = (job.units + job.chunk - 1) // job.chunk
    if is_parallel(work):
        with nogil:
            run_chunks(do_chunk, chunks, job, work)
    else:
        run_chunks(do_chunk, chunks, job, work)


cdef inline void use(Job* job, int i, cnp.ndarray a, Py_ssize_t unit) noexcept:
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
    cnp.ndarray a, cnp.ndarray b, kernel_t single, kernel_t wide, double cost,
    double p0=0.0, double p1=0.0, double p2=0.0,
):
    """A kernel over the elements of a, and of b unless it is None: the result has their shape."""
    cdef cnp.ndarray out = new_like(a)
    cdef Job job
    memset(&job, 0, sizeof(Job))
    job.kernel = single if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT else wide
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


cdef inline void rows_of(Job* job, kernel_t kernel, Py_ssize_t rows, Py_ssize_t width) noexcept:
    """Prepare a job over rows; the arrays are still to be named."""
    memset(job, 0, sizeof(Job))
    job.kernel = kernel
    job.units = rows
    job.chunk = max(1, CHUNK // max(1, width))
    job.p[0] = width
