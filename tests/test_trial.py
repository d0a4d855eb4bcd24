"""A layer that is called on zeros to find its shape is left as it was, with all that it uses."""

import numpy as np
import pytest

import diptych
from diptych import Input, KerasTensor, Model, Sequential, layers, metrics, ops, random
from diptych.trial import Trial

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])


class Counting(layers.Layer):
    """Counts its calls, in a variable that no optimizer updates."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.n = self.add_weight(name="n", initializer="zeros", trainable=False)

    def call(self, inputs):
        self.n.assign_add(1.0)
        return ops.multiply(inputs, 2.0)


def sequential(layer):
    return Sequential([Input((3,)), layer, layers.Dense(1)])


def sequential_without_input(layer):
    return Sequential([layer, layers.Dense(1)])


def functional(layer):
    x = Input((3,))
    return Model(x, layers.Dense(1)(layer(x)))


def nested(layer):
    x = Input((3,))
    return Model(x, layers.Dense(1)(Sequential([layer])(x)))


def nested_graph(layer):
    x = Input((None,))
    inner = Model(x, layer(x))
    z = Input((3,))
    return Model(z, layers.Dense(1)(inner(z)))


def subclassed(layer):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.inner, self.dense = layer, layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.inner(inputs))

    return Own()


def wrapped(layer):
    class Wrapper(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layer

        def call(self, inputs):
            return self.inner(inputs)

    return sequential(Wrapper())


MODELS = pytest.mark.parametrize(
    "make",
    [
        sequential,
        sequential_without_input,
        functional,
        nested,
        nested_graph,
        subclassed,
        wrapped,
    ],
)


@ENGINES
@MODELS
def test_only_calls_on_data_count(make, engine):
    layer = Counting()
    with diptych.engine(engine):
        model = make(layer)
        assert float(layer.n) == 0
        model.compile("sgd", "mse")
        for epoch in (1, 2):
            model.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=4, verbose=0)
            assert float(layer.n) == epoch
        model.predict(np.ones((4, 3)), verbose=0)
        assert float(layer.n) == 3


def test_building_and_asking_for_shapes_count_nothing():
    layer = Counting()
    model = subclassed(layer)
    model.build((None, 3))
    assert layer.compute_output_spec(Input((3,))).shape == (None, 3)
    assert model.compute_output_shape((None, 3)) == (None, 1)
    assert float(layer.n) == 0


def test_an_open_tape_records_no_trial():
    w = diptych.Variable(2.0)
    with diptych.GradientTape() as tape:
        layers.Lambda(lambda x: x * w)(Input((3,)))
        subclassed(Counting()).build((None, 3))
        y = w * w
    assert len(tape.records) == 1
    assert tape.gradient(y, w) == 4.0


def test_a_call_that_fails_changes_nothing():
    class Failing(Counting):
        def call(self, inputs):
            super().call(inputs)
            raise ValueError("no such luck")

    layer = Failing()
    with pytest.raises(ValueError, match="no such luck"):
        layer(Input((3,)))
    assert float(layer.n) == 0
    assert diptych.trial.open_trial.get() is None


def test_an_operation_of_ones_own_and_a_lambda_may_change_variables():
    n = diptych.Variable(0.0, trainable=False)
    y = layers.Lambda(lambda x: ops.add(x, n.assign_add(1.0)))(Input((3,)))
    assert (y.shape, float(n)) == ((None, 3), 0)


class Noisy(layers.Layer):
    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.source = seed

    def call(self, inputs):
        return ops.add(inputs, random.normal(inputs.shape, seed=self.source))


def test_random_numbers_are_not_used_up():
    ones = np.ones((2, 3), "float32")
    expected = 1 + random.normal((2, 3), seed=random.SeedGenerator(7)).array
    layer = Noisy(random.SeedGenerator(7))
    model = Sequential([Input((3,)), layer])
    np.testing.assert_array_equal(model(ones).array, expected)
    # The same with NumPy's generator, and with that of the process.
    layer = Noisy(np.random.default_rng(7))
    layer(Input((3,)))
    np.testing.assert_array_equal(layer(ones).array, expected)
    diptych.utils.set_random_seed(5)
    expected = random.normal((4,)).array
    diptych.utils.set_random_seed(5)
    Noisy()(Input((3,)))
    np.testing.assert_array_equal(random.normal((4,)).array, expected)


def test_a_generator_that_is_reset_continues_where_it_was():
    class Resetting(Noisy):
        def call(self, inputs):
            self.source.reset()
            return super().call(inputs)

    generator, other = random.SeedGenerator(7), random.SeedGenerator(7)
    random.normal((5,), seed=generator)
    random.normal((5,), seed=other)
    Resetting(generator)(Input((3,)))
    np.testing.assert_array_equal(
        random.normal((5,), seed=generator).array, random.normal((5,), seed=other).array
    )


def test_weights_that_a_trial_makes_stay_and_differ():
    """Their random numbers are used up: otherwise the next layer would get the same ones."""

    class Lazy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.own = layers.Dense(3), None

        def call(self, inputs):
            if self.own is None:
                self.own = self.add_weight(shape=(3, 3), initializer="normal", name="own")
            return self.dense(inputs) @ self.own + random.normal(inputs.shape)

    diptych.utils.set_random_seed(1)
    one, two = Lazy(), Lazy()
    one(Input((3,)))
    kernel, own = one.dense.kernel.array.copy(), one.own.array.copy()
    assert kernel.any()
    assert own.any()
    two(Input((3,)))
    one(np.ones((2, 3)))
    np.testing.assert_array_equal(one.dense.kernel, kernel)
    np.testing.assert_array_equal(one.own, own)
    assert not np.array_equal(two.dense.kernel, kernel)
    assert not np.array_equal(two.own, own)


@ENGINES
def test_moving_averages_stay(engine):
    class Training(layers.Layer):
        def __init__(self):
            super().__init__()
            self.normalise = layers.BatchNormalization()

        def call(self, inputs):
            return self.normalise(inputs, training=True)

    with diptych.engine(engine):
        layer = Training()
        layer(Input((3,)))
        np.testing.assert_array_equal(layer.normalise.moving_mean, [0, 0, 0])
        np.testing.assert_array_equal(layer.normalise.moving_variance, [1, 1, 1])


@ENGINES
def test_added_losses_stay(engine):
    class Costly(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    with diptych.engine(engine):
        layer = Costly(activity_regularizer="l2")
        model = functional(layer)
        assert model.losses == []
        model(np.ones((2, 3), "float32"))
        assert [loss.item() for loss in model.losses] == pytest.approx([6.0, 0.03])
        model.compute_output_shape((None, 3))
        layer(Input((3,)))
        assert [loss.item() for loss in model.losses] == pytest.approx([6.0, 0.03])


@pytest.mark.parametrize(
    "make",
    [
        metrics.Mean,
        metrics.Sum,
        metrics.MeanSquaredError,
        metrics.BinaryAccuracy,
        metrics.Precision,
        metrics.AUC,
        lambda: metrics.AUC(multi_label=True),
        metrics.F1Score,
        metrics.R2Score,
        metrics.TruePositives,
    ],
)
def test_metrics_stay(make):
    metric = make()
    values_only = make in (metrics.Sum, metrics.Mean)

    class Measuring(layers.Layer):
        def call(self, inputs):
            y = ops.add(ops.multiply(inputs, 0.0), 1.0)
            metric.update_state(*([y] if values_only else [y, y]))
            return inputs

    Measuring()(Input((3,)))
    assert all(not variable.array.any() for variable in metric.variables)
    Measuring()(np.ones((2, 3), "float32"))
    assert any(variable.array.any() for variable in metric.variables)
    with Trial():
        metric.reset_state()
    assert any(variable.array.any() for variable in metric.variables)


@ENGINES
def test_states_of_recurrent_layers_stay(engine):
    class Recurrent(layers.Layer):
        def __init__(self):
            super().__init__()
            self.lstm = layers.LSTM(2, stateful=True, bias_initializer="ones")

        def call(self, inputs):
            return self.lstm(inputs)

    with diptych.engine(engine):
        layer = Recurrent()
        y = layer(Input(batch_shape=(4, 5, 3)))
        assert y.shape == (4, 2)
        for state in layer.lstm.states:
            np.testing.assert_array_equal(state, np.zeros((4, 2)))
        layer(np.ones((4, 5, 3), "float32"))
        assert all(state.array.any() for state in layer.lstm.states)


def test_the_shapes_of_a_nested_graph_follow_from_its_layers():
    """Not from a trial: a window of 5 would not fit on the zeros of a trial."""
    x = Input((None, None, 3))
    inner = Model(x, layers.Conv2D(4, 5)(x))
    assert inner(Input((None, 64, 3))).shape == (None, None, 60, 4)
    assert inner.compute_output_shape((2, 32, None, 3)) == (2, 28, None, 4)
    x = Input((None, None))
    pair = Model(x, [ops.add(x, 1.0), ops.sum(x, axis=-1)])
    assert [y.shape for y in pair(KerasTensor((2, 7, None)))] == [(2, 7, None), (2, 7)]
