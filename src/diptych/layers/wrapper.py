"""The base of layers that hold another layer and change what it does."""

from __future__ import annotations

from typing import Any

from .layer import Layer


class Wrapper(Layer):
    """Holds a layer. What it does with it is said by the class that inherits from this one.

    Args:
        layer: the layer to be wrapped.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{type(self).__name__} wraps a layer, such as Dense(8); got {layer!r} of type "
                f"{type(layer).__name__}."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        self.built = True

    def get_config(self) -> dict[str, Any]:
        from . import serialize

        return {**super().get_config(), "layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Wrapper:
        from . import deserialize

        return cls(**{**config, "layer": deserialize(config["layer"])})


__all__ = ["Wrapper"]
