"""The arguments of a call: lists become arrays; invalid inputs and masks raise an error."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..graph import KerasTensor, dtype_of
from ..nested import flatten, map_structure
from ..ops.nn import warn_of_softmax_of_one
from ..tensor import NUMBERS, Tensor, from_python
from ..utils.objects import is_builtin


def with_array(layer: Any, args: tuple) -> tuple:
    """The arguments of a call, with the first as an array if it is a list of numbers.

    Built-in layers refuse None and single values; a user's own layer may accept them.
    """
    if not args or not is_builtin(type(layer)):
        return args
    x = args[0]
    if isinstance(x, (list, tuple)) and x and isinstance(x[0], (Tensor, KerasTensor)):
        return args  # the common case
    if x is None:
        raise ValueError(
            f"{_named(layer)} was called on None. If that came from a layer, model or function of "
            "your own, make sure that it returns its result."
        )
    if hasattr(layer, "reads_text"):
        return args
    if type(x) in (bool, int, float, complex, str, bytes):
        raise ValueError(
            f"{_named(layer)} was called on the single value {x!r}; expected an array whose first "
            "axis counts the samples."
        )
    if isinstance(x, (list, tuple)) and x and all(isinstance(n, NUMBERS) for n in flatten(x)):
        return (from_python(list(x)), *args[1:])
    return args


def as_mask(layer: Any, name: str, mask: Any) -> Any:
    """A mask as an array, or nested masks as nested arrays; TypeError for anything else.

    name: the name of the argument, for the error.
    """
    if mask is None:
        return None
    if isinstance(mask, dict) or not _is_one(mask):
        return map_structure(lambda one: as_mask(layer, name, one), mask)
    try:
        array = mask if isinstance(mask, (Tensor, KerasTensor)) else np.asarray(mask)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if dtype_of(array.dtype).kind not in "biuf":
        raise TypeError(
            f"{_named(layer)} was given {name}={mask!r:.80}. A mask is an array of True (counts) "
            "and False (ignored), of shape (batch, steps) for an input of shape "
            "(batch, steps, ...); for an array of tokens, `tokens != 0` makes one."
        )
    return array


def check_activation(layer: Any, shape: tuple) -> None:
    """Warn if the activation of a layer, built for an output of this shape, is a softmax that is
    always 1.
    """
    if layer.activation is ops.softmax:
        warn_of_softmax_of_one(_named(layer), shape)


def check_softmax(layer: Any, shape: tuple, axis: Any) -> None:
    """Warn if a softmax layer is always 1."""
    warn_of_softmax_of_one(_named(layer), shape, axis)


def _is_one(mask: Any) -> bool:
    """Whether a list is one mask, rather than a list of masks."""
    return not isinstance(mask, (list, tuple)) or all(map(np.isscalar, flatten(mask)))


def _named(layer: Any) -> str:
    return f"Layer {layer.name!r} ({type(layer).__name__})"


__all__ = ["as_mask", "check_activation", "check_softmax", "with_array"]
