"""Twins of reference.optimizers: one call updates all the variables of a model.

(a) A public function turns its hyper-parameters into a few doubles and its lists into `_Arrays`.
(b) `_Arrays` checks every array once and notes where its numbers lie. Nothing is written before all
    checks have passed.
(c) Each variable is cut into chunks of CHUNK elements; the chunks of all the variables are one
    loop for the threads. Where a chunk begins does not depend on the threads.
(d) A kernel is the update rule on one chunk: a plain loop that the compiler vectorises. It sees the
    lists as at[0], at[1], ... in the order of the signature, NULL where a list is None.

The first list of a call is written, the second is read, all others are written.

A gradient that comes as (rows, values) is spread out chunk by chunk, on the stack: the kernels see
the same zeros in the same places as in a whole array, and give the same bits, but nobody fills and
reads that array in main memory.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport NAN, fabs, fabsf, isfinite, pow, sqrt, sqrtf

from .kernels.arrays cimport as_type, new_vector, real, real_type, same_shape, size
from .kernels.indexed_slices cimport Rows, note_rows, spread_rows
from .kernels.threads cimport Stage, run_stages, stage

import numpy as np

cnp.import_array()

# A kernel in both types.
ctypedef void (*kernel32_t)(float** at, Py_ssize_t n, const double* p) noexcept nogil
ctypedef void (*kernel64_t)(double** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # five arrays of 16 KB: a chunk stays in the second-level cache
    MOST_LISTS = 5
    FREE_THE_GIL = 16384  # elements from which letting other Python threads run pays


cdef struct UpdatePlan:
    kernel32_t kernel32  # for float32 variables
    kernel64_t kernel64  # for float64 variables
    const double* p      # hyper-parameters: variable k has p + k * step
    Py_ssize_t step
    Py_ssize_t lists
    Py_ssize_t variables
    Py_ssize_t elements  # in all variables together
    void** data          # [list][variable], NULL where the list is None
    Py_ssize_t* sizes    # elements of each variable
    Py_ssize_t* is_double  # whether a variable is float64
    Py_ssize_t* first    # first chunk of each variable, and at last the number of chunks
    Rows* rows           # of the second list: one for each variable
    bint zeros_do_nothing  # whether an element whose gradient is zero stays as it is
    double* sums         # one for each chunk
    double limit         # of the norm, where gradients are clipped by it
    double* factors      # OUT of norm_factors: clipped gradient / gradient
    bint is_global       # one norm of all the gradients together


# Tier 3: what the rules share.


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


# Tier 2: the kernels.


cdef void sgd(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real rate = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= rate * g[i]


cdef void momentum_step(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void adagrad(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real rate = <real>p[0], epsilon = <real>p[1]
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i] * g[i]  # accumulator: the sum of squared gradients
        w[i] -= rate * g[i] / root(a[i] + epsilon)


cdef void rmsprop(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void adadelta(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void adam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void adamax(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void nadam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void ftrl(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void lion(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void schedule_free(real** at, Py_ssize_t n, const double* p) noexcept nogil:
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


cdef void shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef real decay = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= decay * w[i]  # decoupled weight decay


cdef void clip(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real limit = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = clipped(g[i], limit)


cdef void multiply(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real factor = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = factor * g[i]


cdef void quotient(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real divisor = <real>p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = g[i] / divisor


cdef void mix(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* w = at[1]  # IN
    cdef real momentum = <real>p[0], rest = <real>(1 - p[0])
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = momentum * a[i] + rest * w[i]  # exponential moving average


cdef void add(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i]


# Tier 2: from a chunk to its kernel.


cdef inline Py_ssize_t variable_of(const UpdatePlan* plan, Py_ssize_t chunk) noexcept nogil:
    """The variable to which a chunk belongs: the last one that does not begin after it."""
    cdef Py_ssize_t low = 0, high = plan.variables, middle
    while high - low > 1:
        middle = (low + high) // 2
        if plan.first[middle] <= chunk:
            low = middle
        else:
            high = middle
    return low


cdef void update_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """Hand one chunk to the kernel; each variable has a type of its own."""
    cdef UpdatePlan* plan = <UpdatePlan*>context
    cdef Py_ssize_t k = variable_of(plan, chunk)
    if plan.is_double[k]:
        update_chunk[double](plan, k, chunk, NULL)
    else:
        update_chunk[float](plan, k, chunk, NULL)


cdef void update_chunk(
    const UpdatePlan* plan, Py_ssize_t k, Py_ssize_t chunk, const real* like
) noexcept nogil:
    cdef Py_ssize_t begin = (chunk - plan.first[k]) * CHUNK
    cdef Py_ssize_t count = min(<Py_ssize_t>CHUNK, plan.sizes[k] - begin)
    cdef const double* p = plan.p + k * plan.step
    cdef real[CHUNK] gradient
    cdef real* at[MOST_LISTS]
    cdef real* start
    cdef Py_ssize_t j
    for j in range(plan.lists):
        start = <real*>plan.data[j * plan.variables + k]
        at[j] = NULL if start == NULL else start + begin
    if plan.lists > 1 and plan.rows[k].named != NULL:
        # A gradient of (rows, values): the part of it that this chunk needs is spread out.
        if not spread_rows(
            &plan.rows[k], begin, count, sizeof(real), <char*>gradient, plan.zeros_do_nothing
        ):
            return
        at[1] = gradient
    if real is float:
        plan.kernel32(at, count, p)
    else:
        plan.kernel64(at, count, p)


cdef double square_sum(const real* x, Py_ssize_t n) noexcept nogil:
    """The sum of squares in double, as eight sums side by side: a vector or two."""
    cdef double[8] sums
    cdef double sum = 0
    cdef Py_ssize_t i, j, whole = n - n % 8
    for j in range(8):
        sums[j] = 0
    for i in range(0, whole, 8):
        for j in range(8):
            sums[j] += <double>x[i + j] * <double>x[i + j]
    for i in range(whole, n):
        sum += <double>x[i] * <double>x[i]
    for j in range(8):
        sum += sums[j]
    return sum


cdef void square_sum_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """The sum of squares of one chunk of the gradients, the second list."""
    cdef UpdatePlan* plan = <UpdatePlan*>context
    cdef Py_ssize_t k = variable_of(plan, chunk)
    cdef Py_ssize_t begin = (chunk - plan.first[k]) * CHUNK
    cdef Py_ssize_t count = min(<Py_ssize_t>CHUNK, plan.sizes[k] - begin)
    cdef void* gradient = plan.data[plan.variables + k]
    if plan.is_double[k]:
        plan.sums[chunk] = square_sum(<const double*>gradient + begin, count)
    else:
        plan.sums[chunk] = square_sum(<const float*>gradient + begin, count)


cdef void norm_factors_task(Py_ssize_t index, void* context) noexcept nogil:
    """The factors that bring the norms down to the limit; sums are added in chunk order."""
    cdef UpdatePlan* plan = <UpdatePlan*>context
    cdef Py_ssize_t k, chunk
    cdef double norm = 0
    for k in range(plan.variables):
        plan.factors[k] = 0
        for chunk in range(plan.first[k], plan.first[k + 1]):
            plan.factors[k] += plan.sums[chunk]
    if plan.is_global:
        for k in range(plan.variables):
            norm += plan.factors[k]
        norm = sqrt(norm)
        plan.factors[0] = plan.limit / larger(norm, plan.limit) if isfinite(norm) else NAN
    else:
        for k in range(plan.variables):
            plan.factors[k] = plan.limit / larger(sqrt(plan.factors[k]), plan.limit)


# Tier 1.


@cython.final
@cython.freelist(4)
cdef class _Arrays:
    """The checked arrays of one call, kept alive, and the UpdatePlan that points into them."""

    cdef UpdatePlan plan
    cdef tuple lists
    cdef void* memory

    def __dealloc__(self):
        PyMem_Free(self.memory)

    cdef int note_lists(self, tuple lists, tuple names) except -1:
        """Check the arrays of all the lists and note where they lie. A list may be None."""
        cdef UpdatePlan* plan = &self.plan
        cdef Py_ssize_t count = len(<tuple>lists[0]), j, k
        cdef cnp.ndarray a, first
        cdef tuple arrays
        self.lists = lists
        plan.lists = len(lists)
        plan.variables = count
        self.memory = PyMem_Malloc(
            plan.lists * count * sizeof(void*)
            + (3 * count + 1) * sizeof(Py_ssize_t)
            + count * sizeof(Rows)
        )
        if self.memory == NULL:
            raise MemoryError
        plan.data = <void**>self.memory
        plan.sizes = <Py_ssize_t*>(plan.data + plan.lists * count)
        plan.is_double = plan.sizes + count
        plan.first = plan.is_double + count
        plan.rows = <Rows*>(plan.first + count + 1)
        plan.zeros_do_nothing = False
        for j in range(plan.lists):
            arrays = lists[j]
            if arrays is None:
                for k in range(count):
                    plan.data[j * count + k] = NULL
                continue
            if len(arrays) != count:
                raise ValueError(
                    f"{names[j]} holds {len(arrays)} arrays and {names[0]} {count}: "
                    "every list has one array for each variable"
                )
            for k in range(count):
                if j == 1:
                    plan.rows[k].named = NULL
                    if type(arrays[k]) is tuple:
                        note_rows(&plan.rows[k], k, arrays[k], (<tuple>lists[0])[k])
                        plan.data[count + k] = NULL
                        continue
                if not cnp.PyArray_Check(arrays[k]):
                    raise TypeError(
                        f"{names[j]}[{k}] must be a NumPy array, got {type(arrays[k]).__name__}"
                    )
                a = arrays[k]
                first = (<tuple>lists[0])[k]
                if j == 0:
                    plan.is_double[k] = real_type(a) == cnp.NPY_DOUBLE
                    plan.sizes[k] = size(a)
                elif cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(first) or not same_shape(a, first):
                    raise ValueError(
                        f"{names[j]}[{k}] has dtype {a.dtype} and shape {np.shape(a)}, but "
                        f"{names[0]}[{k}] has {first.dtype} and {np.shape(first)}"
                    )
                if j != 1 and not cnp.PyArray_ISCARRAY(a):
                    raise ValueError(
                        f"{names[j]}[{k}] is updated in place, so it must be writeable and "
                        "C-contiguous: pass numpy.array(a, order='C')"
                    )
                plan.data[j * count + k] = cnp.PyArray_DATA(a)
        plan.first[0] = 0
        plan.elements = 0
        for k in range(count):
            plan.first[k + 1] = plan.first[k] + (plan.sizes[k] + CHUNK - 1) // CHUNK
            plan.elements += plan.sizes[k]
        return 0

    cdef void run(
        self, kernel32_t kernel32, kernel64_t kernel64, const double* p, double cost
    ) noexcept:
        """Call the kernel on every chunk; `cost` is its rough number of operations an element."""
        cdef UpdatePlan* plan = &self.plan
        cdef Stage update = stage(update_task, plan.first[plan.variables], plan)
        plan.kernel32, plan.kernel64, plan.p, plan.step = kernel32, kernel64, p, 0
        self.start(&update, 1, cost)

    cdef void start(self, const Stage* stages, int count, double cost) noexcept:
        if self.plan.elements < FREE_THE_GIL:
            run_stages(stages, count, cost * self.plan.elements)
        else:
            with nogil:
                run_stages(stages, count, cost * self.plan.elements)

    cdef int clip_norms(self, double limit, bint is_global) except -1:
        """Multiply gradients by what brings their norms, or the norm of all, down to the limit."""
        cdef UpdatePlan* plan = &self.plan
        cdef Py_ssize_t chunks = plan.first[plan.variables]
        cdef Stage[3] stages
        cdef cnp.ndarray memory = new_vector(chunks + plan.variables + 1, cnp.NPY_DOUBLE)
        plan.factors = <double*>cnp.PyArray_DATA(memory)
        plan.sums = plan.factors + plan.variables + 1
        plan.limit, plan.is_global = limit, is_global
        plan.kernel32, plan.kernel64 = multiply[float], multiply[double]
        plan.p, plan.step = plan.factors, 0 if is_global else 1
        stages[0] = stage(square_sum_task, chunks, plan)
        stages[1] = stage(norm_factors_task, 1, plan)
        stages[2] = stage(update_task, chunks, plan)
        self.start(stages, 3, 3)
        return 0


cdef _Arrays check(tuple lists, tuple names):
    cdef _Arrays arrays = _Arrays.__new__(_Arrays)
    arrays.note_lists(lists, names)
    return arrays


cdef tuple ordered(object gradients):
    """Arrays that are only read may be strided: then in C order, as copies."""
    cdef tuple arrays = tuple(gradients)
    for a in arrays:
        if not cnp.PyArray_Check(a) or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a):
            return tuple([as_type(a, cnp.PyArray_TYPE(np.asarray(a))) for a in arrays])
    return arrays


cdef tuple ordered_rows(object gradients):
    """`ordered` for the gradients of a rule, of which some may be pairs (rows, values)."""
    cdef tuple arrays = tuple(gradients)
    for a in arrays:
        if type(a) is tuple:
            return tuple([
                ordered_pair(a) if type(a) is tuple else ordered((a,))[0] for a in arrays
            ])
    return ordered(arrays)


cdef tuple ordered_pair(tuple pair):
    """One of them: the row numbers as int64."""
    if len(pair) != 2:
        raise ValueError(
            f"a gradient is an array or a pair (rows, values), got a tuple of {len(pair)}"
        )
    rows, values = pair
    return as_type(rows, cnp.NPY_INT64), ordered((values,))[0]


cdef tuple optional(object arrays):
    return None if arrays is None else tuple(arrays)


cdef double correction(double beta, double step) except 0:
    """The bias correction 1 - beta^step: what share of a moving average is not its zero start."""
    cdef double share = 1 - pow(beta, step)
    if share == 0:
        raise ValueError(f"1 - beta^step is zero for beta = {beta} and step = {step}")
    return share


def sgd_update_(variables, gradients, learning_rate):
    """Twin of reference.optimizers.sgd_update_. All variables in one pass, no temporary arrays.

    Chunks without a row that has a gradient are skipped.
    """
    cdef double p = learning_rate
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients)), ("variables", "gradients")
    )
    arrays.plan.zeros_do_nothing = 0 < p < 1e38  # not if 0 * p could be NaN or -0
    arrays.run(sgd[float], sgd[double], &p, 2)


def momentum_update_(variables, gradients, momentums, learning_rate, momentum, nesterov):
    """Twin of reference.optimizers.momentum_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, momentum, bool(nesterov)]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.run(momentum_step[float], momentum_step[double], p, 4)


