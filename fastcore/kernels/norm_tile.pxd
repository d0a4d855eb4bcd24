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
        const float* dy, const float* x, const float* t, Py_ssize_t lines, Py_ssize_t width,
        Py_ssize_t columns, const float* cap, float* sum, float* product,
    ) noexcept nogil
    void relu_back_line_f32(
        Py_ssize_t n, const float* dz, const float* x, Py_ssize_t width, const float* t, float cap,
        float* dy,
    ) noexcept nogil
    void column_gradients_f64(
        const double* dy, const double* x, const double* t, Py_ssize_t lines, Py_ssize_t width,
        Py_ssize_t columns, const double* cap, double* sum, double* product,
    ) noexcept nogil
    void relu_back_line_f64(
        Py_ssize_t n, const double* dz, const double* x, Py_ssize_t width, const double* t,
        double cap, double* dy,
    ) noexcept nogil
    void map_lines_f32(
        const float* dy, const float* x, const float* mask, Py_ssize_t lines, Py_ssize_t over,
        Py_ssize_t width, const float* t, const float* cap, float* out,
    ) noexcept nogil
    void map_lines_f64(
        const double* dy, const double* x, const double* mask, Py_ssize_t lines, Py_ssize_t over,
        Py_ssize_t width, const double* t, const double* cap, double* out,
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
    const real* dy, const real* x, const real* t, Py_ssize_t lines, Py_ssize_t width,
    Py_ssize_t columns, const real* cap, real* sum, real* product,
) noexcept nogil:
    """sum dy and sum dy (x - mean) of some columns; t: the map. cap: NULL, or that of a relu."""
    if real is float:
        column_gradients_f32(dy, x, t, lines, width, columns, cap, sum, product)
    else:
        column_gradients_f64(dy, x, t, lines, width, columns, cap, sum, product)


cdef inline void relu_back_line(
    Py_ssize_t n, const real* dz, const real* x, Py_ssize_t width, const real* t, real cap,
    real* dy,
) noexcept nogil:
    """dy of y = (x - t0) t4 + t5 from dz of relu(y), for the first numbers of a line."""
    if real is float:
        relu_back_line_f32(n, dz, x, width, t, cap, dy)
    else:
        relu_back_line_f64(n, dz, x, width, t, cap, dy)


cdef inline void map_lines(
    const real* dy, const real* x, const real* mask, Py_ssize_t lines, Py_ssize_t over,
    Py_ssize_t width, const real* t, const real* cap, real* out,
) noexcept nogil:
    """out = (x - t0) t1 + t2, and with dy also + dy t3, for some lines; cap as above."""
    if real is float:
        map_lines_f32(dy, x, mask, lines, over, width, t, cap, out)
    else:
        map_lines_f64(dy, x, mask, lines, over, width, t, cap, out)
