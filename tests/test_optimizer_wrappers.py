"""Optimizers made of others, and those that look at a variable as a whole: the API around them.

The rules themselves are tested with the twins, and against Keras with golden values.
"""

import json
import math

import numpy as np
import pytest

import diptych
from diptych import Input, Sequential, layers, optimizers
from diptych.optimizers import (
    SGD,
    Adafactor,
    Adam,
    Lamb,
    LossScaleOptimizer,
    MultiOptimizer,
    Muon,
    OptimizerMap,
    ScheduleFreeAdamW,
)
from diptych.tensor import Variable

ENGINES = ["reference", "fast"]


@pytest.fixture(params=ENGINES, autouse=True)
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def variable(*values, name="w"):
    return Variable(np.array(values), name=name)


def network():
    diptych.utils.set_random_seed(3)
    names = ("body", "head")
    dense = [layers.Dense(n, name=name) for n, name in zip((5, 2), names, strict=True)]
    return Sequential([Input((4,)), *dense], name="net")


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("f4")
    return x, (x[:, :2] - x[:, 2:]).astype("f4")


# ------------------------------------------------------------------------- whole variables


def test_lamb_moves_a_variable_by_its_length():
    w = variable(3.0, 4.0)
    Lamb(learning_rate=0.1, epsilon=0.0).apply([np.array([2.0, -0.01])], [w])
    # The first step of Adam is sign(g): of length sqrt(2), made as long as w, 5, times 0.1.
    step = 0.5 / math.sqrt(2)
    np.testing.assert_allclose(w.array, [3 - step, 4 + step], rtol=1e-12)


def test_adafactor_steps_relative_to_the_weights():
    w = variable([2.0, -2.0], [2.0, 2.0])
    Adafactor(learning_rate=0.1).apply([np.full((2, 2), 3.0)], [w])
    # The mean squares of equal gradients are theirs: u = 1, RMS(w) = 2.
    np.testing.assert_allclose(w.array, [[1.8, -2.2], [1.8, 1.8]], rtol=1e-12)
    small = variable(0.0, 0.0)
    Adafactor(learning_rate=0.1, epsilon_2=0.5).apply([np.array([3.0, -3.0])], [small])
    np.testing.assert_allclose(small.array, [-0.05, 0.05], rtol=1e-12)


def test_adafactor_keeps_rows_and_columns():
    model = network()
    optimizer = Adafactor()
    optimizer.build(model.trainable_variables)
    shapes = [v.shape for v in optimizer.variables[2:8]]
    assert shapes == [(4,), (5,), (4, 5), (), (), (5,)]


def test_muon_moves_along_all_directions_alike():
    rng = np.random.default_rng(0)
    g = rng.normal(size=(6, 3)) @ np.diag([1.0, 0.5, 0.2])
    u, _, vt = np.linalg.svd(g, full_matrices=False)
    w = Variable(np.zeros((6, 3)))
    # 1.5 x - 0.5 x^3 ends at 1 exactly, if slowly.
    cubic = Muon(1.0, muon_a=1.5, muon_b=-0.5, muon_c=0.0, ns_steps=30, rms_rate=None)
    cubic.apply([g], [w])
    np.testing.assert_allclose(w.array, -u @ vt, atol=1e-9)
    scaled = Variable(np.zeros((6, 3)))
    Muon(1.0, muon_a=1.5, muon_b=-0.5, muon_c=0.0, ns_steps=30).apply([g], [scaled])
    np.testing.assert_allclose(scaled.array, -0.2 * math.sqrt(6) * u @ vt, atol=1e-9)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4)])
@pytest.mark.parametrize("rms_rate", [0.2, None])
def test_the_helpers_of_muon_compute_its_update(shape, rms_rate):
    g = np.random.default_rng(0).normal(size=shape)
    w = Variable(np.zeros(shape))
    muon = Muon(0.1, weight_decay=None, nesterov=False, rms_rate=rms_rate)
    muon.apply([g], [w])
    update = muon.lr_adjust(0.1 * muon.zeropower_via_newtonschulz5(g, muon.ns_steps))
    np.testing.assert_allclose(w.array, -np.asarray(update), rtol=1e-9)
    both = muon.zeropower_via_newtonschulz5(np.stack([g, 2 * g]), 2)  # the length does not count
    np.testing.assert_allclose(both[0], both[1], rtol=1e-5)
    assert muon.transpose_last_axis(both).shape == (2, *shape[::-1])
    with pytest.raises(ValueError, match=r"matrices, .* got \(3,\)"):
        muon.zeropower_via_newtonschulz5(g[0, :3], 5)


