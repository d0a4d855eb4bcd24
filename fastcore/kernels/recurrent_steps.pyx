"""A chunk of sequences through all the steps of a recurrent layer, and back.

Sequences do not know of each other, so a thread takes a chunk of them through all the steps, at its
own pace: nobody waits between steps. What every step needs of a weight matrix, its panels, is
packed once for all. The product of x is made for all steps at once, right where the gates will
stand; a step adds its recurrent product to it and turns the sums into gates and states in one pass
(gates.pyx). Nothing is allocated on the way: the work areas lie ready.

A layer is one parallel region forward (packing, steps) and one back (packing, steps, the sum of the
chunks' shares of the weights' gradients). Where the weights are small (`local`) the chunks make the
product of x themselves and, on the way back, dx and their share of the weights' gradients, while
all that these read is still near. Where they are large gemm does, before and after, over all the
steps of all sequences. Where both kernels see the same gradients (all but the GRU), x is put beside
h for that: one product gives both.

The rows of a chunk stand T apart in what goes from step to step (they are arrays (N, T, ...)).
"""

from libc.string cimport memset

from .arrays cimport real
from .fused cimport LINEAR
from .gates cimport (
    add_row, add_rows, add_times_row, copy_row, gru_step, gru_step_back, lstm_step, lstm_step_back,
    reset_before_gates, reset_before_gates_back, reset_before_state, reset_before_state_back,
    simple_step, simple_step_back, times_row,
)
from .gemm cimport Product, add_product, end_product
from .gemm_tile cimport (
    FLAG_ACCUMULATE, PREFETCH, ROWS, lanes_f32, lanes_f64, pack_columns, pack_rows, panel_product,
    panel_width,
)
from .threads cimport Region, add_stage, run_region, typed_stage

cdef enum:
    STEP_DEPTH = 272    # of a product between two visits to its result: a panel stays in L1
    INPUT_ROWS = 96     # places of x whose product is made at a time
    PACK_PANELS = 4     # that one task packs
    SUM_NUMBERS = 8192  # that one task sums


cdef inline Py_ssize_t place_of(const Layer* p, Py_ssize_t step) noexcept nogil:
    return p.steps - 1 - step if p.go_backwards else step


# ----------------------------------------------------------- products with a packed right factor

cdef void rows_under(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, Py_ssize_t a_col,
    const real* b, real* c, Py_ssize_t c_row, Py_ssize_t columns, const real* bias, int flags,
) noexcept nogil:
    """panel_product; two rows left over would go as slowly as four: they take four with them."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t lanes = lanes_f32 if real is float else lanes_f64
    cdef Py_ssize_t i = rows
    if ROWS == 6 and rows % ROWS == 2 and rows > 2 and columns > lanes:
        i = rows - 8
    panel_product(i, depth, a, a_row, a_col, 0, b, panel, c, c_row, columns, bias, flags)
    while i < rows:
        panel_product(
            4, depth, a + i * a_row, a_row, a_col, 0, b, panel, c + i * c_row, c_row, columns,
            bias, flags,
        )
        i += 4


cdef void multiply(
    Py_ssize_t rows, Py_ssize_t depth, const real* a, Py_ssize_t a_row, const real* b,
    Py_ssize_t columns, real* c, Py_ssize_t c_row, const real* bias, int flags,
) noexcept nogil:
    """c (+)= a b + bias, with b in panels."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t j = 0, k, width
    cdef int more
    while j < columns:
        width = min(panel, columns - j)
        k, more = 0, flags
        while k + STEP_DEPTH < depth:
            rows_under(
                rows, <Py_ssize_t>STEP_DEPTH, a + k, a_row, 1, b + k * panel, c + j, c_row, width,
                <const real*>NULL, more,
            )
            k += STEP_DEPTH
            more |= FLAG_ACCUMULATE
        rows_under(
            rows, depth - k, a + k, a_row, 1, b + k * panel, c + j, c_row, width,
            bias + j if bias != NULL else NULL, more,
        )
        j += panel
        b += depth * panel


