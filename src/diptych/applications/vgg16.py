"""VGG16: blocks of 3 by 3 convolutions.

Source: Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image
recognition.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from .imagenet_utils import decode_predictions, preparation
from .networks import network, old_files

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("caffe")


def vgg(x: Any, convolutions: tuple[int, ...]) -> Any:
    """Blocks with these numbers of convolutions, each with a pooling."""
    filters = (64, 128, 256, 512, 512)
    for block, (count, width) in enumerate(zip(convolutions, filters, strict=True), 1):
        for i in range(1, count + 1):
            name = f"block{block}_conv{i}"
            x = Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    return x


def three_dense_layers(x: Any, classes: int, activation: Any) -> Any:
    x = Flatten(name="flatten")(x)
    x = Dense(4096, activation="relu", name="fc1")(x)
    x = Dense(4096, activation="relu", name="fc2")(x)
    return Dense(classes, activation=activation, name="predictions")(x)


VGG16 = network(
    "VGG16",
    "The network of Simonyan & Zisserman with 16 layers of weights.",
    partial(vgg, convolutions=(2, 2, 3, 3, 3)),
    old_files(
        "vgg16", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"
    ),
    top=three_dense_layers,
    pools=(None, None),
)


def __dir__() -> list[str]:
    return sorted(__all__)
