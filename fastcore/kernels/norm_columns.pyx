"""Normalisation over columns: statistics of the columns, and the affine map that they make.

Columns are those of a matrix of rows and channels; batch normalisation has one, group normalisation
many. One parallel region, its stages one after the other:

    forward     statistics      mean and variance of the columns, chunk by chunk
                forward_map     put together, folded into groups; the map of each sample
                apply           out := (x - t0) t1 + t2, t being lines of the map
    backward    means           line 0 of the map; after a relu, lines 4 and 5 too
                gradients       sum dy and sum dy (x - mean) of the columns, chunk by chunk
                backward_map    put together; the map of each sample
                weights         dgamma and dbeta
                apply           out := dy t3 + (x - t0) t1 + t2

a. Samples are cut into chunks. A chunk gives the mean of each column and the sum of squared
   distances from it, by way of the distances from a number near it; chunks are put together in
   doubles, in their order. So memory is read once, and nothing is lost where the mean is large.
b. A relu on top of the map takes no pass of its own: it is done to y on its way out, and what it
   passes of a gradient is found again from x, which is read anyway: y = (x - t0) t4 + t5.
c. With few channels a row would be too short for vectors. Then several rows are taken for one long
   line, and its columns are folded in the end.
"""

from libc.math cimport isinf, sqrt
from libc.string cimport memset

from .arrays cimport real
from .norm_tile cimport column_gradients, column_moments, map_lines, relu_back_line
from .threads cimport Stage, run_stages, typed_stage

cdef enum:
    TILE = 256      # columns that a kernel sums at a time
    CHUNK = 16384   # elements of a chunk: 64 KB of float32
    NARROW = 64     # below this width rows are joined


cdef void lay_out(
    Columns* p, bint single, Py_ssize_t samples, Py_ssize_t rows, Py_ssize_t channels,
    Py_ssize_t members, const void* mask,
) noexcept nogil:
    """Fill in the sizes; the arrays are still to be named, but for the mask."""
    memset(p, 0, sizeof(Columns))
    p.single, p.samples, p.rows, p.channels, p.members = single, samples, rows, channels, members
    p.mask, p.counted = mask, rows
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


cdef Py_ssize_t partial_size(const Columns* p) noexcept nogil:
    """Doubles that `partial` needs: for each chunk two lines and a count; and two lines more."""
    return p.samples * (p.chunks * (2 * p.width + 1) + 2 * p.width)


cdef inline double* partial_of(
    const Columns* p, Py_ssize_t sample, Py_ssize_t chunk
) noexcept nogil:
    """Where a chunk puts its sums: two lines of `width`, then how many lines count."""
    cdef Py_ssize_t each = 2 * p.width + 1
    return p.partial + sample * (p.chunks * each + 2 * p.width) + chunk * each


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
        column_moments(x + first, mask, lines, width, n, counted, about, sum, squares)
        for j in range(n):
            rest = <double>sum[j] / max(1, counted)
            out[first + j] = about[j] if isinf(about[j]) else about[j] + rest  # inf - inf is nan
            d = squares[j] - rest * sum[j]
            out[width + first + j] = 0 if d < 0 else d  # NaN stays


cdef void statistics_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    chunk_moments(
        <const real*>p.x + at, <const real*>p.mask + first if p.mask != NULL else NULL,
        lines, p.width, partial_of(p, sample, chunk),
    )


