"""More of matrices: triangular and least-squares equations, factors, products, correlations.

Matrices stand in the last two axes, batches before them, unless a function says otherwise.
"""

import math

import numpy as np

from ..operation import ArrayOp
from .creation import as_tensor, dtype, eye, ndim, shape
from .elementwise import clip, divide, power, sqrt, subtract
from .linalg import (
    _matrices,
    _solve_shape,
    _solve_wrt_a,
    _solve_wrt_b,
    _square,
    _t,
    diagonal,
    matmul,
    pinv,
)
from .numbers import as_float
from .reductions import mean, norm
from .shapes import expand_dims, swapaxes
from .whole import sizes_of, symbol, whole

# --------------------------------------------------------------------------------------------------
# Equations


def _triangle(x, lower):
    return np.tril(x) if lower else np.triu(x)


_solve_triangular = ArrayOp(
    "solve_triangular",
    lambda a, b, lower: np.linalg.solve(_triangle(a, lower), b),
    lambda g, y, a, b, lower: _triangle(_solve_wrt_a(g, y, _triangle(a, lower), b), lower),
    lambda g, y, a, b, lower: _solve_wrt_b(g, y, _triangle(a, lower), b),
    floating=True,
    wide=True,
    shape=lambda a, b, lower: _solve_shape(a, b),
)


def solve_triangular(a, b, lower=False):
    """The x for which a @ x = b, where ``a`` is a triangle; its other half is not read.

    Args:
        a: (..., N, N).
        b: (N,), or (..., N, K).
        lower: whether ``a`` is the lower triangle, or else the upper.

    Returns:
        x in the shape of ``b``, with the batches of ``a``.
    """
    return _solve_triangular(a, b, lower=bool(lower))


@whole(lambda x, upper: symbol(_square(sizes_of(x)), x, floating=True))
def cholesky_inverse(x, upper=False):
    """The inverse of L @ L^T, given its Cholesky factor L, or L^T with ``upper``: (..., N, N)."""
    x = as_float(x)
    n = shape(x)[-1]
    inverse = solve_triangular(x, eye(n, dtype=x.dtype), lower=not upper)
    turned = swapaxes(inverse, -1, -2)
    return matmul(inverse, turned) if upper else matmul(turned, inverse)


def lstsq(a, b, rcond=None):
    """The x with the least |a @ x - b|; of several the shortest: pinv(a) @ b.

    Args:
        a: (M, N).
        b: (M,) or (M, K).
        rcond: singular values of ``a`` below ``rcond`` times the greatest count as 0; None: the
            precision of the dtype times max(M, N).

    Returns:
        (N,) or (N, K).

    Raises:
        ValueError: the shapes are not (M, N) and (M,) or (M, K).
    """
    a, b = as_float(a), as_float(b)
    if ndim(a) != 2 or ndim(b) not in (1, 2):
        raise ValueError(
            f"lstsq() takes a matrix (M, N) and (M,) or (M, K); got the shapes {shape(a)} and "
            f"{shape(b)}."
        )
    if rcond is None and None not in shape(a):
        rcond = float(np.finfo(np.dtype(a.dtype)).eps) * max(shape(a))
    return matmul(pinv(a, rcond), b)


# --------------------------------------------------------------------------------------------------
# Factors


def _eigenvalues(x):
    kind = np.result_type(x.dtype, np.complex64)
    return [part.astype(kind) for part in np.linalg.eig(x)]


_eig = ArrayOp(
    "eig",
    _eigenvalues,
    floating=True,
    wide=True,
    shape=lambda x: [_square(x)[:-1], _square(x)],
    dtype=lambda x: np.result_type(x, np.complex64),
)


def eig(x):
    """The eigenvalues (..., N) and eigenvectors (..., N, N), as columns, of square matrices.

    They are complex numbers, through which no gradient goes; ``eigh``, for symmetric matrices, has
    one.
    """
    return tuple(_eig(x))


