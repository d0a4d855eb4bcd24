"""Penalties on weights and activations, added to the loss. They use ops, so that gradients flow."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from . import ops
from .legacy import old_attribute
from .tensor import Number
from .utils import objects

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer:
    """Base class: override `__call__(self, x)`, which returns the penalty, and `get_config`."""

    def __call__(self, x: Any) -> Any:
        return 0.0

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} must implement get_config() to be saved")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class L1(Regularizer):
    """l1 * sum(|x|): drives weights to exactly zero."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.abs(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum(x^2): keeps weights small."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.abs(x)) + self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between different rows (mode 'rows') or columns ('columns') of
    a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"OrthogonalRegularizer got mode={mode!r}; expected 'rows' or 'columns'"
            )
        self.factor = _factor(factor, "factor")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(
                f"OrthogonalRegularizer got an array of shape {tuple(x.shape)}; expected a matrix"
            )
        vectors = x if self.mode == "rows" else ops.transpose(x)
        count = vectors.shape[0]
        if count < 2:
            raise ValueError(
                f"OrthogonalRegularizer got an array of shape {tuple(x.shape)}; "
                f"expected at least two {self.mode}"
            )
        squares = ops.sum(ops.square(vectors), axis=1, keepdims=True)
        # The bound keeps the gradient of a zero vector finite.
        unit = vectors / ops.sqrt(ops.maximum(squares, 1e-12))
        cosines = ops.matmul(unit, ops.transpose(unit))
        # 0 for a vector and itself: no data, but numbers of the code.
        different = Number((1.0 - ops.eye(count, dtype=cosines.dtype)).array)
        return self.factor * ops.sum(ops.abs(cosines * different)) / (count * (count - 1.0))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(value, name):
    if (
        isinstance(value, bool)
        or not isinstance(value, Real)
        or not math.isfinite(value)
        or value < 0
    ):
        raise ValueError(f"{name}={value!r}: expected a number of at least 0")
    return float(value)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_REGISTRY = objects.names_of([L1, L2, L1L2, OrthogonalRegularizer])
objects.TABLES["regularizers"] = _REGISTRY


def get(identifier: Any) -> Any:
    """The regularizer for a name, configuration, class or function; None stays None.

    The name 'l1_l2' stands for both factors at 0.01.

    Args:
        identifier: what stands for it.
    """
    if identifier == "l1_l2":
        return L1L2(l1=0.01, l2=0.01)
    return objects.get(identifier, _REGISTRY, "regularizer")


def serialize(regularizer: Any) -> dict[str, Any] | None:
    """The configuration of a regularizer, of plain Python values."""
    return objects.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a configuration made by `serialize`.

    Args:
        config: the configuration, or a name.
        custom_objects: classes and functions of your own, {name: it}.
    """
    return objects.deserialize(config, _REGISTRY, "regularizer", custom_objects)


def __getattr__(name: str) -> Any:
    return old_attribute("regularizers", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
