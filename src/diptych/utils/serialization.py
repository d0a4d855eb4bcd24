"""Objects to plain Python values in Keras's form, and back."""

from __future__ import annotations

import json
from typing import Any

from .lambdas import lambdas_allowed
from .objects import plain, revive

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(obj: Any) -> Any:
    """Return an object (or values with objects among them) as numbers, texts, lists and dicts.

    Raises:
        TypeError: something in it is no data and has no ``get_config``.
    """
    return json.loads(json.dumps(obj, default=plain))


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
