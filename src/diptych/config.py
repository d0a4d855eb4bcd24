"""Settings of the whole process: the float type, epsilon, image layout, engine, threads.

The names and defaults are those of Keras. After `diptych.config.set_floatx("float64")`, everything
new is in double precision.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "backend",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "engine",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "num_threads",
    "set_engine",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_num_threads",
]

_FLOATX = ("float32", "float64")
_IMAGE_DATA_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True


def backend() -> str:
    """The name of the backend, as in Keras: always 'diptych'."""
    return "diptych"


def floatx() -> str:
    """The default float type, as a string: 'float32' unless set otherwise."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the float type of new variables, inputs and random numbers: 'float32' or 'float64'."""
    global _floatx
    if value not in _FLOATX:
        raise ValueError(
            f"set_floatx() got {value!r}; expected one of {', '.join(map(repr, _FLOATX))}: "
            "both engines compute in these two types only"
        )
    _floatx = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms away from zero; at first 1e-7."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small positive number that keeps divisions and logarithms away from zero."""
    global _epsilon
    value = float(value)
    if not value > 0.0:
        raise ValueError(
            f"set_epsilon() got {value!r}; expected a positive number, for instance 1e-7"
        )
    _epsilon = value


def image_data_format() -> str:
    """The default order of image axes; at first 'channels_last': batch, height, width, channels."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default order of image axes: 'channels_last' or 'channels_first'."""
    global _image_data_format
    data_format = str(data_format)
    if data_format not in _IMAGE_DATA_FORMATS:
        raise ValueError(
            f"set_image_data_format() got {data_format!r}; "
            f"expected one of {', '.join(map(repr, _IMAGE_DATA_FORMATS))}"
        )
    _image_data_format = data_format


def engine() -> str:
    """The name of the engine that runs here and now: 'fast' or 'reference'."""
    from . import engine as engines

    return engines.current().name


def set_engine(name: Any) -> None:
    """Set the engine of the whole process: 'fast' or 'reference'.

    A `with diptych.engine(...)` block and the `engine=` of a model take precedence.
    """
    from . import engine as engines

    engines.set_default(name)


def num_threads() -> int:
    """How many threads the fast engine may use."""
    from .fastcore.kernels import threads  # type: ignore[attr-defined]

    return threads.get_num_threads()


def set_num_threads(count: int | None) -> None:
    """Set how many threads the fast engine may use, 1 to 1024. The results do not depend on it.

    None: the default, `OMP_NUM_THREADS` or else the processors that the process may use. ValueError
    for anything else.
    """
    from .fastcore.kernels import threads  # type: ignore[attr-defined]

    threads.set_num_threads(count)


def enable_interactive_logging() -> None:
    """Write progress to standard output (the default)."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Write progress, and what callbacks and `summary` print, to the logger "diptych", at level
    INFO, instead of standard output.
    """
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress is written to standard output."""
    return _interactive_logging


def __dir__() -> list[str]:
    return sorted(__all__)
