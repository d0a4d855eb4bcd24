"""What multi-head attention layers share: projections, masks, and the call of the engines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import constraints, initializers, ops, regularizers
from ...graph import KerasTensor
from ...ops.attention import attend
from ...random import SeedGenerator, draw_dropout_mask
from ..einsum_dense import EinsumDense
from ..layer import Layer
from .checks import broadcasts, check_count, check_rate, differ

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Heads(Layer):
    """Projects queries, keys and values, computes attention in each head, and projects the result.

    The axes of a query or key are: the batch; in any order, the axes attended over (``_attended``)
    and those along which every place is independent; the features. The engines take one batch axis
    and one axis of steps; `_folded` reshapes to these.
    """

    def __init__(
        self,
        heads: int,
        key_heads: int,
        width: int,
        value_width: int,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_rate(type(self).__name__, dropout)
        check_count(type(self).__name__, "sliding_window", sliding_window, optional=True)
        self.supports_masking = True
        self._heads, self._key_heads = int(heads), int(key_heads)
        self._width, self._value_width = int(width), int(value_width)
        self._rate = dropout
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = None if sliding_window is None else int(sliding_window)
        self.flash_attention = flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if dropout > 0 else None
        self._attended: tuple[int, ...] = (1,)
        self._features: tuple = (None, None, None)  # of query, value, key, once built

    # ----------------------------------------------------------------------------------------------
    # Weights

    def _refuse(self, words: str) -> None:
        raise ValueError(f"Layer {self.name!r} ({type(self).__name__}) {words}")

    def _check_shapes(self, query: tuple, value: tuple, key: tuple) -> None:
        shapes = {"query": tuple(query), "value": tuple(value), "key": tuple(key)}
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        if len(query) < 3 or len({len(shape) for shape in shapes.values()}) > 1:
            self._refuse(
                f"expects tensors of one rank, at least 3: (batch, steps, features); got {given}."
            )
        if differ(tuple(value[1:-1]), tuple(key[1:-1])):
            self._refuse(f"needs a value for each key; got {given}.")
        if 0 in key[1:-1]:
            self._refuse(f"has no key to attend to: got {given}.")
        if differ((query[-1], value[-1], key[-1]), self._features):
            self._refuse(
                f"has weights for {', '.join(map(str, self._features))} features of query, value "
                f"and key; got {given}."
            )
        for axis in range(len(query) - 1):
            if axis not in self._attended and differ((query[axis],), (value[axis],)):
                what = "batch size" if axis == 0 else f"size of axis {axis}"
                self._refuse(
                    f"attends over axis {', '.join(map(str, self._attended))} and needs one {what} "
                    f"in all of its inputs; got {given}."
                )

    def _projection(
        self, name: str, free: int, bound: int, sizes: tuple, activation: Any = None
    ) -> EinsumDense:
        """A dense layer over the last ``bound`` axes; the ``free`` axes before them stay."""
        kept, summed = _LETTERS[:free], _LETTERS[free : free + bound]
        made = _LETTERS[free + bound : free + bound + len(sizes)]
        dense = EinsumDense(
            f"{kept}{summed},{summed}{made}->{kept}{made}",
            output_shape=(*[None] * (free - 1), *sizes),
            activation=activation,
            bias_axes=made if self.use_bias else None,
            kernel_initializer=_another(self.kernel_initializer),
            bias_initializer=_another(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._activity_penalty,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype,
            name=name,
        )
        dense.supports_masking = True  # this layer handles the masks
        return dense

    @property
    def _activity_penalty(self) -> Any:
        """The penalty on the output of each projection."""
        return self.activity_regularizer

    def _build_projections(
        self, query: tuple, value: tuple, key: tuple, output_shape: tuple
    ) -> None:
        """Make the weights, in Keras's order."""
        free = len(query) - 1
        self._query_dense = self._projection("query", free, 1, (self._heads, self._width))
        self._query_dense.build(query)
        self._key_dense = self._projection("key", free, 1, (self._key_heads, self._width))
        self._key_dense.build(key)
        if self.use_gate:
            self._gate_dense = self._projection(
                "gate", free, 1, (self._heads, self._value_width), "sigmoid"
            )
            self._gate_dense.build(query)
        self._value_dense = self._projection("value", free, 1, (self._key_heads, self._value_width))
        self._value_dense.build(value)
        self._output_dense = self._projection("attention_output", free, 2, output_shape)
        self._output_dense.build((*query[:-1], self._heads, self._value_width))

    # ----------------------------------------------------------------------------------------------
    # Calls

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check_shapes(query.shape, value.shape, key.shape)
        mask = self._compute_attention_mask(
            query, value, query_mask, value_mask, key_mask, attention_mask
        )
        gate = self._gate_dense(query) if self.use_gate else None
        output, scores = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            mask,
            training,
            return_attention_scores,
            use_causal_mask,
        )
        if gate is not None:
            output = ops.multiply(output, gate)
        output = self._output_dense(output)
        return (output, scores) if return_attention_scores else output

    def _compute_attention_mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
    ) -> Any:
        """All masks combined into one, of booleans that broadcast to the scores, (batch, ...,
        heads, T, S); or None. The causal mask is left to the engines.
        """
        batch, steps = self._order(len(query.shape))
        count = len(steps)
        inputs = (
            ("query", query_mask, query),
            ("value", value_mask, value),
            ("key", key_mask, value),
        )
        masks = []
        for name, mask, x in inputs:
            if mask is None:
                continue
            mask = ops.cast(mask, "bool")
            if mask.shape != x.shape[: mask.ndim] or not 0 < mask.ndim < len(x.shape):
                self._refuse(
                    f"needs {name}_mask to have the shape {x.shape[:-1]}, a boolean for each step "
                    f"of the {name}; got shape {mask.shape}."
                )
            mask = ops.expand_dims(mask, tuple(range(mask.ndim, len(x.shape) - 1)))
            if len(x.shape) > 3:
                mask = ops.transpose(mask, (*batch, *steps))
            # Axes of size 1: for the heads, and for the steps of the other side.
            others = len(batch) + 1 + (count if name == "query" else 0)
            masks.append(ops.expand_dims(mask, (len(batch), *range(others, others + count))))
        pairs = (*[query.shape[i] for i in steps], *[value.shape[i] for i in steps])
        if attention_mask is not None:
            masks.append(self._full_mask(attention_mask, query, pairs, batch))
        if self.sliding_window is not None:
            masks.append(self._window(pairs, len(batch)))
        combined = None
        for mask in masks:
            combined = mask if combined is None else ops.logical_and(combined, mask)
        return combined

    def _full_mask(self, mask: Any, query: Any, pairs: tuple, batch: tuple) -> Any:
        """An attention_mask with all axes of the scores; missing ones go before the steps."""
        mask = ops.cast(mask, "bool")
        scores = (*[query.shape[i] for i in batch], self._heads, *pairs)
        steps = mask.shape[mask.ndim - len(pairs) :]
        outer = mask.shape[: mask.ndim - len(pairs)]
        whole = (*outer, *[1] * (len(batch) + 1 - len(outer)), *steps)
        if mask.ndim < len(pairs) or not broadcasts(whole, scores):
            short = (scores[0], *pairs)
            self._refuse(
                f"needs attention_mask to have the shape {short}, (batch, queries, keys), or "
                f"{scores}, with the heads, 1 where it is the same along an axis; got shape "
                f"{mask.shape}."
            )
        return ops.reshape(mask, whole)

    def _window(self, pairs: tuple, outer: int) -> Any:
        """Which keys lie less than ``sliding_window`` steps from each query."""
        count = len(pairs) // 2
        if count > 1:
            self._refuse("supports sliding_window only if it attends over one axis.")
        distance = np.arange(pairs[0])[:, np.newaxis] - np.arange(pairs[1])
        near = np.abs(distance) < self.sliding_window
        return ops.convert_to_tensor(near.reshape(*[1] * (outer + 1), *pairs))

    def _order(self, rank: int) -> tuple[tuple, tuple]:
        """The axes along which places are independent, the batch first, and those attended over."""
        outer = tuple(axis for axis in range(rank - 1) if axis not in self._attended)
        return outer, self._attended

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """The output of each head, (batch, ..., steps, heads, value width), and the scores or None,
        from projected queries, keys and values.
        """
        rank = len(query.shape) - 1
        outer, steps = self._order(rank)
        dropout_mask, rate = None, self._rate if self._rate < 1 else 0.0
        folded = [self._folded(x) for x in (query, key, value)]
        shape = (folded[0].shape[0], self._heads, folded[0].shape[1], folded[1].shape[1])
        if training and self.seed_generator is not None:
            dropout_mask = draw_dropout_mask(self.seed_generator.generator, shape, self._rate)
        mask = attention_mask
        if mask is not None and rank > 3:
            places = tuple(query.shape[i] for i in outer)
            apart = mask.shape[len(outer)]
            pairs = (*[query.shape[i] for i in steps], *[key.shape[i] for i in steps])
            mask = ops.broadcast_to(mask, (*places, apart, *pairs))
            mask = ops.reshape(mask, (shape[0], apart, *shape[2:]))
        # As in Keras: a query whose keys are all masked attends to all keys alike without dropout
        # and returned scores, else to none.
        silent = mask if self._rate or return_attention_scores or rank > 3 else None
        if silent is not None and use_causal_mask:
            silent = ops.logical_and(silent, np.tri(*shape[2:], dtype=bool))
        scale = 1.0 / math.sqrt(self._width)
        q, k, v = folded
        found = attend(
            q, k, v, None, mask, scale, use_causal_mask, dropout_mask, rate, return_attention_scores
        )
        output, scores = found if return_attention_scores else (found, None)
        if silent is not None:
            busy = ops.any(silent, axis=-1, keepdims=True)
            output = ops.where(ops.swapaxes(busy, 1, 2), output, 0.0)
            scores = None if scores is None else ops.where(busy, scores, 0.0)
        return self._unfolded(output, scores, query.shape, key.shape)

    def _folded(self, x: Any) -> Any:
        """(batch, ..., heads, width), as (places, steps, heads, width)."""
        if x.ndim == 4:
            return x
        outer, steps = self._order(x.ndim - 1)
        order = (*outer, *steps, x.ndim - 2, x.ndim - 1)
        if order != tuple(range(x.ndim)):
            x = ops.transpose(x, order)
        places, length = (
            math.prod(x.shape[: len(outer)]),
            math.prod(x.shape[len(outer) : len(outer) + len(steps)]),
        )
        return ops.reshape(x, (places, length, *x.shape[-2:]))

    def _unfolded(self, output: Any, scores: Any, query: tuple, key: tuple) -> tuple[Any, Any]:
        """Undo `_folded`: give output and scores the axes of query and key again."""
        rank = len(query)
        if rank == 4:
            return output, scores
        outer, steps = self._order(rank - 1)
        order = (*outer, *steps, rank - 2, rank - 1)
        sizes = [query[i] for i in (*outer, *steps)]
        output = ops.reshape(output, (*sizes, *output.shape[-2:]))
        if order != tuple(range(rank)):
            output = ops.transpose(output, [order.index(axis) for axis in range(rank)])
        if scores is not None:
            pairs = (*[query[i] for i in steps], *[key[i] for i in steps])
            scores = ops.reshape(scores, (*[query[i] for i in outer], self._heads, *pairs))
        return output, scores

    # ----------------------------------------------------------------------------------------------
    # Shapes

    def compute_output_shape(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple:
        key_shape = value_shape if key_shape is None else key_shape
        self._settle(len(query_shape))
        self._check_shapes(tuple(query_shape), tuple(value_shape), tuple(key_shape))
        return (*query_shape[:-1], *self._output_sizes(query_shape))

    def _settle(self, rank: int) -> None:
        """Determine the axes attended over, now that the rank is known."""

    def _output_sizes(self, query_shape: tuple) -> tuple:
        return (query_shape[-1],)

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any = None, key_shape: Any = None
    ) -> None:
        if value_shape is None:
            raise TypeError(
                f"Layer {self.name!r} ({type(self).__name__}) is called on a query and a value, "
                "layer(query, value); for self-attention, layer(x, x)."
            )
        query, value = tuple(query_shape), tuple(value_shape)
        key = value if key_shape is None else tuple(key_shape)
        self._settle(len(query))
        self._check_shapes(query, value, key)
        self._build_projections(query, value, key, self._output_sizes(query))
        self._features = (query[-1], value[-1], key[-1])
        self.built = True

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        shape = self.compute_output_shape(query.shape, value.shape, key.shape)
        output = KerasTensor(shape, self.dtype)
        if not return_attention_scores:
            return output
        outer, steps = self._order(len(query.shape))
        pairs = (*[query.shape[i] for i in steps], *[key.shape[i] for i in steps])
        scores = (*[query.shape[i] for i in outer], self._heads, *pairs)
        return output, KerasTensor(scores, self.dtype)

    def _common_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dropout": self._rate,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self._activity_penalty),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


def depends_on_nothing_else(layer: Heads) -> bool:
    """Whether a call depends on inputs and weights alone: no random numbers, no penalty."""
    return not layer._rate and layer._activity_penalty is None


def _another(initializer: Any) -> Any:
    """A copy of this initializer, so that each projection gets different values."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


__all__ = ["Heads", "depends_on_nothing_else"]
