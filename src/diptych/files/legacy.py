"""The ``.h5`` files of Keras 1 and 2, which Keras 3 still writes.

The configuration is a JSON text in an attribute; each layer has a group, whose attribute
``weight_names`` lists its arrays in order. Layers are matched by their order, or by name.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

from ..legacy import quiet
from ..tensor import Variable
from ..utils.objects import TABLES, dict_of, plain, serialize
from .hdf5 import MOST_NAMES, Reader, new_file
from .jsontext import bounded, parse_json
from .keras2 import modern, modern_compilation
from .region import Damaged, seal
from .weights import Loading, build_optimizer, without_rate

KERAS = "3.15.1"
_MOST_ATTRIBUTE = 64_000  # bytes that an attribute may have in HDF5


# --------------------------------------------------------------------------------------------------
# Writing


def write_model(file: IO[bytes], model: Any, include_optimizer: bool = True) -> None:
    """Write a model with its configuration, weights, and how it was compiled."""
    described = {"class_name": serialize(model)["class_name"], "config": model.get_config()}
    with new_file(file) as h5:
        texts = {"model_config": json.dumps(described, default=plain)}
        compiled = dict(model.get_compile_config()) if include_optimizer else {}
        if compiled:
            optimizer = compiled.pop("optimizer", None)
            if "loss" in compiled:
                compiled["loss"] = _full_names(compiled["loss"])
            training = {**compiled, "optimizer_config": optimizer}
            texts["training_config"] = json.dumps(training, default=plain)
        bounded(texts["model_config"], f"The configuration of model {model.name!r}")
        for name, text in texts.items():
            h5.attrs[name] = text
        h5.attrs["keras_version"] = KERAS
        h5.attrs["backend"] = "numpy"
        _write_weights(h5.create_group("model_weights"), model)
        if compiled and model.optimizer is not None:
            group = h5.create_group("optimizer_weights")
            _write_arrays(group, model.optimizer.variables)
    seal(file)


def _full_names(loss: Any) -> Any:
    """Losses that are named shortly by their full names, which Keras 3 reads in such a file."""
    if isinstance(loss, str) and loss in TABLES["losses"]:
        return TABLES["losses"][loss].__name__
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _full_names(part) for key, part in loss.items()}
    return [_full_names(part) for part in loss] if isinstance(loss, list) else loss


def write_weights_file(file: IO[bytes], model: Any) -> None:
    """Write the weights alone, as Keras 2's ``save_weights`` did."""
    with new_file(file) as h5:
        _write_weights(h5, model)
    seal(file)


def _write_weights(group: Any, model: Any) -> None:
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["backend"] = "numpy"
    group.attrs["keras_version"] = KERAS
    for layer in model.layers:
        _write_arrays(group.create_group(layer.name), _in_order(layer))
    own = [v for v in _in_order(model) if any(v is other for other in model._own)]
    _write_arrays(group.create_group("top_level_model_weights"), own)


def _in_order(layer: Any) -> list[Variable]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_arrays(group: Any, variables: Sequence[Variable]) -> None:
    names: list[str] = []
    for variable in variables:
        name = variable.path
        while name in names:
            name += "_"
        names.append(name)
        group.create_dataset(name, data=variable.array)
    _write_names(group, "weight_names", names)


