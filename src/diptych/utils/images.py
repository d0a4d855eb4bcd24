"""Images in files, as arrays and as data sets. Pillow reads and writes them; it is an optional
dependency.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .. import ops
from ..legacy import accepts_old
from ..promotion import dtype_named
from .directories import FileFinder, check_format
from .naming import suggest
from .windows import standardize_data_format

__all__ = [
    "array_to_img",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "save_img",
    "smart_resize",
]

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_GREY = ("L", "I;16", "I")  # of 8, 16 and 32 bits
_FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def _pillow(what: str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{what} needs Pillow: pip install pillow, or pip install diptych[images]"
        ) from error
    return Image


def _opened(path: Any, place: str) -> Any:
    """A file as a Pillow image, read to its end.

    Raises:
        OSError: it is not there, is no image, damaged or cut short.
    """
    image_module = _pillow(place)
    if not isinstance(path, (str, bytes, os.PathLike)) and not hasattr(path, "read"):
        raise TypeError(f"{place} takes a path or an open file; got {path!r} of {type(path)}.")
    try:
        with image_module.open(path) as image:
            image.load()
            return image
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # whatever damaged bytes make of a decoder
        kind = type(error) if isinstance(error, OSError) else OSError
        raise kind(f"{place}: {path} is no image that can be read ({error}).") from error


def _in_mode(image: Any, color_mode: str) -> Any:
    """The image in the mode of Pillow's that ``color_mode`` names."""
    if image.mode == _MODES[color_mode] or (color_mode == "grayscale" and image.mode in _GREY):
        return image
    return image.convert(_MODES[color_mode])


def _check_color_mode(color_mode: Any, place: str) -> None:
    if color_mode not in _MODES:
        raise ValueError(
            f"{place} needs color_mode to be one of {', '.join(map(repr, _MODES))}; got "
            f"{color_mode!r}{suggest(color_mode, _MODES) or '.'}"
        )


