"""Tapes within tapes: gradients of gradients to any order, Jacobians, and where they are used."""

import math

import numpy as np
import pytest

import diptych
from diptych import GradientTape, Input, Model, Sequential, Tensor, Variable, layers, losses, ops
from diptych.operation import ArrayOp, Twin
from diptych.ops.nn import drop_at_random
from diptych.tape import record
from tests.layer_table import TABLE
from tests.second_order import check_second_order
from tests.test_layers import draw

ENGINES = ("reference", "fast")


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def variable(values, **options):
    return Variable(values, dtype="float64", **options)


def derivative(function, x, order):
    """The derivative of this order, by so many tapes around each other."""
    if order == 0:
        return function(x)
    with GradientTape() as tape:
        tape.watch(x)
        y = derivative(function, x, order - 1)
    return tape.gradient(y, x)


# --------------------------------------------------------------------------------------------------
# Tapes within tapes


@pytest.mark.parametrize("order", range(1, 7))
def test_derivatives_of_any_order(order):
    x = Tensor(np.array([0.3, -1.2]))
    found = derivative(lambda x: ops.sin(x) + x**5, x, order)
    assert isinstance(found, np.ndarray)
    power = math.perm(5, order) * x.array ** (5 - order) if order <= 5 else 0
    np.testing.assert_allclose(found, np.sin(x.array + order * math.pi / 2) + power, atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "silu", "softmax", "exp"])
def test_third_order(name, engine):
    def gradient(x, dy):
        with GradientTape() as tape:
            tape.watch(x)
            y = getattr(ops, name)(x)
        return tape.gradient(y, x, output_gradients=dy)

    rng = np.random.default_rng(0)
    check_second_order(gradient, [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))])


def test_third_order_through_layers(engine):
    """A convolution, pooling, batch normalisation, an LSTM and attention, all by their input."""
    rng = np.random.default_rng(0)
    kernel, gates, recurrent = (rng.normal(size=n) for n in ((2, 2, 3), (3, 8), (2, 8)))

    def network(x):
        y = ops.tanh(ops.average_pool(ops.conv(x, kernel, padding="same"), 2, 1))
        y = ops.batch_normalization(y, *ops.moments(y, [0, 1]), -1)
        y, _, _ = LSTM((y, gates, recurrent, None, None, None), *LSTM_OPTIONS)
        return ops.dot_product_attention(*[ops.reshape(y, (2, 4, 1, 2))] * 3)

    def gradient(x, dy):
        with GradientTape() as tape:
            tape.watch(x)
            y = network(x)
        return tape.gradient(y, x, output_gradients=dy)

    arrays = [rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 4, 1, 2))]
    check_second_order(gradient, arrays, tolerance=1e-5)


LSTM = diptych.operation.Operation.named["recurrent.lstm"]
LSTM_OPTIONS = None, None, "tanh", "sigmoid", True, False


