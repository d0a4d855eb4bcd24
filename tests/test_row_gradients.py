"""Gradients of tables that travel as rows: the same bits as whole arrays, and nobody outside a
training step sees them. Rows are for speed: the reference engine always makes whole arrays.
"""

import importlib

import numpy as np
import pytest
from diptych.fastcore import optimizers as fast

import diptych
from diptych import layers, optimizers
from diptych.tape import GradientTape
from diptych.tensor import IndexedSlices
from tests import planned

embedding = importlib.import_module("diptych.ops.embedding")

RULES = {
    "sgd": lambda **options: optimizers.SGD(0.1, **options),
    "momentum": lambda **options: optimizers.SGD(0.1, momentum=0.9, **options),
    "nesterov": lambda **options: optimizers.SGD(0.1, momentum=0.9, nesterov=True, **options),
    "adagrad": lambda **options: optimizers.Adagrad(0.1, **options),
    "rmsprop": lambda **options: optimizers.RMSprop(0.01, **options),
    "centered": lambda **options: optimizers.RMSprop(0.01, momentum=0.5, centered=True, **options),
    "adadelta": lambda **options: optimizers.Adadelta(1.0, **options),
    "adam": lambda **options: optimizers.Adam(0.01, **options),
    "amsgrad": lambda **options: optimizers.Adam(0.01, amsgrad=True, **options),
    "adamw": lambda **options: optimizers.AdamW(0.01, 0.1, **options),
    "adamax": lambda **options: optimizers.Adamax(0.01, **options),
    "nadam": lambda **options: optimizers.Nadam(0.01, **options),
    "ftrl": lambda **options: optimizers.Ftrl(0.1, **options),
    "lion": lambda **options: optimizers.Lion(0.01, **options),
}
WORDS, STEPS = 700, 5


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def plain(merge=layers.Flatten, **options):
    return diptych.Sequential(
        [
            layers.Input((STEPS,), dtype="int32"),
            layers.Embedding(WORDS, 13, **options),
            merge(),
            layers.Dense(1),
        ]
    )


def masked():
    """Masks are no part of a recorded step: this one is never replayed."""
    return plain(layers.GlobalAveragePooling1D, mask_zero=True)


def regularized():
    return plain(embeddings_regularizer="l2")


def constrained():
    return plain(embeddings_constraint="max_norm")


def read_twice():
    x = layers.Input((STEPS,), dtype="int32")
    table = layers.Embedding(WORDS, 13)
    merged = layers.Add()([table(x), layers.Dense(13)(table(x))])
    return diptych.Model(x, layers.Dense(1)(layers.Flatten()(merged)))


