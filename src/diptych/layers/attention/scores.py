"""Attention without projections: Attention and AdditiveAttention."""

from __future__ import annotations

import math
from typing import Any

from ... import ops
from ...graph import KerasTensor
from ...ops import nn
from ...ops.attention import attend
from ...random import SeedGenerator, draw_dropout_mask
from ...tensor import Variable
from ..layer import Layer
from .checks import check_rate, differ


class Attention(Layer):
    """Dot-product attention: softmax(query key^T) value.

    Called on a list, [query, value] or [query, value, key]; without keys, the values serve as keys.

    Input shapes: query (N, T, D), value (N, S, E), key (N, S, D). Output shape: (N, T, E).

    Args:
        use_scale: whether the scores are multiplied by a learned number.
        score_mode: "dot", the inner product of query and key, or "concat", the sum of tanh(query +
            key), multiplied by a learned number.
        dropout: the probability of dropping a score, in training.
        seed: a seed of its own for the dropout.

    The call takes ``mask``, a list [query_mask, value_mask] of booleans (N, T) and (N, S): a masked
    query gives zeros, and no query attends to a masked value; ``use_causal_mask=True`` lets query t
    attend to keys 0 to t only; ``return_attention_scores=True`` gives (output, scores), scores (N,
    T, S) after the dropout.

    Source: Luong, Pham & Manning 2015, Effective Approaches to Attention-based Neural Machine
        Translation, section 3.1.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"{type(self).__name__} needs score_mode 'dot' or 'concat'; got {score_mode!r}."
            )
        check_rate(type(self).__name__, dropout)
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if dropout > 0 else None
        self.scale: Variable | None = None
        self.concat_score_weight: Variable | None = None

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )
        self.built = True

    def _refuse(self, words: str) -> None:
        raise ValueError(f"Layer {self.name!r} ({type(self).__name__}) {words}")

    def _check_list(self, inputs: Any) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            given = f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else "one tensor"
            self._refuse(
                f"is called on a list, [query, value] or [query, value, key]; got {given}. For "
                "self-attention pass [x, x]."
            )

    def _check_shapes(self, shapes: Any) -> None:
        if not all(isinstance(shape, (list, tuple)) for shape in shapes):
            self._check_list(None)  # the shape of one tensor
        self._check_list(shapes)
        query, value, key = (*map(tuple, shapes), tuple(shapes[1]))[:3]
        names = {"query": query, "value": value, "key": key}
        given = ", ".join(f"{name} {shape}" for name, shape in names.items())
        if any(len(shape) < 3 or len(shape) != len(query) for shape in names.values()):
            self._refuse(
                f"expects tensors of 3 axes, (batch, steps, features), or all of more; got {given}."
            )
        if differ(query[-1:], key[-1:]):
            self._refuse(
                f"needs queries and keys with the same number of features; got {given}. A Dense "
                "layer before it can change the number."
            )
        if differ(value[1:-1], key[1:-1]):
            self._refuse(f"needs a value for each key; got {given}.")
        if key[-2] == 0:
            self._refuse(f"has no key to attend to: got {given}.")
        if differ(query[:-2], value[:-2]):
            self._refuse(f"needs one batch size in all of its inputs; got {given}.")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_list(inputs)
        self._check_shapes([x.shape for x in inputs])
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = self._check_masks(mask, query, value)
        dropout_mask = None
        if training and self.seed_generator is not None:
            shape = (*query.shape[:-1], key.shape[-2])
            dropout_mask = draw_dropout_mask(self.seed_generator.generator, shape, self.dropout)
        found = self._attend(
            query, value, key, value_mask, use_causal_mask, dropout_mask, return_attention_scores
        )
        output, *scores = found
        if query_mask is not None:
            output = ops.where(ops.expand_dims(query_mask, -1), output, 0.0)
        return (output, *scores) if return_attention_scores else output

    def _check_masks(self, masks: Any, query: Any, value: Any) -> tuple[Any, Any]:
        """The masks of query and value, each as booleans or None."""
        if masks is None:
            return None, None
        if not isinstance(masks, (list, tuple)) or len(masks) not in (2, 3):
            self._refuse(
                "takes a list [query_mask, value_mask] as mask, with None for no mask; got "
                + (f"{len(masks)} of them." if isinstance(masks, (list, tuple)) else "one mask.")
            )
        found = []
        for name, mask, x in zip(("query", "value"), masks, (query, value), strict=False):
            if mask is not None:
                mask = ops.cast(mask, "bool")
                if mask.shape != x.shape[:-1]:
                    self._refuse(
                        f"needs a {name} mask of shape {x.shape[:-1]}, a boolean for each step of "
                        f"the {name} of shape {x.shape}; got a mask of shape {mask.shape}."
                    )
            found.append(mask)
        return found[0], found[1]

    def _attend(
        self,
        query: Any,
        value: Any,
        key: Any,
        value_mask: Any,
        is_causal: bool,
        dropout_mask: Any,
        return_scores: bool,
    ) -> list:
        """[output], or [output, scores]."""
        rate = self.dropout if self.dropout < 1 else 0.0
        if self.score_mode == "dot":
            if self.scale is not None:
                query = ops.multiply(query, self.scale)
            rows = math.prod(query.shape[:-2])
            q, k, v = [
                ops.reshape(x, (rows, x.shape[-2], 1, x.shape[-1])) for x in (query, key, value)
            ]
            if value_mask is not None:
                value_mask = ops.reshape(value_mask, (rows, 1, 1, value_mask.shape[-1]))
            drop = None  # with an axis for the one head
            if dropout_mask is not None:
                drop = dropout_mask.reshape(rows, 1, *dropout_mask.shape[-2:])
            found = attend(q, k, v, None, value_mask, 1.0, is_causal, drop, rate, return_scores)
            output, *scores = found if return_scores else [found]
            output = ops.reshape(output, (*query.shape[:-1], value.shape[-1]))
            scores = [ops.reshape(s, (*query.shape[:-1], key.shape[-2])) for s in scores]
            if dropout_mask is not None:
                scores = [nn.drop(s, dropout_mask, rate) for s in scores]
            return [output, *scores]
        scores = self._scores(query, key)
        allowed = None if value_mask is None else ops.expand_dims(value_mask, -2)
        if is_causal:
            triangle = ops.tri(query.shape[-2], key.shape[-2], dtype="bool")
            allowed = triangle if allowed is None else ops.logical_and(allowed, triangle)
        if allowed is not None:
            scores = ops.where(allowed, scores, ops.subtract(scores, 1e9))
        weights = ops.softmax(scores)
        if dropout_mask is not None:
            weights = nn.drop(weights, dropout_mask, rate)
        return [ops.matmul(weights, value), weights][: 1 + return_scores]

    def _scores(self, query: Any, key: Any) -> Any:
        """The scores of "concat", (N, T, S): sum_d tanh(query[t, d] + key[s, d])."""
        pairs = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        if self.scale is not None:
            pairs = ops.multiply(self.scale, pairs)
        return ops.multiply(self.concat_score_weight, ops.sum(ops.tanh(pairs), axis=-1))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the queries, the first of a list of masks."""
        self._check_list(inputs)
        return mask[0] if mask else None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._check_shapes(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        shapes = [x.shape for x in inputs]
        output = KerasTensor(self.compute_output_shape(shapes), self.dtype)
        if not return_attention_scores:
            return output
        return output, KerasTensor((*shapes[0][:-1], shapes[-1][-2]), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class AdditiveAttention(Attention):
    """Attention whose score of query t and key s is sum_d scale[d] tanh(query[t, d] + key[s, d]).

    Called on a list, [query, value] or [query, value, key], with the masks and options of
    ``Attention``.

    Input shapes: query (N, T, D), value (N, S, E), key (N, S, D). Output shape: (N, T, E).
    Weights: scale (D,).

    Args:
        use_scale: whether the scale is learned; else it is 1.
        dropout: the probability of dropping a score, in training.
        seed: a seed of its own for the dropout.

    Source: Bahdanau, Cho & Bengio 2015, Neural Machine Translation by Jointly Learning to Align
        and Translate, section 3.1 and appendix A.1.2.
    """

    def __init__(
        self,
        use_scale: bool = True,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            use_scale=use_scale, score_mode="concat", dropout=dropout, seed=seed, **kwargs
        )

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform"
            )
        self.built = True

    def _scores(self, query: Any, key: Any) -> Any:
        pairs = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(pairs, axis=-1) if self.scale is None else ops.matmul(pairs, self.scale)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config


__all__ = ["AdditiveAttention", "Attention"]
