"""Layers that change the shape of their input, but not its entries."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..utils.windows import standardize_data_format
from .layer import Layer
from .spec import InputSpec


class Flatten(Layer):
    """(N, A, B, ...) -> (N, A * B * ...).

    Args:
        data_format: with "channels_first", the channels are moved to the end before flattening.
    """

    pure = True
    moves_only = True

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format, "Flatten")
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """(N, ...) -> (N, *target_shape), in row-major order; one size may be -1."""

    weightless = True
    pure = True
    moves_only = True

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = (
            (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        )
        if self.target_shape.count(-1) > 1:
            raise ValueError(
                f"Reshape allows one size of -1; got target_shape={self.target_shape}."
            )

    def call(self, inputs: Any) -> Any:
        shape = self.compute_output_shape(inputs.shape)
        return ops.reshape(inputs, shape)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        have = None if None in input_shape[1:] else math.prod(input_shape[1:])
        want = math.prod(size for size in self.target_shape if size != -1)
        if have is not None:
            if (have % want if want else have) if -1 in self.target_shape else have != want:
                raise ValueError(
                    f"Layer {self.name!r} (Reshape) cannot give {have} entries, of shape "
                    f"{tuple(input_shape[1:])}, the shape {self.target_shape}."
                )
        rest = None if have is None else have // max(want, 1)
        return (input_shape[0], *(rest if size == -1 else size for size in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Reorders the axes of a sample: ``dims=(2, 1)`` swaps the first two (axis 0 is the batch).

    (N, a, b) gives (N, b, a) then.
    """

    pure = True
    moves_only = True

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"Permute needs each of the axes 1..{len(self.dims)} once; got dims={self.dims}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """(N, D) -> (N, n, D): repeats each row n times."""

    pure = True

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(
                f"RepeatVector needs a whole number n; got {n!r} of type {type(n).__name__}."
            )
        if n <= 0:
            raise ValueError(f"RepeatVector needs n > 0, the number of copies; got {n}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]
