"""NumPy arrays in and out of tier 1, on the C API: 0.04 us for two, where memoryviews cost 0.27.

    cimport numpy as cnp
    from .arrays cimport as_real, data, new_like, real_type
    cnp.import_array()                       # every module that cimports this one needs the line

    cdef int typenum = real_type(x)          # NPY_FLOAT or NPY_DOUBLE; TypeError for anything else
    cdef cnp.ndarray a = as_real(x, typenum) # C-contiguous, aligned; x itself where it is already
    cdef cnp.ndarray y = new_like(a)
    # ... a context with the addresses data(a) and data(y), and a task in both types for it:
    run_typed(typenum == cnp.NPY_FLOAT, f_task[float], f_task[double], chunks, &context,
              sizeof(context), work)
"""

cimport numpy as cnp
from libc.string cimport memcpy

from .threads cimport recorder, refuse_plan, run_chunks

ctypedef fused real:
    float
    double


cdef inline cnp.ndarray noted(cnp.ndarray a):
    """An array that stages will use: a plan that is being made keeps it."""
    if recorder() != NULL:
        recorder().keep(recorder(), a)
    return a


cdef inline void* data(cnp.ndarray a) noexcept nogil:
    """The first byte. Only meaningful for what as_real or new_* returned."""
    return cnp.PyArray_DATA(a)


cdef inline Py_ssize_t size(cnp.ndarray a) noexcept nogil:
    """Number of elements."""
    return cnp.PyArray_SIZE(a)


cdef inline int rank(cnp.ndarray a) noexcept nogil:
    """Number of axes."""
    return cnp.PyArray_NDIM(a)


cdef inline Py_ssize_t dim(cnp.ndarray a, int axis) noexcept nogil:
    """Length of an axis, counted from 0. The caller knows that it exists."""
    return cnp.PyArray_DIM(a, axis)


# What is seldom called stands once, in arrays.pyx, instead of in every module.
cdef int refuse_type(object a) except -1
cdef int refuse_other_type(object a, int typenum) except -1
cdef int refuse_size(int ndim, const cnp.npy_intp* dims) except -1
cdef cnp.ndarray converted(object a, int typenum)
cdef Py_ssize_t as_size(object number) except? -1


cdef inline int real_type(object a) except -1:
    """NPY_FLOAT or NPY_DOUBLE: the type in which a call computes, taken from its first array."""
    cdef int typenum
    if not cnp.PyArray_Check(a):
        return refuse_type(a)
    typenum = cnp.PyArray_TYPE(<cnp.ndarray>a)
    if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE:
        return refuse_type(a)
    return typenum


cdef inline cnp.ndarray as_type(object a, int typenum):
    """`a` as a C-contiguous, aligned array of that type; no copy where it is one already."""
    cdef cnp.ndarray b
    if cnp.PyArray_Check(a):
        b = <cnp.ndarray>a
        if (cnp.PyArray_TYPE(b) == typenum and cnp.PyArray_ISCARRAY_RO(b)):
            return noted(b)
    return converted(a, typenum)


cdef inline cnp.ndarray as_real(object a, int typenum):
    """as_type for the float arrays of a call, which share one dtype: another is an error."""
    if real_type(a) != typenum:
        refuse_other_type(a, typenum)
    return as_type(a, typenum)


cdef inline cnp.ndarray new_array(int ndim, cnp.npy_intp* dims, int typenum):
    """An uninitialised C-contiguous array. Only stages may fill it: a plan that is being made gives
    memory that others use before and after.
    """
    if recorder() != NULL:
        return recorder().new(recorder(), ndim, <const Py_ssize_t*>dims, typenum)
    return cnp.PyArray_EMPTY(ndim, dims, typenum, 0)


cdef inline cnp.ndarray new_result(int ndim, cnp.npy_intp* dims, int typenum):
    """new_array for sizes that options or a cache name: ValueError where no memory holds them."""
    cdef double bytes_ = 8
    cdef int i
    for i in range(ndim):
        bytes_ *= dims[i]
    if bytes_ > 2.0**47:  # what a process can address on the processors of today
        refuse_size(ndim, dims)
    return new_array(ndim, dims, typenum)


cdef inline cnp.ndarray new_zeros(int ndim, cnp.npy_intp* dims, int typenum):
    """A C-contiguous array of zeros."""
    refuse_plan("an array begins as zeros")
    return cnp.PyArray_ZEROS(ndim, dims, typenum, 0)


cdef inline cnp.ndarray new_like(cnp.ndarray a):
    """An uninitialised C-contiguous array with the shape and type of `a`."""
    return new_array(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))


cdef inline cnp.ndarray new_vector(Py_ssize_t length, int typenum):
    """An uninitialised array with one axis."""
    cdef cnp.npy_intp dims = length
    return new_array(1, &dims, typenum)


cdef inline bint same_shape(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two arrays have the same axes."""
    cdef int i
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, i) != cnp.PyArray_DIM(b, i):
            return False
    return True


cdef struct Copy:
    const void* source
    void* target
    size_t size


cdef inline void copy_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Copy* copy = <const Copy*>context
    memcpy(copy.target, copy.source, copy.size)


cdef inline cnp.ndarray copied(cnp.ndarray a):
    """A copy of a contiguous array, which a plan makes anew each time."""
    cdef cnp.ndarray new = new_like(a)
    cdef Copy copy
    copy.source, copy.target, copy.size = data(a), data(new), cnp.PyArray_NBYTES(a)
    run_chunks(copy_task, 1, &copy, sizeof(Copy), size(a) / 8.0)
    return new
