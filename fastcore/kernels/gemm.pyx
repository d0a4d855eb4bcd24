"""The matrix product: packed panels and a register tile (Goto & van de Geijn, Anatomy of
High-Performance Matrix Multiplication, ACM TOMS 34(3), 2008).

C is cut into blocks of a size that depends on the shapes alone. Each is the work of one thread,
which adds up along k in one order: hence the same bits for any number of threads. Within a block

    for every `depth` steps of k:                    A's part stays in the second-level cache
        for every panel of B, PANEL columns wide:    packed, it stays in the first-level cache
            for every ROWS rows of A:                the sums stay in registers (gemm_tile.h)

A is read where it stands if its rows lie along k, at a distance that the cache likes or with few
columns to share a copy; else it is packed as well. The blocks of a large product share what is
packed, once by all threads beforehand: so they can be small, and a thread that comes late or is
disturbed leaves the others more of them. Where C is small, that is done for a slice of k after the
other, lest the copies leave the second-level cache. A single row of blocks has no part of B to
share. A small C with a long sum (the gradient of a kernel over many rows) is cut along k: the parts
of the sum are added in their order.
Nothing is skipped because it is zero: 0 * inf is nan here too.
"""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport malloc

cimport numpy as cnp

from .arrays cimport as_real, data, real, real_type
from .fused cimport LINEAR, RELU, SIGMOID, TANH, activate_rows
from .gemm_tile cimport (
    FLAG_ACCUMULATE, FLAG_RELU, ROWS, dots, few_rows, lanes_f32, lanes_f64, pack_a_rows,
    pack_columns, pack_rows, panel_columns_f32, panel_columns_f64, panel_product, panel_width,
)
from .threads cimport Region, add_stage, release, run_region, typed_stage

cdef extern from *:
    """
    enum {
        MOST_DEPTH = 272,
        MOST_ROW_BYTES = 1536,
        GROUP = 8,
        SHARE = 4,
        PANEL_BYTES = 8 * panel_columns_f64,
        AREA_BYTES = (MOST_ROW_BYTES + ROWS * 8 + GROUP * PANEL_BYTES) * (MOST_DEPTH + 32) + 256
    };

    #include "work_areas.h"
    """
    enum:
        MOST_DEPTH          # steps of k between two visits to C
        GROUP               # panels of B packed at once: several cache lines of each row
        SHARE               # the same of a large product, where threads share this work
        MOST_ROW_BYTES      # of A in a block, for one k: most of a second-level cache in all
        PANEL_BYTES         # of one step in a panel of B
    void* take_area() noexcept nogil
    void give_area(void* area) noexcept nogil

cnp.import_array()

cdef double BLOCK_WORK = 1e6             # multiplications in a block, at least
cdef double HALVED_WORK = 2.5e5          # multiplications from which on a single block is halved
cdef Py_ssize_t FEW_BLOCKS = 4           # of a large product, at least
cdef Py_ssize_t FAR_APART = 2048         # bytes between rows of A from which on they are copied
cdef double SHARED_WORK = 16e6           # multiplications from which on blocks share packed factors
cdef Py_ssize_t SHARED_FROM = 10 * ROWS  # rows of C from which on it pays to share B
cdef Py_ssize_t SHARED_COLUMNS = 48      # panels of C from which on copies of far rows pay
cdef Py_ssize_t ALONE_FROM = 28          # panels of C that make blocks enough in a single row
cdef Py_ssize_t SHARED_ROWS = 192        # of such a block, at most: A's part stays in a cache
cdef Py_ssize_t SHARED_PANELS = 32
cdef Py_ssize_t SHARED_BLOCKS = 24       # at least, but for blocks of little work
cdef Py_ssize_t SHARED_BYTES = 1 << 24   # of packed factors: they stay in the third-level cache
cdef Py_ssize_t SLICE_BYTES = 1 << 20    # the same of a small C, which is visited again and again
cdef Py_ssize_t MOST_PARTS = 16          # that a long sum is cut into
cdef Py_ssize_t PART_DEPTH = 512         # steps of k in one of them, at least
cdef Py_ssize_t PART_NUMBERS = 16384     # of a C that is computed in parts, at most
cdef Py_ssize_t DOTS_NUMBERS = 32768     # of A in a chunk of dots, about
cdef Py_ssize_t SUM_NUMBERS = 4096       # of C that one chunk adds the parts of, about


