"""VGG19; see ``vgg16``."""

from __future__ import annotations

from typing import Any

from ..models import Model
from .vgg16 import decode_predictions, preprocess_input, vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]


def VGG19(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Model:
    """The network with 19 layers of weights; the arguments are those of ``VGG16``."""
    counts = (2, 2, 4, 4, 4)
    return vgg(
        "VGG19", counts, include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
