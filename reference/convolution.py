"""Convolution, depthwise convolution and transposed convolution, in one, two or three dimensions.

N images, C channels in, F filters (channels out, each of which gives a feature map); I = (I1, ...)
are the sizes of the input, O those of the output, K those of the window (the receptive field of one
output). p counts the positions of the window, o those of the output; S is the stride, D the
dilation: numbers where there is one spatial axis, and vectors, multiplied element by element, where
there are two or three. x~ is x with its padding.

Everything here is one picture. At the output place o, the window's position p lies over the place
o S + p D of x~. Hold p fixed and let o run: the places form a grid, every S-th element from p D on
(`under`, in _windows.py), and the whole grid, C numbers deep, is multiplied by the one matrix
kernel[p]. A convolution sums these products over p; its gradients walk the same grids backwards.
Behind the lines of a backward stand the forward lines that they undo.

Fast twins, by the same names: fastcore/convolution.pyx.
"""

import math

import numpy as np

from ._fused import activation_pair
from ._shapes import check_cotangent
from ._windows import (
    check_conv,
    check_conv_transpose,
    check_depthwise_conv,
    crop,
    pad,
    padded_zeros,
    under,
)


def conv_forward(x, kernel, bias, strides, padding, dilation, groups, activation="linear"):
    """Every output is a weighted sum of what a window sees, with the same weights everywhere.

        z[n, o, f] = bias[f] + sum_p sum_c x~[n, o S + p D, c] kernel[p, c, f]
        y = activation(z)

    x: (N, *I, C)   kernel: (*K, C / groups, F)   bias: (F,) or None
    strides, dilation: a number >= 1 per spatial axis.   padding: a pair (before, after) per axis.
    groups: channels and filters are cut into so many parts, and the filters of a part see the
    channels of the same part only; 1 is the ordinary convolution.
    activation: 'linear', 'relu', 'tanh' or 'sigmoid'.
    O = floor((before + I + after - (K - 1) D - 1) / S) + 1.
    Returns y: (N, *O, F), dtype of x, and
    cache = (x, kernel, y, has_bias, strides, padding, dilation, groups, activation).
    Raises ValueError where shapes and options do not fit or the activation is another.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 9.1 and 9.5; Dumoulin & Visin,
    A guide to convolution arithmetic for deep learning, 2016, sec. 2; groups: Krizhevsky et al.
    2012, sec. 3.5. As everywhere in deep learning the kernel is not flipped, so that mathematics
    would call this a cross-correlation.
    """
    bias_shape = None if bias is None else bias.shape
    out = check_conv(x.shape, kernel.shape, bias_shape, strides, padding, dilation, groups)
    apply, _ = activation_pair(activation)
    *window, _, filters = kernel.shape
    padded = pad(x, padding)
    z = np.zeros((len(x), *out, filters), x.dtype)
    for p in np.ndindex(*window):
        seen = padded[under(p, out, strides, dilation)]
        for c, f in _parts(x.shape[-1], filters, groups):
            z[..., f] += seen[..., c] @ kernel[p][:, f]
    if bias is not None:
        z = z + bias
    y = apply(z)
    return y, (x, kernel, y, bias is not None, strides, padding, dilation, groups, activation)


