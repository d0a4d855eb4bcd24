"""NASNet: two cells that were found by search, repeated.

Source: Zoph, Vasudevan, Shlens & Le 2018, Learning transferable architectures for scalable image
recognition.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from ..models import Model
from .imagenet_utils import decode_predictions, preparation
from .networks import (
    STORE,
    Files,
    assemble,
    channel_axis,
    channels_of,
    named,
    padding_for_strides,
    sides_of,
)

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")


def nasnet(x: Any, stem: int, filters: int, cells: int, skips: bool) -> Any:
    """A stem with two reduction cells, and three stages of normal cells with reductions between.

    Args:
        stem: the filters of the first convolution.
        filters: of the cells of the first stage; each further one has twice as many.
        cells: the number of normal cells in a stage.
        skips: whether the cell after a reduction sees, beside it, the cell before what was reduced
            rather than what was reduced.
    """
    x = Conv2D(
        stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1"
    )(x)
    x = normalized(x, "stem_bn1")
    x, before = reduction_cell(x, None, filters // 4, "stem_1"), x
    x, before = reduction_cell(x, before, filters // 2, "stem_2"), x
    for stage in range(3):
        width, number = filters * 2**stage, cells * stage
        if stage > 0:
            reduced = reduction_cell(x, before, width, f"reduce_{number}")
            x, before = reduced, before if skips else x
            number += 1
        for i in range(number, number + cells):
            x, before = normal_cell(x, before, width, str(i)), x
    return activated(x)


def normal_cell(x: Any, before: Any, filters: int, name: str) -> Any:
    """Five sums of x and the cell before it, joined: as many rows and columns as x has."""
    p = adjusted(before, x, filters, name)
    h = squeezed(x, filters, "normal", name)
    sums = [
        (separable(h, filters, 5, f"normal_left1_{name}"),
         separable(p, filters, 3, f"normal_right1_{name}")),
        (separable(p, filters, 5, f"normal_left2_{name}"),
         separable(p, filters, 3, f"normal_right2_{name}")),
        (averaged(h, f"normal_left3_{name}"), p),
        (averaged(p, f"normal_left4_{name}"), averaged(p, f"normal_right4_{name}")),
        (separable(h, filters, 3, f"normal_left5_{name}"), h),
    ]  # fmt: skip
    added = [Add(name=f"normal_add_{i}_{name}")(list(pair)) for i, pair in enumerate(sums, 1)]
    return Concatenate(axis=channel_axis(-1), name=f"normal_concat_{name}")([p, *added])


def reduction_cell(x: Any, before: Any, filters: int, name: str) -> Any:
    """Four sums of x and the cell before it, joined: half as many rows and columns."""
    p = x if before is None else adjusted(before, x, filters, name)
    h = squeezed(x, filters, "reduction", name)
    padded = ZeroPadding2D(padding_for_strides(h, 3), name=f"reduction_pad_1_{name}")(h)
    left = separable(h, filters, 5, f"reduction_left1_{name}", strides=2)
    right = separable(p, filters, 7, f"reduction_right1_{name}", strides=2)
    first = Add(name=f"reduction_add_1_{name}")([left, right])
    left = MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(padded)
    right = separable(p, filters, 7, f"reduction_right2_{name}", strides=2)
    second = Add(name=f"reduction_add_2_{name}")([left, right])
    left = AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded)
    right = separable(p, filters, 5, f"reduction_right3_{name}", strides=2)
    third = Add(name=f"reduction_add3_{name}")([left, right])
    fourth = Add()([second, averaged(first, f"reduction_left4_{name}")])
    left = separable(first, filters, 3, f"reduction_left4_{name}")
    right = MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(padded)
    fifth = Add(name=f"reduction_add4_{name}")([left, right])
    branches = [second, third, fourth, fifth]
    return Concatenate(axis=channel_axis(-1), name=f"reduction_concat_{name}")(branches)


def adjusted(before: Any, x: Any, filters: int, name: str) -> Any:
    """What the cell before gave, with the rows and columns of ``x`` and ``filters`` channels."""
    if sides_of(before) != sides_of(x):
        p = Activation("relu", name=f"adjust_relu_1_{name}")(before)
        shifted = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(p))
        halves = [
            pointwise(
                AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")(half),
                filters // 2,
                f"adjust_conv_{i}_{name}",
            )
            for i, half in ((1, p), (2, shifted))
        ]
        p = Concatenate(axis=channel_axis(-1))(halves)
        return normalized(p, f"adjust_bn_{name}")
    if channels_of(before) != filters:
        p = pointwise(activated(before), filters, f"adjust_conv_projection_{name}")
        return normalized(p, f"adjust_bn_{name}")
    return before


def squeezed(x: Any, filters: int, kind: str, name: str) -> Any:
    x = pointwise(activated(x), filters, f"{kind}_conv_1_{name}")
    return normalized(x, f"{kind}_bn_1_{name}")


def separable(x: Any, filters: int, kernel: int, name: str, strides: int = 1) -> Any:
    """Two separable convolutions, each activated before and normalised after it."""
    x = activated(x)
    padding = "same"
    if strides == 2:
        zeros = padding_for_strides(x, kernel)
        x, padding = ZeroPadding2D(zeros, name=f"separable_conv_1_pad_{name}")(x), "valid"
    x = SeparableConv2D(
        filters, kernel, strides=strides, padding=padding, use_bias=False,
        name=f"separable_conv_1_{name}",
    )(x)  # fmt: skip
    x = activated(normalized(x, f"separable_conv_1_bn_{name}"))
    x = SeparableConv2D(
        filters, kernel, padding="same", use_bias=False, name=f"separable_conv_2_{name}"
    )(x)
    return normalized(x, f"separable_conv_2_bn_{name}")


def pointwise(x: Any, filters: int, name: str) -> Any:
    return Conv2D(
        filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)


def averaged(x: Any, name: str) -> Any:
    return AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=channel_axis(-1), momentum=0.9997, name=name)(x)


def activated(x: Any) -> Any:
    return Activation("relu")(x)


def top(x: Any, classes: int, activation: Any) -> Any:
    x = GlobalAveragePooling2D()(x)
    return Dense(classes, activation=activation, name="predictions")(x)


def _member(title: str, size: int, features: Callable, *checksums: str) -> Callable[..., Model]:
    kind = title.removeprefix("NASNet").lower()
    address = f"{STORE}nasnet/NASNet-{kind}"
    pretrained: Files = (
        (f"{address}.h5", checksums[0]),
        (f"{address}-no-top.h5", checksums[1]),
    )

    def build(
        input_shape: tuple | None = None,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = f"nasnet_{kind}",
    ) -> Model:
        return assemble(
            title, features, pretrained, include_top, weights, input_tensor, input_shape, pooling,
            classes, classifier_activation, name, size=size, top=top, pools=(None, None),
            fixed=True,
        )  # fmt: skip

    return named(build, title, f"The {kind} network of Zoph et al. 2018.", nasnet, size, 32)


NASNetMobile = _member(
    "NASNetMobile", 224, partial(nasnet, stem=32, filters=44, cells=4, skips=False),
    "020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63",
)  # fmt: skip
NASNetLarge = _member(
    "NASNetLarge", 331, partial(nasnet, stem=96, filters=168, cells=6, skips=True),
    "11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
