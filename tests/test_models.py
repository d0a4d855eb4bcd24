"""Models: graphs, stacks and subclasses; training by fit and by hand; what evaluate and predict
return.
"""

import json

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, models, ops

pytestmark = pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")


@pytest.fixture(autouse=True)
def seeded():
    diptych.utils.set_random_seed(0)


def problem(n=60, d=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype("float32")
    labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    return x, np.eye(classes, dtype="float32")[labels], labels


def small(engine=None, **compile_arguments):
    model = Sequential(
        [Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(3, activation="softmax")],
        engine=engine,
    )
    model.compile(
        **{
            "optimizer": "sgd",
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy"],
            **compile_arguments,
        }
    )
    return model


def same_weights(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))


# --------------------------------------------------------------------------------------------------
# Structure


def two_tower():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    shared = layers.Dense(4, activation="relu", name="shared")
    left = shared(a)
    right = shared(layers.Dense(4, name="widen")(b))
    merged = layers.Concatenate()([layers.Add()([left, right]), layers.Multiply()([left, right])])
    main = layers.Dense(2, activation="softmax", name="main")(merged)
    side = layers.Dense(1, name="side")(left)
    return Model([a, b], [main, side])


def test_functional_model_with_shared_layer_has_right_gradients():
    rng = np.random.default_rng(0)
    for engine in ("reference", "fast"):
        report = diptych.gradcheck(
            two_tower(), [rng.normal(size=(5, 4)), rng.normal(size=(5, 3))], engine=engine
        )
        assert report, f"\n{report}"
        assert len(report.checks) == 2 + 8


def test_several_outputs_losses_and_names():
    model = two_tower()
    model.compile(
        "adam",
        {"main": "categorical_crossentropy", "side": "mse"},
        loss_weights={"side": 0.5},
        metrics={"main": ["accuracy"], "side": ["mae"]},
    )
    rng = np.random.default_rng(0)
    x = {"b": rng.normal(size=(20, 3)), "a": rng.normal(size=(20, 4))}
    y = {"main": np.eye(2)[rng.integers(0, 2, 20)], "side": rng.normal(size=(20, 1))}
    history = model.fit(x, y, epochs=2, verbose=0)
    assert set(history.history) == {"loss", "main_loss", "side_loss", "main_accuracy", "side_mae"}
    values = model.evaluate(x, y, verbose=0)
    assert model.metrics_names == ["loss", "main_loss", "side_loss", "main_accuracy", "side_mae"]
    named = dict(zip(model.metrics_names, values, strict=True))
    assert named["loss"] == pytest.approx(named["main_loss"] + 0.5 * named["side_loss"], rel=1e-5)
    main, side = model.predict([x["a"], x["b"]], verbose=0)
    assert main.shape == (20, 2)
    assert side.shape == (20, 1)


def test_models_nest():
    encoder = Sequential([Input((4,)), layers.Dense(2)], name="encoder")
    inputs = Input((4,))
    model = Model(inputs, layers.Dense(4)(encoder(inputs)))
    assert model.get_layer("encoder") is encoder
    assert model.count_params() == 10 + 12
    inner = encoder.get_layer(index=0)
    assert f"encoder/{inner.name}/kernel" in [w.path for w in model.weights]
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(model(x).numpy(), model.layers[-1](encoder(x)).numpy())


def test_subclassed_model_trains_and_counts_its_weights():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(5, activation="relu")
            self.drop = layers.Dropout(0.2)
            self.out = layers.Dense(3, activation="softmax")

        def call(self, inputs, training=None):
            return self.out(self.drop(self.hidden(inputs), training=training))

    model = Net()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, _, labels = problem()
    history = model.fit(x, labels, epochs=5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.count_params() == 25 + 18
    assert len(model.layers) == 3


def test_custom_layer_with_weights_needs_no_gradient_of_its_own():
    class Scaled(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            return ops.matmul(x * self.scale, ops.transpose(x)) / 2.0

    assert diptych.gradcheck(Scaled(), np.random.default_rng(0).normal(size=(3, 4)))


def test_custom_train_step_is_used():
    class Net(Model):
        def train_step(self, data):
            x, y = data
            with diptych.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.steps = getattr(self, "steps", 0) + 1
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, self(x, training=False))
            return {m.name: m.result() for m in self.metrics}

    inputs = Input((4,))
    model = Net(inputs, layers.Dense(3, activation="softmax")(inputs))
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    x, y, _ = problem()
    history = model.fit(x, y, epochs=2, batch_size=20, verbose=0)
    assert model.steps == 6
    assert history.history["loss"][1] < history.history["loss"][0]


def test_sequential_grows_and_shrinks():
    model = Sequential()
    model.add(layers.Dense(3, input_shape=(2,)))
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(4))
    assert model.output_shape == (None, 4)
    assert model.pop().units == 4
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(1))
    assert [len(layer._nodes) for layer in model.layers] == [1, 1]
    assert model(np.ones((5, 2))).shape == (5, 1)


