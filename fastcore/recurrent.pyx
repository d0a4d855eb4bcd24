"""Twin of reference/recurrent.py: the simple layer, the LSTM and the GRU.

Here a call is checked, cut into chunks and given its arrays. What a chunk of sequences does step by
step stands in kernels/recurrent_steps.pyx; the equations of a step (input, forget and output gate
of the LSTM, update and reset gate of the GRU), each above its gradient, in kernels/gates.pyx.
"""

from libc.stdint cimport uintptr_t
from libc.string cimport memset

cimport numpy as cnp

from .kernels.arrays cimport (
    as_real, as_type, copied, data, dim, new_array, new_like, new_vector, noted, rank, real,
    real_type,
)
from .kernels.gates cimport (
    GATE_HARD_SIGMOID, GATE_LINEAR, GATE_RELU, GATE_SIGMOID, GATE_TANH,
)
from .kernels.gemm_tile cimport panel_width
from .kernels.recurrent_steps cimport (
    GRU, LSTM, SIMPLE, SUM_PLACES, Layer, Pack, Sum, run_backward, run_forward,
)
from .kernels.threads cimport run_typed

from ..reference._fused import gate_pair
from ..reference._sequences import check_cotangents, check_recurrent

cnp.import_array()

cdef Py_ssize_t CHUNK_ROWS = 16         # few enough for two threads of a batch of 32
cdef Py_ssize_t MOST_CHUNKS = 16        # each with its share of the weights' gradients
cdef Py_ssize_t LOCAL_BYTES = 1 << 18   # of both kernels: half of a second-level cache


# ---------------------------------------------------------------------------- what they share

cdef int gate_code(object name) except -1:
    """The number of an activation."""
    if name == "tanh":
        return GATE_TANH
    if name == "sigmoid":
        return GATE_SIGMOID
    if name == "relu":
        return GATE_RELU
    if name == "hard_sigmoid":
        return GATE_HARD_SIGMOID
    if name == "linear":
        return GATE_LINEAR
    gate_pair(name)  # raises, in the same words as the reference
    raise ValueError(f"reference._fused knows {name!r}, the fast engine does not")


cdef inline cnp.ndarray real_or_none(object a, int typenum):
    return None if a is None else as_real(a, typenum)


cdef inline void* data_or_null(cnp.ndarray a) noexcept:
    return NULL if a is None else data(a)


cdef inline cnp.ndarray matrix(Py_ssize_t rows, Py_ssize_t columns, int typenum):
    cdef cnp.npy_intp dims[2]
    dims[0], dims[1] = rows, columns
    return new_array(2, dims, typenum)


cdef inline cnp.ndarray cube(Py_ssize_t rows, Py_ssize_t steps, Py_ssize_t width, int typenum):
    cdef cnp.npy_intp dims[3]
    dims[0], dims[1], dims[2] = rows, steps, width
    return new_array(3, dims, typenum)


cdef inline bint is_matrix(cnp.ndarray a, Py_ssize_t rows, Py_ssize_t columns) noexcept:
    """Whether a, where there is one, is (rows, columns)."""
    return a is None or (rank(a) == 2 and dim(a, 0) == rows and dim(a, 1) == columns)


cdef inline bint is_cube(
    cnp.ndarray a, Py_ssize_t rows, Py_ssize_t steps, Py_ssize_t width,
) noexcept:
    return a is None or (
        rank(a) == 3 and dim(a, 0) == rows and dim(a, 1) == steps and dim(a, 2) == width
    )


cdef inline bint is_vector(cnp.ndarray a, Py_ssize_t length) noexcept:
    return a is None or (rank(a) == 1 and dim(a, 0) == length)


cdef inline Py_ssize_t room(Py_ssize_t numbers, Py_ssize_t item) noexcept nogil:
    """Bytes that so many numbers take, in whole cache lines."""
    return (numbers * item + 63) // 64 * 64


cdef inline Py_ssize_t in_panels(Py_ssize_t columns, bint single) noexcept nogil:
    cdef Py_ssize_t panel = panel_width(single)
    return (columns + panel - 1) // panel * panel


