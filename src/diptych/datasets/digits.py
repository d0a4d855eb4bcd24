"""1,797 real handwritten digits of 8 x 8 points, included in the package.

The test part of the UCI set "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak,
1998), https://archive.ics.uci.edu/dataset/80, CC BY 4.0. Source and licence are in data/digits.txt.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["load_data"]

_FILE = Path(__file__).parent / "data" / "digits.npz"
_TRAINING = 1437


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the digits: `(x_train, y_train), (x_test, y_test)`.

    x_train: (1437, 8, 8) uint8, 0 (white) to 16 (black). y_train: (1437,) uint8, the digits 0 to 9.
    x_test, y_test: the same for 360 samples.

    The split is ours: the first 1,437 samples in the published order are for training, the last 360
    for testing. All of them come from the test part that UCI publishes (as in scikit-learn), so
    accuracies do not compare with published ones.
    """
    with np.load(_FILE) as data:
        images, labels = data["images"], data["labels"]
    return (images[:_TRAINING], labels[:_TRAINING]), (images[_TRAINING:], labels[_TRAINING:])


def __dir__() -> list[str]:
    return sorted(__all__)
