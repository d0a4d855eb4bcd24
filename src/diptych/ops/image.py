"""``ops.image``: functions on images, under the names of ``keras.ops.image``.

Images are (height, width, channels), or a batch of them; with data_format="channels_first" the
channels come before the height.
"""

import functools
import inspect

import numpy as np

from .. import config, graph
from ..operation import LinearTwin
from ..shape_rules import replaced
from ..utils.windows import standardize_data_format
from . import resizing
from .creation import as_tensor, cast
from .elementwise import absolute, clip, maximum, minimum, mod, round
from .filters import (
    elastic_transform,
    extract_patches,
    extract_patches_3d,
    gaussian_blur,
    map_coordinates,
    scale_and_translate,
    sobel_edges,
    ssim,
)
from .indexing import where
from .logic import equal, greater, less
from .reductions import sum
from .shapes import expand_dims, moveaxis, pad, squeeze, stack, unstack

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]


class _AffineTwin(LinearTwin):
    """A twin ``(images, transforms)`` with a gradient for the images only; but for the fill value,
    its last option, it is linear in these.
    """

    def _pair(self, engine):
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")

        def gradients(dy, cache, needs):
            if needs[1]:
                raise NotImplementedError(
                    "image.affine_transform has no gradient for `transform`, but it depends on "
                    "something that is trained or watched. If it is data, pass "
                    "ops.stop_gradient(transform)."
                )
            return backward(dy, cache), None

        return forward, gradients

    def _again(self, g, dy, record):
        return super()._again(g, dy, record._replace(options=(*record.options[:-1], 0.0)))


_affine = _AffineTwin("resizing", "affine")


