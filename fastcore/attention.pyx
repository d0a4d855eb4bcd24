"""Twin of reference/attention.py: attention by blocks of queries, without the matrix of scores.

A chunk is some queries of one head (forward), or all that one head of keys serves (backward: its
gradients are sums over the queries, added up in one order). It works on a block of ROWS queries at
a time, whose scores stay in the second-level cache: they are made by one matrix product, turned
into exponentials in place, and used by the next product. What is kept for the way back is a maximum
and a sum for each query; the scores are made again from them, which costs a fifth more arithmetic
than reading them and spares S numbers for each query. Where the mask is causal, keys after the
block are not looked at.
"""

cimport numpy as cnp
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from ._arrays cimport (
    as_real, as_type, data, dim, new_array, new_zeros, rank, real, real_type,
)
from ._fused cimport LINEAR
from ._gemm cimport gemm
from ._math cimport vexp
from ._rows cimport dot_of, total_of
from ._threads cimport is_parallel, run_chunks

from ..reference._heads import check_attention, check_mask
from ..reference._shapes import check_cotangent, sum_to

cnp.import_array()

cdef enum:
    BLOCK = 16384      # scores in a block, if it is not too small or too large then:
    FEWEST_ROWS = 32   # for a product, and for the keys that are packed for it
    MOST_ROWS = 128


cdef struct Job:
    const void* query
    const void* key
    const void* value
    const void* bias              # NULL, or with these distances along N, H, T, S
    const unsigned char* mask
    const unsigned char* kept
    Py_ssize_t bias_step[4]
    Py_ssize_t mask_step[4]
    Py_ssize_t kept_step[4]
    void* top                     # (N, H, T)
    void* total                   # (N, H, T)
    void* scores                  # (N, H, T, S) or NULL: OUT of forward, IN (dscores) of backward
    void* y                       # OUT of forward, IN (dy) of backward
    void* dquery
    void* dkey
    void* dvalue
    void* dlogits                 # (N, H, T, S) or NULL
    Py_ssize_t n, t, s, h, k, d, e
    Py_ssize_t rows               # queries in a block
    Py_ssize_t blocks
    double scale
    double keep                   # 1 / (1 - rate)
    bint causal
    bint single
    bint failed                   # a work area was not to be had


cdef inline real largest(const real* x, Py_ssize_t n) noexcept nogil:
    """max_i x[i]; in 16 lanes, since the compiler must not reorder it by itself."""
    cdef real lanes[16]
    cdef real most = <real>-INFINITY
    cdef Py_ssize_t i, k
    cdef Py_ssize_t whole = n - n % 16
    for k in range(16):
        lanes[k] = most
    for i in range(0, whole, 16):
        for k in range(16):
            lanes[k] = x[i + k] if x[i + k] > lanes[k] else lanes[k]
    for k in range(16):
        most = lanes[k] if lanes[k] > most else most
    for i in range(whole, n):
        most = x[i] if x[i] > most else most
    return most


