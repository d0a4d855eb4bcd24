"""KerasFileEditor: look into a file of weights, change what is in it, and write it anew.

A file is a tree: an object (a layer, say) has arrays, "0", "1", ..., and objects below it. Here it
is a dict of arrays and dicts, however the file keeps the two apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..utils.naming import suggest
from .archive import Archive
from .atomic import replacing
from .hdf5 import Reader, new_file
from .region import Damaged, seal
from .weights import Store, exists_or_raise, states_of

_MOST_DEPTH = 100  # of objects in objects
_ARRAYS = "vars"  # the group of an object's arrays


class KerasFileEditor:
    """Opens the weights of a ``.keras`` or ``.weights.h5`` file, to be changed and saved again.

        editor = KerasFileEditor("old.weights.h5")
        editor.summary()
        editor.rename_object("layers/dense_1", "dense")
        editor.add_object("layers/dense_1", weights={"0": kernel, "1": bias})
        editor.save("new.weights.h5")

    The file itself is read once, as safely as a model is, and stays as it is.

    Args:
        filepath: a path that ends in ``.keras`` or ``.weights.h5``.

    Attributes:
        weights_dict: the tree: {name: an array, or the dict of another object}.
        object_metadata: {"/path": {"name": the name of the layer}}.
        config, metadata: of a ``.keras`` file: the model's configuration, and who wrote it when.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has another ending, or is damaged.
    """

    def __init__(self, filepath: str | os.PathLike) -> None:
        self.filepath = str(filepath)
        self.config: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        if not self.filepath.endswith((".keras", ".weights.h5")):
            raise ValueError(
                f"KerasFileEditor opens files that end in .keras or .weights.h5; got "
                f"{self.filepath!r}."
            )
        with exists_or_raise(filepath).open("rb") as file:
            if self.filepath.endswith(".keras"):
                archive = Archive(file, self.filepath)
                self.config, self.metadata = archive.config(), archive.metadata()
                reader = archive.weights()
            else:
                reader = Reader(file, self.filepath)
            with reader:
                tree = _Tree(reader)
                self.weights_dict = tree.objects(reader.root, "", 0)
                reader.compare()
        self.object_metadata = tree.names
        print(f"Keras model file {self.filepath!r}")
        if self.metadata:
            version, date = (self.metadata.get(key) for key in ("keras_version", "date_saved"))
            print(f"Saved with Keras {version} - date: {date}")

    def summary(self) -> None:
        """Print the objects and their arrays, with shapes and dtypes."""
        print("Weights structure")
        for line in self._lines(self.weights_dict, "", "  "):
            print(line)

    def _lines(self, tree: dict[str, Any], path: str, before: str) -> Iterator[str]:
        for number, (name, value) in enumerate(tree.items(), 1):
            last = number == len(tree)
            start = before + ("└─ " if last else "├─ ")
            if not isinstance(value, dict):
                yield f"{start}{name}: shape={value.shape}, dtype={value.dtype}"
                continue
            below = f"{path}/{name}"
            own = self.object_metadata.get(below, {}).get("name")
            yield f"{start}{name}" + (f" ({own!r})" if own else "")
            yield from self._lines(value, below, before + ("   " if last else "│  "))

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compare the file with a model, and print what differs.

        Args:
            reference_model: a model that has its weights.

        Returns:
            {"status": "success" or "error", "error_count": how many objects and arrays are missing
            on one side or have another shape, "match_count": how many arrays fit}.
        """
        print("Running comparison")
        wanted: dict[str, Any] = {}
        for part, arrays in states_of(reference_model):
            if arrays:
                place = wanted
                for name in part.path.split("/") if part.path else ():
                    place = place.setdefault(name, {})
                place.update(arrays)
        errors: list[str] = []
        matches = _compare(self.weights_dict, wanted, "", errors)
        for error in errors:
            print(error)
        print("─" * 21)
        if errors:
            found = f"Found {len(errors)} error{'s' if len(errors) > 1 else ''}"
            print(f"{found}: saved file is not compatible with the reference model")
        else:
            print("Comparison successful: saved file is compatible with the reference model")
            print(f"    Found {matches} matching weight{'' if matches == 1 else 's'}")
        return {
            "status": "error" if errors else "success",
            "error_count": len(errors),
            "match_count": matches,
        }

    # ----------------------------------------------------------------------------------------------
    # Changes

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name; it stays where it is.

        Args:
            object_name: its path, "layers/dense_2", or its name alone, if no other one has it.
            new_name: a name without "/".

        Raises:
            ValueError: there is no such object, or there is one of the new name.
        """
        if "/" in new_name or not new_name:
            raise ValueError(
                f"new_name is a name without '/', as an object stays where it is; got {new_name!r}."
            )
        above, name = self._place(object_name)
        if new_name in above and new_name != name:
            raise ValueError(
                f"There is {new_name!r} beside {object_name!r} already: rename or delete it first."
            )
        above[new_name] = above.pop(name)

    def delete_object(self, object_name: str) -> None:
        """Remove an object and all below it, by its path, or its name if no other one has it."""
        above, name = self._place(object_name)
        del above[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object.

        Args:
            object_path: its path; the object above it has to be there.
            weights: {name: array}, such as {"0": kernel, "1": bias}.

        Raises:
            ValueError: ``weights`` is no dict, or there is no object above it.
            TypeError: an entry is no array of numbers.
        """
        above, _, name = object_path.rpartition("/")
        added = _arrays(weights)
        place = self._object(above) if above else self.weights_dict
        place[name] = added

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove an array, such as "0", from an object.

        Raises:
            ValueError: there is no such object or array.
        """
        place = self._object(object_name)
        if weight_name not in place:
            raise ValueError(
                f"{object_name!r} has no weight {weight_name!r}; it has {list(place)}."
            )
        del place[weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add arrays to an object, or replace them.

        Args:
            object_name: its path, or its name if no other one has it.
            weights: {name: array}.

        Raises:
            ValueError: there is no such object, or ``weights`` is no dict.
            TypeError: an entry is no array of numbers.
        """
        self._object(object_name).update(_arrays(weights))

    def save(self, filepath: str | os.PathLike) -> None:
        """Write the weights to a file, whose name ends in ``.weights.h5``.

        Raises:
            ValueError: the name has another ending.
            OSError: it cannot be written; what was there before is unchanged.
        """
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(
                f"Weights are saved to a file that ends in .weights.h5; got {str(filepath)!r}."
            )
        with replacing(filepath) as file:
            with new_file(file) as h5:
                for path, arrays in _flat(self.weights_dict, ""):
                    group = h5.require_group(f"{path}/{_ARRAYS}" if path else _ARRAYS)
                    for name, array in arrays.items():
                        group.create_dataset(name, data=array)
            seal(file)

    def resave_weights(self, filepath: str | os.PathLike) -> None:
        """The same as ``save``."""
        self.save(filepath)

    def _object(self, name: str) -> dict[str, Any]:
        above, last = self._place(name)
        return above[last]

    def _place(self, object_name: str) -> tuple[dict[str, Any], str]:
        """The dict in which an object is, and its name there."""
        everywhere = dict(_objects(self.weights_dict, ""))
        if "/" in object_name:
            found = [path for path in everywhere if path == object_name]
        else:
            found = [path for path in everywhere if path.split("/")[-1] == object_name]
        if len(found) > 1:
            raise ValueError(
                f"There are several objects {object_name!r}: {', '.join(map(repr, found))}. Give "
                "one of these paths."
            )
        if not found:
            raise ValueError(
                f"{self.filepath} has no object {object_name!r}"
                f"{suggest(object_name, everywhere) or '.'} summary() lists them."
            )
        above, _, name = found[0].rpartition("/")
        return (everywhere[above] if above else self.weights_dict), name


