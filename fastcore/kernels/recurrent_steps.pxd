"""A recurrent layer through all its steps, forward and back. See recurrent_steps.pyx."""

from .arrays cimport real

cdef enum:
    SIMPLE
    LSTM
    GRU

cdef enum:
    SUM_PLACES = 240    # places (row, step) that a chunk adds to the weights' gradients at a time

# A matrix, or its transpose, to be packed: `columns` in panels that stand `stride` numbers apart.
cdef struct Pack:
    const void* source
    void* packed
    Py_ssize_t source_row
    Py_ssize_t depth
    Py_ssize_t columns
    Py_ssize_t stride
    bint transpose

# out[i] := the sum of part[chunk, i] over the chunks, which stand `step` numbers apart.
cdef struct Sum:
    const void* part
    void* out
    Py_ssize_t step
    Py_ssize_t count

# One call of a layer. Sizes are counted in numbers, not bytes.
cdef struct Layer:
    int layer                       # SIMPLE, LSTM or GRU
    int phi                         # the activation
    int sigma                       # that of the gates
    bint single
    bint reset_after
    bint go_backwards
    bint sequences
    bint local                      # whether the chunks make all the products themselves
    bint need_dh0
    Py_ssize_t rows
    Py_ssize_t steps
    Py_ssize_t features
    Py_ssize_t units
    Py_ssize_t gate_columns         # of the kernels: all gates side by side
    Py_ssize_t da_columns           # of da: the same, but v_h, z, r, u_h of a GRU with reset_after
    Py_ssize_t h_row                # from one h_in to the next: U, or D + U where x stands before
    Py_ssize_t chunk_rows
    Py_ssize_t chunks
    Pack packs[4]
    int pack_count
    Py_ssize_t pack_groups          # tasks that a matrix is cut into
    Sum sums[5]
    int sum_count
    Py_ssize_t sum_groups
    void* packed_kernel
    void* packed_recurrent
    void* packed_h                  # of the recurrent kernel the GRU's third part
    const void* kernel
    const void* x
    const void* bias
    const void* bias_h
    const void* h0
    const void* c0
    const void* recurrent_mask
    const void* zeros
    const unsigned char* mask
    Py_ssize_t* begins              # at which step a sequence begins to have an output; or NULL
    void* gates                     # of all steps, as hs, cs and vs
    void* hs
    void* cs
    void* vs                        # v_h of a GRU with reset_after
    void* y                         # forward; NULL: hs are it
    void* h
    void* c
    const void* dy                  # backward
    void* dh                        # (N, U), at the end that of the initial state; as dc
    void* dc
    void* da                        # of all steps, as h_in and reset_h
    void* h_in
    void* reset_h                   # r h_in, of the GRU without reset_after
    void* dx
    void* dkernel                   # where local: of every chunk, as drecurrent
    void* drecurrent
    void* dbias                     # of every chunk, or NULL
    void* dkernel_sum               # where they go
    void* drecurrent_sum
    void* work                      # chunk_work numbers for each chunk
    Py_ssize_t chunk_work

# `like` only says the type.
cdef void run_forward(Layer* p, const real* like) noexcept nogil
cdef void run_backward(Layer* p, const real* like) noexcept nogil
