"""One row (one sequence) of one step of the recurrent layers, each step above its way back.

The equations are those of reference/recurrent.py. A gate comes as a, the sum that goes into it, and
its value is written in the same place.

An exp is a long chain of operations, each waiting for the one before; the processor has several of
them under way at once if the loop around one is short: hence a loop for each gate, and not one for
all. What layers use nearly always, tanh with sigmoid gates, is compiled for itself; the other pairs
ask at every number. The functions stand in a module of their own, called through pointers, so that
the compiler cannot fold them into the walk through the steps, where it would no longer vectorise.
"""

from .arrays cimport real
from .restrict cimport row
from .vector_math cimport vsigmoid_short, vtanh_short


cdef inline real gate(int code, real a) noexcept nogil:
    if code == GATE_TANH:
        return vtanh_short(a)
    if code == GATE_SIGMOID:
        return vsigmoid_short(a)
    if code == GATE_RELU:
        return <real>0.0 if a < 0 else a
    if code == GATE_HARD_SIGMOID:
        a = a / <real>6.0 + <real>0.5
        a = <real>0.0 if a < 0 else a
        return <real>1.0 if a > 1 else a
    return a


cdef inline real gate_back(int code, real dy, real y) noexcept nogil:
    """da from dy, where y = gate(a)."""
    if code == GATE_TANH:
        return dy * (<real>1.0 - y * y)
    if code == GATE_SIGMOID:
        return dy * (y * (<real>1.0 - y))
    if code == GATE_RELU:
        return dy if y > 0 else <real>0.0
    if code == GATE_HARD_SIGMOID:
        return dy / <real>6.0 if 0 < y and y < 1 else <real>0.0
    return dy


cdef inline real one_minus(real x) noexcept nogil:
    """A bare 1 in a function over `row` would be a double."""
    return <real>1.0 - x


# --------------------------------------------------------------------------- the simple layer

cdef void simple_step(Py_ssize_t units, int phi, row h) noexcept nogil:
    cdef Py_ssize_t j
    if phi == GATE_TANH:
        for j in range(units):
            h[j] = gate(GATE_TANH, h[j])                # h_t = phi(a)
    else:
        for j in range(units):
            h[j] = gate(phi, h[j])


cdef void simple_step_back(Py_ssize_t units, int phi, row h, row dh, row da) noexcept nogil:
    """dh becomes what goes to the step before, besides the product: nothing."""
    cdef Py_ssize_t j
    for j in range(units):
        da[j] = gate_back(phi, dh[j], h[j])             # h_t = phi(a)
        dh[j] = 0


# ----------------------------------------------------------------------------------- the LSTM

