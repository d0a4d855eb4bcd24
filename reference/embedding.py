"""The embedding: a table of vectors, of which a row is learned for each word, symbol or user.

V rows in the table (the size of the vocabulary), U numbers in each.
"""

import numpy as np

from ._shapes import check_cotangent
from ._tokens import check_tokens


def embedding_forward(indices, table):
    """Every number is replaced by the row of the table that it names.

        y[..., u] = table[indices[...], u]

    indices: (...), int64, each from 0 to V - 1.   table: (V, U)
    Returns y: (..., U), dtype of the table, and cache = (indices, (V, U)).
    Raises ValueError where a number names no row; -1 is not the last one.
    Source: Bengio et al. 2003, A Neural Probabilistic Language Model, sec. 2 (the matrix C).
    """
    check_tokens(indices, table.shape)
    return table[indices], (indices, table.shape)  # 1


def embedding_backward(dy, cache):
    """Gradient of embedding_forward. dy: (..., U), as y. Returns dtable: (V, U).

        dtable[v, u] = the sum of dy[..., u] over all places where indices[...] = v

    A row that was never named gets zeros. The sum of a row runs in the order of the places.
    """
    indices, shape = cache
    check_cotangent("embedding_backward", dy.shape, (*indices.shape, shape[1]))
    dtable = np.zeros(shape, dy.dtype)
    np.add.at(dtable, indices, dy)  # 1
    return dtable


def embedding_backward_rows(dy, cache):
    """embedding_backward without the rows of zeros: the gradient of a table too large to fill.

        dtable[rows[k], u] = values[k, u], and 0 in every other row

    Returns rows: (K,), int64, the rows that were named, each once and in rising order, and
    values: (K, U). The sums are those of embedding_backward, to the bit.
    """
    indices, shape = cache
    check_cotangent("embedding_backward_rows", dy.shape, (*indices.shape, shape[1]))
    rows, k = np.unique(indices.astype(np.int64), return_inverse=True)
    values = np.zeros((len(rows), shape[1]), dy.dtype)
    np.add.at(values, k.reshape(indices.shape), dy)  # 1
    return rows, values