def adagrad_update_(variables, gradients, accumulators, learning_rate, epsilon):
    """Twin of reference.optimizers.adagrad_update_. All variables in one pass."""
    cdef double[2] p = [learning_rate, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(accumulators)),
        ("variables", "gradients", "accumulators"),
    )
    arrays.run(adagrad[float], adagrad[double], p, 10)


def rmsprop_update_(
    variables, gradients, velocities, average_gradients, momentums,
    learning_rate, rho, momentum, epsilon,
):
    """Twin of reference.optimizers.rmsprop_update_. All variables in one pass."""
    cdef double[4] p = [learning_rate, rho, momentum, epsilon]
    cdef _Arrays arrays = check(
        (
            tuple(variables), ordered_rows(gradients), tuple(velocities),
            optional(average_gradients), optional(momentums),
        ),
        ("variables", "gradients", "velocities", "average_gradients", "momentums"),
    )
    arrays.run(rmsprop[float], rmsprop[double], p, 12)


def adadelta_update_(
    variables, gradients, accumulated_gradients, accumulated_deltas, learning_rate, rho, epsilon
):
    """Twin of reference.optimizers.adadelta_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, rho, epsilon]
    cdef _Arrays arrays = check(
        (
            tuple(variables), ordered_rows(gradients),
            tuple(accumulated_gradients), tuple(accumulated_deltas),
        ),
        ("variables", "gradients", "accumulated_gradients", "accumulated_deltas"),
    )
    arrays.run(adadelta[float], adadelta[double], p, 16)


def adam_update_(
    variables, gradients, momentums, velocities, velocity_hats,
    step, learning_rate, beta_1, beta_2, epsilon,
):
    """Twin of reference.optimizers.adam_update_. Each number crosses the memory bus once."""
    # The bias corrections of both moments, in the learning rate.
    cdef double alpha = learning_rate * sqrt(correction(beta_2, step)) / correction(beta_1, step)
    cdef double[4] p = [alpha, beta_1, beta_2, epsilon]
    cdef _Arrays arrays = check(
        (
            tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(velocities),
            optional(velocity_hats),
        ),
        ("variables", "gradients", "momentums", "velocities", "velocity_hats"),
    )
    arrays.run(adam[float], adam[double], p, 12)


def adamax_update_(
    variables, gradients, momentums, norms, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.optimizers.adamax_update_. All variables in one pass."""
    cdef double[4] p = [learning_rate / correction(beta_1, step), beta_1, beta_2, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(norms)),
        ("variables", "gradients", "momentums", "norms"),
    )
    arrays.run(adamax[float], adamax[double], p, 8)


