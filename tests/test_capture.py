"""What goes on inside a model: diptych.capture."""

import copy
import gc
import pickle
import warnings
from threading import Thread

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.nested import flatten
from diptych.teach import KINDS
from diptych.teach.capturing import _Replacement

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])


def dense_model(engine, **kwargs):
    model = diptych.Sequential(
        [
            diptych.Input((4,)),
            layers.Dense(5, "relu", name="hidden", **kwargs),
            layers.Dense(3, "softmax", name="out"),
        ],
        engine=engine,
    )
    return compiled(model, "adam", "categorical_crossentropy")


def conv_model(engine):
    return diptych.Sequential(
        [
            diptych.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.25, seed=3, name="drop"),
            layers.Dense(3, name="out"),
        ],
        engine=engine,
    )


def recurrent_model(engine):
    return diptych.Sequential(
        [
            diptych.Input((6,)),
            layers.Embedding(9, 4, mask_zero=True, name="embedding"),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
            layers.GRU(4, name="gru", recurrent_dropout=0.2, seed=1),
            layers.Dense(2, "tanh", name="out"),
        ],
        engine=engine,
    )


def attention_model(engine):
    x = diptych.Input((5, 4))
    shared = layers.Dense(4, "gelu", name="shared")
    h = shared(x)
    h = layers.MultiHeadAttention(2, 3, name="mha")(h, h)
    h = layers.LayerNormalization(name="norm")(layers.Add(name="add")([shared(h), x]))
    y = layers.Dense(1, name="out")(layers.GlobalAveragePooling1D(name="mean")(h))
    return diptych.Model(x, y, engine=engine)


class Own(diptych.Model):
    def __init__(self, engine):
        super().__init__(engine=engine)
        self.first = layers.Dense(4, "tanh", name="first")
        self.inner = diptych.Sequential([layers.Dense(3, "relu", name="inside")], name="inner")
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, inputs, training=None):
        return self.inner(self.first(inputs)) * self.scale


def compiled(model, optimizer="adam", loss="mse"):
    model.compile(optimizer, loss)
    return model


def batches(model_of, seed=0):
    """A batch that fits the model, and its labels."""
    rng = np.random.default_rng(seed)
    shape = {conv_model: (8, 8, 8, 2), attention_model: (8, 5, 4)}.get(model_of, (8, 4))
    x = rng.normal(size=shape).astype("float32")
    if model_of is recurrent_model:
        x = rng.integers(0, 9, (8, 6))
    columns = {attention_model: 1, recurrent_model: 2}.get(model_of, 3)
    y = rng.random((8, columns)).astype("float32")
    return x, y / y.sum(axis=1, keepdims=True) if model_of is dense_model else y


MODELS = [dense_model, conv_model, recurrent_model, attention_model, Own]


def made(model_of, engine):
    diptych.utils.set_random_seed(0)
    model = model_of(engine)
    return model if model.compiled else compiled(model)


@ENGINES
@pytest.mark.parametrize("model_of", MODELS)
def test_same_bits_with_and_without(model_of, engine):
    x, y = batches(model_of)

    def trained(watch):
        model = made(model_of, engine)
        first = model.train_on_batch(x, y)
        if watch:
            with diptych.capture(model) as c:
                history = model.fit(x, y, epochs=3, batch_size=3, verbose=0).history
                prediction = model.predict(x, verbose=0)
            assert len(c) == 3 * 3 + 1
        else:
            history = model.fit(x, y, epochs=3, batch_size=3, verbose=0).history
            prediction = model.predict(x, verbose=0)
        after = model.fit(x, y, epochs=2, verbose=0).history  # plans again
        weights = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        return first, history, prediction, after, weights

    for one, other in zip(flatten(trained(True)), flatten(trained(False)), strict=True):
        assert np.array_equal(one, other)


