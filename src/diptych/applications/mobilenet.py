"""MobileNet: each convolution split into one of each channel by itself and one across channels.

Source: Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision
applications.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from ..models import Model
from .imagenet_utils import decode_predictions, preparation
from .networks import STORE, Files, assemble, channel_axis, image_shape

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")

# filters and strides of each block
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1),
    (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def MobileNet(  # noqa: N802 - Keras's name
    input_shape: tuple | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """The network of Howard et al. 2017; ``applications.ResNet50`` tells the other arguments.

    Args:
        alpha: the width: how many filters there are, as a share of the usual number.
        depth_multiplier: how many feature maps a channel's own convolution gives.
        dropout: the rate before the last layer.

    Pretrained weights are of the widths 0.25, 0.5, 0.75 and 1 and of images of 128, 160, 192 and
    224 pixels each way.
    """
    size = usual_size(input_shape, (128, 160, 192, 224))
    if weights == "imagenet":
        if depth_multiplier != 1:
            raise ValueError(
                "MobileNet(weights='imagenet') needs depth_multiplier=1; got "
                f"depth_multiplier={depth_multiplier}."
            )
        size = pretrained_size("MobileNet", input_shape, alpha, WIDTHS, size, include_top)
    return assemble(
        "MobileNet", partial(mobilenet, alpha=alpha, depth_multiplier=depth_multiplier),
        _files(alpha, size), include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name or model_name("mobilenet", alpha, input_shape, include_top),
        size=size, top=partial(top, dropout=dropout), pools=(None, None),
    )  # fmt: skip


def mobilenet(x: Any, alpha: float, depth_multiplier: int) -> Any:
    """A stem and thirteen blocks."""
    x = Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    x = activated(x, "conv1")
    for i, (filters, strides) in enumerate(BLOCKS, 1):
        if strides == 2:
            x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
        padding = "same" if strides == 1 else "valid"
        x = DepthwiseConv2D(
            3, strides=strides, padding=padding, depth_multiplier=depth_multiplier,
            use_bias=False, name=f"conv_dw_{i}",
        )(x)  # fmt: skip
        x = activated(x, f"conv_dw_{i}")
        name = f"conv_pw_{i}"
        x = Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=name)(x)
        x = activated(x, name)
    return x


def activated(x: Any, name: str) -> Any:
    x = BatchNormalization(axis=channel_axis(-1), name=f"{name}_bn")(x)
    return ReLU(6.0, name=f"{name}_relu")(x)


def top(x: Any, classes: int, activation: Any, dropout: float) -> Any:
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = Dropout(dropout, name="dropout")(x)
    x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
    x = Reshape((classes,), name="reshape_2")(x)
    return Activation(activation, name="predictions")(x)


WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}  # with pretrained weights


def _files(alpha: float, size: int) -> Files:
    address = f"{STORE}mobilenet/mobilenet_{WIDTHS.get(alpha)}_{size}_tf"
    return (f"{address}.h5", None), (f"{address}_no_top.h5", None)


def usual_size(input_shape: tuple | None, sizes: tuple[int, ...]) -> int:
    """The size of images: that of ``input_shape`` if it is square and among ``sizes``."""
    sides = _sides(input_shape)
    return sides[0] if sides and sides[0] == sides[1] and sides[0] in sizes else 224


def pretrained_size(
    title: str, input_shape: Any, alpha: float, widths: Any, size: int, include_top: bool
) -> int:
    """The size of the images of pretrained weights; ValueError for a width that has none."""
    if alpha not in widths:
        raise ValueError(
            f"{title}(weights='imagenet') needs alpha={', '.join(map(str, sorted(widths)))}; got "
            f"alpha={alpha}. weights=None takes any."
        )
    image_shape(title, input_shape, size, 32, include_top, "imagenet")
    if _sides(input_shape) != (size, size):
        warnings.warn(
            f"{title}() reads weights that were trained on images of 224 by 224 pixels: there are "
            f"none for input_shape={input_shape}.",
            stacklevel=3,
        )
    return size


def model_name(stem: str, alpha: float, input_shape: tuple | None, include_top: bool) -> str:
    """The name of a model: it tells its width and the rows of its images."""
    sides = _sides(input_shape)
    rows = sides[0] if sides else 224 if include_top else None
    return f"{stem}_{alpha:0.2f}_{rows}"


def _sides(input_shape: tuple | None) -> tuple | None:
    if input_shape is None or len(input_shape) != 3:
        return None
    return tuple(input_shape[1:] if channel_axis() == 1 else input_shape[:2])


def __dir__() -> list[str]:
    return sorted(__all__)
