"""Matrix and tensor products, triangles and diagonals, inverses and decompositions."""

import string

import numpy as np

from ..operation import ArrayOp, Twin, ViewOp, gather
from ..shape_rules import agree, broadcast, check_rank, matrix_product, nth_axis, reduced, replaced
from .array_ops import Unary, unbroadcast
from .creation import convert_to_tensor, is_whole, ndim
from .elementwise import multiply
from .indexing import take
from .reductions import WIDE, dtype_of_sum
from .shapes import expand_dims, inverse, pad, ravel, reshape, swapaxes

# --------------------------------------------------------------------------------------------------
# Products


def _int8_is_widened(*dtypes, **_):
    """The dtype of products: see ``_wide_if_int8``."""
    return np.int32 if all(dtype == np.int8 for dtype in dtypes) else dtypes[0]


def _as_matrices(g, a, b):
    """A vector a as a matrix of one row, a vector b as one of one column, and g to match."""
    if b.ndim == 1:
        b, g = expand_dims(b, -1), expand_dims(g, -1)
    if a.ndim == 1:
        a, g = expand_dims(a, 0), expand_dims(g, -2)
    return g, a, b


def _matmul_wrt_a(g, y, a, b):
    g, rows, columns = _as_matrices(g, a, b)
    return reshape(unbroadcast(matmul(g, swapaxes(columns, -1, -2)), rows), a.shape)


def _matmul_wrt_b(g, y, a, b):
    g, rows, columns = _as_matrices(g, a, b)
    return reshape(unbroadcast(matmul(swapaxes(rows, -1, -2), g), columns), b.shape)


_matmul = Twin("dense", "matmul", _matmul_wrt_a, _matmul_wrt_b, shape=matrix_product)
_matmul_integers = ArrayOp(
    "matmul",
    lambda a, b: np.matmul(*_wide_if_int8(a, b)),
    same=0,
    shape=matrix_product,
    dtype=_int8_is_widened,
)


def _contracted(a, b, axes):
    """Return, for each rank, the axes that tensordot sums over and those that it keeps."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(a, b):
            raise ValueError(
                f"axes={axes} is more than the {a} axes of the first or {b} of the second."
            )
        axes = range(a - axes, a), range(axes)
    sum_a, sum_b = (
        [nth_axis(i, rank) for i in np.ravel(list(own)).astype(int)]
        for own, rank in zip(axes, (a, b), strict=True)
    )
    keep_a, keep_b = (
        [i for i in range(rank) if i not in s] for s, rank in ((sum_a, a), (sum_b, b))
    )
    return sum_a, sum_b, keep_a, keep_b


def _tensordot_shape(a, b, axes):
    sum_a, sum_b, keep_a, keep_b = _contracted(len(a), len(b), axes)
    if len(sum_a) != len(sum_b):
        raise ValueError(f"axes={axes} must name as many axes of the first as of the second.")
    for i, j in zip(sum_a, sum_b, strict=True):
        agree(a[i], b[j], f"along axis {i} of the first and axis {j} of the second")
    return (*[a[i] for i in keep_a], *[b[j] for j in keep_b])


def _tensordot_wrt_a(g, y, a, b, axes):
    sum_a, sum_b, keep_a, keep_b = _contracted(a.ndim, b.ndim, axes)
    # The axes of the product: keep_a, then sum_b in order.
    da = np.tensordot(g, b, (list(range(len(keep_a), g.ndim)), keep_b))
    return da.transpose(inverse(keep_a + [sum_a[i] for i in inverse(sum_b)]))


def _tensordot_wrt_b(g, y, a, b, axes):
    sum_a, sum_b, keep_a, keep_b = _contracted(a.ndim, b.ndim, axes)
    # The axes of the product: keep_b, then sum_a in order.
    db = np.tensordot(g, a, (list(range(len(keep_a))), keep_a))
    return db.transpose(inverse(keep_b + [sum_b[i] for i in inverse(sum_a)]))


def _tensordot_forward(a, b, axes):
    _tensordot_shape(a.shape, b.shape, axes)  # its errors say which axes do not fit
    return np.tensordot(a, b, axes)


_tensordot = ArrayOp(
    "tensordot",
    _tensordot_forward,
    _tensordot_wrt_a,
    _tensordot_wrt_b,
    same=0,
    shape=_tensordot_shape,
)


_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def _einsum_terms(subscripts, shapes):
    """Return the letters of each operand's axes and of the output's, ellipsis spelt out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    free = [c for c in _LETTERS if c not in subscripts]
    dots = max(
        len(s) - len(t.replace("...", "")) if "..." in t else 0
        for t, s in zip(terms, shapes, strict=True)
    )
    letters = "".join(free[:dots])
    if not arrow:
        once = sorted(c for c in set(inputs) - set(",.") if inputs.count(c) == 1)
        output = ("..." if dots else "") + "".join(once)
    lengths = [len(s) - len(t.replace("...", "")) for t, s in zip(terms, shapes, strict=True)]
    terms = [t.replace("...", letters[dots - n :]) for t, n in zip(terms, lengths, strict=True)]
    return terms, output.replace("...", letters)


