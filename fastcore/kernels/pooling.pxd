"""The loops of pooling.h for both types."""

from libc.stdint cimport int32_t, int64_t

from .arrays cimport real

cdef extern from *:
    """
    #define TEMPLATE "pooling.h"
    #include "for_both_types.h"
    """
    ctypedef struct WindowPart:
        Py_ssize_t lines, line_step, run, step
        int k, line_k
        int begun, ends, loose
    enum:
        lanes_f32
        lanes_f64

    void pool_max_f32(
        const WindowPart*, Py_ssize_t n, const float* x, float* y, int32_t* carry,
        unsigned char* bytes, int32_t* words,
    ) noexcept nogil
    void pool_max_f64(
        const WindowPart*, Py_ssize_t n, const double* x, double* y, int64_t* carry,
        unsigned char* bytes, int32_t* words,
    ) noexcept nogil
    void pool_mean_f32(
        const WindowPart*, Py_ssize_t n, const float* x, float* y, float count,
    ) noexcept nogil
    void pool_mean_f64(
        const WindowPart*, Py_ssize_t n, const double* x, double* y, double count,
    ) noexcept nogil
    void spread_max_f32(
        int positions, int adds, int loose, Py_ssize_t n, const float* dy,
        const float* y, const unsigned char* bytes, const int32_t* words, int k, float* dx,
    ) noexcept nogil
    void spread_max_f64(
        int positions, int adds, int loose, Py_ssize_t n, const double* dy,
        const double* y, const unsigned char* bytes, const int32_t* words, int k, double* dx,
    ) noexcept nogil
    void spread_mean_f32(
        int positions, int adds, int loose, Py_ssize_t n, const float* dy, float part, float* dx,
    ) noexcept nogil
    void spread_mean_f64(
        int positions, int adds, int loose, Py_ssize_t n, const double* dy, double part, double* dx,
    ) noexcept nogil


cdef inline void pool_max(
    const WindowPart* w, Py_ssize_t n, const real* x, real* y, void* carry,
    unsigned char* bytes, int32_t* words,
) noexcept nogil:
    """y = the maximum of each channel over (part of) a window, and its position."""
    if real is float:
        pool_max_f32(w, n, x, y, <int32_t*>carry, bytes, words)
    else:
        pool_max_f64(w, n, x, y, <int64_t*>carry, bytes, words)


cdef inline void pool_mean(
    const WindowPart* w, Py_ssize_t n, const real* x, real* y, real count,
) noexcept nogil:
    """y = the mean of each channel over `count` positions of (part of) a window."""
    if real is float:
        pool_mean_f32(w, n, x, y, count)
    else:
        pool_mean_f64(w, n, x, y, count)


cdef inline void spread_max(
    int positions, int adds, int loose, Py_ssize_t n, const real* dy, const real* y,
    const unsigned char* bytes, const int32_t* words, int k, real* dx,
) noexcept nogil:
    """dx of `positions` positions from number k on: dy where the argmax is that position, and of y,
    the maxima, or NULL, only where they are above 0."""
    if real is float:
        spread_max_f32(positions, adds, loose, n, dy, y, bytes, words, k, dx)
    else:
        spread_max_f64(positions, adds, loose, n, dy, y, bytes, words, k, dx)


cdef inline void spread_mean(
    int positions, int adds, int loose, Py_ssize_t n, const real* dy, real part, real* dx,
) noexcept nogil:
    """dx of `positions` positions: dy * part."""
    if real is float:
        spread_mean_f32(positions, adds, loose, n, dy, part, dx)
    else:
        spread_mean_f64(positions, adds, loose, n, dy, part, dx)
