"""Known networks. VGG16 and VGG19 can be built, without their pretrained weights.

Pretrained weights cannot be downloaded: ``weights=None`` draws new ones. Of the other networks the
modules have ``preprocess_input``, and the names, which raise an error that says so.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from . import imagenet_utils, vgg16, vgg19
from .imagenet_utils import Missing, preprocessing_module
from .vgg16 import VGG16
from .vgg19 import VGG19

# Modules, the names in them, and how they prepare images.
_OTHERS = {
    "convnext": ("ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge", None),
    "densenet": ("DenseNet121 DenseNet169 DenseNet201", "torch"),
    "efficientnet": (" ".join(f"EfficientNetB{i}" for i in range(8)), None),
    "efficientnet_v2": (
        "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S "
        "EfficientNetV2M EfficientNetV2L",
        None,
    ),
    "inception_resnet_v2": ("InceptionResNetV2", "tf"),
    "inception_v3": ("InceptionV3", "tf"),
    "mobilenet": ("MobileNet", "tf"),
    "mobilenet_v2": ("MobileNetV2", "tf"),
    "mobilenet_v3": ("MobileNetV3Small MobileNetV3Large", None),
    "nasnet": ("NASNetMobile NASNetLarge", "tf"),
    "resnet": ("ResNet50 ResNet101 ResNet152", "caffe"),
    "resnet50": ("ResNet50", "caffe"),
    "resnet_v2": ("ResNet50V2 ResNet101V2 ResNet152V2", "tf"),
    "xception": ("Xception", "tf"),
}


def _module(name: str, classes: str, mode: str | None) -> ModuleType:
    made = preprocessing_module(f"{__name__}.{name}", mode)
    for one in classes.split():
        setattr(made, one, Missing(one))
    sys.modules[made.__name__] = made
    return made


for _name, (_classes, _mode) in _OTHERS.items():
    globals()[_name] = _module(_name, _classes, _mode)
    globals().update({_class: getattr(globals()[_name], _class) for _class in _classes.split()})

__all__ = ["VGG16", "VGG19", "imagenet_utils", "vgg16", "vgg19"]


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'diptych.applications' has no attribute {name!r}; VGG16 and VGG19 can be built"
    )


def __dir__() -> list[str]:
    return sorted(__all__)
