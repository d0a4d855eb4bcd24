"""Arguments for the embedding."""

import numpy as np

from tests.cases import Case


def tokens(places, table):
    def make(rng):
        return {
            "indices": rng.integers(0, max(table[0], 1), size=places),
            "table": rng.normal(size=table),
        }

    return make


def given(indices, table):
    return lambda rng: {"indices": np.array(indices, np.int64), "table": rng.normal(size=table)}


def padded(rng):
    """Sequences of several lengths, zeros in front: one row gets most of the gradients."""
    lengths = rng.integers(1, 40, size=(30, 1))
    words = rng.integers(1, 500, size=(30, 40))
    return {
        "indices": np.where(np.arange(40) < 40 - lengths, 0, words),
        "table": rng.normal(size=(500, 12)),
    }


CASES = {
    "embedding_forward": [
        Case("batch 1", tokens((1, 3), (5, 4))),
        Case("one of everything", tokens((1, 1), (1, 1))),
        Case("odd sizes", tokens((7, 11), (13, 17))),
        Case("one number", tokens((), (5, 3))),
        Case("one axis", tokens((9,), (4, 3))),
        Case("three axes", tokens((2, 3, 5), (7, 2))),
        Case("the first and the last row", given([[0, 6, 6], [6, 0, 0]], (7, 3))),
        Case("the same row again and again", given([3] * 50, (5, 2))),
        Case("empty batch", tokens((0, 4), (5, 3))),
        Case("no steps", tokens((3, 0), (5, 3))),
        Case("no units", tokens((3, 2), (5, 0))),
        Case("an empty table", tokens((0, 2), (0, 3))),
        Case("padded", padded),
        Case("wide rows", tokens((3, 2), (4, 20000))),
        Case("threads over the rows", tokens((40, 60), (900, 70))),
    ],
}
