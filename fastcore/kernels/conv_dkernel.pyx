"""The gradient of a convolution's kernel, without a transform.

    dkernel[(tap, c), f] = sum over places of x[place + tap, c] dz[place, f]

is the product of direct_conv.pyx with rows and steps exchanged: the same tables and the same tile,
whose rows now are the numbers under a window and whose steps are the places. dz = dy activation'(y)
is packed, some places at a time, and dbias is added up meanwhile. Chunks of boxes have partial sums
of their own, which are added in the order of the chunks: the same bits for any number of threads.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv
from .conv_tile cimport (
    FLAG_ACCUMULATE, add_panel_f32, add_panel_f64, gather, pack_slopes_f32, pack_slopes_f64,
    panel_columns_f32, panel_columns_f64, panel_width,
)
from .conv_walk cimport (
    SMALL_WORK, Box, Field, Phase, Walk, begin, divide_up, list_places, list_steps, locate, look,
    phase_of, plan,
)
from .fused cimport LINEAR, derive
from .threads cimport run_chunks

cdef enum:
    RUN = 256               # places whose dz is packed at a time
    CHUNKS = 16             # of a large gradient, about
    PARTS_BYTES = 8 << 20   # of its partial sums, at most
    SUM_CHUNK = 4096        # numbers that are added up at a time


cdef struct Gradient:
    Walk walk
    Field x
    Field dz
    Py_ssize_t inner            # channels and filters in one group
    Py_ssize_t outer
    Py_ssize_t panels           # of one group
    Py_ssize_t columns          # panels of all groups that one chunk computes
    Py_ssize_t column_blocks
    Py_ssize_t boxes
    Py_ssize_t part_boxes       # boxes that one partial sum covers
    Py_ssize_t parts
    Py_ssize_t length           # numbers in a partial sum: of dkernel, and of dbias if wanted
    bint biased
    bint failed
    void* sums                  # the partial sums but the first, or NULL
    void* dkernel
    void* dbias


cdef inline void pack_gradient(
    const Gradient* p, Py_ssize_t places, Py_ssize_t from_panel, Py_ssize_t to_panel,
    const real* values, const real* y, const Py_ssize_t* out_at, real* packed, real* dbias,
) noexcept nogil:
    """dz of the listed places in panels, and its sums added to dbias."""
    cdef Py_ssize_t width = panel_columns_f32 if real is float else panel_columns_f64
    cdef Py_ssize_t q = from_panel
    cdef Py_ssize_t now, at, columns
    cdef int code = p.dz.code if p.dz.y != NULL else LINEAR
    while q < to_panel:
        # As many panels as there are in one group: their columns lie side by side.
        now = min(to_panel, (q // p.panels + 1) * p.panels) - q
        at = q // p.panels * p.outer + q % p.panels * width
        columns = min(now * width, p.outer - q % p.panels * width)
        if real is float:
            pack_slopes_f32(code, places, columns, out_at, values + at, y + at, packed)
        else:
            pack_slopes_f64(code, places, columns, out_at, values + at, y + at, packed)
        q += now
        packed += now * places * width
    if dbias == NULL:
        return
    for q in range(to_panel - 1, from_panel - 1, -1):
        packed -= places * width
        at = q // p.panels * p.outer + q % p.panels * width
        columns = min(width, p.outer - q % p.panels * width)
        if real is float:
            add_panel_f32(places, columns, packed, dbias + at)
        else:
            add_panel_f64(places, columns, packed, dbias + at)


cdef bint gradient_part(
    const Gradient* p, Py_ssize_t chunk, real* dkernel, real* dbias,
) noexcept nogil:
    """One partial sum, some of its columns. False: no memory."""
    cdef const Walk* w = &p.walk
    cdef const Conv* conv = w.conv
    cdef Py_ssize_t width = panel_columns_f32 if real is float else panel_columns_f64
    cdef Py_ssize_t from_panel = chunk % p.column_blocks * p.columns
    cdef Py_ssize_t to_panel = min(from_panel + p.columns, conv.groups * p.panels)
    cdef Py_ssize_t first = chunk // p.column_blocks * p.part_boxes
    cdef Py_ssize_t last = min(first + p.part_boxes, p.boxes)
    cdef Py_ssize_t depth = w.taps * p.inner
    cdef Py_ssize_t tables = 2 * w.most + 2 * depth
    cdef Py_ssize_t numbers = w.area + RUN * p.columns * width
    cdef void* memory = malloc(tables * sizeof(Py_ssize_t) + numbers * sizeof(real))
    cdef Py_ssize_t* row_at = <Py_ssize_t*>memory
    cdef Py_ssize_t* out_at = row_at + w.most
    cdef Py_ssize_t* step_at = out_at + w.most
    cdef Py_ssize_t* kernel_at = step_at + depth
    cdef real* area
    cdef real* packed
    cdef const real* a
    cdef const real* values
    cdef const real* y
    cdef Py_ssize_t b, i, q, j, at, now, run, places, start
    cdef Phase f
    cdef Box box
    if memory == NULL:
        return False
    packed = <real*>(kernel_at + depth)
    area = packed + RUN * p.columns * width
    phase_of(w, 0, &f)
    for i in range(depth):
        kernel_at[i] = i * conv.filters
    if dbias != NULL:
        at = from_panel // p.panels * p.outer + from_panel % p.panels * width
        j = (to_panel - 1) // p.panels * p.outer + min(
            p.outer, ((to_panel - 1) % p.panels + 1) * width
        )
        memset(dbias + at, 0, (j - at) * sizeof(real))
    for b in range(first, last):
        locate(w, b, &box)
        a = look(w, &box, &p.x, area)
        start = begin(w, &box)
        values = <const real*>p.dz.values + start
        y = <const real*>p.dz.y + start if p.dz.y != NULL else values
        places = list_places(w, &f, &box, row_at, out_at)
        list_steps(w, &f, &box, p.inner, step_at)
        for run in range(divide_up(places, RUN)):
            i = run * RUN
            now = min(<Py_ssize_t>RUN, places - i)
            pack_gradient(p, now, from_panel, to_panel, values, y, out_at + i, packed, dbias)
            for q in range(from_panel, to_panel):
                j = q % p.panels * width
                gather(
                    depth, now, a + q // p.panels * p.inner, step_at, row_at + i,
                    packed + (q - from_panel) * now * width,
                    dkernel + q // p.panels * p.outer + j, kernel_at, min(width, p.outer - j),
                    NULL, FLAG_ACCUMULATE if b > first or i > 0 else 0,
                )
    free(memory)
    return True


cdef void gradient_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Gradient* p = <Gradient*>context
    cdef Py_ssize_t part = chunk // p.column_blocks
    cdef Py_ssize_t kernel_length = p.walk.taps * p.inner * p.walk.conv.filters
    cdef bint done
    cdef float* sums32
    cdef double* sums64
    if p.walk.conv.single:
        sums32 = <float*>p.dkernel if part == 0 else <float*>p.sums + (part - 1) * p.length
        done = gradient_part[float](
            p, chunk, sums32,
            NULL if not p.biased else <float*>p.dbias if part == 0 else sums32 + kernel_length,
        )
    else:
        sums64 = <double*>p.dkernel if part == 0 else <double*>p.sums + (part - 1) * p.length
        done = gradient_part[double](
            p, chunk, sums64,
            NULL if not p.biased else <double*>p.dbias if part == 0 else sums64 + kernel_length,
        )
    if not done:
        p.failed = True


cdef void add_parts(
    const Gradient* p, Py_ssize_t first, Py_ssize_t last, const real* sums, real* total,
) noexcept nogil:
    """total[i] += the partial sums, in their order."""
    cdef Py_ssize_t part, i
    for part in range(p.parts - 1):
        for i in range(first, last):
            total[i] += sums[part * p.length + i]


cdef void sum_task(Py_ssize_t chunk, void* context) noexcept nogil:
    """A stretch of dkernel; the chunk after the last one: dbias."""
    cdef const Gradient* p = <const Gradient*>context
    cdef Py_ssize_t filters = p.walk.conv.filters
    cdef Py_ssize_t kernel_length = p.walk.taps * p.inner * filters
    cdef Py_ssize_t first = chunk * SUM_CHUNK
    cdef Py_ssize_t last = min(first + SUM_CHUNK, kernel_length)
    if first < kernel_length:
        if p.walk.conv.single:
            add_parts[float](p, first, last, <const float*>p.sums, <float*>p.dkernel)
        else:
            add_parts[double](p, first, last, <const double*>p.sums, <double*>p.dkernel)
    elif p.biased:
        if p.walk.conv.single:
            add_parts[float](
                p, 0, filters, <const float*>p.sums + kernel_length, <float*>p.dbias,
            )
        else:
            add_parts[double](
                p, 0, filters, <const double*>p.sums + kernel_length, <double*>p.dbias,
            )


cdef int direct_dkernel(
    const Conv* conv, const Field* x, const Field* dz, real* dkernel, real* dbias,
) noexcept nogil:
    cdef Gradient p
    cdef Py_ssize_t all_panels, kernel_length
    cdef double work = <double>conv.batch * conv.out[0] * conv.out[1] * conv.out[2]
    p.inner, p.outer = conv.channels // conv.groups, conv.filters // conv.groups
    p.panels = divide_up(p.outer, panel_width(conv.single))
    p.x, p.dz = x[0], dz[0]
    p.dkernel, p.dbias, p.sums = dkernel, dbias, NULL
    p.biased, p.failed = dbias != NULL, False
    all_panels = conv.groups * p.panels
    kernel_length = conv.window[0] * conv.window[1] * conv.window[2] * p.inner * conv.filters
    work *= kernel_length
    p.boxes = plan(&p.walk, conv, False, conv.filters, work)
    if p.boxes == 0:
        memset(dkernel, 0, kernel_length * sizeof(real))
        if p.biased:
            memset(dbias, 0, conv.filters * sizeof(real))
        return 0
    # Chunks share out the columns before the places: only these cost partial sums, as large as the
    # kernel each. But four panels at least: every chunk reads x.
    p.columns, p.parts = all_panels, 1
    if work > SMALL_WORK:
        p.columns = max(min(all_panels, 4), divide_up(all_panels, CHUNKS))
        p.parts = CHUNKS // divide_up(all_panels, p.columns)
        p.parts = min(p.parts, 1 + <Py_ssize_t>(work / SMALL_WORK))
    p.column_blocks = divide_up(all_panels, p.columns)
    p.length = kernel_length + (conv.filters if p.biased else 0)
    p.parts = min(p.parts, 1 + PARTS_BYTES // (p.length * <Py_ssize_t>sizeof(real)))
    p.part_boxes = divide_up(p.boxes, max(p.parts, 1))
    p.parts = divide_up(p.boxes, p.part_boxes)
    if p.parts > 1:
        p.sums = malloc((p.parts - 1) * p.length * sizeof(real))
        if p.sums == NULL:
            return -1
    run_chunks(gradient_task, p.parts * p.column_blocks, &p, work / 8)
    if p.parts > 1:
        run_chunks(sum_task, divide_up(kernel_length, SUM_CHUNK) + 1, &p, 1.0 * p.parts * p.length)
        free(p.sums)
    return -1 if p.failed else 0


# ------------------------------------------------------------------------------- sums over places

cdef enum:
    STRIP = 64              # columns that are added up at a time

cdef struct Sums:
    Field field
    bint single
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t part_rows
    void* parts             # one row for each chunk


cdef void sum_rows(
    const Sums* p, Py_ssize_t chunk, const real* values, const real* y, real* total,
) noexcept nogil:
    cdef real line[STRIP]
    cdef Py_ssize_t first = chunk * p.part_rows
    cdef Py_ssize_t last = min(first + p.part_rows, p.rows)
    cdef Py_ssize_t i, j, q, at, width
    cdef int code = p.field.code if y != NULL else LINEAR
    if y == NULL:
        y = values
    total += chunk * p.columns
    for q in range(divide_up(p.columns, STRIP)):
        width = min(<Py_ssize_t>STRIP, p.columns - q * STRIP)
        for j in range(width):
            total[q * STRIP + j] = 0
        for i in range(first, last):
            at = i * p.columns + q * STRIP
            derive(code, width, values + at, y + at, line)
            for j in range(width):
                total[q * STRIP + j] += line[j]


cdef void rows_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef const Sums* p = <const Sums*>context
    if p.single:
        sum_rows(p, chunk, <const float*>p.field.values, <const float*>p.field.y, <float*>p.parts)
    else:
        sum_rows(
            p, chunk, <const double*>p.field.values, <const double*>p.field.y, <double*>p.parts,
        )


cdef int sum_places(
    Py_ssize_t rows, Py_ssize_t columns, const Field* field, real* total,
) noexcept nogil:
    cdef Sums p
    cdef Py_ssize_t chunks = min(<Py_ssize_t>CHUNKS, 1 + rows * columns // SUM_CHUNK)
    cdef Py_ssize_t i, j
    cdef real* parts
    p.field, p.single, p.rows, p.columns = field[0], real is float, rows, columns
    p.part_rows = max(1, divide_up(rows, chunks))
    chunks = divide_up(rows, p.part_rows)
    parts = <real*>malloc(max(1, chunks) * columns * sizeof(real))
    if parts == NULL:
        return -1
    p.parts = parts
    run_chunks(rows_task, chunks, &p, 2.0 * rows * columns)
    for j in range(columns):
        total[j] = 0
    for i in range(chunks):
        for j in range(columns):
            total[j] += parts[i * columns + j]
    free(parts)
    return 0