def nadam_update_(
    variables, gradients, momentums, velocities,
    step, mu_product, learning_rate, beta_1, beta_2, epsilon,
):
    """Twin of reference.optimizers.nadam_update_. All variables in one pass."""
    cdef double t = step, first = beta_1
    cdef double mu = first * (1 - 0.5 * pow(0.96, t))
    cdef double mu_next = first * (1 - 0.5 * pow(0.96, t + 1))
    cdef double product = mu_product * mu
    cdef double[7] p = [
        learning_rate, beta_1, beta_2, epsilon,
        mu_next / (1 - product * mu_next), (1 - mu) / (1 - product), correction(beta_2, t),
    ]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(velocities)),
        ("variables", "gradients", "momentums", "velocities"),
    )
    arrays.run(nadam[float], nadam[double], p, 16)
    return product


def ftrl_update_(
    variables, gradients, accumulators, linears, learning_rate, learning_rate_power,
    l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength,
    beta,
):
    """Twin of reference.optimizers.ftrl_update_. A power of 1/2 is a root, which vectorises."""
    cdef double[6] p = [
        learning_rate, learning_rate_power, l1_regularization_strength,
        l2_regularization_strength, l2_shrinkage_regularization_strength, beta,
    ]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(accumulators), tuple(linears)),
        ("variables", "gradients", "accumulators", "linears"),
    )
    arrays.run(ftrl[float], ftrl[double], p, 20)


