"""Recurrent layers: the simple one, the LSTM and the GRU, forward and back through time.

N sequences, T steps, D features in, U units out. A layer reads its sequences step by step. What it
knows at step t is its state h_t: (N, U), made from x_t: (N, D) and from h_{t-1}, the state before,
with the same weights at every step. a is what goes into an activation; phi is the activation of the
layer and sigma that of its gates: 'tanh', 'sigmoid', 'relu', 'hard_sigmoid' or 'linear'.

What the three have in common:

x: (N, T, D)   h0: (N, U), the state before the first step, or None for zeros.
mask: (N, T), True and False, or None. Where it is False a sequence skips the step: its states stay.
recurrent_mask: (N, U) or None. A factor on h_{t-1} wherever it is multiplied by the recurrent
    kernel: the dropout of recurrent connections, one draw for all the steps (Gal & Ghahramani 2016,
    A theoretically grounded application of dropout in recurrent neural networks).
go_backwards: read from t = T-1 down to 0. "Before" then means t + 1.
y: (N, T, U), the states of all steps in the order in which they were read, or, with
    return_sequences=False, (N, U), the last one. Steps that are masked repeat the output before;
    those at the very beginning give 0.

gate_pair gives an activation as two functions: phi(a), and dphi(dy, y) = phi'(a) dy, which needs
y = phi(a) alone. The numbers behind the lines of a backward are those of the forward lines that
they undo.

In the caches, h (N, T, U) and its like hold what was computed at x's place t. The values of gates
at a masked step are 0. Backward runs the steps the other way; a state's gradient dh collects what
comes from the output of its own step and what comes from the step after.
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
    """The state is a dense layer of the input and of the state before.

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
        h_in = dropped(h, recurrent_mask)  # 1
        a = x[:, t] @ kernel + h_in @ recurrent_kernel  # 2
        if bias is not None:
            a = a + bias  # 3
        h = np.where(is_on(mask, t), phi(a), h)  # 4
        hs[:, t] = h
    y = outputs(hs, mask, return_sequences, go_backwards)  # 5
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
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # 5
    da = np.zeros_like(hs)
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        skipped = np.where(on, 0, dh)  # 4
        da[:, t] = dphi(np.where(on, dh, 0), hs[:, t])  # 4
        dh = dropped(da[:, t] @ recurrent_kernel.T, recurrent_mask) + skipped  # 2, 1
    h_in = dropped(states_before(hs, h0, go_backwards), recurrent_mask)  # 1
    dx = da @ kernel.T if need_dx else None  # 2
    dkernel, drecurrent_kernel = over_steps(x, da), over_steps(h_in, da)  # 2
    dbias = da.sum(axis=(0, 1)) if has_bias else None  # 3
    return dx, dkernel, drecurrent_kernel, dbias, None if h0 is None else dh


