"""Cases of connectionist temporal classification: labels of sequences without an alignment.

Where labels don't fit into the frames, the loss is about 1e5 and its digits in float32 are few:
such cases hold one sample with its neighbours, so that the scale says so.
"""

import numpy as np

from . import Case


def sequences(samples, frames, classes, labels, size=1.0, **options):
    """Logits, and labels of full length; the blank is mask_index, 0 unless given."""

    def make(rng):
        blank = options.get("mask_index", 0)
        others = np.delete(np.arange(classes), blank)
        return {
            "target": rng.choice(others, size=(samples, labels)),
            "output": size * rng.normal(size=(samples, frames, classes)),
            "target_length": np.full(samples, labels),
            "output_length": np.full(samples, frames),
            **options,
        }

    return make


def ragged(samples, frames, classes, labels, **options):
    """The same with lengths of their own; what lies beyond them is not looked at."""

    def make(rng):
        given = sequences(samples, frames, classes, labels, **options)(rng)
        given["target_length"] = rng.integers(0, labels + 1, size=samples)
        given["output_length"] = rng.integers(2 * labels + 1, frames + 1, size=samples)
        beyond = np.arange(labels) >= given["target_length"][:, np.newaxis]
        given["target"][beyond] = -1
        return given

    return make


def given(target, output, target_length, output_length, **options):
    return lambda rng: {
        "target": np.array(target),
        "output": np.array(output, float),
        "target_length": np.array(target_length),
        "output_length": np.array(output_length),
        **options,
    }


def repeated(rng):
    """Labels that are all the same: each pair needs a blank between them."""
    made = sequences(3, 11, 4, 4)(rng)
    made["target"][:] = rng.integers(1, 4, size=(3, 1))
    return made


CASES = {
    "ctc_forward": [
        Case("one sample", sequences(1, 8, 4, 3)),
        Case("one frame, one label", sequences(3, 1, 4, 1)),
        Case("odd sizes", sequences(5, 13, 7, 3)),
        Case("as many labels as frames", sequences(2, 3, 50, 3)),
        Case("the same label again and again", repeated),
        Case("no labels", sequences(3, 5, 4, 0)),
        Case("no samples", sequences(0, 5, 4, 2)),
        Case("two classes", sequences(4, 9, 2, 3)),
        Case("lengths", ragged(7, 15, 5, 4)),
        Case("another blank", sequences(3, 9, 5, 3, mask_index=4)),
        Case("a blank in the middle, lengths", ragged(4, 12, 5, 3, mask_index=2)),
        Case("no frames count", given([[1], [2]], np.zeros((2, 3, 4)), [0, 1], [0, 3])),
        Case("the blank as a label", given([[1, 0, 2]], np.eye(7, 3)[np.newaxis], [3], [7])),
        Case("confident", sequences(3, 12, 6, 4, size=12.0)),
        Case(
            "labels that don't fit",
            given([[1, 1, 1], [1, 2, 3], [1, 2, 3]], np.ones((3, 4, 4)), [3, 3, 3], [4, 2, 4]),
        ),
        Case(
            "a logit of -inf beside (no differences with inf)",
            given([[1, 2]], [[[0, 1, 2, -np.inf]] * 5], [2], [5]),
            False,
        ),
        Case(
            "a label of -inf: no path is left (no differences with inf)",
            given([[1, 3]], [[[0, 1, 2, -np.inf]] * 5], [2], [5]),
            False,
        ),
        Case(
            "a frame of NaN (no differences with it)",
            given([[1], [1]], [[[0, 1], [np.nan, 1], [2, 1]], [[0, 1], [0, 1], [2, 1]]], [1, 1],
                  [3, 3]),
            False,
        ),
        Case("more classes than a block", sequences(2, 6, 1100, 3)),
        Case("large", sequences(40, 60, 20, 12)),
    ]
}  # fmt: skip