cdef inline void fetch(
    Py_ssize_t rows, Py_ssize_t n, const real* at, Py_ssize_t at_row,
) noexcept nogil:
    """Rows of a chunk that are wanted soon: they come while a product runs."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        j = 0
        while j < n:
            PREFETCH(at + i * at_row + j)
            j += 64 // sizeof(real)


cdef void pack_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """A few panels of one of the matrices."""
    cdef const Layer* p = <const Layer*>context
    cdef const Pack* m = &p.packs[chunk // p.pack_groups]
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t first = chunk % p.pack_groups * PACK_PANELS * panel
    cdef Py_ssize_t end = min(m.columns, first + PACK_PANELS * panel)
    cdef const real* source = <const real*>m.source
    cdef real* packed = <real*>m.packed + first // panel * m.stride
    if first >= end:
        return
    if not m.transpose:
        pack_rows(m.depth, end - first, source + first, m.source_row, packed)
        return
    while first < end:
        pack_columns(
            m.depth, min(panel, end - first), source + first * m.source_row, m.source_row, packed,
        )
        first += panel
        packed += m.stride


# ------------------------------------------------------------------------------------- forward

cdef inline void find_begins(const Layer* p, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    """Where each sequence begins to have an output: at its first step that is not masked."""
    cdef Py_ssize_t n, step
    if p.mask == NULL:
        return
    for n in range(first, end):
        step = 0
        while step < p.steps and not p.mask[n * p.steps + place_of(p, step)]:
            step += 1
        p.begins[n] = step


cdef inline real* state_before(
    const Layer* p, const real* states, const void* initial, Py_ssize_t n, Py_ssize_t step,
) noexcept nogil:
    """The state of sequence n before that step, among those of all steps, or NULL for no state."""
    cdef Py_ssize_t at
    if states == NULL:
        return NULL
    if step > 0:
        at = n * p.steps + place_of(p, step - 1)
        return <real*>states + at * p.units
    if initial != NULL:
        return <real*>initial + n * p.units
    return <real*>p.zeros


cdef void forward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """A chunk of sequences through all the steps."""
    cdef const Layer* p = <const Layer*>context
    cdef Py_ssize_t T = p.steps, U = p.units, columns = p.gate_columns
    cdef Py_ssize_t first = chunk * p.chunk_rows
    cdef Py_ssize_t rows = min(p.chunk_rows, p.rows - first)
    cdef const real* factors = <const real*>p.recurrent_mask
    cdef real* hs = <real*>p.hs
    cdef real* cs = <real*>p.cs
    cdef real* vs = <real*>p.vs
    cdef real* gates = <real*>p.hs if p.layer == SIMPLE else <real*>p.gates
    cdef real* h_in = <real*>p.work + chunk * p.chunk_work
    cdef real* reset_h = h_in + p.chunk_rows * U
    cdef bint reset_before = p.layer == GRU and not p.reset_after
    cdef Py_ssize_t i, n, k, t, at, step
    cdef real* h_before
    cdef real* g
    cdef real* y
    find_begins(p, first, first + rows)
    if p.local:
        k = first * T
        while k < (first + rows) * T:
            multiply(
                min(<Py_ssize_t>INPUT_ROWS, (first + rows) * T - k), p.features,
                <const real*>p.x + k * p.features, p.features, <const real*>p.packed_kernel,
                columns, gates + k * columns, columns, <const real*>p.bias, 0,
            )
            k += INPUT_ROWS
    for step in range(T):
        t = place_of(p, step)
        at = first * T + t
        for i in range(rows):
            h_before = state_before(p, hs, p.h0, first + i, step)
            if factors != NULL:
                times_row(U, h_before, <real*>factors + (first + i) * U, h_in + i * U)
            else:
                copy_row(U, h_before, h_in + i * U)
        fetch(rows, U, hs + at * U, T * U)
        if cs != NULL:
            fetch(rows, U, cs + at * U, T * U)
        if p.layer == GRU:
            fetch(rows, U, gates + at * columns + 2 * U, T * columns)
        multiply(
            rows, U, h_in, U, <const real*>p.packed_recurrent, 2 * U if p.layer == GRU else columns,
            gates + at * columns, T * columns, NULL, FLAG_ACCUMULATE,
        )
        if vs != NULL:
            multiply(
                rows, U, h_in, U, <const real*>p.packed_h, U, vs + at * U, T * U,
                <const real*>p.bias_h, 0,
            )
        if reset_before:
            for i in range(rows):
                g = gates + (at + i * T) * columns
                reset_before_gates(U, p.sigma, h_in + i * U, g, g + U, reset_h + i * U)
            multiply(
                rows, U, reset_h, U, <const real*>p.packed_h, U, gates + at * columns + 2 * U,
                T * columns, NULL, FLAG_ACCUMULATE,
            )
        for i in range(rows):
            n = first + i
            forward_row(p, n, step, gates, hs, cs, vs)
            if p.y != NULL and p.sequences:
                y = <real*>p.y + (n * T + step) * U
                if p.mask != NULL and step < p.begins[n]:
                    memset(y, 0, U * sizeof(real))
                else:
                    copy_row(U, hs + (n * T + t) * U, y)
    for n in range(first, first + rows):
        at = n * T + place_of(p, T - 1)
        copy_row(U, hs + at * U, <real*>p.h + n * U)
        if cs != NULL:
            copy_row(U, cs + at * U, <real*>p.c + n * U)
        if not p.sequences:
            if p.mask != NULL and p.begins[n] == T:
                memset(<real*>p.y + n * U, 0, U * sizeof(real))
            else:
                copy_row(U, hs + at * U, <real*>p.y + n * U)


cdef inline void forward_row(
    const Layer* p, Py_ssize_t n, Py_ssize_t step, real* gates, real* hs, real* cs, real* vs,
) noexcept nogil:
    """The gates of one sequence, whose sums are made, and its states after the step."""
    cdef Py_ssize_t U = p.units
    cdef Py_ssize_t at = n * p.steps + place_of(p, step)
    cdef real* h_before = state_before(p, hs, p.h0, n, step)
    cdef real* c_before = state_before(p, cs, p.c0, n, step)
    cdef real* g = gates + at * p.gate_columns
    cdef real* h = hs + at * U
    if p.mask != NULL and not p.mask[at]:
        memset(g, 0, p.gate_columns * sizeof(real))
        copy_row(U, h_before, h)
        if cs != NULL:
            copy_row(U, c_before, cs + at * U)
        if vs != NULL:
            memset(vs + at * U, 0, U * sizeof(real))
    elif p.layer == LSTM:
        lstm_step(
            U, p.phi, p.sigma, c_before, g, g + U, g + 2 * U, g + 3 * U, cs + at * U, h,
        )
    elif p.layer == SIMPLE:
        simple_step(U, p.phi, h)
    elif p.reset_after:
        gru_step(U, p.phi, p.sigma, h_before, vs + at * U, g, g + U, g + 2 * U, h)
    else:
        reset_before_state(U, p.phi, h_before, g, g + 2 * U, h)


cdef void run_forward(Layer* p, const real* like) noexcept nogil:
    """All of it in one region, into which the threads are called once."""
    cdef Region region
    cdef Product of_x
    region.count, region.work = 0, 0
    if not p.local:
        add_product(
            &region, &of_x, p.single, False, False, p.rows * p.steps, p.gate_columns, p.features,
            p.x, p.features, p.kernel, p.gate_columns, p.hs if p.layer == SIMPLE else p.gates,
            p.gate_columns, p.bias, LINEAR, False,
        )
    add_stage(
        &region,
        typed_stage(
            p.single, pack_task[float], pack_task[double], pack_tasks(p), p, sizeof(p[0]),
        ), 0,
    )
    add_stage(
        &region,
        typed_stage(
            p.single, forward_task[float], forward_task[double], p.chunks, p, sizeof(p[0]),
        ),
        step_work(p),
    )
    run_region(&region)
    if not p.local:
        end_product(&of_x)


# ------------------------------------------------------------------------------------ backward

cdef void backward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """A chunk of sequences through all the steps, the last first: da of all steps, dh0 and dc0."""
    cdef const Layer* p = <const Layer*>context
    cdef Py_ssize_t T = p.steps, U = p.units, columns = p.gate_columns, da_columns = p.da_columns
    cdef Py_ssize_t first = chunk * p.chunk_rows
    cdef Py_ssize_t rows = min(p.chunk_rows, p.rows - first)
    cdef bint reset_before = p.layer == GRU and not p.reset_after
    cdef const real* factors = <const real*>p.recurrent_mask
    cdef const real* gates = <const real*>p.gates
    cdef const real* cs = <const real*>p.cs
    cdef const real* vs = <const real*>p.vs
    cdef real* dh = <real*>p.dh + first * U
    cdef real* da = <real*>p.da
    cdef real* h_in = <real*>p.h_in
    cdef real* reset_h = <real*>p.reset_h
    cdef real* s = <real*>p.work + chunk * p.chunk_work  # goes to h_in, where no part of dh yet
    cdef real* sums = <real*>p.dbias + chunk * da_columns if p.dbias != NULL else NULL
    cdef bint aside = factors != NULL or reset_before
    cdef Py_ssize_t depth = columns if p.layer != GRU else 2 * U if reset_before else 3 * U
    cdef Py_ssize_t i, t, at, step
    cdef real* r
    if sums != NULL:
        memset(sums, 0, da_columns * sizeof(real))
    find_begins(p, first, first + rows)
    for step in range(T - 1, -1, -1):
        t = place_of(p, step)
        at = first * T + t
        for i in range(rows):
            backward_row(p, first + i, step, da, h_in)
        if reset_before:
            multiply(
                rows, U, da + at * da_columns + 2 * U, T * da_columns, <const real*>p.packed_h, U,
                s, U, NULL, 0,
            )
            for i in range(rows):  # at a masked step r and s are 0
                r = <real*>gates + (at + i * T) * columns + U
                times_row(U, r, h_in + (at + i * T) * U, reset_h + (at + i * T) * U)
                reset_before_gates_back(
                    U, p.sigma, h_in + (at + i * T) * U, r, s + i * U,
                    da + (at + i * T) * da_columns + U,
                )
        if sums != NULL:
            add_rows(rows, da_columns, da + at * da_columns, T * da_columns, sums)
        if step == 0 and not p.need_dh0:
            break
        if step > 0:
            i = first * T + place_of(p, step - 1)
            if gates != NULL:
                fetch(rows, columns, gates + i * columns, T * columns)
            if cs != NULL:
                fetch(rows, U, cs + i * U, T * U)
            if vs != NULL:
                fetch(rows, U, vs + i * U, T * U)
            fetch(rows, U, h_in + i * p.h_row, T * p.h_row)
            fetch(rows, da_columns, da + i * da_columns, T * da_columns)
        multiply(
            rows, depth, da + at * da_columns, T * da_columns, <const real*>p.packed_recurrent, U,
            s if aside else dh, U, NULL, 0 if aside and not reset_before else FLAG_ACCUMULATE,
        )
        if aside:
            for i in range(rows):
                if factors != NULL:
                    add_times_row(U, s + i * U, <real*>factors + (first + i) * U, dh + i * U)
                else:
                    add_row(U, s + i * U, dh + i * U)
    if p.local:
        local_gradients(p, chunk, first * T, rows * T, s + p.chunk_rows * U)


cdef inline void backward_row(
    const Layer* p, Py_ssize_t n, Py_ssize_t step, real* da, real* h_in,
) noexcept nogil:
    """da and h_in of one sequence at one step. dh becomes what goes on besides the product."""
    cdef Py_ssize_t U = p.units
    cdef Py_ssize_t at = n * p.steps + place_of(p, step)
    cdef real* h_before = state_before(p, <const real*>p.hs, p.h0, n, step)
    cdef real* c_before = state_before(p, <const real*>p.cs, p.c0, n, step)
    cdef real* g = <real*>p.gates + at * p.gate_columns if p.gates != NULL else NULL
    cdef real* d = da + at * p.da_columns
    cdef real* dh = <real*>p.dh + n * U
    cdef real* h = h_in + at * p.h_row
    if (p.sequences or step == p.steps - 1) and (p.mask == NULL or step >= p.begins[n]):
        add_row(U, <real*>p.dy + (n * p.steps + step if p.sequences else n) * U, dh)
    if p.recurrent_mask != NULL:
        times_row(U, h_before, <real*>p.recurrent_mask + n * U, h)
    else:
        copy_row(U, h_before, h)
    if p.h_row > U:
        copy_row(p.features, <real*>p.x + at * p.features, h - p.features)
    if p.mask != NULL and not p.mask[at]:
        memset(d, 0, p.da_columns * sizeof(real))
    elif p.layer == LSTM:
        lstm_step_back(
            U, p.phi, p.sigma, c_before, g, g + U, g + 2 * U, g + 3 * U, <real*>p.cs + at * U,
            dh, <real*>p.dc + n * U, d, d + U, d + 2 * U, d + 3 * U,
        )
    elif p.layer == SIMPLE:
        simple_step_back(U, p.phi, <real*>p.hs + at * U, dh, d)
    elif p.reset_after:
        gru_step_back(
            U, p.phi, p.sigma, h_before, <real*>p.vs + at * U, g, g + U, g + 2 * U,
            dh, d + U, d + 2 * U, d + 3 * U, d,
        )
    else:
        reset_before_state_back(U, p.phi, p.sigma, h_before, g, g + 2 * U, dh, d, d + 2 * U)


cdef void local_gradients(
    const Layer* p, Py_ssize_t chunk, Py_ssize_t first, Py_ssize_t places, real* packed,
) noexcept nogil:
    """A chunk's share of the weights' gradients, and dx, of its places from `first` on."""
    cdef Py_ssize_t D = p.features, U = p.units, columns = p.gate_columns
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t du_at = U if p.layer == GRU and p.reset_after else 0
    cdef Py_ssize_t dv_h_at = 0 if p.reset_after else 2 * U
    cdef Py_ssize_t same = 2 * U if p.layer == GRU else columns     # where du and dv are the same
    cdef const real* x = <const real*>p.x + first * D
    cdef const real* h_in = <const real*>p.h_in + first * U
    cdef const real* before_h = h_in if p.reset_after else <const real*>p.reset_h + first * U
    cdef const real* da = <const real*>p.da + first * p.da_columns
    cdef real* dkernel = <real*>p.dkernel + chunk * D * columns
    cdef real* drecurrent = <real*>p.drecurrent + chunk * U * columns
    cdef real* b
    cdef Py_ssize_t j, depth, k = 0
    cdef int flags = 0
    while k < places:
        depth = min(<Py_ssize_t>SUM_PLACES, places - k)
        pack_rows(depth, columns, da + k * p.da_columns + du_at, p.da_columns, packed)
        b = packed
        j = 0
        while j < columns:
            rows_under(
                D, depth, x + k * D, 1, D, b, dkernel + j, columns, min(panel, columns - j),
                <const real*>NULL, flags,
            )
            if j < same:
                rows_under(
                    U, depth, h_in + k * U, 1, U, b, drecurrent + j, columns,
                    min(panel, same - j), <const real*>NULL, flags,
                )
            j += panel
            b += depth * panel
        if p.layer == GRU:
            pack_rows(depth, U, da + k * p.da_columns + dv_h_at, p.da_columns, b)
            j = 0
            while j < U:
                rows_under(
                    U, depth, before_h + k * U, 1, U, b, drecurrent + same + j, columns,
                    min(panel, U - j), <const real*>NULL, flags,
                )
                j += panel
                b += depth * panel
        k += SUM_PLACES
        flags = FLAG_ACCUMULATE
    if p.dx == NULL:
        return
    k = 0
    while k < places:
        multiply(
            min(<Py_ssize_t>INPUT_ROWS, places - k), columns, da + k * p.da_columns + du_at,
            p.da_columns, <const real*>p.packed_kernel, D, <real*>p.dx + (first + k) * D, D,
            NULL, 0,
        )
        k += INPUT_ROWS


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some numbers of a gradient: the chunks' shares, added in their order."""
    cdef const Layer* p = <const Layer*>context
    cdef const Sum* m = &p.sums[chunk // p.sum_groups]
    cdef Py_ssize_t first = chunk % p.sum_groups * SUM_NUMBERS
    cdef Py_ssize_t n = min(<Py_ssize_t>SUM_NUMBERS, m.count - first)
    cdef real* part = <real*>m.part + first
    cdef real* out = <real*>m.out + first
    cdef Py_ssize_t q
    if n <= 0:
        return
    memset(out, 0, n * sizeof(real))
    for q in range(p.chunks):
        add_row(n, part + q * m.step, out)


cdef int weights_gradients(Layer* p, Region* region, Product* products) noexcept nogil:
    """Where not local: dkernel, drecurrent_kernel and dx, from what the steps have left. Returns
    the number of products that they take.
    """
    cdef Py_ssize_t item = 4 if p.single else 8
    cdef Py_ssize_t places = p.rows * p.steps
    cdef Py_ssize_t U = p.units, D = p.features, columns = p.gate_columns
    cdef bint after = p.layer == GRU and p.reset_after
    cdef char* da = <char*>p.da
    cdef char* du = da + U * item if after else da
    cdef char* drecurrent = <char*>p.drecurrent_sum
    cdef int count = 1
    if p.layer != GRU:
        add_product(
            region, products, p.single, True, False, D + U, columns, places,
            <char*>p.h_in - D * item, p.h_row, du, p.da_columns, p.dkernel_sum, columns, NULL,
            LINEAR, False,
        )
    else:
        count = 3
        add_product(
            region, products, p.single, True, False, D, columns, places, p.x, D, du, p.da_columns,
            p.dkernel_sum, columns, NULL, LINEAR, False,
        )
        add_product(
            region, products + 1, p.single, True, False, U, 2 * U, places, p.h_in, U, du,
            p.da_columns, drecurrent, columns, NULL, LINEAR, False,
        )
        add_product(
            region, products + 2, p.single, True, False, U, U, places,
            p.h_in if after else p.reset_h, U, da if after else da + 2 * U * item, p.da_columns,
            drecurrent + 2 * U * item, columns, NULL, LINEAR, False,
        )
    if p.dx != NULL:
        add_product(
            region, products + count, p.single, False, True, places, D, columns, du, p.da_columns,
            p.kernel, columns, p.dx, D, NULL, LINEAR, False,
        )
        count += 1
    return count


cdef void run_backward(Layer* p, const real* like) noexcept nogil:
    """All of it in one region, as forward."""
    cdef Region region
    cdef Product products[4]
    cdef int i, count = 0
    region.count, region.work = 0, 0
    add_stage(
        &region,
        typed_stage(
            p.single, pack_task[float], pack_task[double], pack_tasks(p), p, sizeof(p[0]),
        ), 0,
    )
    add_stage(
        &region,
        typed_stage(
            p.single, backward_task[float], backward_task[double], p.chunks, p, sizeof(p[0]),
        ),
        2 * step_work(p),
    )
    add_stage(
        &region,
        typed_stage(
            p.single, sum_task[float], sum_task[double], sum_tasks(p), p, sizeof(p[0]),
        ), 0,
    )
    if not p.local:
        count = weights_gradients(p, &region, products)
    run_region(&region)
    for i in range(count):
        end_product(&products[i])


# ---------------------------------------------------------------------------- stages of a region

cdef Py_ssize_t pack_tasks(Layer* p) noexcept nogil:
    """How many tasks pack the matrices."""
    cdef Py_ssize_t numbers = PACK_PANELS * panel_width(p.single)
    cdef Py_ssize_t columns = 0
    cdef int i
    for i in range(p.pack_count):
        columns = max(columns, p.packs[i].columns)
    p.pack_groups = (columns + numbers - 1) // numbers
    return p.pack_count * p.pack_groups


cdef Py_ssize_t sum_tasks(Layer* p) noexcept nogil:
    """How many tasks add up the chunks' shares."""
    cdef Py_ssize_t count = 0
    cdef int i
    for i in range(p.sum_count):
        count = max(count, p.sums[i].count)
    p.sum_groups = (count + SUM_NUMBERS - 1) // SUM_NUMBERS
    return p.sum_count * p.sum_groups


cdef inline double step_work(const Layer* p) noexcept nogil:
    """A pass over the chunks, as run_stages counts work."""
    cdef double depth = p.units + (p.features if p.local else 0)
    return <double>p.rows * p.steps * p.gate_columns * (depth / 8 + 8)