def test_muon_leaves_what_is_no_matrix_to_adam():
    model = Sequential(
        [
            Input((3,), dtype="int32"),
            layers.Embedding(7, 2),
            layers.Flatten(),
            layers.Dense(4, name="body"),
            layers.Dense(1, name="head"),
        ]
    )
    muon = Muon(0.1, weight_decay=None, adam_weight_decay=None, exclude_layers=["head"])
    muon.build(model.trainable_variables)
    of_muon = [v.path for v in model.trainable_variables if not muon._uses_adam(v)]
    assert [path.split("/", 1)[1] for path in of_muon] == ["body/kernel"]
    assert muon.adam_velocities[1] is None
    before = [v.array.copy() for v in model.trainable_variables]
    gradients = [np.ones(v.shape, "f4") for v in model.trainable_variables]
    muon.apply(gradients, model.trainable_variables)
    for v, old in zip(model.trainable_variables, before, strict=True):
        if v.path not in of_muon:  # the first step of Adam is the learning rate
            np.testing.assert_allclose(old - v.array, 0.1, rtol=1e-4)
    everything = Muon(exclude_embeddings=False)
    assert not everything._uses_adam(model.trainable_variables[0])


def test_muon_decays_each_kind_of_variable_by_its_own():
    matrix, vector = Variable(np.ones((2, 2))), Variable(np.ones(2))
    muon = Muon(0.1, weight_decay=0.5, adam_weight_decay=0.2)
    muon.apply([np.zeros((2, 2)), np.zeros(2)], [matrix, vector])
    np.testing.assert_allclose(matrix.array, 1 - 0.1 * 0.5)
    np.testing.assert_allclose(vector.array, 1 - 0.1 * 0.2)


def test_schedule_free_weights_are_between_the_last_point_and_the_average():
    w, g = variable(1.0), [np.array([2.0])]
    optimizer = ScheduleFreeAdamW(0.1, beta_1=0.75, epsilon=0.0)
    optimizer.apply(g, [w])  # z = 0.9, the average of one
    np.testing.assert_allclose(w.array, [0.9], rtol=1e-12)
    optimizer.apply(g, [w])  # z = 0.8, the average 0.85
    np.testing.assert_allclose(w.array, [0.25 * 0.8 + 0.75 * 0.85], rtol=1e-12)
    warm = variable(1.0)
    ScheduleFreeAdamW(0.1, epsilon=0.0, warmup_steps=4).apply(g, [warm])
    np.testing.assert_allclose(warm.array, [1 - 0.1 / 4], rtol=1e-12)
    with pytest.raises(ValueError, match="beta_1 must be above 0"):
        ScheduleFreeAdamW(beta_1=0.0)


@pytest.mark.parametrize("cls", [Adafactor, Lamb, Muon, ScheduleFreeAdamW])
def test_they_learn(cls):
    model = network()
    x, y = data()
    model.compile(cls(0.1), "mse")
    first = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.5 * first


EVERY = [
    lambda: Adafactor(0.1),
    lambda: Lamb(0.1),
    lambda: Muon(0.1),
    lambda: ScheduleFreeAdamW(0.1, warmup_steps=5),
    lambda: LossScaleOptimizer(Adam(0.1), 64.0, dynamic_growth_steps=3),
    lambda: MultiOptimizer(OptimizerMap(SGD(0.5), {"net/head/.*": Adam(0.1)})),
]


@pytest.mark.parametrize("make", EVERY)
def test_fit_makes_the_steps_that_single_calls_make(make):
    """Also where fit would repeat a recorded step."""
    x, y = data()
    fitted, stepped = network(), network()
    for model in (fitted, stepped):
        model.compile(make(), "mse")
    fitted.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        for i in range(0, 64, 8):
            stepped.train_on_batch(x[i : i + 8], y[i : i + 8])
    for one, two in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert int(fitted.optimizer.iterations) == 24


