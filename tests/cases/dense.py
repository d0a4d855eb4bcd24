"""Arguments for the dense layer and the matrix product."""

import numpy as np

from tests.cases import Case


def dense(shape, units, bias=True, activation="linear"):
    def make(rng):
        return {
            "x": rng.normal(size=shape),
            "kernel": rng.normal(size=(shape[-1], units)),
            "bias": rng.normal(size=units) if bias else None,
            "activation": activation,
        }

    return make


def away_from_the_kink(rng):
    """x @ kernel is whole, so z = x @ kernel + 0.5 is never near 0, where relu has its kink."""
    return {
        "x": rng.integers(-3, 4, size=(9, 5)).astype(np.float64),
        "kernel": rng.integers(-3, 4, size=(5, 7)).astype(np.float64),
        "bias": np.full(7, 0.5),
        "activation": "relu",
    }


def matmul(a, b):
    return lambda rng: {"a": rng.normal(size=a), "b": rng.normal(size=b)}


CASES = {
    "dense_forward": [
        Case("batch 1", dense((1, 3), 4)),
        Case("one of everything", dense((1, 1), 1)),
        Case("no bias", dense((5, 3), 2, bias=False)),
        Case("odd sizes", dense((17, 31), 23)),
        Case("one unit, sigmoid", dense((33, 7), 1, activation="sigmoid")),
        Case("tanh without bias", dense((7, 5), 19, bias=False, activation="tanh")),
        Case("relu", away_from_the_kink),
        Case("rank 3", dense((2, 3, 5), 4, activation="tanh")),
        Case("rank 4 with axes of one", dense((1, 4, 1, 3), 6)),
        Case("empty batch", dense((0, 3), 4, activation="tanh")),
        Case("no features", dense((3, 0), 4)),
        Case("no units", dense((3, 4), 0)),
        Case("many blocks", dense((401, 337), 211, activation="sigmoid")),
        Case("sums in chunks", dense((5000, 3), 17, activation="tanh")),
    ],
    "matmul_forward": [
        Case("matrices", matmul((3, 4), (4, 5))),
        Case("odd sizes", matmul((13, 29), (29, 7))),
        Case("vector by vector", matmul((5,), (5,))),
        Case("vector by matrix", matmul((5,), (5, 3))),
        Case("matrix by vector", matmul((3, 5), (5,))),
        Case("stack by matrix", matmul((2, 3, 4), (4, 5))),
        Case("stack by vector", matmul((2, 3, 4), (4,))),
        Case("vector by stack", matmul((4,), (2, 4, 3))),
        Case("matrix by stack", matmul((3, 4), (2, 4, 5))),
        Case("stack by stack", matmul((2, 3, 4), (2, 4, 5))),
        Case("stacks that broadcast", matmul((2, 1, 3, 4), (5, 4, 2))),
        Case("axes of one", matmul((1, 1, 1), (3, 1, 1))),
        Case("empty rows", matmul((0, 4), (4, 5))),
        Case("nothing to sum", matmul((3, 0), (0, 5))),
        Case("empty stack", matmul((0, 3, 4), (0, 4, 5))),
        Case("threads over one product", matmul((300, 200), (200, 150))),
        Case("threads over a stack", matmul((24, 40, 33), (24, 33, 37))),
    ],
}
