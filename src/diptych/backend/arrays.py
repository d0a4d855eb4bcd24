"""Variables, shapes, arithmetic and reductions of ``keras.backend``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import config, initializers, ops, random
from ..graph import KerasTensor
from ..legacy import accepts_old
from ..ops import (
    abs,
    argmax,
    argmin,
    clip,
    cos,
    equal,
    exp,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    maximum,
    minimum,
    not_equal,
    round,
    sign,
    sin,
    sqrt,
    square,
    squeeze,
    stop_gradient,
    transpose,
)
from ..tensor import Tensor, Variable

__all__ = [
    "abs", "all", "any", "arange", "argmax", "argmin", "batch_dot", "batch_flatten",
    "batch_get_value", "batch_set_value", "cast", "cast_to_floatx", "clip", "concatenate",
    "constant", "cos", "count_params", "cumprod", "cumsum", "dot", "dtype", "equal", "eval", "exp",
    "expand_dims", "eye", "flatten", "foldl", "foldr", "gather", "get_value", "get_variable_shape",
    "greater", "greater_equal", "identity", "int_shape", "is_sparse", "is_tensor", "less",
    "less_equal", "log", "logsumexp", "map_fn", "max", "maximum", "mean", "min", "minimum",
    "moving_average_update", "ndim", "not_equal", "one_hot", "ones", "ones_like",
    "permute_dimensions", "pow", "prod", "random_bernoulli", "random_binomial", "random_normal",
    "random_normal_variable", "random_uniform", "random_uniform_variable", "repeat",
    "repeat_elements", "reshape", "reverse", "round", "set_value", "shape", "sign", "sin", "slice",
    "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "sum", "switch", "tile",
    "to_dense", "transpose", "truncated_normal", "update", "update_add", "update_sub", "var",
    "variable", "zeros", "zeros_like",
]  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Variables and constants


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Any:
    """A variable with these values, in the float type unless ``dtype`` is given."""
    made = Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor with these values; a single value fills the ``shape``."""
    array = np.asarray(value, dtype or config.floatx())
    if shape is None:
        return Tensor(array)
    return Tensor(np.full(shape, array) if array.size == 1 else array.reshape(shape))


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of zeros."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of ones."""
    return variable(np.ones(shape), dtype, name)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable with the unit matrix; ``size`` is a number, or rows and columns."""
    rows, columns = size if isinstance(size, (tuple, list)) else (size, size)
    return variable(np.eye(rows, columns), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros in the shape of ``x``."""
    return ops.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones in the shape of ``x``."""
    return ops.ones_like(x, dtype)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: Any = None, seed: Any = None
) -> Variable:
    """A variable drawn from the normal distribution with standard deviation ``scale``."""
    return variable(initializers.RandomNormal(mean, scale, seed=seed)(shape), dtype, name)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: Any = None, seed: Any = None
) -> Variable:
    """A variable drawn from the uniform distribution over [low, high)."""
    return variable(initializers.RandomUniform(low, high, seed=seed)(shape), dtype, name)


def get_value(x: Any) -> np.ndarray:
    """A copy of the values."""
    return np.array(x)


def set_value(x: Variable, value: Any) -> None:
    """Copy values into a variable."""
    if not isinstance(x, Variable):
        raise TypeError(
            f"K.set_value changes a variable, but got {x!r} of type {type(x).__name__}. Is it the "
            "learning rate of an optimizer with `decay` or a schedule? That follows the schedule: "
            "set `model.optimizer.learning_rate = ...` instead."
        )
    x.assign(value)


def batch_get_value(tensors: Sequence) -> list[np.ndarray]:
    """Copies of the values of several variables."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Sequence) -> None:
    """Copy values into variables: a list of pairs (variable, value)."""
    for x, value in tuples:
        x.assign(value)


def eval(x: Any) -> np.ndarray:
    """The values of a tensor or variable."""
    return np.array(x)


def update(x: Variable, new_x: Any) -> Variable:
    """Copy new values into a variable."""
    return x.assign(new_x)


def update_add(x: Variable, increment: Any) -> Variable:
    """Add to a variable."""
    return x.assign_add(increment)


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from a variable."""
    return x.assign_sub(decrement)


def moving_average_update(x: Variable, value: Any, momentum: float) -> Variable:
    """Move a variable towards a value: x = momentum x + (1 - momentum) value."""
    return x.assign(x.array * momentum + np.asarray(value) * (1.0 - momentum))


# ------------------------------------------------------------------------------------------------
# Shapes and types


def shape(x: Any) -> tuple:
    """The shape as a tuple; None in it where a symbolic tensor's size is not known yet."""
    return tuple(x.shape)