@ENGINES
def test_what_is_recorded_of_dense_layers(engine):
    model = dense_model(engine)
    x, y = batches(dense_model)
    before = model.get_weights()
    with diptych.capture(model) as c:
        model.train_on_batch(x, y)
    hidden, out = c[0]["hidden"], c[0]["out"]
    w1, b1, w2, b2 = before
    z1 = x @ w1 + b1
    h = np.maximum(z1, 0)
    z2 = h @ w2 + b2
    p = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    dz2 = (p - y) / len(x)
    dh = dz2 @ w2.T
    expected = {
        "input": x,
        "preactivation": z1,
        "output": h,
        "output_gradient": dh,
        "preactivation_gradient": dh * (z1 > 0),
    }
    for name, array in expected.items():
        np.testing.assert_allclose(getattr(hidden, name), array, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(out.preactivation, z2, atol=1e-6)
    np.testing.assert_allclose(out.output, p, atol=1e-6)
    np.testing.assert_allclose(out.preactivation_gradient, dz2, atol=1e-6)
    np.testing.assert_allclose(out.input_gradient, dh, atol=1e-6)
    assert out.output_gradient is None  # the loss is computed from the logits
    assert hidden.input_gradient is None  # of the data, which nothing needs
    np.testing.assert_allclose(out.weight_gradients["kernel"], h.T @ dz2, atol=1e-6)
    np.testing.assert_allclose(hidden.weight_gradients["bias"], (dh * (z1 > 0)).sum(0), atol=1e-6)
    for entry, (kernel, bias) in ((hidden, (w1, b1)), (out, (w2, b2))):
        assert np.array_equal(entry.weights["kernel"], kernel)
        assert np.array_equal(entry.weights["bias"], bias)
    assert hidden.operations == ["dense.dense"]
    assert out.operations == ["dense.dense", "activations.softmax"]
    np.testing.assert_allclose(c[0].loss, -np.mean(np.sum(y * np.log(p), axis=1)), rtol=1e-5)
    assert c[0].loss_operations[0] == "crossentropy.categorical_crossentropy"
    now = model.get_weights()
    assert np.array_equal(hidden.new_weights["kernel"], now[0])
    assert np.array_equal(out.updates["bias"], now[3] - b2)


@ENGINES
def test_gradients_are_those_of_the_tape(engine):
    """For models of every kind, with inputs watched: compared with another tape's."""
    for model_of in (conv_model, attention_model, Own):
        model = made(model_of, engine)
        x, y = batches(model_of)
        model(x)
        with diptych.capture(model, kinds=["input_gradients", "weight_gradients"]) as c:
            with diptych.GradientTape() as tape:
                loss = ops.mean(ops.square(model(x, training=False) - y))
            tape.gradient(loss, model.trainable_variables)
        tensor = ops.convert_to_tensor(x)
        with diptych.GradientTape() as tape:
            tape.watch(tensor)
            loss = ops.mean(ops.square(model(tensor, training=False) - y))
        dx, *gradients = tape.gradient(loss, [tensor, *model.trainable_variables])
        (first,) = c[0].layers.values() if len(c[0]) == 1 else [next(iter(c[0]))]
        if model_of is conv_model:
            np.testing.assert_allclose(first.input_gradient, dx, atol=1e-7)
        found = {id(v): g for v, g in zip(model.trainable_variables, gradients, strict=True)}
        checked = 0
        for entry in c[0]:
            for variable in entry.layer._own:
                if id(variable) in found:
                    name = variable.name
                    np.testing.assert_allclose(
                        entry.weight_gradients[name], found[id(variable)], atol=1e-6
                    )
                    checked += 1
        assert checked == len(found)


@ENGINES
def test_convolution(engine):
    model = made(conv_model, engine)
    x, y = batches(conv_model)
    with diptych.capture(model, layers="conv") as c:
        model.train_on_batch(x, y)
        model.predict(x, verbose=0)
    train, predicted = c[0]["conv"], c[1]["conv"]
    assert c.names == ["conv"]
    assert list(c[0].layers) == ["conv"]
    assert np.array_equal(np.maximum(train.preactivation, 0), train.output)
    assert (train.preactivation < 0).any()
    assert np.array_equal(
        train.preactivation_gradient, np.where(train.output > 0, train.output_gradient, 0)
    )
    assert c[0].training
    assert not c[1].training
    assert np.array_equal(np.maximum(predicted.preactivation, 0), predicted.output)
    assert predicted.output_gradient is None
    assert not predicted.updates


def gates_by_hand(x, kernel, recurrent, bias):
    """An LSTM's gates and states, step by step."""
    sigma = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    units = len(recurrent)
    h = c = np.zeros((len(x), units))
    steps = []
    for t in range(x.shape[1]):
        a = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, c_tilde, o = sigma(a[0]), sigma(a[1]), np.tanh(a[2]), sigma(a[3])
        c = f * c + i * c_tilde
        h = o * np.tanh(c)
        steps.append({"i": i, "f": f, "c_tilde": c_tilde, "o": o, "c": c, "h": h})
    return {name: np.stack([step[name] for step in steps], 1) for name in steps[0]}


@ENGINES
@pytest.mark.parametrize("how", ["train", "predict", "frozen", "call"])
def test_gates_of_an_lstm(engine, how):
    model = diptych.Sequential(
        [diptych.Input((4, 3)), layers.LSTM(2, name="lstm"), layers.Dense(1)], engine=engine
    )
    model.layers[0].trainable = how != "frozen"
    compiled(model)
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    weights = model.get_weights()[:3]
    with diptych.capture(model) as c:
        if how == "predict":
            model.predict(x, verbose=0)
        elif how == "call":
            model(x)
        else:
            model.train_on_batch(x, np.ones((5, 1)))
    lstm = c[0]["lstm"]
    expected = gates_by_hand(x, *weights)
    assert list(lstm.gates) == list(expected)
    for name, gate in expected.items():
        np.testing.assert_allclose(lstm.gates[name], gate, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(lstm.output, lstm.gates["h"][:, -1])
    assert list(lstm.weights) == ["kernel", "recurrent_kernel", "bias"]


@ENGINES
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_gates_step_by_step_are_those_of_the_engine(engine, kind, go_backwards):
    """With a function of one's own as the activation, the cell runs step by step."""

    def own_tanh(a):
        return ops.tanh(a)

    x = np.random.default_rng(1).normal(size=(3, 4, 2)).astype("float32")
    found = []
    for activation in ("tanh", own_tanh):
        diptych.utils.set_random_seed(5)
        layer = kind(3, activation=activation, go_backwards=go_backwards, name="layer")
        with diptych.engine(engine), diptych.capture(layer) as c:
            layer(x)
        found.append(c[0]["layer"].gates)
    assert list(found[0]) == list(found[1])
    assert "h" in found[0]
    for name, gate in found[0].items():
        np.testing.assert_allclose(found[1][name], gate, atol=1e-6, err_msg=name)


@ENGINES
def test_gru_before_reset_and_masks(engine):
    x = np.random.default_rng(1).normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[True, True, False, True]] * 3)
    for activation in ("tanh", lambda a: ops.tanh(a)):
        diptych.utils.set_random_seed(5)
        layer = layers.GRU(3, activation=activation, reset_after=False, name="layer")
        with diptych.engine(engine), diptych.capture(layer) as c:
            layer(x, mask=mask)
        gates = c[0]["layer"].gates
        h = np.concatenate([np.zeros((3, 1, 3)), gates["h"][:, :-1]], axis=1)
        z, on = gates["z"], mask[:, :, None]
        if activation == "tanh":
            assert np.all(z[:, 2] == 0)
            np.testing.assert_allclose(
                np.where(on, z * h + (1 - z) * gates["h_tilde"], h), gates["h"], atol=1e-6
            )


