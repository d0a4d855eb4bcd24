"""The user's own classes and functions, by the names that configurations use for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_builtin",
    "register_keras_serializable",
]

_registered: dict[str, Any] = {}
_scopes: ContextVar[dict[str, Any]] = ContextVar("diptych_custom_objects", default={})  # noqa: B039 - never changed


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Decorate a class or function of your own, so that configurations can refer to it.

    Args:
        package: the first part of the name in configurations, package>name.
        name: the other part; by default the name of the class or function.
    """

    def register(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} cannot be saved: it has no get_config()")
        _registered[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_custom_objects() -> dict[str, Any]:
    """The dict of registered classes and functions, to which entries may be added."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, or else its own.

    Args:
        obj: the class or function.
    """
    own = getattr(obj, "__name__", type(obj).__name__)
    return next((name for name, other in _registered.items() if other is obj), own)


def get_registered_object(
    name: str,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """The class or function with this name: registered or in a scope, or else in one of these
    dicts; or None.

    Args:
        name: the name, package>name for what is registered.
        custom_objects: {name: it}.
        module_objects: {name: it}, looked in last.
    """
    known = {**_registered, **_scopes.get()}
    if name in known:
        return known[name]
    for full, thing in known.items():
        if full.rpartition(">")[2] == name:
            return thing
    return {**(module_objects or {}), **(custom_objects or {})}.get(name)


class CustomObjectScope:
    """Context manager: names that configurations may use inside it: `CustomObjectScope({"My":
    My})`.

    Args:
        custom_objects: classes and functions, {name: it}.
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
