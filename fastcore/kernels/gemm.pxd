"""The matrix product of the fast engine. See gemm.pyx."""

from .arrays cimport real
from .threads cimport Region

# One product, or a batch of them; filled in by add_product.
cdef struct Product:
    const void* a
    const void* b
    void* c
    const void* bias
    const Py_ssize_t* a_at      # of every product of a batch; NULL for a single one
    const Py_ssize_t* b_at
    void* packed_a              # the factors of a large product as the tile reads them, or NULL
    void* packed_b
    void* memory                # that they stand in, behind a Product for each slice
    Py_ssize_t slice            # steps of k that are packed at a time
    Py_ssize_t begin            # of the slice that is packed
    Py_ssize_t end
    Py_ssize_t c_step
    Py_ssize_t m
    Py_ssize_t n
    Py_ssize_t k
    Py_ssize_t a_row            # op(A)[i, step] stands at a + i * a_row + step * a_col
    Py_ssize_t a_col
    Py_ssize_t b_row
    Py_ssize_t c_row
    Py_ssize_t block_rows
    Py_ssize_t block_columns
    Py_ssize_t row_blocks
    Py_ssize_t column_blocks
    Py_ssize_t depth
    Py_ssize_t parts            # that a long sum is cut into; each stands in `memory`
    Py_ssize_t part_k
    bint transpose_b
    bint pack_a
    bint by_columns             # blocks of a large product: one column of them after the other
    bint accumulate
    int activation
    bint single

# C := activation(op(A) op(B) + bias), or with accumulate: activation(C + op(A) op(B) + bias)
#
# op(A) is m x k, op(B) is k x n, C is m x n, all row-major, of the type that `single` names (float,
# else double). a_stride, b_stride, c_stride: numbers from one row of the array *in memory* to the
# next (A is k x m in memory when transpose_a). bias: n numbers, or NULL. activation: LINEAR, RELU,
# TANH or SIGMOID of fused.pxd. m, n, k may be 0. Runs on as many threads as run_stages allows; the
# same bits for any number. Allocates at most 16 MB and work areas, never fails. C must not overlap
# A, B or bias. Callable without the GIL, and by several threads at once.
cdef void multiply(
    bint single, bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const void* a, Py_ssize_t a_stride, const void* b, Py_ssize_t b_stride,
    void* c, Py_ssize_t c_stride, const void* bias, int activation, bint accumulate,
) noexcept nogil

# The same, as stages of a region that the caller runs; `p` stays until then, and end_product is
# called after it. Stages that stand before may be run already: a product in many slices takes
# several regions.
cdef void add_product(
    Region* region, Product* p, bint single, bint transpose_a, bint transpose_b, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t a_stride, const void* b,
    Py_ssize_t b_stride, void* c, Py_ssize_t c_stride, const void* bias, int activation,
    bint accumulate,
) noexcept nogil
cdef void end_product(Product* p) noexcept nogil

# multiply with typed pointers.
cdef void gemm(
    bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real* a, Py_ssize_t a_stride, const real* b, Py_ssize_t b_stride,
    real* c, Py_ssize_t c_stride, const real* bias, int activation, bint accumulate,
) noexcept nogil

# `count` products of the same sizes: the i-th at a + a_at[i], b + b_at[i], c + i * m * n, all rows
# dense in memory.
cdef struct Batch:
    Py_ssize_t count
    bint transpose_a
    bint transpose_b
    Py_ssize_t m
    Py_ssize_t n
    Py_ssize_t k
    const void* a
    const Py_ssize_t* a_at
    const void* b
    const Py_ssize_t* b_at
    void* c

# One batch of products or two, in one region.
cdef void multiply_batches(bint single, int batches, const Batch* batch) noexcept nogil
