"""Cases of the cross-entropies: probabilities away from the clipping, logits of any size.

In float32, 1 - (1 - epsilon) is a fifth off. Hence no probabilities of a single class (they are 1)
and, for the focal losses, logits of moderate size or a larger epsilon.
"""

import numpy as np

from . import Case
from .losses import fixed, one_hot, shapes, with_options, without_one_output


def bits(*shape):
    """Yes/no labels and probabilities."""

    def make(rng):
        y_true = rng.integers(0, 2, size=shape).astype(float)
        return {"y_true": y_true, "y_pred": rng.uniform(0.02, 0.98, size=shape)}

    return make


def soft_bits(*shape):
    def make(rng):
        return {
            "y_true": rng.uniform(size=shape),
            "y_pred": rng.uniform(0.02, 0.98, size=shape),
        }

    return make


def bit_logits(*shape):
    def make(rng):
        y_true = rng.integers(0, 2, size=shape).astype(float)
        return {"y_true": y_true, "y_pred": 1.3 * rng.normal(size=shape), "from_logits": True}

    return make


def classes(*shape):
    """One-hot labels and positive scores that do not yet sum to one."""

    def make(rng):
        return {"y_true": one_hot(rng, *shape), "y_pred": rng.uniform(0.1, 1, size=shape)}

    return make


def loose_classes(*shape):
    """Labels that do not sum to one."""

    def make(rng):
        return {
            "y_true": rng.uniform(size=shape),
            "y_pred": rng.uniform(0.1, 1, size=shape),
        }

    return make


def distributions(*shape):
    def make(rng):
        y_true, y_pred = rng.uniform(0.05, 0.95, size=(2, *shape))
        return {"y_true": y_true, "y_pred": y_pred}

    return make


def class_logits(*shape):
    def make(rng):
        return {
            "y_true": one_hot(rng, *shape),
            "y_pred": 3 * rng.normal(size=shape),
            "from_logits": True,
        }

    return make


def loose_logits(*shape):
    def make(rng):
        return {
            "y_true": rng.uniform(size=shape),
            "y_pred": 3 * rng.normal(size=shape),
            "from_logits": True,
        }

    return make


def numbers(*shape, ignore_class=None):
    """Class numbers, some of them to be ignored, and positive scores."""

    def make(rng):
        y_true = rng.integers(0, shape[-1], size=shape[:-1])
        options = {}
        if ignore_class is not None:
            y_true = np.where(rng.uniform(size=y_true.shape) < 0.3, ignore_class, y_true)
            options = {"ignore_class": ignore_class}
        return {"y_true": y_true, "y_pred": rng.uniform(0.1, 1, size=shape), **options}

    return make


def number_logits(*shape, **options):
    make = numbers(*shape, **options)

    def logits(rng):
        arguments = make(rng)
        return {**arguments, "y_pred": 3 * rng.normal(size=shape), "from_logits": True}

    return logits


def along(axis, *shape):
    """Class numbers of predictions whose classes lie along another axis than the last."""

    def make(rng):
        others = [n for i, n in enumerate(shape) if i != axis]
        return {
            "y_true": rng.integers(0, shape[axis], size=others),
            "y_pred": rng.uniform(0.1, 1, size=shape),
            "axis": axis,
        }

    return make


def renamed(prefix, cases):
    return [Case(f"{prefix}, {case.label}", case.make, case.smooth) for case in cases]


EXTREME_LOGITS = [[1e4, -1e4, 0.0, 50.0], [-1e4, 1e4, -30.0, 1.0]]
EXTREME_BITS = [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]]
# Some lie outside [epsilon, 1 - epsilon], where the loss is level.
STEP = "saturated (a finite difference would step across epsilon)"
SATURATED = [[1e-9, 0.5, 1.0 - 1e-9, 0.2], [0.0, 1.0, 0.7, 1.5]]
SATURATED_CLASSES = [[1e-9, 0.5, 0.4, 0.2], [0.0, 1.0, 0.0, 0.0]]

