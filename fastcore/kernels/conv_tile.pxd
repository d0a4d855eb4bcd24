"""The tile of conv_tile.h for both types, and the panels that it reads."""

from .arrays cimport real

cdef extern from *:
    """
    #include <stdint.h>
    #define REAL float
    #define REAL_BYTES 4
    #define INTEGER int32_t
    #define NAME(x) x##_f32
    #include "conv_tile.h"
    #define REAL double
    #define REAL_BYTES 8
    #define INTEGER int64_t
    #define NAME(x) x##_f64
    #include "conv_tile.h"
    """
    enum:
        FLAG_ACCUMULATE
        FLAG_RELU
        panel_columns_f32
        panel_columns_f64
    void gather_f32(
        Py_ssize_t rows, Py_ssize_t depth, const float* a, const Py_ssize_t* row_at,
        const Py_ssize_t* step_at, const float* b, float* c, const Py_ssize_t* c_at,
        Py_ssize_t columns, const float* bias, int flags,
    ) noexcept nogil
    void gather_f64(
        Py_ssize_t rows, Py_ssize_t depth, const double* a, const Py_ssize_t* row_at,
        const Py_ssize_t* step_at, const double* b, double* c, const Py_ssize_t* c_at,
        Py_ssize_t columns, const double* bias, int flags,
    ) noexcept nogil
    void pack_rows_f32(
        Py_ssize_t depth, Py_ssize_t columns, const float* b, Py_ssize_t b_row, float* out,
    ) noexcept nogil
    void pack_rows_f64(
        Py_ssize_t depth, Py_ssize_t columns, const double* b, Py_ssize_t b_row, double* out,
    ) noexcept nogil
    void pack_columns_f32(
        Py_ssize_t depth, Py_ssize_t columns, const float* b, Py_ssize_t b_row, float* out,
    ) noexcept nogil
    void pack_columns_f64(
        Py_ssize_t depth, Py_ssize_t columns, const double* b, Py_ssize_t b_row, double* out,
    ) noexcept nogil
    void pack_slopes_f32(
        int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t* at, const float* dy,
        const float* y, float* out,
    ) noexcept nogil
    void add_panel_f32(
        Py_ssize_t rows, Py_ssize_t columns, const float* panel, float* total,
    ) noexcept nogil
    void pack_slopes_f64(
        int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t* at, const double* dy,
        const double* y, double* out,
    ) noexcept nogil
    void add_panel_f64(
        Py_ssize_t rows, Py_ssize_t columns, const double* panel, double* total,
    ) noexcept nogil


cdef inline Py_ssize_t panel_width(bint single) noexcept nogil:
    return panel_columns_f32 if single else panel_columns_f64


cdef inline void gather(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, const Py_ssize_t* row_at,
    const Py_ssize_t* step_at, const real* b, real* c, const Py_ssize_t* c_at,
    Py_ssize_t columns, const real* bias, int flags,
) noexcept nogil:
    if real is float:
        gather_f32(rows, depth, a, row_at, step_at, b, c, c_at, columns, bias, flags)
    else:
        gather_f64(rows, depth, a, row_at, step_at, b, c, c_at, columns, bias, flags)
