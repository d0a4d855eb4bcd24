"""Twins of reference.optimizers: one call walks over all the variables of a model.

(a) A public function turns its hyper-parameters into a few doubles and its lists into `_Arrays`.
(b) `_Arrays` checks every array once and notes where its numbers lie. Nothing is written before all
    checks have passed.
(c) Each variable is cut into chunks of CHUNK elements; the chunks of all the variables are one
    loop for run_chunks. Where a chunk begins does not depend on the threads.
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
from .kernels.threads cimport run_chunks, task_t

import numpy as np

cnp.import_array()

# The pointers really are real*, of the type that the variable has.
ctypedef void (*kernel_t)(void** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # five arrays of 16 KB: a chunk stays in the second-level cache
    MOST_LISTS = 5
    FREE_THE_GIL = 16384  # elements from which letting other Python threads run pays


cdef struct Plan:
    kernel_t single      # for float32 variables
    kernel_t wide        # for float64 variables
    const double* p      # hyper-parameters: variable k has p + k * step
    Py_ssize_t step
    Py_ssize_t lists
    Py_ssize_t variables
    Py_ssize_t elements  # in all variables together
    void** data          # [list][variable], NULL where the list is None
    Py_ssize_t* sizes    # elements of each variable
    Py_ssize_t* is_wide  # whether a variable is float64
    Py_ssize_t* first    # first chunk of each variable, and at last the number of chunks
    Rows* rows           # of the second list: one for each variable
    bint zeros_do_nothing  # whether an element whose gradient is zero stays as it is
    double* sums         # one for each chunk


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
    cdef real rate = <real> p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= rate * g[i]


cdef void momentum_step(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real rate = <real> p[0], momentum = <real> p[1]
    cdef bint nesterov = p[2] != 0
    cdef real velocity
    cdef Py_ssize_t i
    for i in range(n):
        velocity = momentum * m[i] - rate * g[i]
        m[i] = velocity
        if nesterov:
            w[i] += momentum * velocity - rate * g[i]
        else:
            w[i] += velocity


cdef void adagrad(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real rate = <real> p[0], epsilon = <real> p[1]
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i] * g[i]
        w[i] -= rate * g[i] / root(a[i] + epsilon)


cdef void rmsprop(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* v = at[2]  # IN and OUT
    cdef real* a = at[3]  # IN and OUT, or NULL
    cdef real* m = at[4]  # IN and OUT, or NULL
    cdef real rate = <real> p[0], rho = <real> p[1], rest = <real> (1 - p[1])
    cdef real momentum = <real> p[2], epsilon = <real> p[3]
    cdef real spread, d
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = rho * v[i] + rest * (g[i] * g[i])
        spread = v[i]
        if a != NULL:
            a[i] = rho * a[i] + rest * g[i]
            spread = spread - a[i] * a[i]
        d = rate * g[i] / root(spread + epsilon)
        if m != NULL:
            d = momentum * m[i] + d
            m[i] = d
        w[i] -= d


cdef void adadelta(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real* u = at[3]  # IN and OUT
    cdef real rate = <real> p[0], rho = <real> p[1], rest = <real> (1 - p[1])
    cdef real epsilon = <real> p[2]
    cdef real d
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = rho * a[i] + rest * (g[i] * g[i])
        d = g[i] * root(u[i] + epsilon) / root(a[i] + epsilon)
        u[i] = rho * u[i] + rest * (d * d)
        w[i] -= rate * d


cdef void adam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* v = at[3]  # IN and OUT
    cdef real* h = at[4]  # IN and OUT, or NULL
    cdef real alpha = <real> p[0], epsilon = <real> p[3]
    cdef real beta_1 = <real> p[1], rest_1 = <real> (1 - p[1])
    cdef real beta_2 = <real> p[2], rest_2 = <real> (1 - p[2])
    cdef real square
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        square = beta_2 * v[i] + rest_2 * (g[i] * g[i])
        v[i] = square
        if h != NULL:
            square = larger(h[i], square)
            h[i] = square
        w[i] -= alpha * m[i] / (root(square) + epsilon)


cdef void adamax(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* u = at[3]  # IN and OUT
    cdef real alpha = <real> p[0], epsilon = <real> p[3]
    cdef real beta_1 = <real> p[1], rest_1 = <real> (1 - p[1]), beta_2 = <real> p[2]
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        u[i] = larger(beta_2 * u[i], magnitude(g[i]))
        w[i] -= alpha * m[i] / (u[i] + epsilon)


cdef void nadam(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real* v = at[3]  # IN and OUT
    cdef real rate = <real> p[0], epsilon = <real> p[3]
    cdef real beta_1 = <real> p[1], rest_1 = <real> (1 - p[1])
    cdef real beta_2 = <real> p[2], rest_2 = <real> (1 - p[2])
    cdef real for_momentum = <real> p[4], for_gradient = <real> p[5], correction = <real> p[6]
    cdef real m_hat
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * (g[i] * g[i])
        m_hat = for_momentum * m[i] + for_gradient * g[i]
        w[i] -= rate * m_hat / (root(v[i] / correction) + epsilon)


cdef void ftrl(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* a = at[2]  # IN and OUT
    cdef real* z = at[3]  # IN and OUT
    cdef real rate = <real> p[0], exponent = <real> -p[1], l1 = <real> p[2]
    cdef real l2 = <real> (2 * p[3]), shrinkage = <real> (2 * p[4]), beta = <real> p[5]
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
            old_power = <real> pow(a[i], exponent)
            a[i] += g[i] * g[i]
            power = <real> pow(a[i], exponent)
            z[i] += g[i] + shrinkage * w[i] - (power - old_power) / rate * w[i]
            w[i] = (clipped(z[i], l1) - z[i]) / ((beta + power) / rate + l2)


cdef void lion(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef real* m = at[2]  # IN and OUT
    cdef real rate = <real> p[0]
    cdef real beta_1 = <real> p[1], rest_1 = <real> (1 - p[1])
    cdef real beta_2 = <real> p[2], rest_2 = <real> (1 - p[2])
    cdef real mix
    cdef Py_ssize_t i
    for i in range(n):
        mix = beta_1 * m[i] + rest_1 * g[i]
        mix = 1 if mix > 0 else -1 if mix < 0 else mix  # the last: 0 and NaN
        w[i] -= rate * mix
        m[i] = beta_2 * m[i] + rest_2 * g[i]


cdef void shrink(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* w = at[0]  # IN and OUT
    cdef real decay = <real> p[0]
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= decay * w[i]


cdef void clip(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real limit = <real> p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = clipped(g[i], limit)


cdef void multiply(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real factor = <real> p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = factor * g[i]


cdef void quotient(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* y = at[0]  # OUT
    cdef const real* g = at[1]  # IN
    cdef real divisor = <real> p[0]
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = g[i] / divisor


cdef void mix(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* w = at[1]  # IN
    cdef real momentum = <real> p[0], rest = <real> (1 - p[0])
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = momentum * a[i] + rest * w[i]


cdef void add(real** at, Py_ssize_t n, const double* p) noexcept nogil:
    cdef real* a = at[0]  # IN and OUT
    cdef const real* g = at[1]  # IN
    cdef Py_ssize_t i
    for i in range(n):
        a[i] += g[i]


# Tier 2: from a chunk to its kernel.


cdef inline Py_ssize_t variable_of(const Plan* plan, Py_ssize_t chunk) noexcept nogil:
    """The variable to which a chunk belongs: the last one that does not begin after it."""
    cdef Py_ssize_t low = 0, high = plan.variables, middle
    while high - low > 1:
        middle = (low + high) // 2
        if plan.first[middle] <= chunk:
            low = middle
        else:
            high = middle
    return low


cdef void run_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    """Hand one chunk to the kernel."""
    cdef Plan* plan = <Plan*> context
    cdef Py_ssize_t k = variable_of(plan, chunk)
    cdef Py_ssize_t begin = (chunk - plan.first[k]) * CHUNK
    cdef Py_ssize_t count = min(<Py_ssize_t> CHUNK, plan.sizes[k] - begin)
    cdef Py_ssize_t offset = begin * (sizeof(double) if plan.is_wide[k] else sizeof(float))
    cdef kernel_t kernel = plan.wide if plan.is_wide[k] else plan.single
    cdef void* at[MOST_LISTS]
    cdef void* start
    cdef Py_ssize_t j
    for j in range(plan.lists):
        start = plan.data[j * plan.variables + k]
        at[j] = NULL if start == NULL else <char*> start + offset
    if plan.lists > 1 and plan.rows[k].named != NULL:
        run_on_rows(plan, k, kernel, at, begin, count)
    else:
        kernel(at, count, plan.p + k * plan.step)


cdef void run_on_rows(
    const Plan* plan, Py_ssize_t k, kernel_t kernel, void** at, Py_ssize_t begin, Py_ssize_t count
) noexcept nogil:
    """Spread out the part of a gradient that a chunk needs, and hand both to the kernel."""
    cdef double[CHUNK] whole
    cdef Py_ssize_t item = sizeof(double) if plan.is_wide[k] else sizeof(float)
    if spread_rows(&plan.rows[k], begin, count, item, <char*> whole, plan.zeros_do_nothing):
        at[1] = whole
        kernel(at, count, plan.p + k * plan.step)


cdef double square_sum(const real* x, Py_ssize_t n) noexcept nogil:
    """The sum of squares in double, as eight sums side by side: a vector or two."""
    cdef double[8] sums
    cdef double total = 0
    cdef Py_ssize_t i, j, whole = n - n % 8
    for j in range(8):
        sums[j] = 0
    for i in range(0, whole, 8):
        for j in range(8):
            sums[j] += <double> x[i + j] * <double> x[i + j]
    for i in range(whole, n):
        total += <double> x[i] * <double> x[i]
    for j in range(8):
        total += sums[j]
    return total


cdef void sum_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    """Note the sum of squares of one chunk of the gradients, the second list."""
    cdef Plan* plan = <Plan*> context
    cdef Py_ssize_t k = variable_of(plan, chunk)
    cdef Py_ssize_t begin = (chunk - plan.first[k]) * CHUNK
    cdef Py_ssize_t count = min(<Py_ssize_t> CHUNK, plan.sizes[k] - begin)
    cdef void* gradient = plan.data[plan.variables + k]
    if plan.is_wide[k]:
        plan.sums[chunk] = square_sum(<const double*> gradient + begin, count)
    else:
        plan.sums[chunk] = square_sum(<const float*> gradient + begin, count)


# Tier 1.


@cython.final
@cython.freelist(4)
cdef class _Arrays:
    """The checked arrays of one call, kept alive, and the Plan that points into them."""

    cdef Plan plan
    cdef tuple lists
    cdef void* memory

    def __dealloc__(self):
        PyMem_Free(self.memory)

    cdef int look_at(self, tuple lists, tuple names) except -1:
        """Check the arrays of all the lists and note where they lie. A list may be None."""
        cdef Plan* plan = &self.plan
        cdef Py_ssize_t count = len(<tuple> lists[0]), j, k
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
        plan.data = <void**> self.memory
        plan.sizes = <Py_ssize_t*> (plan.data + plan.lists * count)
        plan.is_wide = plan.sizes + count
        plan.first = plan.is_wide + count
        plan.rows = <Rows*> (plan.first + count + 1)
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
                        note_rows(&plan.rows[k], k, arrays[k], (<tuple> lists[0])[k])
                        plan.data[count + k] = NULL
                        continue
                if not cnp.PyArray_Check(arrays[k]):
                    raise TypeError(
                        f"{names[j]}[{k}] must be a NumPy array, got {type(arrays[k]).__name__}"
                    )
                a = arrays[k]
                first = (<tuple> lists[0])[k]
                if j == 0:
                    plan.is_wide[k] = real_type(a) == cnp.NPY_DOUBLE
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
        self, kernel_t single, kernel_t wide, const double* p, double cost, Py_ssize_t step=0
    ) noexcept:
        """Call the kernel on every chunk; `cost` is its rough number of operations an element."""
        self.plan.single = single
        self.plan.wide = wide
        self.plan.p = p
        self.plan.step = step
        self.for_each_chunk(run_chunk, cost)

    cdef void for_each_chunk(self, task_t task, double cost) noexcept:
        cdef Plan* plan = &self.plan
        cdef Py_ssize_t chunks = plan.first[plan.variables]
        if plan.elements < FREE_THE_GIL:
            run_chunks(task, chunks, plan, cost * plan.elements)
        else:
            with nogil:
                run_chunks(task, chunks, plan, cost * plan.elements)

    cdef int square_sums(self, double* totals) except -1:
        """The sum of squares of each gradient: the sums of its chunks, added in their order."""
        cdef Plan* plan = &self.plan
        cdef Py_ssize_t k, chunk
        plan.sums = <double*> PyMem_Malloc((plan.first[plan.variables] + 1) * sizeof(double))
        if plan.sums == NULL:
            raise MemoryError
        self.for_each_chunk(sum_chunk, 1)
        for k in range(plan.variables):
            totals[k] = 0
            for chunk in range(plan.first[k], plan.first[k + 1]):
                totals[k] += plan.sums[chunk]
        PyMem_Free(plan.sums)
        return 0


cdef _Arrays check(tuple lists, tuple names):
    cdef _Arrays arrays = _Arrays.__new__(_Arrays)
    arrays.look_at(lists, names)
    return arrays


cdef tuple ordered(object gradients):
    """Arrays that are only read may be strided: then in C order, as copies."""
    cdef tuple arrays = tuple(gradients)
    for a in arrays:
        if not cnp.PyArray_Check(a) or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> a):
            return tuple([as_type(a, cnp.PyArray_TYPE(np.asarray(a))) for a in arrays])
    return arrays


cdef tuple ordered_rows(object gradients):
    """`ordered` for the gradients of a rule, of which some may be pairs (rows, values)."""
    cdef tuple arrays = tuple(gradients)
    for a in arrays:
        if type(a) is tuple:
            return tuple([
                (as_type(a[0], cnp.NPY_INT64), *ordered(a[1:])) if type(a) is tuple
                else ordered((a,))[0]
                for a in arrays
            ])
    return ordered(arrays)


cdef tuple optional(object arrays):
    return None if arrays is None else tuple(arrays)


cdef double correction(double beta, double step) except 0:
    """1 - beta^step, the share of an average that is no longer its zero start."""
    cdef double share = 1 - pow(beta, step)
    if share == 0:
        raise ZeroDivisionError(f"1 - beta^step is zero for beta = {beta} and step = {step}")
    return share


def sgd_update_(variables, gradients, learning_rate):
    """Twin of reference.optimizers.sgd_update_. All variables in one pass, no temporary arrays.

    Chunks without a row that has a gradient are passed over.
    """
    cdef double p = learning_rate
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients)), ("variables", "gradients")
    )
    arrays.plan.zeros_do_nothing = 0 < p < 1e38  # not if 0 * p could be NaN or -0
    arrays.run(<kernel_t> sgd[float], <kernel_t> sgd[double], &p, 2)


def momentum_update_(variables, gradients, momentums, learning_rate, momentum, nesterov):
    """Twin of reference.optimizers.momentum_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, momentum, bool(nesterov)]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.run(<kernel_t> momentum_step[float], <kernel_t> momentum_step[double], p, 4)


