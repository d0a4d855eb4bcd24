"""Names and configurations to objects and back: initializers, metrics, ...

Each kind has an explicit registry {name: class or function}, which it passes to the functions here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from .naming import snake_case, suggest

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize",
    "get",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_builtin",
    "names_of",
    "register_keras_serializable",
    "serialize",
]

_registered: dict[str, Any] = {}
_scopes: ContextVar[dict[str, Any]] = ContextVar("diptych_custom_objects", default={})  # noqa: B039 - never changed


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Decorate a class or function of your own, so that configurations can refer to it."""

    def register(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} cannot be saved: it has no get_config()")
        _registered[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_custom_objects() -> dict[str, Any]:
    """The dict of registered classes and functions, to which entries may be added."""
    return _registered


def get_registered_name(thing: Any) -> str:
    """The name under which a class or function was registered, or else its own."""
    own = getattr(thing, "__name__", type(thing).__name__)
    return next((name for name, other in _registered.items() if other is thing), own)


def get_registered_object(name: str) -> Any:
    """The user's class or function with this name, registered or in a scope; or None."""
    known = {**_registered, **_scopes.get()}
    if name in known:
        return known[name]
    return next((thing for full, thing in known.items() if full.rpartition(">")[2] == name), None)


class CustomObjectScope:
    """Context manager: names that configurations may use inside it: `CustomObjectScope({"My":
    My})`.
    """

    def __init__(self, custom_objects: dict[str, Any]) -> None:
        self.custom_objects = custom_objects

    def __enter__(self) -> CustomObjectScope:
        self._token = _scopes.set({**_scopes.get(), **self.custom_objects})
        return self

    def __exit__(self, *exception: Any) -> None:
        _scopes.reset(self._token)


custom_object_scope = CustomObjectScope


def is_builtin(thing: Any) -> bool:
    """Whether a class or function belongs to diptych; all others are a user's own.

    A function made in a notebook may have no module at all.
    """
    return (getattr(thing, "__module__", None) or "").startswith("diptych.")


def names_of(classes: Iterable[type]) -> dict[str, Any]:
    """{name: class} under both spellings, 'GlorotUniform' and 'glorot_uniform'."""
    registry = {}
    for cls in classes:
        registry[cls.__name__] = cls
        registry[snake_case(cls.__name__)] = cls
    return registry


def get(identifier: Any, registry: dict[str, Any], kind: str) -> Any:
    """The object for `identifier`: a name, a configuration, a class, or the object itself."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = _find(identifier, registry, kind)
    elif isinstance(identifier, dict):
        found = deserialize(identifier, registry, kind)
    else:
        found = identifier
    if inspect.isclass(found):
        found = found()
    if not callable(found):
        raise ValueError(
            f"{identifier!r} is no {kind}; expected a name, a configuration, a class or a callable"
        )
    return found


def serialize(obj: Any) -> dict[str, Any] | None:
    """The configuration of an object as plain Python values, in Keras's form."""
    if obj is None:
        return None
    if inspect.isfunction(obj):
        return {
            "module": "builtins",
            "class_name": "function",
            "config": obj.__name__,
            "registered_name": get_registered_name(obj),
        }
    if not hasattr(obj, "get_config"):
        raise ValueError(f"{obj!r} cannot be saved: it has no get_config()")
    cls = type(obj)
    return {
        "module": _public_module(cls),
        "class_name": cls.__name__,
        "config": obj.get_config(),
        "registered_name": None if is_builtin(cls) else get_registered_name(cls),
    }


def deserialize(
    config: Any, registry: dict[str, Any], kind: str, custom_objects: dict[str, Any] | None = None
) -> Any:
    """The object of a configuration made by `serialize`; `custom_objects` maps further names."""
    if custom_objects:
        registry = {**registry, **custom_objects}
    if isinstance(config, str):
        return _find(config, registry, kind)
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(
            f"{config!r} is not the configuration of a {kind}; expected {{'class_name': ..., "
            "'config': {...}}"
        )
    if config["class_name"] == "function":
        return _find(config["config"], registry, kind)
    found = _find(config["class_name"], registry, kind)
    is_class = inspect.isclass(found)
    return found.from_config(config.get("config") or {}) if is_class else found


def _find(name, registry, kind):
    own = get_registered_object(name)
    if own is not None:
        return own
    if name not in registry:
        raise ValueError(f"there is no {kind} named {name!r}{suggest(name, registry)}")
    return registry[name]


def _public_module(cls):
    # A class in 'diptych.metrics.accuracy' is public in 'diptych.metrics'.
    parts = cls.__module__.split(".")
    return ".".join(parts[:2]) if parts[0] == "diptych" else cls.__module__
