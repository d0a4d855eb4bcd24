"""Layers that pad, crop and upsample sequences, images and volumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..legacy import pairs_of
from ..ops import resizing
from ..reference._sampling import INTERPOLATIONS
from ..utils.windows import standardize_data_format
from .layer import Layer
from .spec import InputSpec

_AXES = {1: ("steps",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}


class _Spatial(Layer):
    """A layer on images with ``rank`` spatial axes, channels last or first."""

    pure = True
    rank = 2

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _new_size(self, size: int, axis: int) -> int:
        """The new size of spatial axis ``axis``."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)  # raises an error if it does not fit
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> tuple:
        first = 2 if self.data_format == "channels_first" else 1
        shape = list(input_shape)
        for axis in range(self.rank):
            size = shape[first + axis]
            shape[first + axis] = None if size is None else self._new_size(size, axis)
        return tuple(shape)

    def input_hint(self, shape: tuple) -> str:
        axes = " and ".join(_AXES[self.rank])
        order = f"channels, {axes}" if self.data_format == "channels_first" else f"{axes}, channels"
        return f" Its axes are batch, {order} (data_format={self.data_format!r})."

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}

    def _pairs(self, name: str, value: Any) -> tuple:
        """``value`` as a pair (before, after) for each axis. A number applies to all axes; a number
        in place of a pair applies to both sides.
        """
        entries = [value] * self.rank if _is_whole(value) or self.rank == 1 else value
        try:
            if len(entries) != self.rank:
                raise TypeError
            pairs = [(e, e) if _is_whole(e) else tuple(e) for e in entries]
        except TypeError:
            pairs = []
        if not pairs or any(
            len(pair) != 2 or not all(_is_whole(n) and n >= 0 for n in pair) for pair in pairs
        ):
            pair = "(before, after)"
            forms = pair if self.rank == 1 else f"({', '.join([pair] * self.rank)})"
            numbers = "" if self.rank == 1 else f", {self.rank} numbers"
            raise ValueError(
                f"{type(self).__name__} needs {name} as a number{numbers}, or {forms}, all at "
                f"least 0; got {value!r}."
            )
        return tuple((int(before), int(after)) for before, after in pairs)


def _is_whole(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool)


def _without_data_format(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a layer without an argument ``data_format``."""
    return {name: value for name, value in config.items() if name != "data_format"}


# --------------------------------------------------------------------------------------------------
# Padding


class _ZeroPadding(_Spatial):
    def __init__(self, padding: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._margins = self._pairs("padding", pairs_of(padding, "pad", type(self).__name__))
        self.padding = self._margins[0] if self.rank == 1 else self._margins

    def _new_size(self, size: int, axis: int) -> int:
        return size + sum(self._margins[axis])

    def call(self, inputs: Any) -> Any:
        return resizing.zero_pad(inputs, self._margins, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after: (N, steps, C) -> (N, before + steps + after, C).

    Args:
        padding: how many, or (before, after).
        data_format: "channels_last" (default), or "channels_first" for (N, C, steps).
    """

    pure = True
    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format=data_format, **kwargs)


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images: (N, rows, columns, C) -> (N, top + rows + bottom, left + columns +
    right, C).

    Args:
        padding: how many on every side; (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" (default), or "channels_first" for (N, C, rows, columns).
    """

    pure = True
    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format=data_format, **kwargs)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes (N, depth, rows, columns, C).

    Args:
        padding: how many on every side; (depth, rows, columns), or a pair (before, after) for each.
        data_format: "channels_last" (default), or "channels_first" for (N, C, depth, rows,
            columns).
    """

    pure = True
    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format=data_format, **kwargs)


# --------------------------------------------------------------------------------------------------
# Cropping


