"""Twins of reference.optimizers: one call updates all the variables of a model.

(a) A public function turns its hyper-parameters into a few doubles and its lists into `_Arrays`.
(b) `_Arrays` checks every array once and notes where its numbers lie. Nothing is written before all
    checks have passed.
(c) Each variable is cut into chunks of CHUNK elements; the chunks of all the variables are one
    loop for the threads. Where a chunk begins does not depend on the threads.
(d) A kernel is the update rule on one chunk (kernels/update_rules.pxd).

The first list of a call is written, the second is read, all others are written.

A gradient that comes as (rows, values) is spread out chunk by chunk, on the stack: the kernels see
the same zeros in the same places as in a whole array, and give the same bits, but nobody fills and
reads that array in main memory.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport NAN, isfinite, pow, sqrt
from libc.string cimport memcpy

from .kernels.arrays cimport as_type, new_vector, real, real_type, same_shape, size
from .kernels.indexed_slices cimport Rows, note_rows, spread_rows
from .kernels.threads cimport Recorder, Stage, recorder, refuse_plan, run_chunks, run_stages, stage
from .kernels.update_rules cimport (
    adadelta, adagrad, adam, adamax, add, clip, ftrl, larger, lion, mix, momentum_step, multiply,
    nadam, quotient, rmsprop, schedule_free, sgd, shrink,
)

import numpy as np

cnp.import_array()

# A kernel in both types.
ctypedef void (*kernel32_t)(float** at, Py_ssize_t n, const double* p) noexcept nogil
ctypedef void (*kernel64_t)(double** at, Py_ssize_t n, const double* p) noexcept nogil

cdef enum:
    CHUNK = 4096  # five arrays of 16 KB: a chunk stays in the second-level cache
    MOST_LISTS = 5
    MOST_OPTIONS = 8
    FREE_THE_GIL = 16384  # elements from which letting other Python threads run pays


cdef struct UpdatePlan

ctypedef void (*numbers_t)(UpdatePlan* plan) noexcept nogil

cdef struct UpdatePlan:
    kernel32_t kernel32  # for float32 variables
    kernel64_t kernel64  # for float64 variables
    const double* p      # hyper-parameters: variable k has p + k * step
    double options[MOST_OPTIONS]  # where p points if all variables have the same
    numbers_t numbers    # what sets them anew in every step of a plan, or NULL
    double number        # of the step, from 1
    double rate          # the learning rate
    double beta_1        # what else `numbers` needs
    double beta_2
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


# The options that change from step to step.


cdef void numbers_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef UpdatePlan* plan = (<UpdatePlan**>context)[0]
    plan.number += 1
    plan.numbers(plan)


cdef struct Skip:
    UpdatePlan* plan
    double count


cdef void skip_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Skip* s = <const Skip*>context
    s.plan.number += s.count


cdef void rate_alone(UpdatePlan* plan) noexcept nogil:
    plan.options[0] = plan.rate


cdef void adam_numbers(UpdatePlan* plan) noexcept nogil:
    """The bias corrections of both moments, in the learning rate."""
    cdef double first = 1 - pow(plan.beta_1, plan.number)
    cdef double second = 1 - pow(plan.beta_2, plan.number)
    plan.options[0] = plan.rate * sqrt(second) / first


cdef void adamax_numbers(UpdatePlan* plan) noexcept nogil:
    """The bias correction of the first moment, in the learning rate."""
    plan.options[0] = plan.rate / (1 - pow(plan.beta_1, plan.number))


cdef void decay_numbers(UpdatePlan* plan) noexcept nogil:
    """beta_1 is the weight decay."""
    plan.options[0] = plan.rate * plan.beta_1


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
        plan.numbers = NULL
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
        self, kernel32_t kernel32, kernel64_t kernel64, const double* p, int count, double cost
    ) noexcept:
        """Call the kernel on every chunk; `cost` is its rough number of operations an element."""
        cdef UpdatePlan* plan = &self.plan
        cdef Stage update = stage(update_task, plan.first[plan.variables], plan, sizeof(UpdatePlan))
        if p != NULL:
            memcpy(plan.options, p, count * sizeof(double))
        plan.kernel32, plan.kernel64 = kernel32, kernel64
        plan.p, plan.step = plan.options, 0
        self.start(&update, 1, cost)

    cdef void follow(
        self, numbers_t numbers, double number, double rate, double beta_1, double beta_2
    ) noexcept:
        """Name what sets the options anew in each step of a plan, and what it needs."""
        cdef UpdatePlan* plan = &self.plan
        plan.numbers, plan.number, plan.rate = numbers, number, rate
        plan.beta_1, plan.beta_2 = beta_1, beta_2

    def restart(self, double number, double rate):
        """In a plan: the number of the last step before its next run, and the learning rate."""
        self.plan.number, self.plan.rate = number, rate

    def skip(self, double count):
        """So many steps are made by others, in each run of the plan that is being made."""
        cdef Skip s
        s.plan, s.count = &self.plan, count
        if recorder() != NULL:
            recorder().keep(recorder(), self)
        run_chunks(skip_task, 1, &s, sizeof(Skip), 1)

    cdef void start(self, const Stage* stages, int count, double cost) noexcept:
        cdef UpdatePlan* plan = &self.plan
        cdef Recorder* by = recorder()
        cdef Stage numbers
        if by != NULL:
            by.keep(by, self)
            if plan.numbers != NULL:  # done for this step; only noted for the next
                numbers = stage(numbers_task, 1, &plan, sizeof(plan))
                by.note(by, &numbers, 1, 0)
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
        stages[0] = stage(square_sum_task, chunks, plan, sizeof(UpdatePlan))
        stages[1] = stage(norm_factors_task, 1, plan, sizeof(UpdatePlan))
        stages[2] = stage(update_task, chunks, plan, sizeof(UpdatePlan))
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
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(sgd[float], sgd[double], &p, 1, 2)


def momentum_update_(variables, gradients, momentums, learning_rate, momentum, nesterov):
    """Twin of reference.optimizers.momentum_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, momentum, bool(nesterov)]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(momentum_step[float], momentum_step[double], p, 3, 4)


