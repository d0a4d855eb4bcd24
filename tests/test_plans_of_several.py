"""Plans of models with several inputs, outputs or losses, and of losses with penalties."""

import numpy as np
import pytest

import diptych
from diptych import Input, Sequential, callbacks, layers, ops
from diptych.models.plans import PredictionPlan
from tests.planned import assert_same, compiled, data, dense, fit, without_plans

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


def of_several(nested=dict, **options):
    """A model of two inputs and three outputs, one of them without a loss."""
    a, b = Input((3,), name="a"), Input((4,), name="b", dtype="int32")
    h = layers.Average()([layers.Dense(5)(a), layers.GRU(5)(layers.Embedding(9, 2)(b))])
    h = layers.Dropout(0.2)(h)
    outputs = {
        "kind": layers.Dense(3, "softmax", name="kind")(h),
        "yes": layers.Dense(1, "sigmoid", kernel_regularizer="l2", name="yes")(h),
        "more": layers.Dense(2, trainable=False, name="more")(layers.Concatenate()([h, a])),
    }
    if nested is dict:
        model = diptych.Model({"a": a, "b": b}, outputs)
    else:
        model = diptych.Model([a, b], list(outputs.values()))
    settings = {
        "optimizer": "adam",
        "loss": {"kind": "sparse_categorical_crossentropy", "yes": "binary_crossentropy"},
        "loss_weights": {"kind": 0.3, "yes": 2},
        "metrics": {"kind": ["accuracy"], "yes": ["accuracy", "mae"], "more": ["mse"]},
        "weighted_metrics": {"kind": ["accuracy"]},
    }
    model.compile(**{**settings, **options})
    return model


def data_of_several(nested=dict, rows=37, dtype="float32"):
    rng = np.random.default_rng(4)
    x = {"a": rng.random((rows, 3)), "b": rng.integers(0, 9, (rows, 4)).astype("int32")}
    y = {
        "kind": rng.integers(0, 3, rows),
        "yes": rng.integers(0, 2, (rows, 1)).astype(dtype),
        "more": rng.random((rows, 2)).astype("f4"),
    }
    weights = {name: rng.random(rows).astype("f4") for name in y}
    if nested is dict:
        return x, y, weights
    return tuple(list(part.values()) for part in (x, y, weights))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("weighted", [None, "each", "all"])
@pytest.mark.parametrize("nested", [dict, list])
def test_several_inputs_and_outputs(nested, weighted, dtype, monkeypatch):
    x, y, weights = data_of_several(nested, dtype=dtype)
    weights = {None: None, "each": weights, "all": np.arange(37) * 0.1}[weighted]

    def train(model):
        found = [fit(x, y, sample_weight=weights, validation_split=0.2)(model)]
        found.append(model.evaluate(x, y, batch_size=5, verbose=0, sample_weight=weights))
        some_x, some_y = (
            {k: v[:5] for k, v in part.items()} if nested is dict else [v[:5] for v in part]
            for part in (x, y)
        )
        found += [model.train_on_batch(some_x, some_y) for _ in range(4)]
        for _ in range(2):
            predicted = model.predict(x, batch_size=5, verbose=0)
            found += list(predicted.values() if nested is dict else predicted)
        return found

    assert_same(monkeypatch, lambda: of_several(nested), train)


@pytest.mark.parametrize("nested", [dict, list])
@pytest.mark.parametrize("steps", [None, 4])
def test_predictions_of_several_inputs_and_outputs(nested, steps, monkeypatch):
    x, _, _ = data_of_several(nested)
    options = {"batch_size": 5, "steps": steps, "verbose": 0}

    def predict(model):
        found = [model.predict(x, **options) for _ in range(3)]
        if way == "plans":
            kept = [r.plans for r in model._replays.values()]
            assert [sorted(sizes) for sizes in kept] == [[5] if steps else [2, 5]]
            assert isinstance(kept[0][5], PredictionPlan)
        return found

    found = []
    for way in ("plans", "batches"):
        if way == "batches":
            without_plans(monkeypatch)
        diptych.utils.set_random_seed(3)
        found.append(predict(of_several(nested)))
    assert type(found[0][0]) is nested
    np.testing.assert_equal(*found)


