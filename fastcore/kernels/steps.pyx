"""What a step of training does besides the twins and running sums (sums.pyx), as stages of a plan:
rows, sums of gradients, arrays brought in order or joined, dropout masks.

    rows = Rows(x, y)               # x and y, of one batch, are filled with what is next
    rows.start(order, all_x, all_y)
    with plan:
        rows.gather()
        ...
        rows.advance()
    rows.start(order, all_x, all_y) # from which rows, and in which order, plan.run(times) takes

Each function does its work, as twins do, and the plan that is being made notes it.
"""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcpy
from numpy.random cimport bitgen_t

from .arrays cimport data, dim, new_array, new_like, rank, real, same_shape, size
from .threads cimport Stage, recorder, refuse_plan, run_chunks, run_stages, run_typed, stage

cnp.import_array()

cdef extern from "pcg64.h" nogil:
    ctypedef struct pcg_number:
        pass
    ctypedef struct Pcg:
        pcg_number state
    Pcg pcg_read(const void* place, int upper_first)
    void pcg_write(void* place, int upper_first, Pcg g)
    Pcg pcg_ahead(Pcg g, uint64_t steps)
    uint64_t pcg_word(pcg_number state)
    void pcg_bytes(Pcg g, uint64_t words, unsigned char* out)

cdef int upper_first = -1  # how NumPy has a number of 128 bits in memory; -1 if that is not known


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


cdef enum:
    ADD, MULTIPLY, SUBTRACT


cdef struct Pair:
    const void* a
    const void* b
    void* out
    Py_ssize_t count
    int kind


