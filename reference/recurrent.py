"""Recurrent layers: the simple one, the LSTM and the GRU, forward and back through time.

N sequences, T steps, D features in, U units out. A layer reads its sequences step by step. What it
knows at step t is its hidden state h_t: (N, U), made from x_t: (N, D) and from h_{t-1}, the hidden
state before, with the same weights at every step. a is what goes into an activation; phi is the
activation of the layer and sigma that of its gates: 'tanh', 'sigmoid', 'relu', 'hard_sigmoid' or
'linear'.

What the three have in common:

x: (N, T, D)   h0: (N, U), the initial state, or None for zeros.
mask: (N, T), True and False, or None. Where it is False a sequence skips the step: its states stay.
recurrent_mask: (N, U) or None. A factor on h_{t-1} wherever it is multiplied by the recurrent
    kernel: the recurrent dropout, one draw for all the steps (Gal & Ghahramani 2016, A
    theoretically grounded application of dropout in recurrent neural networks).
go_backwards: read from t = T-1 down to 0. "Before" then means t + 1.
y: (N, T, U), the hidden states of all steps in the order in which they were read, or, with
    return_sequences=False, (N, U), the last one. Steps that are masked repeat the output before;
    those at the very beginning give 0.

The backward is backpropagation through time: it runs the steps the other way, and dh, the gradient
of a hidden state, collects what comes from the output of its own step and what comes from the step
after. Behind each of its lines stands the forward line that it undoes. gate_pair gives an
activation as two functions: phi(a), and dphi(dy, y) = phi'(a) dy, which needs y = phi(a) alone.

In the caches, h (N, T, U) and its like hold what was computed at x's place t. The values of gates
at a masked step are 0.

Fast twins, by the same names: fastcore/recurrent.pyx.
"""

import numpy as np

from ._fused import gate_pair
from ._sequences import (
    check_cotangents,
    check_recurrent,
    dropped,
    initial,
    is_on,
    order,
    outputs,
    outputs_backward,
    over_steps,
    states_before,
)


def simple_rnn_forward(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, return_sequences, go_backwards,
):  # fmt: skip
    """The hidden state is a dense layer of the input and of the hidden state before.

        a_t = x_t W + h_{t-1} R + b        h_t = phi(a_t)

    kernel W: (D, U)   recurrent_kernel R: (U, U)   bias b: (U,) or None; the rest as above.
    Returns (y, h), h: (N, U) the last state, dtype of x, and cache = (x, kernel, recurrent_kernel,
    has_bias, h0, mask, recurrent_mask, h, activation, return_sequences, go_backwards).
    Raises ValueError where shapes do not fit, for T = 0 and for other activations.
    Source: Elman 1990, Finding structure in time; Goodfellow, Bengio & Courville, Deep Learning,
    2016, eq. 10.8 and 10.9.
    """
    states = {"h0": h0}
    check_recurrent(
        "simple_rnn", 1, x, kernel, recurrent_kernel, bias, states, mask, recurrent_mask
    )
    phi, _ = gate_pair(activation)
    h = initial(h0, x, len(recurrent_kernel))
    hs = np.zeros((*x.shape[:2], h.shape[1]), x.dtype)
    for t in order(x, go_backwards):
        h_in = dropped(h, recurrent_mask)
        a = x[:, t] @ kernel + h_in @ recurrent_kernel
        if bias is not None:
            a = a + bias
        h = np.where(is_on(mask, t), phi(a), h)
        hs[:, t] = h
    y = outputs(hs, mask, return_sequences, go_backwards)
    arrays = x, kernel, recurrent_kernel, bias is not None, h0, mask, recurrent_mask, hs
    return (y, h), (*arrays, activation, return_sequences, go_backwards)


def simple_rnn_backward(dy, cache, need_dx=True):
    """Gradients of simple_rnn_forward. dy = (dy, dh), shaped as (y, h).

        dh_t = dy_t + da_{t+1} R^T        da_t = phi'(a_t) dh_t        dx_t = da_t W^T
        dW = sum_t x_t^T da_t        dR = sum_t h_{t-1}^T da_t        db = sum_t sum_n da_t[n]

    Returns (dx, dkernel, drecurrent_kernel, dbias, dh0), None for what was None.
    need_dx: False leaves dx out (None); the first layer of a network has no use for it.
    Source: Goodfellow et al. 2016, sec. 10.2.2.
    """
    x, kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, hs, *options = cache
    activation, return_sequences, go_backwards = options
    check_cotangents("simple_rnn_backward", dy, hs, return_sequences)
    _, dphi = gate_pair(activation)
    dy, dh = dy
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # y = outputs(hs)
    da = np.zeros_like(hs)
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        dh_skipped, dh = np.where(on, 0, dh), np.where(on, dh, 0)  # h = phi(a) where on, else h
        da[:, t] = dphi(dh, hs[:, t])  # phi(a)
        dh_in = da[:, t] @ recurrent_kernel.T  # a = x[:, t] W + h_in R
        dh = dropped(dh_in, recurrent_mask) + dh_skipped  # h_in = dropped(h)
    h_in = dropped(states_before(hs, h0, go_backwards), recurrent_mask)
    dx = da @ kernel.T if need_dx else None  # a = x[:, t] W + h_in R
    dkernel, drecurrent_kernel = over_steps(x, da), over_steps(h_in, da)  # the same
    dbias = da.sum(axis=(0, 1)) if has_bias else None  # a = a + b
    return dx, dkernel, drecurrent_kernel, dbias, None if h0 is None else dh