class _Tree:
    """Reads the tree of a file. What it reads is at most what the file holds: no object and no
    array is read twice, by however many names it is there.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.names: dict[str, dict[str, Any]] = {}
        self._seen: set[int] = set()
        self._size = 0

    def objects(self, group: Any, path: str, depth: int) -> dict[str, Any]:
        """The arrays of an object and the objects below it."""
        reader = self.reader
        address = reader.address(group)
        if address in self._seen or depth > _MOST_DEPTH:
            raise Damaged(f"{reader.name}: {path!r} is in itself, or in too many others.")
        self._seen.add(address)
        own = reader.text(group, "name")
        if own is not None:
            self.names[path] = {"name": own}
        found: dict[str, Any] = {}
        for name in sorted(reader.names(group), key=_by_number):
            value = reader.member(group, name)
            if not hasattr(value, "keys"):
                found[name] = self._array(group, name, path)
                continue
            where = path if name == _ARRAYS else f"{path}/{name}"
            below = self.objects(value, where, depth + 1)
            if name != _ARRAYS:
                below = {name: below} if below else {}
            if twice := [name for name in below if name in found]:
                raise Damaged(f"{reader.name}: {path!r} has two parts called {twice[0]!r}.")
            found |= below
        return found

    def _array(self, group: Any, name: str, path: str) -> np.ndarray:
        reader = self.reader
        dataset = reader.dataset(group, name)
        self._size += dataset.nbytes
        if self._size > reader.size:
            raise Damaged(f"{reader.name}: at {path!r}, its arrays are larger than the file.")
        return reader.read(dataset)


def _by_number(name: str) -> tuple:
    """Where a name belongs: "2" before "10"."""
    return (int(name), "") if name.isdecimal() and len(name) < 9 else (-1, name)


def _arrays(weights: Any) -> dict[str, Any]:
    """Given weights, as arrays."""
    if not isinstance(weights, dict):
        raise ValueError(
            "weights is a dict of arrays, such as {'0': kernel, '1': bias}; got "
            f"{weights!r:.60} of type {type(weights).__name__}."
        )
    found = Store()
    for name, value in weights.items():
        found[name] = value
    return dict(found)


def _objects(tree: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object below this one, by its path."""
    for name, value in tree.items():
        if isinstance(value, dict):
            below = f"{path}/{name}" if path else name
            yield below, value
            yield from _objects(value, below)