# ------------------------------------------------------------------------- scaled losses


def test_the_loss_scale_grows_and_is_halved_where_a_gradient_is_not_finite():
    w = variable(1.0, 1.0)
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    seen = []
    for gradient in ([8, 16], [8, 8], [math.inf, 1], [8, 8], [math.nan, 8], [8, 8], [8, 8]):
        optimizer.apply([np.array(gradient, float)], [w])
        seen.append((*w.array.tolist(), float(optimizer.dynamic_scale)))
    assert seen == [
        (0.5, 0.0, 8), (0.0, -0.5, 16), (0.0, -0.5, 8), (-0.5, -1.0, 8), (-0.5, -1.0, 4),
        (-1.5, -2.0, 4), (-2.5, -3.0, 8),
    ]  # fmt: skip
    assert int(optimizer.iterations) == 5


def test_a_scaled_loss_trains_as_one_that_is_not():
    x, y = data()
    weights = []
    for optimizer in (SGD(0.1, momentum=0.9), LossScaleOptimizer(SGD(0.1, momentum=0.9))):
        model = network()
        model.compile(optimizer, "mse")
        history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
        weights.append([*model.get_weights(), np.array(history)])
    for plain, scaled in zip(*weights, strict=True):
        np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-6)


def test_a_loss_scale_optimizer_stands_for_its_inner_one():
    inner = SGD(0.1, loss_scale_factor=4.0)
    optimizer = LossScaleOptimizer(inner)
    assert inner.loss_scale_factor is None
    assert float(optimizer.scale_loss(2.0)) == 2.0**16
    optimizer.learning_rate = 0.25
    assert float(inner.learning_rate) == float(optimizer.lr) == 0.25
    with pytest.raises(TypeError, match="must be an optimizer, such as Adam"):
        LossScaleOptimizer("sgd")
    with pytest.raises(TypeError, match="no argument 'clipnorm'"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)
    idle = {"clipnorm": None, "use_ema": False, **optimizer.get_config()}
    assert LossScaleOptimizer.from_config(idle).get_config() == optimizer.get_config()


# ------------------------------------------------------------------------- one for each variable


def mapped():
    return MultiOptimizer(OptimizerMap(SGD(0.5, name="plain"), {"net/head/.*": Adam(0.1)}))


def test_each_variable_has_its_optimizer():
    model = network()
    before = [v.array.copy() for v in model.trainable_variables]
    gradients = [np.full(v.shape, 2.0, "f4") for v in model.trainable_variables]
    optimizer = mapped()
    optimizer.apply(gradients, model.trainable_variables)
    for v, old in zip(model.trainable_variables, before, strict=True):
        step = 0.1 if "head" in v.path else 0.5 * 2.0
        np.testing.assert_allclose(old - v.array, step, rtol=1e-4)
    assert int(optimizer.iterations) == 1
    assert [type(o) for o in optimizer.optimizers] == [Adam, SGD]
    assert len(optimizer.variables) == 2 + (2 + 4) + 2


def test_a_multi_optimizer_trains_as_its_parts_would():
    x, y = data()
    model, same = network(), network()
    model.compile(mapped(), "mse")
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    plain, adam = SGD(0.5), Adam(0.1)
    body, head = same.trainable_variables[:2], same.trainable_variables[2:]
    for _ in range(2):
        for rows in (slice(0, 32), slice(32, 64)):
            with diptych.GradientTape() as tape:
                loss = diptych.losses.MeanSquaredError()(y[rows], same(x[rows]))
            gradients = tape.gradient(loss, body + head)
            plain.apply(gradients[:2], body)
            adam.apply(gradients[2:], head)
    for ours, theirs in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_function_may_choose():
    model = network()
    one, other = SGD(0.5), SGD(0.25)
    optimizer = MultiOptimizer(lambda v: one if "kernel" in v.path else other)
    before = [v.array.copy() for v in model.trainable_variables]
    optimizer.apply([np.ones(v.shape, "f4") for v in model.trainable_variables], model.weights)
    steps = [
        float(np.mean(old - v.array))
        for v, old in zip(model.trainable_variables, before, strict=True)
    ]
    np.testing.assert_allclose(steps, [0.5, 0.25, 0.5, 0.25], rtol=1e-5)
    optimizer.loss_scale_factor = 4.0
    assert (one.loss_scale_factor, other.loss_scale_factor) == (4.0, 4.0)