def _einsum_shape(*shapes, subscripts):
    if subscripts.partition("->")[0].count(",") + 1 != len(shapes):
        raise ValueError(f"{subscripts!r} is not for {len(shapes)} inputs.")
    terms, output = _einsum_terms(subscripts, shapes)
    sizes = {}
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            raise ValueError(f"{subscripts!r} does not fit: {shape} has {len(shape)} axes.")
        for letter, n in zip(term, shape, strict=True):
            (sizes[letter],) = broadcast((sizes.get(letter, 1),), (n,))
    if not set(output) <= set(sizes):
        raise ValueError(f"{subscripts!r} has a letter in its output that no input has.")
    return tuple(sizes[letter] for letter in output)


def _einsum_rule(i, g, y, *operands, subscripts):
    terms, output = _einsum_terms(subscripts, [x.shape for x in operands])
    x, own = operands[i], terms[i]
    wanted = "".join(dict.fromkeys(own))
    factors = [(output, g)] + [
        (t, z) for j, (t, z) in enumerate(zip(terms, operands, strict=True)) if j != i
    ]
    # An index only in x was summed over: the gradient is constant along it.
    alone = [c for c in wanted if not any(c in t for t, _ in factors)]
    factors += [(c, np.ones(x.shape[own.index(c)], x.dtype)) for c in alone]
    equation = ",".join(t for t, _ in factors) + "->" + wanted
    dx = np.einsum(equation, *[z for _, z in factors], optimize=True)
    if wanted == own:
        return unbroadcast(dx, x)
    # A repeated index in one operand takes a diagonal: only that gets a gradient.
    free = iter(c for c in _LETTERS if c not in own)
    letters = [c if c not in own[:k] else next(free) for k, c in enumerate(own)]
    repeated = [k for k, c in enumerate(own) if c in own[:k]]
    diagonals = [np.eye(x.shape[k], dtype=x.dtype) for k in repeated]
    equation = ",".join([wanted] + [own[k] + letters[k] for k in repeated])
    return np.einsum(f"{equation}->{''.join(letters)}", dx, *diagonals)


_einsum = ArrayOp(
    "einsum",
    lambda *operands, subscripts: np.einsum(subscripts, *_wide_if_int8(*operands), optimize=True),
    _einsum_rule,
    variadic=True,
    same=0,
    shape=_einsum_shape,
    dtype=_int8_is_widened,
)


def matmul(x1, x2):
    """The matrix product; leading axes are batches, a vector counts as a row or a column.

    x1 (..., N, K) and x2 (..., K, M) give (..., N, M); the leading axes broadcast.
    """
    if is_whole(x1) and is_whole(x2):
        return _matmul_integers(x1, x2)
    return _matmul((x1, x2))


