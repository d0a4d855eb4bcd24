"""Normalisation over rows: unit, RMS and layer.

A chunk of rows is a task. Its part of the sums over rows (dgamma, dbeta) goes to a line of its own,
and the lines are added in their order. Where rows are so wide that these lines would be as large as
the input, the sums are taken column by column instead, in a walk of their own.
"""

from libc.string cimport memset

from .arrays cimport real
from .norm_tile cimport backward_rows, forward_rows
from .threads cimport Stage, run_stages, typed_stage

cdef enum:
    CHUNK = 16384   # elements of a chunk of rows
    FEW = 16        # rows of a chunk at least: its partial sums would cost too much below
    LONG_ROW = 2048  # rows longer than that: the sums over rows are taken column by column
    TILE = 256      # columns of such a sum


cdef void lay_out_rows(
    Rows* p, int kind, bint single, Py_ssize_t rows, Py_ssize_t width,
) noexcept nogil:
    """Fill in the sizes; the arrays are still to be named."""
    memset(p, 0, sizeof(Rows))
    p.kind, p.single, p.rows, p.width = kind, single, rows, width
    p.step = 1 if width > LONG_ROW else max(<Py_ssize_t>FEW, CHUNK // max(1, width))
    p.chunks = (rows + p.step - 1) // p.step


cdef Py_ssize_t sums_of_rows(const Rows* p) noexcept nogil:
    """Lines that dgamma and dbeta need; the first one holds the sum in the end."""
    return 1 if p.width > LONG_ROW else max(<Py_ssize_t>1, p.chunks)


cdef void rows_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One chunk of rows, forward or backward."""
    cdef const Rows* p = <const Rows*>context
    cdef Py_ssize_t first = chunk * p.step
    cdef Py_ssize_t rows = min(p.step, p.rows - first)
    cdef Py_ssize_t width = p.width, at = first * width
    cdef const real* x = <const real*>p.x + at
    cdef const real* gamma = <const real*>p.gamma
    cdef const real* beta = <const real*>p.beta
    cdef real* mean = <real*>p.mean + first if p.mean != NULL else NULL
    cdef real* inv = <real*>p.inv + first
    cdef real* out = <real*>p.out + at if p.out != NULL else NULL
    cdef const real* dy = <const real*>p.dy + at if p.dy != NULL else NULL
    cdef real* dgamma = <real*>p.dgamma + chunk * width if p.dgamma != NULL else NULL
    cdef real* dbeta = <real*>p.dbeta + chunk * width if p.dbeta != NULL else NULL
    if dy == NULL:
        forward_rows(p.kind, rows, width, p.epsilon, x, gamma, beta, mean, inv, out)
    else:
        backward_rows(
            p.kind, rows, width, p.epsilon, dy, x, gamma, <const real*>mean, <const real*>inv,
            out, dgamma, dbeta,
        )


cdef void add_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """The lines of the chunks, added in their order into the first: of dgamma, then of dbeta."""
    cdef const Rows* p = <const Rows*>context
    cdef real* a = <real*>(p.dgamma if index == 0 else p.dbeta)
    cdef Py_ssize_t width = p.width
    cdef double sums[TILE]
    cdef Py_ssize_t tile, first, n, i, j
    if a == NULL:
        return
    for tile in range((width + TILE - 1) // TILE):
        first = tile * TILE
        n = min(<Py_ssize_t>TILE, width - first)
        for j in range(n):
            sums[j] = 0
        for i in range(p.chunks):
            for j in range(n):
                sums[j] += a[i * width + first + j]
        for j in range(n):
            a[first + j] = <real>sums[j]


cdef void columns_task(Py_ssize_t tile, void* context, const real* like) noexcept nogil:
    """dgamma and dbeta of TILE columns, over all rows."""
    cdef const Rows* p = <const Rows*>context
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


cdef void run_rows(Rows* p) noexcept nogil:
    """Forward, or backward where there is a dy."""
    cdef Rows rows = p[0]
    cdef Stage stages[2]
    cdef bint sums = p.dgamma != NULL or p.dbeta != NULL
    cdef bint by_columns = sums and p.width > LONG_ROW
    cdef int count = 0
    if by_columns:
        stages[count] = typed_stage(
            p.single, columns_task[float], columns_task[double], (p.width + TILE - 1) // TILE, p,
            sizeof(p[0]),
        )
        count += 1
        rows.dgamma, rows.dbeta = NULL, NULL
    if p.out != NULL or (sums and not by_columns):
        stages[count] = typed_stage(
            p.single, rows_task[float], rows_task[double], p.chunks, &rows, sizeof(rows),
        )
        count += 1
    if sums and not by_columns:
        stages[count] = typed_stage(p.single, add_task[float], add_task[double], 2, p, sizeof(p[0]))
        count += 1
    run_stages(stages, count, 4.0 * p.rows * p.width)
