"""Normalisation over rows: unit, RMS and layer.

A chunk of rows is a task. Its part of the sums over rows (dgamma, dbeta) goes to a line of its own,
and the lines are added in their order. Where rows are so wide that these lines would be as large as
the input, the sums are taken column by column instead, in a walk of their own.
"""

from libc.math cimport sqrt
from libc.string cimport memset

from ._arrays cimport real
from ._threads cimport run_chunks

cdef enum:
    CHUNK = 16384   # elements of a chunk of rows
    FEW = 16        # rows of a chunk at least: its partial sums would cost too much below
    WIDE = 2048     # above this width the sums over rows are taken column by column
    TILE = 256      # columns of such a sum
    BLOCK = 1024    # entries that are summed in `real`; blocks are added in double


cdef void lay_out_rows(
    Rows* p, int kind, bint single, Py_ssize_t rows, Py_ssize_t width,
) noexcept nogil:
    """Fill in the sizes; the arrays are still to be named."""
    memset(p, 0, sizeof(Rows))
    p.kind, p.single, p.rows, p.width = kind, single, rows, width
    p.step = 1 if width > WIDE else max(<Py_ssize_t>FEW, CHUNK // max(1, width))
    p.chunks = (rows + p.step - 1) // p.step


cdef Py_ssize_t sums_of_rows(const Rows* p) noexcept nogil:
    """Lines that dgamma and dbeta need; the first one holds the sum in the end."""
    return 1 if p.width > WIDE else max(<Py_ssize_t>1, p.chunks)


cdef inline double total(const real* lanes) noexcept nogil:
    """The sum of 16 numbers."""
    cdef real a[8]
    cdef Py_ssize_t k
    for k in range(8):
        a[k] = lanes[k] + lanes[k + 8]
    for k in range(4):
        a[k] += a[k + 4]
    return (<double>a[0] + a[2]) + (<double>a[1] + a[3])


cdef inline double sum_of(const real* x, Py_ssize_t n) noexcept nogil:
    """sum_i x[i], in lanes, since the compiler must not reorder a sum by itself."""
    cdef real lanes[16]
    cdef double s = 0
    cdef Py_ssize_t first, last, i, k
    cdef Py_ssize_t whole = n - n % 16
    first = 0
    while first < whole:
        last = min(first + BLOCK, whole)
        for k in range(16):
            lanes[k] = x[first + k]
        for i in range(first + 16, last, 16):
            for k in range(16):
                lanes[k] += x[i + k]
        s += total(<const real*>lanes)
        first = last
    for i in range(whole, n):
        s += x[i]
    return s


cdef inline void distances_of(
    const real* x, Py_ssize_t n, real mean, double* sum, double* squares,
) noexcept nogil:
    """sum_i d[i] and sum_i d[i]^2, d = x - mean."""
    cdef real near[16]
    cdef real far[16]
    cdef real d
    cdef Py_ssize_t first, last, i, k
    cdef Py_ssize_t whole = n - n % 16
    sum[0] = 0
    squares[0] = 0
    first = 0
    while first < whole:
        last = min(first + BLOCK, whole)
        for k in range(16):
            near[k] = 0
            far[k] = 0
        for i in range(first, last, 16):
            for k in range(16):
                d = x[i + k] - mean
                near[k] += d
                far[k] += d * d
        sum[0] += total(<const real*>near)
        squares[0] += total(<const real*>far)
        first = last
    for i in range(whole, n):
        d = x[i] - mean
        sum[0] += d
        squares[0] += d * d


cdef inline double squares_of(const real* x, Py_ssize_t n) noexcept nogil:
    """sum_i x[i]^2"""
    cdef real lanes[16]
    cdef double s = 0
    cdef Py_ssize_t first, last, i, k
    cdef Py_ssize_t whole = n - n % 16
    first = 0
    while first < whole:
        last = min(first + BLOCK, whole)
        for k in range(16):
            lanes[k] = 0
        for i in range(first, last, 16):
            for k in range(16):
                lanes[k] += x[i + k] * x[i + k]
        s += total(<const real*>lanes)
        first = last
    for i in range(whole, n):
        s += x[i] * x[i]
    return s


cdef inline real divide_by(real norm, double epsilon) noexcept nogil:
    """1 / max(norm, epsilon); NaN stays."""
    return <real>(1.0 / (epsilon if norm < epsilon else norm))


cdef void forward_rows(
    const Rows* p, Py_ssize_t rows, const real* x, const real* gamma, const real* beta, real* mean,
    real* inv, real* y,
) noexcept nogil:
    cdef Py_ssize_t width = p.width, i, j
    cdef double sum, squares
    cdef real m, s
    for i in range(rows):
        m = 0
        if p.kind == LAYER:
            m = <real>(sum_of(x, width) / width)
            distances_of(x, width, m, &sum, &squares)
            # m is rounded: what it misses is the mean of the distances.
            squares = (squares - sum / width * sum) / width
            m = <real>(m + sum / width)
            mean[i] = m
            inv[i] = s = <real>(1.0 / sqrt(squares + p.epsilon))
        elif p.kind == RMS:
            inv[i] = s = <real>(1.0 / sqrt(squares_of(x, width) / width + p.epsilon))
        else:
            inv[i] = <real>sqrt(squares_of(x, width))
            s = divide_by(inv[i], p.epsilon)
        if gamma == NULL and beta == NULL:
            for j in range(width):
                y[j] = (x[j] - m) * s
        elif beta == NULL:
            for j in range(width):
                y[j] = (x[j] - m) * s * gamma[j]
        elif gamma == NULL:
            for j in range(width):
                y[j] = (x[j] - m) * s + beta[j]
        else:
            for j in range(width):
                y[j] = (x[j] - m) * s * gamma[j] + beta[j]
        x += width
        y += width


cdef inline void projections_of(
    const real* dy, const real* x, const real* gamma, Py_ssize_t n, real mean, double* sum,
    double* product,
) noexcept nogil:
    """sum_i g[i] and sum_i g[i] (x[i] - mean), g = gamma dy."""
    cdef real near[16]
    cdef real far[16]
    cdef real g
    cdef Py_ssize_t first, last, i, k
    cdef Py_ssize_t whole = n - n % 16
    sum[0] = 0
    product[0] = 0
    first = 0
    while first < whole:
        last = min(first + BLOCK, whole)
        for k in range(16):
            near[k] = 0
            far[k] = 0
        if gamma == NULL:
            for i in range(first, last, 16):
                for k in range(16):
                    near[k] += dy[i + k]
                    far[k] += dy[i + k] * (x[i + k] - mean)
        else:
            for i in range(first, last, 16):
                for k in range(16):
                    g = dy[i + k] * gamma[i + k]
                    near[k] += g
                    far[k] += g * (x[i + k] - mean)
        sum[0] += total(<const real*>near)
        product[0] += total(<const real*>far)
        first = last
    for i in range(whole, n):
        g = dy[i] if gamma == NULL else dy[i] * gamma[i]
        sum[0] += g
        product[0] += g * (x[i] - mean)


cdef void backward_rows(
    const Rows* p, Py_ssize_t rows, const real* dy, const real* x, const real* gamma,
    const real* mean, const real* inv, real* dx, real* dgamma, real* dbeta,
) noexcept nogil:
    cdef Py_ssize_t width = p.width, i, j
    cdef double sum, product
    cdef real m, s, along, level
    if dgamma != NULL:
        memset(dgamma, 0, width * sizeof(real))
    if dbeta != NULL:
        memset(dbeta, 0, width * sizeof(real))
    for i in range(rows):
        m = mean[i] if p.kind == LAYER else <real>0.0
        s = inv[i] if p.kind != UNIT else divide_by(inv[i], p.epsilon)
        if dgamma != NULL and dbeta != NULL:
            for j in range(width):
                dgamma[j] += dy[j] * ((x[j] - m) * s)
                dbeta[j] += dy[j]
        elif dgamma != NULL:
            for j in range(width):
                dgamma[j] += dy[j] * ((x[j] - m) * s)
        elif dbeta != NULL:
            for j in range(width):
                dbeta[j] += dy[j]
        if dx != NULL:
            projections_of(dy, x, gamma, width, m, &sum, &product)
            if p.kind == UNIT:
                level = 0
                # The divisor is constant below epsilon.
                along = 0 if inv[i] <= p.epsilon else <real>(product * s * s)
            else:
                level = <real>(sum / width) if p.kind == LAYER else <real>0.0
                along = <real>(product * s * s / width)
            if gamma == NULL:
                for j in range(width):
                    dx[j] = s * (dy[j] - level - (x[j] - m) * along)
            else:
                for j in range(width):
                    dx[j] = s * (dy[j] * gamma[j] - level - (x[j] - m) * along)
            dx += width
        x += width
        dy += width


cdef void rows_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Rows* p = <const Rows*>context
    if p.single:
        rows_chunk[float](p, chunk, NULL)
    else:
        rows_chunk[double](p, chunk, NULL)


cdef void rows_chunk(const Rows* p, Py_ssize_t chunk, const real* like) noexcept nogil:
    """One chunk of rows, forward or backward; `like` is NULL and only says the type."""
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t rows = min(p.step, p.rows - first)
    cdef Py_ssize_t at = first * p.width
    cdef const real* x = <const real*>p.x + at
    cdef const real* gamma = <const real*>p.gamma
    cdef real* mean = <real*>p.mean + first if p.mean != NULL else NULL
    cdef real* inv = <real*>p.inv + first
    cdef real* out = <real*>p.out + at if p.out != NULL else NULL
    if p.dy == NULL:
        forward_rows(p, rows, x, gamma, <const real*>p.beta, mean, inv, out)
        return
    backward_rows(
        p, rows, <const real*>p.dy + at, x, gamma, mean, inv, out,
        <real*>p.dgamma + chunk * p.width if p.dgamma != NULL else NULL,
        <real*>p.dbeta + chunk * p.width if p.dbeta != NULL else NULL,
    )


cdef void add_chunks(Py_ssize_t chunks, Py_ssize_t width, real* a) noexcept nogil:
    """a[0, j] := sum_i a[i, j], in the order of i."""
    cdef double sums[TILE]
    cdef Py_ssize_t tile, first, n, i, j
    for tile in range((width + TILE - 1) // TILE):
        first = tile * TILE
        n = min(<Py_ssize_t>TILE, width - first)
        for j in range(n):
            sums[j] = 0
        for i in range(chunks):
            for j in range(n):
                sums[j] += a[i * width + first + j]
        for j in range(n):
            a[first + j] = <real>sums[j]


cdef void tile_sums(const Rows* p, Py_ssize_t tile, const real* like) noexcept nogil:
    """dgamma and dbeta of TILE columns, over all rows."""
    cdef real near[TILE]
    cdef real far[TILE]
    cdef double sum[TILE]
    cdef double product[TILE]
    cdef Py_ssize_t first = tile * TILE
    cdef Py_ssize_t n = min(<Py_ssize_t>TILE, p.width - first)
    cdef const real* x = <const real*>p.x + first
    cdef const real* dy = <const real*>p.dy + first
    cdef const real* mean = <const real*>p.mean
    cdef const real* inv = <const real*>p.inv
    cdef Py_ssize_t i, j
    cdef real m, s
    for j in range(n):
        sum[j] = 0
        product[j] = 0
        near[j] = 0
        far[j] = 0
    for i in range(p.rows):
        m = mean[i] if mean != NULL else <real>0.0
        s = inv[i]
        for j in range(n):
            near[j] += dy[j]
            far[j] += dy[j] * ((x[j] - m) * s)
        if i % 64 == 63 or i == p.rows - 1:
            for j in range(n):
                sum[j] += near[j]
                product[j] += far[j]
                near[j] = 0
                far[j] = 0
        x += p.width
        dy += p.width
    for j in range(n):
        if p.dgamma != NULL:
            (<real*>p.dgamma)[first + j] = <real>product[j]
        if p.dbeta != NULL:
            (<real*>p.dbeta)[first + j] = <real>sum[j]


cdef void tile_task(Py_ssize_t tile, void* context) noexcept nogil:
    cdef const Rows* p = <const Rows*>context
    if p.single:
        tile_sums[float](p, tile, NULL)
    else:
        tile_sums[double](p, tile, NULL)


cdef void run_rows(Rows* p) noexcept nogil:
    """Forward, or backward where there is a dy."""
    cdef double elements = <double>p.rows * p.width
    cdef void* dgamma = p.dgamma
    cdef void* dbeta = p.dbeta
    cdef bint sums = dgamma != NULL or dbeta != NULL
    cdef bint by_columns = sums and p.width > WIDE
    if by_columns:
        run_chunks(tile_task, (p.width + TILE - 1) // TILE, p, 4 * elements)
        p.dgamma = NULL
        p.dbeta = NULL
    if p.out != NULL or (sums and not by_columns):
        run_chunks(rows_task, p.chunks, p, 4 * elements)
    if sums and not by_columns:
        if p.single:
            if dgamma != NULL:
                add_chunks[float](p.chunks, p.width, <float*>dgamma)
            if dbeta != NULL:
                add_chunks[float](p.chunks, p.width, <float*>dbeta)
        else:
            if dgamma != NULL:
                add_chunks[double](p.chunks, p.width, <double*>dgamma)
            if dbeta != NULL:
                add_chunks[double](p.chunks, p.width, <double*>dbeta)
