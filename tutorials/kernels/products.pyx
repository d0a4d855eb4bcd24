"""One matrix product in several forms, for tutorial 14: C = A B, square, n by n, float32.

All arrays are rows one after another in memory: element (i, j) stands at i * n + j.
"""

from cython.parallel cimport prange


def untyped(A, B, C, n):
    """As in Python: i, j, k and the numbers are Python objects."""
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += A[i, k] * B[k, j]
            C[i, j] = s


def typed(const float[:, ::1] A, const float[:, ::1] B, float[:, ::1] C, Py_ssize_t n):
    """The same loops, but every name has a C type."""
    cdef Py_ssize_t i, j, k
    cdef float s
    for i in range(n):
        for j in range(n):
            s = 0
            for k in range(n):
                s += A[i, k] * B[k, j]
            C[i, j] = s


def reordered(const float[:, ::1] A, const float[:, ::1] B, float[:, ::1] C, Py_ssize_t n):
    """i, k, j: the innermost loop goes along the rows of B and C."""
    cdef Py_ssize_t i, j, k
    cdef float a
    for i in range(n):
        for j in range(n):
            C[i, j] = 0
        for k in range(n):
            a = A[i, k]
            for j in range(n):
                C[i, j] += a * B[k, j]


def blocked(const float[:, ::1] A, const float[:, ::1] B, float[:, ::1] C, Py_ssize_t n):
    """A block of B at a time, small enough to stay in the cache while all rows of A pass."""
    cdef Py_ssize_t i, j, k, j0, k0, j1, k1
    cdef float a
    for i in range(n):
        for j in range(n):
            C[i, j] = 0
    for k0 in range(0, n, 64):
        k1 = min(k0 + 64, n)
        for j0 in range(0, n, 512):
            j1 = min(j0 + 512, n)
            for i in range(n):
                for k in range(k0, k1):
                    a = A[i, k]
                    for j in range(j0, j1):
                        C[i, j] += a * B[k, j]


cdef void tile(
    const float* A, const float* B, float* C, Py_ssize_t n, Py_ssize_t columns
) noexcept nogil:
    """Four rows of C, up to 32 columns: the 128 sums stay in registers over all of k."""
    cdef float[32] c0
    cdef float[32] c1
    cdef float[32] c2
    cdef float[32] c3
    cdef float a0, a1, a2, a3
    cdef Py_ssize_t k, j
    for j in range(32):
        c0[j] = 0
        c1[j] = 0
        c2[j] = 0
        c3[j] = 0
    if columns == 32:
        for k in range(n):
            a0, a1, a2, a3 = A[k], A[n + k], A[2 * n + k], A[3 * n + k]
            for j in range(32):
                c0[j] += a0 * B[k * n + j]
                c1[j] += a1 * B[k * n + j]
                c2[j] += a2 * B[k * n + j]
                c3[j] += a3 * B[k * n + j]
    else:
        for k in range(n):
            for j in range(columns):
                c0[j] += A[k] * B[k * n + j]
                c1[j] += A[n + k] * B[k * n + j]
                c2[j] += A[2 * n + k] * B[k * n + j]
                c3[j] += A[3 * n + k] * B[k * n + j]
    for j in range(columns):
        C[j] = c0[j]
        C[n + j] = c1[j]
        C[2 * n + j] = c2[j]
        C[3 * n + j] = c3[j]


cdef void strip(
    const float* A, const float* B, float* C, Py_ssize_t n, Py_ssize_t i
) noexcept nogil:
    """Four rows of C from row i on."""
    cdef Py_ssize_t j
    for j in range(0, n, 32):
        tile(A + i * n, B + j, C + i * n + j, n, min(<Py_ssize_t>32, n - j))


def in_registers(const float[:, ::1] A, const float[:, ::1] B, float[:, ::1] C, Py_ssize_t n):
    """Tiles of 4 by 32 whose sums never leave the registers. n has to be a multiple of 4."""
    cdef Py_ssize_t i
    for i in range(0, n, 4):
        strip(&A[0, 0], &B[0, 0], &C[0, 0], n, i)


def on_threads(
    const float[:, ::1] A, const float[:, ::1] B, float[:, ::1] C, Py_ssize_t n, int threads
):
    """The same tiles; threads take four rows at a time. No two write to the same place."""
    cdef Py_ssize_t i
    for i in prange(n // 4, nogil=True, num_threads=threads, schedule="static"):
        strip(&A[0, 0], &B[0, 0], &C[0, 0], n, 4 * i)
