"""ops.dot_product_attention: against the formula, in Keras's layout, and what it refuses."""

import numpy as np
import pytest

import diptych
from diptych import ops

ENGINES = ("reference", "fast")


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def arrays(*shapes):
    rng = np.random.default_rng(4)
    return [rng.normal(size=shape).astype("f4") for shape in shapes]


def by_hand(query, key, value, allowed, scale):
    """One number at a time."""
    y = np.zeros((*query.shape[:3], value.shape[3]))
    for n, t, h in np.ndindex(*query.shape[:3]):
        seen = [s for s in range(key.shape[1]) if allowed[n, h, t, s]] or range(key.shape[1])
        weights = np.array([np.exp(scale * query[n, t, h] @ key[n, s, h]) for s in seen])
        if not allowed[n, h, t].any():
            weights[:] = 1
        for s, weight in zip(seen, weights / weights.sum(), strict=True):
            y[n, t, h] += weight * value[n, s, h]
    return y


@pytest.mark.parametrize("is_causal", [False, True])
def test_the_formula(is_causal, engine):
    query, key, value = arrays((2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 6))
    mask = np.random.default_rng(0).random((2, 1, 3, 5)) < 0.6
    mask[0, 0, 1] = False
    allowed = np.broadcast_to(mask & (np.tri(3, 5, dtype=bool) | (not is_causal)), (2, 2, 3, 5))
    y = ops.dot_product_attention(query, key, value, mask=mask, is_causal=is_causal)
    np.testing.assert_allclose(y, by_hand(query, key, value, allowed, 0.5), rtol=1e-4, atol=1e-5)


def test_a_mask_of_numbers_and_a_bias_that_forbids(engine):
    query, key, value = arrays(*[(2, 4, 1, 3)] * 3)
    mask = np.random.default_rng(0).random((2, 1, 4, 4)) < 0.6
    mask[..., 0] = True
    expected = ops.dot_product_attention(query, key, value, mask=mask)
    by_number = ops.dot_product_attention(query, key, value, mask=mask.astype("f4"))
    by_bias = ops.dot_product_attention(
        query, key, value, bias=np.where(mask, 0, -np.inf).astype("f4")
    )
    np.testing.assert_array_equal(by_number, expected)
    np.testing.assert_allclose(by_bias, expected, rtol=1e-6)


def test_symbolic():
    query, key = diptych.Input((5, 2, 4)), diptych.Input((7, 2, 4))
    assert ops.dot_product_attention(query, key, key).shape == (None, 5, 2, 4)


@pytest.mark.parametrize(
    ("shapes", "options", "words"),
    [
        ([(2, 3, 4), (2, 5, 1, 4), (2, 5, 1, 4)], {}, "query needs 4 axes"),
        ([(2, 3, 1, 4), (2, 5, 1, 4), (2, 6, 1, 4)], {}, "5 keys and 6 values"),
        ([(2, 3, 1, 4), (2, 5, 1, 3), (2, 5, 1, 4)], {}, "4 features cannot meet keys of 3"),
        ([(2, 3, 1, 4), (1, 5, 1, 4), (1, 5, 1, 4)], {}, "one batch size"),
        ([(2, 3, 3, 4), (2, 5, 2, 4), (2, 5, 2, 4)], {}, "a multiple of it"),
        ([(2, 3, 1, 4), (2, 0, 1, 4), (2, 0, 1, 4)], {}, "no key to attend to"),
        (
            [(2, 3, 1, 4), (2, 5, 1, 4), (2, 5, 1, 4)],
            {"mask": np.ones((2, 1, 5, 3), bool)},
            r"mask needs a shape that broadcasts to .* = \(2, 1, 3, 5\), got \(2, 1, 5, 3\)",
        ),
        ([(2, 3, 1, 4)] * 3, {"bias": np.ones((4,), "f4")}, "bias needs a shape"),
        ([(2, 3, 1, 4)] * 3, {"attn_logits_soft_cap": 5.0}, "TPU"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, options, words, engine):
    with pytest.raises(ValueError, match=words):
        ops.dot_product_attention(*arrays(*shapes), **options)


def test_training_on_the_fast_engine_keeps_no_matrix_of_scores():
    query = ops.convert_to_tensor(arrays((1, 400, 1, 2))[0])
    with diptych.engine("fast"), diptych.GradientTape() as tape:
        tape.watch(query)
        ops.dot_product_attention(query, query, query)
    cache = tape.records[-1].cache
    assert max(a.size for a in cache if isinstance(a, np.ndarray)) < 400 * 400


@pytest.mark.parametrize("name", ["query", "key", "value", "bias", "mask", "dropout_mask"])
@pytest.mark.parametrize("given", ["text", 1.0, [[1.0]], object()])
def test_what_is_no_array_is_refused(name, given, engine):
    arguments = dict.fromkeys(("query", "key", "value"), np.ones((1, 2, 1, 3), "f4"))
    arguments = {**arguments, "bias": None, "mask": None, "dropout_mask": None, name: given}
    forward = diptych.engine.current().function("attention", "dot_product_attention_forward")
    with pytest.raises(TypeError, match="array"):
        forward(**arguments, scale=1.0)


@pytest.mark.parametrize("mask", [1, True, np.ones(()), np.bool_(True)])
def test_a_mask_without_axes(mask, engine):
    query, key = arrays((2, 3, 1, 4), (2, 5, 1, 4))
    y = ops.dot_product_attention(query, key, key, mask=mask)
    same = ops.dot_product_attention(query, key, key)
    assert y.numpy().tobytes() == same.numpy().tobytes()
