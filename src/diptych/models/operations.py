"""Operations outside layers in the config of a functional model: ``x + 1``, ``ops.mean(x)``.

Keras writes each as a class of its own: ``Mean`` with the axis in its config, called on ``x``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import ops
from ..graph import Node
from ..operation import Operation, Twin
from ..utils import objects
from . import tensorflow

_CORE = "cast slice slice_update stop_gradient unstack"
_LINALG = "cholesky det eigh inv matrix_rank norm pinv qr solve svd"
_MATH = "erf erfc erfinv in_top_k logdet logsumexp rsqrt segment_max segment_sum"
# Where Keras has the class of an operation, if not in keras.src.ops.numpy.
_MODULES = {
    **dict.fromkeys(_CORE.split(), "core"),
    **dict.fromkeys(_LINALG.split(), "linalg"),
    **dict.fromkeys(_MATH.split(), "math"),
    "one_hot": "nn",
}
# Twins that Keras has too, with the names of their options in order; all in keras.src.ops.nn.
_TWINS = {
    "celu": ["alpha"],
    "elu": ["alpha"],
    "gelu": ["approximate"],
    "glu": ["axis"],
    "hard_shrink": ["threshold"],
    "hard_sigmoid": [],
    "hard_silu": [],
    "hard_tanh": [],
    "leaky_relu": ["negative_slope"],
    "log_sigmoid": [],
    "log_softmax": ["axis"],
    "matmul": [],
    "relu6": [],
    "selu": [],
    "sigmoid": [],
    "silu": [],
    "soft_shrink": ["threshold"],
    "softmax": ["axis"],
    "softplus": [],
    "softsign": [],
    "squareplus": ["b"],
    "tanh": [],
    "tanh_shrink": [],
    "threshold": ["threshold", "default_value"],
}
# Classes whose name is not the function's with capitals.
_CLASSES = {"allclose": "AllClose", "isin": "IsIn", "searchsorted": "SearchSorted", "svd": "SVD"}
_FUNCTIONS = {name: function for function, name in _CLASSES.items()}
_LISTS = ("stack", "concatenate")  # which take their tensors in a list
_ARGUMENTS = (
    "get_item",
    "slice",
    "slice_update",
    "full_like",
)  # whose options Keras passes with the call
MOST_AXES = 64  # of a NumPy array
_CALLED = "diptych.ops"  # the module of operations that Keras has not


def operation_config(node: Node) -> dict[str, Any]:
    """The entry of an operation in a config, without its calls; "arguments" are those of its call.

    Raises:
        NotImplementedError: the call is of a function that is no operation of ``diptych.ops``.
    """
    operation: Any = node.operation
    own = getattr(operation, "__name__", "")
    if own in ops.__all__ and getattr(ops, own) is operation:  # a function that records itself
        return _own_entry(own, own, node)
    if not isinstance(operation, Operation):
        raise NotImplementedError(
            f"{operation!r} was called on a symbolic tensor outside a layer, which a config cannot "
            "represent: wrap it in a Lambda layer or a layer of your own."
        )
    name = operation.name
    if isinstance(operation, Twin):
        inputs, *given = node.args
        if name == "relu" and tuple(given) == (0.0, None, 0.0):
            return _entry(name, "nn", {}, (inputs, {}))
        if name in _TWINS:
            module = "numpy" if name in ("tanh", "matmul") else "nn"
            return _entry(name, module, dict(zip(_TWINS[name], given, strict=False)), (inputs, {}))
    elif operation.name != "top_k_indices":
        args, options = node.args, dict(node.kwargs)
        if name in _LISTS:
            args = (list(args),)
        elif name == "clip":
            args, options = args[:1], {"x_min": args[1], "x_max": args[2]}
        elif name == "pad":
            del options["constant_values"]
            value = node.kwargs["constant_values"]
            args = (*args, value) if options["mode"] == "constant" and value else args
        elif isinstance(options.get("axis"), tuple) and len(options["axis"]) == 1:
            options["axis"] = options["axis"][0]
        if name in _ARGUMENTS:
            args = _in_keras_order(name, args, options)
            kept = {"slice": "shape", "full_like": "dtype"}.get(name)
            options = {kept: options[kept]} if kept else {}
        return _entry(name, _MODULES.get(name, "numpy"), options, (args, {}))
    return _own_entry(name, operation._key, node)


def _own_entry(name: str, key: str, node: Node) -> dict[str, Any]:
    """The entry of an operation that Keras has not, or has not alone."""
    return {
        "module": _CALLED,
        "class_name": key,
        "config": {},
        "registered_name": None,
        "name": name,
        "arguments": (node.args, node.kwargs),
    }


def _name_of(class_name: str) -> str | None:
    """The function of ``diptych.ops`` for Keras's class of an operation; None if there is none."""
    name = _FUNCTIONS.get(class_name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
    return name if name in ops.__all__ else None


def _get_item(x: Any, key: Any) -> Any:
    """``x[key]``, where JSON made a list of the tuple in ``x[:, 0]``."""
    return ops.get_item(x, tuple(key) if isinstance(key, list) else key)


def _in_keras_order(name: str, args: tuple, options: dict[str, Any]) -> tuple:
    if name == "get_item":
        key = options["key"]
        return (*args, np.asarray(key) if isinstance(key, list) else key)
    if name == "slice":
        return (*args, options["start_indices"])
    if name == "full_like":
        return (*args, options["fill_value"])
    x, updates = args
    return (x, options["start_indices"], updates)


def _entry(name: str, module: str, options: dict[str, Any], arguments: Any) -> dict[str, Any]:
    class_name = _CLASSES.get(name) or "".join(part.capitalize() for part in name.split("_"))
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": class_name,
        "config": options,
        "registered_name": class_name,
        "name": name,
        "arguments": arguments,
    }


