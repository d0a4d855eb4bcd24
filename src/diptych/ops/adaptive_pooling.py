"""Pooling to a given size: the windows divide the input as evenly as whole numbers do.

Window i of m along an axis of size n goes from floor(i n / m) to ceil((i + 1) n / m). One axis
after the other is pooled: the mean, or maximum, of a box is that of those of its lines.
"""

import numpy as np

from ..utils.windows import standardize_data_format
from .creation import as_tensor
from .linalg import tensordot
from .numbers import as_float
from .reductions import max as maximum_of
from .shapes import moveaxis, stack
from .spatial import spatial, with_channels
from .whole import sizes_of, symbol, whole


def _target(name, shape, output_size, data_format):
    """The sizes of the result along the pooled axes, and the data format."""
    rank = len(shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(
            f"{name}() pools along 1, 2 or 3 axes besides the batch and the channels; got a tensor "
            f"of shape {shape}."
        )
    sizes = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    if len(sizes) != rank or not all(n is None or n > 0 for n in sizes):
        raise ValueError(
            f"{name}() needs an output_size of {rank} numbers above 0, or one for all; got "
            f"{output_size!r}."
        )
    data_format = standardize_data_format(data_format, name)
    own = spatial(shape, data_format)
    if 0 in own:
        raise ValueError(f"{name}() has no numbers to pool: its input has shape {shape}.")
    return [n if m is None else m for n, m in zip(own, sizes, strict=True)], data_format


def _pooled_shape(name, floating):
    def rule(inputs, output_size, data_format):
        shape = sizes_of(inputs)
        sizes, data_format = _target(name, shape, output_size, data_format)
        channels = shape[-1] if data_format == "channels_last" else shape[1]
        return symbol(
            with_channels(shape[0], sizes, channels, data_format), inputs, floating=floating
        )

    return rule


def _windows(n, m):
    """(from, to) of the m windows in a line of n."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _mean_along(x, axis, size):
    n = x.shape[axis]
    shares = np.zeros((n, size), x.dtype)
    for i, (start, stop) in enumerate(_windows(n, size)):
        shares[start:stop, i] = 1 / (stop - start)
    return moveaxis(tensordot(x, shares, axes=((axis,), (0,))), -1, axis)


def _max_along(x, axis, size):
    before = (slice(None),) * axis
    windows = _windows(x.shape[axis], size)
    parts = [x[(*before, slice(start, stop))] for start, stop in windows]
    return stack([maximum_of(part, axis=axis) for part in parts], axis=axis)


def _pool(name, along, inputs, output_size, data_format):
    x = as_tensor(inputs)
    sizes, data_format = _target(name, tuple(x.shape), output_size, data_format)
    for axis, size in enumerate(sizes, start=1 if data_format == "channels_last" else 2):
        x = along(x, axis, size)
    return x


@whole(_pooled_shape("adaptive_average_pool", floating=True))
def adaptive_average_pool(inputs, output_size, data_format=None):
    """The means of windows that divide the input into a given number of parts.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        output_size: the number of windows along each axis of ``sizes``, or one for all.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        (N, *output_size, C), or with the channels first.
    """
    return _pool("adaptive_average_pool", _mean_along, as_float(inputs), output_size, data_format)


@whole(_pooled_shape("adaptive_max_pool", floating=False))
def adaptive_max_pool(inputs, output_size, data_format=None):
    """The largest numbers of windows that divide the input into a given number of parts.

    inputs (N, *sizes, C), or (N, C, *sizes) with "channels_first", give (N, *output_size, C) or (N,
    C, *output_size).

    The arguments are those of ``adaptive_average_pool``. Numbers that tie share the gradient.
    """
    return _pool("adaptive_max_pool", _max_along, inputs, output_size, data_format)
