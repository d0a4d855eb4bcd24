"""Models, and the functions that copy them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..layers.serialization import deserialize
from ..legacy import old_attribute
from . import distilling, feature_space  # noqa: F401 - files may hold a Distiller, or a FeatureSpace
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


def model_from_config(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> Model:
    """Return a model with new weights from its class name and config.

    Args:
        config: the configuration.
        custom_objects: classes and functions of your own, {name: it}.
    """
    model = deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise ValueError(f"The config is that of a layer, {type(model).__name__}, not of a model.")
    return model


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """Return a model with new weights from the result of ``model.to_json()``.

    Args:
        json_string: the JSON.
        custom_objects: classes and functions of your own, {name: it}.
    """
    from ..files.jsontext import parse_json  # late, as storage below

    return model_from_config(parse_json(json_string, "The text"), custom_objects)


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model"):
        from . import storage  # imported when first used, since it needs much that others do not

        return getattr(storage, name)
    return old_attribute("models", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