def _lu(x):
    """Gaussian elimination with the greatest pivot of each column (Golub and Van Loan, alg. 3.4.1):
    L below the diagonal, whose own is 1, and U; and the row that each row was exchanged with.
    """
    lu = np.array(x)
    *batch, rows, columns = x.shape
    steps = min(rows, columns)
    pivots = np.zeros((*batch, steps), np.int32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for index in np.ndindex(*batch):
            one, exchanged = lu[index], pivots[index]
            for k in range(steps):
                best = k + int(np.argmax(np.abs(one[k:, k])))
                exchanged[k] = best
                one[[k, best]] = one[[best, k]]
                if one[k, k] != 0:
                    one[k + 1 :, k] /= one[k, k]
                one[k + 1 :, k + 1 :] -= np.outer(one[k + 1 :, k], one[k, k + 1 :])
    return [lu, pivots]


def _order(pivots, rows):
    """The order of rows that the exchanges make."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    for index in np.ndindex(*pivots.shape[:-1]):
        for k, best in enumerate(pivots[index]):
            order[index][[k, best]] = order[index][[best, k]]
    return order


def _lu_rule(g, y, x):
    # P dA = dL U + L dU, so L^-1 P dA U^-1 = L^-1 dL + dU U^-1, a lower and an upper triangle.
    lu, pivots = y
    if x.shape[-1] != x.shape[-2]:
        raise NotImplementedError("ops.lu_factor has a gradient for square matrices only.")
    lower = np.tril(lu, -1) + np.eye(x.shape[-1], dtype=lu.dtype)
    upper = np.triu(lu)
    inner = np.tril(_t(lower) @ g[0], -1) + np.triu(g[0] @ _t(upper))
    permuted = np.linalg.solve(_t(lower), _t(np.linalg.solve(upper, _t(inner))))
    back = np.argsort(_order(np.asarray(pivots), x.shape[-1]), axis=-1)
    return np.take_along_axis(permuted, back[..., None], axis=-2)


def _lu_shape(x):
    *batch, rows, columns = _matrices(x)
    steps = None if None in (rows, columns) else min(rows, columns)
    return [x, (*batch, steps)]


_lu_factor = ArrayOp(
    "lu_factor",
    _lu,
    _lu_rule,
    floating=True,
    wide=True,
    shape=_lu_shape,
    dtype=lambda x: [x, np.int32],
)


def lu_factor(x):
    """Factor matrices, P @ x = L @ U, with a lower triangle L that has ones on its diagonal, and an
    upper one U.

    Args:
        x: (..., M, N); integers give floats.

    Returns:
        L below and U on and above the diagonal of one matrix, (..., M, N), and the pivots,
        int32 (..., min(M, N)): in step k, row k was exchanged with row pivots[k].
    """
    return tuple(_lu_factor(x))


# --------------------------------------------------------------------------------------------------
# Products, powers and distances


def _woven(*shapes):
    """Sizes of both shapes by turns, leading ones added; and the shapes with ones in between."""
    rank = max(map(len, shapes))
    a, b = ((1,) * (rank - len(own)) + tuple(own) for own in shapes)
    pairs = list(zip(a, b, strict=True))
    first = tuple([n for m, _ in pairs for n in (m, 1)])
    second = tuple([n for _, m in pairs for n in (1, m)])
    return pairs, first, second


def _kron_rule(i):
    def rule(g, y, a, b):
        pairs, first, second = _woven(a.shape, b.shape)
        g = g.reshape([n for pair in pairs for n in pair])
        other = b.reshape(second) if i == 0 else a.reshape(first)
        total = np.sum(g * other, axis=tuple(range(1 - i, 2 * len(pairs), 2)))
        return total.reshape((a, b)[i].shape)

    return rule


_kron = ArrayOp(
    "kron",
    np.kron,
    _kron_rule(0),
    _kron_rule(1),
    same=0,
    shape=lambda a, b: tuple(
        [None if None in pair else math.prod(pair) for pair in _woven(a, b)[0]]
    ),
)


def kron(x1, x2):
    """The Kronecker product: every element of ``x1`` times the whole of ``x2``, as blocks.

    Sizes are multiplied, (m, n) and (p, q) giving (m p, n q); sizes 1 lead where axes lack.
    """
    return _kron(x1, x2)


def _vander_shape(x, N, increasing):
    if len(sizes_of(x)) != 1:
        raise ValueError(f"vander() takes a vector, but got shape {sizes_of(x)}.")
    if N is not None and N < 0:
        raise ValueError(f"vander() needs N of at least 0; got {N}.")
    if dtype(x) == "bool":
        raise TypeError("vander() takes numbers, but got bool.")
    (rows,) = sizes_of(x)
    return symbol((rows, rows if N is None else N), x)


@whole(_vander_shape)
def vander(x, N=None, increasing=False):
    """Powers as columns: (n,) becomes (n, N), x**(N - 1) ... x**0, or in ``increasing`` order.

    Args:
        x: a vector.
        N: the number of columns; None: as many as rows.
        increasing: whether the powers begin with 0.

    Raises:
        ValueError: ``x`` is no vector, or N is negative.
    """
    _, columns = _vander_shape(x, N, increasing).shape
    x = as_tensor(x)
    exponents = np.arange(columns).astype(x.dtype)
    return power(expand_dims(x, 1), exponents if increasing else exponents[::-1])


def corrcoef(x):
    """Pearson's correlation of every row with every other: (N, T) gives (N, N), and a vector 1.

    Args:
        x: N variables, each observed T times; integers give floats.

    Raises:
        ValueError: ``x`` has more than two axes.
    """
    x = as_float(x)
    if ndim(x) > 2:
        raise ValueError(f"corrcoef() takes a vector or a matrix, but got shape {shape(x)}.")
    if np.dtype(x.dtype) == np.float16:
        return corrcoef(x.astype("float32")).astype("float16")
    rows = expand_dims(x, 0) if ndim(x) == 1 else x
    centred = subtract(rows, mean(rows, axis=1, keepdims=True))
    products = matmul(centred, swapaxes(centred, 0, 1))
    sizes = sqrt(diagonal(products))
    found = divide(divide(products, expand_dims(sizes, 1)), sizes)
    found = clip(found, -1.0, 1.0)
    return found[0, 0] if ndim(x) == 1 else found


def cdist(x, y):
    """The Euclidean distances of all points to all others.

    Args:
        x: points (..., M, D). y: points (..., N, D); integers give floats.

    Returns:
        (..., M, N). Where points are the same, the gradient is 0.

    Raises:
        ValueError: fewer than two axes, or other numbers of coordinates.
    """
    x, y = as_float(x), as_float(y)
    if ndim(x) < 2 or ndim(y) < 2 or len({shape(x)[-1], shape(y)[-1], None}) > 2:
        raise ValueError(
            f"cdist() needs points (..., M, D) and (..., N, D); got the shapes {shape(x)} and "
            f"{shape(y)}."
        )
    return norm(subtract(expand_dims(x, -2), expand_dims(y, -3)), axis=-1)
