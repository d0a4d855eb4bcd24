"""Tensors, variables and their shapes: the names of ``tf`` itself."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ... import tensor as _tensor
from ...graph import KerasTensor
from ...nested import flatten, map_structure, pack_like
from ...tape import GradientTape as _Tape
from ...tensor import Tensor, from_python
from .dtypes import as_dtype

__all__ = [
    "GradientTape", "Tensor", "TensorShape", "TensorSpec", "Variable", "argsort", "boolean_mask",
    "broadcast_to", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "concat", "cond",
    "constant", "convert_to_tensor", "custom_gradient", "expand_dims", "fill", "function", "gather",
    "gather_nd", "global_norm", "gradients", "identity", "is_tensor", "linspace", "map_fn",
    "meshgrid", "norm", "one_hot", "ones", "ones_like", "pad", "range", "rank", "repeat", "reshape",
    "reverse", "roll", "scan", "shape", "size", "slice", "sort", "split", "squeeze", "stack",
    "stop_gradient", "tile", "transpose", "unique", "unstack", "where", "while_loop", "zeros",
    "zeros_like",
]  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Values


class Variable(_tensor.Variable):
    """A tensor whose values can be changed: ``tf.Variable(initial_value)``."""

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool = True,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        shape: Any = None,
        **kwargs: Any,
    ) -> None:
        if callable(initial_value) and not isinstance(initial_value, Tensor):
            initial_value = initial_value()
        super().__init__(_values(initial_value, dtype), trainable=trainable, name=name)
        self.constraint = constraint

    def read_value(self) -> Tensor:
        """The values as a tensor."""
        return ops.copy(self)


def _values(value: Any, dtype: Any = None) -> np.ndarray:
    array = from_python(value) if not isinstance(value, Tensor) else value.array
    return np.array(array, None if dtype in (None, "string") else dtype)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Tensor:
    """A tensor with these values; a single one fills the ``shape``."""
    array = _values(value, dtype)
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return Tensor(array)


def convert_to_tensor(value: Any, dtype: Any = None, name: Any = None, **kwargs: Any) -> Any:
    """A tensor with these values."""
    if isinstance(value, (Tensor, KerasTensor)) or _holds_tensors(value):
        value = ops.convert_to_tensor(value)
        return value if dtype is None else ops.cast(value, dtype)
    return constant(value, dtype)


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(x, (Tensor, KerasTensor)) for x in flatten(value)
    )


def fill(dims: Any, value: Any, name: Any = None) -> Tensor:
    """A tensor full of one value."""
    return Tensor(np.full(_sizes(dims), _values(value)))


def zeros(shape: Any, dtype: Any = "float32", name: Any = None) -> Tensor:
    """A tensor of zeros."""
    return Tensor(np.zeros(_sizes(shape), as_dtype(dtype)))


def ones(shape: Any, dtype: Any = "float32", name: Any = None) -> Tensor:
    """A tensor of ones."""
    return Tensor(np.ones(_sizes(shape), as_dtype(dtype)))


def zeros_like(input: Any, dtype: Any = None, name: Any = None) -> Any:
    """Zeros in the shape of ``input``."""
    return ops.zeros_like(input, dtype)


def ones_like(input: Any, dtype: Any = None, name: Any = None) -> Any:
    """Ones in the shape of ``input``."""
    return ops.ones_like(input, dtype)


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in (shape if np.ndim(shape) else [shape]))


def range(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: Any = None
) -> Tensor:
    """Numbers from ``start`` to below ``limit``; with one number, from 0."""
    first, end = (0, start) if limit is None else (start, limit)
    made = np.arange(*map(_number, (first, end, delta)))
    return Tensor(from_python(made.tolist()) if dtype is None else made.astype(dtype))


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, (Tensor, np.generic, np.ndarray)) else x


def linspace(start: Any, stop: Any, num: int, name: Any = None, axis: int = 0) -> Any:
    """``num`` numbers from ``start`` to ``stop``."""
    return ops.linspace(start, stop, int(num), axis=axis)


def meshgrid(*args: Any, indexing: str = "xy") -> Any:
    """Arrays of coordinates."""
    return ops.meshgrid(*args, indexing=indexing)


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int = -1,
    dtype: Any = None,
    name: Any = None,
) -> Any:
    """Whole numbers as rows with a single 1."""
    made = ops.one_hot(indices, int(depth), axis=axis, dtype=dtype or "float32")
    if on_value is None and off_value is None:
        return made
    on, off = (1.0 if on_value is None else on_value), (0.0 if off_value is None else off_value)
    return ops.add(ops.multiply(made, on - off), off)


def is_tensor(x: Any) -> bool:
    """Whether this is a tensor, symbolic or not."""
    return isinstance(x, (Tensor, KerasTensor))


def identity(input: Any, name: Any = None) -> Any:
    """A tensor with the same values."""
    return ops.copy(input)


def stop_gradient(input: Any, name: Any = None) -> Any:
    """The values as a constant."""
    return ops.stop_gradient(input)


# ------------------------------------------------------------------------------------------------
# Shapes


class TensorShape(tuple):
    """A shape, as a tuple with TensorFlow's methods."""

    def __new__(cls, dims: Any) -> TensorShape:
        return super().__new__(cls, (dims,) if isinstance(dims, int) else tuple(dims))

    def as_list(self) -> list:
        """The sizes as a list."""
        return list(self)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    ndims = rank