def lstm_forward(
    x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
    activation, recurrent_activation, return_sequences, go_backwards,
):  # fmt: skip
    """A cell c runs through the steps; gates, made from x_t and h_{t-1}, say what happens to it.

        a = x_t W + h_{t-1} R + b, in four parts: a_i, a_f, a_c, a_o
        i = sigma(a_i)  how much to take in        f = sigma(a_f)  how much to keep
        c~ = phi(a_c)   what could be taken in     o = sigma(a_o)  how much to show
        c_t = f c_{t-1} + i c~                     h_t = o phi(c_t)

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
        a = x[:, t] @ kernel + dropped(h, recurrent_mask) @ recurrent_kernel  # 1
        a_i, a_f, a_c, a_o = np.split(a if bias is None else a + bias, 4, axis=1)  # 2
        i = sigma(a_i)  # 3
        f = sigma(a_f)  # 4
        c_tilde = phi(a_c)  # 5
        o = sigma(a_o)  # 6
        c_new = f * c + i * c_tilde  # 7
        h_new = o * phi(c_new)  # 8
        on = is_on(mask, t)
        c, h = np.where(on, c_new, c), np.where(on, h_new, h)  # 9
        gates[:, t] = np.where(on, np.concatenate([i, f, c_tilde, o], axis=1), 0)
        hs[:, t], cs[:, t] = h, c
    y = outputs(hs, mask, return_sequences, go_backwards)  # 10
    arrays = x, kernel, recurrent_kernel, bias is not None, h0, c0, mask, recurrent_mask
    options = activation, recurrent_activation, return_sequences, go_backwards
    return (y, h, c), (*arrays, gates, hs, cs, *options)


def lstm_backward(dy, cache, need_dx=True):
    """Gradients of lstm_forward. dy = (dy, dh, dc), shaped as (y, h, c).

        do = dh phi(c_t)          dc_t = dc + phi'(c_t) dh o
        di = dc_t c~       df = dc_t c_{t-1}       dc~ = dc_t i       dc_{t-1} = dc_t f
        da = (sigma'(a_i) di, sigma'(a_f) df, phi'(a_c) dc~, sigma'(a_o) do)

    and from da to dh_{t-1}, dx, dW, dR, db as in simple_rnn_backward. The cell's own way back,
    dc_{t-1} = dc_t f, passes no weights and no activation: where f is near 1, it does not fade.
    Returns (dx, dkernel, drecurrent_kernel, dbias, dh0, dc0), None for what was None.
    need_dx: False leaves dx out (None).   Source: Greff et al. 2017, LSTM: a search space odyssey.
    """
    x, kernel, recurrent_kernel, has_bias, h0, c0, mask, recurrent_mask, *rest = cache
    gates, hs, cs, activation, recurrent_activation, return_sequences, go_backwards = rest
    check_cotangents("lstm_backward", dy, hs, return_sequences)
    (phi, dphi), (_, dsigma) = gate_pair(activation), gate_pair(recurrent_activation)
    dy, dh, dc = dy
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # 10
    c_before = states_before(cs, c0, go_backwards)
    da = np.zeros_like(gates)
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        dc_skipped, dh_skipped = np.where(on, 0, dc), np.where(on, 0, dh)  # 9
        dc, dh = np.where(on, dc, 0), np.where(on, dh, 0)  # 9
        i, f, c_tilde, o = np.split(gates[:, t], 4, axis=1)
        shown = phi(cs[:, t])
        dc = dc + dphi(dh * o, shown)  # 8
        da_o = dsigma(dh * shown, o)  # 8, 6
        da_c = dphi(dc * i, c_tilde)  # 7, 5
        da_f = dsigma(dc * c_before[:, t], f)  # 7, 4
        da_i = dsigma(dc * c_tilde, i)  # 7, 3
        da[:, t] = np.concatenate([da_i, da_f, da_c, da_o], axis=1)  # 2
        dc = dc * f + dc_skipped  # 7
        dh = dropped(da[:, t] @ recurrent_kernel.T, recurrent_mask) + dh_skipped  # 1
    h_in = dropped(states_before(hs, h0, go_backwards), recurrent_mask)
    dx, dbias = (da @ kernel.T if need_dx else None), da.sum(axis=(0, 1)) if has_bias else None
    states = None if h0 is None else dh, None if c0 is None else dc
    return dx, over_steps(x, da), over_steps(h_in, da), dbias, *states  # 1


def gru_forward(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, recurrent_activation, reset_after, return_sequences, go_backwards,
):  # fmt: skip
    """Two gates and no cell: z says how much of the state stays, r how much of it is looked at.

        u = x_t W + b           v = h_{t-1} R + b'         each in three parts, z r h
        z = sigma(u_z + v_z)    r = sigma(u_r + v_r)
        h~ = phi(u_h + r v_h)   without reset_after: v_h = (r h_{t-1}) R_h and h~ = phi(u_h + v_h)
        h_t = z h_{t-1} + (1 - z) h~

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
        h_in, on = dropped(h, recurrent_mask), is_on(mask, t)  # 1
        u_z, u_r, u_h = np.split(x[:, t] @ kernel + b, 3, axis=1)  # 2
        v_z, v_r = np.split(h_in @ R_zr + b_zr, 2, axis=1)  # 3
        z = sigma(u_z + v_z)  # 4
        r = sigma(u_r + v_r)  # 5
        v_h = h_in @ R_h + b_h if reset_after else (r * h_in) @ R_h  # 6
        h_tilde = phi(u_h + (r * v_h if reset_after else v_h))  # 7
        h = np.where(on, z * h + (1 - z) * h_tilde, h)  # 8
        gates[:, t] = np.where(on, np.concatenate([z, r, h_tilde], axis=1), 0)
        hs[:, t], vs[:, t] = h, np.where(on, v_h, 0)
    y = outputs(hs, mask, return_sequences, go_backwards)  # 9
    arrays = x, kernel, recurrent_kernel, bias is not None, h0, mask, recurrent_mask
    options = activation, recurrent_activation, reset_after, return_sequences, go_backwards
    return (y, h), (*arrays, gates, vs if reset_after else None, hs, *options)


