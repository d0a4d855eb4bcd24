"""``tf.dtypes``: the types of numbers, as NumPy's dtypes; ``tf.string`` is the name "string"."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ... import ops
from ...promotion import dtype_named
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
_NUMBERED = {1: float32, 2: float64, 3: int32, 4: uint8, 6: int8, 9: int64, 10: bool}


def as_dtype(type_value: Any) -> Any:
    """The dtype of a name, or of TensorFlow's number for it, such as 1 for float32."""
    type_value = _NUMBERED.get(type_value, type_value)
    is_text = isinstance(type_value, str) and type_value == string
    return string if is_text else dtype_named(type_value)


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """The values in another dtype."""
    if isinstance(x, (builtins.bool, int, float, list, tuple)):
        return ops.convert_to_tensor(np.asarray(x, dtype))
    return ops.cast(x, dtype)


def __getattr__(name: str) -> Any:
    raise missing("tf.dtypes", name, __all__)
