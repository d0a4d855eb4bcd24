"""``tf.compat.v1``: what Keras scripts use of TensorFlow 1.

Values are computed at once, so there is nothing for a session to do.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ....backend import Session
from ....layers import Input
from ....utils import clear_session
from ..random import set_seed

__all__ = [
    "ConfigProto", "GPUOptions", "InteractiveSession", "Session", "disable_eager_execution",
    "disable_v2_behavior", "enable_eager_execution", "get_default_graph",
    "get_default_session", "global_variables_initializer", "initialize_all_variables", "logging",
    "placeholder", "reset_default_graph", "set_random_seed",
]  # fmt: skip

TODAY: Any = None  # `tf`, which puts itself here
InteractiveSession = Session


class ConfigProto(SimpleNamespace):
    """Settings of a session, without effect."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"gpu_options": GPUOptions(), **kwargs})


class GPUOptions(SimpleNamespace):
    """Settings of GPUs, without effect."""


class Graph:
    """What TensorFlow 1 recorded operations in: a context manager without effect."""

    def as_default(self) -> Graph:
        """The graph itself, for `with`."""
        return self

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None


_graph = Graph()


def get_default_graph() -> Graph:
    """A graph, for `with graph.as_default():`."""
    return _graph


def reset_default_graph() -> None:
    """Start automatic names from the beginning."""
    clear_session()


def get_default_session() -> Session:
    """A session."""
    return Session()


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Any:
    """A symbolic tensor, to be fed in ``Session.run``; the shape includes the batch."""
    return Input(batch_shape=tuple(shape or (None,)), dtype=str(dtype), name=name)


def global_variables_initializer() -> None:
    """Nothing: variables have their first values from the start."""


initialize_all_variables = global_variables_initializer


def set_random_seed(seed: int) -> None:
    """Seed diptych's generator."""
    set_seed(seed)


def enable_eager_execution(*args: Any, **kwargs: Any) -> None:
    """Nothing: operations always run at once."""


disable_eager_execution = disable_v2_behavior = enable_eager_execution


class logging:  # noqa: N801 - TensorFlow's name
    """TensorFlow's log, to which nothing is written here."""

    DEBUG, INFO, WARN, WARNING, ERROR, FATAL = 10, 20, 30, 30, 40, 50

    @staticmethod
    def set_verbosity(level: Any) -> None:
        """Nothing: there are no messages."""


def __getattr__(name: str) -> Any:
    """All else is as in ``tf``, today's names."""
    return getattr(TODAY, name)
