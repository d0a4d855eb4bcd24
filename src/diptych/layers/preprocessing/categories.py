"""CategoryEncoding, Discretization and Hashing: categories to columns, numbers to bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Tensor
from ..data_layer import DataLayer
from .base import (
    MODES,
    Preparation,
    batches_to_adapt_to,
    check_count,
    check_mode,
    check_salt,
    encode,
    encoded_shape,
    integers_of,
    refuse_sparse,
    texts_of,
    values_of,
)
from .lookup import buckets_of

__all__ = ["CategoryEncoding", "Discretization", "Hashing"]


class CategoryEncoding(DataLayer, Preparation):
    """Numbers of categories as columns of zeros and ones, or of counts.

        CategoryEncoding(num_tokens=4, output_mode="one_hot")([3, 0])     # 0 0 0 1 / 1 0 0 0

    Args:
        num_tokens: the number of categories, which are numbered 0 .. num_tokens - 1.
        output_mode: "one_hot": each number is a row of its own, (..., 1) and (...) become
            (..., num_tokens); "multi_hot": a row for each sample, whose numbers are the second axis
            as in Keras, with a 1 for each category in it; "count": how often each is in it.
        sparse: False; sparse arrays do not exist here.

    A number outside 0 .. num_tokens - 1 is an error (Keras ignores most of them silently).
    """

    data_dtype = "int64"

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse_sparse("CategoryEncoding", sparse)
        self.output_mode = check_mode(output_mode, MODES[1:], "CategoryEncoding")
        if num_tokens is None:
            raise ValueError(
                "CategoryEncoding needs `num_tokens`, the number of categories. If it is not known "
                "beforehand, IntegerLookup learns it with adapt()."
            )
        self.num_tokens = check_count(num_tokens, "num_tokens", "CategoryEncoding", 1)

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Encode numbers; ``count_weights``, for mode "count", gives the weight of each."""
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "CategoryEncoding got count_weights, which need output_mode='count', but has "
                    f"output_mode={self.output_mode!r}."
                )
            count_weights = values_of(count_weights, self)
        numbers = integers_of(inputs, self)
        wrong = (numbers < 0) | (numbers >= self.num_tokens)
        if wrong.any():
            where = np.argwhere(wrong)[0]
            raise ValueError(
                f"Layer {self.name!r} (CategoryEncoding) has num_tokens={self.num_tokens}, so it "
                f"takes numbers from 0 to {self.num_tokens - 1}; got {numbers[tuple(where)]} at "
                f"{tuple(where.tolist())} ({np.count_nonzero(wrong)} such numbers in all)."
            )
        counts = encode(numbers, self.output_mode, self.num_tokens, count_weights)
        return Tensor(counts.astype(self.dtype, copy=False))

    def output_dtype(self) -> str:
        return self.dtype

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:  # type: ignore[override]
        return super().compute_output_spec(inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }


