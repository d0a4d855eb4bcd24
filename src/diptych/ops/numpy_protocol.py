"""NumPy's functions on tensors: gradients flow through ``np.mean(np.square(y - p))`` as in
``diptych.ops``.

A NumPy function that is not listed here still computes values, but raises an error if its gradient
is needed.
"""

import numpy as np

from ..graph import KerasTensor
from ..nested import flatten, map_structure
from ..operation import ArrayOp
from ..tensor import Tensor, is_symbolic
from . import (
    creation,
    elementwise,
    indexing,
    linalg,
    logic,
    nn,
    ordering,
    reductions,
    shapes,
)

# NumPy's elementwise functions (ufuncs): np.add(x, y), also called for `array + tensor`.
UFUNCS = {
    np.absolute: elementwise.absolute,
    np.add: elementwise.add,
    np.arccos: elementwise.arccos,
    np.arccosh: elementwise.arccosh,
    np.arcsin: elementwise.arcsin,
    np.arcsinh: elementwise.arcsinh,
    np.arctan: elementwise.arctan,
    np.arctan2: elementwise.arctan2,
    np.arctanh: elementwise.arctanh,
    np.bitwise_and: logic.bitwise_and,
    np.bitwise_or: logic.bitwise_or,
    np.bitwise_xor: logic.bitwise_xor,
    np.cbrt: elementwise.cbrt,
    np.ceil: elementwise.ceil,
    np.cos: elementwise.cos,
    np.cosh: elementwise.cosh,
    np.deg2rad: elementwise.deg2rad,
    np.divide: elementwise.divide,
    np.equal: logic.equal,
    np.exp: elementwise.exp,
    np.exp2: elementwise.exp2,
    np.expm1: elementwise.expm1,
    np.fabs: elementwise.fabs,
    np.floor: elementwise.floor,
    np.floor_divide: elementwise.floor_divide,
    np.fmax: elementwise.fmax,
    np.fmin: elementwise.fmin,
    np.fmod: elementwise.fmod,
    np.greater: logic.greater,
    np.greater_equal: logic.greater_equal,
    np.hypot: elementwise.hypot,
    np.invert: logic.bitwise_not,
    np.isfinite: logic.isfinite,
    np.isinf: logic.isinf,
    np.isnan: logic.isnan,
    np.left_shift: logic.bitwise_left_shift,
    np.less: logic.less,
    np.less_equal: logic.less_equal,
    np.log: elementwise.log,
    np.log10: elementwise.log10,
    np.log1p: elementwise.log1p,
    np.log2: elementwise.log2,
    np.logaddexp: elementwise.logaddexp,
    np.logaddexp2: elementwise.logaddexp2,
    np.logical_and: logic.logical_and,
    np.logical_not: logic.logical_not,
    np.logical_or: logic.logical_or,
    np.logical_xor: logic.logical_xor,
    np.matmul: linalg.matmul,
    np.maximum: elementwise.maximum,
    np.minimum: elementwise.minimum,
    np.multiply: elementwise.multiply,
    np.negative: elementwise.negative,
    np.not_equal: logic.not_equal,
    np.power: elementwise.power,
    np.rad2deg: elementwise.rad2deg,
    np.reciprocal: elementwise.reciprocal,
    np.remainder: elementwise.mod,
    np.right_shift: logic.bitwise_right_shift,
    np.rint: elementwise.round,
    np.sign: elementwise.sign,
    np.sin: elementwise.sin,
    np.sinh: elementwise.sinh,
    np.sqrt: elementwise.sqrt,
    np.square: elementwise.square,
    np.subtract: elementwise.subtract,
    np.tan: elementwise.tan,
    np.tanh: nn.tanh,
    np.trunc: elementwise.trunc,
}

