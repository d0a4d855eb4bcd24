"""The activation functions under their Keras names, and how a string finds its function."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isfunction
from typing import Any

from . import ops
from .ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from .utils import objects, registration
from .utils.naming import suggest, suggest_attributes

swish = silu
hard_swish = hard_silu


def linear(x: Any) -> Any:
    """Return ``x`` itself. Its shape stays."""
    return x


def exponential(x: Any) -> Any:
    """Return exp(x). Element by element, in the shape of x."""
    return ops.exp(x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Return x Phi(x), Phi being the normal distribution function; exact, unlike ops.gelu. Element
    by element, in the shape of x.

    Args:
        x: a tensor.
        approximate: whether to take an approximation by tanh.
    """
    return ops.gelu(x, approximate)


def keras2_hard_sigmoid(x: Any) -> Any:
    """Return 0.2 x + 0.5, cut to 0 and 1, in the shape of x: what "hard_sigmoid" is in models of
    Keras 1 and 2.
    """
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


_FUNCTIONS: dict[str, Callable] = {
    "celu": celu,
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_swish,
    "hard_tanh": hard_tanh,
    "keras2_hard_sigmoid": keras2_hard_sigmoid,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "soft_shrink": soft_shrink,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "swish": swish,
    "tanh": tanh,
    "tanh_shrink": tanh_shrink,
    "threshold": threshold,
}
KEEP_SHAPE = frozenset(_FUNCTIONS.values()) - {glu}  # glu halves an axis
objects.TABLES["activations"] = _FUNCTIONS


def get(identifier: Any) -> Callable:
    """Return an activation for a name, a config, a callable (itself), or None (linear).

    Args:
        identifier: what stands for it.

    Raises:
        ValueError: no activation has that name; the nearest one is suggested.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        own = registration.get_registered_object(identifier)
        if own is not None:
            return own
        try:
            return _FUNCTIONS[identifier]
        except KeyError:
            raise ValueError(
                f"Unknown activation {identifier!r}{suggest(identifier, _FUNCTIONS) or '.'} "
                f"The names are: {', '.join(_FUNCTIONS)}."
            ) from None
    if callable(identifier):
        return identifier
    raise TypeError(
        f"An activation is a name, a function or a layer; got {identifier!r} of type "
        f"{type(identifier).__name__}."
    )


def serialize(activation: Callable | None) -> Any:
    """Return the name of a built-in activation ("linear" for None), or the configuration of another
    function or of a layer.
    """
    if activation is None:
        return "linear"
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    if hasattr(activation, "get_config") or isfunction(activation):  # a layer, or one's own
        return objects.serialize(activation)
    return getattr(activation, "__name__", type(activation).__name__)


def deserialize(config: Any, custom_objects: dict | None = None) -> Callable:
    """Return the activation for what ``serialize`` gave, or for one of ``custom_objects``.

    ``config`` is that, or a name.
    """
    if isinstance(config, dict) and config.get("class_name") != "function":
        return objects.revive(config, custom_objects)
    name = config.get("config") if isinstance(config, dict) else config
    if not isinstance(name, str):
        raise ValueError(f"An activation is named by a text, but here it is {name!r:.60}.")
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    return get(name)


__all__ = ["deserialize", "get", "serialize", *_FUNCTIONS]


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
