"""The update rules of the optimizers, each on one chunk of a variable: plain loops, which the
compiler vectorises.

A rule sees the lists of a call as at[0], at[1], ... in the order of its signature, NULL where a
list is None, and its hyper-parameters as p[0], p[1], ...; optimizers.pyx calls it. The equations
are explained in reference/optimizers.py.
"""

from libc.math cimport INFINITY, fabs, fabsf, pow, sqrt, sqrtf

from .arrays cimport real


cdef inline real root(real x) noexcept nogil:
    return sqrtf(x) if real is float else sqrt(x)


cdef inline real magnitude(real x) noexcept nogil:
    return fabsf(x) if real is float else fabs(x)


cdef inline real larger(real a, real b) noexcept nogil:
    """max(a, b), or NaN where one of them is: two selections, since `or` would not vectorise."""
    cdef real most = a if a > b else b
    return most if a == a else a


cdef inline real clipped(real x, real limit) noexcept nogil:
    """x brought into [-limit, limit]; NaN stays."""
    x = -limit if x < -limit else x
    return limit if x > limit else x


cdef inline void sgd(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real rate = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= rate * g[i]


cdef inline void momentum_step(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real rate = <real>p[0], momentum = <real>p[1]
    cdef bint nesterov = p[2] != 0
    cdef real velocity
    cdef Py_ssize_t i
    for i in range(n):
        velocity = momentum * m[i] - rate * g[i]  # momentum: the velocity so far, with friction
        m[i] = velocity
        if nesterov:
            w[i] += momentum * velocity - rate * g[i]  # Nesterov momentum
        else:
            w[i] += velocity


cdef inline void adagrad(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real rate = <real>p[0], epsilon = <real>p[1]
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i] * g[i]  # accumulator: the sum of squared gradients
        w[i] -= rate * g[i] / root(a[i] + epsilon)


cdef inline void rmsprop(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* v = at[2]  # IN and OUT
    cdef real* a = at[3]  # IN and OUT, or NULL
    cdef real* m = at[4]  # IN and OUT, or NULL
    cdef real rate = <real>p[0], rho = <real>p[1], rest = <real>(1 - p[1])
    cdef real momentum = <real>p[2], epsilon = <real>p[3]
    cdef real variance, d
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = rho * v[i] + rest * (g[i] * g[i])  # moving average of squared gradients
        variance = v[i]
        if a != NULL:
            a[i] = rho * a[i] + rest * g[i]  # moving average of gradients
            variance = variance - a[i] * a[i]  # centered: the variance of the gradient
        d = rate * g[i] / root(variance + epsilon)
        if m != NULL:
            d = momentum * m[i] + d  # momentum
            m[i] = d
        w[i] -= d


cdef inline void adadelta(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real* u = at[3]  # IN and OUT
    cdef real rate = <real>p[0], rho = <real>p[1], rest = <real>(1 - p[1])
    cdef real epsilon = <real>p[2]
    cdef real d
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = rho * a[i] + rest * (g[i] * g[i])  # moving average of squared gradients
        d = g[i] * root(u[i] + epsilon) / root(a[i] + epsilon)
        u[i] = rho * u[i] + rest * (d * d)  # moving average of squared updates
        w[i] -= rate * d


cdef inline void adam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* v = at[3]  # IN and OUT
    cdef real* h = at[4]  # IN and OUT, or NULL
    cdef real alpha = <real>p[0], epsilon = <real>p[3]
    cdef real beta_1 = <real>p[1], rest_1 = <real>(1 - p[1])
    cdef real beta_2 = <real>p[2], rest_2 = <real>(1 - p[2])
    cdef real square
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]  # first moment: moving average of gradients
        square = beta_2 * v[i] + rest_2 * (g[i] * g[i])  # second moment: of squared gradients
        v[i] = square
        if h != NULL:
            square = larger(h[i], square)  # AMSGrad: the maximum of all second moments
            h[i] = square
        w[i] -= alpha * m[i] / (root(square) + epsilon)  # alpha holds both bias corrections


cdef inline void adamax(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* u = at[3]  # IN and OUT
    cdef real alpha = <real>p[0], epsilon = <real>p[3]
    cdef real beta_1 = <real>p[1], rest_1 = <real>(1 - p[1]), beta_2 = <real>p[2]
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]  # first moment
        u[i] = larger(beta_2 * u[i], magnitude(g[i]))  # infinity norm, exponentially weighted
        w[i] -= alpha * m[i] / (u[i] + epsilon)


cdef inline void nadam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* v = at[3]  # IN and OUT
    cdef real rate = <real>p[0], epsilon = <real>p[3]
    cdef real beta_1 = <real>p[1], rest_1 = <real>(1 - p[1])
    cdef real beta_2 = <real>p[2], rest_2 = <real>(1 - p[2])
    cdef real for_momentum = <real>p[4], for_gradient = <real>p[5], correction = <real>p[6]
    cdef real m_hat
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]  # first moment
        v[i] = beta_2 * v[i] + rest_2 * (g[i] * g[i])  # second moment
        m_hat = for_momentum * m[i] + for_gradient * g[i]  # Nesterov momentum, bias-corrected
        w[i] -= rate * m_hat / (root(v[i] / correction) + epsilon)  # bias correction of v


cdef inline void ftrl(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real* z = at[3]  # IN and OUT
    cdef real rate = <real>p[0], exponent = <real>-p[1], l1 = <real>p[2]
    cdef real l2 = <real>(2 * p[3]), shrinkage = <real>(2 * p[4]), beta = <real>p[5]
    cdef real old_power, power
    cdef Py_ssize_t i
    if exponent == 0.5:  # the paper's, and a root vectorises where pow does not
        for i in range(n):
            old_power = root(a[i])
            a[i] += g[i] * g[i]
            power = root(a[i])
            z[i] += g[i] + shrinkage * w[i] - (power - old_power) / rate * w[i]
            w[i] = (clipped(z[i], l1) - z[i]) / ((beta + power) / rate + l2)
    else:
        for i in range(n):
            old_power = <real>pow(a[i], exponent)
            a[i] += g[i] * g[i]
            power = <real>pow(a[i], exponent)
            z[i] += g[i] + shrinkage * w[i] - (power - old_power) / rate * w[i]
            w[i] = (clipped(z[i], l1) - z[i]) / ((beta + power) / rate + l2)


cdef inline void lion(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real rate = <real>p[0]
    cdef real beta_1 = <real>p[1], rest_1 = <real>(1 - p[1])
    cdef real beta_2 = <real>p[2], rest_2 = <real>(1 - p[2])
    cdef real mix
    cdef Py_ssize_t i
    for i in range(n):
        mix = beta_1 * m[i] + rest_1 * g[i]  # interpolation of momentum and gradient
        mix = 1 if mix > 0 else -1 if mix < 0 else mix  # the last: 0 and NaN
        w[i] -= rate * mix
        m[i] = beta_2 * m[i] + rest_2 * g[i]  # momentum: moving average of gradients


cdef inline void schedule_free(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* z = at[2]  # IN and OUT
    cdef real* v = at[3]  # IN and OUT
    cdef real rate = <real>p[0], epsilon = <real>p[3], correction = <real>p[4]
    cdef real beta_1 = <real>p[1], rest_1 = <real>(1 - p[1])
    cdef real beta_2 = <real>p[2], rest_2 = <real>(1 - p[2])
    cdef real newest = <real>(1 / p[5]), others = <real>(1 - 1 / p[5])
    cdef real x
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = beta_2 * v[i] + rest_2 * (g[i] * g[i])  # second moment
        x = (w[i] - rest_1 * z[i]) / beta_1  # the average of all z so far
        z[i] -= rate * g[i] / (root(v[i] / correction) + epsilon)
        w[i] = rest_1 * z[i] + beta_1 * (others * x + newest * z[i])


cdef inline void shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef real decay = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= decay * w[i]  # decoupled weight decay


cdef inline void clip(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = clipped(g[i], limit)


cdef inline void multiply(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real factor = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = factor * g[i]


cdef inline void quotient(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real divisor = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = g[i] / divisor


cdef inline void mix(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* w = at[1]  # IN
    cdef real momentum = <real>p[0], rest = <real>(1 - p[0])
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = momentum * a[i] + rest * w[i]  # exponential moving average


cdef inline void add(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i]