class TensorSpec:
    """A shape and a dtype."""

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape, self.dtype, self.name = shape, dtype, name


def shape(input: Any, out_type: Any = None, name: Any = None) -> tuple:
    """The shape as a tuple of integers; None in it where a symbolic tensor's size is unknown."""
    return tuple(input.shape) if hasattr(input, "shape") else np.shape(input)


def size(input: Any, out_type: Any = None, name: Any = None) -> int:
    """The number of entries."""
    return int(np.prod(shape(input)))


def rank(input: Any, name: Any = None) -> int:
    """The number of axes."""
    return len(shape(input))


def reshape(tensor: Any, shape: Any, name: Any = None) -> Any:
    """The same values in another shape; one size may be -1."""
    given = shape if np.ndim(shape) else [shape]
    return ops.reshape(tensor, tuple(n if n is None else int(n) for n in given))


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: Any = None) -> Any:
    """The axes in another order."""
    return ops.transpose(a, None if perm is None else tuple(int(n) for n in perm))


def expand_dims(input: Any, axis: int, name: Any = None) -> Any:
    """An axis of size 1 more."""
    return ops.expand_dims(input, axis)


def squeeze(input: Any, axis: Any = None, name: Any = None) -> Any:
    """Without the axes of size 1."""
    return ops.squeeze(input, tuple(axis) if isinstance(axis, list) else axis)


def concat(values: Any, axis: int, name: Any = None) -> Any:
    """Tensors joined along an axis."""
    return ops.concatenate(list(values), axis)


def stack(values: Any, axis: int = 0, name: Any = None) -> Any:
    """Tensors stacked along a new axis."""
    return ops.stack(list(values), axis)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: Any = None) -> list:
    """The parts along an axis."""
    return ops.unstack(value, num, axis)


def split(
    value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: Any = None
) -> list:
    """Equal parts, or parts of the given sizes (one may be -1)."""
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    sizes = [int(n) for n in num_or_size_splits]
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
    return ops.split(value, [int(n) for n in np.cumsum(sizes)[:-1]], axis)


def tile(input: Any, multiples: Any, name: Any = None) -> Any:
    """The tensor several times along each axis."""
    return ops.tile(input, [int(n) for n in multiples])


def repeat(input: Any, repeats: Any, axis: int | None = None, name: Any = None) -> Any:
    """Each entry several times."""
    return ops.repeat(input, _number(repeats) if np.ndim(repeats) == 0 else repeats, axis)


def broadcast_to(input: Any, shape: Any, name: Any = None) -> Any:
    """Repeated to a shape."""
    return ops.broadcast_to(input, _sizes(shape))


