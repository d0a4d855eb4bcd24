"""Scaled dot-product attention by blocks, forward and back. See attention_blocks.pyx."""

from .arrays cimport real

# One call. Queries (N, T, H, D), keys (N, S, K, D), values (N, S, K, E), scores (N, H, T, S).
cdef struct Attention:
    const void* query
    const void* key
    const void* value
    const void* bias                # or NULL
    const unsigned char* mask       # True: may be attended to; or NULL
    const unsigned char* dropout_mask       # the dropout mask; or NULL
    Py_ssize_t[4] bias_step         # the distances along N, H, T, S of what broadcasts to them
    Py_ssize_t[4] mask_step
    Py_ssize_t[4] dropout_step
    void* y                         # out of forward, into backward; as row_max, row_sum, scores
    void* row_max                   # (N, H, T): the largest logit of each query
    void* row_sum                   # (N, H, T): the sum of its exponentials
    void* scores                    # or NULL
    const void* dy
    const void* dscores             # or NULL
    void* dquery
    void* dkey                      # of every part, as dvalue
    void* dvalue
    void* dkey_sum                  # where they go; the same for one part
    void* dvalue_sum
    void* dlogits                   # (N, H, T, S) from row `first` of the batch on, or NULL
    Py_ssize_t n
    Py_ssize_t t
    Py_ssize_t s
    Py_ssize_t h
    Py_ssize_t k
    Py_ssize_t d
    Py_ssize_t e
    Py_ssize_t first                # the row of the batch to which unit 0 belongs
    Py_ssize_t rows                 # queries in a block
    Py_ssize_t blocks               # of all heads of queries that share one of keys
    Py_ssize_t keys                 # in a block; whole panels
    Py_ssize_t score_row            # from row to row of a block of scores
    Py_ssize_t parts                # of the blocks of one head of keys
    Py_ssize_t units                # a unit: one part
    Py_ssize_t together             # units in a chunk
    double scale
    double keep                     # 1 / (1 - rate)
    bint causal
    bint single
    bint failed                     # a work area was not to be had

cdef void run_forward(Attention* p) noexcept nogil
cdef void run_backward(Attention* p) noexcept nogil
cdef double forward_work(const Attention* p) noexcept nogil
