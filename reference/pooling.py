"""Pooling: a window slides over the spatial axes, and of each place one number is kept.

N images (or sequences), C channels; x is (N, *spatial, C) with one, two or three spatial axes, and
y is (N, *out, C). Along one axis of length L, a window of W positions moves by S (its stride), and
x is padded by `before` and `after`:

    out = (before + L + after - W) // S + 1
    position k of window o lies on x[o S - before + k], or on the padding
"""

import numpy as np

from ._shapes import check_cotangent
from ._windows import check_pool, output_sizes


def _sizes(shape, window, strides, padding):
    """The spatial sizes of y, from the shape of x."""
    return output_sizes(shape[1:-1], window, strides, padding, (1,) * len(window))


def _meetings(shape, window, strides, padding):
    """For each position of the window, in row-major order: (here, there).

    x[here] are the numbers on which that position falls, y[there] the windows to which they belong,
    in the same order. Windows of which the position falls on the padding are left out.
    """
    sizes = _sizes(shape, window, strides, padding)
    for position in np.ndindex(*window):
        here, there = [slice(None)], [slice(None)]
        for k, length, stride, (before, _), out in zip(
            position, shape[1:-1], strides, padding, sizes, strict=True
        ):
            # The windows o with 0 <= o stride - before + k < length.
            first = max(0, -(-(before - k) // stride))
            last = min(out - 1, (length - 1 + before - k) // stride)
            start = first * stride - before + k
            here.append(slice(start, max(start, last * stride - before + k + 1), stride))
            there.append(slice(first, max(first, last + 1)))
        yield tuple(here), tuple(there)


def max_pool_forward(x, window, strides, padding):
    """Of each window the largest number.

        y[n, o, c] = max_k x[n, o S - before + k, c]

    x: (N, *spatial, C)   window, strides: an integer for each spatial axis
    padding: a pair (before, after) for each; what is padded never is the largest.
    NaN counts as larger than any number.
    Returns y: (N, *out, C), dtype of x, and cache = (argmax, shape of x, window, strides, padding).
    argmax: as y, the position k of the maximum, in row-major order, the first of several; uint8
    where the window has at most 256 positions, else int32.
    Raises ValueError where no window fits, or one could lie wholly on the padding.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 9.3.
    """
    sizes = check_pool("max_pool", x.shape, window, strides, padding)
    y = np.full((x.shape[0], *sizes, x.shape[-1]), -np.inf, x.dtype)
    argmax = np.full(y.shape, -1, np.int32)  # nothing seen so far
    for k, (here, there) in enumerate(_meetings(x.shape, window, strides, padding)):
        number, best = x[here], y[there]
        wins = (number > best) | (np.isnan(number) & ~np.isnan(best)) | (argmax[there] < 0)
        y[there] = np.where(wins, number, best)  # 1
        argmax[there] = np.where(wins, k, argmax[there])
    kind = np.uint8 if np.prod(window) <= 256 else np.int32
    return y, (argmax.astype(kind), x.shape, window, strides, padding)


def max_pool_backward(dy, cache):
    """Gradient of max_pool_forward. dy: (N, *out, C), as y. Returns dx.

    dx[n, i, c] = sum of dy[n, o, c] over the windows o of which x[n, i, c] is the maximum
    """
    argmax, shape, window, strides, padding = cache
    check_cotangent("max_pool_backward", dy.shape, argmax.shape)
    dx = np.zeros(shape, dy.dtype)
    for k, (here, there) in enumerate(_meetings(shape, window, strides, padding)):
        dx[here] += np.where(argmax[there] == k, dy[there], 0)  # 1
    return dx


def average_pool_forward(x, window, strides, padding):
    """Of each window the mean, padding not counted.

        y[n, o, c] = 1 / count[o] sum_k x[n, o S - before + k, c]

    summed over the count[o] positions k that fall on x.
    x: (N, *spatial, C)   window, strides, padding: as in max_pool_forward
    Returns y: (N, *out, C), dtype of x, and cache = (shape of x, window, strides, padding).
    Raises ValueError where no window fits, or one could lie wholly on the padding.
    Source: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document
    recognition, Proc. IEEE 86, 1998, sec. II.B (there with a learned scale).
    """
    sizes = check_pool("average_pool", x.shape, window, strides, padding)
    total = np.zeros((x.shape[0], *sizes, x.shape[-1]), x.dtype)
    for here, there in _meetings(x.shape, window, strides, padding):
        total[there] += x[here]  # 1
    y = total / _counts(x, window, strides, padding)  # 2
    return y, (x.shape, window, strides, padding)


def average_pool_backward(dy, cache):
    """Gradient of average_pool_forward. dy: (N, *out, C), as y. Returns dx.

    dx[n, i, c] = sum of dy[n, o, c] / count[o] over the windows o that cover i
    """
    shape, window, strides, padding = cache
    sizes = _sizes(shape, window, strides, padding)
    check_cotangent("average_pool_backward", dy.shape, (shape[0], *sizes, shape[-1]))
    dx = np.zeros(shape, dy.dtype)
    share = dy / _counts(dx, window, strides, padding)  # 2
    for here, there in _meetings(shape, window, strides, padding):
        dx[here] += share[there]  # 1
    return dx


def _counts(x, window, strides, padding):
    """How many positions of each window fall on x: (1, *out, 1), dtype of x."""
    shape = (1, *x.shape[1:-1], 1)
    count = np.zeros((1, *_sizes(shape, window, strides, padding), 1), x.dtype)
    for _, there in _meetings(shape, window, strides, padding):
        count[there] += 1
    return count
