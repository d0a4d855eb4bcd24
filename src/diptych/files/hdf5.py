"""HDF5 files, as far as Keras's need it, and with nothing in them that reaches outside.

An HDF5 file can name other files (external and virtual storage, links), ask for plug-ins, and
declare arrays of any size that are not there. None of that is followed: only plain groups and
arrays of numbers are read, and an array only after its shape and type were compared with those
expected.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .headers import check_header, check_start, text_lengths
from .jsontext import MOST_JSON
from .region import Damaged, Region, comparing, sealed

if TYPE_CHECKING:
    import h5py

# Compression that is unpacked here, so that no more is unpacked than an array needs.
_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3
MOST_NAMES = 10_000  # in one place
_MOST_ATTRIBUTE = MOST_JSON + (1 << 20)  # bytes


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
    """A file open for reading; a context manager.

    ``told`` is the checksum of a region, if it is known; a whole file may say its own.
    """

    def __init__(self, file: IO[bytes] | Region, name: str, told: int | None = None) -> None:
        self.name = name
        self._region, self._told = (file, told) if isinstance(file, Region) else sealed(file)
        self._opened = ExitStack()

    def __enter__(self) -> Reader:
        with ExitStack() as opened:
            comparison = comparing(self._region, self._told, self.name)
            #: Call it when all has been read: it raises Damaged if the checksum is another.
            self.compare = opened.enter_context(comparison)
            try:
                check_start(self._region)
                self.root = opened.enter_context(_h5py().File(self._region, "r"))
            except (ImportError, MemoryError):
                raise
            except Exception as error:
                raise Damaged(f"{self.name} is no HDF5 file, or a damaged one ({error}).") from None
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exception: Any) -> bool | None:
        return self._opened.__exit__(*exception)

    @property
    def size(self) -> int:
        return self._region.size

    def arrays(self, path: str) -> Arrays:
        """The arrays of one part of a model; none if the file has no such part."""
        group = self.group(f"{path}/vars" if path else "vars")
        if group is None and path:  # Keras 2 had private attributes where Keras 3 has not
            above, _, name = path.rpartition("/")
            group = self.group(f"{above}/_{name}/vars")
        return Arrays(self, group, path)

    def group(self, path: str) -> Any:
        """The group at a path, None if there is none."""
        found = self.member(self.root, path)
        if found is not None and not isinstance(found, _h5py().Group):
            raise Damaged(f"{self.name}: {path!r} is no group.")
        return found

    def member(self, group: Any, path: str) -> Any:
        """A group or array below a group, None if there is none. No link on the way is followed."""
        h5 = _h5py()
        found = group
        try:
            for name in path.split("/"):
                if not isinstance(found, h5.Group):
                    raise Damaged(f"{self.name}: {name!r} of {path!r} is in no group.")
                key = name.encode()
                if key in (b"", b".") or b"\0" in key or not found.id.links.exists(key):
                    return None
                link = found.id.links.get_info(key)
                if link.type != h5.h5l.TYPE_HARD:
                    raise Damaged(
                        f"{self.name}: {name!r} of {path!r} is a link to another place, which is "
                        "not followed."
                    )
                check_header(self._region, link.u)
                found = found[name]
            return found
        except (Damaged, MemoryError):
            raise
        except Exception as error:
            raise Damaged(f"{self.name} is damaged at {path!r} ({error}).") from None

    def address(self, group: Any) -> int:
        """Where a group lies in the file: the same for all its names."""
        return _h5py().h5o.get_info(group.id).addr

    def names(self, group: Any) -> list[str]:
        try:
            if len(group) > MOST_NAMES:
                raise Damaged(f"{self.name}: {group.name!r} has {len(group)} parts.")
            return [str(name) for name in group]
        except (Damaged, MemoryError):
            raise
        except Exception as error:
            raise Damaged(f"{self.name} is damaged ({error}).") from None

    def attribute(self, group: Any, name: str) -> Any:
        """An attribute of a group, None if there is none; at most as large as the file."""
        h5 = _h5py()
        try:
            if name not in group.attrs:
                return None
            found = group.attrs.get_id(name)
            kind = found.get_type()
            count = found.get_space().get_simple_extent_npoints()
            size = count * kind.get_size()
            if isinstance(kind, h5.h5t.TypeStringID) and kind.is_variable_str():
                address = h5.h5o.get_info(group.id).addr
                size += sum(text_lengths(self._region, address, name.encode(), count))
            elif found.dtype.kind not in "biufS":
                raise Damaged(
                    f"{self.name}: attribute {name!r} is no text, number or list of them."
                )
            if size > min(self._region.size, _MOST_ATTRIBUTE):
                raise Damaged(f"{self.name}: attribute {name!r} claims to have {size} bytes.")
            return group.attrs[name]
        except (Damaged, MemoryError):
            raise
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
        except (Damaged, MemoryError):
            raise
        except Exception as error:
            raise Damaged(f"{where} is damaged ({error}).") from None
        return found

    def read(
        self, dataset: Any, shape: tuple[int, ...] | None = None, into: np.ndarray | None = None
    ) -> np.ndarray:
        """The values, in ``into`` if it has their type; first the stored shape must be this one.

        Without ``shape``, what is read is at most what the file holds.
        """
        try:
            where = f"{self.name}: array {dataset.name!r}"
            stored = dataset.id.get_storage_size()
            if shape is not None and dataset.shape != shape:
                raise Damaged(f"{where} has shape {dataset.shape}, expected {shape}.")
            if stored > self._region.size or (stored < dataset.nbytes and dataset.chunks is None):
                raise Damaged(
                    f"{where} declares {dataset.nbytes} bytes, of which the file holds "
                    f"{min(stored, self._region.size)}."
                )
            if dataset.chunks is not None:
                return self._read_chunks(dataset, where, stored if shape is None else None)
            offset = dataset.id.get_offset()
            if offset is None:  # among the metadata, and small
                return dataset[()]
            if into is None or into.dtype != dataset.dtype or not into.flags.c_contiguous:
                into = np.empty(dataset.shape, dataset.dtype)
            if self._region.read_at(offset, into.reshape(-1).view(np.uint8)) != into.nbytes:
                raise Damaged(f"{where} is cut off.")
            return into
        except (Damaged, MemoryError):
            raise
        except Exception as error:
            raise Damaged(f"{self.name} is damaged ({error}).") from None

    def _blocks(self, dataset: Any, where: str) -> list[Any]:
        """Where the blocks of an array are."""
        found: list[Any] = []
        count = dataset.id.get_num_chunks()
        shape = zip(dataset.shape, dataset.chunks, strict=True)
        # Older versions of HDF5 search for each from the beginning.
        in_one_go = hasattr(dataset.id, "chunk_iter")
        most = min(math.prod(-(-n // m) for n, m in shape), 100_000 if in_one_go else 2000)
        if count > most:
            raise Damaged(f"{where} is stored in {count} blocks, expected at most {most}.")
        if in_one_go:
            dataset.id.chunk_iter(found.append)
        else:
            found = [dataset.id.get_chunk_info(i) for i in range(count)]
        return found

    def _read_chunks(self, dataset: Any, where: str, most: int | None) -> np.ndarray:
        """An array that is stored in blocks, each perhaps packed."""
        plan = dataset.id.get_create_plist()
        filters = [plan.get_filter(i) for i in range(plan.get_nfilters())]
        kinds = [kind for kind, *_ in filters]
        if kinds not in ([], [_GZIP], [_SHUFFLE, _GZIP], [_FLETCHER32], [_SHUFFLE, _FLETCHER32]):
            raise Damaged(f"{where} is packed in a way ({kinds}) that is not unpacked here.")
        size = dataset.dtype.itemsize * math.prod(dataset.chunks)
        if dataset.nbytes > (most if most is not None else dataset.nbytes) or size > max(
            2 * dataset.nbytes, 1 << 20
        ):
            raise Damaged(f"{where} declares {dataset.nbytes} bytes in blocks of {size}.")
        blocks = self._blocks(dataset, where)
        packed = size + size // 100 + 1000  # the most that packing can make of it
        if len(blocks) * size > 16 * dataset.nbytes + (1 << 20):
            raise Damaged(f"{where} of {dataset.nbytes} bytes is in {len(blocks)} of {size} bytes.")
        found = np.zeros(dataset.shape, dataset.dtype)
        count = 0
        for info in blocks:
            raw = bytearray(min(info.size, packed))
            if self._region.read_at(info.byte_offset, raw) != info.size:
                raise Damaged(f"{where} is cut off, or larger than what it is made of.")
            block = _unpacked(bytes(raw), kinds, info.filter_mask, size, dataset.dtype.itemsize)
            if len(block) != size:
                raise Damaged(f"{where} has a block of {len(block)} bytes, expected {size}.")
            place = tuple(map(slice, info.chunk_offset, np.add(info.chunk_offset, dataset.chunks)))
            target = found[place]
            part = np.frombuffer(block, dataset.dtype).reshape(dataset.chunks)
            target[...] = part[tuple(map(slice, target.shape))]
            if not target.size:
                raise Damaged(f"{where} has a block outside of it.")
            count += target.size
        if count != found.size:
            raise Damaged(f"{where} has {count} of {found.size} numbers.")
        return found


def _unpacked(block: bytes, kinds: list[int], skipped: int, size: int, width: int) -> bytes:
    """A block of an array as it was before these filters, of at most ``size`` bytes."""
    for place in reversed(range(len(kinds))):
        if skipped >> place & 1:
            continue
        if kinds[place] == _GZIP:
            block = zlib.decompressobj().decompress(block, size)
        elif kinds[place] == _FLETCHER32:
            block = block[:-4]
        else:
            block = np.frombuffer(block, np.uint8).reshape(width, -1).T.tobytes()
    return block


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

    def of_any_shape(self) -> dict[str, np.ndarray]:
        """All arrays; one that has several names is not there several times."""
        datasets = {name: self._reader.dataset(self._group, name) for name in self._names}
        if sum(dataset.nbytes for dataset in datasets.values()) > self._reader.size:
            raise Damaged(
                f"{self._reader.name}: the arrays at {self.path!r} are larger than the file."
            )
        return {name: self._reader.read(dataset) for name, dataset in datasets.items()}

    def read_all(self, like: Sequence[np.ndarray], into: bool = False) -> list[np.ndarray]:
        """The arrays "0", "1", ..., of the shapes of these, and in them where ``into`` is true."""
        datasets = [self._reader.dataset(self._group, str(i)) for i in range(len(like))]
        return [
            self._reader.read(dataset, array.shape, array if into else None)
            for dataset, array in zip(datasets, like, strict=True)
        ]


@contextmanager
def new_file(file: IO[bytes] | Region) -> Iterator[h5py.File]:
    """A new HDF5 file, written to an open file. An error of writing is raised as it was: HDF5 goes
    on after it, and raises what comes of that.
    """
    region = file if isinstance(file, Region) else Region(file)
    try:
        with _h5py().File(region, "w") as h5:
            yield h5
    except Exception:
        if region.failure is not None:
            raise region.failure from None
        raise
