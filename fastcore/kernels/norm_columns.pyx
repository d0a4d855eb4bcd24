"""Statistics of columns, and the affine map that they make: batch and group normalisation.

A sample is a matrix of rows and channels; batch normalisation has one, group normalisation many.
What is computed:

    statistics    mean and variance of the columns, folded into groups of channels
    gradients     sum dy and sum dy (x - mean) of the columns
    apply         out := (x - t0) t1 + t2, or dy t3 + (x - t0) t1 + t2, t being rows of the table

a. Samples are cut into chunks. A chunk gives the mean of each column and the sum of squared
   distances from it, by way of the distances from a number near it; chunks are put together in
   doubles, in their order. So memory is read once, and nothing is lost where the mean is large.
b. With few channels a row would be too short for vectors. Then several rows are taken for one wide
   line, and its columns are folded in the end.
"""

from libc.math cimport isinf

from .arrays cimport real
from .threads cimport run_chunks

cdef extern from *:
    """
    #include <stdint.h>
    #define REAL float
    #define REAL_BYTES 4
    #define INTEGER int32_t
    #define NAME(x) x##_f32
    #include "norm_tile.h"
    #define REAL double
    #define REAL_BYTES 8
    #define INTEGER int64_t
    #define NAME(x) x##_f64
    #include "norm_tile.h"
    """
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

cdef enum:
    TILE = 256      # columns that a kernel sums at a time
    CHUNK = 16384   # elements of a chunk: 64 KB of float32
    NARROW = 64     # below this width rows are joined


