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

The gradient of x may have few channels, which fill no vector, or see much of the padding. Then it
is less work to go the other way, from each place of y to what stands under its window:

    spread          rows: places of y   steps: filter            b: the kernel, (tap, channel)

Its sums are added to x where they belong. An image is one chunk, so no two threads add to one
place.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport real
from .conv cimport Conv
from .conv_tile cimport (
    FLAG_ACCUMULATE, FLAG_RELU, add_runs, gather, lanes_f32, lanes_f64, pack_columns, pack_rows,
    panel_width,
)
from .conv_walk cimport (
    FEW_CHUNKS, SMALL_WORK, Box, BoxWalk, Field, Phase, begin, divide_up, list_places, list_steps,
    locate, next_tap, phase_of, phases, plan, read_box,
)
from .fused cimport LINEAR, RELU, SIGMOID, TANH, activate, derive
from .threads cimport Stage, no_memory, release, run_stages, typed_stage

cdef enum:
    MOST_DEPTH = 288    # steps between two visits to c: a panel of b stays in the first cache
    SPREAD_BYTES = 1 << 16  # of sums, before they are added to x


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


cdef inline bint sees_padding(const BoxWalk* w, const Box* box) noexcept nogil:
    cdef bint inside = True
    cdef int axis
    for axis in range(1, 4):
        inside &= box.low[axis] >= 0
        inside &= box.low[axis] + box.length[axis] <= w.seen[axis - 1]
    return not inside


cdef real sum_of_what_exists(
    const DirectProduct* p, Py_ssize_t place, Py_ssize_t channel, const real* like,
) noexcept nogil:
    """A number of the gradient of x, without the padding around y."""
    cdef const Conv* conv = &p.walk.conv
    cdef const real* values = <const real*>p.source.values
    cdef const real* y = <const real*>p.source.y if p.source.y != NULL else values
    cdef const real* kernel = <const real*>p.kernel
    cdef int code = p.source.code if p.source.y != NULL else LINEAR
    cdef Py_ssize_t first = channel // p.outer * p.inner
    cdef Py_ssize_t at[3]
    cdef Py_ssize_t o[3]
    cdef Py_ssize_t tap, left, seen, f
    cdef real number = 0, sum = 0
    cdef bint exists
    cdef int axis
    for axis in range(2, -1, -1):
        at[axis] = place % conv.size[axis] + conv.before[axis]
        place //= conv.size[axis]
    for tap in range(p.walk.taps):
        left, exists = tap, True
        for axis in range(2, -1, -1):
            o[axis] = at[axis] - left % conv.window[axis] * conv.dilation[axis]
            left //= conv.window[axis]
            exists &= o[axis] >= 0 and o[axis] % conv.stride[axis] == 0
            o[axis] //= conv.stride[axis]
            exists &= o[axis] < conv.out[axis]
        if not exists:
            continue
        seen = ((place * conv.out[0] + o[0]) * conv.out[1] + o[1]) * conv.out[2] + o[2]
        seen = seen * conv.filters + first
        left = (tap * p.outer + channel % p.outer) * conv.filters + first
        for f in range(p.inner):
            derive(code, 1, values + seen + f, y + seen + f, &number)
            sum += number * kernel[left + f]
    if p.bias != NULL:
        sum += (<const real*>p.bias)[channel]
    return 0 if p.activation == RELU and sum < 0 else sum


cdef void leave_out_padding(
    const DirectProduct* p, Py_ssize_t first, Py_ssize_t count, const real* like,
) noexcept nogil:
    """A zero of the padding times infinity is NaN: add up anew, where that has come out, what
    exists. The zeros around x count in the reference too, those around y are not there.
    """
    cdef real* result = <real*>p.result + first
    cdef Py_ssize_t channels = p.walk.conv.channels, i
    cdef bint found = False
    for i in range(count):
        found |= result[i] != result[i]
    if found:
        for i in range(count):
            if result[i] != result[i]:
                result[i] = sum_of_what_exists(
                    p, (first + i) // channels, (first + i) % channels, like,
                )


