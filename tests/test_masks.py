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


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_metrics_leave_out_masked_steps_in_training_as_in_evaluation(engine):
    """As Keras on TensorFlow; on JAX, its training step loses the mask for metrics."""
    tokens = np.array([[1, 2, 3, 4], [2, 3, 0, 0], [4, 0, 0, 0]])
    labels = np.array([[0, 1, 2, 1], [2, 1, 0, 0], [1, 0, 0, 0]])
    model = Sequential(
        [
            Input((4,)),
            layers.Embedding(5, 3, mask_zero=True),
            layers.LSTM(3, return_sequences=True),
            layers.Dense(3, activation="softmax"),
        ],
        engine=engine,
    )
    right = (np.argmax(model.predict(tokens, verbose=0), -1) == labels)[tokens != 0].mean()
    model.compile(
        diptych.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    trained = model.fit(tokens, labels, batch_size=2, verbose=0, validation_data=(tokens, labels))
    np.testing.assert_allclose(trained.history["accuracy"], [right], rtol=1e-6)
    np.testing.assert_allclose(trained.history["val_accuracy"], [right], rtol=1e-6)


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


# Masks that layers of one's own make, pass on or hide

TOKENS = np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0]])
TABLE = np.arange(15, dtype="float32").reshape(5, 3) ** 2


class OwnEmbedding(layers.Layer):
    """Makes a mask by a compute_mask of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = layers.Embedding(5, 3, weights=[TABLE])

    def call(self, x):
        return self.table(x) * 1.0

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)


class Hidden(layers.Layer):
    """Returns what a layer inside returns, with its mask."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, x):
        return self.layer(x)


class Same(layers.Layer):
    def call(self, x):
        return x


class HeedsMask(layers.Layer):
    def call(self, x, mask=None):
        return x if mask is None else x * ops.cast(ops.expand_dims(mask, -1), "float32")


class Forgets(layers.Layer):
    def call(self, x):
        return x * 1.0

    def compute_mask(self, inputs, mask=None):
        return None


def embedding():
    return layers.Embedding(5, 3, mask_zero=True, weights=[TABLE])


def with_ones(**kwargs):
    return layers.Dense(3, use_bias=False, kernel_initializer="identity", **kwargs)


def lambda_with_mask():
    table = layers.Embedding(5, 3, weights=[TABLE])
    return layers.Lambda(table, mask=lambda x, mask: ops.not_equal(x, 0))


def masked_mean():
    """The mean of the steps that are not padding, of each row."""
    return np.stack([TABLE[row[row != 0]].mean(0) for row in TOKENS])


KEPT = {
    "own": lambda: [OwnEmbedding()],
    "own, then built-in ones": lambda: [
        OwnEmbedding(),
        layers.Activation("relu"),
        layers.TimeDistributed(with_ones()),
        layers.Dropout(0.5),
    ],
    "inside an own layer": lambda: [Hidden(embedding())],
    "through an own layer": lambda: [embedding(), Hidden(with_ones()), with_ones()],
    "through two": lambda: [OwnEmbedding(), Hidden(Hidden(with_ones())), Same()],
    "an own Sequential": lambda: [Hidden(Sequential([OwnEmbedding(), with_ones()]))],
    "the input itself": lambda: [embedding(), layers.Lambda(lambda x: x)],
    "a Lambda with a mask": lambda: [lambda_with_mask()],
}
DROPPED = {
    "a new tensor": lambda: [embedding(), layers.Lambda(lambda x: x * 1.0)],
    "told to": lambda: [OwnEmbedding(), Forgets()],
}


def in_model(kind, stack):
    """A function of tokens: layers called one by one, or a model of them."""
    if kind == "eager":
        stack = [*stack, layers.GlobalAveragePooling1D()]

        def model(x):
            for layer in stack:
                x = layer(x)
            return x

        return model
    if kind == "functional":
        inputs = y = Input((5,), dtype="int32")
        for layer in stack:
            y = layer(y)
        return Model(inputs, layers.GlobalAveragePooling1D()(y))
    if kind == "nested":
        inputs = Input((5,), dtype="int32")
        inner = Sequential([Input((5,), dtype="int32"), *stack])
        return Model(inputs, layers.GlobalAveragePooling1D()(inner(inputs)))
    return Sequential([Input((5,), dtype="int32"), *stack, layers.GlobalAveragePooling1D()])


@pytest.mark.filterwarnings("ignore:.*does not support masking")
@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("kind", ["eager", "Sequential", "functional", "nested"])
@pytest.mark.parametrize("name", [*KEPT, *DROPPED])
def test_masks_of_layers_of_ones_own_reach_the_layers_after_them(name, kind, engine):
    """As in Keras 3: a tensor keeps the mask that it got inside; compute_mask is asked else."""
    right = masked_mean() if name in KEPT else TABLE[TOKENS].mean(1)
    with diptych.engine(engine):
        model = in_model(kind, {**KEPT, **DROPPED}[name]())
        np.testing.assert_allclose(model(TOKENS), right, rtol=1e-6)
        if kind != "eager":
            np.testing.assert_allclose(model.predict(TOKENS, verbose=0), right, rtol=1e-6)
            model.compile("sgd", "mse")
            np.testing.assert_allclose(model.evaluate(TOKENS, right, verbose=0), 0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*does not support masking")
@pytest.mark.parametrize("kind", ["eager", "Sequential", "functional", "nested"])
def test_a_layer_gets_the_mask_that_a_layer_of_ones_own_made(kind):
    """The padded steps become zero, and the pooling leaves them out only if a mask goes on."""
    model = in_model(kind, [OwnEmbedding(), HeedsMask(), layers.Lambda(lambda x: x * 1.0)])
    counted = TABLE[TOKENS] * (TOKENS != 0)[..., None]
    np.testing.assert_allclose(model(TOKENS), counted.mean(1), rtol=1e-6)


def test_loss_and_metrics_leave_out_what_an_own_compute_mask_masks():
    model = Sequential([Input((5,), dtype="int32"), OwnEmbedding(), with_ones()])
    model.compile("sgd", "mse", metrics=["mae"])
    found = model.evaluate(TOKENS, np.zeros((2, 5, 3)), verbose=0)
    counted = TABLE[TOKENS[TOKENS != 0]]
    np.testing.assert_allclose(found, [(counted**2).mean(), counted.mean()], rtol=1e-5)


def test_a_layer_that_supports_no_masking_is_not_asked_for_a_mask():
    layer = Forgets()
    assert layer.supports_masking  # since it has a compute_mask of its own
    layer = OwnEmbedding()
    layer.supports_masking = False
    assert layer(TOKENS).mask is None


def test_a_mask_by_the_name_that_scripts_for_keras_read():
    numbers = np.array([[3, 1, 0], [2, 0, 0]])
    y = layers.Embedding(4, 2, mask_zero=True)(numbers)
    np.testing.assert_array_equal(y._keras_mask, numbers > 0)
    y._keras_mask = None
    assert y.mask is None
    symbol = layers.Embedding(4, 2, mask_zero=True)(diptych.Input((3,), dtype="int32"))
    assert symbol._keras_mask is symbol.mask
    assert symbol.mask.shape == (None, 3)
