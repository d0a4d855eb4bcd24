"""Pipeline: layers one after the other, as one layer."""

from __future__ import annotations

from typing import Any

from .layer import Layer
from .serialization import deserialize, serialize
from .signatures import takes
from .wrapper import must_be_a_layer


class Pipeline(Layer):
    """Applies layers one after the other, such as those that change images before training.

    It is a layer and no model; each layer gets what the one before returns, be it a tensor or a
    dict of images and labels. Shapes and dtypes are those of the first and of the last layer.

    Args:
        layers: a list of layers.
    """

    def __init__(self, layers: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)):
            raise ValueError(f"Pipeline needs a list of layers; got {layers!r}.")
        for layer in layers:
            must_be_a_layer(layer, "Pipeline", "layers")
        self._pipeline_layers = layers

    @property
    def layers(self) -> Any:
        """The layers, in their order."""
        return self._pipeline_layers

    def _as_input(self, x: Any) -> Any:
        return x  # the first layer knows what it takes

    def call(self, inputs: Any, training: Any = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            options = {}
            if mask is not None and takes(type(layer), "mask"):
                options["mask"] = mask
            if training is not None and takes(type(layer), "training"):
                options["training"] = training
            inputs, mask = layer(inputs, **options), None  # a mask goes on with its tensor
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self._pipeline_layers:
            input_shape = layer.output_shape_for(input_shape)
        return input_shape

    def compute_output_spec(self, inputs: Any, training: Any = True, mask: Any = None) -> Any:
        return self.call(inputs, training, mask)  # which builds the layers as well

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "layers": [serialize(layer) for layer in self._pipeline_layers]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(
                "The configuration of a Pipeline has a list of layers under 'layers'; got "
                f"{layers!r}."
            )
        return cls(**{**config, "layers": [deserialize(layer) for layer in layers]})