def test_a_gradient_of_a_gradient():
    w = variable(3.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = w * w * w
        penalty = ops.square(inner.gradient(y, w))  # (3 w^2)^2
        loss = y + penalty
    assert penalty.numpy() == 27**2
    assert outer.gradient(loss, w) == 3 * 9 + 36 * 27


@pytest.mark.parametrize("inside", [True, False])
def test_numpy_functions_and_output_gradients_are_differentiated(inside):
    w, v = variable([3.0, 4.0]), variable([1.0, 2.0])
    with GradientTape(persistent=True) as outer:
        with GradientTape() as inner:
            y = w * 2.0
            if inside:
                gradient = inner.gradient(y, w, output_gradients=v)
        if not inside:
            gradient = inner.gradient(y, w, output_gradients=v)
        loss = np.sum(np.sqrt(gradient * gradient))
    np.testing.assert_array_equal(outer.gradient(loss, v), [2, 2])
    assert outer.gradient(loss, w) is None


def test_a_persistent_tape_that_is_still_open_differentiates_its_own_gradient():
    w = variable(3.0)
    with GradientTape(persistent=True) as tape:
        y = w * w
        z = tape.gradient(y, w) * w
    assert tape.gradient(y, w) == 6
    assert tape.gradient(z, w) == 4 * 3


def test_a_tape_that_was_closed_before_the_other_was_opened():
    """The later tape gets what the earlier one recorded: nothing is left out."""
    w = variable(3.0)
    with GradientTape(persistent=True) as first:
        y = ops.exp(ops.sin(w))
    with GradientTape(persistent=True) as second:
        z = first.gradient(y, w) * w
        once_more = first.gradient(y, w)
    slope = math.cos(3) * math.exp(math.sin(3))
    bend = (math.cos(3) ** 2 - math.sin(3)) * math.exp(math.sin(3))
    assert second.gradient(z, w) == pytest.approx(slope + 3 * bend, rel=1e-12)
    assert second.gradient(once_more, w) == pytest.approx(bend, rel=1e-12)


def test_the_same_with_a_tape_around_both():
    """The tape around finds some records twice, which must not count twice."""
    w = variable(3.0)
    with GradientTape(persistent=True) as around:
        with GradientTape() as first:
            u = ops.sin(w)
            y = ops.exp(u)
        with GradientTape() as second:
            z = first.gradient(y, w)
    bend = (math.cos(3) ** 2 - math.sin(3)) * math.exp(math.sin(3))
    assert second.gradient(z, w) == pytest.approx(bend, rel=1e-12)
    by_u, by_w = around.gradient(z, [u, w])
    assert by_u == pytest.approx(math.exp(math.sin(3)) * math.cos(3), rel=1e-12)
    assert by_w == pytest.approx(bend, rel=1e-12)


def test_several_sources_and_structures():
    a, b = variable([1.0, 2.0]), variable([3.0, 4.0])
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = ops.sum(a * a * b)
        gradients = inner.gradient(y, {"a": a, "b": [b]})
        loss = ops.sum(gradients["a"] * gradients["b"][0])  # 2 a b a^2
    da, db = outer.gradient(loss, [a, b])
    np.testing.assert_allclose(da, 6 * a.array**2 * b.array)
    np.testing.assert_allclose(db, 2 * a.array**3)


def test_what_does_not_depend_stays_none():
    w, other = variable(3.0), variable(1.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = w * 2.0
        gradients = inner.gradient(y, [w, other])
        assert gradients[1] is None
        loss = gradients[0] * other
    assert outer.gradient(loss, [w, other]) == [None, 2]


def test_stop_gradient_makes_a_gradient_a_constant():
    w = variable(3.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = w * w * w
        loss = ops.stop_gradient(inner.gradient(y, w)) * w
    assert outer.gradient(loss, w) == 27


def test_nothing_is_recorded_for_a_gradient_outside_all_other_tapes():
    w = variable(3.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = w * w
        before = len(outer.records)
    assert isinstance(inner.gradient(y, w), np.ndarray)
    assert len(outer.records) == before


def test_only_the_way_to_the_sources_is_recorded():
    """The gradients by the weights are not computed for a gradient by the input."""
    model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
    x = Tensor(np.ones((2, 3), np.float32))
    with GradientTape() as outer:
        with GradientTape() as inner:
            inner.watch(x)
            y = model(x)
        before = len(outer.records)
        inner.gradient(y, x)
    names = [step.operation.name for step in outer.records[before:]]
    assert names == ["transpose", "matmul"] * 2


def test_a_model_uses_the_engine_that_computed_it():
    """The way back of a reference model runs on the reference engine, whatever the default is."""
    x = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    inner_layers = [
        layers.Conv1D(5, 3, activation="tanh"),
        layers.AveragePooling1D(3, 1),
        layers.MaxPooling1D(2, 1),
        layers.LSTM(4),
        layers.Dense(2, "sigmoid"),
    ]
    model = Sequential([Input((9, 3)), *inner_layers], engine="reference")
    found = []
    for name in ENGINES:
        with diptych.engine(name):
            tensor = Tensor(x)
            with GradientTape() as outer:
                with GradientTape() as inner:
                    inner.watch(tensor)
                    y = model(tensor)
                loss = ops.sum(ops.square(inner.gradient(y, tensor)))
            engines = {step.forward.__module__ for step in outer.records if step.forward}
            assert not any("fastcore" in engine for engine in engines if engine)
            found.append(outer.gradient(loss, model.trainable_variables))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_single_number_as_the_target_twice(engine):
    x = variable(0.3)
    with GradientTape() as tape:
        y = ops.tanh(x)
    assert tape.gradient([y, y], x) == pytest.approx(2 * (1 - math.tanh(0.3) ** 2))


def test_sums_of_single_numbers_stay_arrays(engine):
    """A number that was used twice: NumPy's sum of two arrays without axes is no array."""
    x = Tensor(np.array(0.3))
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.tanh(x)
        z = y * y
    t = math.tanh(0.3)
    assert tape.gradient(z, x) == pytest.approx(2 * t * (1 - t * t))


# --------------------------------------------------------------------------------------------------
# What has no gradient of its gradient


def test_a_function_that_records_itself():
    w = variable([1.0, 4.0])

    class Root:
        def way_back(self, dy, record, needs):
            return [dy / (2 * record.output)]

    def root(x, operation=None):
        y = np.sqrt(x.array)
        halves = lambda dy, cache, needs: [dy / (2 * cache)]  # noqa: E731
        return record(y, (x,), halves, y, operation=operation)

    def second(operation):
        with GradientTape() as outer:
            with GradientTape() as inner:
                y = root(w, operation)
            return outer, inner.gradient(y, w)

    with pytest.raises(NotImplementedError, match="way_back"):
        second(None)
    outer, gradient = second(Root())
    np.testing.assert_allclose(outer.gradient(gradient, w), -0.25 * w.array**-1.5)


def test_a_twin_without_rules_names_itself():
    bare = Twin("piecewise", "relu")
    w = variable([1.0, -4.0])
    with GradientTape():
        with GradientTape() as inner:
            y = bare((w,), 0.0, None, 0.0)
        with pytest.raises(NotImplementedError, match="relu has no gradient of its gradient"):
            inner.gradient(y, w)


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, y, x: np.asarray(g) * 2,
        lambda g, y, x: into(np.empty(2), g),
        lambda g, y, x: np.array([g[0], g[1]]) if isinstance(g, np.ndarray) else np.array(g),
    ],
)
def test_a_rule_that_leaves_the_tensors_raises(rule):
    """Otherwise what it computes would count as a constant."""
    op = ArrayOp("doubled", lambda x: x * 2, rule)
    w = variable([1.0, 4.0])
    with GradientTape():
        with GradientTape() as inner:
            y = op(w) * w
        with pytest.raises(NotImplementedError, match="keep to tensors"):
            inner.gradient(y, w)
    assert np.asarray(y * 1.0) is not None


def into(array, g):
    array[...] = g
    return array


# --------------------------------------------------------------------------------------------------
# Jacobians and products with them


def test_jacobian():
    x = variable([1.0, 2.0, 3.0])
    w = variable(np.arange(6.0).reshape(2, 3))
    unused = variable(1.0)
    with GradientTape() as tape:
        y = ops.matmul(w, x) ** 2
    by_x, rest = tape.jacobian(y, (x, {"w": w, "unused": unused}))
    z = w.array @ x.array
    np.testing.assert_allclose(by_x, 2 * z[:, None] * w.array)
    expected = 2 * np.einsum("i,ij,k->ijk", z, np.eye(2), x.array)
    np.testing.assert_allclose(rest["w"], expected)
    assert rest["unused"] is None
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.jacobian(y, x)


def test_jacobian_of_a_number_and_of_nothing():
    x = variable([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y, none = ops.sum(x * x), x[:0]
    np.testing.assert_array_equal(tape.jacobian(y, x), [2, 4])
    assert tape.jacobian(none, x) is None


def test_a_hessian_is_the_jacobian_of_a_gradient():
    x = variable([1.0, 2.0, 3.0])
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = x[0] * x[1] ** 2 + ops.exp(x[2])
        gradient = inner.gradient(y, x)
    hessian = [[0, 4, 0], [4, 2, 0], [0, 0, math.exp(3)]]
    np.testing.assert_allclose(outer.jacobian(gradient, x), hessian)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = ops.exp(x)
        trace = ops.sum(ops.diagonal(inner.jacobian(y, x)))
    np.testing.assert_allclose(outer.gradient(trace, x), np.exp(x.array))


def test_batch_jacobian(engine):
    rng = np.random.default_rng(0)
    model = Sequential([Input((2, 3)), layers.Flatten(), layers.Dense(4, "tanh")])
    x = Tensor(rng.normal(size=(5, 2, 3)).astype("float32"))
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = model(x)
        constant = Tensor(np.ones((5, 2)))
    found = tape.batch_jacobian(y, x)
    assert found.shape == (5, 4, 2, 3)
    whole = tape.jacobian(y, x)
    np.testing.assert_allclose(found, whole[np.arange(5), :, np.arange(5)], rtol=1e-6)
    np.testing.assert_array_equal(tape.batch_jacobian(constant, x), np.zeros((5, 2, 2, 3)))
    with pytest.raises(ValueError, match="as many rows"):
        tape.batch_jacobian(y[:3], x)


def test_products_with_the_jacobian_and_the_hessian():
    """J v by going back twice, H v by a gradient of <gradient, v>."""
    rng = np.random.default_rng(0)
    x, v = Tensor(rng.normal(size=4)), rng.normal(size=4)
    u = Tensor(np.zeros(4))
    with GradientTape(persistent=True) as outer:
        outer.watch([x, u])
        with GradientTape() as inner:
            y = ops.sin(x) * x[::-1]
        back = inner.gradient(y, x, output_gradients=u)  # J^T u, linear in u
        product = ops.sum(back * v)
    h = 1e-6
    f = lambda a: np.sin(a) * a[::-1]  # noqa: E731
    by_difference = (f(x.array + h * v) - f(x.array - h * v)) / (2 * h)
    np.testing.assert_allclose(outer.gradient(product, u), by_difference, rtol=1e-8)


def test_a_derivative_in_a_direction_is_differentiated():
    x, v = Tensor(np.array([0.3, 1.2])), Tensor(np.array([1.0, -2.0]))
    with GradientTape() as tape:
        tape.watch([x, v])
        y, slope_along = ops.jvp(lambda x: ops.sin(x) * x[::-1], (x,), (v,))
        both = ops.sum(y) + ops.sum(slope_along)
    by_x, by_v = tape.gradient(both, [x, v])
    s, c, w = np.sin(x.array), np.cos(x.array), v.array
    by_sum = c * x.array[::-1] + s[::-1]  # J^T 1
    np.testing.assert_allclose(by_v, by_sum)
    by_slope = -s * x.array[::-1] * w + c * w[::-1] + (c * w)[::-1]
    np.testing.assert_allclose(by_x, by_sum + by_slope)


def test_a_gradient_of_ones_own_has_a_gradient(engine):
    @ops.custom_gradient
    def softplus(x):
        e = ops.exp(x)
        return ops.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))

    def called(x, y):
        return ops.square(softplus(x * y))

    rng = np.random.default_rng(0)
    check_second_order(called, [rng.normal(size=(4, 3)), rng.normal(size=3)])

    @ops.custom_gradient
    def both(pair):
        a, b = pair["a"], pair["b"]
        return (a * b, a**2), lambda da, db: {"a": da * b + db * 2 * a, "b": da * a}

    check_second_order(lambda a, b: list(both({"a": a, "b": b})), rng.normal(size=(2, 3)))


# --------------------------------------------------------------------------------------------------
# Layers and losses


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("engine_name", ENGINES)
def test_every_layer(label, make, shapes, engine_name):
    x = draw(np.random.default_rng(3), shapes)
    report = diptych.gradcheck(make(), x, engine=engine_name, order=2)
    assert report, f"\n{report}"


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.BatchNormalization(), (4, 3)),
        (lambda: layers.BatchNormalization(axis=1), (4, 3, 2)),
        (lambda: layers.Dense(3, activation="relu"), (4, 3)),
    ],
)
def test_layers_in_training(make, shape, engine):
    x = np.random.default_rng(3).normal(size=(5, *shape))
    assert (report := diptych.gradcheck(make(), x, order=2, training=True)), f"\n{report}"