CASES = {
    "kl_divergence_forward": [
        *shapes(distributions),
        Case("clipped", fixed([[0.3, 1.7, 0.0]], [[0.5, 1.5, -0.2]])),
        Case("epsilon: some are clipped", with_options(distributions(6, 5), epsilon=0.2)),
    ],
    "binary_crossentropy_forward": [
        *shapes(bits),
        *renamed("logits", shapes(bit_logits)),
        Case("soft labels", soft_bits(5, 7)),
        Case("smoothing", with_options(bits(6, 5), label_smoothing=0.1)),
        Case("smoothing, logits", with_options(bit_logits(6, 5), label_smoothing=0.3)),
        Case("axis 0", with_options(bits(4, 3), axis=0)),
        Case("axis 1 of 3, logits", with_options(bit_logits(3, 4, 5), axis=1, label_smoothing=0.1)),
        Case("logits of 10,000", fixed(EXTREME_BITS, EXTREME_LOGITS, from_logits=True)),
        Case(STEP, fixed(EXTREME_BITS, SATURATED), False),
        Case("epsilon: some are clipped", with_options(bits(6, 5), epsilon=0.25)),
    ],
    "categorical_crossentropy_forward": [
        *without_one_output(shapes(classes)),
        *renamed("logits", shapes(class_logits)),
        Case("labels that do not sum to one", loose_classes(5, 7)),
        Case("labels that do not sum to one, logits", loose_logits(5, 7)),
        Case("smoothing", with_options(classes(6, 5), label_smoothing=0.1)),
        Case("smoothing, logits", with_options(class_logits(6, 5), label_smoothing=0.3)),
        Case("axis 0", with_options(classes(4, 3), axis=0)),
        Case("axis 1 of 3", with_options(loose_classes(3, 4, 5), axis=1, label_smoothing=0.1)),
        Case(
            "axis 1 of 3, logits",
            with_options(loose_logits(3, 4, 5), axis=1, label_smoothing=0.1),
        ),
        Case("logits of 10,000", fixed(np.eye(4)[[3, 0]], EXTREME_LOGITS, from_logits=True)),
        Case(STEP, fixed(np.eye(4)[[0, 1]], SATURATED_CLASSES), False),
        Case("epsilon: some are clipped", with_options(classes(6, 5), epsilon=0.2)),
    ],
    "sparse_categorical_crossentropy_forward": [
        *without_one_output(shapes(numbers)),
        *renamed("logits", shapes(number_logits)),
        Case("ignored: a class", numbers(9, 4, ignore_class=2)),
        Case("ignored: -1", numbers(3, 5, 4, ignore_class=-1)),
        Case("ignored: 255, logits", number_logits(9, 4, ignore_class=255)),
        Case("ignored: -100, logits, large", number_logits(9000, 10, ignore_class=-100)),
        Case("all ignored", fixed([7, 7], [[0.1, 0.3], [0.5, 0.2]], ignore_class=7)),
        Case("axis 0", along(0, 4, 3)),
        Case("epsilon: some are clipped", with_options(numbers(6, 5), epsilon=0.2)),
        Case("axis 0, square", along(0, 4, 4)),
        Case("axis 1 of 3", along(1, 3, 4, 5)),
        Case("logits of 10,000", fixed([3, 0], EXTREME_LOGITS, from_logits=True)),
        Case(
            "a logit of -inf beside (no differences with inf)",
            fixed([0, 2], [[1.0, -np.inf, 2.0]] * 2, from_logits=True),
            False,
        ),
        Case(STEP, fixed([0, 1], SATURATED_CLASSES), False),
    ],
    "binary_focal_crossentropy_forward": [
        *shapes(bits),
        *renamed("logits", shapes(bit_logits)),
        Case("soft labels", soft_bits(5, 7)),
        Case("balanced", with_options(bits(6, 5), apply_class_balancing=True, alpha=0.4)),
        Case("gamma 0", with_options(bits(6, 5), gamma=0.0)),
        Case("gamma 1", with_options(bits(6, 5), gamma=1)),
        Case("gamma 0.5, logits", with_options(bit_logits(6, 5), gamma=0.5)),
        Case("gamma 3.5", with_options(soft_bits(6, 5), gamma=3.5, apply_class_balancing=True)),
        Case("smoothing, logits", with_options(bit_logits(6, 5), label_smoothing=0.3)),
        Case("axis 1 of 3, logits", with_options(bit_logits(3, 4, 5), axis=1, label_smoothing=0.1)),
        Case(
            "logits of 10,000",
            fixed(EXTREME_BITS, EXTREME_LOGITS, from_logits=True, epsilon=1 / 1024),
        ),
        Case(STEP, fixed(EXTREME_BITS, SATURATED), False),
        Case("epsilon: some are clipped", with_options(bits(6, 5), epsilon=0.25)),
    ],
    "categorical_focal_crossentropy_forward": [
        *without_one_output(shapes(classes)),
        *without_one_output(renamed("logits", shapes(class_logits))),
        Case("labels that do not sum to one", loose_classes(5, 7)),
        Case("alpha for each class", with_options(loose_logits(5, 3), alpha=(0.1, 0.7, 0.3))),
        Case(
            "alpha for the last axis",
            with_options(loose_classes(5, 3), alpha=(0.1, 0.7, 0.3), axis=0),
        ),
        Case("gamma 0", with_options(classes(6, 5), gamma=0.0)),
        Case("gamma 1, logits", with_options(class_logits(6, 5), gamma=1.0)),
        Case("gamma 3.5, logits", with_options(loose_logits(6, 5), gamma=3.5)),
        Case("smoothing", with_options(classes(6, 5), label_smoothing=0.1)),
        Case(
            "axis 1 of 3, logits",
            with_options(loose_logits(3, 4, 5), axis=1, label_smoothing=0.1),
        ),
        Case(
            "logits of 10,000",
            fixed(np.eye(4)[[3, 0]], EXTREME_LOGITS, from_logits=True, epsilon=1 / 1024),
        ),
        Case(STEP, fixed(np.eye(4)[[0, 1]], SATURATED_CLASSES), False),
        Case("epsilon: some are clipped", with_options(classes(6, 5), epsilon=0.2)),
    ],
}