cdef void pair_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Pair* s = <const Pair*>context
    cdef Py_ssize_t first = chunk * (CHUNK // sizeof(real)), i
    cdef Py_ssize_t count = min(<Py_ssize_t>(CHUNK // sizeof(real)), s.count - first)
    cdef const real* a = <const real*>s.a + first
    cdef const real* b = <const real*>s.b + first
    cdef real* out = <real*>s.out + first
    if s.kind == MULTIPLY:
        for i in range(count):
            out[i] = a[i] * b[i]
    elif s.kind == SUBTRACT:
        for i in range(count):
            out[i] = a[i] - b[i]
    else:
        for i in range(count):
            out[i] = a[i] + b[i]


def in_stages(str name not None, a, b):
    """np.add, np.multiply or np.subtract (`name`) of two arrays as a stage; None where they are not
    alike.
    """
    cdef Pair s
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
    s.kind = MULTIPLY if name == "multiply" else SUBTRACT if name == "subtract" else ADD
    run_typed(
        single, pair_task[float], pair_task[double],
        (cnp.PyArray_NBYTES(out) + CHUNK - 1) // CHUNK, &s, sizeof(Pair), 1.5 * s.count,
    )
    return out


cdef struct Transfer:
    const char* source
    char* target
    int axes                    # before the bytes that are together on both sides
    Py_ssize_t width            # of these
    Py_ssize_t shape[64]
    Py_ssize_t source_step[64]  # bytes
    Py_ssize_t target_step[64]
    Py_ssize_t together         # of the first axis in a chunk


cdef void transfer(
    const Transfer* t, int axis, Py_ssize_t first, Py_ssize_t end, const char* source, char* target
) noexcept nogil:
    source += first * t.source_step[axis]
    target += first * t.target_step[axis]
    for _ in range(first, end):
        if axis + 1 < t.axes:
            transfer(t, axis + 1, 0, t.shape[axis + 1], source, target)
        else:
            copy_row(target, source, t.width)
        source += t.source_step[axis]
        target += t.target_step[axis]


cdef void transfer_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Transfer* t = <const Transfer*>context
    cdef Py_ssize_t end = min(t.shape[0], (chunk + 1) * t.together)
    transfer(t, 0, chunk * t.together, end, t.source, t.target)


cdef int bring(cnp.ndarray source, cnp.ndarray target) except -1:
    """target[...] = source, both of one shape and type, as a stage."""
    cdef Transfer t
    cdef int i, axes = rank(source)
    if not size(source):
        return 0
    if recorder() != NULL:
        recorder().keep(recorder(), source)
        recorder().keep(recorder(), target)
    t.source, t.target = <const char*>data(source), <char*>data(target)
    t.width = cnp.PyArray_ITEMSIZE(source)
    while axes > 1 and (
        cnp.PyArray_STRIDE(source, axes - 1) == cnp.PyArray_STRIDE(target, axes - 1) == t.width
    ):
        axes -= 1
        t.width *= dim(source, axes)
    for i in range(axes):
        t.shape[i] = dim(source, i)
        t.source_step[i] = cnp.PyArray_STRIDE(source, i)
        t.target_step[i] = cnp.PyArray_STRIDE(target, i)
    t.axes = axes
    t.together = max(1, CHUNK * t.shape[0] // cnp.PyArray_NBYTES(source))
    run_chunks(
        transfer_task, (t.shape[0] + t.together - 1) // t.together, &t, sizeof(Transfer),
        cnp.PyArray_NBYTES(source) / 8.0,
    )
    return 0


cdef bint is_real(object x) noexcept:
    """Whether it is an array of float32 or float64, as the processor reads them."""
    return cnp.PyArray_Check(x) and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x) and (
        cnp.PyArray_TYPE(<cnp.ndarray>x) in (cnp.NPY_FLOAT, cnp.NPY_DOUBLE)
    )


def in_order(x):
    """A strided array of real numbers in C order, copied by a stage; all else as it is."""
    cdef cnp.ndarray y
    if not is_real(x) or not rank(x) or cnp.PyArray_ISCARRAY_RO(x):
        return x
    y = new_like(x)
    bring(x, y)
    return y


def joined(tuple arrays not None, int axis):
    """np.concatenate in stages; None where they are not real numbers of one type."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.ndarray y
    cdef Py_ssize_t begin = 0
    cdef int axes = rank(arrays[0]) if arrays and is_real(arrays[0]) else 0, i
    axis += axes if axis < 0 else 0
    if not 0 <= axis < axes:
        return None
    for i in range(axes):
        dims[i] = dim(arrays[0], i)
    dims[axis] = 0
    for x in arrays:
        if not is_real(x) or x.dtype != arrays[0].dtype or rank(x) != axes:
            return None
        for i in range(axes):
            if i != axis and dim(x, i) != dims[i]:
                return None
        dims[axis] += dim(x, axis)
    y = new_array(axes, dims, cnp.PyArray_TYPE(arrays[0]))
    for x in arrays:
        part = (slice(None),) * axis + (slice(begin, begin + dim(x, axis)),)
        bring(x, y[part])
        begin += dim(x, axis)
    return y


# Dropout masks. Each entry of one is a random byte; where that does not decide, a word after those
# of all bytes does.

cdef enum:
    ENTRIES = 16384     # of a mask in a chunk: whole words
    UNDECIDED = 2


cdef struct Draw:
    void* generator         # where NumPy has the numbers of the PCG64
    Pcg before              # before the draw
    unsigned char* mask
    Py_ssize_t count
    cnp.int64_t* undecided  # entries of each chunk
    unsigned char whole     # the integer part of 256 * rate
    double rest


cdef inline Py_ssize_t draw_chunks(const Draw* d) noexcept nogil:
    return (d.count + ENTRIES - 1) // ENTRIES


cdef void bytes_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """A word for each eight entries."""
    cdef Draw* d = <Draw*>context
    cdef unsigned char* mask = d.mask + chunk * ENTRIES
    cdef unsigned char[8] last
    cdef Py_ssize_t count = min(<Py_ssize_t>ENTRIES, d.count - chunk * ENTRIES)
    cdef Py_ssize_t words = chunk * (ENTRIES // 8), i
    cdef Pcg g = pcg_read(d.generator, upper_first)
    cdef unsigned char whole = d.whole, if_even = UNDECIDED if d.rest > 0 else 1
    cdef int undecided = 0
    if chunk == 0:
        d.before = g
    g = pcg_ahead(g, words)
    pcg_bytes(g, count // 8, mask)
    if count % 8:
        pcg_bytes(pcg_ahead(g, count // 8), 1, last)
        memcpy(mask + count // 8 * 8, last, count % 8)
    for i in range(count):
        undecided += mask[i] == whole
        mask[i] = (1 if mask[i] > whole else 0) + (if_even if mask[i] == whole else 0)
    d.undecided[chunk] = undecided if d.rest > 0 else 0


cdef void undecided_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """One more word for each entry whose byte does not decide; and the generator goes on."""
    cdef const Draw* d = <const Draw*>context
    cdef unsigned char* mask = d.mask + chunk * ENTRIES
    cdef unsigned char* end = mask + min(<Py_ssize_t>ENTRIES, d.count - chunk * ENTRIES)
    cdef Py_ssize_t i, words = (d.count + 7) // 8
    cdef Pcg g
    for i in range(chunk):
        words += d.undecided[i]
    g = pcg_ahead(d.before, words)
    for _ in range(d.undecided[chunk]):
        mask = <unsigned char*>memchr(mask, UNDECIDED, end - mask)
        g = pcg_ahead(g, 1)
        mask[0] = (pcg_word(g.state) >> 11) * 2.0**-53 >= d.rest
    if chunk == draw_chunks(d) - 1:
        pcg_write(d.generator, upper_first, g)


cdef void* numbers_of(object bit_generator) except? NULL:
    """Where NumPy has the numbers of a PCG64."""
    cdef bitgen_t* bits = <bitgen_t*>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    return (<void**>bits.state)[0]


def can_draw(bit_generator):
    """Whether the numbers of a PCG64 stand in memory as they should."""
    global upper_first
    cdef const uint64_t* half = <const uint64_t*>numbers_of(bit_generator)
    cdef int upper
    if upper_first < 0:
        numbers = bit_generator.state["state"]
        for upper in range(2):
            state, inc = [<object>half[i + 1 - upper] << 64 | half[i + upper] for i in (0, 2)]
            if state == numbers["state"] and inc == numbers["inc"]:
                upper_first = upper
    return upper_first >= 0


def draw_mask(bit_generator, tuple shape not None, double rate):
    """What random.draw_dropout_mask draws with a PCG64 that can_draw: True with probability
    1 - rate.
    """
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp chunks
    cdef Stage stages[2]
    cdef Draw d
    cdef int i
    if len(shape) > 64 or (shape and min(shape) < 0) or not 0 <= rate < 1:
        raise ValueError(f"draw_mask: no mask has the shape {shape} and the rate {rate}")
    if not can_draw(bit_generator):
        raise ValueError("draw_mask: NumPy holds its PCG64 in a way that is not known here")
    for i in range(len(shape)):
        dims[i] = shape[i]
    cdef cnp.ndarray mask = new_array(<int>len(shape), dims, cnp.NPY_BOOL)
    d.generator = numbers_of(bit_generator)
    d.mask, d.count = <unsigned char*>data(mask), size(mask)
    d.whole = <unsigned char>(rate * 256)
    d.rest = rate * 256 - d.whole
    chunks = draw_chunks(&d)
    cdef cnp.ndarray undecided = new_array(1, &chunks, cnp.NPY_INT64)
    d.undecided = <cnp.int64_t*>data(undecided)
    if recorder() != NULL:
        recorder().keep(recorder(), bit_generator)
    stages[0] = stage(bytes_task, chunks, &d, sizeof(Draw))
    stages[1] = stage(undecided_task, chunks, &d, sizeof(Draw))
    with bit_generator.lock:
        run_stages(stages, 2, d.count)
    return mask


def numpy_draws():
    """A plan that is being made on this thread could not draw again what NumPy draws next."""
    refuse_plan("random numbers are drawn by NumPy")


def numpy_converts():
    """The same of what NumPy has made of another array."""
    refuse_plan("an array is converted")