def adagrad_update_(variables, gradients, accumulators, learning_rate, epsilon):
    """Twin of reference.optimizers.adagrad_update_. All variables in one pass."""
    cdef double[2] p = [learning_rate, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(accumulators)),
        ("variables", "gradients", "accumulators"),
    )
    arrays.run(<kernel_t> adagrad[float], <kernel_t> adagrad[double], p, 10)


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
    arrays.run(<kernel_t> rmsprop[float], <kernel_t> rmsprop[double], p, 12)


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
    arrays.run(<kernel_t> adadelta[float], <kernel_t> adadelta[double], p, 16)


def adam_update_(
    variables, gradients, momentums, velocities, velocity_hats,
    step, learning_rate, beta_1, beta_2, epsilon,
):
    """Twin of reference.optimizers.adam_update_. Each number crosses the memory bus once."""
    cdef double alpha = learning_rate * sqrt(correction(beta_2, step)) / correction(beta_1, step)
    cdef double[4] p = [alpha, beta_1, beta_2, epsilon]
    cdef _Arrays arrays = check(
        (
            tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(velocities),
            optional(velocity_hats),
        ),
        ("variables", "gradients", "momentums", "velocities", "velocity_hats"),
    )
    arrays.run(<kernel_t> adam[float], <kernel_t> adam[double], p, 12)


