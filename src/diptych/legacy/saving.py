"""Configurations in the form of Keras 2, ``{"class_name": ..., "config": ...}``, for code that
brings its own table of classes.

``diptych.saving`` has the functions of today, which know diptych's classes.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..utils.registration import CustomObjectScope, get_registered_name, get_registered_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """The configuration of an object with a ``get_config()``; the name of a function or class.

    Raises:
        ValueError: it is neither.
    """
    instance = inspect.unwrap(instance)
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        config = {}
        for key, item in instance.get_config().items():
            made = item if isinstance(item, str) else _of_item(item)
            if isinstance(made, dict) and not isinstance(item, dict):
                made["__passive_serialization__"] = True
            config[key] = made
        return {"class_name": get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"{instance!r} cannot be serialized: it has no get_config()")


def _of_item(item: Any) -> Any:
    try:
        return serialize_keras_object(item)
    except ValueError:
        return item


def deserialize_keras_object(
    identifier: Any,
    module_objects: dict[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object of a configuration or a name.

    Args:
        identifier: a configuration, a name (a class is called without arguments), a function, or
            None, the last two of which are returned as they are.
        module_objects: {name: class or function}, the table to look in.
        custom_objects: further ones, which come first.
        printable_module_name: what kind of object it is, for errors.

    Raises:
        ValueError: the name is unknown, or ``identifier`` is none of these.
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict) or not {"class_name", "config"} <= identifier.keys():
        raise ValueError(
            f"{identifier!r} is no configuration ({printable_module_name}); expected "
            "{'class_name': ..., 'config': {...}}"
        )
    name, config = identifier["class_name"], identifier["config"]
    found = _find(name, module_objects, custom_objects, printable_module_name)
    if isinstance(config, dict):
        config = {
            key: _value(key, item, module_objects, custom_objects) for key, item in config.items()
        }
    with CustomObjectScope(custom_objects or {}):
        return found.from_config(config) if hasattr(found, "from_config") else found(**config)


def _value(key: str, item: Any, module_objects: Any, custom_objects: Any) -> Any:
    """A value in a configuration: an object inside it, a function by its name, or itself."""
    if isinstance(item, dict) and "__passive_serialization__" in item:
        return deserialize_keras_object(item, module_objects, custom_objects, "config_item")
    if isinstance(item, str) and key != "name":
        found = get_registered_object(item, custom_objects, module_objects)
        return found if inspect.isfunction(found) else item
    return item


def _find(name: Any, module_objects: Any, custom_objects: Any, kind: str) -> Any:
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"There is no {kind} named {name!r}: pass it in custom_objects, or use a "
            "CustomObjectScope."
        )
    return found
