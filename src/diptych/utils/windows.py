"""Reading the arguments of windows that slide over images: sizes, padding, the order of axes."""

from __future__ import annotations

from operator import index
from typing import Any

from .. import config
from .naming import suggest

__all__ = ["AXES", "standardize_data_format", "standardize_padding", "standardize_tuple"]

# What spatial axes are called, in errors and hints.
AXES = {1: "steps", 2: "height, width", 3: "depth, height, width"}
DATA_FORMATS = ("channels_last", "channels_first")


def standardize_tuple(
    value: Any, rank: int, name: str, owner: str, least: int = 1
) -> tuple[int, ...]:
    """One whole number for each spatial axis: a lone number stands for all of them.

    Args:
        value: what was given.
        rank: how many spatial axes there are.
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
    """The name of a padding in small letters; `causal` says whether "causal" is one of them."""
    choices = ("valid", "same", "causal") if causal else ("valid", "same")
    name = value.lower() if isinstance(value, str) else value
    if name in choices:
        return name
    if name == "causal":
        hint = ": it is for what has a before and an after, the steps of Conv1D."
    elif isinstance(value, str):
        hint = suggest(value, choices) or "."
    else:
        hint = ": zeros on chosen sides are a layer of their own, ZeroPadding1D, 2D or 3D."
    raise ValueError(
        f"{owner} needs padding={' or '.join(map(repr, choices))}; got padding={value!r}{hint}"
    )


def standardize_data_format(value: Any, owner: str) -> str:
    """ "channels_last" or "channels_first"; None stands for what diptych.config has."""
    name = config.image_data_format() if value is None else str(value).lower()
    if name not in DATA_FORMATS:
        raise ValueError(
            f"{owner} needs data_format='channels_last' or 'channels_first' (or None for "
            f"diptych.config.image_data_format()); got {value!r}"
            f"{suggest(name, DATA_FORMATS) or '.'}"
        )
    return name
