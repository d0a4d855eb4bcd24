"""How images are prepared for networks that were trained on ImageNet."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from .. import config, ops
from ..tensor import Tensor

__all__ = ["decode_predictions", "preprocess_input"]

_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red
_TORCH_MEANS, _TORCH_STDS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Images with values from 0 to 255, prepared for a network.

    Args:
        x: an array or tensor of one image or a batch, red first; an array of floats is changed in
            place, as in Keras.
        data_format: "channels_last" or "channels_first"; by default as configured.
        mode: "caffe" (blue first, means taken away), "tf" (-1 to 1) or "torch" (0 to 1, then means
            taken away and divided by standard deviations).
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"mode={mode!r}; expected 'caffe', 'tf' or 'torch'")
    first = (data_format or config.image_data_format()) == "channels_first"
    shape = (3, 1, 1) if first else (3,)
    symbolic = isinstance(x, Tensor) or ops.is_tensor(x)
    floats = x if symbolic else np.asarray(x).astype(config.floatx(), copy=False)
    y = ops.convert_to_tensor(floats)
    if y.dtype not in ("float32", "float64"):
        y = ops.cast(y, config.floatx())
    if mode == "tf":
        y = y / 127.5 - 1.0
    elif mode == "torch":
        y = y / 255.0
        y = (y - np.reshape(_TORCH_MEANS, shape)) / np.reshape(_TORCH_STDS, shape)
    else:
        y = ops.flip(y, -3 if first else -1) - np.reshape(_MEANS, shape)
    if symbolic:
        return y
    array = np.asarray(y, floats.dtype)
    if floats is x and x.flags.writeable:
        x[...] = array
        return x
    return array


def decode_predictions(preds: Any, top: int = 5) -> Any:
    """Not available: the names of the classes belong to weights that cannot be downloaded."""
    raise NotImplementedError(
        "decode_predictions needs the class names of ImageNet, which belong to pretrained weights; "
        "these cannot be downloaded here. preds.argmax(axis=-1) gives the class numbers."
    )


class Missing:
    """Stands for a network that is not built in: calling it raises an error."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{self.__name__} is not built into diptych, and its pretrained weights cannot be "
            "downloaded. VGG16(weights=None) and VGG19(weights=None) can be built; any other "
            "network can be written with diptych.layers."
        )

    def __repr__(self) -> str:
        return f"<{self.__name__}: not built into diptych>"


def preprocessing_module(name: str, mode: str | None) -> ModuleType:
    """A module with ``preprocess_input`` of this mode (None: images stay as they are)."""
    made = ModuleType(name, f"Preparation of images, mode {mode}.")

    def prepare(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    prepare.__name__, prepare.__doc__ = "preprocess_input", preprocess_input.__doc__
    vars(made).update(preprocess_input=prepare, decode_predictions=decode_predictions)
    return made


def check_weights(name: str, weights: Any) -> None:
    """Raise an error unless a network is asked for without pretrained weights."""
    if weights is not None:
        raise ValueError(
            f"{name}(weights={weights!r}): pretrained weights cannot be downloaded. {name}("
            "weights=None) builds the network with new weights; model.load_weights(file) reads "
            "yours."
        )


def __dir__() -> list[str]:
    return sorted(__all__)
