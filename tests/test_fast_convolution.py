"""What only the fast convolutions can get wrong: they read memory by addresses of their own making.

Whatever is asked of them, they refuse it or answer it; wrong shapes never reach a kernel.
"""

import numpy as np
import pytest
from diptych.fastcore import convolution as fast
from diptych.reference import convolution as reference

ONES = ((1, 1), ((0, 0), (0, 0)), (1, 1))


def image(*shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(
    ("x", "kernel", "bias", "options"),
    [
        ((2, 5, 5, 3), (3, 3, 2, 4), None, (*ONES, 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), (3,), (*ONES, 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), (4, 1), (*ONES, 1)),
        ((2, 5, 5, 4), (3, 3, 2, 4), None, (*ONES, 0)),
        ((2, 5, 5, 4), (3, 3, 2, 3), None, (*ONES, 2)),
        ((2, 5, 5, 4), (3, 3, 2, 4), None, (*ONES, -2)),
        ((2, 2, 5, 3), (3, 3, 3, 4), None, (*ONES, 1)),
        ((2, 5, 3), (3, 3, 3, 4), None, (*ONES, 1)),
        ((2, 5, 5, 3), (3, 3, 4), None, (*ONES, 1)),
        ((5, 3), (3, 4), None, ((), (), (), 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), None, ((1,), *ONES[1:], 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), None, ((0, 1), *ONES[1:], 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), None, ((1, 1), ((0, -1), (0, 0)), (1, 1), 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), None, ((1, 1), ((-3, 0), (0, 0)), (1, 1), 1)),
        ((2, 5, 5, 3), (3, 3, 3, 4), None, (*ONES[:2], (1, 2**40), 1)),
        ((2, 5, 5, 0), (3, 3, 0, 4), None, (*ONES, 1)),
    ],
)
def test_what_does_not_fit_is_refused(x, kernel, bias, options):
    bias = None if bias is None else image(*bias)
    with pytest.raises(ValueError, match="conv"):
        fast.conv_forward(image(*x), image(*kernel), bias, *options)


def test_a_transposed_convolution_refuses_too():
    x, kernel = image(2, 4, 5, 3), image(3, 3, 6, 3)
    for sizes in ((6, 8), (5, 7), (6,), (6, 7, 1), (-6, 7), (0, 7)):
        with pytest.raises(ValueError, match="conv_transpose"):
            fast.conv_transpose_forward(x, kernel, None, *ONES, sizes)
    with pytest.raises(ValueError, match="3 channels, but kernel expects 2"):
        fast.conv_transpose_forward(x, image(3, 3, 6, 2), None, *ONES, (6, 7))


FORWARD = {
    "conv": lambda: fast.conv_forward(image(2, 9, 9, 8), image(3, 3, 8, 16), None, *ONES, 1),
    "depthwise_conv": lambda: fast.depthwise_conv_forward(
        image(2, 9, 9, 8), image(3, 3, 8, 2), None, *ONES
    ),
    "conv_transpose": lambda: fast.conv_transpose_forward(
        image(2, 7, 7, 8), image(3, 3, 16, 8), None, *ONES, (9, 9)
    ),
}


@pytest.mark.parametrize("name", FORWARD)
def test_a_cache_that_is_none_is_refused(name):
    y, cache = FORWARD[name]()
    backward = getattr(fast, f"{name}_backward")
    x, kernel, _, *rest = cache
    wrong = [
        (x[:1], kernel, y, *rest),
        (x[:, :5], kernel, y, *rest),
        (x[..., :4], kernel, y, *rest),
        (x, kernel[:2], y, *rest),
        (x, kernel[..., :1], y, *rest),
        (x, kernel[0], y, *rest),
        (x[0], kernel, y, *rest),
        (x, kernel, y, rest[0], (2, 2), *rest[2:]),
        (x, kernel, y, rest[0], (1,), *rest[2:]),
        (x, kernel, y, rest[0], rest[1], ((0, 0), (1, 1)), *rest[3:]),
    ]
    for cache in wrong:
        with pytest.raises(ValueError, match="the cache is not one of"):
            backward(y, cache)
    small = y[:, :5]
    with pytest.raises(ValueError, match="the cache is not one of"):
        backward(small, (x, kernel, small, *rest))
    with pytest.raises(ValueError, match="dy needs the shape"):
        backward(small, (x, kernel, y, *rest))


def test_strides_beyond_the_input_are_one_place():
    """However long: the gradient visits the rests of a stride one after the other."""
    x, kernel = image(2, 6, 7, 3), image(3, 2, 3, 5)
    options = ((2**30, 5000), ((1, 0), (0, 3)), (2, 1), 1, "tanh")
    y, cache = fast.conv_forward(x, kernel, None, *options)
    expected, kept = reference.conv_forward(x, kernel, None, *options)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    dy = image(*y.shape)
    ours, theirs = fast.conv_backward(dy, cache), reference.conv_backward(dy, kept)
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("window", [(3, 3), (3, 2)])
def test_one_number_that_is_not_finite_spoils_what_sees_it_and_nothing_else(bad, window):
    x, kernel = image(2, 24, 25, 16), image(*window, 16, 32)
    x[1, 11, 13, 5] = bad
    options = (*ONES, 1, "relu")
    y, cache = fast.conv_forward(x, kernel, None, *options)
    dy = image(*y.shape)
    ours = (y, *fast.conv_backward(dy, cache)[:2])
    with np.errstate(invalid="ignore"):
        expected, cache = reference.conv_forward(x, kernel, None, *options)
        theirs = (expected, *reference.conv_backward(dy, cache)[:2])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))


