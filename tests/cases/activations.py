"""Cases for the smooth activations and softmax."""

import numpy as np

from tests.cases import Case
from tests.cases._elementwise import EDGES, elementwise


def rows(label, shape, axis, scale=3.0):
    return Case(label, lambda rng: {"x": scale * rng.normal(size=shape), "axis": axis})


def awkward_rows(rng):
    """Rows with huge, infinite and missing numbers, among rows without."""
    x = rng.normal(size=(8, 5))
    x[0] = [1e4, -1e4, 1e4, 0.0, -1e4]
    x[1, 2] = np.inf
    x[2, 2] = -np.inf
    x[3] = -np.inf
    x[4, 1] = np.nan
    x[5] = -1e4
    return {"x": x}


SOFTMAX = [
    rows("batch 1", (1, 3), -1),
    rows("one number each", (4, 1), -1),
    rows("one axis", (7,), 0),
    rows("two classes", (37, 2), -1),
    rows("ten classes", (53, 10), 1),
    rows("sixteen classes", (5, 16), -1),
    rows("seventeen classes", (3, 1, 17), -1),
    rows("more classes than a block", (3, 1111), -1),
    rows("empty batch", (0, 4), -1),
    rows("first axis", (5, 7), 0),
    rows("an axis between", (3, 4, 5), 1),
    rows("the last two axes", (3, 4, 5), (1, 2)),
    rows("two axes apart, backwards", (3, 4, 5), (-1, 0)),
    rows("far apart", (9, 6), -1, scale=300.0),
    rows("many chunks", (4500, 10), -1),
    rows("many chunks, wide", (13, 3500), -1),
    Case("infinite, huge and missing numbers", awkward_rows, smooth=False),
]


CASES = {
    "sigmoid_forward": elementwise(),
    "log_sigmoid_forward": elementwise(),
    "tanh_forward": elementwise(),
    # Closer to zero the digits of x - tanh(x) cancel, by its definition.
    "tanh_shrink_forward": elementwise(tiny=1.0),
    "softplus_forward": elementwise(),
    "softsign_forward": elementwise(),
    "squareplus_forward": elementwise(options=({}, {"b": 0.5})),
    "exponential_forward": elementwise(),
    "elu_forward": elementwise(0, options=({}, {"alpha": 0.7})),
    "selu_forward": elementwise(0),
    "celu_forward": elementwise(0, options=({}, {"alpha": 0.7})),
    "gelu_forward": elementwise(options=({}, {"approximate": True})),
    "silu_forward": elementwise(),
    "mish_forward": elementwise(),
    "glu_forward": [
        rows("batch 1", (1, 2), -1),
        rows("odd half", (7, 26), 1),
        rows("first axis", (6, 5), 0),
        rows("an axis between", (3, 4, 1, 5), 1),
        rows("empty batch", (0, 4), -1),
        rows("many chunks", (131, 320), -1),
        Case(
            "infinite and huge numbers",
            lambda rng: {"x": np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1).T},
            smooth=False,
        ),
    ],
    "softmax_forward": SOFTMAX,
    "log_softmax_forward": SOFTMAX,
}