def int_shape(x: Any) -> tuple:
    """The shape as a tuple of integers and None."""
    return tuple(x.shape)


def get_variable_shape(x: Any) -> tuple:
    """The shape as a tuple."""
    return tuple(x.shape)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """The dtype as a string."""
    return ops.dtype(x)


def count_params(x: Any) -> int:
    """The number of entries."""
    return int(np.prod(x.shape))


def is_tensor(x: Any) -> bool:
    """Whether this is a tensor, symbolic or not."""
    return isinstance(x, (Tensor, KerasTensor))


def is_sparse(tensor: Any) -> bool:
    """False: all tensors are dense."""
    return False


def to_dense(tensor: Any) -> Any:
    """The tensor itself: all tensors are dense."""
    return tensor


def identity(x: Any, name: str | None = None) -> Any:
    """A tensor with the same values."""
    return ops.copy(x)


def cast(x: Any, dtype: Any) -> Any:
    """The values in another dtype."""
    return ops.cast(x, dtype)


def cast_to_floatx(x: Any) -> Any:
    """The values in the float type: an array for an array, a tensor for a tensor."""
    if is_tensor(x):
        return ops.cast(x, config.floatx())
    return np.asarray(x, config.floatx())


def reshape(x: Any, shape: Any) -> Any:
    """The same values in another shape; one size may be -1."""
    return ops.reshape(x, tuple(-1 if size is None else size for size in shape))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order."""
    return ops.transpose(x, tuple(pattern))


def flatten(x: Any) -> Any:
    """All values as one row, the batch among them."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """(N, ...) as (N, D)."""
    sizes = x.shape[1:]
    known = None not in sizes
    return ops.reshape(x, (-1, int(np.prod(sizes)))) if known else ops.reshape(x, (x.shape[0], -1))


def expand_dims(x: Any, axis: int = -1) -> Any:
    """An axis of size 1 more."""
    return ops.expand_dims(x, axis)


def concatenate(tensors: Sequence, axis: int = -1) -> Any:
    """Tensors joined along an axis."""
    return ops.concatenate(list(tensors), axis)


def stack(x: Sequence, axis: int = 0) -> Any:
    """Tensors stacked along a new axis."""
    return ops.stack(list(x), axis)


def repeat(x: Any, n: int) -> Any:
    """(N, D) as (N, n, D)."""
    if ndim(x) != 2:
        raise ValueError(
            f"K.repeat takes a tensor of 2 axes, (batch, features), and got the shape {x.shape}; "
            "K.repeat_elements repeats along any axis."
        )
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each entry of an axis ``rep`` times."""
    return ops.repeat(x, rep, axis=axis)


def tile(x: Any, n: Any) -> Any:
    """The tensor ``n`` times along each axis; a single number is for the last axis."""
    n = [n] if isinstance(n, int) else [int(size) for size in n]
    return ops.tile(x, [1] * (ndim(x) - len(n)) + n)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Tensor:
    """Whole numbers from ``start`` to below ``stop``; with one number, from 0."""
    first, end = (0, start) if stop is None else (start, stop)
    return Tensor(np.arange(first, end, step).astype(dtype))


def reverse(x: Any, axes: Any) -> Any:
    """The order of one axis or several reversed."""
    return ops.flip(x, tuple(axes) if isinstance(axes, (list, tuple)) else axes)


def slice(x: Any, start: Sequence[int], size: Sequence[int]) -> Any:
    """A part of a tensor; a size of -1 reaches to the end of its axis."""
    sizes = [n - i if s == -1 else s for i, s, n in zip(start, size, x.shape, strict=True)]
    return ops.slice(x, tuple(start), tuple(sizes))


def gather(reference: Any, indices: Any) -> Any:
    """The entries of the first axis with these numbers."""
    return ops.take(reference, indices, axis=0)


def one_hot(indices: Any, num_classes: int) -> Any:
    """(...,) whole numbers as (..., num_classes), one 1 in each row."""
    return ops.one_hot(indices, num_classes)


# ------------------------------------------------------------------------------------------------
# Arithmetic


def pow(x: Any, a: Any) -> Any:
    """x to the power of a."""
    return ops.power(x, a)