def test_what_a_map_finds():
    chosen = OptimizerMap(SGD(name="rest"))
    chosen["a/.*"] = SGD(name="below a")
    chosen["a/b"] = SGD(name="b itself")
    assert [chosen[key].name for key in ("a/b", "a/c", "b")] == ["b itself", "below a", "rest"]
    assert (len(chosen), list(chosen)) == (2, ["a/.*", "a/b"])
    chosen[".*c"] = SGD()
    with pytest.raises(ValueError, match=r"Several keys of the map match 'a/c': 'a/\.\*', '\.\*c'"):
        chosen["a/c"]
    with pytest.raises(ValueError, match="'a/b' already has the optimizer"):
        chosen["a/b"] = SGD()
    with pytest.raises(ValueError, match="A key is a path or a regular expression"):
        chosen[3] = SGD()
    with pytest.raises(ValueError, match="must be an optimizer"):
        chosen["d"] = "sgd"
    with pytest.raises(ValueError, match="cannot be a LossScaleOptimizer"):
        chosen["d"] = LossScaleOptimizer(SGD())
    del chosen[".*c"]
    assert chosen["a/c"].name == "below a"
    with pytest.raises(TypeError, match="default_optimizer must be an optimizer"):
        OptimizerMap("sgd")
    with pytest.raises(TypeError, match="optimizer_map must be a dict"):
        OptimizerMap(SGD(), [SGD()])


def test_a_multi_optimizer_has_no_learning_rate():
    optimizer = mapped()
    with pytest.raises(AttributeError, match="each of its `optimizers` has one"):
        optimizer.learning_rate  # noqa: B018
    with pytest.raises(AttributeError, match="set that of one of its `optimizers`"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="must be an OptimizerMap, or a function"):
        MultiOptimizer(SGD())
    with pytest.raises(ValueError, match="cannot be a MultiOptimizer"):
        MultiOptimizer(lambda v: mapped()).build([variable(1.0)])


@pytest.mark.parametrize(
    "make", [mapped, lambda: LossScaleOptimizer(Adam(0.03), 64.0, 7, name="mine")]
)
def test_wrappers_come_back_from_their_configurations_and_carry_on(make):
    made = make()
    described = json.loads(json.dumps(optimizers.serialize(made)))
    again = optimizers.deserialize(described)
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    model, other = network(), network()
    gradients = [np.ones(v.shape, "f4") for v in model.trainable_variables]
    made.apply(gradients, model.trainable_variables)
    other.set_weights(model.get_weights())
    again.build(other.trainable_variables)
    again.set_weights(made.get_weights())
    made.apply(gradients, model.trainable_variables)
    again.apply(gradients, other.trainable_variables)
    for one, two in zip(
        [*model.get_weights(), *made.get_weights()],
        [*other.get_weights(), *again.get_weights()],
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_rows_of_a_table_reach_the_optimizers_that_take_them():
    """A gradient of rows trains a table to the same bits as a whole one."""
    x = np.array([[1, 3], [3, 5]] * 4)
    y = np.ones((8, 1), "f4")
    results = []
    for wrap in (lambda o: o, lambda o: MultiOptimizer(lambda v: o)):
        diptych.utils.set_random_seed(0)
        table = layers.Embedding(50, 4)
        model = Sequential([Input((2,)), table, layers.Flatten(), layers.Dense(1)])
        model.compile(wrap(Adam(0.1)), "mse")
        model.fit(x, y, epochs=2, verbose=0)
        results.append(model.get_weights())
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    for cls in (Adafactor, Lamb, Muon):
        assert not cls().takes_slices


def test_a_refused_multi_optimizer_can_be_shown():
    with pytest.raises(TypeError, match="must be an OptimizerMap") as caught:
        MultiOptimizer([])
    frames = [entry.frame.f_locals for entry in caught.traceback]
    refused = next(f["self"] for f in frames if isinstance(f.get("self"), MultiOptimizer))
    assert repr(refused).startswith("<MultiOptimizer name=multi_optimizer")
