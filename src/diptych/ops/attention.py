"""Dot-product attention: ``dot_product_attention`` of ``keras.ops``, and ``attend`` for the layers,
with dropout and the scores.

The equations and gradients are in ``diptych.reference.attention``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph import KerasTensor, record
from ..operation import Twin, common_float
from ..shape_rules import agree, broadcast, check_rank
from ..tensor import as_array, is_symbolic
from .creation import as_tensor, shape
from .indexing import where
from .linalg import matmul
from .nn import softmax
from .shapes import repeat, swapaxes


def _of_operations(
    query, key, value, bias, mask, dropout_mask, scale, is_causal, rate, return_scores
):
    """Attention made of operations, as in the reference: for gradients of gradients only."""
    heads = query.shape[2]
    q, k, v = (_by_head(x, heads) for x in (query, key, value))
    logits = matmul(q, swapaxes(k, -1, -2)) * scale
    if bias is not None:
        logits = logits + bias
    allowed = np.ones(logits.shape, bool) if mask is None else mask
    if is_causal:
        allowed = allowed & np.tri(*logits.shape[-2:], dtype=bool)
    logits = where(allowed, logits, -math.inf)
    idle = logits.array.max(axis=-1, keepdims=True) == -math.inf
    scores = softmax(where(idle, 0.0, logits))
    weights = scores if dropout_mask is None else where(dropout_mask, scores / (1 - rate), 0.0)
    y = swapaxes(matmul(weights, v), 1, 2)
    return [y, scores] if return_scores else y


def _by_head(x, heads):
    """(N, T, K, D) -> (N, H, T, D): each of the K heads serves H / K neighbours."""
    x = swapaxes(x, 1, 2)
    return repeat(x, heads // x.shape[1], axis=1) if x.shape[1] != heads else x


_attention = Twin("attention", "dot_product_attention", composition=_of_operations)


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(scale * query key^T + bias) value, in each head.

    Args:
        query: (N, T, H, D): batch, steps, heads, features.
        key: (N, S, K, D); with fewer heads than queries have, each is shared by H / K of theirs.
        value: (N, S, K, E).
        bias: added to the logits, a shape that broadcasts to (N, H, T, S).
        mask: booleans that broadcast to the same: False where a query must not attend to a key. A
            query whose keys are all masked attends to all alike.
        scale: a factor on the logits; 1 / sqrt(D) by default.
        is_causal: whether query t attends to the keys 0 to t alone.
        flash_attention: accepted for Keras's sake; the fast engine never stores all scores.
        attn_logits_soft_cap: not available here, as in Keras on any CPU.

    Raises:
        ValueError: ``attn_logits_soft_cap`` is given.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "attn_logits_soft_cap exists in Keras only on TPUs; leave it out, or limit the logits "
            "yourself: softmax(cap * tanh(logits / cap))."
        )
    if any(is_symbolic(x) for x in (query, key, value, bias, mask)):
        options = {"bias": bias, "mask": mask, "scale": scale, "is_causal": is_causal}
        given = [x if x is None else shape(x) for x in (bias, mask)]
        dtype = common_float("dot_product_attention", (query, key, value, bias))
        output = KerasTensor(_output_shape(shape(query), shape(key), shape(value), *given), dtype)
        return record(dot_product_attention, (query, key, value), options, output)
    return attend(query, key, value, bias, mask, scale, is_causal)


def _output_shape(query: tuple, key: tuple, value: tuple, bias: Any, mask: Any) -> tuple:
    """(N, T, H, E); ValueError unless the shapes fit together."""
    for x in (query, key, value):
        check_rank(x, 4)
    batch = agree(query[0], agree(key[0], value[0], "rows of the batch"), "rows of the batch")
    steps = agree(key[1], value[1], "steps: each key has a value")
    agree(query[3], key[3], "features: a query has as many as a key")
    heads = agree(key[2], value[2], "heads of keys and values")
    if None not in (query[2], heads) and query[2] % heads:
        raise ValueError(f"{query[2]} heads of queries are no multiple of {heads} heads of keys.")
    for x in (bias, mask):
        if x is not None:
            broadcast(x, (batch, query[2], query[1], steps))
    return (batch, *query[1:3], value[3])


def attend(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    dropout_mask: np.ndarray | None = None,
    rate: float = 0.0,
    return_scores: bool = False,
) -> Any:
    """The same, with dropout of the scores and, if ``return_scores``, with the scores as a second
    result. Twin functions: ``dot_product_attention_forward`` and ``_backward`` of ``attention``.
    """
    query = as_tensor(query)
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1]) if query.shape and query.shape[-1] else 1.0
    if mask is not None:
        mask = as_array(mask)
        mask = mask if mask.dtype == np.bool_ else mask != 0
    inputs = (query, key, value, bias)
    scale, is_causal = float(scale), bool(is_causal)
    return _attention(inputs, mask, dropout_mask, scale, is_causal, rate, return_scores)