def adagrad_update_(variables, gradients, accumulators, learning_rate, epsilon):
    """Twin of reference.optimizers.adagrad_update_. All variables in one pass."""
    cdef double[2] p = [learning_rate, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(accumulators)),
        ("variables", "gradients", "accumulators"),
    )
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(adagrad[float], adagrad[double], p, 2, 10)


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
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(rmsprop[float], rmsprop[double], p, 4, 12)


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
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(adadelta[float], adadelta[double], p, 3, 16)


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
    arrays.follow(adam_numbers, step, learning_rate, beta_1, beta_2)
    arrays.run(adam[float], adam[double], p, 4, 12)


def adamax_update_(
    variables, gradients, momentums, norms, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.optimizers.adamax_update_. All variables in one pass."""
    cdef double[4] p = [learning_rate / correction(beta_1, step), beta_1, beta_2, epsilon]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(norms)),
        ("variables", "gradients", "momentums", "norms"),
    )
    arrays.follow(adamax_numbers, step, learning_rate, beta_1, 0)
    arrays.run(adamax[float], adamax[double], p, 4, 8)


def nadam_update_(
    variables, gradients, momentums, velocities,
    step, mu_product, learning_rate, beta_1, beta_2, epsilon,
):
    """Twin of reference.optimizers.nadam_update_. All variables in one pass."""
    refuse_plan("Nadam's step depends on all the steps before")
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
    arrays.run(nadam[float], nadam[double], p, 7, 16)
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
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(ftrl[float], ftrl[double], p, 6, 20)


def lion_update_(variables, gradients, momentums, learning_rate, beta_1, beta_2):
    """Twin of reference.optimizers.lion_update_. All variables in one pass."""
    cdef double[3] p = [learning_rate, beta_1, beta_2]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums)),
        ("variables", "gradients", "momentums"),
    )
    arrays.follow(rate_alone, 0, learning_rate, 0, 0)
    arrays.run(lion[float], lion[double], p, 3, 6)


def schedule_free_adamw_update_(
    variables, gradients, momentums, velocities, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.optimizers.schedule_free_adamw_update_. All variables in one pass."""
    cdef double[6] p = [learning_rate, beta_1, beta_2, epsilon, correction(beta_2, step), step]
    cdef _Arrays arrays = check(
        (tuple(variables), ordered_rows(gradients), tuple(momentums), tuple(velocities)),
        ("variables", "gradients", "momentums", "velocities"),
    )
    refuse_plan("schedule-free averages depend on the number of the step")
    arrays.run(schedule_free[float], schedule_free[double], p, 6, 12)


def decay_weights_(variables, learning_rate, weight_decay):
    """Twin of reference.optimizers.decay_weights_. All variables in one pass."""
    cdef double rate = learning_rate, decay = weight_decay
    cdef double p = rate * decay
    cdef _Arrays arrays = check((tuple(variables),), ("variables",))
    arrays.follow(decay_numbers, 0, rate, decay, 0)
    arrays.run(shrink[float], shrink[double], &p, 1, 2)


def clip_by_value_(clipped, gradients, limit):
    """Twin of reference.optimizers.clip_by_value_. All gradients in one pass."""
    cdef double p = limit
    cdef _Arrays arrays = check((tuple(clipped), ordered(gradients)), ("clipped", "gradients"))
    arrays.run(clip[float], clip[double], &p, 1, 2)


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
    arrays.run(mix[float], mix[double], &p, 1, 3)


def accumulate_(accumulators, gradients):
    """Twin of reference.optimizers.accumulate_. All variables in one pass."""
    cdef _Arrays arrays = check(
        (tuple(accumulators), ordered(gradients)), ("accumulators", "gradients")
    )
    arrays.run(add[float], add[double], NULL, 0, 2)


def divide_(quotients, gradients, divisor):
    """Twin of reference.optimizers.divide_. All gradients in one pass."""
    cdef double p = divisor
    cdef _Arrays arrays = check((tuple(quotients), ordered(gradients)), ("quotients", "gradients"))
    arrays.run(quotient[float], quotient[double], &p, 1, 4)