def _wide_if_int8(*operands):
    """As in Keras, products of int8 alone are summed in int32; other integers keep their dtype."""
    if all(x.dtype == np.int8 for x in operands):
        return [x.astype(np.int32) for x in operands]
    return operands


def tensordot(x1, x2, axes=2):
    """Multiply and sum over the last n axes of x1 and the first n of x2, or over those listed.

    x1 (a, b, n) and x2 (n, c) with axes=1 give (a, b, c); axes=[[1], [0]] sums over axis 1 of x1
    and 0 of x2.
    """
    if not isinstance(axes, int):
        axes = tuple(tuple(own) if isinstance(own, (list, tuple)) else (own,) for own in axes)
    return _tensordot(x1, x2, axes=axes)


def dot(x1, x2):
    """Sum over the last axis of x1 and the second to last (or only) of x2; scalars multiply.

    x1 (..., k) and x2 (*rest, k, m) give (..., *rest, m).
    """
    x1, x2 = gather(x1), gather(x2)
    if ndim(x1) == 0 or ndim(x2) == 0:
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1 if ndim(x2) == 1 else -2,)))


def inner(x1, x2):
    """Sum over the last axes of both; scalars multiply.

    x1 (..., k) and x2 (*rest, k) give (..., *rest).
    """
    x1, x2 = gather(x1), gather(x2)
    if ndim(x1) == 0 or ndim(x2) == 0:
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1,)))


def outer(x1, x2):
    """Every product of an element of x1 with one of x2: a matrix.

    x1 of N elements and x2 of M give (N, M).
    """
    return multiply(expand_dims(ravel(x1), 1), ravel(x2))


def vdot(x1, x2):
    """The inner product of the flattened tensors.

    Both have the same number of elements, and the result has the shape ().
    """
    return inner(ravel(x1), ravel(x2))


def einsum(subscripts, *operands, **kwargs):
    """Multiply and sum in Einstein's notation: "ij,jk->ik" is the matrix product.

    "bij,bjk->bik" of (B, N, K) and (B, K, M) gives (B, N, M).

    Operands have an axis for each of their letters, equal letters have equal sizes, and letters
    that are missing after the arrow are summed. "..." stands for further axes.
    """
    if len(operands) == 1:  # perhaps only a transposed view
        operands = (convert_to_tensor(operands[0]),)
    return _einsum(*operands, subscripts=subscripts)


def _cross_shape(a, b, axisa, axisb, axisc):
    at = nth_axis(axisa, len(a)), nth_axis(axisb, len(b))
    if not {a[at[0]], b[at[1]]} <= {3, None}:
        raise ValueError("a cross product needs vectors of 2 or 3 elements.")
    lines = broadcast(replaced(a, at[0]), replaced(b, at[1]))
    place = nth_axis(axisc, len(lines) + 1)
    return (*lines[:place], 3, *lines[place:])


_cross = ArrayOp(
    "cross",
    lambda a, b, axisa, axisb, axisc: np.cross(a, b, axisa, axisb, axisc),
    lambda g, y, a, b, axisa, axisb, axisc: unbroadcast(np.cross(b, g, axisb, axisc, axisa), a),
    lambda g, y, a, b, axisa, axisb, axisc: unbroadcast(np.cross(g, a, axisc, axisa, axisb), b),
    same=0,
    shape=_cross_shape,
)


def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of three elements, or two.

    Args:
        x1, x2: vectors (..., 3), of shapes that broadcast; a third element that lacks is 0.
        axisa, axisb, axisc: the axis of the vectors in ``x1``, in ``x2``, and in the result.
        axis: all three at once.

    Returns:
        Vectors (..., 3); of vectors of two elements the third of their product, (...).
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    flat = x1.shape[axisa] == x2.shape[axisb] == 2
    y = _cross(_in_space(x1, axisa), _in_space(x2, axisb), axisa=axisa, axisb=axisb, axisc=axisc)
    return take(y, 2, axis=axisc) if flat else y


def _in_space(x, axis):
    """Vectors with a third element, 0, if they have two."""
    if x.shape[axis] != 2:
        return x
    around = [(0, 0)] * len(x.shape)
    around[axis] = (0, 1)
    return pad(x, around)


