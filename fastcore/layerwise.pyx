"""Layer-wise optimizers, compiled: the twin of reference/layerwise.py.

The numbers of all variables are cut into chunks, which are one loop for the threads; a rule is a
few such loops, the stages of one region. What a variable needs as a whole, its norm or the means of
its columns, is gathered by one stage as partial sums, added in their order by the next and used by
a third; what lies between is computed again, which is faster than to store and read it. Muon is
matrix products, one variable after the other.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport pow, sqrt

from .kernels.arrays cimport (
    as_real, as_size, data, dim, new_vector, rank, real, real_type, same_shape, size,
)
from .kernels.fused cimport LINEAR
from .kernels.gemm cimport gemm
from .kernels.threads cimport Stage, refuse_plan, run_stages, stage
from .kernels.update_rules cimport larger, root

import numpy as np

from ..reference._shapes import check_rounds

cnp.import_array()

cdef enum:
    CHUNK = 4096   # numbers
    COLUMNS = 256  # of a matrix, in the stage that sums over its rows


# One variable with what belongs to it. A matrix is (rows, columns); a stack of them, and its w, g
# and v, are (stack, rows, columns), its r (stack, rows), its c (stack, columns).
cdef struct Place:
    void* w                  # IN and OUT
    const void* g            # IN
    void* m                  # IN and OUT
    void* v                  # IN and OUT
    void* r                  # IN and OUT of Adafactor
    void* c                  # IN and OUT of Adafactor
    Py_ssize_t count         # numbers in w
    Py_ssize_t stack
    Py_ssize_t rows
    Py_ssize_t columns
    bint is_double
    bint factored            # whether Adafactor keeps r and c of it
    Py_ssize_t first         # chunk of numbers
    Py_ssize_t first_column  # block of columns
    double* mean_of_r        # OUT (stack,)
    double factor            # OUT of a stage over variables


cdef struct Update:
    Place* places
    Py_ssize_t variables
    Py_ssize_t chunks
    Py_ssize_t column_blocks
    Py_ssize_t numbers       # in all variables
    double* squares          # (chunks, 2): partial sums of w^2 and u^2
    double step
    double rate
    double beta_1
    double beta_2
    double epsilon_1
    double epsilon_2
    double threshold


# Tier 3.

cdef inline double lengths_apart(double a, double b) noexcept nogil:
    """a / b, or 1 where one of them is not above 0."""
    return a / b if a > 0 and b > 0 else 1


cdef inline double lane_sum(const double* lanes) noexcept nogil:
    cdef double sum = 0
    cdef int k
    for k in range(8):
        sum += lanes[k]
    return sum


# Tier 2: rows of numbers. Sums run in eight lanes of double, which the compiler vectorises.

cdef double square_sum(const real* x, Py_ssize_t n) noexcept nogil:
    cdef double[8] lanes
    cdef double sum = 0
    cdef Py_ssize_t i, j, whole = n - n % 8
    for j in range(8):
        lanes[j] = 0
    for i in range(0, whole, 8):
        for j in range(8):
            lanes[j] += <double>x[i + j] * <double>x[i + j]
    for i in range(whole, n):
        sum += <double>x[i] * <double>x[i]
    return sum + lane_sum(lanes)


cdef void lamb_moments(
    const real* g, real* m, real* v, real* u, Py_ssize_t n, const Update* o
) noexcept nogil:
    cdef real beta_1 = <real>o.beta_1, rest_1 = <real>(1 - o.beta_1)
    cdef real beta_2 = <real>o.beta_2, rest_2 = <real>(1 - o.beta_2)
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = beta_1 * m[i] + rest_1 * g[i]  # first moment
        v[i] = beta_2 * v[i] + rest_2 * (g[i] * g[i])  # second moment
    lamb_direction(m, v, u, n, o)


cdef void lamb_direction(
    const real* m, const real* v, real* u, Py_ssize_t n, const Update* o
) noexcept nogil:
    cdef real first = <real>(1 - pow(o.beta_1, o.step)), second = <real>(1 - pow(o.beta_2, o.step))
    cdef real epsilon = <real>o.epsilon_1
    cdef Py_ssize_t i
    for i in range(n):
        u[i] = m[i] / first / (root(v[i] / second) + epsilon)  # bias correction of both


cdef void step_down(real* w, const real* u, real factor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= factor * u[i]


cdef void quotients(real* u, const real* g, const real* v, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        u[i] = g[i] / root(v[i])


cdef void mix_squares(
    real* v, const real* g, real beta, real rest, real epsilon, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = beta * v[i] + rest * (g[i] * g[i] + epsilon)


cdef void scaled(real* v, const real* c, real share, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = share * c[i]


cdef void add_squares(double* sums, const real* g, Py_ssize_t n, real epsilon) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] += g[i] * g[i] + epsilon


# Tier 2: from a chunk to its numbers.

cdef inline Place* place_of_chunk(const Update* o, Py_ssize_t chunk) noexcept nogil:
    """The variable to which a chunk belongs: the last one that does not begin after it."""
    cdef Py_ssize_t low = 0, high = o.variables, middle
    while high - low > 1:
        middle = (low + high) // 2
        if o.places[middle].first <= chunk:
            low = middle
        else:
            high = middle
    return &o.places[low]


cdef inline Place* place_of_columns(const Update* o, Py_ssize_t block) noexcept nogil:
    cdef Py_ssize_t low = 0, high = o.variables, middle
    while high - low > 1:
        middle = (low + high) // 2
        if o.places[middle].first_column <= block:
            low = middle
        else:
            high = middle
    return &o.places[low]


cdef void lamb_chunk(
    const Update* o, Place* p, Py_ssize_t chunk, bint last, const real* like
) noexcept nogil:
    cdef Py_ssize_t begin = (chunk - p.first) * CHUNK
    cdef Py_ssize_t n = min(<Py_ssize_t>CHUNK, p.count - begin)
    cdef real* w = <real*>p.w + begin
    cdef real* m = <real*>p.m + begin
    cdef real* v = <real*>p.v + begin
    cdef real[CHUNK] u
    if last:
        lamb_direction(<const real*>m, <const real*>v, <real*>u, n, o)
        step_down(w, <const real*>u, <real>p.factor, n)
    else:
        lamb_moments(<const real*>p.g + begin, m, v, <real*>u, n, o)
        o.squares[2 * chunk] = square_sum(<const real*>w, n)
        o.squares[2 * chunk + 1] = square_sum(<const real*>u, n)


cdef void lamb_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """Both moments, and the sums of squares that the lengths are made of."""
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_chunk(o, chunk)
    if p.is_double:
        lamb_chunk[double](o, p, chunk, False, NULL)
    else:
        lamb_chunk[float](o, p, chunk, False, NULL)


cdef void lamb_step_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_chunk(o, chunk)
    if p.is_double:
        lamb_chunk[double](o, p, chunk, True, NULL)
    else:
        lamb_chunk[float](o, p, chunk, True, NULL)


cdef void sum_chunks(const Update* o, Py_ssize_t k, double* of_w, double* of_u) noexcept nogil:
    """The sums of squares of variable k, chunk by chunk."""
    cdef Py_ssize_t end = o.places[k + 1].first if k + 1 < o.variables else o.chunks
    cdef Py_ssize_t chunk
    of_w[0] = of_u[0] = 0
    for chunk in range(o.places[k].first, end):
        of_w[0] += o.squares[2 * chunk]
        of_u[0] += o.squares[2 * chunk + 1]


cdef void trust_ratio_task(Py_ssize_t index, void* context) noexcept nogil:
    cdef Update* o = <Update*>context
    cdef double of_w, of_u
    cdef Py_ssize_t k
    for k in range(o.variables):
        sum_chunks(o, k, &of_w, &of_u)
        o.places[k].factor = o.rate * lengths_apart(sqrt(of_w), sqrt(of_u))


cdef void column_means(Update* o, Place* p, Py_ssize_t block, const real* like) noexcept nogil:
    """c of some columns of one matrix, from the sums over its rows."""
    cdef Py_ssize_t blocks = (p.columns + COLUMNS - 1) // COLUMNS
    cdef Py_ssize_t matrix = (block - p.first_column) // blocks
    cdef Py_ssize_t begin = (block - p.first_column) % blocks * COLUMNS
    cdef Py_ssize_t n = min(<Py_ssize_t>COLUMNS, p.columns - begin)
    cdef const real* g = <const real*>p.g + matrix * p.rows * p.columns + begin
    cdef real* c = <real*>p.c + matrix * p.columns + begin
    cdef double[COLUMNS] sums
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] = 0
    for i in range(p.rows):
        add_squares(sums, g + i * p.columns, n, <real>o.epsilon_1)
    for i in range(n):
        c[i] = <real>o.beta_2 * c[i] + <real>(1 - o.beta_2) * <real>(sums[i] / p.rows)


cdef void column_means_task(Py_ssize_t block, void* context) noexcept nogil:
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_columns(o, block)
    if p.is_double:
        column_means[double](o, p, block, NULL)
    else:
        column_means[float](o, p, block, NULL)


cdef void row_means(Update* o, Place* p, Py_ssize_t chunk, const real* like) noexcept nogil:
    """r of the rows that begin in this chunk."""
    cdef Py_ssize_t row = ((chunk - p.first) * CHUNK + p.columns - 1) // p.columns
    cdef Py_ssize_t end = min((chunk + 1 - p.first) * CHUNK, p.count)
    cdef real* r = <real*>p.r
    cdef double mean
    while row * p.columns < end:
        mean = square_sum(<const real*>p.g + row * p.columns, p.columns) / p.columns
        mean += o.epsilon_1
        r[row] = <real>o.beta_2 * r[row] + <real>(1 - o.beta_2) * <real>mean
        row += 1


cdef void row_means_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_chunk(o, chunk)
    if p.factored and p.is_double:
        row_means[double](o, p, chunk, NULL)
    elif p.factored:
        row_means[float](o, p, chunk, NULL)


cdef void mean_of_rows(Place* p, const real* like) noexcept nogil:
    """The mean of r, matrix by matrix."""
    cdef const real* r = <const real*>p.r
    cdef Py_ssize_t matrix, i
    cdef double sum
    for matrix in range(p.stack):
        sum = 0
        for i in range(p.rows):
            sum += r[matrix * p.rows + i]
        p.mean_of_r[matrix] = sum / p.rows


cdef void mean_of_rows_task(Py_ssize_t k, void* context) noexcept nogil:
    cdef Place* p = &(<Update*>context).places[k]
    if p.factored and p.is_double:
        mean_of_rows[double](p, NULL)
    elif p.factored:
        mean_of_rows[float](p, NULL)


cdef void adafactor_chunk(
    Update* o, Place* p, Py_ssize_t chunk, bint last, const real* like
) noexcept nogil:
    cdef Py_ssize_t begin = (chunk - p.first) * CHUNK
    cdef Py_ssize_t end = min(begin + CHUNK, p.count)
    cdef const real* g = <const real*>p.g
    cdef const real* r = <const real*>p.r
    cdef const real* c = <const real*>p.c
    cdef real* w = <real*>p.w
    cdef real* v = <real*>p.v
    cdef real[CHUNK] u
    cdef Py_ssize_t i = begin, row, stop, matrix
    if last:
        quotients(<real*>u, g + begin, <const real*>v + begin, end - begin)
        step_down(w + begin, <const real*>u, <real>p.factor, end - begin)
        return
    if p.factored:
        while i < end:  # one row, or what of it is in this chunk
            row = i // p.columns
            stop = min((row + 1) * p.columns, end)
            matrix = row // p.rows
            scaled(
                v + i, c + matrix * p.columns + i - row * p.columns,
                <real>(r[row] / p.mean_of_r[matrix]), stop - i,
            )
            i = stop
    else:
        mix_squares(
            v + begin, g + begin, <real>o.beta_2, <real>(1 - o.beta_2), <real>o.epsilon_1,
            end - begin,
        )
    quotients(<real*>u, g + begin, <const real*>v + begin, end - begin)
    o.squares[2 * chunk] = square_sum(<const real*>w + begin, end - begin)
    o.squares[2 * chunk + 1] = square_sum(<const real*>u, end - begin)


cdef void adafactor_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """v, and the sums of squares that the lengths are made of."""
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_chunk(o, chunk)
    if p.is_double:
        adafactor_chunk[double](o, p, chunk, False, NULL)
    else:
        adafactor_chunk[float](o, p, chunk, False, NULL)


cdef void adafactor_step_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Update* o = <Update*>context
    cdef Place* p = place_of_chunk(o, chunk)
    if p.is_double:
        adafactor_chunk[double](o, p, chunk, True, NULL)
    else:
        adafactor_chunk[float](o, p, chunk, True, NULL)


cdef void relative_step_task(Py_ssize_t index, void* context) noexcept nogil:
    """The step of each variable, relative to its size, and clipped."""
    cdef Update* o = <Update*>context
    cdef double of_w, of_u, count, rate = min(o.rate, 1 / sqrt(o.step))
    cdef Py_ssize_t k
    for k in range(o.variables):
        count = o.places[k].count
        sum_chunks(o, k, &of_w, &of_u)
        o.places[k].factor = (
            larger(sqrt(of_w / count), o.epsilon_2) * rate
            / larger(sqrt(of_u / count) / o.threshold, 1.0)
        )


# Tier 2: Muon.

cdef void momentum_row(
    real* m, const real* g, real* x, real momentum, bint nesterov, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        m[i] = momentum * m[i] + g[i]
        x[i] = g[i] + momentum * m[i] if nesterov else m[i]  # Nesterov momentum


cdef void divided(real* x, real divisor, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        x[i] = x[i] / divisor


cdef void mixed(real* y, const real* x, real a, real b, Py_ssize_t n) noexcept nogil:
    """y = a x + b y"""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = a * x[i] + b * y[i]


cdef void multiple(real* y, const real* x, real a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = a * x[i]


cdef void muon_matrix(
    Place* p, real* work, const double* abc, Py_ssize_t rounds, double momentum, bint nesterov,
) noexcept nogil:
    """One variable. `work` has room for two matrices like w and two squares of its shorter side.

    Of a matrix with more rows than columns the products are X^T X and X B: as with its transpose,
    which is never made.
    """
    cdef Py_ssize_t rows = p.rows, columns = p.columns, count = p.count
    cdef Py_ssize_t side = min(rows, columns), _
    cdef bint wide = rows <= columns
    cdef real* x = work
    cdef real* y = x + count
    cdef real* a = y + count
    cdef real* b = a + side * side
    cdef const real* nothing = NULL
    momentum_row(<real*>p.m, <const real*>p.g, x, <real>momentum, nesterov, count)
    divided(x, <real>(sqrt(square_sum(<const real*>x, count)) + 1e-7), count)
    for _ in range(rounds):
        gemm(
            not wide, wide, side, side, columns if wide else rows, <const real*>x, columns,
            <const real*>x, columns, a, side, nothing, LINEAR, False,
        )
        gemm(
            False, False, side, side, side, <const real*>a, side, <const real*>a, side, b, side,
            nothing, LINEAR, False,
        )
        mixed(b, <const real*>a, <real>abc[1], <real>abc[2], side * side)
        multiple(y, <const real*>x, <real>abc[0], count)
        if wide:
            gemm(
                False, False, rows, columns, side, <const real*>b, side, <const real*>x, columns,
                y, columns, nothing, LINEAR, True,
            )
        else:
            gemm(
                False, False, rows, columns, side, <const real*>x, columns, <const real*>b, side,
                y, columns, nothing, LINEAR, True,
            )
        x, y = y, x
    step_down(<real*>p.w, <const real*>x, <real>p.factor, count)


# Tier 1.

@cython.final
cdef class _Variables:
    """The checked arrays of one call, kept alive, and the Update that points into them."""

    cdef Update update
    cdef list arrays

    def __dealloc__(self):
        PyMem_Free(self.update.places)

    cdef int note(self, tuple variables, tuple gradients, tuple names, tuple states) except -1:
        """Check w, g and the states of their shape, and note where they lie."""
        cdef Update* o = &self.update
        cdef Py_ssize_t k, count = len(variables), last = len(names) - 1
        cdef Place* p
        cdef int typenum
        cdef cnp.ndarray w
        for name, arrays in zip(names, (gradients, *states), strict=True):
            if len(arrays) != count:
                raise ValueError(
                    f"{name} holds {len(arrays)} arrays and variables {count}: "
                    "every list has one array for each variable"
                )
        refuse_plan("the steps of layer-wise optimizers depend on the number of the step")
        self.arrays = []
        o.variables, o.chunks, o.column_blocks, o.numbers = count, 0, 0, 0
        o.places = <Place*>PyMem_Malloc(max(1, count) * sizeof(Place))
        if o.places == NULL:
            raise MemoryError
        for k in range(count):
            p = &o.places[k]
            typenum = real_type(variables[k])
            w = self.written(f"variables[{k}]", variables[k], variables[k])
            p.w, p.count, p.is_double = data(w), size(w), typenum == cnp.NPY_DOUBLE
            p.g = data(self.read(f"gradients[{k}]", gradients[k], w))
            p.m = self.place_of(names[1], k, states[0], w)
            p.v = self.place_of(names[last], k, states[last - 1], w)
            p.rows = dim(w, rank(w) - 2) if rank(w) > 1 else 1
            p.columns = dim(w, rank(w) - 1) if rank(w) > 0 else 1
            p.factored = rank(w) > 1 and p.count > 0
            p.stack = p.count // (p.rows * p.columns) if p.count else 0
            p.first, p.first_column = o.chunks, o.column_blocks
            o.chunks += (p.count + CHUNK - 1) // CHUNK
            if p.factored:
                o.column_blocks += p.stack * ((p.columns + COLUMNS - 1) // COLUMNS)
            o.numbers += p.count
        return 0

    cdef void* place_of(self, str name, Py_ssize_t k, tuple arrays, cnp.ndarray w) except? NULL:
        return data(self.written(f"{name}[{k}]", arrays[k], w))

    cdef cnp.ndarray written(self, str name, object array, cnp.ndarray like):
        """An array that is updated in place, with the shape and type of another."""
        if real_type(array) != cnp.PyArray_TYPE(like) or not same_shape(<cnp.ndarray>array, like):
            raise ValueError(
                f"{name} has dtype {array.dtype} and shape {array.shape}, but its variable has "
                f"{like.dtype} and {np.shape(like)}"
            )
        if not cnp.PyArray_ISCARRAY(<cnp.ndarray>array):
            raise ValueError(
                f"{name} is updated in place, so it must be writeable and C-contiguous: pass "
                "numpy.array(a, order='C')"
            )
        self.arrays.append(array)
        return <cnp.ndarray>array

    cdef cnp.ndarray read(self, str name, object array, cnp.ndarray like):
        cdef cnp.ndarray g = as_real(array, cnp.PyArray_TYPE(like))
        if not same_shape(g, like):
            raise ValueError(
                f"{name} has shape {np.shape(array)}, but its variable has {np.shape(like)}"
            )
        self.arrays.append(g)
        return g

    cdef int run(self, const Stage* stages, int count, double cost) except -1:
        """Run the stages with room for the partial sums; cost: operations a number."""
        cdef cnp.ndarray memory = new_vector(2 * self.update.chunks + 1, cnp.NPY_DOUBLE)
        self.update.squares = <double*>data(memory)
        with nogil:
            run_stages(stages, count, cost * self.update.numbers)
        return 0


def lamb_update_(
    variables, gradients, momentums, velocities, step, learning_rate, beta_1, beta_2, epsilon
):
    """Twin of reference.layerwise.lamb_update_. The direction u is computed twice, never stored."""
    cdef _Variables arrays = _Variables.__new__(_Variables)
    cdef Update* o = &arrays.update
    cdef Stage[3] stages
    arrays.note(
        tuple(variables), tuple(gradients), ("gradients", "momentums", "velocities"),
        (tuple(momentums), tuple(velocities)),
    )
    o.step, o.rate, o.beta_1, o.beta_2, o.epsilon_1 = step, learning_rate, beta_1, beta_2, epsilon
    stages[0] = stage(lamb_task, o.chunks, o, sizeof(Update))
    stages[1] = stage(trust_ratio_task, 1, o, sizeof(Update))
    stages[2] = stage(lamb_step_task, o.chunks, o, sizeof(Update))
    arrays.run(stages, 3, 30)


def adafactor_update_(
    variables, gradients, rows, columns, velocities,
    step, learning_rate, beta_2_decay, epsilon_1, epsilon_2, clip_threshold,
):
    """Twin of reference.layerwise.adafactor_update_. Rows and columns are summed in two passes."""
    cdef _Variables arrays = _Variables.__new__(_Variables)
    cdef Update* o = &arrays.update
    cdef Stage[6] stages
    cdef tuple of_rows = tuple(rows), of_columns = tuple(columns), squares = tuple(velocities)
    cdef tuple first = tuple(variables)
    cdef cnp.ndarray w, means
    cdef Place* p
    cdef Py_ssize_t k, matrices = 0
    cdef double t = step
    arrays.note(first, tuple(gradients), ("gradients", "velocities"), (squares,))
    if len(of_rows) != o.variables or len(of_columns) != o.variables:
        raise ValueError(
            f"rows and columns hold {len(of_rows)} and {len(of_columns)} arrays and variables "
            f"{o.variables}: every list has one array for each variable"
        )
    for k in range(o.variables):
        p = &o.places[k]
        if p.factored:
            w = first[k]
            p.r = data(arrays.written(f"rows[{k}]", of_rows[k], w[..., 0]))
            p.c = data(arrays.written(f"columns[{k}]", of_columns[k], w[..., 0, :]))
            matrices += p.stack
    means = new_vector(matrices + 1, cnp.NPY_DOUBLE)
    matrices = 0
    for k in range(o.variables):
        o.places[k].mean_of_r = <double*>data(means) + matrices
        matrices += o.places[k].stack if o.places[k].factored else 0
    o.step, o.rate, o.beta_2 = t, learning_rate, 1 - pow(t, beta_2_decay)
    o.epsilon_1, o.epsilon_2, o.threshold = epsilon_1, epsilon_2, clip_threshold
    stages[0] = stage(row_means_task, o.chunks, o, sizeof(Update))
    stages[1] = stage(column_means_task, o.column_blocks, o, sizeof(Update))
    stages[2] = stage(mean_of_rows_task, o.variables, o, sizeof(Update))
    stages[3] = stage(adafactor_task, o.chunks, o, sizeof(Update))
    stages[4] = stage(relative_step_task, 1, o, sizeof(Update))
    stages[5] = stage(adafactor_step_task, o.chunks, o, sizeof(Update))
    arrays.run(stages, 6, 40)


def muon_update_(
    variables, gradients, momentums,
    learning_rate, momentum, nesterov, ns_steps, muon_a, muon_b, muon_c, rms_rate,
):
    """Twin of reference.layerwise.muon_update_. One work area for all the matrices."""
    cdef _Variables arrays = _Variables.__new__(_Variables)
    cdef Update* o = &arrays.update
    cdef double[3] abc = [muon_a, muon_b, muon_c]
    cdef double decay = momentum, rate = learning_rate, scale
    cdef Py_ssize_t rounds = as_size(ns_steps), k, side, most = 0
    cdef bint ahead = bool(nesterov)
    cdef cnp.ndarray work
    cdef tuple first = tuple(variables)
    check_rounds(ns_steps)
    for k in range(len(first)):
        if np.ndim(first[k]) != 2:
            raise ValueError(
                f"Muon updates matrices, but a variable has the shape {np.shape(first[k])}"
            )
    arrays.note(first, tuple(gradients), ("gradients", "momentums"), (tuple(momentums),))
    for k in range(o.variables):
        side = min(o.places[k].rows, o.places[k].columns)
        most = max(most, 2 * (o.places[k].count + side * side))
        scale = 1 if rms_rate is None else rms_rate * sqrt(
            max(o.places[k].rows, o.places[k].columns)
        )
        o.places[k].factor = rate * scale
    work = new_vector(most, cnp.NPY_DOUBLE)
    with nogil:
        for k in range(o.variables):
            if o.places[k].count == 0:
                continue
            if o.places[k].is_double:
                muon_matrix[double](&o.places[k], <double*>data(work), abc, rounds, decay, ahead)
            else:
                muon_matrix[float](&o.places[k], <float*>data(work), abc, rounds, decay, ahead)
