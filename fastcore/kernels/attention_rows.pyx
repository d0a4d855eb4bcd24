"""Rows of attention scores: the softmax of attention and its way back, and what fills, scales and
adds rows.

The loops stand in a module of their own, called through pointers, so that the compiler cannot fold
them into the walk through the blocks, where it would no longer vectorise.
"""

from .arrays cimport real
from .vector_math cimport vexp_short

cdef extern from *:
    """
    /* An exp has enough to do for the widest vectors, which GCC holds back by itself. */
    #if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
    #pragma GCC target("prefer-vector-width=512")
    #endif
    #define TEMPLATE "attention_rows.h"
    #include "for_both_types.h"
    """
    void max_rows_f32(
        Py_ssize_t rows, Py_ssize_t width, const float* x, Py_ssize_t x_row, float* out,
    ) noexcept nogil
    void max_rows_f64(
        Py_ssize_t rows, Py_ssize_t width, const double* x, Py_ssize_t x_row, double* out,
    ) noexcept nogil
    void sum_rows_f32(
        Py_ssize_t rows, Py_ssize_t width, const float* x, Py_ssize_t x_row, float* out,
    ) noexcept nogil
    void sum_rows_f64(
        Py_ssize_t rows, Py_ssize_t width, const double* x, Py_ssize_t x_row, double* out,
    ) noexcept nogil
    void dot_rows_f32(
        Py_ssize_t rows, Py_ssize_t n, const float* a, Py_ssize_t a_row, const float* b,
        Py_ssize_t b_row, float* out,
    ) noexcept nogil
    void dot_rows_f64(
        Py_ssize_t rows, Py_ssize_t n, const double* a, Py_ssize_t a_row, const double* b,
        Py_ssize_t b_row, double* out,
    ) noexcept nogil


# ------------------------------------------------------------------------------------- softmax

cdef void exponentials(Py_ssize_t n, real* x, real row_max) noexcept nogil:
    """x := exp(x - max): the softmax scores, but for their sum."""
    cdef Py_ssize_t j
    for j in range(n):
        x[j] = vexp_short(x[j] - row_max)


cdef void softmax_scores(Py_ssize_t n, real* x, real row_max, real row_sum) noexcept nogil:
    """x := exp(x - max) / sum, the softmax scores of logits."""
    cdef Py_ssize_t j
    cdef real inverse = <real>1.0 / row_sum
    for j in range(n):
        x[j] = vexp_short(x[j] - row_max) * inverse


cdef void softmax_scores_back(
    Py_ssize_t n, const real* score, real* dscore, real mean,
) noexcept nogil:
    """dscore becomes dlogit = score (dscore - mean), the mean of dscore weighted by the scores."""
    cdef Py_ssize_t j
    for j in range(n):
        dscore[j] = score[j] * (dscore[j] - mean)


# ---------------------------------------------------------------------------------------- rows

cdef void fill(Py_ssize_t n, real number, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] = number


cdef void scale_row(Py_ssize_t n, const real* x, real factor, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] = x[j] * factor


cdef void multiply_row(Py_ssize_t n, real factor, real* x) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        x[j] *= factor


cdef void add_number(Py_ssize_t n, real number, real* x) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        x[j] += number


cdef void add_row(Py_ssize_t n, const real* x, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += x[j]


cdef void add_times(Py_ssize_t n, const real* x, real factor, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += x[j] * factor


cdef void scale_where(
    Py_ssize_t n, const unsigned char* flags, real factor, real other, real* x,
) noexcept nogil:
    """x := factor x where flagged, else `other`."""
    cdef Py_ssize_t j
    for j in range(n):
        x[j] = x[j] * factor if flags[j] else other


# ---------------------------------------------------------------- reductions: attention_rows.h

cdef void max_rows(
    Py_ssize_t rows, Py_ssize_t width, const real* x, Py_ssize_t x_row, real* out,
) noexcept nogil:
    """out[i] := max_j x[i, j]; width: whole panels."""
    if real is float:
        max_rows_f32(rows, width, x, x_row, out)
    else:
        max_rows_f64(rows, width, x, x_row, out)


cdef void sum_rows(
    Py_ssize_t rows, Py_ssize_t width, const real* x, Py_ssize_t x_row, real* out,
) noexcept nogil:
    """out[i] := sum_j x[i, j]; width: whole panels."""
    if real is float:
        sum_rows_f32(rows, width, x, x_row, out)
    else:
        sum_rows_f64(rows, width, x, x_row, out)


cdef void dot_rows(
    Py_ssize_t rows, Py_ssize_t n, const real* a, Py_ssize_t a_row, const real* b, Py_ssize_t b_row,
    real* out,
) noexcept nogil:
    """out[i] := sum_j a[i, j] b[i, j]."""
    if real is float:
        dot_rows_f32(rows, n, a, a_row, b, b_row, out)
    else:
        dot_rows_f64(rows, n, a, a_row, b, b_row, out)