cdef void clear_box(
    const BoxWalk* w, const Box* box, real* result, const real* like
) noexcept nogil:
    """Zeros in a box of the result, line by line."""
    cdef Py_ssize_t n, i, j
    for n in range(box.count[0]):
        for i in range(box.count[1]):
            for j in range(box.count[2]):
                memset(
                    result + n * w.place[0] + i * w.place[1] + j * w.place[2], 0,
                    box.count[3] * w.place[3] * sizeof(real),
                )


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
    cdef Py_ssize_t i, j, first, places, at, end, start
    cdef Py_ssize_t tables = 2 * w.most + w.taps * p.inner
    cdef void* memory = malloc(tables * sizeof(Py_ssize_t) + w.area * sizeof(real))
    cdef Py_ssize_t* row_at = <Py_ssize_t*>memory
    cdef Py_ssize_t* out_at = row_at + w.most
    cdef Py_ssize_t* step_at = out_at + w.most
    cdef const real* a
    cdef bint bends = p.activation == TANH or p.activation == SIGMOID
    cdef bint mends
    # Places that no window sees: all the places of some phases.
    cdef bint gaps = w.reverse and p.column_blocks == 1 and p.bias == NULL and not bends and (
        w.conv.stride[0] > w.conv.window[0] or w.conv.stride[1] > w.conv.window[1]
        or w.conv.stride[2] > w.conv.window[2]
    )
    cdef Box box
    cdef Phase f
    if memory == NULL:
        p.failed = True
        no_memory()
        return
    locate(w, chunk // p.column_blocks, &box)
    mends = w.reverse and sees_padding(w, &box)
    a = read_box(w, &box, &p.source, <real*>(<char*>memory + tables * sizeof(Py_ssize_t)))
    start = begin(w, &box)
    result += start
    if gaps:
        clear_box(w, &box, result, like)
    for i in range(phases(w)):
        phase_of(w, i, &f)
        if gaps and f.taps == 0:
            continue
        places = list_places(w, &f, &box, row_at, out_at)
        if places:
            list_steps(w, &f, &box, p.inner, step_at)
            product_phase(
                p, &f, places, from_panel, to_panel, a, row_at, step_at, packed, result, out_at,
            )
            if mends or bends:
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
                    if mends:
                        leave_out_padding(
                            p, start + out_at[first] + at, (j - first) * (end - at), like,
                        )
                    if bends:
                        activate(
                            p.activation, (j - first) * (end - at), result + out_at[first] + at,
                        )
        packed += f.taps * p.inner * all_panels * width
    free(memory)


# ------------------------------------------------------------------- from a place to its window

cdef struct SpreadProduct:
    Conv conv
    Field source
    Py_ssize_t places           # of y in one image
    Py_ssize_t columns          # numbers under a window
    Py_ssize_t panels
    Py_ssize_t block            # places at a time
    bint failed
    const void* kernel
    const void* bias
    int activation
    void* packed                # the kernel: panels, filters, columns
    void* result


cdef bint spread_pays(const Conv* conv) noexcept nogil:
    """Whether it takes fewer vectors of additions than to gather. Looks at shapes only."""
    cdef Py_ssize_t lanes = lanes_f32 if conv.single else lanes_f64
    cdef double taps = <double>conv.window[0] * conv.window[1] * conv.window[2]
    cdef double gathered = <double>conv.size[0] * conv.size[1] * conv.size[2]
    cdef double spread = <double>conv.out[0] * conv.out[1] * conv.out[2]
    cdef double lines = <double>conv.window[0] * conv.window[1]
    if conv.groups > 1 or conv.dilation[2] > 1 or conv.batch < FEW_CHUNKS:
        return False
    if conv.stride[0] > conv.window[0] or conv.stride[1] > conv.window[1]:
        return False  # gathering skips the places that no window sees
    gathered *= taps / conv.stride[0] / conv.stride[1] / conv.stride[2] * conv.filters
    gathered *= divide_up(conv.channels, lanes)
    spread *= (
        conv.filters * divide_up(<Py_ssize_t>taps * conv.channels, lanes)
        + 8 * lines * divide_up(conv.window[2] * conv.channels, lanes)
    )
    return spread < 0.8 * gathered


cdef void pack_window_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One panel: numbers under the window side by side, for one filter after the other."""
    cdef const SpreadProduct* p = <const SpreadProduct*>context
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t filters = p.conv.filters
    cdef Py_ssize_t first = chunk * width
    pack_columns(
        filters, min(width, p.columns - first), <const real*>p.kernel + first * filters, filters,
        <real*>p.packed + first * filters,
    )


cdef inline void spread_place(
    const Conv* conv, Py_ssize_t place, const real* sums, real* result,
) noexcept nogil:
    """Add the sums under the window of one place to an image of the result."""
    cdef Py_ssize_t low[3]
    cdef Py_ssize_t axis, i, first, last, run = conv.window[2] * conv.channels
    cdef Py_ssize_t line = conv.size[2] * conv.channels
    for axis in range(2, -1, -1):
        low[axis] = place % conv.out[axis] * conv.stride[axis] - conv.before[axis]
        place //= conv.out[axis]
    # The part of a line, and of the lines of a plane, that is not in the padding.
    sums += max(0, -low[2]) * conv.channels
    run = (min(conv.size[2], low[2] + conv.window[2]) - max(0, low[2])) * conv.channels
    first = divide_up(max(0, -low[1]), conv.dilation[1])
    last = min(conv.window[1], divide_up(max(0, conv.size[1] - low[1]), conv.dilation[1]))
    result += (low[1] + first * conv.dilation[1]) * line + max(0, low[2]) * conv.channels
    for i in range(conv.window[0]):
        if 0 <= low[0] < conv.size[0] and run > 0:
            add_runs(
                last - first, run,
                sums + (i * conv.window[1] + first) * conv.window[2] * conv.channels,
                conv.window[2] * conv.channels, result + low[0] * conv.size[1] * line,
                conv.dilation[1] * line,
            )
        low[0] += conv.dilation[0]


cdef void spread_task(Py_ssize_t image, void* context, const real* like) noexcept nogil:
    """One image of the result."""
    cdef SpreadProduct* p = <SpreadProduct*>context
    cdef const Conv* conv = &p.conv
    cdef Py_ssize_t width = panel_width(real is float)
    cdef Py_ssize_t filters = conv.filters
    cdef Py_ssize_t size = conv.size[0] * conv.size[1] * conv.size[2] * conv.channels
    cdef Py_ssize_t row = p.panels * width
    cdef Py_ssize_t tables = 2 * p.block + filters
    cdef Py_ssize_t numbers = p.block * row
    cdef void* memory
    cdef Py_ssize_t* row_at
    cdef Py_ssize_t* out_at
    cdef Py_ssize_t* step_at
    cdef real* sums
    cdef real* dz
    cdef real* result = <real*>p.result + image * size
    cdef const real* bias = <const real*>p.bias
    cdef const real* values = <const real*>p.source.values + image * p.places * filters
    cdef const real* y = <const real*>p.source.y
    cdef const real* a
    cdef Py_ssize_t first, now, i, q
    if y != NULL:
        y += image * p.places * filters
        numbers += p.block * filters
    memory = malloc(tables * sizeof(Py_ssize_t) + numbers * sizeof(real))
    if memory == NULL:
        p.failed = True
        no_memory()
        return
    row_at = <Py_ssize_t*>memory
    out_at = row_at + p.block
    step_at = out_at + p.block
    sums = <real*>(step_at + filters)
    dz = sums + p.block * row
    for i in range(p.block):
        row_at[i], out_at[i] = i * filters, i * row
    for i in range(filters):
        step_at[i] = i
    if bias == NULL:
        memset(result, 0, size * sizeof(real))
    else:
        for i in range(size):
            result[i] = bias[i % conv.channels]
    first = 0
    while first < p.places:
        now = min(p.block, p.places - first)
        a = values + first * filters
        if y != NULL:
            derive(p.source.code, now * filters, a, y + first * filters, dz)
            a = dz
        for q in range(p.panels):
            gather(
                now, filters, a, row_at, step_at, <const real*>p.packed + q * filters * width,
                sums + q * width, out_at, min(width, p.columns - q * width), NULL, 0,
            )
        for i in range(now):
            spread_place(conv, first + i, sums + i * row, result)
        first += now
    activate(p.activation, size, result)
    free(memory)


cdef int spread_product(
    const Conv* conv, const Field* source, const void* kernel, const void* bias, int activation,
    void* result, double work,
) noexcept nogil:
    """The same as direct_product, reversed."""
    cdef SpreadProduct p
    cdef Stage stages[2]
    cdef Py_ssize_t item = sizeof(float) if conv.single else sizeof(double)
    cdef Py_ssize_t width = panel_width(conv.single)
    p.conv, p.source = conv[0], source[0]
    p.kernel, p.bias, p.activation, p.result = kernel, bias, activation, result
    p.failed = False
    p.places = conv.out[0] * conv.out[1] * conv.out[2]
    p.columns = conv.window[0] * conv.window[1] * conv.window[2] * conv.channels
    p.panels = divide_up(p.columns, width)
    p.block = max(1, min(p.places, SPREAD_BYTES // (p.panels * width * item)))
    p.packed = malloc(p.panels * width * conv.filters * item)
    if p.packed == NULL:
        return -1
    stages[0] = typed_stage(
        conv.single, pack_window_task[float], pack_window_task[double], p.panels, &p, sizeof(p),
    )
    stages[1] = typed_stage(
        conv.single, spread_task[float], spread_task[double], conv.batch, &p, sizeof(p),
    )
    run_stages(stages, 2, 2.0 * p.columns * conv.filters + work / 8)
    release(p.packed)
    return -1 if p.failed else 0


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
    if reverse and spread_pays(conv):
        return spread_product(conv, source, kernel, bias, activation, result, work)
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
