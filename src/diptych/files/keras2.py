"""Configurations that Keras 1 and 2 wrote, with what Keras 3 says otherwise."""

from __future__ import annotations

from typing import Any

# Options that layers and optimizers had, or wrote down, at the value at which they say nothing;
# None where any does.
_GONE: dict[str, Any] = {
    "is_legacy_optimizer": None,
    "jit_compile": None,
    "key_shape": None,
    "quantization_config": None,
    "query_shape": None,
    "ragged": False,
    "rng_type": None,
    "softmax_robust_masking": False,
    "sparse": False,
    "time_major": False,
    "value_shape": None,
}
# Convolutions of each channel alone wrote options of ordinary convolutions, and used none.
_UNUSED = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_MODELS = ("Functional", "Model", "Sequential")
_INNER = ("layer", "cell", "backward_layer", "forward_layer")  # layers in layers


def modern(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a model, layer, loss, metric or optimizer."""
    if isinstance(config.get("config"), list):  # a Sequential of Keras 1 and early 2
        config = {**config, "config": {"name": None, "layers": config["config"]}}
    inner = config.get("config")
    name = config.get("class_name")
    if not isinstance(inner, dict) or not isinstance(name, str):
        return config
    name = name.removeprefix("Custom>")
    if name in ("TFOpLambda", "SlicingOpLambda"):
        return _function(config, inner)
    inner = {key: _value(key, x) for key, x in inner.items() if not _says_nothing(key, x, name)}
    if isinstance(inner.get("layers"), list):
        inner = _without_first_calls(inner)
    for key in ("layers", "cells"):
        if isinstance(inner.get(key), list):
            inner[key] = [modern(x) if isinstance(x, dict) else x for x in inner[key]]
    for key in _INNER:
        if isinstance(inner.get(key), dict):
            inner[key] = modern(inner[key])
    if name == "InputLayer" and "batch_input_shape" in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    if name == "GRU" and "reset_after" not in inner:
        inner["reset_after"] = False  # before it was an argument
    if name == "BatchNormalization" and isinstance(inner.get("axis"), list):
        inner["axis"] = inner["axis"][0] if len(inner["axis"]) == 1 else inner["axis"]
    told = {key: value for key, value in config.items() if key != "build_config" or name in _MODELS}
    return {**told, "class_name": name, "config": inner}


def _without_first_calls(inner: dict[str, Any]) -> dict[str, Any]:
    """A graph in which the calls of models that are layers are counted from 0: in Keras 1 and 2 a
    model with an input had been called on it before.
    """
    begun = {
        entry.get("name", entry["config"].get("name"))
        for entry in inner["layers"]
        if isinstance(entry, dict) and isinstance(entry.get("config"), dict) and _has_input(entry)
    }

    def shifted(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        is_place = len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)
        if is_place and value[0] in begun and value[1] > 0:
            value = [value[0], value[1] - 1, *value[2:]]
        if len(value) > 3 and isinstance(value[3], dict):
            more = {key: shifted(part) for key, part in value[3].items()}
            value = [*value[:3], more, *value[4:]]
        return [shifted(part) for part in value]

    ends: dict[str, Any] = {}
    for key in ("input_layers", "output_layers"):
        if key in inner:
            found = shifted(inner[key])
            # One tensor was written as a list of one.
            alone = isinstance(found, list) and len(found) == 1 and isinstance(found[0], list)
            ends[key] = found[0] if alone else found
    entries = [
        {**entry, "inbound_nodes": shifted(entry["inbound_nodes"])}
        if isinstance(entry, dict) and "inbound_nodes" in entry
        else entry
        for entry in inner["layers"]
    ]
    return {**inner, **ends, "layers": entries}


def _has_input(entry: dict[str, Any]) -> bool:
    """Whether a layer is a model that has an input of its own."""
    layers = entry["config"].get("layers")
    if entry.get("class_name") in ("Functional", "Model"):
        return True
    first = layers[0] if isinstance(layers, list) and layers else None
    if entry.get("class_name") != "Sequential" or not isinstance(first, dict):
        return False
    inner = first.get("config")
    return first.get("class_name") == "InputLayer" or (
        isinstance(inner, dict) and "batch_input_shape" in inner
    )


def modern_compilation(config: dict[str, Any]) -> dict[str, Any]:
    """How a model was compiled."""

    def change(value: Any) -> Any:
        if isinstance(value, dict) and "class_name" in value:
            changed = modern(value)
            inner = changed.get("config")
            if isinstance(inner, dict):
                function = inner.pop("fn", None)
                if str(value["class_name"]).endswith("Wrapper"):
                    inner["fn"] = {"class_name": "function", "config": function}
                if inner.get("reduction") == "auto":
                    inner["reduction"] = "sum_over_batch_size"
            return changed
        if isinstance(value, dict):
            return {key: change(part) for key, part in value.items()}
        return [change(part) for part in value] if isinstance(value, list) else value

    return change(config)


def _says_nothing(key: str, value: Any, name: str) -> bool:
    """Whether an option is one of those that are no longer there, and of no effect."""
    if key == "groups":
        return value == 1 and any(part in name for part in ("Separable", "Depthwise", "Transpose"))
    if key in _UNUSED:
        return name.startswith(("Separable", "Depthwise"))
    return key in _GONE and _GONE[key] in (None, value)


def _value(key: str, value: Any) -> Any:
    """An option with its name of today: a dtype instead of a policy, and another hard sigmoid."""
    if isinstance(value, dict) and value.get("class_name") == "Policy":
        inner = value.get("config")
        return inner.get("name") if isinstance(inner, dict) else value
    if key.endswith("activation") and value == "hard_sigmoid":
        return "keras2_hard_sigmoid"
    return value


def _function(config: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """A function of TensorFlow that is a layer of a graph; ``models.tensorflow`` has them."""
    slicing = config.get("class_name") == "SlicingOpLambda"
    calls = config.get("inbound_nodes")
    return {
        "module": "tensorflow",
        "class_name": "__operators__.getitem" if slicing else inner.get("function"),
        "config": {},
        "name": config.get("name", inner.get("name")),
        "inbound_nodes": [_call(call) for call in calls] if isinstance(calls, list) else [],
    }


def _call(call: Any) -> dict[str, Any]:
    """A call: [layer, call, output, {further arguments}] for its tensor, or a list of those."""
    alone = isinstance(call, list) and call and isinstance(call[0], str)
    parts = [call] if alone else call
    if not isinstance(parts, list) or not all(
        isinstance(part, list) and len(part) == 4 and isinstance(part[3], dict) for part in parts
    ):
        raise ValueError(f"A call of a function cannot be read in the config: {call!r:.100}")
    first = [_argument(part[:3]) for part in parts]
    options = {key: _argument(value) for key, value in parts[0][3].items()} if parts else {}
    return {"args": first if alone else [first], "kwargs": options}


def _argument(value: Any) -> Any:
    """An argument of a call: a tensor by its place, a constant, or a slice."""
    if isinstance(value, list) and len(value) == 3 and value[0] == "_CONSTANT_VALUE":
        return value[2]
    if isinstance(value, list) and [type(part) for part in value] == [str, int, int]:
        return {"class_name": "__keras_tensor__", "config": {"keras_history": value}}
    if isinstance(value, list):
        return [_argument(part) for part in value]
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": value}
    return value
