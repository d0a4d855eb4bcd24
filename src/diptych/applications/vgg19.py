"""VGG19; see ``vgg16``."""

from __future__ import annotations

from functools import partial

from .imagenet_utils import decode_predictions, preparation
from .networks import network, old_files
from .vgg16 import three_dense_layers, vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

preprocess_input = preparation("caffe")

VGG19 = network(
    "VGG19",
    "The network of Simonyan & Zisserman with 19 layers of weights.",
    partial(vgg, convolutions=(2, 2, 4, 4, 4)),
    old_files(
        "vgg19", "vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"
    ),
    top=three_dense_layers,
    pools=(None, None),
)


def __dir__() -> list[str]:
    return sorted(__all__)
