"""Weights of a model that is made for a file: they need no values yet, and have a limit."""

from __future__ import annotations

from contextvars import ContextVar


class Budget:
    """How many bytes of weights a model that is made for a file may have: what the file holds."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int, name: str, shape: tuple[int, ...]) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError(
                f"The model in the file would have a weight {name!r} of shape {shape}, for which "
                "the file is too small."
            )


from_file: ContextVar[Budget | None] = ContextVar("diptych_from_file", default=None)
