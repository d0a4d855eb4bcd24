"""The part of arrays.pxd that is seldom called, once for all modules: conversions and refusals."""

cimport numpy as cnp

from .threads cimport refuse_plan

cnp.import_array()


cdef int refuse_type(object a) except -1:
    """What real_type cannot take."""
    if not cnp.PyArray_Check(a):
        raise TypeError(f"expected a NumPy array of float32 or float64, got {type(a).__name__}")
    raise TypeError(f"expected an array of float32 or float64, got dtype {a.dtype}")


cdef int refuse_other_type(object a, int typenum) except -1:
    """An array of floats beside others."""
    raise TypeError(
        f"the arrays of one call must share a dtype: expected "
        f"{'float32' if typenum == cnp.NPY_FLOAT else 'float64'}, got {a.dtype}"
    )


cdef int refuse_size(int ndim, const cnp.npy_intp* dims) except -1:
    """A result of a shape that no memory holds."""
    shape = tuple([dims[i] for i in range(ndim)])
    raise ValueError(f"an array of shape {shape} is larger than any memory")


cdef cnp.ndarray converted(object a, int typenum):
    """A new array of that type, for as_type."""
    refuse_plan("an array is converted")
    try:
        return cnp.PyArray_FROMANY(
            a, typenum, 0, 0, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_NOTSWAPPED
        )
    except OverflowError as error:
        raise ValueError(f"expected an array of ordinary numbers: {error}") from None


cdef Py_ssize_t as_size(object number) except? -1:
    """A size or an axis that an option or a cache names; ValueError where it is absurd."""
    try:
        return number
    except OverflowError:
        raise ValueError(f"{number} is too large for a size or an axis") from None
