"""Xception: convolutions of each channel by itself, then across the channels.

Source: Chollet 2017, Xception: deep learning with depthwise separable convolutions.
"""

from __future__ import annotations

from typing import Any

from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    MaxPooling2D,
    SeparableConv2D,
)
from .imagenet_utils import decode_predictions, preparation
from .networks import channel_axis, network, old_files

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")


def xception(x: Any) -> Any:
    """The entry flow (blocks 1 to 4), the middle flow (5 to 12) and the exit flow (13 and 14)."""
    x = Conv2D(32, 3, strides=2, use_bias=False, name="block1_conv1")(x)
    x = activated(normalized(x, "block1_conv1_bn"), "block1_conv1_act")
    x = Conv2D(64, 3, use_bias=False, name="block1_conv2")(x)
    x = activated(normalized(x, "block1_conv2_bn"), "block1_conv2_act")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = halving(x, block, (filters, filters))
    for block in range(5, 13):
        y = x
        for i in (1, 2, 3):
            y = activated(y, f"block{block}_sepconv{i}_act")
            y = separable(y, 728, f"block{block}_sepconv{i}")
        x = Add()([y, x])
    x = halving(x, 13, (728, 1024))
    for i, filters in ((1, 1536), (2, 2048)):
        x = separable(x, filters, f"block14_sepconv{i}")
        x = activated(x, f"block14_sepconv{i}_act")
    return x


def halving(x: Any, block: int, filters: tuple[int, int]) -> Any:
    """Two separable convolutions and a pooling, added to a convolution with strides."""
    shortcut = Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = normalized(shortcut, None)
    for i in (1, 2):
        if block > 2 or i == 2:  # what block 1 gives is activated already
            x = activated(x, f"block{block}_sepconv{i}_act")
        x = separable(x, filters[i - 1], f"block{block}_sepconv{i}")
    x = MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return Add()([x, shortcut])


def separable(x: Any, filters: int, name: str) -> Any:
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn")


def normalized(x: Any, name: str | None) -> Any:
    return BatchNormalization(axis=channel_axis(-1), name=name)(x)


def activated(x: Any, name: str) -> Any:
    return Activation("relu", name=name)(x)


Xception = network(
    "Xception",
    "The network of Chollet 2017.",
    xception,
    old_files(
        "xception", "xception",
        "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97",
    ),
    size=299,
    least=71,
    pools=(None, None),
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