cdef void lay_out(
    Columns* p, bint single, Py_ssize_t samples, Py_ssize_t rows, Py_ssize_t channels,
    Py_ssize_t members, const void* mask,
) noexcept nogil:
    """Fill in the sizes."""
    p.single, p.samples, p.rows, p.channels, p.members = single, samples, rows, channels, members
    p.mask = mask
    p.copies = 1
    if mask == NULL and 0 < channels < NARROW:
        p.copies = (NARROW + channels - 1) // channels
        while p.copies * channels % 16:  # whole vectors
            p.copies += 1
        p.copies = max(1, min(p.copies, rows))
    p.width = p.copies * channels
    p.lines = rows // p.copies
    # 32 lines at least: below that the partial sums would cost as much as the lines.
    p.step = max(32, CHUNK // max(1, p.width))
    p.chunks = (p.lines + p.step - 1) // p.step
    p.dy = NULL


cdef Py_ssize_t work_area(const Columns* p) noexcept nogil:
    """Doubles that `sums` needs: for each chunk two lines and a count, and one line for totals."""
    return p.samples * (p.chunks * (2 * p.width + 1) + 2 * p.width)


cdef inline double* sums_of(const Columns* p, Py_ssize_t sample, Py_ssize_t chunk) noexcept nogil:
    """Where a chunk puts its sums: two lines of `width`, then how many lines count."""
    cdef Py_ssize_t each = 2 * p.width + 1
    return p.sums + sample * (p.chunks * each + 2 * p.width) + chunk * each


# ---------------------------------------------------------------------------------- statistics

cdef void chunk_moments(
    const real* x, const real* mask, Py_ssize_t lines, Py_ssize_t width, double* out,
) noexcept nogil:
    """Mean and sum of squared distances from it, column by column; then the lines that count."""
    cdef real about[TILE]
    cdef real sum[TILE]
    cdef real squares[TILE]
    cdef Py_ssize_t tile, first, n, i, j
    cdef Py_ssize_t counted = lines
    cdef double rest, d
    if mask != NULL:
        counted = 0
        for i in range(lines):
            counted += mask[i] != 0
    out[2 * width] = counted
    for tile in range((width + TILE - 1) // TILE):
        first = tile * TILE
        n = min(<Py_ssize_t>TILE, width - first)
        if real is float:
            column_moments_f32(x + first, mask, lines, width, n, counted, about, sum, squares)
        else:
            column_moments_f64(x + first, mask, lines, width, n, counted, about, sum, squares)
        for j in range(n):
            rest = <double>sum[j] / max(1, counted)
            out[first + j] = about[j] if isinf(about[j]) else about[j] + rest  # inf - inf is nan
            d = squares[j] - rest * sum[j]
            out[width + first + j] = 0 if d < 0 else d  # NaN stays


cdef void statistics_task(Py_ssize_t index, void* context) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    cdef double* out = sums_of(p, sample, chunk)
    if p.single:
        chunk_moments[float](
            <const float*>p.x + at, <const float*>p.mask + first if p.mask != NULL else NULL,
            lines, p.width, out,
        )
    else:
        chunk_moments[double](
            <const double*>p.x + at, <const double*>p.mask + first if p.mask != NULL else NULL,
            lines, p.width, out,
        )


cdef void share_in_groups(
    double* a, Py_ssize_t channels, Py_ssize_t members, double n,
) noexcept nogil:
    """a := sum a / n over each group, for all its members."""
    cdef Py_ssize_t _group, k
    cdef double total
    for _group in range(channels // members):
        total = 0
        for k in range(members):
            total += a[k]
        for k in range(members):
            a[k] = total / n
        a += members


cdef void fold_moments(const Columns* p, Py_ssize_t sample, const real* tail) noexcept nogil:
    """Mean and variance of each channel of a sample from those of its chunks, into totals.

    First the mean, then the squared distances from it: (x - mean)^2 summed over a chunk is what the
    chunk found about its own mean, and its size times the squared distance between the means.
    """
    cdef Py_ssize_t width = p.width, channels = p.channels
    cdef Py_ssize_t over = p.rows - p.lines * p.copies  # rows of the tail
    cdef double* line = sums_of(p, sample, p.chunks)
    cdef double* mean = p.totals + sample * 2 * channels
    cdef double* variance = mean + channels
    cdef const double* a
    cdef double n = 0, d
    cdef Py_ssize_t chunk, i, j, k
    for j in range(width):
        line[j] = 0
    for chunk in range(p.chunks):
        a = sums_of(p, sample, chunk)
        n += a[2 * width]
        for j in range(width):
            line[j] += a[2 * width] * a[j]
    for j in range(channels):
        mean[j] = 0
        variance[j] = 0
    for k in range(p.copies):
        i = k * channels
        for j in range(channels):
            mean[j] += line[i + j]
    for k in range(over):
        i = k * channels
        for j in range(channels):
            mean[j] += tail[i + j]
    n = max(1.0, n * p.copies + over) * p.members
    share_in_groups(mean, channels, p.members, n)

    for k in range(p.copies):
        i = k * channels
        for j in range(channels):
            line[i + j] = mean[j]
            line[width + i + j] = 0
    for chunk in range(p.chunks):
        a = sums_of(p, sample, chunk)
        for j in range(width):
            d = a[j] - line[j]
            line[width + j] += a[width + j] + a[2 * width] * d * d
    for k in range(p.copies):
        i = k * channels
        for j in range(channels):
            variance[j] += line[width + i + j]
    for k in range(over):
        i = k * channels
        for j in range(channels):
            d = tail[i + j] - mean[j]
            variance[j] += d * d
    share_in_groups(variance, channels, p.members, n)


cdef void fold_moments_task(Py_ssize_t sample, void* context) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t at = (sample * p.rows + p.lines * p.copies) * p.channels
    if p.single:
        fold_moments[float](p, sample, <const float*>p.x + at)
    else:
        fold_moments[double](p, sample, <const double*>p.x + at)


cdef double elements(const Columns* p) noexcept nogil:
    return <double>p.samples * p.rows * p.channels


cdef void statistics(Columns* p) noexcept nogil:
    """totals := mean and variance of every channel (that of its group); counted := rows."""
    cdef Py_ssize_t chunk
    run_chunks(statistics_task, p.samples * p.chunks, p, 2 * elements(p))
    p.counted = p.rows
    if p.mask != NULL:
        p.counted = 0
        for chunk in range(p.chunks):
            p.counted += <Py_ssize_t>sums_of(p, 0, chunk)[2 * p.width]
    run_chunks(fold_moments_task, p.samples, p, <double>p.samples * p.chunks * p.width * 4)


# ---------------------------------------------------------------------------------- gradients

cdef void chunk_gradients(
    const real* dy, const real* x, const real* mean, Py_ssize_t lines, Py_ssize_t width,
    double* out,
) noexcept nogil:
    """sum dy and sum dy (x - mean), column by column."""
    cdef real sum[TILE]
    cdef real product[TILE]
    cdef Py_ssize_t tile, first, n, j
    for tile in range((width + TILE - 1) // TILE):
        first = tile * TILE
        n = min(<Py_ssize_t>TILE, width - first)
        if real is float:
            column_gradients_f32(
                dy + first, x + first, mean + first, lines, width, n, sum, product,
            )
        else:
            column_gradients_f64(
                dy + first, x + first, mean + first, lines, width, n, sum, product,
            )
        for j in range(n):
            out[first + j] = sum[j]
            out[width + first + j] = product[j]


cdef void gradients_task(Py_ssize_t index, void* context) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    cdef Py_ssize_t mean = sample * 4 * p.width
    cdef double* out = sums_of(p, sample, chunk)
    if p.single:
        chunk_gradients[float](
            <const float*>p.dy + at, <const float*>p.x + at, <const float*>p.table + mean,
            lines, p.width, out,
        )
    else:
        chunk_gradients[double](
            <const double*>p.dy + at, <const double*>p.x + at, <const double*>p.table + mean,
            lines, p.width, out,
        )


cdef void fold_gradients(
    const Columns* p, Py_ssize_t sample, const real* dtail, const real* tail, const real* mean,
) noexcept nogil:
    """The sums of a sample's chunks, and of the rows left over, into totals."""
    cdef Py_ssize_t width = p.width, channels = p.channels
    cdef Py_ssize_t over = p.rows - p.lines * p.copies
    cdef double* line = sums_of(p, sample, p.chunks)
    cdef double* sum = p.totals + sample * 2 * channels
    cdef double* product = sum + channels
    cdef const double* a
    cdef Py_ssize_t chunk, i, j, k
    for j in range(2 * width):
        line[j] = 0
    for chunk in range(p.chunks):
        a = sums_of(p, sample, chunk)
        for j in range(2 * width):
            line[j] += a[j]
    for j in range(2 * channels):
        sum[j] = 0
    for k in range(p.copies):
        i = k * channels
        for j in range(channels):
            sum[j] += line[i + j]
            product[j] += line[width + i + j]
    for k in range(over):
        i = k * channels
        for j in range(channels):
            sum[j] += dtail[i + j]
            product[j] += dtail[i + j] * (tail[i + j] - mean[j])


cdef void fold_gradients_task(Py_ssize_t sample, void* context) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t at = (sample * p.rows + p.lines * p.copies) * p.channels
    cdef Py_ssize_t mean = sample * 4 * p.width
    if p.single:
        fold_gradients[float](
            p, sample, <const float*>p.dy + at, <const float*>p.x + at,
            <const float*>p.table + mean,
        )
    else:
        fold_gradients[double](
            p, sample, <const double*>p.dy + at, <const double*>p.x + at,
            <const double*>p.table + mean,
        )


cdef void gradients(Columns* p) noexcept nogil:
    """totals := sum dy and sum dy (x - mean) of every channel; the means are row 0 of the table."""
    run_chunks(gradients_task, p.samples * p.chunks, p, 2 * elements(p))
    run_chunks(fold_gradients_task, p.samples, p, <double>p.samples * p.chunks * p.width * 2)


# ---------------------------------------------------------------------------------- the map

cdef void apply_task(Py_ssize_t index, void* context) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    # Backwards: what was read last is still in the cache.
    index = p.samples * p.chunks - 1 - index
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t over = (p.rows - p.lines * p.copies) * p.channels
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    cdef Py_ssize_t table = sample * 4 * p.width
    if chunk + 1 < p.chunks:
        over = 0
    if p.single:
        map_lines_f32(
            <const float*>p.dy + at if p.dy != NULL else NULL, <const float*>p.x + at,
            <const float*>p.mask + first if p.mask != NULL else NULL, lines, over, p.width,
            <const float*>p.table + table, <float*>p.out + at,
        )
    else:
        map_lines_f64(
            <const double*>p.dy + at if p.dy != NULL else NULL, <const double*>p.x + at,
            <const double*>p.mask + first if p.mask != NULL else NULL, lines, over, p.width,
            <const double*>p.table + table, <double*>p.out + at,
        )


cdef void apply(Columns* p) noexcept nogil:
    """out := (x - t0) t1 + t2; with dy, dy t3 more, and nothing but that where the mask is 0."""
    run_chunks(apply_task, p.samples * p.chunks, p, (2 if p.dy == NULL else 3) * elements(p))
