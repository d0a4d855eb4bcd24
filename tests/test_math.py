"""The elementary functions of the fast engine: at most 2 ulp wrong, and right at the edges.

The yardstick is NumPy one precision higher. `np.longdouble` is that for float64 on x86 only; where
it is nothing but float64, the float64 columns are left out.
"""

import numpy as np
import pytest

math = pytest.importorskip("diptych.fastcore.kernels.vector_math", reason="no fast engine")

HAS_LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant
HIGHER = {np.float32: np.float64, np.float64: np.longdouble}
DTYPES = [
    np.float32,
    pytest.param(
        np.float64, marks=pytest.mark.skipif(not HAS_LONG, reason="no wider type to compare with")
    ),
]
ULP = dict.fromkeys(math.NAMES, 2.0) | {"normal_cdf": 8.0}


def erf(x):
    """2/sqrt(pi) exp(-x^2) sum 2^k x^(2k+1) / (1*3*...*(2k+1)): only positive terms for x > 0."""
    term = x.copy()
    total = x.copy()
    for k in range(1, 160):
        term = term * (2 * x * x) / (2 * k + 1)
        total += term
    return 2 / np.sqrt(4 * np.arctan(np.ones_like(x))) * np.exp(-x * x) * total


def normal_cdf(x):
    """Phi(x) = erfc(a) / 2, a = -x / sqrt(2): by erf where |a| < 2, by Laplace's continued fraction
    beyond.
    """
    half, two = np.ones_like(x) / 2, np.ones_like(x) * 2
    a = np.abs(x) / np.sqrt(two)
    fraction = np.zeros_like(a)
    for k in range(200, 0, -1):
        fraction = (k / 2) / (np.maximum(a, 2) + fraction)
    root_pi = np.sqrt(4 * np.arctan(np.ones_like(a)))
    far = np.exp(-x * x / 2) / (root_pi * (np.maximum(a, 2) + fraction))
    tail = half * np.where(a < 2, 1 - erf(np.minimum(a, 2)), far)
    return np.where(x < 0, tail, 1 - tail)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "erf": erf,
    "gauss": lambda x: np.exp(-x * x / 2),
    "normal_cdf": normal_cdf,
}


def samples(name, dtype):
    """Points over the range where the result is a normal number, many of them where it is hard."""
    rng = np.random.default_rng(7)
    big = 1 if dtype == np.float32 else 8  # how far the exponents reach, relative to float32
    lowest, highest = -86.0 * big, 88.0 * big
    n = 40_000
    if name == "log":
        parts = [np.exp(rng.uniform(lowest, highest, n)), rng.uniform(0.3, 3, n)]
        parts.append(1 + rng.normal(size=n) * 10.0 ** rng.uniform(-8, -1, n))
    elif name == "log1p":
        parts = [np.exp(rng.uniform(-40, 80, n)), rng.uniform(-0.999, 3, n)]
        parts.append(rng.normal(size=n) * 10.0 ** rng.uniform(-20, -2, n))
    else:
        ends = {"erf": (-5.9, 5.9), "gauss": (-13.0 * big**0.5, 13.0 * big**0.5)}
        ends["normal_cdf"] = (-12.5 * big**0.5, 12.5 * big**0.5)
        low, high = ends.get(name, (lowest, highest))
        parts = [rng.uniform(low, high, n), rng.uniform(-3, 3, n)]
        parts.append(rng.normal(size=n) * 10.0 ** rng.uniform(-30, 0, n))
        if name == "sigmoid":  # where exp(-x) is so large that 1 + exp(-x) nearly forgets the 1
            digits = np.finfo(dtype).nmant + 1
            parts.append(-np.log(2) * rng.uniform(digits - 1, digits + 1, n))
    return np.concatenate(parts).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", math.NAMES)
def test_error_in_ulp(name, dtype):
    x = samples(name, dtype)
    got = math.evaluate(name, x)
    exact = EXACT[name](x.astype(HIGHER[dtype]))
    assert got.dtype == dtype
    error = np.abs(got - exact) / np.spacing(np.abs(exact).astype(dtype))
    worst = np.argmax(error)
    assert error[worst] <= ULP[name], (
        f"{name}({x[worst]!r}) is {got[worst]!r}, not {exact[worst]!r}: {error[worst]:.3f} ulp"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", math.NAMES)
def test_edges(name, dtype):
    """Infinities, NaN, signed zeros, subnormals and huge numbers: what NumPy gives."""
    info = np.finfo(dtype)
    tiny = [info.smallest_subnormal, info.tiny / 8, info.tiny]
    x = np.array([0.0, *tiny, 1.0, 30.0, 200.0, 1e4, 1e30, info.max, np.inf, np.nan], dtype)
    if name in ("gauss", "normal_cdf"):  # whose NaN is the caller's
        x = x[:-1]
    x = np.concatenate([x, -x])
    got = math.evaluate(name, x)
    if name == "erf":
        want = np.clip(x, -1, 1)
        want[np.abs(x) < 1e-30] *= dtype(1.1283791670955126)
        want[np.abs(x) == 1] = np.sign(x[np.abs(x) == 1]) * dtype(0.8427007929497149)
    else:
        with np.errstate(all="ignore"):
            want = EXACT[name](x)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    assert np.array_equal(np.signbit(got[got == 0]), np.signbit(want[got == 0]))
    np.testing.assert_allclose(got, want, rtol=20 * info.eps, atol=info.smallest_subnormal)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_underflow_is_gradual(dtype):
    """exp passes through the subnormals, one rounding from the exact value, and ends at 0."""
    info = np.finfo(dtype)
    low = np.log(np.float64(info.tiny))
    x = np.linspace(low, low - 0.7 * info.nmant, 50).astype(dtype)
    got = math.evaluate("exp", x)
    assert np.all(got[:40] > 0)
    scale = np.float64(np.exp(-low))
    want = np.exp(x.astype(np.float64) - low)
    np.testing.assert_allclose(
        got * scale, want, rtol=0, atol=1.01 * info.smallest_subnormal * scale
    )
    assert math.evaluate("exp", np.array([low - 0.7 * info.nmant - 2], dtype))[0] == 0


@pytest.mark.parametrize("name", math.NAMES)
def test_every_position_of_a_vector(name):
    """Vector body and remainder give the same bits, whatever the length."""
    x = np.random.default_rng(3).uniform(0.1, 4, 41).astype(np.float32)
    whole = math.evaluate(name, x)
    for start in (0, 1, 5):
        for stop in (start + 1, start + 7, 40):
            assert np.array_equal(math.evaluate(name, x[start:stop]), whole[start:stop])