def conv_backward(dy, cache, need_dx=True):
    """Gradients of conv_forward. dy: (N, *O, F), as y. Returns (dx, dkernel, dbias).

        dx~[n, o S + p D, c] = sum over all (o, p) that lead there:
                               sum_f dz[n, o, f] kernel[p, c, f]
        dkernel[p, c, f] = sum_n sum_o x~[n, o S + p D, c] dz[n, o, f]
        dbias[f] = sum_n sum_o dz[n, o, f]

    An input goes into many outputs, and gets a share of the gradient of each; a weight is used at
    every place, and sums over all of them.
    need_dx: False leaves dx out (None); the first layer of a network has no use for it.
    Source: Goodfellow, Bengio & Courville, Deep Learning, 2016, sec. 9.5, eq. 9.11 and 9.13.
    """
    x, kernel, y, has_bias, strides, padding, dilation, groups, activation = cache
    check_cotangent("conv_backward", dy.shape, y.shape)
    _, derive = activation_pair(activation)
    *window, _, filters = kernel.shape
    dz = derive(dy, y)  # y = activation(z)
    dbias = _rows(dz).sum(axis=0) if has_bias else None  # z = z + bias
    padded = pad(x, padding)
    dkernel = np.zeros(kernel.shape, kernel.dtype)
    dpadded = np.zeros(padded.shape, x.dtype) if need_dx else None
    for p in np.ndindex(*window):
        places = under(p, y.shape[1:-1], strides, dilation)
        for c, f in _parts(x.shape[-1], filters, groups):  # z += x~[places] kernel[p]
            dkernel[p][:, f] = _rows(padded[places][..., c]).T @ _rows(dz[..., f])
            if need_dx:
                dpadded[places][..., c] += dz[..., f] @ kernel[p][:, f].T
    dx = crop(dpadded, padding) if need_dx else None  # x~ = pad(x)
    return dx, dkernel, dbias


def depthwise_conv_forward(x, kernel, bias, strides, padding, dilation, activation="linear"):
    """Every channel has filters of its own, M of them, and they see no other channel.

        z[n, o, c M + m] = bias[c M + m] + sum_p x~[n, o S + p D, c] kernel[p, c, m]
        y = activation(z)

    x: (N, *I, C)   kernel: (*K, C, M)   bias: (C M,) or None; options as in conv_forward.
    Returns y: (N, *O, C M), dtype of x, and
    cache = (x, kernel, y, has_bias, strides, padding, dilation, activation).
    Raises ValueError where shapes and options do not fit or the activation is another.
    Source: Chollet 2017, Xception, sec. 2: the first half of a separable convolution.
    """
    bias_shape = None if bias is None else bias.shape
    out = check_depthwise_conv(x.shape, kernel.shape, bias_shape, strides, padding, dilation)
    apply, _ = activation_pair(activation)
    *window, channels, multiplier = kernel.shape
    padded = pad(x, padding)
    z = np.zeros((len(x), *out, channels, multiplier), x.dtype)
    for p in np.ndindex(*window):
        seen = padded[under(p, out, strides, dilation)]
        z += seen[..., np.newaxis] * kernel[p]
    z = z.reshape(len(x), *out, channels * multiplier)
    if bias is not None:
        z = z + bias
    y = apply(z)
    return y, (x, kernel, y, bias is not None, strides, padding, dilation, activation)


def depthwise_conv_backward(dy, cache, need_dx=True):
    """Gradients of depthwise_conv_forward. dy: (N, *O, C M), as y. Returns (dx, dkernel, dbias).

        dx~[n, o S + p D, c] = sum over all (o, p) that lead there:
                               sum_m dz[n, o, c M + m] kernel[p, c, m]
        dkernel[p, c, m] = sum_n sum_o x~[n, o S + p D, c] dz[n, o, c M + m]
        dbias[c M + m] = sum_n sum_o dz[n, o, c M + m]

    need_dx: False leaves dx out (None).
    Source: Chollet 2017, Xception, sec. 2; the gradients follow as in conv_backward.
    """
    x, kernel, y, has_bias, strides, padding, dilation, activation = cache
    check_cotangent("depthwise_conv_backward", dy.shape, y.shape)
    _, derive = activation_pair(activation)
    *window, channels, multiplier = kernel.shape
    out = y.shape[1:-1]
    dz = derive(dy, y)  # y = activation(z)
    dbias = _rows(dz).sum(axis=0) if has_bias else None  # z = z + bias
    dz = dz.reshape(len(x), *out, channels, multiplier)  # the channels and filters in one axis
    padded = pad(x, padding)
    dkernel = np.zeros(kernel.shape, kernel.dtype)
    dpadded = np.zeros(padded.shape, x.dtype) if need_dx else None
    everywhere = tuple(range(dz.ndim - 2))
    for p in np.ndindex(*window):
        places = under(p, out, strides, dilation)
        dkernel[p] = (padded[places][..., np.newaxis] * dz).sum(axis=everywhere)  # z += x~ kernel
        if need_dx:
            dpadded[places] += (dz * kernel[p]).sum(axis=-1)  # the same
    dx = crop(dpadded, padding) if need_dx else None  # x~ = pad(x)
    return dx, dkernel, dbias


