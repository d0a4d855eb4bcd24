"""Layers to configurations and back. Layers that hold other layers use this module too, so the dict
of classes is defined here; ``diptych.layers`` and ``diptych.models`` fill it.
"""

from __future__ import annotations

from typing import Any

from ..utils.naming import suggest
from ..utils.objects import CustomObjectScope, get_registered_name, get_registered_object
from .layer import Layer

CLASSES: dict[str, type[Layer]] = {}  # {name: class} of layers and models


def serialize(layer: Layer) -> dict[str, Any]:
    """Return the layer's class name and config."""
    name = get_registered_name(type(layer))
    own = {"registered_name": name} if ">" in name else {}
    return {"class_name": type(layer).__name__, "config": layer.get_config(), **own}


def deserialize(config: dict[str, Any], custom_objects: dict[str, type] | None = None) -> Layer:
    """Return a new layer from the result of ``serialize``; pass classes of your own in
    ``custom_objects``.
    """
    name = config["class_name"]
    with CustomObjectScope(custom_objects or {}):
        cls = get_registered_object(config.get("registered_name") or name) or CLASSES.get(name)
        if cls is None:
            raise ValueError(
                f"Unknown layer {name!r}{suggest(name, CLASSES) or '.'} Pass a class of your own "
                "in custom_objects, or decorate it with "
                "diptych.saving.register_keras_serializable()."
            )
        return cls.from_config(config["config"])
