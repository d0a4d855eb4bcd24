"""Twin of reference/attention.py: scaled dot-product attention, what multi-head layers are made of.

Here a call is checked, cut into blocks and given its arrays. How a block of queries meets a block
of keys, so that the matrix of scores is never needed, stands in kernels/attention_blocks.pyx; the
softmax of a row of scores, above its gradient, in kernels/attention_rows.pyx.
"""

from libc.string cimport memset

cimport numpy as cnp

from .kernels.arrays cimport as_real, as_type, data, dim, new_array, rank, real_type
from .kernels.attention_blocks cimport Attention, forward_work, run_backward, run_forward
from .kernels.gemm_tile cimport panel_width
from .kernels.gil cimport WORTH_RELEASING
from .kernels.threads cimport refuse_plan

import numpy as np

from ..reference._heads import check_attention
from ..reference._shapes import check_cotangent, sum_to

cnp.import_array()

cdef Py_ssize_t BLOCK_ROWS = 128         # queries in a block, at most
cdef Py_ssize_t BLOCK_KEYS = 256
cdef Py_ssize_t CAUSAL_KEYS = 128        # small blocks along the diagonal: less in vain beyond it
cdef Py_ssize_t UNITS = 32              # at least, where there is work for so many
cdef double LEAST_WORK = 4e6            # multiplications in a part of a head
cdef double CHUNK_WORK = 4.2e6          # in a chunk, where that leaves UNITS of them
cdef Py_ssize_t MOST_DLOGITS = 1 << 20   # at a time, if that is more than one row of the batch has


