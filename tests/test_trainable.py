"""Which weights are trained: `trainable` in a constructor, before and after the weights exist."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from diptych import (
    Input,
    Model,
    Sequential,
    Variable,
    layers,
    models,
    ops,
    optimizers,
    regularizers,
    utils,
)
from diptych.legacy import LegacySpelling, forget_notes

X = np.linspace(-1, 1, 20).reshape(5, 4).astype("float32")
STEPS = np.linspace(-1, 1, 40).reshape(5, 4, 2).astype("float32")


class Inside(layers.Layer):
    """Layers made in the constructor, in a list, in `build`; a weight, a variable, a counter."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(3)
        self.more = [layers.Dense(3, use_bias=False)]
        self.scale = Variable(np.ones(3, "float32"))
        self.calls = Variable(0.0, trainable=False)

    def build(self, input_shape):
        self.last = layers.Dense(3, use_bias=False)
        self.shift = self.add_weight((3,), "zeros")
        self.more.append(layers.Dense(3, use_bias=False))

    def call(self, x):
        self.calls.assign_add(1.0)
        for layer in (self.first, *self.more, self.last):
            x = layer(x)
        return x * self.scale + self.shift


# what, the shape of its input, how many of its weights are trained when it is not frozen, and not
KINDS = [
    (lambda **kw: layers.Dense(3, **kw), (4,), 2, 0),
    (lambda **kw: layers.BatchNormalization(**kw), (4,), 2, 2),
    (lambda **kw: layers.Bidirectional(layers.LSTM(3), **kw), (4, 2), 6, 0),
    (lambda **kw: layers.TimeDistributed(layers.Dense(3), **kw), (4, 2), 2, 0),
    (lambda **kw: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], **kw), (4, 2), 6, 0),
    (lambda **kw: layers.SpectralNormalization(layers.Dense(3), **kw), (4,), 2, 1),
    (lambda **kw: Inside(**kw), (4,), 7, 1),
    (lambda **kw: Sequential([layers.Dense(3), layers.Dense(2)], **kw), (4,), 4, 0),
]
NAMES = ["Dense", "BN", "Bidirectional", "TimeDistributed", "RNN", "Spectral", "own", "Sequential"]


def counts(model):
    return len(model.trainable_weights), len(model.non_trainable_weights)


@pytest.mark.parametrize("how", ["constructor", "before build", "after build"])
@pytest.mark.parametrize(("make", "shape", "trained", "states"), KINDS, ids=NAMES)
def test_a_frozen_layer_has_no_trained_weights_and_can_be_set_free(
    make, shape, trained, states, how
):
    layer = make(trainable=False) if how == "constructor" else make()
    if how == "before build":
        layer.trainable = False
    model = Sequential([Input(shape), layer, layers.Flatten(), layers.Dense(1)])
    if how == "after build":
        assert counts(model) == (trained + 2, states)
        layer.trainable = False
    names = [w.path for w in model.weights]
    assert counts(model) == (2, trained + states)
    assert layer.trainable_variables == []
    layer.trainable = True
    assert counts(model) == (trained + 2, states)
    assert [w.path for w in model.weights] == names


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize(("make", "shape", "trained", "states"), KINDS, ids=NAMES)
def test_training_leaves_a_frozen_layer_as_it_was(make, shape, trained, states, engine):
    frozen = make(trainable=False)
    stack = [Input(shape), frozen, layers.Flatten(), layers.Dense(1)]
    model = Sequential(stack, engine=engine)
    model.compile("sgd", "mse")
    before, last = frozen.get_weights(), model.layers[-1].get_weights()[0]
    model.fit(X if len(shape) == 1 else STEPS, np.ones((5, 1)), epochs=2, verbose=0)
    for w, old in zip(frozen.weights, before, strict=True):
        if not w.is_state and not isinstance(frozen, layers.SpectralNormalization):  # scales itself
            np.testing.assert_array_equal(w, old, err_msg=w.path)
    assert not np.array_equal(model.layers[-1].get_weights()[0], last)


