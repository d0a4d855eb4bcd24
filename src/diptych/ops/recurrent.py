"""A recurrent layer over whole sequences in one operation, for the layers.

The equations and gradients are in ``diptych.reference.recurrent``. ``keras.ops`` has no such
functions, so these are not part of the public ``ops``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..operation import Twin
from ..tensor import Tensor

_simple_rnn = Twin("recurrent", "simple_rnn", has_need_dx=True)
_lstm = Twin("recurrent", "lstm", has_need_dx=True)
_gru = Twin("recurrent", "gru", has_need_dx=True)


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