def test_dropout_draws_once(engine):
    """The way back, and the way back from it, drop what the way forward has dropped."""
    masks = iter([np.array([True, False, True]), np.zeros(3, bool)])
    x = Tensor(np.array([1.0, 2.0, 3.0]))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            y = drop_at_random(x * x, lambda: next(masks), 0.5)
        gradient = inner.gradient(y, x)
    np.testing.assert_array_equal(gradient.array, [4, 0, 12])
    np.testing.assert_array_equal(outer.gradient(gradient, x), [4, 0, 4])
    assert len(list(masks)) == 1


def test_layers_with_masks(engine):
    """An embedding whose padding is masked, an LSTM, and batch normalisation of what is left."""
    model = Sequential(
        [
            Input((5,), dtype="int32"),
            layers.Embedding(6, 3, mask_zero=True),
            layers.BatchNormalization(),
            layers.GRU(3, return_sequences=True),
            layers.LSTM(2),
        ]
    )
    tokens = np.array([[1, 2, 3, 0, 0], [5, 5, 5, 5, 4], [2, 0, 0, 0, 0]])
    report = diptych.gradcheck(model, tokens, order=2, training=True)
    assert report, f"\n{report}"
    assert len(report.checks) == 9


LOSSES = [
    (losses.MeanSquaredError, "numbers"),
    (losses.MeanAbsoluteError, "numbers"),
    (losses.MeanAbsolutePercentageError, "numbers"),
    (losses.MeanSquaredLogarithmicError, "numbers"),
    (losses.Huber, "numbers"),
    (losses.LogCosh, "numbers"),
    (losses.CosineSimilarity, "numbers"),
    (losses.Poisson, "numbers"),
    (losses.Hinge, "classes"),
    (losses.SquaredHinge, "classes"),
    (losses.CategoricalHinge, "classes"),
    (losses.KLDivergence, "classes"),
    (losses.BinaryCrossentropy, "classes"),
    (losses.CategoricalCrossentropy, "classes"),
    (losses.SparseCategoricalCrossentropy, "labels"),
    (losses.BinaryFocalCrossentropy, "classes"),
    (losses.CategoricalFocalCrossentropy, "classes"),
    (losses.CategoricalGeneralizedCrossEntropy, "labels"),
    (losses.Circle, "labels"),
    (losses.Dice, "numbers"),
    (losses.Tversky, "numbers"),
]