# All other functions, with NumPy's arguments in order, under their names in diptych.ops; "-" marks
# an argument that the operation does not have.
_ARGUMENTS = {
    np.all: (reductions.all, "x axis - keepdims"),
    np.any: (reductions.any, "x axis - keepdims"),
    np.amax: (reductions.max, "x axis - keepdims initial"),
    np.amin: (reductions.min, "x axis - keepdims initial"),
    np.append: (shapes.append, "x1 x2 axis"),
    np.argmax: (reductions.argmax, "x axis - keepdims"),
    np.argmin: (reductions.argmin, "x axis - keepdims"),
    np.argsort: (ordering.argsort, "x axis"),
    np.array_split: (shapes.array_split, "x indices_or_sections axis"),
    np.around: (elementwise.round, "x decimals"),
    np.average: (reductions.average, "x axis weights"),
    np.broadcast_to: (shapes.broadcast_to, "x shape"),
    np.clip: (elementwise.clip, "x x_min x_max"),
    np.concatenate: (shapes.concatenate, "xs axis"),
    np.copy: (creation.copy, "x"),
    np.count_nonzero: (reductions.count_nonzero, "x axis"),
    np.cross: (linalg.cross, "x1 x2 axisa axisb axisc axis"),
    np.cumprod: (ordering.cumprod, "x axis"),
    np.cumsum: (ordering.cumsum, "x axis"),
    np.diag: (linalg.diag, "x k"),
    np.diagonal: (linalg.diagonal, "x offset axis1 axis2"),
    np.diff: (ordering.diff, "a n axis"),
    np.dot: (linalg.dot, "x1 x2"),
    np.expand_dims: (shapes.expand_dims, "x axis"),
    np.flip: (shapes.flip, "x axis"),
    np.fliplr: (shapes.fliplr, "x"),
    np.flipud: (shapes.flipud, "x"),
    np.full_like: (creation.full_like, "x fill_value dtype"),
    np.hstack: (shapes.hstack, "xs"),
    np.inner: (linalg.inner, "x1 x2"),
    np.linalg.cholesky: (linalg.cholesky, "x"),
    np.linalg.det: (linalg.det, "x"),
    np.linalg.inv: (linalg.inv, "x"),
    np.linalg.norm: (reductions.norm, "x ord axis keepdims"),
    np.linalg.solve: (linalg.solve, "a b"),
    np.max: (reductions.max, "x axis - keepdims initial"),
    np.mean: (reductions.mean, "x axis - - keepdims"),
    np.median: (ordering.median, "x axis - - keepdims"),
    np.min: (reductions.min, "x axis - keepdims initial"),
    np.moveaxis: (shapes.moveaxis, "x source destination"),
    np.nan_to_num: (elementwise.nan_to_num, "x - nan posinf neginf"),
    np.ndim: (creation.ndim, "x"),
    np.ones_like: (creation.ones_like, "x dtype"),
    np.outer: (linalg.outer, "x1 x2"),
    np.pad: (shapes.pad, "x pad_width mode"),
    np.prod: (reductions.prod, "x axis dtype - keepdims"),
    np.ravel: (shapes.ravel, "x"),
    np.repeat: (shapes.repeat, "x repeats axis"),
    np.reshape: (shapes.reshape, "x newshape"),
    np.roll: (shapes.roll, "x shift axis"),
    np.rot90: (shapes.rot90, "array k axes"),
    np.round: (elementwise.round, "x decimals"),
    np.shape: (creation.shape, "x"),
    np.sinc: (elementwise.sinc, "x"),
    np.size: (creation.size, "x"),
    np.sort: (ordering.sort, "x axis"),
    np.split: (shapes.split, "x indices_or_sections axis"),
    np.squeeze: (shapes.squeeze, "x axis"),
    np.stack: (shapes.stack, "x axis"),
    np.std: (reductions.std, "x axis - - - keepdims"),
    np.sum: (reductions.sum, "x axis - - keepdims"),
    np.swapaxes: (shapes.swapaxes, "x axis1 axis2"),
    np.take: (indexing.take, "x indices axis"),
    np.take_along_axis: (indexing.take_along_axis, "x indices axis"),
    np.tensordot: (linalg.tensordot, "x1 x2 axes"),
    np.tile: (shapes.tile, "x repeats"),
    np.trace: (linalg.trace, "x offset axis1 axis2"),
    np.transpose: (shapes.transpose, "x axes"),
    np.tril: (linalg.tril, "x k"),
    np.triu: (linalg.triu, "x k"),
    np.var: (reductions.var, "x axis - - - keepdims"),
    np.vdot: (linalg.vdot, "x1 x2"),
    np.vstack: (shapes.vstack, "xs"),
    np.where: (indexing.where, "condition x1 x2"),
    np.zeros_like: (creation.zeros_like, "x dtype"),
}
FUNCTIONS = {function: (op, names.split()) for function, (op, names) in _ARGUMENTS.items()}


