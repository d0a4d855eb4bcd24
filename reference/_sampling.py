"""Where each pixel of a padded, resized or transformed image comes from, for both engines.

Shapes are (N, *spatial, C) throughout, with one to three spatial axes.
"""

import math
from functools import lru_cache

import numpy as np

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
FILL_MODES = ("constant", "nearest", "reflect", "wrap")
FAR = 1e9  # a point beyond this many pixels, or at none, takes the fill value


def padded_shape(x, padding):
    """The shape of x with zeros around; ValueError unless there is a pair for each spatial axis."""
    _check_rank("zero_pad", x)
    _check_pairs("zero_pad", "padding", x, padding)
    sizes = [n + before + after for n, (before, after) in zip(x[1:-1], padding, strict=True)]
    return (x[0], *sizes, x[-1])


def cropped_shape(x, cropping):
    """The shape of x without its margins; ValueError where nothing would be left."""
    _check_rank("crop", x)
    _check_pairs("crop", "cropping", x, cropping)
    sizes = [n - before - after for n, (before, after) in zip(x[1:-1], cropping, strict=True)]
    if min(sizes) < 1:
        raise ValueError(
            f"crop: cropping {cropping} leaves nothing of the spatial sizes {x[1:-1]}: "
            f"they would become {tuple(sizes)}"
        )
    return (x[0], *sizes, x[-1])


def upsampled_shape(x, factors):
    """The shape of x with every pixel repeated; ValueError unless the factors are at least 1."""
    _check_rank("upsample", x)
    if len(factors) != len(x) - 2 or min(factors) < 1:
        raise ValueError(
            f"upsample: factors needs a number of at least 1 for each of the {len(x) - 2} spatial "
            f"axes of x {x}, got {factors}"
        )
    return (x[0], *[n * factor for n, factor in zip(x[1:-1], factors, strict=True)], x[-1])


def resized_shape(x, sizes, interpolation):
    """The shape of x resized; ValueError for sizes or an interpolation that do not make sense."""
    _check_rank("resize", x)
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"resize: interpolation is one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}"
        )
    if len(sizes) != len(x) - 2 or min(sizes) < 1 or min(x[1:-1]) < 1:
        raise ValueError(
            f"resize: sizes needs a number of at least 1 for each of the {len(x) - 2} spatial axes "
            f"of x {x}, none of which may be empty; got {sizes}"
        )
    return (x[0], *sizes, x[-1])


def check_affine(x, transforms, interpolation, fill_mode):
    """Raise ValueError unless x (N, H, W, C), transforms (N or 1, 8) and the options fit."""
    if len(x) != 4:
        raise ValueError(f"affine: x needs 4 axes (N, H, W, C), got shape {x}")
    if len(transforms) != 2 or transforms[1] != 8 or transforms[0] not in (1, x[0]):
        raise ValueError(
            f"affine: transforms needs 8 numbers for each image, ({x[0]}, 8), or one row for all "
            f"of them, (1, 8); got shape {transforms}"
        )
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"affine: interpolation is nearest or bilinear, got {interpolation!r}")
    if fill_mode not in FILL_MODES:
        raise ValueError(f"affine: fill_mode is one of {', '.join(FILL_MODES)}, got {fill_mode!r}")


def _check_rank(name, x):
    if len(x) not in (3, 4, 5):
        raise ValueError(f"{name}: x needs 3 to 5 axes (N, 1 to 3 spatial axes, C), got shape {x}")


def _check_pairs(name, argument, x, pairs):
    if len(pairs) != len(x) - 2 or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(
            f"{name}: {argument} needs a pair (before, after) of numbers of at least 0 for each of "
            f"the {len(x) - 2} spatial axes of x {x}, got {pairs}"
        )


@lru_cache(maxsize=256)
def taps(before, after, interpolation, antialias):
    """What each of `after` points takes of `before` pixels: index and weight, both (after, T).

        y[o] = sum_t weight[o, t] x[index[o, t]]

    Pixels are squares and their values stand in the middle, so output o lies at the input's
    c = (o + 1/2) before / after - 1/2. Pixel i weighs f(i - c), f being the interpolation's kernel;
    the weights of one output are divided by their sum, which at the border are fewer. With
    `antialias`, shrinking widens the kernel by before / after: no pixel goes unseen.
    """
    if interpolation == "nearest" or before == after:
        index = (2 * np.arange(after) + 1) * before // (2 * after)
        weight = np.ones((after, 1))
        return _frozen(index[:, np.newaxis]), _frozen(weight)
    kernel, support = _KERNELS[interpolation]
    widening = max(before / after, 1.0) if antialias else 1.0
    center = (np.arange(after) + 0.5) * (before / after) - 0.5
    reach = math.ceil(support * widening)
    index = np.floor(center).astype(np.int64)[:, np.newaxis] + np.arange(1 - reach, reach + 1)
    weight = kernel(np.abs(index - center[:, np.newaxis]) / widening)
    weight[(index < 0) | (index >= before)] = 0.0
    weight /= weight.sum(axis=1, keepdims=True)
    used = np.any(weight != 0, axis=0)
    return _frozen(index[:, used].clip(0, before - 1)), _frozen(weight[:, used])


def _frozen(array):
    array.flags.writeable = False
    return array


def _triangle(distance):
    return np.maximum(1.0 - distance, 0.0)


def _cubic(distance):
    """Keys 1981, Cubic convolution interpolation for digital image processing, with a = -1/2."""
    near = (1.5 * distance - 2.5) * distance**2 + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _lanczos(radius):
    return lambda distance: np.where(
        distance < radius, np.sinc(distance) * np.sinc(distance / radius), 0.0
    )


# The kernel as a function of the distance, and the distance from which on it is 0.
_KERNELS = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