def lstm_forward(
    x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
    activation, recurrent_activation, return_sequences, go_backwards,
):  # fmt: skip
    """A cell state c runs through the steps; gates, made from x_t and h_{t-1}, say what happens.

        a = x_t W + h_{t-1} R + b, in four parts: a_i, a_f, a_c, a_o
        i = sigma(a_i)           i, the input gate: how much of the candidate to take in
        f = sigma(a_f)           f, the forget gate: how much of the cell state to keep
        c~ = phi(a_c)            c~, the candidate: what could be taken in
        o = sigma(a_o)           o, the output gate: how much of the cell state to show
        c_t = f c_{t-1} + i c~   the cell state         h_t = o phi(c_t)   the hidden state

    kernel W: (D, 4U)   recurrent_kernel R: (U, 4U)   bias b: (4U,) or None; all in order i f c o
    c0: (N, U) or None, as h0.   Returns (y, h, c), h and c: (N, U) the last states, and
    cache = (x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask, gates (N, T, 4U),
    h, c, activation, recurrent_activation, return_sequences, go_backwards).   Raises ValueError as
    simple_rnn_forward.   Source: Hochreiter & Schmidhuber 1997, Long short-term memory; f: Gers et
    al. 2000, Learning to forget; Goodfellow et al. 2016, sec. 10.10.1.
    """
    states = {"h0": h0, "c0": c0}
    check_recurrent("lstm", 4, x, kernel, recurrent_kernel, bias, states, mask, recurrent_mask)
    (phi, _), (sigma, _) = gate_pair(activation), gate_pair(recurrent_activation)
    h, c = (initial(state, x, len(recurrent_kernel)) for state in (h0, c0))
    hs, cs = np.zeros((2, *x.shape[:2], h.shape[1]), x.dtype)
    gates = np.zeros((*x.shape[:2], kernel.shape[1]), x.dtype)
    for t in order(x, go_backwards):
        a = x[:, t] @ kernel + dropped(h, recurrent_mask) @ recurrent_kernel
        a_i, a_f, a_c, a_o = np.split(a if bias is None else a + bias, 4, axis=1)
        i, f, o = sigma(a_i), sigma(a_f), sigma(a_o)
        c_tilde = phi(a_c)
        c_new = f * c + i * c_tilde
        h_new = o * phi(c_new)
        on = is_on(mask, t)
        c, h = np.where(on, c_new, c), np.where(on, h_new, h)
        gates[:, t] = np.where(on, np.concatenate([i, f, c_tilde, o], axis=1), 0)
        hs[:, t], cs[:, t] = h, c
    y = outputs(hs, mask, return_sequences, go_backwards)
    arrays = x, kernel, recurrent_kernel, bias is not None, h0, c0, mask, recurrent_mask
    options = activation, recurrent_activation, return_sequences, go_backwards
    return (y, h, c), (*arrays, gates, hs, cs, *options)