def operation_from_config(entry: dict[str, Any]) -> Callable | None:
    """The function of an operation's entry; None if the entry is that of a layer.

    Raises:
        ValueError: there is no such operation, or it has not these options.
    """
    module, class_name = entry.get("module"), entry.get("class_name")
    if not isinstance(class_name, str):
        return None
    config = objects.dict_of(entry.get("config"), class_name)
    if module is None and _name_of(class_name):  # .h5 files do not say it; layers have a dtype
        if class_name not in objects.TABLES["layers"] or not {"trainable", "dtype"} & set(config):
            module = "keras.ops"
    if not isinstance(module, str):
        return None
    if module == tensorflow.MODULE:
        return tensorflow.function_named(class_name)
    if module == _CALLED:
        operation: Any = Operation.named.get(class_name)
        if operation is None and class_name in ops.__all__:
            operation = getattr(ops, class_name)
        if operation is None:
            raise ValueError(f"There is no operation {class_name!r} in diptych.ops.")
        return operation
    if not re.match(r"keras\.(src\.)?ops\b", module):
        return None
    name = _name_of(class_name)
    if name is None:
        raise ValueError(f"The model uses Keras's operation {class_name!r}, which diptych has not.")
    function = _get_item if name == "get_item" else getattr(ops, name)
    known = inspect.signature(function).parameters
    options = {key: objects.revive(value) for key, value in config.items() if key in known}
    unknown = [key for key, value in config.items() if key not in known and value is not None]
    if unknown not in ([], ["name"]):
        unknown = [key for key in unknown if key != "name"]
        raise ValueError(f"ops.{name} has no option {unknown[0]!r}, which the model's config sets.")
    for key, value in options.items():
        if key.startswith("ax") and isinstance(value, (list, tuple)) and len(value) > MOST_AXES:
            raise ValueError(f"ops.{name} got {len(value)} axes; an array has at most {MOST_AXES}.")
    if name == "einsum":  # whose option comes before the tensors
        return partial(function, options.pop("subscripts", None), **options)
    return partial(function, **options)
