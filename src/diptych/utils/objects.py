"""Names and configurations to objects and back: initializers, metrics, ...

Each kind has an explicit registry {name: class or function}, which it passes to the functions here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import dtype_policies
from .lambdas import lambda_from_config, lambda_to_config
from .naming import snake_case, suggest
from .registration import CustomObjectScope, get_registered_name, get_registered_object, is_builtin

__all__ = [
    "deserialize",
    "get",
    "names_of",
    "plain",
    "serialize",
]


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


def serialize(obj: Any) -> Any:
    """The configuration of an object in Keras's form: where its class is, and its ``get_config()``.

    That of a list, tuple or dict has the configurations of its parts. Arrays and Python lambdas
    stay what they are; ``plain`` makes JSON of them.

    Raises:
        ValueError: the object has no ``get_config()``.
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, (list, tuple)):
        return [serialize(part) for part in obj]
    if isinstance(obj, dict):
        return {key: serialize(part) for key, part in obj.items()}
    if inspect.isfunction(obj):
        return obj if obj.__name__ == "<lambda>" else _of_function(obj)
    if not hasattr(obj, "get_config") or isinstance(obj, type):
        raise ValueError(f"{obj!r} cannot be saved: it has no get_config()")
    module, name, registered = _home(type(obj))
    described = {
        "module": module,
        "class_name": name,
        "config": _described(obj.get_config()),
        "registered_name": registered,
    }
    for key in ("build_config", "compile_config"):
        more = getattr(obj, f"get_{key}", lambda: None)()
        if more is not None:
            described[key] = more
    return described


def _described(config: Any) -> Any:
    """A configuration, with those of the objects that a user's class left in it."""
    if isinstance(config, dict):
        return {key: _described(part) for key, part in config.items()}
    if isinstance(config, (list, tuple)):
        parts = [_described(part) for part in config]
        return tuple(parts) if isinstance(config, tuple) else parts
    if inspect.isfunction(config) or (
        hasattr(config, "get_config") and not isinstance(config, type)
    ):
        return serialize(config)
    return config


