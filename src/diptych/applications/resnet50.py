"""ResNet50; see ``resnet``."""

from .resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]


def __dir__() -> list[str]:
    return sorted(__all__)
