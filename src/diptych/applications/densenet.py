"""DenseNet: every layer of a block sees the feature maps of all those before it.

Source: Huang, Liu, van der Maaten & Weinberger 2017, Densely connected convolutional networks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import (
    Activation,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from .imagenet_utils import decode_predictions, preparation
from .networks import channel_axis, channels_of, network, old_files
from .resnet import activated, normalized

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("torch")

GROWTH = 32  # the feature maps that each layer adds


def densenet(x: Any, depths: tuple[int, int, int, int]) -> Any:
    """A stem and four dense blocks with these numbers of layers, with transitions between them."""
    x = ZeroPadding2D(3)(x)
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = activated(normalized(x, "conv1_bn"), "conv1")
    x = ZeroPadding2D(1)(x)
    x = MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = dense_layer(x, f"conv{stage}_block{i}")
        if stage < 5:
            x = transition(x, f"pool{stage}")
    return Activation("relu", name="relu")(normalized(x, "bn"))


def dense_layer(x: Any, name: str) -> Any:
    """[x, f(x)], where f narrows and convolves."""
    y = activated(normalized(x, f"{name}_0_bn"), f"{name}_0")
    y = Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = activated(normalized(y, f"{name}_1_bn"), f"{name}_1")
    y = Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, y])


def transition(x: Any, name: str) -> Any:
    """Half as many feature maps, of half as many rows and columns."""
    x = activated(normalized(x, f"{name}_bn"), name)
    x = Conv2D(channels_of(x) // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _member(title: str, depths: tuple[int, int, int, int], *checksums: str) -> Any:
    return network(
        title,
        f"The densely connected network with {title[8:]} layers.",
        partial(densenet, depths=depths),
        old_files("densenet", title.lower(), *checksums),
    )


DenseNet121 = _member(
    "DenseNet121", (6, 12, 24, 16),
    "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738",
)  # fmt: skip
DenseNet169 = _member(
    "DenseNet169", (6, 12, 32, 32),
    "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b",
)  # fmt: skip
DenseNet201 = _member(
    "DenseNet201", (6, 12, 48, 32),
    "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
