"""The kernels of piecewise.pyx: loops over one chunk, which the compiler turns into vector code.

Forward finds its arrays in at[0] = x, at[1] = y; backward in at[0] = dy, then what the cache holds,
then dx. n: elements, or rows, whose width is p[0] then; p: else the options.
"""

from .arrays cimport real
from .vector_math cimport vabs, vclip


cdef inline void relu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real>0.0 if x[i] <= 0 else x[i]


cdef inline void add_relu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* a = at[0]
    cdef const real* b = at[1]
    cdef real* y = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real>0.0 if a[i] + b[i] <= 0 else a[i] + b[i]


cdef inline void relu_options(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real slope = <real>p[0]
    cdef real cap = <real>p[1]
    cdef real start = <real>p[2]
    cdef real v
    cdef Py_ssize_t i
    for i in range(n):
        v = (slope * (x[i] - start) if slope != 0 else <real>0.0) if x[i] <= start else x[i]
        y[i] = cap if v > cap else v


cdef inline void relu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real slope = <real>p[0]
    cdef real cap = <real>p[1]
    cdef real start = <real>p[2]
    cdef real v
    cdef Py_ssize_t i
    for i in range(n):
        v = slope * dy[i] if x[i] <= start else dy[i]
        dx[i] = <real>0.0 if x[i] >= cap else v


cdef inline void leaky_relu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real slope = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = slope * x[i] if x[i] <= 0 else x[i]


cdef inline void leaky_relu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real slope = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = slope * dy[i] if x[i] <= 0 else dy[i]


cdef inline void prelu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* x = at[0]
    cdef const real* alpha = at[1]
    cdef real* y = at[2]
    cdef Py_ssize_t _row, i
    for _row in range(n):
        for i in range(width):
            y[i] = alpha[i] * x[i] if x[i] <= 0 else x[i]
        x += width
        y += width


cdef inline void prelu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef const real* alpha = at[2]
    cdef real* dx = at[3]
    cdef Py_ssize_t _row, i
    for _row in range(n):
        for i in range(width):
            dx[i] = alpha[i] * dy[i] if x[i] <= 0 else dy[i]
        dy += width
        x += width
        dx += width


cdef inline void prelu_dalpha(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    """n columns out of p[0]; p[1] rows."""
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dalpha = at[2]
    cdef Py_ssize_t _row, i
    for i in range(n):
        dalpha[i] = 0
    for _row in range(<Py_ssize_t>p[1]):
        for i in range(n):
            dalpha[i] += dy[i] * x[i] if x[i] <= 0 else <real>0.0
        dy += width
        x += width


cdef inline void relu6(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vclip(x[i], <real>0.0, <real>6.0)


cdef inline void relu6_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real v
    cdef Py_ssize_t i
    for i in range(n):
        v = <real>0.0 if x[i] <= 0 else dy[i]
        dx[i] = <real>0.0 if x[i] >= 6 else v


cdef inline real hard(real x) noexcept nogil:
    """hard_sigmoid(x)"""
    return vclip(x * <real>(1.0 / 6.0) + <real>0.5, <real>0.0, <real>1.0)


cdef inline void hard_sigmoid(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = hard(x[i])


cdef inline void hard_sigmoid_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real>0.0 if vabs(x[i]) >= 3 else dy[i] * <real>(1.0 / 6.0)


cdef inline void hard_silu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * hard(x[i])


cdef inline void hard_silu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * (hard(x[i]) + (<real>0.0 if vabs(x[i]) >= 3 else x[i] * <real>(1.0 / 6.0)))


cdef inline void hard_tanh(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vclip(x[i], <real>-1.0, <real>1.0)


cdef inline void hard_tanh_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real>0.0 if vabs(x[i]) >= 1 else dy[i]


cdef inline void hard_shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real>0.0 if vabs(x[i]) <= limit else x[i]


cdef inline void shrink_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real>0.0 if vabs(x[i]) <= limit else dy[i]


cdef inline void soft_shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] - vclip(x[i], -limit, limit)


cdef inline void threshold_at(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real limit = <real>p[0]
    cdef real otherwise = <real>p[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = otherwise if x[i] <= limit else x[i]


cdef inline void threshold_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real>0.0 if x[i] <= limit else dy[i]
