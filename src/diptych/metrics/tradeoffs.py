"""Two rates of which one grows at the cost of the other: the best of one where the other is held.

A classifier that calls more samples positive finds more of them, and is wrong more often. These
metrics try many thresholds, take those that keep the required rate, and give the best of the other
rate there: 0 if there are none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..budget import charge
from .confusion import _Counts, _ratio

__all__ = [
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]


class _BestAt(_Counts):
    """The best of one rate over the thresholds at which another is at least `value`."""

    _direction = "up"
    _kept = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    _held = ""  # the argument that says what is held

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        if not 0 <= value <= 1:
            raise ValueError(
                f"{type(self).__name__} got {self._held}={value!r}; expected a number in [0, 1]"
            )
        if num_thresholds <= 0:
            raise ValueError(
                f"{type(self).__name__} got num_thresholds={num_thresholds}; expected at least 1"
            )
        charge(64 * num_thresholds, f"{type(self).__name__} has num_thresholds={num_thresholds}")
        even = np.linspace(0, 1, num_thresholds).tolist()
        super().__init__(even if num_thresholds > 1 else 0.5, name=name, dtype=dtype)
        setattr(self, self._held, value)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true: 0 or 1. y_pred: scores from 0 to 1. sample_weight: a number, (N,),
        or of the shape of y_true.
        """
        self._update(y_true, y_pred, sample_weight, class_id=self.class_id)

    def _best(self, rates: np.ndarray, held: np.ndarray) -> Any:
        return self._typed(np.max(rates, where=held >= self.value, initial=0.0))

    def _recalls(self):
        tp = self.true_positives.array
        return _ratio(tp, tp + self.false_negatives.array)

    def _precisions(self):
        tp = self.true_positives.array
        return _ratio(tp, tp + self.false_positives.array)

    def _specificities(self):
        tn = self.true_negatives.array
        return _ratio(tn, tn + self.false_positives.array)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._held: self.value,
        }


class PrecisionAtRecall(_BestAt):
    """The best precision, tp / (tp + fp), where the recall, tp / (tp + fn), is at least `recall`.

    y_true and y_pred (N, ...) have one shape.

    recall: a number in [0, 1]. num_thresholds: how many thresholds are tried, evenly spaced from 0
    to 1. class_id: use only this column of y_true and y_pred.
    """

    _held = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._precisions(), self._recalls())


class RecallAtPrecision(_BestAt):
    """The best recall, tp / (tp + fn), where the precision, tp / (tp + fp), is at least
    `precision`.

    y_true and y_pred (N, ...) have one shape.

    num_thresholds, class_id: as for `PrecisionAtRecall`.
    """

    _held = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._recalls(), self._precisions())


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity, tp / (tp + fn), where the specificity, tn / (tn + fp), is at least
    `specificity`.

    y_true and y_pred (N, ...) have one shape.

    num_thresholds, class_id: as for `PrecisionAtRecall`.
    """

    _held = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._recalls(), self._specificities())


class SpecificityAtSensitivity(_BestAt):
    """The best specificity, tn / (tn + fp), where the sensitivity, tp / (tp + fn), is at least
    `sensitivity`.

    y_true and y_pred (N, ...) have one shape.

    num_thresholds, class_id: as for `PrecisionAtRecall`.
    """

    _held = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._specificities(), self._recalls())