def plain(value: Any) -> Any:
    """What JSON has no word for, in Keras's words; for ``json.dumps(..., default=plain)``.

    Raises:
        TypeError: the value is no data.
    """
    if isinstance(value, np.generic):
        return value.item()
    array = getattr(value, "array", value)  # of a tensor
    if isinstance(array, np.ndarray):
        if array.ndim == 0:
            return array.item()
        kind = "__numpy__" if array is value else "__tensor__"
        return {
            "class_name": kind,
            "config": {"value": array.tolist(), "dtype": array.dtype.name},
        }
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, slice):
        parts = {name: getattr(value, name) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode()}}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if inspect.isfunction(value):
        return _of_function(value)
    if hasattr(type(value), "get_config"):
        return serialize(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(
        f"{value!r} of type {type(value).__name__} cannot be written to a file: a configuration "
        "holds numbers, texts, lists, dicts, arrays, named functions, and objects that have a "
        "get_config()."
    )


def _of_function(function: Any) -> dict[str, Any]:
    if function.__name__ == "<lambda>":
        return {"class_name": "__lambda__", "config": lambda_to_config(function)}
    return {
        "module": "builtins",
        "class_name": "function",
        "config": get_registered_name(function),
        "registered_name": "function",
    }


# Where Keras has a class that cannot be told from its module here: (module, name, registered name).
HOMES: dict[type, tuple[str, str, str | None]] = {
    cls: ("keras", cls.__name__, None)
    for cls in (dtype_policies.DTypePolicy, dtype_policies.FloatDTypePolicy)
}


def _home(cls: type) -> tuple[str | None, str, str | None]:
    """The module, name and registered name of a class in a configuration."""
    if not is_builtin(cls):
        module = None if cls.__module__ == "__main__" else cls.__module__
        return module, cls.__name__, get_registered_name(cls)
    if cls in HOMES:
        return HOMES[cls]
    kind = cls.__module__.split(".")[1]
    if cls.__name__ in TABLES.get("schedules", ()):
        kind = "optimizers.schedules"
    return f"keras.{kind}", cls.__name__, None


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
    name, inner = config["class_name"], config.get("config")
    if name == "function":
        return _find(inner, registry, kind)
    if name == "__lambda__":
        return lambda_from_config(inner, {})
    registered = config.get("registered_name")
    known = isinstance(registered, str) and get_registered_object(registered) is not None
    found = _find(registered if known else name, registry, kind)
    return made(found, config)


# What configurations may name, besides the user's own: {kind: {name: class or function}}, where the
# kind is the last part of Keras's module, "layers" of "keras.layers". Each module fills in its own.
TABLES: dict[str, dict[str, Any]] = {}
# What else may be written under a name with underscores: {name: function of the config}.
SPECIAL: dict[str, Callable[[dict], Any]] = {}
_FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints")
MOST_LEVELS = 100  # of nested configurations; a transformer has about twenty


def revive(config: Any, custom_objects: dict[str, Any] | None = None, level: int = 0) -> Any:
    """The object, or the values with objects among them, of a configuration made by `serialize`.

    Only classes of ``TABLES`` and the user's own are made; nothing is imported, and no path or
    address in a configuration is followed.

    Raises:
        ValueError: a class is unknown, or the configuration is not what it should be.
    """
    if level > MOST_LEVELS:
        raise ValueError(f"The configuration has more than {MOST_LEVELS} levels.")
    if isinstance(config, (list, tuple)):
        return [revive(part, custom_objects, level + 1) for part in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: revive(part, custom_objects, level + 1) for key, part in config.items()}
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise ValueError(f"A configuration's class_name is a text, but here it is {name!r:.60}.")
    if name.startswith("__"):
        return _revive_special(name, inner)
    if name in dtype_policies.CLASSES:
        return dtype_policies.deserialize(config)
    with CustomObjectScope(custom_objects or {}):
        if name == "function":
            return function_of(config)
        return made(class_of(config), config)


def made(found: Any, config: dict[str, Any]) -> Any:
    """The object of a class and a configuration, with weights if there are shapes for them; a
    function is the object itself.
    """
    if not inspect.isclass(found):
        return found
    name = config["class_name"]
    thing = found.from_config(dict_of(config.get("config"), name))  # type: ignore[attr-defined]
    told = config.get("build_config")
    if told and not getattr(thing, "built", True):
        thing.build_from_config(dict_of(told, f"how {name} is built"))
        thing.built = True
    return thing


def class_of(config: dict[str, Any], kinds: Iterable[str] | None = None) -> Any:
    """The class that a configuration names, of these kinds or of the one its module says.

    Raises:
        ValueError: there is none, or the configuration gives a class of diptych another name.
    """
    name, module = config["class_name"], config.get("module")
    registered = config.get("registered_name")
    own = get_registered_object(registered or name)
    if own is None and registered not in (None, "", name):
        own = get_registered_object(name)
        if own is None:
            raise ValueError(
                f"The configuration names the class {registered!r}, which is not known here. If it "
                "is one of yours, decorate it with "
                "diptych.saving.register_keras_serializable(), or pass it in custom_objects."
            )
    if own is not None:
        return own
    if kinds is None:
        kind = _kind_of(module)
        kinds = TABLES if kind is None else (kind,)
    for kind in kinds:
        found = TABLES.get(kind, {}).get(name)
        if inspect.isclass(found):
            return found
    candidates = [known for kind in kinds for known in TABLES.get(kind, ())]
    raise ValueError(
        f"Unknown {_WORDS.get(next(iter(kinds), ''), 'class')} {name!r}"
        f"{suggest(name, candidates) or '.'} Pass a class of your own in custom_objects, or "
        "decorate it with diptych.saving.register_keras_serializable()."
    )


_WORDS = {"layers": "layer", "models": "model", "losses": "loss", "metrics": "metric"}


def _kind_of(module: Any) -> str | None:
    """The kind of class in a module of Keras; None if the module does not say it."""
    if not isinstance(module, str):
        return None
    parts = module.split(".")
    if parts == ["keras"]:
        return "models"  # Sequential and Model
    return next((part for part in reversed(parts) if part in TABLES), None)


def function_of(config: dict[str, Any]) -> Any:
    """The function that a configuration names: the user's own, an activation, a loss, ..."""
    name = config["config"]
    if not isinstance(name, str):
        raise ValueError(f"A function is named by a text, but here it is {name!r:.60}.")
    own = get_registered_object(name) or get_registered_object(config.get("registered_name") or "")
    if own is not None:
        return own
    for kind in _FUNCTIONS:
        found = TABLES.get(kind, {}).get(name)
        if inspect.isfunction(found):
            return found
    raise ValueError(
        f"Unknown function {name!r}. Pass a function of your own in custom_objects, or decorate it "
        "with diptych.saving.register_keras_serializable()."
    )


def dict_of(config: Any, what: str) -> dict[str, Any]:
    """``config`` if it is a dict with texts as keys (None: an empty one); else a ValueError."""
    if config is None:
        return {}
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise ValueError(
            f"The configuration of {what} must be a dict, but is {type(config).__name__}: "
            f"{config!r:.60}"
        )
    return dict(config)


def _revive_special(name: str, inner: Any) -> Any:
    if name == "__lambda__":
        return lambda_from_config(inner, {})
    if name == "__ellipsis__":
        return Ellipsis
    inner = dict_of(inner, name)
    if name in SPECIAL:
        return SPECIAL[name](inner)
    if name == "__slice__":
        return slice(*[inner.get(part) for part in ("start", "stop", "step")])
    if name == "__bytes__":
        return str(inner.get("value", "")).encode()
    if name in ("__numpy__", "__tensor__"):
        dtype = np.dtype(inner.get("dtype"))
        if dtype.kind not in "biufc":
            raise ValueError(f"A configuration's array has the dtype {dtype}; expected numbers.")
        return np.array(inner.get("value"), dtype)
    raise ValueError(f"A configuration holds {name!r}, which is not known here.")


def _find(name, registry, kind):
    if not isinstance(name, str):
        raise ValueError(f"a {kind} is named by a text, but here it is {name!r:.60}")
    own = get_registered_object(name)
    if own is not None:
        return own
    if name not in registry:
        near = suggest(name, registry)
        if not near and len(registry) < 20:
            near = f"; there are {', '.join(sorted(registry, key=str.lower))}"
        raise ValueError(f"there is no {kind} named {name!r}{near}")
    return registry[name]
