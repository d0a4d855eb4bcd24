"""What a step of training does besides the twins, as stages of a plan: rows, running sums, dropout
masks.

    rows = Rows(x, y)               # x and y, of one batch, are filled with what is next
    rows.start(order, all_x, all_y)
    with plan:
        rows.gather()
        ...
        add_mean(total, count, loss, batch_size)
        rows.advance()
    rows.start(order, all_x, all_y) # from which rows, and in which order, plan.run(times) takes

Each function does its work, as twins do, and the plan that is being made notes it.
"""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from numpy.random cimport bitgen_t

from .arrays cimport data, dim, new_array, new_like, rank, real, same_shape, size
from .threads cimport recorder, refuse_plan, run_chunks, run_typed

cnp.import_array()

cdef tuple np_shape(cnp.ndarray a):
    return (<object>a).shape


cdef enum:
    CHUNK = 32768  # bytes
    MOST_SOURCES = 16
    MOST_RESULTS = 16


cdef struct Order:
    const cnp.int64_t* rows
    Py_ssize_t count            # of the rows
    Py_ssize_t at               # where in the order the batch begins
    Py_ssize_t batch_size
    const char* sources[MOST_SOURCES]
    char* results[MOST_RESULTS]


cdef struct Move:
    const Order* order
    int which                   # of the sources or results
    char* batch
    Py_ssize_t width            # bytes of a row
    Py_ssize_t together         # rows of a chunk


cdef inline bint has_batch(const Order* order) noexcept nogil:
    return order.at + order.batch_size <= order.count


cdef inline void copy_row(char* to, const char* source, Py_ssize_t width) noexcept nogil:
    """memcpy, but a short row is copied here, in pieces of constant sizes."""
    cdef Py_ssize_t done = 0
    if width >= 32:
        memcpy(to, source, width)
        return
    if width & 16:
        memcpy(to, source, 16)
        done = 16
    if width & 8:
        memcpy(to + done, source + done, 8)
        done += 8
    if width & 4:
        memcpy(to + done, source + done, 4)
        done += 4
    while done < width:
        to[done] = source[done]
        done += 1


cdef void gather_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Move* g = <const Move*>context
    cdef const cnp.int64_t* rows = g.order.rows + g.order.at
    cdef const char* source = g.order.sources[g.which]
    cdef Py_ssize_t i
    if has_batch(g.order):
        for i in range(chunk * g.together, min((chunk + 1) * g.together, g.order.batch_size)):
            copy_row(g.batch + i * g.width, source + rows[i] * g.width, g.width)


cdef void store_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Move* g = <const Move*>context
    cdef Py_ssize_t first = chunk * g.together
    cdef Py_ssize_t count = min(g.together, g.order.batch_size - first)
    if has_batch(g.order):
        memcpy(
            g.order.results[g.which] + (g.order.at + first) * g.width, g.batch + first * g.width,
            count * g.width,
        )


cdef void advance_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Order* order = (<Order**>context)[0]
    order.at += order.batch_size


