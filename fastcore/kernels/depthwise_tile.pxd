"""The loops of depthwise_tile.h for both types."""

from .arrays cimport real

cdef extern from *:
    """
    #define TEMPLATE "depthwise_tile.h"
    #include "for_both_types.h"
    """
    ctypedef struct Line:
        Py_ssize_t n
        Py_ssize_t begin, end, stride, before, dilation, window, size
        Py_ssize_t first[2]
        Py_ssize_t last[2]
        Py_ssize_t x_step[2]
        Py_ssize_t kernel_step[2]

    void line_forward_f32(
        const Line*, const float* x, const float* kernel, const float* bias, float* y,
    ) noexcept nogil
    void line_forward_f64(
        const Line*, const double* x, const double* kernel, const double* bias, double* y,
    ) noexcept nogil
    void line_scatter_f32(
        Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, const float* dz, const float* w,
        float* dx,
    ) noexcept nogil
    void line_scatter_f64(
        Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, const double* dz, const double* w,
        double* dx,
    ) noexcept nogil
    void line_taps_f32(
        int taps, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, Py_ssize_t tap_step,
        const float* x, const float* dz, float* sums,
    ) noexcept nogil
    void line_taps_f64(
        int taps, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, Py_ssize_t tap_step,
        const double* x, const double* dz, double* sums,
    ) noexcept nogil
    void line_sum_f32(
        Py_ssize_t columns, Py_ssize_t n, const float* dz, float* sums,
    ) noexcept nogil
    void line_sum_f64(
        Py_ssize_t columns, Py_ssize_t n, const double* dz, double* sums,
    ) noexcept nogil


cdef inline void line_forward(
    const Line* l, const real* x, const real* kernel, const real* bias, real* y,
) noexcept nogil:
    """Columns begin to end of a line of y, from the window's lines of x."""
    if real is float:
        line_forward_f32(l, x, kernel, bias, y)
    else:
        line_forward_f64(l, x, kernel, bias, y)


cdef inline void line_scatter(
    Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, const real* dz, const real* w, real* dx,
) noexcept nogil:
    """dx[o * x_step + i] += dz[o * n + i] * w[i]"""
    if real is float:
        line_scatter_f32(columns, n, x_step, dz, w, dx)
    else:
        line_scatter_f64(columns, n, x_step, dz, w, dx)


cdef inline void line_taps(
    int taps, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, Py_ssize_t tap_step,
    const real* x, const real* dz, real* sums,
) noexcept nogil:
    """sums[j * n + i] += sum over o of dz[o * n + i] x[o * x_step + j * tap_step + i]"""
    if columns <= 0:
        return
    if real is float:
        line_taps_f32(taps, columns, n, x_step, tap_step, x, dz, sums)
    else:
        line_taps_f64(taps, columns, n, x_step, tap_step, x, dz, sums)


cdef inline void line_sum(
    Py_ssize_t columns, Py_ssize_t n, const real* dz, real* sums,
) noexcept nogil:
    """sums[i] += sum over o of dz[o * n + i]"""
    if real is float:
        line_sum_f32(columns, n, dz, sums)
    else:
        line_sum_f64(columns, n, dz, sums)
