"""The gradient of a convolution's kernel, without a transform.

    dkernel[(tap, c), f] = sum over places of x[place + tap, c] dz[place, f]

is the product of direct_conv.pyx with rows and steps exchanged: the same offsets and the same tile,
whose rows now are the numbers under a window and whose steps are the places. dz = dy activation'(y)
is packed, some places at a time, and dbias is added up meanwhile. Chunks of boxes have partial sums
of their own, which are added in the order of the chunks: the same bits for any number of threads.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv
from .conv_tile cimport (
    FLAG_ACCUMULATE, PREFETCH, add_panel, gather, pack_dz, panel_width,
)
from .conv_walk cimport (
    SMALL_WORK, Box, BoxWalk, Field, Phase, begin, divide_up, list_places, list_steps, locate,
    phase_of, plan, read_box,
)
from .fused cimport LINEAR, derive
from .threads cimport Stage, no_memory, release, run_stages, typed_stage

cdef enum:
    RUN = 256               # places whose dz is packed at a time
    CHUNKS = 16             # of a large gradient, about
    PARTS_BYTES = 8 << 20   # of its partial sums, at most
    SUM_CHUNK = 4096        # numbers that are added up at a time


cdef struct KernelGradient:
    BoxWalk walk
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
    bint failed
    void* sums                  # the partial sums but the first, or NULL
    void* dkernel
    void* dbias


cdef inline void pack_gradient(
    const KernelGradient* p, Py_ssize_t places, Py_ssize_t from_panel, Py_ssize_t to_panel,
    const real* values, const real* y, const Py_ssize_t* out_at, real* packed, real* dbias,
) noexcept nogil:
    """dz of the listed places in panels, and its sums added to dbias."""
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t q = from_panel
    cdef Py_ssize_t now, at, columns
    cdef int code = p.dz.code if p.dz.y != NULL else LINEAR
    while q < to_panel:
        # As many panels as there are in one group: their columns lie side by side.
        now = min(to_panel, (q // p.panels + 1) * p.panels) - q
        at = q // p.panels * p.outer + q % p.panels * width
        columns = min(now * width, p.outer - q % p.panels * width)
        pack_dz(code, places, columns, out_at, values + at, y + at, packed)
        q += now
        packed += now * places * width
    if dbias == NULL:
        return
    for q in range(to_panel - 1, from_panel - 1, -1):
        packed -= places * width
        at = q // p.panels * p.outer + q % p.panels * width
        columns = min(width, p.outer - q % p.panels * width)
        add_panel(places, columns, <const real*>packed, dbias + at)


cdef void gradient_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One partial sum, some of its columns. The first one goes to dkernel and dbias themselves."""
    cdef KernelGradient* p = <KernelGradient*>context
    cdef real* dkernel = <real*>p.dkernel
    cdef real* dbias = <real*>p.dbias
    cdef const BoxWalk* w = &p.walk
    cdef const Conv* conv = &w.conv
    cdef Py_ssize_t width = panel_width(real is float)
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
        p.failed = True
        no_memory()
        return
    if chunk // p.column_blocks > 0:
        dkernel = <real*>p.sums + (chunk // p.column_blocks - 1) * p.length
        dbias = dkernel + depth * conv.filters if p.dbias != NULL else NULL
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
        a = read_box(w, &box, &p.x, area)
        start = begin(w, &box)
        values = <const real*>p.dz.values + start
        y = <const real*>p.dz.y + start if p.dz.y != NULL else values
        places = list_places(w, &f, &box, row_at, out_at)
        list_steps(w, &f, &box, p.inner, step_at)
        for run in range(divide_up(places, RUN)):
            i = run * RUN
            now = min(<Py_ssize_t>RUN, places - i)
            if w.taps == 1:  # no neighbour has fetched what a place sees
                for j in range(now):
                    PREFETCH(a + row_at[i + j])
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


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Add the partial sums of a stretch of dkernel, in their order; the last chunk: of dbias."""
    cdef const KernelGradient* p = <const KernelGradient*>context
    cdef Py_ssize_t kernel_length = p.walk.taps * p.inner * p.walk.conv.filters
    cdef Py_ssize_t first = chunk * SUM_CHUNK
    cdef Py_ssize_t last = min(first + SUM_CHUNK, kernel_length)
    cdef const real* parts = <const real*>p.sums
    cdef real* sums = <real*>p.dkernel
    cdef Py_ssize_t part, i
    if first >= kernel_length:
        if p.dbias == NULL:
            return
        first, last = 0, p.walk.conv.filters
        parts += kernel_length
        sums = <real*>p.dbias
    for part in range(p.parts - 1):
        for i in range(first, last):
            sums[i] += parts[part * p.length + i]


cdef int direct_dkernel(
    const Conv* conv, const Field* x, const Field* dz, void* dkernel, void* dbias,
) noexcept nogil:
    cdef KernelGradient p
    cdef Stage stages[2]
    cdef Py_ssize_t item = sizeof(float) if conv.single else sizeof(double)
    cdef Py_ssize_t all_panels, kernel_length, more
    cdef double work = <double>conv.batch * conv.out[0] * conv.out[1] * conv.out[2]
    p.inner, p.outer = conv.channels // conv.groups, conv.filters // conv.groups
    p.panels = divide_up(p.outer, panel_width(conv.single))
    p.x, p.dz = x[0], dz[0]
    p.dkernel, p.dbias, p.sums = dkernel, dbias, NULL
    p.failed = False
    all_panels = conv.groups * p.panels
    kernel_length = conv.window[0] * conv.window[1] * conv.window[2] * p.inner * conv.filters
    # A panel costs the same with fewer filters in it.
    work *= <double>(kernel_length // conv.filters) * all_panels * panel_width(conv.single)
    p.boxes = plan(&p.walk, conv, False, conv.filters, work)
    if p.boxes == 0:
        memset(dkernel, 0, kernel_length * item)
        if dbias != NULL:
            memset(dbias, 0, conv.filters * item)
        return 0
    # Chunks share out the columns before the places: only these cost partial sums, as large as the
    # kernel each. But four panels at least: every chunk reads x.
    p.columns, p.parts = all_panels, 1
    if work > SMALL_WORK:
        p.columns = max(min(all_panels, 4), divide_up(all_panels, CHUNKS))
        p.parts = CHUNKS // divide_up(all_panels, p.columns)
        p.parts = min(p.parts, 1 + <Py_ssize_t>(work / SMALL_WORK))
    for more in range(p.parts, min(p.boxes, 2 * p.parts) + 1):  # equal parts, if there are any
        if p.boxes % more == 0:
            p.parts = more
            break
    p.column_blocks = divide_up(all_panels, p.columns)
    p.length = kernel_length + (conv.filters if dbias != NULL else 0)
    p.parts = min(p.parts, 1 + PARTS_BYTES // (p.length * item))
    p.part_boxes = divide_up(p.boxes, max(p.parts, 1))
    p.parts = divide_up(p.boxes, p.part_boxes)
    if p.parts > 1:
        p.sums = malloc((p.parts - 1) * p.length * item)
        if p.sums == NULL:
            return -1
    stages[0] = typed_stage(
        conv.single, gradient_task[float], gradient_task[double], p.parts * p.column_blocks, &p,
        sizeof(p),
    )
    stages[1] = typed_stage(
        conv.single, sum_task[float], sum_task[double],
        divide_up(kernel_length, SUM_CHUNK) + 1, &p, sizeof(p),
    )
    run_stages(stages, 2 if p.parts > 1 else 1, work / 8 + 1.0 * p.parts * p.length)
    release(p.sums)
    return -1 if p.failed else 0


# ------------------------------------------------------------------------------- sums over places

cdef enum:
    STRIP = 64              # columns that are added up at a time

cdef struct PlaceSums:
    Field field
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t part_rows
    Py_ssize_t chunks
    void* parts             # one row for each chunk
    void* sums


cdef void rows_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The partial sums of some rows; of several rows side by side where they are short."""
    cdef const PlaceSums* p = <const PlaceSums*>context
    cdef const real* values = <const real*>p.field.values
    cdef const real* y = <const real*>p.field.y
    cdef real* sums = <real*>p.parts + chunk * p.columns
    cdef real line[STRIP]
    cdef real total[STRIP]
    cdef Py_ssize_t first = chunk * p.part_rows
    cdef Py_ssize_t last = min(first + p.part_rows, p.rows)
    cdef Py_ssize_t together = max(<Py_ssize_t>1, STRIP // p.columns)
    cdef Py_ssize_t i, j, q, at, width, count
    cdef int code = p.field.code if y != NULL else LINEAR
    if y == NULL:
        y = values
    for q in range(divide_up(p.columns, STRIP)):
        width = min(<Py_ssize_t>STRIP, p.columns - q * STRIP)
        memset(total, 0, sizeof(total))
        i = first
        while i < last:
            at = i * p.columns + q * STRIP
            count = min(together, last - i) * width
            derive(code, count, values + at, y + at, line)
            for j in range(count):
                total[j] += line[j]
            i += together
        for j in range(width, together * width):
            total[j % width] += total[j]
        for j in range(width):
            sums[q * STRIP + j] = total[j]


cdef void add_rows_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The partial sums, added in the order of the chunks."""
    cdef const PlaceSums* p = <const PlaceSums*>context
    cdef const real* parts = <const real*>p.parts
    cdef real* sums = <real*>p.sums
    cdef Py_ssize_t i, j
    for j in range(p.columns):
        sums[j] = 0
    for i in range(p.chunks):
        for j in range(p.columns):
            sums[j] += parts[i * p.columns + j]


cdef int sum_places(
    bint single, Py_ssize_t rows, Py_ssize_t columns, const Field* field, void* sums,
) noexcept nogil:
    cdef PlaceSums p
    cdef Stage stages[2]
    cdef Py_ssize_t item = sizeof(float) if single else sizeof(double)
    cdef Py_ssize_t chunks = min(<Py_ssize_t>CHUNKS, 1 + rows * columns // SUM_CHUNK)
    p.field, p.rows, p.columns, p.sums = field[0], rows, columns, sums
    p.part_rows = max(1, divide_up(rows, chunks))
    p.chunks = divide_up(rows, p.part_rows)
    p.parts = malloc(max(1, p.chunks) * columns * item)
    if p.parts == NULL:
        return -1
    stages[0] = typed_stage(single, rows_task[float], rows_task[double], p.chunks, &p, sizeof(p))
    stages[1] = typed_stage(single, add_rows_task[float], add_rows_task[double], 1, &p, sizeof(p))
    run_stages(stages, 2, 2.0 * rows * columns)
    release(p.parts)
    return 0