def _flat(tree: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that has arrays, this one among them, with its arrays."""
    for place, found in [(path, tree), *_objects(tree, path)]:
        arrays = {name: value for name, value in found.items() if not isinstance(value, dict)}
        if arrays:
            yield place, arrays


def _compare(found: Any, wanted: dict[str, Any], path: str, errors: list[str]) -> int:
    """The number of arrays that are the same in both trees; what differs goes to ``errors``."""
    matches = 0
    sides = ("reference model", "saved file")
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        where = f"{path}/{name}"
        if name not in found or name not in wanted:
            there, missing = sides if name in wanted else sides[::-1]
            value = (wanted if name in wanted else found)[name]
            inside = f", with {list(value)}" if isinstance(value, dict) else ""
            kind = "Object" if inside else "Weight"
            errors.append(f"...{kind} {where} present in {there}{inside}, missing from {missing}")
            continue
        ours, theirs = found[name], wanted[name]
        if isinstance(ours, dict) and isinstance(theirs, dict):
            matches += _compare(ours, theirs, where, errors)
        elif isinstance(ours, dict) or isinstance(theirs, dict):
            object_in = sides[1] if isinstance(ours, dict) else sides[0]
            errors.append(f"...{where} is an object in the {object_in}, and a weight in the other")
        elif ours.shape != theirs.shape:
            errors.append(
                f"...Weight shape mismatch for {where}: reference model {theirs.shape}, saved file "
                f"{ours.shape}"
            )
        else:
            matches += 1
    return matches


__all__ = ["KerasFileEditor"]
