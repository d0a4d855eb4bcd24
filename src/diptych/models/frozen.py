"""A model that is frozen as a whole after its ``compile`` trains what it was compiled to train.

A generative adversarial network is written so: the discriminator is compiled, then set to
``trainable=False``, then the generator is compiled with the discriminator behind it. The first
model trains the discriminator, the second one leaves it as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..legacy import note
from ..tensor import Variable

if TYPE_CHECKING:
    from ..layers.layer import Layer


_AS_THEY_ARE = contextlib.nullcontext()


class TrainableFlags:
    """The ``trainable`` of all layers and variables of a model at its ``compile``."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._layers: list[tuple[Layer, bool]] = [
            (layer, layer._trainable) for layer in model._flatten_layers()
        ]
        self._variables: list[tuple[Variable, bool]] = [
            (variable, variable.tracked) for variable in model.weights
        ]
        self._unbuilt = not self._variables and not model.built
        self._lists: Any = None  # the model's cached lists while these flags are in force
        self._any_trained = bool(model.trainable_variables) or self._unbuilt and model.trainable

    def in_force(self) -> contextlib.AbstractContextManager[None]:
        """A block in which a model that was frozen as a whole since its ``compile`` trains what it
        trained then.
        """
        model = self._model
        frozen_since = (
            self._any_trained
            and not model.trainable_variables
            and (model.weights or not model.trainable)  # else there are no weights yet
            and (self._variables or any(layer._trainable != flag for layer, flag in self._layers))
        )
        return self._forced() if frozen_since else _AS_THEY_ARE

    @contextlib.contextmanager
    def _forced(self) -> Iterator[None]:
        note(
            "trainable = False",
            "after compile(): the model still trains what it was compiled to train, as in "
            "Keras 1 and 2; Keras 3 trains nothing then",
            f"Model {self._model.name!r}",
        )
        if self._unbuilt and self._model.weights:
            self._variables = [
                (variable, flag and not variable.is_state)
                for layer, flag in self._layers
                for variable in layer._own
            ]
            self._unbuilt = False
        layers = [(layer, layer._trainable) for layer, _ in self._layers]
        variables = [(variable, variable.tracked) for variable, _ in self._variables]
        lists = self._model._lists
        try:
            self._set(self._layers, self._variables, self._lists)
            yield
        finally:
            self._lists = self._model._lists
            self._set(layers, variables, lists)

    def _set(
        self,
        layers: list[tuple[Layer, bool]],
        variables: list[tuple[Variable, bool]],
        lists: Any,
    ) -> None:
        """Set flags without a change of `Structure.version`: they are set back at once."""
        for layer, flag in layers:
            object.__setattr__(layer, "_trainable", flag)
        for variable, flag in variables:
            variable.tracked = flag
        object.__setattr__(self._model, "_lists", lists)
