"""Gradients of a convolution of whose dz few numbers are not 0, as after a global maximum."""

import numpy as np
import pytest
from diptych.reference import convolution as reference

import diptych
from diptych import layers

fast = pytest.importorskip("diptych.fastcore.convolution")
sparse_conv = pytest.importorskip("diptych.fastcore.kernels.sparse_conv")
plan = pytest.importorskip("diptych.fastcore.kernels.plan")

# x, kernel, strides, padding, dilation
SHAPES = {
    "lines": ((3, 200, 20), (3, 20, 40), (1,), ((0, 0),), (1,)),
    "lines, padded, strides": ((3, 401, 30), (5, 30, 50), (2,), ((3, 1),), (1,)),
    "images": ((5, 17, 19, 12), (3, 4, 12, 33), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    "images, padded, dilated": ((2, 18, 21, 31), (3, 2, 31, 40), (1, 1), ((2, 2), (1, 0)), (3, 1)),
    "volumes": ((2, 8, 9, 10, 24), (2, 3, 2, 24, 17), (1, 2, 1), ((1, 0),) * 3, (1, 1, 1)),
}


def example(name, dtype, activation="relu", rate=0.01):
    """x, kernel, the two caches, and a dy of which few numbers are not 0."""
    rng = np.random.default_rng(3)
    shape, window, *options = SHAPES[name]
    x, kernel = rng.normal(size=shape).astype(dtype), rng.normal(size=window).astype(dtype)
    bias = rng.normal(size=window[-1]).astype(dtype)
    y, cache = reference.conv_forward(x, kernel, bias, *options, 1, activation)
    _, its_cache = fast.conv_forward(x, kernel, bias, *options, 1, activation)
    dy = (rng.normal(size=y.shape) * (rng.random(y.shape) < rate)).astype(dtype)
    return x, kernel, cache, its_cache, dy


def check(found, expected, dtype):
    for ours, theirs in zip(found, expected, strict=True):
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=1e-9)
        tolerance = (3e-5 if dtype == "float32" else 1e-12) * scale
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_gradients_are_those_of_the_reference(name, activation, dtype):
    _, _, cache, its_cache, dy = example(name, dtype, activation)
    expected = reference.conv_backward(dy, cache)
    check(fast.conv_backward(dy, its_cache), expected, dtype)
    dx, *rest = fast.conv_backward(dy, its_cache, need_dx=False)
    assert dx is None
    check(rest, expected[1:], dtype)


@pytest.mark.parametrize("name", ["lines", "images"])
def test_the_bits_do_not_depend_on_the_threads(name):
    *_, cache, dy = example(name, "float32")
    found = []
    for threads in (1, 2, 3, 4):
        diptych.config.set_num_threads(threads)
        try:
            found.append(fast.conv_backward(dy, cache))
        finally:
            diptych.config.set_num_threads(None)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_taken_and_what_is_not(dtype):
    x, kernel, cache, _, dy = example("images", dtype, "linear")
    out = np.zeros_like(x), np.zeros_like(kernel), np.zeros(kernel.shape[-1], dtype)
    assert sparse_conv.gradients_into(dy, x, kernel, *out)
    check(out, reference.conv_backward(dy, cache), dtype)
    y = cache[2]
    assert sparse_conv.gradients_into(dy, x, kernel, *out, y=y)
    check(out, reference.conv_backward(np.where(y > 0, dy, 0), cache), dtype)
    assert not sparse_conv.gradients_into(np.ones_like(dy), x, kernel, *out)
    assert not sparse_conv.gradients_into(dy, np.where(x > 2, np.inf, x), kernel, *out)
    assert not sparse_conv.gradients_into(dy, x, np.where(kernel > 2, np.nan, kernel), *out)
    one_dense = dy.copy()
    one_dense[-1] = 1
    assert not sparse_conv.gradients_into(one_dense, x, kernel, *out)
    few = slice(None), slice(0, 9), slice(0, 9)  # 6 x 7 places of y are not worth a look
    small = np.ascontiguousarray(dy[:, :7, :6]), np.ascontiguousarray(x[few])
    assert not sparse_conv.gradients_into(*small, kernel, np.zeros_like(small[1]), *out[1:])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["x", "kernel", "dy"])
def test_numbers_that_are_not_finite_spoil_what_they_spoil_in_numpy(where, bad):
    x, kernel, _, _, dy = example("lines", "float32")
    given = {"x": x.copy(), "kernel": kernel.copy(), "dy": dy}
    options = SHAPES["lines"][2:]
    if where != "dy":
        given[where].reshape(-1)[777] = bad
    bias = np.ones(kernel.shape[-1], np.float32)
    with np.errstate(all="ignore"):
        _, cache = reference.conv_forward(given["x"], given["kernel"], bias, *options, 1, "linear")
        _, its_cache = fast.conv_forward(given["x"], given["kernel"], bias, *options, 1, "linear")
        if where == "dy":
            given["dy"] = dy.copy()
            given["dy"][1, 77, 7] = bad
        expected = reference.conv_backward(given["dy"], cache)
    found = fast.conv_backward(given["dy"], its_cache)
    for ours, theirs in zip(found, expected, strict=True):
        spoilt = ~np.isfinite(theirs)
        assert not np.isfinite(ours[spoilt]).any()
        if where != "kernel":  # there the zeros of the padding are spoilt too
            np.testing.assert_array_equal(~np.isfinite(ours), spoilt)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["lines, padded, strides", "images, padded, dilated"])
def test_zeros_of_the_padding_are_spoilt_too(name, bad):
    """A number of dy that is not finite, of a window that reaches into the padding."""
    *_, cache, its_cache, dy = example(name, "float32", "linear")
    dy[(0,) * dy.ndim] = bad
    with np.errstate(all="ignore"):
        expected = reference.conv_backward(dy, cache)
    for ours, theirs in zip(fast.conv_backward(dy, its_cache), expected, strict=True):
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))


def test_a_plan_looks_in_each_run():
    """Few numbers, many, and one that is not finite, in any order: the bits of single calls."""
    x, kernel, _, cache, few = example("lines", "float32")
    many = np.random.default_rng(5).normal(size=few.shape).astype(np.float32)
    spoilt = x.copy()
    spoilt[0, 3, 3] = np.inf
    data, dy = cache[0], few.copy()
    assert data is x
    whole = x.copy()
    for first in (few, many):
        data[...], dy[...] = whole, first
        made = plan.Plan()
        with made:
            found = fast.conv_backward(dy, cache)
        assert made.refusal is None
        for now, numbers in [
            (few, whole),
            (many, whole),
            (few, spoilt),
            (few, whole),
            (many, spoilt),
        ]:
            data[...], dy[...] = numbers, now
            with np.errstate(all="ignore"):
                expected = fast.conv_backward(dy.copy(), cache)
            plan.scribble(made)
            made.run()
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_a_text_network_trains_alike_on_both_engines():
    """With a global maximum, planned and on the reference."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 150, 20)).astype("float32"), rng.integers(0, 2, (24, 1))
    found = {}
    for engine in ("fast", "reference"):
        diptych.utils.set_random_seed(1)
        model = diptych.Sequential(
            [
                layers.Input((150, 20)),
                layers.Conv1D(40, 3, activation="relu"),
                layers.GlobalMaxPooling1D(),
                layers.Dense(1, "sigmoid"),
            ],
            engine=engine,
        )
        model.compile("sgd", "binary_crossentropy")
        model.fit(x, y, batch_size=8, epochs=4, verbose=0, shuffle=False)
        found[engine] = model.get_weights()
    for ours, theirs in zip(found["fast"], found["reference"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)
