"""Functions of TensorFlow that are layers of a graph in files of Keras 2, with their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops

MODULE = "tensorflow"  # of such a function in a configuration


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    return ops.matmul(
        ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b
    )


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    squares = ops.sum(ops.square(x), axis=_axes(axis), keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def _split(value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    ends = [sum(num_or_size_splits[: i + 1]) for i in range(len(num_or_size_splits) - 1)]
    return ops.split(value, ends, axis)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _getitem(x: Any, slice_spec: Any) -> Any:
    return ops.get_item(x, tuple(slice_spec) if isinstance(slice_spec, list) else slice_spec)


def _reduce(function: Callable) -> Callable:
    return lambda x, axis=None, keepdims=False: function(x, axis=_axes(axis), keepdims=keepdims)


def _two(function: Callable) -> Callable:
    return lambda x, y: function(x, y)


FUNCTIONS: dict[str, Callable] = {
    "__operators__.add": _two(ops.add),
    "__operators__.getitem": _getitem,
    "cast": lambda x, dtype: ops.cast(x, dtype),
    "clip_by_value": lambda t, clip_value_min, clip_value_max: ops.clip(
        t, clip_value_min, clip_value_max
    ),
    "concat": lambda values, axis: ops.concatenate(values, axis),
    "expand_dims": lambda x, axis: ops.expand_dims(x, axis),
    "gather": lambda params, indices, axis=0, batch_dims=0: ops.take(params, indices, axis),
    "identity": ops.copy,
    "linalg.matmul": _matmul,
    "math.abs": ops.absolute,
    "math.add": _two(ops.add),
    "math.add_n": lambda inputs: sum(inputs[1:], start=inputs[0]),
    "math.argmax": lambda x, axis=0: ops.argmax(x, axis),
    "math.cumsum": lambda x, axis=0: ops.cumsum(x, axis),
    "math.divide": _two(ops.divide),
    "math.equal": _two(ops.equal),
    "math.exp": ops.exp,
    "math.greater": _two(ops.greater),
    "math.greater_equal": _two(ops.greater_equal),
    "math.l2_normalize": _l2_normalize,
    "math.less": _two(ops.less),
    "math.less_equal": _two(ops.less_equal),
    "math.log": ops.log,
    "math.maximum": _two(ops.maximum),
    "math.minimum": _two(ops.minimum),
    "math.multiply": _two(ops.multiply),
    "math.negative": ops.negative,
    "math.not_equal": _two(ops.not_equal),
    "math.pow": _two(ops.power),
    "math.reduce_max": _reduce(ops.max),
    "math.reduce_mean": _reduce(ops.mean),
    "math.reduce_min": _reduce(ops.min),
    "math.reduce_prod": _reduce(ops.prod),
    "math.reduce_std": _reduce(ops.std),
    "math.reduce_sum": _reduce(ops.sum),
    "math.reduce_variance": _reduce(ops.var),
    "math.rsqrt": ops.rsqrt,
    "math.sigmoid": ops.sigmoid,
    "math.softplus": ops.softplus,
    "math.sqrt": ops.sqrt,
    "math.square": ops.square,
    "math.squared_difference": lambda x, y: ops.square(ops.subtract(x, y)),
    "math.subtract": _two(ops.subtract),
    "math.tanh": ops.tanh,
    "math.truediv": _two(ops.true_divide),
    "nn.elu": ops.elu,
    "nn.gelu": lambda x, approximate=False: ops.gelu(x, approximate),
    "nn.leaky_relu": lambda x, alpha=0.2: ops.leaky_relu(x, alpha),
    "nn.log_softmax": lambda logits, axis=-1: ops.log_softmax(logits, axis),
    "nn.relu": ops.relu,
    "nn.relu6": ops.relu6,
    "nn.selu": ops.selu,
    "nn.silu": lambda x, beta=1.0: ops.multiply(x, ops.sigmoid(ops.multiply(x, beta))),
    "nn.softmax": lambda logits, axis=-1: ops.softmax(logits, axis),
    "norm": lambda x, ord="euclidean", axis=None, keepdims=False: ops.sqrt(
        ops.sum(ops.square(x), axis=_axes(axis), keepdims=keepdims)
    ),
    "one_hot": lambda indices, depth, axis=-1: ops.one_hot(indices, depth, axis),
    "ones_like": ops.ones_like,
    "pad": lambda x, paddings, mode="CONSTANT", constant_values=0: ops.pad(
        x, paddings, mode.lower(), constant_values
    ),
    "repeat": lambda x, repeats, axis=None: ops.repeat(x, repeats, axis),
    "reshape": lambda tensor, shape: ops.reshape(tensor, tuple(shape)),
    "reverse": lambda tensor, axis: ops.flip(tensor, _axes(axis)),
    "split": _split,
    "squeeze": lambda x, axis=None: ops.squeeze(x, _axes(axis)),
    "stack": lambda values, axis=0: ops.stack(values, axis),
    "stop_gradient": ops.stop_gradient,
    "tile": lambda x, multiples: ops.tile(x, tuple(multiples)),
    "transpose": lambda a, perm=None: ops.transpose(a, perm),
    "unstack": lambda value, num=None, axis=0: ops.unstack(value, num, axis),
    "where": lambda condition, x, y: ops.where(condition, x, y),
    "zeros_like": ops.zeros_like,
}
_OTHER_NAMES = {"nn.tanh": "math.tanh", "nn.sigmoid": "math.sigmoid", "nn.swish": "nn.silu"}
# Arguments that say nothing here.
_WITHOUT_EFFECT = ("name", "conjugate", "validate_indices", "dtype", "keep_dims", "adjoint_a",
                   "adjoint_b", "a_is_sparse", "b_is_sparse", "output_type")  # fmt: skip


def function_named(name: Any) -> Callable:
    """The function by its name in TensorFlow; it takes that one's arguments.

    Raises:
        ValueError: it is not in the table.
    """
    known = str(name).removeprefix("compat.v1.")
    known = _OTHER_NAMES.get(known, known)
    if known not in FUNCTIONS:
        raise ValueError(f"The model uses TensorFlow's function {name!r:.60}, which is not known.")
    function = FUNCTIONS[known]
    kept = ("dtype",) if known == "cast" else ()

    def call(*args: Any, **kwargs: Any) -> Any:
        given = {k: v for k, v in kwargs.items() if k in kept or k not in _WITHOUT_EFFECT}
        return function(*args, **{k: v for k, v in given.items() if v is not None})

    return call