def test_predictions_that_are_inputs_or_given_twice():
    a, b = Input((3,), name="a"), Input((2, 2), name="b")
    h = layers.Dense(2)(a)
    model = diptych.Model([a, b], {"one": h, "two": (h, [b, layers.Flatten()(b)])})
    x = [
        np.random.default_rng(i).random((37, *s)).astype("f4") for i, s in enumerate([(3,), (2, 2)])
    ]
    for _ in range(3):
        found = model.predict(x, batch_size=4, verbose=0)
        np.testing.assert_array_equal(found["one"], found["two"][0])
        np.testing.assert_array_equal(found["two"][1][0], x[1])
        np.testing.assert_array_equal(found["two"][1][1], x[1].reshape(-1, 4))
    with pytest.raises(ValueError, match="shape|axis|input"):
        model.predict([x[0][:, :2], x[1]], batch_size=4, verbose=0)


def test_more_arrays_than_a_plan_gathers(monkeypatch):
    x, y = [data(seed=i)[0] for i in range(20)], data()[1]

    def build():
        inputs = [Input((3,)) for _ in x]
        model = diptych.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()(inputs)))
        return compiled(model)

    def train(model):
        return fit(x, y)(model), model.predict(x, batch_size=5, verbose=0)

    assert_same(monkeypatch, build, train, planned=False)


def test_several_losses_of_one_output(monkeypatch):
    x, y = data()

    def build():
        model = Sequential([Input((3,)), layers.Dense(2, "softmax", name="only")])
        model.compile("adam", [["mse", "categorical_crossentropy"]], [[0.1, 2.0]], ["accuracy"])
        return model

    assert_same(monkeypatch, build, fit(x, y))


@pytest.mark.parametrize("same", [1, 7, 37])
def test_labels_of_two_outputs_that_look_alike(same, monkeypatch):
    """What the first batches do not tell apart, later ones may."""
    x, y = data()
    y = y.astype("int64")
    other = 1 - y
    other[:same] = y[:same]

    def build():
        a = Input((3,))
        ends = layers.Dense(2, name="one"), layers.Dense(2, "softmax", name="other")
        model = diptych.Model(a, [end(a) for end in ends])
        model.compile("adam", ["mse", "categorical_crossentropy"], metrics=[["mae"], ["accuracy"]])
        return model

    for batch_size in (1, 5):
        train = fit(x, [y, other], batch_size=batch_size, shuffle=False)
        assert_same(monkeypatch, build, train, same < 37)
        monkeypatch.undo()


def test_a_penalty_that_changes_during_training(monkeypatch):
    class Stricter(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].kernel_regularizer.l2 *= 2

    def train(model):
        return fit(*data(), callbacks=[Stricter()])(model), model.evaluate(*data(), verbose=0)

    assert_same(monkeypatch, lambda: compiled(dense(kernel_regularizer="l2"), "adam"), train)


def test_an_engine_that_is_set_within_fit(monkeypatch):
    x, y = data()

    class Changes(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.engine = "reference"

    assert_same(
        monkeypatch, lambda: compiled(dense()), fit(x, y, callbacks=[Changes()]), planned=False
    )


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_model_in_the_model_has_an_engine_of_its_own(engine, monkeypatch):
    x, y = data()

    def build():
        inner = Sequential([Input((3,)), layers.Dense(4, "tanh")], engine=engine)
        return compiled(Sequential([Input((3,)), inner, layers.Dense(2, "softmax")]))

    def train(model):
        found = [fit(x, y)(model), model.evaluate(x, y, batch_size=5, verbose=0)]
        for _ in range(3):
            found.append(model.predict(x, batch_size=5, verbose=0))
            model.set_weights([w / 2 for w in model.get_weights()])
        return found

    assert_same(monkeypatch, build, train, planned=engine == "fast")


CUTS = {
    "where": lambda h: ops.where(h > 0, h, 0.1 * h),
    "stop_gradient": lambda h: h * ops.stop_gradient(h),
    "one_hot": lambda h: h + ops.one_hot(ops.argmax(h, axis=-1), 4),
    "argsort": lambda h: ops.take_along_axis(h, ops.argsort(h, axis=1), axis=1),
}


@pytest.mark.parametrize("name", CUTS)
def test_gradients_end_where_an_operation_has_none(name, monkeypatch):
    def build():
        inputs = Input((3,))
        inner = CUTS[name](layers.Dense(4)(inputs))
        return compiled(diptych.Model(inputs, layers.Dense(2, "softmax")(inner)))

    assert_same(monkeypatch, build, fit(*data()))
