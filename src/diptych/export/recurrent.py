"""Nodes for recurrent layers: ONNX's own where they compute the same, else a loop of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Function
from .builder import Builder, Value
from .tables import converts

# How ONNX orders the gates; here they are i f c o and z r h.
_ORDERS = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "RNN": (0,)}
_ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}


@converts("export.recurrent")
def _recurrent(
    g: Builder,
    x: Value,
    *states: Value,
    kind: str,
    weights: tuple,
    activations: list[str],
    reset_after: bool,
    return_sequences: bool,
    go_backwards: bool,
) -> list[Value]:
    """SimpleRNN, LSTM or GRU without a mask: y and the last states."""
    arrays: list[Any] = [None if w is None else w.numpy() for w in weights]
    kernel, recurrent, bias = arrays
    units = recurrent.shape[0]
    order = [column for gate in _ORDERS[kind] for column in range(gate * units, (gate + 1) * units)]
    both = np.zeros((2, len(order)), x.dtype)
    if bias is not None:
        both[: 2 if bias.ndim == 2 else 1] = bias
    name = weights[0].path
    inputs = [
        g.const(kernel.T[order][None], name=name),
        g.const(recurrent.T[order][None], name=weights[1].path),
        g.const(both[:, order].reshape(1, -1), x.dtype, name=f"{name}_bias"),
    ]
    steps = g.transpose(g.flip(x, 1) if go_backwards else x, (1, 0, 2))
    names = [_ACTIVATIONS[name] for name in activations]
    if kind == "LSTM":
        names = [names[1], names[0], names[0]]
    elif kind == "GRU":
        names = [names[1], names[0]]
    y, *last = g.op(
        kind,
        steps,
        *inputs,
        None,
        *[g.expand(state, 0) for state in states],
        outputs=1 + len(_states(kind)),
        hidden_size=units,
        activations=names,
        linear_before_reset=int(reset_after) if kind == "GRU" else None,
    )
    last = [g.op("Squeeze", state, g.ints(0)) for state in last]
    if not return_sequences:
        return [last[0], *last]
    y = g.op("Transpose", g.op("Squeeze", y, g.ints(1)), perm=[1, 0, 2])
    return [y, *last]


def _states(kind: str) -> tuple:
    return ("h", "c") if kind == "LSTM" else ("h",)


@converts("export.loop")
def _loop(
    g: Builder,
    *values: Value,
    body: Function,
    states: int,
    scanned: int,
    emit: Any,
    go_backwards: bool,
) -> list[Value]:
    """A loop over the steps (axis 1) of the ``scanned`` values after the ``states``: the body takes
    states and one step of each, and returns new states and, if any, what each step adds.
    """
    inner = Builder(g.onnx, g)
    known = {}
    starts = list(values[:states])
    names = []
    for tensor in body.inputs:
        made = Value(inner, inner.name("step"), tensor._dtype, tensor.shape)
        known[tensor] = made
        names.append(made)
    outputs = emit(inner, body, known)
    infos = g.onnx.helper.make_tensor_value_info
    results = [inner.op("Identity", y) for y in outputs]  # a result is no input of the body
    graph = g.onnx.helper.make_graph(
        inner.nodes,
        g.name("steps"),
        [infos(x.name, g.type_of(x.dtype), None) for x in names],
        [infos(y.name, g.type_of(y.dtype), None) for y in results],
    )
    added = len(outputs) - states
    made = g.op(
        "Scan",
        *starts,
        *values[states : states + scanned],
        outputs=len(outputs),
        body=graph,
        num_scan_inputs=scanned,
        scan_input_axes=[1] * scanned,
        scan_input_directions=[int(go_backwards)] * scanned,
        scan_output_axes=[1] * added if added else None,
    )
    found: list[Value] = made if isinstance(made, list) else [made]
    for value, y in zip(found, outputs, strict=True):
        value.dtype = y.dtype
    return found


@converts("export.rows")
def _rows(g: Builder, x: Value, *, row: np.ndarray) -> Value:
    """The same array for every row of the batch of x: (N, *row.shape)."""
    shape = g.join(g.shape_of(x, 0, 1), g.ints(*row.shape))
    return g.op("Expand", g.const(row), shape)