def conv_transpose_forward(x, kernel, bias, strides, padding, dilation, sizes, activation="linear"):
    """Transposed convolution ("deconvolution"): every input paints the kernel into the output.

        z~[n, o S + p D, f] = sum over all (o, p) that lead there: sum_c x[n, o, c] kernel[p, f, c]
        y = activation(z + bias)        z: z~ without its padding

    This is dx of a convolution, with x in the place of dz: that convolution leads from the shape of
    y to the shape of x, and strides, padding and dilation are its own.

    x: (N, *O, C)   kernel: (*K, F, C)   bias: (F,) or None
    sizes: the spatial sizes of y. (They do not follow from O: a convolution with strides leads from
    several sizes to the same O.)
    Returns y: (N, *sizes, F), dtype of x, and
    cache = (x, kernel, y, has_bias, strides, padding, dilation, activation).
    Raises ValueError where shapes and options do not fit or the activation is another.
    Source: Dumoulin & Visin, A guide to convolution arithmetic, 2016, sec. 4.
    """
    bias_shape = None if bias is None else bias.shape
    check_conv_transpose(x.shape, kernel.shape, bias_shape, strides, padding, dilation, sizes)
    apply, _ = activation_pair(activation)
    *window, filters, _ = kernel.shape
    painted = padded_zeros((len(x), *sizes, filters), padding, x.dtype)
    for p in np.ndindex(*window):
        places = under(p, x.shape[1:-1], strides, dilation)
        painted[places] += x @ kernel[p].T
    z = crop(painted, padding)
    if bias is not None:
        z = z + bias
    y = apply(z)
    return y, (x, kernel, y, bias is not None, strides, padding, dilation, activation)


def conv_transpose_backward(dy, cache, need_dx=True):
    """Gradients of conv_transpose_forward. dy: (N, *sizes, F), as y. Returns (dx, dkernel, dbias).

        dx[n, o, c] = sum_p sum_f dz~[n, o S + p D, f] kernel[p, f, c]
        dkernel[p, f, c] = sum_n sum_o dz~[n, o S + p D, f] x[n, o, c]
        dbias[f] = sum_n sum_i dz[n, i, f]

    dx is an ordinary convolution of dz: the way back from the way back.
    need_dx: False leaves dx out (None).
    Source: Dumoulin & Visin, A guide to convolution arithmetic, 2016, sec. 4.
    """
    x, kernel, y, has_bias, strides, padding, dilation, activation = cache
    check_cotangent("conv_transpose_backward", dy.shape, y.shape)
    _, derive = activation_pair(activation)
    *window, _, _ = kernel.shape
    dz = derive(dy, y)  # y = activation(z)
    dbias = _rows(dz).sum(axis=0) if has_bias else None  # z = z + bias
    dpainted = pad(dz, padding)  # z = crop(z~)
    dkernel = np.zeros(kernel.shape, kernel.dtype)
    dx = np.zeros(x.shape, x.dtype) if need_dx else None
    for p in np.ndindex(*window):
        seen = dpainted[under(p, x.shape[1:-1], strides, dilation)]
        dkernel[p] = _rows(seen).T @ _rows(x)  # z~[under] += x kernel[p]^T
        if need_dx:
            dx += seen @ kernel[p]  # the same
    return dx, dkernel, dbias


# ------------------------------------------------------------------------------------- helpers


def _parts(channels, filters, groups):
    """For each group, the slice of its channels and the slice of its filters."""
    c, f = channels // groups, filters // groups
    return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(groups)]


def _rows(a):
    """All axes but the last as one."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