def test_a_model_frozen_in_its_constructor_is_frozen_in_another_model():
    i = Input((4,))
    base = Model(i, layers.Dense(3)(i), trainable=False)
    assert counts(base) == (0, 2)
    assert counts(Sequential([Input((4,)), base, layers.Dense(1)])) == (2, 2)


def test_layers_added_to_a_frozen_model_are_frozen():
    base = Sequential([Input((4,)), layers.Dense(3)], trainable=False)
    base.add(layers.Dense(2))
    assert counts(Sequential([Input((4,)), base, layers.Dense(1)])) == (2, 4)


def test_a_part_of_a_frozen_model_is_trained_in_the_model_around_it():
    """As in Keras 3: the frozen model itself has nothing to train."""
    base = Sequential([layers.Dense(3), layers.Dense(2)])
    base.trainable = False
    base.layers[-1].trainable = True
    model = Sequential([Input((4,)), base, layers.Dense(1)])
    assert counts(model) == (4, 2)
    assert counts(base) == (0, 4)
    copied = models.clone_model(base)
    copied.build((None, 4))
    assert copied.layers[-1].trainable
    assert not copied.layers[0].trainable
    assert counts(copied) == (0, 4)


def test_a_frozen_model_has_no_penalties_of_weights():
    dense = layers.Dense(3, kernel_regularizer="l2", trainable=False)
    model = Sequential([Input((4,)), dense])
    assert model.losses == []
    dense.trainable = True
    assert len(model.losses) == 1
    model.trainable = False
    dense.trainable = True
    assert model.losses == []


def test_a_frozen_layer_of_ones_own_runs_its_batch_normalization_for_prediction():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.norm = layers.BatchNormalization(epsilon=0.0)

        def call(self, x):
            return self.norm(x)

    np.testing.assert_array_equal(Block(trainable=False)(X, training=True), X)
    assert not np.array_equal(ops.convert_to_numpy(Block()(X, training=True)), X)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_step_with_nothing_to_train_is_warned_of_once_for_each_compile(engine):
    judge = Sequential([Input((2,)), layers.Dense(1)], name="judge", engine=engine)
    judge.trainable = False
    judge.compile("sgd", "mse")
    both = Sequential([Input((4,)), layers.Dense(2), judge], engine=engine)
    both.compile("sgd", "mse")
    x, y, before = np.ones((5, 2)), np.zeros((5, 1)), judge.get_weights()
    with pytest.warns(UserWarning, match=r"'judge'.*all of its weights are frozen.*trainable = T"):
        judge.train_on_batch(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judge.fit(x, y, verbose=0)
        judge.evaluate(x, y, verbose=0)
        generator = both.layers[0].get_weights()
        both.train_on_batch(X, y)
        np.testing.assert_array_equal(judge.get_weights()[0], before[0])
        assert not np.array_equal(both.layers[0].get_weights()[0], generator[0])
        judge.trainable = True  # the mend
        judge.train_on_batch(x, y)
        assert not np.array_equal(judge.get_weights()[0], before[0])
        judge.trainable = False
    judge.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="all of its weights are frozen"):
        judge.fit(x, y, verbose=0)