cdef inline bint has_nan(const real* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if x[i] != x[i]:
            return True
    return False


cdef inline Py_ssize_t place(
    const Py_ssize_t* step, Py_ssize_t n, Py_ssize_t h, Py_ssize_t t
) noexcept nogil:
    """Where the row of a query begins in an array that broadcasts to (N, H, T, S)."""
    return n * step[0] + h * step[1] + t * step[2]


cdef void set_where_forbidden(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t t, Py_ssize_t columns, real given,
    real* x,
) noexcept nogil:
    """x[s] := given for the keys that query t must not attend to."""
    cdef const unsigned char* mask
    cdef Py_ssize_t s
    if job.mask != NULL:
        mask = job.mask + place(job.mask_step, n, h, t)
        if job.mask_step[3]:
            for s in range(columns):
                x[s] = x[s] if mask[s] else given
        elif not mask[0]:
            for s in range(columns):
                x[s] = given
    if job.causal:
        for s in range(t + 1, columns):
            x[s] = given


cdef void drop(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t t, Py_ssize_t columns,
    const real* x, real* out,
) noexcept nogil:
    """out[s] := x[s] / (1 - rate) where kept, else 0."""
    cdef const unsigned char* kept = job.kept + place(job.kept_step, n, h, t)
    cdef Py_ssize_t step = job.kept_step[3], s
    cdef real keep = <real>job.keep
    if step:
        for s in range(columns):
            out[s] = x[s] * keep if kept[s] else <real>0.0
    else:
        for s in range(columns):
            out[s] = x[s] * keep if kept[0] else <real>0.0


cdef void logits_of(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t first, Py_ssize_t rows,
    Py_ssize_t columns, const real* query, const real* key, real* logits,
) noexcept nogil:
    """logits: (rows, columns) of the queries from `first` on."""
    cdef Py_ssize_t group = job.h // job.k, i, s, step
    cdef real scale = <real>job.scale
    cdef real* row
    cdef const real* bias
    gemm[real](
        False, True, rows, columns, job.d,
        query + ((n * job.t + first) * job.h + h) * job.d, job.h * job.d,
        key + (n * job.s * job.k + h // group) * job.d, job.k * job.d,
        logits, columns, NULL, LINEAR, False,
    )
    for i in range(rows):
        row = logits + i * columns
        if job.bias == NULL:
            for s in range(columns):
                row[s] *= scale
        else:
            bias = <const real*>job.bias + place(job.bias_step, n, h, first + i)
            step = job.bias_step[3]
            if step:
                for s in range(columns):
                    row[s] = row[s] * scale + bias[s]
            else:
                for s in range(columns):
                    row[s] = row[s] * scale + bias[0]
        set_where_forbidden[real](job, n, h, first + i, columns, <real>-INFINITY, row)


cdef Py_ssize_t settled_logits(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t first, Py_ssize_t rows,
    const real* query, const real* key, real* logits, real* top, unsigned char* idle,
) noexcept nogil:
    """The logits, and the largest of each query; returns how many keys were looked at.

    A query that may attend to nothing is idle, and its logits are 0, for all keys: also for those
    that come after the block.
    """
    cdef Py_ssize_t columns = min(job.s, first + rows) if job.causal else job.s
    cdef Py_ssize_t i
    cdef bint some
    while True:
        logits_of[real](job, n, h, first, rows, columns, query, key, logits)
        some = False
        for i in range(rows):
            top[i] = largest(logits + i * columns, columns)
            idle[i] = top[i] == <real>-INFINITY and not has_nan(logits + i * columns, columns)
            some |= idle[i]
        if not some or columns == job.s:
            break
        columns = job.s
    for i in range(rows):
        if idle[i]:
            top[i] = 0
            memset(logits + i * columns, 0, columns * sizeof(real))
    return columns


cdef inline void exponentials(real* row, Py_ssize_t n, real top) noexcept nogil:
    cdef Py_ssize_t s
    for s in range(n):
        row[s] = vexp(row[s] - top)


cdef void forward_block(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t first, Py_ssize_t rows,
    const real* query, const real* key, const real* value, real* y, real* area,
) noexcept nogil:
    cdef Py_ssize_t group = job.h // job.k, at = (n * job.h + h) * job.t + first
    cdef unsigned char idle[MOST_ROWS]
    cdef real* top = <real*>job.top + at
    cdef Py_ssize_t columns = settled_logits[real](
        job, n, h, first, rows, query, key, area, top, idle
    )
    cdef Py_ssize_t i, j, c
    cdef real* total = <real*>job.total + at
    cdef real* scores
    cdef real* row
    cdef real inverse
    for i in range(rows):
        row = area + i * columns
        exponentials(row, columns, top[i])
        total[i] = total_of(row, columns)
        if job.scores != NULL:
            scores = <real*>job.scores + (at + i) * job.s
            inverse = 1 / total[i]
            for c in range(columns):
                scores[c] = row[c] * inverse
            for c in range(columns, job.s):
                scores[c] = 0
        if job.kept != NULL:
            drop[real](job, n, h, first + i, columns, row, row)
    y += ((n * job.t + first) * job.h + h) * job.e
    gemm[real](
        False, False, rows, job.e, columns, area, columns,
        value + (n * job.s * job.k + h // group) * job.e, job.k * job.e,
        y, job.h * job.e, NULL, LINEAR, False,
    )
    for i in range(rows):
        inverse = 1 / total[i]
        row = y + i * job.h * job.e
        for j in range(job.e):
            row[j] *= inverse


cdef void backward_block(
    const Job* job, Py_ssize_t n, Py_ssize_t h, Py_ssize_t first, Py_ssize_t rows,
    const real* query, const real* key, const real* value, const real* dy,
    real* dquery, real* dkey, real* dvalue, real* area,
) noexcept nogil:
    cdef Py_ssize_t at = (n * job.h + h) * job.t + first
    cdef Py_ssize_t head = h // (job.h // job.k)
    cdef unsigned char idle[MOST_ROWS]
    cdef real tops[MOST_ROWS]
    cdef Py_ssize_t columns = settled_logits[real](
        job, n, h, first, rows, query, key, area, tops, idle
    )
    cdef Py_ssize_t i, c
    cdef const real* top = <real*>job.top + at
    cdef const real* total = <real*>job.total + at
    cdef real* used = area + rows * job.s * (2 if job.kept != NULL else 0)
    cdef real* slopes = area + rows * job.s
    cdef real* row
    cdef real* slope
    cdef real* out
    cdef const real* given
    cdef real inverse, mean, scale = <real>job.scale
    for i in range(rows):
        row = area + i * columns
        exponentials(row, columns, top[i])
        inverse = 1 / total[i]
        for c in range(columns):
            row[c] *= inverse
        if job.kept != NULL:
            drop[real](job, n, h, first + i, columns, row, used + i * columns)
    query += ((n * job.t + first) * job.h + h) * job.d
    dquery += ((n * job.t + first) * job.h + h) * job.d
    dy += ((n * job.t + first) * job.h + h) * job.e
    key += (n * job.s * job.k + head) * job.d
    dkey += (n * job.s * job.k + head) * job.d
    value += (n * job.s * job.k + head) * job.e
    dvalue += (n * job.s * job.k + head) * job.e
    gemm[real](
        True, False, columns, job.e, rows, used, columns, dy, job.h * job.e,
        dvalue, job.k * job.e, NULL, LINEAR, True,
    )
    gemm[real](
        False, True, rows, columns, job.e, dy, job.h * job.e, value, job.k * job.e,
        slopes, columns, NULL, LINEAR, False,
    )
    for i in range(rows):
        row, slope = area + i * columns, slopes + i * columns
        if job.kept != NULL:
            drop[real](job, n, h, first + i, columns, slope, slope)
        if job.scores != NULL:
            given = <const real*>job.scores + (at + i) * job.s
            for c in range(columns):
                slope[c] += given[c]
        mean = dot_of(row, slope, columns)
        for c in range(columns):
            slope[c] = row[c] * (slope[c] - mean)
        set_where_forbidden[real](job, n, h, first + i, columns, 0, slope)
        if idle[i]:
            memset(slope, 0, columns * sizeof(real))
        if job.dlogits != NULL:
            out = <real*>job.dlogits + (at + i) * job.s
            for c in range(columns):
                out[c] = slope[c]
        for c in range(columns):
            slope[c] *= scale
    gemm[real](
        False, False, rows, job.d, columns, slopes, columns, key, job.k * job.d,
        dquery, job.h * job.d, NULL, LINEAR, False,
    )
    gemm[real](
        True, False, columns, job.d, rows, slopes, columns, query, job.h * job.d,
        dkey, job.k * job.d, NULL, LINEAR, True,
    )


cdef void forward_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    """Chunk number -> row of the batch, head, block of queries."""
    cdef Job* job = <Job*>context
    cdef Py_ssize_t first = chunk % job.blocks * job.rows
    cdef Py_ssize_t rows = min(job.rows, job.t - first)
    cdef Py_ssize_t h = chunk // job.blocks % job.h, n = chunk // job.blocks // job.h
    cdef void* area = malloc(rows * job.s * (4 if job.single else 8))
    if area == NULL:
        job.failed = True
        return
    if job.single:
        forward_block[float](
            job, n, h, first, rows, <const float*>job.query, <const float*>job.key,
            <const float*>job.value, <float*>job.y, <float*>area,
        )
    else:
        forward_block[double](
            job, n, h, first, rows, <const double*>job.query, <const double*>job.key,
            <const double*>job.value, <double*>job.y, <double*>area,
        )
    free(area)


cdef void backward_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    """Chunk number -> row of the batch, head of keys; with all the queries that it serves."""
    cdef Job* job = <Job*>context
    cdef Py_ssize_t group = job.h // job.k, n = chunk // job.k
    cdef Py_ssize_t h, first, rows
    cdef Py_ssize_t parts = 3 if job.kept != NULL else 2
    cdef void* area = malloc(parts * job.rows * job.s * (4 if job.single else 8))
    if area == NULL:
        job.failed = True
        return
    for h in range(chunk % job.k * group, (chunk % job.k + 1) * group):
        first = 0
        while first < job.t:
            rows = min(job.rows, job.t - first)
            if job.single:
                backward_block[float](
                    job, n, h, first, rows, <const float*>job.query, <const float*>job.key,
                    <const float*>job.value, <const float*>job.y, <float*>job.dquery,
                    <float*>job.dkey, <float*>job.dvalue, <float*>area,
                )
            else:
                backward_block[double](
                    job, n, h, first, rows, <const double*>job.query, <const double*>job.key,
                    <const double*>job.value, <const double*>job.y, <double*>job.dquery,
                    <double*>job.dkey, <double*>job.dvalue, <double*>area,
                )
            first += rows
    free(area)


cdef int steps_of(cnp.ndarray a, Py_ssize_t* step) except -1:
    """The distances in a contiguous array along the axes that it broadcasts to; 0 along sizes 1."""
    cdef int axes = rank(a), i
    cdef Py_ssize_t distance = 1
    for i in range(4):
        step[i] = 0
    for i in range(axes - 1, -1, -1):
        step[4 - axes + i] = distance if dim(a, i) != 1 else 0
        distance *= dim(a, i)
    return 0


cdef int set_up(
    Job* job, cnp.ndarray query, cnp.ndarray key, cnp.ndarray value, cnp.ndarray bias,
    cnp.ndarray mask, cnp.ndarray kept, double scale, bint is_causal, double rate,
) except -1:
    """Sizes and inputs of a job; the arrays have been checked."""
    job.n, job.t, job.h, job.d = dim(query, 0), dim(query, 1), dim(query, 2), dim(query, 3)
    job.s, job.k, job.e = dim(key, 1), dim(key, 2), dim(value, 3)
    job.query, job.key, job.value = data(query), data(key), data(value)
    job.bias = job.scores = job.dlogits = NULL
    job.mask = job.kept = NULL
    if bias is not None:
        job.bias = data(bias)
        steps_of(bias, job.bias_step)
    if mask is not None:
        job.mask = <const unsigned char*>data(mask)
        steps_of(mask, job.mask_step)
    if kept is not None:
        job.kept = <const unsigned char*>data(kept)
        steps_of(kept, job.kept_step)
    job.scale, job.keep, job.causal = scale, 1 / (1 - rate), is_causal
    job.single = cnp.PyArray_TYPE(query) == cnp.NPY_FLOAT
    job.rows = max(<Py_ssize_t>FEWEST_ROWS, min(<Py_ssize_t>MOST_ROWS, BLOCK // job.s))
    job.rows = max(1, min(job.rows, job.t))
    job.blocks = (job.t + job.rows - 1) // job.rows
    job.failed = False
    return 0


cdef int run(Job* job, bint back) except -1:
    cdef double work = <double>job.n * job.h * job.t * job.s * (
        (job.d + job.e) / 8.0 * (2.5 if back else 1.0) + 12
    )
    cdef Py_ssize_t chunks = job.n * job.k if back else job.n * job.h * job.blocks
    if is_parallel(work):
        with nogil:
            run_chunks(backward_chunk if back else forward_chunk, chunks, job, work)
    else:
        run_chunks(backward_chunk if back else forward_chunk, chunks, job, work)
    if job.failed:
        raise MemoryError("attention: there is no memory for a block of scores")
    return 0


cdef shape_or_none(a):
    return None if a is None else a.shape


cdef cnp.ndarray flags(object a):
    return None if a is None else as_type(a, cnp.NPY_BOOL)


def dot_product_attention_forward(
    query, key, value, bias, mask, kept, scale, is_causal=False, rate=0.0, return_scores=False
):
    """Twin of reference.attention.dot_product_attention_forward. By blocks of queries.

    Scores are kept only where they are asked for.
    """
    cdef int typenum = real_type(query)
    check_attention(
        query.shape, key.shape, value.shape, shape_or_none(bias), shape_or_none(mask),
        shape_or_none(kept),
    )
    check_mask(mask)
    cdef cnp.ndarray qs = as_real(query, typenum)
    cdef cnp.ndarray ks = as_real(key, typenum)
    cdef cnp.ndarray vs = as_real(value, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray allowed = flags(mask), dropped = flags(kept)
    cdef Job job
    set_up(&job, qs, ks, vs, bs, allowed, dropped, scale, is_causal, rate)
    cdef cnp.npy_intp dims[4]
    dims[0], dims[1], dims[2], dims[3] = job.n, job.t, job.h, job.e
    cdef cnp.ndarray y = new_array(4, dims, typenum)
    dims[0], dims[1], dims[2], dims[3] = job.n, job.h, job.t, job.s
    cdef cnp.ndarray scores = new_array(4, dims, typenum) if return_scores else None
    cdef cnp.ndarray top = new_array(3, dims, typenum), total = new_array(3, dims, typenum)
    job.y, job.top, job.total = data(y), data(top), data(total)
    if return_scores:
        job.scores = data(scores)
    run(&job, False)
    cache = (
        qs, ks, vs, bs, allowed, dropped, top, total, scale, is_causal, rate, return_scores,
    )
    return ((y, scores) if return_scores else y), cache


def dot_product_attention_backward(dy, cache):
    """Twin of reference.attention.dot_product_attention_backward. The scores are made again."""
    query, key, value, bias, mask, kept, top, total, scale, is_causal, rate, return_scores = cache
    dy, dscores = dy if return_scores else (dy, None)
    cdef int typenum = real_type(query)
    expected = (*query.shape[:3], value.shape[3])
    check_cotangent("dot_product_attention_backward", dy.shape, expected)
    check_attention(
        query.shape, key.shape, value.shape, shape_or_none(bias), shape_or_none(mask),
        shape_or_none(kept),
    )
    cdef cnp.ndarray qs = as_real(query, typenum)
    cdef cnp.ndarray ks = as_real(key, typenum)
    cdef cnp.ndarray vs = as_real(value, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray allowed = flags(mask), dropped = flags(kept)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray tops = as_real(top, typenum), totals = as_real(total, typenum)
    cdef cnp.ndarray ds = None if dscores is None else as_real(dscores, typenum)
    cdef Job job
    set_up(&job, qs, ks, vs, bs, allowed, dropped, scale, is_causal, rate)
    queries = (job.n, job.h, job.t)
    check_cotangent("dot_product_attention_backward", top.shape, queries)
    check_cotangent("dot_product_attention_backward", total.shape, queries)
    if ds is not None:
        check_cotangent("dot_product_attention_backward", dscores.shape, (*queries, job.s))
        job.scores = data(ds)
    cdef cnp.npy_intp dims[4]
    dims[0], dims[1], dims[2], dims[3] = job.n, job.h, job.t, job.s
    cdef cnp.ndarray dlogits = None if bias is None else new_zeros(4, dims, typenum)
    cdef cnp.ndarray dquery = new_array(4, cnp.PyArray_DIMS(qs), typenum)
    cdef cnp.ndarray dkey = new_zeros(4, cnp.PyArray_DIMS(ks), typenum)
    cdef cnp.ndarray dvalue = new_zeros(4, cnp.PyArray_DIMS(vs), typenum)
    job.y, job.top, job.total = data(dys), data(tops), data(totals)
    job.dquery, job.dkey, job.dvalue = data(dquery), data(dkey), data(dvalue)
    if dlogits is not None:
        job.dlogits = data(dlogits)
    run(&job, True)
    return dquery, dkey, dvalue, (None if bias is None else sum_to(dlogits, bias.shape))
