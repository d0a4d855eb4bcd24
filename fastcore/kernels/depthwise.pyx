"""Depthwise convolution with one filter for each channel: sums of products, channel by channel.

There is no matrix product in it. Every number of x meets a few weights, so memory is the bound, and
all loops run over channels, which lie side by side.

    forward   a few columns of y stay in registers while the window is walked
    dx        with strides of 1 the same walk over dz, the window turned round; else dz * weight is
              added where it belongs, line by line
    dkernel   a few columns of dz at a time, against each line of the window; partial sums of a
              fixed number of chunks are added in their order

dz = dy * activation'(y) is formed in pieces that stay in the cache, and never as a whole.

The padding around x is left out, since its zeros change nothing; but 0 times infinity or NaN is
NaN, in the reference too. So where a weight, or a number of dz, is not finite, they are added.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv, all_finite
from .depthwise_tile cimport Line, line_forward, line_scatter, line_sum, line_taps
from .fused cimport LINEAR, activate, derive
from .threads cimport Stage, no_memory, release, run_stages, typed_stage

cdef enum:
    CHUNK_BYTES = 1 << 16  # of the result: a chunk and what it reads stay in the second-level cache
    PARTS = 32             # partial sums of dkernel
    BLOCK_BYTES = 1 << 13  # of dz, against the lines of the window: stays in the first-level cache


cdef struct DepthwiseJob:
    Conv conv
    const void* x
    const void* kernel
    const void* bias
    const void* y
    const void* dy
    void* result        # y, dx or the partial sums
    void* turned        # the kernel turned round; NULL: dx is not computed as forward is
    void* dkernel
    void* dbias
    Py_ssize_t weights  # numbers of the kernel
    Py_ssize_t lines    # in a chunk
    Py_ssize_t columns  # in a chunk
    Py_ssize_t blocks   # of lines, in a plane
    Py_ssize_t pieces   # of a line
    Py_ssize_t bytes    # of a number
    bint all_finite     # the weights
    bint failed


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

cdef void look_task(Py_ssize_t _, void* context, const real* like) noexcept nogil:
    cdef DepthwiseJob* job = <DepthwiseJob*>context
    job.all_finite = all_finite(<const real*>job.kernel, job.weights)


cdef void add_padding(
    const Line* l, const real* kernel, const Py_ssize_t* window, real* y,
) noexcept nogil:
    """Weights times the zeros of the padding, added to columns of a line of y."""
    cdef Py_ssize_t a, b, c, o, at, i
    cdef const real* weights
    for a in range(window[0]):
        for b in range(window[1]):
            for c in range(window[2]):
                weights = kernel + a * l.kernel_step[0] + b * l.kernel_step[1] + c * l.n
                for o in range(l.begin, l.end):
                    at = o * l.stride + c * l.dilation - l.before
                    if l.first[0] <= a < l.last[0] and l.first[1] <= b < l.last[1] and (
                        0 <= at < l.size
                    ):
                        continue
                    for i in range(l.n):
                        y[o * l.n + i] += 0 * weights[i]


cdef void forward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some lines of a plane of y, some columns of each."""
    cdef const DepthwiseJob* job = <const DepthwiseJob*>context
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
        line_forward(
            &l, x + ((image * p.size[0] + at0) * p.size[1] + at1) * p.size[2] * n,
            <const real*>job.kernel, <const real*>job.bias, y,
        )
        if not job.all_finite:
            add_padding(&l, <const real*>job.kernel, p.window, y)
        if p.activation != LINEAR:
            activate(p.activation, (l.end - l.begin) * n, y + l.begin * n)


# ------------------------------------------------------------------------- dx

