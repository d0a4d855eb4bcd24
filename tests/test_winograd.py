"""Winograd's transform by itself, against the reference: all passes, edges, threads, bad numbers.

A tile's rounding errors follow its largest numbers, not each element's own terms. So they are
measured against what the worst element could be: the sum of magnitudes of one output, everywhere.
"""

import numpy as np
import pytest
from diptych.fastcore.kernels import threads, winograd
from diptych.reference import convolution

IMAGES = [  # x, filters, ((above, below), (left, right)); a window that isn't of 3; groups
    ((2, 3, 3, 1), 1, ((0, 0), (0, 0))),
    ((1, 9, 11, 5), 7, ((0, 0), (0, 0))),
    ((2, 8, 8, 16), 16, ((1, 1), (1, 1))),
    ((3, 10, 7, 32), 32, ((2, 0), (0, 2))),
    ((1, 1, 1, 3), 20, ((1, 1), (1, 1))),
    ((2, 21, 18, 40), 33, ((1, 1), (0, 0))),
    ((9, 14, 15, 24), 17, ((0, 0), (1, 1))),
    ((1, 6, 6, 200), 24, ((0, 0), (0, 0))),
    ((2, 13, 11, 18), 20, ((2, 2), (2, 2)), (5, 5)),
    ((2, 12, 9, 32), 16, ((0, 3), (1, 1)), (4, 3)),
    ((1, 9, 19, 5), 35, ((0, 0), (3, 3)), (3, 7)),
    ((2, 10, 9, 32), 48, ((1, 1), (1, 1)), (3, 3), 2),
    ((2, 11, 8, 21), 15, ((2, 2), (0, 1)), (5, 4), 3),
]
LINES = [
    ((2, 3, 1), 1, ((0, 0),)),
    ((3, 17, 5), 9, ((2, 0),)),
    ((1, 1, 4), 3, ((1, 1),)),
    ((40, 30, 32), 40, ((1, 1),)),
    ((5, 129, 160), 24, ((0, 0),)),
    ((2, 50, 16), 32, ((4, 4),), (9,)),
    ((3, 31, 10), 17, ((0, 2),), (5,)),
    ((3, 31, 34), 40, ((0, 2),), (3,), 2),
]
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid")
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=("float32", "float64"))


def filled(shape, filters, padding, window=None, groups=1):
    return shape, filters, padding, window or (3,) * len(padding), groups


NAMES = ("shape", "filters", "padding", "window", "groups")
SHAPES = pytest.mark.parametrize(NAMES, [filled(*case) for case in IMAGES + LINES])


def some(*cases):
    return pytest.mark.parametrize(NAMES, [filled(*case) for case in cases])