class Discretization(DataLayer, Preparation):
    """Maps numbers to bins: bin 0 is below the first boundary, bin 1 from the first boundary up to
    the second, and so on.

    Any shape (N, ...) gives the same with "int", and (N, bins) with the others.

        Discretization(bin_boundaries=[0.0, 1.0])([-3.0, 0.0, 0.5, 9.0])      # 0 1 1 2

    Args:
        bin_boundaries: the boundaries, in ascending order.
        num_bins: instead of boundaries, the number of bins for ``adapt`` to learn, with about the
            same number of values in each.
        epsilon: the accuracy of the learned quantiles: about 1 / epsilon values of each batch are
            stored.
        output_mode: "int", or "one_hot", "multi_hot", "count" as in ``CategoryEncoding``.
        sparse: False; sparse arrays do not exist here.
    """

    _summary: np.ndarray

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse("Discretization", sparse)
        self.output_mode = check_mode(output_mode, MODES, "Discretization")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                "Discretization needs either `bin_boundaries` or, to learn them with adapt(), "
                f"`num_bins`; got {bin_boundaries=}, {num_bins=}."
            )
        if num_bins is not None:
            num_bins = check_count(num_bins, "num_bins", "Discretization", 1)
        if not 0.0 < epsilon < 1.0:
            raise ValueError(
                f"Discretization needs `epsilon` between 0 and 1, such as 0.01; got {epsilon!r}."
            )
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.bin_boundaries = None if bin_boundaries is None else _boundaries(bin_boundaries)
        self.reset_state()

    def output_dtype(self) -> str:
        return "int32" if self.output_mode == "int" else self.dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries: quantiles of the values.

        Args:
            data: an array; or an iterable of batches, such as a list of arrays.
            steps: how many batches of an iterable to take; all by default.
        """
        if self.num_bins is None:
            raise ValueError(
                f"Layer {self.name!r} was made with bin_boundaries, so adapt() cannot learn them: "
                "make it with num_bins instead."
            )
        self.reset_state()
        for batch in batches_to_adapt_to(data, steps, self, lambda x: hasattr(x, "__array__")):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Add one more batch to the summary."""
        values = np.sort(np.asarray(values_of(data, self), dtype=np.float32), axis=None)
        if np.isnan(values[-1:]).any():
            raise ValueError(
                f"Layer {self.name!r} (Discretization) cannot learn bins from NaN: drop such rows, "
                "or replace NaN by a number first."
            )
        every = max(values.size * self.epsilon, 1)
        chosen = values[int(every - 1) :: int(every)]
        new = np.stack([chosen, np.full_like(chosen, every)])
        merged = np.concatenate([new, self._summary], axis=1)
        self._summary = _thinned(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Compute the boundaries from the summary."""
        if self.num_bins is not None:
            if self._summary.shape[1] == 0:
                raise ValueError(f"Layer {self.name!r} (Discretization) got no data in adapt().")
            quantiles = _thinned(self._summary, 1.0 / self.num_bins)
            self.bin_boundaries = quantiles[0, :-1].tolist()

    def reset_state(self) -> None:
        """Clear the summary; the boundaries stay."""
        # Two rows: values in ascending order, and how many values each of them represents.
        self._summary = np.zeros((2, 0), dtype=np.float32)

    def prepare(self, inputs: Any) -> np.ndarray:
        if self.bin_boundaries is None:
            raise RuntimeError(
                f"Layer {self.name!r} (Discretization) has no bins yet: call adapt(data) first, or "
                "make it with bin_boundaries."
            )
        values = np.asarray(values_of(inputs, self))
        if values.dtype.kind not in "biuf":
            raise ValueError(
                f"Layer {self.name!r} (Discretization) takes numbers, but got "
                f"{values.dtype.type.__name__}."
            )
        # Compare in the float type: 0.1 in single precision differs from 0.1 in double
        values = values.astype(self.dtype, copy=False)
        bounds = np.asarray(self.bin_boundaries, dtype=values.dtype)
        bins = np.searchsorted(bounds, values, side="right")
        if self.output_mode == "int":
            return bins.astype(np.int32)
        return encode(bins, self.output_mode, len(bounds) + 1).astype(self.dtype, copy=False)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        bounds = self.bin_boundaries
        depth = self.num_bins if bounds is None else len(bounds) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # Keras's class does not take it
        return {
            **config,
            "bin_boundaries": None if self.bin_boundaries is None else list(self.bin_boundaries),
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        config = dict(config)
        learned = config.get("num_bins") is not None
        bounds = config.pop("bin_boundaries", None) if learned else None
        layer = cls(**config)
        if bounds is not None:
            layer.bin_boundaries = bounds
        return layer


def _boundaries(given: Any) -> list[float]:
    bounds = [float(bound) for bound in given]
    if any(not a < b for a, b in zip(bounds, bounds[1:], strict=False)):
        raise ValueError(
            f"Discretization needs `bin_boundaries` in ascending order; got {bounds}. "
            "sorted(set(bin_boundaries)) makes them so."
        )
    return bounds


def _thinned(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Reduce a summary to about 1 / epsilon values with equal weights.

    summary: (2, n): values in ascending order, and the weight of each.
    """
    if summary.shape[1] * epsilon < 1:
        return summary
    values, weights = summary
    total = weights.cumsum()
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    new_values = np.interp(shares, total / total[-1], values)
    new_total = np.interp(shares, total / total[-1], total)
    return np.stack([new_values, np.diff(new_total, prepend=0.0)]).astype(np.float32)


class Hashing(Preparation):
    """Maps words or integers to bins by a hash, without a vocabulary.

    Any shape (N, ...) gives the same with "int".

        Hashing(num_bins=3)(["A", "B", "C"])                  # 1 0 1

    The hash is TensorFlow's, so results are Keras's: FarmHash's Fingerprint64, or SipHash with a
    salt. The decimal digits of numbers are hashed, for floats those of the integer part.

    Args:
        num_bins: the number of bins.
        mask_value: a value that goes to bin 0, which then holds nothing else.
        salt: a whole number, or a pair of them: the key of another hash.
        output_mode: "int", or "one_hot", "multi_hot", "count" as in ``CategoryEncoding``.
        sparse: False; sparse arrays do not exist here.
        dtype: "int64" or "int32" for output mode "int".
    """

    reads_text = True

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = check_mode(output_mode, MODES, "Hashing")
        if dtype is None and self.output_mode == "int":
            dtype = "int64"
        super().__init__(dtype=dtype, **kwargs)
        refuse_sparse("Hashing", sparse)
        if self.output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ValueError(
                f"Hashing gives bins in dtype 'int32' or 'int64' where output_mode='int'; got "
                f"dtype={dtype!r}."
            )
        self.num_bins = check_count(num_bins, "num_bins", "Hashing", 1)
        self.mask_value = mask_value
        self.salt = check_salt(salt, "Hashing")

    def output_dtype(self) -> str:
        return self.dtype

    def prepare(self, inputs: Any) -> np.ndarray:
        values = values_of(inputs, self)
        bins = self._bins(values.ravel()).reshape(values.shape)
        if self.output_mode == "int":
            return bins.astype(self.dtype)
        return encode(bins, self.output_mode, self.num_bins).astype(self.dtype, copy=False)

    def _bins(self, values: np.ndarray) -> np.ndarray:
        reserved = int(self.mask_value is not None and self.num_bins > 1)
        if values.dtype.kind in "OUS":
            values = texts_of(values, self)
            texts = values.tolist()
        elif values.dtype.kind == "b":
            texts = ["true" if value else "false" for value in values.tolist()]
        else:
            texts = [str(value) for value in integers_of(values, self).tolist()]
        bins = buckets_of(texts, self.num_bins - reserved, self.salt) + reserved
        if reserved:
            bins[values == self.mask_value] = 0
        return bins

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": None if self.salt is None else list(self.salt),
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": False,
        }