@ENGINES
@pytest.mark.parametrize("training", [False, True])
def test_scores_of_attention(engine, training):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    cases = [
        (layers.MultiHeadAttention(2, 3, name="a"), lambda layer, **k: layer(x, x, **k)),
        (layers.Attention(name="a"), lambda layer, **k: layer([x, x], **k)),
        (layers.Attention(score_mode="concat", name="a"), lambda layer, **k: layer([x, x], **k)),
        (layers.AdditiveAttention(name="a"), lambda layer, **k: layer([x, x], **k)),
    ]
    for layer, call in cases:
        with diptych.engine(engine):
            _, expected = call(layer, return_attention_scores=True)
            tape = diptych.GradientTape()
            with diptych.capture(layer) as c:
                if training:
                    with tape:
                        call(layer, training=True)
                else:
                    call(layer)
        scores = c[0]["a"].scores
        expected = np.asarray(expected)
        expected = expected if expected.ndim == 4 else expected[:, None]
        np.testing.assert_allclose(scores, expected, atol=1e-6)
        np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-6)


@ENGINES
def test_shared_layers_and_nested_models(engine):
    model = made(attention_model, engine)
    x, y = batches(attention_model)
    with diptych.capture(model) as c:
        model.train_on_batch(x, y)
    shared = c[0]["shared"]
    assert len(shared.calls) == 2
    with pytest.raises(ValueError, match=r"called 2 times.*\.calls\[0\]\.output"):
        _ = shared.output
    assert shared.calls[1].preactivation.shape == (8, 5, 4)
    assert "mha/query" in c.names
    assert c[0]["mha"].scores.shape == (8, 2, 5, 5)
    model = made(Own, engine)
    x, y = batches(Own)
    with diptych.capture(model) as c:  # builds it
        model.train_on_batch(x, y)
    assert list(c[0].layers) == [model.name, "first", "inner", "inner/inside"]
    assert c[0]["inner/inside"].preactivation is not None
    assert np.array_equal(c[0][model.inner].output, c[0]["inner/inside"].output)
    assert c[0][model.name].weight_gradients["scale"].shape == (3,)


