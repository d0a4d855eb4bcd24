"""The weights of a model in Keras's HDF5 layout: a group for each part, "vars/0", "vars/1", ..."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..layers.layer import Layer
from ..optimizers import Optimizer
from ..tensor import Variable
from .atomic import replacing
from .hdf5 import Arrays, Reader, new_file
from .jsontext import read_json
from .region import Damaged, NoFile, Region, seal
from .tree import Part, parts_of, state_of


class Store(dict):
    """What a part writes: arrays by name."""

    def __setitem__(self, key: str, value: Any) -> None:
        try:
            array = np.asarray(getattr(value, "array", value))
        except ValueError:
            array = np.empty(0, object)  # lists of different lengths
        if array.dtype.kind not in "biufc" or "/" in str(key):
            raise TypeError(
                f"A file of weights holds arrays of numbers by names without a slash, but {key!r} "
                f"would be {value!r:.60}. Other things belong in get_config(), or save_assets()."
            )
        super().__setitem__(str(key), array)


def states_of(model: Any) -> list[tuple[Part, dict[str, np.ndarray]]]:
    """Every part of a model, with the arrays that it wants to be written."""
    found = []
    parts = parts_of(model)
    _check_complete(model, parts)
    for part in parts:
        store = Store()
        part.thing.save_own_variables(store)
        found.append((part, dict(store)))
    return found


def _check_complete(model: Any, parts: Sequence[Part]) -> None:
    """Raise a ValueError if a weight of the model belongs to no part."""
    known = {id(v) for part in parts for v in state_of(part.thing)}
    for variable in model.weights:
        if id(variable) not in known:
            raise ValueError(
                f"Model {model.name!r} has a weight {variable.path!r} in a layer that is no "
                "attribute of another one, nor in a list or dict that is, so that it has no place "
                "in a file: make the layer an attribute (self.layer = ...)."
            )


def write_weights(file: IO[bytes], states: list[tuple[Part, dict[str, np.ndarray]]]) -> None:
    """Write these states as an HDF5 file with a checksum."""
    write_states(file, states)
    seal(file)


def write_states(
    file: IO[bytes] | Region, states: list[tuple[Part, dict[str, np.ndarray]]]
) -> None:
    """Write these states as an HDF5 file, which another one may contain."""
    with new_file(file) as h5:
        for part, arrays in states:
            group = h5.require_group(f"{part.path}/vars" if part.path else "vars")
            group.attrs["name"] = part.thing.name
            for name, array in arrays.items():
                group.create_dataset(name, data=array)


class Loading:
    """Arrays read from a file, which go to their variables only when all have been read."""

    def __init__(self, name: str, skip_mismatch: bool = False, new: bool = False) -> None:
        self.name = name
        self.skip_mismatch = skip_mismatch
        self.new = new  # the model was made for this file, so that arrays may be read in place
        self.pairs: list[tuple[Variable, np.ndarray]] = []
        self.actions: list[Callable[[], Any]] = []  # of parts that read their state themselves

    def take(self, part: Part, arrays: Arrays) -> bool:
        """Read the arrays of one part; whether there were any."""
        thing = part.thing
        if not _reads_plainly(thing):
            read_by_itself = arrays.of_any_shape()
            self.actions.append(lambda: thing.load_own_variables(read_by_itself))
            return len(arrays) > 0
        variables = state_of(thing)
        if isinstance(thing, Optimizer) and 2 < len(arrays) == len(variables) - 1:
            variables = without_rate(variables)
        if isinstance(thing, Optimizer) and len(arrays) != len(variables):
            self.keep_optimizer(thing, len(arrays))
            return True
        try:
            self._check(thing, variables, arrays)
            read = arrays.read_all([v.array for v in variables], self.new)
        except Damaged as error:
            if isinstance(thing, Optimizer):
                self.keep_optimizer(thing, len(arrays))
                return True
            if self.skip_mismatch:
                warnings.warn(f"{thing.name!r} keeps its weights: {error}", stacklevel=5)
                return len(arrays) > 0
            raise
        for variable, array in zip(variables, read, strict=True):
            self.add(variable, array)
        return len(arrays) > 0

    def keep_optimizer(self, optimizer: Optimizer, count: int) -> None:
        """Leave an optimizer as it is, as Keras does; the file has so many arrays for it.

        A new one loses nothing where the file was written before the first step of training.
        """
        if not (self.new and count <= 2):
            why = (
                "it was another one, or had not been trained. "
                f"{optimizer.name!r} keeps the state that it has."
                if optimizer.built
                else "it has not made its own yet, so it begins anew, at its learning rate. To go "
                "on from the file's state, call model.optimizer.build(model.trainable_variables) "
                "before."
            )
            warnings.warn(
                f"{self.name} holds {count} arrays of an optimizer, but {optimizer.name!r} has "
                f"{len(optimizer.variables)}: {why}",
                stacklevel=6,
            )

    def add(self, variable: Variable, array: np.ndarray) -> None:
        """Remember an array for a variable, after comparing shape and kind."""
        if array.shape != variable.shape:
            raise Damaged(
                f"{self.name}: weight {variable.path!r} has shape {variable.shape}, but the file "
                f"holds {array.shape}."
            )
        if array.dtype.kind == "c" and variable.dtype.kind != "c":
            raise Damaged(f"{self.name}: weight {variable.path!r} would get complex numbers.")
        self.pairs.append((variable, array))

    def _check(self, thing: Any, variables: Sequence[Variable], arrays: Arrays) -> None:
        if len(arrays) == len(variables):
            return
        hint = ""
        if not variables and not thing.built:
            hint = " It has none yet: call the model on data, or model.build(input_shape), first."
        raise Damaged(
            f"{self.name}: Layer {thing.name!r} ({type(thing).__name__}) has {len(variables)} "
            f"weights, but the file holds {len(arrays)} for it, at {arrays.path!r}.{hint} The "
            "model that was saved had other layers or another order of them."
        )

    def finish(self) -> None:
        """Put all arrays into their variables."""
        for action in self.actions:
            action()
        for variable, array in self.pairs:
            if variable.array is not array:
                variable.assign(array)


def without_rate(variables: Sequence[Variable]) -> list[Variable]:
    """An optimizer's variables as Keras 2 kept them: all but the learning rate."""
    return [variable for place, variable in enumerate(variables) if place != 1]


