"""The loops of norm_tile.h for both types."""

from .arrays cimport real

cdef extern from *:
    """
    #define TEMPLATE "norm_tile.h"
    #include "for_both_types.h"
    """
    enum:
        UNIT_ROWS   # kinds of a normalisation over rows
        RMS_ROWS
        LAYER_ROWS
    void forward_rows_f32(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const float* x,
        const float* gamma, const float* beta, float* mean, float* inv, float* y,
    ) noexcept nogil
    void forward_rows_f64(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const double* x,
        const double* gamma, const double* beta, double* mean, double* inv, double* y,
    ) noexcept nogil
    void backward_rows_f32(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const float* dy,
        const float* x, const float* gamma, const float* mean, const float* inv, float* dx,
        float* dgamma, float* dbeta,
    ) noexcept nogil
    void backward_rows_f64(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const double* dy,
        const double* x, const double* gamma, const double* mean, const double* inv, double* dx,
        double* dgamma, double* dbeta,
    ) noexcept nogil
    void column_moments_f32(
        const float* x, const float* mask, Py_ssize_t lines, Py_ssize_t width, Py_ssize_t columns,
        Py_ssize_t counted, float* about, float* sum, float* squares,
    ) noexcept nogil
    void column_moments_f64(
        const double* x, const double* mask, Py_ssize_t lines, Py_ssize_t width,
        Py_ssize_t columns, Py_ssize_t counted, double* about, double* sum, double* squares,
    ) noexcept nogil
    void column_gradients_f32(
        const float* dy, const float* x, const float* mean, Py_ssize_t lines, Py_ssize_t width,
        Py_ssize_t columns, float* sum, float* product,
    ) noexcept nogil
    void column_gradients_f64(
        const double* dy, const double* x, const double* mean, Py_ssize_t lines, Py_ssize_t width,
        Py_ssize_t columns, double* sum, double* product,
    ) noexcept nogil
    void map_lines_f32(
        const float* dy, const float* x, const float* mask, Py_ssize_t lines, Py_ssize_t over,
        Py_ssize_t width, const float* t, float* out,
    ) noexcept nogil
    void map_lines_f64(
        const double* dy, const double* x, const double* mask, Py_ssize_t lines, Py_ssize_t over,
        Py_ssize_t width, const double* t, double* out,
    ) noexcept nogil


cdef inline void forward_rows(
    int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const real* x,
    const real* gamma, const real* beta, real* mean, real* inv, real* y,
) noexcept nogil:
    """y = gamma (x - mean) inv + beta of some rows, with their mean and inv."""
    if real is float:
        forward_rows_f32(kind, rows, width, epsilon, x, gamma, beta, mean, inv, y)
    else:
        forward_rows_f64(kind, rows, width, epsilon, x, gamma, beta, mean, inv, y)


cdef inline void backward_rows(
    int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const real* dy, const real* x,
    const real* gamma, const real* mean, const real* inv, real* dx, real* dgamma, real* dbeta,
) noexcept nogil:
    """dx of some rows, and what they add to dgamma and dbeta; each may be NULL."""
    if real is float:
        backward_rows_f32(
            kind, rows, width, epsilon, dy, x, gamma, mean, inv, dx, dgamma, dbeta,
        )
    else:
        backward_rows_f64(
            kind, rows, width, epsilon, dy, x, gamma, mean, inv, dx, dgamma, dbeta,
        )


cdef inline void column_moments(
    const real* x, const real* mask, Py_ssize_t lines, Py_ssize_t width, Py_ssize_t columns,
    Py_ssize_t counted, real* about, real* sum, real* squares,
) noexcept nogil:
    """about: a number near the mean; the sums of the distances from it, and of their squares."""
    if real is float:
        column_moments_f32(x, mask, lines, width, columns, counted, about, sum, squares)
    else:
        column_moments_f64(x, mask, lines, width, columns, counted, about, sum, squares)


cdef inline void column_gradients(
    const real* dy, const real* x, const real* mean, Py_ssize_t lines, Py_ssize_t width,
    Py_ssize_t columns, real* sum, real* product,
) noexcept nogil:
    """sum dy and sum dy (x - mean) of some columns."""
    if real is float:
        column_gradients_f32(dy, x, mean, lines, width, columns, sum, product)
    else:
        column_gradients_f64(dy, x, mean, lines, width, columns, sum, product)


cdef inline void map_lines(
    const real* dy, const real* x, const real* mask, Py_ssize_t lines, Py_ssize_t over,
    Py_ssize_t width, const real* t, real* out,
) noexcept nogil:
    """out = (x - t0) t1 + t2, and with dy also + dy t3, for some lines."""
    if real is float:
        map_lines_f32(dy, x, mask, lines, over, width, t, out)
    else:
        map_lines_f64(dy, x, mask, lines, over, width, t, out)