def adamax_update_(
    variables, gradients, momentums, norms, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.optimizers.adamax_update_. All variables in one pass."""
    cdef double[4] p = [learning_rate / correction(beta_1, step), beta_1, beta_2, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(norms)),
        ("variables", "gradients", "momentums", "norms"),
    )
    arrays.run(<kernel_t> adamax[float], <kernel_t> adamax[double], p, 8)


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
    arrays.run(<kernel_t> nadam[float], <kernel_t> nadam[double], p, 16)
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
    arrays.run(<kernel_t> ftrl[float], <kernel_t> ftrl[double], p, 20)


def lion_update_(variables, gradients, momentums, learning_rate, beta_1, beta_2):
    """Twin of reference.optimizers.lion_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, beta_1, beta_2]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.run(<kernel_t> lion[float], <kernel_t> lion[double], p, 6)


def decay_weights_(variables, learning_rate, weight_decay):
    """Twin of reference.optimizers.decay_weights_. All variables in one pass."""
    cdef double p = learning_rate * weight_decay
    cdef _Arrays arrays = check((tuple(variables),), ("variables",))
    arrays.run(<kernel_t> shrink[float], <kernel_t> shrink[double], &p, 2)


def clip_by_value_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_value_. All gradients in one pass."""
    cdef double p = limit
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    arrays.run(<kernel_t> clip[float], <kernel_t> clip[double], &p, 2)


def clip_by_norm_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_norm_. Chunks have partial sums, added in order."""
    cdef double most = limit
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    cdef Py_ssize_t k, count = arrays.plan.variables
    cdef cnp.ndarray memory = new_vector(count, cnp.NPY_DOUBLE)
    cdef double* factors = <double*> cnp.PyArray_DATA(memory)
    arrays.square_sums(factors)
    for k in range(count):
        factors[k] = most / larger(sqrt(factors[k]), most)
    arrays.run(<kernel_t> multiply[float], <kernel_t> multiply[double], factors, 2, step=1)


