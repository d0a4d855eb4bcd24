"""Twin of reference/attention.py: attention by blocks, without the matrix of scores.

A block of queries meets a block of keys: one product makes their scores, which stay in the
second-level cache, are turned into exponentials in place, and used by the next product
(attention.h). The keys and values of a block are packed for the register tile of the matrix
product (gemm_tile.h) once, for all the queries that meet them. A query that has met some keys
keeps its largest logit and its sum so far; where later keys bring a larger one, its result is
multiplied by what makes the old exponentials fit (Dao et al. 2022, FlashAttention). So no work area
grows with the number of queries or keys.

For the way back the scores are made again from those two numbers. The gradients of a block of keys
are added up over the queries in one order. What one head of keys has to do is cut into parts where
there are few of them: each adds up gradients of its own, to be summed in the end.

Where the mask is causal, blocks of keys that come after a block of queries are not looked at.
"""

from libc.string cimport memset

cimport numpy as cnp

from .kernels.arrays cimport as_real, as_type, data, dim, new_array, rank, real_type
from .kernels.threads cimport is_parallel, run_chunks

import numpy as np

from ..reference._heads import check_attention
from ..reference._shapes import check_cotangent, sum_to

cnp.import_array()

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #define REAL float
    #define REAL_BYTES 4
    #define INTEGER int32_t
    #define NAME(x) x##_f32
    #include "gemm_tile.h"
    #define REAL double
    #define REAL_BYTES 8
    #define INTEGER int64_t
    #define NAME(x) x##_f64
    #include "gemm_tile.h"
    #define REAL float
    #define REAL_BYTES 4
    #define NAME(x) x##_f32
    #include "attention.h"
    #define REAL double
    #define REAL_BYTES 8
    #define NAME(x) x##_f64
    #include "attention.h"
    """
    enum:
        panel_columns_f32
        panel_columns_f64
    ctypedef struct Job "diptych_attention":
        const void* query
        const void* key
        const void* value
        const void* bias
        const unsigned char* mask
        const unsigned char* kept
        Py_ssize_t* bias_step
        Py_ssize_t* mask_step
        Py_ssize_t* kept_step
        void* y
        void* top
        void* total
        void* scores
        const void* dy
        const void* dscores
        void* dquery
        void* dkey
        void* dvalue
        void* dlogits
        Py_ssize_t n
        Py_ssize_t t
        Py_ssize_t s
        Py_ssize_t h
        Py_ssize_t k
        Py_ssize_t d
        Py_ssize_t e
        Py_ssize_t from_ "from"
        Py_ssize_t rows
        Py_ssize_t blocks
        Py_ssize_t keys
        Py_ssize_t across
        Py_ssize_t parts
        Py_ssize_t units
        Py_ssize_t together
        double scale
        double keep
        bint causal
        bint single
        bint failed
    void forward_chunk_f32(Job* p, Py_ssize_t chunk) noexcept nogil
    void forward_chunk_f64(Job* p, Py_ssize_t chunk) noexcept nogil
    void backward_chunk_f32(Job* p, Py_ssize_t chunk) noexcept nogil
    void backward_chunk_f64(Job* p, Py_ssize_t chunk) noexcept nogil

cdef Py_ssize_t BLOCK_ROWS = 128         # queries in a block, at most
cdef Py_ssize_t BLOCK_KEYS = 256
cdef Py_ssize_t CAUSAL_KEYS = 128        # small blocks along the diagonal: less in vain beyond it
cdef Py_ssize_t UNITS = 32            # at least, where there is work for so many
cdef double LEAST_WORK = 4e6          # multiplications in a part of a head
cdef double CHUNK_WORK = 4.2e6          # in a chunk, where that leaves UNITS of them
cdef Py_ssize_t MOST_DLOGITS = 1 << 20   # at a time, if that is more than one row of the batch has


cdef inline Py_ssize_t divide_up(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return (x + y - 1) // y


cdef void forward_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Job* job = <Job*>context
    if job.single:
        forward_chunk_f32(job, chunk)
    else:
        forward_chunk_f64(job, chunk)


cdef void backward_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Job* job = <Job*>context
    if job.single:
        backward_chunk_f32(job, chunk)
    else:
        backward_chunk_f64(job, chunk)


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
    """Sizes, inputs and blocks of a job; the arrays have been checked."""
    cdef Py_ssize_t panel, most = CAUSAL_KEYS if is_causal else BLOCK_KEYS
    cdef Py_ssize_t item = cnp.PyArray_ITEMSIZE(query)
    cdef double work
    memset(job, 0, sizeof(Job))
    job.n, job.t, job.h, job.d = dim(query, 0), dim(query, 1), dim(query, 2), dim(query, 3)
    job.s, job.k, job.e = dim(key, 1), dim(key, 2), dim(value, 3)
    job.query, job.key, job.value = data(query), data(key), data(value)
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
    panel = panel_columns_f32 if job.single else panel_columns_f64
    job.rows = divide_up(job.t, max(1, divide_up(job.t, BLOCK_ROWS)))
    job.blocks = divide_up(job.t, BLOCK_ROWS) * (job.h // max(1, job.k))
    job.keys = divide_up(divide_up(job.s, divide_up(job.s, most)), panel) * panel
    # An odd number of cache lines, or a column of scores would fight for a few places in the cache.
    job.across = (divide_up(job.keys * item, 64) | 1) * 64 // item
    work = <double>job.t * job.s * (job.d + job.e) * (job.h // max(1, job.k))
    job.parts = divide_up(UNITS, max(1, job.n * job.k))
    job.parts = max(1, min(job.parts, job.blocks, <Py_ssize_t>(work / LEAST_WORK)))
    job.units = job.n * job.k * job.parts
    job.together = max(1, min(<Py_ssize_t>(CHUNK_WORK / (work + 1)), job.units // UNITS))
    return 0


cdef int run(Job* job, bint back) except -1:
    cdef double work = <double>job.units * job.t * (job.h // max(1, job.k)) / job.parts * job.s * (
        (job.d + job.e) / 8.0 * (2.5 if back else 1.0) + 12
    )
    cdef Py_ssize_t chunks = divide_up(job.units, job.together)
    if is_parallel(work):
        with nogil:
            run_chunks(backward_task if back else forward_task, chunks, job, work)
    else:
        run_chunks(backward_task if back else forward_task, chunks, job, work)
    if job.failed:
        raise MemoryError("attention: there is no memory for a block of scores")
    return 0


cdef object run_biased(Job* job, object bias, int typenum):
    """The way back by some rows of the batch at a time, and the gradient of the bias."""
    cdef Py_ssize_t row = job.h * job.t * job.s
    cdef Py_ssize_t most = max(1, min(job.n, MOST_DLOGITS // max(1, row)))
    cdef bint by_row = bias.ndim == 4 and bias.shape[0] != 1
    cdef cnp.npy_intp dims[4]
    dims[0], dims[1], dims[2], dims[3] = most, job.h, job.t, job.s
    cdef cnp.ndarray dlogits = new_array(4, dims, typenum)
    job.dlogits = data(dlogits)
    dbias = np.zeros(bias.shape, bias.dtype)
    for first in range(0, job.n, most):
        rows = min(most, job.n - first)
        job.from_, job.units = first, rows * job.k * job.parts
        run(job, True)
        if by_row:
            dbias[first:first + rows] = sum_to(dlogits[:rows], (rows, *bias.shape[1:]))
        else:
            dbias += sum_to(dlogits[:rows], bias.shape)
    return dbias


cdef cnp.ndarray flags(object a):
    return None if a is None else as_type(a, cnp.NPY_BOOL)


def dot_product_attention_forward(
    query, key, value, bias, mask, dropout_mask, scale, is_causal=False, rate=0.0,
    return_scores=False,
):
    """Twin of reference.attention.dot_product_attention_forward. By blocks of queries and keys.

    Scores are kept only where they are asked for.
    """
    cdef int typenum = real_type(query)
    check_attention(query, key, value, bias, mask, dropout_mask)
    cdef cnp.ndarray qs = as_real(query, typenum)
    cdef cnp.ndarray ks = as_real(key, typenum)
    cdef cnp.ndarray vs = as_real(value, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray allowed = flags(mask), dropped = flags(dropout_mask)
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
    cache = qs, ks, vs, bs, allowed, dropped, y, scores, top, total, scale, is_causal, rate
    return ((y, scores) if return_scores else y), cache


def dot_product_attention_backward(dy, cache):
    """Twin of reference.attention.dot_product_attention_backward. The scores are made again."""
    query, key, value, bias, mask, dropout_mask, y, scores, top, total, *options = cache
    scale, is_causal, rate = options
    dy, dscores = (dy, None) if scores is None else dy
    cdef int typenum = real_type(query)
    name = "dot_product_attention_backward"
    check_attention(query, key, value, bias, mask, dropout_mask)
    cdef cnp.ndarray qs = as_real(query, typenum)
    cdef cnp.ndarray ks = as_real(key, typenum)
    cdef cnp.ndarray vs = as_real(value, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray allowed = flags(mask), dropped = flags(dropout_mask)
    cdef cnp.ndarray ys = as_real(y, typenum), dys = as_real(dy, typenum)
    cdef cnp.ndarray tops = as_real(top, typenum), totals = as_real(total, typenum)
    cdef cnp.ndarray ps = None if scores is None else as_real(scores, typenum)
    cdef cnp.ndarray ds = None if dscores is None else as_real(dscores, typenum)
    cdef Job job
    set_up(&job, qs, ks, vs, bs, allowed, dropped, scale, is_causal, rate)
    queries = (job.n, job.h, job.t)
    for given in (y, dy):
        check_cotangent(name, given.shape, (job.n, job.t, job.h, job.e))
    for given in (top, total):
        check_cotangent(name, given.shape, queries)
    job.dy, job.y, job.top, job.total = data(dys), data(ys), data(tops), data(totals)
    if ds is not None:
        for given in (scores, dscores):
            check_cotangent(name, given.shape, (*queries, job.s))
        job.scores, job.dscores = data(ps), data(ds)
    cdef cnp.ndarray dquery = new_array(4, cnp.PyArray_DIMS(qs), typenum)
    cdef cnp.npy_intp dims[5]
    dims[0], dims[1], dims[2], dims[3], dims[4] = job.parts, job.n, job.s, job.k, job.d
    cdef cnp.ndarray dkey = new_array(5, dims, typenum)
    dims[4] = job.e
    cdef cnp.ndarray dvalue = new_array(5, dims, typenum)
    job.dquery, job.dkey, job.dvalue = data(dquery), data(dkey), data(dvalue)
    if bias is None:
        run(&job, True)
        dbias = None
    else:
        dbias = run_biased(&job, bias, typenum)
    if job.parts == 1:
        return dquery, dkey[0], dvalue[0], dbias
    return dquery, dkey.sum(axis=0), dvalue.sum(axis=0), dbias
