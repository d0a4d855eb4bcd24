"""Layers that only networks of ``applications`` have; ``diptych.layers`` doesn't show them.

They stand here so that a saved network is read without the module that built it.
"""

from __future__ import annotations

from typing import Any

from ..initializers import Constant
from ..utils import objects
from .layer import Layer


class CustomScaleLayer(Layer):
    """The first input plus the second times ``scale``; all three have one shape.

    Source: Szegedy et al. 2017 (InceptionResNetV2), section 3.3.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: list[Any]) -> Any:
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


class LayerScale(Layer):
    """Each channel times a weight of its own, ``gamma``: (..., C) to (..., C).

    Source: Touvron et al. 2021, Going deeper with image transformers, section 2.

    Args:
        init_values: the first value of every weight.
        projection_dim: the number of channels, C.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _: Any) -> None:
        self.gamma = self.add_weight(
            shape=(self.projection_dim,), initializer=Constant(self.init_values), name="gamma"
        )
        self.built = True

    def call(self, x: Any) -> Any:
        return x * self.gamma

    def get_config(self) -> dict[str, Any]:
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}


_HOME = "keras.src.applications"
objects.HOMES[CustomScaleLayer] = (
    f"{_HOME}.inception_resnet_v2", "CustomScaleLayer", "CustomScaleLayer",
)  # fmt: skip
objects.HOMES[LayerScale] = (f"{_HOME}.convnext", "LayerScale", "LayerScale")
