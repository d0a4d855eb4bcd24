"""Penalties and their gradients; constraints and what they leave."""

import numpy as np
import pytest

from diptych import constraints, regularizers
from diptych.tape import GradientTape
from diptych.tensor import Variable

PENALTIES = {
    "L1": (regularizers.L1(0.3), lambda x: 0.3 * np.abs(x).sum()),
    "L2": (regularizers.L2(0.3), lambda x: 0.3 * (x * x).sum()),
    "L1L2": (
        regularizers.L1L2(0.1, 0.2),
        lambda x: 0.1 * np.abs(x).sum() + 0.2 * (x * x).sum(),
    ),
    "rows": (regularizers.OrthogonalRegularizer(0.5), lambda x: 0.5 * mean_cosine(x)),
    "columns": (
        regularizers.OrthogonalRegularizer(0.5, mode="columns"),
        lambda x: 0.5 * mean_cosine(x.T),
    ),
}


def mean_cosine(rows):
    pairs = [(a, b) for i, a in enumerate(rows) for b in rows[:i]]
    return np.mean([abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs])


@pytest.fixture
def weights():
    return np.random.default_rng(3).normal(size=(5, 4))


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_and_its_gradient(name, weights):
    regularizer, formula = PENALTIES[name]
    variable = Variable(weights)
    with GradientTape() as tape:
        penalty = regularizer(variable)
    assert float(penalty) == pytest.approx(formula(weights), rel=1e-10)
    direction = np.random.default_rng(4).normal(size=weights.shape)
    slope = (formula(weights + 1e-6 * direction) - formula(weights - 1e-6 * direction)) / 2e-6
    gradient = np.asarray(tape.gradient(penalty, variable))
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_keeps_float32(name, weights):
    assert PENALTIES[name][0](weights.astype("f4")).dtype == np.float32


def test_orthogonal_penalty_of_a_zero_row_has_a_finite_gradient(weights):
    weights[1] = 0
    variable = Variable(weights)
    with GradientTape() as tape:
        penalty = regularizers.OrthogonalRegularizer()(variable)
    assert np.isfinite(tape.gradient(penalty, variable)).all()


def test_regularizers_by_name_and_configuration():
    for regularizer, _ in PENALTIES.values():
        again = regularizers.deserialize(regularizers.serialize(regularizer))
        assert type(again) is type(regularizer)
        assert again.get_config() == regularizer.get_config()
    assert regularizers.get("l2").l2 == 0.01
    assert regularizers.get("L1").l1 == 0.01
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert isinstance(
        regularizers.get("orthogonal_regularizer"), regularizers.OrthogonalRegularizer
    )
    assert regularizers.get(None) is None
    assert regularizers.get(np.sum) is np.sum
    assert (regularizers.L1(None).l1, regularizers.L1L2(None, 0.5).l1) == (0.01, 0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.get("l3"), "no regularizer named 'l3'"),
        (lambda: regularizers.L1(-0.1), "l1=-0.1"),
        (lambda: regularizers.L2(float("nan")), "l2=nan"),
        (lambda: regularizers.L2("0.1"), "l2='0.1'"),
        (lambda: regularizers.OrthogonalRegularizer(mode="row"), "'rows'"),
        (lambda: regularizers.OrthogonalRegularizer()(np.zeros((2, 2, 2))), "expected a matrix"),
        (lambda: regularizers.OrthogonalRegularizer()(np.zeros((1, 4))), "at least two rows"),
        (lambda: constraints.get("maxnrom"), "did you mean 'maxnorm'"),
        (lambda: constraints.get(3), "no constraint"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_regularizer_of_one_s_own_must_say_its_configuration():
    class Mine(regularizers.Regularizer):
        pass

    with pytest.raises(NotImplementedError, match="Mine must implement get_config"):
        regularizers.serialize(Mine())


# ---------------------------------------------------------------- constraints


def lengths(w, axis=0):
    return np.linalg.norm(w, axis=axis)


def test_max_norm_shortens_only_long_vectors(weights):
    weights[:, 0] *= 0.01
    new = constraints.MaxNorm(1.5)(weights)
    np.testing.assert_allclose(lengths(new), np.minimum(lengths(weights), 1.5), rtol=1e-4)
    np.testing.assert_allclose(new[:, 0], weights[:, 0], rtol=1e-4)
    np.testing.assert_allclose(
        new / lengths(new), weights / lengths(weights), rtol=1e-6
    )  # the directions stay


def test_unit_norm_over_several_axes():
    kernel = np.random.default_rng(3).normal(size=(3, 3, 2, 4))
    new = constraints.UnitNorm(axis=[0, 1, 2])(kernel)
    np.testing.assert_allclose((new**2).sum((0, 1, 2)), np.ones(4), rtol=1e-5)


def test_min_max_norm_goes_there_at_its_rate(weights):
    before = lengths(weights, axis=1)
    at_once = constraints.MinMaxNorm(1.0, 2.0, axis=1)(weights)
    np.testing.assert_allclose(lengths(at_once, axis=1), before.clip(1.0, 2.0), rtol=1e-5)
    slowly = constraints.MinMaxNorm(1.0, 2.0, rate=0.25, axis=1)(weights)
    expected = 0.25 * before.clip(1.0, 2.0) + 0.75 * before
    np.testing.assert_allclose(lengths(slowly, axis=1), expected, rtol=1e-5)


def test_non_neg():
    np.testing.assert_array_equal(constraints.NonNeg()(np.array([-1.0, 0.0, 2.0])), [0, 0, 2])


@pytest.mark.parametrize("name", ["max_norm", "min_max_norm", "non_neg", "unit_norm"])
def test_every_constraint(name, weights):
    constraint = constraints.get(name)
    again = constraints.deserialize(constraints.serialize(constraint))
    assert again.get_config() == constraint.get_config()
    zero = weights.astype("f4")
    zero[:, 1] = 0
    before = zero.copy()
    new = constraint(Variable(zero))
    assert isinstance(new, np.ndarray)
    assert new.dtype == np.float32
    assert np.isfinite(new).all()
    np.testing.assert_array_equal(constraint(zero), new)
    np.testing.assert_array_equal(zero, before)


def test_names_of_keras_1():
    assert isinstance(constraints.get("maxnorm"), constraints.MaxNorm)
    assert isinstance(constraints.get("nonneg"), constraints.NonNeg)
    assert constraints.get(None) is None