@pytest.fixture(autouse=True)
def _restore_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def operands(shape, filters, window, groups, dtype, offset=0.0):
    rng = np.random.default_rng(7)
    x = rng.normal(size=shape) + offset
    kernel = rng.normal(size=(*window, shape[-1] // groups, filters))
    kernel /= np.prod(kernel.shape[:-1]) ** 0.5
    return x.astype(dtype), kernel.astype(dtype), rng.normal(size=filters).astype(dtype)


def run(x, kernel, bias, padding, activation, dy_seed=11):
    """y, dy, dx, dkernel, dbias of the transform."""
    axes, before = x.ndim - 2, tuple(a for a, _ in padding)
    sizes = tuple(x.shape[i + 1] + sum(padding[i]) - kernel.shape[i] + 1 for i in range(axes))
    y = np.full((x.shape[0], *sizes, kernel.shape[-1]), np.nan, x.dtype)
    assert winograd.forward_into(x, kernel, bias, y, before, activation)
    dy = np.random.default_rng(dy_seed).normal(size=y.shape).astype(x.dtype)
    dx, dkernel = np.full_like(x, np.nan), np.full_like(kernel, np.nan)
    dbias = np.full(kernel.shape[-1], np.nan, x.dtype)
    assert winograd.dx_into(dy, kernel, y, dx, before, activation)
    assert winograd.dkernel_into(dy, x, y, dkernel, dbias, before, activation)
    return y, dy, dx, dkernel, dbias


def truth(x, kernel, bias, padding, activation, y, dy):
    """The same by the reference in float64; the gradients at the transform's own y."""
    axes = x.ndim - 2
    ones = (1,) * axes
    x, kernel, y, dy = (a.astype(np.float64) for a in (x, kernel, y, dy))
    bias = None if bias is None else bias.astype(np.float64)
    options = (ones, padding, ones, x.shape[-1] // kernel.shape[-2], activation)
    right, cache = convolution.conv_forward(x, kernel, bias, *options)
    cache = (*cache[:2], y, *cache[3:])
    return (right, *convolution.conv_backward(dy, cache))


def assert_near(name, got, right, terms, units):
    """Every error within `units` roundings of the root of the sum of `terms` squares."""
    worst = float(np.max(np.abs(got - right), initial=0.0))
    bound = units * float(np.finfo(got.dtype).eps) * terms
    assert worst <= bound, f"{name}: off by {worst}, allowed {bound}"


@DTYPES
@SHAPES
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_pass_is_that_of_the_reference(
    shape, filters, padding, window, groups, activation, dtype
):
    x, kernel, bias = operands(shape, filters, window, groups, dtype)
    y, dy, *gradients = run(x, kernel, bias, padding, activation)
    right = truth(x, kernel, bias, padding, activation, y, dy)
    size, outputs = float(np.prod(window)), y.size / filters
    weight = float(np.abs(kernel).max())
    assert_near("y", y, right[0], weight * (size * shape[-1] / groups) ** 0.5 + 2, 40)
    assert_near("dx", gradients[0], right[1], weight * (size * filters / groups) ** 0.5, 40)
    assert_near("dkernel", gradients[1], right[2], outputs**0.5 + 1, 60)
    assert_near("dbias", gradients[2], right[3], outputs**0.5 + 1, 40)


@DTYPES
@SHAPES
def test_inputs_of_one_sign(shape, filters, padding, window, groups, dtype):
    """Sums without cancellation: the transform cancels inside, the result must not show it."""
    x, kernel, _ = operands(shape, filters, window, groups, dtype, offset=3.0)
    kernel = np.abs(kernel)
    y, dy, *gradients = run(x, kernel, None, padding, "linear")
    right = truth(x, kernel, None, padding, "linear", y, dy)
    assert_near("y", y, right[0], float(np.abs(right[0]).max()), 40)
    assert_near("dkernel", gradients[1], right[2], float(np.abs(right[2]).max()), 40)


@DTYPES
@some(IMAGES[5], IMAGES[6], IMAGES[12], LINES[3], LINES[5])
def test_any_number_of_threads_gives_the_same_bits(shape, filters, padding, window, groups, dtype):
    x, kernel, bias = operands(shape, filters, window, groups, dtype)
    results = []
    for count in (1, 2, 4):
        threads.set_num_threads(count)
        results.append(run(x, kernel, bias, padding, "relu"))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


@DTYPES
@some(IMAGES[1], IMAGES[6], IMAGES[8], IMAGES[12], LINES[1], LINES[6])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_left_to_another_way(
    shape, filters, padding, window, groups, bad, dtype
):
    """Wherever it stands, also where relu hides it, each pass that meets it says so."""
    x, kernel, _ = operands(shape, filters, window, groups, dtype)
    before = tuple(a for a, _ in padding)
    y, dy, dx, dkernel, dbias = run(x, kernel, None, padding, "linear")
    rng = np.random.default_rng(3)
    for _ in range(5):
        broken = x.copy()
        broken.flat[rng.integers(x.size)] = bad
        assert not winograd.forward_into(broken, kernel, None, y.copy(), before, "relu")
        assert not winograd.dkernel_into(dy, broken, y, dkernel, None, before)
        broken = dy.copy()
        broken.flat[rng.integers(dy.size)] = bad
        assert not winograd.dx_into(broken, kernel, y, dx, before)
        assert not winograd.dkernel_into(broken, x, y, dkernel, dbias, before)
    broken = kernel.copy()
    broken.flat[rng.integers(kernel.size)] = bad
    assert not winograd.forward_into(x, broken, None, y.copy(), before)
    assert not winograd.dx_into(dy, broken, y, dx, before)


def test_an_empty_batch():
    x, kernel, bias = operands((0, 8, 8, 16), 16, (3, 3), 1, np.float32)
    *_, dkernel, dbias = run(x, kernel, bias, ((0, 0), (0, 0)), "relu")
    assert not dkernel.any()
    assert not dbias.any()


@DTYPES
@SHAPES
def test_where_a_window_sees_zeros_alone_the_bias_comes_out_to_the_bit(
    shape, filters, padding, window, groups, dtype
):
    x, kernel, bias = operands(shape, filters, window, groups, dtype)
    rng = np.random.default_rng(3)
    x[rng.random(shape[:-1]) < 0.9] = 0
    axes = len(shape) - 2
    before = tuple(a for a, _ in padding)
    ones = (1,) * axes
    expected, _ = convolution.conv_forward(x, kernel, bias, ones, padding, ones, groups, "relu")
    seen, _ = convolution.conv_forward(
        abs(x), np.ones_like(kernel), None, ones, padding, ones, groups, "linear"
    )
    y = np.full_like(expected, np.nan)
    assert winograd.forward_into(x, kernel, bias, y, before, "relu")
    blank = seen == 0
    assert blank.any() or x.size < 30
    assert np.array_equal(y[blank], expected[blank])
