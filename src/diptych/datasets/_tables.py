"""What `boston_housing` and `california_housing` share: a table of numbers, shuffled and split."""

import numpy as np


def check_split(owner, test_split):
    if not 0 <= test_split < 1:
        raise ValueError(f"{owner}: test_split={test_split!r}; expected at least 0 and below 1")


def split(x, y, test_split, seed, path):
    """`(x_train, y_train), (x_test, y_test)` of shuffled rows; the last ones are for testing."""
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{path}: a table of shape {x.shape} with targets of shape {y.shape}; expected "
            "(samples, features) and (samples,)"
        )
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    first = int(len(x) * (1 - test_split))
    train, test = order[:first], order[first:]
    return (x[train], y[train]), (x[test], y[test])