# --------------------------------------------------------------------------------------------------
# Triangles and diagonals


def _on_diagonal(g, shape, offset, axis1, axis2):
    """Zeros with g on a diagonal of the matrices along two axes."""
    x = np.zeros(shape, g.dtype)
    lines = np.moveaxis(x, (axis1, axis2), (-2, -1))
    rows = np.arange(g.shape[-1]) - min(offset, 0)
    lines[..., rows, rows + offset] = g
    return x


_put_diagonal = ArrayOp(
    "put_diagonal",
    _on_diagonal,
    lambda g, y, x, shape, offset, axis1, axis2: np.diagonal(g, offset, axis1, axis2),
    shape=lambda x, shape, offset, axis1, axis2: shape,
)


def _diagonal_rule(g, y, x, offset, axis1, axis2):
    where = {"offset": offset, "axis1": axis1, "axis2": axis2}
    return _put_diagonal.in_rule(g, shape=x.shape, **where)


def _triangle_shape(x, k):
    nth_axis(-1, len(x))
    return x if len(x) > 1 else x * 2  # a vector is every row


def _diagonal_shape(x, offset, axis1, axis2):
    rows, columns = x[nth_axis(axis1, len(x))], x[nth_axis(axis2, len(x))]
    length = None
    if None not in (rows, columns):
        length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    return (*_trace_shape(x, offset, axis1, axis2), length)


def _trace_shape(x, offset, axis1, axis2):
    return reduced(x, (axis1, axis2))


def _diag_shape(x, k):
    check_rank(x, 1, 2)
    if len(x) == 2:
        return _diagonal_shape(x, k, 0, 1)
    return (None if x[0] is None else x[0] + abs(k),) * 2


_tril = ArrayOp("tril", np.tril, lambda g, y, x, k: np.tril(g, k), shape=_triangle_shape)
_triu = ArrayOp("triu", np.triu, lambda g, y, x, k: np.triu(g, k), shape=_triangle_shape)
_diag = ViewOp(
    "diag",
    np.diag,
    lambda g, y, x, k: np.diagonal(g, k) if x.ndim == 1 else _diagonal_rule(g, y, x, k, 0, 1),
    shape=_diag_shape,
)
_diagonal = ViewOp("diagonal", np.diagonal, _diagonal_rule, shape=_diagonal_shape)


def _trace_of(x, offset, axis1, axis2):
    y = np.trace(x, offset, axis1, axis2, dtype=WIDE.get(x.dtype.char, x.dtype))
    return np.asarray(y).astype(x.dtype) if x.dtype.char == "e" else np.asarray(y)


def _trace_rule(g, y, x, offset, axis1, axis2):
    length = np.diagonal(x, offset, axis1, axis2).shape[-1]
    return _diagonal_rule(
        np.broadcast_to(g[..., None], (*g.shape, length)), y, x, offset, axis1, axis2
    )


_trace = ArrayOp(
    "trace",
    _trace_of,
    _trace_rule,
    shape=_trace_shape,
    dtype=dtype_of_sum,
)


def tril(x, k=0):
    """Return ``x`` with zeros above diagonal ``k``.

    x (..., N, M) keeps its shape.
    """
    return _tril(x, k=k)


def triu(x, k=0):
    """Return ``x`` with zeros below diagonal ``k``.

    x (..., N, M) keeps its shape.
    """
    return _triu(x, k=k)


def diag(x, k=0):
    """Return diagonal ``k`` of a matrix, or the matrix with the vector ``x`` on that diagonal.

    (N, M) gives (min(N, M),) for k = 0; a vector (N,) gives (N + |k|, N + |k|). A positive ``k`` is
    above the diagonal.
    """
    return _diag(x, k=k)


def diagflat(x, k=0):
    """Return the matrix with the flattened ``x`` on diagonal ``k``.

    x of N elements gives (N + |k|, N + |k|). A positive ``k`` is above the diagonal.
    """
    return diag(ravel(x), k)


