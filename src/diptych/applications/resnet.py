"""ResNet: blocks that add what they compute to what they were given.

Source: He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from .imagenet_utils import decode_predictions, preparation
from .networks import channel_axis, network, old_files

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("caffe")

WIDTHS = (64, 128, 256, 512)  # of the four stages; a block gives four times as many feature maps


def resnet(x: Any, depths: tuple[int, int, int, int]) -> Any:
    """A stem and four stages with these numbers of blocks."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = activated(convolved(x, "conv1", 64, 7, strides=2), "conv1")
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True), 2):
        for i in range(1, depth + 1):
            strides = 2 if i == 1 and stage > 2 else 1
            x = block(x, f"conv{stage}_block{i}", width, strides, projected=i == 1)
    return x


def block(x: Any, name: str, width: int, strides: int, projected: bool) -> Any:
    """relu(f(x) + x), f narrowing, convolving and widening; ``projected`` fits x to the sum."""
    shortcut = convolved(x, f"{name}_0", 4 * width, 1, strides) if projected else x
    x = activated(convolved(x, f"{name}_1", width, 1, strides), f"{name}_1")
    x = activated(convolved(x, f"{name}_2", width, 3, padding="same"), f"{name}_2")
    x = convolved(x, f"{name}_3", 4 * width, 1)
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)


def convolved(
    x: Any, name: str, filters: int, kernel: int, strides: int = 1, padding: str = "valid"
) -> Any:
    x = Conv2D(filters, kernel, strides=strides, padding=padding, name=f"{name}_conv")(x)
    return normalized(x, f"{name}_bn")


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=name)(x)


def activated(x: Any, name: str) -> Any:
    return Activation("relu", name=f"{name}_relu")(x)


def _member(title: str, depths: tuple[int, int, int, int], *checksums: str) -> Any:
    return network(
        title,
        f"The residual network of He et al. 2015 with {title[6:]} layers.",
        partial(resnet, depths=depths),
        old_files("resnet", title.lower(), *checksums),
    )


ResNet50 = _member(
    "ResNet50", (3, 4, 6, 3),
    "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626",
)  # fmt: skip
ResNet101 = _member(
    "ResNet101", (3, 4, 23, 3),
    "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21",
)  # fmt: skip
ResNet152 = _member(
    "ResNet152", (3, 8, 36, 3),
    "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
