"""One row of one step of the recurrent layers, forward and back. See gates.pyx."""

from .restrict cimport row

cdef enum:
    GATE_LINEAR
    GATE_RELU
    GATE_TANH
    GATE_SIGMOID
    GATE_HARD_SIGMOID

cdef void simple_step(Py_ssize_t units, int phi, row h) noexcept nogil
cdef void simple_step_back(Py_ssize_t units, int phi, row h, row dh, row da) noexcept nogil

cdef void lstm_step(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o,
    row c, row h,
) noexcept nogil
cdef void lstm_step_back(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o, row c,
    row dh, row dc, row da_i, row da_f, row da_c, row da_o,
) noexcept nogil

cdef void gru_step(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde, row h,
) noexcept nogil
cdef void gru_step_back(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde,
    row dh, row du_z, row du_r, row du_h, row dv_h,
) noexcept nogil

cdef void reset_before_gates(
    Py_ssize_t units, int sigma, row h_in, row z, row r, row reset_h,
) noexcept nogil
cdef void reset_before_gates_back(
    Py_ssize_t units, int sigma, row h_in, row r, row s, row da_r,
) noexcept nogil
cdef void reset_before_state(
    Py_ssize_t units, int phi, row h_before, row z, row h_tilde, row h,
) noexcept nogil
cdef void reset_before_state_back(
    Py_ssize_t units, int phi, int sigma, row h_before, row z, row h_tilde,
    row dh, row da_z, row da_h,
) noexcept nogil

cdef void copy_row(Py_ssize_t n, row a, row out) noexcept nogil
cdef void times_row(Py_ssize_t n, row a, row b, row out) noexcept nogil
cdef void add_row(Py_ssize_t n, row a, row out) noexcept nogil
cdef void add_times_row(Py_ssize_t n, row a, row b, row out) noexcept nogil
cdef void add_rows(
    Py_ssize_t rows, Py_ssize_t n, row a, Py_ssize_t a_row, row out,
) noexcept nogil
