"""HashedCrossing: several categories together, as one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import KerasTensor
from ...utils.fingerprints import fingerprint64, joined64
from .base import (
    Preparation,
    check_choice,
    check_count,
    encode,
    encoded_shape,
    refuse_sparse,
    values_of,
)

__all__ = ["HashedCrossing"]

START = 0xDECAFCAFFE  # TensorFlow's


class HashedCrossing(Preparation):
    """Maps the combinations of two or more categories to bins by a hash.

        HashedCrossing(num_bins=5)((["A", "B", "A"], [101, 101, 102]))     # 1 4 3

    The hash is TensorFlow's, so results are Keras's.

    Args:
        num_bins: the number of bins.
        output_mode: "int", or "one_hot": (N, num_bins) floats.
        sparse: False; sparse arrays do not exist here.
        dtype: "int64" or "int32" for output mode "int".

    Inputs are texts or integers of shape (N,), (N, 1) or (), all of the same.
    """

    reads_text = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = check_choice(
            output_mode, ("int", "one_hot"), "output_mode", "HashedCrossing"
        )
        if dtype is None and output_mode == "int":
            dtype = "int64"
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse("HashedCrossing", sparse)
        self.num_bins = check_count(num_bins, "num_bins", "HashedCrossing", 1)

    def output_dtype(self) -> str:
        return self.dtype

    def prepare(self, inputs: Any) -> np.ndarray:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                f"Layer {self.name!r} (HashedCrossing) takes a list or tuple of at least two inputs"
                f"; got {inputs!r:.100}."
            )
        arrays = [values_of(x, self) for x in inputs]
        shape = arrays[0].shape
        if len(shape) > 2 or shape[1:] not in ((), (1,)) or any(x.shape != shape for x in arrays):
            raise ValueError(
                f"Layer {self.name!r} (HashedCrossing) takes inputs of one shape, (N,), (N, 1) or "
                f"(); got {', '.join(str(x.shape) for x in arrays)}."
            )
        rows = zip(*(self._numbers(x) for x in arrays), strict=True)
        bins = np.array([_crossed(row) % self.num_bins for row in rows], np.int64).reshape(shape)
        if self.output_mode == "int":
            return bins.astype(self.dtype)
        return encode(bins, "one_hot", self.num_bins).astype(self.dtype, copy=False)

    def _numbers(self, x: np.ndarray) -> list[int]:
        """The fingerprints of texts; integers are their own."""
        if x.dtype.kind in "iu":
            return x.ravel().tolist()
        values = x.ravel().tolist()
        if not all(isinstance(value, (str, bytes)) for value in values):
            raise ValueError(
                f"Layer {self.name!r} (HashedCrossing) takes texts and integers; got an input of "
                f"dtype {x.dtype}."
            )
        return [fingerprint64(v if isinstance(v, bytes) else v.encode()) for v in values]

    def compute_output_shape(self, input_shape: Any) -> tuple:
        first, *others = input_shape
        if not others or any(tuple(shape) != tuple(first) for shape in others):
            raise ValueError(
                f"Layer {self.name!r} (HashedCrossing) takes two or more inputs of one shape; got "
                f"{input_shape}."
            )
        return encoded_shape(first, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:  # type: ignore[override]
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, self.output_dtype())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": False,
        }


def _crossed(numbers: tuple[int, ...]) -> int:
    hashed = START
    for number in numbers:
        hashed = joined64(hashed, number)
    return hashed
