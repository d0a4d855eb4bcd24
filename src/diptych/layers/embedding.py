"""Embedding and Masking, the layers that create masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import constraints, initializers, ops, regularizers
from ..ops.embedding import check_tokens, embedding
from .layer import Layer


class Embedding(Layer):
    """Turns whole numbers (words, symbols, users) into learned vectors.

    Input shape: (N, ...), whole numbers from 0 to input_dim - 1. Output shape: (N, ...,
    output_dim). Weights: embeddings (input_dim, output_dim).

    Args:
        input_dim: the size of the vocabulary, one more than the largest number.
        output_dim: the width of a vector.
        embeddings_initializer: how the vectors begin.
        embeddings_regularizer: a penalty on them.
        embeddings_constraint: applied to them after each update.
        mask_zero: whether 0 is padding, which the following layers skip. weights: the vectors to
        begin with, an array or a list with one.

    Source: Bengio et al. 2003, A Neural Probabilistic Language Model, section 2.
    """

    pure = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        for name, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size <= 0:
                raise ValueError(
                    f"Embedding needs a positive whole number as {name}; got {size!r}."
                )
        super().__init__(**kwargs)
        self.input_dim = int(input_dim)
        self.output_dim = int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self.makes_mask = self.mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(list(weights) if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        try:
            return embedding(inputs, self.embeddings)
        except ValueError as error:
            raise self._named(error) from None

    def check_data(self, data: np.ndarray) -> None:
        """Raise ValueError if a data set has a token outside the vocabulary."""
        try:
            check_tokens(data, (self.input_dim, self.output_dim))
        except ValueError as error:
            raise self._named(error) from None

    def _named(self, error: ValueError) -> ValueError:
        return ValueError(f"{error}. (Layer {self.name!r}.)")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }


class Masking(Layer):
    """Makes the following layers skip the steps whose features all equal ``mask_value``.

    Input shape: (N, T, ..., D). Output shape: the same, with zeros for the steps that are skipped.

    Args:
        mask_value: a number, or one for each feature. NaN equals nothing, not even NaN, so it would
            skip no step.
    """

    weightless = True
    makes_mask = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if np.asarray(mask_value).dtype.kind not in "biuf" or np.ndim(mask_value) > 1:
            raise ValueError(
                "Masking needs a number as mask_value, or a list of one for each feature; got "
                f"{mask_value!r}."
            )
        self.mask_value = mask_value
        self.supports_masking = True

    def _counts(self, inputs: Any, keepdims: bool) -> Any:
        self.compute_output_shape(inputs.shape)
        value = self.mask_value
        value = value if isinstance(value, (int, float)) else np.asarray(value, self.dtype)
        return ops.any(ops.not_equal(inputs, value), axis=-1, keepdims=keepdims)

    def call(self, inputs: Any) -> Any:
        return ops.where(self._counts(inputs, True), inputs, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self._counts(inputs, False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        count = np.size(self.mask_value)
        if np.ndim(self.mask_value) and count not in (1, input_shape[-1]):
            raise ValueError(
                f"Layer {self.name!r} (Masking) has a mask_value for each of {count} features, and "
                f"its input has shape {tuple(input_shape)}."
            )
        return input_shape

    def get_config(self) -> dict[str, Any]:
        value = self.mask_value
        value = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        return {**super().get_config(), "mask_value": value}


__all__ = ["Embedding", "Masking"]