def test_sequential_without_a_shape_is_built_by_its_first_data():
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    assert model.predict(np.ones((4, 7)), verbose=0).shape == (4, 2)
    assert model.layers[0].kernel.shape == (7, 3)


def test_failed_add_leaves_the_model_as_it_was():
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="shape"):
        model.add(layers.Reshape((5,)))
    assert len(model.layers) == 1
    assert model(np.ones((2, 4))).shape == (2, 3)


def dense(name, x):
    return layers.Dense(4, name=name)(x)


def branches():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    x, y = dense("x3", dense("x2", dense("x1", a))), dense("y1", b)
    return [a, b], [dense("w", y), layers.Add(name="z")([x, y])]


def shared():
    a, b, unused = (Input((4,), name=name) for name in ("a", "b", "unused"))
    twice = layers.Dense(4, name="twice")
    return [a, unused, b], {"v": twice(a), "u": twice(dense("x", b))}


def arguments_by_name():
    a, b = Input((5, 4), name="a"), Input((5, 4), name="b")
    look = layers.MultiHeadAttention(1, 2, name="look")
    return [a, b], look(query=dense("q", a), value=dense("v", b), key=dense("k", b))


def from_a_tensor_within():
    middle = dense("before", Input((4,), name="a"))
    return middle, ops.relu(dense("after", middle))


@pytest.mark.parametrize(
    ("graph", "names"),
    [
        (branches, "a x1 b x2 y1 x3 w z"),
        (shared, "b x a unused twice"),
        (arguments_by_name, "b a k q v look"),
        (from_a_tensor_within, "after"),
    ],
)
def test_layers_and_weights_have_the_order_of_keras(graph, names):
    """As Keras 3.15 gives them: get_weights of a model there fits set_weights here."""
    model = Model(*graph())
    assert [layer.name for layer in model.layers] == names.split()
    owners = list(dict.fromkeys(variable.path.split("/")[0] for variable in model.weights))
    assert owners == [layer.name for layer in model.layers if layer.weights]


def test_two_layers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="'twin'"):
        Sequential([Input((2,)), layers.Dense(2, name="twin"), layers.Dense(2, name="twin")])


def test_output_of_another_graph_is_refused():
    a, b = Input((2,)), Input((2,), name="forgotten")
    with pytest.raises(ValueError, match="'?forgotten"):
        Model(a, layers.Add()([a, b]))


def test_a_clone_stays_on_the_engine_of_its_model():
    inner = Sequential([Input((2,)), layers.Dense(2)], engine="fast", name="inner")
    for engine in ("reference", "fast", None):
        copy = models.clone_model(Sequential([Input((2,)), inner], engine=engine))
        assert (copy.engine, copy.get_layer("inner").engine) == (engine, "fast")