@pytest.mark.parametrize(("loss", "kind"), LOSSES, ids=[loss.__name__ for loss, _ in LOSSES])
def test_every_loss(loss, kind, engine):
    rng = np.random.default_rng(2)
    y_pred = rng.uniform(0.1, 0.9, size=(5, 4))
    labels = rng.integers(0, 4, 5)
    y_true = {"numbers": rng.uniform(1, 2, (5, 4)), "classes": np.eye(4)[labels], "labels": labels}
    report = diptych.gradcheck(loss(), y_pred, y_true[kind], order=2)
    assert report, f"\n{report}"


def test_the_table_of_losses_is_complete():
    classes = [value for value in vars(losses).values() if isinstance(value, type)]
    named = {cls for cls in classes if issubclass(cls, losses.Loss) and cls.__name__[0] != "_"}
    # CTC, with labels of its own kind, is among the twins of test_second_order.
    others = {losses.Loss, losses.LossFunctionWrapper, losses.CTC}
    assert named - others == {loss for loss, _ in LOSSES}


def test_gradcheck_of_second_order_notices_a_wrong_rule():
    wrong = Twin("activations", "tanh", lambda g, y, x: g * (1 - y * y * y))
    x = np.array([[0.3, 1.0, -2.0]])
    assert diptych.gradcheck(lambda x: wrong((x,)), x)
    report = diptych.gradcheck(lambda x: wrong((x,)), x, order=2)
    assert not report
    assert "gradient of the gradient of" in str(report)
    with pytest.raises(ValueError, match="order=3"):
        diptych.gradcheck(ops.tanh, x, order=3)