def test_one_tensor_as_two_inputs():
    x = diptych.Input((3,))
    h = layers.Dense(3, name="hidden")(x)
    model = diptych.Model(x, layers.Multiply(name="square")([h, h]))
    model.compile("sgd", "mse")
    with diptych.capture(model) as c:
        model.train_on_batch(np.ones((2, 3)), np.ones((2, 3)))
    square = c[0]["square"]
    for gradient in square.input_gradients:
        np.testing.assert_allclose(gradient, 2 * square.input * square.output_gradient, rtol=1e-6)
    np.testing.assert_array_equal(square.input_gradient, c[0]["hidden"].output_gradient)


def test_choice_of_layers_kinds_and_steps():
    model = dense_model("fast")
    x, y = batches(dense_model)
    with diptych.capture(model, "hidden", "outputs", range(0, 10, 3)) as c:
        model.fit(x, y, epochs=2, batch_size=2, verbose=0)
    assert [step.number for step in c] == [0, 3, 6]
    ((name, output),) = c[0]["hidden"].arrays()
    assert name == "output"
    assert output.shape == (2, 5)
    assert c[0]["hidden"].input is None
    with diptych.capture(model, layers.Dense, training=True, steps=1) as c:
        model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y))
    assert [(step.number, step.training) for step in c] == [(1, True)]
    assert len(c[0]) == 2
    with diptych.capture(model, model.layers[1], steps=lambda number: number > 0) as c:
        model(x)
        model(x)
    assert [step.number for step in c] == [1]
    assert list(c[0].layers) == ["out"]


def test_wrong_choices_say_what_there_is():
    model = dense_model("fast")
    with pytest.raises(ValueError, match="did you mean 'hidden'"):
        diptych.capture(model, layers="hiden")
    with pytest.raises(ValueError, match="did you mean 'outputs'"):
        diptych.capture(model, kinds="output")
    with pytest.raises(ValueError, match="a model or a layer; got int"):
        diptych.capture(3)
    with diptych.capture(model) as c:
        model(np.ones((1, 4)))
        with pytest.raises(RuntimeError, match="already open"), c:
            pass
    with pytest.raises(KeyError, match="did you mean 'hidden'"):
        c[0]["hiddn"]


def test_limit_of_memory():
    model = dense_model("fast")
    x, y = batches(dense_model)
    with pytest.warns(UserWarning, match="leaves out what comes after step 2"):
        with diptych.capture(model, limit=4000) as c:
            model.fit(x, y, epochs=5, verbose=0)
    kept = sum(array.nbytes for step in c for layer in step for _, array in layer.arrays())
    assert c.bytes <= 4000
    assert c.dropped > 0
    assert kept < 5000
    assert c[0]["hidden"].output is not None
    assert c[4]["hidden"].output is None
    assert "left out" in str(c)


