"""Windows that slide over an axis: the arithmetic of convolution and pooling, for both engines,
what lies under a window, and the refusal of what does not fit.

Along each axis a window looks at `window` elements that lie `dilation` apart, so it spans

    span = (window - 1) dilation + 1

elements, and moves by `stride`. The axis, `size` long, is given `before` zeros in front and `after`
behind; (before, after) is its pair, and padding is a tuple of such pairs, one for each axis. The
window fits

    out = floor((before + size + after - span) / stride) + 1

times. Source: Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, sec. 2.
"""

import math

import numpy as np


def spans(window, dilation):
    """The number of elements from the first to the last one under a window, for each axis."""
    return tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))


def padding_pairs(padding, sizes, window, strides, dilation):
    """Turn the name of a padding into pairs; pairs come back as they are.

    'valid'  none: the window stays within its input.
    'same'   so much that out = ceil(size / stride), half of it on each side, the odd one behind.
    'causal' all of it in front: an output sees nothing that comes after its own place.
    """
    reach = spans(window, dilation)
    if padding == "valid":
        return ((0, 0),) * len(reach)
    if padding == "causal":
        return tuple((span - 1, 0) for span in reach)
    if padding == "same":
        out = tuple(-(-size // s) for size, s in zip(sizes, strides, strict=True))
        return pairs_between(sizes, out, reach, strides)
    return padding


def pairs_between(sizes, out, reach, strides):
    """The padding with which windows of that reach fit `out` times: half of it on each side."""
    pairs = []
    for size, o, span, s in zip(sizes, out, reach, strides, strict=True):
        total = max((o - 1) * s + span - size, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def output_sizes(sizes, window, strides, padding, dilation):
    """How often the window fits along each axis; None where a size is None (not known yet).

    padding: a name or pairs. The results may be 0 or less where the window is too large.
    """
    reach = spans(window, dilation)
    known = tuple(1 if size is None else size for size in sizes)
    pairs = padding_pairs(padding, known, window, strides, dilation)
    return tuple(
        None if size is None else (size + sum(pair) - span) // s + 1
        for size, span, s, pair in zip(sizes, reach, strides, pairs, strict=True)
    )


def transposed_sizes(sizes, window, strides, padding, output_padding, dilation):
    """The sizes of a transposed convolution's result; None where a size is None.

    Several sizes lead a convolution with strides to the same number of outputs; this chooses one.

    padding: 'valid' or 'same'.   output_padding: None, or how much longer than its least each axis
    becomes (Keras's rule: with 'same', the least is that of a window of span 1 or 2).
    """
    out = []
    extras = output_padding or (None,) * len(window)
    for size, span, s, extra in zip(sizes, spans(window, dilation), strides, extras, strict=True):
        if size is None:
            out.append(None)
        elif padding == "valid":
            out.append((size - 1) * s + span + (max(s - span, 0) if extra is None else extra))
        else:
            out.append(size * s if extra is None else (size - 1) * s + span % 2 + extra)
    return tuple(out)


def transposed_pairs(padding, sizes, out, window, strides, dilation):
    """The pairs of the convolution that leads from `out` back to `sizes`."""
    if padding == "valid":
        return ((0, 0),) * len(window)
    return pairs_between(out, sizes, spans(window, dilation), strides)


# ------------------------------------------------------------------- what lies under a window


def pad(x, padding):
    """x~: x (N, *sizes, C) with zeros around its spatial axes, or False where it holds booleans.

    x itself where there is no padding.
    """
    if not any(map(any, padding)):
        return x
    return np.pad(x, ((0, 0), *padding, (0, 0)))


def padded_zeros(shape, padding, dtype):
    """x~ of an x of this shape that holds nothing but zeros."""
    sizes = (before + n + after for n, (before, after) in zip(shape[1:-1], padding, strict=True))
    return np.zeros((shape[0], *sizes, shape[-1]), dtype)


def crop(padded, padding):
    """Undo pad: what stands inside."""
    sizes = padded.shape[1:-1]
    inside = (slice(b, i - a) for i, (b, a) in zip(sizes, padding, strict=True))
    return padded[(slice(None), *inside)]


def under(position, out, strides, dilation=None):
    """The grid of places in x~ under one position of the window while it visits `out` places.

    Along each axis they are position D, position D + S, position D + 2 S, ...: D the dilation, 1 by
    default, and S the stride. x~[under(...)] has the spatial sizes `out`.
    """
    dilation = dilation or (1,) * len(position)
    steps = zip(position, out, strides, dilation, strict=True)
    return (slice(None), *(slice(k * d, k * d + (o - 1) * s + 1, s) for k, o, s, d in steps))


# ----------------------------------------------------------------------------------- refusals


def check_conv(x, kernel, bias, strides, padding, dilation, groups):
    """Raise ValueError unless the shapes x (N, *sizes, C), kernel (*window, C/groups, F) and bias
    (F,) or None fit each other and the options. Returns the sizes of the result.
    """
    window = _check_ranks("conv", x, kernel, strides, padding, dilation)
    channels, per_group, filters = x[-1], kernel[-2], kernel[-1]
    if groups < 1 or channels % groups or filters % groups:
        raise ValueError(
            f"conv: groups={groups} must divide the channels of x ({channels}) and the filters "
            f"({filters}): x {x}, kernel {kernel}"
        )
    if per_group * groups != channels:
        raise ValueError(
            f"conv: x has {channels} channels, but kernel expects {per_group * groups} "
            f"({per_group} in each of {groups} groups): x {x}, kernel {kernel}"
        )
    _check_bias("conv", bias, filters, kernel)
    return _check_fit("conv", x[1:-1], window, strides, padding, dilation)


def check_depthwise_conv(x, kernel, bias, strides, padding, dilation):
    """Raise ValueError unless the shapes x (N, *sizes, C), kernel (*window, C, M) and bias (C M,)
    or None fit each other and the options. Returns the sizes of the result.
    """
    name = "depthwise_conv"
    window = _check_ranks(name, x, kernel, strides, padding, dilation)
    if kernel[-2] != x[-1]:
        raise ValueError(
            f"{name}: x has {x[-1]} channels, but kernel expects {kernel[-2]}: x {x}, "
            f"kernel {kernel}"
        )
    _check_bias(name, bias, kernel[-2] * kernel[-1], kernel)
    return _check_fit(name, x[1:-1], window, strides, padding, dilation)


def check_conv_transpose(x, kernel, bias, strides, padding, dilation, sizes):
    """Raise ValueError unless the shapes x (N, *out, C), kernel (*window, F, C) and bias (F,) or
    None fit each other and the options, and `sizes` are such that a convolution leads to x.
    """
    name = "conv_transpose"
    window = _check_ranks(name, x, kernel, strides, padding, dilation)
    if kernel[-1] != x[-1]:
        raise ValueError(
            f"{name}: x has {x[-1]} channels, but kernel expects {kernel[-1]}: x {x}, "
            f"kernel {kernel}"
        )
    _check_bias(name, bias, kernel[-2], kernel)
    if len(sizes) != len(window):
        raise ValueError(f"{name}: sizes needs one number per axis of {window}, got {sizes}")
    out = _check_fit(name, sizes, window, strides, padding, dilation)
    if out != x[1:-1]:
        raise ValueError(
            f"{name}: a convolution of {sizes} gives {out}, so its transpose cannot lead from "
            f"{x[1:-1]} to {sizes}"
        )


def check_pool(name, x, window, strides, padding):
    """Raise ValueError unless x (N, *sizes, C) fits the window and every place of the window holds
    at least one element of x. Returns the sizes of the result.

    Positions in the window are numbered in 32 bits, so it may not have more than these can count.
    """
    dilation = (1,) * len(window)
    _check_ranks(name, x, (*window, 1, 1), strides, padding, dilation)
    out = _check_fit(name, x[1:-1], window, strides, padding, dilation)
    if math.prod(window) > 2**31:
        raise ValueError(f"{name}: a window has at most 2**31 positions, got {window}")
    for axis, (size, k, s, o, (before, _)) in enumerate(
        zip(x[1:-1], window, strides, out, padding, strict=True)
    ):
        if size < 1 or before >= k or (o - 1) * s >= before + size:
            raise ValueError(
                f"{name}: along axis {axis + 1}, of size {size}, a window of {k} with the padding "
                f"{padding[axis]} would hold nothing but padding"
            )
    return out


def _check_ranks(name, x, kernel, strides, padding, dilation):
    """The window of a kernel, once everything has as many axes as it ought to."""
    rank = len(kernel) - 2
    if rank not in (1, 2, 3) or len(x) != rank + 2:
        raise ValueError(
            f"{name}: x needs the axes (batch, 1 to 3 spatial axes, channels) and the window one "
            f"number per spatial axis; got x {x} and the window {kernel[:-2]}"
        )
    for option, value in (("strides", strides), ("padding", padding), ("dilation", dilation)):
        if len(value) != rank:
            raise ValueError(f"{name}: {option} needs {rank} entries, one per axis, got {value}")
    numbers = (*x[-1:], *kernel, *strides, *dilation)
    if min(numbers) < 1 or any(min(pair) < 0 for pair in padding):
        raise ValueError(
            f"{name}: sizes, strides and dilations start at 1 and padding at 0; got x {x}, "
            f"kernel {kernel}, strides {strides}, dilation {dilation}, padding {padding}"
        )
    return kernel[:-2]


def _check_bias(name, bias, filters, kernel):
    if bias is not None and bias != (filters,):
        raise ValueError(f"{name}: bias needs shape ({filters},) for kernel {kernel}, got {bias}")


def _check_fit(name, sizes, window, strides, padding, dilation):
    out = output_sizes(sizes, window, strides, padding, dilation)
    reach = spans(window, dilation)
    for axis, (size, span, o, pair) in enumerate(zip(sizes, reach, out, padding, strict=True)):
        if o < 1:
            raise ValueError(
                f"{name}: along axis {axis + 1} the window spans {span} elements, more than the "
                f"{size + sum(pair)} there are ({size} and the padding {pair})"
            )
    return out