# --------------------------------------------------------------------------------------------------
# In training


ROWS = np.array([[1.0, 2.0], [0.5, -1.0]], "float32")


def test_a_gradient_penalty_by_hand(engine):
    """D(x) = x w: dD/dx = w, and the penalty (|w| - 1)^2 has the gradient 2 (|w| - 1) w / |w|."""
    critic = Sequential([Input((2,)), layers.Dense(1, use_bias=False)])
    critic.set_weights([np.array([[3.0], [4.0]], "float32")])
    x = ops.convert_to_tensor(ROWS)
    with GradientTape() as outer:
        with GradientTape() as inner:
            inner.watch(x)
            score = ops.sum(critic(x, training=True))
        norm = ops.sqrt(ops.sum(ops.square(inner.gradient(score, x)), axis=1))
        penalty = ops.mean(ops.square(norm - 1.0))
        loss = ops.mean(critic(x, training=True)) + 10.0 * penalty
    assert penalty.numpy() == 16
    (gradient,) = outer.gradient(loss, critic.trainable_variables)
    np.testing.assert_allclose(gradient, [[48.75], [64.5]], rtol=1e-6)


def slope(function, x):
    """The mean square of the gradient of a function's sum, as a gradient penalty has it."""
    x = ops.convert_to_tensor(x, diptych.config.floatx())
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(function(x))
    return ops.mean(ops.square(tape.gradient(y, x)))


