"""Normalisation over rows: unit, RMS and layer. See norm_rows.pyx."""

cdef struct Rows:
    int kind                # UNIT_ROWS, RMS_ROWS or LAYER_ROWS of norm_tile.pxd
    bint single
    Py_ssize_t rows
    Py_ssize_t width
    Py_ssize_t step         # rows of a chunk
    Py_ssize_t chunks
    double epsilon
    const void* x           # IN (rows, width)
    const void* dy          # IN (rows, width)
    const void* gamma       # IN (width,) or NULL
    const void* beta        # IN (width,) or NULL
    void* mean              # OUT of forward, IN of backward: (rows,); NULL unless LAYER_ROWS
    void* inv               # the same; the norm for UNIT_ROWS
    void* out               # OUT (rows, width): y or dx; NULL where nobody wants dx
    void* dgamma            # OUT (chunks, width), or NULL
    void* dbeta             # OUT (chunks, width), or NULL


cdef void lay_out_rows(
    Rows* p, int kind, bint single, Py_ssize_t rows, Py_ssize_t width,
) noexcept nogil
cdef Py_ssize_t sums_of_rows(const Rows* p) noexcept nogil
cdef void run_rows(Rows* p) noexcept nogil