def pad(
    tensor: Any,
    paddings: Any,
    mode: str = "CONSTANT",
    constant_values: Any = 0,
    name: Any = None,
) -> Any:
    """With values added before and after each axis."""
    pairs = [tuple(int(n) for n in pair) for pair in paddings]
    kind = mode.lower()
    return ops.pad(tensor, pairs, kind, constant_values if kind == "constant" else None)


def reverse(tensor: Any, axis: Any, name: Any = None) -> Any:
    """The order along axes reversed."""
    return ops.flip(tensor, tuple(axis) if isinstance(axis, (list, tuple)) else axis)


def roll(input: Any, shift: Any, axis: Any, name: Any = None) -> Any:
    """Shifted along axes; what leaves at one end enters at the other."""
    return ops.roll(input, shift, axis)


def slice(input_: Any, begin: Any, size: Any, name: Any = None) -> Any:
    """A part of a tensor; a size of -1 reaches to the end of its axis."""
    bounds = zip(begin, size, input_.shape, strict=True)
    return input_[
        tuple(builtins.slice(int(i), n if s == -1 else int(i) + int(s)) for i, s, n in bounds)
    ]


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: int | None = None,
    batch_dims: int = 0,
    name: Any = None,
) -> Any:
    """The entries of an axis with these numbers."""
    if batch_dims:
        return ops.take_along_axis(params, indices, axis=batch_dims)
    return ops.take(params, indices, axis=axis or 0)


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: Any = None) -> Any:
    """The entries at these places: the last axis of ``indices`` holds coordinates."""
    places = np.asarray(indices)
    return params[tuple(np.moveaxis(places, -1, 0))]


def boolean_mask(tensor: Any, mask: Any, axis: int | None = None, name: Any = None) -> Any:
    """The entries of the first axis where the mask is true."""
    chosen = np.asarray(mask, bool)
    return ops.convert_to_tensor(tensor)[chosen if chosen.ndim > 1 else np.flatnonzero(chosen)]


def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """``x`` where the condition holds, else ``y``; without them, the places (n, axes)."""
    if x is None and y is None:
        return Tensor(np.argwhere(np.asarray(condition)).astype(np.int64))
    return ops.where(condition, x, y)


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: Any = None) -> Any:
    """In order along an axis."""
    y = ops.sort(values, axis)
    return y if direction == "ASCENDING" else ops.flip(y, axis)


def argsort(
    values: Any,
    axis: int = -1,
    direction: str = "ASCENDING",
    stable: bool = False,
    name: Any = None,
) -> Any:
    """The places of the entries in order."""
    return ops.argsort(values if direction == "ASCENDING" else ops.negative(values), axis)


def unique(x: Any, out_idx: Any = "int32", name: Any = None) -> tuple:
    """(the different values in the order of their first places, which of them each entry is)."""
    values, first, inverse = np.unique(np.asarray(x), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Tensor(values[order]), Tensor(place[inverse.reshape(-1)].astype(out_idx))


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: Any = None
) -> Any:
    """The length of vectors."""
    from .linalg import norm as length

    return length(tensor, ord, axis, keepdims)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: Any = None) -> Any:
    """Cut to a range."""
    return ops.clip(t, clip_value_min, clip_value_max)


def clip_by_norm(t: Any, clip_norm: float, axes: Any = None, name: Any = None) -> Any:
    """Scaled down to a length of at most ``clip_norm``."""
    length = ops.sqrt(ops.sum(ops.square(t), axes, keepdims=True))
    return ops.divide(ops.multiply(t, clip_norm), ops.maximum(length, clip_norm))


def global_norm(t_list: Any, name: Any = None) -> Tensor:
    """The length of several tensors together."""
    total = sum(float(np.sum(np.square(np.asarray(t, float)))) for t in t_list if t is not None)
    return Tensor(np.asarray(np.sqrt(total), np.float32))


