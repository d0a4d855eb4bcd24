"""What the cases of both families of activations share: shapes, and numbers off the kinks."""

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