cdef inline Py_ssize_t divide_up(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return (x + y - 1) // y


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
    Attention* p, cnp.ndarray query, cnp.ndarray key, cnp.ndarray value, cnp.ndarray bias,
    cnp.ndarray mask, cnp.ndarray dropout_mask, double scale, bint is_causal, double rate,
) except -1:
    """Sizes, inputs and blocks of a call; the arrays have been checked."""
    cdef Py_ssize_t panel, most = CAUSAL_KEYS if is_causal else BLOCK_KEYS
    cdef Py_ssize_t item = cnp.PyArray_ITEMSIZE(query)
    cdef double work
    memset(p, 0, sizeof(Attention))
    p.n, p.t, p.h, p.d = dim(query, 0), dim(query, 1), dim(query, 2), dim(query, 3)
    p.s, p.k, p.e = dim(key, 1), dim(key, 2), dim(value, 3)
    p.query, p.key, p.value = data(query), data(key), data(value)
    if bias is not None:
        p.bias = data(bias)
        steps_of(bias, p.bias_step)
    if mask is not None:
        p.mask = <const unsigned char*>data(mask)
        steps_of(mask, p.mask_step)
    if dropout_mask is not None:
        p.dropout_mask = <const unsigned char*>data(dropout_mask)
        steps_of(dropout_mask, p.dropout_step)
    p.scale, p.keep, p.causal = scale, 1 / (1 - rate), is_causal
    p.single = cnp.PyArray_TYPE(query) == cnp.NPY_FLOAT
    panel = panel_width(p.single)
    p.rows = divide_up(p.t, max(1, divide_up(p.t, BLOCK_ROWS)))
    p.blocks = divide_up(p.t, BLOCK_ROWS) * (p.h // max(1, p.k))
    p.keys = divide_up(divide_up(p.s, divide_up(p.s, most)), panel) * panel
    # An odd number of cache lines, or a column of scores would fight for a few places in the cache.
    p.score_row = (divide_up(p.keys * item, 64) | 1) * 64 // item
    work = <double>p.t * p.s * (p.d + p.e) * (p.h // max(1, p.k))
    p.parts = divide_up(UNITS, max(1, p.n * p.k))
    p.parts = max(1, min(p.parts, p.blocks, <Py_ssize_t>(work / LEAST_WORK)))
    p.units = p.n * p.k * p.parts
    p.together = max(1, min(<Py_ssize_t>(CHUNK_WORK / (work + 1)), p.units // UNITS))
    return 0


cdef int run(Attention* p, bint back) except -1:
    if forward_work(p) >= WORTH_RELEASING:
        with nogil:
            run_both(p, back)
    else:
        run_both(p, back)
    if p.failed:
        raise MemoryError("attention: there is no memory for a block of scores")
    return 0


cdef void run_both(Attention* p, bint back) noexcept nogil:
    if back:
        run_backward(p)
    else:
        run_forward(p)


cdef object run_biased(Attention* p, object bias, int typenum):
    """The way back by some rows of the batch at a time, and the gradient of the bias."""
    cdef Py_ssize_t row = p.h * p.t * p.s
    cdef Py_ssize_t most = max(1, min(p.n, MOST_DLOGITS // max(1, row)))
    cdef bint by_row = bias.ndim == 4 and bias.shape[0] != 1
    cdef cnp.npy_intp dims[4]
    dims[0], dims[1], dims[2], dims[3] = most, p.h, p.t, p.s
    cdef cnp.ndarray dlogits = new_array(4, dims, typenum)
    p.dlogits = data(dlogits)
    refuse_plan("the gradient of attention's bias is summed by NumPy")
    dbias = np.zeros(bias.shape, bias.dtype)
    for first in range(0, p.n, most):
        rows = min(most, p.n - first)
        p.first, p.units = first, rows * p.k * p.parts
        run(p, True)
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

    Scores are kept only where they are asked for. Kernels: forward_block of
    kernels/attention_blocks.pyx, exponentials of kernels/attention_rows.pyx.
    """
    cdef int typenum = real_type(query)
    check_attention(query, key, value, bias, mask, dropout_mask)
    cdef cnp.ndarray qs = as_real(query, typenum)
    cdef cnp.ndarray ks = as_real(key, typenum)
    cdef cnp.ndarray vs = as_real(value, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray allowed = flags(mask), dropped = flags(dropout_mask)
    cdef Attention p
    set_up(&p, qs, ks, vs, bs, allowed, dropped, scale, is_causal, rate)
    cdef cnp.npy_intp dims[4]
    dims[0], dims[1], dims[2], dims[3] = p.n, p.t, p.h, p.e
    cdef cnp.ndarray y = new_array(4, dims, typenum)
    dims[0], dims[1], dims[2], dims[3] = p.n, p.h, p.t, p.s
    cdef cnp.ndarray scores = new_array(4, dims, typenum) if return_scores else None
    cdef cnp.ndarray row_max = new_array(3, dims, typenum), row_sum = new_array(3, dims, typenum)
    p.y, p.row_max, p.row_sum = data(y), data(row_max), data(row_sum)
    if return_scores:
        p.scores = data(scores)
    run(&p, False)
    arrays = qs, ks, vs, bs, allowed, dropped, y, scores, row_max, row_sum
    cache = *arrays, scale, is_causal, rate
    return ((y, scores) if return_scores else y), cache


def dot_product_attention_backward(dy, cache):
    """Twin of reference.attention.dot_product_attention_backward. The scores are made again.

    Kernels: backward_block of kernels/attention_blocks.pyx, softmax_scores and softmax_scores_back
    of kernels/attention_rows.pyx.
    """
    query, key, value, bias, mask, dropout_mask, y, scores, row_max, row_sum, *options = cache
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
    cdef cnp.ndarray maxima = as_real(row_max, typenum), sums = as_real(row_sum, typenum)
    cdef cnp.ndarray ps = None if scores is None else as_real(scores, typenum)
    cdef cnp.ndarray ds = None if dscores is None else as_real(dscores, typenum)
    cdef Attention p
    set_up(&p, qs, ks, vs, bs, allowed, dropped, scale, is_causal, rate)
    queries = (p.n, p.h, p.t)
    for given in (y, dy):
        check_cotangent(name, given.shape, (p.n, p.t, p.h, p.e))
    for given in (row_max, row_sum):
        check_cotangent(name, given.shape, queries)
    p.dy, p.y, p.row_max, p.row_sum = data(dys), data(ys), data(maxima), data(sums)
    if ds is not None:
        for given in (scores, dscores):
            check_cotangent(name, given.shape, (*queries, p.s))
        p.scores, p.dscores = data(ps), data(ds)
    cdef cnp.ndarray dquery = new_array(4, cnp.PyArray_DIMS(qs), typenum)
    cdef cnp.ndarray dkey = new_array(4, cnp.PyArray_DIMS(ks), typenum)
    cdef cnp.ndarray dvalue = new_array(4, cnp.PyArray_DIMS(vs), typenum)
    cdef cnp.ndarray dkeys = dkey, dvalues = dvalue
    cdef cnp.npy_intp dims[5]
    if p.parts != 1:
        dims[0], dims[1], dims[2], dims[3], dims[4] = p.parts, p.n, p.s, p.k, p.d
        dkeys = new_array(5, dims, typenum)
        dims[4] = p.e
        dvalues = new_array(5, dims, typenum)
    p.dquery, p.dkey, p.dvalue = data(dquery), data(dkeys), data(dvalues)
    p.dkey_sum, p.dvalue_sum = data(dkey), data(dvalue)
    if bias is None:
        run(&p, True)
        dbias = None
    else:
        dbias = run_biased(&p, bias, typenum)
    return dquery, dkey, dvalue, dbias
