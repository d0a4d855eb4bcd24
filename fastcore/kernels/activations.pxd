"""The kernels of activations.pyx: loops over one chunk, which the compiler turns into vector code.

Forward finds its arrays in at[0] = x, at[1] = y; backward in at[0] = dy, then what the cache holds,
then dx. n: elements, or rows, whose width is p[0] then; p: else the options.
"""

from libc.math cimport sqrt, sqrtf

from .arrays cimport real
from .vector_math cimport (
    largest_of, vabs, vexp, vexp_raised, vexpm1, vlog_lowered, vnormal_cdf, vsigmoid, vsoftplus,
    vtanh,
)


cdef inline void sigmoid(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vsigmoid(x[i])


cdef inline void sigmoid_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* y = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * y[i] * (<real>1.0 - y[i])


cdef inline void log_sigmoid(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = -vsoftplus(-x[i])


cdef inline void log_sigmoid_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * vsigmoid(-x[i])


cdef inline void tanh(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vtanh(x[i])


cdef inline void tanh_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* y = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * (<real>1.0 - y[i] * y[i])


cdef inline void tanh_shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] - vtanh(x[i])


cdef inline void tanh_shrink_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real t
    cdef Py_ssize_t i
    for i in range(n):
        t = vtanh(x[i])
        dx[i] = dy[i] * (t * t)


cdef inline void softplus(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vsoftplus(x[i])


cdef inline void softplus_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * vsigmoid(x[i])


cdef inline void softsign(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] / (<real>1.0 + vabs(x[i]))


cdef inline void softsign_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real v
    cdef Py_ssize_t i
    for i in range(n):
        v = <real>1.0 + vabs(x[i])
        dx[i] = dy[i] / (v * v)


cdef inline real root(real x) noexcept nogil:
    return sqrtf(x) if real is float else sqrt(x)


cdef inline void squareplus(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real b = <real>p[0]
    cdef real u
    cdef Py_ssize_t i
    for i in range(n):
        u = vabs(x[i]) + root(x[i] * x[i] + b)
        y[i] = (b / u if x[i] < 0 else u) * <real>0.5


cdef inline void squareplus_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real b = <real>p[0]
    cdef real size, u
    cdef Py_ssize_t i
    for i in range(n):
        size = root(x[i] * x[i] + b)
        u = vabs(x[i]) + size
        dx[i] = dy[i] * (b / u if x[i] < 0 else u) * <real>0.5 / size


cdef inline void exponential(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = vexp(x[i])


cdef inline void exponential_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* y = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] * y[i]


cdef inline void elu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real alpha = <real>p[0]
    cdef real scale = <real>p[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = scale * (x[i] if x[i] > 0 else alpha * vexpm1(x[i]))


cdef inline void elu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real alpha = <real>p[0]
    cdef real scale = <real>p[1]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = scale * dy[i] * (<real>1.0 if x[i] > 0 else alpha * vexp(x[i]))


cdef inline void celu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real alpha = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] if x[i] > 0 else alpha * vexpm1(x[i] / alpha)


cdef inline void celu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real alpha = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = dy[i] if x[i] > 0 else dy[i] * vexp(x[i] / alpha)


cdef inline real gelu_sigmoid(real x) noexcept nogil:
    """sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)"""
    return vsigmoid(<real>1.5957691216057308 * (x + <real>0.044715 * x * x * x))


cdef inline void gelu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real gauss
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * vnormal_cdf(x[i], &gauss)


cdef inline void gelu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real below, gauss
    cdef Py_ssize_t i
    for i in range(n):
        below = vnormal_cdf(x[i], &gauss)
        dx[i] = dy[i] * (below + x[i] * (gauss * <real>0.3989422804014327))


cdef inline void gelu_tanh(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * gelu_sigmoid(x[i])


cdef inline void gelu_tanh_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real s, du
    cdef Py_ssize_t i
    for i in range(n):
        s = gelu_sigmoid(x[i])
        du = <real>1.5957691216057308 * (<real>1.0 + <real>0.134145 * x[i] * x[i])
        dx[i] = dy[i] * (s + x[i] * (s * (<real>1.0 - s) * du))


cdef inline void silu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * vsigmoid(x[i])


cdef inline void silu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real s
    cdef Py_ssize_t i
    for i in range(n):
        s = vsigmoid(x[i])
        dx[i] = dy[i] * (s + x[i] * s * (<real>1.0 - s))


cdef inline real mish_exp(real x) noexcept nogil:
    """exp(x), held where tanh(softplus(x)) = m / (m + 2), m = e (e + 2), has become 1."""
    return vexp(<real>30.0 if x > 30 else x)


cdef inline void mish(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real e, m
    cdef Py_ssize_t i
    for i in range(n):
        e = mish_exp(x[i])
        m = e * (e + <real>2.0)
        y[i] = x[i] * (m / (m + <real>2.0))


cdef inline void mish_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real e, m, ratio
    cdef Py_ssize_t i
    for i in range(n):
        e = mish_exp(x[i])
        m = e * (e + <real>2.0)
        # (1 - t^2) sigmoid(x), t = tanh(softplus(x))
        ratio = <real>2.0 / (m + <real>2.0)
        ratio = ratio * ratio * e * (<real>1.0 + e) if x[i] <= 30 else <real>0.0
        dx[i] = dy[i] * (m / (m + <real>2.0) + x[i] * ratio)


# ---- Rows ----

cdef enum:
    BLOCK = 512  # elements that softmax takes through its passes at a time
    LANES = 16  # partial sums of a row: as wide as any vector unit, and always the same


cdef inline void glu(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    # p[0]: the width of y, and half that of x.
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t _row, i
    for _row in range(n):
        for i in range(width):
            y[i] = x[i] * vsigmoid(x[width + i])
        x += 2 * width
        y += width


cdef inline void glu_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* dy = at[0]
    cdef const real* x = at[1]
    cdef real* dx = at[2]
    cdef real s
    cdef Py_ssize_t _row, i
    for _row in range(n):
        for i in range(width):
            s = vsigmoid(x[width + i])
            dx[i] = dy[i] * s
            dx[width + i] = dy[i] * x[i] * s * vsigmoid(-x[width + i])
        dy += width
        x += 2 * width
        dx += 2 * width


cdef inline real sum_of(const real* x, Py_ssize_t n) noexcept nogil:
    """sum_i x[i]"""
    cdef real lane[LANES]
    cdef real s = 0
    cdef Py_ssize_t i = 0, k
    if n >= LANES:
        for k in range(LANES):
            lane[k] = 0
        while i + LANES <= n:
            for k in range(LANES):
                lane[k] += x[i + k]
            i += LANES
        for k in range(LANES):
            s += lane[k]
    for k in range(i, n):
        s += x[k]
    return s


cdef inline real dot_of(const real* x, const real* z, Py_ssize_t n) noexcept nogil:
    """sum_i x[i] z[i]"""
    cdef real lane[LANES]
    cdef real s = 0
    cdef Py_ssize_t i = 0, k
    if n >= LANES:
        for k in range(LANES):
            lane[k] = 0
        while i + LANES <= n:
            for k in range(LANES):
                lane[k] += x[i + k] * z[i + k]
            i += LANES
        for k in range(LANES):
            s += lane[k]
    for k in range(i, n):
        s += x[k] * z[k]
    return s


cdef inline void softmax(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    # Several short rows at once: exp then runs over whole vectors, however narrow a row is.
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef Py_ssize_t together = BLOCK // width if BLOCK > width else 1
    cdef Py_ssize_t rows, row, i
    cdef real m
    while n > 0:
        rows = min(together, n)
        n -= rows
        for row in range(rows):
            m = largest_of(x + row * width, width)
            for i in range(row * width, (row + 1) * width):
                y[i] = x[i] - m
        for i in range(rows * width):
            y[i] = vexp_raised(y[i])
        for row in range(rows):
            m = <real>1.0 / sum_of(y + row * width, width)
            for i in range(row * width, (row + 1) * width):
                y[i] *= m
        x += rows * width
        y += rows * width


cdef inline void softmax_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    # dx = y (dy - sum_k dy_k y_k)
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* dy = at[0]
    cdef const real* y = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t _row, i
    cdef real mean
    for _row in range(n):
        mean = dot_of(dy, y, width)
        for i in range(width):
            dx[i] = y[i] * (dy[i] - mean)
        dy += width
        y += width
        dx += width


cdef inline void log_softmax(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* x = at[0]
    cdef real* y = at[1]
    cdef real e[BLOCK]
    cdef real sums[BLOCK]
    cdef Py_ssize_t together = BLOCK // width if BLOCK > width else 1
    cdef Py_ssize_t rows, row, i, start, piece
    cdef real m
    while n > 0:
        rows = min(together, n)
        n -= rows
        for row in range(rows):
            m = largest_of(x + row * width, width)
            for i in range(row * width, (row + 1) * width):
                y[i] = x[i] - m
            sums[row] = 0
        # Several short rows or one piece of a long one.
        start = 0
        while start < rows * width:
            piece = min(<Py_ssize_t>BLOCK, rows * width - start)
            for i in range(piece):
                e[i] = vexp_raised(y[start + i])
            for row in range(rows):
                sums[row] += sum_of(e + row * width, min(width, piece))
            start += piece
        for row in range(rows):
            sums[row] = vlog_lowered(sums[row])  # log-sum-exp of x - max(x)
        for row in range(rows):
            for i in range(row * width, (row + 1) * width):
                y[i] -= sums[row]
        x += rows * width
        y += rows * width


cdef inline void log_softmax_dx(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef Py_ssize_t width = <Py_ssize_t>p[0]
    cdef const real* dy = at[0]
    cdef const real* y = at[1]
    cdef real* dx = at[2]
    cdef Py_ssize_t _row, i
    cdef real s
    for i in range(n * width):
        dx[i] = vexp_raised(y[i])
    for _row in range(n):
        s = sum_of(dy, width)
        for i in range(width):
            dx[i] = dy[i] - dx[i] * <real>5.421010862427522e-20 * s  # 2^-64
        dy += width
        y += width
        dx += width
