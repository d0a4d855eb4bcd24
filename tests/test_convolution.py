"""The reference of convolutions against one with all its loops written out, and the arithmetic of
windows against counting.

Every convolution multiplies entries of x by entries of the kernel and adds the products up in y. So
the oracle is a list of triples (place in x, place in the kernel, place in y), one for each product:

    forward     y[k] += x[i] kernel[j]
    backward    dx[i] += dy[k] kernel[j]        dkernel[j] += dy[k] x[i]
"""

import itertools
import math

import numpy as np
import pytest
from diptych.reference import _windows, convolution

from tests import cases

# ----------------------------------------------------------------------------------- the oracle


def places_under(out, window, strides, padding, dilation, sizes):
    """(place of the output, position in the window, place of the input) wherever they meet."""
    for place in itertools.product(*map(range, out)):
        for position in itertools.product(*map(range, window)):
            seen = []
            for axis, size in enumerate(sizes):
                at = place[axis] * strides[axis] + position[axis] * dilation[axis]
                at -= padding[axis][0]
                if not 0 <= at < size:  # the padding: zeros, which add nothing
                    break
                seen.append(at)
            else:
                yield place, position, tuple(seen)


def conv_products(x, kernel, y, strides, padding, dilation, groups):
    per_group, filters = kernel[-2:]
    met = list(places_under(y[1:-1], kernel[:-2], strides, padding, dilation, x[1:-1]))
    for n in range(x[0]):
        for place, position, seen in met:
            for f in range(filters):
                group = f // (filters // groups)
                for c in range(per_group):
                    channel = group * per_group + c
                    yield (n, *seen, channel), (*position, c, f), (n, *place, f)


def depthwise_conv_products(x, kernel, y, strides, padding, dilation):
    channels, multiplier = kernel[-2:]
    met = list(places_under(y[1:-1], kernel[:-2], strides, padding, dilation, x[1:-1]))
    for n in range(x[0]):
        for place, position, seen in met:
            for c in range(channels):
                for m in range(multiplier):
                    yield (n, *seen, c), (*position, c, m), (n, *place, c * multiplier + m)


def conv_transpose_products(x, kernel, y, strides, padding, dilation, sizes):
    filters, channels = kernel[-2:]
    met = list(places_under(x[1:-1], kernel[:-2], strides, padding, dilation, sizes))
    for n in range(x[0]):
        for place, position, painted in met:
            for f in range(filters):
                for c in range(channels):
                    yield (n, *place, c), (*position, f, c), (n, *painted, f)


PRODUCTS = {
    "conv_forward": conv_products,
    "depthwise_conv_forward": depthwise_conv_products,
    "conv_transpose_forward": conv_transpose_products,
}
# name -> (z -> y, z -> dy/dz)
ACTIVATIONS = {
    "linear": (lambda z: z, lambda z: 1.0),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "sigmoid": (
        lambda z: 1 / (1 + math.exp(-z)),
        lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2,
    ),
}


def all_loops(products, x, kernel, bias, shape, activation, dy):
    """y and the three gradients."""
    products = list(products)
    z = np.zeros(shape)
    for i, j, k in products:
        z[k] += x[i] * kernel[j]
    if bias is not None:
        z += bias
    apply, derivative = ACTIVATIONS[activation]
    dz = np.zeros(shape)
    for k in np.ndindex(*shape):
        dz[k] = dy[k] * derivative(z[k])
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for i, j, k in products:
        dx[i] += dz[k] * kernel[j]
        dkernel[j] += dz[k] * x[i]
    dbias = None
    if bias is not None:
        dbias = np.zeros(bias.shape)
        for k in np.ndindex(*shape):
            dbias[k[-1]] += dz[k]
    y = np.zeros(shape)
    for k in np.ndindex(*shape):
        y[k] = apply(z[k])
    return y, dx, dkernel, dbias


def small_cases():
    """The cases whose products can be counted one by one."""
    for name in PRODUCTS:
        for case in cases.load("convolution")[name]:
            arguments = case.arguments()
            if arguments["x"].size * arguments["kernel"].size < 100_000:
                yield pytest.param(name, case, id=f"{name}-{case.label}".replace(" ", "_"))


@pytest.mark.parametrize(("name", "case"), list(small_cases()))
def test_the_reference_agrees_with_all_the_loops(name, case):
    arguments = case.arguments()
    given = dict(arguments)
    x, kernel, bias = (given.pop(key) for key in ("x", "kernel", "bias"))
    activation = given.pop("activation", "linear")
    y, cache = getattr(convolution, name)(**arguments)
    dy = np.random.default_rng(5).normal(size=y.shape)
    gradients = getattr(convolution, name.replace("forward", "backward"))(dy, cache)

    products = PRODUCTS[name](x.shape, kernel.shape, y.shape, **given)
    expected = all_loops(products, x, kernel, bias, y.shape, activation, dy)
    for what, ours, theirs in zip(
        ("y", "dx", "dkernel", "dbias"), (y, *gradients), expected, strict=True
    ):
        if theirs is None:
            assert ours is None
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11, err_msg=what)