cdef class Rows:
    """The rows of the batches: these arrays are filled with those that are next.

    targets: arrays of numbers, C-contiguous and writeable, with the rows of one batch.
    """

    cdef Order order
    cdef tuple targets
    cdef list batches           # of results
    cdef tuple alive            # the order, the sources and the results

    def __init__(self, *targets):
        if not 1 <= len(targets) <= MOST_SOURCES:
            raise ValueError(f"rows of {len(targets)} arrays; expected 1 to {MOST_SOURCES}")
        for target in targets:
            check_target(target, len(targets[0]))
        self.targets, self.batches, self.alive = targets, [], ()
        self.order.batch_size = len(targets[0])
        self.order.count = self.order.at = 0

    def start(self, order, *sources, tuple results=()):
        """From now on the rows are those of the sources in this order; the first batch is next.

        order: int64, rows of the sources. sources: C-contiguous, like the batch but for how many
        rows they have. results: for each `store`, where it puts its rows, the first of the order
        first.
        """
        cdef cnp.ndarray numbers = cnp.PyArray_FROMANY(
            order, cnp.NPY_INT64, 1, 1, cnp.NPY_ARRAY_CARRAY_RO
        )
        cdef const cnp.int64_t* rows = <const cnp.int64_t*>data(numbers)
        cdef Py_ssize_t count, i
        cdef bint wrong = False
        if len(sources) != len(self.targets) or len(results) != len(self.batches):
            raise ValueError(
                f"rows of {len(sources)} arrays, and {len(results)} for results; expected "
                f"{len(self.targets)} and {len(self.batches)}"
            )
        for i in range(len(sources)):
            check_alike(sources[i], self.targets[i])
        for i in range(len(results)):
            check_alike(results[i], self.batches[i])
            check_room(results[i], size(numbers))
        count = min(map(len, sources))
        for i in range(size(numbers)):
            wrong |= not 0 <= rows[i] < count
        if wrong:
            bad = next(row for row in numbers if not 0 <= row < count)
            raise IndexError(f"there is no row {bad}: there are {count}")
        for i in range(len(sources)):
            self.order.sources[i] = <const char*>data(sources[i])
        for i in range(len(results)):
            self.order.results[i] = <char*>data(results[i])
        self.alive = numbers, sources, results
        self.order.rows, self.order.count, self.order.at = rows, size(numbers), 0

    def let_go(self):
        """Keep the data alive no longer; they are to be named again before the next batch."""
        self.order.count = self.order.at = 0
        self.alive = ()

    @property
    def most_runs(self):
        """How many batches are left: a plan runs no more."""
        return (self.order.count - self.order.at) // max(1, self.order.batch_size)

    cdef Move of(self, cnp.ndarray batch) except *:
        cdef Move g
        if not has_batch(&self.order):
            raise ValueError("there is no batch left: `start` says where the next ones are")
        if recorder() != NULL:
            recorder().keep(recorder(), self)
        g.order, g.which, g.batch = &self.order, 0, <char*>data(batch)
        g.width = cnp.PyArray_NBYTES(batch) // max(1, self.order.batch_size)
        g.together = max(1, CHUNK // max(1, g.width))
        return g

    def gather(self):
        """Fill the arrays with the rows of the batch."""
        cdef Move g
        cdef int i
        for i in range(len(self.targets)):
            g = self.of(self.targets[i])
            g.which = i
            run_chunks(
                gather_task, (self.order.batch_size + g.together - 1) // g.together, &g,
                sizeof(Move), cnp.PyArray_NBYTES(self.targets[i]) / 16.0,
            )

    def store(self, cnp.ndarray batch not None, cnp.ndarray results not None):
        """Put the rows of a batch of results in their place; the first time into these results."""
        cdef Move g
        if len(self.batches) == MOST_RESULTS:
            raise ValueError(f"results of more than {MOST_RESULTS} kinds")
        if not cnp.PyArray_ISCARRAY_RO(batch) or len(batch) != self.order.batch_size:
            raise ValueError(f"results of {np_shape(batch)} are no batch of these rows")
        check_alike(results, batch)
        check_room(results, self.order.at + len(batch))
        g = self.of(batch)
        g.which = len(self.batches)
        if recorder() != NULL:
            recorder().keep(recorder(), batch)
        self.batches.append(batch)
        self.alive = (*self.alive, results)
        self.order.results[g.which] = <char*>data(results)
        run_chunks(
            store_task, (self.order.batch_size + g.together - 1) // g.together, &g,
            sizeof(Move), cnp.PyArray_NBYTES(batch) / 16.0,
        )

    def advance(self):
        """Go on to the next batch."""
        cdef Order* order = &self.order
        if recorder() != NULL:
            recorder().keep(recorder(), self)
        run_chunks(advance_task, 1, &order, sizeof(order), 1)


cdef int check_target(cnp.ndarray target, Py_ssize_t rows) except -1:
    """Refuse an array that is no batch of so many rows of numbers."""
    if target is None or not rank(target) or target.dtype.kind not in "biufc":
        raise ValueError(f"a batch is an array of rows of numbers, not {target!r:.60}")
    if not cnp.PyArray_ISCARRAY(target) or dim(target, 0) != rows:
        raise ValueError(
            f"a batch of {np_shape(target)} is not C-contiguous, cannot be written to, or has not "
            f"{rows} rows"
        )
    return 0


cdef int check_room(cnp.ndarray results, Py_ssize_t rows) except -1:
    """Refuse results with room for fewer rows."""
    if dim(results, 0) < rows or not cnp.PyArray_ISWRITEABLE(results):
        raise ValueError(f"{dim(results, 0)} rows of results cannot take {rows}")
    return 0


cdef int check_alike(cnp.ndarray many, cnp.ndarray batch) except -1:
    """Refuse an array whose rows are not like those of the batch."""
    cdef int i
    cdef bint alike
    if many is None:
        raise ValueError("the rows of None do not fit into a batch")
    alike = (
        cnp.PyArray_TYPE(many) == cnp.PyArray_TYPE(batch) and rank(many) == rank(batch)
        and rank(many) > 0 and cnp.PyArray_ISCARRAY_RO(many)
    )
    for i in range(1, rank(batch)):
        alike = alike and dim(many, i) == dim(batch, i)
    if not alike:
        raise ValueError(
            f"the rows of {many.dtype} {np_shape(many)} do not fit into {batch.dtype} "
            f"{np_shape(batch)}"
        )
    return 0


cdef struct Sum:
    const void* a
    const void* b
    void* out
    Py_ssize_t count
    bint product


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Sum* s = <const Sum*>context
    cdef Py_ssize_t first = chunk * (CHUNK // sizeof(real)), i
    cdef Py_ssize_t count = min(<Py_ssize_t>(CHUNK // sizeof(real)), s.count - first)
    cdef const real* a = <const real*>s.a + first
    cdef const real* b = <const real*>s.b + first
    cdef real* out = <real*>s.out + first
    if s.product:
        for i in range(count):
            out[i] = a[i] * b[i]
    else:
        for i in range(count):
            out[i] = a[i] + b[i]


def in_stages(str name not None, a, b):
    """np.add or np.multiply (`name`) of two arrays as a stage; None where they are not alike."""
    cdef Sum s
    cdef bint single
    cdef cnp.ndarray out
    if not (cnp.PyArray_Check(a) and cnp.PyArray_Check(b)):
        return None
    single = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
    if (
        cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(b) or not same_shape(a, b)
        or not (single or cnp.PyArray_TYPE(a) == cnp.NPY_DOUBLE)
        or not (cnp.PyArray_ISCARRAY_RO(a) and cnp.PyArray_ISCARRAY_RO(b))
    ):
        return None
    if recorder() != NULL:
        recorder().keep(recorder(), a)
        recorder().keep(recorder(), b)
    out = new_like(a)
    s.a, s.b, s.out, s.count = data(a), data(b), data(out), size(out)
    s.product = name == "multiply"
    run_typed(
        single, sum_task[float], sum_task[double],
        (cnp.PyArray_NBYTES(out) + CHUNK - 1) // CHUNK, &s, sizeof(Sum), 1.5 * s.count,
    )
    return out


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
    r.total[0] += <double>(<const real*>r.value)[0] * r.number
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


cdef struct Draw:
    bitgen_t* bits
    unsigned char* mask
    Py_ssize_t count
    int whole               # the integer part of 256 * rate
    double rest


cdef void draw_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """A word for each eight entries; then one more for each whose byte does not decide."""
    cdef const Draw* d = <const Draw*>context
    cdef unsigned char* mask = d.mask
    cdef unsigned char whole = <unsigned char>d.whole
    cdef uint64_t word
    cdef Py_ssize_t i, j, end
    cdef unsigned char undecided
    for i in range(0, d.count, 8):
        word = d.bits.next_uint64(d.bits.state)
        if i + 8 <= d.count:
            for j in range(8):  # one store where bytes are in this order
                mask[i + j] = <unsigned char>(word >> 8 * j)
        else:
            for j in range(d.count - i):
                mask[i + j] = <unsigned char>(word >> 8 * j)
    for i in range(0, d.count, 32):  # most of them have none whose byte does not decide
        end = min(i + 32, d.count)
        undecided = 0
        if end == i + 32:
            for j in range(32):
                undecided += <unsigned char>(mask[i + j] == whole)
            if undecided == 0 or d.rest == 0:
                for j in range(32):
                    mask[i + j] = <unsigned char>(mask[i + j] >= whole)
                continue
        for j in range(i, end):
            if mask[j] == whole and d.rest > 0:
                mask[j] = (d.bits.next_uint64(d.bits.state) >> 11) * 2.0**-53 >= d.rest
            else:
                mask[j] = mask[j] >= whole


def draw_mask(bit_generator, tuple shape not None, double rate):
    """What random.draw_dropout_mask draws with a PCG64: True with probability 1 - rate."""
    cdef cnp.npy_intp dims[64]
    cdef Draw d
    cdef int i
    if len(shape) > 64 or (shape and min(shape) < 0) or not 0 <= rate < 1:
        raise ValueError(f"draw_mask: no mask has the shape {shape} and the rate {rate}")
    for i in range(len(shape)):
        dims[i] = shape[i]
    cdef cnp.ndarray mask = new_array(<int>len(shape), dims, cnp.NPY_BOOL)
    d.bits = <bitgen_t*>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    d.mask, d.count = <unsigned char*>data(mask), size(mask)
    d.whole = <int>(rate * 256)
    d.rest = rate * 256 - d.whole
    if recorder() != NULL:
        recorder().keep(recorder(), bit_generator)
    with bit_generator.lock:
        run_chunks(draw_task, 1, &d, sizeof(Draw), d.count)
    return mask


def numpy_draws():
    """A plan that is being made on this thread could not draw again what NumPy draws next."""
    refuse_plan("random numbers are drawn by NumPy")


def numpy_converts():
    """The same of what NumPy has made of another array."""
    refuse_plan("an array is converted")