class Tied(layers.Layer):
    """Scores every word with the table that it has come from."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    def call(self, x):
        return diptych.ops.matmul(x, diptych.ops.transpose(self.table.embeddings))


def tied():
    x = layers.Input((STEPS,), dtype="int32")
    table = layers.Embedding(WORDS, 13)
    scores = Tied(table)(layers.GlobalAveragePooling1D()(table(x)))
    return diptych.Model(x, layers.Dense(1)(scores))


def two_tables():
    x = layers.Input((STEPS,), dtype="int32")
    one, other = layers.Embedding(WORDS, 13)(x), layers.Embedding(WORDS, 13)(x)
    return diptych.Model(x, layers.Dense(1)(layers.Flatten()(layers.Multiply()([one, other]))))


def trained(monkeypatch, make, optimizer, rows, threads=2):
    """All weights and states after some steps, and whether the rule was given rows."""
    monkeypatch.setattr(embedding, "SMALL", 0 if rows else 1 << 40)
    diptych.utils.set_random_seed(3)
    model = make()
    model.compile(optimizer, "mse")
    given, update = [], type(optimizer)._update_all

    def seen(self, twins, part, gradients, learning_rate):
        given.append(any(isinstance(g, tuple) for g in gradients))
        update(self, twins, part, gradients, learning_rate)

    monkeypatch.setattr(type(optimizer), "_update_all", seen)
    rng = np.random.default_rng(2)
    before = diptych.config.num_threads()
    try:
        diptych.config.set_num_threads(threads)
        model.fit(
            rng.integers(0, WORDS, (24, STEPS)),
            rng.normal(size=(24, 1)),
            batch_size=8,
            epochs=2,
            verbose=0,
        )
    finally:
        diptych.config.set_num_threads(before)
        monkeypatch.setattr(type(optimizer), "_update_all", update)
    assert len(set(given)) == 1
    return [*model.get_weights(), *optimizer.get_weights()], given[0]


def assert_same_bits(ones, others):
    for one, other in zip(ones, others, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("make", [plain, masked], ids=["replayed", "layer by layer"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_the_bits_of_whole_gradients(monkeypatch, rule, make, engine):
    whole, without = trained(monkeypatch, make, RULES[rule](), rows=False)
    rows, given = trained(monkeypatch, make, RULES[rule](), rows=True)
    assert (without, given) == (False, engine == "fast")
    assert_same_bits(whole, rows)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, rule):
    with diptych.engine("fast"):
        one, _ = trained(monkeypatch, plain, RULES[rule](), rows=True, threads=1)
        two, _ = trained(monkeypatch, plain, RULES[rule](), rows=True, threads=2)
    assert_same_bits(one, two)


@pytest.mark.parametrize(
    ("make", "options", "taken"),
    [
        (two_tables, {}, True),
        (read_twice, {}, False),
        (tied, {}, False),
        (regularized, {}, False),
        (constrained, {}, True),
        (plain, {"weight_decay": 0.1}, True),
        (plain, {"use_ema": True, "ema_overwrite_frequency": 2}, True),
        (plain, {"clipnorm": 0.01}, False),
        (plain, {"clipvalue": 0.001}, False),
        (plain, {"global_clipnorm": 0.01}, False),
        (plain, {"loss_scale_factor": 8.0}, False),
        (plain, {"gradient_accumulation_steps": 2}, False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_whatever_else_reads_a_gradient(monkeypatch, make, options, taken, engine):
    """The rule is given rows, or whole arrays where something else needs those: the same bits."""
    for rule in ("sgd", "adam"):
        whole, _ = trained(monkeypatch, make, RULES[rule](**options), rows=False)
        rows, given = trained(monkeypatch, make, RULES[rule](**options), rows=True)
        assert given == (taken and engine == "fast")
        assert_same_bits(whole, rows)


def test_a_frozen_table_stays(monkeypatch, engine):
    monkeypatch.setattr(embedding, "SMALL", 0)
    model = plain()
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.layers[0].get_weights()
    model.train_on_batch(np.ones((8, STEPS), "i4"), np.ones((8, 1)))
    assert_same_bits(before, model.layers[0].get_weights())


class Own(optimizers.Adam):
    """An optimizer of the user's, who counts on arrays."""

    def apply(self, grads, trainable_variables=None):
        assert all(type(g) is np.ndarray for g in grads)
        self.seen = [g.shape for g in grads]
        super().apply(grads, trainable_variables)