def lstm_backward(dy, cache, need_dx=True):
    """Gradients of lstm_forward. dy = (dy, dh, dc), shaped as (y, h, c).

        do = dh phi(c_t)          dc_t = dc + phi'(c_t) dh o
        di = dc_t c~       df = dc_t c_{t-1}       dc~ = dc_t i       dc_{t-1} = dc_t f
        da = (sigma'(a_i) di, sigma'(a_f) df, phi'(a_c) dc~, sigma'(a_o) do)

    and from da to dh_{t-1}, dx, dW, dR, db as in simple_rnn_backward. The cell's own way back,
    dc_{t-1} = dc_t f, passes no weights and no activation: where the forget gate f is near 1, the
    gradient does not vanish.
    Returns (dx, dkernel, drecurrent_kernel, dbias, dh0, dc0), None for what was None.
    need_dx: False leaves dx out (None).   Source: Greff et al. 2017, LSTM: a search space odyssey.
    """
    x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask, *rest = cache
    gates, hs, cs, activation, recurrent_activation, return_sequences, go_backwards = rest
    check_cotangents("lstm_backward", dy, hs, return_sequences)
    (phi, dphi), (_, dsigma) = gate_pair(activation), gate_pair(recurrent_activation)
    dy, dh, dc = dy
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # y = outputs(hs)
    c_before = states_before(cs, c0, go_backwards)
    da = np.zeros_like(gates)
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        dc_skipped, dh_skipped = np.where(on, 0, dc), np.where(on, 0, dh)  # c, h = new where on
        dc, dh = np.where(on, dc, 0), np.where(on, dh, 0)
        i, f, c_tilde, o = np.split(gates[:, t], 4, axis=1)
        phi_c = phi(cs[:, t])
        do, dc = dh * phi_c, dc + dphi(dh * o, phi_c)  # h_new = o phi(c_new)
        di, dc_tilde = dc * c_tilde, dc * i  # c_new = f c + i c~
        df, dc_before = dc * c_before[:, t], dc * f  # c_new = f c + i c~
        da_c = dphi(dc_tilde, c_tilde)  # c~ = phi(a_c)
        da_i, da_f, da_o = dsigma(di, i), dsigma(df, f), dsigma(do, o)  # i, f, o = sigma(a)
        da[:, t] = np.concatenate([da_i, da_f, da_c, da_o], axis=1)
        dc = dc_before + dc_skipped
        dh = dropped(da[:, t] @ recurrent_kernel.T, recurrent_mask) + dh_skipped  # a = x W + h R
    h_in = dropped(states_before(hs, h0, go_backwards), recurrent_mask)
    dx, dbias = (da @ kernel.T if need_dx else None), da.sum(axis=(0, 1)) if has_bias else None
    states = None if h0 is None else dh, None if c0 is None else dc
    return dx, over_steps(x, da), over_steps(h_in, da), dbias, *states


def gru_forward(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, recurrent_activation, reset_after, return_sequences, go_backwards,
):  # fmt: skip
    """Two gates and no cell state: z says how much of h stays, r how much the candidate sees of it.

        u = x_t W + b           v = h_{t-1} R + b'         each in three parts, z r h
        z = sigma(u_z + v_z)            z, the update gate
        r = sigma(u_r + v_r)            r, the reset gate
        h~ = phi(u_h + r v_h)           h~, the candidate, with reset_after
        h~ = phi(u_h + (r h_{t-1}) R_h)                    without: the gate comes before R_h
        h_t = z h_{t-1} + (1 - z) h~    the hidden state

    kernel W: (D, 3U)   recurrent_kernel R: (U, 3U)   bias: (2, 3U), b above b', or None; without
    reset_after (3U,), and b' = 0.   Returns (y, h), h: (N, U) the last state, and cache = (x,
    kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, gates (N, T, 3U), v_h (N, T, U) or
    None without reset_after, h, and the options).   Raises ValueError as simple_rnn_forward.
    Source: Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, sec. 2.3;
    reset_after, which lets h_{t-1} R be a single product, is cuDNN's variant of it.
    """
    given = x, kernel, recurrent_kernel, bias, {"h0": h0}, mask, recurrent_mask
    check_recurrent("gru", 3, *given, biases=2 if reset_after else 1)
    (phi, _), (sigma, _) = gate_pair(activation), gate_pair(recurrent_activation)
    h, units = initial(h0, x, len(recurrent_kernel)), len(recurrent_kernel)
    b, b_zr, b_h = _biases(bias, units, reset_after)
    R_zr, R_h = np.split(recurrent_kernel, [2 * units], axis=1)
    hs, vs = np.zeros((2, *x.shape[:2], units), x.dtype)
    gates = np.zeros((*x.shape[:2], 3 * units), x.dtype)
    for t in order(x, go_backwards):
        h_in, on = dropped(h, recurrent_mask), is_on(mask, t)
        u_z, u_r, u_h = np.split(x[:, t] @ kernel + b, 3, axis=1)
        v_z, v_r = np.split(h_in @ R_zr + b_zr, 2, axis=1)
        z, r = sigma(u_z + v_z), sigma(u_r + v_r)
        v_h = h_in @ R_h + b_h if reset_after else (r * h_in) @ R_h
        h_tilde = phi(u_h + (r * v_h if reset_after else v_h))
        h = np.where(on, z * h + (1 - z) * h_tilde, h)
        gates[:, t] = np.where(on, np.concatenate([z, r, h_tilde], axis=1), 0)
        hs[:, t], vs[:, t] = h, np.where(on, v_h, 0)
    y = outputs(hs, mask, return_sequences, go_backwards)
    arrays = x, kernel, recurrent_kernel, bias is not None, h0, mask, recurrent_mask
    options = activation, recurrent_activation, reset_after, return_sequences, go_backwards
    return (y, h), (*arrays, gates, vs if reset_after else None, hs, *options)