def clip_by_global_norm_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_global_norm_. The norm as in clip_by_norm_."""
    cdef double most = limit, norm = 0, factor
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    cdef Py_ssize_t k, count = arrays.plan.variables
    cdef cnp.ndarray memory = new_vector(count, cnp.NPY_DOUBLE)
    cdef double* sums = <double*> cnp.PyArray_DATA(memory)
    arrays.square_sums(sums)
    for k in range(count):
        norm += sums[k]
    norm = sqrt(norm)
    factor = most / larger(norm, most) if isfinite(norm) else NAN
    arrays.run(<kernel_t> multiply[float], <kernel_t> multiply[double], &factor, 2)


def average_(averages, variables, momentum):
    """Twin of reference.optimizers.average_. All variables in one pass."""
    cdef double p = momentum
    cdef _Arrays arrays = check((tuple(averages), ordered(variables)), ("averages", "variables"))
    arrays.run(<kernel_t> mix[float], <kernel_t> mix[double], &p, 3)


def accumulate_(accumulators, gradients):
    """Twin of reference.optimizers.accumulate_. All variables in one pass."""
    cdef _Arrays arrays = check(
        (tuple(accumulators), ordered(gradients)), ("accumulators", "gradients")
    )
    arrays.run(<kernel_t> add[float], <kernel_t> add[double], NULL, 2)


def divide_(quotients, gradients, divisor):
    """Twin of reference.optimizers.divide_. All gradients in one pass."""
    cdef double p = divisor
    cdef _Arrays arrays = check((tuple(quotients), ordered(gradients)), ("quotients", "gradients"))
    arrays.run(<kernel_t> quotient[float], <kernel_t> quotient[double], &p, 4)
