"""Layers to configurations and back. Layers that hold other layers use this module too, so the dict
of classes is defined here; ``diptych.layers`` and ``diptych.models`` fill it.
"""

from __future__ import annotations

from typing import Any

from ..utils import objects, registration
from .layer import Layer
from .operation import Operation

CLASSES: dict[str, type[Layer]] = {}  # {name: class} of `diptych.layers`
MODELS: dict[str, type[Layer]] = {}  # of `diptych.models`, which may be layers of one another
objects.TABLES |= {"layers": CLASSES, "models": MODELS}


def serialize(layer: Operation) -> dict[str, Any]:
    """Return the layer's class and config.

    Args:
        layer: the layer.
    """
    return objects.serialize(layer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, type] | None = None) -> Layer:
    """Return a new layer from a ``config`` that ``serialize`` returned; pass classes of your own in
    ``custom_objects``.
    """
    name = config.get("class_name") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise ValueError(
            "The configuration of a layer looks like {'class_name': 'Dense', 'config': {...}}; got "
            f"{config!r:.200}."
        )
    with registration.CustomObjectScope(custom_objects or {}):
        layer = objects.made(objects.class_of(config, ("layers", "models")), config)
    if not isinstance(layer, Operation):
        raise ValueError(f"The configuration of {name!r} makes no layer, but a {type(layer)}.")
    return layer  # type: ignore[return-value]  # an operation stands in a graph as layers do