def build_optimizer(model: Any) -> None:
    """Make the variables of a compiled model's optimizer, so that it can take its state."""
    optimizer = getattr(model, "optimizer", None)
    if isinstance(optimizer, Optimizer) and model.built:
        optimizer.build(model.trainable_variables)


def _reads_plainly(thing: Any) -> bool:
    base = Optimizer if isinstance(thing, Optimizer) else Layer
    return type(thing).load_own_variables is base.load_own_variables


def read_weights(
    reader: Reader, model: Any, skip_mismatch: bool = False, new: bool = False
) -> None:
    """Read an HDF5 file into a model; if anything is wrong, the model stays as it was, unless it is
    ``new``, that is, made for this file.

    Raises:
        Damaged: the file is damaged, or not of this model.
    """
    loading = collect(reader, model, skip_mismatch, new)
    reader.compare()
    loading.finish()


def collect(reader: Reader, model: Any, skip_mismatch: bool = False, new: bool = False) -> Loading:
    """The arrays of an HDF5 file for a model, which have not yet gone to their variables."""
    loading = Loading(reader.name, skip_mismatch, new)
    if new:
        build_optimizer(model)
    found = False
    parts = parts_of(model)
    _check_complete(model, parts)
    for part in parts:
        arrays = reader.arrays(part.path)
        if isinstance(part.thing, Optimizer) and not len(arrays):
            continue  # weights alone, or a model that was not compiled
        found |= loading.take(part, arrays)
    if not found and any(state_of(part.thing) for part in parts_of(model)):
        raise Damaged(f"{reader.name} holds no weights for the layers of model {model.name!r}.")
    return loading


# --------------------------------------------------------------------------------------------------
# Several files


def write_shards(path: Path, model: Any, most: float) -> None:
    """Write weights to files of at most ``most`` GB each, and a JSON file that lists them."""
    states = states_of(model)
    limit = most * 1024**3
    shards: list[list] = [[]]
    size = 0
    for part, arrays in states:
        own = sum(array.nbytes for array in arrays.values())
        if shards[-1] and size + own > limit:
            shards.append([])
            size = 0
        shards[-1].append((part, arrays))
        size += own
    total = sum(array.nbytes for _, arrays in states for array in arrays.values())
    base = path.name.removesuffix(".json").removesuffix(".weights")
    places: dict[str, str] = {}
    for number, shard in enumerate(shards):
        name = f"{base}_{number:05}.weights.h5"
        with replacing(path.with_name(name)) as file:
            write_weights(file, shard)
        places |= {f"/{part.path}/vars" if part.path else "/vars": name for part, _ in shard}
    listed = {"metadata": {"total_size": total}, "weight_map": places}
    with replacing(path) as file:
        file.write(json.dumps(listed, indent=4).encode())


def read_shards(path: Path, model: Any, skip_mismatch: bool = False) -> None:
    """Read what ``write_shards``, or Keras, wrote."""
    listed = read_json(path)
    places = listed.get("weight_map") if isinstance(listed, dict) else None
    if not isinstance(places, dict):
        raise Damaged(f"{path} is no list of weight files: it has no 'weight_map'.")
    loading = Loading(str(path), skip_mismatch)
    readers: dict[str, Reader] = {}
    with ExitStack() as opened:
        for part in parts_of(model):
            key = f"/{part.path}/vars" if part.path else "/vars"
            name = places.get(key, places.get(part.path))
            if isinstance(name, list) and len(name) == 1:
                name = name[0]
            if name is None and (isinstance(part.thing, Optimizer) or not state_of(part.thing)):
                continue
            if not isinstance(name, str) or not _is_beside(name):
                raise Damaged(f"{path} names {name!r} for {key!r}, which is no .h5 file beside it.")
            if name not in readers:
                file = opened.enter_context(path.with_name(name).open("rb"))
                readers[name] = opened.enter_context(Reader(file, name))
            loading.take(part, readers[name].arrays(part.path))
        for reader in readers.values():
            reader.compare()
        loading.finish()


def _is_beside(name: str) -> bool:
    """Whether this is the name of an HDF5 file, without a folder."""
    return name.endswith(".h5") and not set(name) & set("/\\:\0")


def exists_or_raise(path: os.PathLike | str) -> Path:
    """The path of a file that is there."""
    path = Path(path)
    if not path.exists():
        near = [other.name for other in path.parent.glob("*") if other.suffix == path.suffix][:5]
        hint = f" In that folder are: {', '.join(sorted(near))}." if near else ""
        raise NoFile(f"There is no file {str(path)!r}.{hint}")
    return path
