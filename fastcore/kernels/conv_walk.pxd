"""A walk over the places of a convolution's result in boxes, and what each of them sees.

Forward and the gradient of the kernel walk over the places of y; the gradient of x, and a
transposed convolution, over those of x: `reverse`. With strides the places of x fall into phases:
those with the same rest (place + before) mod stride see the same taps (positions of the window),
and no others do. It is a sub-pixel convolution; Dumoulin & Visin 2016, A guide to convolution
arithmetic, sec. 4. Forward has one phase.

What a box sees is read where it stands, or, if it reaches into the padding or still has to go
through the derivative of an activation, is copied into a work area with zeros around it: small, and
in the second-level cache.
"""

from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv
from .fused cimport LINEAR, derive

cdef enum:
    BOX_BYTES = 160 * 1024      # of what a box reads and writes: it stays in the second cache
    BOX_PLACES = 192            # or, with many channels, so many places: they share the kernel
    FEW_CHUNKS = 8              # of a large product, at least
    SMALL_WORK = 2_000_000      # multiplications that are too few for two chunks


# What a product reads: an array, or the gradient of one from before its activation.
cdef struct Field:
    const void* values
    const void* y               # NULL: `values` as they are; else values * activation'(.), from y
    int code                    # that activation


cdef inline Py_ssize_t divide_up(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return (x + y - 1) // y


cdef inline Py_ssize_t floor_divide(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    """x / y, rounded down; y > 0."""
    return x // y - (x % y < 0)


# A walk over the places of the result in boxes, and what each of them sees of the source.
cdef struct BoxWalk:
    Conv conv
    bint reverse
    Py_ssize_t seen[3]          # sizes of the source
    Py_ssize_t channels         # of the source
    Py_ssize_t size[4]          # of the result: images first
    Py_ssize_t place[4]         # numbers from one place of the result to the next, along each axis
    Py_ssize_t box[4]           # a box's size
    Py_ssize_t boxes[4]
    Py_ssize_t taps
    Py_ssize_t area             # numbers that a box's copy of the source takes, at most
    Py_ssize_t most             # places in a box

cdef struct Box:
    Py_ssize_t first[4]
    Py_ssize_t count[4]
    Py_ssize_t low[4]           # of the source: images first
    Py_ssize_t length[4]
    Py_ssize_t step[4]          # numbers from one place of the source to the next, as it is read
    Py_ssize_t places

# The places of a box with the same taps.
cdef struct Phase:
    Py_ssize_t rest[3]          # (place + before) mod stride, where the walk is reversed
    Py_ssize_t taps


cdef inline void reach(
    const BoxWalk* w, int axis, Py_ssize_t first, Py_ssize_t count, Py_ssize_t* low,
    Py_ssize_t* length,
) noexcept nogil:
    """What the given places of the result see of the source, along a spatial axis."""
    cdef const Conv* p = &w.conv
    cdef Py_ssize_t span = (p.window[axis] - 1) * p.dilation[axis]
    cdef Py_ssize_t stride = p.stride[axis]
    if w.reverse:
        first += p.before[axis]
        low[0] = floor_divide(first - span, stride)
        length[0] = floor_divide(first + count - 1, stride) - low[0] + 1
    else:
        low[0] = first * stride - p.before[axis]
        length[0] = (count - 1) * stride + span + 1


cdef inline Py_ssize_t area_of(const BoxWalk* w, const Py_ssize_t* count) noexcept nogil:
    """Numbers of the source that a box of so many places sees."""
    cdef Py_ssize_t low, length
    cdef Py_ssize_t area = count[0] * w.channels
    cdef int axis
    for axis in range(3):
        reach(w, axis, 0, count[axis + 1], &low, &length)
        area *= length + w.reverse     # a box that begins elsewhere may see one place more
    return area


cdef inline bint too_large(
    const BoxWalk* w, const Py_ssize_t* count, Py_ssize_t most
) noexcept nogil:
    """Whether a box of these sizes has more places than it ought to."""
    cdef Py_ssize_t item = 4 if w.conv.single else 8
    cdef Py_ssize_t places = count[0] * count[1] * count[2] * count[3]
    cdef Py_ssize_t bytes = (area_of(w, count) + places * w.place[3]) * item
    return places > most or (places > BOX_PLACES and bytes > BOX_BYTES)


cdef inline Py_ssize_t plan(
    BoxWalk* w, const Conv* p, bint reverse, Py_ssize_t result_channels, double work,
) noexcept nogil:
    """Cut the result into boxes; return how many. Looks at shapes only."""
    cdef Py_ssize_t count[4]
    cdef Py_ssize_t most, axis, length, boxes, places, chunks, divisor
    cdef int i
    w.conv, w.reverse = p[0], reverse
    w.channels = p.filters if reverse else p.channels
    w.size[0] = p.batch
    w.taps = p.window[0] * p.window[1] * p.window[2]
    w.place[3] = result_channels
    for i in range(3):
        w.seen[i] = p.out[i] if reverse else p.size[i]
        w.size[i + 1] = p.size[i] if reverse else p.out[i]
    for i in range(3, 0, -1):
        w.place[i - 1] = w.place[i] * w.size[i]
    places = w.size[0] * w.size[1] * w.size[2] * w.size[3]
    # Images, then planes, rows and places of one row, as many as fit; a box that cannot hold two
    # of one kind is cut along the next.
    chunks = FEW_CHUNKS if work > SMALL_WORK * FEW_CHUNKS else 1 + <Py_ssize_t>(work / SMALL_WORK)
    most = max(divide_up(places, chunks), min(places, BOX_PLACES))
    for i in range(4):
        count[i] = 1
        w.box[i] = w.size[i]
    for axis in range(3, -1, -1):
        length = w.size[axis]
        count[axis] = length
        while count[axis] > 1 and too_large(w, count, most):
            count[axis] -= divide_up(count[axis], 4)
        # Equal boxes rather than a small one at the end.
        if count[axis] < length:
            count[axis] = divide_up(length, divide_up(length, count[axis]))
            for divisor in range(count[axis], (3 * count[axis] - 1) // 5, -1):
                if length % divisor == 0:
                    count[axis] = divisor
                    break
            break
    w.most = 1
    w.area = area_of(w, count)
    boxes = 1
    for i in range(4):
        w.box[i] = max(count[i], 1)
        w.boxes[i] = divide_up(w.size[i], w.box[i])
        w.most *= w.box[i]
        boxes *= w.boxes[i]
    return boxes


cdef inline void locate(const BoxWalk* w, Py_ssize_t number, Box* box) noexcept nogil:
    """Number of a box -> its places and what they see."""
    cdef int axis
    box.places = 1
    for axis in range(3, -1, -1):
        box.first[axis] = number % w.boxes[axis] * w.box[axis]
        box.count[axis] = min(w.box[axis], w.size[axis] - box.first[axis])
        box.places *= box.count[axis]
        number //= w.boxes[axis]
    box.low[0], box.length[0] = box.first[0], box.count[0]
    for axis in range(3):
        reach(
            w, axis, box.first[axis + 1], box.count[axis + 1], &box.low[axis + 1],
            &box.length[axis + 1],
        )


cdef inline const real* read_box(
    const BoxWalk* w, Box* box, const Field* source, real* area,
) noexcept nogil:
    """Where the box begins in the source: in place, or in a copy with zeros around it."""
    cdef const real* values = <const real*>source.values
    cdef const real* y = <const real*>source.y if source.y != NULL else values
    cdef int code = source.code if source.y != NULL else LINEAR
    cdef Py_ssize_t whole[4]
    cdef Py_ssize_t first[4]
    cdef Py_ssize_t last[4]
    cdef Py_ssize_t n, i, j, at, line, left, middle
    cdef bint inside = source.y == NULL
    cdef int axis
    whole[3] = w.channels
    for axis in range(3, 0, -1):
        whole[axis - 1] = whole[axis] * w.seen[axis - 1]
        inside &= box.low[axis] >= 0
        inside &= box.low[axis] + box.length[axis] <= w.seen[axis - 1]
        # The part of it that exists, in the box's own numbers.
        first[axis] = min(max(0, -box.low[axis]), box.length[axis])
        last[axis] = max(first[axis], min(box.length[axis], w.seen[axis - 1] - box.low[axis]))
    if inside:
        at = 0
        for axis in range(4):
            box.step[axis] = whole[axis]
            at += box.low[axis] * whole[axis]
        return values + at
    box.step[3] = w.channels
    for axis in range(3, 0, -1):
        box.step[axis - 1] = box.step[axis] * box.length[axis]
    line = box.step[2]
    left = first[3] * w.channels
    middle = (last[3] - first[3]) * w.channels
    for n in range(box.length[0]):
        for i in range(box.length[1]):
            for j in range(box.length[2]):
                if i < first[1] or i >= last[1] or j < first[2] or j >= last[2]:
                    memset(area, 0, line * sizeof(real))
                else:
                    at = (
                        (box.low[0] + n) * whole[0] + (box.low[1] + i) * whole[1]
                        + (box.low[2] + j) * whole[2] + (box.low[3] + first[3]) * whole[3]
                    )
                    memset(area, 0, left * sizeof(real))
                    derive(code, middle, values + at, y + at, area + left)
                    memset(area + left + middle, 0, (line - left - middle) * sizeof(real))
                area += line
    return area - box.length[0] * box.step[0]


# ---------------------------------------------------------------- offsets of places and of steps

cdef inline Py_ssize_t phases(const BoxWalk* w) noexcept nogil:
    cdef const Conv* p = &w.conv
    return p.stride[0] * p.stride[1] * p.stride[2] if w.reverse else 1


cdef inline Py_ssize_t taps_along(const BoxWalk* w, const Phase* f, int axis) noexcept nogil:
    """How many taps of an axis belong to a phase."""
    cdef Py_ssize_t k, n = 0
    for k in range(w.conv.window[axis]):
        n += not w.reverse or k * w.conv.dilation[axis] % w.conv.stride[axis] == f.rest[axis]
    return n


cdef inline void phase_of(const BoxWalk* w, Py_ssize_t number, Phase* f) noexcept nogil:
    cdef int axis
    f.taps = 1
    for axis in range(2, -1, -1):
        f.rest[axis] = number % w.conv.stride[axis]
        number //= w.conv.stride[axis]
        f.taps *= taps_along(w, f, axis)


cdef inline Py_ssize_t next_tap(const BoxWalk* w, const Phase* f, Py_ssize_t tap) noexcept nogil:
    """The first tap of a phase after the given one; -1 begins."""
    cdef const Conv* p = &w.conv
    cdef Py_ssize_t left, k
    cdef bint fits
    cdef int axis
    while True:
        tap += 1
        if not w.reverse:
            return tap
        left, fits = tap, True
        for axis in range(2, -1, -1):
            k = left % p.window[axis]
            left //= p.window[axis]
            fits &= k * p.dilation[axis] % p.stride[axis] == f.rest[axis]
        if fits:
            return tap


cdef inline void list_steps(
    const BoxWalk* w, const Phase* f, const Box* box, Py_ssize_t channels, Py_ssize_t* step_at,
) noexcept nogil:
    """Where the numbers under a window stand: taps, and the channels of one group under each."""
    cdef const Conv* p = &w.conv
    cdef Py_ssize_t tap = -1
    cdef Py_ssize_t c, k, left, at, offset
    cdef int axis
    for _ in range(f.taps):
        tap = next_tap(w, f, tap)
        left, at = tap, 0
        for axis in range(2, -1, -1):
            k = left % p.window[axis]
            left //= p.window[axis]
            offset = k * p.dilation[axis]
            if w.reverse:
                offset = (f.rest[axis] - offset) // p.stride[axis]
            at += offset * box.step[axis + 1]
        for c in range(channels):
            step_at[c] = at + c
        step_at += channels


cdef inline Py_ssize_t list_places(
    const BoxWalk* w, const Phase* f, const Box* box, Py_ssize_t* row_at, Py_ssize_t* out_at,
) noexcept nogil:
    """Where the windows of a phase begin in the source, and where their sums go; how many."""
    cdef const Conv* p = &w.conv
    cdef Py_ssize_t count[4]
    cdef Py_ssize_t a_step[4]
    cdef Py_ssize_t c_step[4]
    cdef Py_ssize_t n, i, j, k, skip, position, stride
    cdef Py_ssize_t a = 0, c = 0, listed = 0
    cdef Py_ssize_t a_line, c_line
    cdef int axis
    count[0], a_step[0], c_step[0] = box.count[0], box.step[0], w.place[0]
    for axis in range(1, 4):
        stride = p.stride[axis - 1]
        if w.reverse:
            position = box.first[axis] + p.before[axis - 1]
            skip = (f.rest[axis - 1] - position) % stride
            if skip < 0:
                skip += stride
            count[axis] = (box.count[axis] - skip + stride - 1) // stride if (
                skip < box.count[axis]
            ) else 0
            position = (position + skip - f.rest[axis - 1]) // stride - box.low[axis]
            a += position * box.step[axis]
            c += skip * w.place[axis]
            a_step[axis], c_step[axis] = box.step[axis], stride * w.place[axis]
        else:
            count[axis] = box.count[axis]
            a_step[axis], c_step[axis] = stride * box.step[axis], w.place[axis]
    for n in range(count[0]):
        for i in range(count[1]):
            for j in range(count[2]):
                a_line = a + n * a_step[0] + i * a_step[1] + j * a_step[2]
                c_line = c + n * c_step[0] + i * c_step[1] + j * c_step[2]
                for k in range(count[3]):
                    row_at[listed] = a_line + k * a_step[3]
                    out_at[listed] = c_line + k * c_step[3]
                    listed += 1
    return listed


cdef inline Py_ssize_t begin(const BoxWalk* w, const Box* box) noexcept nogil:
    """Where the box begins in the result."""
    cdef Py_ssize_t at = 0
    cdef int axis
    for axis in range(4):
        at += box.first[axis] * w.place[axis]
    return at
