"""Constraints on weights, applied after every update. A constraint takes an array and returns a new
one.

`axis` is the axis (or axes) along which a norm is taken: 0 for a dense kernel (inputs, units), so
that each unit's incoming weights are one vector; (0, 1, 2) for a kernel of Conv2D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import config
from .legacy import AcceptsOldNames, old_attribute
from .utils import objects

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(metaclass=AcceptsOldNames):
    """Base class: override `__call__(self, w)`, which returns the constrained weights, and
    `get_config`.
    """

    def __call__(self, w: Any) -> np.ndarray:
        return w

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class MaxNorm(Constraint):
    """Scales vectors longer than `max_value` back to that length.

    Args:
        max_value: the greatest length.
        axis: the axis along which a vector lies, or several axes: 0 for the kernel of
            Dense, (0, 1, 2) for one of Conv2D.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = np.asarray(w)
        norms = _norms(w, self.axis)
        return w * (np.minimum(norms, self.max_value) / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to 0."""

    def __call__(self, w: Any) -> np.ndarray:
        return np.maximum(np.asarray(w), 0)


class UnitNorm(Constraint):
    """Scales every vector to length 1.

    Args:
        axis: the axis along which a vector lies, or several axes: 0 for the kernel of
            Dense, (0, 1, 2) for one of Conv2D.
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = np.asarray(w)
        return w / (config.epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Scales vectors towards a length between `min_value` and `max_value`.

    rate: how far each update moves towards that length: 1 all the way, 0.5 half of it.

    axis: as for ``MaxNorm``.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = np.asarray(w)
        norms = _norms(w, self.axis)
        desired = (
            self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        )
        return w * (desired / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _norms(w, axis):
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_REGISTRY = {
    **objects.names_of([MaxNorm, MinMaxNorm, NonNeg, UnitNorm]),
    # Keras 1 and 2 wrote these without the underscore.
    "maxnorm": MaxNorm,
    "nonneg": NonNeg,
    "unitnorm": UnitNorm,
}
objects.TABLES["constraints"] = _REGISTRY


def get(identifier: Any) -> Any:
    """The constraint for a name, configuration, class or function; None stays None.

    Args:
        identifier: what stands for it.
    """
    return objects.get(identifier, _REGISTRY, "constraint")


def serialize(constraint: Any) -> dict[str, Any] | None:
    """The configuration of a constraint, of plain Python values."""
    return objects.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a configuration made by `serialize`.

    Args:
        config: the configuration, or a name.
        custom_objects: classes and functions of your own, {name: it}.
    """
    return objects.deserialize(config, _REGISTRY, "constraint", custom_objects)


def __getattr__(name: str) -> Any:
    return old_attribute("constraints", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
