"""Images of another size: padding, cropping, up-sampling, resizing, turning.

N images, C channels, and in between one to three spatial axes: (N, W, C), (N, H, W, C) or
(N, D, H, W, C). Written in order of increasing complexity.

Fast twins, by the same names: fastcore/resizing.pyx.
"""

import numpy as np

from ._sampling import (
    FAR,
    check_affine,
    cropped_shape,
    padded_shape,
    resized_shape,
    taps,
    upsampled_shape,
)
from ._shapes import check_cotangent


def zero_pad_forward(x, padding):
    """Zeros around the spatial axes.

        y[n, before + i, c] = x[n, i, c], and 0 elsewhere

    x: (N, *spatial, C)   padding: a pair (before, after) for each spatial axis.
    Returns y: (N, *(before + size + after), C), dtype of x, and cache = (x.shape, padding).
    Raises ValueError where the pairs do not fit the axes.
    """
    y = np.zeros(padded_shape(x.shape, padding), x.dtype)
    y[_inside(x.shape, padding)] = x
    return y, (x.shape, padding)


def zero_pad_backward(dy, cache):
    """Gradient of zero_pad_forward: the zeros do not count, so dx[n, i, c] = dy[n, before + i, c].

    dy: as y. Returns dx: as x.
    """
    shape, padding = cache
    check_cotangent("zero_pad_backward", dy.shape, padded_shape(shape, padding))
    return dy[_inside(shape, padding)].copy()


def crop_forward(x, cropping):
    """The middle of x: what zero_pad_backward does, and its reverse.

        y[n, i, c] = x[n, before + i, c]

    x: (N, *spatial, C)   cropping: a pair (before, after) for each spatial axis.
    Returns y: (N, *(size - before - after), C), dtype of x, and cache = (x.shape, cropping).
    Raises ValueError where the pairs do not fit the axes, or nothing would be left.
    """
    y = x[_inside(cropped_shape(x.shape, cropping), cropping)].copy()
    return y, (x.shape, cropping)


def crop_backward(dy, cache):
    """Gradient of crop_forward: dx[n, before + i, c] = dy[n, i, c], and 0 in the margins.

    dy: as y. Returns dx: as x.
    """
    shape, cropping = cache
    check_cotangent("crop_backward", dy.shape, cropped_shape(shape, cropping))
    dx = np.zeros(shape, dy.dtype)
    dx[_inside(dy.shape, cropping)] = dy
    return dx


def _inside(shape, margins):
    """Where an array of this shape lies in one that is larger by the margins."""
    spatial = [
        slice(before, before + n) for n, (before, _) in zip(shape[1:-1], margins, strict=True)
    ]
    return (slice(None), *spatial, slice(None))


def upsample_forward(x, factors):
    """Up-sampling: every pixel, several times.

        y[n, i, c] = x[n, i // factor, c]

    x: (N, *spatial, C)   factors: a whole number of at least 1 for each spatial axis.
    Returns y: (N, *(size * factor), C), dtype of x, and cache = (x.shape, factors).
    Raises ValueError where the factors do not fit the axes.
    """
    upsampled_shape(x.shape, factors)
    y = x
    for axis, factor in enumerate(factors, start=1):
        y = np.repeat(y, factor, axis)
    return y, (x.shape, factors)


def upsample_backward(dy, cache):
    """Gradient of upsample_forward: a pixel answers for all its copies.

        dx[n, i, c] = sum_r dy[n, i * factor + r, c]

    dy: as y. Returns dx: as x.
    """
    shape, factors = cache
    check_cotangent("upsample_backward", dy.shape, upsampled_shape(shape, factors))
    dx = dy
    for axis, factor in enumerate(factors, start=1):
        copies = (*dx.shape[:axis], shape[axis], factor, *dx.shape[axis + 1 :])
        dx = dx.reshape(copies).sum(axis=axis + 1)
    return dx


def resize_forward(x, sizes, interpolation="bilinear", antialias=False):
    """Interpolation to other spatial sizes, one axis after the other.

        y[n, o, c] = sum_t weight[o, t] x[n, index[o, t], c]        along each spatial axis

    where index and weight, which depend on the sizes alone, come from taps (in _sampling.py).
    x: (N, *spatial, C)   sizes: the new size of each spatial axis.
    interpolation: 'nearest', 'bilinear', 'bicubic', 'lanczos3' or 'lanczos5'.
    antialias: whether shrinking looks at every pixel, which 'nearest' never does.
    Returns y: (N, *sizes, C), dtype of x, and cache = (x.shape, sizes, interpolation, antialias).
    Raises ValueError for sizes and interpolations that do not make sense.
    Source: Gonzalez & Woods, Digital Image Processing, 2018, sec. 2.4.
    """
    resized_shape(x.shape, sizes, interpolation)
    y = x
    for axis, size in enumerate(sizes, start=1):
        index, weight = taps(x.shape[axis], size, interpolation, antialias)
        source, y = y, 0
        for t in range(index.shape[1]):
            y = y + _along(axis, weight[:, t], x) * source.take(index[:, t], axis)
    return y, (x.shape, sizes, interpolation, antialias)