def test_most_cases_are_small_enough_for_the_oracle():
    count = sum(len(cases.load("convolution")[name]) for name in PRODUCTS)
    assert len(list(small_cases())) > 0.6 * count


# ------------------------------------------------------------------------- arithmetic of windows

GRID = list(itertools.product(range(1, 8), (1, 2, 3), (1, 2, 3, 4), (1, 2)))


def counted(size, window, stride, dilation, before, after):
    """How many places a window has, found by moving it until it no longer fits."""
    places = 0
    while places * stride + (window - 1) * dilation < before + size + after:
        places += 1
    return places


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (2, 3)])
def test_output_sizes_are_what_counting_gives(pair):
    for size, window, stride, dilation in GRID:
        (out,) = _windows.output_sizes((size,), (window,), (stride,), (pair,), (dilation,))
        assert max(out, 0) == counted(size, window, stride, dilation, *pair)


def test_same_keeps_sizes_and_puts_the_odd_zero_behind():
    for size, window, stride, dilation in GRID:
        options = ((size,), (window,), (stride,))
        ((before, after),) = _windows.padding_pairs("same", *options, (dilation,))
        assert after - before in (0, 1)
        out = counted(size, window, stride, dilation, before, after)
        assert out == math.ceil(size / stride)
        assert _windows.output_sizes(*options, "same", (dilation,)) == (out,)


def test_causal_outputs_see_nothing_that_comes_later():
    for size, window, stride, dilation in GRID:
        ((before, after),) = _windows.padding_pairs("causal", (size,), (window,), (1,), (dilation,))
        assert after == 0
        out = counted(size, window, stride, dilation, before, after)
        assert out == math.ceil(size / stride)
        last = (window - 1) * dilation - before  # what the output at 0 sees last
        assert last == 0


def test_sizes_that_are_not_known_stay_so():
    for padding in ("valid", "same", "causal"):
        assert _windows.output_sizes((None, 7), (3, 3), (1, 2), padding, (1, 1))[0] is None
    for padding in ("valid", "same"):
        sizes = _windows.transposed_sizes((None, 7), (3, 3), (1, 2), padding, None, (1, 1))
        assert sizes[0] is None
        assert sizes[1] in (14, 15)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_convolution_of_a_transposed_size_leads_back(padding):
    for size, window, stride, dilation in GRID:
        for extra in (None, *range(stride)):
            given = ((window,), (stride,))
            output_padding = None if extra is None else (extra,)
            (out,) = _windows.transposed_sizes(
                (size,), *given, padding, output_padding, (dilation,)
            )
            if out < 1:
                continue
            (pair,) = _windows.transposed_pairs(padding, (size,), (out,), *given, (dilation,))
            assert counted(out, window, stride, dilation, *pair) == size


IMAGE = dict(strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ((2, 5, 5, 3), (3, 3, 2, 4), None, *IMAGE.values(), 1),
            "3 channels, but kernel expects 2",
        ),
        (((2, 5, 5, 3), (3, 3, 1, 4), None, *IMAGE.values(), 2), "groups=2 must divide"),
        (((2, 5, 5, 3), (3, 3, 3, 4), (3,), *IMAGE.values(), 1), r"bias needs shape \(4,\)"),
        (((2, 5, 5), (3, 3, 3, 4), None, *IMAGE.values(), 1), "x needs the axes"),
        (((2, 5, 2, 3), (3, 3, 3, 4), None, *IMAGE.values(), 1), "along axis 2 the window spans 3"),
        (((2, 5, 5, 3), (3, 0, 3, 4), None, *IMAGE.values(), 1), "start at 1"),
        (
            ((2, 5, 5, 3), (3, 3, 3, 4), None, (1, 1), ((0, 0),), (1, 1), 1),
            "padding needs 2 entries",
        ),
        (
            ((2, 5, 5, 3), (3, 3, 3, 4), None, (1, 1), ((0, -1), (0, 0)), (1, 1), 1),
            "padding at 0",
        ),
    ],
)
def test_a_convolution_that_does_not_fit_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        _windows.check_conv(*arguments)


def test_the_other_checks_refuse_too():
    with pytest.raises(ValueError, match="3 channels, but kernel expects 2"):
        _windows.check_depthwise_conv((1, 5, 5, 3), (3, 3, 2, 1), None, *IMAGE.values())
    with pytest.raises(ValueError, match="3 channels, but kernel expects 4"):
        _windows.check_conv_transpose((1, 5, 5, 3), (3, 3, 2, 4), None, *IMAGE.values(), (7, 7))
    with pytest.raises(ValueError, match=r"\(8, 7\) gives \(6, 5\)"):
        _windows.check_conv_transpose((1, 5, 5, 3), (3, 3, 2, 3), None, *IMAGE.values(), (8, 7))
    with pytest.raises(ValueError, match="nothing but padding"):
        _windows.check_pool("max_pool", (1, 4, 3), (2,), (1,), ((2, 0),))
    with pytest.raises(ValueError, match="nothing but padding"):
        _windows.check_pool("max_pool", (1, 4, 3), (2,), (2,), ((0, 2),))
    assert _windows.check_pool("max_pool", (1, 4, 3), (2,), (2,), ((0, 1),)) == (2,)
