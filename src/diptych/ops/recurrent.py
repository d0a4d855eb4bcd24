"""A recurrent layer over whole sequences in one operation, for the layers.

The equations and gradients are in ``diptych.reference.recurrent``. ``keras.ops`` has no such
functions, so these are not part of the public ``ops``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..operation import Twin
from ..tensor import Tensor
from . import nn
from .creation import zeros
from .indexing import where
from .linalg import matmul
from .shapes import split, stack, unstack

# --------------------------------------------------------------------------------------------------
# The layers step by step, made of operations as in the reference: for gradients of gradients only


def _linear(a):
    return a


_ACTIVATIONS = {
    "linear": _linear,
    "relu": nn.relu,
    "tanh": nn.tanh,
    "sigmoid": nn.sigmoid,
    "hard_sigmoid": nn.hard_sigmoid,
}


def _over_steps(step, a, states, mask, return_sequences, go_backwards):
    """y and the last states.

    Args:
        step: step(a_t, *states) returns the new states, of which the first is h.
        a: (N, T, ...).
        states: the initial ones; None for zeros.
    """
    steps = range(a.shape[1])[:: -1 if go_backwards else 1]
    begun = None if mask is None else np.logical_or.accumulate(mask[:, list(steps)], axis=1)
    by_step, outputs = unstack(a, axis=1), []
    for number, t in enumerate(steps):
        new = step(by_step[t], *states)
        if begun is not None:
            new = [where(mask[:, t, None], n, old) for n, old in zip(new, states, strict=True)]
        states = new
        output = states[0] if begun is None else where(begun[:, number, None], states[0], 0.0)
        outputs.append(output)
    return [stack(outputs, axis=1) if return_sequences else outputs[-1], *states]


def _initial(state, x, units):
    return zeros((x.shape[0], units), x.dtype) if state is None else state


def _inputs(x, kernel, bias):
    a = matmul(x, kernel)
    return a if bias is None else a + bias


def _dropped(h, recurrent_mask):
    return h if recurrent_mask is None else h * recurrent_mask


def _simple_rnn_of_operations(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, return_sequences, go_backwards,
):  # fmt: skip
    phi = _ACTIVATIONS[activation]

    def step(a, h):
        return [phi(a + matmul(_dropped(h, recurrent_mask), recurrent_kernel))]

    states = [_initial(h0, x, len(recurrent_kernel))]
    a = _inputs(x, kernel, bias)
    return _over_steps(step, a, states, mask, return_sequences, go_backwards)


def _lstm_of_operations(
    x, kernel, recurrent_kernel, bias, h0, c0, mask, recurrent_mask,
    activation, recurrent_activation, return_sequences, go_backwards,
):  # fmt: skip
    phi, sigma = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]

    def step(a, h, c):
        a = a + matmul(_dropped(h, recurrent_mask), recurrent_kernel)
        i, f, c_tilde, o = split(a, 4, axis=1)
        c = sigma(f) * c + sigma(i) * phi(c_tilde)
        return [sigma(o) * phi(c), c]

    states = [_initial(state, x, len(recurrent_kernel)) for state in (h0, c0)]
    a = _inputs(x, kernel, bias)
    return _over_steps(step, a, states, mask, return_sequences, go_backwards)


def _gru_of_operations(
    x, kernel, recurrent_kernel, bias, h0, mask, recurrent_mask,
    activation, recurrent_activation, reset_after, return_sequences, go_backwards,
):  # fmt: skip
    phi, sigma = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    units = len(recurrent_kernel)
    R_zr, R_h = split(recurrent_kernel, [2 * units], axis=1)
    b, b_zr, b_h = bias, 0.0, 0.0
    if reset_after and bias is not None:
        b, b_zr, b_h = bias[0], bias[1, : 2 * units], bias[1, 2 * units :]

    def step(u, h):
        h_in = _dropped(h, recurrent_mask)
        u_zr, u_h = split(u, [2 * units], axis=1)
        z, r = split(sigma(u_zr + matmul(h_in, R_zr) + b_zr), 2, axis=1)
        if reset_after:
            h_tilde = phi(u_h + r * (matmul(h_in, R_h) + b_h))
        else:
            h_tilde = phi(u_h + matmul(r * h_in, R_h))
        return [z * h + (1 - z) * h_tilde]

    states = [_initial(h0, x, units)]
    return _over_steps(step, _inputs(x, kernel, b), states, mask, return_sequences, go_backwards)


_simple_rnn = Twin(
    "recurrent", "simple_rnn", has_need_dx=True, composition=_simple_rnn_of_operations
)
_lstm = Twin("recurrent", "lstm", has_need_dx=True, composition=_lstm_of_operations)
_gru = Twin("recurrent", "gru", has_need_dx=True, composition=_gru_of_operations)

# --------------------------------------------------------------------------------------------------
# The layers in one operation


def simple_rnn(
    x: Any,
    weights: tuple,
    h0: Any,
    mask: np.ndarray | None,
    recurrent_mask: np.ndarray | None,
    activation: str,
    return_sequences: bool,
    go_backwards: bool,
) -> list[Tensor]:
    """Return y and the last h; ``weights`` are kernel, recurrent kernel and bias (or None)."""
    options = activation, return_sequences, go_backwards
    return _simple_rnn((x, *weights, h0), mask, recurrent_mask, *options)


def lstm(
    x: Any,
    weights: tuple,
    h0: Any,
    c0: Any,
    mask: np.ndarray | None,
    recurrent_mask: np.ndarray | None,
    activation: str,
    recurrent_activation: str,
    return_sequences: bool,
    go_backwards: bool,
) -> list[Tensor]:
    """Return y, the last h and the last c."""
    options = activation, recurrent_activation, return_sequences, go_backwards
    return _lstm((x, *weights, h0, c0), mask, recurrent_mask, *options)


def gru(
    x: Any,
    weights: tuple,
    h0: Any,
    mask: np.ndarray | None,
    recurrent_mask: np.ndarray | None,
    activation: str,
    recurrent_activation: str,
    reset_after: bool,
    return_sequences: bool,
    go_backwards: bool,
) -> list[Tensor]:
    """y and the last h."""
    options = activation, recurrent_activation, reset_after, return_sequences, go_backwards
    return _gru((x, *weights, h0), mask, recurrent_mask, *options)
