"""Objects to plain Python values in Keras's form, and back."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np

from ..graph import KerasTensor
from ..legacy.notes import users_level
from .lambdas import lambdas_allowed
from .objects import SPECIAL, plain, revive

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(obj: Any) -> Any:
    """Return an object (or values with objects among them) as numbers, texts, lists, tuples and
    dicts. A Python lambda becomes its code, with a warning.

    Args:
        obj: the object.

    Raises:
        TypeError: something in it is no data and has no ``get_config``.
    """
    if obj is None or isinstance(obj, (bool, int, float, str)) and not isinstance(obj, np.generic):
        return obj
    if isinstance(obj, (list, tuple)):
        parts = [serialize_keras_object(part) for part in obj]
        return tuple(parts) if isinstance(obj, tuple) else parts
    if isinstance(obj, dict):
        return {key: serialize_keras_object(part) for key, part in obj.items()}
    if isinstance(obj, KerasTensor):
        config = {"shape": obj.shape, "dtype": obj.dtype, "keras_history": None}
        return {"class_name": "__keras_tensor__", "config": config}
    if inspect.isfunction(obj) and obj.__name__ == "<lambda>":
        warnings.warn(
            "A lambda is written as its code, which only who trusts it will read, by safe_mode="
            "False. A function made with `def` and registered is written by its name.",
            UserWarning,
            stacklevel=users_level(),
        )
    return serialize_keras_object(plain(obj))


def deserialize_keras_object(
    config: Any,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any:
    """Return the object that ``serialize_keras_object``, of diptych or Keras, described.

    Args:
        config: the description.
        custom_objects: classes and functions of your own by name, if they are not registered.
        safe_mode: False also makes Python lambdas, which is code: only from a source you trust.
        **kwargs: of Keras 2: ``module_objects``, further classes and functions by name, of which a
            text names one. ``printable_module_name`` is ignored.

    Raises:
        ValueError: a class or function is unknown.
        TypeError: an argument is unknown.
    """
    known = kwargs.pop("module_objects", None)
    kwargs.pop("printable_module_name", None)
    if kwargs:
        raise TypeError(f"deserialize_keras_object() has no argument {next(iter(kwargs))!r}.")
    with lambdas_allowed(not safe_mode):
        if known is None:
            return revive(config, custom_objects)
        known = {**known, **(custom_objects or {})}
        if not isinstance(config, str):
            return revive(config, known)
        found = known.get(config, config)  # as in Keras, a text that names nothing is a text
        return found() if isinstance(found, type) else found


SPECIAL["__keras_tensor__"] = lambda config: KerasTensor(config["shape"], config["dtype"])
