"""Pooling: the functions of ``keras.ops``, and those for the layers.

The equations and gradients are in ``diptych.reference.pooling``. The engines support channels last
only; for channels first, axes are moved before and after (views, no copies).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import KerasTensor, record
from ..operation import Derived, LinearTwin, Twin, common_float
from ..reference import _windows
from ..tape import Record
from ..tensor import Tensor, is_symbolic
from ..utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from .creation import as_tensor
from .indexing import take
from .shapes import reshape
from .spatial import as_given, by, channels_last, padding_pairs, spatial, with_channels


class _MaxPool(Twin):
    """Its backward is linear in dy, and takes the places of the maxima from the cache."""

    def __init__(self) -> None:
        super().__init__("pooling", "max_pool")
        self._dx = Derived(
            lambda dy, record: record.backward(dy, record.cache, record.needs)[0],
            lambda g, dy, record: take(g, _places(*record.cache)),
        )

    def _by_operations(self, g: Any, record: Record, needs: Any) -> list:
        return [self._dx((g,), record)]


def _places(argmax: np.ndarray, shape: tuple, window: tuple, strides: tuple, padding: Any) -> Any:
    """Where in the flattened x the maximum of each window is."""
    places = list(np.indices(argmax.shape))
    positions = np.unravel_index(argmax, window)
    for axis, (before, _) in enumerate(padding):
        places[1 + axis] = places[1 + axis] * strides[axis] + positions[axis] - before
    return np.ravel_multi_index(places, shape)


_max_pool = _MaxPool()
_average_pool = LinearTwin("pooling", "average_pool")


def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The largest number of each window, channel by channel.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        pool_size: the size of the window, a number or one for each axis.
        strides: the step of the window; None: the window's size, so that windows do not overlap.
        padding: "valid" (none) or "same" (sizes are divided by the strides and rounded up); padding
        is never the maximum.
        data_format: "channels_last" or "channels_first"; None: as configured.
    """
    return _pool(max_pool, _max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window, channel by channel; padding is not counted.

    inputs (N, *sizes, C), or (N, C, *sizes) with "channels_first", give one number for each window
    and channel.

    The arguments are those of ``max_pool``.
    """
    return _pool(average_pool, _average_pool, inputs, pool_size, strides, padding, data_format)


def _pool(
    operation: Any,
    twin: Twin,
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
) -> Any:
    name = operation.__name__
    inputs = as_tensor(inputs)
    rank = len(inputs.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(
            f"{name} works along 1, 2 or 3 axes besides the batch and the channels; got inputs of "
            f"shape {tuple(inputs.shape)}."
        )
    window = standardize_tuple(pool_size, rank, "pool_size", name)
    steps = window if strides is None else standardize_tuple(strides, rank, "strides", name)
    padding = standardize_padding(padding, name)
    data_format = standardize_data_format(data_format, name)
    shape = pool_output_shape(name, inputs.shape, window, steps, padding, data_format)
    if is_symbolic(inputs):
        output = KerasTensor(shape, common_float(name, (inputs,)))
        return record(operation, (inputs, pool_size, strides, padding, data_format), {}, output)
    return _run(twin, inputs, window, steps, padding, data_format)


# --------------------------------------------------------------------------------------------------
# For the layers; all arguments in standardized form


def windows_max(
    inputs: Any, window: tuple, strides: tuple, padding: str, data_format: str
) -> Tensor:
    """``max_pool`` without its checks."""
    return _run(_max_pool, inputs, window, strides, padding, data_format)


def windows_average(
    inputs: Any, window: tuple, strides: tuple, padding: str, data_format: str
) -> Tensor:
    """``average_pool`` without its checks."""
    return _run(_average_pool, inputs, window, strides, padding, data_format)


def global_max(inputs: Any, data_format: str, keepdims: bool) -> Tensor:
    """The largest number of each channel."""
    return _run_globally(_max_pool, inputs, data_format, keepdims)


def global_average(inputs: Any, data_format: str, keepdims: bool) -> Tensor:
    """The mean of each channel."""
    return _run_globally(_average_pool, inputs, data_format, keepdims)


def _run(
    twin: Twin, inputs: Any, window: tuple, strides: tuple, padding: str, data_format: str
) -> Tensor:
    x = channels_last(inputs, data_format)
    pairs = padding_pairs(padding, x.shape[1:-1], window, strides, (1,) * len(window))
    return as_given(twin((x,), window, strides, pairs), data_format)


def _run_globally(twin: Twin, inputs: Any, data_format: str, keepdims: bool) -> Tensor:
    """One window, as large as the input."""
    x = channels_last(inputs, data_format)
    window = x.shape[1:-1]
    y = twin((x,), window, window, ((0, 0),) * len(window))
    if keepdims:
        return as_given(y, data_format)
    return reshape(y, (x.shape[0], x.shape[-1]))


def pool_output_shape(
    owner: str, shape: tuple, window: tuple, strides: tuple, padding: str, data_format: str
) -> tuple:
    """The shape of the output; None where a size of the input is None.

    Raises ValueError, naming `owner`, if the window is larger than the input.
    """
    sizes = spatial(shape, data_format)
    out = _windows.output_sizes(sizes, window, strides, padding, (1,) * len(window))
    if any(size is not None and size < 1 for size in out):
        raise ValueError(
            f"{owner} has a window of {by(window)}, but its input is only {by(sizes)}: the output "
            f"would have size {by(out)}. The input's shape is {tuple(shape)}. A smaller pool_size, "
            "padding='same', a larger input, or less striding and pooling before it will help."
        )
    channels = shape[-1] if data_format == "channels_last" else shape[1]
    return with_channels(shape[0], out, channels, data_format)


__all__ = ["average_pool", "max_pool"]