def test_all_is_as_before_when_it_is_closed():
    model = dense_model("fast")
    x, y = batches(dense_model)
    things = [model, *model.layers, model.optimizer]
    before = [dict(vars(thing)) for thing in things]
    with pytest.raises(ValueError, match="shape"), diptych.capture(model):
        model.train_on_batch(x, y[:, :2])
    for thing, attributes in zip(things, before, strict=True):
        assert vars(thing).keys() - attributes.keys() <= {"_lists", "_is_complete"}
        assert "call" not in vars(thing)
        assert "apply" not in vars(thing)
    model.fit(x, y, epochs=60, verbose=0)
    assert model.plan_report() == "A plan ran."
    with diptych.capture(model) as c:
        model.fit(x, y, epochs=2, verbose=0)
    assert "No plan" in model.plan_report()
    assert len(c) == 2


def test_a_capture_that_cannot_be_opened_leaves_all_as_it_was():
    model = diptych.Sequential([layers.Dense(2)])
    capture = diptych.capture(model, "hiden")  # not known to be wrong before the model is built
    model.build((None, 4))
    with pytest.raises(ValueError, match="'hiden'"), capture:
        pass
    assert all("call" not in vars(thing) for thing in (model, *model.layers))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_that_are_made_while_it_is_open_record_nothing(copied):
    model = dense_model("fast")
    x, y = batches(dense_model)
    hidden = model.layers[0]
    with diptych.capture(model) as c:
        model.train_on_batch(x, y)
        other = copied(model)
    assert not any(isinstance(v, _Replacement) for v in _methods_of(other))
    expected = model.train_on_batch(x, y)
    assert other.train_on_batch(x, y) == expected
    assert len(c) == 1
    np.testing.assert_array_equal(other.layers[0].kernel, hidden.kernel)


def _methods_of(model):
    return [v for thing in (model, *model.layers, model.optimizer) for v in vars(thing).values()]


def test_a_call_of_ones_own_comes_back():
    layer = layers.Dense(2)
    layer.build((None, 3))
    own = lambda x: ops.multiply(x, 2.0)  # noqa: E731
    layer.call = own
    with diptych.capture(layer) as c:
        assert np.array_equal(layer(np.ones((1, 3))), [[2, 2, 2]])
    assert layer.call is own
    assert len(c) == 1


def test_no_memory_of_tensors_is_held():
    """Only copies are kept: what a step made is freed with the tape."""
    import weakref

    model = dense_model("fast")
    x, y = batches(dense_model)
    made = []
    hidden = model.layers[0]
    call = type(hidden).call
    hidden.call = lambda inputs: made.append(weakref.ref(t := call(hidden, inputs))) or t
    with diptych.capture(model) as c:
        model.train_on_batch(x, y)
    gc.collect()
    assert len(c) == 1
    assert [ref() for ref in made] == [None]


def test_other_threads_are_not_recorded():
    model = dense_model("fast")
    x, _ = batches(dense_model)
    with diptych.capture(model) as c:
        thread = Thread(target=lambda: model.predict(x, verbose=0))
        thread.start()
        thread.join()
    assert len(c) == 0
    assert "Nothing recorded" in str(c)


def test_gradients_of_gradients_pass():
    model = diptych.Sequential([diptych.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(5, 4)).astype("float32"))

    def penalty():
        with diptych.GradientTape() as outer:
            with diptych.GradientTape() as inner:
                inner.watch(x)
                y = ops.sum(model(x))
            g = inner.gradient(y, x)
            loss = ops.sum(ops.square(g))
        return outer.gradient(loss, model.trainable_variables[0])

    expected = penalty()
    with diptych.capture(model) as c:
        found = penalty()
    assert np.array_equal(found, expected)
    assert c[0][model.layers[0]].output_gradient.shape == (5, 3)


def test_rows_of_an_embedding_and_its_optimizer():
    """The gradient of a large table stays a list of rows for the optimizer."""

    def trained(watch):
        diptych.utils.set_random_seed(0)
        model = diptych.Sequential(
            [diptych.Input((3,)), layers.Embedding(500, 4, name="table"), layers.Flatten()]
        )
        compiled(model)
        x, y = np.array([[1, 2, 2], [7, 1, 0]]), np.ones((2, 12))
        if watch:
            with diptych.capture(model) as c:
                model.train_on_batch(x, y)
                assert model.optimizer.takes_slices
            assert (c[0]["table"].weight_gradients["embeddings"] != 0).any(axis=1).sum() == 4
        else:
            model.train_on_batch(x, y)
        return model.get_weights()[0]

    assert np.array_equal(trained(True), trained(False))