# NumPy's keywords that have another name in diptych.ops.
ALIASES = {"a_min": "x_min", "a_max": "x_max", "min": "x_min", "max": "x_max", "shape": "newshape"}


_CANNOT_WRITE = (
    "writes into an array, which the tape would not record. Write `y = f(x)` instead, or get the "
    "values with diptych.ops.convert_to_numpy(x)."
)


def _refuse_out(function, kwargs):
    if kwargs.pop("out", None) is not None:
        raise TypeError(
            f"np.{function.__name__}(..., out=...), or an operator like `array += tensor`, "
            f"{_CANNOT_WRITE}"
        )


def _arguments(names, args, kwargs):
    """NumPy's arguments as those of the operation, or None if it lacks one of them."""
    if len(args) > len(names):
        return None
    found = {}
    for name, value in zip(names, args, strict=False):
        if name != "-":
            found[name] = value
        elif value is not None:
            return None
    for name, value in kwargs.items():
        name = names[0] if name in ("a", "x") else ALIASES.get(name, name)
        if name not in names or name in found:
            return None
        found[name] = value
    return found


def _values_only(function, args, kwargs):
    """Compute with arrays; the result has no gradient rule."""
    leaves = flatten([args, kwargs])
    for x in leaves:
        if is_symbolic(x):
            raise TypeError(
                f"{x.name} is symbolic: it has a shape, {x.shape}, but no values, and "
                f"np.{function.__name__} called like this has no counterpart in diptych.ops. Use a "
                "Lambda layer."
            )
    tensors = [x for x in leaves if isinstance(x, Tensor)]

    def forward(*arrays):
        remaining = iter(arrays)
        own_args, own_kwargs = map_structure(
            lambda x: next(remaining) if isinstance(x, Tensor) else x, (args, kwargs)
        )
        return function(*own_args, **own_kwargs)

    name = f"np.{function.__name__}"
    y = forward(*[creation.convert_to_numpy(x) for x in tensors])
    if isinstance(y, (np.ndarray, np.number)):
        return ArrayOp(name, lambda *arrays: y)(*tensors)
    if isinstance(y, (list, tuple)) and all(isinstance(part, np.ndarray) for part in y):
        return ArrayOp(name, lambda *arrays: list(y))(*tensors)
    if y is None and any(x.tracked for x in tensors):
        raise TypeError(f"{name}(...) {_CANNOT_WRITE}")
    return y


def _array_ufunc(self, ufunc, method, *inputs, **kwargs):
    """``np.exp(tensor)``, and ``array * tensor``, which NumPy calls as ``np.multiply``."""
    _refuse_out(ufunc, kwargs)
    if method == "__call__" and not kwargs and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    return _values_only(getattr(ufunc, method), inputs, kwargs)


def _array_function(self, function, types, args, kwargs):
    """``np.mean(tensor, axis=0)`` and the like."""
    kwargs = dict(kwargs)
    _refuse_out(function, kwargs)
    if function is np.einsum:
        return linalg.einsum(*args)
    if function in FUNCTIONS:
        op, names = FUNCTIONS[function]
        found = _arguments(names, args, kwargs)
        if found is not None:
            first = found.pop(names[0])
            return op(first, **found)
    return _values_only(function, args, kwargs)


for _cls in (Tensor, KerasTensor):
    _cls.__array_ufunc__ = _array_ufunc
    _cls.__array_function__ = _array_function