def test_a_subclass_whose_layers_were_frozen_before_compile_trains_nothing():
    class Frozen(Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Dense(1, trainable=False)

        def call(self, x):
            return self.last(x)

    model, x, y = Frozen(), np.ones((5, 2)), np.zeros((5, 1))
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="all of its weights are frozen"):
        model.fit(x, y, verbose=0)
    before = model.get_weights()
    forget_notes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no note that it trains what it was compiled to train
        model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_model_frozen_after_compile_trains_what_it_was_compiled_to_train(engine):
    """The recipe of Keras 1 and 2 for a discriminator within a model with a generator."""
    forget_notes()
    kernel = layers.Dense(1, kernel_initializer="ones", kernel_regularizer=regularizers.L2(0.5))
    judge = Sequential([Input((2,)), kernel], name="judge", engine=engine)
    judge.compile(optimizers.SGD(0.1), "mse")
    judge.trainable = False
    both = Sequential([Input((4,)), layers.Dense(2), judge], engine=engine)
    both.compile("sgd", "mse")
    x, y = np.ones((5, 2), "float32"), np.full((5, 1), 2.0, "float32")
    with pytest.warns(LegacySpelling, match=r"'judge'.*after compile\(\).*Keras 3 trains nothing"):
        loss = judge.train_on_batch(x, y)
    assert judge.trainable_variables == []
    assert not any(variable.trainable for variable in judge.variables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(loss, 1.0)  # the penalty alone: 0.5 * (1 + 1)
        # The gradient is that of the penalty: each weight is multiplied by 1 - 0.1.
        np.testing.assert_allclose(judge.get_weights()[0], [[0.9], [0.9]], rtol=1e-6)
        np.testing.assert_array_equal(judge.get_weights()[1], [0])
        before, generator = judge.get_weights(), both.layers[0].get_weights()
        for _ in range(2):
            both.train_on_batch(X, y)
            for old, new in zip(before, judge.get_weights(), strict=True):
                np.testing.assert_array_equal(old, new)
            assert not np.array_equal(both.layers[0].get_weights()[0], generator[0])
            judge.train_on_batch(x, y)
            assert not np.array_equal(judge.get_weights()[0], before[0])
            before = judge.get_weights()
    judge.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="all of its weights are frozen"):
        judge.fit(x, y, verbose=0)
    np.testing.assert_array_equal(judge.get_weights()[0], before[0])


@pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")
def test_a_model_without_weights_at_compile_trains_those_of_layers_that_were_free():
    model = Sequential([layers.Dense(3, trainable=False), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.trainable = False
    model(np.ones((3, 2)))
    before = model.get_weights()
    model.train_on_batch(np.ones((3, 2)), np.ones((3, 1)))
    changed = [
        not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert changed == [False, False, True, True]


def test_a_model_frozen_before_compile_has_nothing_to_train_though_a_layer_in_it_is_free():
    model = Sequential([Input((2,)), layers.Dense(3), layers.Dense(1)])
    model.trainable = False
    model.layers[-1].trainable = True
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.warns(UserWarning, match="all of its weights are frozen"):
        model.fit(np.ones((3, 2)), np.ones((3, 1)), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_without_weights_is_warned_of():
    model = Sequential([Input((2,)), layers.Activation("relu")])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="has no weights"):
        model.fit(np.ones((3, 2)), np.ones((3, 2)), epochs=2, verbose=0)


def test_a_model_compiled_before_it_has_weights_is_not_said_to_be_frozen():
    class Around(Model):
        def __init__(self):
            super().__init__()
            self.inner = Sequential([layers.Dense(2), layers.Dense(1)])

        def call(self, x):
            return self.inner(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(y_pred))

    forget_notes()
    model = Around()
    model.compile("sgd")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, X[:, :1], verbose=0)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "pickle"],
)
@pytest.mark.parametrize("kind", ["adam", "average", "excluded", "several"])
def test_a_copied_model_trains_as_the_model_itself(kind, copied):
    """Also where only some of its variables are trained."""

    def trained(copied):
        utils.set_random_seed(2)
        model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
        optimizer = optimizers.AdamW(0.1, weight_decay=0.5, use_ema=kind == "average")
        if kind == "excluded":
            optimizer.exclude_from_weight_decay([model.layers[1].kernel])
        if kind == "several":
            optimizer = optimizers.MultiOptimizer(Chosen())
        model.compile(optimizer, "mse")
        x, y = np.ones((8, 3)), np.arange(16.0).reshape(8, 2)
        model.fit(x, y, verbose=0)
        model = copied(model)
        model.layers[0].trainable = False
        model.fit(x, y, epochs=2, verbose=0)
        return model.get_weights()

    for a, b in zip(trained(copied), trained(lambda model: model), strict=True):
        np.testing.assert_array_equal(a, b)


class Chosen:
    def __init__(self):
        self.of_biases, self.of_kernels = optimizers.SGD(0.1), optimizers.Adam(0.1)

    def __call__(self, variable):
        return self.of_biases if variable.name == "bias" else self.of_kernels
