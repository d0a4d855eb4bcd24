"""Cases of the losses of regression and of margins.

Predictions keep their distance from kinks (a zero error, Huber's delta, a closed gap), where one
side's slope is as right as the other's.
"""

import numpy as np

from . import Case

THREADED = (3000, 40)


def apart(rng, *shape):
    """Numbers of both signs, none nearer to 0 than 0.05."""
    x = rng.normal(size=shape)
    return np.where(x < 0, x - 0.05, x + 0.05)


def regression(*shape, scale=1.0):
    def make(rng):
        y_true = rng.normal(size=shape) * scale
        return {"y_true": y_true, "y_pred": y_true + apart(rng, *shape) * scale}

    return make


def positive(*shape):
    def make(rng):
        y_true = rng.uniform(0.1, 4, size=shape)
        return {"y_true": y_true, "y_pred": y_true * np.exp(apart(rng, *shape))}

    return make


def signs(*shape, binary=False):
    """Labels -1 and 1 (or 0 and 1), and scores whose margin is not within 0.05 of closing."""

    def make(rng):
        sign = rng.choice([-1.0, 1.0], size=shape)
        y_true = (sign + 1) / 2 if binary else sign
        return {"y_true": y_true, "y_pred": sign * (1 + apart(rng, *shape))}

    return make


def one_hot(rng, *shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])]


def scores(*shape):
    """Scores whose best wrong class leads the next by 0.1 and whose gap is not about to close."""

    def make(rng):
        y_true = one_hot(rng, *shape)
        order = rng.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)
        return {"y_true": y_true, "y_pred": 0.11 + order * 0.17}

    return make


def with_options(make, **options):
    return lambda rng: {**make(rng), **options}


def shapes(make):
    """The shapes that every loss is tried with."""
    return [
        Case("one sample", make(1, 5)),
        Case("one output", make(7, 1)),
        Case("one number", make(1, 1)),
        Case("odd sizes", make(5, 37)),
        Case("rank 1", make(9)),
        Case("rank 3", make(3, 4, 5)),
        Case("no samples", make(0, 3)),
        Case("rows longer than a block", make(3, 1100)),
        Case("large, one output", make(70000, 1)),
        Case("large", make(*THREADED)),
    ]


def without_one_output(cases):
    ones = ("one output", "one number")
    return [case for case in cases if not any(one in case.label for one in ones)]


def fixed(y_true, y_pred, **options):
    return lambda rng: {"y_true": np.array(y_true), "y_pred": np.array(y_pred), **options}


def extreme(label="labels and predictions of 10,000 and 0"):
    return Case(label, fixed([[1e4, -1e4, 0.0, 3.0]], [[-1e4, -2e4, 1e4, 3.5]]))


def losses_of(*shape, divisor=None):
    """Losses; by default for their mean."""

    def make(rng):
        losses = rng.exponential(size=shape)
        return {
            "losses": np.asarray(losses),
            "divisor": np.size(losses) if divisor is None else divisor,
        }

    return make


CASES = {
    "mean_squared_error_forward": [*shapes(regression), extreme()],
    "mean_absolute_error_forward": [
        *shapes(regression),
        extreme(),
        Case("error 0, where the slope is 0 by choice", fixed([[1.0, 2.0]], [[1.0, 5.0]]), False),
    ],
    "mean_absolute_percentage_error_forward": [
        *shapes(positive),
        Case("labels of both signs", regression(6, 5)),
        Case("a label of 0", fixed([[0.0, 2.0]], [[1e-3, 5.0]])),
        Case("epsilon", with_options(regression(6, 5), epsilon=0.5)),
    ],
    "mean_squared_logarithmic_error_forward": [
        *shapes(positive),
        Case("below epsilon", fixed([[-1.0, 0.5, 2.0]], [[0.7, -0.3, -1.0]])),
        Case("epsilon", with_options(positive(6, 5), epsilon=0.05)),
    ],
    "huber_forward": [
        *shapes(regression),
        extreme(),
        Case("delta", with_options(regression(8, 5, scale=3.0), delta=0.7)),
        Case("wide delta", with_options(regression(8, 5), delta=100.0)),
    ],
    "log_cosh_forward": [*shapes(regression), extreme()],
    "poisson_forward": [
        *shapes(positive),
        Case("no counts", fixed([[0.0, 0.0, 3.0]], [[0.1, 5.0, 2.0]])),
        Case("epsilon", with_options(positive(6, 5), epsilon=0.5)),
    ],
    "hinge_forward": [
        *shapes(signs),
        Case("labels 0 and 1", signs(6, 5, binary=True)),
        Case("a label that is neither", fixed([[0.0, 1.0, 0.5]], [[0.3, 0.4, -2.0]])),
    ],
    "squared_hinge_forward": [
        *shapes(signs),
        Case("labels 0 and 1", signs(6, 5, binary=True)),
        Case("a label that is neither", fixed([[0.0, 1.0, 0.5]], [[0.3, 0.4, -2.0]])),
    ],
    "categorical_hinge_forward": [
        *shapes(scores),
        Case("labels that are no classes", fixed([[0.2, 0.5, 0.1]], [[3.0, -2.0, 1.0]])),
        Case("the gap is closed", fixed([[0.0, 1.0, 0.0]], [[-3.0, 2.0, -1.0]])),
        Case("a draw, where the first is taken", fixed([[0.0, 0, 1]], [[2.0, 2.0, 1.0]]), False),
    ],
    "cosine_similarity_forward": [
        *without_one_output(shapes(regression)),  # a vector of one number has only two directions
        Case("axis 1 of 3", with_options(regression(3, 4, 5), axis=1)),
        Case("axis 0", with_options(regression(4, 3), axis=0)),
        Case("axis given as the last", with_options(regression(4, 3), axis=1)),
        Case("shorter than epsilon", with_options(regression(4, 3), epsilon=100.0)),
        Case("a label of zeros", fixed([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0], [-2.0, 1.5]])),
    ],
    "scaled_sum_forward": [
        Case("a mean", losses_of(8)),
        Case("one sample", losses_of(1)),
        Case("a sum", losses_of(7, divisor=1)),
        Case("a loss for each step", losses_of(3, 5)),
        Case("a single number", losses_of()),
        Case("several blocks", losses_of(1500)),
        Case("no samples", losses_of(0)),
        Case("divided by a fraction", losses_of(4, divisor=0.25)),
    ],
}
