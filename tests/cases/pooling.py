"""Cases of the pooling family.

Numbers of x are a shuffled range, so that no two in a window are near each other: a maximum has no
slope where two are equal.
"""

import numpy as np

from tests.cases import Case


def distinct(rng, shape):
    """Numbers at least 0.01 apart, some of them negative, in random order."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count // 3) / 100).reshape(shape)


def pool(shape, window, strides=None, padding=(0, 0), draw=distinct):
    """padding: a pair for all axes, or one for each."""
    rank = len(shape) - 2
    pairs = padding if isinstance(padding[0], tuple) else (padding,) * rank

    def make(rng):
        return {
            "x": draw(rng, shape),
            "window": window,
            "strides": strides or window,
            "padding": pairs,
        }

    return make


def ties(rng, shape):
    return rng.integers(-1, 2, size=shape).astype(np.float64)


def special(rng, shape):
    """Whole windows of -inf and of NaN, and both among other numbers."""
    return rng.choice([-np.inf, -np.inf, -np.inf, np.nan, np.inf, -1.0, 0.0, 2.5], size=shape)


def infinite(rng, shape):
    return np.full(shape, -np.inf)


SHAPES = [
    Case("batch 1", pool((1, 4, 4, 3), (2, 2))),
    Case("one of everything", pool((1, 1, 1, 1), (1, 1))),
    Case("1-D", pool((2, 9, 5), (2,))),
    Case("3-D", pool((2, 4, 5, 6, 3), (2, 2, 3))),
    Case("odd sizes", pool((3, 7, 5, 9), (2, 2))),
    Case("axes of one", pool((2, 1, 6, 1), (1, 2))),
    Case("empty batch", pool((0, 4, 4, 2), (2, 2))),
    Case("not square", pool((2, 6, 10, 7), (3, 2), (2, 4))),
    Case("overlapping", pool((2, 7, 8, 18), (3, 3), (2, 2))),
    Case("overlapping a lot", pool((2, 6, 7, 5), (3, 4), (1, 1))),
    Case("overlapping along one axis", pool((2, 8, 9, 4), (2, 3), (2, 1))),
    Case("strides larger than the window", pool((2, 11, 10, 3), (2, 1), (3, 4))),
    Case("padded on both sides", pool((2, 6, 7, 11), (3, 3), (2, 2), (1, 1))),
    Case("padded unevenly", pool((2, 5, 6, 4), (3, 4), (2, 3), ((0, 1), (3, 2)))),
    Case("1-D, padded behind", pool((3, 8, 6), (3,), (2,), (0, 1))),
    Case("3-D, overlapping and padded", pool((1, 4, 5, 3, 2), (3, 2, 2), (1, 2, 1), (1, 0))),
    Case("3-D with gaps", pool((2, 5, 4, 7, 3), (1, 2, 2), (2, 1, 3))),
    Case("global", pool((3, 7, 6, 20), (7, 6))),
    Case("global, one image of many channels", pool((1, 9, 8, 67), (9, 8))),
    Case("256 positions", pool((2, 16, 16, 3), (16, 16))),
    Case("more than 256 positions", pool((2, 19, 18, 5), (17, 16), (2, 1))),
    Case("a window too large for one walk", pool((1, 24, 40, 600), (23, 40), (1, 1))),
    Case("1-D, a long window that moves by one", pool((1, 100, 17), (40,), (1,))),
    Case("1-D, 300 positions that overlap", pool((1, 400, 3), (300,), (50,))),
    Case("few channels, several windows a chunk", pool((5, 12, 13, 6), (2, 2))),
    Case("few channels, gaps and padding", pool((3, 9, 11, 5), (2, 2), (3, 3), (1, 0))),
    Case("a vector and a half", pool((4, 9, 10, 12), (3, 2))),
    Case("vectors and a rest", pool((2, 6, 6, 37), (2, 2))),
    Case("threads over rows", pool((2, 40, 40, 32), (2, 2))),
    Case("threads over columns", pool((1, 3000, 40), (2,))),
    Case("threads, overlapping", pool((3, 33, 31, 24), (3, 3), (2, 2), (1, 1))),
    Case("threads, global", pool((1, 50, 50, 48), (50, 50))),
]

CASES = {
    "max_pool_forward": [
        *SHAPES,
        Case("ties, not smooth", pool((3, 8, 9, 10), (3, 3), (2, 2), (1, 1), ties), smooth=False),
        Case("ties of pairs, not smooth", pool((3, 8, 21), (2,), draw=ties), smooth=False),
        Case("NaN and infinity", pool((4, 6, 6, 19), (2, 2), draw=special), smooth=False),
        Case(
            "NaN and infinity beside padding",
            pool((2, 7, 6, 9), (3, 3), (1, 2), (2, 1), special),
            smooth=False,
        ),
        Case(
            "-inf beside padding",
            pool((1, 4, 3, 9), (3, 3), (2, 2), (1, 1), infinite),
            smooth=False,
        ),
    ],
    "average_pool_forward": [
        *SHAPES,
        Case("NaN and infinity", pool((4, 6, 6, 19), (2, 2), draw=special), smooth=False),
    ],
}