def resize_backward(dy, cache):
    """Gradient of resize_forward: what was gathered with a weight is scattered with it.

        dx[n, i, c] = sum of weight[o, t] dy[n, o, c] over all o, t with index[o, t] = i

    dy: as y. Returns dx: as x.
    """
    shape, sizes, interpolation, antialias = cache
    expected = resized_shape(shape, sizes, interpolation)
    check_cotangent("resize_backward", dy.shape, expected)
    for axis, size in reversed(list(enumerate(sizes, start=1))):
        index, weight = taps(shape[axis], size, interpolation, antialias)
        dx = np.zeros((*dy.shape[:axis], shape[axis], *dy.shape[axis + 1 :]), dy.dtype)
        for t in range(index.shape[1]):  # y = y + weight[:, t] x[index[:, t]]
            term = _along(axis, weight[:, t], dy) * dy
            np.add.at(np.moveaxis(dx, axis, 0), index[:, t], np.moveaxis(term, axis, 0))
        dy = dx
    return dy


def _along(axis, vector, x):
    """The vector as an array that multiplies x along this axis, in the dtype of x."""
    return vector.astype(x.dtype).reshape((-1,) + (1,) * (x.ndim - axis - 1))


def affine_forward(x, transforms, interpolation="bilinear", fill_mode="constant", fill_value=0.0):
    """Affine transformation: rotation, shift, zoom, shear. An output pixel looks up a point of x.

        row    = (b0 j + b1 i + b2) / k        k = c0 j + c1 i + 1
        column = (a0 j + a1 i + a2) / k
        y[n, i, j, c] = sum of weight * x[n, row', column', c] over the pixels around that point

    x: (N, H, W, C)   transforms: (N, 8), rows of a0 a1 a2 b0 b1 b2 c0 c1; (1, 8) serves all images.
    interpolation: 'bilinear', the four pixels around the point, or 'nearest', the nearest one.
    fill_mode: what lies beyond the border abcd: 'constant' kkkk|abcd|kkkk with k = fill_value,
        'nearest' aaaa|abcd|dddd, 'reflect' dcba|abcd|dcba, 'wrap' abcd|abcd|abcd.
    Returns y: as x, and cache = (x.shape, transforms, interpolation, fill_mode).
    Where k = 0 there is no point: y = fill_value. Points are computed in float64 in any case.
    Raises ValueError where shapes or options do not fit.
    """
    check_affine(x.shape, transforms.shape, interpolation, fill_mode)
    n = np.arange(len(x))[:, np.newaxis, np.newaxis]
    y = np.zeros(x.shape, x.dtype)
    for row, column, weight, known in _corners(x.shape, transforms, interpolation, fill_mode):
        pixel = np.where(known, x[n, row, column], x.dtype.type(fill_value))
        y += weight.astype(x.dtype) * pixel
    return y, (x.shape, transforms, interpolation, fill_mode)


def affine_backward(dy, cache):
    """Gradient of affine_forward by the images: each pixel gets what it gave, weight by weight.

        dx[n, row', column', c] = sum of weight * dy[n, i, j, c] over the places that looked there

    dy: as y. Returns dx: as x. Transforms are data and have no gradient.
    """
    shape, transforms, interpolation, fill_mode = cache
    check_cotangent("affine_backward", dy.shape, shape)
    n = np.arange(len(dy))[:, np.newaxis, np.newaxis]
    dx = np.zeros(shape, dy.dtype)
    for row, column, weight, known in _corners(shape, transforms, interpolation, fill_mode):
        given = np.where(known, weight.astype(dy.dtype) * dy, 0)
        np.add.at(dx, (n, row, column), given)  # y += weight x[n, row, column]
    return dx


def _corners(shape, transforms, interpolation, fill_mode):
    """The pixels that each output pixel looks at: row, column (N, H, W), weight, known (..., 1).

    known is False where there is no such pixel, and the fill value stands for it.
    """
    count, height, width, _ = shape
    a0, a1, a2, b0, b1, b2, c0, c1 = transforms.astype(np.float64).T[:, :, np.newaxis, np.newaxis]
    i, j = np.arange(height)[:, np.newaxis], np.arange(width)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = c0 * j + c1 * i + 1
        rows = np.broadcast_to((b0 * j + b1 * i + b2) / k, (count, height, width))
        columns = np.broadcast_to((a0 * j + a1 * i + a2) / k, (count, height, width))
    found = (np.abs(rows) < FAR) & (np.abs(columns) < FAR)  # False for NaN
    rows, columns = np.where(found, rows, 0), np.where(found, columns, 0)
    for row, row_weight in _neighbours(rows, interpolation):
        for column, column_weight in _neighbours(columns, interpolation):
            row_index, row_known = _fold(row, height, fill_mode)
            column_index, column_known = _fold(column, width, fill_mode)
            known = (found & row_known & column_known)[..., np.newaxis]
            weight = (row_weight * column_weight)[..., np.newaxis]
            yield row_index, column_index, weight, known


def _neighbours(points, interpolation):
    """Along one axis: [(whole number, weight)], the pixels around each point."""
    if interpolation == "nearest":  # halves go away from zero
        nearest = np.trunc(points + np.copysign(0.5, points))
        return [(nearest.astype(np.int64), np.ones_like(points))]
    first = np.floor(points)
    share = points - first
    first = first.astype(np.int64)
    return [(first, 1 - share), (first + 1, share)]


def _fold(index, size, fill_mode):
    """Pixel numbers inside 0..size-1 for any whole numbers, and whether there are such pixels."""
    if fill_mode == "wrap":
        return index % size, True
    if fill_mode == "reflect":
        index = index % (2 * size)
        return np.minimum(index, 2 * size - 1 - index), True
    inside = index.clip(0, size - 1)
    return inside, (inside == index) | (fill_mode == "nearest")
