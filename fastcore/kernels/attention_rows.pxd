"""Rows of attention scores. See attention_rows.pyx."""

from .arrays cimport real

cdef void exponentials(Py_ssize_t n, real* x, real row_max) noexcept nogil
cdef void softmax_scores(Py_ssize_t n, real* x, real row_max, real row_sum) noexcept nogil
cdef void softmax_scores_back(
    Py_ssize_t n, const real* score, real* dscore, real mean,
) noexcept nogil
cdef void fill(Py_ssize_t n, real number, real* out) noexcept nogil
cdef void scale_row(Py_ssize_t n, const real* x, real factor, real* out) noexcept nogil
cdef void multiply_row(Py_ssize_t n, real factor, real* x) noexcept nogil
cdef void add_number(Py_ssize_t n, real number, real* x) noexcept nogil
cdef void add_row(Py_ssize_t n, const real* x, real* out) noexcept nogil
cdef void add_times(Py_ssize_t n, const real* x, real factor, real* out) noexcept nogil
cdef void scale_where(
    Py_ssize_t n, const unsigned char* flags, real factor, real other, real* x,
) noexcept nogil

cdef void max_rows(
    Py_ssize_t rows, Py_ssize_t width, const real* x, Py_ssize_t x_row, real* out,
) noexcept nogil
cdef void sum_rows(
    Py_ssize_t rows, Py_ssize_t width, const real* x, Py_ssize_t x_row, real* out,
) noexcept nogil
cdef void dot_rows(
    Py_ssize_t rows, Py_ssize_t n, const real* a, Py_ssize_t a_row, const real* b, Py_ssize_t b_row,
    real* out,
) noexcept nogil
