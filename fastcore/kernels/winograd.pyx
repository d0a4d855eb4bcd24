"""Convolutions with stride 1 and a kernel of 3x3 or more by Winograd's transform (Winograd,
Arithmetic Complexity of Computations, 1980; Lavin & Gray, Fast Algorithms for Convolutional Neural
Networks, 2016): 36 multiplications give 16 results, where the sum itself takes 144.

A tile d of 6x6 pixels and a kernel g of 3x3 give 4x4 results y; products without a sign are matrix
products, * is element by element:

    y = A^T [(G g G^T) * (B^T d B)] A                                               F(4x4, 3x3)

Each side is a product of two polynomials, evaluated at six points and put together again
(Toom-Cook, transposed): 0, p, -p, q, -q and infinity. With r = 1 / (2 p^2 (p^2 - q^2)) and
s = 1 / (2 q^2 (q^2 - p^2))

          p^2q^2  0      -p^2-q^2   0        1  0
          0      -pq^2   -q^2       p        1  0
    B^T = 0       pq^2   -q^2      -p        1  0
          0      -p^2q   -p^2       q        1  0
          0       p^2q   -p^2      -q        1  0
          0       p^2q^2  0        -p^2-q^2  0  1

          1/(p^2q^2)  0     0             1  0  0    0
          r           rp    rp^2          1  p  p^2  p^3
      G = r          -rp    rp^2      A = 1 -p  p^2 -p^3
          s           sq    sq^2          1  q  q^2  q^3
          s          -sq    sq^2          1 -q  q^2 -q^3
          0           0     1             0  0  0    1

Lavin & Gray take p = 1, q = 2. With p = 5/8, q = 3/2 the factors lie nearer to 1, are exact in
binary, and the rounding error in float32 is a quarter of theirs; since a product and a sum are one
instruction, factors cost nothing.

The sum over channels stands inside of the brackets, so that each of the 36 positions is a matrix
product of its own: (tiles x channels) times (channels x filters).

    forward     y of 4x4 tiles; bias and activation are added to them on their way out, and where
                only the largest of every 2x2 pixels is wanted, the others never leave
    dx          the same from dz and the kernel turned by 180 degrees, with its channels and filters
                exchanged
    dkernel     every step transposed: G^T [sum_tiles (B^T x B) * (A dz A^T)] G, a product for each
                position of (channels x tiles) times (tiles x filters)

A larger kernel is cut into pieces of 3x3, with zeros where one reaches too far: 5x5 are four. A
piece is a convolution of the image moved by as much, and adding them up is what the product over
channels does anyway: here each piece has channels of its own. Groups are convolutions side by side.

A block of tiles is read, multiplied and written while its transform stays in the second-level
cache; within it every panel of filters is finished before the next. The kernel is transformed once
a call. Outside of the image there are zeros; what tiles compute outside of the result is dropped.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

cimport numpy as cnp

from .arrays cimport as_real, data, dim, rank, real, real_type
from .conv cimport Conv, all_finite
from .fused cimport LINEAR, RELU, activate, activation_code
from .gemm_tile cimport ROWS
from .threads cimport (
    Stage, recorder, release, run_stages, stage, typed_stage,
)
from .winograd_tile cimport (
    LINE, PIECE, POSITIONS, REACH, SIDE, View, Winograd, area_bytes, dkernel_chunk, forward_block,
    packed_size, sums_size, transform_kernel,
)

cdef extern from *:
    """
    #ifdef __AVX512F__  /* on such processors a second-level cache has a megabyte or more */
    enum { CACHE_BYTES = 640 * 1024, AREA_BYTES = 1024 * 1024 };
    #else
    enum { CACHE_BYTES = 384 * 1024, AREA_BYTES = 1024 * 1024 };
    #endif
    #include "work_areas.h"
    """
    enum:
        CACHE_BYTES         # most of a second-level cache: what a block should need
        AREA_BYTES          # what a block may need
    void* take_area() noexcept nogil
    void give_area(void* area) noexcept nogil

cnp.import_array()

# Tiles in a block: at most so many (twice as many gain nothing), and few enough for so many blocks.
cdef Py_ssize_t MOST_TILES = 48
cdef Py_ssize_t MANY_BLOCKS = 16
# Chunks of dkernel: at most so many, for each holds a whole dkernel until they are added up; and of
# so many tiles at least, for the end of each costs as much as a few tiles.
cdef Py_ssize_t MOST_CHUNKS = 16
cdef Py_ssize_t LEAST_CHUNK = 24
# Multiplications that it needs to save, as a factor.
cdef double GAIN = 1.5
# Numbers of dkernel that are added up at a time.
cdef Py_ssize_t SLICE = 4096


cdef inline void* aligned(void* memory) noexcept nogil:
    """The next address that a cache line begins at."""
    return <void*>((<size_t>memory + 63) & ~<size_t>63)


cdef inline Py_ssize_t divide_up(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return (x + y - 1) // y


# ----------------------------------------------------------------------------- plan

cdef inline bint is_flat(const Conv* c) noexcept nogil:
    """Whether there is one spatial axis."""
    return c.size[1] == 1 and c.window[1] == 1 and c.out[1] == 1


cdef bint fits(const Conv* c) noexcept nogil:
    """Whether it is a convolution of step 1 over images or lines, with a window of 3 or more."""
    return (
        c.size[0] == 1 and c.window[0] == 1 and c.out[0] == 1
        and (is_flat(c) or (c.window[1] >= PIECE and c.stride[1] == 1 and c.dilation[1] == 1))
        and c.window[2] >= PIECE and c.stride[2] == 1 and c.dilation[2] == 1
    )


cdef View view(
    const Py_ssize_t* size, Py_ssize_t channels, Py_ssize_t pixel, Py_ssize_t top, Py_ssize_t left,
    const void* x, const void* y, int activation,
) noexcept nogil:
    cdef View v
    v.height, v.width, v.channels, v.pixel, v.top, v.left = (
        size[1], size[2], channels, pixel, top, left
    )
    v.x, v.y, v.activation = x, y, activation
    return v


cdef void describe_kernel(Winograd* p, const Conv* c, bint backward) noexcept nogil:
    """What a pass is told of the kernel (*window, channels of a group, filters)."""
    p.flat = is_flat(c)
    p.window_down, p.window_across = c.window[1], c.window[2]
    p.pieces_down, p.pieces_across = divide_up(c.window[1], PIECE), divide_up(c.window[2], PIECE)
    p.tap_step, p.channel_step, p.filter_step = c.channels // c.groups * c.filters, c.filters, 1
    if backward:
        p.tap_step, p.channel_step, p.filter_step = -p.tap_step, 1, c.filters


cdef bint plan(
    Winograd* p, bint single, Py_ssize_t batch, Py_ssize_t height, Py_ssize_t width,
    Py_ssize_t blocks,
) noexcept nogil:
    """Cut what is `height` by `width` into tiles and, if there are enough, so many blocks or more.

    False where no block fits a work area.
    """
    p.tiles_down, p.tiles_across = divide_up(height, SIDE), divide_up(width, SIDE)
    p.tiles = batch * p.tiles_down * p.tiles_across
    p.failed = False
    p.block = min(MOST_TILES, divide_up(p.tiles, blocks))
    p.block = max(1, divide_up(p.block, ROWS)) * ROWS
    while p.block > ROWS and area_bytes(p, single, p.block) > CACHE_BYTES:
        p.block -= ROWS
    return area_bytes(p, single, p.block) <= AREA_BYTES


# --------------------------------------------------------------------- forward and dx

cdef struct ChunkSum:
    Py_ssize_t length       # of dkernel
    Py_ssize_t filters      # of all groups
    void* dkernel
    void* dbias             # or NULL


# What a call needs, in memory that a plan keeps: its stages have the address of it.
cdef struct Work:
    Winograd p              # of the first group
    Py_ssize_t groups
    Py_ssize_t group_kernel     # numbers of the kernel to the next group,
    Py_ssize_t group_packed     # and of the transformed one
    const void* kernel
    void* packed
    ChunkSum a


cdef void begin_task(Py_ssize_t _, void* context) noexcept nogil:
    """In a plan: nothing has failed yet."""
    (<Work**>context)[0].p.failed = False


cdef void kernel_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """Some channels of one group."""
    cdef const Work* work = (<Work**>context)[0]
    cdef const Winograd* p = &work.p
    cdef Py_ssize_t some = LINE // <Py_ssize_t>sizeof(real)
    cdef Py_ssize_t each = divide_up(p.source.channels, some)
    cdef Py_ssize_t group = index // each
    cdef const real* kernel = <const real*>work.kernel + group * work.group_kernel
    if p.tap_step < 0:
        kernel -= (p.window_down * p.window_across - 1) * p.tap_step
    transform_kernel(
        p, kernel, index % each * some, <real*>work.packed + group * work.group_packed,
    )


cdef inline void move_view(View* v, Py_ssize_t group, const real* like) noexcept nogil:
    """The channels of another group than the first."""
    v.x = <const real*>v.x + group * v.channels
    if v.y != NULL:
        v.y = <const real*>v.y + group * v.channels


cdef void activate_tiles(
    const Winograd* p, Py_ssize_t first, Py_ssize_t count, real* y,
) noexcept nogil:
    """tanh or sigmoid of tiles that have been written."""
    cdef Py_ssize_t t, i, j, down, across, run, runs, line
    for t in range(first, first + count):
        across = t % p.tiles_across * SIDE
        down = t // p.tiles_across % p.tiles_down * SIDE
        run, runs = p.filters, min(<Py_ssize_t>SIDE, p.width - across)
        if run == p.pixel:
            run, runs = run * runs, 1
        for i in range(down, min(down + SIDE, p.height)):
            line = t // p.tiles_across // p.tiles_down * p.height + i
            for j in range(runs):
                activate(p.activation, run, y + (line * p.width + across + j) * p.pixel)


cdef void forward_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """One block of tiles of the result, one group."""
    cdef Work* work = (<Work**>context)[0]
    cdef Winograd p = work.p
    cdef Py_ssize_t group = index % work.groups
    cdef Py_ssize_t first = index // work.groups * p.block
    cdef Py_ssize_t count = min(p.block, p.tiles - first)
    cdef void* area = NULL if p.failed else take_area()
    if area == NULL:
        work.p.failed = True
        return
    move_view(&p.source, group, like)
    p.packed = <const real*>work.packed + group * work.group_packed
    p.out = <real*>p.out + group * p.filters
    if p.bias != NULL:
        p.bias = <const real*>p.bias + group * p.filters
    if p.argmax != NULL:
        p.argmax += group * p.filters
    forward_block(&p, first, count, <real*>aligned(area))
    give_area(area)
    if p.failed:
        work.p.failed = True
    if p.activation > RELU:
        activate_tiles(&p, first, count, <real*>p.out)


cdef Work* new_work() noexcept nogil:
    cdef Work* work = <Work*>malloc(sizeof(Work))
    if work != NULL:
        memset(work, 0, sizeof(Work))
    return work


cdef bint finished(Work* work, void* memory, const int** failed) noexcept nogil:
    """Let go of the memory; return whether it is done."""
    cdef bint done = not work.p.failed
    if recorder() != NULL:
        failed[0] = &work.p.failed
    release(memory)
    release(work)
    return done


cdef bint run(Work* work, const Conv* c, const void* kernel, const int** failed) noexcept nogil:
    """Transform the kernel, then every block of tiles."""
    cdef Stage stages[3]
    cdef Winograd* p = &work.p
    cdef Py_ssize_t item = sizeof(float) if c.single else sizeof(double)
    cdef Py_ssize_t positions = REACH if p.flat else POSITIONS
    cdef Py_ssize_t channels = p.pieces_down * p.pieces_across * p.source.channels
    cdef void* memory = NULL
    p.dz.x = NULL
    work.groups = c.groups
    work.group_kernel = c.filters // c.groups
    work.group_packed = packed_size(p, c.single)
    if plan(p, c.single, c.batch, p.height, p.width, MANY_BLOCKS):
        memory = malloc(c.groups * work.group_packed * item + 64)
    if memory == NULL:
        free(work)
        return False
    work.kernel, work.packed = kernel, aligned(memory)
    p.chunks = divide_up(p.tiles, p.block)
    stages[0] = stage(begin_task, 1, &work, sizeof(work))
    stages[1] = typed_stage(
        c.single, kernel_task[float], kernel_task[double],
        c.groups * divide_up(p.source.channels * item, <Py_ssize_t>LINE), &work, sizeof(work),
    )
    stages[2] = typed_stage(
        c.single, forward_task[float], forward_task[double], c.groups * p.chunks, &work,
        sizeof(work),
    )
    run_stages(
        stages, 3,
        c.groups * channels * p.filters * (200.0 + <double>positions * p.tiles),
    )
    return finished(work, memory, failed)


cdef bint winograd_forward(
    const Conv* c, const void* x, const void* kernel, const void* bias, const Py_ssize_t* pooled,
    void* y, unsigned char* argmax, const int** failed,
) noexcept nogil:
    cdef Work* work = new_work() if fits(c) else NULL
    cdef Winograd* p
    if work == NULL:
        return False
    p = &work.p
    p.source = view(
        c.size, c.channels // c.groups, c.channels, c.before[1], c.before[2], x, NULL, LINEAR,
    )
    p.height, p.width, p.filters, p.pixel = c.out[1], c.out[2], c.filters // c.groups, c.filters
    p.pool, p.out_height, p.out_width = False, p.height, p.width
    if pooled != NULL:
        p.pool, p.out_height, p.out_width = True, pooled[1], pooled[2]
    p.bias, p.out, p.argmax, p.activation = bias, y, argmax, c.activation
    describe_kernel(p, c, False)
    return run(work, c, kernel, failed)


cdef bint winograd_dx(
    const Conv* c, const void* dy, const void* y, const void* kernel, void* dx, const int** failed,
) noexcept nogil:
    cdef Work* work = new_work() if fits(c) else NULL
    cdef Winograd* p
    if work == NULL:
        return False
    p = &work.p
    p.source = view(
        c.out, c.filters // c.groups, c.filters, c.window[1] - 1 - c.before[1],
        c.window[2] - 1 - c.before[2], dy, y if c.activation != LINEAR else NULL, c.activation,
    )
    p.height, p.width, p.filters, p.pixel = c.size[1], c.size[2], c.channels // c.groups, c.channels
    p.pool, p.out_height, p.out_width = False, p.height, p.width
    p.bias, p.out, p.activation = NULL, dx, LINEAR
    describe_kernel(p, c, True)
    return run(work, c, kernel, failed)


# ---------------------------------------------------------------------------- dkernel

cdef void dkernel_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """A chunk of tiles, one group: its own dkernel and dbias."""
    cdef Work* work = (<Work**>context)[0]
    cdef Winograd p = work.p
    cdef Py_ssize_t group = index % work.groups, chunk = index // work.groups
    cdef void* area = NULL if p.failed else take_area()
    cdef void* sums = NULL
    cdef real* out = <real*>p.sums + chunk * (work.a.length + work.a.filters)
    out += group * p.dz.channels
    if area != NULL:
        sums = malloc(sums_size(&p, like) * sizeof(real) + 64)
    if sums == NULL:
        work.p.failed = True
    else:
        move_view(&p.source, group, like)
        move_view(&p.dz, group, like)
        dkernel_chunk(
            &p, chunk, <real*>aligned(area), <real*>aligned(sums), out, out + work.a.length,
        )
    free(sums)
    give_area(area)


cdef void sum_task(Py_ssize_t index, void* context, const real* like) noexcept nogil:
    """A slice of dkernel, or after the last one dbias: the chunks, added in their order."""
    cdef Winograd* p = &(<Work**>context)[0].p
    cdef const ChunkSum* a = &(<Work**>context)[0].a
    cdef const real* parts = <const real*>p.sums
    cdef Py_ssize_t first = min(index * SLICE, a.length)
    cdef Py_ssize_t count = min(SLICE, a.length - first)
    cdef real* out = <real*>a.dkernel + first
    cdef Py_ssize_t chunk, i
    if p.failed:
        return
    if index * SLICE >= a.length:
        if a.dbias == NULL:
            return
        first, count, out = a.length, a.filters, <real*>a.dbias
    for i in range(count):
        out[i] = 0
    for chunk in range(p.chunks):
        for i in range(count):
            out[i] += parts[chunk * (a.length + a.filters) + first + i]
    if not all_finite(out, count):
        p.failed = True


cdef bint winograd_dkernel(
    const Conv* c, const void* x, const void* dy, const void* y, void* dkernel, void* dbias,
    const int** failed,
) noexcept nogil:
    cdef Work* work = new_work() if fits(c) else NULL
    cdef Stage stages[3]
    cdef Py_ssize_t item = sizeof(float) if c.single else sizeof(double)
    cdef Py_ssize_t length = c.window[1] * c.window[2] * c.channels // c.groups * c.filters
    cdef Winograd* p
    if work == NULL:
        return False
    p = &work.p
    p.source = view(
        c.size, c.channels // c.groups, c.channels, c.before[1], c.before[2], x, NULL, LINEAR,
    )
    p.dz = view(
        c.out, c.filters // c.groups, c.filters, 0, 0, dy, y if c.activation != LINEAR else NULL,
        c.activation,
    )
    p.wants_dbias = dbias != NULL
    describe_kernel(p, c, False)
    work.groups = c.groups
    if plan(p, c.single, c.batch, c.out[1], c.out[2], 1):
        p.chunks = MOST_CHUNKS
        while p.chunks > 1 and p.tiles < p.chunks * LEAST_CHUNK:
            p.chunks //= 2
        p.chunk_tiles = divide_up(p.tiles, p.chunks)
        p.chunks = divide_up(p.tiles, p.chunk_tiles) if p.tiles else 0
        if p.chunks:  # blocks of one size
            p.block = divide_up(p.chunk_tiles, divide_up(p.chunk_tiles, p.block))
        p.sums = malloc(max(1, p.chunks) * (length + c.filters) * item)
    if p.sums == NULL:
        free(work)
        return False
    work.a.length, work.a.filters = length, c.filters
    work.a.dkernel, work.a.dbias = dkernel, dbias
    stages[0] = stage(begin_task, 1, &work, sizeof(work))
    stages[1] = typed_stage(
        c.single, dkernel_task[float], dkernel_task[double], c.groups * p.chunks, &work,
        sizeof(work),
    )
    stages[2] = typed_stage(
        c.single, sum_task[float], sum_task[double], divide_up(length, SLICE) + 1, &work,
        sizeof(work),
    )
    run_stages(
        stages, 3,
        <double>(REACH if p.flat else POSITIONS) * p.pieces_down * p.pieces_across * p.tiles
        * c.channels // c.groups * c.filters + <double>length * (p.chunks + 1),
    )
    return finished(work, p.sums, failed)


# ------------------------------------------------------------------------- where it pays

cdef bint winograd_pays(const Conv* c) noexcept nogil:
    # Against the direct way, Zen 3, float32, 8 images of 26x26: 32 -> 32 channels 2.1, 1.6 and 1.4
    # times as fast (forward, dx, dkernel), 16 -> 16 1.7, 1.4 and 1.4, 8 -> 8 equal; lines, 64 -> 64
    # 1.5, 1.3 and 1.4. The transformed kernel and its products want to be shared by enough tiles
    # that lie inside of the result, and to stay in the third-level cache.
    cdef Py_ssize_t channels = c.channels // c.groups, filters = c.filters // c.groups
    cdef Py_ssize_t tiles, pieces, size = channels * filters, least = min(channels, filters)
    pieces = divide_up(c.window[1], PIECE) * divide_up(c.window[2], PIECE)
    if not fits(c) or size * pieces > 256 * 256:
        return False
    if is_flat(c):
        tiles = c.batch * divide_up(c.out[2], SIDE)
        return (
            least >= 16 and size * pieces >= 1024 and tiles >= 128
            and 5 * c.batch * c.out[2] >= 4 * tiles * SIDE
            and c.window[2] * SIDE >= GAIN * pieces * REACH
        )
    tiles = c.batch * divide_up(c.out[1], SIDE) * divide_up(c.out[2], SIDE)
    return (
        least >= 8 and size >= 256 and tiles >= 48
        and 5 * c.batch * c.out[1] * c.out[2] >= 3 * tiles * SIDE * SIDE
        and c.window[1] * c.window[2] * SIDE * SIDE >= GAIN * pieces * POSITIONS
    )


# ------------------------------------------------------------------- from Python, for tests

cdef Conv describe(cnp.ndarray x, cnp.ndarray y, cnp.ndarray kernel, before, activation):
    cdef Conv c
    cdef int i
    cdef int axes = rank(x) - 2
    c.batch, c.channels, c.filters = dim(x, 0), dim(x, axes + 1), dim(kernel, axes + 1)
    c.groups = c.channels // dim(kernel, axes)
    for i in range(3):
        c.size[i] = c.out[i] = c.window[i] = c.stride[i] = c.dilation[i] = 1
        c.before[i] = 0
    for i in range(axes):
        c.size[3 - axes + i], c.out[3 - axes + i] = dim(x, i + 1), dim(y, i + 1)
        c.window[3 - axes + i], c.before[3 - axes + i] = dim(kernel, i), before[i]
    c.activation = activation_code(activation)
    c.single = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT
    return c


def forward_into(x, kernel, bias, y, before, activation="linear"):
    """Fill y of the forward pass; return whether it is done. `before`: zeros (above, left)."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum), ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = None if bias is None else as_real(bias, typenum)
    cdef cnp.ndarray ys = as_real(y, typenum)
    cdef Conv c = describe(xs, ys, ks, before, activation)
    cdef void* bias_data = NULL if bias is None else data(bs)
    cdef const int* failed = NULL
    return winograd_forward(&c, data(xs), data(ks), bias_data, NULL, data(ys), NULL, &failed)


def dx_into(dy, kernel, y, dx, before, activation="linear"):
    """Fill dx; return whether it is done."""
    cdef int typenum = real_type(dy)
    cdef cnp.ndarray dys = as_real(dy, typenum), ys = as_real(y, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum), dxs = as_real(dx, typenum)
    cdef Conv c = describe(dxs, ys, ks, before, activation)
    cdef const int* failed = NULL
    return winograd_dx(&c, data(dys), data(ys), data(ks), data(dxs), &failed)


def dkernel_into(dy, x, y, dkernel, dbias, before, activation="linear"):
    """Fill dkernel and dbias; return whether they are done."""
    cdef int typenum = real_type(dy)
    cdef cnp.ndarray dys = as_real(dy, typenum), ys = as_real(y, typenum)
    cdef cnp.ndarray xs = as_real(x, typenum), dks = as_real(dkernel, typenum)
    cdef cnp.ndarray dbs = None if dbias is None else as_real(dbias, typenum)
    cdef Conv c = describe(xs, ys, dks, before, activation)
    cdef void* dbias_data = NULL if dbias is None else data(dbs)
    cdef const int* failed = NULL
    return winograd_dkernel(&c, data(xs), data(dys), data(ys), data(dks), dbias_data, &failed)
