"""Rows that stay where they are until a batch needs them: in memory-mapped files, in HDF5 files,
and in sparse matrices.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import weakref
from typing import Any

import numpy as np

__all__ = ["Rows", "as_rows", "is_late", "read_late"]

BLOCK = 1 << 19  # bytes read at a time, so that they are in the cache when they are cast
RELEASE = 1 << 26  # bytes of a mapped file's pages after which they are given back
AROUND = 1 << 16  # bytes that the system maps around one that is read
PAGE = 1 << 12  # bytes of a row from which it is worth to be asked for alone


class Rows:
    """The rows of an array in memory, and the base class of those that are read late.

    A part of them, `rows[start:stop]`, is read late as well.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.shape: tuple[int, ...] = tuple(source.shape)
        self.dtype = np.dtype(source.dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> Rows:
        return type(self)(self.source[part])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.read(slice(None), self.dtype if dtype is None else dtype)

    def read(self, which: slice | np.ndarray, dtype: Any) -> np.ndarray:
        """The rows of a slice or of an array of numbers, in this dtype."""
        if isinstance(which, slice):
            return self.source[which].astype(dtype, copy=False)
        return gather(self.source, which).astype(dtype, copy=False)


def gather(array: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """array[numbers]; by `take` where that doesn't copy the whole array first."""
    plain = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
    return array.take(numbers, 0) if plain else array[numbers]


class MappedRows(Rows):
    """The rows of a memory-mapped file.

    They are read from the file itself, if that is sure to be the mapped one: each page of a map
    that is touched costs a page fault, and counts as memory of the process. Otherwise they are read
    through the map, whose pages are given back from time to time. Single rows are asked for all at
    once, so that the disk doesn't wait for the one before, and without the rows around them.
    """

    def __init__(self, source: np.ndarray) -> None:
        super().__init__(source)
        self._row = self.dtype.itemsize * math.prod(self.shape[1:])  # bytes
        root = _root_of(source)
        # What was written to a private copy ("c") is not in the file.
        shared = root is not None and root.mode in ("r", "r+", "w+")
        self._map = root.base if shared and hasattr(mmap, "MADV_DONTNEED") else None
        self._touched = 0  # bytes of the map's pages, about
        self._file: Any = _descriptor(root) if shared and source.flags.c_contiguous else None
        self._single = False  # whether the system expects single rows of the file
        if self._file is not None:
            weakref.finalize(self, os.close, self._file)
            self._start = root.offset + _address(source) - _address(root)

    def read(self, which: slice | np.ndarray, dtype: Any) -> np.ndarray:
        numbers = range(*which.indices(len(self))) if isinstance(which, slice) else which
        result = np.empty((len(numbers), *self.shape[1:]), dtype)
        step = max(1, BLOCK // max(1, self._row))
        get = self._through_map if self._file is None else self._from_file
        if self._file is not None and self._row >= PAGE and hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):  # where the file system takes no advice
                self._announce(numbers)
        for i in range(0, len(numbers), step):
            result[i : i + step] = get(numbers[i : i + step])
        return result

    def _announce(self, numbers: range | np.ndarray) -> None:
        """Tell the system which rows of the file will be read."""
        rows = [] if isinstance(numbers, range) else numbers.tolist()
        single = bool(rows)
        if single != self._single:
            advice = os.POSIX_FADV_RANDOM if single else os.POSIX_FADV_NORMAL
            os.posix_fadvise(self._file, 0, 0, advice)
            self._single = single
        for number in rows:
            place = self._start + number * self._row
            os.posix_fadvise(self._file, place, self._row, os.POSIX_FADV_WILLNEED)

    def _from_file(self, numbers: range | np.ndarray) -> np.ndarray:
        block = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        raw = block.reshape(-1).view(np.uint8)
        parts: Any = [(raw, numbers[0])]
        if not isinstance(numbers, range):
            parts = zip(raw.reshape(len(numbers), self._row), numbers.tolist(), strict=True)
        for part, number in parts:
            if os.preadv(self._file, [part], self._start + number * self._row) != part.nbytes:
                raise OSError(f"The memory-mapped file ends before its row {number}.")
        return block

    def _through_map(self, numbers: range | np.ndarray) -> np.ndarray:
        if isinstance(numbers, range):
            self._touched += self._row * len(numbers)
            block = self.source[numbers.start : numbers.stop].copy()
        else:
            self._touched += (self._row + AROUND) * len(numbers)
            block = gather(self.source, numbers)
        if self._map is not None and self._touched >= RELEASE:
            self._map.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return block


def _root_of(array: Any) -> Any:
    """The np.memmap of a whole file, of which an array is a part; None if there is none."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            return array
        array = array.base
    return None


def _descriptor(root: Any) -> int | None:
    """A descriptor of a mapped file; None if another one has its name now, or that is not known."""
    try:
        file = os.open(root.filename, os.O_RDONLY)
    except (OSError, TypeError):
        return None
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            addresses, _, _, _, number, *_ = line.split()
            start, stop = (int(address, 16) for address in addresses.split("-"))
            if start <= _address(root) < stop and int(number) == os.fstat(file).st_ino:
                return file
    os.close(file)
    return None


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _is_mapped(array: Any) -> bool:
    """Whether an array is memory-mapped."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


class SparseRows(Rows):
    """The rows of a scipy.sparse matrix, dense in each batch."""

    def __init__(self, source: Any) -> None:
        super().__init__(source.tocsr())

    def read(self, which: slice | np.ndarray, dtype: Any) -> np.ndarray:
        return np.asarray(self.source[which].toarray(), dtype)


class FileRows(Rows):
    """The rows of a dataset in an HDF5 file, or of another array in chunks (zarr, dask)."""

    def __init__(self, source: Any, start: int = 0, stop: int | None = None) -> None:
        super().__init__(source)
        self.start, stop, _ = slice(start, stop).indices(len(self))
        self.shape = (stop - start, *self.shape[1:])

    def __getitem__(self, part: slice) -> Rows:
        start, stop, _ = part.indices(len(self))
        return FileRows(self.source, self.start + start, self.start + stop)

    def read(self, which: slice | np.ndarray, dtype: Any) -> np.ndarray:
        if isinstance(which, slice):
            start, stop, _ = which.indices(len(self))
            return np.asarray(self.source[self.start + start : self.start + stop], dtype)
        result = np.empty((len(which), *self.shape[1:]), dtype)
        order = np.argsort(which)  # as they are in the file
        if hasattr(self.source, "read_direct"):  # h5py, which is slow with many numbers at once
            for i in order:
                result[i] = self.source[self.start + int(which[i])]
        else:
            result[order] = self.source[self.start + which[order]]
        return result


def read_late(data: Any) -> Rows | None:
    """The rows of data that are neither in memory nor dense; None for anything else."""
    if isinstance(data, Rows):
        return data
    if hasattr(data, "tocsr") and len(data.shape) == 2:
        return SparseRows(data)
    in_chunks = hasattr(data, "chunks") and hasattr(data, "shape") and hasattr(data, "dtype")
    if in_chunks and data.shape and getattr(data.dtype, "kind", "") in "biuf":
        return FileRows(data)
    return None


def is_late(data: Any) -> bool:
    """Whether an array, or what `read_late` returned, is not in memory."""
    return isinstance(data, Rows) or _is_mapped(data)


def as_rows(data: Any) -> Rows:
    """An array, or what `read_late` returned, as rows."""
    if isinstance(data, Rows):
        return data
    return MappedRows(data) if _is_mapped(data) else Rows(data)
