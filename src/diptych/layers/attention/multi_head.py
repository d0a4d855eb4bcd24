"""Multi-head attention and grouped-query attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import regularizers
from ..einsum_dense import EinsumDense
from .checks import check_count
from .heads import Heads, depends_on_nothing_else


class MultiHeadAttention(Heads):
    """Multi-head attention: each head projects queries, keys and values and computes attention; the
    concatenated results are projected to the output.

        heads_h = softmax(query_h key_h^T / sqrt(key_dim)) value_h
        output = concatenated heads @ kernel + bias

    Called on ``layer(query, value, key=value)``; ``layer(x, x)`` is self-attention.

    Input shapes: query (N, T, D), value and key (N, S, ...). Output shape: (N, T, D).
    Weights: for query, key, value kernels (D, num_heads, key_dim or value_dim) and biases
    (num_heads, key_dim or value_dim); attention_output kernel (num_heads, value_dim, D) and bias
    (D,); with a gate, its kernel and bias, as those of the values.

    Args:
        num_heads: the number of heads.
        key_dim: the width of a head's queries and keys.
        value_dim: the width of a head's values; by default key_dim.
        dropout: the probability of dropping a score, in training.
        use_bias: whether the projections have biases.
        output_shape: the sizes of the output after the steps; by default the query's features.
        attention_axes: the axes attended over; by default all but the batch and the features.
        sliding_window: a query attends to keys less than so many steps away; None: to all.
        flash_attention: accepted for Keras's sake; the fast engine keeps no matrix of scores.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output of each projection.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether a sigmoid of a projection of the query multiplies what the heads gather.
        seed: a seed of its own for the dropout.

    The call takes ``query_mask``, ``value_mask``, ``key_mask``, booleans for each step, which are
    passed automatically from a layer that creates masks; ``attention_mask``, booleans (N, T, S) or
    (N, heads, T, S), False where a query must not attend to a key; ``use_causal_mask=True``, which
    lets query t attend to keys 0 to t only; ``return_attention_scores=True``, which gives (output,
    scores), scores (N, heads, T, S) before the dropout.

    As in Keras, a query whose keys are all masked attends to all keys alike; with dropout or
    returned scores its result is zeros.

    Source: Vaswani et al. 2017, Attention Is All You Need, section 3.2.2.
    """

    pure = property(depends_on_nothing_else)  # type: ignore[assignment]

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        check_count("MultiHeadAttention", "num_heads", num_heads)
        check_count("MultiHeadAttention", "key_dim", key_dim)
        check_count("MultiHeadAttention", "value_dim", value_dim, optional=True)
        super().__init__(
            heads=num_heads,
            key_heads=num_heads,
            width=key_dim,
            value_width=value_dim or key_dim,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self._projections_penalty = regularizers.get(activity_regularizer)
        self._sizes_given = _as_sizes(output_shape)
        self._axes_given = _as_axes(attention_axes)

    @property
    def _activity_penalty(self) -> Any:
        return self._projections_penalty

    @property
    def num_heads(self) -> int:
        return self._heads

    @property
    def key_dim(self) -> int:
        return self._width

    @property
    def value_dim(self) -> int:
        return self._value_width

    @property
    def dropout(self) -> float:
        return self._rate

    @property
    def attention_axes(self) -> tuple | None:
        return self._attended if self.built else self._axes_given

    @property
    def query_dense(self) -> EinsumDense:
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        return self._output_dense

    def _settle(self, rank: int) -> None:
        if self._axes_given is None:
            self._attended = tuple(range(1, max(rank - 1, 2)))
            return
        axes = tuple(axis if axis >= 0 else rank + axis for axis in self._axes_given)
        if not axes or len(set(axes)) < len(axes) or not all(0 < axis < rank - 1 for axis in axes):
            self._refuse(
                f"attends over axes between the batch, 0, and the features, {rank - 1}; got "
                f"attention_axes={self._axes_given} and inputs of {rank} axes."
            )
        self._attended = axes

    def _output_sizes(self, query_shape: tuple) -> tuple:
        return self._sizes_given or (query_shape[-1],)

    def get_config(self) -> dict[str, Any]:
        return {
            **self._common_config(),
            "num_heads": self._heads,
            "key_dim": self._width,
            "value_dim": self._value_width,
            "output_shape": self._sizes_given,
            "attention_axes": self._axes_given,
        }


class GroupQueryAttention(Heads):
    """Attention in which each head of keys and values serves several heads of queries.

    Called as ``MultiHeadAttention``, with the same masks and options.

    Input shapes: query (N, T, D), value and key (N, S, ...). Output shape: (N, T, D).
    Weights: query kernel (D, num_query_heads, head_dim), key and value kernels
    (D, num_key_value_heads, head_dim), attention_output kernel (num_query_heads, head_dim, D),
    with their biases; with a gate, its kernel and bias, as those of the queries.

    Args:
        head_dim: the width of a head.
        num_query_heads: the number of heads of queries.
        num_key_value_heads: the number of heads of keys and of values, which divides the former.
        dropout: the probability of dropping a score, in training.
        use_bias: whether the projections have biases.
        sliding_window: a query attends to keys less than so many steps away; None: to all.
        flash_attention: accepted for Keras's sake; the fast engine keeps no matrix of scores.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output, and on that of each projection.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether a sigmoid of a projection of the query multiplies what the heads gather.
        seed: a seed of its own for the dropout.

    Source: Ainslie et al. 2023, GQA: Training Generalized Multi-Query Transformer Models from
        Multi-Head Checkpoints.
    """

    pure = property(depends_on_nothing_else)  # type: ignore[assignment]

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        for name, count in (
            ("head_dim", head_dim),
            ("num_query_heads", num_query_heads),
            ("num_key_value_heads", num_key_value_heads),
        ):
            check_count("GroupQueryAttention", name, count)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupQueryAttention shares each head of keys among the same number of query "
                "heads, so num_query_heads must be a multiple of num_key_value_heads; got "
                f"{num_query_heads} and {num_key_value_heads}."
            )
        super().__init__(
            heads=num_query_heads,
            key_heads=num_key_value_heads,
            width=head_dim,
            value_width=head_dim,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

    @property
    def head_dim(self) -> int:
        return self._width

    @property
    def num_query_heads(self) -> int:
        return self._heads

    @property
    def num_key_value_heads(self) -> int:
        return self._key_heads

    @property
    def dropout(self) -> float:
        return self._rate

    def _check_shapes(self, query: tuple, value: tuple, key: tuple) -> None:
        super()._check_shapes(query, value, key)
        if len(query) > 3:
            self._refuse(
                "expects queries, values and keys of 3 axes, (batch, steps, features); got query "
                f"{tuple(query)}. MultiHeadAttention accepts more axes."
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **self._common_config(),
            "head_dim": self._width,
            "num_query_heads": self._heads,
            "num_key_value_heads": self._key_heads,
        }


def _as_sizes(output_shape: Any) -> tuple | None:
    """The argument `output_shape`: None, a size, or several."""
    if output_shape is None or isinstance(output_shape, (list, tuple)):
        return tuple(output_shape) if output_shape else None
    check_count("MultiHeadAttention", "output_shape, or a tuple of them,", output_shape)
    return (int(output_shape),)


def _as_axes(attention_axes: Any) -> tuple | None:
    """The argument `attention_axes`: None, an axis, or several."""
    if attention_axes is None:
        return None
    axes = attention_axes if isinstance(attention_axes, (list, tuple)) else (attention_axes,)
    if not all(isinstance(axis, (int, np.integer)) for axis in axes):
        raise ValueError(
            "MultiHeadAttention needs a whole number, a list of them, or None as attention_axes; "
            f"got {attention_axes!r}."
        )
    return tuple(int(axis) for axis in axes)


__all__ = ["GroupQueryAttention", "MultiHeadAttention"]
