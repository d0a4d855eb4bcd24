"""Trials: calls that are made to learn what a function returns, and that must leave no trace.

A layer with a ``call`` of its own is called on zeros to find the shape of its output. While a
``Trial`` is open, variables remember the values that they had, random numbers come from copies of
the generators, and no losses are added; when it closes, also by an error, all is as before. What a
``call`` does to plain Python attributes cannot be undone. Weights that are made during a trial are
made for good, and so are the random numbers that fill them: see ``for_good``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

# The trial that is open in this context, if any.
open_trial: ContextVar[Trial | None] = ContextVar("diptych_trial", default=None)


class Trial:
    """A ``with`` block after which variables and random generators are as they were before."""

    drops_losses = True  # those of ``add_loss``

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}
        self._generators: dict[Any, Any] = {}
        self._token: Token | None = None
        self.built: list[Any] = []  # the layers that were built in it

    def __enter__(self) -> Trial:
        self._token = open_trial.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            open_trial.reset(self._token)
        for variable, array in self._values.items():
            variable.array[...] = array

    def remember(self, variable: Any) -> None:
        """Keep the present values of a variable; called before it changes."""
        if variable not in self._values:
            self._values[variable] = variable.array.copy()

    def copy_of(self, generator: Any) -> Any:
        """The copy of a random generator that this trial draws from."""
        if generator not in self._generators:
            self._generators[generator] = copy.deepcopy(generator)
        return self._generators[generator]

    def defer(self, action: Callable[[], None]) -> bool:
        """Whether this is done later instead; a trial does it at once, and takes it back."""
        return False

    def restart(self, generator: Any, fresh: Any) -> None:
        """Draw from ``fresh`` instead of a copy from now on."""
        self._generators[generator] = fresh


def drops_losses() -> bool:
    """Whether a trial is open in which losses do not count."""
    trial = open_trial.get()
    return trial is not None and trial.drops_losses


@contextmanager
def for_good() -> Iterator[None]:
    """A block within a trial whose effects stay: making weights."""
    token = open_trial.set(None)
    try:
        yield
    finally:
        open_trial.reset(token)


__all__ = ["Trial", "drops_losses", "for_good", "open_trial"]
