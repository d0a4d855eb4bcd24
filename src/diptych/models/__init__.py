"""Models, and the functions that copy them."""

from __future__ import annotations

<<<<<<< HEAD
import inspect
from typing import Any

from ..files.jsontext import parse_json
from ..layers import Lambda
=======
import json
from typing import TYPE_CHECKING, Any

>>>>>>> 7c3ca42d0c98fdfd60ecf131d66e25a2f1f47f59
from ..layers.serialization import deserialize
from ..legacy import old_attribute
from . import distilling  # noqa: F401 - files may hold a Distiller
from .cloning import clone_model
from .model import Model
from .sequential import Sequential

if TYPE_CHECKING:
    from .storage import load_model, save_model

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
    "save_model",
]


<<<<<<< HEAD
def clone_model(model: Model) -> Model:
    """Return a model of the same structure with new weights, on the same engine."""
    with CustomObjectScope(_own_things(model)):
        copy = type(model).from_config(model.get_config())
    for old, new in zip(model._flatten_layers(), copy._flatten_layers(), strict=False):
        if isinstance(old, Model) and isinstance(new, Model):
            new.engine = old.engine
    return copy


def _own_things(model: Model) -> dict[str, Any]:
    """A user's own classes and functions in a model, by their names in configs."""
    found: dict[str, Any] = {}
    for layer in model._flatten_layers():
        things: list[Any] = [
            type(layer),
            *(v for v in vars(layer).values() if inspect.isfunction(v)),
        ]
        for thing in things:
            if is_builtin(thing):
                continue
            if found.setdefault(thing.__name__, thing) is not thing and not isinstance(
                layer, Lambda
            ):
                raise ValueError(
                    f"Model {model.name!r} uses two different classes or functions named "
                    f"{thing.__name__!r}, which a copy could not tell apart. Give them different "
                    "names."
                )
    return found


=======
>>>>>>> 7c3ca42d0c98fdfd60ecf131d66e25a2f1f47f59
def model_from_config(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> Model:
    """Return a model with new weights from its class name and config."""
    model = deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise ValueError(f"The config is that of a layer, {type(model).__name__}, not of a model.")
    return model


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """Return a model with new weights from the result of ``model.to_json()``."""
    return model_from_config(parse_json(json_string, "The text"), custom_objects)


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model"):
        from . import storage  # imported when first used, since it needs much that others do not

        return getattr(storage, name)
    return old_attribute("models", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
