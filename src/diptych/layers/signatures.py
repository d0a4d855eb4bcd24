"""The arguments of a layer's methods, looked up once for each class."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from typing import Any

BY_NAME_ONLY = sys.maxsize  # the position of a keyword-only argument


@cache
def parameters_of(cls: type, method: str) -> dict[str, int]:
    """The parameters of a method, without `self`, with their positions."""
    found = [
        p
        for p in inspect.signature(getattr(cls, method)).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    return {
        p.name: BY_NAME_ONLY if p.kind == p.KEYWORD_ONLY else i for i, p in enumerate(found[1:])
    }


@cache
def needed_by(cls: type, method: str) -> tuple[str, ...]:
    """The parameters of a method without defaults, without `self`."""
    found = list(inspect.signature(getattr(cls, method)).parameters.values())[1:]
    return tuple(
        p.name
        for p in found
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    )


def takes(cls: type, argument: str) -> bool:
    """Whether the class's ``call`` has an argument of that name."""
    return argument in parameters_of(cls, "call")


def position_of(cls: type, argument: str) -> int:
    """The position of an argument of ``call``."""
    return parameters_of(cls, "call")[argument]


@cache
def has_default(cls: Any, argument: str) -> bool:
    """Whether this argument of ``call`` is optional."""
    parameter = inspect.signature(cls.call).parameters[argument]
    return parameter.default is not inspect.Parameter.empty


@cache
def masked_arguments(cls: type) -> tuple:
    """The arguments of ``call`` with a mask argument of their own, such as `value` and
    `value_mask`: their names, the names of the masks, their positions.
    """
    parameters = parameters_of(cls, "call")
    return tuple(
        (name, f"{name}_mask", position)
        for name, position in parameters.items()
        if f"{name}_mask" in parameters
    )


@cache
def mask_arguments(cls: type) -> dict[str, int | None]:
    """The mask arguments of ``call``, with their positions; `mask` may have none."""
    parameters = parameters_of(cls, "call")
    names = ["mask", *(its_mask for _, its_mask, _ in masked_arguments(cls))]
    return {name: parameters.get(name) for name in names}


__all__ = [
    "BY_NAME_ONLY",
    "has_default",
    "mask_arguments",
    "masked_arguments",
    "needed_by",
    "parameters_of",
    "position_of",
    "takes",
]
