"""``tf.linalg``: matrices, as ``diptych.ops``."""

from __future__ import annotations

from typing import Any

from ... import ops
from ._names import missing, nameless
from .math import l2_normalize

__all__ = [
    "cholesky", "det", "diag", "diag_part", "einsum", "eye", "inv", "l2_normalize", "matmul",
    "matvec", "norm", "qr", "solve", "svd", "tensordot", "trace", "transpose",
]  # fmt: skip

cholesky = nameless(ops.cholesky)
det = nameless(ops.det)
einsum = nameless(ops.einsum)
inv = nameless(ops.inv)
qr = nameless(ops.qr)
solve = nameless(ops.solve)
tensordot = nameless(ops.tensordot)
trace = nameless(ops.trace)


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: Any = None
) -> Any:
    """The matrix product of the last two axes."""
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def matvec(a: Any, b: Any, transpose_a: bool = False, name: Any = None) -> Any:
    """The product of matrices and vectors."""
    return ops.squeeze(matmul(a, ops.expand_dims(b, -1), transpose_a), -1)


def transpose(a: Any, perm: Any = None, name: Any = None) -> Any:
    """The last two axes exchanged."""
    return ops.swapaxes(a, -1, -2)


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: Any = None
) -> Any:
    """The length of vectors, or the norm of matrices."""
    if ord == "euclidean":  # of all entries, whatever the rank
        return ops.sqrt(ops.sum(ops.square(tensor), axis, keepdims))
    return ops.norm(tensor, ord, axis, keepdims)


def diag(diagonal: Any, name: Any = None) -> Any:
    """A matrix with this diagonal."""
    return ops.diag(diagonal)


def diag_part(input: Any, name: Any = None) -> Any:
    """The diagonal of a matrix."""
    return ops.diagonal(input, axis1=-2, axis2=-1)


def eye(num_rows: int, num_columns: Any = None, dtype: Any = "float32", name: Any = None) -> Any:
    """The unit matrix."""
    return ops.eye(num_rows, num_columns, dtype=dtype)


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: Any = None) -> Any:
    """(s, u, v) with tensor = u diag(s) v^T; TensorFlow's order, and v itself."""
    if not compute_uv:
        return ops.svd(tensor, full_matrices, False)
    u, s, vh = ops.svd(tensor, full_matrices, True)
    return s, u, ops.swapaxes(vh, -1, -2)


def __getattr__(name: str) -> Any:
    raise missing("tf.linalg", name, __all__)
