"""Pooling layers: the maximum or the mean over windows, or over the whole input."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops import pooling
from ..utils.windows import AXES, standardize_data_format, standardize_padding, standardize_tuple
from .layer import Layer
from .spec import InputSpec


class _OverSpace(Layer):
    """The base of pooling layers: ``rank`` spatial axes, channels last or first."""

    rank: int
    data_format: str

    def _expect(self, data_format: str | None) -> None:
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def input_hint(self, shape: tuple) -> str:
        first = self.data_format == "channels_first"
        axes = f"channels, {AXES[self.rank]}" if first else f"{AXES[self.rank]}, channels"
        hint = f" The axes that it works on are (batch, {axes})."
        if len(shape) in (3, 4, 5):
            name = type(self).__name__[:-2] + f"{len(shape) - 2}D"
            return f"{hint} For an input of {len(shape)} axes there is {name}."
        return hint


# --------------------------------------------------------------------------------------------------
# Windows


class _Pooling(_OverSpace):
    weightless = True
    _pool: Any  # a function of ops.pooling

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        self._expect(data_format)
        self.pool_size = standardize_tuple(pool_size, self.rank, "pool_size", owner)
        self.strides = self.pool_size
        if strides is not None:
            self.strides = standardize_tuple(strides, self.rank, "strides", owner)
        self.padding = standardize_padding(padding, owner)
        self._checked: tuple | None = None  # the sizes of the last input

    @property
    def _options(self) -> tuple:
        return self.pool_size, self.strides, self.padding, self.data_format

    def call(self, inputs: Any) -> Any:
        if inputs.shape[1:] != self._checked:
            self.compute_output_shape(inputs.shape)  # raises an error if it is too small
            object.__setattr__(self, "_checked", inputs.shape[1:])  # recorded steps stay valid
        return type(self)._pool(inputs, *self._options)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        owner = f"Layer {self.name!r} ({type(self).__name__})"
        return pooling.pool_output_shape(owner, tuple(input_shape), *self._options)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class MaxPooling1D(_Pooling):
    """The maximum of each window along one axis: (N, steps, C) -> (N, steps out, C).

    The arguments are those of ``MaxPooling2D``.
    """

    rank = 1
    pure = True
    _pool = staticmethod(pooling.windows_max)


class MaxPooling2D(_Pooling):
    """The maximum of each window, channel by channel: whether a feature occurs, and roughly where.

    Input shape: (N, height, width, C), or (N, C, height, width) with "channels_first". Output
    shape: (N, height out, width out, C), where an axis of ``size`` becomes
    floor((size - pool_size) / strides) + 1 with "valid", ceil(size / strides) with "same".

    Args:
        pool_size: the window's size: a number, or one for each axis.
        strides: how far the window moves from one place to the next; None: its own size.
        padding: "valid" (the window stays inside) or "same" (the window may extend beyond the edge;
            padding is never the maximum).
        data_format: "channels_last" or "channels_first"; None: ``config.image_data_format()``.

    The gradient goes to the first maximum of each window: ties go to the first maximum
    (``pooling.max_pool_backward``). Source: Goodfellow, Bengio & Courville 2016, Deep Learning,
    section 9.3.
    """

    rank = 2
    pure = True
    _pool = staticmethod(pooling.windows_max)


class MaxPooling3D(_Pooling):
    """The maximum of each window of a volume: (N, depth, height, width, C) -> (N, depth out, height
    out, width out, C). The arguments are those of ``MaxPooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(pooling.windows_max)


class AveragePooling1D(_Pooling):
    """The mean of each window along one axis: (N, steps, C) -> (N, steps out, C).

    The arguments are those of ``AveragePooling2D``.
    """

    rank = 1
    pure = True
    _pool = staticmethod(pooling.windows_average)


class AveragePooling2D(_Pooling):
    """The mean of each window, channel by channel.

    Shapes and arguments are those of ``MaxPooling2D``; with padding="same", the mean is over the
    numbers of the window inside the input.
    """

    rank = 2
    pure = True
    _pool = staticmethod(pooling.windows_average)


class AveragePooling3D(_Pooling):
    """The mean of each window of a volume: (N, depth, height, width, C) -> (N, depth out, height
    out, width out, C). The arguments are those of ``AveragePooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(pooling.windows_average)


# --------------------------------------------------------------------------------------------------
# The whole input


class _GlobalPooling(_OverSpace):
    weightless = True
    _pool: Any  # a function of ops.pooling

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._expect(data_format)
        self.keepdims = bool(keepdims)

    def call(self, inputs: Any) -> Any:
        sizes = pooling.spatial(inputs.shape, self.data_format)
        if 0 in sizes:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) has no numbers to pool: its input "
                f"has shape {inputs.shape}."
            )
        return type(self)._pool(inputs, self.data_format, self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        if not self.keepdims:
            return (input_shape[0], channels)
        ones = (1,) * self.rank
        return pooling.with_channels(input_shape[0], ones, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }


class GlobalMaxPooling1D(_GlobalPooling):
    """The maximum over all steps: (N, steps, C) -> (N, C).

    Arguments: see ``GlobalMaxPooling2D``.
    """

    rank = 1
    pure = True
    _pool = staticmethod(pooling.global_max)


class GlobalMaxPooling2D(_GlobalPooling):
    """The maximum of each channel over the whole image: (N, height, width, C) -> (N, C).

    Args:
        data_format: "channels_last", or "channels_first" for (N, C, height, width); None:
            ``config.image_data_format()``.
        keepdims: whether the spatial axes stay, with size 1.

    The gradient goes to the first maximum.
    """

    rank = 2
    pure = True
    _pool = staticmethod(pooling.global_max)


class GlobalMaxPooling3D(_GlobalPooling):
    """The maximum of each channel over the whole volume: (N, depth, height, width, C) -> (N, C).

    Arguments: see ``GlobalMaxPooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(pooling.global_max)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over all steps: (N, steps, C) -> (N, C). Masked steps do not count.

    Args:
        data_format: "channels_last", or "channels_first" for (N, C, steps); None:
            ``config.image_data_format()``.
        keepdims: whether the axis of steps stays, with size 1.
    """

    rank = 1
    pure = True
    pure_with_masks = True
    _pool = staticmethod(pooling.global_average)

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, keepdims=keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        steps, channels = (1, 2) if self.data_format == "channels_last" else (2, 1)
        if tuple(mask.shape) != (wanted := (inputs.shape[0], inputs.shape[steps])):
            raise ValueError(
                f"Layer {self.name!r} (GlobalAveragePooling1D) needs a mask of shape (batch, "
                f"steps) = {wanted} for an input of shape {tuple(inputs.shape)}; got "
                f"{tuple(mask.shape)}."
            )
        counts = ops.expand_dims(ops.cast(mask, "bool"), channels)
        total = ops.sum(ops.where(counts, inputs, 0.0), axis=steps, keepdims=self.keepdims)
        number = ops.sum(ops.cast(counts, inputs.dtype), axis=steps, keepdims=self.keepdims)
        return ops.divide(total, number)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """None, since there are no steps any more."""
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over the whole image: (N, height, width, C) -> (N, C).

    Arguments: see ``GlobalMaxPooling2D``. Source: Lin, Chen & Yan 2013, Network In Network, section
    3.2.
    """

    rank = 2
    pure = True
    _pool = staticmethod(pooling.global_average)


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean of each channel over the whole volume: (N, depth, height, width, C) -> (N, C).

    Arguments: see ``GlobalMaxPooling2D``.
    """

    rank = 3
    pure = True
    _pool = staticmethod(pooling.global_average)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = (
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]
