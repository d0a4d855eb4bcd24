"""Checks of the arguments of convolution and pooling windows: sizes, padding, data format."""

from __future__ import annotations

from operator import index
from typing import Any

from .. import config
from .naming import suggest

__all__ = ["AXES", "standardize_data_format", "standardize_padding", "standardize_tuple"]

# The names of spatial axes, for errors and hints.
AXES = {1: "steps", 2: "height, width", 3: "depth, height, width"}
DATA_FORMATS = ("channels_last", "channels_first")


def standardize_tuple(
    value: Any, rank: int, name: str, owner: str, least: int = 1
) -> tuple[int, ...]:
    """One integer for each spatial axis; a single number applies to all of them.

    Args:
        value: the argument.
        rank: the number of spatial axes.
        name: the argument's name, for the error.
        owner: whose argument it is, for the error.
        least: the least value allowed.
    """
    try:
        entries = (value,) * rank if not hasattr(value, "__iter__") else tuple(value)
        if isinstance(value, str) or any(isinstance(entry, bool) for entry in entries):
            raise TypeError
        sizes = tuple(index(entry) for entry in entries)
    except TypeError:
        sizes = ()
    if len(sizes) != rank or min(sizes) < least:
        many = "" if rank == 1 else f", or a tuple of {rank} of them, one for each spatial axis"
        raise ValueError(
            f"{owner} needs a whole number of at least {least} as `{name}`{many}; "
            f"got {name}={value!r}."
        )
    return sizes


def standardize_padding(value: Any, owner: str, causal: bool = False) -> str:
    """The name of a padding in lower case; `causal`: whether "causal" is allowed."""
    choices = ("valid", "same", "causal") if causal else ("valid", "same")
    name = value.lower() if isinstance(value, str) else value
    if name in choices:
        return name
    if name == "causal":
        hint = ": it needs an order in time, such as the steps of Conv1D."
    elif isinstance(value, str):
        hint = suggest(value, choices) or "."
    else:
        hint = ": for zeros on chosen sides, use the layer ZeroPadding1D, 2D or 3D."
    raise ValueError(
        f"{owner} needs padding={' or '.join(map(repr, choices))}; got padding={value!r}{hint}"
    )


def standardize_data_format(value: Any, owner: str) -> str:
    """ "channels_last" or "channels_first"; None takes that of diptych.config."""
    name = config.image_data_format() if value is None else str(value).lower()
    if name not in DATA_FORMATS:
        raise ValueError(
            f"{owner} needs data_format='channels_last' or 'channels_first' (or None for "
            f"diptych.config.image_data_format()); got {value!r}"
            f"{suggest(name, DATA_FORMATS) or '.'}"
        )
    return name
