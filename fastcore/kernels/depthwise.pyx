"""Depthwise convolution with one filter for each channel: sums of products, channel by channel.

There is no matrix product in it. Every number of x meets a few weights, so memory is the bound, and
all loops run over channels, which lie side by side.

    forward   a few columns of y stay in registers while the window is walked
    dx        with strides of 1 the same walk over dz, the window turned round; else dz * weight is
              added where it belongs, line by line
    dkernel   a few columns of dz at a time, against each line of the window; partial sums of a
              fixed number of chunks are added in their order

dz = dy * activation'(y) is formed in pieces that stay in the cache, and never as a whole.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv
from .fused cimport LINEAR, activate, derive
from .threads cimport run_chunks

cdef extern from *:
    """
    #include <stdint.h>
    #define REAL float
    #define REAL_BYTES 4
    #define INTEGER int32_t
    #define NAME(x) x##_f32
    #include "depthwise.h"
    #define REAL double
    #define REAL_BYTES 8
    #define INTEGER int64_t
    #define NAME(x) x##_f64
    #include "depthwise.h"
    """
    ctypedef struct Line:
        Py_ssize_t n
        Py_ssize_t begin, end, stride, before, dilation, window, size
        Py_ssize_t first[2]
        Py_ssize_t last[2]
        Py_ssize_t x_step[2]
        Py_ssize_t kernel_step[2]

    void line_forward_f32(
        const Line*, const float*, const float*, const float*, float*
    ) noexcept nogil
    void line_forward_f64(
        const Line*, const double*, const double*, const double*, double*
    ) noexcept nogil
    void line_scatter_f32(
        Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, const float*, float*
    ) noexcept nogil
    void line_scatter_f64(
        Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, const double*, double*
    ) noexcept nogil
    void line_taps_f32(
        int, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, const float*, float*
    ) noexcept nogil
    void line_taps_f64(
        int, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, const double*, double*
    ) noexcept nogil
    void line_sum_f32(Py_ssize_t, Py_ssize_t, const float*, float*) noexcept nogil
    void line_sum_f64(Py_ssize_t, Py_ssize_t, const double*, double*) noexcept nogil

cdef enum:
    CHUNK_BYTES = 1 << 16  # of the result: a chunk and what it reads stay in the second-level cache
    PARTS = 32             # partial sums of dkernel
    BLOCK_BYTES = 1 << 13  # of dz, against the lines of the window: stays in the first-level cache


cdef struct Job:
    Conv conv
    const char* x
    const char* kernel
    const char* bias
    const char* y
    const char* dy
    char* result        # y, dx or the partial sums
    bint turned         # the kernel is turned round: dx by the walk of forward
    Py_ssize_t lines    # in a chunk
    Py_ssize_t columns  # in a chunk
    Py_ssize_t blocks   # of lines, in a plane
    Py_ssize_t pieces   # of a line
    Py_ssize_t bytes    # of a number
    bint failed


# ------------------------------------------------------------------------- the type

cdef inline void walk(
    const Line* l, const real* x, const real* kernel, const real* bias, real* y,
) noexcept nogil:
    if real is float:
        line_forward_f32(l, x, kernel, bias, y)
    else:
        line_forward_f64(l, x, kernel, bias, y)


cdef inline void scatter(
    Py_ssize_t columns, Py_ssize_t n, Py_ssize_t step, const real* dz, const real* w, real* dx,
) noexcept nogil:
    if real is float:
        line_scatter_f32(columns, n, step, dz, w, dx)
    else:
        line_scatter_f64(columns, n, step, dz, w, dx)


cdef inline void add_taps(
    int taps, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, Py_ssize_t tap_step,
    const real* x, const real* dz, real* sums,
) noexcept nogil:
    if columns <= 0:
        return
    if real is float:
        line_taps_f32(taps, columns, n, x_step, tap_step, x, dz, sums)
    else:
        line_taps_f64(taps, columns, n, x_step, tap_step, x, dz, sums)


cdef inline void add_columns(
    Py_ssize_t columns, Py_ssize_t n, const real* dz, real* sums,
) noexcept nogil:
    if real is float:
        line_sum_f32(columns, n, dz, sums)
    else:
        line_sum_f64(columns, n, dz, sums)


# ------------------------------------------------------------------------- along an axis

cdef inline Py_ssize_t up(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """a / b rounded up, for a of any sign."""
    return (a + b - 1) // b if a > 0 else -(-a // b)


cdef inline void within(
    Py_ssize_t start, Py_ssize_t dilation, Py_ssize_t window, Py_ssize_t size,
    Py_ssize_t* first, Py_ssize_t* last,
) noexcept nogil:
    """The positions k with 0 <= start + k dilation < size."""
    first[0] = min(window, max(0, up(-start, dilation)))
    last[0] = max(first[0], min(window, up(size - start, dilation)))


cdef inline void windows_over(
    const Conv* p, int axis, Py_ssize_t low, Py_ssize_t high, Py_ssize_t* first, Py_ssize_t* end,
) noexcept nogil:
    """The windows that reach from place low to place high of x, or from between."""
    cdef Py_ssize_t reach = (p.window[axis] - 1) * p.dilation[axis]
    first[0] = max(0, up(low + p.before[axis] - reach, p.stride[axis]))
    end[0] = min(p.out[axis], (high + p.before[axis]) // p.stride[axis] + 1)


cdef inline void columns_of_tap(
    const Conv* p, Py_ssize_t k, Py_ssize_t begin, Py_ssize_t end,
    Py_ssize_t* first, Py_ssize_t* last,
) noexcept nogil:
    """The windows o of begin to end whose position k, along the last axis, falls on x."""
    cdef Py_ssize_t shift = p.before[2] - k * p.dilation[2]
    first[0] = min(end, max(begin, up(shift, p.stride[2])))
    last[0] = max(first[0], min(end, up(p.size[2] + shift, p.stride[2])))


# ------------------------------------------------------------------------- forward

cdef void forward_lines(const Job* job, Py_ssize_t chunk, real* like) noexcept nogil:
    """Some lines of a plane of y, some columns of each."""
    cdef const Conv* p = &job.conv
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t piece = chunk % job.pieces
    cdef Py_ssize_t block = chunk // job.pieces % job.blocks
    cdef Py_ssize_t plane = chunk // job.pieces // job.blocks  # of the batch
    cdef Py_ssize_t o0 = plane % p.out[0]
    cdef Py_ssize_t image = plane // p.out[0]
    cdef Py_ssize_t o1, at0, at1
    cdef const real* x = <const real*>job.x
    cdef real* y = <real*>job.result
    cdef Line l
    l.n = n
    l.begin = piece * job.columns
    l.end = min(l.begin + job.columns, p.out[2])
    l.stride, l.before, l.dilation = p.stride[2], p.before[2], p.dilation[2]
    l.window, l.size = p.window[2], p.size[2]
    l.x_step[1] = p.dilation[1] * p.size[2] * n
    l.x_step[0] = p.dilation[0] * p.size[1] * p.size[2] * n
    l.kernel_step[1] = p.window[2] * n
    l.kernel_step[0] = p.window[1] * p.window[2] * n
    at0 = o0 * p.stride[0] - p.before[0]
    within(at0, p.dilation[0], p.window[0], p.size[0], &l.first[0], &l.last[0])
    for o1 in range(block * job.lines, min((block + 1) * job.lines, p.out[1])):
        at1 = o1 * p.stride[1] - p.before[1]
        within(at1, p.dilation[1], p.window[1], p.size[1], &l.first[1], &l.last[1])
        y = <real*>job.result + (plane * p.out[1] + o1) * p.out[2] * n
        walk(
            &l, x + ((image * p.size[0] + at0) * p.size[1] + at1) * p.size[2] * n,
            <const real*>job.kernel, <const real*>job.bias, y,
        )
        if p.activation != LINEAR:
            activate(p.activation, (l.end - l.begin) * n, y + l.begin * n)


cdef void forward_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Job* job = <const Job*>context
    if job.conv.single:
        forward_lines(job, chunk, <float*>NULL)
    else:
        forward_lines(job, chunk, <double*>NULL)


# ------------------------------------------------------------------------- dx

cdef void dx_lines(Job* job, Py_ssize_t chunk, real* like) noexcept nogil:
    """Some lines of a plane of dx, some columns of each."""
    cdef const Conv* p = &job.conv
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t piece = chunk % job.pieces
    cdef Py_ssize_t block = chunk // job.pieces % job.blocks
    cdef Py_ssize_t plane = chunk // job.pieces // job.blocks
    cdef Py_ssize_t i0 = plane % p.size[0]
    cdef Py_ssize_t image = plane // p.size[0]
    cdef Py_ssize_t begin = piece * job.columns, end = min(begin + job.columns, p.size[2])
    cdef Py_ssize_t top = block * job.lines, bottom = min(top + job.lines, p.size[1])
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t last[3]
    cdef Py_ssize_t o0, o1, i1, k0, k1, k2, at0, at1, low, high, step0, step1, count, from_
    cdef const real* dz = <const real*>job.dy + image * p.out[0] * p.out[1] * p.out[2] * n
    cdef const real* weights
    cdef real* area = NULL
    cdef real* dx
    cdef Line l
    windows_over(p, 0, i0, i0, &first[0], &last[0])
    windows_over(p, 1, top, bottom - 1, &first[1], &last[1])
    windows_over(p, 2, begin, end - 1, &first[2], &last[2])
    step1 = p.out[2] * n
    step0 = p.out[1] * step1
    if min(last[0] - first[0], last[1] - first[1], last[2] - first[2]) <= 0:
        last[0] = first[0]  # no window sees any of it
    elif p.activation != LINEAR:
        # dz of all the windows that reach here; afterwards, dz points to where window 0 would be.
        count = (last[2] - first[2]) * n
        area = <real*>malloc(
            (last[0] - first[0]) * (last[1] - first[1]) * count * sizeof(real)
        )
        if area == NULL:
            job.failed = True
            return
        weights = <const real*>job.y + image * p.out[0] * p.out[1] * p.out[2] * n
        for o0 in range(first[0], last[0]):
            for o1 in range(first[1], last[1]):
                from_ = o0 * step0 + o1 * step1 + first[2] * n
                derive(
                    p.activation, count, dz + from_, weights + from_,
                    area + ((o0 - first[0]) * (last[1] - first[1]) + o1 - first[1]) * count,
                )
        step1 = count
        step0 = (last[1] - first[1]) * step1
        dz = area - first[0] * step0 - first[1] * step1 - first[2] * n
    if job.turned:
        l.n = n
        l.begin, l.end = begin, end
        l.stride, l.dilation, l.window, l.size = 1, p.dilation[2], p.window[2], p.out[2]
        l.before = (p.window[2] - 1) * p.dilation[2] - p.before[2]
        l.x_step[1], l.x_step[0] = p.dilation[1] * step1, p.dilation[0] * step0
        l.kernel_step[1] = p.window[2] * n
        l.kernel_step[0] = p.window[1] * p.window[2] * n
        at0 = i0 + p.before[0] - (p.window[0] - 1) * p.dilation[0]
        within(at0, p.dilation[0], p.window[0], p.out[0], &l.first[0], &l.last[0])
        for i1 in range(top, bottom):
            at1 = i1 + p.before[1] - (p.window[1] - 1) * p.dilation[1]
            within(at1, p.dilation[1], p.window[1], p.out[1], &l.first[1], &l.last[1])
            walk(
                &l, dz + at0 * step0 + at1 * step1, <const real*>job.kernel, NULL,
                <real*>job.result + (plane * p.size[1] + i1) * p.size[2] * n,
            )
    else:
        for i1 in range(top, bottom):
            dx = <real*>job.result + (plane * p.size[1] + i1) * p.size[2] * n
            memset(dx + begin * n, 0, (end - begin) * n * sizeof(real))
            for o0 in range(first[0], last[0]):
                k0 = i0 + p.before[0] - o0 * p.stride[0]
                if k0 % p.dilation[0] or not 0 <= k0 < p.window[0] * p.dilation[0]:
                    continue
                for o1 in range(first[1], last[1]):
                    k1 = i1 + p.before[1] - o1 * p.stride[1]
                    if k1 % p.dilation[1] or not 0 <= k1 < p.window[1] * p.dilation[1]:
                        continue
                    weights = <const real*>job.kernel + (
                        (k0 // p.dilation[0] * p.window[1] + k1 // p.dilation[1]) * p.window[2]
                    ) * n
                    for k2 in range(p.window[2]):
                        # Windows o with begin <= o stride - before + k2 dilation < end.
                        low = k2 * p.dilation[2] - p.before[2]
                        high = min(last[2], up(end - low, p.stride[2]))
                        low = max(first[2], up(begin - low, p.stride[2]))
                        if low < high:
                            scatter(
                                high - low, n, p.stride[2] * n,
                                dz + o0 * step0 + o1 * step1 + low * n, weights + k2 * n,
                                dx + (
                                    low * p.stride[2] - p.before[2] + k2 * p.dilation[2]
                                ) * n,
                            )
    free(area)


cdef void dx_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Job* job = <Job*>context
    if job.conv.single:
        dx_lines(job, chunk, <float*>NULL)
    else:
        dx_lines(job, chunk, <double*>NULL)


# ------------------------------------------------------------------------- dkernel

cdef void dkernel_line(
    const Conv* p, Py_ssize_t o0, Py_ssize_t o1, Py_ssize_t begin, Py_ssize_t end, const real* x,
    const real* dz, real* sums,
) noexcept nogil:
    """What columns begin to end of a line of dz give; x is its image, dz column `begin`."""
    cdef Py_ssize_t n = p.channels, x_step = p.stride[2] * n, tap_step = p.dilation[2] * n
    cdef Py_ssize_t first[2]
    cdef Py_ssize_t last[2]
    cdef Py_ssize_t low[3]
    cdef Py_ssize_t high[3]
    cdef Py_ssize_t at0 = o0 * p.stride[0] - p.before[0], at1 = o1 * p.stride[1] - p.before[1]
    cdef Py_ssize_t a, b, c, j, both, end_of_both
    cdef const real* line
    cdef real* out
    within(at0, p.dilation[0], p.window[0], p.size[0], &first[0], &last[0])
    within(at1, p.dilation[1], p.window[1], p.size[1], &first[1], &last[1])
    for a in range(first[0], last[0]):
        for b in range(first[1], last[1]):
            # Where position c meets window 0.
            line = x + (
                ((at0 + a * p.dilation[0]) * p.size[1] + at1 + b * p.dilation[1]) * p.size[2]
                - p.before[2]
            ) * n
            out = sums + (a * p.window[1] + b) * p.window[2] * n
            c = 0
            while c < p.window[2]:
                if c + 3 > p.window[2]:
                    columns_of_tap(p, c, begin, end, &low[0], &high[0])
                    add_taps(
                        1, high[0] - low[0], n, x_step, tap_step,
                        line + low[0] * x_step + c * tap_step, dz + (low[0] - begin) * n,
                        out + c * n,
                    )
                    c += 1
                    continue
                # Three positions together where all of them fall on x, and what is left alone.
                for j in range(3):
                    columns_of_tap(p, c + j, begin, end, &low[j], &high[j])
                both = low[0]
                end_of_both = max(both, high[2])
                add_taps(
                    3, end_of_both - both, n, x_step, tap_step,
                    line + both * x_step + c * tap_step, dz + (both - begin) * n, out + c * n,
                )
                for j in range(3):
                    add_taps(
                        1, min(both, high[j]) - low[j], n, x_step, tap_step,
                        line + low[j] * x_step + (c + j) * tap_step,
                        dz + (low[j] - begin) * n, out + (c + j) * n,
                    )
                    add_taps(
                        1, high[j] - max(end_of_both, low[j]), n, x_step, tap_step,
                        line + max(end_of_both, low[j]) * x_step + (c + j) * tap_step,
                        dz + (max(end_of_both, low[j]) - begin) * n, out + (c + j) * n,
                    )
                c += 3


cdef void dkernel_part(Job* job, Py_ssize_t part, real* like) noexcept nogil:
    """The partial sums of dkernel and dbias over a share of the pieces of lines of dz."""
    cdef const Conv* p = &job.conv
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t weights = p.window[0] * p.window[1] * p.window[2] * n
    cdef Py_ssize_t units = p.batch * p.out[0] * p.out[1] * job.pieces
    cdef Py_ssize_t unit, line, begin, end, image
    cdef real* sums = <real*>job.result + part * (weights + n)
    cdef const real* dz
    cdef real* area = NULL
    memset(sums, 0, (weights + n) * sizeof(real))
    if p.activation != LINEAR:
        area = <real*>malloc(job.columns * n * sizeof(real))
        if area == NULL:
            job.failed = True
            return
    for unit in range(units * part // PARTS, units * (part + 1) // PARTS):
        line = unit // job.pieces
        begin = unit % job.pieces * job.columns
        end = min(begin + job.columns, p.out[2])
        dz = <const real*>job.dy + (line * p.out[2] + begin) * n
        if area != NULL:
            derive(
                p.activation, (end - begin) * n, dz,
                <const real*>job.y + (line * p.out[2] + begin) * n, area,
            )
            dz = area
        image = line // p.out[1] // p.out[0]
        dkernel_line(
            p, line // p.out[1] % p.out[0], line % p.out[1], begin, end,
            <const real*>job.x + image * p.size[0] * p.size[1] * p.size[2] * n, dz, sums,
        )
        add_columns(end - begin, n, dz, sums + weights)
    free(area)


cdef void dkernel_chunk(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Job* job = <Job*>context
    if job.conv.single:
        dkernel_part(job, chunk, <float*>NULL)
    else:
        dkernel_part(job, chunk, <double*>NULL)


cdef void add_parts(
    Py_ssize_t weights, Py_ssize_t n, const real* parts, real* dkernel, real* dbias,
) noexcept nogil:
    cdef Py_ssize_t part, i
    for i in range(weights):
        dkernel[i] = parts[i]
    for part in range(1, PARTS):
        for i in range(weights):
            dkernel[i] += parts[part * (weights + n) + i]
    if dbias != NULL:
        for i in range(n):
            dbias[i] = parts[weights + i]
        for part in range(1, PARTS):
            for i in range(n):
                dbias[i] += parts[part * (weights + n) + weights + i]


# ------------------------------------------------------------------------- both

cdef void turn(Py_ssize_t positions, Py_ssize_t n, const real* kernel, real* out) noexcept nogil:
    cdef Py_ssize_t k, i
    for k in range(positions):
        for i in range(n):
            out[k * n + i] = kernel[(positions - 1 - k) * n + i]


cdef Py_ssize_t cut(Job* job, Py_ssize_t lines, Py_ssize_t columns) noexcept nogil:
    """Choose the chunks of planes of so many lines; how many there are in a plane."""
    cdef Py_ssize_t column = job.conv.channels * job.bytes
    job.columns = max(1, min(columns, CHUNK_BYTES // column))
    job.pieces = (columns + job.columns - 1) // job.columns
    job.lines = max(1, min(lines, CHUNK_BYTES // (job.columns * column)))
    job.blocks = (lines + job.lines - 1) // job.lines
    return job.pieces * job.blocks


cdef double work_of(const Conv* p) noexcept nogil:
    cdef double places = <double>p.batch * p.out[0] * p.out[1] * p.out[2] * p.channels
    return places * p.window[0] * p.window[1] * p.window[2]


cdef int depthwise_forward(
    const Conv* p, const void* x, const void* kernel, const void* bias, void* y,
) noexcept nogil:
    cdef Job job
    memset(&job, 0, sizeof(Job))
    job.conv = p[0]
    job.bytes = 4 if p.single else 8
    job.x, job.kernel, job.bias = <const char*>x, <const char*>kernel, <const char*>bias
    job.result = <char*>y
    cdef Py_ssize_t chunks = cut(&job, p.out[1], p.out[2]) * p.batch * p.out[0]
    run_chunks(forward_chunk, chunks, &job, work_of(p))
    return 0


cdef int depthwise_backward(
    const Conv* p, const void* x, const void* kernel, const void* y, const void* dy,
    void* dx, void* dkernel, void* dbias,
) noexcept nogil:
    cdef Py_ssize_t positions = p.window[0] * p.window[1] * p.window[2]
    cdef Py_ssize_t weights = positions * p.channels
    cdef Py_ssize_t bytes = 4 if p.single else 8
    cdef Py_ssize_t chunks
    cdef Job job
    memset(&job, 0, sizeof(Job))
    job.conv = p[0]
    job.bytes = bytes
    job.x, job.kernel = <const char*>x, <const char*>kernel
    job.y, job.dy = <const char*>y, <const char*>dy
    cdef char* area = <char*>malloc((weights + p.channels) * PARTS * bytes)
    if area == NULL:
        return -1
    job.result = area
    job.columns = max(4, min(p.out[2], BLOCK_BYTES // (p.channels * bytes)))
    job.pieces = (p.out[2] + job.columns - 1) // job.columns
    run_chunks(dkernel_chunk, PARTS, &job, work_of(p))
    if p.single:
        add_parts(weights, p.channels, <float*>area, <float*>dkernel, <float*>dbias)
    else:
        add_parts(weights, p.channels, <double*>area, <double*>dkernel, <double*>dbias)
    if dx != NULL and not job.failed:
        job.turned = p.stride[0] == 1 and p.stride[1] == 1 and p.stride[2] == 1
        if job.turned:
            if p.single:
                turn(positions, p.channels, <const float*>kernel, <float*>area)
            else:
                turn(positions, p.channels, <const double*>kernel, <double*>area)
            job.kernel = area
        job.result = <char*>dx
        chunks = cut(&job, p.size[1], p.size[2]) * p.batch * p.size[0]
        run_chunks(dx_chunk, chunks, &job, work_of(p))
    free(area)
    return -1 if job.failed else 0
