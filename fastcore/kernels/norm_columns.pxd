"""Statistics of columns, and the affine map that they make. See norm_columns.pyx."""

cdef struct Columns:
    bint single
    Py_ssize_t samples      # each a matrix (rows, channels) with statistics of its own
    Py_ssize_t rows
    Py_ssize_t channels
    Py_ssize_t members      # channels of a group, which share their statistics
    Py_ssize_t copies       # rows that one line holds
    Py_ssize_t width        # of a line: copies * channels
    Py_ssize_t lines        # rows // copies; the rows left over are the tail
    Py_ssize_t step         # lines of a chunk
    Py_ssize_t chunks       # of a sample
    const void* x           # IN (samples, rows, channels)
    const void* dy          # IN, the same; NULL in forward
    const void* mask        # IN (rows,), for a single sample, or NULL: 0 where a row does not count
    void* out               # OUT y or dx
    double* sums            # work area, see work_area
    double* totals          # (samples, 2, channels)
    void* table             # (samples, 4, width) the affine map; see apply
    Py_ssize_t counted      # OUT of statistics: the rows of a sample that count

cdef void lay_out(
    Columns* p, bint single, Py_ssize_t samples, Py_ssize_t rows, Py_ssize_t channels,
    Py_ssize_t members, const void* mask,
) noexcept nogil
cdef Py_ssize_t work_area(const Columns* p) noexcept nogil
cdef void statistics(Columns* p) noexcept nogil
cdef void gradients(Columns* p) noexcept nogil
cdef void apply(Columns* p) noexcept nogil
