"""The convolution of every shape, without a transform: its sums in the order in which they stand.

Channels last, the numbers that one output place sees in a row of its window lie side by side, and
those of neighbouring places overlap. So nothing is copied together into a matrix (im2col): two
lists of offsets say where a place begins (row_at) and where the numbers under a window stand from
there (step_at), and the tile of conv_tile.h looks them up. Its sums stay in registers over the
whole window.

    forward         rows: places of y   steps: (tap, channel)   b: the kernel
    gradient of x   rows: places of x   steps: (tap, filter)    b: the kernel, transposed

conv_walk.pxd cuts the work into boxes of places, by the shapes alone. The kernel is packed into
panels once, for all of them.
"""

from libc.stdlib cimport free, malloc

from .arrays cimport real
from .conv cimport Conv
from .conv_tile cimport (
    FLAG_ACCUMULATE, FLAG_RELU, gather, pack_columns, pack_rows, panel_width,
)
from .conv_walk cimport (
    FEW_CHUNKS, SMALL_WORK, Box, BoxWalk, Field, Phase, begin, divide_up, list_places, list_steps,
    locate, next_tap, phase_of, phases, plan, read_box,
)
from .fused cimport RELU, SIGMOID, TANH, activate
from .threads cimport Stage, no_memory, release, run_stages, typed_stage

cdef enum:
    MOST_DEPTH = 288    # steps between two visits to c: a panel of b stays in the first cache


cdef struct DirectProduct:
    BoxWalk walk
    Field source
    Py_ssize_t inner            # channels of the source and of the result, in one group
    Py_ssize_t outer
    Py_ssize_t panels           # of one group
    Py_ssize_t columns          # panels of all groups that one chunk computes
    Py_ssize_t column_blocks
    int activation
    bint failed                 # some chunk found no memory
    const void* kernel
    const void* bias
    void* packed                # the kernel: phases, groups, panels, steps, columns
    void* result


