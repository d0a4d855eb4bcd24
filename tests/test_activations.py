"""What the case table cannot say about activations: slopes at the kinks, tails, and errors."""

import math

import numpy as np
import pytest

from tests import twins

ENGINES = pytest.mark.parametrize("engine", ["reference", "fastcore"])


def family(engine, name):
    """The twin module that has this activation."""
    pieces = twins.module(engine, "piecewise")
    has = hasattr(pieces, f"{name}_forward")
    return pieces if has else twins.module(engine, "activations")


def slope(engine, name, x, *options):
    """f'(x) of one activation."""
    module = family(engine, name)
    x = np.asarray(x, np.float64)
    y, cache = getattr(module, f"{name}_forward")(x, *options)
    return getattr(module, f"{name}_backward")(np.ones_like(y), cache)


@ENGINES
@pytest.mark.parametrize(
    ("name", "kinks", "slopes", "options"),
    [
        ("relu", [0], [0], ()),
        ("relu", [1, 2], [0.25, 0], (0.25, 2.0, 1.0)),
        ("leaky_relu", [0], [0.2], ()),
        ("relu6", [0, 6], [0, 0], ()),
        ("hard_sigmoid", [-3, 3], [0, 0], ()),
        ("hard_silu", [-3, 3], [0, 1], ()),
        ("hard_tanh", [-1, 1], [0, 0], ()),
        ("hard_shrink", [-0.5, 0.5], [0, 0], ()),
        ("soft_shrink", [-0.5, 0.5], [0, 0], ()),
        ("threshold", [0.3], [0], (0.3, 5.0)),
        ("elu", [0], [0.5], (0.5,)),
        ("celu", [0], [1], (0.5,)),
    ],
)
def test_slope_at_the_kinks(engine, name, kinks, slopes, options):
    np.testing.assert_array_equal(slope(engine, name, kinks, *options), slopes)
    # Next to a kink the slope is that of its side: the kink is one number, not a neighbourhood.
    for side in (-np.inf, np.inf):
        beside = slope(engine, name, np.nextafter(kinks, side), *options)
        further = slope(engine, name, np.array(kinks) + np.copysign(1e-3, side), *options)
        np.testing.assert_allclose(beside, further, rtol=1e-2)


@ENGINES
def test_prelu_slope_at_zero_is_that_of_the_left(engine):
    module = family(engine, "prelu")
    _, cache = module.prelu_forward(np.zeros((2, 1)), np.array([0.25]))
    dx, dalpha = module.prelu_backward(np.ones((2, 1)), cache)
    np.testing.assert_array_equal(dx, [[0.25], [0.25]])
    np.testing.assert_array_equal(dalpha, [0.0])


@ENGINES
@pytest.mark.parametrize("x", [-5.0, -12.0, -30.0])
def test_gelu_keeps_its_digits_in_the_tail(engine, x):
    y, _ = twins.module(engine, "activations").gelu_forward(np.array([x]))
    assert y[0] == pytest.approx(x * math.erfc(-x / math.sqrt(2)) / 2, rel=1e-12)


@ENGINES
def test_softmax_does_not_overflow_and_log_softmax_does_not_underflow(engine):
    module = twins.module(engine, "activations")
    x = np.array([[1e4, 1e4 - 2000, 0.0]], np.float32)
    np.testing.assert_array_equal(module.softmax_forward(x)[0], [[1, 0, 0]])
    np.testing.assert_array_equal(module.log_softmax_forward(x)[0], [[0, -2000, -1e4]])


@ENGINES
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [2, -3, (0, 2)])
def test_softmax_refuses_an_axis_that_is_not_there(engine, name, axis):
    forward = getattr(twins.module(engine, "activations"), f"{name}_forward")
    with pytest.raises(np.exceptions.AxisError):
        forward(np.zeros((2, 3)), axis)


@ENGINES
def test_softmax_refuses_rows_without_elements_and_axes_named_twice(engine):
    module = twins.module(engine, "activations")
    with pytest.raises(ValueError, match="zero-size|at least one element"):
        module.softmax_forward(np.zeros((2, 0)))
    with pytest.raises(ValueError, match="duplicate|twice"):
        module.softmax_forward(np.zeros((2, 3)), (1, -1))


@ENGINES
def test_glu_refuses_an_odd_axis(engine):
    with pytest.raises(ValueError, match="must be even"):
        twins.module(engine, "activations").glu_forward(np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["relu", "tanh", "softmax", "glu", "prelu"])
def test_the_fast_engine_refuses_a_gradient_of_another_shape(name):
    module = family("fastcore", name)
    x = np.ones((3, 4))
    alpha = [np.ones(4)] if name == "prelu" else []
    _, cache = getattr(module, f"{name}_forward")(x, *alpha)
    with pytest.raises(ValueError, match="dy must have the shape of y"):
        getattr(module, f"{name}_backward")(np.ones((3, 5)), cache)
    with pytest.raises(TypeError, match="float32"):
        getattr(module, f"{name}_backward")(np.ones((3, 4), np.float32), cache)
