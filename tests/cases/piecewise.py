"""Cases for the activations made of pieces."""

import numpy as np

from tests.cases import Case
from tests.cases._elementwise import EDGES, away, elementwise


def prelu(label, shape, alpha_shape, smooth=True):
    def make(rng):
        alpha = rng.uniform(-0.5, 0.5, size=alpha_shape)
        return {"x": away(rng.normal(size=shape), 0), "alpha": alpha}

    return Case(label, make, smooth)


CASES = {
    "relu_forward": elementwise(
        0, 0.5, 1, 2,
        options=(
            {},
            {"negative_slope": 0.1},
            {"max_value": 2.0},
            {"threshold": 1.0},
            {"negative_slope": 0.3, "max_value": 1.0, "threshold": 0.5},
        ),
    ),
    "leaky_relu_forward": elementwise(0, options=({}, {"negative_slope": 0.01})),
    "prelu_forward": [
        prelu("batch 1", (1, 3), (3,)),
        prelu("a slope for each unit", (7, 13), (13,)),
        prelu("one slope", (7, 13), (1,)),
        prelu("slopes shared over space", (5, 3, 4, 2), (1, 1, 2)),
        prelu("slopes for the last axis", (5, 3, 4), (4,)),
        prelu("axes of size 1", (3, 1, 1), (1, 1)),
        prelu("no batch axis to repeat over", (3, 4), (3, 4)),
        prelu("empty batch", (0, 4), (4,)),
        prelu("many chunks of rows", (1200, 40), (40,)),
        prelu("many chunks of columns", (9, 5000), (5000,)),
        Case(
            "infinite and huge numbers",
            lambda rng: {"x": np.array([EDGES]), "alpha": np.full(len(EDGES), 0.1)},
            smooth=False,
        ),
    ],
    "relu6_forward": elementwise(0, 6),
    "hard_sigmoid_forward": elementwise(-3, 3),
    "hard_silu_forward": elementwise(-3, 3),
    "hard_tanh_forward": elementwise(-1, 1),
    "hard_shrink_forward": elementwise(-0.5, 0.5, -1, 1, options=({}, {"threshold": 1.0})),
    "soft_shrink_forward": elementwise(-0.5, 0.5, -1, 1, options=({}, {"threshold": 1.0})),
    "threshold_forward": elementwise(
        0.3, -1,
        options=(
            {"threshold": 0.3, "default_value": -2.0},
            {"threshold": -1.0, "default_value": 0.0},
        ),
    ),
}  # fmt: skip


def sum_and_relu(case):
    """The same sums, as two arrays."""

    def make(rng):
        x = case.make(rng)["x"]
        shortcut = np.round(rng.normal(size=x.shape))
        return {"x": np.asarray(x - shortcut), "shortcut": np.asarray(shortcut)}

    return Case(case.label, make, case.smooth)


EXTRAS = {"add_relu_forward": [sum_and_relu(case) for case in elementwise(0, tiny=0.5)]}