def critic(*more):
    return Sequential([Input((2,)), layers.Dense(3, activation="tanh"), layers.Dense(1), *more])


class Around(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.critic = critic()

    def call(self, x, training=None):
        return self.critic(x)


class StepOfItsOwn(Around):
    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            loss = ops.mean(self(x)) + 10.0 * slope(self.critic, x)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


class LossOfItsOwn(Around):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred) + slope(self.critic, x)


class AddsLoss(Around):
    def call(self, x, training=None):
        self.add_loss(slope(self.critic, x))
        return self.critic(x)


class GradientLayer(layers.Layer):
    """Its output is the gradient of its input's cubes, 3 x^2."""

    def call(self, x):
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(x * x * x)
        return tape.gradient(y, x)


class PenalisesSlope(diptych.regularizers.Regularizer):
    def __call__(self, w):
        return slope(lambda x: ops.matmul(x, w), ROWS[:, :1])


def with_loss_function():
    model = critic()
    model.compile("sgd", lambda y, p: ops.mean(p) + slope(model, ROWS))
    return model


def compiled(model):
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: compiled(StepOfItsOwn()),
        lambda: compiled(LossOfItsOwn()),
        lambda: compiled(AddsLoss()),
        lambda: compiled(critic(GradientLayer())),
        lambda: compiled(critic(layers.Lambda(GradientLayer().call))),
        lambda: compiled(critic(layers.Dense(1, kernel_regularizer=PenalisesSlope()))),
        with_loss_function,
    ],
    ids="train_step compute_loss add_loss layer Lambda regularizer loss".split(),
)
def test_every_way_to_a_gradient_of_a_gradient_in_training(make, engine):
    """A step of gradient descent goes along the differences of the loss, penalty included."""
    diptych.config.set_floatx("float64")
    diptych.utils.set_random_seed(3)
    model = make()
    labels = np.zeros((2, 1))
    model.predict(ROWS, verbose=0)
    before = model.get_weights()
    direction = [np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(before)]

    def trained(weights, rate):
        model.optimizer.learning_rate = rate
        model.set_weights(weights)
        loss = float(model.train_on_batch(ROWS, labels))
        return loss, model.get_weights()

    h = 1e-5
    ahead, behind = (
        trained([w + step * v for w, v in zip(before, direction, strict=True)], 0.0)[0]
        for step in (h, -h)
    )
    after = trained(before, 1.0)[1]
    descent = [np.sum((w - a) * v) for w, a, v in zip(before, after, direction, strict=True)]
    assert sum(descent) == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)
    model.set_weights(before)
    model.fit(ROWS, labels, batch_size=2, verbose=0)
    for a, b in zip(model.get_weights(), after, strict=True):
        np.testing.assert_array_equal(a, b)