def diagonal(x, offset=0, axis1=0, axis2=1):
    """Return the diagonals of the matrices along two axes.

    x (N, M, ...) gives (..., min(N, M)): the two axes go, and the diagonal comes last. ``offset``
    counts upwards from the main one.
    """
    return _diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


def trace(x, offset=0, axis1=0, axis2=1):
    """Return the sum of a diagonal.

    x (N, N, ...) gives (...): the two axes go. ``offset`` counts upwards from the main diagonal.
    """
    return _trace(x, offset=offset, axis1=axis1, axis2=axis2)


# --------------------------------------------------------------------------------------------------
# Inverses and decompositions of matrices in the last two axes. Those without a rule have no
# gradient.


def _t(x):
    return np.swapaxes(x, -1, -2)


def _solve_wrt_b(g, y, a, b):
    return unbroadcast(np.linalg.solve(_t(a), g), b)


def _solve_wrt_a(g, y, a, b):
    db = np.linalg.solve(_t(a), g)
    if b.ndim == 1:
        db, y = db[..., None], y[..., None]
    return unbroadcast(-db @ _t(y), a)


def _cholesky_rule(g, y, x):
    # Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10, symmetrised.
    p = np.tril(_t(y) @ g)
    p = p - 0.5 * p * np.eye(p.shape[-1], dtype=p.dtype)
    s = np.linalg.solve(_t(y), _t(np.linalg.solve(_t(y), _t(p))))
    return 0.5 * (s + _t(s))


def _matrices(x):
    if len(x) < 2:
        raise ValueError(f"{x} has {len(x)} axes, but matrices need at least 2.")
    return x


def _square(x):
    """The shape of square matrices in the last two axes."""
    n = agree(*_matrices(x)[-2:], "in the last two axes: square matrices are needed")
    return (*x[:-2], n, n)


def _number_each(x):
    """One number for each square matrix."""
    return _square(x)[:-2]


def _solve_shape(a, b):
    n = _square(a)[-1]
    if len(b) == 1:
        agree(n, b[0], "where each equation needs a right-hand side")
        return (*a[:-2], n)
    agree(n, _matrices(b)[-2], "where each equation needs a right-hand side")
    return (*broadcast(a[:-2], b[:-2]), n, b[-1])


def _shorter(x):
    return None if None in x[-2:] else min(_matrices(x)[-2:])


def _qr_shape(x, mode):
    *batch, m, n = _matrices(x)
    inner = m if mode == "complete" else _shorter(x)
    return [(*batch, m, inner), (*batch, inner, n)]


def _svd_shape(x, full_matrices, compute_uv):
    *batch, m, n = _matrices(x)
    k = _shorter(x)
    if not compute_uv:
        return (*batch, k)
    left, right = (m, n) if full_matrices else (k, k)
    return [(*batch, m, left), (*batch, k), (*batch, right, n)]


inv = Unary(
    "inv",
    np.linalg.inv,
    lambda g, y, x: -_t(y) @ g @ _t(y),
    floating=True,
    wide=True,
    shape=_square,
)
det = Unary(
    "det",
    np.linalg.det,
    lambda g, y, x: (g * y)[..., None, None] * _t(np.linalg.inv(x)),
    floating=True,
    wide=True,
    shape=_number_each,
)
logdet = Unary(
    "logdet",
    lambda x: np.linalg.slogdet(x)[1],
    lambda g, y, x: g[..., None, None] * _t(np.linalg.inv(x)),
    floating=True,
    wide=True,
    shape=_number_each,
)
inv.__doc__ = """The inverse of matrices.

x: (..., N, N), floats; integers become the configured float type.

Returns: (..., N, N). A singular matrix raises numpy.linalg.LinAlgError.
"""
det.__doc__ = """The determinant of matrices. Its gradient needs the inverse, and is refused where
there is none.

x: (..., N, N), floats; integers become the configured float type.

Returns: (...).
"""
logdet.__doc__ = """log |det x|, without overflow: minus infinity for a singular matrix, where there
is no gradient.

x: (..., N, N), floats; integers become the configured float type.

Returns: (...).
"""
_solve = ArrayOp(
    "solve",
    np.linalg.solve,
    _solve_wrt_a,
    _solve_wrt_b,
    floating=True,
    wide=True,
    shape=_solve_shape,
)
_cholesky = ArrayOp(
    "cholesky", np.linalg.cholesky, _cholesky_rule, floating=True, wide=True, shape=_square
)
_slogdet = ArrayOp(
    "slogdet",
    lambda x: list(np.linalg.slogdet(x)),
    lambda g, y, x: g[1][..., None, None] * _t(np.linalg.inv(x)),
    floating=True,
    wide=True,
    shape=lambda x: [_number_each(x)] * 2,
)


