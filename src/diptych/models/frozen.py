"""A model that is frozen as a whole after its ``compile`` trains what it was compiled to train.

A generative adversarial network is written so: the discriminator is compiled, then set to
``trainable=False``, then the generator is compiled with the discriminator behind it. The first
model trains the discriminator, the second one leaves it as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..tensor import Variable

if TYPE_CHECKING:
    from ..layers.layer import Layer


class TrainableFlags:
    """The ``trainable`` of all layers and variables of a model at its ``compile``."""

    def __init__(self, model: Any) -> None:
        self._layers: list[tuple[Layer, bool]] = [
            (layer, layer._trainable) for layer in model._flatten_layers()
        ]
        self._variables: list[tuple[Variable, bool]] = [
            (variable, variable.tracked) for variable in model.variables
        ]
        self.any_trained = any(flag for _, flag in self._variables)

    @contextlib.contextmanager
    def in_force(self) -> Iterator[list[Variable]]:
        """Within the block all is as it was at ``compile``; gives the variables to train."""
        layers = [(layer, layer._trainable) for layer, _ in self._layers]
        variables = [(variable, variable.tracked) for variable, _ in self._variables]
        try:
            _set(self._layers, self._variables)
            yield [variable for variable, flag in self._variables if flag]
        finally:
            _set(layers, variables)


def _set(layers: list[tuple[Layer, bool]], variables: list[tuple[Variable, bool]]) -> None:
    """Set flags without a change of `Structure.version`: they are set back at once."""
    for layer, flag in layers:
        object.__setattr__(layer, "_trainable", flag)
    for variable, flag in variables:
        variable.tracked = flag