cdef void cut(Layer* p) noexcept nogil:
    """Cut the batch into chunks. Looks at the shapes alone; an odd number of rows is slow."""
    cdef Py_ssize_t item = 4 if p.single else 8
    p.local = (p.features + p.units) * p.gate_columns * item <= LOCAL_BYTES
    cdef Py_ssize_t most = CHUNK_ROWS
    cdef Py_ssize_t chunks = min(MOST_CHUNKS, max(1, (p.rows + 2 * most - 1) // (2 * most)) * 2)
    p.chunk_rows = max(4, ((p.rows + chunks - 1) // chunks + 1) // 2 * 2)
    p.chunks = (p.rows + p.chunk_rows - 1) // p.chunk_rows


cdef inline void* take(char** area, Py_ssize_t bytes_) noexcept nogil:
    """The next piece of a work area, in whole cache lines."""
    cdef void* here = area[0]
    area[0] += (bytes_ + 63) // 64 * 64
    return here


cdef inline char* start(cnp.ndarray memory) noexcept nogil:
    """Where its first cache line begins."""
    return <char*>((<uintptr_t>data(memory) + 63) & ~<uintptr_t>63)


cdef void add_pack(
    Layer* p, const void* source, Py_ssize_t source_row, bint transpose, Py_ssize_t depth,
    Py_ssize_t columns, void* packed, Py_ssize_t all_depth,
) noexcept:
    """A matrix to be packed; all_depth: that of the panels, where it is a part of them only."""
    cdef Pack* m = &p.packs[p.pack_count]
    m.source, m.source_row, m.transpose = source, source_row, transpose
    m.depth, m.columns, m.packed = depth, columns, packed
    m.stride = all_depth * panel_width(p.single)
    p.pack_count += 1


cdef void add_sum(
    Layer* p, const void* part, Py_ssize_t step, Py_ssize_t count, void* out,
) noexcept:
    """A gradient to be summed over the chunks."""
    cdef Sum* m = &p.sums[p.sum_count]
    m.part, m.step, m.count, m.out = part, step, count, out
    p.sum_count += 1


cdef struct Biases:
    const void* source      # b, and after it b'
    void* sum
    Py_ssize_t columns      # of each of them
    Py_ssize_t added        # of b', the parts of z and r


cdef void biases_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """What can be added to the product of x: b, and of b' the parts of z and r."""
    cdef const Biases* p = <const Biases*>context
    cdef const real* bias = <const real*>p.source
    cdef real* out = <real*>p.sum
    cdef Py_ssize_t i
    for i in range(p.columns):
        out[i] = bias[i]
        if i < p.added:
            out[i] += bias[p.columns + i]


cdef tuple forward(
    int layer, str name, x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
    activation, recurrent_activation, bint reset_after, bint return_sequences, bint go_backwards,
):
    """(y, the last states, x and the others as arrays, what the cache holds of the steps)"""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum), ks = as_real(kernel, typenum)
    cdef cnp.ndarray rs = as_real(recurrent_kernel, typenum)
    cdef cnp.ndarray bs = real_or_none(bias, typenum)
    cdef cnp.ndarray factors = real_or_none(recurrent_mask, typenum)
    cdef cnp.ndarray h_first = real_or_none(h0, typenum), c_first = real_or_none(c0, typenum)
    cdef cnp.ndarray on = None
    cdef int gates_count = 4 if layer == LSTM else 3 if layer == GRU else 1
    cdef bint two_biases = layer == GRU and reset_after
    cdef Py_ssize_t units = dim(rs, 0) if rank(rs) else 0
    cdef Py_ssize_t columns = gates_count * units
    cdef Py_ssize_t rows, steps, features
    if rank(xs) != 3 or dim(xs, 1) == 0:
        rows, steps, features = -1, -1, -1
    else:
        rows, steps, features = dim(xs, 0), dim(xs, 1), dim(xs, 2)
    if mask is not None and cnp.PyArray_Check(mask) and cnp.PyArray_TYPE(mask) == cnp.NPY_BOOL:
        on = as_type(mask, cnp.NPY_BOOL)
    if (
        rows < 0 or not is_matrix(rs, units, columns) or not is_matrix(ks, features, columns)
        or not (is_matrix(bs, 2, columns) if two_biases else is_vector(bs, columns))
        or not is_matrix(h_first, rows, units) or not is_matrix(c_first, rows, units)
        or not is_matrix(factors, rows, units)
        or (mask is not None and (on is None or not is_matrix(on, rows, steps)))
    ):
        states = {"h0": h0, "c0": c0} if layer == LSTM else {"h0": h0}
        check_recurrent(
            name, gates_count, x, kernel, recurrent_kernel, bias, states, mask, recurrent_mask,
            biases=2 if two_biases else 1,
        )
        raise ValueError(f"{name}: the arrays do not fit together")

    cdef Layer p
    memset(&p, 0, sizeof(Layer))
    p.phi, p.sigma = gate_code(activation), gate_code(recurrent_activation)
    p.layer, p.single, p.reset_after = layer, typenum == cnp.NPY_FLOAT, two_biases
    p.go_backwards, p.sequences = go_backwards, return_sequences
    p.rows, p.steps, p.features, p.units, p.gate_columns = rows, steps, features, units, columns
    cut(&p)

    cdef Py_ssize_t item = 4 if p.single else 8
    cdef cnp.ndarray hs = cube(rows, steps, units, typenum), h = matrix(rows, units, typenum)
    cdef cnp.ndarray gates = None, cs = None, c = None, vs = None, y = hs
    if layer != SIMPLE:
        gates = cube(rows, steps, columns, typenum)
    if layer == LSTM:
        cs, c = new_like(hs), new_like(h)
    if two_biases:
        vs = new_like(hs)
    if not return_sequences:
        y = new_like(h)
    elif go_backwards or on is not None:
        y = new_like(hs)

    cdef Py_ssize_t packed_columns = 2 * units if layer == GRU else columns
    cdef Biases both
    cdef Py_ssize_t kernel_room = 0
    if p.local:
        kernel_room = room(features * in_panels(columns, p.single), item)
    cdef Py_ssize_t recurrent_room = room(units * in_panels(packed_columns, p.single), item)
    cdef Py_ssize_t h_room = room(units * in_panels(units, p.single), item) if layer == GRU else 0
    cdef Py_ssize_t each = room(2 * p.chunk_rows * units, item)
    p.chunk_work = each // item
    cdef cnp.ndarray memory = new_vector(
        kernel_room + recurrent_room + h_room + p.chunks * each + room(columns, item)
        + room(rows, sizeof(Py_ssize_t)) + 64, cnp.NPY_UINT8,
    )
    cdef char* area = start(memory)
    p.kernel = data(ks)
    cdef char* recurrent_data = <char*>data(rs)
    p.packed_recurrent = take(&area, recurrent_room)
    add_pack(&p, recurrent_data, columns, False, units, packed_columns, p.packed_recurrent, units)
    if layer == GRU:
        p.packed_h = take(&area, h_room)
        add_pack(
            &p, recurrent_data + 2 * units * item, columns, False, units, units, p.packed_h, units,
        )
    if p.local:
        p.packed_kernel = take(&area, kernel_room)
        add_pack(&p, p.kernel, columns, False, features, columns, p.packed_kernel, features)
    p.work = take(&area, p.chunks * each)
    cdef cnp.npy_intp one_state = units
    cdef cnp.ndarray zeros = noted(cnp.PyArray_ZEROS(1, &one_state, typenum, 0))
    p.zeros = data(zeros)
    p.bias = data_or_null(bs)
    if two_biases and bs is not None:
        p.bias = take(&area, columns * item)
        both.source, both.sum = data(bs), <void*>p.bias
        both.columns, both.added = columns, packed_columns
        run_typed(
            p.single, biases_task[float], biases_task[double], 1, &both, sizeof(Biases), columns,
        )
        p.bias_h = <char*>data(bs) + (columns + packed_columns) * item
    p.begins = <Py_ssize_t*>take(&area, rows * sizeof(Py_ssize_t)) if on is not None else NULL
    p.mask = <const unsigned char*>data_or_null(on)
    p.x, p.h0, p.c0 = data(xs), data_or_null(h_first), data_or_null(c_first)
    p.recurrent_mask = data_or_null(factors)
    p.gates, p.hs, p.cs, p.vs = data_or_null(gates), data(hs), data_or_null(cs), data_or_null(vs)
    p.y = NULL if y is hs else data(y)
    p.h, p.c = data(h), data_or_null(c)
    with nogil:
        if p.single:
            run_forward[float](&p, NULL)
        else:
            run_forward[double](&p, NULL)
    given = xs, ks, rs, bs is not None, h_first, c_first, on, factors
    return y, h, c, given, gates, hs, cs, vs


cdef tuple backward(
    int layer, str name, dy, x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask,
    gates, vs, hs, cs, activation, recurrent_activation, bint reset_after, bint return_sequences,
    bint go_backwards, bint need_dx,
):
    """(dx, dkernel, drecurrent_kernel, dbias, dh0, dc0), None for what was None."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray x_ = as_real(x, typenum), k_ = as_real(kernel, typenum)
    cdef cnp.ndarray r_ = as_real(recurrent_kernel, typenum), hs_ = as_real(hs, typenum)
    cdef cnp.ndarray h_first = real_or_none(h0, typenum), c_first = real_or_none(c0, typenum)
    cdef cnp.ndarray factors = real_or_none(recurrent_mask, typenum)
    cdef cnp.ndarray gates_ = real_or_none(gates, typenum), vs_ = real_or_none(vs, typenum)
    cdef cnp.ndarray cs_ = real_or_none(cs, typenum)
    cdef cnp.ndarray on = None
    cdef int gates_count = 4 if layer == LSTM else 3 if layer == GRU else 1
    cdef bint after = layer == GRU and reset_after
    if mask is not None and cnp.PyArray_Check(mask) and cnp.PyArray_TYPE(mask) == cnp.NPY_BOOL:
        on = as_type(mask, cnp.NPY_BOOL)
    cdef Py_ssize_t rows = 0, steps = 0, features = 0, units = 0
    if rank(x_) == 3 and rank(hs_) == 3:
        rows, steps, features, units = dim(x_, 0), dim(x_, 1), dim(x_, 2), dim(hs_, 2)
    cdef Py_ssize_t columns = gates_count * units
    if (
        steps == 0 or not is_cube(hs_, rows, steps, units) or not is_matrix(k_, features, columns)
        or not is_matrix(r_, units, columns) or not is_matrix(h_first, rows, units)
        or not is_matrix(c_first, rows, units) or not is_matrix(factors, rows, units)
        or not is_matrix(on, rows, steps) or (mask is None) != (on is None)
        or not is_cube(gates_, rows, steps, columns) or (layer != SIMPLE) != (gates_ is not None)
        or not is_cube(vs_, rows, steps, units) or after != (vs_ is not None)
        or not is_cube(cs_, rows, steps, units) or (layer == LSTM) != (cs_ is not None)
    ):
        raise ValueError(
            f"{name}_backward: the cache is not one of {name}_forward: the shapes of its arrays do "
            f"not belong together (x {x.shape}, kernel {kernel.shape}, recurrent_kernel "
            f"{recurrent_kernel.shape}, h {hs.shape})"
        )

    cdef cnp.ndarray dy_, dh, dc = None
    cdef bint fits = isinstance(dy, (tuple, list)) and len(dy) == (3 if layer == LSTM else 2)
    if fits:
        dy_, dh = as_real(dy[0], typenum), as_real(dy[1], typenum)
        dc = as_real(dy[2], typenum) if layer == LSTM else None
        fits = is_matrix(dh, rows, units) and is_matrix(dc, rows, units) and (
            is_cube(dy_, rows, steps, units) if return_sequences else is_matrix(dy_, rows, units)
        )
    if not fits:
        check_cotangents(f"{name}_backward", dy, hs, return_sequences)
        raise ValueError(f"{name}_backward: dy does not fit the cache")
    dh = copied(dh)  # becomes dh0
    if dc is not None:
        dc = copied(dc)

    cdef Layer p
    memset(&p, 0, sizeof(Layer))
    p.phi, p.sigma = gate_code(activation), gate_code(recurrent_activation)
    p.layer, p.single, p.reset_after = layer, typenum == cnp.NPY_FLOAT, after
    p.go_backwards, p.sequences = go_backwards, return_sequences
    p.rows, p.steps, p.features, p.units, p.gate_columns = rows, steps, features, units, columns
    p.da_columns = 4 * units if after else columns
    p.need_dh0 = h_first is not None
    cut(&p)
    p.h_row = units if p.local or layer == GRU else features + units

    cdef Py_ssize_t item = 4 if p.single else 8
    cdef bint reset_first = layer == GRU and not after
    cdef cnp.ndarray both, dkernel, drecurrent, dbias = None
    if not p.local and layer != GRU:  # one array, which one product fills
        both = matrix(features + units, columns, typenum)
        dkernel, drecurrent = both[:features], both[features:]
    else:
        dkernel, drecurrent = new_like(k_), new_like(r_)
    cdef cnp.ndarray dx = new_like(x_) if need_dx else None
    if has_bias:
        dbias = matrix(2, columns, typenum) if after else new_vector(columns, typenum)
    cdef Py_ssize_t depth = 3 * units if after else 2 * units if layer == GRU else columns
    cdef Py_ssize_t across = in_panels(units, p.single)
    cdef Py_ssize_t each = p.chunk_rows * units
    if p.local:
        each += SUM_PLACES * (in_panels(columns, p.single) + (across if layer == GRU else 0))
    each = room(each, item)
    p.chunk_work = each // item
    cdef Py_ssize_t places = rows * steps
    cdef Py_ssize_t kernel_room = 0, parts_room = 0
    if p.local:
        kernel_room = room(columns * in_panels(features, p.single), item) if need_dx else 0
        if p.chunks != 1:
            parts_room = room(p.chunks * features * columns, item)
            parts_room += room(p.chunks * units * columns, item)
    cdef cnp.ndarray memory = new_vector(
        kernel_room + parts_room + room(depth * across, item) + room(units * across, item)
        + p.chunks * each + room(places * p.da_columns, item) + room(places * p.h_row, item)
        + (room(places * units, item) if reset_first else 0)
        + room(p.chunks * p.da_columns, item) + room(rows, sizeof(Py_ssize_t))
        + 64, cnp.NPY_UINT8,
    )
    cdef char* area = start(memory)
    p.kernel = data(k_)
    cdef char* recurrent_data = <char*>data(r_)
    cdef char* into = <char*>take(&area, depth * across * item)
    p.packed_recurrent = into
    if after:  # the panels' rows stand in the order of da: v_h z r
        add_pack(&p, recurrent_data + 2 * units * item, columns, True, units, units, into, depth)
        into += units * item * panel_width(p.single)
        add_pack(&p, recurrent_data, columns, True, 2 * units, units, into, depth)
    else:
        add_pack(&p, recurrent_data, columns, True, depth, units, into, depth)
    if reset_first:
        p.packed_h = take(&area, units * across * item)
        add_pack(
            &p, recurrent_data + 2 * units * item, columns, True, units, units, p.packed_h, units,
        )
    if p.local:
        if need_dx:
            p.packed_kernel = take(&area, kernel_room)
            add_pack(&p, p.kernel, columns, True, columns, features, p.packed_kernel, columns)
        if p.chunks == 1:
            p.dkernel, p.drecurrent = data(dkernel), data(drecurrent)
        else:
            p.dkernel = take(&area, p.chunks * features * columns * item)
            p.drecurrent = take(&area, p.chunks * units * columns * item)
            add_sum(&p, p.dkernel, features * columns, features * columns, data(dkernel))
            add_sum(&p, p.drecurrent, units * columns, units * columns, data(drecurrent))
    p.work = take(&area, p.chunks * each)
    p.da = take(&area, places * p.da_columns * item)
    p.h_in = <char*>take(&area, places * p.h_row * item) + (p.h_row - units) * item
    p.reset_h = take(&area, places * units * item) if reset_first else NULL
    cdef cnp.npy_intp one_state = units
    cdef cnp.ndarray zeros = noted(cnp.PyArray_ZEROS(1, &one_state, typenum, 0))
    p.zeros = data(zeros)
    p.dbias = take(&area, p.chunks * p.da_columns * item) if has_bias else NULL
    p.begins = <Py_ssize_t*>take(&area, rows * sizeof(Py_ssize_t)) if on is not None else NULL
    p.mask = <const unsigned char*>data_or_null(on)
    p.x, p.h0, p.c0 = data(x_), data_or_null(h_first), data_or_null(c_first)
    p.recurrent_mask = data_or_null(factors)
    p.gates, p.hs = data_or_null(gates_), data(hs_)
    p.cs, p.vs = data_or_null(cs_), data_or_null(vs_)
    p.dy, p.dh, p.dc, p.dx = data(dy_), data(dh), data_or_null(dc), data_or_null(dx)
    p.dkernel_sum, p.drecurrent_sum = data(dkernel), data(drecurrent)
    cdef char* part
    cdef char* out
    if has_bias:
        part, out = <char*>p.dbias, <char*>data(dbias)
        if after:  # v_h z r u_h -> (z r u_h), (z r v_h)
            add_sum(&p, part + units * item, p.da_columns, columns, out)
            add_sum(&p, part + units * item, p.da_columns, 2 * units, out + columns * item)
            add_sum(&p, part, p.da_columns, units, out + (columns + 2 * units) * item)
        else:
            add_sum(&p, part, p.da_columns, columns, out)
    with nogil:
        if p.single:
            run_backward[float](&p, NULL)
        else:
            run_backward[double](&p, NULL)
    return (
        dx, dkernel, drecurrent, dbias, None if h_first is None else dh,
        None if c_first is None else dc,
    )


# ------------------------------------------------------------------------------- public twins

def simple_rnn_forward(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, return_sequences, go_backwards,
):
    """Twin of reference.recurrent.simple_rnn_forward. The sums turn into h where they stand.

    Kernels: forward_task of kernels/recurrent_steps.pyx, simple_step of kernels/gates.pyx.
    """
    y, h, _, given, _, hs, _, _ = forward(
        SIMPLE, "simple_rnn", x, kernel, recurrent_kernel, bias, h0, None, mask, recurrent_mask,
        activation, "linear", False, return_sequences, go_backwards,
    )
    xs, ks, rs, has_bias, h0, _, mask, recurrent_mask = given
    arrays = xs, ks, rs, has_bias, h0, mask, recurrent_mask, hs
    return (y, h), (*arrays, activation, return_sequences, go_backwards)


def simple_rnn_backward(dy, cache, need_dx=True):
    """Twin of reference.recurrent.simple_rnn_backward. As lstm_backward.

    Kernels: backward_task of kernels/recurrent_steps.pyx, simple_step_back of kernels/gates.pyx.
    """
    x, kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, hs, *options = cache
    activation, return_sequences, go_backwards = options
    return backward(
        SIMPLE, "simple_rnn", dy, x, kernel, recurrent_kernel, has_bias, h0, None, mask,
        recurrent_mask, None, None, hs, None, activation, "linear", False, return_sequences,
        go_backwards, need_dx,
    )[:5]


def lstm_forward(
    x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
    activation, recurrent_activation, return_sequences, go_backwards,
):
    """Twin of reference.recurrent.lstm_forward. A step's gates and both states in one pass.

    Kernels: forward_task of kernels/recurrent_steps.pyx, lstm_step of kernels/gates.pyx.
    """
    y, h, c, given, gates, hs, cs, _ = forward(
        LSTM, "lstm", x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
        activation, recurrent_activation, False, return_sequences, go_backwards,
    )
    options = activation, recurrent_activation, return_sequences, go_backwards
    return (y, h, c), (*given, gates, hs, cs, *options)


def lstm_backward(dy, cache, need_dx=True):
    """Twin of reference.recurrent.lstm_backward. Of a step only da is kept, for the products.

    Kernels: backward_task of kernels/recurrent_steps.pyx, lstm_step_back of kernels/gates.pyx.
    """
    x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask, *rest = cache
    gates, hs, cs, activation, recurrent_activation, return_sequences, go_backwards = rest
    return backward(
        LSTM, "lstm", dy, x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask,
        gates, None, hs, cs, activation, recurrent_activation, False, return_sequences,
        go_backwards, need_dx,
    )


def gru_forward(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, recurrent_activation, reset_after, return_sequences, go_backwards,
):
    """Twin of reference.recurrent.gru_forward. With reset_after one pass a step, else two.

    Kernels: forward_task of kernels/recurrent_steps.pyx, gru_step of kernels/gates.pyx; without
    reset_after reset_before_gates and reset_before_state.
    """
    y, h, _, given, gates, hs, _, vs = forward(
        GRU, "gru", x, kernel, recurrent_kernel, bias, h0, None, mask, recurrent_mask,
        activation, recurrent_activation, reset_after, return_sequences, go_backwards,
    )
    xs, ks, rs, has_bias, h0, _, mask, recurrent_mask = given
    arrays = xs, ks, rs, has_bias, h0, mask, recurrent_mask, gates, vs, hs
    options = activation, recurrent_activation, reset_after, return_sequences, go_backwards
    return (y, h), (*arrays, *options)


def gru_backward(dy, cache, need_dx=True):
    """Twin of reference.recurrent.gru_backward. du and dv share what they have in common.

    Kernels: backward_task of kernels/recurrent_steps.pyx, gru_step_back of kernels/gates.pyx;
    without reset_after reset_before_state_back and reset_before_gates_back.
    """
    x, kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, gates, vs, hs, *rest = cache
    activation, recurrent_activation, reset_after, return_sequences, go_backwards = rest
    return backward(
        GRU, "gru", dy, x, kernel, recurrent_kernel, has_bias, h0, None, mask, recurrent_mask,
        gates, vs, hs, None, activation, recurrent_activation, reset_after, return_sequences,
        go_backwards, need_dx,
    )[:5]
