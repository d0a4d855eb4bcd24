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

add = Binary("add", np.add, lambda g, y, a, b: g, lambda g, y, a, b: g, doc="x1 + x2.")
subtract = Binary(
    "subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g, doc="x1 - x2."
)
multiply = Binary(
    "multiply",
    np.multiply,
    lambda g, y, a, b: g * b,
    lambda g, y, a, b: g * a,
    doc="x1 x2, the product of each pair.",
)
divide = Binary(
    "divide",
    np.divide,
    lambda g, y, a, b: g / b,
    lambda g, y, a, b: -g * y / b,
    floating=True,
    doc="x1 / x2; by zero it is infinite, and 0 / 0 is NaN.",
)
negative = Unary("negative", np.negative, lambda g, y, x: -g, doc="-x.")
reciprocal = Unary(
    "reciprocal", np.reciprocal, lambda g, y, x: -g * y * y, floating=True, doc="1 / x."
)
mod = Binary(
    "mod",
    np.mod,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g * np.floor_divide(a, b),
    counting=True,
    doc=(
        "x1 - x2 floor(x1 / x2), the remainder with the sign of x2. At its jumps, "
        "the multiples of x2, the gradient is that of either side."
    ),
)
fmod = Binary(
    "fmod",
    np.fmod,
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g * np.trunc(a / b),
    counting=True,
    doc=(
        "x1 - x2 trunc(x1 / x2), the remainder with the sign of x1. At its jumps, "
        "the multiples of x2, the gradient is that of either side."
    ),
)
floor_divide = Binary(
    "floor_divide",
    np.floor_divide,
    lambda g, y, a, b: np.zeros_like(g),
    lambda g, y, a, b: np.zeros_like(g),
    counting=True,
    doc="floor(x1 / x2), a step function: the gradient is zero.",
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
    doc="x1 / x2, and 0 where x2 is 0, where the gradients are 0 as well.",
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
    counting=True,
    doc="x1**x2. The gradient by x2 needs log(x1), and counts as zero for x1 <= 0.",
)
square = Unary("square", np.square, lambda g, y, x: 2 * g * x, counting=True, doc="x**2.")
sqrt = Unary(
    "sqrt",
    np.sqrt,
    lambda g, y, x: g / (2 * y),
    floating=True,
    doc="The square root of x, NaN below 0; at 0 the gradient is infinite.",
)
rsqrt = Unary(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    lambda g, y, x: -g * y / (2 * x),
    floating=True,
    doc="1 / sqrt(x), infinite at 0 and NaN below.",
)
cbrt = Unary(
    "cbrt",
    np.cbrt,
    lambda g, y, x: g / (3 * y * y),
    floating=True,
    doc="The cube root of x, of negative numbers too; at 0 the gradient is infinite.",
)
hypot = Binary(
    "hypot",
    np.hypot,
    lambda g, y, a, b: g * a / y,
    lambda g, y, a, b: g * b / y,
    floating=True,
    doc=("sqrt(x1**2 + x2**2), without overflow of the squares; at (0, 0) the gradient is NaN."),
)

exp = Unary("exp", np.exp, lambda g, y, x: g * y, floating=True, doc="e**x.")
exp2 = Unary("exp2", np.exp2, lambda g, y, x: g * y * math.log(2), floating=True, doc="2**x.")
expm1 = Unary(
    "expm1",
    np.expm1,
    lambda g, y, x: g * (y + 1),
    floating=True,
    doc="e**x - 1, exact for small x as well.",
)
log = Unary(
    "log",
    np.log,
    lambda g, y, x: g / x,
    floating=True,
    doc="The natural logarithm of x: minus infinity at 0, NaN below.",
)
log2 = Unary(
    "log2",
    np.log2,
    lambda g, y, x: g / (x * math.log(2)),
    floating=True,
    doc="The logarithm of x to the base 2: minus infinity at 0, NaN below.",
)
log10 = Unary(
    "log10",
    np.log10,
    lambda g, y, x: g / (x * math.log(10)),
    floating=True,
    doc="The logarithm of x to the base 10: minus infinity at 0, NaN below.",
)
log1p = Unary(
    "log1p",
    np.log1p,
    lambda g, y, x: g / (x + 1),
    floating=True,
    doc="log(1 + x), exact for small x as well: minus infinity at -1, NaN below.",
)
logaddexp = Binary(
    "logaddexp",
    np.logaddexp,
    lambda g, y, a, b: g * np.exp(a - y),
    lambda g, y, a, b: g * np.exp(b - y),
    floating=True,
    doc="log(e**x1 + e**x2), without overflow.",
)
logaddexp2 = Binary(
    "logaddexp2",
    np.logaddexp2,
    lambda g, y, a, b: g * np.exp2(a - y),
    lambda g, y, a, b: g * np.exp2(b - y),
    floating=True,
    doc="log2(2**x1 + 2**x2), without overflow.",
)