def _on_images(shape):
    """Decorate a function of an image or a batch, so that it accepts symbolic images too.

    shape: ``shape(images, ...)``, the shape of what the function returns for the same arguments.
    """

    def decorate(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def operation(images, *args, **kwargs):
            images = as_tensor(images)
            if images.ndim not in (3, 4):
                raise ValueError(
                    f"image.{function.__name__}() takes an image of 3 axes or a batch of 4, but "
                    f"got shape {images.shape}."
                )
            if not graph.symbolic((images, args, kwargs)):
                return function(images, *args, **kwargs)
            bound = signature.bind(images, *args, **kwargs)
            bound.apply_defaults()
            output = graph.KerasTensor(shape(**bound.arguments), images.dtype)
            return graph.record(operation, (images, *args), kwargs, output)

        return operation

    return decorate


def _same_shape(images, **options):
    return images.shape


def _with_size(images, data_format, height, width):
    """The shape of the images with another height and width."""
    if standardize_data_format(data_format, "ops.image") == "channels_first":
        return (*images.shape[:-2], height, width)
    return (*images.shape[:-3], height, width, images.shape[-1])


def _batched(function, images):
    """Apply ``function``, which takes a batch, to a batch or a single image."""
    if images.ndim == 4:
        return function(images)
    return squeeze(function(expand_dims(images, 0)), 0)


def _as_float(images):
    """Images as floats: integers become the configured float type."""
    return images if np.dtype(images.dtype).kind == "f" else cast(images, config.floatx())


def _in_range_of(values, dtype):
    """``values`` cast to a dtype; for integers they are rounded and clipped first."""
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return values
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = clip(round(values), float(limits.min), float(limits.max))
    return cast(values, dtype)


# --------------------------------------------------------------------------------------------------
# Sizes


def _resized_shape(images, size, data_format, **options):
    if np.shape(size) != (2,):
        raise ValueError(f"image.resize() needs size=(height, width); got {size!r}.")
    return _with_size(images, data_format, *map(int, size))


@_on_images(_resized_shape)
def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    """Resize images to (height, width); integers are rounded and stay integers.

    Args:
        images: an image or a batch of images.
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether shrinking averages over all pixels.
        crop_to_aspect_ratio: whether to crop to the new proportions. pad_to_aspect_ratio: whether
        to pad to the new proportions with ``fill_value``. fill_mode: "constant", the only one
        available.
        fill_value: the value of the padding.
        data_format: "channels_last" or "channels_first"; by default as configured.

    Raises:
        ValueError: ``size`` is no pair, both ways to keep proportions are asked for, or the fill
            mode is not "constant".
    """
    data_format = standardize_data_format(data_format, "image.resize")
    if fill_mode != "constant":
        raise ValueError(f"image.resize() supports only fill_mode='constant'; got {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("image.resize() can crop to the aspect ratio or pad to it, not both.")
    if np.shape(size) != (2,):
        raise ValueError(f"image.resize() needs size=(height, width); got {size!r}.")
    size = (int(size[0]), int(size[1]))
    y = _as_float(images)
    if crop_to_aspect_ratio:
        y = _window(y, *_middle_window(_height_and_width(y, data_format), size), data_format)
    elif pad_to_aspect_ratio:
        y = _pad_to_ratio(y, size, fill_value, data_format)

    def resized(batch):
        return resizing.resize(batch, size, interpolation, bool(antialias), data_format)

    return _in_range_of(_batched(resized, y), images.dtype)


def _height_and_width(images, data_format):
    return images.shape[-2:] if data_format == "channels_first" else images.shape[-3:-1]


def _middle_window(have, want):
    """((top, left), (height, width)) of the largest central window of proportions ``want``."""
    height, width = have
    inner = (
        max(min(height, int(width * want[0] / want[1])), 1),
        max(min(width, int(height * want[1] / want[0])), 1),
    )
    return ((height - inner[0]) // 2, (width - inner[1]) // 2), inner


def _window(images, start, size, data_format):
    """The part of the images that begins at ``start`` (top, left)."""
    have = _height_and_width(images, data_format)
    cropping = tuple((s, n - s - k) for s, k, n in zip(start, size, have, strict=True))
    return _batched(lambda batch: resizing.crop(batch, cropping, data_format), images)


def _pad_to_ratio(images, want, fill_value, data_format):
    """Images with equal margins on two sides, so that they have about the proportions ``want``."""
    height, width = _height_and_width(images, data_format)
    above = (max(height, int(width * want[0] / want[1])) - height) // 2
    beside = (max(width, int(height * want[1] / want[0])) - width) // 2
    margins = [(above, above), (beside, beside)]
    margins = [(0, 0), *margins] if data_format == "channels_first" else [*margins, (0, 0)]
    return pad(images, [(0, 0)] * (images.ndim - 3) + margins, constant_values=fill_value)


def _missing_one(name, before, after, size, have, sign):
    """(before, after) along one axis: two of the three numbers are given, the third follows.

    have: the size along that axis; with None, no third follows.
    sign: 1 if the target is larger than the image (padding), -1 if it is smaller (cropping).
    """
    words = dict(zip(name, (before, after, size), strict=True))
    given = ", ".join(f"{word}={value}" for word, value in words.items())
    if list(words.values()).count(None) != 1:
        raise ValueError(f"Pass two of {', '.join(words)}; the third follows. Got {given}.")
    if have is None:
        return before, after
    if size is not None:
        rest = sign * (size - have)
        before, after = (rest - after if before is None else before), after
        after = rest - before if after is None else after
    if before < 0 or after < 0 or have + sign * (before + after) < 0:
        raise ValueError(
            f"{given} does not fit images of size {have} along that axis: it would take "
            f"{before} before and {after} after."
        )
    return before, after


_PADDING = (
    ("top_padding", "bottom_padding", "target_height"),
    ("left_padding", "right_padding", "target_width"),
)
_CROPPING = (
    ("top_cropping", "bottom_cropping", "target_height"),
    ("left_cropping", "right_cropping", "target_width"),
)


def _with_margins(names, sign):
    """The rule for the shape of padded or cropped images."""

    def rule(images, data_format, **options):
        have = _height_and_width(images, standardize_data_format(data_format, "ops.image"))
        sizes = []
        for words, n in zip(names, have, strict=True):
            before, after, size = (options[word] for word in words)
            before, after = _missing_one(words, before, after, size, n, sign)
            sizes.append(size if n is None else n + sign * (before + after))
        return _with_size(images, data_format, *sizes)

    return rule


@_on_images(_with_margins(_PADDING, 1))
def pad_images(
    images,
    top_padding=None,
    left_padding=None,
    bottom_padding=None,
    right_padding=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Pad images with zeros. Pass two of top, bottom and target height, and two of left, right and
    target width; the third follows.

    images (N, H, W, C) or (H, W, C) give (..., target_height, target_width, C); C comes before H
    with data_format="channels_first".
    """
    data_format = standardize_data_format(data_format, "image.pad_images")
    height, width = _height_and_width(images, data_format)
    rows, columns = _PADDING
    padding = (
        _missing_one(rows, top_padding, bottom_padding, target_height, height, 1),
        _missing_one(columns, left_padding, right_padding, target_width, width, 1),
    )
    return _batched(lambda batch: resizing.zero_pad(batch, padding, data_format), images)


@_on_images(_with_margins(_CROPPING, -1))
def crop_images(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Crop images. Pass two of top, bottom and target height, and two of left, right and target
    width; the third follows.

    images (N, H, W, C) or (H, W, C) give (..., target_height, target_width, C); C comes before H
    with data_format="channels_first".
    """
    data_format = standardize_data_format(data_format, "image.crop_images")
    height, width = _height_and_width(images, data_format)
    rows, columns = _CROPPING
    cropping = (
        _missing_one(rows, top_cropping, bottom_cropping, target_height, height, -1),
        _missing_one(columns, left_cropping, right_cropping, target_width, width, -1),
    )
    return _batched(lambda batch: resizing.crop(batch, cropping, data_format), images)


# --------------------------------------------------------------------------------------------------
# Turning


def _transformed_shape(images, transform, **options):
    shape = tuple(as_tensor(transform).shape)
    if len(shape) not in (1, 2) or shape[-1] not in (8, None):
        raise ValueError(
            "image.affine_transform() needs a transform of 8 numbers, or (N, 8), one for each "
            f"image; got the shape {shape}."
        )
    return images.shape


@_on_images(_transformed_shape)
def affine_transform(
    images,
    transform,
    interpolation="bilinear",
    fill_mode="constant",
    fill_value=0,
    data_format=None,
):
    """Every output pixel (x, y) is the input at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k),
    with k = c0 x + c1 y + 1.

    Args:
        images: an image or a batch of images.
        transform: a0, a1, a2, b0, b1, b2, c0, c1 for all images, or such a row for each.
        interpolation: "bilinear" or "nearest".
        fill_mode: the values beyond the border: "constant" (``fill_value``), "nearest", "reflect"
            or "wrap".
        fill_value: what "constant" fills with.
        data_format: "channels_last" or "channels_first"; by default as configured.
    """
    first = standardize_data_format(data_format, "image.affine_transform") == "channels_first"
    batch = _as_float(images)
    transform = cast(as_tensor(transform), batch.dtype)
    if transform.ndim == 1:
        transform = expand_dims(transform, 0)

    def moved(batch):
        batch = moveaxis(batch, 1, -1) if first else batch
        y = _affine((batch, transform), interpolation, fill_mode, float(fill_value))
        return moveaxis(y, -1, 1) if first else y

    y = _batched(moved, batch)
    return y if y.dtype == images.dtype else cast(y, images.dtype)


@_on_images(_same_shape)
def perspective_transform(
    images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None
):
    """The perspective transform that moves four points (x, y) of each image to four others.

    Args:
        images: an image or a batch of images.
        start_points: (4, 2), or (N, 4, 2): where the points are.
        end_points: where they go, in the same form.
        interpolation: "bilinear" or "nearest".
        fill_value: the value outside the input.
        data_format: "channels_last" or "channels_first"; by default as configured.

    No transform moves points that lie on one line, as the corners of an image with a single row
    do: then it is the one of least squares.

    Raises:
        ValueError: the points are not four pairs, (4, 2) or (N, 4, 2), in both.
    """
    start = np.asarray(as_tensor(start_points).array, np.float64)
    end = np.asarray(as_tensor(end_points).array, np.float64)
    if start.shape != end.shape or start.shape[-2:] != (4, 2) or start.ndim > 3:
        raise ValueError(
            "image.perspective_transform() needs start_points and end_points of shape (4, 2), or "
            f"(N, 4, 2) for a batch; got {start.shape} and {end.shape}."
        )
    transform = _homography(start.reshape(-1, 4, 2), end.reshape(-1, 4, 2))
    return affine_transform(images, transform, interpolation, "constant", fill_value, data_format)


def _homography(start, end):
    """The transforms (N, 8) that map ``end`` to ``start``: eight equations each, which are solved
    by the smallest of least squares where they have no solution or many.
    """
    x, y = end[..., 0], end[..., 1]
    zeros, ones = np.zeros_like(x), np.ones_like(x)
    u, v = start[..., 0], start[..., 1]
    along_x = np.stack([x, y, ones, zeros, zeros, zeros, -u * x, -u * y], axis=-1)
    along_y = np.stack([zeros, zeros, zeros, x, y, ones, -v * x, -v * y], axis=-1)
    equations = np.concatenate([along_x, along_y], axis=1)
    values = np.concatenate([u, v], axis=1)[..., np.newaxis]
    try:
        return np.linalg.solve(equations, values)[..., 0]
    except np.linalg.LinAlgError:
        return (np.linalg.pinv(equations) @ values)[..., 0]


# --------------------------------------------------------------------------------------------------
# Colours


def _channels(images, data_format, counts):
    """The channel axis; ValueError unless it has one of these sizes, or an unknown one."""
    axis = -3 if standardize_data_format(data_format, "ops.image") == "channels_first" else -1
    if images.shape[axis] not in (*counts, None):
        raise ValueError(
            f"Images must have {' or '.join(map(str, counts))} channels, but axis {axis} of shape "
            f"{images.shape} has {images.shape[axis]}."
        )
    return axis


def _gray_shape(images, data_format):
    axis = _channels(images, data_format, (1, 3)) % images.ndim
    return replaced(images.shape, axis, 1)


def _colours_of(name):
    """The rule for the shape of an operation on three colours as floats."""

    def rule(images, data_format):
        _channels(_floats_only(name, images), data_format, (3,))
        return images.shape

    return rule


@_on_images(_gray_shape)
def rgb_to_grayscale(images, data_format=None):
    """One channel: 0.2989 red + 0.5870 green + 0.1140 blue.

    images (..., H, W, 3) give (..., H, W, 1), and (..., 3, H, W) give (..., 1, H, W) with
    "channels_first".
    """
    axis = _channels(images, data_format, (1, 3))
    if images.shape[axis] == 1:
        return images
    weights = np.array([0.2989, 0.5870, 0.1140]).reshape((3,) + (1,) * (-1 - axis))
    values = _as_float(images)
    gray = sum(values * weights.astype(values.dtype), axis=axis, keepdims=True)
    return gray if np.dtype(images.dtype).kind == "f" else cast(gray, images.dtype)


@_on_images(_colours_of("rgb_to_hsv"))
def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value, all within 0 and 1, of red, green and blue within 0 and 1.

    images (..., H, W, 3), or (..., 3, H, W) with "channels_first", keep their shape.
    """
    axis = _channels(_floats_only("rgb_to_hsv", images), data_format, (3,))
    red, green, blue = unstack(images, axis=axis)
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    grey = equal(spread, 0.0)
    sixth = 1.0 / (6.0 * where(grey, 1.0, spread))
    hue = where(
        equal(value, red),
        sixth * (green - blue),
        where(
            equal(value, green),
            sixth * (blue - red) + 2.0 / 6.0,
            sixth * (red - green) + 4.0 / 6.0,
        ),
    )
    hue = where(grey, 0.0, where(less(hue, 0.0), hue + 1.0, hue))
    bright = greater(value, 0.0)
    saturation = where(bright, spread / where(bright, value, 1.0), 0.0)
    return stack([hue, saturation, value], axis=axis)


@_on_images(_colours_of("hsv_to_rgb"))
def hsv_to_rgb(images, data_format=None):
    """Red, green and blue from hue, saturation and value: the inverse of ``rgb_to_hsv``.

    images (..., H, W, 3), or (..., 3, H, W) with "channels_first", keep their shape.
    """
    axis = _channels(_floats_only("hsv_to_rgb", images), data_format, (3,))
    hue, saturation, value = unstack(images, axis=axis)
    sixths = mod(hue, 1.0) * 6.0
    red = clip(absolute(sixths - 3.0) - 1.0, 0.0, 1.0)
    green = clip(2.0 - absolute(sixths - 2.0), 0.0, 1.0)
    blue = clip(2.0 - absolute(sixths - 4.0), 0.0, 1.0)
    colours = [value * (1.0 - saturation + saturation * c) for c in (red, green, blue)]
    return stack(colours, axis=axis)


def _floats_only(name, images):
    if np.dtype(images.dtype).kind != "f":
        raise ValueError(
            f"image.{name}() needs floats, but the images are {images.dtype}: divide them by 255."
        )
    return images


def __dir__() -> list[str]:
    return sorted(__all__)
