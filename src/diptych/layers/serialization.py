"""Layers as configurations, and back. Layers that hold other layers call these too, so the table of
names stands below them all; the package fills it.
"""

from __future__ import annotations

from typing import Any

from ..utils.naming import suggest
from ..utils.objects import CustomObjectScope, get_registered_name, get_registered_object
from .layer import Layer

CLASSES: dict[str, type[Layer]] = {}  # every class of `diptych.layers` by its name


def serialize(layer: Layer) -> dict[str, Any]:
    """Return the layer's class name and config."""
    name = get_registered_name(type(layer))
    own = {"registered_name": name} if ">" in name else {}
    return {"class_name": type(layer).__name__, "config": layer.get_config(), **own}


def deserialize(config: dict[str, Any], custom_objects: dict[str, type] | None = None) -> Layer:
    """Return a new layer from what ``serialize`` gave; classes of your own come in
    ``custom_objects``.
    """
    name = config["class_name"]
    with CustomObjectScope(custom_objects or {}):
        cls = get_registered_object(config.get("registered_name") or name) or CLASSES.get(name)
        if cls is None:
            raise ValueError(
                f"Unknown layer {name!r}{suggest(name, CLASSES) or '.'} A class of your own goes "
                "into custom_objects, or is decorated with "
                "diptych.saving.register_keras_serializable()."
            )
        return cls.from_config(config["config"])
