"""InceptionV3: blocks of branches side by side, with large kernels split in rows and columns.

Source: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, Rethinking the Inception architecture for
computer vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
)
from .imagenet_utils import decode_predictions, preparation
from .networks import channel_axis, network, old_files

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")

Steps = Sequence[tuple[int, int | tuple[int, int]]]  # filters and kernel of each convolution


def inception_v3(x: Any) -> Any:
    """A stem and the blocks ``mixed0`` to ``mixed10``."""
    x = stem(x)
    for i, width in enumerate((32, 64, 64)):
        fives, threes = [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)]
        branches = [chain(x, [(64, 1)]), chain(x, fives), chain(x, threes), averaged(x, width)]
        x = joined(branches, f"mixed{i}")
    branches = [
        convolved(x, 384, 3, strides=2, padding="valid"),
        convolved(chain(x, [(64, 1), (96, 3)]), 96, 3, strides=2, padding="valid"),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = joined(branches, "mixed3")
    for i, width in ((4, 128), (5, 160), (6, 160), (7, 192)):
        once: Steps = [(width, 1), (width, (1, 7)), (192, (7, 1))]
        twice: Steps = [
            (width, 1),
            (width, (7, 1)),
            (width, (1, 7)),
            (width, (7, 1)),
            (192, (1, 7)),
        ]
        branches = [chain(x, [(192, 1)]), chain(x, once), chain(x, twice), averaged(x, 192)]
        x = joined(branches, f"mixed{i}")
    sevens: Steps = [(192, 1), (192, (1, 7)), (192, (7, 1))]
    branches = [
        convolved(chain(x, [(192, 1)]), 320, 3, strides=2, padding="valid"),
        convolved(chain(x, sevens), 192, 3, strides=2, padding="valid"),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = joined(branches, "mixed8")
    for i in (0, 1):
        branches = [
            chain(x, [(320, 1)]),
            forked(chain(x, [(384, 1)]), f"mixed9_{i}"),
            forked(chain(x, [(448, 1), (384, 3)]), None),
            averaged(x, 192),
        ]
        x = joined(branches, f"mixed{9 + i}")
    return x


def stem(x: Any) -> Any:
    """Five convolutions and two poolings."""
    x = convolved(x, 32, 3, strides=2, padding="valid")
    x = convolved(x, 32, 3, padding="valid")
    x = convolved(x, 64, 3)
    x = MaxPooling2D(3, strides=2)(x)
    x = convolved(x, 80, 1, padding="valid")
    x = convolved(x, 192, 3, padding="valid")
    return MaxPooling2D(3, strides=2)(x)


def chain(x: Any, steps: Steps) -> Any:
    """Convolutions one after another."""
    for filters, kernel in steps:
        x = convolved(x, filters, kernel)
    return x


def convolved(
    x: Any,
    filters: int,
    kernel: int | tuple[int, int],
    strides: int = 1,
    padding: str = "same",
    name: str | None = None,
) -> Any:
    """A convolution, normalised and activated."""
    bn, ac = (f"{name}_bn", f"{name}_ac") if name else (None, None)
    x = Conv2D(filters, kernel, strides=strides, padding=padding, use_bias=False, name=name)(x)
    x = BatchNormalization(axis=channel_axis(), scale=False, name=bn)(x)
    return Activation("relu", name=ac)(x)


def averaged(x: Any, filters: int) -> Any:
    """Means of 3 by 3 pixels, and a convolution."""
    return convolved(AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def forked(x: Any, name: str | None) -> Any:
    """A convolution by rows and one by columns, side by side."""
    return joined([convolved(x, 384, (1, 3)), convolved(x, 384, (3, 1))], name)


def joined(branches: list[Any], name: str | None) -> Any:
    return Concatenate(axis=channel_axis(), name=name)(branches)


InceptionV3 = network(
    "InceptionV3",
    "The third Inception network, of Szegedy et al. 2016.",
    inception_v3,
    old_files(
        "inception_v3", "inception_v3",
        "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    name="inception_v3",
    size=299,
    least=75,
    pools=(None, None),
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