# --------------------------------------------------------------------------------------------------
# Trigonometry

sin = Unary(
    "sin",
    np.sin,
    lambda g, y, x: g * np.cos(x),
    floating=True,
    doc="The sine of x, an angle in radians.",
)
cos = Unary(
    "cos",
    np.cos,
    lambda g, y, x: -g * np.sin(x),
    floating=True,
    doc="The cosine of x, an angle in radians.",
)
tan = Unary(
    "tan",
    np.tan,
    lambda g, y, x: g * (1 + y * y),
    floating=True,
    doc="The tangent of x, an angle in radians.",
)
arcsin = Unary(
    "arcsin",
    np.arcsin,
    lambda g, y, x: g / np.sqrt(1 - x * x),
    floating=True,
    doc=(
        "The angle in [-pi/2, pi/2] whose sine is x; NaN beyond -1 and 1, where the "
        "gradient is infinite."
    ),
)
arccos = Unary(
    "arccos",
    np.arccos,
    lambda g, y, x: -g / np.sqrt(1 - x * x),
    floating=True,
    doc=(
        "The angle in [0, pi] whose cosine is x; NaN beyond -1 and 1, where the "
        "gradient is infinite."
    ),
)
arctan = Unary(
    "arctan",
    np.arctan,
    lambda g, y, x: g / (1 + x * x),
    floating=True,
    doc="The angle in (-pi/2, pi/2) whose tangent is x.",
)
arctan2 = Binary(
    "arctan2",
    np.arctan2,
    lambda g, y, a, b: g * b / (a * a + b * b),
    lambda g, y, a, b: -g * a / (a * a + b * b),
    floating=True,
    doc=(
        "The angle of the point (x2, x1) in [-pi, pi], x1 being the ordinate; at (0, "
        "0) the gradient is NaN."
    ),
)
sinh = Unary(
    "sinh",
    np.sinh,
    lambda g, y, x: g * np.cosh(x),
    floating=True,
    doc="The hyperbolic sine of x, (e**x - e**-x) / 2.",
)
cosh = Unary(
    "cosh",
    np.cosh,
    lambda g, y, x: g * np.sinh(x),
    floating=True,
    doc="The hyperbolic cosine of x, (e**x + e**-x) / 2.",
)
arcsinh = Unary(
    "arcsinh",
    np.arcsinh,
    lambda g, y, x: g / np.sqrt(x * x + 1),
    floating=True,
    doc="The number whose hyperbolic sine is x, log(x + sqrt(x**2 + 1)).",
)
arccosh = Unary(
    "arccosh",
    np.arccosh,
    lambda g, y, x: g / np.sqrt(x * x - 1),
    floating=True,
    doc=(
        "The number of at least 0 whose hyperbolic cosine is x; NaN below 1, where "
        "the gradient is infinite."
    ),
)
arctanh = Unary(
    "arctanh",
    np.arctanh,
    lambda g, y, x: g / (1 - x * x),
    floating=True,
    doc="The number whose hyperbolic tangent is x; infinite at -1 and 1, NaN beyond.",
)
deg2rad = Unary(
    "deg2rad",
    np.deg2rad,
    lambda g, y, x: g * (math.pi / 180),
    floating=True,
    doc="x degrees in radians, x pi / 180.",
)
rad2deg = Unary(
    "rad2deg",
    np.rad2deg,
    lambda g, y, x: g * (180 / math.pi),
    floating=True,
    doc="x radians in degrees, x 180 / pi.",
)


def _sinc_rule(g, y, x):
    # sinc(x) = sin(pi x) / (pi x); near 0 its slope is -pi^2 x / 3.
    away = np.where(x == 0, 1, x)
    near = x * (-(math.pi**2) / 3)
    return g * np.where(x == 0, near, (np.cos(math.pi * x) - y) / away)


