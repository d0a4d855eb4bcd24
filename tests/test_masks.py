"""Masks through models: those that layers make, and those that are given with the call."""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, ops


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("made_inside", [False, True])
def test_masks_go_through_a_model_in_the_model(made_inside, engine):
    """In and out, as if its layers were layers of the model around it."""
    tokens = np.array([[3, 1, 4, 0], [5, 0, 0, 0]])
    embed = layers.Embedding(7, 3, mask_zero=True)
    stack = [layers.Dense(3), layers.GRU(2, return_sequences=True), layers.Dense(2)]
    flat = diptych.Sequential([layers.Input((4,), dtype="int32"), embed, *stack])
    inputs = layers.Input((4,), dtype="int32")
    inner = layers.Input((4,), dtype="int32") if made_inside else layers.Input((4, 3))
    x = stack[1](stack[0](embed(inner) if made_inside else inner))
    y = diptych.Model(inner, x)(inputs if made_inside else embed(inputs))
    assert y.mask is not None
    nested = diptych.Model(inputs, stack[2](y))
    np.testing.assert_array_equal(nested(tokens).mask, tokens != 0)
    losses = []
    for model in (flat, nested):
        model.compile("sgd", "mse", metrics=["mae"])
        with diptych.engine(engine):
            losses.append(model.evaluate(tokens, np.ones((2, 4, 2)), verbose=0))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


MASK = np.array([[True, True, False], [True, False, False]])


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_mask_given_to_a_model_reaches_its_layers(engine):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    lstm = layers.LSTM(2, return_sequences=True)
    inputs, its_mask = Input((3, 4)), Input((3,), dtype="bool")
    model = Model(inputs, lstm(inputs))
    around = Model([inputs, its_mask], model(inputs, mask=its_mask))
    assert around.output.mask is its_mask
    with diptych.engine(engine):
        expected = lstm(x, mask=MASK).numpy()
        assert not np.array_equal(expected, lstm(x))
        stack = Sequential([lstm])
        for y in (
            model(x, mask=MASK),
            stack(x, mask=MASK),  # not built before
            stack(x, mask=MASK.tolist()),
            around([x, MASK]),
        ):
            np.testing.assert_array_equal(y, expected)
            np.testing.assert_array_equal(y.mask, MASK)
        np.testing.assert_array_equal(model(x), lstm(x))
        masked = layers.Masking()(x)
        np.testing.assert_array_equal(model(masked, mask=MASK), expected)  # the one given counts
        np.testing.assert_array_equal(masked.mask, np.ones((2, 3), bool))


def test_a_mask_given_to_a_model_does_not_cut_the_gradient():
    x = np.ones((2, 3, 4), "float32")
    before, inputs = layers.Dense(4), Input((3, 4))
    model = Model(inputs, layers.LSTM(2)(inputs))
    with diptych.GradientTape() as tape:
        loss = ops.sum(model(before(x), mask=MASK))
    gradient = tape.gradient(loss, before.kernel)
    assert np.abs(gradient).max() > 0


def test_loss_and_metrics_heed_a_mask_given_to_the_model():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = np.zeros((2, 3, 2), "float32")
    inputs = Input((3, 4))
    model = Model(inputs, layers.Dense(2)(inputs))
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    y_pred = model(x, mask=MASK)
    counted = y_pred.numpy()[MASK]
    assert float(model.compute_loss(x, y, y_pred)) == pytest.approx(np.mean(counted**2), 1e-5)
    found = model.compute_metrics(x, y, y_pred)
    assert found["mae"] == pytest.approx(np.abs(counted).mean(), 1e-5)
    assert found["mse"] == pytest.approx(np.mean(counted**2), 1e-5)


def test_masks_of_several_inputs_come_in_order_or_by_name():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    lstm = layers.LSTM(2)
    a, b = Input((3, 4), name="a"), Input((3, 4), name="b")
    pair = Model([a, b], [lstm(a), lstm(b)])
    for masks in ([MASK, None], {"a": MASK}, {"b": None, "a": MASK}):
        first, second = pair([x, x], mask=masks)
        np.testing.assert_array_equal(first, lstm(x, mask=MASK))
        np.testing.assert_array_equal(second, lstm(x))
    with pytest.raises(ValueError, match="inputs.*'a', 'b'.*1 mask: pass a list"):
        pair([x, x], mask=MASK)
    with pytest.raises(ValueError, match="mask was given for 'c'"):
        pair([x, x], mask={"c": MASK})


def test_a_mask_that_is_given_by_name_only_has_no_place_among_several_inputs():
    class First(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, x, *others, mask=None):
            self.given = mask
            return x

    embedded = layers.Embedding(7, 3, mask_zero=True)(np.array([[3, 1, 0]]))
    first = First()
    for y in (first(embedded, np.ones((1, 3, 3))), first(embedded, embedded)):
        np.testing.assert_array_equal(first.given, [[True, True, False]])
        np.testing.assert_array_equal(y.mask, [[True, True, False]])
