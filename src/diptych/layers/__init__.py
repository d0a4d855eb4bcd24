"""Layers, under their Keras names."""

from __future__ import annotations

from typing import Any

from ..utils.naming import suggest
from . import activation, core, merging, regularization, reshaping
from .activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from .core import Activation, Dense, Identity, Input, InputLayer, Lambda
from .layer import InputSpec, Layer
from .merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .regularization import ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from .reshaping import Flatten, Permute, RepeatVector, Reshape

__all__ = [
    "InputSpec",
    "Layer",
    *activation.__all__,
    *core.__all__,
    *merging.__all__,
    *regularization.__all__,
    *reshaping.__all__,
    "deserialize",
    "serialize",
]

_CLASSES = {name: globals()[name] for name in __all__ if isinstance(globals().get(name), type)}


def serialize(layer: Layer) -> dict[str, Any]:
    """Return the layer's class name and config."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, type] | None = None) -> Layer:
    """Return a new layer from what ``serialize`` gave; classes of your own come in ``custom_objects``."""
    classes = {**_CLASSES, **(custom_objects or {})}
    name = config["class_name"]
    if name not in classes:
        raise ValueError(f"Unknown layer {name!r}{suggest(name, classes) or '.'} A class of your own goes into custom_objects.")
    return classes[name].from_config(config["config"])
