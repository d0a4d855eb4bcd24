"""EfficientNetV2: EfficientNet with whole convolutions in its first stages.

Source: Tan & Le 2021, EfficientNetV2: smaller models and faster training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ..initializers import Constant
from ..layers import (
    Activation,
    BatchNormalization,
    DepthwiseConv2D,
    Normalization,
    Rescaling,
)
from ..models import Model
from .efficientnet import DROP_RATE, STDS, added, convolved, normal, squeeze_and_excitation, top
from .imagenet_utils import decode_predictions, preparation
from .networks import assemble, channel_axis, channels_of, files, named, nearest_multiple

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
    "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

preprocess_input = preparation(None)

# expansion, filters, number of blocks, strides of the first; the first three stages are fused
B = ((1, 16, 1, 1), (4, 32, 2, 2), (4, 48, 2, 2), (4, 96, 3, 2), (6, 112, 5, 1), (6, 192, 8, 2))
S = ((1, 24, 2, 1), (4, 48, 4, 2), (4, 64, 4, 2), (4, 128, 6, 2), (6, 160, 9, 1), (6, 256, 15, 2))
M = (
    (1, 24, 3, 1), (4, 48, 5, 2), (4, 80, 5, 2), (4, 160, 7, 2), (6, 176, 14, 1), (6, 304, 18, 2),
    (6, 512, 5, 1),
)  # fmt: skip
L = (
    (1, 32, 4, 1), (4, 64, 7, 2), (4, 96, 7, 2), (4, 192, 10, 2), (6, 224, 19, 1), (6, 384, 25, 2),
    (6, 640, 7, 1),
)  # fmt: skip

MEANS = (0.485, 0.456, 0.406)


def efficientnet_v2(
    x: Any, stages: tuple, stem: int, width: float, depth: float, include_preprocessing: bool
) -> Any:
    """A stem, the stages and a last convolution, with ``width`` and ``depth`` times the usual."""
    if include_preprocessing:
        x = prepared(x, stages)
    x = convolved(x, nearest_multiple(stem * width), 3, "stem_conv", strides=2)
    x = activated(normalized(x, "stem_bn"), "stem_activation")
    i, usual = 0, sum(stage[2] for stage in stages)
    for number, (expansion, filters, count, strides) in enumerate(stages, 1):
        block = fused_block if number <= 3 else split_block
        for j in range(math.ceil(depth * count)):
            given, name = x, f"block{number}{chr(ord('a') + j)}_"
            narrow = nearest_multiple(filters * width)
            x = block(x, name, expansion, narrow, strides if j == 0 else 1)
            if (j > 0 or strides == 1) and channels_of(given) == narrow:
                x = added(x, given, name, DROP_RATE * i / usual)
            i += 1
    x = convolved(x, nearest_multiple(1280 * width), 1, "top_conv")
    return activated(normalized(x, "top_bn"), "top_activation")


def prepared(x: Any, stages: tuple) -> Any:
    """Images with values from 0 to 255 as the networks were trained on them."""
    if stages is not B:
        return Rescaling(scale=1 / 128.0, offset=-1)(x)
    x = Rescaling(scale=1.0 / 255)(x)
    variances = [std**2 for std in STDS]
    return Normalization(mean=list(MEANS), variance=variances, axis=channel_axis())(x)


def fused_block(x: Any, name: str, expansion: int, filters: int, strides: int) -> Any:
    """A convolution that widens and one that narrows; one alone without expansion."""
    if expansion == 1:
        x = convolved(x, filters, 3, f"{name}project_conv", strides)
        return activated(normalized(x, f"{name}project_bn"), f"{name}project_activation")
    x = convolved(x, channels_of(x) * expansion, 3, f"{name}expand_conv", strides)
    x = activated(normalized(x, f"{name}expand_bn"), f"{name}expand_activation")
    return normalized(convolved(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")


def split_block(x: Any, name: str, expansion: int, filters: int, strides: int) -> Any:
    """Widen, convolve each channel by itself, squeeze and excite, narrow."""
    narrow = channels_of(x)
    x = convolved(x, narrow * expansion, 1, f"{name}expand_conv")
    x = activated(normalized(x, f"{name}expand_bn"), f"{name}expand_activation")
    x = DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, depthwise_initializer=normal(),
        name=f"{name}dwconv2",
    )(x)  # fmt: skip
    x = activated(normalized(x, f"{name}bn"), f"{name}activation")
    x = squeeze_and_excitation(x, name, max(1, int(narrow * 0.25)))
    return normalized(convolved(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(), momentum=0.9, name=name)(x)


def activated(x: Any, name: str) -> Any:
    return Activation("silu", name=name)(x)


def _member(
    title: str, stages: tuple, stem: int, width: float, depth: float, size: int, *checksums: str
) -> Callable[..., Model]:
    file = f"efficientnetv2-{title.removeprefix('EfficientNetV2').lower()}"

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = file,
    ) -> Model:
        features = partial(
            efficientnet_v2, stages=stages, stem=stem, width=width, depth=depth,
            include_preprocessing=include_preprocessing,
        )  # fmt: skip
        return assemble(
            title, features, files(f"efficientnet_v2/{file}", *checksums), include_top, weights,
            input_tensor, input_shape, pooling, classes, classifier_activation, name, size=size,
            top=partial(top, dropout=0.2, bias_initializer=Constant(0.0)),
        )  # fmt: skip

    text = (
        f"The network {title.removeprefix('EfficientNet')} of Tan & Le 2021.\n\n"
        "    ``include_preprocessing`` makes its first layers prepare images with values from 0 to "
        "255."
    )
    return named(build, title, text, efficientnet_v2, size, 32)


EfficientNetV2B0 = _member(
    "EfficientNetV2B0", B, 32, 1.0, 1.0, 224,
    "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff",
)  # fmt: skip
EfficientNetV2B1 = _member(
    "EfficientNetV2B1", B, 32, 1.0, 1.1, 240,
    "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37",
)  # fmt: skip
EfficientNetV2B2 = _member(
    "EfficientNetV2B2", B, 32, 1.1, 1.2, 260,
    "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb",
)  # fmt: skip
EfficientNetV2B3 = _member(
    "EfficientNetV2B3", B, 32, 1.2, 1.4, 300,
    "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856",
)  # fmt: skip
EfficientNetV2S = _member(
    "EfficientNetV2S", S, 24, 1.0, 1.0, 384,
    "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070",
)  # fmt: skip
EfficientNetV2M = _member(
    "EfficientNetV2M", M, 24, 1.0, 1.0, 480,
    "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342",
)  # fmt: skip
EfficientNetV2L = _member(
    "EfficientNetV2L", L, 32, 1.0, 1.0, 480,
    "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
