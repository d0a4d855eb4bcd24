"""The matrix product of the fast engine. See gemm.pyx."""

from .arrays cimport real

# C := activation(op(A) op(B) + bias), or with accumulate: activation(C + op(A) op(B) + bias)
#
# op(A) is m x k, op(B) is k x n, C is m x n, all row-major. a_stride, b_stride, c_stride: numbers
# from one row of the array *in memory* to the next (A is k x m in memory when transpose_a). bias: n
# numbers, or NULL. activation: LINEAR, RELU, TANH or SIGMOID of fused.pxd. m, n, k may be 0. Runs
# on as many threads as run_chunks allows; the same bits for any number. Allocates at most a work
# area, never fails. C must not overlap A, B or bias. Callable without the GIL, and by several
# threads at once.
cdef void gemm(
    bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real* a, Py_ssize_t a_stride, const real* b, Py_ssize_t b_stride,
    real* c, Py_ssize_t c_stride, const real* bias, int activation, bint accumulate,
) noexcept nogil

# `count` products of the same sizes: the i-th at a + a_at[i], b + b_at[i], c + i * c_step, all rows
# dense in memory.
cdef void gemm_batch(
    bint transpose_a, bint transpose_b, Py_ssize_t count, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real* a, const Py_ssize_t* a_at, const real* b, const Py_ssize_t* b_at, real* c,
) noexcept nogil