def lion_update_(variables, gradients, momentums, learning_rate, beta_1, beta_2):
    """Twin of reference.optimizers.lion_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, beta_1, beta_2]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.run(lion[float], lion[double], p, 6)


def schedule_free_adamw_update_(
    variables, gradients, momentums, velocities, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.optimizers.schedule_free_adamw_update_. All variables in one pass."""
    cdef double[6] p = [learning_rate, beta_1, beta_2, epsilon, correction(beta_2, step), step]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(velocities)),
        ("variables", "gradients", "momentums", "velocities"),
    )
    arrays.run(schedule_free[float], schedule_free[double], p, 12)


def decay_weights_(variables, learning_rate, weight_decay):
    """Twin of reference.optimizers.decay_weights_. All variables in one pass."""
    cdef double rate = learning_rate, decay = weight_decay
    cdef double p = rate * decay
    cdef _Arrays arrays = check((tuple(variables),), ("variables",))
    arrays.run(shrink[float], shrink[double], &p, 2)


def clip_by_value_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_value_. All gradients in one pass."""
    cdef double p = limit
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    arrays.run(clip[float], clip[double], &p, 2)


def clip_by_norm_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_norm_. Chunks have partial sums, added in order."""
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    arrays.clip_norms(limit, False)


def clip_by_global_norm_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_global_norm_. The norm as in clip_by_norm_."""
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    arrays.clip_norms(limit, True)


def average_(averages, variables, momentum):
    """Twin of reference.optimizers.average_. All variables in one pass."""
    cdef double p = momentum
    cdef _Arrays arrays = check((tuple(averages), ordered(variables)), ("averages", "variables"))
    arrays.run(mix[float], mix[double], &p, 3)


def accumulate_(accumulators, gradients):
    """Twin of reference.optimizers.accumulate_. All variables in one pass."""
    cdef _Arrays arrays = check(
        (tuple(accumulators), ordered(gradients)), ("accumulators", "gradients")
    )
    arrays.run(add[float], add[double], NULL, 2)


def divide_(quotients, gradients, divisor):
    """Twin of reference.optimizers.divide_. All gradients in one pass."""
    cdef double p = divisor
    cdef _Arrays arrays = check((tuple(quotients), ordered(gradients)), ("quotients", "gradients"))
    arrays.run(quotient[float], quotient[double], &p, 4)
