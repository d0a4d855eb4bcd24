"""MobileNetV2: blocks that widen, convolve each channel by itself, and narrow.

Source: Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear
bottlenecks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from ..models import Model
from .imagenet_utils import decode_predictions, preparation
from .mobilenet import model_name, pretrained_size, usual_size
from .networks import (
    STORE,
    Files,
    assemble,
    channel_axis,
    channels_of,
    padding_for_strides,
    rounded,
)

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")

# expansion, filters, number of blocks, strides of the first: table 2 of the paper
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def MobileNetV2(  # noqa: N802 - Keras's name
    input_shape: tuple | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """The network of Sandler et al. 2018; ``applications.ResNet50`` tells the other arguments.

    Args:
        alpha: the width: how many filters there are, as a share of the usual number.

    Pretrained weights are of the widths 0.35, 0.5, 0.75, 1, 1.3 and 1.4 and of images of 96, 128,
    160, 192 and 224 pixels each way.
    """
    size = usual_size(input_shape, (96, 128, 160, 192, 224))
    if weights == "imagenet":
        size = pretrained_size("MobileNetV2", input_shape, alpha, WIDTHS, size, include_top)
    return assemble(
        "MobileNetV2", partial(mobilenet_v2, alpha=alpha), _files(alpha, size), include_top,
        weights, input_tensor, input_shape, pooling, classes, classifier_activation,
        name or model_name("mobilenetv2", alpha, input_shape, include_top), size=size, top=top,
        pools=(None, None),
    )  # fmt: skip


def mobilenet_v2(x: Any, alpha: float) -> Any:
    """A stem, seventeen blocks and a last convolution."""
    stem = rounded(32 * alpha)
    x = Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = ReLU(6.0, name="Conv1_relu")(normalized(x, "bn_Conv1"))
    i = 0
    for expansion, filters, count, strides in STAGES:
        for first in [True] + [False] * (count - 1):
            name = f"block_{i}" if i else "expanded_conv"
            width = rounded(int(filters * alpha))
            x = block(x, name, expansion, width, strides if first else 1)
            i += 1
    last = rounded(1280 * alpha) if alpha > 1.0 else 1280
    x = Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    return ReLU(6.0, name="out_relu")(normalized(x, "Conv_1_bn"))


def block(x: Any, name: str, expansion: int, filters: int, strides: int) -> Any:
    """f(x), or f(x) + x where their shapes agree, with f widening, convolving and narrowing."""
    given = x
    if expansion > 1:
        width = expansion * channels_of(x)
        x = Conv2D(width, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = ReLU(6.0, name=f"{name}_expand_relu")(normalized(x, f"{name}_expand_BN"))
    if strides == 2:
        x = ZeroPadding2D(padding_for_strides(x, 3), name=f"{name}_pad")(x)
    padding = "same" if strides == 1 else "valid"
    x = DepthwiseConv2D(
        3, strides=strides, padding=padding, use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = ReLU(6.0, name=f"{name}_depthwise_relu")(normalized(x, f"{name}_depthwise_BN"))
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalized(x, f"{name}_project_BN")
    if strides == 1 and channels_of(given) == filters:
        x = Add(name=f"{name}_add")([given, x])
    return x


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(-1), momentum=0.999, name=name)(x)


def top(x: Any, classes: int, activation: Any) -> Any:
    x = GlobalAveragePooling2D()(x)
    return Dense(classes, activation=activation, name="predictions")(x)


WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)  # with pretrained weights


def _files(alpha: float, size: int) -> Files:
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    address = f"{STORE}mobilenet_v2/{name}"
    return (f"{address}.h5", None), (f"{address}_no_top.h5", None)


def __dir__() -> list[str]:
    return sorted(__all__)
