"""Attention: each query gathers the values whose keys resemble it.

N rows in the batch, T queries, S keys with a value each, H heads, D features of a query and of a
key, E of a value. With fewer heads of keys than of queries, K of them, each serves H / K
neighbouring heads of queries (grouped-query attention, GQA: Ainslie et al. 2023).

Multi-head attention is scaled dot-product attention between two dense layers. x: (N, T, M) goes in,
each head has a query, a key and a value made of it, and the heads' results are put together again:

    multi-head projection    query[n, t, h, d] = sum_m x[n, t, m] W_q[m, h, d] + b_q[h, d]
                             and in the same way key by W_k, value by W_v
    scaled dot-product       y = dot_product_attention(query, key, value)            (N, T, H, E)
    output projection        out[n, t, m] = sum_h sum_e y[n, t, h, e] W_o[h, e, m] + b_o[m]

    their gradients          dW_q[m, h, d] = sum_n sum_t x[n, t, m] dquery[n, t, h, d]
                             dx[n, t, m] = sum_h sum_d dquery[n, t, h, d] W_q[m, h, d]
                             plus those by key and value
                             dy[n, t, h, e] = sum_m dout[n, t, m] W_o[h, e, m]

Seen as a matrix (M, H D), W_q is the kernel of a dense layer: forward and gradient are those of
dense.py, and layers/attention/heads.py puts the parts together. Here follows what lies between.

Fast twins, by the same names: fastcore/attention.pyx, fastcore/dense.pyx.
"""

import numpy as np

from ._heads import by_head, by_step, check_attention
from ._shapes import check_cotangent, sum_to


def dot_product_attention_forward(
    query, key, value, bias, mask, dropout_mask, scale, is_causal=False, rate=0.0,
    return_scores=False,
):  # fmt: skip
    """Scaled dot-product attention. In each head:

        logits[t, s] = scale sum_d query[t, d] key[s, d] + bias[t, s]
        scores[t, s] = exp(logits[t, s]) / sum_j exp(logits[t, j])       softmax, over allowed s
        weights[t, s] = scores[t, s] / (1 - rate) where dropout_mask[t, s], else 0
        y[t, e] = sum_s weights[t, s] value[s, e]

    query: (N, T, H, D)   key: (N, S, K, D)   value: (N, S, K, E)
    bias: broadcasts to (N, H, T, S), or None   mask: bool, likewise; False where a query must not
    attend to a key   is_causal: the causal mask: query t attends to the keys 0 to t alone
    dropout_mask: bool, likewise; None drops nothing: weights = scores.
    Returns y: (N, T, H, E), dtype of query; with return_scores (y, scores), scores: (N, H, T, S),
    the attention weights before dropout; and cache = (query, key, value, bias, allowed,
    dropout_mask, scores, scale, rate, return_scores), allowed: bool, (N, H, T, S). The fast twin
    has another cache: it makes the scores again instead of keeping them.
    A query that may attend to no key attends to all of them alike. Raises ValueError where shapes
    do not fit.
    Source: Vaswani et al. 2017, Attention Is All You Need, eq. 1.
    """
    check_attention(query, key, value, bias, mask, dropout_mask)
    q, k, v = (by_head(x, query.shape[2]) for x in (query, key, value))
    logits = scale * (q @ np.swapaxes(k, -1, -2))
    if bias is not None:
        logits = logits + bias
    allowed = np.ones(logits.shape, bool) if mask is None else mask
    if is_causal:  # key s <= query t
        allowed = allowed & np.tri(*logits.shape[-2:], dtype=bool)
    logits, allowed = _forbid(logits, allowed)
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))  # the maximum cancels, as in softmax
    scores = e / e.sum(axis=-1, keepdims=True)
    weights = _drop(scores, dropout_mask, rate)
    y = np.ascontiguousarray(np.swapaxes(weights @ v, 1, 2))
    cache = query, key, value, bias, allowed, dropout_mask, scores, scale, rate, return_scores
    return (y, scores) if return_scores else y, cache


def dot_product_attention_backward(dy, cache):
    """Gradients of dot_product_attention_forward. dy: (N, T, H, E), or with scores, (dy, dscores).

        dvalue[s] = sum_t weights[t, s] dy[t]        dweights[t, s] = sum_e dy[t, e] value[s, e]
        dscores[t, s] = dweights[t, s] / (1 - rate) where dropout_mask[t, s], else 0
        dlogits[t, s] = scores[t, s] (dscores[t, s] - sum_j dscores[t, j] scores[t, j])
        dquery[t] = scale sum_s dlogits[t, s] key[s]
        dkey[s] = scale sum_t dlogits[t, s] query[t]        dbias = dlogits

    Returns (dquery, dkey, dvalue, dbias); dbias is None where there was none.
    """
    query, key, value, bias, allowed, dropout_mask, scores, scale, rate, return_scores = cache
    dy, dscores_given = dy if return_scores else (dy, 0)
    check_cotangent("dot_product_attention_backward", dy.shape, (*query.shape[:3], value.shape[3]))
    heads, few = query.shape[2], key.shape[2]
    q, k, v, dy = (by_head(x, heads) for x in (query, key, value, dy))
    weights = _drop(scores, dropout_mask, rate)
    dv = np.swapaxes(weights, -1, -2) @ dy  # y = weights v
    dweights = dy @ np.swapaxes(v, -1, -2)  # y = weights v
    dscores = _drop(dweights, dropout_mask, rate) + dscores_given  # weights = drop(scores)
    shared = (dscores * scores).sum(axis=-1, keepdims=True)
    dlogits = scores * (dscores - shared)  # scores = softmax(logits)
    dlogits = np.where(allowed, dlogits, 0)  # elsewhere they are constant: -inf, or 0
    dbias = None if bias is None else sum_to(dlogits, bias.shape)  # logits = ... + bias
    dq, dk = scale * (dlogits @ k), scale * (np.swapaxes(dlogits, -1, -2) @ q)  # scale q k^T
    return by_step(dq, heads), by_step(dk, few), by_step(dv, few), dbias


def _forbid(logits, allowed):
    """The logits with -inf where a query must not attend to a key, but 0 all along where it may
    attend to none; and which pairs (query, key) have a say in the result.
    """
    logits = np.where(allowed, logits, np.asarray(-np.inf, logits.dtype))
    idle = logits.max(axis=-1, keepdims=True) == -np.inf
    return np.where(idle, np.zeros_like(logits), logits), allowed & ~idle


def _drop(scores, dropout_mask, rate):
    """Dropout, as in dropout.py: forward and backward alike."""
    return scores if dropout_mask is None else np.where(dropout_mask, scores / (1 - rate), 0)
