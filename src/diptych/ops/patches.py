"""Sliding windows: cutting arrays into patches, adding patches up, and moving blocks of space.

One pair of operations does it, each the gradient of the other: ``patches`` copies what a window
sees at each of its places, and ``overlay`` adds such copies up at the places where they came from.
Arrays are (*batch, *sizes, C): the window moves along the axes of ``sizes``, as many as it has.
"""

import math

import numpy as np

from ..operation import ArrayOp
from ..shape_rules import count
from .shapes import moveaxis, pad, reshape, transpose
from .whole import sizes_of, symbol, times, whole


def places(sizes, window, strides, dilation):
    """The number of places of the window along each axis; None where the size is."""
    return tuple(
        [
            None if n is None else max((n - d * (k - 1) - 1) // s + 1, 0)
            for n, k, s, d in zip(sizes, window, strides, dilation, strict=True)
        ]
    )


def _views(window, strides, dilation, out):
    """For each position in the window, in order, the elements that it has at all places."""
    for position in np.ndindex(*window):
        yield tuple(
            slice(k * d, k * d + s * (n - 1) + 1, s)
            for k, s, d, n in zip(position, strides, dilation, out, strict=True)
        )


def _sizes(shape, window):
    return shape[-1 - len(window) : -1]


def _patches_of(x, window, strides, dilation):
    out = places(_sizes(x.shape, window), window, strides, dilation)
    if 0 in out:
        lines = x.shape[: -1 - len(window)]
        return np.zeros((*lines, *out, math.prod(window), x.shape[-1]), x.dtype)
    views = _views(window, strides, dilation, out)
    return np.stack([x[(..., *view, slice(None))] for view in views], axis=-2)


def _overlaid(x, sizes, window, strides, dilation):
    out = x.shape[-2 - len(window) : -2]
    total = np.zeros((*x.shape[: -2 - len(window)], *sizes, x.shape[-1]), x.dtype)
    if 0 not in out:
        for i, view in enumerate(_views(window, strides, dilation, out)):
            total[(..., *view, slice(None))] += x[..., i, :]
    return total


def _patches_shape(x, window, strides, dilation):
    out = places(_sizes(x, window), window, strides, dilation)
    return (*x[: -1 - len(window)], *out, math.prod(window), x[-1])


def _overlay_shape(x, sizes, window, strides, dilation):
    return (*x[: -2 - len(window)], *sizes, x[-1])


_patches = ArrayOp(
    "patches",
    _patches_of,
    lambda g, y, x, window, **steps: _overlay(
        g, sizes=_sizes(x.shape, window), window=window, **steps
    ),
    shape=_patches_shape,
)
_overlay: ArrayOp = ArrayOp(
    "overlay",
    _overlaid,
    lambda g, y, x, sizes, **steps: _patches(g, **steps),
    shape=_overlay_shape,
)


def patches(x, window, strides, dilation):
    """What the window sees at each of its places: (*batch, *places, number of positions, C)."""
    return _patches(x, window=window, strides=strides, dilation=dilation)


def overlay(x, sizes, window, strides, dilation):
    """Patches added up where they came from: (*batch, *sizes, C)."""
    return _overlay(x, sizes=sizes, window=window, strides=strides, dilation=dilation)


def _pair(n):
    return tuple(n) if isinstance(n, (list, tuple)) else (n, n)


def _grid(sizes, kernel_size, dilation, padding, stride):
    """The padded sizes, and the places of the window in them."""
    padded = [None if n is None else n + 2 * p for n, p in zip(sizes, _pair(padding), strict=True)]
    return padded, places(padded, _pair(kernel_size), _pair(stride), _pair(dilation))


def _unfolded(x, kernel_size, **steps):
    n, channels, *sizes = sizes_of(x)
    _, out = _grid(sizes, kernel_size, **steps)
    return symbol((n, times(channels, *_pair(kernel_size)), count(out)), x)


@whole(_unfolded)
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """What a window sees at each of its places, a column for each.

    Args:
        x: (N, C, H, W), channels first.
        kernel_size: the window's (height, width), or a number for both; so are the others.
        dilation: the distance between the elements that the window sees.
        padding: the zeros around the images.
        stride: the step of the window.

    Returns:
        (N, C * kernel height * kernel width, L), with L places of the window.
    """
    around = [(0, 0), (0, 0)] + [(p, p) for p in _pair(padding)]
    x = moveaxis(pad(x, around), 1, -1)
    found = patches(x, _pair(kernel_size), _pair(stride), _pair(dilation))
    n, height, width, positions, channels = found.shape
    columns = transpose(found, (0, 4, 3, 1, 2))
    return reshape(columns, (n, channels * positions, height * width))


def _folded(x, output_size, kernel_size, **steps):
    n, rows, columns = sizes_of(x)
    positions = math.prod(_pair(kernel_size))
    _, out = _grid(_pair(output_size), kernel_size, **steps)
    if (rows is not None and rows % positions) or columns not in (math.prod(out), None):
        raise ValueError(
            f"fold() got {(n, rows, columns)}, but with kernel_size={kernel_size} the second size "
            f"must be a multiple of {positions}, and the third {math.prod(out)}, the number of "
            "places of the window."
        )
    channels = None if rows is None else rows // positions
    return symbol((n, channels, *_pair(output_size)), x)


@whole(_folded)
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add up patches where they came from: the reverse of ``unfold``, where a pixel that was seen
    several times is added as often.

    Args:
        x: (N, C * kernel height * kernel width, L).
        output_size: the images' (height, width), or a number for both.
        kernel_size, dilation, padding, stride: as in ``unfold``.

    Returns:
        (N, C, height, width).

    Raises:
        ValueError: the sizes of ``x`` do not fit the window.
    """
    steps = {"dilation": dilation, "padding": padding, "stride": stride}
    n, channels, *inner = _folded(x, output_size, kernel_size, **steps).shape
    padded, out = _grid(inner, kernel_size, **steps)
    window = _pair(kernel_size)
    grid = reshape(x, (n, channels, math.prod(window), *out))
    images = overlay(
        transpose(grid, (0, 3, 4, 2, 1)), padded, window, _pair(stride), _pair(dilation)
    )
    inside = [slice(p, p + n) for n, p in zip(inner, _pair(padding), strict=True)]
    return moveaxis(images[(slice(None), *inside)], -1, 1)


# --------------------------------------------------------------------------------------------------
# Blocks of space as channels


def _check_blocks(name, x, block_size, data_format):
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"{name}() got data_format={data_format!r}; it is 'channels_last' or 'channels_first'."
        )
    if len(sizes_of(x)) != 4:
        raise ValueError(f"{name}() takes a batch of images of 4 axes; got shape {sizes_of(x)}.")
    if block_size < 2:
        raise ValueError(f"{name}() needs a block_size of at least 2; got {block_size}.")


def _by_format(change):
    """The rule of a function of blocks, from ``change(height, width, channels, block_size)``."""

    def rule(x, block_size, data_format):
        _check_blocks(change.__name__.strip("_"), x, block_size, data_format)
        if data_format == "channels_last":
            n, *own = sizes_of(x)
            return symbol((n, *change(*own, block_size)), x)
        n, channels, height, width = sizes_of(x)
        height, width, channels = change(height, width, channels, block_size)
        return symbol((n, channels, height, width), x)

    return rule


def _depth_to_space(height, width, channels, b):
    if channels is not None and channels % (b * b):
        raise ValueError(
            f"depth_to_space() needs a number of channels that block_size**2 = {b * b} divides; "
            f"got {channels}."
        )
    return [None if n is None else n * b for n in (height, width)] + [
        None if channels is None else channels // (b * b)
    ]


def _space_to_depth(height, width, channels, b):
    if any(n is not None and n % b for n in (height, width)):
        raise ValueError(
            f"space_to_depth() needs a height and a width that block_size={b} divides; got "
            f"{height} and {width}."
        )
    return [None if n is None else n // b for n in (height, width)] + [
        None if channels is None else channels * b * b
    ]


_TO_SPACE, _TO_DEPTH = _by_format(_depth_to_space), _by_format(_space_to_depth)


@whole(_TO_SPACE)
def depth_to_space(x, block_size, data_format="channels_last"):
    """Make a block of pixels of the channels of each: the reverse of ``space_to_depth``.

    Args:
        x: (N, H, W, C), or (N, C, H, W) with data_format="channels_first".
        block_size: the side b of a block, at least 2; b * b divides C.
        data_format: "channels_last" or "channels_first".

    Returns:
        (N, H * b, W * b, C / b**2), or with the channels first.

    Raises:
        ValueError: the sizes or the arguments are not like that.
    """
    shape, b = _TO_SPACE(x, block_size, data_format).shape, block_size
    if data_format == "channels_first":
        n, channels, height, width = sizes_of(x)
        y = reshape(x, (n, shape[1], b, b, height, width))
        return reshape(transpose(y, (0, 1, 4, 2, 5, 3)), shape)
    n, height, width, channels = sizes_of(x)
    y = reshape(x, (n, height, width, b, b, shape[-1]))
    return reshape(transpose(y, (0, 1, 3, 2, 4, 5)), shape)


@whole(_TO_DEPTH)
def space_to_depth(x, block_size, data_format="channels_last"):
    """Make channels of the pixels of each block.

    Args:
        x: (N, H, W, C), or (N, C, H, W) with data_format="channels_first".
        block_size: the side b of a block, at least 2; it divides H and W.
        data_format: "channels_last" or "channels_first".

    Returns:
        (N, H / b, W / b, C * b**2), or with the channels first.

    Raises:
        ValueError: the sizes or the arguments are not like that.
    """
    shape, b = _TO_DEPTH(x, block_size, data_format).shape, block_size
    if data_format == "channels_first":
        n, channels, height, width = sizes_of(x)
        y = reshape(x, (n, channels, height // b, b, width // b, b))
        return reshape(transpose(y, (0, 1, 3, 5, 2, 4)), shape)
    n, height, width, channels = sizes_of(x)
    y = reshape(x, (n, height // b, b, width // b, b, channels))
    return reshape(transpose(y, (0, 1, 3, 2, 4, 5)), shape)
