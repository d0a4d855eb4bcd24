"""Dtypes: what a name stands for, and in which one several are computed together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from . import config

__all__ = ["dtype_named", "integers_together"]

_OF_PYTHON = {bool: "bool", int: "int32", float: "float32", complex: "complex64", "int": "int32"}
NAMES = (
    "bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex64 "
    "complex128"
).split()
_named: dict[Any, np.dtype] = {name: np.dtype(name) for name in NAMES}


def dtype_named(dtype: Any) -> np.dtype:
    """The dtype of arrays for a dtype argument: a name, a type of Python's or NumPy's, or None for
    the configured float type. bfloat16, which NumPy has not, is float32, with a note.

    Raises:
        ValueError: no array of numbers has this dtype.
    """
    if dtype is None:
        dtype = config.floatx()
    if isinstance(dtype, str) and dtype in _named:
        return _named[dtype]
    try:
        name = _OF_PYTHON.get(dtype, dtype)
    except TypeError:  # not hashable
        name = dtype
    name = getattr(name, "name", None) or getattr(name, "__name__", None) or str(name)
    name = name.rpartition(".")[2]  # "torch.float32"
    if name == "bfloat16":
        warnings.warn(
            "bfloat16 is computed and kept in float32: NumPy has no such numbers, and half "
            "precision gains nothing on a CPU.",
            stacklevel=1,  # this line, so that it is shown once
        )
        name = "float32"
    if name not in _named:
        raise ValueError(f"{dtype!r} is no dtype of numbers; expected one of {', '.join(NAMES)}")
    return _named[name]


def integers_together(*dtypes: np.dtype) -> np.dtype:
    """The dtype in which integers and bools of these dtypes are computed.

    NumPy's, but for Keras's two rules: uint32 with signed integers of up to 32 bits gives int32,
    and uint64 with signed integers the configured float type.
    """
    dtype = np.result_type(*dtypes)
    if dtype.kind == "f":
        return np.dtype(config.floatx())
    if dtype == np.int64 and all(np.dtype(one).itemsize <= 4 for one in dtypes):
        return np.dtype(np.int32)
    return dtype