def dot(x: Any, y: Any) -> Any:
    """The matrix product: the last axis of x with the last but one of y."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """The dot product sample by sample.

    Args:
        x, y: tensors of at least 2 axes, the batch first.
        axes: the axis of both, or a pair; by default the last of x with the last but one of y (the
            last, if y has only 2 axes).

    Returns the axes of x and of y without these and without the batch of y; (N, 1) if none is left.
    """
    a, b = ndim(x), ndim(y)
    if a < 2 or b < 2:
        raise ValueError(
            f"K.batch_dot takes tensors of at least 2 axes, the batch first; it got the shapes "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    if axes is None:
        axes = (a - 1, 1 if b == 2 else b - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % a, second % b
    if 0 in (first, second):
        raise ValueError(f"K.batch_dot got axes={axes}; axis 0 is the batch and cannot be summed.")
    sizes = x.shape[first], y.shape[second]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"K.batch_dot got shapes {tuple(x.shape)} and {tuple(y.shape)} with axes="
            f"{(first, second)}: the sizes along these axes are {sizes[0]} and {sizes[1]}, and "
            "must be equal."
        )
    letters = [chr(ord("a") + i) for i in range(a + b)]
    left, right = letters[:a], letters[a:]
    right[0], right[second] = left[0], left[first]
    result = [c for c in left if c != left[first]] + [c for c in right[1:] if c != left[first]]
    product = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x, y)
    return ops.expand_dims(product, 1) if len(result) == 1 else product


def _numbers(x: Any) -> Any:
    """Booleans as floats."""
    return ops.cast(x, config.floatx()) if ops.dtype(x) == "bool" else x


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum along axes."""
    return ops.sum(x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean along axes; that of booleans is a fraction."""
    return ops.mean(_numbers(x), axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product along axes."""
    return ops.prod(x, axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value along axes."""
    return ops.max(x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest value along axes."""
    return ops.min(x, axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance along axes."""
    return ops.var(_numbers(x), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation along axes."""
    return ops.std(_numbers(x), axis, keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along axes."""
    return ops.logsumexp(x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any value along axes is not zero."""
    return ops.any(x, axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all values along axes are not zero."""
    return ops.all(x, axis, keepdims)


def cumsum(x: Any, axis: int = 0) -> Any:
    """The running sum along an axis."""
    return ops.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """The running product along an axis."""
    return ops.cumprod(x, axis)


# ------------------------------------------------------------------------------------------------
# Choices and loops


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """``then_expression`` where the condition holds, else ``else_expression``.

    Both are tensors, or functions without arguments. A condition of fewer axes holds for whole
    rows.
    """
    single = isinstance(condition, (bool, int, np.bool_)) or not condition.shape
    if single and not isinstance(condition, KerasTensor):
        chosen = then_expression if bool(condition) else else_expression
        return chosen() if callable(chosen) else ops.convert_to_tensor(chosen)
    first = then_expression() if callable(then_expression) else then_expression
    second = else_expression() if callable(else_expression) else else_expression
    missing = len(first.shape) - len(condition.shape)
    for _ in range(missing):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, first, second)


def map_fn(fn: Callable, elems: Any, name: Any = None, dtype: Any = None) -> Any:
    """The results of a function of each entry of the first axis, stacked."""
    results = ops.stack([fn(elems[i]) for i in range(elems.shape[0])])
    return results if dtype is None else ops.cast(results, dtype)


def foldl(fn: Callable, elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """fn(...fn(fn(initializer, elems[0]), elems[1])..., elems[-1])."""
    return _fold(fn, elems, initializer, list(range(elems.shape[0])))


def foldr(fn: Callable, elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """``foldl`` from the last entry to the first."""
    return _fold(fn, elems, initializer, list(range(elems.shape[0]))[::-1])


def _fold(fn: Callable, elems: Any, value: Any, order: list[int]) -> Any:
    if value is None:
        value, order = elems[order[0]], order[1:]
    for i in order:
        value = fn(value, elems[i])
    return value


# ------------------------------------------------------------------------------------------------
# Random numbers


@accepts_old(std="stddev")
def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the normal distribution."""
    return random.normal(_known(shape), mean, stddev, dtype, seed)


@accepts_old(low="minval", high="maxval")
def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the uniform distribution over [minval, maxval); whole numbers for an integer
    dtype.
    """
    if dtype is not None and np.dtype(dtype).kind in "iu":
        return random.randint(_known(shape), minval, maxval, dtype, seed)
    return random.uniform(_known(shape), minval, maxval, dtype, seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Ones with probability p, and zeros."""
    return random.binomial(_known(shape), 1, p, dtype, seed)


random_binomial = random_bernoulli


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the normal distribution, again where a value is beyond two ``stddev``."""
    return random.truncated_normal(_known(shape), mean, stddev, dtype, seed)


def _known(shape: Any) -> tuple:
    sizes = tuple(shape)
    if builtins.any(size is None for size in sizes):
        raise ValueError(
            f"Random numbers need a known shape, but got {sizes}: inside a Lambda layer, or a "
            "layer of your own, K.shape(x) is the shape of the batch itself."
        )
    return tuple(int(size) for size in sizes)
