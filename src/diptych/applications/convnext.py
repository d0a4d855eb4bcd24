"""ConvNeXt: a convolutional network with the proportions of a transformer.

Source: Liu, Mao, Wu, Feichtenhofer, Darrell & Xie 2022, A ConvNet for the 2020s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    LayerNormalization,
    Normalization,
)
from ..layers.scaling import LayerScale
from ..models import Model, Sequential
from .imagenet_utils import decode_predictions, preparation
from .networks import assemble, files, named, pooled

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge",
    "decode_predictions", "preprocess_input",
]  # fmt: skip

preprocess_input = preparation(None)

MEANS = (0.485 * 255, 0.456 * 255, 0.406 * 255)
STDS = (0.229 * 255, 0.224 * 255, 0.225 * 255)


def convnext(x: Any, name: str, depths: tuple, widths: tuple, include_preprocessing: bool) -> Any:
    """A stem and four stages, with a reduction of rows and columns before each but the first."""
    if include_preprocessing:
        variances = [std**2 for std in STDS]
        title = f"{name}_prestem_normalization"
        x = Normalization(mean=list(MEANS), variance=variances, name=title)(x)
    x = Sequential(
        [
            Conv2D(widths[0], 4, strides=4, name=f"{name}_stem_conv"),
            LayerNormalization(epsilon=1e-6, name=f"{name}_stem_layernorm"),
        ],
        name=f"{name}_stem",
    )(x)
    for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        if i > 0:
            x = reduction(width, name, i - 1)(x)
        for j in range(depth):
            x = block(x, width, f"{name}_stage_{i}_block_{j}")
    return x


def reduction(width: int, name: str, i: int) -> Sequential:
    """Half as many rows and columns, of ``width`` feature maps."""
    return Sequential(
        [
            LayerNormalization(epsilon=1e-6, name=f"{name}_downsampling_layernorm_{i}"),
            Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{i}"),
        ],
        name=f"{name}_downsampling_block_{i}",
    )


def block(given: Any, width: int, name: str) -> Any:
    """f(x) + x, where f convolves each channel by itself, widens and narrows."""
    x = Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(given)
    x = LayerNormalization(epsilon=1e-6, name=f"{name}_layernorm")(x)
    x = Dense(4 * width, name=f"{name}_pointwise_conv_1")(x)
    x = Activation("gelu", name=f"{name}_gelu")(x)
    x = Dense(width, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, width, name=f"{name}_layer_scale")(x)
    return given + Activation("linear", name=f"{name}_identity")(x)


def top(x: Any, classes: int, activation: Any, name: str) -> Any:
    x = GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = LayerNormalization(epsilon=1e-6, name=f"{name}_head_layernorm")(x)
    return Dense(classes, activation=activation, name=f"{name}_head_dense")(x)


def pooled_and_normalized(x: Any, pooling: str | None) -> Any:
    return LayerNormalization(epsilon=1e-6)(pooled(x, pooling, (None, None)))


def _member(title: str, depths: tuple, widths: tuple, *checksums: str) -> Callable[..., Model]:
    file = f"convnext_{title.removeprefix('ConvNeXt').lower()}"

    def build(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = file,
    ) -> Model:
        features = partial(
            convnext, name=name, depths=depths, widths=widths,
            include_preprocessing=include_preprocessing,
        )  # fmt: skip
        return assemble(
            title, features, files(f"convnext/{file}", *checksums), include_top, weights,
            input_tensor, input_shape, pooling, classes, classifier_activation, name,
            top=partial(top, name=name), bottom=pooled_and_normalized,
        )  # fmt: skip

    text = (
        f"The {title.removeprefix('ConvNeXt').lower()} network of Liu et al. 2022.\n\n"
        "    ``include_preprocessing`` makes its first layer prepare images with values from 0 to "
        "255."
    )
    return named(build, title, text, convnext, 224, 32)


ConvNeXtTiny = _member(
    "ConvNeXtTiny", (3, 3, 9, 3), (96, 192, 384, 768),
    "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
    "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
)  # fmt: skip
ConvNeXtSmall = _member(
    "ConvNeXtSmall", (3, 3, 27, 3), (96, 192, 384, 768),
    "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
    "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
)  # fmt: skip
ConvNeXtBase = _member(
    "ConvNeXtBase", (3, 3, 27, 3), (128, 256, 512, 1024),
    "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
    "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
)  # fmt: skip
ConvNeXtLarge = _member(
    "ConvNeXtLarge", (3, 3, 27, 3), (192, 384, 768, 1536),
    "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
    "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
)  # fmt: skip
ConvNeXtXLarge = _member(
    "ConvNeXtXLarge", (3, 3, 27, 3), (256, 512, 1024, 2048),
    "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
    "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
