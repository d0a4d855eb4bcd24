"""The functions of vector_math.pxd over whole arrays: for the tests, which measure them."""

cimport numpy as cnp

from .arrays cimport as_real, data, new_like, real_type, size

cnp.import_array()

NAMES = (
    "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "gauss", "normal_cdf",
)


cdef void _fill(int function, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real gauss
    if function == 0:
        for i in range(n):
            y[i] = vexp(x[i])
    elif function == 1:
        for i in range(n):
            y[i] = vexpm1(x[i])
    elif function == 2:
        for i in range(n):
            y[i] = vlog(x[i])
    elif function == 3:
        for i in range(n):
            y[i] = vlog1p(x[i])
    elif function == 4:
        for i in range(n):
            y[i] = vtanh(x[i])
    elif function == 5:
        for i in range(n):
            y[i] = vsigmoid(x[i])
    elif function == 6:
        for i in range(n):
            y[i] = vsoftplus(x[i])
    elif function == 7:
        for i in range(n):
            y[i] = verf(x[i])
    elif function == 8:
        for i in range(n):
            vnormal_cdf(x[i], &y[i])
    else:
        for i in range(n):
            y[i] = vnormal_cdf(x[i], &gauss)


def evaluate(str name, x):
    """The function called `name` of NAMES at every element of x."""
    cdef int function = NAMES.index(name)
    cdef int typenum = real_type(x)
    cdef cnp.ndarray a = as_real(x, typenum)
    cdef cnp.ndarray y = new_like(a)
    if typenum == cnp.NPY_FLOAT:
        _fill(function, <const float*>data(a), <float*>data(y), size(a))
    else:
        _fill(function, <const double*>data(a), <double*>data(y), size(a))
    return y
