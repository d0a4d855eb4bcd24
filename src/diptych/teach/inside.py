"""What happened inside a layer's call, found in the tape's records of it: the pre-activation, the
gates of a recurrent layer, the scores of attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import activations, ops
from ..layers.attention.heads import Heads
from ..layers.attention.scores import Attention
from ..layers.recurrent.cells import GRUCell, LSTMCell, SimpleRNNCell
from ..layers.recurrent.rnn import RNN
from ..nested import flatten
from ..ops.nn import before_activation
from ..tape import Record, unrecorded
from ..tensor import Tensor

FUSED = ("relu", "tanh", "sigmoid")  # the activations that the engines join to a product

OF_ACTIVATION = {"preactivations", "preactivation_gradients"}

# Where the recurrent twins keep their gates and states in the cache, and how these are called.
_CACHES = {
    "simple_rnn": ((), {"h": 7}),
    "lstm": (("i", "f", "c_tilde", "o"), {"gates": 8, "c": 10, "h": 9}),
    "gru": (("z", "r", "h_tilde"), {"gates": 7, "h": 9}),
}


class PreActivation(NamedTuple):
    """z of a layer's call, and how its gradient is found on the way back.

    Attributes:
        array: the values.
        tensor: the tensor on the tape whose gradient leads to dL/dz: z itself, or, where the engine
            joined activation and product, y.
        activation: the name of the activation in the second case.
    """

    array: np.ndarray
    tensor: Any
    activation: str | None

    def gradient(self, g: np.ndarray) -> np.ndarray:
        """dL/dz from the gradient by the tensor."""
        if self.activation is not None:
            with unrecorded():
                g = before_activation(Tensor(g), Tensor(self.tensor.array), self.activation).array
        return g.reshape(self.array.shape)


def is_cell(layer: Any) -> bool:
    return isinstance(layer, (SimpleRNNCell, LSTMCell, GRUCell))


def kinds_of(layer: Any) -> set[str]:
    """What there is to be found inside a layer."""
    if isinstance(layer, RNN):
        return {"gates"}
    if isinstance(layer, (Attention, Heads)):
        return {"scores"}
    activation = getattr(layer, "activation", None)
    if activation in (None, activations.linear) or not layer._own or is_cell(layer):
        return set()
    return set(OF_ACTIVATION)


def preactivation(layer: Any, records: Sequence[Record], output: Any) -> PreActivation | None:
    """The pre-activation of a call with this output; None if the records do not show it: z is the
    last result that the layer made with weights of its own.
    """
    weights = {id(variable) for variable in layer._own}
    z: Any = None
    for record in records:
        inputs = [id(x) for x in record.inputs if x is not None]
        made = flatten(record.output)
        if inputs and weights.issuperset(inputs):  # weights in another shape
            weights.update(map(id, made))
        elif not weights.isdisjoint(inputs):
            options = record.options
            if isinstance(options, tuple) and options and options[-1] in FUSED:
                array, _ = _computed(record, *options[:-1], "linear")
                return PreActivation(array.reshape(output.shape), made[0], options[-1])
            z = made[0] if len(made) == 1 else None
        elif z is not None and z.shape != output.shape and inputs == [id(z)]:
            z = made[0]  # in the shape of the output
    if z is None or z.shape != output.shape:
        return None
    return PreActivation(z.array, z, None)


def gates(records: Sequence[Record]) -> dict[str, np.ndarray]:
    """The gates and states of a recurrent layer that an engine ran as a whole."""
    for record in records:
        name = getattr(record.operation, "name", None)
        if name in _CACHES and getattr(record.operation, "family", None) == "recurrent":
            names, places = _CACHES[name]
            found = {key: record.cache[place] for key, place in places.items()}
            parts = np.split(found.pop("gates"), len(names), axis=-1) if names else []
            return {**dict(zip(names, parts, strict=True)), **found}
    return {}


def gates_of_cell(cell: Any, args: tuple, kwargs: dict, outputs: Any) -> dict[str, np.ndarray]:
    """The gates and states of one step of a cell."""
    states = dict(zip(("h", "c"), flatten(outputs[1]), strict=False))
    made = {name: state.array for name, state in sorted(states.items())}  # c before h
    if not isinstance(cell, (LSTMCell, GRUCell)):
        return made if isinstance(cell, SimpleRNNCell) else {}
    given = [*flatten(args), *flatten({k: v for k, v in kwargs.items() if k != "training"})]
    x, h, *_ = [t for t in given if isinstance(t, Tensor)]
    x, h = cell._dropped(x, h, kwargs.get("training"))
    sigma, phi = cell.recurrent_activation, cell.activation
    if isinstance(cell, LSTMCell):
        a_i, a_f, a_c, a_o = ops.split(cell._products(x, h), 4, axis=cell._channel_axis)
        found = {"i": sigma(a_i), "f": sigma(a_f), "c_tilde": phi(a_c), "o": sigma(a_o)}
    else:
        found = _gates_of_gru(cell, x, h)
    return {**{name: np.asarray(gate) for name, gate in found.items()}, **made}


def _gates_of_gru(cell: Any, x: Any, h: Any) -> dict[str, Any]:
    sigma, phi, units = cell.recurrent_activation, cell.activation, cell.units
    bias, recurrent_bias = cell.bias, None
    if bias is not None and cell.reset_after:
        bias, recurrent_bias = ops.unstack(bias)
    u_z, u_r, u_h = ops.split(ops.dense(x, cell.kernel, bias), 3, axis=-1)
    of_gates, of_candidate = ops.split(cell.recurrent_kernel, [2 * units], axis=1)
    b_gates, b_candidate = 0.0, 0.0
    if recurrent_bias is not None:
        b_gates, b_candidate = ops.split(recurrent_bias, [2 * units])
    v_z, v_r = ops.split(ops.matmul(h, of_gates) + b_gates, 2, axis=-1)
    z, r = sigma(u_z + v_z), sigma(u_r + v_r)
    if cell.reset_after:
        v_h = r * (ops.matmul(h, of_candidate) + b_candidate)
    else:
        v_h = ops.matmul(r * h, of_candidate)
    return {"z": z, "r": r, "h_tilde": phi(u_h + v_h)}


def over_steps(layer: Any, calls: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The gates of all steps of a layer, from those of the calls of its cell."""
    if not calls or len({tuple(call) for call in calls}) > 1:
        return {}
    calls = calls[::-1] if layer.go_backwards else calls
    return {name: np.stack([call[name] for call in calls], axis=1) for name in calls[0]}


def scores(records: Sequence[Record]) -> np.ndarray | None:
    """The scores of attention, (N, H, T, S)."""
    for record in records:
        name = getattr(record.operation, "name", None)
        if name == "dot_product_attention":
            if record.options[-1]:  # it returned them
                return record.output[1].array
            (_, found), _ = _computed(record, *record.options[:-1], True)
            return found
        if name == "softmax":  # of Attention(score_mode="concat"), (N, T, S)
            return record.output.array[:, np.newaxis]
    return None


def _computed(record: Record, *options: Any) -> Any:
    """What a twin's forward function returns with other options."""
    forward: Any = record.forward
    return forward(*[None if x is None else x.array for x in record.inputs], *options)