def _write_names(group: Any, name: str, values: list[str]) -> None:
    """Write a list of names; a long one in several attributes, "layer_names0" and so on."""
    encoded = np.array([value.encode() for value in values] or [], dtype="S")
    if encoded.nbytes <= _MOST_ATTRIBUTE:
        group.attrs[name] = encoded
        return
    parts = np.array_split(encoded, -(-encoded.nbytes // _MOST_ATTRIBUTE) + 1)
    for number, part in enumerate(parts):
        group.attrs[f"{name}{number}"] = part


# --------------------------------------------------------------------------------------------------
# Reading


def is_legacy(reader: Reader) -> bool:
    """Whether a file of weights, or of a whole model, has this layout."""
    return any(
        reader.attribute(reader.root, name) is not None
        for name in ("layer_names", "layer_names0", "model_config")
    )


def read_model(reader: Reader, compile: bool, deserialize: Callable[[Any], Any]) -> Any:
    """The model of a file.

    Raises:
        Damaged: the file holds weights alone, or is damaged.
    """
    text = reader.text(reader.root, "model_config")
    if text is None:
        kind = "weights alone" if is_legacy(reader) else "no model that is known here"
        raise Damaged(
            f"{reader.name} holds {kind}: make the model and call model.load_weights(...)."
        )
    training = reader.text(reader.root, "training_config")
    described = dict_of(parse_json(text, f"{reader.name}: model_config"), "a model")
    old = not (reader.text(reader.root, "keras_version") or "").startswith("3")
    with quiet():
        model = deserialize(modern(described) if old else described)
    if compile and training is not None:
        config = dict_of(parse_json(training, f"{reader.name}: training_config"), "compile")
        with quiet():
            config["optimizer"] = config.pop("optimizer_config", None)
            model.compile_from_config(modern_compilation(config) if old else config)
    loading = Loading(reader.name, new=True)
    group = reader.group("model_weights")
    if group is None:
        raise Damaged(f"{reader.name} holds no weights.")
    if model.built:
        _take_weights(reader, group, model, loading, by_name=False)
    if compile and model.optimizer is not None and model.built:
        build_optimizer(model)
        _take_optimizer(reader, model, loading)
    reader.compare()
    loading.finish()
    return model


def read_weights_file(
    reader: Reader, model: Any, by_name: bool = False, skip_mismatch: bool = False
) -> None:
    """Read weights into a model; if anything is wrong, it stays as it was."""
    loading = Loading(reader.name, skip_mismatch)
    whole = reader.group("model_weights")
    group = reader.root if whole is None else whole
    _take_weights(reader, group, model, loading, by_name)
    reader.compare()
    loading.finish()


def _take_weights(reader: Reader, group: Any, model: Any, loading: Loading, by_name: bool) -> None:
    stored = {}
    for name in _names(reader, group, "layer_names"):
        own = reader.member(group, name)
        names = [] if own is None else _names(reader, own, "weight_names")
        if names:
            stored[name] = (own, names)
    layers = [layer for layer in model.layers if layer.weights]
    if by_name:
        pairs = [(layer, layer.name) for layer in layers if layer.name in stored]
    elif len(layers) != len(stored):
        raise Damaged(
            f"{reader.name} holds the weights of {len(stored)} layers ({', '.join(stored)}), but "
            f"model {model.name!r} has {len(layers)} with weights "
            f"({', '.join(layer.name for layer in layers)})."
        )
    else:
        pairs = list(zip(layers, stored, strict=True))
    for layer, name in pairs:
        own, names = stored[name]
        _take_layer(reader, own, names, layer, loading)
    top = reader.member(group, "top_level_model_weights")
    own_weights = [v for v in _in_order(model) if any(v is other for other in model._own)]
    if top is not None and own_weights and not by_name:
        names = _names(reader, top, "weight_names")
        _take_arrays(reader, top, names, own_weights, loading, model.name)


def _take_layer(reader: Reader, group: Any, names: list[str], layer: Any, loading: Loading) -> None:
    variables = _in_order(layer)
    if len(names) == 3 * len(variables) or len(names) == 4 * len(variables):
        arrays = _gates_together(reader, group, names, layer)
        if arrays is not None:
            for variable, array in zip(variables, arrays, strict=True):
                loading.add(variable, array)
            return
    _take_arrays(reader, group, names, variables, loading, layer.name)


def _take_arrays(
    reader: Reader,
    group: Any,
    names: list[str],
    variables: Sequence[Variable],
    loading: Loading,
    layer_name: str,
) -> None:
    if len(names) != len(variables):
        message = (
            f"{reader.name}: layer {layer_name!r} has {len(variables)} weights, but the file holds "
            f"{len(names)} for it."
        )
        if loading.skip_mismatch:
            warnings.warn(message, stacklevel=6)
            return
        raise Damaged(message)
    read = []
    try:
        for name, variable in zip(names, variables, strict=True):
            dataset = reader.dataset(_parent(reader, group, name), name.rpartition("/")[2])
            turned = _fits_turned(dataset, variable)
            into = variable.array if loading.new and not turned else None
            read.append(reader.read(dataset, dataset.shape if turned else variable.shape, into))
    except Damaged as error:
        if loading.skip_mismatch:
            warnings.warn(f"{layer_name!r} keeps its weights: {error}", stacklevel=6)
            return
        raise
    for variable, array in zip(variables, read, strict=True):
        loading.add(variable, _turned(array, variable))


def _fits_turned(dataset: Any, variable: Variable) -> bool:
    """Whether the array is the variable's with the axes of Theano's convolutions."""
    shape = dataset.shape
    return len(shape) == 4 and shape != variable.shape and _from_theano(shape) == variable.shape


def _from_theano(shape: tuple[int, ...]) -> tuple[int, ...]:
    filters, channels, *window = shape
    return (*window, channels, filters)


def _turned(array: np.ndarray, variable: Variable) -> np.ndarray:
    """Keras 1 on Theano kept kernels as (filters, channels, rows, columns), and turned them around:
    it convolved where Keras correlates.
    """
    if array.shape == variable.shape:
        return array
    return np.ascontiguousarray(array.transpose(2, 3, 1, 0)[::-1, ::-1])


def _parent(reader: Reader, group: Any, name: str) -> Any:
    """The group of an array whose name has slashes in it."""
    found = reader.member(group, name.rpartition("/")[0]) if "/" in name else group
    if found is None:
        raise Damaged(f"{reader.name} has no array {name!r}.")
    return found


def _gates_together(
    reader: Reader, group: Any, names: list[str], layer: Any
) -> list[np.ndarray] | None:
    """Kernel, recurrent kernel and bias of Keras 1's LSTM or GRU, which kept each gate apart."""
    order = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2)}.get(type(layer).__name__)
    if order is None or len(names) != 3 * len(order):
        return None
    arrays = [reader.read(reader.dataset(group, name)) for name in names]
    return [
        np.concatenate([arrays[3 * gate + kind] for gate in order], axis=-1) for kind in range(3)
    ]


