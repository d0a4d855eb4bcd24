"""Models, and the functions that copy them."""

from __future__ import annotations

import json
from typing import Any

from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_json"]


def clone_model(model: Model) -> Model:
    """Return a model of the same structure with fresh weights of its own."""
    return type(model).from_config(model.get_config())


def model_from_json(json_string: str, custom_objects: dict[str, type] | None = None) -> Model:
    """Return a model, with fresh weights, from what ``model.to_json()`` gave."""
    described: dict[str, Any] = json.loads(json_string)
    classes = {"Model": Model, "Functional": Model, "Sequential": Sequential, **(custom_objects or {})}
    return classes[described["class_name"]].from_config(described["config"], custom_objects)
