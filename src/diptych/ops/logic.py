"""Comparisons, logic and tests of values; they are not differentiable."""

import numpy as np

from ..operation import ArrayOp
from ..shape_rules import broadcast, same
from .array_ops import Binary, Unary

equal = Binary("equal", np.equal, constant=True, doc="Whether x1 == x2; NaN equals nothing.")
not_equal = Binary(
    "not_equal", np.not_equal, constant=True, doc="Whether x1 != x2; NaN differs from everything."
)
greater = Binary("greater", np.greater, constant=True, doc="Whether x1 > x2.")
greater_equal = Binary("greater_equal", np.greater_equal, constant=True, doc="Whether x1 >= x2.")
less = Binary("less", np.less, constant=True, doc="Whether x1 < x2.")
less_equal = Binary("less_equal", np.less_equal, constant=True, doc="Whether x1 <= x2.")

logical_and = Binary(
    "logical_and",
    np.logical_and,
    constant=True,
    doc="Whether both are true; every number but 0 is.",
)
logical_or = Binary(
    "logical_or",
    np.logical_or,
    constant=True,
    doc="Whether at least one is true; every number but 0 is.",
)
logical_xor = Binary(
    "logical_xor",
    np.logical_xor,
    constant=True,
    doc="Whether exactly one is true; every number but 0 is.",
)
logical_not = Unary("logical_not", np.logical_not, constant=True, doc="Whether x is false, or 0.")

isnan = Unary("isnan", np.isnan, constant=True, doc="Whether x is NaN.")
isinf = Unary("isinf", np.isinf, constant=True, doc="Whether x is infinite, of either sign.")
isfinite = Unary(
    "isfinite",
    np.isfinite,
    constant=True,
    doc="Whether x is a number that is neither infinite nor NaN.",
)
isposinf = Unary("isposinf", np.isposinf, constant=True, doc="Whether x is plus infinity.")
isneginf = Unary("isneginf", np.isneginf, constant=True, doc="Whether x is minus infinity.")

_bitwise_and = Binary("bitwise_and", np.bitwise_and, constant=True)
_bitwise_or = Binary("bitwise_or", np.bitwise_or, constant=True)
_bitwise_xor = Binary("bitwise_xor", np.bitwise_xor, constant=True)
bitwise_not = Unary(
    "bitwise_not",
    np.invert,
    constant=True,
    doc="All bits of the integer x turned over; of a bool, its opposite.",
)
_bitwise_left_shift = Binary("bitwise_left_shift", np.left_shift, constant=True, counting=True)
_bitwise_right_shift = Binary("bitwise_right_shift", np.right_shift, constant=True, counting=True)


def bitwise_and(x, y):
    """The bits that both integers have, element by element, of shapes that broadcast."""
    return _bitwise_and(x, y)


def bitwise_or(x, y):
    """The bits that one of two integers has, element by element, of shapes that broadcast."""
    return _bitwise_or(x, y)


def bitwise_xor(x, y):
    """The bits that just one of two integers has, element by element, of shapes that broadcast."""
    return _bitwise_xor(x, y)


def bitwise_left_shift(x, y):
    """The bits of ``x`` moved up by ``y`` places, element by element, of shapes that broadcast."""
    return _bitwise_left_shift(x, y)


def bitwise_right_shift(x, y):
    """The bits of ``x`` moved down by ``y`` places, element by element; shapes broadcast."""
    return _bitwise_right_shift(x, y)


def _one_answer(*shapes, **tolerances):
    broadcast(*shapes)
    return ()


_isclose = ArrayOp("isclose", np.isclose, constant=True, same=0, shape=broadcast, dtype="bool")
_allclose = ArrayOp("allclose", np.allclose, constant=True, same=0, shape=_one_answer, dtype="bool")
_isin = ArrayOp("isin", np.isin, constant=True, shape=same, dtype="bool")


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether elements are equal within a tolerance.

    The shapes of x1 and x2 broadcast, and the result of bools has theirs. Close is |x1 - x2| <=
    atol + rtol |x2|; NaN is close to NaN only with ``equal_nan``.
    """
    return _isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are equal within a tolerance.

    The shapes of x1 and x2 broadcast; the result is a bool of shape (). Close is |x1 - x2| <= atol
    + rtol |x2|; NaN is close to NaN only with ``equal_nan``.
    """
    return _allclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)


def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of ``x1`` is among the elements of ``x2``.

    The result of bools has the shape of x1; that of x2 does not matter. ``invert`` asks for those
    that are not there.
    """
    return _isin(x1, x2, assume_unique=assume_unique, invert=invert)
