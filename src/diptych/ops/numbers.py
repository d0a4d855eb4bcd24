"""Divisors, signs and bits of numbers, and the parts of complex ones.

Complex tensors come from ``view_as_complex``, ``polar`` and ``eig`` alone. No gradient goes through
them: the Fourier transforms of ``signals`` take and return pairs of real tensors instead.
"""

import numpy as np

from .. import config
from ..graph import KerasTensor
from ..operation import ArrayOp
from ..promotion import dtype_named
from ..shape_rules import broadcast, nth_axis, replaced
from ..tensor import Tensor
from .array_ops import Binary, Unary, unbroadcast, zero
from .creation import as_tensor, cast, dtype, is_whole
from .elementwise import clip
from .indexing import where
from .whole import sizes_of, whole

# --------------------------------------------------------------------------------------------------
# Divisors, steps, signs

_gcd = Binary("gcd", np.gcd, constant=True)
_lcm = Binary("lcm", np.lcm, constant=True)
heaviside = Binary(
    "heaviside",
    np.heaviside,
    lambda g, y, a, b: np.zeros_like(g),
    lambda g, y, a, b: g * (a == 0),
    floating=True,
    doc=(
        "0 below 0, 1 above, and x2 where x1 is 0, which alone has a gradient there; "
        "that by x1 is zero."
    ),
)
nextafter = Binary(
    "nextafter", np.nextafter, floating=True, doc="The float next to x1 on the way to x2."
)
signbit = Unary(
    "signbit",
    np.signbit,
    constant=True,
    doc="Whether the sign of x is minus, which -0.0 has as well.",
)
_ldexp = ArrayOp(
    "ldexp",
    np.ldexp,
    lambda g, y, x, exponent: unbroadcast(g * np.exp2(exponent.astype(x.dtype)), x),
    shape=broadcast,
)


def _integers(name, *inputs):
    for x in inputs:
        if not is_whole(x) or dtype(x) == "bool":
            raise ValueError(f"{name}() takes integers, but got {dtype(x)}.")
    return inputs


def gcd(x1, x2):
    """The greatest common divisor of integers, element by element, of shapes that broadcast.

    Raises:
        ValueError: something else than integers.
    """
    return _gcd(*_integers("gcd", x1, x2))


def lcm(x1, x2):
    """The least common multiple of integers, element by element, of shapes that broadcast.

    Raises:
        ValueError: something else than integers.
    """
    return _lcm(*_integers("lcm", x1, x2))


def ldexp(x1, x2):
    """x1 * 2**x2, exactly, of shapes that broadcast.

    Args:
        x1: numbers; integers give floats.
        x2: integers.

    Raises:
        TypeError: ``x2`` is not made of integers.
    """
    if not is_whole(x2):
        raise TypeError(f"ldexp() takes integers as exponents, but got {dtype(x2)}.")
    return _ldexp(as_float(x1), cast(x2, "int32"))


def as_float(x):
    """``x`` as a tensor; integers become the configured float type."""
    x = as_tensor(x)
    return cast(x, config.floatx()) if is_whole(x) else x


# --------------------------------------------------------------------------------------------------
# Dtypes


def _limits(name):
    kind = np.dtype(name).kind
    if kind == "b":
        return 0, 1
    if kind in "iu":
        return np.iinfo(name).min, np.iinfo(name).max
    return float(np.finfo(name).min), float(np.finfo(name).max)


def saturate_cast(x, dtype):
    """Return ``x`` in another dtype; what is beyond that dtype's numbers becomes its least or
    greatest, instead of any number that the bits happen to give. The shape is that of ``x``.
    """
    x, dtype = as_tensor(x), dtype_named(dtype)
    source = np.dtype(x.dtype)
    (least, greatest), (low, high) = _limits(source.name), _limits(dtype)
    low, high = max(least, low), min(greatest, high)
    if source.kind != "f" or dtype.kind == "f":
        return cast(x if source.kind == "b" else clip(x, low, high), dtype)
    # No float32 is 2**31 - 1: the last one below it is the bound, and more becomes 2**31 - 1.
    bounds = [np.nextafter(source.type(n), source.type(0)) for n in (low, high)]
    inside = cast(clip(x, *bounds), dtype)
    least, greatest = as_tensor(low, dtype), as_tensor(high, dtype)
    return where(x <= low, least, where(x >= high, greatest, inside))


