"""Element-by-element operations, each with its derivative.

In a rule, ``g`` is the gradient of the output, ``y`` the output, and ``x`` (or ``a`` and ``b``) the
input. ``Binary`` sums gradients over broadcast axes. Step functions (sign, floor, ceil, round,
trunc) have the gradient zero.
"""

import math

import numpy as np

from ..operation import ArrayOp
from ..shape_rules import broadcast, same
from .array_ops import Binary, Unary, unbroadcast, zero

# --------------------------------------------------------------------------------------------------
# Arithmetic

add = Binary("add", np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
subtract = Binary("subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
multiply = Binary("multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide = Binary(
    "divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, floating=True
)
negative = Unary("negative", np.negative, lambda g, y, x: -g)
reciprocal = Unary("reciprocal", np.reciprocal, lambda g, y, x: -g * y * y, floating=True)
mod = Binary("mod", np.mod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
fmod = Binary("fmod", np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.trunc(a / b))
floor_divide = Binary(
    "floor_divide",
    np.floor_divide,
    lambda g, y, a, b: np.zeros_like(g),
    lambda g, y, a, b: np.zeros_like(g),
)


def _divide_no_nan(a, b):
    return np.divide(
        a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape), a.dtype), where=b != 0
    )


divide_no_nan: ArrayOp = Binary(
    "divide_no_nan",
    _divide_no_nan,
    lambda g, y, a, b: divide_no_nan.in_rule(g, b),
    lambda g, y, a, b: divide_no_nan.in_rule(-g * y, b),
    floating=True,
)


# --------------------------------------------------------------------------------------------------
# Powers, roots, exponentials, logarithms


def _power_wrt_exponent(g, y, a, b):
    # d a**b / db = a**b log(a), which tends to 0 with a for b > 0; log(a) is undefined for a <= 0.
    return g * y * np.log(np.where(a > 0, a, 1))


power = Binary(
    "power",
    np.power,
    lambda g, y, a, b: g * b * np.power(a, np.where(b != 0, b - 1, 1)),
    _power_wrt_exponent,
)
square = Unary("square", np.square, lambda g, y, x: 2 * g * x)
sqrt = Unary("sqrt", np.sqrt, lambda g, y, x: g / (2 * y), floating=True)
rsqrt = Unary("rsqrt", lambda x: 1 / np.sqrt(x), lambda g, y, x: -g * y / (2 * x), floating=True)
cbrt = Unary("cbrt", np.cbrt, lambda g, y, x: g / (3 * y * y), floating=True)
hypot = Binary(
    "hypot", np.hypot, lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y, floating=True
)

exp = Unary("exp", np.exp, lambda g, y, x: g * y, floating=True)
exp2 = Unary("exp2", np.exp2, lambda g, y, x: g * y * math.log(2), floating=True)
expm1 = Unary("expm1", np.expm1, lambda g, y, x: g * (y + 1), floating=True)
log = Unary("log", np.log, lambda g, y, x: g / x, floating=True)
log2 = Unary("log2", np.log2, lambda g, y, x: g / (x * math.log(2)), floating=True)
log10 = Unary("log10", np.log10, lambda g, y, x: g / (x * math.log(10)), floating=True)
log1p = Unary("log1p", np.log1p, lambda g, y, x: g / (x + 1), floating=True)
logaddexp = Binary(
    "logaddexp",
    np.logaddexp,
    lambda g, y, a, b: g * np.exp(a - y),
    lambda g, y, a, b: g * np.exp(b - y),
    floating=True,
)
logaddexp2 = Binary(
    "logaddexp2",
    np.logaddexp2,
    lambda g, y, a, b: g * np.exp2(a - y),
    lambda g, y, a, b: g * np.exp2(b - y),
    floating=True,
)

# --------------------------------------------------------------------------------------------------
# Trigonometry

sin = Unary("sin", np.sin, lambda g, y, x: g * np.cos(x), floating=True)
cos = Unary("cos", np.cos, lambda g, y, x: -g * np.sin(x), floating=True)
tan = Unary("tan", np.tan, lambda g, y, x: g * (1 + y * y), floating=True)
arcsin = Unary("arcsin", np.arcsin, lambda g, y, x: g / np.sqrt(1 - x * x), floating=True)
arccos = Unary("arccos", np.arccos, lambda g, y, x: -g / np.sqrt(1 - x * x), floating=True)
arctan = Unary("arctan", np.arctan, lambda g, y, x: g / (1 + x * x), floating=True)
arctan2 = Binary(
    "arctan2",
    np.arctan2,
    lambda g, y, a, b: g * b / (a * a + b * b),
    lambda g, y, a, b: -g * a / (a * a + b * b),
    floating=True,
)
sinh = Unary("sinh", np.sinh, lambda g, y, x: g * np.cosh(x), floating=True)
cosh = Unary("cosh", np.cosh, lambda g, y, x: g * np.sinh(x), floating=True)
arcsinh = Unary("arcsinh", np.arcsinh, lambda g, y, x: g / np.sqrt(x * x + 1), floating=True)
arccosh = Unary("arccosh", np.arccosh, lambda g, y, x: g / np.sqrt(x * x - 1), floating=True)
arctanh = Unary("arctanh", np.arctanh, lambda g, y, x: g / (1 - x * x), floating=True)
deg2rad = Unary("deg2rad", np.deg2rad, lambda g, y, x: g * (math.pi / 180), floating=True)
rad2deg = Unary("rad2deg", np.rad2deg, lambda g, y, x: g * (180 / math.pi), floating=True)


def _sinc_rule(g, y, x):
    # sinc(x) = sin(pi x) / (pi x); near 0 its slope is -pi^2 x / 3.
    away = np.where(x == 0, 1, x)
    near = x * (-(math.pi**2) / 3)
    return g * np.where(x == 0, near, (np.cos(math.pi * x) - y) / away)


sinc = Unary("sinc", lambda x: np.sinc(x).astype(x.dtype), _sinc_rule, floating=True)

# --------------------------------------------------------------------------------------------------
# Sizes, steps and choices

absolute = Unary("absolute", np.absolute, lambda g, y, x: g * np.sign(x))
fabs = Unary("fabs", np.fabs, lambda g, y, x: g * np.sign(x), floating=True)
sign = Unary("sign", np.sign, zero)
floor = Unary("floor", np.floor, zero, floating=True)
ceil = Unary("ceil", np.ceil, zero, floating=True)
trunc = Unary("trunc", np.trunc, zero)


def _to_winner(g, wins, ties):
    """The whole gradient goes to the winner of two; in a tie, half of it goes to each."""
    return np.where(ties, g / 2, np.where(wins, g, np.zeros_like(g)))


maximum = Binary(
    "maximum",
    np.maximum,
    lambda g, y, a, b: _to_winner(g, a > b, a == b),
    lambda g, y, a, b: _to_winner(g, b > a, a == b),
)
minimum = Binary(
    "minimum",
    np.minimum,
    lambda g, y, a, b: _to_winner(g, a < b, a == b),
    lambda g, y, a, b: _to_winner(g, b < a, a == b),
)
fmax = Binary(
    "fmax",
    np.fmax,
    lambda g, y, a, b: _to_winner(g, (a > b) | np.isnan(b), a == b),
    lambda g, y, a, b: _to_winner(g, (b > a) | np.isnan(a), a == b),
)
fmin = Binary(
    "fmin",
    np.fmin,
    lambda g, y, a, b: _to_winner(g, (a < b) | np.isnan(b), a == b),
    lambda g, y, a, b: _to_winner(g, (b < a) | np.isnan(a), a == b),
)

_round = ArrayOp(
    "round",
    np.round,
    lambda g, y, x, decimals: np.zeros_like(x),
    shape=same,
    dtype=lambda x, decimals: np.round(np.zeros(1, x)).dtype,
)
_nan_to_num = ArrayOp(
    "nan_to_num",
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda g, y, x, **fill: g * np.isfinite(x),
    shape=same,
)
_clip = ArrayOp(
    "clip",
    np.clip,
    lambda g, y, x, low, high: unbroadcast(g * ((x >= low) & (x <= high)), x),
    lambda g, y, x, low, high: unbroadcast(g * (x < low), low),
    lambda g, y, x, low, high: unbroadcast(g * ((x > high) & (x >= low)), high),
    same=0,
    shape=broadcast,
)


def round(x, decimals=0):
    """Round to the given number of decimals, halves to the even neighbour. The gradient is zero."""
    return _round(x, decimals=decimals)


def clip(x, x_min, x_max):
    """Limit ``x`` to x_min ... x_max; between them, ends included, the gradient passes."""
    return _clip(x, x_min, x_max)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Replace NaN by ``nan``, and the infinities by numbers: by default the largest ones."""
    return _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
