"""InceptionResNetV2: blocks of branches that are added to what they were given.

Source: Szegedy, Ioffe, Vanhoucke & Alemi 2017, Inception-v4, Inception-ResNet and the impact of
residual connections on learning.
"""

from __future__ import annotations

from typing import Any

from ..layers import Activation, Conv2D, MaxPooling2D
from ..layers.scaling import CustomScaleLayer
from .imagenet_utils import decode_predictions, preparation
from .inception_v3 import Steps, averaged, chain, convolved, joined, stem
from .networks import channels_of, network, old_files

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("tf")

# name, number of blocks, scale, branches
STAGES: dict[str, tuple[int, float, list[Steps]]] = {
    "block35": (10, 0.17, [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]]),
    "block17": (20, 0.1, [[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]]),
    "block8": (10, 0.2, [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]]),
}


def inception_resnet_v2(x: Any) -> Any:
    """A stem, three stages of residual blocks with reductions between them, and a convolution."""
    x = stem(x)
    fives: Steps = [(48, 1), (64, 5)]
    threes: Steps = [(64, 1), (96, 3), (96, 3)]
    branches = [chain(x, [(96, 1)]), chain(x, fives), chain(x, threes), averaged(x, 64)]
    x = joined(branches, "mixed_5b")
    x = stage(x, "block35")
    x = reduced(x, "mixed_6a", [([], 384), ([(256, 1), (256, 3)], 384)])
    x = stage(x, "block17")
    ends: list[tuple[Steps, int]] = [([(256, 1)], 384), ([(256, 1)], 288)]
    x = reduced(x, "mixed_7a", [*ends, ([(256, 1), (288, 3)], 320)])
    x = stage(x, "block8")
    return convolved(x, 1536, 1, name="conv_7b")


def stage(x: Any, name: str) -> Any:
    """Residual blocks; the very last is neither scaled nor activated."""
    count, scale, branches = STAGES[name]
    for i in range(1, count + 1):
        last = name == "block8" and i == count
        mixed = joined([chain(x, steps) for steps in branches], f"{name}_{i}_mixed")
        up = Conv2D(channels_of(x), 1, padding="same", name=f"{name}_{i}_conv")(mixed)
        x = CustomScaleLayer(1.0 if last else scale)([x, up])
        if not last:
            x = Activation("relu", name=f"{name}_{i}_ac")(x)
    return x


def reduced(x: Any, name: str, branches: list[tuple[Steps, int]]) -> Any:
    """Half as many rows and columns: branches that end in strides, and a pooling."""
    ends = [
        convolved(chain(x, steps), filters, 3, strides=2, padding="valid")
        for steps, filters in branches
    ]
    return joined([*ends, MaxPooling2D(3, strides=2)(x)], name)


InceptionResNetV2 = network(
    "InceptionResNetV2",
    "The second Inception network with residual connections, of Szegedy et al. 2017.",
    inception_resnet_v2,
    old_files(
        "inception_resnet_v2", "inception_resnet_v2",
        "e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4",
    ),
    name="inception_resnet_v2",
    size=299,
    least=75,
    pools=(None, None),
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
