"""Arguments for dot-product attention."""

import numpy as np

from tests.cases import Case


def attention(
    size,
    *,
    keys=None,
    value_features=None,
    bias=None,
    mask=None,
    dropout_mask=None,
    scale=0.5,
    is_causal=False,
    rate=0.0,
    return_scores=False,
    key_heads=None,
    spread=1.0,
):
    """Arguments for a size (N, T, H, D); masks and bias are shapes, or functions of rng."""
    rows, steps, heads, features = size
    keys = steps if keys is None else keys
    key_heads = heads if key_heads is None else key_heads

    def drawn(rng, wanted, draw):
        if wanted is None or callable(wanted):
            return None if wanted is None else wanted(rng)
        return draw(wanted)

    def flags(rng, wanted):
        return drawn(rng, wanted, lambda shape: rng.random(shape) < 0.7)

    def make(rng):
        value_width = features if value_features is None else value_features
        return {
            "query": spread * rng.normal(size=size),
            "key": rng.normal(size=(rows, keys, key_heads, features)),
            "value": rng.normal(size=(rows, keys, key_heads, value_width)),
            "bias": drawn(rng, bias, lambda shape: rng.normal(size=shape)),
            "mask": flags(rng, mask),
            "dropout_mask": flags(rng, dropout_mask),
            "scale": scale,
            "is_causal": is_causal,
            "rate": rate,
            "return_scores": return_scores,
        }

    return make


def some_idle(rng):
    """Queries that may attend to nothing, beside others: as for steps that are masked."""
    mask = rng.random((3, 1, 5, 1)) < 0.5
    mask[0, 0, 0] = False
    mask[-1, 0, 0] = True
    return mask


def padded_in_front(rng):
    """(N, 1, 1, S): with a causal mask, the first queries see no key at all."""
    return np.arange(150) >= np.array([0, 40, 140]).reshape(3, 1, 1, 1)


def late_keys(rng):
    """The first 200 of 300 keys are forbidden to most queries, all keys to one in ten."""
    mask = rng.random((2, 1, 140, 300)) < 0.5
    mask[:, :, 5:, :200] = False
    mask[:, :, ::10] = False
    return mask


def bias_that_forbids(rng):
    """-inf for the keys before another one in each query, and for all keys in some queries."""
    bias = rng.normal(size=(140, 300))
    bias[np.arange(300) < rng.integers(0, 300, (140, 1))] = -np.inf
    bias[::9] = -np.inf
    return bias


SMALL = (3, 5, 2, 4)

CASES = {
    "dot_product_attention_forward": [
        Case("heads", attention(SMALL)),
        Case("batch 1", attention((1, 3, 2, 4))),
        Case("one of everything", attention((1, 1, 1, 1))),
        Case("one key", attention(SMALL, keys=1)),
        Case("odd sizes", attention((3, 11, 3, 7), keys=13, value_features=5)),
        Case("more keys than queries", attention((2, 3, 2, 4), keys=9, is_causal=True)),
        Case("more queries than keys", attention((2, 9, 2, 4), keys=3, is_causal=True)),
        Case("bias", attention(SMALL, bias=(3, 2, 5, 5))),
        Case("bias that broadcasts", attention(SMALL, bias=(2, 1, 5), keys=5)),
        Case("bias of a query", attention(SMALL, bias=(1, 1, 5, 1), keys=7)),
        Case("mask of the keys", attention(SMALL, mask=(3, 1, 1, 5))),
        Case("mask of pairs", attention(SMALL, mask=(5, 7), keys=7)),
        Case("mask of everything", attention(SMALL, mask=(3, 2, 5, 5))),
        Case("queries that attend to nothing", attention(SMALL, mask=some_idle)),
        Case("causal", attention(SMALL, is_causal=True)),
        Case(
            "causal, masked, biased",
            attention(SMALL, is_causal=True, mask=(3, 1, 5, 5), bias=(3, 2, 5, 5)),
        ),
        Case("dropout", attention(SMALL, dropout_mask=(3, 2, 5, 5), rate=0.3)),
        Case("dropout of whole keys", attention(SMALL, dropout_mask=(3, 1, 1, 5), rate=0.5)),
        Case("dropout of whole queries", attention(SMALL, dropout_mask=(3, 2, 5, 1), rate=0.5)),
        Case("scores", attention(SMALL, return_scores=True, scale=1.0)),
        Case("scores, causal", attention(SMALL, return_scores=True, is_causal=True)),
        Case(
            "scores and all else",
            attention(
                SMALL,
                return_scores=True,
                dropout_mask=(3, 2, 5, 7),
                keys=7,
                rate=0.4,
                mask=(3, 1, 1, 7),
                bias=(5, 1),
            ),
        ),
        Case("few heads of keys", attention((2, 5, 6, 4), key_heads=2, keys=3)),
        Case("one head of keys, causal", attention((2, 5, 4, 3), key_heads=1, is_causal=True)),
        Case("sharp", attention(SMALL, spread=100.0, mask=(3, 1, 1, 5))),
        Case("empty batch", attention((0, 3, 2, 4))),
        Case("no queries", attention((2, 0, 2, 4), keys=3)),
        Case("no features", attention((2, 3, 2, 0), value_features=3)),
        Case("no features of values", attention(SMALL, value_features=0)),
        Case("threads and blocks", attention((2, 150, 3, 20), keys=190)),
        Case("blocks, causal", attention((1, 300, 2, 9), is_causal=True, return_scores=True)),
        Case(
            "blocks, causal, padded in front",
            attention((3, 150, 2, 9), is_causal=True, mask=padded_in_front),
        ),
        Case(
            "blocks, dropout, shared heads",
            attention((2, 140, 4, 8), key_heads=2, dropout_mask=(2, 4, 140, 140), rate=0.2),
        ),
        *(
            Case(f"{steps} queries, {keys} keys", attention((1, steps, 2, 17), keys=keys))
            for steps, keys in ((127, 128), (128, 129), (129, 127), (257, 385), (6, 7), (16, 16))
        ),
        Case("blocks, causal, more keys", attention((1, 140, 2, 8), keys=300, is_causal=True)),
        Case(
            "blocks, causal, more queries, scores",
            attention((1, 300, 2, 8), keys=140, is_causal=True, return_scores=True),
        ),
        Case("blocks, late keys", attention((2, 140, 2, 8), keys=300, mask=late_keys)),
        Case(
            "blocks, late keys, causal, dropout, scores",
            attention(
                (2, 140, 2, 8),
                keys=300,
                mask=late_keys,
                is_causal=True,
                dropout_mask=(2, 2, 140, 300),
                rate=0.2,
                return_scores=True,
            ),
        ),
        Case(
            "blocks, bias that forbids",
            attention((2, 140, 2, 8), keys=300, bias=bias_that_forbids),
            smooth=False,
        ),
        Case("blocks, sharp", attention((1, 140, 1, 8), keys=300, spread=100.0)),
        Case("one head in parts", attention((1, 700, 1, 16), keys=400)),
        Case(
            "shared heads in parts, causal",
            attention((1, 400, 4, 16), key_heads=1, is_causal=True),
        ),
        Case(
            "bias of all rows, in slabs",
            attention((5, 300, 2, 4), keys=400, bias=(2, 1, 400)),
        ),
        Case(
            "bias of each row, in slabs",
            attention((5, 300, 2, 4), keys=400, bias=(5, 1, 1, 400), is_causal=True),
        ),
    ],
}
