"""VGG16 and VGG19: blocks of 3 by 3 convolutions.

Source: Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image
recognition.
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..layers import (
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    MaxPooling2D,
)
from ..models import Model
from . import imagenet_utils
from .imagenet_utils import check_weights, decode_predictions

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Images (0 to 255, red first) as VGG was trained on them: blue first, means taken away."""
    return imagenet_utils.preprocess_input(x, data_format, "caffe")


def VGG16(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Model:
    """The network with 16 layers of weights.

    Args:
        include_top: whether the three dense layers are there.
        weights: None for new weights; "imagenet", the default as in Keras, raises an error, since
            pretrained weights cannot be downloaded.
        input_tensor: a symbolic tensor to use as input.
        input_shape: the shape of an image; with the dense layers 224 by 224 by 3 by default.
        pooling: without dense layers: None, "avg" or "max" over the last images.
        classes: the number of classes.
        classifier_activation: of the last layer.
    """
    counts = (2, 2, 3, 3, 3)
    return vgg(
        "VGG16", counts, include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip


def vgg(
    title: str,
    counts: tuple[int, ...],
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: tuple | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Model:
    """A network of blocks with these numbers of convolutions."""
    check_weights(title, weights)
    if input_shape is None:
        size = 224 if include_top else None
        first = config.image_data_format() == "channels_first"
        input_shape = (3, size, size) if first else (size, size, 3)
    inputs = Input(shape=input_shape) if input_tensor is None else input_tensor
    x = inputs
    for block, (count, filters) in enumerate(zip(counts, (64, 128, 256, 512, 512), strict=True), 1):
        for i in range(1, count + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{i}")(
                x
            )
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = Dense(classes, activation=classifier_activation, name="predictions")(x)
    elif pooling == "avg":
        x = GlobalAveragePooling2D()(x)
    elif pooling == "max":
        x = GlobalMaxPooling2D()(x)
    return Model(inputs, x, name=name)


def __dir__() -> list[str]:
    return sorted(__all__)