cdef void dx_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some lines of a plane of dx, some columns of each."""
    cdef DepthwiseJob* job = <DepthwiseJob*>context
    cdef const Conv* p = &job.conv
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t piece = chunk % job.pieces
    cdef Py_ssize_t block = chunk // job.pieces % job.blocks
    cdef Py_ssize_t plane = chunk // job.pieces // job.blocks
    cdef Py_ssize_t i0 = plane % p.size[0]
    cdef Py_ssize_t image = plane // p.size[0]
    cdef Py_ssize_t begin = piece * job.columns, end = min(begin + job.columns, p.size[2])
    cdef Py_ssize_t line = block * job.lines, end_line = min(line + job.lines, p.size[1])
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t last[3]
    cdef Py_ssize_t o0, o1, i1, k0, k1, k2, at0, at1, low, high, step0, step1, count, from_
    cdef const real* dz = <const real*>job.dy + image * p.out[0] * p.out[1] * p.out[2] * n
    cdef const real* weights
    cdef real* area = NULL
    cdef real* dx
    cdef Line l
    windows_over(p, 0, i0, i0, &first[0], &last[0])
    windows_over(p, 1, line, end_line - 1, &first[1], &last[1])
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
            no_memory()
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
    if job.turned != NULL:
        l.n = n
        l.begin, l.end = begin, end
        l.stride, l.dilation, l.window, l.size = 1, p.dilation[2], p.window[2], p.out[2]
        l.before = (p.window[2] - 1) * p.dilation[2] - p.before[2]
        l.x_step[1], l.x_step[0] = p.dilation[1] * step1, p.dilation[0] * step0
        l.kernel_step[1] = p.window[2] * n
        l.kernel_step[0] = p.window[1] * p.window[2] * n
        at0 = i0 + p.before[0] - (p.window[0] - 1) * p.dilation[0]
        within(at0, p.dilation[0], p.window[0], p.out[0], &l.first[0], &l.last[0])
        for i1 in range(line, end_line):
            at1 = i1 + p.before[1] - (p.window[1] - 1) * p.dilation[1]
            within(at1, p.dilation[1], p.window[1], p.out[1], &l.first[1], &l.last[1])
            line_forward(
                &l, dz + at0 * step0 + at1 * step1, <const real*>job.turned, NULL,
                <real*>job.result + (plane * p.size[1] + i1) * p.size[2] * n,
            )
    else:
        for i1 in range(line, end_line):
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
                            line_scatter(
                                high - low, n, p.stride[2] * n,
                                dz + o0 * step0 + o1 * step1 + low * n, weights + k2 * n,
                                dx + (
                                    low * p.stride[2] - p.before[2] + k2 * p.dilation[2]
                                ) * n,
                            )
    free(area)


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
                    line_taps(
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
                line_taps(
                    3, end_of_both - both, n, x_step, tap_step,
                    line + both * x_step + c * tap_step, dz + (both - begin) * n, out + c * n,
                )
                for j in range(3):
                    line_taps(
                        1, min(both, high[j]) - low[j], n, x_step, tap_step,
                        line + low[j] * x_step + (c + j) * tap_step,
                        dz + (low[j] - begin) * n, out + (c + j) * n,
                    )
                    line_taps(
                        1, high[j] - max(end_of_both, low[j]), n, x_step, tap_step,
                        line + max(end_of_both, low[j]) * x_step + (c + j) * tap_step,
                        dz + (max(end_of_both, low[j]) - begin) * n, out + (c + j) * n,
                    )
                c += 3


cdef void add_products_of_padding(
    const Conv* p, Py_ssize_t o0, Py_ssize_t o1, Py_ssize_t begin, Py_ssize_t end, const real* dz,
    real* sums,
) noexcept nogil:
    """What the zeros of the padding give, as in dkernel_line."""
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t at[3]
    cdef Py_ssize_t tap, left, o, i
    cdef bint exists
    cdef int axis
    for o in range(begin, end):
        for tap in range(p.window[0] * p.window[1] * p.window[2]):
            at[0], at[1], at[2] = o0, o1, o
            left, exists = tap, True
            for axis in range(2, -1, -1):
                at[axis] *= p.stride[axis]
                at[axis] += left % p.window[axis] * p.dilation[axis] - p.before[axis]
                left //= p.window[axis]
                exists &= 0 <= at[axis] < p.size[axis]
            if exists:
                continue
            for i in range(n):
                sums[tap * n + i] += 0 * dz[(o - begin) * n + i]


cdef void dkernel_task(Py_ssize_t part, void* context, const real* like) noexcept nogil:
    """The partial sums of dkernel and dbias over a share of the pieces of lines of dz."""
    cdef DepthwiseJob* job = <DepthwiseJob*>context
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
            no_memory()
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
        line_sum(end - begin, n, dz, sums + weights)
        if not all_finite(sums + weights, n):
            add_products_of_padding(
                p, line // p.out[1] % p.out[0], line % p.out[1], begin, end, dz, sums,
            )
    free(area)


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dkernel and dbias: the partial sums, added in their order."""
    cdef const DepthwiseJob* job = <const DepthwiseJob*>context
    cdef Py_ssize_t n = job.conv.channels, weights = job.weights
    cdef const real* parts = <const real*>job.result
    cdef real* dkernel = <real*>job.dkernel
    cdef real* dbias = <real*>job.dbias
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

