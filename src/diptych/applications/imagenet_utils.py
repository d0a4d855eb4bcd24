"""How images are prepared for networks that were trained on ImageNet, and how answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import config, ops
from ..tensor import Tensor
from .networks import fetch

__all__ = ["decode_predictions", "preprocess_input"]

_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red
_TORCH_MEANS, _TORCH_STDS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

CLASS_NAMES = (
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)


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
    if data_format not in (None, "channels_first", "channels_last"):
        raise ValueError(
            f"data_format={data_format!r}; expected 'channels_first' or 'channels_last'"
        )
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


_MODES = {
    "caffe": "blue first, the means of ImageNet taken away",
    "tf": "from -1 to 1",
    "torch": "from 0 to 1, then less the means of ImageNet and by its standard deviations",
}


def preparation(mode: str | None) -> Callable[..., Any]:
    """The ``preprocess_input`` of a network; None for one whose first layers prepare the images."""

    def preprocess_input_(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    preprocess_input_.__name__ = preprocess_input_.__qualname__ = "preprocess_input"
    preprocess_input_.__doc__ = (
        "The images as they are: the network itself prepares them."
        if mode is None
        else f"Images with values from 0 to 255, red first, as the network needs them: "
        f"{_MODES[mode]}.\n\nFloats are changed in place, as in Keras; see ``imagenet_utils``."
    )
    return preprocess_input_


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The names of the likeliest classes of ImageNet.

    Args:
        preds: probabilities (N, 1000).
        top: how many to name.

    Returns:
        For each image a list of (WordNet's number, name, probability), the likeliest first.

    Raises:
        ValueError: ``preds`` have another shape.
        FileNotFoundError: the file of names can't be downloaded; it says where to put it.
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "decode_predictions() needs the probabilities of ImageNet's classes, (N, 1000); got "
            f"the shape {preds.shape}."
        )
    path = fetch(*CLASS_NAMES, "preds.argmax(axis=-1) gives the numbers of the classes")
    names = _class_names(path)
    return [
        [(*names[i], row[i]) for i in row.argsort()[::-1][: max(top, 0)]]
        for row in preds
    ]  # fmt: skip


@cache
def _class_names(path: str) -> list[tuple[str, str]]:
    """Of each class, its number in WordNet and its name."""
    listed = json.loads(Path(path).read_text(encoding="utf-8"))
    return [tuple(listed[str(i)]) for i in range(1000)]


def __dir__() -> list[str]:
    return sorted(__all__)
