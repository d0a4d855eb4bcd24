"""Normalisation over columns: batch and group. See norm_columns.pyx."""

cdef enum:
    MAP_LINES = 6   # of a sample's map

cdef struct Columns:
    bint single
    bint relu               # whether y is then relu(y), at most `cap`; NaN: no cap
    double cap
    Py_ssize_t samples      # each a matrix (rows, channels) with statistics of its own
    Py_ssize_t rows
    Py_ssize_t channels
    Py_ssize_t members      # channels of a group, which share their statistics
    Py_ssize_t copies       # rows that one line holds
    Py_ssize_t width        # of a line: copies * channels
    Py_ssize_t lines        # rows // copies; the rows left over are the tail
    Py_ssize_t step         # lines of a chunk
    Py_ssize_t chunks       # of a sample
    Py_ssize_t counted      # IN of backward: the rows of a sample that count
    double epsilon
    const void* x           # IN (samples, rows, channels)
    const void* dy          # IN, the same; NULL in forward
    const void* mask        # IN (rows,), for a single sample, or NULL: 0 where a row does not count
    const void* gamma       # IN (channels,) or NULL
    const void* beta        # IN (channels,) or NULL
    void* mean              # OUT of forward, IN of backward: (samples, groups)
    void* inv               # the same: 1 / sqrt(variance + epsilon)
    void* variance          # OUT of forward (samples, groups) or NULL; IN where it is given
    const void* dmean       # IN (samples, groups) or NULL: what arrives for the statistics
    const void* dvariance   # IN, likewise
    void* out               # OUT y or dx; NULL where nobody wants dx
    void* dgamma            # OUT (channels,) or NULL
    void* dbeta             # OUT (channels,) or NULL
    double* sums            # work area: (samples, 2, channels) sums over rows
    double* partial         # work area: those of the chunks, see partial_size
    void* map               # work area: (samples, MAP_LINES, width) the affine map; see apply_task

cdef void lay_out(
    Columns* p, bint single, Py_ssize_t samples, Py_ssize_t rows, Py_ssize_t channels,
    Py_ssize_t members, const void* mask,
) noexcept nogil
cdef Py_ssize_t partial_size(const Columns* p) noexcept nogil

# y, mean, inv and variance from x, with the statistics of x itself.
cdef void normalize(Columns* p) noexcept nogil
# dx, dgamma and dbeta of that.
cdef void normalize_backward(Columns* p) noexcept nogil

# y from x and given statistics, of a single sample; without a mean, dx from dy (as x).
cdef void normalize_given(Columns* p) noexcept nogil
# The gradients of given statistics: dmean, dvariance, dgamma, dbeta, each unless it is NULL.
cdef void normalize_given_backward(Columns* p, void* dmean, void* dvariance) noexcept nogil
