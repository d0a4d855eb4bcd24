"""What the calls going on in this context share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# The `training` argument of the outermost call in this context; layers called inside it inherit it.
training_now: ContextVar[Any] = ContextVar("diptych_training", default="outside")

# Called instead of recording a symbolic call of a layer: `follow(layer, args, kwargs)`; set while a
# model is exported.
following: ContextVar[Callable | None] = ContextVar("diptych_following", default=None)


def current_training() -> Any:
    """The `training` argument of the outermost call going on; None outside of one."""
    training = training_now.get()
    return None if training == "outside" else training


@contextmanager
def training_is(training: bool) -> Iterator[None]:
    """A block whose calls of layers inherit this `training`."""
    token = training_now.set(training)
    try:
        yield
    finally:
        training_now.reset(token)


__all__ = ["current_training", "following", "training_is", "training_now"]
