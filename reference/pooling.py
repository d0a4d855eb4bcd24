"""Pooling: a window slides over the spatial axes, and gives one number wherever it stops.

N images (or sequences), C channels; x is (N, *spatial, C) with one, two or three spatial axes, and
y is (N, *out, C). Along one axis of length L, a window of W positions moves by S (its stride), and
x~ is x with its padding, `before` and `after`:

    out = (before + L + after - W) // S + 1
    position k of window o lies on x~[o S + k], which is x[o S + k - before] or the padding

As in convolution.py, k is held fixed while o runs over all places: `under` gives the grid of what
lies under it.

Fast twins, by the same names: fastcore/pooling.pyx.
"""

import numpy as np

from ._shapes import check_cotangent
from ._windows import check_pool, crop, output_sizes, pad, padded_zeros, under


def max_pool_forward(x, window, strides, padding):
    """Max pooling: of each window the largest number.

        y[n, o, c] = max_k x~[n, o S + k, c],        ties go to the first maximum

    x: (N, *spatial, C)   window, strides: an integer for each spatial axis
    padding: a pair (before, after) for each; what is padded never is the largest.
    NaN counts as larger than any number.
    Returns y: (N, *out, C), dtype of x, and cache = (argmax, shape of x, window, strides, padding).
    argmax: as y, the position k of the maximum, in row-major order; uint8 where the window has at
    most 256 positions, else int32.
    Raises ValueError where no window fits, or one could lie wholly on the padding.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 9.3.
    """
    sizes = check_pool("max_pool", x.shape, window, strides, padding)
    padded = pad(x, padding)
    is_x = pad(np.ones((1, *x.shape[1:-1], 1), bool), padding)  # False on the padding
    y = np.full((x.shape[0], *sizes, x.shape[-1]), -np.inf, x.dtype)
    argmax = np.full(y.shape, -1, np.int32)  # nothing seen so far
    for k, position in enumerate(np.ndindex(*window)):
        places = under(position, sizes, strides)
        seen = padded[places]
        larger = (seen > y) | (np.isnan(seen) & ~np.isnan(y)) | (argmax < 0)  # a tie is not larger
        wins = is_x[places] & larger
        y = np.where(wins, seen, y)
        argmax = np.where(wins, k, argmax)
    kind = np.uint8 if np.prod(window) <= 256 else np.int32
    return y, (argmax.astype(kind), x.shape, window, strides, padding)


def max_pool_backward(dy, cache):
    """Gradient of max_pool_forward. dy: (N, *out, C), as y. Returns dx.

        dx~[n, o S + k, c] = sum of dy[n, o, c] over the windows o whose maximum is at k

    Of several equal numbers the first alone gets the gradient.
    """
    argmax, shape, window, strides, padding = cache
    check_cotangent("max_pool_backward", dy.shape, argmax.shape)
    dpadded = padded_zeros(shape, padding, dy.dtype)
    for k, position in enumerate(np.ndindex(*window)):
        places = under(position, argmax.shape[1:-1], strides)
        dpadded[places] += np.where(argmax == k, dy, 0)  # y = x~[places] where argmax = k
    return crop(dpadded, padding)  # x~ = pad(x)


def average_pool_forward(x, window, strides, padding):
    """Average pooling: of each window the mean, padding not counted.

        y[n, o, c] = 1 / count[o] sum_k x~[n, o S + k, c]

    with 0 as padding, and count[o] the number of positions k that fall on x.
    x: (N, *spatial, C)   window, strides, padding: as in max_pool_forward
    Returns y: (N, *out, C), dtype of x, and cache = (shape of x, window, strides, padding).
    Raises ValueError where no window fits, or one could lie wholly on the padding.
    Source: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document
    recognition, Proc. IEEE 86, 1998, sec. II.B (there with a learned scale).
    """
    sizes = check_pool("average_pool", x.shape, window, strides, padding)
    padded = pad(x, padding)
    window_sum = np.zeros((x.shape[0], *sizes, x.shape[-1]), x.dtype)
    for position in np.ndindex(*window):
        window_sum += padded[under(position, sizes, strides)]
    y = window_sum / _counts(x.shape, x.dtype, window, strides, padding)
    return y, (x.shape, window, strides, padding)


def average_pool_backward(dy, cache):
    """Gradient of average_pool_forward. dy: (N, *out, C), as y. Returns dx.

    dx~[n, o S + k, c] = sum of dy[n, o, c] / count[o] over all (o, k) that lead there
    """
    shape, window, strides, padding = cache
    sizes = _sizes(shape, window, strides, padding)
    check_cotangent("average_pool_backward", dy.shape, (shape[0], *sizes, shape[-1]))
    counts = _counts(shape, dy.dtype, window, strides, padding)
    dwindow_sum = dy / counts  # y = window_sum / counts
    dpadded = padded_zeros(shape, padding, dy.dtype)
    for position in np.ndindex(*window):
        dpadded[under(position, sizes, strides)] += dwindow_sum  # window_sum += x~[under]
    return crop(dpadded, padding)  # x~ = pad(x)


def _sizes(shape, window, strides, padding):
    """The spatial sizes of y, from the shape of x."""
    return output_sizes(shape[1:-1], window, strides, padding, (1,) * len(window))


def _counts(shape, dtype, window, strides, padding):
    """How many positions of each window fall on x, and not on its padding: (1, *out, 1)."""
    sizes = _sizes(shape, window, strides, padding)
    is_x = pad(np.ones((1, *shape[1:-1], 1), dtype), padding)
    count = np.zeros((1, *sizes, 1), dtype)
    for position in np.ndindex(*window):
        count += is_x[under(position, sizes, strides)]
    return count
