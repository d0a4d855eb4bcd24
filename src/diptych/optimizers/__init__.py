"""Optimizers: how weights are updated with gradients. ``optimizer="adam"``, or
``optimizer=Adam(...)``.
"""

from __future__ import annotations

from typing import Any

from ..utils import objects, registration
from ..utils.naming import suggest, suggest_attributes
from . import legacy, schedules
from .layerwise import Adafactor, Lamb, Muon
from .optimizer import Optimizer
from .rules import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lion,
    Nadam,
    RMSprop,
    ScheduleFreeAdamW,
)
from .wrappers import LossScaleOptimizer, MultiOptimizer, OptimizerMap

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        SGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion,
        LossScaleOptimizer, MultiOptimizer, Muon, Nadam, RMSprop, ScheduleFreeAdamW,
    )
}  # fmt: skip
objects.TABLES["optimizers"] = {**_CLASSES, "OptimizerMap": OptimizerMap}
_SPELLINGS = {name.lower(): name for name in _CLASSES}


def get(identifier: Any) -> Any:
    """Return the optimizer for a name, class or configuration; an optimizer is returned unchanged.

    Names may be written in any case: "adam", "Adam", "rmsprop". None stays None.

    Args:
        identifier: what stands for it.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return _CLASSES[_spelt(identifier)]()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]  # all but the base class have defaults
    raise ValueError(
        "An optimizer is given by its name, such as 'adam', or as an object, such as "
        f"Adam(learning_rate=0.001). Received {identifier!r}."
    )


def serialize(optimizer: Optimizer) -> dict[str, Any] | None:
    """Return the configuration of an optimizer, of plain Python values."""
    return objects.serialize(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, type] | None = None) -> Optimizer:
    """Return the optimizer of a configuration; pass classes of your own in ``custom_objects``.

    ``config`` is what ``serialize`` returned.
    """
    name = config.get("class_name") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise ValueError(
            "The configuration of an optimizer looks like "
            f"{{'class_name': 'Adam', 'config': {{...}}}}. Received {config!r}."
        )
    with registration.CustomObjectScope(custom_objects or {}):
        registered = registration.get_registered_object(config.get("registered_name") or name)
        cls = registered or _CLASSES[_spelt(name)]
        return cls.from_config(objects.dict_of(config.get("config"), name), custom_objects)


def _spelt(name: str) -> str:
    """The correct spelling of a class name given in any case."""
    try:
        return _SPELLINGS[name.lower()]
    except KeyError:
        raise ValueError(
            f"There is no optimizer named {name!r}{suggest(name.lower(), _SPELLINGS)} "
            f"(one of {', '.join(sorted(_CLASSES, key=str.lower))})"
        ) from None


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
