"""Names to objects and back, for every kind that a configuration may name: initializers, metrics,
...

Each kind keeps one explicit table {name: class or function} and hands it to the functions here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from .naming import snake_case, suggest

__all__ = ["deserialize", "get", "names_of", "serialize"]


def names_of(classes: Iterable[type]) -> dict[str, Any]:
    """{name: class} under both spellings, 'GlorotUniform' and 'glorot_uniform'."""
    table = {}
    for cls in classes:
        table[cls.__name__] = cls
        table[snake_case(cls.__name__)] = cls
    return table


def get(identifier: Any, table: dict[str, Any], kind: str) -> Any:
    """What `identifier` stands for: a name, a configuration, a class, or the object itself."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = _find(identifier, table, kind)
    elif isinstance(identifier, dict):
        found = deserialize(identifier, table, kind)
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
    """The configuration of an object, of plain Python values, in Keras's form."""
    if obj is None:
        return None
    if inspect.isfunction(obj):
        return {
            "module": "builtins",
            "class_name": "function",
            "config": obj.__name__,
            "registered_name": obj.__name__,
        }
    if not hasattr(obj, "get_config"):
        raise ValueError(f"{obj!r} cannot be saved: it has no get_config()")
    cls = type(obj)
    return {
        "module": _public_module(cls),
        "class_name": cls.__name__,
        "config": obj.get_config(),
        "registered_name": None if cls.__module__.startswith("diptych.") else cls.__name__,
    }


def deserialize(
    config: Any, table: dict[str, Any], kind: str, custom_objects: dict[str, Any] | None = None
) -> Any:
    """The object of a configuration made by `serialize`; `custom_objects` maps further names."""
    if custom_objects:
        table = {**table, **custom_objects}
    if isinstance(config, str):
        return _find(config, table, kind)
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(
            f"{config!r} is no configuration of a {kind}; "
            "expected {'class_name': ..., 'config': {...}}"
        )
    if config["class_name"] == "function":
        return _find(config["config"], table, kind)
    found = _find(config["class_name"], table, kind)
    is_class = inspect.isclass(found)
    return found.from_config(config.get("config") or {}) if is_class else found


def _find(name, table, kind):
    if name not in table:
        raise ValueError(f"there is no {kind} named {name!r}{suggest(name, table)}")
    return table[name]


def _public_module(cls):
    # 'diptych.metrics.accuracy' is where a class is written, 'diptych.metrics' where it is found.
    parts = cls.__module__.split(".")
    return ".".join(parts[:2]) if parts[0] == "diptych" else cls.__module__
