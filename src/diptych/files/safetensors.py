"""safetensors files: a JSON header with names, types and places, and then nothing but numbers."""

from __future__ import annotations

import json
import warnings
from typing import IO, Any

import numpy as np

from .hdf5 import Damaged
from .weights import Loading, parse_json, states_of

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
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_MOST_HEADER = 100 << 20  # bytes


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
    header: dict[str, Any] = {"__metadata__": {"format": "diptych"}}
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
    entries, begin = _header(file, name)
    wanted = _named(model)
    missing = [key for key in wanted if key not in entries]
    unknown = [key for key in entries if key not in wanted]
    if (missing or unknown) and not skip_mismatch:
        raise Damaged(
            f"{name} holds the weights of another model: "
            + (f"it has no {missing[0]!r}." if missing else f"the model has no {unknown[0]!r}.")
        )
    loading = Loading(name)
    variables = {id(v.array): v for v in model.variables}
    for key, array in wanted.items():
        if key not in entries:
            continue
        dtype, shape, offset = entries[key]
        if shape != array.shape:
            if skip_mismatch:
                warnings.warn(
                    f"{key!r} keeps its values: its shape is {array.shape}, in the file {shape}.",
                    stacklevel=3,
                )
                continue
            raise Damaged(f"{name}: {key!r} has shape {shape}, expected {array.shape}.")
        file.seek(begin + offset)
        content = file.read(array.size * dtype.itemsize)
        loading.add(variables[id(array)], np.frombuffer(content, dtype).reshape(shape))
    loading.finish()


def _header(
    file: IO[bytes], name: str
) -> tuple[dict[str, tuple[np.dtype, tuple[int, ...], int]], int]:
    """Type, shape and place of each array, and where the first begins. The arrays must follow one
    another and fill the file.
    """
    size = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_MOST_HEADER, size - 8):
        raise Damaged(f"{name} is no safetensors file, or cut off.")
    text = file.read(length)
    if not text.startswith(b"{"):
        raise Damaged(f"{name} is no safetensors file.")
    header = parse_json(text, name)
    header.pop("__metadata__", None)
    found = {}
    for key, entry in header.items():
        try:
            dtype = np.dtype(_TYPES[entry["dtype"]])
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
    at = 0
    for dtype, shape, begin in sorted(found.values(), key=lambda entry: entry[2]):
        if begin != at:
            raise Damaged(f"{name}: arrays overlap, or leave a hole, at byte {at}.")
        at += dtype.itemsize * int(np.prod(shape, dtype=object))
    if at != size - 8 - length:
        raise Damaged(f"{name} holds {size - 8 - length} bytes of arrays, its header names {at}.")
    return found, 8 + length
