"""HDF5 files, as far as Keras's need it, and with nothing in them that reaches outside.

An HDF5 file can name other files (external and virtual storage, links), ask for plug-ins, and
declare arrays of any size that are not there. None of that is followed: only plain groups and
arrays of numbers are read, and an array only after its shape and type were compared with those
expected.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py

# Compression that HDF5 and h5py have built in; all others would load a library.
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset"}
_FILTERS |= {32000: "lzf"}
CHECKSUM = "diptych_checksum"


class Damaged(ValueError):
    """A file that cannot be read, or holds what no model file should."""


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise ImportError(
            "Keras's model files are HDF5 files: `pip install h5py` to read and write them. "
            "Weights alone can also be kept without it: model.save_weights('x.safetensors')."
        ) from None
    return h5py


class Reader:
    """A file open for reading; a context manager."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        try:
            self.root = _h5py().File(file, "r")
        except ImportError:
            raise
        except Exception as error:
            raise Damaged(f"{name} is no HDF5 file, or a damaged one ({error}).") from None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.root.close()

    def arrays(self, path: str) -> Arrays:
        """The arrays of one part of a model; none if the file has no such part."""
        group = self.group(f"{path}/vars" if path else "vars")
        return Arrays(self, group, path)

    def group(self, path: str) -> Any:
        """The group at a path, None if there is none."""
        found: Any = self.root
        for name in path.split("/"):
            found = self.member(found, name)
            if found is None:
                return None
            if not isinstance(found, _h5py().Group):
                raise Damaged(f"{self.name}: {path!r} is no group.")
        return found

    def member(self, group: Any, name: str) -> Any:
        """A group or array in a group, None if there is none."""
        h5 = _h5py()
        try:
            if name not in group:
                return None
            link = group.get(name, getlink=True)
            if not isinstance(link, h5.HardLink):
                raise Damaged(
                    f"{self.name}: {name!r} is a link to another place "
                    f"({type(link).__name__}), which is not followed."
                )
            return group[name]
        except Damaged:
            raise
        except Exception as error:
            raise Damaged(f"{self.name} is damaged at {name!r} ({error}).") from None

    def names(self, group: Any) -> list[str]:
        try:
            return [str(name) for name in group]
        except Exception as error:
            raise Damaged(f"{self.name} is damaged ({error}).") from None

    def attribute(self, group: Any, name: str) -> Any:
        """An attribute of a group, None if there is none."""
        try:
            return group.attrs[name] if name in group.attrs else None
        except Exception as error:
            raise Damaged(f"{self.name}: attribute {name!r} is damaged ({error}).") from None

    def text(self, group: Any, name: str) -> str | None:
        """An attribute that is a text."""
        value = self.attribute(group, name)
        if value is None:
            return None
        try:
            return value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeDecodeError:
            raise Damaged(f"{self.name}: attribute {name!r} is no text.") from None

    def compare_checksum(self, group: Any, arrays: Iterable[np.ndarray]) -> None:
        """Raise Damaged if a group says a checksum, and it is not that of its arrays."""
        told = self.attribute(group, CHECKSUM)
        if told is not None and told != checksum_of(arrays):
            raise Damaged(
                f"{self.name} is damaged: the numbers at {group.name!r} are not those that were "
                "written (checksum)."
            )

    def dataset(self, group: Any, name: str) -> Any:
        """An array that was not read yet: its ``shape`` and ``dtype`` are known."""
        found = self.member(group, name)
        if found is None:
            raise Damaged(f"{self.name} has no array {name!r}.")
        where = f"{self.name}: array {name!r}"
        if not isinstance(found, _h5py().Dataset):
            raise Damaged(f"{where} is no array.")
        try:
            if found.external or found.is_virtual:
                raise Damaged(f"{where} lies in another file, which is not read.")
            if found.dtype.kind not in "biufc" or found.shape is None:
                raise Damaged(f"{where} has the type {found.dtype}; a weight has numbers.")
            plan = found.id.get_create_plist()
            for i in range(plan.get_nfilters()):
                if plan.get_filter(i)[0] not in _FILTERS:
                    raise Damaged(f"{where} needs a plug-in to be unpacked, which is not loaded.")
        except Damaged:
            raise
        except Exception as error:
            raise Damaged(f"{where} is damaged ({error}).") from None
        return found

    def read(self, dataset: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """The values; first the stored shape must be this one.

        Without ``shape``, what is read is at most what the file holds, uncompressed.
        """
        where = f"{self.name}: array {dataset.name!r}"
        if shape is not None and dataset.shape != shape:
            raise Damaged(f"{where} has shape {dataset.shape}, expected {shape}.")
        try:
            stored = dataset.id.get_storage_size()
            if dataset.nbytes > (stored if shape is None else max(1000 * stored, 1 << 20)):
                raise Damaged(
                    f"{where} declares {dataset.nbytes} bytes, of which the file holds {stored}."
                )
            return dataset[()]
        except Damaged:
            raise
        except Exception as error:
            raise Damaged(f"{where} is damaged ({error}).") from None


class Arrays(Mapping):
    """The arrays of one part of a model by their names: "0", "1", ..."""

    def __init__(self, reader: Reader, group: Any, path: str) -> None:
        self._reader, self._group, self.path = reader, group, path
        self._names = [] if group is None else reader.names(group)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        return self._reader.read(self._reader.dataset(self._group, name))

    def read_all(self, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
        """The arrays "0", "1", ..., which must have these shapes."""
        datasets = [self._reader.dataset(self._group, str(i)) for i in range(len(shapes))]
        read = self._reader.read
        arrays = [read(dataset, shape) for dataset, shape in zip(datasets, shapes, strict=True)]
        if arrays:
            self._reader.compare_checksum(self._group, arrays)
        return arrays


def checksum_of(arrays: Iterable[np.ndarray]) -> int:
    """A sum over arrays in order, by which a flipped bit is found. Keras does not look at it."""
    found = 0
    for array in arrays:
        array = np.ascontiguousarray(array)
        found = zlib.crc32(array.reshape(-1).view(np.uint8).data, found)
    return found


def new_file(file: IO[bytes]) -> h5py.File:
    """A new HDF5 file, written to an open file."""
    return _h5py().File(file, "w")
