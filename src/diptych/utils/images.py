"""Images in files, as arrays. Pillow reads and writes them; it is an optional dependency."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_FILTERS = {"nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"}


def _pillow(what: str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{what} needs Pillow: pip install pillow") from error
    return Image


def load_img(
    path: Any,
    grayscale: bool = False,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """A file as a Pillow image.

    Args:
        path: the file.
        grayscale: the old spelling of ``color_mode="grayscale"``.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width); None keeps the size.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether to cut the image to the proportions of ``target_size`` first.
    """
    image_module = _pillow("load_img")
    color_mode = "grayscale" if grayscale else color_mode
    if color_mode not in _MODES:
        raise ValueError(f"color_mode={color_mode!r}; expected one of {', '.join(_MODES)}")
    with image_module.open(path) as image:
        image = image.convert(_MODES[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _FILTERS:
        raise ValueError(f"interpolation={interpolation!r}; expected one of {sorted(_FILTERS)}")
    height, width = target_size
    resample = getattr(image_module.Resampling, interpolation.upper())
    box = None
    if keep_aspect_ratio:
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        box = (left, top, left + width * scale, top + height * scale)
    return image.resize((width, height), resample, box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image as an array of floats from 0 to 255, with an axis of channels."""
    array = np.asarray(img, dtype or config.floatx())
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"An image has 2 or 3 axes; this one has the shape {array.shape}.")
    first = (data_format or config.image_data_format()) == "channels_first"
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array of one image as a Pillow image.

    Args:
        x: (height, width, channels), or the channels first as configured.
        scale: whether to stretch the values to 0 to 255.
    """
    image_module = _pillow("array_to_img")
    array = np.asarray(x, dtype or config.floatx())
    if array.ndim != 3:
        raise ValueError(f"array_to_img takes one image of 3 axes; got the shape {array.shape}.")
    if (data_format or config.image_data_format()) == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        top = array.max()
        array = array / (top if top else 1) * 255
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"An image has 1, 3 or 4 channels; this one has {channels}.")
    pixels = array.astype("uint8")
    return image_module.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file."""
    array_to_img(x, data_format, scale).save(path, format=file_format, **kwargs)