def _names(reader: Reader, group: Any, name: str) -> list[str]:
    """A list of names in one attribute or several."""
    found = reader.attribute(group, name)
    parts = [] if found is None else [found]
    if found is None:
        while (part := reader.attribute(group, f"{name}{len(parts)}")) is not None:
            parts.append(part)
    try:
        values = [value for part in parts for value in np.asarray(part).ravel().tolist()]
        names = [value.decode() if isinstance(value, bytes) else value for value in values]
    except (UnicodeDecodeError, ValueError, TypeError):
        raise Damaged(f"{reader.name}: {name!r} is damaged.") from None
    if not all(isinstance(value, str) for value in names) or len(set(names)) != len(names):
        raise Damaged(f"{reader.name}: {name!r} is damaged.")
    if len(names) > MOST_NAMES:
        raise Damaged(f"{reader.name}: {name!r} holds {len(names)} names.")
    return names


def _take_optimizer(reader: Reader, model: Any, loading: Loading) -> None:
    """Read the optimizer's state; Keras 1 and 2 kept it slot by slot."""
    group = reader.group("optimizer_weights")
    if group is None:
        return
    names = _names(reader, group, "weight_names")
    optimizer = model.optimizer
    variables = optimizer.variables
    if names[:1] == ["iteration:0"] and len(names) == len(variables) - 1:
        variables = without_rate(variables)
    if len(names) != len(variables):
        slots = [list(slot) for slot in optimizer._slots() if slot]
        variables = [optimizer._iterations, *_slots_by_name(names[1:], slots)]
        if len(names) < len(variables):
            loading.keep_optimizer(optimizer, len(names))
            return
        names = names[: len(variables)]
    shapes = [
        reader.dataset(_parent(reader, group, name), name.rpartition("/")[2]).shape
        for name in names
    ]
    if shapes != [v.shape for v in variables]:
        warnings.warn(
            f"{reader.name}: the optimizer's state is not that of {optimizer.name!r}, which starts "
            "anew.",
            stacklevel=6,
        )
        return
    _take_arrays(reader, group, names, variables, loading, optimizer.name)


def _slots_by_name(names: list[str], slots: list[list[Variable]]) -> list[Variable]:
    """The variables of an optimizer's slots in the order of these names, which end in the slot's:
    "dense/kernel/rms:0". Names of Keras 1 do not; their order is slot by slot.
    """
    words = [name.rpartition("/")[2].removesuffix(":0") for name in names]
    kinds = list(dict.fromkeys(words))
    if set(kinds) == {"rms", "momentum", "mg"}:  # the order of RMSprop's slots has changed
        kinds = ["rms", "mg", "momentum"]
    if [words.count(kind) for kind in kinds] != [len(slot) for slot in slots]:
        return [variable for slot in slots for variable in slot]
    following = {kind: iter(slot) for kind, slot in zip(kinds, slots, strict=True)}
    return [next(following[word]) for word in words]
