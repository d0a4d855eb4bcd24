"""What Keras scripts use of TensorFlow: ``import tensorflow as tf`` under `diptych run`.

`tf.keras` is diptych. The other names are thin ones for `diptych.ops`, `diptych.random` and plain
Python; gradients flow through them as through `ops`. A name that is not here raises an error that
says what there is.
"""

from __future__ import annotations

import builtins
import logging as _logging
import sys
from contextlib import nullcontext
from importlib import import_module
from typing import Any

from ...backend import Session, name_scope
from . import compat as compat
from . import config, data, dtypes, image, linalg, math, nn, random
from ._names import missing
from .arrays import *  # noqa: F403
from .arrays import __all__ as _arrays
from .dtypes import *  # noqa: F403
from .dtypes import __all__ as _dtypes
from .linalg import einsum, eye, matmul, tensordot
from .math import *  # noqa: F403
from .math import __all__ as _math

__version__ = "2.16.0"  # the first with Keras 3, whose names diptych has
newaxis = None


class version:  # noqa: N801 - TensorFlow's name
    """The version that scripts compare with."""

    VERSION = __version__


class test:  # noqa: N801 - TensorFlow's name
    """What there is: no GPU."""

    @staticmethod
    def is_gpu_available(*args: Any, **kwargs: Any) -> builtins.bool:
        """False."""
        return False

    @staticmethod
    def is_built_with_cuda() -> builtins.bool:
        """False."""
        return False

    @staticmethod
    def gpu_device_name() -> str:
        """An empty string: there is no GPU."""
        return ""


class Strategy:
    """Training on this one machine: ``with strategy.scope():`` has no effect."""

    num_replicas_in_sync = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The devices do not matter: there is one."""

    def scope(self) -> Any:
        """A context manager without effect."""
        return nullcontext(self)


class distribute:  # noqa: N801 - TensorFlow's name
    """Strategies, all of them for one machine."""

    MirroredStrategy = OneDeviceStrategy = Strategy

    @staticmethod
    def get_strategy() -> Any:
        """The strategy in force."""
        return Strategy()


class autograph:  # noqa: N801 - TensorFlow's name
    """Functions are run as they are."""

    class experimental:  # noqa: N801 - TensorFlow's name
        """Decorators without effect."""

        @staticmethod
        def do_not_convert(func: Any = None) -> Any:
            """The function itself."""
            return func

    @staticmethod
    def set_verbosity(level: int) -> None:
        """Nothing: there are no messages."""


def device(device_name: Any) -> Any:
    """A context manager without effect: there is one device."""
    return nullcontext()


def executing_eagerly() -> builtins.bool:
    """True: operations always run at once."""
    return True


def print(*inputs: Any, sep: str = " ", end: str = "\n", **kwargs: Any) -> None:
    """Print values."""
    builtins.print(*[getattr(x, "array", x) for x in inputs], end=end, sep=sep)


def get_logger() -> _logging.Logger:
    """A logger, to which nothing is written."""
    return _logging.getLogger("tensorflow")


# Names of Keras's modules in `tf`, and what TensorFlow 1 had in `tf` itself.
_OF_KERAS = {"keras": "diptych"} | {
    name: f"diptych.{name}" for name in ("initializers", "losses", "metrics", "optimizers")
}
_INITIALIZERS = {
    "constant_initializer": "Constant",
    "ones_initializer": "Ones",
    "random_normal_initializer": "RandomNormal",
    "random_uniform_initializer": "RandomUniform",
    "zeros_initializer": "Zeros",
}
_OF_V1 = frozenset(compat.v1.__all__)
compat.TODAY = compat.v1.TODAY = sys.modules[__name__]

__all__ = [
    "Session", "autograph", "compat", "config", "data", "device", "distribute", "dtypes", "einsum",
    "executing_eagerly", "eye", "get_logger", "image", "linalg", "math", "matmul", "name_scope",
    "newaxis", "nn", "print", "random", "tensordot", "test", "version", *_arrays,
    *_dtypes, *_math,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _OF_KERAS:
        return import_module(_OF_KERAS[name])
    if name in _INITIALIZERS:
        return getattr(import_module("diptych.initializers"), _INITIALIZERS[name])
    if name in _OF_V1:
        return getattr(compat.v1, name)
    raise missing("tf", name, [*__all__, *_OF_KERAS, *_INITIALIZERS])
