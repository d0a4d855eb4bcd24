"""Running sums of losses and metrics, as stages of a plan.

    with plan:
        add_mean(total, count, loss, batch_size)
        add_accuracy("sparse", total, count, y, p, 0.5)
        add_values(total, count, errors)
        sums.close()            # at the end of a pass

Each function does its work, as twins do, and the plan that is being made notes it.
"""

cimport numpy as cnp
from libc.stdlib cimport free, malloc

from .arrays cimport data, dim, rank, real, size
from .threads cimport recorder, run_chunks, run_typed

cnp.import_array()

cdef tuple np_shape(cnp.ndarray a):
    return (<object>a).shape


cdef struct Running:
    const void* value
    const void* y
    const void* p
    double* total
    double* count
    double number
    Py_ssize_t rows
    Py_ssize_t width
    double threshold


cdef bint is_real(cnp.ndarray a) noexcept:
    """Whether the kernels can read it: float32 or float64, in C order."""
    return cnp.PyArray_ISCARRAY_RO(a) and (
        cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT or cnp.PyArray_TYPE(a) == cnp.NPY_DOUBLE
    )


cdef double* running(cnp.ndarray a) except NULL:
    if a is None:
        raise TypeError("None is no running sum")
    if cnp.PyArray_TYPE(a) != cnp.NPY_DOUBLE or size(a) != 1 or not cnp.PyArray_ISCARRAY(a):
        raise ValueError(
            f"a running sum is one number of float64 that can be written to, not {a.dtype} "
            f"{np_shape(a)}"
        )
    if recorder() != NULL:
        recorder().keep(recorder(), a)
    return <double*>data(a)


cdef void mean_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Running* r = <const Running*>context
    # Rounded before it is added, as in Python: no fused multiply-add.
    cdef volatile double amount = <double>(<const real*>r.value)[0] * r.number
    r.total[0] += amount
    r.count[0] += r.number


def add_mean(
    cnp.ndarray total not None, cnp.ndarray count not None, cnp.ndarray value not None,
    double number,
):
    """total += value * number; count += number. The value is one number."""
    cdef Running r
    if not is_real(value) or size(value) != 1:
        raise ValueError(
            f"a mean is one number of float32 or float64, not {value.dtype} {np_shape(value)}"
        )
    if recorder() != NULL:
        recorder().keep(recorder(), value)
    r.value, r.number, r.total, r.count = data(value), number, running(total), running(count)
    run_typed(
        cnp.PyArray_TYPE(value) == cnp.NPY_FLOAT, mean_task[float], mean_task[double], 1, &r,
        sizeof(Running), 1,
    )


cdef double total_of(const real* v, Py_ssize_t n) noexcept nogil:
    """In eight lanes."""
    cdef double[8] lanes
    cdef Py_ssize_t i, j
    for j in range(8):
        lanes[j] = 0
    for i in range(0, n - 7, 8):
        for j in range(8):
            lanes[j] += v[i + j]
    for j in range(n % 8):
        lanes[j] += v[n - n % 8 + j]
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + (
        (lanes[1] + lanes[5]) + (lanes[3] + lanes[7])
    )


def sum_of(cnp.ndarray values not None):
    """The sum, a float, as `add_values` makes it: in double precision. None where the values are
    not float32 or float64 in C order.
    """
    if not is_real(values):
        return None
    if cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT:
        return total_of[float](<const float*>data(values), size(values))
    return total_of[double](<const double*>data(values), size(values))


cdef void values_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Running* r = <const Running*>context
    cdef double amount = total_of(<const real*>r.value, r.rows)
    r.total[0] += amount if r.rows == r.number else amount * r.number / r.rows
    r.count[0] += r.number


def add_values(cnp.ndarray total not None, cnp.ndarray count not None, cnp.ndarray values not None):
    """As Mean.update_state: total += the sum over the samples of the mean of a sample's values;
    count += the number of samples.

    values: (samples, ...), some float32 or float64 in C order.
    """
    cdef Running r
    if not is_real(values) or not rank(values) or not size(values):
        raise ValueError(
            f"values of {values.dtype} {np_shape(values)}; expected some float32 or float64 for "
            "each sample, in C order"
        )
    if recorder() != NULL:
        recorder().keep(recorder(), values)
    r.value, r.number, r.rows = data(values), dim(values, 0), size(values)
    r.total, r.count = running(total), running(count)
    run_typed(
        cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT, values_task[float], values_task[double], 1, &r,
        sizeof(Running), r.rows,
    )


cdef inline Py_ssize_t largest(const real* v, Py_ssize_t n) noexcept nogil:
    """np.argmax: the first of the largest, or the first NaN."""
    cdef Py_ssize_t i, best = 0
    for i in range(1, n):
        if v[best] != v[best]:
            break
        if v[i] > v[best] or v[i] != v[i]:
            best = i
    return best


cdef void categorical_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Running* r = <const Running*>context
    cdef const real* y = <const real*>r.y
    cdef const real* p = <const real*>r.p
    cdef Py_ssize_t i, matches = 0
    for i in range(r.rows):
        matches += largest(y + i * r.width, r.width) == largest(p + i * r.width, r.width)
    add_matches(r, matches, r.rows)


