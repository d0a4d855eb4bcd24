"""Twin of reference/embedding.py: rows gathered, and gradients added to the rows they belong to."""

cimport numpy as cnp
from libc.string cimport memcpy, memset

from .kernels.arrays cimport (
    as_real, as_size, as_type, data, dim, new_array, new_result, rank, real, real_type, size,
)
from .kernels.gil cimport run_with_gil
from .kernels.threads cimport (
    Stage, end_run, recorder, refuse_plan, run_chunks, stage, typed_stage,
)

import numpy as np

from ..reference._shapes import check_cotangent
from ..reference._tokens import check_tokens

cnp.import_array()

cdef enum:
    CHUNK = 16384  # numbers of the table or of y: 64 KB of float32 stay in the second-level cache
    RADIX_BITS = 11
    RADIX = 2048


cdef struct Numbers:
    const void* given        # int32 or int64
    bint wide
    cnp.int64_t* numbers     # the same as int64, those that name no row as 0
    Py_ssize_t places
    Py_ssize_t rows
    bint ends_runs           # where one names no row


cdef struct EmbeddingJob:
    const cnp.int64_t* indices
    Py_ssize_t places        # how many indices there are
    Py_ssize_t rows          # V
    Py_ssize_t units         # U
    Py_ssize_t chunk         # places, or rows of the table, in a chunk
    Py_ssize_t item          # bytes of a number
    const char* source       # the table, or dy
    char* target             # y, dtable, or its rows that are named
    Py_ssize_t* order        # places, those of each chunk of the table (or row) together
    Py_ssize_t* first        # where those of a chunk (or row) begin in order, and the last end
    cnp.int64_t* named       # the rows that are named, each once, and behind them V
    Py_ssize_t most          # rows that can be named
    Py_ssize_t count         # of those that are


cdef void numbers_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """The check of a plan: it goes on with row 0 in place of what is wrong, as far as it has to."""
    cdef const Numbers* n = <const Numbers*>context
    cdef cnp.int64_t number
    cdef Py_ssize_t i
    for i in range(n.places):
        number = (<const cnp.int64_t*>n.given)[i] if n.wide else (<const cnp.int32_t*>n.given)[i]
        if not 0 <= number < n.rows:
            number = 0
            if n.ends_runs:
                end_run()
        n.numbers[i] = number


cdef void gather_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const EmbeddingJob* job = <const EmbeddingJob*>context
    cdef Py_ssize_t width = job.units * job.item
    cdef Py_ssize_t last = min(job.places, (chunk + 1) * job.chunk)
    cdef Py_ssize_t i
    for i in range(chunk * job.chunk, last):
        memcpy(job.target + i * width, job.source + job.indices[i] * width, width)


cdef void scatter_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some rows of dtable: cleared, and then, still in the cache, added to."""
    cdef const EmbeddingJob* job = <const EmbeddingJob*>context
    cdef Py_ssize_t units = job.units
    cdef Py_ssize_t begin = chunk * job.chunk
    cdef Py_ssize_t rows = min(job.chunk, job.rows - begin)
    cdef const real* dy = <const real*>job.source
    cdef real* dtable = <real*>job.target
    cdef Py_ssize_t i, u, place
    cdef const real* g
    cdef real* row
    memset(dtable + begin * units, 0, rows * units * sizeof(real))
    for i in range(job.first[chunk], job.first[chunk + 1]):
        place = job.order[i]
        g = dy + place * units
        row = dtable + job.indices[place] * units
        for u in range(units):
            row[u] += g[u]


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some of the rows that are named, each cleared and then added to."""
    cdef const EmbeddingJob* job = <const EmbeddingJob*>context
    cdef Py_ssize_t units = job.units
    cdef const real* dy = <const real*>job.source
    cdef real* values = <real*>job.target
    cdef Py_ssize_t k, i, u
    cdef const real* g
    cdef real* row
    for k in range(chunk * job.chunk, min(job.count, (chunk + 1) * job.chunk)):
        row = values + k * units
        memset(row, 0, units * sizeof(real))
        for i in range(job.first[k], job.first[k + 1]):
            g = dy + job.order[i] * units
            for u in range(units):
                row[u] += g[u]


