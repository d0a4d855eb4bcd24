"""``keras.backend``: the functions that Keras 1 and 2 called K, as thin names for ``diptych.ops``.

Values and defaults are those of Keras 2; gradients flow as through ``ops``. Scripts of today use
``keras.ops`` instead.
"""

from ..config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from ..utils.dtypes import result_type, standardize_dtype
from . import arrays, graphs, nn
from .arrays import *  # noqa: F403
from .graphs import *  # noqa: F403
from .nn import *  # noqa: F403


def is_float_dtype(dtype):
    """Whether a dtype, or its name, is one of floats."""
    return str(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype):
    """Whether a dtype, or its name, is one of integers."""
    return str(dtype).startswith(("int", "uint"))


def __getattr__(name):
    raise AttributeError(
        f"K.{name} is not among the functions of diptych.backend: diptych.ops has what Keras 3 "
        "offers in its place"
    )


__all__ = [
    "backend", "epsilon", "floatx", "image_data_format", "is_float_dtype", "is_int_dtype",
    "result_type", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype",
    *arrays.__all__, *graphs.__all__, *nn.__all__,
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
