"""What a model that is made for a file may need: its weights have a limit, and no values yet."""

from __future__ import annotations

import math
from contextvars import ContextVar

import numpy as np

OBJECT = 4096  # bytes of a layer or variable beside its values, at least


class Budget:
    """How much memory the model may take: what the file can fill, and a little more."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take_variable(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
            raise ValueError(f"The model in the file has a weight {name!r} of shape {shape}.")
        size = math.prod(shape) * dtype.itemsize
        self.take(size + OBJECT, f"{name!r} of shape {shape} is too large, or one too many")

    def take(self, size: int, what: str) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError(f"The file is too small for the model in it: {what}.")


def charge(size: int, what: str) -> None:
    """Say that so many bytes are about to be needed, because a configuration asks for them."""
    budget = from_file.get()
    if budget is not None:
        budget.take(size, what)


from_file: ContextVar[Budget | None] = ContextVar("diptych_from_file", default=None)