PADDED = {
    "conv": ((6, 7, 8), (3, 3, 8, 24), ((1, 1), ((1, 1), (0, 2)), (1, 1), 1)),
    "conv, transformed": ((24, 25, 16), (3, 3, 16, 32), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "conv, few channels": ((6, 7, 1), (3, 3, 1, 8), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu")),
    "conv, strides": ((7, 6, 2), (3, 2, 2, 3), ((2, 1), ((1, 0), (1, 1)), (1, 2), 1, "tanh")),
    "conv, groups": ((9, 4), (4, 2, 6), ((1,), ((2, 1),), (1,), 2, "sigmoid")),
    "depthwise_conv": ((6, 7, 20), (3, 3, 20, 1), ((1, 1), ((1, 1), (1, 1)), (1, 1))),
    "depthwise_conv, strides": ((6, 7, 3), (3, 3, 3, 1), ((2, 2), ((1, 1), (0, 1)), (1, 1))),
    "depthwise_conv, filters": ((6, 7, 3), (3, 3, 3, 2), ((1, 1), ((1, 1), (1, 1)), (1, 1))),
    "conv_transpose": ((5, 6, 8), (3, 3, 6, 8), ((1, 1), ((1, 1), (0, 0)), (1, 1), (5, 8), "relu")),
    "conv_transpose, strides": (
        *((4, 3, 5), (3, 3, 2, 5), ((2, 2), ((1, 0), (0, 1)), (1, 1), (8, 6), "tanh")),
    ),
}


@pytest.mark.parametrize("rows", [2, 9])
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("label", PADDED)
def test_what_is_not_finite_meets_the_zeros_that_the_reference_multiplies(label, bad, rows):
    """Those of the padding around x, but none around y."""
    name = label.partition(",")[0]
    shape, kernel_shape, options = PADDED[label]
    x, kernel = image(rows, *shape), image(*kernel_shape)
    kernel.reshape(-1)[1] = bad
    with np.errstate(invalid="ignore"):
        for spoilt in ("kernel", "dy"):
            found = []
            for engine in (fast, reference):
                y, cache = getattr(engine, f"{name}_forward")(x, kernel, None, *options)
                dy = image(*y.shape)
                if spoilt == "dy":
                    dy[0, 0, 0], dy[-1, 1, -1] = bad, bad
                found.append((y, *getattr(engine, f"{name}_backward")(dy, cache)[:2]))
            for ours, theirs, what in zip(*found, ("y", "dx", "dkernel"), strict=True):
                largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=1)
                np.testing.assert_allclose(
                    ours, theirs, rtol=1e-4, atol=1e-5 * largest, err_msg=f"{spoilt}: {what}"
                )
            kernel = image(*kernel_shape)


@pytest.mark.parametrize("filters", [3, 5, 8, 21, 32])
def test_sums_that_are_too_small_have_the_sign_of_the_reference(filters):
    """Wherever in a tile they stand."""
    x, kernel = np.full((2, 7, 3), -1e-30, "f4"), np.full((1, 3, filters), 1e-30, "f4")
    options = ((1,), ((0, 0),), (1,), 1)
    y, _ = reference.conv_forward(x, kernel, None, *options)
    ours, _ = fast.conv_forward(x, kernel, None, *options)
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(y))