def clip_by_global_norm(
    t_list: Any, clip_norm: float, use_norm: Any = None, name: Any = None
) -> tuple:
    """Several tensors scaled down together, and the length that they had."""
    length = global_norm(t_list) if use_norm is None else use_norm
    scale = clip_norm / max(float(length), clip_norm)
    return [None if t is None else ops.multiply(t, scale) for t in t_list], length


# ------------------------------------------------------------------------------------------------
# Gradients and control flow


class GradientTape(_Tape):
    """diptych's tape, whose gradients are tensors."""

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = "none",
    ) -> Any:
        """The gradients of ``target``, in the structure of ``sources``; None where it does not
        depend on one.
        """
        found = super().gradient(target, sources, output_gradients)
        return _as_tensors(found, sources, unconnected_gradients)

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: Any = None,
        experimental_use_pfor: Any = True,
    ) -> Any:
        """The derivatives of each element of ``target`` by each of the sources' elements."""
        found = super().jacobian(target, sources)
        return _as_tensors(found, sources, unconnected_gradients, tuple(target.shape))

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: Any = None,
        experimental_use_pfor: Any = True,
    ) -> Any:
        """The derivatives of each row of ``target`` by the same row of the source."""
        return _as_tensors(super().batch_jacobian(target, source), source, "none")


def _as_tensors(
    gradients: Any, sources: Any, unconnected_gradients: Any, target_shape: tuple = ()
) -> Any:
    """Gradients as tensors; None, or zeros if these are asked for, where there is none."""

    def as_tensor(g: Any, x: Any) -> Any:
        if g is None and unconnected_gradients in ("zero", "ZERO"):
            g = np.zeros((*target_shape, *x.shape), x.dtype)
        return g if g is None or isinstance(g, Tensor) else Tensor(np.asarray(g))

    return pack_like(sources, map(as_tensor, flatten(gradients), flatten(sources)))


def gradients(ys: Any, xs: Any, grad_ys: Any = None, name: Any = None) -> list:
    """The gradients of a symbolic tensor, as symbolic tensors; see ``K.gradients``."""
    from ...backend import gradients as symbolic_gradients

    return symbolic_gradients(flatten(ys)[0], xs)


def function(func: Callable | None = None, **kwargs: Any) -> Any:
    """The function itself, as a decorator with or without arguments: nothing is compiled."""
    if func is None:
        return lambda decorated: decorated
    return func


def custom_gradient(f: Callable) -> Callable:
    """Not supported: gradients follow from the operations."""
    raise NotImplementedError(
        "tf.custom_gradient is not in diptych: gradients follow from the operations that a "
        "function uses; ops.stop_gradient cuts them off."
    )


def cond(pred: Any, true_fn: Callable, false_fn: Callable, name: Any = None) -> Any:
    """``true_fn()`` if the condition holds, else ``false_fn()``."""
    return true_fn() if bool(pred) else false_fn()


def while_loop(cond: Callable, body: Callable, loop_vars: Any, **kwargs: Any) -> Any:
    """``body`` again and again, as long as ``cond`` holds."""
    values = loop_vars
    while bool(cond(*values)):
        made = body(*values)
        values = made if isinstance(made, (list, tuple)) else [made]
    return values


def map_fn(fn: Callable, elems: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """The results of a function of each entry of the first axis, stacked."""
    count = len(flatten(elems)[0])
    results = [fn(map_structure(lambda x: x[i], elems)) for i in builtins.range(count)]  # noqa: B023
    columns = [ops.stack(list(c)) for c in zip(*(flatten(r) for r in results), strict=True)]
    rest = iter(columns)
    return map_structure(lambda _: next(rest), results[0])


def scan(fn: Callable, elems: Any, initializer: Any = None, **kwargs: Any) -> Any:
    """The results of fn(fn(initializer, elems[0]), elems[1])..., stacked."""
    state, results = initializer, []
    for i in builtins.range(elems.shape[0]):
        state = elems[i] if state is None else fn(state, elems[i])
        results.append(state)
    return ops.stack(results)
