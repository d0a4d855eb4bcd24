"""Names of dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from ..promotion import integers_together
from .naming import suggest

__all__ = ["result_type", "standardize_dtype"]

_OF_PYTHON = {
    bool: "bool",
    int: "int32",
    float: "float32",
    str: "string",
    complex: "complex64",
    "int": "int32",
}
_NAMES = (
    "bool float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "string complex64 complex128 float8_e4m3fn float8_e5m2"
).split()


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype, "float32" for ``np.float32`` or ``np.dtype("f4")``.

    Python's own types are "float32", "int32", "bool" and "string"; None is the configured float
    type. The names are those that Keras knows; which of them diptych computes in is another matter.

    Raises:
        ValueError: it is the name of none.
    """
    if dtype is None:
        return config.floatx()
    try:
        name = _OF_PYTHON.get(dtype, dtype)
    except TypeError:  # not hashable
        name = dtype
    name = getattr(name, "name", None) or getattr(name, "__name__", None) or str(name)
    name = name.rpartition(".")[2]  # "torch.float32"
    if name not in _NAMES:
        raise ValueError(
            f"{dtype!r} is no dtype{suggest(name, _NAMES)}; expected one of {', '.join(_NAMES)}"
        )
    return name


def result_type(*dtypes: Any) -> str:
    """The name of the dtype in which values of these dtypes are computed together.

    Python's ``int``, ``float`` and ``bool`` stand for plain numbers, which take the dtype of their
    kind that is there; None is the configured float type. float16 and bfloat16 give float32, and
    uint64 with a signed integer the float type.

    Raises:
        ValueError: one of them is no dtype of numbers.
    """
    numbers = {dtype for dtype in dtypes if dtype in (int, float)}
    names = {standardize_dtype(dtype) for dtype in dtypes if dtype not in (int, float)}
    odd = sorted(name for name in names if name == "string" or name.startswith("float8"))
    if odd:
        raise ValueError(f"{odd[0]!r} does not mix with other dtypes: cast it to another one first")
    halves = names & {"float16", "bfloat16"}
    floats = {name for name in names if "float" in name or name.startswith("complex")}
    if floats == {"bfloat16"}:
        return "bfloat16"
    if len(halves) == 2 or (halves and floats > halves):
        floats = floats - halves | {"float32"}
    if floats:
        return np.result_type(*floats).name
    if float in numbers or not dtypes:
        return config.floatx()
    if int in numbers and names <= {"bool"}:
        return "int32"
    return integers_together(*map(np.dtype, names)).name
