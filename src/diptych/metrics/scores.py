"""F-beta, F1 and R^2 scores."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import config
from ..tensor import Variable
from .base import Metric, align_rank, as_array, broadcast_weight

__all__ = ["F1Score", "FBetaScore", "R2Score"]


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall): above 1, beta stresses recall.
    y_true and y_pred (N, C).

    average: None gives one score per class; 'micro' counts all classes together; 'macro' is the
        mean over classes; 'weighted' the mean weighted by the frequency of each class.
    threshold: scores above it are positive; None takes the largest score of each sample.
    """

    _direction = "up"

    true_positives: Variable
    false_positives: Variable
    false_negatives: Variable
    intermediate_weights: Variable

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"{type(self).__name__} got average={average!r}; "
                "expected None, 'micro', 'macro' or 'weighted'"
            )
        if not isinstance(beta, float) or not beta > 0.0:  # an int is refused, as in Keras
            raise ValueError(
                f"{type(self).__name__} got beta={beta!r}; expected a float above 0, such as 2.0"
            )
        if threshold is not None and not (isinstance(threshold, float) and 0.0 < threshold <= 1.0):
            raise ValueError(
                f"{type(self).__name__} got threshold={threshold!r}; "
                "expected None, or a float above 0 and at most 1, such as 0.5"
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true, y_pred: (N, classes), labels 0 or 1. sample_weight: a number or
        (N,).
        """
        y_true, y_pred = _two_axes(as_array(y_true), as_array(y_pred), type(self).__name__)
        if not self.variables:
            self._add_counts(y_pred.shape[1])
        if self.threshold is None:
            # A row of zeros predicts no class, although all scores tie for the largest.
            chosen = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self._dtype.type(self.threshold)
        chosen = chosen.astype(np.float64)
        weight = 1.0 if sample_weight is None else broadcast_weight(as_array(sample_weight), chosen)
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add(np.sum(chosen * y_true * weight, axis=axis))
        self.false_positives.assign_add(np.sum(chosen * (1 - y_true) * weight, axis=axis))
        self.false_negatives.assign_add(np.sum((1 - chosen) * y_true * weight, axis=axis))
        self.intermediate_weights.assign_add(np.sum(y_true * weight, axis=axis))

    def _add_counts(self, classes):
        shape = () if self.average == "micro" else (classes,)
        for name in (
            "true_positives",
            "false_positives",
            "false_negatives",
            "intermediate_weights",
        ):
            setattr(self, name, self.add_weight(shape=shape, name=name))

    def result(self) -> Any:
        if not self.variables:
            return self._typed(0.0)
        epsilon = config.epsilon()
        tp = self.true_positives.array
        precision = tp / (tp + self.false_positives.array + epsilon)
        recall = tp / (tp + self.false_negatives.array + epsilon)
        beta2 = self.beta**2
        score = (1 + beta2) * (precision * recall / (beta2 * precision + recall + epsilon))
        if self.average == "weighted":
            support = self.intermediate_weights.array
            score = np.sum(score * support / (support.sum() + epsilon))
        elif self.average is not None:
            score = np.mean(score)
        return self._typed(score)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall). Arguments as in `FBetaScore`. y_true and y_pred
    (N, C).
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean(y_true))^2): 1 is perfect, 0 no better than
    the mean. y_true and y_pred (N, D).

    class_aggregation: 'uniform_average' or 'variance_weighted_average' over the columns; None gives
        a score for each.
    num_regressors: the number of predictors, for the adjusted R^2; 0 gives the plain R^2.
    """

    _direction = "up"

    squared_sum: Variable
    sum: Variable
    total_mse: Variable
    count: Variable

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                f"R2Score got class_aggregation={class_aggregation!r}; "
                "expected None, 'uniform_average' or 'variance_weighted_average'"
            )
        if num_regressors < 0:
            raise ValueError(f"R2Score got num_regressors={num_regressors}; expected at least 0")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_weight(name="num_samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true, y_pred: (N, columns). sample_weight: a number or (N, ...)."""
        y_true, y_pred = align_rank(as_array(y_true), as_array(y_pred))
        y_true, y_pred = _two_axes(y_true, y_pred, "R2Score")
        if len(self.variables) == 1:
            for attribute, name in (
                ("squared_sum", "squared_sum"),
                ("sum", "sum"),
                ("total_mse", "residual"),
                ("count", "count"),
            ):
                setattr(self, attribute, self.add_weight(shape=(y_pred.shape[1],), name=name))
        y_true, y_pred = y_true.astype(np.float64), y_pred.astype(np.float64)
        weight = np.asarray(1.0) if sample_weight is None else as_array(sample_weight)
        weight = broadcast_weight(weight, y_true)
        self.sum.assign_add(np.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(np.sum(y_true * y_true * weight, axis=0))
        self.total_mse.assign_add(np.sum(np.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(np.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        if len(self.variables) == 1:
            return self._typed(0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.sum.array / self.count.array
            total = self.squared_sum.array - self.sum.array * mean
            scores = 1 - self.total_mse.array / total
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = np.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = np.sum(total * scores) / np.sum(total)
        return self._typed(self._adjusted(scores))

    def _adjusted(self, score):
        spare = self.num_samples.array.item() - 1 - self.num_regressors
        if self.num_regressors == 0:
            return score
        if spare <= 0:
            warnings.warn(
                f"adjusted R2 with {self.num_regressors} regressors needs more than "
                f"{self.num_regressors + 1} values; the plain R2 is given",
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (self.num_samples.array.item() - 1) / spare

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }


def _two_axes(y_true, y_pred, metric):
    if y_true.ndim != 2 or y_true.shape != y_pred.shape:
        raise ValueError(
            f"{metric} got y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}; "
            "expected two axes, (samples, outputs), and equal shapes"
        )
    return y_true, y_pred