def test_an_optimizer_of_ones_own_step():
    class Trained(diptych.Sequential):
        def train_step(self, data):
            x, y = data
            with diptych.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x, training=True) - y))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": float(loss)}

    model = Trained([diptych.Input((4,)), layers.Dense(1, name="only")])
    model.compile("sgd", "mse")
    with diptych.capture(model) as c:
        model.fit(np.ones((4, 4)), np.zeros((4, 1)), epochs=2, verbose=0)
    only = c[1]["only"]
    np.testing.assert_allclose(
        only.updates["kernel"], -0.01 * only.weight_gradients["kernel"], atol=1e-7
    )


def test_pictures(tmp_path):
    model = diptych.Sequential(
        [
            diptych.Input((6, 6, 2)),
            layers.Conv2D(3, 3, name="conv"),
            layers.Reshape((4, 12)),
            layers.LSTM(5, return_sequences=True, name="lstm"),
            layers.Dense(2, name="out"),
        ]
    )
    x = diptych.Input((4, 3))
    heads = diptych.Model(x, layers.MultiHeadAttention(2, 3, name="mha")(x, x))
    with diptych.capture(model) as c:
        model(np.random.default_rng(0).normal(size=(2, 6, 6, 2)))
    with diptych.capture(heads) as d:
        heads(np.ones((1, 4, 3)))
    for entry, words in (
        (c[0]["conv"], ["channel 0", "channel 2", "4 x 4"]),
        (c[0]["lstm"], ["gate i", "gate c~", "state h", "5 x 4"]),
        (c[0]["out"], ["output", "2 x 4"]),
        (d[0]["mha"], ["head 0", "head 1", "4 x 4"]),
    ):
        svg = entry.plot()._repr_svg_()
        assert f"{entry.name}, sample 0" in svg
        assert all(word in svg for word in words), words
    c[0]["lstm"].plot(1, to_file=tmp_path / "gates.svg")
    assert "sample 1" in (tmp_path / "gates.svg").read_text()
    with pytest.raises(ValueError, match="no sample 2: the batch has 2"):
        c[0]["lstm"].plot(2)
    with diptych.capture(model, kinds="inputs") as c:
        model(np.ones((1, 6, 6, 2)))
    with pytest.raises(ValueError, match="nothing to draw"):
        c[0]["conv"].plot()


def test_tables():
    model = dense_model("fast")
    x, y = batches(dense_model)
    with diptych.capture(model) as c:
        model.train_on_batch(x, y)
    text = str(c)
    assert text.startswith("step 0, training, loss ")
    assert "hidden  input" in text
    assert "kernel gradient" in text
    assert "(8, 5)" in text
    assert "<table>" in c._repr_html_()
    assert "<td" in c[0]._repr_html_()
    assert set(KINDS) == c.kinds
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(c[0]["out"]).startswith("<LayerStep out: input, pre-activation")


def test_several_captures_at_once():
    """Each has its own steps, in whatever order they are closed."""
    model = dense_model("fast")
    x, y = batches(dense_model)
    one, two = diptych.capture(model), diptych.capture(model, "out")
    one.__enter__()
    model.train_on_batch(x, y)
    two.__enter__()
    model.train_on_batch(x, y)
    one.__exit__(None, None, None)
    model.train_on_batch(x, y)
    two.__exit__(None, None, None)
    model.train_on_batch(x, y)
    assert (len(one), len(two)) == (2, 2)
    for thing, name in [(model, "compute_loss"), (model.optimizer, "apply")]:
        assert name not in vars(thing)
    assert all("call" not in vars(layer) for layer in (model, *model.layers))
    np.testing.assert_array_equal(one[1]["out"].output, two[0]["out"].output)
    np.testing.assert_array_equal(
        one[1]["out"].weight_gradients["kernel"], two[0]["out"].weight_gradients["kernel"]
    )
