"""One image turned, shifted, sheared, zoomed, and of other colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
]


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """One image turned, shifted, sheared and zoomed about its centre.

    Args:
        x: the image, of three axes.
        theta, shear: angles in degrees.
        tx, ty: shifts in pixels, up and to the left.
        zx, zy: zoom in height and in width; below 1 magnifies.
        row_axis, col_axis, channel_axis: which axis is which.
        fill_mode, cval: what is beyond the border: "constant" (``cval``), "nearest", "reflect" or
            "wrap".
        order: 0 takes the nearest pixel, 1 interpolates between four.
    """
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    if order not in (0, 1):
        raise ValueError(
            f"An interpolation of order {order!r} is not available: 0 takes the nearest pixel, 1 "
            "interpolates between four."
        )
    angle, slant = np.deg2rad(theta), np.deg2rad(shear)
    # From (x, y) of the output to (x, y) of the input.
    rotation = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    shift = [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    shearing = [[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]]
    images = np.moveaxis(x, (row_axis, col_axis, channel_axis), (0, 1, 2))
    # As in Keras, which takes half the height for x and half the width for y.
    x0, y0 = (size / 2 - 0.5 for size in images.shape[:2])
    to_centre = np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1]])
    product = np.array(rotation) @ shift @ shearing @ np.diag([zx, zy, 1.0])
    m = to_centre @ product @ np.linalg.inv(to_centre)
    columns, rows = np.meshgrid(np.arange(images.shape[1]), np.arange(images.shape[0]))
    y, outside = _sampled(
        images.astype(np.float64),
        m[1, 0] * columns + m[1, 1] * rows + m[1, 2],
        m[0, 0] * columns + m[0, 1] * rows + m[0, 2],
        fill_mode,
        order,
    )
    y[outside] = cval
    return np.moveaxis(y.astype(x.dtype), (0, 1, 2), (row_axis, col_axis, channel_axis))


def _sampled(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill_mode: str, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """The image at these places, and which of them are outside of it."""
    parts, outside = [], np.zeros(rows.shape, np.bool_)
    for places, size in zip((rows, columns), image.shape[:2], strict=True):
        beyond = (places < 0) | (places > size - 1)
        if fill_mode == "constant":
            outside |= beyond
        elif fill_mode == "wrap":  # as SciPy's: the first and the last pixel coincide
            places = np.where(beyond, places % max(size - 1, 1), places)
        elif fill_mode == "reflect":
            places = (places + 0.5) % (2 * size)
            places = np.minimum(places, 2 * size - places) - 0.5
        elif fill_mode != "nearest":
            raise ValueError(
                f"fill_mode={fill_mode!r}; expected 'constant', 'nearest', 'reflect' or 'wrap'"
            )
        places = np.clip(places, 0, size - 1)
        if order == 0:
            places = np.floor(places + 0.5)
        first = np.minimum(places.astype(int), max(size - 2, 0))
        parts.append((first, np.minimum(first + 1, size - 1), (places - first)[..., None]))
    (top, bottom, down), (left, right, across) = parts
    above = image[top, left] * (1 - across) + image[top, right] * across
    below = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return above * (1 - down) + below * down, outside


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """One image with a number added to its values, which stay between the least and the largest.

    Args:
        x: the image, of three axes.
        intensity: the number.
        channel_axis: not used: all channels get the same number.
    """
    return np.clip(x + intensity, x.min(), x.max())


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """One image with its values, as whole numbers from 0 to 255, times a factor.

    Args:
        x: the image.
        brightness: the factor.
        scale: whether to stretch the values to 0 to 255 first; False does so where they go beyond,
            and stretches them back.
    """
    low, high = x.min(), x.max()
    beyond = low < 0 or high > 255
    if scale or beyond:
        x = (x - low) / ((high - low) or 1) * 255
    y = np.clip(x.astype(np.uint8) * np.float32(brightness), 0, 255).astype(np.uint8)
    y = y.astype(x.dtype)
    return y / 255 * (high - low) + low if beyond and not scale else y


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """One image turned by up to ``rg`` degrees; the others as in ``apply_affine_transform``.

    The other arguments are those of ``apply_affine_transform``; ``interpolation_order`` is its
    ``order``.
    """
    theta = np.random.uniform(-rg, rg)
    where = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *where)


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """One image shifted by up to the fractions ``wrg`` of its width and ``hrg`` of its height.

    The other arguments are those of ``apply_affine_transform``; ``interpolation_order`` is its
    ``order``.
    """
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    where = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *where)


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """One image sheared by up to ``intensity`` degrees.

    The other arguments are those of ``apply_affine_transform``; ``interpolation_order`` is its
    ``order``.
    """
    shear = np.random.uniform(-intensity, intensity)
    where = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *where)


def random_zoom(
    x: np.ndarray,
    zoom_range: Sequence[float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """One image zoomed by two factors between those of ``zoom_range``.

    The other arguments are those of ``apply_affine_transform``; ``interpolation_order`` is its
    ``order``.
    """
    low, high = _pair(zoom_range, "zoom_range")
    zx, zy = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
    where = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *where)


def random_channel_shift(x: np.ndarray, intensity_range: float, channel_axis: int = 0) -> Any:
    """One image with a number of up to ``intensity_range`` added to its values.

    The other arguments are those of ``apply_channel_shift``.
    """
    intensity = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(x: np.ndarray, brightness_range: Sequence[float], scale: bool = True) -> Any:
    """One image brightened by a factor between those of ``brightness_range``.

    The other arguments are those of ``apply_brightness_shift``.
    """
    low, high = _pair(brightness_range, "brightness_range")
    return apply_brightness_shift(x, np.random.uniform(low, high), scale)


def _pair(value: Any, name: str) -> tuple[float, float]:
    if np.ndim(value) != 1 or len(value) != 2:
        raise ValueError(f"{name}={value!r}; expected two factors")
    return tuple(value)