def _symmetric(x):
    return (x + _t(x)) / 2


def _gaps(values):
    """1 / (values[j] - values[i]) for i != j, and 0 on the diagonal."""
    distances = values[..., None, :] - values[..., :, None]
    same = np.eye(values.shape[-1], dtype=bool)
    return np.where(same, 0, 1 / np.where(same, 1, distances))


def _scaled(matrix, columns):
    """matrix @ diag(columns)"""
    return matrix * columns[..., None, :]


def _eigh_rule(g, y, x):
    # Giles 2008, "Collected matrix derivative results", section 3.1.
    values, vectors = y
    inner = _t(vectors) @ g[1] * _gaps(values) + _scaled(np.eye(x.shape[-1], dtype=x.dtype), g[0])
    return _symmetric(vectors @ inner @ _t(vectors))


def _pinv_rule(g, y, x, rcond):
    # Golub and Pereyra 1973, "The differentiation of pseudo-inverses", eq. 4.12.
    left, right = g - g @ x @ y, g - y @ x @ g
    return _t(y) @ y @ _t(right) + _t(left) @ y @ _t(y) - _t(y) @ g @ _t(y)


def _qr_rule(g, y, x, mode):
    q, r = y
    if mode != "reduced" or x.shape[-2] < x.shape[-1]:
        raise NotImplementedError(
            "ops.qr has a gradient for mode='reduced' and matrices of at least as many rows as "
            f"columns, but got mode={mode!r} and the shape {x.shape}."
        )
    # Walter and Lehmann 2012, "Algorithmic differentiation of linear algebra functions", eq. 3.3.
    m = r @ _t(g[1]) - _t(g[0]) @ q
    below = np.tril(m)
    return _t(np.linalg.solve(r, _t(g[0] + q @ (below + _t(np.tril(m, -1))))))


def _svd_rule(g, y, x, full_matrices, compute_uv):
    if not compute_uv:
        u, _, vh = _svd.in_rule(x, full_matrices=False, compute_uv=True)
        return _scaled(u, g) @ vh
    u, s, vh = y
    if u.shape[-1] != s.shape[-1] or vh.shape[-2] != s.shape[-1]:
        raise NotImplementedError(
            "ops.svd has a gradient with full_matrices=False only, for matrices that are not "
            f"square; the shape is {x.shape}."
        )
    # Townsend 2016, "Differentiating the singular value decomposition", section 2.
    gaps = _gaps(s * s)
    v, gv = _t(vh), _t(g[2])
    skew_u, skew_v = _t(u) @ g[0] * gaps, _t(v) @ gv * gaps
    inner = _scaled(skew_u + _t(skew_u), s) + s[..., :, None] * (skew_v + _t(skew_v))
    dx = u @ (inner + _scaled(np.eye(s.shape[-1], dtype=s.dtype), g[1])) @ vh
    dx = dx + (g[0] - u @ (_t(u) @ g[0])) / s[..., None, :] @ vh
    return dx + u / s[..., None, :] @ _t(gv - v @ (vh @ gv))


