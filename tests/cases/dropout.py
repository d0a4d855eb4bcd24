"""Cases of dropout."""

import numpy as np

from tests.cases import Case


def dropout(shape, rate=0.5, mask_shape=None):
    def make(rng):
        mask = rng.random(shape if mask_shape is None else mask_shape) >= rate
        return {"x": rng.normal(size=shape), "dropout_mask": mask, "rate": rate}

    return make


def special(rng):
    x = np.array([[np.nan, np.inf, -np.inf, 1.0], [np.nan, np.inf, -np.inf, -0.0]])
    return {"x": x, "dropout_mask": np.array([[True] * 4, [False] * 4]), "rate": 0.25}


CASES = {
    "dropout_forward": [
        Case("batch 1", dropout((1, 5))),
        Case("one number", dropout((1, 1), 0.25)),
        Case("odd sizes", dropout((7, 13), 0.3)),
        Case("images", dropout((3, 4, 5, 6), 0.1)),
        Case("one fate for each channel", dropout((4, 5, 3), 0.5, (4, 1, 3))),
        Case("fewer axes", dropout((4, 5, 3), 0.5, (3,))),
        Case("empty batch", dropout((0, 5), 0.2)),
        Case("nothing dropped", dropout((3, 4), 0.0)),
        Case("threads and chunks", dropout((37, 1301), 0.4)),
        Case("NaN and infinity", special, smooth=False),
    ],
}