@pytest.mark.parametrize("make", [small, two_tower])
def test_config_and_json_make_the_same_model(make):
    model = make()
    for copy in (models.clone_model(model), models.model_from_json(model.to_json())):
        assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
        assert not same_weights(copy, model)
        copy.set_weights(model.get_weights())
        x = [np.ones((2, *t.shape[1:]), "float32") for t in model.inputs]
        x = x[0] if make is small else x
        for a, b in zip(
            np.atleast_1d(model.predict(x, verbose=0))
            if make is small
            else model.predict(x, verbose=0),
            np.atleast_1d(copy.predict(x, verbose=0))
            if make is small
            else copy.predict(x, verbose=0),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    json.loads(model.to_json())


# --------------------------------------------------------------------------------------------------
# Training


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_fit_is_train_on_batch_repeated(engine):
    x, y, _ = problem(50)
    fitted, by_hand = small(engine), small(engine)
    by_hand.set_weights(fitted.get_weights())
    fitted.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    for _ in range(2):
        for start in range(0, 50, 16):
            by_hand.train_on_batch(x[start : start + 16], y[start : start + 16])
    assert same_weights(fitted, by_hand)


def test_same_seed_same_bits_on_any_number_of_threads():
    x, y, _ = problem(200)
    found = []
    before = diptych.config.num_threads()
    try:
        for threads in (1, 2, 4, 2):
            diptych.utils.set_random_seed(11)
            diptych.config.set_num_threads(threads)
            model = Sequential(
                [
                    Input((4,)),
                    layers.Dense(64, activation="relu"),
                    layers.Dropout(0.3),
                    layers.Dense(3),
                ]
            )
            model.compile("adam", "mse")
            model.fit(x, y, epochs=2, verbose=0)
            found.append(b"".join(w.tobytes() for w in model.get_weights()))
    finally:
        diptych.config.set_num_threads(before)
    assert len(set(found)) == 1


def test_engines_train_alike():
    x, y, _ = problem()
    histories = []
    weights = None
    for engine in ("reference", "fast"):
        diptych.utils.set_random_seed(1)
        model = small(engine, optimizer="adam")
        weights = weights or model.get_weights()
        model.set_weights(weights)
        histories.append(model.fit(x, y, epochs=5, verbose=0).history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-4)


def test_learning_works():
    x, y, _ = problem(300)
    model = small(optimizer=diptych.optimizers.Adam(0.02))
    history = model.fit(x, y, epochs=30, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_validation_split_takes_the_last_rows():
    x, y, _ = problem(50)
    model = small(optimizer=diptych.optimizers.SGD(0.0))
    history = model.fit(x, y, validation_split=0.2, verbose=0)
    expected = model.evaluate(x[40:], y[40:], verbose=0)
    assert [history.history["val_loss"][0], history.history["val_accuracy"][0]] == pytest.approx(
        expected
    )


def test_validation_frequency_and_data():
    x, y, _ = problem()
    history = small().fit(x, y, epochs=4, validation_data=(x, y), validation_freq=2, verbose=0)
    assert len(history.history["loss"]) == 4
    assert len(history.history["val_loss"]) == 2


def test_epochs_are_numbered_from_initial_epoch():
    x, y, _ = problem()
    history = small().fit(x, y, epochs=5, initial_epoch=2, verbose=0)
    assert history.epoch == [2, 3, 4]


def test_sample_and_class_weights_are_the_same_thing():
    x, y, labels = problem()
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    by_class, by_sample = small(), small()
    by_sample.set_weights(by_class.get_weights())
    by_class.fit(x, y, class_weight=weights, shuffle=False, verbose=0)
    by_sample.fit(
        x, y, sample_weight=np.array([weights[c] for c in labels]), shuffle=False, verbose=0
    )
    assert same_weights(by_class, by_sample)


def test_regularizers_and_added_losses_are_minimised():
    x, y, _ = problem()
    model = Sequential(
        [Input((4,)), layers.Dense(3, kernel_regularizer=diptych.regularizers.L2(0.5))]
    )
    model.compile(diptych.optimizers.SGD(0.1), "mse")
    before = model.evaluate(x, y, verbose=0)
    kernel, bias = model.get_weights()
    assert before == pytest.approx(
        np.mean((x @ kernel + bias - y) ** 2) + 0.5 * np.sum(kernel**2), rel=1e-5
    )
    model.fit(x, np.zeros_like(y), epochs=50, verbose=0)
    assert np.abs(model.get_weights()[0]).max() < 0.05


def test_labels_of_one_axis_meet_an_output_of_width_one():
    x = np.random.default_rng(0).normal(size=(30, 2))
    y = (x[:, 0] > 0).astype(int)
    model = Sequential([Input((2,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    flat = model.evaluate(x, y, verbose=0)
    column = model.evaluate(x, y[:, None], verbose=0)
    assert flat == pytest.approx(column)
    assert flat[1] == pytest.approx(np.mean((model.predict(x, verbose=0)[:, 0] > 0.5) == y))


def test_recompiling_keeps_the_weights_and_resets_the_optimizer():
    x, y, _ = problem()
    model = small(optimizer="adam")
    model.fit(x, y, verbose=0)
    kept = model.get_weights()
    model.compile("adam", "mse")
    assert all(np.array_equal(a, b) for a, b in zip(kept, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0
    assert isinstance(model.evaluate(x, y, verbose=0), float)


def test_frozen_layer_stays_as_it_is():
    x, y, _ = problem()
    model = small()
    model.layers[0].trainable = False
    before = model.layers[0].get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    for a, b in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stop_training_from_a_callback():
    x, y, _ = problem()

    class Stop(diptych.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    assert len(small().fit(x, y, epochs=10, callbacks=[Stop()], verbose=0).epoch) == 2


def test_generator_with_steps_per_epoch():
    x, y, _ = problem()

    def forever():
        while True:
            yield x[:20], y[:20]

    model = small()
    model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 6


def test_batches_on_their_own():
    x, y, _ = problem()
    model = small()
    loss, accuracy = model.test_on_batch(x, y)
    named = model.train_on_batch(x, y, return_dict=True)
    assert set(named) == {"loss", "accuracy"}
    assert 0 <= accuracy <= 1
    assert loss > 0
    assert isinstance(model.predict_on_batch(x), np.ndarray)


def test_two_engines_in_one_process():
    x, y, _ = problem()
    reference, fast = small("reference"), small("fast")
    fast.set_weights(reference.get_weights())
    np.testing.assert_allclose(
        reference.predict(x, verbose=0), fast.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    comparison = diptych.compare_engines(fast, x, y)
    assert comparison.max_difference < 1e-5
    assert len(comparison.rows) == 2 + 1 + 4
    assert "d loss / d" in str(comparison)


def test_float64_model():
    x, y, _ = problem()
    diptych.config.set_floatx("float64")
    try:
        model = small()
        assert model.predict(x, verbose=0).dtype == np.float64
        model.fit(x, y, verbose=0)
        assert model.get_weights()[0].dtype == np.float64
    finally:
        diptych.config.set_floatx("float32")


# --------------------------------------------------------------------------------------------------
# Bad input: refused, with the model as it was


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((6, 5)), np.ones((6, 3)), "4"),
        (np.ones(6), np.ones((6, 3)), r"\(6,\)|axes|rank"),
        (np.ones((6, 4)), np.ones((6, 2)), r"\(None, 3\)"),
        (np.ones((6, 4)), np.ones((5, 3)), "6.*5|5.*6"),
        (np.ones((0, 4)), np.ones((0, 3)), "empty|no rows|0 rows"),
        (np.full((6, 4), None), np.ones((6, 3)), "object"),
        (np.ones((6, 4)), np.zeros((6, 1), int), "sparse_categorical_crossentropy|to_categorical"),
        (np.full((6, 4), "a"), np.ones((6, 3)), "text"),
    ],
)
def test_data_that_do_not_fit_are_refused(engine, x, y, words):
    model = small(engine)
    before = model.get_weights()
    for call in (lambda: model.fit(x, y, verbose=0), lambda: model.evaluate(x, y, verbose=0)):
        with pytest.raises((ValueError, TypeError), match=words):
            call()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("bad", [-1, 3, 10**9])
def test_sparse_labels_out_of_range_are_refused(engine, bad):
    x, _, labels = problem()
    labels[7] = bad
    model = small(engine, loss="sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"{bad}"):
        model.fit(x, labels, verbose=0)
    with pytest.raises(ValueError, match=rf"{bad}"):
        model.train_on_batch(x, labels)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"optimizer": "addam"}, "addam.*adam"),
        ({"loss": "categorical_crosentropy"}, "categorical_crosentropy.*categorical_crossentropy"),
        ({"metrics": ["acuracy"]}, "acuracy"),
        ({"loss": {"nowhere": "mse"}}, "nowhere"),
    ],
)
def test_misspelt_names_are_refused_at_compile_time(arguments, words):
    with pytest.raises(ValueError, match=words):
        small(**arguments)


def test_unknown_keywords_are_refused():
    x, y, _ = problem()
    with pytest.raises(TypeError, match="epoch"):
        small().fit(x, y, epoch=3)
    with pytest.raises(TypeError, match="optimiser.*optimizer"):
        small().compile(optimiser="sgd")


def test_not_a_number_in_the_data_warns_once_and_trains_on():
    x, y, _ = problem()
    x[5, 1] = np.nan
    x[9, 0] = np.inf
    model = small()
    with pytest.warns(UserWarning, match="2.*row 5") as caught:
        model.fit(x, y, epochs=2, verbose=0)
    assert ["row 5" in str(one.message) for one in caught] == [True, True]
    assert "became NaN in epoch 1, step " in str(caught[1].message)
    assert np.isnan(model.get_weights()[0]).any()


def two_inputs_and_outputs(**compile_arguments):
    a, b = Input((4,), name="a"), Input((3,), name="b")
    both = layers.Concatenate()([a, b])
    model = Model([a, b], [layers.Dense(2, name="p")(both), layers.Dense(1, name="q")(both)])
    model.compile("sgd", "mse", weighted_metrics=[["mae"], ["mae"]], **compile_arguments)
    return model


def test_missing_parts_and_parts_of_other_lengths_raise():
    a, b, p, q = (np.ones((6, n), "float32") for n in (4, 3, 2, 1))
    model = two_inputs_and_outputs()
    for call in (model.predict, model.predict_on_batch, model):
        with pytest.raises(ValueError, match="'b' has no data|None for its input 'b'"):
            call([a, None])
    for call in (model.predict, model.predict_on_batch):
        with pytest.raises(ValueError, match=r"number of samples \(x: 6, 5\)"):
            call([a, b[:5]])
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match=r"number of samples \(x: 5, 6; y: 6, 6\)"):
            call([a[:5], b], [p, q])
        for labels in ([p, None], {"p": p}):
            with pytest.raises(ValueError, match="Output 'q' .* mean_squared_error, but no labels"):
                call([a, b], labels)


def test_weights_of_rows_count_for_all_outputs():
    rng = np.random.default_rng(0)
    a, b, p, q = (rng.normal(size=(6, n)) for n in (4, 3, 2, 1))
    weights, model = rng.random(6), two_inputs_and_outputs()
    options = {"verbose": 0, "return_dict": True}
    for_all = model.evaluate([a, b], [p, q], sample_weight=weights, **options)
    for_each = model.evaluate([a, b], [p, q], sample_weight=[weights, weights], **options)
    assert for_all == for_each != model.evaluate([a, b], [p, q], **options)


def test_loss_weights_are_numbers():
    a, b, p, q = (np.ones((6, n), "float32") for n in (4, 3, 2, 1))
    with pytest.raises(ValueError, match="`loss_weights` needs a number for output 'p'; got 'a'"):
        two_inputs_and_outputs(loss_weights=["a", 1.0])
    losses = []
    for weights in ([2.0, 0.5], np.array([2.0, 0.5]), {"p": np.float32(2), "q": np.float64(0.5)}):
        diptych.utils.set_random_seed(1)
        model = two_inputs_and_outputs(loss_weights=weights)
        losses.append(model.evaluate([a, b], [p, q], verbose=0)[0])
    assert losses[0] == losses[1] == losses[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": None}, "There are no data: x is None"),
        ({"batch_size": 0}, "batch_size=0; expected a whole number of at least 1"),
        ({"batch_size": float("nan")}, "batch_size=nan"),
        ({"steps_per_epoch": 2.5}, "steps_per_epoch=2.5"),
        ({"epochs": -1}, "epochs=-1; expected a whole number of at least 0"),
        ({"initial_epoch": -1}, "initial_epoch=-1"),
        ({"validation_batch_size": 0}, "validation_batch_size=0"),
        ({"validation_steps": "4"}, "validation_steps='4'"),
        ({"validation_freq": 0}, "validation_freq=0; expected a whole number of at least 1"),
        ({"validation_freq": 1.5}, r"validation_freq=1.5.*list of the epochs.*\[1, 5, 10\]"),
        ({"validation_freq": "1"}, "validation_freq='1'"),
        ({"validation_data": "x"}, r"no labels, but the loss.*validation_data=\(x, y\)"),
        ({"validation_data": "none"}, "There are no data: x is None"),
        ({"validation_data": None, "validation_split": "0.2"}, "validation_split='0.2'.*fraction"),
        ({"class_weight": {"0": 2.0}}, "class_weight has the entry '0': 2.0; expected a class num"),
        ({"class_weight": {0.5: 2.0}}, "the entry 0.5: 2.0"),
        ({"class_weight": {0: None}}, "the entry 0: None"),
        ({"class_weight": {0: [1.0, 2.0]}}, "the entry 0: "),
    ],
)
def test_senseless_arguments_of_fit_are_refused_before_training(arguments, message):
    x, y, _ = problem()
    data = {"x": x, "none": (None, y)}
    given = {"x": x, "y": y, "validation_data": (x, y), **arguments}
    if isinstance(given["validation_data"], str):
        given["validation_data"] = data[given["validation_data"]]
    model = small()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(**given, verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_numpys_numbers_count_epochs():
    x, y, _ = problem()
    history = small().fit(
        x, y, epochs=np.int64(3), validation_data=(x, y), validation_freq=np.int64(3), verbose=0
    )
    assert [len(history.history[name]) for name in ("loss", "val_loss")] == [3, 1]


def test_uncompiled_model_says_so():
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="must be compiled before fit"):
        model.fit(np.ones((2, 4)), np.ones((2, 3)))


def test_batches_that_no_stateful_layer_can_take_are_refused_before_training():
    model = Sequential(
        [Input(batch_shape=(4, 5, 2)), layers.GRU(3, stateful=True, name="kept"), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    before = model.get_weights()
    x, y = np.ones((10, 5, 2), "float32"), np.ones((10, 1), "float32")
    told = r"'kept' \(GRU\).*states of 4 rows.*{}.*batch_size=4 and a multiple of 4 rows"
    for call, words in (
        (lambda: model.fit(x, y, batch_size=4), "training data, 10 rows in batches of 4,.* of 2"),
        (lambda: model.fit(x[:8], y[:8]), "8 rows in batches of 32,.* of 8"),
        (lambda: model.fit(x, y, batch_size=4, epochs=2, steps_per_epoch=2), "batch of 2"),
        (
            lambda: model.fit(x[:8], y[:8], 4, validation_data=(x[:6], y[:6])),
            "validation data, 6 rows in batches of 4,.* of 2",
        ),
        (lambda: model.fit(x, y, batch_size=4, validation_split=0.2), "validation data, 2 rows"),
        (lambda: model.evaluate(x, y, batch_size=4), "data, 10 rows"),
        (lambda: model.predict(x, batch_size=4), "data, 10 rows"),
        (lambda: model.predict(x[:2]), "data, 2 rows"),
    ):
        with pytest.raises(ValueError, match=told.format(words)):
            call()
    assert all(map(np.array_equal, before, model.get_weights()))
    model.fit(x, y, batch_size=4, epochs=1, steps_per_epoch=2, verbose=0)
    model.evaluate(x, y, batch_size=4, steps=2, verbose=0)
    assert model.predict(x[:4], verbose=0).shape == (4, 1)


def test_a_model_without_a_graph_makes_the_states_of_its_layers_for_whole_batches():
    class Reader(Model):
        def __init__(self):
            super().__init__()
            self.reader, self.dense = layers.LSTM(3, stateful=True), layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.reader(inputs))

    model = Reader()
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 5, 2), "float32"), np.ones((8, 1), "float32"), batch_size=4, verbose=0)
    assert model.reader.states[0].shape == (4, 3)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_the_first_step_trains_the_weights_that_it_makes(engine):
    """By hand: the loss is (2 w)^2, so the gradient 8 w = 8, and w becomes 1 - 0.1 8."""

    class Penalty(Model):
        def __init__(self):
            super().__init__(engine=engine)
            self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")

        def call(self, inputs):
            self.add_loss(ops.mean(ops.square(self.dense(inputs))))
            return inputs

    for take in (lambda m, x: m.fit(x, verbose=0), lambda m, x: m.train_on_batch(x)):
        model = Penalty()
        model.compile(diptych.optimizers.SGD(0.1))
        take(model, np.full((4, 1), 2.0, "float32"))
        np.testing.assert_allclose(model.dense.kernel, [[0.2]], rtol=1e-5)