sinc = Unary(
    "sinc",
    lambda x: np.sinc(x).astype(x.dtype),
    _sinc_rule,
    floating=True,
    doc="sin(pi x) / (pi x), and 1 at 0.",
)

# --------------------------------------------------------------------------------------------------
# Sizes, steps and choices

absolute = Unary(
    "absolute", np.absolute, lambda g, y, x: g * np.sign(x), doc="|x|; at 0 the gradient is 0."
)
fabs = Unary(
    "fabs",
    np.fabs,
    lambda g, y, x: g * np.sign(x),
    floating=True,
    doc="|x| as a float; at 0 the gradient is 0.",
)
sign = Unary(
    "sign", np.sign, zero, doc="-1, 0 or 1: the sign of x, a step function, whose gradient is zero."
)
floor = Unary(
    "floor",
    np.floor,
    zero,
    floating=True,
    doc=("The greatest whole number that is at most x: a step function, whose gradient is zero."),
)
ceil = Unary(
    "ceil",
    np.ceil,
    zero,
    floating=True,
    doc=("The least whole number that is at least x: a step function, whose gradient is zero."),
)
trunc = Unary(
    "trunc",
    np.trunc,
    zero,
    doc=(
        "x without its fraction, the whole number next to it towards 0: a step "
        "function, whose gradient is zero."
    ),
)


def _to_winner(g, wins, ties):
    """The whole gradient goes to the winner of two; in a tie, half of it goes to each."""
    return np.where(ties, g / 2, np.where(wins, g, np.zeros_like(g)))


maximum = Binary(
    "maximum",
    np.maximum,
    lambda g, y, a, b: _to_winner(g, a > b, a == b),
    lambda g, y, a, b: _to_winner(g, b > a, a == b),
    doc=(
        "The greater of x1 and x2, NaN if one of them is. Of equals each gets half of the gradient."
    ),
)
minimum = Binary(
    "minimum",
    np.minimum,
    lambda g, y, a, b: _to_winner(g, a < b, a == b),
    lambda g, y, a, b: _to_winner(g, b < a, a == b),
    doc=(
        "The lesser of x1 and x2, NaN if one of them is. Of equals each gets half of the gradient."
    ),
)
fmax = Binary(
    "fmax",
    np.fmax,
    lambda g, y, a, b: _to_winner(g, (a > b) | np.isnan(b), a == b),
    lambda g, y, a, b: _to_winner(g, (b > a) | np.isnan(a), a == b),
    doc=(
        "The greater of x1 and x2, the other one if one is NaN. Of equals each gets "
        "half of the gradient."
    ),
)
fmin = Binary(
    "fmin",
    np.fmin,
    lambda g, y, a, b: _to_winner(g, (a < b) | np.isnan(b), a == b),
    lambda g, y, a, b: _to_winner(g, (b < a) | np.isnan(a), a == b),
    doc=(
        "The lesser of x1 and x2, the other one if one is NaN. Of equals each gets "
        "half of the gradient."
    ),
)

_round = ArrayOp(
    "round",
    lambda x, decimals: x if x.dtype.kind == "b" else np.round(x, decimals),
    lambda g, y, x, decimals: np.zeros_like(x),
    shape=same,
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
    counting=True,
    shape=broadcast,
)


def round(x, decimals=0):
    """Round to the given number of decimals, halves to the even neighbour. The gradient is zero.
    Shape and dtype stay.
    """
    return _round(x, decimals=decimals)


def clip(x, x_min, x_max):
    """Limit ``x`` to x_min ... x_max; between them, ends included, the gradient passes.

    A bound that is None is none. The shapes of all three broadcast, and the result has theirs.
    """
    return _clip(x, _within(x, x_min, -np.inf), _within(x, x_max, np.inf))


def _within(x, bound, beyond):
    """A bound for ``x``; None is ``beyond``. For integers, a whole number beyond their dtype is its
    least or greatest.
    """
    kind = getattr(x, "dtype", None)
    whole = kind is not None and np.dtype(kind).kind in "iu"
    if not whole or not (bound is None or isinstance(bound, int)):
        return beyond if bound is None else bound
    info = np.iinfo(kind)
    return min(max(beyond if bound is None else bound, info.min), info.max)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Replace NaN by ``nan``, and the infinities by numbers: by default the largest ones.

    The shape and dtype of ``x`` stay.
    """
    return _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
