"""The tile of gemm_tile.h for both types, and how its factors are packed."""

from .arrays cimport real

cdef extern from *:
    """
    #define TEMPLATE "gemm_tile.h"
    #include "for_both_types.h"
    """
    enum:
        ROWS                # of a tile
        FLAG_ACCUMULATE
        FLAG_RELU
        panel_columns_f32   # numbers in a row of a panel
        panel_columns_f64
        lanes_f32           # numbers in a vector
        lanes_f64
    void PREFETCH(const void* at) noexcept nogil
    void panel_f32(
        Py_ssize_t rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, Py_ssize_t a_col,
        Py_ssize_t a_panel, const float* b, Py_ssize_t b_row, float* c, Py_ssize_t c_row,
        Py_ssize_t columns, const float* bias, int flags,
    ) noexcept nogil
    void panel_f64(
        Py_ssize_t rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, Py_ssize_t a_col,
        Py_ssize_t a_panel, const double* b, Py_ssize_t b_row, double* c, Py_ssize_t c_row,
        Py_ssize_t columns, const double* bias, int flags,
    ) noexcept nogil
    Py_ssize_t few_rows_f32(
        Py_ssize_t rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, Py_ssize_t a_col,
        const float* b, Py_ssize_t b_row, float* c, Py_ssize_t c_row, Py_ssize_t columns,
        const float* bias, int flags,
    ) noexcept nogil
    Py_ssize_t few_rows_f64(
        Py_ssize_t rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, Py_ssize_t a_col,
        const double* b, Py_ssize_t b_row, double* c, Py_ssize_t c_row, Py_ssize_t columns,
        const double* bias, int flags,
    ) noexcept nogil
    void dots_f32(
        Py_ssize_t rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, const float* end,
        const float* b, float* c, Py_ssize_t c_row, const float* bias, int flags,
    ) noexcept nogil
    void dots_f64(
        Py_ssize_t rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, const double* end,
        const double* b, double* c, Py_ssize_t c_row, const double* bias, int flags,
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
    void pack_a_rows_f32(
        Py_ssize_t rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, float* out,
    ) noexcept nogil
    void pack_a_rows_f64(
        Py_ssize_t rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, double* out,
    ) noexcept nogil


cdef inline Py_ssize_t panel_width(bint single) noexcept nogil:
    return panel_columns_f32 if single else panel_columns_f64


cdef inline void panel_product(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, Py_ssize_t a_col,
    Py_ssize_t a_panel, const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row,
    Py_ssize_t columns, const real* bias, int flags,
) noexcept nogil:
    """All the rows of C under one panel of B."""
    if real is float:
        panel_f32(
            rows, depth, a, a_row, a_col, a_panel, b, b_row, c, c_row, columns, bias, flags,
        )
    else:
        panel_f64(
            rows, depth, a, a_row, a_col, a_panel, b, b_row, c, c_row, columns, bias, flags,
        )


cdef inline Py_ssize_t few_rows(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, Py_ssize_t a_col,
    const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row, Py_ssize_t columns,
    const real* bias, int flags,
) noexcept nogil:
    """Few rows of C under a B that stands as it stood; returns how many columns are done."""
    if real is float:
        return few_rows_f32(
            rows, depth, a, a_row, a_col, b, b_row, c, c_row, columns, bias, flags,
        )
    else:
        return few_rows_f64(
            rows, depth, a, a_row, a_col, b, b_row, c, c_row, columns, bias, flags,
        )


cdef inline void dots(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, const real* end,
    const real* b, real* c, Py_ssize_t c_row, const real* bias, int flags,
) noexcept nogil:
    """C of one column: products of rows of A with one vector. Nothing is read from `end` on."""
    if real is float:
        dots_f32(rows, depth, a, a_row, end, b, c, c_row, bias, flags)
    else:
        dots_f64(rows, depth, a, a_row, end, b, c, c_row, bias, flags)


cdef inline void pack_rows(
    Py_ssize_t depth, Py_ssize_t columns, const real* b, Py_ssize_t b_row, real* out,
) noexcept nogil:
    """B in panels."""
    if real is float:
        pack_rows_f32(depth, columns, b, b_row, out)
    else:
        pack_rows_f64(depth, columns, b, b_row, out)


cdef inline void pack_columns(
    Py_ssize_t depth, Py_ssize_t columns, const real* b, Py_ssize_t b_row, real* out,
) noexcept nogil:
    """One panel of a B that lies transposed in memory."""
    if real is float:
        pack_columns_f32(depth, columns, b, b_row, out)
    else:
        pack_columns_f64(depth, columns, b, b_row, out)


cdef inline void pack_a_rows(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, real* out,
) noexcept nogil:
    """A in panels of ROWS rows."""
    if real is float:
        pack_a_rows_f32(rows, depth, a, a_row, out)
    else:
        pack_a_rows_f64(rows, depth, a, a_row, out)
