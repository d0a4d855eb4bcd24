"""Nodes for operations element by element: arithmetic, comparisons, logic, activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .builder import Builder, Value
from .tables import NODES, converts

# --------------------------------------------------------------------------------------------------
# Operations that ONNX has

UNARY = {
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
    "absolute": "Abs",
    "fabs": "Abs",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "erf": "Erf",
    "activations.sigmoid": "Sigmoid",
    "activations.tanh": "Tanh",
    "activations.softplus": "Softplus",
    "activations.softsign": "Softsign",
    "copy": "Identity",
    "stop_gradient": "Identity",
}
BINARY = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
}
COMPARISONS = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
}
LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
BITS = {"bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor"}


def workable(g: Builder, x: Value) -> Value:
    """``x`` in a dtype with which runtimes compute: small integers and booleans in 32 bits. The
    result gets its own dtype back.
    """
    kinds = {"b": np.int32, "i": np.int32, "u": np.int32, "f": np.float32}
    if x.dtype.kind not in kinds or x.dtype in (np.int32, np.int64, np.float32, np.float64):
        return x
    return g.cast(x, np.int64 if x.dtype in (np.uint32, np.uint64) else kinds[x.dtype.kind])


def _unary(kind: str) -> Callable:
    return lambda g, x: g.elementwise(kind, workable(g, x))


def _binary(kind: str) -> Callable:
    def convert(g: Builder, a: Value, b: Value) -> Value:
        a, b = workable(g, a), workable(g, b)
        (one, axes), (other, others) = g.before_turn(a), g.before_turn(b)
        if axes != others:
            return g.op(kind, a, b)
        return g.transpose(g.op(kind, one, other), axes)  # both are turned alike, or not at all

    return convert


def _comparison(kind: str) -> Callable:
    return lambda g, a, b: workable(g, a).compare(kind, workable(g, b))


def _logic(kind: str) -> Callable:
    return lambda g, a, b: g.op(kind, g.cast(a, bool), g.cast(b, bool))


NODES.update({name: _unary(kind) for name, kind in UNARY.items()})
NODES.update({name: _binary(kind) for name, kind in BINARY.items()})
NODES.update({name: _comparison(kind) for name, kind in COMPARISONS.items()})
NODES.update({name: _logic(kind) for name, kind in LOGIC.items()})
NODES.update({name: lambda g, a, b, kind=kind: g.op(kind, a, b) for name, kind in BITS.items()})
NODES["bitwise_not"] = lambda g, x: g.op("Not" if x.dtype == bool else "BitwiseNot", x)
NODES["not_equal"] = lambda g, a, b: g.op("Not", workable(g, a).compare("Equal", workable(g, b)))
NODES["logical_not"] = lambda g, x: g.op("Not", g.cast(x, bool))
NODES["cast"] = lambda g, x, dtype: g.cast(x, dtype)

# --------------------------------------------------------------------------------------------------
# Arithmetic that ONNX lacks


@converts("square")
def _square(g: Builder, x: Value) -> Value:
    x = workable(g, x)
    return x * x


@converts("rsqrt")
def _rsqrt(g: Builder, x: Value) -> Value:
    return g.op("Reciprocal", g.op("Sqrt", x))


@converts("cbrt")
def _cbrt(g: Builder, x: Value) -> Value:
    return g.op("Sign", x) * g.op("Pow", g.op("Abs", x), g.like(1 / 3, x))


@converts("hypot")
def _hypot(g: Builder, a: Value, b: Value) -> Value:
    return g.op("Sqrt", a * a + b * b)


@converts("exp2")
def _exp2(g: Builder, x: Value) -> Value:
    return g.op("Exp", x * math.log(2))


@converts("expm1")
def _expm1(g: Builder, x: Value) -> Value:
    return g.op("Exp", x) - 1


@converts("log2")
def _log2(g: Builder, x: Value) -> Value:
    return g.op("Log", x) / math.log(2)


@converts("log10")
def _log10(g: Builder, x: Value) -> Value:
    return g.op("Log", x) / math.log(10)


@converts("log1p")
def _log1p(g: Builder, x: Value) -> Value:
    return g.op("Log", x + 1)


@converts("logaddexp")
def _logaddexp(g: Builder, a: Value, b: Value) -> Value:
    return g.op("Max", a, b) + g.op("Softplus", -g.op("Abs", a - b))


@converts("deg2rad")
def _deg2rad(g: Builder, x: Value) -> Value:
    return x * (math.pi / 180)


@converts("rad2deg")
def _rad2deg(g: Builder, x: Value) -> Value:
    return x * (180 / math.pi)


@converts("sinc")
def _sinc(g: Builder, x: Value) -> Value:
    none = x.compare("Equal", 0)
    angle = g.where(none, 1, x) * math.pi
    return g.where(none, 1, g.op("Sin", angle) / angle)


@converts("arctan2")
def _arctan2(g: Builder, y: Value, x: Value) -> Value:
    angle = g.op("Atan", y / x)
    half = g.where(y.compare("Less", 0), g.const(-math.pi, x.dtype), math.pi)
    angle = g.where(x.compare("Less", 0), angle + half, angle)
    upright = g.op("Sign", y) * (math.pi / 2)
    return g.where(x.compare("Equal", 0), upright, angle)


@converts("trunc")
def _trunc(g: Builder, x: Value) -> Value:
    if x.dtype.kind != "f":
        return x
    return g.op("Sign", x) * g.op("Floor", g.op("Abs", x))


@converts("mod")
def _mod(g: Builder, a: Value, b: Value) -> Value:
    a, b = workable(g, a), workable(g, b)
    if a.dtype.kind != "f":
        return g.op("Mod", a, b)
    return a - g.op("Floor", a / b) * b


@converts("fmod")
def _fmod(g: Builder, a: Value, b: Value) -> Value:
    return g.op("Mod", workable(g, a), workable(g, b), fmod=1)


@converts("floor_divide")
def _floor_divide(g: Builder, a: Value, b: Value) -> Value:
    a, b = workable(g, a), workable(g, b)
    if a.dtype.kind != "f":
        return (a - g.op("Mod", a, b)) / b
    return g.op("Floor", a / b)


@converts("divide_no_nan")
def _divide_no_nan(g: Builder, a: Value, b: Value) -> Value:
    none = b.compare("Equal", 0)
    return g.where(none, 0, a / g.where(none, 1, b))


@converts("fmax")
def _fmax(g: Builder, a: Value, b: Value) -> Value:
    return _but_for_nan(g, "Max", a, b)


@converts("fmin")
def _fmin(g: Builder, a: Value, b: Value) -> Value:
    return _but_for_nan(g, "Min", a, b)


def _but_for_nan(g: Builder, kind: str, a: Value, b: Value) -> Value:
    if a.dtype.kind != "f":
        return g.op(kind, a, b)
    one = g.where(g.op("IsNaN", b, dtype=bool), a, g.op(kind, a, b))
    return g.where(g.op("IsNaN", a, dtype=bool), b, one)


@converts("round")
def _round(g: Builder, x: Value, decimals: int) -> Value:
    if x.dtype.kind != "f":
        return x
    return g.op("Round", x * 10.0**decimals) / 10.0**decimals if decimals else g.op("Round", x)


@converts("clip")
def _clip(g: Builder, x: Value, low: Value, high: Value) -> Value:
    x, low, high = (workable(g, part) for part in (x, low, high))
    return g.op("Min", g.op("Max", x, low), high)


@converts("nan_to_num")
def _nan_to_num(g: Builder, x: Value, nan: Any, posinf: Any, neginf: Any) -> Value:
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    posinf = limits.max if posinf is None else posinf
    neginf = limits.min if neginf is None else neginf
    y = g.where(g.op("IsNaN", x, dtype=bool), nan, x)
    y = g.where(_isinf(g, x, detect_negative=0), posinf, y)
    return g.where(_isinf(g, x, detect_positive=0), neginf, y)


# --------------------------------------------------------------------------------------------------
# Tests of values


def _isinf(g: Builder, x: Value, **sides: Any) -> Value:
    return g.op("IsInf", g.cast(x, np.float32), dtype=bool, **sides)


NODES["isinf"] = _isinf
NODES["isposinf"] = lambda g, x: _isinf(g, x, detect_negative=0)
NODES["isneginf"] = lambda g, x: _isinf(g, x, detect_positive=0)


@converts("isnan")
def _isnan(g: Builder, x: Value) -> Value:
    return g.op("IsNaN", x if x.dtype.kind == "f" else g.cast(x, np.float32), dtype=bool)


@converts("isfinite")
def _isfinite(g: Builder, x: Value) -> Value:
    return g.op("Not", g.op("Or", _isnan(g, x), _isinf(g, x)))


@converts("isclose")
def _isclose(g: Builder, a: Value, b: Value, rtol: float, atol: float, equal_nan: bool) -> Value:
    a, b = workable(g, a), workable(g, b)
    if a.dtype.kind != "f":
        a, b = g.cast(a, np.float32), g.cast(b, np.float32)
    near = g.op("Abs", a - b).compare("LessOrEqual", g.op("Abs", b) * rtol + atol)
    near = g.op("Or", near, a.compare("Equal", b))
    if not equal_nan:
        return near
    return g.op("Or", near, g.op("And", _isnan(g, a), _isnan(g, b)))


# --------------------------------------------------------------------------------------------------
# Activations


@converts("piecewise.relu")
def _relu(
    g: Builder,
    x: Value,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Value:
    if not negative_slope and not threshold:
        y = g.elementwise("Relu", x)
    elif not threshold:
        y = g.elementwise("LeakyRelu", x, alpha=float(negative_slope))
    else:
        y = g.where(x.compare("LessOrEqual", threshold), (x - threshold) * negative_slope, x)
    return y if max_value is None else g.op("Min", y, g.like(max_value, y))


@converts("piecewise.relu6")
def _relu6(g: Builder, x: Value) -> Value:
    return _relu(g, x, max_value=6.0)


@converts("piecewise.leaky_relu")
def _leaky_relu(g: Builder, x: Value, negative_slope: float) -> Value:
    return g.elementwise("LeakyRelu", x, alpha=float(negative_slope))


@converts("piecewise.prelu")
def _prelu(g: Builder, x: Value, alpha: Value) -> Value:
    return g.op("PRelu", x, alpha)


@converts("activations.elu")
def _elu(g: Builder, x: Value, alpha: float) -> Value:
    return g.elementwise("Elu", x, alpha=float(alpha))


@converts("activations.selu")
def _selu(g: Builder, x: Value) -> Value:
    return g.elementwise("Selu", x)


@converts("activations.celu")
def _celu(g: Builder, x: Value, alpha: float) -> Value:
    return g.elementwise("Celu", x, alpha=float(alpha))


@converts("activations.gelu")
def _gelu(g: Builder, x: Value, approximate: bool) -> Value:
    if approximate:
        inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * 0.5 * (g.op("Tanh", inner) + 1)
    return x * 0.5 * (g.op("Erf", x * math.sqrt(0.5)) + 1)


@converts("activations.log_sigmoid")
def _log_sigmoid(g: Builder, x: Value) -> Value:
    return -g.op("Softplus", -x)


@converts("piecewise.hard_sigmoid")
def _hard_sigmoid(g: Builder, x: Value) -> Value:
    return g.elementwise("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@converts("piecewise.hard_silu")
def _hard_silu(g: Builder, x: Value) -> Value:
    return x * _hard_sigmoid(g, x)


@converts("piecewise.hard_tanh")
def _hard_tanh(g: Builder, x: Value) -> Value:
    return _clip(g, x, g.like(-1, x), g.like(1, x))


@converts("activations.tanh_shrink")
def _tanh_shrink(g: Builder, x: Value) -> Value:
    return x - g.op("Tanh", x)


@converts("piecewise.hard_shrink")
def _hard_shrink(g: Builder, x: Value, threshold: float) -> Value:
    return g.where(g.op("Abs", x).compare("Greater", threshold), x, 0)


@converts("piecewise.soft_shrink")
def _soft_shrink(g: Builder, x: Value, threshold: float) -> Value:
    return g.op("Sign", x) * g.op("Relu", g.op("Abs", x) - threshold)


@converts("piecewise.threshold")
def _threshold(g: Builder, x: Value, threshold: float, default_value: float) -> Value:
    return g.where(x.compare("Greater", threshold), x, default_value)


@converts("activations.squareplus")
def _squareplus(g: Builder, x: Value, b: float) -> Value:
    return (x + g.op("Sqrt", x * x + b)) * 0.5


@converts("activations.silu")
def _silu(g: Builder, x: Value) -> Value:
    return x * g.op("Sigmoid", x)


@converts("activations.mish")
def _mish(g: Builder, x: Value) -> Value:
    return x * g.op("Tanh", g.op("Softplus", x))


@converts("activations.glu")
def _glu(g: Builder, x: Value, axis: int) -> Value:
    half = g.op("Shape", x, dtype=np.int64, start=axis, end=None if axis == -1 else axis + 1)
    half = half / 2
    a, b = g.op("Split", x, g.join(half, half), outputs=2, axis=axis)
    return a * g.op("Sigmoid", b)


@converts("activations.softmax")
def _softmax(g: Builder, x: Value, axis: int) -> Value:
    return g.op("Softmax", x, axis=axis)


@converts("activations.log_softmax")
def _log_softmax(g: Builder, x: Value, axis: int) -> Value:
    return g.op("LogSoftmax", x, axis=axis)


@converts("erfc")
def _erfc(g: Builder, x: Value) -> Value:
    return 1 - g.op("Erf", x)