cdef void pack_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One panel: the kernel's numbers in the order of the steps, `outer` channels side by side."""
    cdef const DirectProduct* p = <const DirectProduct*>context
    cdef const real* kernel = <const real*>p.kernel
    cdef real* packed = <real*>p.packed
    cdef const Conv* conv = &p.walk.conv
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t each = conv.groups * p.panels
    cdef Py_ssize_t group = chunk % each // p.panels
    cdef Py_ssize_t j = chunk % p.panels * width
    cdef Py_ssize_t columns = min(width, p.outer - j)
    cdef Py_ssize_t per_tap = conv.channels // conv.groups * conv.filters
    cdef Py_ssize_t tap = -1
    cdef Py_ssize_t i
    cdef Phase f
    cdef const real* at
    for i in range(chunk // each):
        phase_of(&p.walk, i, &f)
        packed += f.taps * p.inner * each * width
    phase_of(&p.walk, chunk // each, &f)
    packed += f.taps * p.inner * (chunk % each) * width
    for _ in range(f.taps):
        tap = next_tap(&p.walk, &f, tap)
        at = kernel + tap * per_tap + group * (conv.filters // conv.groups)
        if p.walk.reverse:
            at += j * conv.filters
            pack_columns(p.inner, columns, at, conv.filters, packed)
        else:
            pack_rows(p.inner, columns, at + j, conv.filters, packed)
        packed += p.inner * width


cdef void product_phase(
    const DirectProduct* p, const Phase* f, Py_ssize_t places, Py_ssize_t from_panel,
    Py_ssize_t to_panel, const real* a, const Py_ssize_t* row_at, const Py_ssize_t* step_at,
    const real* packed, real* c, const Py_ssize_t* out_at,
) noexcept nogil:
    """Some panels of the result, for the listed places."""
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t depth = f.taps * p.inner
    cdef Py_ssize_t part = divide_up(depth, max(1, divide_up(depth, MOST_DEPTH)))
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t now, q, j, at
    cdef const real* bias
    cdef int flags
    while True:
        now = min(part, depth - done)
        flags = FLAG_ACCUMULATE if done else 0
        bias = NULL
        if done + now >= depth:
            bias = <const real*>p.bias
            if p.activation == RELU:
                flags |= FLAG_RELU
        for q in range(from_panel, to_panel):
            j = q % p.panels * width
            at = q // p.panels * p.outer + j
            gather(
                places, now, a + q // p.panels * p.inner, row_at, step_at + done,
                packed + (q * depth + done) * width, c + at, out_at, min(width, p.outer - j),
                bias + at if bias != NULL else NULL, flags,
            )
        done += now
        if done >= depth:
            break


cdef void product_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One box of the result, some of its columns."""
    cdef DirectProduct* p = <DirectProduct*>context
    cdef const real* packed = <const real*>p.packed
    cdef real* result = <real*>p.result
    cdef const BoxWalk* w = &p.walk
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t all_panels = w.conv.groups * p.panels
    cdef Py_ssize_t from_panel = chunk % p.column_blocks * p.columns
    cdef Py_ssize_t to_panel = min(from_panel + p.columns, all_panels)
    cdef Py_ssize_t i, j, first, places, at, end
    cdef Py_ssize_t tables = 2 * w.most + w.taps * p.inner
    cdef void* memory = malloc(tables * sizeof(Py_ssize_t) + w.area * sizeof(real))
    cdef Py_ssize_t* row_at = <Py_ssize_t*>memory
    cdef Py_ssize_t* out_at = row_at + w.most
    cdef Py_ssize_t* step_at = out_at + w.most
    cdef const real* a
    cdef Box box
    cdef Phase f
    if memory == NULL:
        p.failed = True
        no_memory()
        return
    locate(w, chunk // p.column_blocks, &box)
    a = read_box(w, &box, &p.source, <real*>(<char*>memory + tables * sizeof(Py_ssize_t)))
    result += begin(w, &box)
    for i in range(phases(w)):
        phase_of(w, i, &f)
        places = list_places(w, &f, &box, row_at, out_at)
        if places:
            list_steps(w, &f, &box, p.inner, step_at)
            product_phase(
                p, &f, places, from_panel, to_panel, a, row_at, step_at, packed, result, out_at,
            )
            if p.activation == TANH or p.activation == SIGMOID:
                at = from_panel // p.panels * p.outer + from_panel % p.panels * width
                end = (to_panel - 1) // p.panels * p.outer + min(
                    p.outer, ((to_panel - 1) % p.panels + 1) * width
                )
                j = 0
                while j < places:  # places that lie side by side at once: there may be few columns
                    first = j
                    while j + 1 < places and out_at[j + 1] == out_at[j] + end - at:
                        j += 1
                    j += 1
                    activate(p.activation, (j - first) * (end - at), result + out_at[first] + at)
        packed += f.taps * p.inner * all_panels * width
    free(memory)


cdef int direct_product(
    const Conv* conv, bint reverse, const Field* source, const void* kernel, const void* bias,
    int activation, void* result,
) noexcept nogil:
    cdef DirectProduct p
    cdef Stage stages[2]
    cdef Py_ssize_t item = sizeof(float) if conv.single else sizeof(double)
    cdef Py_ssize_t width = panel_width(conv.single)
    cdef Py_ssize_t channels = conv.channels if reverse else conv.filters
    cdef Py_ssize_t all_panels, boxes, packed
    cdef double work = <double>conv.batch * conv.out[0] * conv.out[1] * conv.out[2]
    work *= <double>conv.window[0] * conv.window[1] * conv.window[2]
    work *= <double>conv.channels // conv.groups * conv.filters
    p.outer = channels // conv.groups
    p.inner = (conv.filters if reverse else conv.channels) // conv.groups
    p.panels = divide_up(p.outer, width)
    p.source = source[0]
    p.kernel, p.bias, p.result = kernel, bias, result
    p.activation, p.failed = activation, False
    all_panels = conv.groups * p.panels
    boxes = plan(&p.walk, conv, reverse, channels, work)
    if boxes == 0:
        return 0
    # Few boxes of a large product: several chunks share a box, each with some of its columns.
    p.column_blocks = 1
    if work > SMALL_WORK * FEW_CHUNKS:
        p.column_blocks = min(divide_up(FEW_CHUNKS, boxes), divide_up(all_panels, 2))
    p.columns = divide_up(all_panels, p.column_blocks)
    p.column_blocks = divide_up(all_panels, p.columns)
    packed = p.walk.taps * p.inner * all_panels * width
    p.packed = malloc(packed * item)
    if p.packed == NULL:
        return -1
    stages[0] = typed_stage(
        conv.single, pack_task[float], pack_task[double], phases(&p.walk) * all_panels, &p,
        sizeof(p),
    )
    stages[1] = typed_stage(
        conv.single, product_task[float], product_task[double], boxes * p.column_blocks, &p,
        sizeof(p),
    )
    run_stages(stages, 2, 2.0 * packed + work / 8)
    release(p.packed)
    return -1 if p.failed else 0
