"""Pooling layers whose output has a given size, whatever the size of the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.pooling import with_channels
from .pooling import _OverSpace


class _AdaptivePooling(_OverSpace):
    weightless = True
    _pool: Any  # a function of ops

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._expect(data_format)
        sizes = [output_size] * self.rank if _is_whole(output_size) else output_size
        if (
            not isinstance(sizes, (list, tuple))
            or len(sizes) != self.rank
            or not all(_is_whole(n) for n in sizes)
        ):
            numbers = "" if self.rank == 1 else f", or {self.rank} of them"
            # Keras has a ValueError for a wrong number of them in one dimension only.
            several = self.rank == 1 and isinstance(sizes, (list, tuple)) and len(sizes) != 1
            raise (ValueError if several else TypeError)(
                f"{type(self).__name__} needs output_size as a whole number{numbers}; got "
                f"{output_size!r}."
            )
        if min(sizes) < 1:
            raise ValueError(
                f"{type(self).__name__} needs an output_size above 0; got {output_size!r}."
            )
        self.output_size = tuple(int(n) for n in sizes)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(inputs, self.output_size, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        return with_channels(input_shape[0], self.output_size, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "data_format": self.data_format,
        }


def _is_whole(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The means of windows that divide the steps as evenly as whole numbers do: (N, steps, C) ->
    (N, output_size, C). The arguments are those of ``AdaptiveAveragePooling2D``.
    """

    rank = 1
    pure = True
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The means of windows, channel by channel, of which there are as many as the output needs.

    Window i of m along an axis of size n goes from floor(i n / m) to ceil((i + 1) n / m), so a
    network with this layer takes images of any size.

    Input shape: (N, height, width, C), or (N, C, height, width) with "channels_first". Output
    shape: (N, *output_size, C), or (N, C, *output_size). Dtype: that of the input, if it is a
    float.

    Args:
        output_size: how many windows: a number, or one for each axis.
        data_format: "channels_last" or "channels_first"; None: ``config.image_data_format()``.

    Raises:
        TypeError: output_size is neither a whole number nor one for each axis.
        ValueError: it is below 1, or the input has another number of axes; in one dimension also
            for several numbers.
    """

    rank = 2
    pure = True
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """The means of windows of a volume: (N, depth, height, width, C) -> (N, *output_size, C).

    The arguments are those of ``AdaptiveAveragePooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The maximum of each window, where the windows divide the steps as evenly as whole numbers do:
    (N, steps, C) -> (N, output_size, C). The arguments are those of ``AdaptiveAveragePooling2D``.
    """

    rank = 1
    pure = True
    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The maximum of each window, channel by channel: (N, height, width, C) -> (N, *output_size,
    C). The windows and arguments are those of ``AdaptiveAveragePooling2D``; numbers that tie share
    the gradient.
    """

    rank = 2
    pure = True
    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """The maximum of each window of a volume: (N, depth, height, width, C) -> (N, *output_size, C).

    The arguments are those of ``AdaptiveAveragePooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(ops.adaptive_max_pool)


__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]
