"""``tf.image``: (height, width, channels) or batches of them, as ``diptych.ops.image``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ... import random as own
from ._names import missing

__all__ = [
    "adjust_brightness", "adjust_contrast", "central_crop", "convert_image_dtype",
    "crop_to_bounding_box", "flip_left_right", "flip_up_down", "grayscale_to_rgb",
    "pad_to_bounding_box", "per_image_standardization", "random_brightness", "random_contrast",
    "random_crop", "random_flip_left_right", "random_flip_up_down", "resize",
    "resize_with_crop_or_pad", "rgb_to_grayscale", "rot90", "total_variation", "transpose",
]  # fmt: skip


def resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: Any = None,
) -> Any:
    """Images of another size; floats, unless the method is "nearest"."""
    images = ops.convert_to_tensor(images)
    if method != "nearest":
        images = ops.cast(images, "float32")
    height, width = (int(n) for n in size)
    if preserve_aspect_ratio:
        old = images.shape[-3:-1]
        scale = min(height / old[0], width / old[1])
        height, width = (max(1, round(n * scale)) for n in old)
    return ops.image.resize(images, (height, width), method, antialias, data_format="channels_last")


def flip_left_right(image: Any) -> Any:
    """Left and right exchanged."""
    return ops.flip(image, -2)


def flip_up_down(image: Any) -> Any:
    """Top and bottom exchanged."""
    return ops.flip(image, -3)


def transpose(image: Any, name: Any = None) -> Any:
    """Height and width exchanged."""
    return ops.swapaxes(image, -3, -2)


def rot90(image: Any, k: int = 1, name: Any = None) -> Any:
    """Turned by k times 90 degrees, against the clock."""
    return ops.rot90(image, k, axes=(-3, -2))


def random_flip_left_right(image: Any, seed: Any = None) -> Any:
    """Flipped with probability 1/2, each image of a batch by itself."""
    return _each_maybe(flip_left_right, image, seed)


def random_flip_up_down(image: Any, seed: Any = None) -> Any:
    """Flipped with probability 1/2, each image of a batch by itself."""
    return _each_maybe(flip_up_down, image, seed)


def _each_maybe(change: Any, image: Any, seed: Any) -> Any:
    image = ops.convert_to_tensor(image)
    count = image.shape[:-3]
    chosen = own.generator_of(seed).random(count) < 0.5
    return ops.where(np.reshape(chosen, (*count, 1, 1, 1)), change(image), image)


def adjust_brightness(image: Any, delta: Any) -> Any:
    """Brighter by ``delta``, a fraction of the full range."""
    return ops.add(image, delta)


def random_brightness(image: Any, max_delta: float, seed: Any = None) -> Any:
    """Brighter or darker by at most ``max_delta``."""
    return adjust_brightness(image, _between(-max_delta, max_delta, seed))


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Each channel's distance from its mean, times the factor."""
    mean = ops.mean(images, axis=(-3, -2), keepdims=True)
    return ops.add(ops.multiply(ops.subtract(images, mean), contrast_factor), mean)


def random_contrast(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
    """Contrast times a factor between ``lower`` and ``upper``."""
    return adjust_contrast(image, _between(lower, upper, seed))


def _between(low: float, high: float, seed: Any) -> float:
    return float(own.generator_of(seed).uniform(low, high))


def crop_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Any:
    """The part of the image that begins at this row and column."""
    image = ops.convert_to_tensor(image)
    rows = slice(offset_height, offset_height + target_height)
    columns = slice(offset_width, offset_width + target_width)
    return image[..., rows, columns, :]


def pad_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Any:
    """The image at this row and column of a larger one of zeros."""
    return ops.image.pad_images(
        image,
        top_padding=offset_height,
        left_padding=offset_width,
        target_height=target_height,
        target_width=target_width,
        data_format="channels_last",
    )


def central_crop(image: Any, central_fraction: float) -> Any:
    """The middle of the image, this fraction of each side."""
    image = ops.convert_to_tensor(image)
    height, width = image.shape[-3:-1]
    top = int((height - height * central_fraction) / 2)
    left = int((width - width * central_fraction) / 2)
    return crop_to_bounding_box(image, top, left, height - 2 * top, width - 2 * left)


def resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Any:
    """The middle of the image, with zeros around it where it is too small."""
    image = ops.convert_to_tensor(image)
    for axis, target in ((-3, target_height), (-2, target_width)):
        size = image.shape[axis]
        if size > target:
            start = (size - target) // 2
            image = ops.take(image, np.arange(start, start + target), axis=axis)
        else:
            before = (target - size) // 2
            widths = [(0, 0)] * image.ndim
            widths[axis] = (before, target - size - before)
            image = ops.pad(image, widths)
    return image


def random_crop(value: Any, size: Any, seed: Any = None, name: Any = None) -> Any:
    """A part of this size, at a random place."""
    value = ops.convert_to_tensor(value)
    generator = own.generator_of(seed)
    starts = [
        int(generator.integers(0, n - int(m) + 1)) for n, m in zip(value.shape, size, strict=True)
    ]
    return value[tuple(slice(i, i + int(m)) for i, m in zip(starts, size, strict=True))]


def rgb_to_grayscale(images: Any, name: Any = None) -> Any:
    """One channel of brightness."""
    return ops.image.rgb_to_grayscale(images, data_format="channels_last")


def grayscale_to_rgb(images: Any, name: Any = None) -> Any:
    """The one channel three times."""
    return ops.repeat(images, 3, axis=-1)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: Any = None) -> Any:
    """Whole numbers of the full range as floats from 0 to 1, or the other way."""
    image, dtype = ops.convert_to_tensor(image), np.dtype(dtype)
    given = image.dtype
    if given == dtype or (given.kind == "f" and dtype.kind == "f"):
        return ops.cast(image, dtype)
    if given.kind in "iu" and dtype.kind == "f":
        return ops.divide(ops.cast(image, dtype), float(np.iinfo(given).max))
    if given.kind == "f" and dtype.kind in "iu":
        top = np.iinfo(dtype).max
        scaled = ops.multiply(image, top + 0.5)
        return ops.cast(ops.clip(scaled, 0, top) if saturate else scaled, dtype)
    raise ValueError(f"convert_image_dtype from {given} to {dtype} is not supported.")


def per_image_standardization(image: Any) -> Any:
    """Each image with mean 0 and variance 1."""
    image = ops.cast(ops.convert_to_tensor(image), "float32")
    axes = (-3, -2, -1)
    smallest = 1.0 / np.sqrt(np.prod(image.shape[-3:]))
    spread = ops.maximum(ops.std(image, axes, keepdims=True), float(smallest))
    return ops.divide(ops.subtract(image, ops.mean(image, axes, keepdims=True)), spread)


def total_variation(images: Any, name: Any = None) -> Any:
    """The sum of the differences between neighbouring pixels of each image."""
    down = ops.abs(images[..., 1:, :, :] - images[..., :-1, :, :])
    right = ops.abs(images[..., :, 1:, :] - images[..., :, :-1, :])
    axes = (-3, -2, -1)
    return ops.add(ops.sum(down, axes), ops.sum(right, axes))


def __getattr__(name: str) -> Any:
    raise missing("tf.image", name, __all__)
