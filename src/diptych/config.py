"""Settings of the whole process: the float type, epsilon, image layout, engine, threads.

The names and defaults are those of Keras. After `diptych.config.set_floatx("float64")`, everything
new is in double precision.
"""

from __future__ import annotations

from typing import Any

from .dtype_policies import dtype_policy, follow_floatx, set_dtype_policy

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "engine",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "is_unsafe_deserialization_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "num_threads",
    "set_backend",
    "set_dtype_policy",
    "set_engine",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "set_num_threads",
]

_FLOATX = ("float32", "float64")
_IMAGE_DATA_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True
_traceback_filtering = True
_unsafe_deserialization = False
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None


def backend() -> str:
    """The name of the backend, as in Keras: always 'diptych'."""
    return "diptych"


def floatx() -> str:
    """The default float type, as a string: 'float32' unless set otherwise."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the float type of new variables, inputs and random numbers: 'float32' or 'float64'.

    Args:
        value: the name of the dtype.
    """
    global _floatx
    if value not in _FLOATX:
        raise ValueError(
            f"set_floatx() got {value!r}; expected one of {', '.join(map(repr, _FLOATX))}: "
            "both engines compute in these two types only"
        )
    _floatx = value
    follow_floatx(value)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms away from zero; at first 1e-7."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small positive number that keeps divisions and logarithms away from zero.

    Args:
        value: the number; 1e-7 by default.
    """
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
    """Set the default order of image axes: 'channels_last' or 'channels_first'.

    Args:
        data_format: one of the two.
    """
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

    None: the default, `OMP_NUM_THREADS` or else the processors that the process may use; no more
    than these ever work at the same time. ValueError for anything else.

    Args:
        count: how many, or None.
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


def max_epochs() -> int | None:
    """The most epochs that `fit` trains, whatever it is told; None for no limit."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to try out a script; None: no limit.

    Args:
        max_epochs: how many at most, or None.
    """
    global _max_epochs
    _max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most batches of an epoch in `fit`, `evaluate` and `predict`; None for no limit."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every epoch, evaluation and prediction; None: no limit.

    Args:
        max_steps_per_epoch: how many at most, or None.
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name}={value!r}; expected a whole number of at least 1, or None")
    return value


def set_backend(backend: str) -> None:
    """Refuse any backend but "diptych", which is the only one.

    Raises:
        ValueError: it is another one.
    """
    if backend != "diptych":
        raise ValueError(
            f"set_backend() got {backend!r}; diptych computes by itself, on one of its two "
            "engines: config.set_engine('fast') or config.set_engine('reference')"
        )


def enable_flash_attention() -> None:
    """Accepted for Keras's sake: the layers of attention choose by themselves how to compute."""


def disable_flash_attention() -> None:
    """Accepted for Keras's sake: the layers of attention choose by themselves how to compute."""


def is_flash_attention_enabled() -> bool:
    """Always False: Keras means a kernel of another framework by it."""
    return False


def is_nnx_enabled() -> bool:
    """Always False: there is no Flax here."""
    return False


def enable_traceback_filtering() -> None:
    """Remember the wish; tracebacks are complete here all the same, and errors name the layer."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Undo `enable_traceback_filtering`."""
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """What was wished for last; at first True, as in Keras."""
    return _traceback_filtering


def enable_unsafe_deserialization() -> None:
    """Let every configuration make Python lambdas from now on, which is code, where `safe_mode`
    does not say otherwise: `load_model` keeps its own.
    """
    global _unsafe_deserialization
    _unsafe_deserialization = True


def is_unsafe_deserialization_enabled() -> bool:
    """Whether `enable_unsafe_deserialization` was called."""
    return _unsafe_deserialization


def __dir__() -> list[str]:
    return sorted(__all__)
