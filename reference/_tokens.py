"""What an embedding asks of its numbers, said once for both engines."""

import numpy as np


def check_tokens(indices, table):
    """Raise ValueError unless every number names a row of a table (V, U); name the first bad one.

    indices: an array.   table: a shape.
    """
    if len(table) != 2:
        raise ValueError(
            f"embedding: the table needs 2 axes (vocabulary, units), got shape {table}"
        )
    if indices.dtype.kind not in "iu":
        raise ValueError(f"embedding: the numbers of rows must be integers, got {indices.dtype}")
    bad = (indices < 0) | (indices >= table[0])
    if bad.any():
        where = tuple(np.argwhere(bad)[0].tolist())
        raise ValueError(
            f"embedding: the token {indices[where]} at {where} is outside the vocabulary: the "
            f"table has {table[0]} rows, so tokens run from 0 to {table[0] - 1}; make input_dim "
            "larger than the largest token, or give rare ones a number of their own"
        )