_eigh = ArrayOp(
    "eigh",
    lambda x: list(np.linalg.eigh(_symmetric(x))),
    _eigh_rule,
    floating=True,
    wide=True,
    shape=lambda x: [_square(x)[:-1], _square(x)],
)
_pinv = ArrayOp(
    "pinv",
    lambda x, rcond: np.linalg.pinv(x, **_cutoff(x, rcond)),
    _pinv_rule,
    floating=True,
    wide=True,
    shape=lambda x, rcond: (*_matrices(x)[:-2], x[-1], x[-2]),
)
_matrix_rank = ArrayOp(
    "matrix_rank",
    lambda x, tol: np.asarray(np.linalg.matrix_rank(x, tol), np.int32),
    constant=True,
    floating=True,
    wide=True,
    shape=lambda x, tol: _matrices(x)[:-2],
    dtype="int32",
)
_qr = ArrayOp(
    "qr",
    lambda x, mode: list(np.linalg.qr(x, mode)),
    _qr_rule,
    floating=True,
    wide=True,
    shape=_qr_shape,
)
_svd: ArrayOp = ArrayOp(
    "svd",
    lambda x, full_matrices, compute_uv: (
        list(np.linalg.svd(x, full_matrices)) if compute_uv else np.linalg.svd(x, compute_uv=False)
    ),
    _svd_rule,
    floating=True,
    wide=True,
    shape=_svd_shape,
)


def _cutoff(x, rcond):
    """Where singular values count as 0, as in Keras: 10 times the precision times the size."""
    size = max(x.shape[-2:])
    return {"rcond": 10 * size * np.finfo(x.dtype).eps if rcond is None else rcond}


def pinv(x, rcond=None):
    """The Moore-Penrose inverse: (..., M, N) gives (..., N, M).

    Args:
        x: matrices; integers give floats.
        rcond: singular values below ``rcond`` times the greatest count as 0; None: 10 times the
            precision of the dtype times max(M, N). The gradient holds while the rank does not
            change.
    """
    return _pinv(x, rcond=rcond)


def matrix_rank(x, tol=None):
    """The number of singular values above ``tol``, as int32: (..., M, N) gives (...).

    Args:
        x: matrices.
        tol: the bound; None: the greatest singular value times max(M, N) times the precision.
    """
    x = convert_to_tensor(x)
    _matrices(tuple(x.shape))
    return _matrix_rank(x, tol=tol)


def solve(a, b):
    """The x for which a @ x = b; ``b`` is a vector or a matrix.

    a (..., N, N) and b (..., N) or (..., N, M) give the shape of b. A singular a is an error.
    """
    return _solve(a, b)


def cholesky(x, upper=False):
    """The lower triangle L with L @ L^T = x, or its transpose.

    x (..., N, N) is symmetric with positive eigenvalues; the result has its shape.
    """
    y = _cholesky(x)
    return swapaxes(y, -1, -2) if upper else y


def slogdet(x):
    """The sign of the determinant and the logarithm of its absolute value.

    x (..., N, N) gives (...) twice; 0 and -inf for a singular matrix.
    """
    return _slogdet(x)


def eigh(x):
    """The eigenvalues of symmetric matrices, ascending, and their eigenvectors as columns.

    x (..., N, N) gives (..., N) and (..., N, N); only its lower triangle is read.
    """
    return _eigh(x)


def qr(x, mode="reduced"):
    """Factor matrices into an orthogonal one and an upper triangle.

    x (..., M, N) gives (..., M, K) and (..., K, N), K = min(M, N), with mode="reduced"; (..., M, M)
    and (..., M, N) with "complete".
    """
    return _qr(x, mode=mode)


def svd(x, full_matrices=True, compute_uv=True):
    """Factor matrices into u, s, vh with x = u * s @ vh.

    x (..., M, N) gives (..., M, M), (..., K) and (..., N, N), K = min(M, N); (..., M, K), (..., K),
    (..., K, N) without ``full_matrices``, and s alone without ``compute_uv``. Singular values come
    greatest first.
    """
    return _svd(x, full_matrices=full_matrices, compute_uv=compute_uv)