class Stepwise(optimizers.Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        assert type(gradient.array) is np.ndarray
        self.assign_sub(variable, learning_rate * gradient.array)


@pytest.mark.parametrize("make", [plain, masked])
def test_optimizers_of_the_user_get_arrays(monkeypatch, make, engine):
    monkeypatch.setattr(embedding, "SMALL", 0)
    watched = optimizers.Adam()
    seen = []
    watched.apply = lambda grads, variables: seen.extend(type(g) for g in grads)
    for optimizer in (Own(), Stepwise(0.1), watched):
        model = make()
        model.compile(optimizer, "mse")
        for _ in range(3):
            model.train_on_batch(np.ones((8, STEPS), "i4"), np.ones((8, 1)))
    assert set(seen) == {np.ndarray}


def test_a_tape_gives_arrays(monkeypatch, engine):
    monkeypatch.setattr(embedding, "SMALL", 0)
    model = plain()
    tokens = np.arange(10).reshape(2, 5)
    with GradientTape() as tape:
        loss = diptych.ops.sum(model(tokens))
    gradient, *_ = tape.gradient(loss, model.trainable_variables)
    assert type(gradient) is np.ndarray
    assert np.flatnonzero(gradient.any(axis=1)).tolist() == list(range(10))


@pytest.mark.parametrize(
    "options", [{"gradient_accumulation_steps": 2}, {"clipnorm": 0.1}, {"loss_scale_factor": 4.0}]
)
def test_in_a_plan_that_converts_tokens_the_whole_array_is_that_of_each_step(monkeypatch, options):
    monkeypatch.setattr(embedding, "SMALL", 0)

    def build():
        stack = [layers.Input((2,)), layers.Embedding(WORDS, 3), layers.Flatten(), layers.Dense(1)]
        return planned.compiled(diptych.Sequential(stack), RULES["adam"](**options), "mse", [])

    rng = np.random.default_rng(4)
    tokens, y = rng.integers(0, WORDS, (37, 2)).astype("f4"), rng.random((37, 1))
    with diptych.engine("fast"):
        planned.assert_same(monkeypatch, build, planned.fit(tokens, y))


def test_a_table_that_is_computed_gets_an_array(monkeypatch, engine):
    """What has made it needs the whole gradient; only that of a variable may be rows."""
    monkeypatch.setattr(embedding, "SMALL", 0)
    table = diptych.Variable(np.ones((WORDS, 2), "f4"))
    with GradientTape() as tape:
        loss = diptych.ops.sum(embedding.embedding([1, 2, 1], diptych.ops.multiply(table, 3.0)))
    tape.optimizer = optimizers.SGD()
    gradient = tape.gradient(loss, table)
    assert gradient[:4].tolist() == [[0, 0], [6, 6], [3, 3], [0, 0]]


def test_an_array_for_whoever_asks_for_one():
    gradient = IndexedSlices(lambda: np.eye(2, dtype="f4"), lambda: None)
    assert np.asarray(gradient).dtype == np.float32
    assert np.asarray(gradient, np.float64).dtype == np.float64
    np.testing.assert_array_equal(gradient + np.ones((2, 2)), [[2, 1], [1, 2]])


def test_only_large_tables_of_which_little_is_read():
    assert embedding.reads_little(2560, (20000, 128))
    assert not embedding.reads_little(2560, (5000, 128))
    assert not embedding.reads_little(20000, (20000, 128))
    assert not embedding.reads_little(10, (1000, 16))


@pytest.mark.parametrize("rate", [0.1, 0.0, -0.0, -0.1, np.inf, -np.inf, np.nan, 1e300])
def test_rows_that_plain_descent_passes_over_stay_as_they_are(rate):
    table = np.array([[0.0, -0.0, 1.0, np.nan, np.inf]] * 2000, "f4")
    rows, values = np.array([7]), np.ones((1, 5), "f4")
    gradient = np.zeros_like(table)
    gradient[rows] = values
    one, other = table.copy(), table.copy()
    with np.errstate(all="ignore"):
        fast.sgd_update_([one], [gradient], rate)
        fast.sgd_update_([other], [(rows, values)], rate)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("rows", "shape", "text"),
    [
        ([1, 1], (2, 3), "each once and in rising order, but row 1 is at 1"),
        ([2, 1], (2, 3), "row 1 is at 1"),
        ([-1], (1, 3), "row -1 is at 0"),
        ([4], (1, 3), "a table of 4"),
        ([1], (2, 3), r"rows of shape \(1,\) and values of dtype float32 and shape \(2, 3\)"),
        ([1], (1, 2), r"but variables\[0\] has float32 and \(4, 3\)"),
        ([[1]], (1, 1, 3), "rows of shape"),
    ],
)
def test_the_compiled_twin_refuses_rows_that_do_not_fit(rows, shape, text):
    table = np.ones((4, 3), "f4")
    with pytest.raises(ValueError, match=text):
        fast.sgd_update_([table], [(np.array(rows), np.ones(shape, "f4"))], 0.1)
    assert (table == 1).all()
    with pytest.raises(ValueError, match="float64"):
        fast.sgd_update_([table], [(np.array([1]), np.ones((1, 3)))], 0.1)
    with pytest.raises(ValueError, match="variables"):
        fast.sgd_update_([np.ones((), "f4")], [(np.array([0]), np.ones((1,), "f4"))], 0.1)