cdef bint all_name_rows(
    const void* indices, bint wide, Py_ssize_t n, Py_ssize_t rows
) noexcept nogil:
    """Whether numbers, int64 if `wide` and else int32, are all numbers of rows."""
    cdef Py_ssize_t i
    cdef cnp.uint64_t limit = <cnp.uint64_t>rows
    cdef bint wrong = False
    for i in range(n):  # a negative number is a very large one
        if wide:
            wrong |= <cnp.uint64_t>(<const cnp.int64_t*>indices)[i] >= limit
        else:
            wrong |= <cnp.uint64_t><cnp.int64_t>(<const cnp.int32_t*>indices)[i] >= limit
    return not wrong


cdef Py_ssize_t chunks_of(const EmbeddingJob* job, Py_ssize_t things) noexcept nogil:
    return (things + job.chunk - 1) // job.chunk


cdef cnp.ndarray planned(object indices, Py_ssize_t rows, object shape, bint ends_runs):
    """For a plan: the indices as int64 by a stage, which checks them. None where it cannot be.

    ends_runs: whether a run ends if they name no rows; it may have looked at them before.
    """
    cdef cnp.ndarray numbers
    cdef Numbers n
    if type(indices) is not np.ndarray or (
        indices.dtype != np.int64 and not (ends_runs and indices.dtype == np.int32)
    ):
        return None
    n.wide = indices.dtype == np.int64
    n.given = data(as_type(indices, cnp.NPY_INT64 if n.wide else cnp.NPY_INT32))
    numbers = new_array(cnp.PyArray_NDIM(indices), cnp.PyArray_DIMS(indices), cnp.NPY_INT64)
    n.numbers, n.places, n.rows = <cnp.int64_t*>data(numbers), size(numbers), rows
    n.ends_runs = ends_runs
    run_chunks(numbers_task, 1, &n, sizeof(n), n.places)
    if ends_runs:
        recorder().may_end = True
    if not all_name_rows(n.given, n.wide, n.places, rows):
        check_tokens(indices, shape)
    return numbers


cdef cnp.ndarray checked(object indices, Py_ssize_t rows, object shape):
    """The indices as int64, all of them rows of the table."""
    cdef cnp.ndarray numbers
    if not isinstance(indices, (np.ndarray, np.generic)):
        raise TypeError(
            f"embedding: the numbers of rows must be an array, got {type(indices).__name__}"
        )
    kind = indices.dtype.kind
    if kind not in "iu":
        check_tokens(indices, shape)  # which refuses them
    # astype wraps what 63 bits cannot hold: it becomes negative, and names no row either.
    numbers = as_type(indices.astype("int64") if kind == "u" else indices, cnp.NPY_INT64)
    if not all_name_rows(data(numbers), True, size(numbers), rows):
        check_tokens(indices, shape)  # which names the first bad one
    return numbers


cdef cnp.ndarray usable(object indices, Py_ssize_t rows, object shape, bint ends_runs):
    """checked, or in a plan planned."""
    cdef cnp.ndarray numbers = None
    if recorder() != NULL:
        numbers = planned(indices, rows, shape, ends_runs)
        if numbers is None:
            refuse_plan("the rows that an embedding looks up are checked first")
    return checked(indices, rows, shape) if numbers is None else numbers