class _Cropping(_Spatial):
    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._margins = self._pairs("cropping", pairs_of(cropping, "crop", type(self).__name__))
        self.cropping = self._margins[0] if self.rank == 1 else self._margins

    def _new_size(self, size: int, axis: int) -> int:
        before, after = self._margins[axis]
        if size - before - after < 1:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) crops {before} + {after} of the "
                f"{_AXES[self.rank][axis]}, but its input has only {size}. Crop less, or use "
                "larger inputs."
            )
        return size - before - after

    def call(self, inputs: Any) -> Any:
        return resizing.crop(inputs, self._margins, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping}


class Cropping1D(_Cropping):
    """Crops the first and last steps: (N, steps, C) -> (N, steps - before - after, C).

    Args:
        cropping: how many at each end, or (before, after).
    """

    pure = True
    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, data_format="channels_last", **kwargs)

    def get_config(self) -> dict[str, Any]:
        return _without_data_format(super().get_config())


class Cropping2D(_Cropping):
    """Crops images: (N, rows, columns, C) -> (N, rows - top - bottom, columns - left - right, C).

    Args:
        cropping: how many on every side; (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" (default), or "channels_first" for (N, C, rows, columns).
    """

    pure = True
    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format=data_format, **kwargs)


class Cropping3D(_Cropping):
    """Crops volumes (N, depth, rows, columns, C).

    Args:
        cropping: how many on every side; (depth, rows, columns), or a pair (before, after) for
            each.
        data_format: "channels_last" (default), or "channels_first" for (N, C, depth, rows,
            columns).
    """

    pure = True
    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format=data_format, **kwargs)


# --------------------------------------------------------------------------------------------------
# Up-sampling


class _UpSampling(_Spatial):
    def __init__(self, size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        factors = (size,) * self.rank if _is_whole(size) else size
        if (
            not isinstance(factors, (tuple, list))
            or len(factors) != self.rank
            or not all(_is_whole(n) and n > 0 for n in factors)
        ):
            tuples = "" if self.rank == 1 else f", or {self.rank} of them"
            raise ValueError(
                f"{type(self).__name__} needs size as a positive whole number{tuples}; got "
                f"{size!r}."
            )
        self._factors = tuple(int(n) for n in factors)
        self.size = self._factors[0] if self.rank == 1 else self._factors

    def _new_size(self, size: int, axis: int) -> int:
        return size * self._factors[axis]

    def call(self, inputs: Any) -> Any:
        return resizing.upsample(inputs, self._factors, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class UpSampling1D(_UpSampling):
    """Repeats every step ``size`` times: (N, steps, C) -> (N, steps * size, C)."""

    pure = True
    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, data_format="channels_last", **kwargs)

    def get_config(self) -> dict[str, Any]:
        return _without_data_format(super().get_config())


class UpSampling2D(_UpSampling):
    """Enlarges images: (N, rows, columns, C) -> (N, rows * size[0], columns * size[1], C).

    Args:
        size: the factor, a number or (rows, columns).
        data_format: "channels_last" (default), or "channels_first" for (N, C, rows, columns).
        interpolation: "nearest" repeats pixels; "bilinear", "bicubic", "lanczos3" and "lanczos5"
        insert weighted means of neighbouring pixels.
    """

    pure = True
    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format=data_format, **kwargs)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"UpSampling2D needs an interpolation from {', '.join(INTERPOLATIONS)}; got "
                f"{interpolation!r}."
            )

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        first = 2 if self.data_format == "channels_first" else 1
        rows, columns = inputs.shape[first : first + 2]
        sizes = (rows * self._factors[0], columns * self._factors[1])
        return ops.image.resize(inputs, sizes, self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "interpolation": self.interpolation}


class UpSampling3D(_UpSampling):
    """Enlarges volumes (N, depth, rows, columns, C) by repeating every voxel.

    Args:
        size: the factor, a number or (depth, rows, columns).
        data_format: "channels_last" (default), or "channels_first" for (N, C, depth, rows,
            columns).
    """

    pure = True
    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(size, data_format=data_format, **kwargs)


__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
