"""Whether the end of a model, its loss, its metrics and the labels fit each other.

What can be trained, though hardly to any use, is warned of: outputs that are no probabilities in a
cross-entropy, labels that an activation never reaches, an accuracy of real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..nested import flatten
from ..utils.registration import is_builtin
from .mending import BINARY, ONE_HOT, SPARSE
from .values import SLACK

# The values that an activation returns.
RANGES = {
    **dict.fromkeys(
        "sigmoid hard_sigmoid keras2_hard_sigmoid sparse_sigmoid softmax sparsemax".split(), (0, 1)
    ),
    **dict.fromkeys("tanh hard_tanh softsign".split(), (-1, 1)),
    **dict.fromkeys("relu softplus exponential".split(), (0, np.inf)),
    "relu6": (0, 6),
}
PROBABILITIES = frozenset(name for name, ends in RANGES.items() if ends == (0, 1))
LOGITS = frozenset(["sigmoid", "softmax"])  # activations after which there are no logits any more
REAL = frozenset(
    "mean_squared_error mean_absolute_error mean_absolute_percentage_error huber log_cosh "
    "mean_squared_logarithmic_error poisson".split()
)
_ROWS = 1000  # how many labels are looked at, where one would be enough
_WITH_ACTIVATION = frozenset(
    "Activation Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose "
    "Conv3DTranspose SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D".split()
)
_ACTIVATIONS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}
_KEEP_VALUES = frozenset("Reshape Flatten Permute Identity Dropout".split())


def last_activation(tensor: Any) -> str | None:
    """The name of the activation that an output of a graph comes from; None where it is unknown."""
    while True:
        node = getattr(tensor, "node", None)
        if node is None or node.is_input:
            return None
        operation = node.operation
        kind = type(operation).__name__
        if getattr(operation, "_function", None) is not None:  # a model in a model
            tensor = flatten(operation._function.outputs)[tensor.index]
            continue
        if not is_builtin(type(operation)):
            return None
        if kind in _KEEP_VALUES:
            tensor = node.inputs[0]
            continue
        if kind == "TimeDistributed":
            operation = operation.layer
            kind = type(operation).__name__
        if kind in _ACTIVATIONS:
            return _ACTIVATIONS[kind]
        if kind in _WITH_ACTIVATION:
            return _name_of(operation.activation)
        if hasattr(operation, "compute_output_spec"):  # another layer
            return None
        return getattr(operation, "name", None) or getattr(operation, "__name__", None)


def _name_of(activation: Any) -> str | None:
    if activation is None:
        return "linear"
    return getattr(activation, "__name__", None) if is_builtin(activation) else None


def misfits(
    kind: str, loss: Any, tensor: Any, layer: str, labels: np.ndarray, name: str
) -> Iterator[str]:
    """What is odd about an output, its loss and its labels, in words.

    Args:
        kind: the name of the loss.
        tensor: the output, which layer ``layer`` made.
        name: that of the labels.
    """
    activation = last_activation(tensor)
    if activation in RANGES or activation == "linear":
        yield from _of_probabilities(kind, loss, activation, tensor.shape[-1], layer)
    if kind in REAL and activation in RANGES:
        yield from _of_range(activation, layer, labels, name)
    if kind in ONE_HOT and labels.ndim > 1 and labels.size:
        yield from _of_rows(kind, labels, name)


def _of_probabilities(
    kind: str, loss: Any, activation: str, units: int | None, layer: str
) -> Iterator[str]:
    one_of_many = kind in SPARSE | ONE_HOT
    if not one_of_many and kind not in BINARY:
        return
    wanted = "softmax" if one_of_many else "sigmoid"
    its = f"Layer {layer!r} ends in a {activation}"
    if getattr(loss, "from_logits", False):
        if activation in LOGITS:
            yield (
                f"{its}, and {kind} has from_logits=True, which takes its input before any "
                f"{wanted}: it is applied twice. Leave out one of them."
            )
    elif activation not in PROBABILITIES:
        before = "no activation" if activation == "linear" else f"the activation {activation!r}"
        or_logits = ", or give the loss from_logits=True" if activation == "linear" else ""
        yield (
            f"{kind} takes probabilities, but layer {layer!r} has {before}: its outputs are not "
            f"between 0 and 1. Use activation={wanted!r}{or_logits}."
        )
    elif one_of_many and "softmax" not in activation and activation != "sparsemax" and units != 1:
        yield (
            f"{its}, which judges each of {units} classes by itself, and {kind} takes "
            "probabilities that add up to 1: use activation='softmax'. If several classes may be "
            "right at once, keep it, with loss='binary_crossentropy'."
        )
    elif kind in BINARY and activation == "softmax" and units != 1:
        yield (
            f"{its}, whose {units} probabilities add up to 1, and {kind} asks for each of them "
            "whether it is right: use loss='categorical_crossentropy'. If several may be right at "
            "once, use activation='sigmoid'."
        )


def _of_range(activation: str, layer: str, labels: np.ndarray, name: str) -> Iterator[str]:
    least, most = RANGES[activation]
    if labels.dtype.kind not in "biuf" or not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < least - SLACK or high > most + SLACK:
        ends = f"between {least} and {most}" if np.isfinite(most) else f"at least {least}"
        yield (
            f"Layer {layer!r} ends in a {activation}, so that the outputs are {ends}, but {name} "
            f"ranges from {low:g} to {high:g}: some labels are never reached. Leave out the "
            "activation, or scale the labels."
        )


def _of_rows(kind: str, labels: np.ndarray, name: str) -> Iterator[str]:
    some = labels[:_ROWS]
    if np.any((some != 0) & (some != 1)):
        return
    counts = np.count_nonzero(some, axis=-1)
    many = np.count_nonzero(counts > 1)
    if many:
        yield (
            f"{kind} takes one class for each row, but {many} of the first {len(some)} rows of "
            f"{name} have more than one, up to {counts.max()}. If several classes may be right at "
            "once, use activation='sigmoid' and loss='binary_crossentropy'."
        )


def counts_reals(kind: str, metrics: Any, labels: np.ndarray) -> bool:
    """Whether an accuracy is asked for where labels are real numbers, of a loss for such."""
    if kind not in REAL or labels.dtype.kind != "f":
        return False
    if not any(isinstance(one, str) and one.lower() in ("accuracy", "acc") for one in metrics):
        return False
    some = labels[:_ROWS]
    return bool(np.any(some != np.floor(some)) and np.all(np.isfinite(some)))


__all__ = ["counts_reals", "last_activation", "misfits"]