def embedding_forward(indices, table):
    """Twin of reference.embedding.embedding_forward. Rows are copied; the check is a pass apart."""
    cdef int typenum = real_type(table)
    cdef cnp.ndarray weights = as_real(table, typenum)
    if rank(weights) != 2:
        check_tokens(indices, table.shape)
    cdef cnp.ndarray numbers = usable(indices, dim(weights, 0), table.shape, True)
    cdef cnp.npy_intp dims[64]
    cdef int axes = rank(numbers)
    cdef int i
    for i in range(axes):
        dims[i] = dim(numbers, i)
    dims[axes] = dim(weights, 1)
    cdef cnp.ndarray y = new_array(axes + 1, dims, typenum)
    cdef EmbeddingJob job
    job.indices, job.places = <const cnp.int64_t*>data(numbers), size(numbers)
    job.rows, job.units = dim(weights, 0), dim(weights, 1)
    job.chunk = max(1, CHUNK // max(1, job.units))
    job.item = cnp.PyArray_ITEMSIZE(weights)
    job.source, job.target = <const char*>data(weights), <char*>data(y)
    cdef Stage gather = stage(gather_task, chunks_of(&job, job.places), &job, sizeof(job))
    run_with_gil(&gather, 1, <double>job.places * job.units)
    return y, (numbers, (job.rows, job.units))


cdef void sort_by_chunk(Py_ssize_t _, void* context) noexcept nogil:
    """The places, those of a chunk of the table together and in their order: a counting sort."""
    cdef const EmbeddingJob* job = <const EmbeddingJob*>context
    cdef Py_ssize_t* order = job.order
    cdef Py_ssize_t* first = job.first
    cdef Py_ssize_t chunks = chunks_of(job, job.rows), i, c, begin, count
    memset(first, 0, (chunks + 1) * sizeof(Py_ssize_t))
    for i in range(job.places):
        first[job.indices[i] // job.chunk] += 1
    begin = 0
    for c in range(chunks):
        count = first[c]
        first[c] = begin
        begin += count
    for i in range(job.places):
        c = job.indices[i] // job.chunk
        order[first[c]] = i
        first[c] += 1
    # Each now points behind its chunk, where the next one begins.
    for c in range(chunks, 0, -1):
        first[c] = first[c - 1]
    first[0] = 0


cdef tuple begin_backward(EmbeddingJob* job, str name, object dy, tuple cache):
    """dy and the row numbers, which have to live as long as the job that they are noted in."""
    indices, shape = cache
    cdef cnp.ndarray dys = as_real(dy, real_type(dy))
    rows, units = shape
    job.rows, job.units = as_size(rows), as_size(units)
    cdef cnp.ndarray numbers = usable(indices, job.rows, shape, False)
    if dy.shape != (*indices.shape, job.units):
        check_cotangent(name, dy.shape, (*indices.shape, job.units))
    job.indices, job.places = <const cnp.int64_t*>data(numbers), size(numbers)
    job.chunk = max(1, CHUNK // max(1, job.units))
    job.item = cnp.PyArray_ITEMSIZE(dys)
    job.source = <const char*>data(dys)
    return dys, numbers


def embedding_backward(dy, cache):
    """Twin of reference.embedding.embedding_backward. A chunk has some rows of dtable to itself.

    It clears them and adds what belongs to them, in the order of the places: nothing is shared, and
    the bits are those of one thread.
    """
    cdef EmbeddingJob job
    alive = begin_backward(&job, "embedding_backward", dy, cache)
    cdef cnp.npy_intp dims[2]
    dims[0], dims[1] = job.rows, job.units
    cdef cnp.ndarray dtable = new_result(2, dims, cnp.PyArray_TYPE(alive[0]))
    job.target = <char*>data(dtable)
    cdef cnp.npy_intp chunks = chunks_of(&job, job.rows)
    cdef cnp.npy_intp places = job.places, ends = chunks + 1
    cdef cnp.ndarray order = new_array(1, &places, cnp.NPY_INTP)
    cdef cnp.ndarray first = new_array(1, &ends, cnp.NPY_INTP)
    job.order, job.first = <Py_ssize_t*>data(order), <Py_ssize_t*>data(first)
    cdef Stage[2] stages
    stages[0] = stage(sort_by_chunk, 1, &job, sizeof(job))
    stages[1] = typed_stage(
        cnp.PyArray_TYPE(dtable) == cnp.NPY_FLOAT, scatter_task[float], scatter_task[double],
        chunks, &job, sizeof(job),
    )
    run_with_gil(stages, 2, <double>job.rows * job.units)
    return dtable


cdef Py_ssize_t* sort_by_row(
    const EmbeddingJob* job, Py_ssize_t* order, Py_ssize_t* other
) noexcept nogil:
    """The places by row, those of a row in their order: a radix sort of the row numbers.

    Returns the one of the two vectors that it has ended up in.
    """
    cdef Py_ssize_t[RADIX] next_of
    cdef Py_ssize_t i, digit, begin, count
    cdef int shift = 0
    for i in range(job.places):
        order[i] = i
    while (job.rows - 1) >> shift > 0:
        memset(next_of, 0, sizeof(next_of))
        for i in range(job.places):
            next_of[(job.indices[i] >> shift) % RADIX] += 1
        begin = 0
        for digit in range(RADIX):
            count = next_of[digit]
            next_of[digit] = begin
            begin += count
        for i in range(job.places):
            digit = (job.indices[order[i]] >> shift) % RADIX
            other[next_of[digit]] = order[i]
            next_of[digit] += 1
        order, other = other, order
        shift += RADIX_BITS
    return order


cdef Py_ssize_t find_rows(
    const EmbeddingJob* job, Py_ssize_t* first, cnp.int64_t* rows
) noexcept nogil:
    """Where the places of each row that is named begin, and which row it is; return how many."""
    cdef Py_ssize_t i, count = 0
    cdef cnp.int64_t row, last = -1
    for i in range(job.places):
        row = job.indices[job.order[i]]
        if row != last:
            first[count] = i
            rows[count] = row
            count += 1
            last = row
    first[count] = job.places
    return count


cdef void named_rows_task(Py_ssize_t _, void* context) noexcept nogil:
    """Sort the places by row, and find the rows that are named. A task, since what a function of
    Python calls itself is compiled for size.
    """
    cdef EmbeddingJob* job = <EmbeddingJob*>context
    cdef Py_ssize_t* order = sort_by_row(job, job.order, job.first)
    cdef Py_ssize_t i
    if order != job.order:
        job.order, job.first = order, job.order
    job.count = find_rows(job, job.first, job.named)
    for i in range(job.count, job.most):
        job.named[i] = job.rows


def embedding_backward_rows(dy, cache):
    """Extra: embedding_backward without the rows of zeros, for a table too large to fill.

    dtable[rows[k]] = values[k], and 0 in every other row. Returns rows: (K,), int64, those that
    were named, each once and in rising order, and values: (K, U). The places are sorted by row
    first, so that the sums run as in embedding_backward; a chunk has some of the rows to itself.
    In a plan both are as long as they can be, and rows ends in V as often as no row is named.
    tests/extras.py holds it against the reference.
    """
    cdef EmbeddingJob job
    alive = begin_backward(&job, "embedding_backward_rows", dy, cache)
    cdef cnp.npy_intp dims[2]
    cdef cnp.npy_intp places = job.places + 1
    cdef cnp.ndarray order = new_array(1, &places, cnp.NPY_INTP)
    cdef cnp.ndarray first = new_array(1, &places, cnp.NPY_INTP)
    dims[0], dims[1] = min(job.places, job.rows), job.units
    cdef cnp.ndarray rows = new_array(1, dims, cnp.NPY_INT64)
    cdef cnp.ndarray values = new_array(2, dims, cnp.PyArray_TYPE(alive[0]))
    job.order, job.first = <Py_ssize_t*>data(order), <Py_ssize_t*>data(first)
    job.named, job.most = <cnp.int64_t*>data(rows), dims[0]
    job.target = <char*>data(values)
    cdef Stage[2] stages
    stages[0] = stage(named_rows_task, 1, &job, sizeof(job))
    stages[1] = typed_stage(
        cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT, sum_task[float], sum_task[double],
        chunks_of(&job, job.most), &job, sizeof(job),
    )
    run_with_gil(stages, 2, <double>job.places * job.units)
    return (rows, values) if recorder() != NULL else (rows[:job.count], values[:job.count])