cdef void share_in_groups(
    double* a, Py_ssize_t channels, Py_ssize_t members, double n,
) noexcept nogil:
    """a := sum a / n over each group, for all its members."""
    cdef Py_ssize_t _group, k
    cdef double sum
    for _group in range(channels // members):
        sum = 0
        for k in range(members):
            sum += a[k]
        for k in range(members):
            a[k] = sum / n
        a += members


cdef void fold_moments(const Columns* p, Py_ssize_t sample, const real* tail) noexcept nogil:
    """Mean and variance of each channel of a sample from those of its chunks, into p.sums.

    First the mean, then the squared distances from it: (x - mean)^2 summed over a chunk is what the
    chunk found about its own mean, and its size times the squared distance between the means.
    """
    cdef Py_ssize_t width = p.width, channels = p.channels
    cdef Py_ssize_t over = p.rows - p.lines * p.copies  # rows of the tail
    cdef double* line = partial_of(p, sample, p.chunks)
    cdef double* mean = p.sums + sample * 2 * channels
    cdef double* variance = mean + channels
    cdef const double* a
    cdef double n = 0, d
    cdef Py_ssize_t chunk, i, j, k
    for j in range(width):
        line[j] = 0
    for chunk in range(p.chunks):
        a = partial_of(p, sample, chunk)
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
        a = partial_of(p, sample, chunk)
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


cdef void repeat(const Columns* p, real* t, Py_ssize_t lines) noexcept nogil:
    """Fill lines of the map, of which the first `channels` numbers are given, to their width."""
    cdef Py_ssize_t i, j
    for i in range(lines):
        for j in range(p.channels, p.width):
            t[i * p.width + j] = t[i * p.width + j - p.channels]


cdef inline void slope_and_offset(
    const Columns* p, Py_ssize_t channel, real inv, real* slope, real* offset,
) noexcept nogil:
    """Of the map (x - mean) gamma inv + beta of a channel."""
    cdef const real* gamma = <const real*>p.gamma
    cdef const real* beta = <const real*>p.beta
    slope[0] = inv if gamma == NULL else inv * gamma[channel]
    offset[0] = <real>0.0 if beta == NULL else beta[channel]


cdef void forward_map_task(Py_ssize_t sample, void* context, const real* like) noexcept nogil:
    """The statistics of each group of a sample, and the map (x - mean) gamma inv + beta."""
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t channels = p.channels, groups = channels // p.members, j, group
    cdef real* mean = <real*>p.mean + sample * groups
    cdef real* inv = <real*>p.inv + sample * groups
    cdef real* variance = <real*>p.variance
    cdef real* t = <real*>p.map + sample * MAP_LINES * p.width
    cdef const double* sums = p.sums + sample * 2 * channels
    fold_moments(
        p, sample, <const real*>p.x + (sample * p.rows + p.lines * p.copies) * channels,
    )
    for group in range(groups):
        j = group * p.members
        mean[group] = <real>sums[j]
        inv[group] = <real>(1.0 / sqrt(sums[channels + j] + p.epsilon))
        if variance != NULL:
            variance[sample * groups + group] = <real>sums[channels + j]
    for j in range(channels):
        group = j // p.members
        t[j] = mean[group]
        slope_and_offset(p, j, inv[group], &t[p.width + j], &t[2 * p.width + j])
    repeat(p, t, 3)


# ---------------------------------------------------------------------------------- gradients

cdef void means_task(Py_ssize_t sample, void* context, const real* like) noexcept nogil:
    """Line 0 of a sample's map: the mean of each channel's group; what makes y of x, for a relu."""
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t groups = p.channels // p.members, group, j
    cdef const real* mean = <const real*>p.mean + sample * groups
    cdef const real* inv = <const real*>p.inv + sample * groups
    cdef real* t = <real*>p.map + sample * MAP_LINES * p.width
    for j in range(p.channels):
        t[j] = mean[j // p.members]
    repeat(p, t, 1)
    if p.relu:
        for j in range(p.channels):
            group = j // p.members
            slope_and_offset(p, j, inv[group], &t[4 * p.width + j], &t[5 * p.width + j])
        repeat(p, t + 4 * p.width, 2)


cdef void chunk_gradients(
    const real* dy, const real* x, const real* t, const real* cap, Py_ssize_t lines,
    Py_ssize_t width, double* out,
) noexcept nogil:
    """sum dy and sum dy (x - mean), column by column."""
    cdef real sum[TILE]
    cdef real product[TILE]
    cdef Py_ssize_t tile, first, n, j
    for tile in range((width + TILE - 1) // TILE):
        first = tile * TILE
        n = min(<Py_ssize_t>TILE, width - first)
        column_gradients(dy + first, x + first, t + first, lines, width, n, cap, sum, product)
        for j in range(n):
            out[first + j] = sum[j]
            out[width + first + j] = product[j]


cdef void gradients_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    cdef real cap = <real>p.cap
    chunk_gradients(
        <const real*>p.dy + at, <const real*>p.x + at,
        <const real*>p.map + sample * MAP_LINES * p.width, &cap if p.relu else NULL, lines,
        p.width, partial_of(p, sample, chunk),
    )


cdef void fold_gradients(const Columns* p, Py_ssize_t sample, const real* like) noexcept nogil:
    """The sums of a sample's chunks, and of the rows left over, into p.sums."""
    cdef Py_ssize_t at = (sample * p.rows + p.lines * p.copies) * p.channels
    cdef const real* dtail = <const real*>p.dy + at
    cdef const real* tail = <const real*>p.x + at
    cdef const real* mean = <const real*>p.map + sample * MAP_LINES * p.width
    cdef Py_ssize_t width = p.width, channels = p.channels
    cdef Py_ssize_t over = p.rows - p.lines * p.copies
    cdef double* line = partial_of(p, sample, p.chunks)
    cdef double* sum = p.sums + sample * 2 * channels
    cdef double* product = sum + channels
    cdef const double* a
    cdef real passed[TILE]
    cdef real dz
    cdef Py_ssize_t chunk, i, j, k, tile, first, n
    for j in range(2 * width):
        line[j] = 0
    for chunk in range(p.chunks):
        a = partial_of(p, sample, chunk)
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
        for tile in range((channels + TILE - 1) // TILE):
            first = tile * TILE
            n = min(<Py_ssize_t>TILE, channels - first)
            i = k * channels + first
            if p.relu:
                relu_back_line(
                    n, dtail + i, tail + i, width, mean + first, <real>p.cap, passed,
                )
            for j in range(n):
                dz = passed[j] if p.relu else dtail[i + j]
                sum[first + j] += dz
                product[first + j] += dz * (tail[i + j] - mean[first + j])


cdef void backward_map_task(Py_ssize_t sample, void* context, const real* like) noexcept nogil:
    """The map dy gamma inv + (x - mean) slope + offset of a sample."""
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t channels = p.channels, members = p.members, groups = channels // members
    cdef const real* gamma = <const real*>p.gamma
    cdef const real* inv = <const real*>p.inv + sample * groups
    cdef const real* dmean = <const real*>p.dmean
    cdef const real* dvariance = <const real*>p.dvariance
    cdef const double* sum = p.sums + sample * 2 * channels
    cdef const double* product = sum + channels
    cdef real* t = <real*>p.map + sample * MAP_LINES * p.width
    cdef double n = max(1.0, <double>p.counted * members)
    cdef double through_mean, through_variance, s, g
    cdef Py_ssize_t j, group
    fold_gradients(p, sample, like)
    for group in range(groups):
        s = inv[group]
        through_mean = 0
        through_variance = 0
        for j in range(group * members, (group + 1) * members):
            g = 1.0 if gamma == NULL else gamma[j]
            through_mean -= g * sum[j] * s
            through_variance -= g * product[j] * s * s * s
        if dmean != NULL:
            through_mean += dmean[sample * groups + group]
            through_variance += 2.0 * dvariance[sample * groups + group]
        for j in range(group * members, (group + 1) * members):
            t[p.width + j] = <real>(through_variance / n)
            t[2 * p.width + j] = <real>(through_mean / n)
            t[3 * p.width + j] = <real>(s if gamma == NULL else s * gamma[j])
    repeat(p, t + p.width, 3)


cdef void weights_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dgamma and dbeta from the sums of each sample, in their order."""
    cdef const Columns* p = <const Columns*>context
    cdef Py_ssize_t channels = p.channels, groups = channels // p.members, sample, j
    cdef const real* inv = <const real*>p.inv
    cdef real* dgamma = <real*>p.dgamma
    cdef real* dbeta = <real*>p.dbeta
    cdef double product, sum
    for j in range(channels):
        product = 0
        sum = 0
        for sample in range(p.samples):
            sum += p.sums[2 * sample * channels + j]
            product += (
                p.sums[(2 * sample + 1) * channels + j] * inv[sample * groups + j // p.members]
            )
        if dgamma != NULL:
            dgamma[j] = <real>product
        if dbeta != NULL:
            dbeta[j] = <real>sum


# ---------------------------------------------------------------------------------- the map

cdef void apply_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """out := (x - t0) t1 + t2; with dy, dy t3 more, and nothing but that where the mask is 0."""
    cdef const Columns* p = <const Columns*>context
    # Backwards: what was read last is still in the cache.
    index = p.samples * p.chunks - 1 - index
    cdef Py_ssize_t sample = index // p.chunks, chunk = index % p.chunks
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t lines = min(p.step, p.lines - first)
    cdef Py_ssize_t over = (p.rows - p.lines * p.copies) * p.channels
    cdef Py_ssize_t at = sample * p.rows * p.channels + first * p.width
    cdef real cap = <real>p.cap
    if chunk + 1 < p.chunks:
        over = 0
    map_lines(
        <const real*>p.dy + at if p.dy != NULL else NULL, <const real*>p.x + at,
        <const real*>p.mask + first if p.mask != NULL else NULL, lines, over, p.width,
        <const real*>p.map + sample * MAP_LINES * p.width, &cap if p.relu else NULL,
        <real*>p.out + at,
    )


cdef double elements(const Columns* p) noexcept nogil:
    return <double>p.samples * p.rows * p.channels


cdef void normalize(Columns* p) noexcept nogil:
    cdef Stage stages[3]
    cdef Py_ssize_t chunks = p.samples * p.chunks
    stages[0] = typed_stage(
        p.single, statistics_task[float], statistics_task[double], chunks, p, sizeof(p[0]),
    )
    stages[1] = typed_stage(
        p.single, forward_map_task[float], forward_map_task[double], p.samples, p, sizeof(p[0]),
    )
    stages[2] = typed_stage(
        p.single, apply_task[float], apply_task[double], chunks, p, sizeof(p[0]),
    )
    run_stages(stages, 3, 4 * elements(p))


cdef void normalize_backward(Columns* p) noexcept nogil:
    cdef Stage stages[5]
    cdef Py_ssize_t chunks = p.samples * p.chunks
    stages[0] = typed_stage(
        p.single, means_task[float], means_task[double], p.samples, p, sizeof(p[0]),
    )
    stages[1] = typed_stage(
        p.single, gradients_task[float], gradients_task[double], chunks, p, sizeof(p[0]),
    )
    stages[2] = typed_stage(
        p.single, backward_map_task[float], backward_map_task[double], p.samples, p, sizeof(p[0]),
    )
    stages[3] = typed_stage(p.single, weights_task[float], weights_task[double], 1, p, sizeof(p[0]))
    stages[4] = typed_stage(
        p.single, apply_task[float], apply_task[double], chunks, p, sizeof(p[0]),
    )
    run_stages(stages, 5 if p.out != NULL else 4, (5 if p.out != NULL else 2) * elements(p))


# ---------------------------------------------------------------------------- given statistics

cdef void given_map_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The map (x - mean) slope + offset of given statistics; without a mean, that of dy to dx."""
    cdef const Columns* p = <const Columns*>context
    cdef const real* mean = <const real*>p.mean
    cdef const real* variance = <const real*>p.variance
    cdef const real* gamma = <const real*>p.gamma
    cdef const real* beta = <const real*>p.beta
    cdef real* t = <real*>p.map
    cdef Py_ssize_t j
    cdef real s
    for j in range(p.channels):
        s = <real>(1.0 / sqrt(variance[j] + p.epsilon))
        t[j] = <real>0.0 if mean == NULL else mean[j]
        t[p.width + j] = s if gamma == NULL else s * gamma[j]
        t[2 * p.width + j] = <real>0.0 if beta == NULL else beta[j]
    repeat(p, t, 3)


cdef void normalize_given(Columns* p) noexcept nogil:
    cdef Stage stages[2]
    stages[0] = typed_stage(
        p.single, given_map_task[float], given_map_task[double], 1, p, sizeof(p[0]),
    )
    stages[1] = typed_stage(
        p.single, apply_task[float], apply_task[double], p.samples * p.chunks, p, sizeof(p[0]),
    )
    run_stages(stages, 2, 2 * elements(p))


cdef struct GivenGradients:
    Columns columns
    void* dmean
    void* dvariance


cdef void given_gradients_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """From sum dy and sum dy (x - mean) what is wanted; NULL is not."""
    cdef const GivenGradients* wanted = <const GivenGradients*>context
    cdef const Columns* p = &wanted.columns
    cdef const real* variance = <const real*>p.variance
    cdef const real* gamma = <const real*>p.gamma
    cdef real* dmean = <real*>wanted.dmean
    cdef real* dvariance = <real*>wanted.dvariance
    cdef real* dgamma = <real*>p.dgamma
    cdef real* dbeta = <real*>p.dbeta
    cdef const double* sum = p.sums
    cdef const double* product = p.sums + p.channels
    cdef double s, g
    cdef Py_ssize_t j
    fold_gradients(p, 0, like)
    for j in range(p.channels):
        s = 1.0 / sqrt(variance[j] + p.epsilon)
        g = 1.0 if gamma == NULL else gamma[j]
        if dmean != NULL:
            dmean[j] = <real>(-s * g * sum[j])
        if dvariance != NULL:
            dvariance[j] = <real>(-0.5 * s * s * s * g * product[j])
        if dgamma != NULL:
            dgamma[j] = <real>(s * product[j])
        if dbeta != NULL:
            dbeta[j] = <real>sum[j]


cdef void normalize_given_backward(Columns* p, void* dmean, void* dvariance) noexcept nogil:
    cdef GivenGradients wanted
    cdef Stage stages[3]
    wanted.columns, wanted.dmean, wanted.dvariance = p[0], dmean, dvariance
    stages[0] = typed_stage(p.single, means_task[float], means_task[double], 1, p, sizeof(p[0]))
    stages[1] = typed_stage(
        p.single, gradients_task[float], gradients_task[double], p.samples * p.chunks, p,
        sizeof(p[0]),
    )
    stages[2] = typed_stage(
        p.single, given_gradients_task[float], given_gradients_task[double], 1, &wanted,
        sizeof(wanted),
    )
    run_stages(stages, 3, 2 * elements(p))