class Equation(Model):
    """u'' = -sin x on [0, pi], u = 0 at both ends: the solution is sin x."""

    def __init__(self):
        super().__init__()
        self.network = Sequential(
            [layers.Dense(16, "tanh"), layers.Dense(16, "tanh"), layers.Dense(1)]
        )

    def call(self, x):
        return x * (math.pi - x) * self.network(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        residual = derivative(self, x, 2) + ops.sin(x)
        return ops.mean(ops.square(residual))


def solved(engine):
    """The weights and the error of a network after some steps."""
    diptych.utils.set_random_seed(0)
    x = np.linspace(0, math.pi, 20)[:, None]
    with diptych.engine(engine):
        model = Equation()
        model.compile(diptych.optimizers.Adam(0.02))
        model.fit(x, x, epochs=200, verbose=0)
        return model.get_weights(), np.abs(model.predict(x, verbose=0) - np.sin(x)).max()


def test_a_network_solves_a_differential_equation_alike_on_both_engines():
    diptych.config.set_floatx("float64")
    (weights, error), (others, other_error) = map(solved, ENGINES)
    assert error < 1e-2
    assert other_error < 1e-2
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def penalised(engine):
    """The weights of a critic of images after three steps with a penalty of its slope."""
    diptych.utils.set_random_seed(0)
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 1))
    with diptych.engine(engine):
        model = Sequential(
            [
                Input((6, 6, 1)),
                layers.Conv2D(4, 3, strides=2, padding="same"),
                layers.LeakyReLU(),
                layers.BatchNormalization(),
                layers.MaxPooling2D(2, 1),
                layers.Flatten(),
                layers.Dropout(0.3, seed=1),
                layers.Dense(1),
            ]
        )
        optimizer = diptych.optimizers.SGD(0.1)
        for _ in range(3):
            with GradientTape() as tape:
                loss = ops.mean(model(images)) + slope(lambda x: model(x, training=True), images)
            weights = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return model.get_weights()


def test_a_critic_trains_alike_on_both_engines():
    diptych.config.set_floatx("float64")
    for a, b in zip(*map(penalised, ENGINES), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_layer_that_returns_a_gradient_predicts():
    """Without an open tape, gradients are arrays, and arrays are outputs as well."""
    model = Sequential([Input((2,)), GradientLayer()])
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), 3 * ROWS**2)
    np.testing.assert_array_equal(model.predict_on_batch(ROWS), 3 * ROWS**2)