cdef void sparse_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Running* r = <const Running*>context
    cdef const cnp.int64_t* y = <const cnp.int64_t*>r.y
    cdef const real* p = <const real*>r.p
    cdef Py_ssize_t i, matches = 0
    for i in range(r.rows):
        matches += y[i] == largest(p + i * r.width, r.width)
    add_matches(r, matches, r.rows)


cdef void binary_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Running* r = <const Running*>context
    cdef const real* y = <const real*>r.y
    cdef const real* p = <const real*>r.p
    cdef real threshold = <real>r.threshold
    cdef Py_ssize_t i, matches = 0
    for i in range(r.rows * r.width):
        matches += y[i] == (<real>1 if p[i] > threshold else <real>0)
    add_matches(r, matches, r.rows * r.width)


cdef inline void add_matches(const Running* r, Py_ssize_t matches, Py_ssize_t of) noexcept nogil:
    """As Mean.update_state: the mean over a sample's entries counts, once for each sample."""
    r.total[0] += <double>matches if of == r.number else matches * r.number / of
    r.count[0] += r.number


def add_accuracy(
    str kind not None, cnp.ndarray total not None, cnp.ndarray count not None,
    cnp.ndarray y not None, cnp.ndarray p not None, double threshold,
):
    """total += how many predictions match their labels; count += the number of samples.

    kind: "binary", "categorical" (labels in the type of p, of its shape) or "sparse" (int64 labels,
    of the shape of p without the last axis).
    """
    cdef Running r
    cdef bint single = cnp.PyArray_TYPE(p) == cnp.NPY_FLOAT
    cdef Py_ssize_t last
    if kind not in ("binary", "categorical", "sparse"):
        raise ValueError(f"there is no {kind} accuracy")
    if not is_real(p) or not rank(p) or not size(p) or not cnp.PyArray_ISCARRAY_RO(y):
        raise ValueError(
            f"{kind} accuracy: predictions {p.dtype} {np_shape(p)} and labels {y.dtype} "
            f"{np_shape(y)}; expected arrays in C order, and some predictions, float32 or float64"
        )
    last = dim(p, rank(p) - 1)
    r.y, r.p, r.total, r.count = data(y), data(p), running(total), running(count)
    r.number, r.width, r.threshold = dim(p, 0), last, threshold
    r.rows = size(p) // last
    if size(y) != (r.rows if kind == "sparse" else size(p)) or cnp.PyArray_TYPE(y) != (
        cnp.NPY_INT64 if kind == "sparse" else cnp.PyArray_TYPE(p)
    ):
        raise ValueError(
            f"{kind} accuracy: labels {y.dtype} {np_shape(y)} do not fit predictions {np_shape(p)}"
        )
    if recorder() != NULL:
        recorder().keep(recorder(), y)
        recorder().keep(recorder(), p)
    if kind == "binary":
        run_typed(
            single, binary_task[float], binary_task[double], 1, &r, sizeof(Running), size(p)
        )
    elif kind == "categorical":
        run_typed(
            single, categorical_task[float], categorical_task[double], 1, &r, sizeof(Running),
            2 * size(p),
        )
    else:
        run_typed(
            single, sparse_task[float], sparse_task[double], 1, &r, sizeof(Running), size(p)
        )


cdef struct Table:
    double* rows
    Py_ssize_t at               # the next one
    Py_ssize_t count
    Py_ssize_t width
    double** sums


cdef void close_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Table* table = (<Table**>context)[0]
    cdef Py_ssize_t i
    if table.at < table.count:
        for i in range(table.width):
            table.rows[table.at * table.width + i] = table.sums[i][0]
            table.sums[i][0] = 0
        table.at += 1


cdef class Sums:
    """Running sums that are written into a row of a table at the end of each pass.

        sums = Sums(total, count)
        with plan:
            sums.close()        # in each run: a row says what they are, and they begin anew
        sums.start(table)       # the table for the runs that come, (passes, sums) of float64
    """

    cdef Table table
    cdef tuple alive            # the sums, and the table

    def __cinit__(self, *sums):
        cdef Py_ssize_t i
        self.table.width = len(sums)
        self.table.sums = <double**>malloc(max(1, len(sums)) * sizeof(double*))
        if self.table.sums == NULL:
            raise MemoryError
        for i in range(len(sums)):
            self.table.sums[i] = running(sums[i])
        self.alive = sums, None

    def __dealloc__(self):
        free(self.table.sums)

    def start(self, cnp.ndarray table not None):
        """The next pass is the first row."""
        if (
            cnp.PyArray_TYPE(table) != cnp.NPY_DOUBLE or rank(table) != 2
            or dim(table, 1) != self.table.width or not cnp.PyArray_ISCARRAY(table)
        ):
            raise ValueError(
                f"a table of {self.table.width} sums is float64 in C order with as many columns, "
                f"not {table.dtype} {np_shape(table)}"
            )
        self.alive = self.alive[0], table
        self.table.rows, self.table.at = <double*>data(table), 0
        self.table.count = dim(table, 0)

    @property
    def most_runs(self):
        """How many rows are left: a plan runs no more."""
        return self.table.count - self.table.at

    def close(self):
        """End a pass. Without a table, nothing is written yet."""
        cdef Table* table = &self.table
        if recorder() != NULL:
            recorder().keep(recorder(), self)
        run_chunks(close_task, 1, &table, sizeof(table), 1)