@accepts_old("load_img")
def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """A file as a Pillow image.

    Args:
        path: the file: a path, or a file that is open for reading bytes.
        color_mode: "grayscale" (16 and 32 bits stay what they are), "rgb" or "rgba".
        target_size: (height, width); None keeps the size.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether to cut the image to the proportions of ``target_size`` first.

    Raises:
        OSError: the file is no image or is damaged; the message names it.
    """
    _check_color_mode(color_mode, "load_img()")
    image = _in_mode(_opened(path, "load_img()"), color_mode)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _FILTERS:
        raise ValueError(
            f"load_img() needs interpolation to be one of {', '.join(map(repr, _FILTERS))}; got "
            f"{interpolation!r}{suggest(interpolation, _FILTERS) or '.'}"
        )
    height, width = target_size
    resample = getattr(_pillow("load_img()").Resampling, interpolation.upper())
    box = None
    if keep_aspect_ratio:
        inner_height = min(image.height, image.width * height // width)
        inner_width = min(image.width, image.height * width // height)
        top, left = (image.height - inner_height) // 2, (image.width - inner_width) // 2
        box = (left, top, left + inner_width, top + inner_height)
    return image.resize((width, height), resample, box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image as an array (height, width, channels) of numbers from 0 to 255.

    Args:
        img: the image; one of shades of grey has one channel.
        data_format: "channels_last" or "channels_first"; by default as configured.
        dtype: by default the configured float type.
    """
    data_format = standardize_data_format(data_format, "img_to_array()")
    array = np.asarray(img, dtype_named(dtype))
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"An image has 2 or 3 axes; this one has the shape {array.shape}.")
    return array.transpose(2, 0, 1) if data_format == "channels_first" else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array of one image as a Pillow image.

    Args:
        x: (height, width, channels) of 1, 3 or 4 channels. One channel of values above 255 makes an
            image of 32 bits.
        data_format: "channels_last" or "channels_first"; by default as configured.
        scale: whether to stretch the values to 0 to 255.
        dtype: in which to compute that; by default the configured float type.
    """
    image_module = _pillow("array_to_img()")
    data_format = standardize_data_format(data_format, "array_to_img()")
    array = np.asarray(x, dtype_named(dtype))
    if array.ndim != 3:
        raise ValueError(f"array_to_img() takes one image of 3 axes; got the shape {array.shape}.")
    if data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        top = array.max()
        array = array / (top if top else 1) * 255
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"An image has 1, 3 or 4 channels; this one has {channels}.")
    deep = channels == 1 and array.max() > 255
    pixels = array.astype(np.int32 if deep else np.uint8)
    return image_module.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: the file: a path, whose ending says the format, or a file open for writing bytes.
        x, data_format, scale: as in ``array_to_img``.
        file_format: "png", "jpeg", ...: the format of an open file, or other than the path's.
        kwargs: options of Pillow's ``Image.save``, such as ``quality``.
    """
    image = array_to_img(x, data_format, scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = Path(path).suffix[1:].lower() or None
    if (file_format or "").lower() in ("jpg", "jpeg"):
        file_format = "jpeg"
        if image.mode == "RGBA":
            warnings.warn("A JPEG has no transparency: the fourth channel is dropped", stacklevel=2)
            image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """An image or a batch of another size, cut to its proportions first.

    Args:
        x: (height, width, channels) or (N, height, width, channels).
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".
        **kwargs: Keras's ``backend_module``, which is ignored.

    Returns an array if ``x`` is one, else a tensor.

    Raises:
        ValueError: another argument is given.
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise ValueError(f"smart_resize() has no argument {next(iter(kwargs))!r}.")
    y = ops.image.resize(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
    return np.asarray(y) if isinstance(x, np.ndarray) else y


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of images and labels from the .bmp, .gif, .jpg and .png files below a folder.

    With a folder for each class, ``directory/cat/1.jpg``, ``directory/dog/2.jpg``, the labels are
    the numbers of these folders in alphabetical order. It returns a ``Dataset`` with the methods of
    a tf.data.Dataset and ``class_names``; `fit`, `evaluate` and `predict` take it. Files are read
    when their batch is due. Needs Pillow.

        train, test = image_dataset_from_directory(
            "photos", image_size=(180, 180), validation_split=0.2, subset="both", seed=1
        )
        model.fit(train, validation_data=test)

    Args:
        directory: the folder.
        labels: "inferred" from the folders, None, or a list of a label for each file, in the order
            of their paths.
        label_mode: "int": (N,) int32; "binary": (N, 1) floats, for two classes; "categorical":
            one-hot rows; None: no labels, the batches are images alone.
        class_names: the folders to take, in the order in which they are numbered.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images in a batch; None gives them one by one.
        image_size: (height, width) to which they are resized, or one number for both.
        shuffle: whether to shuffle the files at first, which the split needs, and again in each
            pass; the order of the passes differs from TensorFlow's.
        seed: of the shuffling; the same seed gives the same split as in Keras.
        validation_split: the last fraction of the files, for validation.
        subset: "training" or "validation": which part to return; "both" returns a list of the two.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        follow_links: whether to follow symbolic links to folders.
        crop_to_aspect_ratio: whether to cut images to the new proportions first.
        pad_to_aspect_ratio: whether to keep their proportions and fill the margins with zeros.
        data_format: "channels_last" or "channels_first"; by default as configured.
        format: "tf" or "grain", for Keras's sake; the result is the same.
        verbose: whether to print the number of files.

    Each image is (height, width, channels) float32 from 0 to 255. A file that cannot be read raises
    an OSError that names it, when its batch is due.
    """
    place = "image_dataset_from_directory()"
    check_format(place, format)
    _check_color_mode(color_mode, place)
    data_format = standardize_data_format(data_format, place)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"{place} needs image_size=(height, width); got {image_size!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{place} can crop to the aspect ratio or pad to it, not both.")
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"{place} needs interpolation to be one of {', '.join(map(repr, _INTERPOLATIONS))}; "
            f"got {interpolation!r}{suggest(interpolation, _INTERPOLATIONS) or '.'}"
        )
    files = FileFinder(
        place,
        directory,
        ENDINGS,
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )

    def load(path: str) -> np.ndarray:
        opened = _opened(path, place)
        if opened.mode.startswith("I;16"):  # of 16 bits: the upper 8
            opened = _pillow(place).fromarray((np.asarray(opened) >> 8).astype(np.uint8))
        image = img_to_array(_in_mode(opened, color_mode), "channels_last", np.float32)
        if pad_to_aspect_ratio:
            image = _within(image, size, interpolation)
        else:
            image = _resized(image, size, interpolation, crop_to_aspect_ratio)
        return image.transpose(2, 0, 1) if data_format == "channels_first" else image

    return files.datasets(batch_size, load, np.stack)


_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def _resized(image: np.ndarray, size: Any, interpolation: str, crop: bool) -> np.ndarray:
    y = ops.image.resize(
        image, size, interpolation, crop_to_aspect_ratio=crop, data_format="channels_last"
    )
    return y.numpy()


def _within(image: np.ndarray, size: Any, interpolation: str) -> np.ndarray:
    """The image as large as fits into ``size``, in the middle of zeros."""
    height, width = size
    ratio = max(image.shape[0] / height, image.shape[1] / width)
    inner = [max(int(n / ratio), 1) for n in image.shape[:2]]
    top, left = (int((n - m / ratio) / 2) for n, m in zip(size, image.shape[:2], strict=True))
    y = np.zeros((height, width, image.shape[2]), image.dtype)
    y[top : top + inner[0], left : left + inner[1]] = _resized(image, inner, interpolation, False)
    return y