cdef inline Py_ssize_t divide_up(Py_ssize_t x, Py_ssize_t y) noexcept nogil:
    return (x + y - 1) // y


cdef inline Py_ssize_t padded_rows(const Product* p) noexcept nogil:
    return p.row_blocks * p.block_rows


cdef inline Py_ssize_t padded_columns(const Product* p) noexcept nogil:
    return p.column_blocks * p.block_columns


cdef Py_ssize_t plan(Product* p, Py_ssize_t products) noexcept nogil:
    """Cut C into blocks; return how many. Looks at shapes only, not at the number of threads.

    products: how many of this form are made at a time.
    """
    cdef Py_ssize_t panel = panel_width(p.single)
    cdef Py_ssize_t item = 4 if p.single else 8
    cdef Py_ssize_t most_rows = MOST_ROW_BYTES // item // ROWS * ROWS
    cdef Py_ssize_t columns
    cdef double work = <double>p.m * p.n * p.k
    p.depth = divide_up(p.k, max(1, divide_up(p.k, MOST_DEPTH)))
    p.row_blocks = max(1, divide_up(p.m, most_rows))
    p.block_rows = divide_up(divide_up(p.m, p.row_blocks), ROWS) * ROWS
    p.row_blocks = divide_up(p.m, p.block_rows) if p.m else 0
    # Packing pays from the third panel on. Rows that are far apart would fight for the same few
    # cache lines.
    if p.a_col == 1:
        p.pack_a = p.m > 2 * ROWS and p.a_row * item >= FAR_APART and (
            p.n > (4 if p.m < SHARED_FROM else SHARED_COLUMNS) * panel
        )
    else:
        p.pack_a = p.m > 2 * ROWS and p.n > 2 * panel
    # A block costs about twenty microseconds at least; copying A's rows, more for each, wants to be
    # shared by more columns.
    columns = <Py_ssize_t>(BLOCK_WORK / (1.0 + <double>p.block_rows * p.k))
    if p.pack_a:
        columns = max(columns, 32 * panel if p.a_col == 1 else 16 * panel)
    else:
        columns = max(columns, 4 * panel)
    if p.row_blocks < FEW_BLOCKS and work > FEW_BLOCKS * BLOCK_WORK:
        # Wide rows of few: without this one thread would get them all.
        columns = min(columns, max(8 * panel, divide_up(p.n * p.row_blocks, FEW_BLOCKS)))
    p.column_blocks = max(1, (p.n + columns // 2) // columns)
    if products * p.row_blocks == 1 and p.column_blocks == 3:
        p.column_blocks = 4  # for two threads or four
    p.block_columns = max(1, divide_up(divide_up(p.n, p.column_blocks), panel)) * panel
    p.column_blocks = divide_up(p.n, p.block_columns)
    if products * p.row_blocks * p.column_blocks == 1 and work > HALVED_WORK:  # for two threads
        if p.m >= 4 * ROWS and p.m >= p.n:
            p.block_rows = divide_up(divide_up(p.m, 2), ROWS) * ROWS
            p.row_blocks = 2
        elif p.n >= 2 * panel:
            p.block_columns = divide_up(divide_up(p.n, 2), panel) * panel
            p.column_blocks = 2
    return p.row_blocks * p.column_blocks


cdef inline void pack_b(
    bint transpose, Py_ssize_t depth, Py_ssize_t columns, const real* b, Py_ssize_t b_row,
    real* out,
) noexcept nogil:
    """out[step, 0:PANEL] := op(B)[step, 0:columns] and zeros, for `depth` values of step."""
    if transpose:
        pack_columns(depth, columns, b, b_row, out)
    else:
        pack_rows(depth, columns, b, b_row, out)


cdef inline void* aligned(void* memory) noexcept nogil:
    """The next address that a cache line begins at."""
    return <void*>((<uintptr_t>memory + 63) & ~<uintptr_t>63)


cdef void pack_a(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, Py_ssize_t a_col,
    real* out,
) noexcept nogil:
    """out[panel, step, 0:ROWS] := op(A)[ROWS rows, step]."""
    cdef Py_ssize_t q, i, step, r, height
    if a_col == 1:
        pack_a_rows(rows, depth, a, a_row, out)
        return
    for q in range(divide_up(rows, ROWS)):
        i = q * ROWS
        height = min(<Py_ssize_t>ROWS, rows - i)
        if height == ROWS:
            for step in range(depth):
                for r in range(ROWS):
                    out[step * ROWS + r] = a[step * a_col + i + r]
        else:
            for step in range(depth):
                for r in range(height):
                    out[step * ROWS + r] = a[step * a_col + i + r]
        out += depth * ROWS


cdef void block(
    const Product* p, const real* a, const real* b, real* c, const real* bias,
    Py_ssize_t rows, Py_ssize_t columns,
) noexcept nogil:
    """One block of C: `rows` x `columns` from the given corners on."""
    cdef unsigned char area[MOST_DEPTH * PANEL_BYTES + 64]
    cdef real* packed_b = <real*>aligned(area)
    cdef real* packed_a = NULL
    cdef void* memory = NULL
    cdef Py_ssize_t panel = panel_columns_f32 if real is float else panel_columns_f64
    cdef Py_ssize_t lanes = lanes_f32 if real is float else lanes_f64
    cdef Py_ssize_t group = 1
    cdef Py_ssize_t step, j, i, first, depth, width, a_row, a_col, a_panel, b_row, done
    cdef const real* a_part
    cdef const real* b_part
    cdef int flags
    cdef bint whole
    if p.pack_a or rows > 2 * ROWS:
        memory = take_area()
    if memory != NULL:
        # Without memory A is read where it stands and B is packed panel by panel: slower, the same
        # result.
        packed_b = <real*>aligned(memory)
        group = GROUP if rows > 2 * ROWS else 1  # few rows: only what must be packed is packed
        if p.pack_a:
            packed_a = packed_b + GROUP * panel * p.depth
    step = 0
    while True:
        depth = min(p.depth, p.k - step)
        flags = FLAG_ACCUMULATE if p.accumulate or step > 0 else 0
        if step + depth >= p.k and p.activation == RELU:
            flags |= FLAG_RELU
        a_part, a_row, a_col, a_panel = a + step * p.a_col, p.a_row, p.a_col, 0
        if packed_a != NULL:
            pack_a(rows, depth, a_part, a_row, a_col, packed_a)
            a_row, a_col, a_panel = 1, ROWS, depth * ROWS
            a_part = packed_a
        done = 0
        if not p.transpose_b and packed_a == NULL:
            done = few_rows(
                rows, depth, a_part, a_row, a_col, b + step * p.b_row, p.b_row, c, p.c_row,
                columns, bias if step + depth >= p.k else NULL, flags,
            )
        for i in range(done // panel, divide_up(columns, panel)):
            j = i * panel
            width = min(panel, columns - j)
            b_part = b + (step + j * p.b_row if p.transpose_b else step * p.b_row + j)
            b_row = p.b_row
            # A narrow tile reads one vector of b; there is none for packed rows of A.
            whole = width == panel or (width == lanes and packed_a == NULL)
            if p.transpose_b or rows > 2 * ROWS or not whole:
                first = i % group
                if p.transpose_b:
                    pack_b(True, depth, width, b_part, b_row, packed_b)
                    first = 0
                elif first == 0:
                    pack_b(False, depth, min(group * panel, columns - j), b_part, b_row, packed_b)
                b_part, b_row = packed_b + first * depth * panel, panel
            panel_product(
                rows, depth, a_part, a_row, a_col, a_panel, b_part, b_row, c + j, p.c_row, width,
                bias + j if bias != NULL and step + depth >= p.k else NULL, flags,
            )
        step += depth
        if step >= p.k:
            break
    give_area(memory)
    if p.activation == TANH or p.activation == SIGMOID:
        activate_rows(p.activation, rows, columns, c, p.c_row)


cdef void block_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Chunk number -> product of the batch, block of rows, block of columns."""
    cdef const Product* p = <const Product*>context
    cdef const real* a = <const real*>p.a
    cdef const real* b = <const real*>p.b
    cdef real* c = <real*>p.c
    cdef const real* bias = <const real*>p.bias
    cdef Py_ssize_t blocks = p.row_blocks * p.column_blocks
    cdef Py_ssize_t i = chunk % blocks // p.column_blocks * p.block_rows
    cdef Py_ssize_t j = chunk % blocks % p.column_blocks * p.block_columns
    cdef Py_ssize_t which = chunk // blocks
    cdef Product part
    if p.parts > 1:
        part = p[0]
        part.k = min(p.part_k, p.k - which * p.part_k)
        part.c_row, part.activation, part.accumulate = p.n, LINEAR, False
        a += which * p.part_k * p.a_col
        b += which * p.part_k * (1 if p.transpose_b else p.b_row)
        c = <real*>p.memory + which * p.m * p.n
        p = &part
    if p.a_at != NULL:
        a += p.a_at[which]
        b += p.b_at[which]
        c += which * p.c_step
    block(
        p, a + i * p.a_row, b + (j * p.b_row if p.transpose_b else j), c + i * p.c_row + j,
        bias + j if bias != NULL else NULL,
        min(p.block_rows, p.m - i), min(p.block_columns, p.n - j),
    )


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some rows of C: the parts of their sums, added in order."""
    cdef const Product* p = <const Product*>context
    cdef Py_ssize_t together = max(1, SUM_NUMBERS // p.n)
    cdef Py_ssize_t size = p.m * p.n
    cdef Py_ssize_t row, j
    cdef const real* part
    cdef real* c
    for row in range(chunk * together, min((chunk + 1) * together, p.m)):
        part = <const real*>p.memory + row * p.n
        c = <real*>p.c + row * p.c_row
        for j in range(p.n):
            c[j] = c[j] + part[j] if p.accumulate else part[j]
        for _ in range(1, p.parts):
            part += size
            for j in range(p.n):
                c[j] += part[j]


cdef void dots_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some rows of a C of one column."""
    cdef const Product* p = <const Product*>context
    cdef const real* a = <const real*>p.a
    cdef const real* end = a + (p.m - 1) * p.a_row + p.k
    cdef real* c = <real*>p.c
    cdef Py_ssize_t first = chunk * p.block_rows
    cdef Py_ssize_t rows = min(p.block_rows, p.m - first)
    cdef int flags = FLAG_ACCUMULATE if p.accumulate else 0
    if p.activation == RELU:
        flags |= FLAG_RELU
    c += first * p.c_row
    dots(
        rows, p.k, a + first * p.a_row, p.a_row, end, <const real*>p.b, c, p.c_row,
        <const real*>p.bias, flags,
    )
    if p.activation == TANH or p.activation == SIGMOID:
        activate_rows(p.activation, rows, 1, c, p.c_row)


cdef void pack_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """A part of A (a row of blocks) or of B (SHARE panels), for one visit to C."""
    cdef const Product* p = <const Product*>context
    cdef const real* a = <const real*>p.a
    cdef const real* b = <const real*>p.b
    cdef real* packed_a = <real*>p.packed_a
    cdef real* packed_b = <real*>p.packed_b
    cdef Py_ssize_t panel = panel_columns_f32 if real is float else panel_columns_f64
    cdef Py_ssize_t visits = divide_up(p.end - p.begin, p.depth)
    cdef Py_ssize_t step = p.begin + chunk % visits * p.depth
    cdef Py_ssize_t depth = min(p.depth, p.end - step)
    cdef Py_ssize_t blocks = p.row_blocks if p.pack_a else 0
    cdef Py_ssize_t first, end
    chunk //= visits
    if chunk < blocks:
        first = chunk * p.block_rows
        pack_a(
            min(p.block_rows, p.m - first), depth, a + first * p.a_row + step * p.a_col, p.a_row,
            p.a_col, packed_a + (step - p.begin) * padded_rows(p) + first * depth,
        )
        return
    first = (chunk - blocks) * SHARE * panel
    end = min(p.n, first + SHARE * panel)
    packed_b += (step - p.begin) * padded_columns(p) + first * depth
    if not p.transpose_b:
        pack_b(False, depth, end - first, b + step * p.b_row + first, p.b_row, packed_b)
        return
    while first < end:
        pack_b(
            True, depth, min(panel, end - first), b + first * p.b_row + step, p.b_row, packed_b,
        )
        first += panel
        packed_b += depth * panel


cdef void shared_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One block of C, from packed factors; A may stand where it stood."""
    cdef const Product* p = <const Product*>context
    cdef const real* a = <const real*>p.a
    cdef const real* packed_a = <const real*>p.packed_a
    cdef const real* packed_b = <const real*>p.packed_b
    cdef real* c = <real*>p.c
    cdef const real* bias = <const real*>p.bias
    cdef Py_ssize_t panel = panel_columns_f32 if real is float else panel_columns_f64
    cdef Py_ssize_t row = chunk % p.row_blocks if p.by_columns else chunk // p.column_blocks
    cdef Py_ssize_t column = chunk // p.row_blocks if p.by_columns else chunk % p.column_blocks
    cdef Py_ssize_t i = row * p.block_rows, first = column * p.block_columns
    cdef Py_ssize_t rows = min(p.block_rows, p.m - i)
    cdef Py_ssize_t end = min(p.n, first + p.block_columns)
    cdef Py_ssize_t j, depth, step = p.begin
    cdef Py_ssize_t a_row = p.a_row, a_col = p.a_col, a_panel = 0
    cdef const real* a_part
    cdef const real* b_part
    cdef int flags
    c += i * p.c_row
    while step < p.end:
        depth = min(p.depth, p.end - step)
        flags = FLAG_ACCUMULATE if p.accumulate or step > 0 else 0
        if step + depth >= p.k and p.activation == RELU:
            flags |= FLAG_RELU
        if p.pack_a:
            a_part = packed_a + (step - p.begin) * padded_rows(p) + i * depth
            a_row, a_col, a_panel = 1, ROWS, depth * ROWS
        else:
            a_part = a + i * p.a_row + step * p.a_col
        b_part = packed_b + (step - p.begin) * padded_columns(p)
        j = first
        while j < end:
            panel_product(
                rows, depth, a_part, a_row, a_col, a_panel, b_part + j * depth, panel, c + j,
                p.c_row, min(panel, end - j),
                bias + j if bias != NULL and step + depth >= p.k else NULL, flags,
            )
            j += panel
        step += depth
    if p.end == p.k and (p.activation == TANH or p.activation == SIGMOID):
        activate_rows(p.activation, rows, end - first, c + first, p.c_row)


cdef inline double half(Py_ssize_t blocks, Py_ssize_t size, Py_ssize_t whole) noexcept nogil:
    """Of the first half of so many blocks, the share of the whole."""
    return 0.5 * blocks * size / whole


cdef bint share(Product* p) noexcept nogil:
    """Plan a large product from factors packed once. False: it is none, or there is no memory."""
    cdef Py_ssize_t panel = panel_width(p.single)
    cdef Py_ssize_t item = 4 if p.single else 8
    cdef Py_ssize_t rows = SHARED_ROWS, columns = SHARED_PANELS * panel
    cdef Py_ssize_t each, slice, slices
    if <double>p.m * p.n * p.k < SHARED_WORK or p.m < SHARED_FROM or p.n < 4 * panel:
        return False
    if p.a_col == 1 and p.m <= SHARED_ROWS and p.n >= ALONE_FROM * panel:
        return False  # one row of blocks: each packs what it alone needs, and finds it in its cache
    p.depth = divide_up(p.k, divide_up(p.k, MOST_DEPTH))
    while True:
        p.block_rows = divide_up(divide_up(p.m, divide_up(p.m, rows)), ROWS) * ROWS
        p.row_blocks = divide_up(p.m, p.block_rows)
        p.block_columns = divide_up(divide_up(p.n, divide_up(p.n, columns)), panel) * panel
        p.column_blocks = divide_up(p.n, p.block_columns)
        if p.row_blocks * p.column_blocks >= SHARED_BLOCKS:
            break
        if <double>p.block_rows * p.block_columns * p.k < 2 * BLOCK_WORK:
            break
        if rows <= ROWS and columns <= panel:
            break
        if columns > 2 * rows:
            columns = max(panel, columns // 2)
        else:
            rows = max(<Py_ssize_t>ROWS, rows // 2)
    # Two threads begin at both ends, and want as much from there to the middle.
    p.by_columns = half(p.column_blocks, p.block_columns, p.n) < half(
        p.row_blocks, p.block_rows, p.m
    )
    p.pack_a = p.a_col != 1 or (p.a_row * item >= FAR_APART and p.n >= SHARED_COLUMNS * panel)
    each = (padded_rows(p) if p.pack_a else 0) + padded_columns(p)
    if p.depth * each * item > SHARED_BYTES:  # too wide: blocks pack their own parts
        return False
    slice = max(<Py_ssize_t>1, SLICE_BYTES // item // each // p.depth) * p.depth
    if p.m * p.n > each * slice:  # C is larger than what is packed for it
        slice = SHARED_BYTES // item // each // p.depth * p.depth
    p.slice = min(p.k, slice)
    slices = divide_up(p.k, p.slice)
    p.memory = malloc(p.slice * each * item + slices * sizeof(Product) + 128)
    if p.memory == NULL:
        return False
    p.packed_b = aligned(<Product*>p.memory + slices)
    p.packed_a = aligned(<char*>p.packed_b + p.slice * padded_columns(p) * item)
    return True


cdef Py_ssize_t cut(Product* p) noexcept nogil:
    """Plan the gradient of a kernel, a small C, with its long sum in parts; return the blocks of
    all parts. 0: it is none, or there is no memory.
    """
    cdef Py_ssize_t item = 4 if p.single else 8
    cdef Py_ssize_t blocks, k = p.k
    if p.m * p.n > PART_NUMBERS or p.bias != NULL or p.activation != LINEAR:
        return 0
    if k < 2 * PART_DEPTH or <double>p.m * p.n * k < BLOCK_WORK / 2:
        return 0
    p.parts = min(MOST_PARTS, k // PART_DEPTH)
    p.part_k = divide_up(k, p.parts)
    p.parts = divide_up(k, p.part_k)
    p.memory = malloc(p.parts * p.m * p.n * item)
    if p.memory == NULL:
        p.parts = 1
        return 0
    p.k = p.part_k
    blocks = plan(p, p.parts)
    p.k = k
    return p.parts * blocks


cdef void add_slice(Region* region, Product* p) noexcept nogil:
    """The stages for one slice of k: pack it, then multiply."""
    cdef Py_ssize_t parts = p.row_blocks if p.pack_a else 0
    cdef Py_ssize_t visits = divide_up(p.end - p.begin, p.depth)
    parts += divide_up(p.n, SHARE * panel_width(p.single))
    add_stage(
        region,
        typed_stage(
            p.single, pack_task[float], pack_task[double], parts * visits, p, sizeof(p[0]),
        ),
        2.0 * ((p.m if p.pack_a else 0) + p.n) * (p.end - p.begin),
    )
    add_stage(
        region,
        typed_stage(
            p.single, shared_task[float], shared_task[double], p.row_blocks * p.column_blocks, p,
            sizeof(p[0]),
        ),
        <double>p.m * p.n * (p.end - p.begin) / 8,
    )


cdef void add_product(
    Region* region, Product* p, bint single, bint transpose_a, bint transpose_b, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t a_stride, const void* b,
    Py_ssize_t b_stride, void* c, Py_ssize_t c_stride, const void* bias, int activation,
    bint accumulate,
) noexcept nogil:
    cdef Py_ssize_t begin = 0, blocks = 0
    cdef Product* part
    if transpose_a and not transpose_b and n == 1 and c_stride == 1 and bias == NULL:
        # A column is a row as well, and rows are what B has: C^T = B^T A.
        a, b, a_stride, b_stride = b, a, b_stride, a_stride
        m, n, c_stride = 1, m, m
    elif transpose_b and not transpose_a and m == 1 and bias == NULL:
        # A row times B^T: each row of B times this row.
        a, b, a_stride, b_stride = b, a, b_stride, a_stride
        m, n, c_stride = n, 1, 1
    p.a, p.b, p.c, p.bias = a, b, c, bias
    p.a_at, p.b_at, p.c_step, p.parts = NULL, NULL, 0, 1
    p.m, p.n, p.k = m, n, k
    p.a_row = 1 if transpose_a else a_stride
    p.a_col = a_stride if transpose_a else 1
    p.b_row, p.c_row = b_stride, c_stride
    p.transpose_b, p.accumulate, p.activation = transpose_b, accumulate, activation
    p.single, p.memory = single, NULL
    if n == 1 and p.a_col == 1 and k > 0 and (transpose_b or b_stride == 1):
        p.block_rows = max(<Py_ssize_t>16, DOTS_NUMBERS // k // 16 * 16)
        add_stage(
            region,
            typed_stage(
                single, dots_task[float], dots_task[double], divide_up(m, p.block_rows), p,
                sizeof(p[0]),
            ),
            <double>m * k,
        )
        return
    if transpose_a:
        blocks = cut(p)
    if blocks > 0 or not share(p):
        if blocks == 0:
            blocks = plan(p, 1)
        add_stage(
            region,
            typed_stage(single, block_task[float], block_task[double], blocks, p, sizeof(p[0])),
            <double>m * n * k / 8 + <double>m * n,
        )
        if p.parts > 1:
            add_stage(
                region,
                typed_stage(
                    single, sum_task[float], sum_task[double],
                    divide_up(m, max(1, SUM_NUMBERS // n)), p, sizeof(p[0]),
                ),
                <double>m * n * p.parts,
            )
        return
    part = <Product*>p.memory
    while begin < k:  # every slice is packed into the same memory
        part[0] = p[0]
        part.begin, part.end = begin, min(k, begin + p.slice)
        add_slice(region, part)
        begin += p.slice
        part += 1


cdef void end_product(Product* p) noexcept nogil:
    release(p.memory)


cdef void multiply(
    bint single, bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const void* a, Py_ssize_t a_stride, const void* b, Py_ssize_t b_stride,
    void* c, Py_ssize_t c_stride, const void* bias, int activation, bint accumulate,
) noexcept nogil:
    cdef Product p
    cdef Region region
    region.count, region.work = 0, 0
    add_product(
        &region, &p, single, transpose_a, transpose_b, m, n, k, a, a_stride, b, b_stride,
        c, c_stride, bias, activation, accumulate,
    )
    run_region(&region)
    end_product(&p)


cdef void gemm(
    bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const real* a, Py_ssize_t a_stride, const real* b, Py_ssize_t b_stride,
    real* c, Py_ssize_t c_stride, const real* bias, int activation, bint accumulate,
) noexcept nogil:
    multiply(
        real is float, transpose_a, transpose_b, m, n, k, a, a_stride, b, b_stride, c, c_stride,
        bias, activation, accumulate,
    )


cdef void multiply_batches(bint single, int batches, const Batch* batch) noexcept nogil:
    cdef Product products[2]
    cdef Product* p
    cdef Region region
    cdef Py_ssize_t blocks
    cdef int i
    region.count, region.work = 0, 0
    for i in range(batches):
        p = &products[i]
        p.a, p.b, p.c, p.bias = batch[i].a, batch[i].b, batch[i].c, NULL
        p.a_at, p.b_at, p.parts = batch[i].a_at, batch[i].b_at, 1
        p.m, p.n, p.k = batch[i].m, batch[i].n, batch[i].k
        p.c_step = p.m * p.n
        p.a_row = 1 if batch[i].transpose_a else p.k
        p.a_col = p.m if batch[i].transpose_a else 1
        p.b_row, p.c_row = (p.k if batch[i].transpose_b else p.n), p.n
        p.transpose_b, p.accumulate, p.activation = batch[i].transpose_b, False, LINEAR
        p.single = single
        blocks = batch[i].count * plan(p, batch[i].count)
        add_stage(
            &region,
            typed_stage(single, block_task[float], block_task[double], blocks, p, sizeof(p[0])),
            2.0 * batch[i].count * p.m * p.n * p.k / 16,
        )
    run_region(&region)


def product(
    a, b, c, bias=None, transpose_a=False, transpose_b=False, activation=LINEAR, accumulate=False,
):
    """c[...] = activation(op(a) op(b) + bias): the product itself, for tests and benchmarks.

    Matrices of one dtype, each with rows dense in memory; views with longer rows are taken as they
    are.
    """
    cdef int typenum = real_type(c)
    cdef cnp.ndarray a_ = a, b_ = b, c_ = c
    cdef cnp.ndarray bias_ = None if bias is None else as_real(bias, typenum)
    cdef Py_ssize_t item = 4 if typenum == cnp.NPY_FLOAT else 8
    for array in (a, b, c):
        dense = array.ndim == 2 and (array.size == 0 or array.strides[1] == item)
        if not dense or real_type(array) != typenum:
            raise ValueError("product: expected matrices of one dtype with dense rows")
    m, n = c.shape
    k = a.shape[0 if transpose_a else 1]
    fits_a = a.shape == ((k, m) if transpose_a else (m, k))
    fits_b = b.shape == ((n, k) if transpose_b else (k, n))
    if not fits_a or not fits_b:
        raise ValueError(f"product: shapes {a.shape} and {b.shape} do not make {c.shape}")
    if bias is not None and bias.shape != (n,):
        raise ValueError(f"product: bias needs shape {(n,)}, got {bias.shape}")
    cdef Py_ssize_t rows = m, columns = n, depth = k
    cdef Py_ssize_t a_row = a.strides[0] // item
    cdef Py_ssize_t b_row = b.strides[0] // item
    cdef Py_ssize_t c_row = c.strides[0] // item
    cdef bint ta = transpose_a, tb = transpose_b, more = accumulate
    cdef int code = activation
    cdef void* bias_data = NULL if bias is None else data(bias_)
    cdef void* a_data = data(a_)
    cdef void* b_data = data(b_)
    cdef void* c_data = data(c_)
    with nogil:
        multiply(
            typenum == cnp.NPY_FLOAT, ta, tb, rows, columns, depth, a_data, a_row, b_data, b_row,
            c_data, c_row, bias_data, code, more,
        )
