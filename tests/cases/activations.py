"""Cases for the activations: shapes for all of them, and the places where each is delicate."""

import numpy as np

from tests.cases import Case

SHAPES = {
    "batch 1": (1, 3),
    "no axes": (),
    "axes of size 1": (3, 1, 1, 5),
    "odd sizes": (7, 13),
    "empty batch": (0, 4),
    "many chunks": (131, 317),
}
EDGES = [-np.inf, -1e4, -90.0, -20.0, -0.5, -0.0, 0.0, 0.25, 20.0, 90.0, 1e4, np.inf, np.nan]


def away(x, *kinks):
    """x with everything moved off the kinks, so that differences see one side only."""
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.01, kink + np.where(x < kink, -0.02, 0.02), x)
    return x


def elementwise(*kinks, options=({},), tiny=1e-4):
    """Every shape with the first options, and the other options with one shape and at the edges."""

    def case(label, make, chosen, smooth=True):
        return Case(label, lambda rng: {"x": make(rng), **chosen}, smooth)

    def normal(shape, scale=3.0):
        return lambda rng: away(np.asarray(scale * rng.normal(size=shape)), *kinks)

    def edges(rng):
        return np.array(EDGES)

    table = [case(label, normal(shape), options[0]) for label, shape in SHAPES.items()]
    table += [case(f"{other}", normal((6, 11)), other) for other in options[1:]]
    table += [
        case(f"infinite and huge numbers {other or ''}".strip(), edges, other, smooth=False)
        for other in options
    ]
    table.append(case("around zero", normal((40,), tiny), options[0]))
    return table


def prelu(label, shape, alpha_shape, smooth=True):
    def make(rng):
        alpha = rng.uniform(-0.5, 0.5, size=alpha_shape)
        return {"x": away(rng.normal(size=shape), 0), "alpha": alpha}

    return Case(label, make, smooth)


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
}  # fmt: skip
