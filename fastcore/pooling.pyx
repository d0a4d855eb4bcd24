"""Twin of reference/pooling.py: maximum and average over sliding windows.

Pooling computes next to nothing, so memory is the bound: every number of x is read once, every one
of dx written once, in order. All loops run over channels, which lie side by side, and vectorise.
Forward takes the rows of y one by one, backward the rows of x: whoever computes a row of dx looks
up the windows over it, so no two threads write to one place, and the sums have one order. Ties of
a maximum go to the first maximum of the window.

A "row" is what lies along the last spatial axis. 1-D and 2-D have axes of size 1 in front.
"""

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from .kernels.arrays cimport (
    as_real, as_size, as_type, data, dim, new_result, rank, real, real_type,
)
from .kernels.gil cimport run_with_gil
from .kernels.pooling cimport (
    WindowPart, lanes_f32, lanes_f64, pool_max, pool_mean, spread_max, spread_mean,
)
from .kernels.threads cimport Stage, typed_stage

from ..reference._shapes import check_cotangent
from ..reference._windows import check_pool, output_sizes

cnp.import_array()

cdef enum:
    CHUNK_BYTES = 1 << 16  # of x: a chunk stays in the second-level cache
    PART_BYTES = 1 << 14   # of a window: what is read at once stays in the first-level cache
    FEW = 16               # so many chunks keep the threads busy
    BLOCK = 512            # channels of a window too large for one pass are taken by so many
    MOST_OVERLAP = 32      # windows over one place, beyond which max_pool_backward scatters


cdef struct Pool:
    Py_ssize_t batch
    Py_ssize_t channels
    Py_ssize_t size[3]
    Py_ssize_t window[3]
    Py_ssize_t stride[3]
    Py_ssize_t before[3]
    Py_ssize_t out[3]
    bint single            # float, else double
    bint argmax_is_int32   # else uint8
    bint is_max
    bint apart             # no two windows overlap
    Py_ssize_t numbers     # of what is read: x or dy
    void* x                # x or dx
    void* y                # y or dy
    const void* maxima     # backward: where they are not above 0, no gradient goes; or NULL
    unsigned char* bytes   # argmax in uint8, or NULL
    int32_t* words         # argmax in int32, or NULL
    # What a unit of work is: `length` columns of a row and `width` channels of each.
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t length
    Py_ssize_t pieces      # of a row
    Py_ssize_t width
    Py_ssize_t strips      # of the channels
    Py_ssize_t units
    Py_ssize_t per_chunk


cdef inline Py_ssize_t overhang(Py_ssize_t n, const real* like) noexcept nogil:
    """How far the last vector of n numbers reaches beyond them."""
    cdef Py_ssize_t lanes = lanes_f32 if real is float else lanes_f64
    return (lanes - n % lanes) % lanes


# ------------------------------------------------------------------------- forward

cdef inline void pool_part(
    const Pool* p, const WindowPart* w, Py_ssize_t n, const real* x, Py_ssize_t to, double count,
    void* carry,
) noexcept nogil:
    """A window or a part of it, for n channels: into y and argmax at `to`."""
    cdef real* y = <real*>p.y + to
    if p.is_max:
        pool_max(
            w, n, x, y, carry, NULL if p.argmax_is_int32 else p.bytes + to,
            p.words + to if p.argmax_is_int32 else NULL,
        )
    else:
        pool_mean(w, n, x, y, <real>count)


# What windows see of an axis.
cdef struct Span:
    Py_ssize_t start            # of the window; before 0 in the padding
    Py_ssize_t first            # position of the window that is inside of x
    Py_ssize_t inside           # how many are


cdef inline Span span(const Pool* p, int axis, Py_ssize_t o) noexcept nogil:
    cdef Span s
    s.start = o * p.stride[axis] - p.before[axis]
    s.first = max(0, -s.start)
    s.inside = min(p.window[axis], p.size[axis] - s.start) - s.first
    return s


