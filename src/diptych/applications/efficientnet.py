"""EfficientNet: one network, made wider, deeper and larger in step.

Source: Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ..initializers import VarianceScaling
from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from ..models import Model
from .imagenet_utils import decode_predictions, preparation
from .networks import (
    assemble,
    channel_axis,
    channels_of,
    files,
    named,
    padding_for_strides,
    rounded,
)

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

preprocess_input = preparation(None)

# expansion, filters, number of blocks, kernel, strides of the first: table 1 of the paper
STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)
DROP_RATE = 0.2  # of the last block, whose f(x) is dropped as a whole; the earlier, the less

STDS = (0.229, 0.224, 0.225)


def efficientnet(x: Any, width: float, depth: float, pretrained: bool) -> Any:
    """A stem, the stages and a last convolution, with ``width`` and ``depth`` times the usual."""
    x = Rescaling(1.0 / 255.0)(x)
    x = Normalization(axis=channel_axis())(x)
    if pretrained:  # the published weights hold deviations where Normalization wants variances
        x = Rescaling([1.0 / math.sqrt(std) for std in STDS])(x)
    x = ZeroPadding2D(padding_for_strides(x, 3), name="stem_conv_pad")(x)
    x = convolved(x, rounded(32 * width), 3, "stem_conv", strides=2, padding="valid")
    x = activated(normalized(x, "stem_bn"), "stem_activation")
    counts = [math.ceil(depth * stage[2]) for stage in STAGES]
    i = 0
    for number, (expansion, filters, _, kernel, strides) in enumerate(STAGES, 1):
        for j in range(counts[number - 1]):
            x = block(
                x, f"block{number}{chr(ord('a') + j)}_", expansion, rounded(filters * width),
                kernel, strides if j == 0 else 1, DROP_RATE * i / sum(counts),
            )  # fmt: skip
            i += 1
    x = convolved(x, rounded(1280 * width), 1, "top_conv")
    return activated(normalized(x, "top_bn"), "top_activation")


def block(
    x: Any, name: str, expansion: int, filters: int, kernel: int, strides: int, drop_rate: float
) -> Any:
    """f(x), or f(x) + x where their shapes agree, with f widening, convolving and narrowing."""
    given, narrow = x, channels_of(x)
    if expansion > 1:
        x = convolved(x, narrow * expansion, 1, f"{name}expand_conv")
        x = activated(normalized(x, f"{name}expand_bn"), f"{name}expand_activation")
    if strides == 2:
        x = ZeroPadding2D(padding_for_strides(x, kernel), name=f"{name}dwconv_pad")(x)
    x = DepthwiseConv2D(
        kernel, strides=strides, padding="same" if strides == 1 else "valid", use_bias=False,
        depthwise_initializer=normal(), name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = activated(normalized(x, f"{name}bn"), f"{name}activation")
    x = squeeze_and_excitation(x, name, max(1, int(narrow * 0.25)))
    x = normalized(convolved(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    if strides == 1 and narrow == filters:
        x = added(x, given, name, drop_rate)
    return x


def added(x: Any, given: Any, name: str, drop_rate: float) -> Any:
    """The sum, where in training ``x`` is sometimes left out of an image's."""
    if drop_rate > 0:
        x = Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return Add(name=f"{name}add")([x, given])


def squeeze_and_excitation(x: Any, name: str, filters: int) -> Any:
    """Each feature map times a number from 0 to 1 that depends on the means of all of them."""
    channels = channels_of(x)
    shape = (channels, 1, 1) if channel_axis() == 1 else (1, 1, channels)
    y = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = Reshape(shape, name=f"{name}se_reshape")(y)
    for layer, width, activation in (("reduce", filters, "silu"), ("expand", channels, "sigmoid")):
        y = Conv2D(
            width, 1, padding="same", activation=activation, kernel_initializer=normal(),
            name=f"{name}se_{layer}",
        )(y)  # fmt: skip
    return Multiply(name=f"{name}se_excite")([x, y])


def convolved(
    x: Any, filters: int, kernel: int, name: str, strides: int = 1, padding: str = "same"
) -> Any:
    return Conv2D(
        filters, kernel, strides=strides, padding=padding, use_bias=False,
        kernel_initializer=normal(), name=name,
    )(x)  # fmt: skip


def normal() -> VarianceScaling:
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(), name=name)(x)


def activated(x: Any, name: str) -> Any:
    return Activation("silu", name=name)(x)


def top(x: Any, classes: int, activation: Any, dropout: float, **options: Any) -> Any:
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout > 0:
        x = Dropout(dropout, name="top_dropout")(x)
    uniform = VarianceScaling(1.0 / 3.0, "fan_out", "uniform")
    return Dense(
        classes, activation=activation, kernel_initializer=uniform, name="predictions", **options
    )(x)


def _member(
    title: str, width: float, depth: float, size: int, dropout: float, with_top: str, without: str
) -> Callable[..., Model]:
    stem, store = title.lower(), "https://storage.googleapis.com/keras-applications/"

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = stem,
    ) -> Model:
        features = partial(efficientnet, width=width, depth=depth, pretrained=weights == "imagenet")
        return assemble(
            title, features, files(stem, with_top, without, store), include_top, weights,
            input_tensor, input_shape, pooling, classes, classifier_activation, name, size=size,
            top=partial(top, dropout=dropout),
        )  # fmt: skip

    text = f"The network of Tan & Le 2019: {width} times as wide and {depth} times as deep as B0."
    return named(build, title, text, efficientnet, size, 32)


EfficientNetB0 = _member(
    "EfficientNetB0", 1.0, 1.0, 224, 0.2,
    "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d",
)  # fmt: skip
EfficientNetB1 = _member(
    "EfficientNetB1", 1.0, 1.1, 240, 0.2,
    "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432",
)  # fmt: skip
EfficientNetB2 = _member(
    "EfficientNetB2", 1.1, 1.2, 260, 0.3,
    "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39",
)  # fmt: skip
EfficientNetB3 = _member(
    "EfficientNetB3", 1.2, 1.4, 300, 0.3,
    "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226",
)  # fmt: skip
EfficientNetB4 = _member(
    "EfficientNetB4", 1.4, 1.8, 380, 0.4,
    "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba",
)  # fmt: skip
EfficientNetB5 = _member(
    "EfficientNetB5", 1.6, 2.2, 456, 0.4,
    "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f",
)  # fmt: skip
EfficientNetB6 = _member(
    "EfficientNetB6", 1.8, 2.6, 528, 0.5,
    "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743",
)  # fmt: skip
EfficientNetB7 = _member(
    "EfficientNetB7", 2.0, 3.1, 600, 0.5,
    "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
