"""Normalisation over rows: unit, RMS and layer.

A chunk of rows is a task. Its part of the sums over rows (dgamma, dbeta) goes to a line of its own,
and the lines are added in their order. Where rows are so wide that these lines would be as large as
the input, the sums are taken column by column instead, in a walk of their own.
"""

from libc.string cimport memset

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
    void forward_rows_f32(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const float* x,
        const float* gamma, const float* beta, float* mean, float* inv, float* y,
    ) noexcept nogil
    void forward_rows_f64(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const double* x,
        const double* gamma, const double* beta, double* mean, double* inv, double* y,
    ) noexcept nogil
    void backward_rows_f32(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const float* dy,
        const float* x, const float* gamma, const float* mean, const float* inv, float* dx,
        float* dgamma, float* dbeta,
    ) noexcept nogil
    void backward_rows_f64(
        int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon, const double* dy,
        const double* x, const double* gamma, const double* mean, const double* inv, double* dx,
        double* dgamma, double* dbeta,
    ) noexcept nogil

cdef enum:
    CHUNK = 16384   # elements of a chunk of rows
    FEW = 16        # rows of a chunk at least: its partial sums would cost too much below
    WIDE = 2048     # above this width the sums over rows are taken column by column
    TILE = 256      # columns of such a sum


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


cdef void rows_chunk(const Rows* p, Py_ssize_t chunk, const real* like) noexcept nogil:
    """One chunk of rows, forward or backward; `like` is NULL and only says the type."""
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
    if real is float:
        if dy == NULL:
            forward_rows_f32(p.kind, rows, width, p.epsilon, x, gamma, beta, mean, inv, out)
        else:
            backward_rows_f32(
                p.kind, rows, width, p.epsilon, dy, x, gamma, mean, inv, out, dgamma, dbeta,
            )
    else:
        if dy == NULL:
            forward_rows_f64(p.kind, rows, width, p.epsilon, x, gamma, beta, mean, inv, out)
        else:
            backward_rows_f64(
                p.kind, rows, width, p.epsilon, dy, x, gamma, mean, inv, out, dgamma, dbeta,
            )


cdef void rows_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Rows* p = <const Rows*>context
    if p.single:
        rows_chunk[float](p, chunk, NULL)
    else:
        rows_chunk[double](p, chunk, NULL)


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