cdef inline void pool_window(
    const Pool* p, const Span* s, const real* x, Py_ssize_t n, Py_ssize_t to, Py_ssize_t until,
) noexcept nogil:
    """The window with these spans, for n channels; x is its image, at the first of them. What is
    between `to` and `until` will be written afterwards.
    """
    cdef int64_t carry[BLOCK]
    cdef Py_ssize_t inside[3]
    cdef Py_ssize_t a, b, c, block, most, lines, beyond
    cdef WindowPart w
    cdef double count
    for a in range(3):
        inside[a] = s[a].inside
    count = <double>(inside[0] * inside[1] * inside[2])
    x += (
        ((s[0].start + s[0].first) * p.size[1] + s[1].start + s[1].first) * p.size[2]
        + s[2].start + s[2].first
    ) * p.channels
    w.line_step, w.step = p.size[2] * p.channels, p.channels
    w.line_k = <int>p.window[2]
    w.k = <int>((s[0].first * p.window[1] + s[1].first) * p.window[2] + s[2].first)
    w.begun, w.ends, w.loose = False, True, False
    w.lines, w.run = inside[1], inside[2]
    if inside[0] == 1 and inside[1] * inside[2] * n * <Py_ssize_t>sizeof(real) <= PART_BYTES:
        beyond = n + overhang(n, x)
        w.loose = to + beyond <= until and (
            x + (inside[1] - 1) * w.line_step + (inside[2] - 1) * w.step + beyond
            <= <const real*>p.x + p.numbers
        )
        pool_part(p, &w, n, x, to, count, carry)
        return
    cdef int k = w.k
    cdef Py_ssize_t done = 0
    while done < n:
        block = min(BLOCK, n - done)
        most = max(1, PART_BYTES // (block * <Py_ssize_t>sizeof(real)))  # positions at once
        lines = max(1, most // inside[2])
        w.begun = False
        for a in range(inside[0]):
            b = 0
            while b < inside[1]:
                w.lines = min(lines, inside[1] - b)
                c = 0
                while c < inside[2]:
                    w.run = min(most, inside[2] - c)
                    w.k = k + <int>((a * p.window[1] + b) * p.window[2] + c)
                    w.ends = (
                        a + 1 == inside[0] and b + w.lines == inside[1] and c + w.run == inside[2]
                    )
                    pool_part(
                        p, &w, block, x + (
                            (a * p.size[1] + b) * p.size[2] + c
                        ) * p.channels + done, to + done, count, carry,
                    )
                    w.begun = True
                    c += w.run
                b += w.lines
        done += block


cdef inline Py_ssize_t end_of(
    const Pool* p, Py_ssize_t unit, Py_ssize_t row_length,
) noexcept nogil:
    """Where a unit ends in y or dx, whose rows have so many places: units follow each other."""
    cdef Py_ssize_t piece = unit % p.pieces * p.length
    return (unit // p.pieces * row_length + min(piece + p.length, row_length)) * p.channels


cdef inline void forward_unit(
    const Pool* p, Py_ssize_t unit, const real* x, Py_ssize_t until,
) noexcept nogil:
    """Some columns of a row of y, some channels of each; y goes on until there."""
    cdef Py_ssize_t strip = unit % p.strips * p.width
    cdef Py_ssize_t piece = unit // p.strips % p.pieces * p.length
    cdef Py_ssize_t row = unit // p.strips // p.pieces
    cdef Py_ssize_t n = min(p.width, p.channels - strip)
    cdef Span s[3]
    cdef Py_ssize_t column
    s[0] = span(p, 0, row // p.out[1] % p.out[0])
    s[1] = span(p, 1, row % p.out[1])
    x += row // p.out[1] // p.out[0] * p.size[0] * p.size[1] * p.size[2] * p.channels + strip
    for column in range(piece, min(piece + p.length, p.out[2])):
        s[2] = span(p, 2, column)
        pool_window(p, s, x, n, (row * p.out[2] + column) * p.channels + strip, until)


# ------------------------------------------------------------------------- backward

cdef inline void give(
    const Pool* p, Py_ssize_t positions, const real* dy, Py_ssize_t source, Py_ssize_t k, real part,
    real* dx, const real* until,
) noexcept nogil:
    """What a window gives to some positions side by side: the dy of its maximum, or a share."""
    cdef const unsigned char* bytes = NULL if p.argmax_is_int32 else p.bytes + source
    cdef const int32_t* words = p.words + source if p.argmax_is_int32 else NULL
    cdef bint adds = not p.apart
    cdef Py_ssize_t n = p.channels, beyond = overhang(n, dy)
    cdef bint loose = dx + positions * n + beyond <= until and source + n + beyond <= p.numbers
    cdef const real* maxima = <const real*>p.maxima
    if p.is_max:
        spread_max(
            <int>positions, adds, loose, n, dy + source, maxima + source if maxima else NULL,
            bytes, words, <int>k, dx,
        )
    else:
        spread_mean(<int>positions, adds, loose, n, dy + source, part, dx)


cdef inline Py_ssize_t first_over(const Pool* p, int axis, Py_ssize_t i) noexcept nogil:
    """The first window that reaches place i or beyond."""
    cdef Py_ssize_t reach = i + p.before[axis] - p.window[axis] + 1
    return 0 if reach <= 0 else (reach + p.stride[axis] - 1) // p.stride[axis]


cdef inline Py_ssize_t end_over(const Pool* p, int axis, Py_ssize_t i) noexcept nogil:
    """One more than the last window that begins at place i or before."""
    return min(p.out[axis], (i + p.before[axis]) // p.stride[axis] + 1)


cdef inline Py_ssize_t covered(const Pool* p, int axis, Py_ssize_t o) noexcept nogil:
    """How many positions of window o fall on x."""
    cdef Py_ssize_t start = o * p.stride[axis] - p.before[axis]
    return min(p.window[axis], p.size[axis] - start) - max(0, -start)


cdef inline void backward_unit(
    const Pool* p, Py_ssize_t unit, const real* dy, real* dx, const real* until,
) noexcept nogil:
    """Some columns of a row of dx: what the windows over it give. dx goes on until there."""
    cdef Py_ssize_t begin = unit % p.pieces * p.length
    cdef Py_ssize_t end = min(begin + p.length, p.size[2])
    cdef Py_ssize_t row = unit // p.pieces
    cdef Py_ssize_t n = p.channels
    cdef Py_ssize_t i = row // p.size[1] % p.size[0]
    cdef Py_ssize_t j = row % p.size[1]
    cdef Py_ssize_t image = row // p.size[1] // p.size[0]
    cdef Py_ssize_t first0 = first_over(p, 0, i), end0 = end_over(p, 0, i)
    cdef Py_ssize_t first1 = first_over(p, 1, j), end1 = end_over(p, 1, j)
    cdef Py_ssize_t first2 = first_over(p, 2, begin), end2 = end_over(p, 2, end - 1)
    cdef Py_ssize_t o0, o1, o2, k, line, source, start, c, last
    cdef Py_ssize_t written = begin  # where no two windows overlap, columns are written in order
    cdef real part = 0
    dx += row * p.size[2] * n
    if not p.apart or first0 >= end0 or first1 >= end1:
        memset(dx + begin * n, 0, (end - begin) * n * sizeof(real))
        written = end
    for o0 in range(first0, end0):
        for o1 in range(first1, end1):
            line = ((image * p.out[0] + o0) * p.out[1] + o1) * p.out[2]
            k = (
                (i + p.before[0] - o0 * p.stride[0]) * p.window[1]
                + j + p.before[1] - o1 * p.stride[1]
            ) * p.window[2]
            for o2 in range(first2, end2):
                source = (line + o2) * n
                start = o2 * p.stride[2] - p.before[2]
                c = max(begin, start)
                last = min(end, start + p.window[2])
                if not p.is_max:
                    part = <real>1 / <real>(
                        covered(p, 0, o0) * covered(p, 1, o1) * covered(p, 2, o2)
                    )
                if written < c and p.apart:
                    memset(dx + written * n, 0, (c - written) * n * sizeof(real))
                if c < last:
                    give(p, last - c, dy, source, k + c - start, part, dx + c * n, until)
                    written = max(written, last)
    if written < end:
        memset(dx + written * n, 0, (end - written) * n * sizeof(real))


cdef inline Py_ssize_t offset_of(const Pool* p, Py_ssize_t k) noexcept nogil:
    """From the first position of a window to position k, in places of the image."""
    cdef Py_ssize_t line = k // p.window[2]
    return (
        line // p.window[1] * p.size[1] + line % p.window[1]
    ) * p.size[2] + k % p.window[2]


cdef inline void scatter_unit(
    const Pool* p, Py_ssize_t unit, const real* dy, real* dx,
) noexcept nogil:
    """All of dx for some channels of one image: each dy goes where its maximum was."""
    cdef Py_ssize_t strip = unit % p.strips * p.width
    cdef Py_ssize_t image = unit // p.strips
    cdef Py_ssize_t n = min(p.width, p.channels - strip)
    cdef Py_ssize_t places = p.size[0] * p.size[1] * p.size[2]
    cdef Py_ssize_t offsets[256]
    cdef const real* maxima = <const real*>p.maxima
    cdef Py_ssize_t i, c, o0, o1, o2, source, start
    for i in range(256):
        offsets[i] = offset_of(p, i)
    dx += image * places * p.channels + strip
    for i in range(places):
        memset(dx + i * p.channels, 0, n * sizeof(real))
    source = image * p.out[0] * p.out[1] * p.out[2] * p.channels + strip
    for o0 in range(p.out[0]):
        for o1 in range(p.out[1]):
            for o2 in range(p.out[2]):
                start = (
                    (o0 * p.stride[0] - p.before[0]) * p.size[1] + o1 * p.stride[1] - p.before[1]
                ) * p.size[2] + o2 * p.stride[2] - p.before[2]
                for c in range(n):
                    if maxima and not maxima[source + c] > 0:
                        continue
                    if p.argmax_is_int32:
                        i = start + offset_of(p, p.words[source + c])
                    else:
                        i = start + offsets[p.bytes[source + c]]
                    if 0 <= i < places:  # whatever stands in the cache
                        dx[i * p.channels + c] += dy[source + c]
                source += p.channels


# ------------------------------------------------------------------------- chunks

cdef void forward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Pool* p = <const Pool*>context
    cdef Py_ssize_t unit, end = min((chunk + 1) * p.per_chunk, p.units)
    cdef Py_ssize_t until = end_of(p, end - 1, p.out[2]) if p.strips == 1 else 0
    for unit in range(chunk * p.per_chunk, end):
        forward_unit(p, unit, <const real*>p.x, until)


cdef void backward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Pool* p = <const Pool*>context
    cdef Py_ssize_t unit, end = min((chunk + 1) * p.per_chunk, p.units)
    cdef real* dx = <real*>p.x
    cdef const real* until = dx + end_of(p, end - 1, p.size[2])
    for unit in range(chunk * p.per_chunk, end):
        backward_unit(p, unit, <const real*>p.y, dx, until)


cdef void scatter_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef const Pool* p = <const Pool*>context
    cdef Py_ssize_t unit
    for unit in range(chunk * p.per_chunk, min((chunk + 1) * p.per_chunk, p.units)):
        scatter_unit(p, unit, <const real*>p.y, <real*>p.x)


cdef void cut(Pool* p, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t bytes, bint strips) noexcept:
    """Cut work on `bytes` bytes into units and chunks, by the shape alone.

    strips: the channels may be cut too, where rows and columns leave too few units.
    """
    cdef Py_ssize_t each = max(1, bytes // max(1, rows * columns))
    cdef Py_ssize_t wanted
    p.rows, p.columns = rows, columns
    p.length = max(1, min(columns, CHUNK_BYTES // each))
    p.pieces = (columns + p.length - 1) // p.length
    p.width, p.strips = p.channels, 1
    p.units = rows * p.pieces
    if strips and 0 < p.units < FEW:
        wanted = (FEW + p.units - 1) // p.units
        p.width = (p.channels // wanted + 15) // 16 * 16 if p.channels > 16 else p.channels
        p.width = max(1, p.width)
        p.strips = (p.channels + p.width - 1) // p.width
        p.units *= p.strips
    p.per_chunk = max(1, CHUNK_BYTES // max(1, bytes // max(1, p.units)))


cdef void run(Pool* p, bint forward) noexcept:
    cdef Py_ssize_t places = p.size[0] * p.size[1] * p.size[2]
    cdef double work = <double>p.batch * places * p.channels
    cdef Py_ssize_t bytes = p.batch * places * p.channels * (4 if p.single else 8)
    cdef Py_ssize_t overlap = 1
    cdef Py_ssize_t chunks
    cdef Stage stage
    cdef bint scatters
    cdef int i
    if bytes == 0:
        return
    p.apart = True
    for i in range(3):
        overlap *= (min(p.window[i], p.out[i] * p.stride[i]) + p.stride[i] - 1) // p.stride[i]
        p.apart = p.apart and (p.out[i] == 1 or p.window[i] <= p.stride[i])
    scatters = not forward and p.is_max and overlap > MOST_OVERLAP
    p.numbers = p.batch * p.channels
    for i in range(3):
        p.numbers *= p.size[i] if forward else p.out[i]
    if forward:
        cut(p, p.batch * p.out[0] * p.out[1], p.out[2], bytes, True)
    elif scatters:
        cut(p, p.batch, 1, bytes, True)
    else:
        cut(p, p.batch * p.size[0] * p.size[1], p.size[2], bytes, False)
    chunks = (p.units + p.per_chunk - 1) // p.per_chunk
    work *= overlap
    if forward:
        stage = typed_stage(
            p.single, forward_task[float], forward_task[double], chunks, p, sizeof(p[0]),
        )
    elif scatters:
        stage = typed_stage(
            p.single, scatter_task[float], scatter_task[double], chunks, p, sizeof(p[0]),
        )
    else:
        stage = typed_stage(
            p.single, backward_task[float], backward_task[double], chunks, p, sizeof(p[0]),
        )
    run_with_gil(&stage, 1, work)


# ------------------------------------------------------------------------------- public twins

cdef int describe(
    Pool* p, object name, object shape, object window, object strides, object padding, int typenum,
) except -1:
    """Fill in everything but the pointers; ValueError where nothing fits."""
    sizes = check_pool(name, shape, window, strides, padding)
    cdef int axes = <int>len(window)
    cdef int i, axis
    memset(p, 0, sizeof(Pool))
    for i in range(3):
        p.size[i] = p.window[i] = p.stride[i] = p.out[i] = 1
    p.batch, p.channels = as_size(shape[0]), as_size(shape[axes + 1])
    for i in range(axes):
        axis = i + 3 - axes
        p.size[axis] = as_size(shape[i + 1])
        p.window[axis] = window[i]
        # A window that does not move may have any stride.
        p.stride[axis] = window[i] if sizes[i] == 1 else strides[i]
        p.before[axis] = padding[i][0]
        p.out[axis] = sizes[i]
    p.single = typenum == cnp.NPY_FLOAT
    p.argmax_is_int32 = p.window[0] * p.window[1] * p.window[2] > 256
    return axes


cdef cnp.ndarray result_of(const Pool* p, int axes, const Py_ssize_t* sizes, int typenum):
    """An array (batch, *sizes, channels)."""
    cdef cnp.npy_intp dims[5]
    cdef int i
    dims[0] = p.batch
    for i in range(axes):
        dims[i + 1] = sizes[i + 3 - axes]
    dims[axes + 1] = p.channels
    return new_result(axes + 2, dims, typenum)


cdef inline int argmax_type(const Pool* p) noexcept:
    return cnp.NPY_INT32 if p.argmax_is_int32 else cnp.NPY_UINT8


cdef void use(Pool* p, cnp.ndarray argmax) noexcept:
    if p.argmax_is_int32:
        p.words = <int32_t*>data(argmax)
    else:
        p.bytes = <unsigned char*>data(argmax)


cdef void find_maxima(Pool* p, cnp.ndarray x, cnp.ndarray y, cnp.ndarray argmax) noexcept:
    p.is_max = True
    p.x, p.y = data(x), data(y)
    use(p, argmax)
    run(p, True)


def max_pool_forward(x, window, strides, padding):
    """Twin of reference.pooling.max_pool_forward. The maximum so far stays in registers.

    Kernel: pool_max in kernels/pooling.h.
    """
    cdef int typenum = real_type(x)
    cdef Pool p
    cdef int axes = describe(&p, "max_pool", x.shape, window, strides, padding, typenum)
    cdef cnp.ndarray y = result_of(&p, axes, p.out, typenum)
    cdef cnp.ndarray argmax = result_of(&p, axes, p.out, argmax_type(&p))
    find_maxima(&p, as_real(x, typenum), y, argmax)
    return y, (argmax, x.shape, window, strides, padding)


def _max_pool_into(x, window, strides, padding, y, argmax):
    """The same, into y and argmax, which fit it."""
    cdef int typenum = real_type(x)
    cdef Pool p
    describe(&p, "max_pool", x.shape, window, strides, padding, typenum)
    find_maxima(&p, as_real(x, typenum), y, argmax)
    return y, (argmax, x.shape, window, strides, padding)


def max_pool_backward(dy, cache):
    """Twin of reference.pooling.max_pool_backward.

    Where no windows overlap, dx is written once, in order. Kernel: spread_max in kernels/pooling.h.
    """
    return _max_pool_back("max_pool_backward", dy, None, cache)


def _max_pool_back(name, dy, y, cache):
    """dx; with y, the maxima, only of those above 0: the gradient of a relu before the pooling."""
    argmax, shape, window, strides, padding = cache
    cdef int typenum = real_type(dy)
    cdef Pool p
    cdef int axes = describe(&p, "max_pool", shape, window, strides, padding, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray ys = None if y is None else as_real(y, typenum)
    cdef cnp.ndarray at = as_type(argmax, argmax_type(&p))
    check_cotangent(name, dy.shape, (<object>at).shape)
    if y is not None and y.shape != dy.shape:
        raise ValueError(f"{name}: y needs the shape of dy, {dy.shape}, got {y.shape}")
    check_places(&p, axes, at)
    cdef cnp.ndarray dx = result_of(&p, axes, p.size, typenum)
    p.is_max = True
    p.x, p.y, p.maxima = data(dx), data(dys), NULL if y is None else data(ys)
    use(&p, at)
    run(&p, False)
    return dx


cdef int check_places(const Pool* p, int axes, cnp.ndarray argmax) except -1:
    """Refuse an argmax that is not of this pooling, before anything is read or written."""
    cdef bint fits = rank(argmax) == axes + 2
    cdef int i
    if fits:
        fits = dim(argmax, 0) == p.batch and dim(argmax, axes + 1) == p.channels
        for i in range(axes):
            fits = fits and dim(argmax, i + 1) == p.out[i + 3 - axes]
    if not fits:
        raise ValueError(
            "max_pool_backward: the cache is not one of max_pool_forward: it holds an argmax of "
            f"shape {(<object>argmax).shape}"
        )
    return 0


def average_pool_forward(x, window, strides, padding):
    """Twin of reference.pooling.average_pool_forward. The sum stays in registers.

    Kernel: pool_mean in kernels/pooling.h.
    """
    cdef int typenum = real_type(x)
    cdef Pool p
    cdef int axes = describe(&p, "average_pool", x.shape, window, strides, padding, typenum)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray y = result_of(&p, axes, p.out, typenum)
    p.x, p.y = data(xs), data(y)
    run(&p, True)
    return y, (x.shape, window, strides, padding)


def average_pool_backward(dy, cache):
    """Twin of reference.pooling.average_pool_backward. As max_pool_backward.

    Kernel: spread_mean in kernels/pooling.h.
    """
    shape, window, strides, padding = cache
    cdef int typenum = real_type(dy)
    cdef Pool p
    cdef int axes = describe(&p, "average_pool", shape, window, strides, padding, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    sizes = output_sizes(shape[1:axes + 1], window, strides, padding, (1,) * axes)
    check_cotangent("average_pool_backward", dy.shape, (shape[0], *sizes, shape[axes + 1]))
    cdef cnp.ndarray dx = result_of(&p, axes, p.size, typenum)
    p.x, p.y = data(dx), data(dys)
    run(&p, False)
    return dx