cdef void turn_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The kernel turned round, into job.turned."""
    cdef const DepthwiseJob* job = <const DepthwiseJob*>context
    cdef Py_ssize_t n = job.conv.channels
    cdef Py_ssize_t positions = job.weights // n
    cdef const real* kernel = <const real*>job.kernel
    cdef real* out = <real*>job.turned
    cdef Py_ssize_t k, i
    for k in range(positions):
        for i in range(n):
            out[k * n + i] = kernel[(positions - 1 - k) * n + i]


cdef Py_ssize_t cut(DepthwiseJob* job, Py_ssize_t lines, Py_ssize_t columns) noexcept nogil:
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


cdef void begin(DepthwiseJob* job, const Conv* p, const void* x, const void* kernel) noexcept nogil:
    memset(job, 0, sizeof(DepthwiseJob))
    job.conv = p[0]
    job.bytes = sizeof(float) if p.single else sizeof(double)
    job.weights = p.window[0] * p.window[1] * p.window[2] * p.channels
    job.x, job.kernel = x, kernel


cdef int depthwise_forward(
    const Conv* p, const void* x, const void* kernel, const void* bias, void* y,
) noexcept nogil:
    cdef DepthwiseJob job
    cdef Stage stages[2]
    cdef Py_ssize_t chunks
    begin(&job, p, x, kernel)
    job.bias, job.result = bias, y
    chunks = cut(&job, p.out[1], p.out[2]) * p.batch * p.out[0]
    stages[0] = typed_stage(p.single, look_task[float], look_task[double], 1, &job, sizeof(job))
    stages[1] = typed_stage(
        p.single, forward_task[float], forward_task[double], chunks, &job, sizeof(job),
    )
    run_stages(stages, 2, work_of(p))
    return 0


cdef int depthwise_backward(
    const Conv* p, const void* x, const void* kernel, const void* y, const void* dy,
    void* dx, void* dkernel, void* dbias,
) noexcept nogil:
    cdef DepthwiseJob sums, rest  # of dkernel and dbias; of dx
    cdef Stage stages[4]
    cdef Py_ssize_t parts, chunks
    cdef int count = 2
    begin(&sums, p, x, kernel)
    sums.y, sums.dy, sums.dkernel, sums.dbias = y, dy, dkernel, dbias
    sums.columns = max(4, min(p.out[2], BLOCK_BYTES // (p.channels * sums.bytes)))
    sums.pieces = (p.out[2] + sums.columns - 1) // sums.columns
    parts = (sums.weights + p.channels) * PARTS
    cdef char* area = <char*>malloc((parts + sums.weights) * sums.bytes)
    if area == NULL:
        return -1
    sums.result = area
    stages[0] = typed_stage(
        p.single, dkernel_task[float], dkernel_task[double], PARTS, &sums, sizeof(sums),
    )
    stages[1] = typed_stage(p.single, sum_task[float], sum_task[double], 1, &sums, sizeof(sums))
    rest = sums
    if dx != NULL:
        rest.result = dx
        chunks = cut(&rest, p.size[1], p.size[2]) * p.batch * p.size[0]
        if p.stride[0] == 1 and p.stride[1] == 1 and p.stride[2] == 1:
            rest.turned = area + parts * sums.bytes
            stages[count] = typed_stage(
                p.single, turn_task[float], turn_task[double], 1, &rest, sizeof(rest),
            )
            count += 1
        stages[count] = typed_stage(
            p.single, dx_task[float], dx_task[double], chunks, &rest, sizeof(rest),
        )
        count += 1
    run_stages(stages, count, work_of(p) * (1 if dx == NULL else 2))
    release(area)
    return -1 if sums.failed or rest.failed else 0