def test_metrics_of_functions_are_named_as_in_keras():
    def meanError(y_true, y_pred):  # noqa: N802
        return ops.mean(y_true - y_pred)

    class HTTPDistance:
        __call__ = staticmethod(meanError)

    model = small(metrics=[meanError, HTTPDistance(), lambda a, b: ops.mean(a), "MSE"])
    names = ["loss", "mean_error", "http_distance", "lambda", "MSE"]
    assert model.metrics_names == names
    x, y, _ = problem()
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == sorted(names)


def test_no_metrics_for_several_outputs():
    x = layers.Input((3,))
    model = diptych.Model(x, [layers.Dense(1)(x), layers.Dense(2)(x)])
    model.compile("sgd", ["mse", "mae"], metrics=[])
    assert len(model.train_on_batch(np.ones((2, 3)), [np.ones((2, 1)), np.ones((2, 2))])) == 3


@pytest.mark.parametrize("way", ["predict", "call", "train_on_batch"])
def test_a_model_built_by_its_first_data_takes_other_sizes_if_its_layers_can(way):
    tokens = np.random.default_rng(0).integers(0, 9, (2, 12))
    model = Sequential([layers.Embedding(9, 4), layers.LSTM(3), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(tokens[:, :6], np.ones((2, 1)), verbose=0)
    weights = model.get_weights()
    stated = Sequential([Input((None,)), layers.Embedding(9, 4), layers.LSTM(3), layers.Dense(1)])
    stated.set_weights(weights)
    stated.compile("sgd", "mse")
    for steps in (9, 12, 6):
        x = tokens[:, :steps]
        if way == "predict":
            found = [each.predict(x, verbose=0) for each in (model, stated)]
        elif way == "call":
            found = [each(x).numpy() for each in (model, stated)]
        else:
            found = [each.train_on_batch(x, np.ones((2, 1))) for each in (model, stated)]
        np.testing.assert_array_equal(*found)
    assert model.input_shape[1:] == (None,)
    assert [len(layer._nodes) for layer in model.layers] == [1, 1, 1]
    assert Model(model.inputs, model.layers[1].output)(tokens).shape == (2, 3)


@pytest.mark.parametrize("stack", [[layers.Flatten], [], [layers.Dropout]])
def test_a_model_built_by_its_first_data_refuses_what_its_layers_cannot_take(stack):
    model = Sequential([*(layer(0.5) if layer is layers.Dropout else layer() for layer in stack)])
    model.add(layers.Dense(2))
    first = np.ones((2, 3, 4) if layers.Flatten in stack else (2, 3))
    want = model.predict(first, verbose=0)
    with pytest.raises(ValueError, match=r"The model's input has shape \(2, 3.*but the data"):
        model.predict(np.ones((*first.shape[:-1], 5)), verbose=0)
    with pytest.raises(ValueError, match="expects its input"):
        model(np.ones((*first.shape[:-1], 5)))
    assert model.input_shape == first.shape
    assert [len(layer._nodes) for layer in model.layers] == [1] * len(model.layers)
    np.testing.assert_array_equal(model.predict(first, verbose=0), want)


def test_a_metric_object_is_counted_once():
    x, y, _ = problem()
    model = small(metrics=[diptych.metrics.CategoricalAccuracy()])
    results = model.evaluate(x, y, verbose=0)
    assert len(results) == len(model.metrics) == 2
    assert model.metrics_names == ["loss", "categorical_accuracy"]


def test_a_list_that_grows_after_a_layer_was_called_on_it():
    """The call keeps the tensors that it was given."""
    inputs = Input((3,))
    found = [inputs]
    for _ in range(3):
        found.append(layers.Dense(2)(layers.Concatenate()(found) if found[1:] else inputs))
    model = Model(inputs, layers.Concatenate()(found))
    assert model.output_shape == (None, 9)
    assert model(np.ones((2, 3))).shape == (2, 9)
    assert [len(node.inputs) for node in model._function.nodes] == [1, 2, 1, 3, 1, 4]