def gru_backward(dy, cache, need_dx=True):
    """Gradients of gru_forward. dy = (dy, dh), shaped as (y, h).

        dz = dh (h_{t-1} - h~)     dh~ = dh (1 - z)     du_h = phi' dh~
        du_z = dv_z = sigma' dz    du_r = dv_r = sigma' dr
        dr = du_h v_h              dv_h = du_h r           dh_{t-1} = dh z + dv R^T
    without reset_after, with s = du_h R_h^T:
        dr = s h_{t-1}             dv_h = du_h             dh_{t-1} = dh z + dv_zr R_zr^T + s r

    and dW, db, dx from du, dR and db' from dv, as in simple_rnn_backward.
    Returns (dx, dkernel, drecurrent_kernel, dbias, dh0), None for what was None.
    need_dx: False leaves dx out (None).   Source: as gru_forward.
    """
    x, kernel, recurrent_kernel, has_bias, h0, mask, recurrent_mask, gates, vs, hs, *rest = cache
    activation, recurrent_activation, reset_after, return_sequences, go_backwards = rest
    check_cotangents("gru_backward", dy, hs, return_sequences)
    (_, dphi), (_, dsigma) = gate_pair(activation), gate_pair(recurrent_activation)
    R_zr, R_h = np.split(recurrent_kernel, [2 * hs.shape[2]], axis=1)
    dy, dh = dy
    dhs = outputs_backward(dy, hs, mask, return_sequences, go_backwards)  # 9
    h_before = states_before(hs, h0, go_backwards)
    h_in = dropped(h_before, recurrent_mask)  # 1
    du, dv = np.zeros_like(gates), np.zeros_like(gates)
    for t in reversed(order(x, go_backwards)):
        dh, on = dh + dhs[:, t], is_on(mask, t)
        skipped, dh = np.where(on, 0, dh), np.where(on, dh, 0)  # 8
        z, r, h_tilde = np.split(gates[:, t], 3, axis=1)
        du_z = dsigma(dh * (h_before[:, t] - h_tilde), z)  # 8, 4
        du_h = dphi(dh * (1 - z), h_tilde)  # 8, 7
        s = (du_h * r if reset_after else du_h) @ R_h.T  # 7, 6
        du_r = dsigma(du_h * vs[:, t] if reset_after else s * h_in[:, t], r)  # 7 or 6, 5
        dv_zr, dv_h = np.concatenate([du_z, du_r], axis=1), du_h * r if reset_after else du_h
        du[:, t] = np.concatenate([dv_zr, du_h], axis=1)  # 2
        dv[:, t] = np.concatenate([dv_zr, dv_h], axis=1)
        dh_in = dv_zr @ R_zr.T + (s if reset_after else s * r)  # 3, 6
        dh = dh * z + dropped(dh_in, recurrent_mask) + skipped  # 8, 1
    dx = du @ kernel.T if need_dx else None  # 2
    drecurrent_kernel = over_steps(h_in, dv)  # 3, 6
    if not reset_after:
        r = gates[..., hs.shape[2] : 2 * hs.shape[2]]
        drecurrent_kernel[:, R_zr.shape[1] :] = over_steps(r * h_in, dv)[:, R_zr.shape[1] :]  # 6
    db, db_v = du.sum(axis=(0, 1)), dv.sum(axis=(0, 1))  # 2; 3, 6
    dbias = None if not has_bias else np.stack([db, db_v]) if reset_after else db
    return dx, over_steps(x, du), drecurrent_kernel, dbias, None if h0 is None else dh


def _biases(bias, units, reset_after):
    """b, and the two parts of b', zeros where there are none."""
    if bias is None:
        return 0, 0, 0
    if not reset_after:
        return bias, 0, 0
    return bias[0], bias[1, : 2 * units], bias[1, 2 * units :]
