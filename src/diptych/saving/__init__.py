"""Models to files and back, and a user's own classes and functions in them."""

from ..files.editor import KerasFileEditor
from ..models.storage import load_model, load_weights, save_model, save_weights
from ..utils.naming import suggest_attributes
from ..utils.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from ..utils.serialization import deserialize_keras_object, serialize_keras_object

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
