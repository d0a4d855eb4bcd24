"""MobileNetV3: the blocks of MobileNetV2 with squeeze and excitation, found by search.

Source: Howard et al. 2019, Searching for MobileNetV3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from ..models import Model
from .imagenet_utils import decode_predictions, preparation
from .mobilenet import pretrained_size
from .networks import (
    STORE,
    Files,
    assemble,
    channel_axis,
    channels_of,
    named,
    padding_for_strides,
    rounded,
)

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

preprocess_input = preparation(None)

# expansion, filters, kernel, strides, squeeze and excitation, hard swish: tables 1 and 2
LARGE = (
    (1, 16, 3, 1, False, False),
    (4, 24, 3, 2, False, False),
    (3, 24, 3, 1, False, False),
    (3, 40, 5, 2, True, False),
    (3, 40, 5, 1, True, False),
    (3, 40, 5, 1, True, False),
    (6, 80, 3, 2, False, True),
    (2.5, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True),
    (6, 112, 3, 1, True, True),
    (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True),
    (6, 160, 5, 1, True, True),
    (6, 160, 5, 1, True, True),
)
SMALL = (
    (1, 16, 3, 2, True, False),
    (72 / 16, 24, 3, 2, False, False),
    (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True),
    (6, 40, 5, 1, True, True),
    (6, 40, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (6, 96, 5, 2, True, True),
    (6, 96, 5, 1, True, True),
    (6, 96, 5, 1, True, True),
)

# of the pretrained weights of each width, with and without the top
CHECKSUMS = {
    "large_224_0.75": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0": (
        "675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973",
    ),
    "small_224_0.75": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0": (
        "99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4",
    ),
}  # fmt: skip


def _member(title: str, blocks: tuple, last: int) -> Callable[..., Model]:
    kind = title.removeprefix("MobileNetV3").lower()

    def build(
        input_shape: tuple | None = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = title,
    ) -> Model:
        if weights == "imagenet":
            widths = (1.0,) if minimalistic else (0.75, 1.0)
            pretrained_size(title, input_shape, alpha, widths, 224, False)
        filters = rounded(last * alpha) if alpha > 1.0 else last
        return assemble(
            title,
            partial(
                mobilenet_v3, blocks=blocks, alpha=alpha, minimalistic=minimalistic,
                include_preprocessing=include_preprocessing,
            ),
            _files(kind, alpha, minimalistic), include_top, weights, input_tensor, input_shape,
            pooling, classes, classifier_activation, name, fixed=False,
            top=partial(
                top, filters=filters, dropout=dropout_rate, minimalistic=minimalistic
            ),
        )  # fmt: skip

    return named(
        build, title, f"The {kind} network of Howard et al. 2019.{_MORE}", mobilenet_v3, 224, 32
    )


_MORE = """

    Besides the arguments below: ``alpha`` is the width, how many filters there are as a share of
    the usual number (pretrained weights are of 0.75 and 1). ``minimalistic`` leaves out squeeze and
    excitation, hard swish and kernels of 5 by 5 (pretrained weights are of width 1).
    ``dropout_rate`` is that before the last layer. ``include_preprocessing`` makes the first layer
    bring images with values from 0 to 255 to -1 to 1.
"""


def mobilenet_v3(
    x: Any, blocks: tuple, alpha: float, minimalistic: bool, include_preprocessing: bool
) -> Any:
    """A stem, the blocks and a last convolution."""
    if include_preprocessing:
        x = Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = activated(normalized(x, "conv_bn"), not minimalistic)
    for i, (expansion, filters, kernel, strides, squeezed, hard) in enumerate(blocks):
        name = f"expanded_conv_{i}" if i else "expanded_conv"
        if minimalistic:
            kernel, squeezed, hard = 3, False, False
        x = block(x, name, expansion, rounded(filters * alpha), kernel, strides, squeezed, hard)
    x = Conv2D(rounded(6 * channels_of(x)), 1, padding="same", use_bias=False, name="conv_1")(x)
    return activated(normalized(x, "conv_1_bn"), not minimalistic)


def block(
    x: Any,
    name: str,
    expansion: float,
    filters: int,
    kernel: int,
    strides: int,
    squeezed: bool,
    hard: bool,
) -> Any:
    """f(x), or f(x) + x where their shapes agree, with f widening, convolving and narrowing."""
    given = x
    width = rounded(channels_of(x) * expansion)
    if name != "expanded_conv":
        x = Conv2D(width, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = activated(normalized(x, f"{name}_expand_bn"), hard)
    if strides == 2:
        x = ZeroPadding2D(padding_for_strides(x, kernel), name=f"{name}_depthwise_pad")(x)
    padding = "same" if strides == 1 else "valid"
    x = DepthwiseConv2D(
        kernel, strides=strides, padding=padding, use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = activated(normalized(x, f"{name}_depthwise_bn"), hard)
    if squeezed:
        x = squeeze_and_excitation(x, f"{name}_squeeze_excite", rounded(width * 0.25))
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalized(x, f"{name}_project_bn")
    if strides == 1 and channels_of(given) == filters:
        x = Add(name=f"{name}_add")([given, x])
    return x


def squeeze_and_excitation(x: Any, name: str, filters: int) -> Any:
    """Each feature map times a number from 0 to 1 that depends on the means of all of them."""
    y = GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = Conv2D(filters, 1, padding="same", name=f"{name}_conv")(y)
    y = ReLU(name=f"{name}_relu")(y)
    y = Conv2D(channels_of(x), 1, padding="same", name=f"{name}_conv_1")(y)
    y = ReLU(6.0)(y + 3.0) * (1.0 / 6.0)  # a hard sigmoid
    return Multiply(name=f"{name}_mul")([x, y])


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(-1), momentum=0.999, name=name)(x)


def activated(x: Any, hard: bool) -> Any:
    return Activation("hard_silu")(x) if hard else ReLU()(x)


def top(
    x: Any, classes: int, activation: Any, filters: int, dropout: float, minimalistic: bool
) -> Any:
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = activated(Conv2D(filters, 1, padding="same", name="conv_2")(x), not minimalistic)
    if dropout > 0:
        x = Dropout(dropout)(x)
    x = Conv2D(classes, 1, padding="same", name="logits")(x)
    return Activation(activation, name="predictions")(Flatten()(x))


def _files(kind: str, alpha: float, minimalistic: bool) -> Files:
    middle = "_minimalistic" if minimalistic else ""
    name = f"{kind}{middle}_224_{float(alpha)}"
    checksums = CHECKSUMS.get(name, (None, None))
    address = f"{STORE}mobilenet_v3/weights_mobilenet_v3_{name}_float"
    return (f"{address}.h5", checksums[0]), (f"{address}_no_top_v2.h5", checksums[1])


MobileNetV3Large = _member("MobileNetV3Large", LARGE, 1280)
MobileNetV3Small = _member("MobileNetV3Small", SMALL, 1024)


def __dir__() -> list[str]:
    return sorted(__all__)
