"""ResNetV2: residual blocks that normalise and activate before they convolve.

Source: He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import Add, Conv2D, MaxPooling2D, ZeroPadding2D
from .imagenet_utils import decode_predictions, preparation
from .networks import network, old_files
from .resnet import WIDTHS, activated, normalized

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")


def resnet_v2(x: Any, depths: tuple[int, int, int, int]) -> Any:
    """A stem and four stages with these numbers of blocks, the last of each with strides."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True), 2):
        for i in range(1, depth + 1):
            strides = 2 if i == depth and stage < 5 else 1
            x = block(x, f"conv{stage}_block{i}", width, strides, projected=i == 1)
    return activated(normalized(x, "post_bn"), "post")


def block(x: Any, name: str, width: int, strides: int, projected: bool) -> Any:
    """f(x) + x, where f narrows, convolves and widens; ``projected`` brings x to its shape."""
    before = activated(normalized(x, f"{name}_preact_bn"), f"{name}_preact")
    if projected:
        shortcut = Conv2D(4 * width, 1, strides=strides, name=f"{name}_0_conv")(before)
    else:
        shortcut = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    x = Conv2D(width, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = activated(normalized(x, f"{name}_1_bn"), f"{name}_1")
    x = ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = Conv2D(width, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(x)
    x = activated(normalized(x, f"{name}_2_bn"), f"{name}_2")
    x = Conv2D(4 * width, 1, name=f"{name}_3_conv")(x)
    return Add(name=f"{name}_out")([shortcut, x])


def _member(title: str, depths: tuple[int, int, int, int], *checksums: str) -> Any:
    return network(
        title,
        f"The residual network of He et al. 2016 with {title[6:-2]} layers.",
        partial(resnet_v2, depths=depths),
        old_files("resnet", title.lower(), *checksums),
    )


ResNet50V2 = _member(
    "ResNet50V2", (3, 4, 6, 3),
    "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917",
)  # fmt: skip
ResNet101V2 = _member(
    "ResNet101V2", (3, 4, 23, 3),
    "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5",
)  # fmt: skip
ResNet152V2 = _member(
    "ResNet152V2", (3, 8, 36, 3),
    "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
