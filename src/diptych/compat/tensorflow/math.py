"""``tf.math``: element-by-element functions, comparisons and reductions, as ``diptych.ops``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import backend, ops
from ...tensor import Tensor
from ._names import missing, nameless

# ``tf.math`` names of functions of ``diptych.ops``.
_SAME = """
    abs add arctan2 argmax argmin bincount ceil cos cosh cumprod cumsum divide divide_no_nan equal
    erf erfc exp expm1 floor greater greater_equal less less_equal log log1p log_sigmoid
    log_softmax logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative
    not_equal reciprocal round rsqrt sigmoid sign sin sinh softmax softplus softsign sqrt square
    subtract tan tanh
""".split()
_RENAMED = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "floordiv": "floor_divide",
    "floormod": "mod",
    "is_finite": "isfinite",
    "is_inf": "isinf",
    "is_nan": "isnan",
    "pow": "power",
    "truediv": "true_divide",
}
_FUNCTIONS = {
    name: nameless(getattr(ops, _RENAMED.get(name, name))) for name in [*_SAME, *_RENAMED]
}
globals().update(_FUNCTIONS)


def _reduction(function: Any) -> Any:
    def reduce(
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool = False,
        name: Any = None,
        keep_dims: Any = None,
        reduction_indices: Any = None,
    ) -> Any:
        axis = reduction_indices if axis is None else axis
        return function(input_tensor, axis, bool(keepdims if keep_dims is None else keep_dims))

    reduce.__doc__ = function.__doc__
    return reduce


reduce_all = _reduction(backend.all)
reduce_any = _reduction(backend.any)
reduce_logsumexp = _reduction(backend.logsumexp)
reduce_max = _reduction(backend.max)
reduce_mean = _reduction(backend.mean)
reduce_min = _reduction(backend.min)
reduce_prod = _reduction(backend.prod)
reduce_std = _reduction(backend.std)
reduce_sum = _reduction(backend.sum)
reduce_variance = _reduction(backend.var)


def squared_difference(x: Any, y: Any, name: Any = None) -> Any:
    """(x - y) squared."""
    return ops.square(ops.subtract(x, y))


def add_n(inputs: Any, name: Any = None) -> Any:
    """The sum of a list of tensors."""
    total, *rest = inputs
    for x in rest:
        total = ops.add(total, x)
    return ops.convert_to_tensor(total)


def multiply_no_nan(x: Any, y: Any, name: Any = None) -> Any:
    """x y, and 0 where y is 0."""
    return ops.where(ops.equal(y, 0), ops.zeros_like(x), ops.multiply(x, y))


def count_nonzero(
    input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = "int64", name: Any = None
) -> Any:
    """How many entries are not zero."""
    counted = ops.cast(ops.not_equal(input, 0), dtype)
    return ops.sum(counted, axis, keepdims)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: Any = None) -> Any:
    """x, divided by its length along the axis."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def top_k(input: Any, k: int = 1, sorted: bool = True, name: Any = None) -> Any:
    """The k largest values of each row, and their places."""
    return ops.top_k(input, k, sorted)


def in_top_k(targets: Any, predictions: Any, k: int, name: Any = None) -> Any:
    """Whether each target class is among the k largest predictions of its row."""
    return ops.in_top_k(targets, predictions, k)


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    weights: Any = None,
    dtype: Any = "int32",
    name: Any = None,
) -> Tensor:
    """(classes, classes): how often each label (row) was predicted as each class (column)."""
    rows, columns = np.asarray(labels).astype(int), np.asarray(predictions).astype(int)
    size = num_classes or int(max(rows.max(), columns.max())) + 1
    table = np.zeros((size, size), dtype)
    np.add.at(table, (rows, columns), 1 if weights is None else np.asarray(weights))
    return Tensor(table)


def segment_sum(data: Any, segment_ids: Any, name: Any = None) -> Any:
    """The sums of the rows with the same number."""
    return ops.segment_sum(data, segment_ids)


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: int, name: Any = None) -> Any:
    """The sums of the rows with the same number."""
    return ops.segment_sum(data, segment_ids, num_segments)


_OWN = """
    add_n confusion_matrix count_nonzero in_top_k l2_normalize multiply_no_nan reduce_all reduce_any
    reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_std reduce_sum
    reduce_variance segment_sum squared_difference top_k unsorted_segment_sum
""".split()
__all__ = [*_FUNCTIONS, *_OWN]  # noqa: PLE0605 - all are names of this module


def __getattr__(name: str) -> Any:
    raise missing("tf.math", name, __all__)
