"""Names of dtypes."""

from __future__ import annotations

from typing import Any

from .. import config
from .naming import suggest

__all__ = ["standardize_dtype"]

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
