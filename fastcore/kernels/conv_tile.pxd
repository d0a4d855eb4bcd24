"""The tile of conv_tile.h for both types, and the panels that it reads."""

from .arrays cimport real

cdef extern from *:
    """
    #define TEMPLATE "conv_tile.h"
    #include "for_both_types.h"
    """
    void PREFETCH(const void* place) noexcept nogil
    enum:
        FLAG_ACCUMULATE
        FLAG_RELU
        panel_columns_f32
        panel_columns_f64
        lanes_f32
        lanes_f64
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
    void add_runs_f32(
        Py_ssize_t lines, Py_ssize_t run, const float* source, Py_ssize_t from_step, float* to,
        Py_ssize_t to_step,
    ) noexcept nogil
    void add_runs_f64(
        Py_ssize_t lines, Py_ssize_t run, const double* source, Py_ssize_t from_step, double* to,
        Py_ssize_t to_step,
    ) noexcept nogil
    void pack_dz_f32(
        int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t* at, const float* dy,
        const float* y, float* out,
    ) noexcept nogil
    void pack_dz_f64(
        int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t* at, const double* dy,
        const double* y, double* out,
    ) noexcept nogil
    void add_panel_f32(
        Py_ssize_t rows, Py_ssize_t columns, const float* panel, float* sums,
    ) noexcept nogil
    void add_panel_f64(
        Py_ssize_t rows, Py_ssize_t columns, const double* panel, double* sums,
    ) noexcept nogil


cdef inline Py_ssize_t panel_width(bint single) noexcept nogil:
    return panel_columns_f32 if single else panel_columns_f64


cdef inline void gather(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, const Py_ssize_t* row_at,
    const Py_ssize_t* step_at, const real* b, real* c, const Py_ssize_t* c_at,
    Py_ssize_t columns, const real* bias, int flags,
) noexcept nogil:
    """All the rows of the product under one panel of b."""
    if real is float:
        gather_f32(rows, depth, a, row_at, step_at, b, c, c_at, columns, bias, flags)
    else:
        gather_f64(rows, depth, a, row_at, step_at, b, c, c_at, columns, bias, flags)


cdef inline void pack_rows(
    Py_ssize_t depth, Py_ssize_t columns, const real* b, Py_ssize_t b_row, real* out,
) noexcept nogil:
    """b in panels."""
    if real is float:
        pack_rows_f32(depth, columns, b, b_row, out)
    else:
        pack_rows_f64(depth, columns, b, b_row, out)


cdef inline void pack_columns(
    Py_ssize_t depth, Py_ssize_t columns, const real* b, Py_ssize_t b_row, real* out,
) noexcept nogil:
    """One panel of a b that lies transposed in memory."""
    if real is float:
        pack_columns_f32(depth, columns, b, b_row, out)
    else:
        pack_columns_f64(depth, columns, b, b_row, out)


cdef inline void add_runs(
    Py_ssize_t lines, Py_ssize_t run, const real* source, Py_ssize_t from_step, real* to,
    Py_ssize_t to_step,
) noexcept nogil:
    """What one place gives to those under its window: `lines` runs of `run` numbers."""
    if real is float:
        add_runs_f32(lines, run, source, from_step, to, to_step)
    else:
        add_runs_f64(lines, run, source, from_step, to, to_step)


cdef inline void pack_dz(
    int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t* at, const real* dy,
    const real* y, real* out,
) noexcept nogil:
    """dz = dy activation'(z), from y = activation(z), in panels."""
    if real is float:
        pack_dz_f32(code, rows, columns, at, dy, y, out)
    else:
        pack_dz_f64(code, rows, columns, at, dy, y, out)


cdef inline void add_panel(
    Py_ssize_t rows, Py_ssize_t columns, const real* panel, real* sums,
) noexcept nogil:
    """sums += the rows of a panel."""
    if real is float:
        add_panel_f32(rows, columns, panel, sums)
    else:
        add_panel_f64(rows, columns, panel, sums)
