"""The base of layers that wrap another layer."""

from __future__ import annotations

from typing import Any

from .layer import Layer
from .serialization import deserialize, serialize


class Wrapper(Layer):
    """Holds a layer. Subclasses define what to do with it.

    Shapes are those of the layer inside.

    Args:
        layer: the layer to be wrapped.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        must_be_a_layer(layer, type(self).__name__, "layer")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        return cls(**{**config, "layer": deserialize(config["layer"])})


def must_be_a_layer(layer: Any, owner: str, argument: str) -> None:
    """Raise a ValueError unless ``layer`` is a layer."""
    if not isinstance(layer, Layer):
        what = f"{layer!r} of type {type(layer).__name__}"
        if isinstance(layer, type):
            what = f"the class {layer.__name__}: call it"
        raise ValueError(f"{owner} needs a layer as `{argument}`, such as Dense(8); got {what}.")
