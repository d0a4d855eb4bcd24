"""Functions made of several operations that a graph records as one."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import KerasTensor, record, symbolic
from ..operation import gather
from ..shape_rules import Shape, count
from ..tensor import is_symbolic
from .creation import as_tensor


def whole(rule: Callable) -> Callable:
    """Decorate a function of tensors, so that a call with symbolic ones is recorded as one
    operation, whatever sizes are unknown.

    Args:
        rule: takes the function's arguments, all by name, and returns symbolic outputs: see
            ``symbol``.
    """

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def operation(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            if not symbolic((args, kwargs)):
                return function(*args, **kwargs)
            bound.arguments.update({k: gather(v) for k, v in bound.arguments.items()})
            given = dict(bound.arguments)
            bound.apply_defaults()
            return record(operation, (), given, rule(**bound.arguments))

        return operation

    return decorate


def symbol(shape: Shape, *like: Any, floating: bool = False) -> KerasTensor:
    """A symbolic output of this shape.

    Args:
        like: the inputs whose common dtype it has.
        floating: whether integers give floats.
    """
    kinds = [x if is_symbolic(x) else as_tensor(x) for x in like]
    dtypes = [np.dtype(x.dtype) for x in kinds]
    if floating and all(dtype.kind != "f" for dtype in dtypes):
        return KerasTensor(shape)
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return KerasTensor(shape, np.result_type(*(floats or dtypes)))


def times(*sizes: int | None) -> int | None:
    """The product of sizes; None if one is unknown."""
    return count(sizes)


def sizes_of(x: Any) -> Shape:
    """The shape of a tensor or an array."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)