cdef inline void lstm_step_of(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o,
    row c, row h,
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(units):
        i[j] = gate(sigma, i[j])                        # i, the input gate
    for j in range(units):
        f[j] = gate(sigma, f[j])                        # f, the forget gate
    for j in range(units):
        c_tilde[j] = gate(phi, c_tilde[j])              # c~, the candidate cell state
    for j in range(units):
        o[j] = gate(sigma, o[j])                        # o, the output gate
    for j in range(units):
        c[j] = f[j] * c_before[j] + i[j] * c_tilde[j]   # c, the cell state
        h[j] = o[j] * gate(phi, c[j])                   # h, the hidden state


cdef inline void lstm_step_back_of(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o, row c,
    row dh, row dc, row da_i, row da_f, row da_c, row da_o,
) noexcept nogil:
    """dc becomes that of c_before, dh what goes to the step before besides the product: nothing."""
    cdef Py_ssize_t j
    for j in range(units):
        tanh_c = gate(phi, c[j])
        dc[j] += gate_back(phi, dh[j] * o[j], tanh_c)                   # h = o phi(c)
        da_o[j] = gate_back(sigma, dh[j] * tanh_c, o[j])                # o, the output gate
        da_c[j] = gate_back(phi, dc[j] * i[j], c_tilde[j])              # c~, the candidate
        da_f[j] = gate_back(sigma, dc[j] * c_before[j], f[j])           # f, the forget gate
        da_i[j] = gate_back(sigma, dc[j] * c_tilde[j], i[j])            # i, the input gate
        dc[j] = dc[j] * f[j]                                            # c = f c_before + i c~
        dh[j] = 0


cdef void lstm_step(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o,
    row c, row h,
) noexcept nogil:
    if phi == GATE_TANH and sigma == GATE_SIGMOID:
        lstm_step_of(units, GATE_TANH, GATE_SIGMOID, c_before, i, f, c_tilde, o, c, h)
    else:
        lstm_step_of(units, phi, sigma, c_before, i, f, c_tilde, o, c, h)


cdef void lstm_step_back(
    Py_ssize_t units, int phi, int sigma, row c_before, row i, row f, row c_tilde, row o, row c,
    row dh, row dc, row da_i, row da_f, row da_c, row da_o,
) noexcept nogil:
    if phi == GATE_TANH and sigma == GATE_SIGMOID:
        lstm_step_back_of(
            units, GATE_TANH, GATE_SIGMOID, c_before, i, f, c_tilde, o, c,
            dh, dc, da_i, da_f, da_c, da_o,
        )
    else:
        lstm_step_back_of(
            units, phi, sigma, c_before, i, f, c_tilde, o, c, dh, dc, da_i, da_f, da_c, da_o,
        )


# ---------------------------------------------------------------------------------- the GRU

cdef inline void gru_step_of(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde, row h,
) noexcept nogil:
    """With reset_after. z and r come as sums of u and v, h_tilde as u_h."""
    cdef Py_ssize_t j
    for j in range(units):
        z[j] = gate(sigma, z[j])                                        # z, the update gate
    for j in range(units):
        r[j] = gate(sigma, r[j])                                        # r, the reset gate
    for j in range(units):
        h_tilde[j] = gate(phi, h_tilde[j] + r[j] * v_h[j])              # h~, the candidate state
        h[j] = z[j] * h_before[j] + one_minus(z[j]) * h_tilde[j]       # h, the hidden state


cdef inline void gru_step_back_of(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde,
    row dh, row du_z, row du_r, row du_h, row dv_h,
) noexcept nogil:
    """du_z and du_r are dv_z and dv_r as well. dh becomes dh z, a part of that of h_before."""
    cdef Py_ssize_t j
    for j in range(units):
        du_j = gate_back(phi, dh[j] * one_minus(z[j]), h_tilde[j])     # h~, the candidate state
        du_z[j] = gate_back(sigma, dh[j] * (h_before[j] - h_tilde[j]), z[j])  # z, the update gate
        du_r[j] = gate_back(sigma, du_j * v_h[j], r[j])                 # r, the reset gate
        du_h[j] = du_j
        dv_h[j] = du_j * r[j]
        dh[j] = dh[j] * z[j]                                            # h = z h_before + ...


cdef void gru_step(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde, row h,
) noexcept nogil:
    if phi == GATE_TANH and sigma == GATE_SIGMOID:
        gru_step_of(units, GATE_TANH, GATE_SIGMOID, h_before, v_h, z, r, h_tilde, h)
    else:
        gru_step_of(units, phi, sigma, h_before, v_h, z, r, h_tilde, h)


cdef void gru_step_back(
    Py_ssize_t units, int phi, int sigma, row h_before, row v_h, row z, row r, row h_tilde,
    row dh, row du_z, row du_r, row du_h, row dv_h,
) noexcept nogil:
    if phi == GATE_TANH and sigma == GATE_SIGMOID:
        gru_step_back_of(
            units, GATE_TANH, GATE_SIGMOID, h_before, v_h, z, r, h_tilde,
            dh, du_z, du_r, du_h, dv_h,
        )
    else:
        gru_step_back_of(
            units, phi, sigma, h_before, v_h, z, r, h_tilde, dh, du_z, du_r, du_h, dv_h,
        )


# The GRU without reset_after: the gates, then the product of r h_in, then the state. Here a_z = u_z
# + v_z, and likewise for r and h.

cdef void reset_before_gates(
    Py_ssize_t units, int sigma, row h_in, row z, row r, row reset_h,
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(units):
        z[j] = gate(sigma, z[j])                                        # z, the update gate
        r[j] = gate(sigma, r[j])                                        # r, the reset gate
        reset_h[j] = r[j] * h_in[j]


cdef void reset_before_gates_back(
    Py_ssize_t units, int sigma, row h_in, row r, row s, row da_r,
) noexcept nogil:
    """s, the gradient of reset_h, becomes its part of that of h_in."""
    cdef Py_ssize_t j
    for j in range(units):
        da_r[j] = gate_back(sigma, s[j] * h_in[j], r[j])                # r, the reset gate
        s[j] = s[j] * r[j]                                              # reset_h = r h_in


cdef void reset_before_state(
    Py_ssize_t units, int phi, row h_before, row z, row h_tilde, row h,
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(units):
        h_tilde[j] = gate(phi, h_tilde[j])                              # h~, the candidate state
        h[j] = z[j] * h_before[j] + one_minus(z[j]) * h_tilde[j]       # h, the hidden state


cdef void reset_before_state_back(
    Py_ssize_t units, int phi, int sigma, row h_before, row z, row h_tilde,
    row dh, row da_z, row da_h,
) noexcept nogil:
    """dh becomes dh z, a part of the gradient of h_before."""
    cdef Py_ssize_t j
    for j in range(units):
        da_h[j] = gate_back(phi, dh[j] * one_minus(z[j]), h_tilde[j])  # h~, the candidate state
        da_z[j] = gate_back(sigma, dh[j] * (h_before[j] - h_tilde[j]), z[j])  # z, the update gate
        dh[j] = dh[j] * z[j]                                            # h = z h_before + ...


# ------------------------------------------------------------------------------------- rows

cdef void copy_row(Py_ssize_t n, row a, row out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] = a[j]


cdef void times_row(Py_ssize_t n, row a, row b, row out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] = a[j] * b[j]


cdef void add_row(Py_ssize_t n, row a, row out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += a[j]


cdef void add_times_row(Py_ssize_t n, row a, row b, row out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += a[j] * b[j]


cdef void add_rows(Py_ssize_t rows, Py_ssize_t n, row a, Py_ssize_t a_row, row out) noexcept nogil:
    """out[j] += the sum of a column, of four rows at a time."""
    cdef Py_ssize_t j
    while rows >= 4:
        for j in range(n):
            out[j] += (a[j] + a[a_row + j]) + (a[2 * a_row + j] + a[3 * a_row + j])
        rows -= 4
        a += 4 * a_row
    while rows > 0:
        for j in range(n):
            out[j] += a[j]
        rows -= 1
        a += a_row
