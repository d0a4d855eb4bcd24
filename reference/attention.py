"""Attention: each query gathers the values whose keys resemble it.

N rows in the batch, T queries, S keys with a value each, H heads, D features of a query and of a
key, E of a value. With fewer heads of keys than of queries, K of them, each serves H / K
neighbouring heads of queries (Ainslie et al. 2023, GQA).
"""

import numpy as np

from ._heads import by_head, by_step, check_attention
from ._shapes import check_cotangent, sum_to


def _logits(q, k, bias, mask, scale, is_causal):
    """Lines 1 to 3, and which pairs (query, key) have a say."""
    logits = scale * (q @ np.swapaxes(k, -1, -2))  # 1
    if bias is not None:
        logits = logits + bias  # 2
    allowed = np.ones(logits.shape, bool) if mask is None else mask
    if is_causal:
        allowed = allowed & np.tri(*logits.shape[-2:], dtype=bool)
    logits = np.where(allowed, logits, np.asarray(-np.inf, logits.dtype))  # 3
    # A query that may attend to nothing attends to all keys alike.
    idle = logits.max(axis=-1, keepdims=True) == -np.inf
    return np.where(idle, np.zeros_like(logits), logits), allowed & ~idle


def dot_product_attention_forward(
    query, key, value, bias, mask, kept, scale, is_causal=False, rate=0.0, return_scores=False
):
    """Scaled dot-product attention. In each head:

        logits[t, s] = scale sum_d query[t, d] key[s, d] + bias[t, s]
        scores[t, s] = exp(logits[t, s]) / sum_j exp(logits[t, j])       over the s that are allowed
        y[t, e] = sum_s scores[t, s] value[s, e]

    query: (N, T, H, D)   key: (N, S, K, D)   value: (N, S, K, E)
    bias: broadcasts to (N, H, T, S), or None   mask: bool, likewise; False where a query must not
    attend to a key   is_causal: whether query t attends to the keys 0 to t alone
    kept: bool, likewise, or None; with it, the scores are dropped out: divided by 1 - rate where
    kept, else 0.
    Returns y: (N, T, H, E), dtype of query; with return_scores (y, scores), scores: (N, H, T, S) as
    they are before dropout; and cache = (query, key, value, bias, mask, kept, y, scores, top,
    total, scale, is_causal, rate) with the largest logit and the sum of the exponentials of each
    query, (N, H, T). From these backward makes the scores again: they themselves would take S
    numbers for each, so that the cache holds them only where they were asked for, else None.
    A query that may attend to no key attends to all of them alike. Raises ValueError where shapes
    do not fit.
    Source: Vaswani et al. 2017, Attention Is All You Need, eq. 1; for what is kept, Dao et al.
    2022, FlashAttention, sec. 3.1.
    """
    check_attention(query, key, value, bias, mask, kept)
    heads = query.shape[2]
    q, k, v = (by_head(x, heads) for x in (query, key, value))
    logits, _ = _logits(q, k, bias, mask, scale, is_causal)  # 1, 2, 3
    top = logits.max(axis=-1)
    e = np.exp(logits - top[..., np.newaxis])
    total = e.sum(axis=-1)
    scores = e / total[..., np.newaxis]  # 4
    used = scores if kept is None else np.where(kept, scores / (1 - rate), 0)  # 5
    y = np.ascontiguousarray(np.swapaxes(used @ v, 1, 2))  # 6
    scores = scores if return_scores else None
    cache = query, key, value, bias, mask, kept, y, scores, top, total, scale, is_causal, rate
    return (y, scores) if return_scores else y, cache


def dot_product_attention_backward(dy, cache):
    """Gradients of dot_product_attention_forward. dy: (N, T, H, E), or with scores, (dy, dscores).

        dvalue[s] = sum_t scores[t, s] dy[t]        dscores[t, s] = sum_e dy[t, e] value[s, e]
        dlogits[t, s] = scores[t, s] (dscores[t, s] - sum_j dscores[t, j] scores[t, j])
        dquery[t] = scale sum_s dlogits[t, s] key[s]
        dkey[s] = scale sum_t dlogits[t, s] query[t]        dbias = dlogits

    Returns (dquery, dkey, dvalue, dbias); dbias is None where there was none.
    """
    query, key, value, bias, mask, kept, _, scores, top, total, scale, is_causal, rate = cache
    return_scores = scores is not None
    dy, dscores_given = dy if return_scores else (dy, None)
    check_cotangent("dot_product_attention_backward", dy.shape, (*query.shape[:3], value.shape[3]))
    heads, few = query.shape[2], key.shape[2]
    q, k, v, dy = (by_head(x, heads) for x in (query, key, value, dy))
    logits, allowed = _logits(q, k, bias, mask, scale, is_causal)
    scores = np.exp(logits - top[..., np.newaxis]) / total[..., np.newaxis]
    used = scores if kept is None else np.where(kept, scores / (1 - rate), 0)
    dv = np.swapaxes(used, -1, -2) @ dy  # 6
    dscores = dy @ np.swapaxes(v, -1, -2)  # 6
    if kept is not None:
        dscores = np.where(kept, dscores / (1 - rate), 0)  # 5
    if return_scores:
        dscores = dscores + dscores_given
    dlogits = scores * (dscores - (dscores * scores).sum(axis=-1, keepdims=True))  # 4
    dlogits = np.where(allowed, dlogits, 0)  # 3
    dbias = None if bias is None else sum_to(dlogits, bias.shape)  # 2
    dq, dk = scale * (dlogits @ k), scale * (np.swapaxes(dlogits, -1, -2) @ q)  # 1
    return by_step(dq, heads), by_step(dk, few), by_step(dv, few), dbias
