"""Embedding and Masking, the layers that create masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import constraints, initializers, ops, regularizers
from ..dtype_policies import computed_in
from ..graph import KerasTensor
from ..ops.embedding import check_tokens, embedding
from ..utils.dtypes import standardize_dtype
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


class ReversibleEmbedding(Embedding):
    """An embedding that goes both ways: at the end of a language model it turns vectors into a
    number (logit) for each word, ``logits = x E^T`` with the vectors E of the embedding.

    Call arguments: whole numbers (N, ...) become vectors (N, ..., output_dim). With reverse=True,
    vectors (N, ..., output_dim) become logits (N, ..., input_dim), without a mask. Weights:
    embeddings (input_dim, output_dim); without tie_weights also reverse_embeddings (output_dim,
    input_dim).

    Args:
        input_dim: the size of the vocabulary.
        output_dim: the width of a vector.
        tie_weights: whether both ways have the same weights.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: those of
            ``Embedding``; weights of the way back get the initializer alone.
        reverse_dtype: the float type of the way back; None: the layer's.
        logit_soft_cap: a number c: logits become c tanh(logits / c), so that none exceeds c.

    Source: Press & Wolf 2016, Using the output embedding to improve language models.
    """

    tie_weights: bool
    pure = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        # Known before the arrays of the old argument `weights` build the layer.
        object.__setattr__(self, "tie_weights", bool(tie_weights))
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def check_data(self, data: np.ndarray) -> None:
        """Raise ValueError if a data set has a token outside the vocabulary; vectors for the way
        back are no tokens.
        """
        if data.dtype.kind != "f" or data.shape[-1] != self.output_dim:
            super().check_data(data)

    def _dtype_of(self, reverse: bool) -> str:
        if not reverse or self.reverse_dtype is None:
            return self.dtype
        return computed_in(standardize_dtype(self.reverse_dtype))

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return super().call(inputs)
        self.compute_output_shape(inputs.shape, reverse=True)  # raises an error if it does not fit
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        dtype = self._dtype_of(reverse)
        logits = ops.matmul(ops.cast(inputs, dtype), ops.cast(kernel, dtype))
        if self.logit_soft_cap is None:
            return logits
        cap = self.logit_soft_cap
        return ops.multiply(ops.tanh(ops.divide(logits, cap)), cap)

    def _pass_mask_on(self, inputs: Any, masks: Any, masked: bool, outputs: Any) -> None:
        if self.supports_masking and len(outputs.shape) == len(inputs.shape):
            return  # in reverse the inputs are no words, so 0 is no padding
        super()._pass_mask_on(inputs, masks, masked, outputs)

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> tuple:
        if not reverse:
            return super().compute_output_shape(input_shape)
        if input_shape[-1] not in (self.output_dim, None):
            raise ValueError(
                f"Layer {self.name!r} (ReversibleEmbedding) with reverse=True takes vectors of "
                f"output_dim={self.output_dim} numbers, and its input has shape "
                f"{tuple(input_shape)}."
            )
        return (*input_shape[:-1], self.input_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> KerasTensor:
        shape = self.compute_output_shape(inputs.shape, reverse)
        return KerasTensor(shape, self._dtype_of(reverse))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }


class Masking(Layer):
    """Makes the following layers skip the steps whose features all equal ``mask_value``.

    Input shape: (N, T, ..., D). Output shape: the same, with zeros for the steps that are skipped.

    Args:
        mask_value: a number, or one for each feature. NaN equals nothing, not even NaN, so it would
            skip no step.
    """

    pure = True
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


__all__ = ["Embedding", "Masking", "ReversibleEmbedding"]
