"""Calls that leave no trace in variables: they take the values, and return the new ones.

A layer or metric changes its variables in place. The functions named ``stateless_...`` are the same
computations as functions in the sense of mathematics: the values of all variables go in, and the
new values come out, while the variables themselves stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .tensor import Tensor, Variable
from .trial import Trial

__all__ = ["StatelessScope", "check_values", "values_of"]


class StatelessScope(Trial):
    """A ``with`` block in which variables have other values, and after which they have their own.

    Args:
        state_mapping: pairs (variable, value): what the variables are within the block.
        collect_losses: whether ``losses`` collects the losses given to ``add_loss``.
        initialize_variables: accepted for Keras's sake; variables have values from the start.

    Raises:
        ValueError: a pair does not start with a variable, or its value has another shape.

    What the block assigns to a variable is there for ``get_current_value``, also after the block.
    """

    drops_losses = False

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        super().__init__()
        self.collect_losses = collect_losses
        self.losses: list[Any] = []
        self._given = [(v, np.asarray(value)) for v, value in state_mapping or ()]
        for variable, value in self._given:
            if not isinstance(variable, Variable):
                raise ValueError(
                    "state_mapping takes pairs (variable, value), but one begins with "
                    f"{variable!r:.60} of type {type(variable).__name__}."
                )
            if value.shape != variable.shape:
                raise ValueError(
                    f"state_mapping gives {variable.path!r} of shape {variable.shape} a value of "
                    f"shape {value.shape}."
                )
        self._after: dict[Variable, Tensor] = {}
        self._is_open = False

    def __enter__(self) -> StatelessScope:
        super().__enter__()
        self._is_open = True
        for variable, value in self._given:
            variable.assign(value)
        return self

    def __exit__(self, *exc_info: object) -> None:
        changed = [*self._values, *(variable for variable, _ in self._given)]
        self._after = {variable: _copy(variable) for variable in changed}
        self._is_open = False
        super().__exit__(*exc_info)

    def get_current_value(self, variable: Variable) -> Tensor | None:
        """The value of a variable in the block; None if the block neither gave nor changed it."""
        if not self._is_open:
            return self._after.get(variable)
        known = variable in self._values or any(variable is given for given, _ in self._given)
        return _copy(variable) if known else None

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Give a variable a value: ``update`` is a pair (variable, value)."""
        variable, value = update
        variable.assign(value)

    def add_loss(self, loss: Any) -> None:
        """Keep a loss in ``losses``, if they are collected."""
        if self.collect_losses:
            self.losses.append(loss)


def values_of(variables: Iterable[Variable]) -> list[Tensor]:
    """Copies of the values of variables."""
    return [_copy(variable) for variable in variables]


def _copy(variable: Variable) -> Tensor:
    return Tensor(variable.array.copy())


def check_values(
    owner: Any, argument: str, values: Sequence[Any], variables: Sequence[Variable]
) -> list[tuple[Variable, Any]]:
    """Pairs of variables and their values; ValueError unless there is one for each.

    owner: whose variables they are; argument: the name of ``values``, for the error.
    """
    if len(values) != len(variables):
        raise ValueError(
            f"{type(owner).__name__} {owner.name!r}: `{argument}` takes one value for each of "
            f"{len(variables)} variables, in their order, but got {len(values)}. The variables "
            f"are {[f'{v.path} {v.shape}' for v in variables]}."
        )
    return list(zip(variables, values, strict=True))
