"""``tf.dtypes``: the types of numbers, as NumPy's dtypes; ``tf.string`` is the name "string"."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ... import ops
from ._names import missing

__all__ = [
    "as_dtype", "bool", "cast", "double", "float16", "float32", "float64", "half", "int8", "int16",
    "int32", "int64", "string", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
uint8 = np.dtype("uint8")
uint16 = np.dtype("uint16")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
bool = np.dtype("bool")
string = "string"


def as_dtype(type_value: Any) -> Any:
    """The dtype of a name."""
    return string if isinstance(type_value, str) and type_value == string else np.dtype(type_value)


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """The values in another dtype."""
    if isinstance(x, (builtins.bool, int, float, list, tuple)):
        return ops.convert_to_tensor(np.asarray(x, dtype))
    return ops.cast(x, dtype)


def __getattr__(name: str) -> Any:
    raise missing("tf.dtypes", name, __all__)