def _viewed(x, dtype):
    if str(dtype) == "bfloat16":
        raise ValueError("view() cannot read bits as bfloat16, which NumPy has not.")
    shape = sizes_of(x)
    last, before = nth_axis(-1, len(shape)), np.dtype(x.dtype).itemsize
    after = dtype_named(dtype or x.dtype).itemsize
    n = shape[last]
    if n is not None and n * before % after:
        raise ValueError(
            f"view() got lines of {n} numbers of {x.dtype}, which are not a whole number of "
            f"{dtype}."
        )
    size = None if n is None else n * before // after
    return KerasTensor(replaced(shape, last, size), dtype or x.dtype)


@whole(_viewed)
def view(x, dtype=None):
    """Return the same bits read as another dtype; no gradient flows through them.

    Args:
        x: (..., N).
        dtype: the other dtype; None: that of ``x``.

    Returns:
        (..., N * a / b), a and b being the sizes of a number before and after.

    Raises:
        ValueError: a line of ``x`` is not a whole number of the new numbers, or they are bfloat16.
    """
    x = as_tensor(x)
    if dtype is None:
        return x
    _viewed(x, dtype)
    dtype = dtype_named(dtype)
    return Tensor(np.ascontiguousarray(x.array).view(dtype).copy())


# --------------------------------------------------------------------------------------------------
# Complex numbers


def _of_real_numbers(rule):
    def guarded(g, y, x):
        if x.dtype.kind == "c":
            raise NotImplementedError(
                "Gradients do not go through complex numbers, but one is needed. The Fourier "
                "transforms of diptych.ops take and return pairs of real tensors, which have "
                "gradients."
            )
        return rule(g, y, x)

    return guarded


def _angle(x):
    return np.angle(x).astype(np.zeros(0, x.dtype).real.dtype)


isreal = Unary(
    "isreal",
    np.isreal,
    constant=True,
    doc="Whether x has no imaginary part; all but complex numbers are real.",
)
real = Unary(
    "real",
    lambda x: np.real(x).copy(),
    _of_real_numbers(lambda g, y, x: g),
    doc=(
        "The real part of x: x itself, if it is not complex. No gradient flows "
        "through complex numbers."
    ),
)
imag = Unary(
    "imag",
    lambda x: np.imag(x).copy(),
    _of_real_numbers(zero),
    doc=(
        "The imaginary part of x: zero, if it is not complex. No gradient flows "
        "through complex numbers."
    ),
)
conj = Unary(
    "conj",
    lambda x: np.conjugate(x) if x.dtype.kind == "c" else x.copy(),
    _of_real_numbers(lambda g, y, x: g),
    doc=(
        "x with the opposite imaginary part: x itself, if it is not complex. No "
        "gradient flows through complex numbers."
    ),
)
angle = Unary(
    "angle",
    _angle,
    _of_real_numbers(zero),
    floating=True,
    doc=(
        "The angle of the complex number x in radians: 0 or pi for a real one, where "
        "the gradient is zero."
    ),
)

_COMPLEX = {"float16": "complex64", "float32": "complex64", "float64": "complex128"}


def _complex_shape(x):
    last = nth_axis(-1, len(x))
    if x[last] not in (2, None):
        raise ValueError(f"the last axis must have size 2, for real and imaginary part: {x}.")
    return x[:last]


_view_as_complex = ArrayOp(
    "view_as_complex",
    lambda x: (x[..., 0] + 1j * x[..., 1]).astype(_COMPLEX[x.dtype.name]),
    shape=_complex_shape,
    dtype=lambda x: _COMPLEX[x.name],
)
_view_as_real = ArrayOp(
    "view_as_real",
    lambda x: np.stack([x.real, x.imag], axis=-1),
    shape=lambda x: (*x, 2),
    dtype=lambda x: np.zeros(0, x).real.dtype,
)
_polar = ArrayOp(
    "polar",
    lambda r, angle: (r * np.cos(angle) + 1j * (r * np.sin(angle))).astype(_COMPLEX[r.dtype.name]),
    floating=True,
    shape=broadcast,
    dtype=lambda r, angle: _COMPLEX[r.name],
)


def view_as_complex(x):
    """Complex numbers (...) from their real and imaginary parts (..., 2); complex64 from float32,
    complex128 from float64. No gradient goes through complex numbers.
    """
    return _view_as_complex(as_float(x))


def view_as_real(x):
    """The real and imaginary parts (..., 2) of complex numbers (...)."""
    return _view_as_real(x)


def polar(abs_, angle):
    """Complex numbers from their absolute values and angles in radians, of shapes that broadcast;
    complex64 from float32, complex128 from float64. No gradient goes through complex numbers.
    """
    return _polar(abs_, angle)
