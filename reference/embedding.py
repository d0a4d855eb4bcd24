"""The embedding: a table of vectors, of which a row is learned for each word, symbol or user.

V rows in the table (the size of the vocabulary), U numbers in each.

Fast twins, by the same names: fastcore/embedding.pyx.
"""

import numpy as np

from ._shapes import check_cotangent
from ._tokens import check_tokens


def embedding_forward(indices, table):
    """Embedding lookup: every number is replaced by the row of the table that it names.

        y[..., u] = table[indices[...], u]

    The same as a one-hot vector times the table, without the multiplications by zero.

    indices: (...), int64, each from 0 to V - 1.   table: (V, U)
    Returns y: (..., U), dtype of the table, and cache = (indices, (V, U)).
    Raises ValueError where a number names no row; -1 is not the last one.
    Source: Bengio et al. 2003, A Neural Probabilistic Language Model, sec. 2 (the matrix C).
    """
    check_tokens(indices, table.shape)
    return table[indices], (indices, table.shape)


def embedding_backward(dy, cache):
    """Gradient of embedding_forward. dy: (..., U), as y. Returns dtable: (V, U).

        dtable[v, u] = the sum of dy[..., u] over all places where indices[...] = v

    A row that was never named gets zeros. The sum of a row runs in the order of the places.
    """
    indices, shape = cache
    check_cotangent("embedding_backward", dy.shape, (*indices.shape, shape[1]))
    dtable = np.zeros(shape, dy.dtype)
    np.add.at(dtable, indices, dy)  # y = table[indices]
    return dtable