def gru_backward(dy, cache, need_dx=True):
    """Gradients of gru_forward. dy = (dy, dh), shaped as (y, h).

        dz = dh (h_{t-1} - h~)     dh~ = dh (1 - z)     du_h = phi' dh~
        du_z = dv_z = sigma' dz    du_r = dv_r = sigma' dr
        dh_{t-1} = dh z + dv_zr R_zr^T + what comes through the candidate

    dr, dv_h and what comes through the candidate: see _candidate_backward_reset_after and
    _candidate_backward_reset_before. dW, db, dx come from du, dR and db' from dv, as in
    simple_rnn_backward. Returns (dx, dkernel, drecurrent_kernel, dbias, dh0), None for what was
    None.   need_dx: False leaves dx out (None).   Source: as gru_forward.
    """
    x, kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, gates, vs, hs, *rest = cache
    activation, recurrent_activation, reset_after, return_sequences, go_backwards = rest
    check_cotangents("gru_backward", dy, hs, return_sequences)
    (_, dphi), (_, dsigma) = gate_pair(activation), gate_pair(recurrent_activation)
    R_zr, R_h = np.split(recurrent_kernel, [2 * hs.shape[2]], axis=1)
    dy, dh = dy
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # y = outputs(hs)
    h_before = states_before(hs, h0, go_backwards)
    h_in = dropped(h_before, recurrent_mask)
    du, dv, into_R_h = np.zeros_like(gates), np.zeros_like(gates), h_in.copy()
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        dh_skipped, dh = np.where(on, 0, dh), np.where(on, dh, 0)  # h = new where on, else h
        z, r, h_tilde = np.split(gates[:, t], 3, axis=1)
        dz, dh_tilde = dh * (h_before[:, t] - h_tilde), dh * (1 - z)  # h = z h + (1 - z) h~
        du_h = dphi(dh_tilde, h_tilde)  # h~ = phi(u_h + ...)
        if reset_after:
            dr, dv_h, dh_in = _candidate_backward_reset_after(du_h, r, vs[:, t], R_h)
        else:
            dr, dv_h, dh_in = _candidate_backward_reset_before(du_h, r, h_in[:, t], R_h)
            into_R_h[:, t] = r * h_in[:, t]
        du_zr = np.concatenate([dsigma(dz, z), dsigma(dr, r)], axis=1)  # z, r = sigma(u + v)
        du[:, t] = np.concatenate([du_zr, du_h], axis=1)
        dv[:, t] = np.concatenate([du_zr, dv_h], axis=1)
        dh_in = du_zr @ R_zr.T + dh_in  # v_zr = h_in R_zr + b'_zr
        dh = dh * z + dropped(dh_in, recurrent_mask) + dh_skipped  # h = z h + (1 - z) h~
    dx = du @ kernel.T if need_dx else None  # u = x W + b
    dv_zr, dv_h = np.split(dv, [R_zr.shape[1]], axis=2)
    drecurrent_kernel = np.hstack([over_steps(h_in, dv_zr), over_steps(into_R_h, dv_h)])
    dbias = _biases_backward(du, dv, has_bias, reset_after)
    return dx, over_steps(x, du), drecurrent_kernel, dbias, None if h0 is None else dh


def _candidate_backward_reset_after(du_h, r, v_h, R_h):
    """(dr, dv_h, dh_in) where the reset gate comes after the product with R_h."""
    dr, dv_h = du_h * v_h, du_h * r  # h~ = phi(u_h + r v_h)
    dh_in = dv_h @ R_h.T  # v_h = h_in R_h + b'_h
    return dr, dv_h, dh_in


def _candidate_backward_reset_before(du_h, r, h_in, R_h):
    """(dr, dv_h, dh_in) where the reset gate comes before the product with R_h."""
    dv_h = du_h  # h~ = phi(u_h + v_h)
    dreset = dv_h @ R_h.T  # v_h = reset R_h, reset = r h_in
    dr, dh_in = dreset * h_in, dreset * r  # reset = r h_in
    return dr, dv_h, dh_in


def _biases(bias, units, reset_after):
    """b, and the two parts of b', b'_zr and b'_h; zeros where there are none."""
    if bias is None:
        return 0, 0, 0
    if not reset_after:
        return bias, 0, 0
    return bias[0], bias[1, : 2 * units], bias[1, 2 * units :]


def _biases_backward(du, dv, has_bias, reset_after):
    """dbias: db above db', or db alone without reset_after."""
    if not has_bias:
        return None
    db, db_v = du.sum(axis=(0, 1)), dv.sum(axis=(0, 1))  # u = x W + b, v = h_in R + b'
    return np.stack([db, db_v]) if reset_after else db
