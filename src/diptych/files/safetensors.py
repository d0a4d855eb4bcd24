"""safetensors files: a JSON header with names, types and places, and then nothing but numbers."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import IO, Any

import numpy as np

from .jsontext import MOST_JSON, parse_json
from .region import Damaged, Region, comparing
from .weights import Loading, states_of

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
_DTYPES = {name: np.dtype(code) for name, code in _TYPES.items()}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_CHECKSUM = "diptych_checksum"  # among the metadata, of all arrays: others do not look at it


def _named(model: Any) -> dict[str, Any]:
    """The weights by their places in the model: "layers/dense/vars/0"."""
    found: dict[str, Any] = {}
    for part, arrays in states_of(model):
        if not hasattr(part.thing, "learning_rate"):  # weights, not the optimizer's state
            prefix = f"{part.path}/vars/" if part.path else "vars/"
            found |= {f"{prefix}{name}": array for name, array in arrays.items()}
    return found


def write(file: IO[bytes], model: Any) -> None:
    """Write the weights of a model."""
    arrays = {name: np.ascontiguousarray(array) for name, array in _named(model).items()}
    told = {"format": "diptych", _CHECKSUM: str(_checksum_of(arrays.values()))}
    header: dict[str, Any] = {"__metadata__": told}
    at = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for array in arrays.values():
        file.write(array.reshape(-1).view(np.uint8).data)


def read(file: IO[bytes], name: str, model: Any, skip_mismatch: bool = False) -> None:
    """Read weights into a model; if anything is wrong, it stays as it was.

    Raises:
        Damaged: the file is damaged, or not of this model.
    """
    region = Region(file)
    header, begin = _header(region, name)
    told = header.pop("__metadata__", None)
    wanted = _named(model)
    missing = [key for key in wanted if key not in header]
    unknown = [key for key in header if key not in wanted]
    if (missing or unknown) and not skip_mismatch:
        raise Damaged(
            f"{name} holds the weights of another model: "
            + (f"it has no {missing[0]!r}." if missing else f"the model has no {unknown[0]!r}.")
        )
    entries = _entries(header, region.size - begin, name)
    loading = Loading(name)
    variables = {id(v.array): v for v in model.weights}
    region = Region(file, begin)
    with _comparing(told, region, name) as compare:
        for key, array in wanted.items():
            if key not in entries:
                continue
            dtype, shape, offset = entries[key]
            if shape != array.shape:
                if skip_mismatch:
                    warnings.warn(
                        f"{key!r} keeps its values: its shape is {array.shape}, in the file "
                        f"{shape}.",
                        stacklevel=3,
                    )
                    continue
                raise Damaged(f"{name}: {key!r} has shape {shape}, expected {array.shape}.")
            found = np.empty(shape, dtype)
            if region.read_at(offset, found.reshape(-1).view(np.uint8)) != found.nbytes:
                raise Damaged(f"{name} is cut off.")
            loading.add(variables[id(array)], found)
        compare()
    loading.finish()


def _checksum_of(arrays: Iterable[np.ndarray]) -> int:
    found = 0
    for array in arrays:
        found = zlib.crc32(array.reshape(-1).view(np.uint8).data, found)
    return found


def _comparing(told: Any, region: Region, name: str) -> AbstractContextManager:
    """See ``comparing``; files that others wrote have no checksum."""
    told = told.get(_CHECKSUM) if isinstance(told, dict) else None
    if told is None:
        return comparing(region, None, name)
    known = isinstance(told, str) and len(told) <= 10 and told.isdecimal()
    return comparing(region, int(told) if known else -1, name)  # -1 is that of no bytes


def _header(region: Region, name: str) -> tuple[dict[str, Any], int]:
    """The header, and where the first array begins."""
    start = bytearray(8)
    read = region.read_at(0, start)
    length = int.from_bytes(start, "little")
    if read < 8 or length > region.size - 8:
        raise Damaged(f"{name} is no safetensors file, or cut off.")
    if length > MOST_JSON:
        raise Damaged(f"{name} has a header of {length >> 20} MB.")
    text = bytearray(length)
    region.read_at(8, text)
    if not text.startswith(b"{"):
        raise Damaged(f"{name} is no safetensors file.")
    return parse_json(bytes(text), name), 8 + length


def _entries(
    header: dict[str, Any], size: int, name: str
) -> dict[str, tuple[np.dtype, tuple[int, ...], int]]:
    """Type, shape and place of each array. The arrays must follow one another and fill the file."""
    found, places = {}, []
    for key, entry in header.items():
        try:
            dtype = _DTYPES[entry["dtype"]]
            shape = tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        except (KeyError, TypeError, ValueError):
            raise Damaged(f"{name}: the entry of {key!r} cannot be read.") from None
        count = 1
        for n in shape if whole else ():
            count *= n
        if not whole or end - begin != count * dtype.itemsize:
            raise Damaged(f"{name}: {key!r} of shape {shape} does not lie at {begin}:{end}.")
        found[key] = dtype, shape, begin
        places.append((begin, end))
    at = 0
    for begin, end in sorted(places):
        if begin != at:
            raise Damaged(f"{name}: arrays overlap, or leave a hole, at byte {at}.")
        at = end
    if at != size:
        raise Damaged(f"{name} holds {size} bytes of arrays, its header names {at}.")
    return found
