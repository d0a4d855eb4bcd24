"""`gradcheck` where slopes jump, and what it must find all the same."""

import numpy as np
import pytest

import diptych
from diptych import layers, losses, ops

AND = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
BOTH = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    return request.param


def and_gate():
    """A 2-2-1 network, whose relu gets exactly 0 for the row (0, 0)."""
    diptych.utils.set_random_seed(1)
    hidden, output = layers.Dense(2, activation="relu"), layers.Dense(1, activation="sigmoid")
    model = diptych.Sequential([diptych.Input((2,)), hidden, output])
    model.compile("sgd", "binary_crossentropy")
    return model


@pytest.mark.parametrize("seed", range(5))
def test_the_and_gate_is_right_beside_the_kink_of_relu(engine, seed):
    model = and_gate()
    weights = model.get_weights()
    report = diptych.gradcheck(model, AND, BOTH, engine=engine, seed=seed)
    assert report, f"\n{report}"
    at_kinks = [check.what for check in report.checks if check.at_kink]
    assert at_kinks == ["input", model.layers[0].bias.path]
    assert str(report).count("ok, beside a kink") == 2
    assert "a slope jumps, as that of relu at 0" in str(report)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def clip(x):
    return ops.clip(x, -1.0, 1.0)


def largest(x):
    return ops.max(x, axis=1)


KINKS = {
    "max pooling of equal numbers": (lambda: layers.MaxPooling2D(2), np.ones((1, 4, 4, 2))),
    "global max pooling": (lambda: layers.GlobalMaxPooling1D(), np.zeros((2, 4, 3))),
    "clip": (lambda: clip, np.array([[-1.0, 0.5, 1.0]])),
    "maximum": (lambda: largest, np.full((2, 3), 4.0)),
    "leaky relu": (lambda: layers.LeakyReLU(), np.zeros((2, 3))),
    "relu between bounds": (lambda: layers.ReLU(max_value=2.0), np.array([[0.0, 1.0, 2.0]])),
    "prelu": (lambda: layers.PReLU(), np.zeros((2, 3))),
    "relu of a layer": (lambda: layers.Dense(30, activation="relu"), np.zeros((20, 5))),
    "square of relu, whose slope bends": (lambda: lambda x: ops.relu(x) ** 2, np.zeros((2, 3))),
    "hard sigmoid": (lambda: layers.Activation("hard_sigmoid"), np.array([[-3.0, 3.0]])),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_told_from_mistakes(engine, name, seed):
    make, x = KINKS[name]
    report = diptych.gradcheck(make(), x, engine=engine, seed=seed)
    assert report, f"\n{report}"
    assert report.checks[0].at_kink


def test_a_slope_of_zero_at_the_tip_of_abs_is_what_differences_say(engine):
    report = diptych.gradcheck(ops.abs, np.zeros((2, 3)), engine=engine)
    assert report
    assert not report.checks[0].at_kink


@pytest.mark.parametrize(
    ("loss", "y_pred", "y_true"),
    [
        (losses.Hinge, [[1.0, -1.0, 0.5]], [[1.0, -1.0, 1.0]]),
        (losses.CategoricalHinge, [[1.0, 2.0, 0.0]], [[0.0, 1.0, 0.0]]),
    ],
)
def test_losses_with_kinks(engine, loss, y_pred, y_true):
    for seed in range(3):
        report = diptych.gradcheck(
            loss(), np.array(y_pred), np.array(y_true), engine=engine, seed=seed
        )
        assert report, f"\n{report}"
        assert report.checks[0].at_kink


def test_a_loss_of_single_precision_is_checked_in_double():
    loss = losses.MeanSquaredError(dtype="float32")
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert diptych.gradcheck(loss, x, np.zeros((4, 3)))
    assert loss.dtype == "float32"


def test_a_kink_within_the_step_is_a_kink():
    report = diptych.gradcheck(ops.relu, np.array([[3e-6, -4e-6, 1.0]]))
    assert report, f"\n{report}"
    assert report.checks[0].at_kink


class Forgetful(layers.Dense):
    """A layer whose kernel is said to have half its gradient."""

    def call(self, inputs):
        fixed = ops.stop_gradient(self.kernel)
        return ops.relu(ops.matmul(inputs, (self.kernel + fixed) / 2.0) + self.bias)


def test_a_wrong_gradient_is_found_at_a_kink_and_away_from_it(engine):
    for seed in range(5):
        diptych.utils.set_random_seed(1)
        model = diptych.Sequential([diptych.Input((2,)), Forgetful(2), layers.Dense(1)])
        report = diptych.gradcheck(model, AND, engine=engine, seed=seed)
        assert not report
        wrong = [check.what for check in report.checks if check.error > report.tolerance]
        assert wrong[-1] == model.layers[0].kernel.path
        assert "WRONG" in str(report)


def test_a_wrong_gradient_that_only_shows_beside_the_kink_is_found(engine):
    def wrong(x):
        return ops.relu(x) + ops.square(ops.stop_gradient(x))

    for seed in range(5):
        report = diptych.gradcheck(wrong, np.zeros((2, 3)), engine=engine, seed=seed)
        assert not report
        assert report.checks[0].at_kink
        assert "WRONG, beside a kink" in str(report)


def test_a_wrong_gradient_of_a_smooth_function_is_no_kink():
    def wrong(x):
        return ops.sin(x) + ops.square(ops.stop_gradient(x))

    report = diptych.gradcheck(wrong, np.array([[0.3, 1.0, -2.0]]))
    assert not report
    assert not report.checks[0].at_kink
