"""Metrics from counts of true and false positives and negatives: precision, recall, area under a
curve.

A prediction counts as positive where it is above a threshold. Counts over several thresholds are an
array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config
from ..budget import charge
from ..tensor import Variable
from .base import Metric, align_rank, as_array, broadcast_weight, masked_weight

__all__ = [
    "AUC",
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]


class _Counts(Metric):
    """Accumulates some of the four counts for each threshold.

    _kept: names among true_positives, false_positives, true_negatives, false_negatives.
    """

    _kept: tuple[str, ...] = ()

    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: Any = None,
        default_threshold: float = 0.5,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        if thresholds is None:
            self.thresholds = [default_threshold]
        else:
            self.thresholds = list(np.atleast_1d(np.asarray(thresholds, dtype=float)).tolist())
            _check_thresholds(self.thresholds)
        self._edges = _Edges(self.thresholds, self._dtype)
        self._add_counts((len(self.thresholds),))

    def _add_counts(self, shape):
        for name in self._kept:
            setattr(self, name, self.add_weight(shape=shape, name=name))

    def _update(self, y_true, y_pred, sample_weight, top_k=None, class_id=None):
        y_true, y_pred, weight = _prepare(y_true, y_pred, sample_weight, type(self).__name__)
        if top_k is not None:
            y_pred = _only_top_k(y_pred, top_k)
        if class_id is not None:
            y_true, y_pred, weight = _only_class(y_true, y_pred, weight, class_id)
        counts = self._edges.count(y_true, y_pred, weight)
        for name in self._kept:
            getattr(self, name).assign_add(counts[name])

    def _first_or_all(self, values):
        return self._typed(values[0] if len(self.thresholds) == 1 else values)


class _OneCount(_Counts):
    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def _add_counts(self, shape):
        self.accumulator = self.add_weight(shape=shape, name="accumulator")
        setattr(self, self._kept[0], self.accumulator)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true: 0 or 1. sample_weight: a number, (N,), or of the shape of
        y_true.
        """
        self._update(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        return self._first_or_all(self.accumulator.array)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_OneCount):
    """How many positive labels are predicted positive.

    y_true and y_pred (N, ...) have one shape.

    Args:
        thresholds: a prediction above it is positive: a number from 0 to 1, or a list for a
            count at each; 0.5 by default.
    """

    _kept = ("true_positives",)


class TrueNegatives(_OneCount):
    """How many negative labels are predicted negative.

    y_true and y_pred (N, ...) have one shape.

    Args:
        thresholds: a prediction above it is positive: a number from 0 to 1, or a list for a
            count at each; 0.5 by default.
    """

    _kept = ("true_negatives",)


class FalsePositives(_OneCount):
    """How many negative labels are predicted positive.

    y_true and y_pred (N, ...) have one shape.

    Args:
        thresholds: a prediction above it is positive: a number from 0 to 1, or a list for a
            count at each; 0.5 by default.
    """

    _kept = ("false_positives",)


class FalseNegatives(_OneCount):
    """How many positive labels are predicted negative.

    y_true and y_pred (N, ...) have one shape.

    Args:
        thresholds: a prediction above it is positive: a number from 0 to 1, or a list for a
            count at each; 0.5 by default.
    """

    _kept = ("false_negatives",)


class _Rate(_Counts):
    _direction = "up"

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        # The k largest scores always count as positive, unless there is a threshold as well.
        super().__init__(
            thresholds, name=name, dtype=dtype, default_threshold=0.5 if top_k is None else -np.inf
        )
        self.top_k = top_k
        self.class_id = class_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true: 0 or 1. sample_weight: a number, (N,), or of the shape of
        y_true.
        """
        self._update(y_true, y_pred, sample_weight, self.top_k, self.class_id)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Rate):
    """The fraction of positive predictions that are correct: tp / (tp + fp).

    y_true and y_pred (N, ...) have one shape.

    thresholds: a number in [0, 1], or several, with a result for each; None is 0.5. top_k: the k
    largest scores of a sample count as positive. class_id: use only this column of y_true and
    y_pred.
    """

    _kept = ("true_positives", "false_positives")

    def result(self) -> Any:
        tp, fp = self.true_positives.array, self.false_positives.array
        return self._first_or_all(_ratio(tp, tp + fp))


class Recall(_Rate):
    """The fraction of positive labels that are found: tp / (tp + fn).

    y_true and y_pred (N, ...) have one shape.

    thresholds, top_k, class_id: as in `Precision`.
    """

    _kept = ("true_positives", "false_negatives")

    def result(self) -> Any:
        tp, fn = self.true_positives.array, self.false_negatives.array
        return self._first_or_all(_ratio(tp, tp + fn))


class AUC(_Counts):
    """The area under the ROC or precision-recall curve over all thresholds.

    y_true and y_pred have one shape, (N,), (N, 1) or (N, labels).

    num_thresholds: the number of points of the curve, evenly spaced; or pass `thresholds`, numbers
        in [0, 1].
    curve: 'ROC' (true against false positive rate), 'PR' (precision against recall) or 'PRGAIN'.
    summation_method: 'interpolation', 'minoring' (a lower bound) or 'majoring' (an upper bound).
    multi_label: one curve for each of the `num_labels` columns, averaged with `label_weights`;
        otherwise all columns make one curve, and `label_weights` weigh the columns in it.
    from_logits: y_pred is the input of a sigmoid.

    Source: Davis & Goadrich 2006, section 4, for the interpolation of 'PR'; Flach & Kull 2015 for
        'PRGAIN'.
    """

    _direction = "up"
    _kept = ("true_positives", "false_positives", "true_negatives", "false_negatives")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        Metric.__init__(self, dtype=dtype, name=name)
        self.curve = _choice("curve", str(curve).upper(), ("ROC", "PR", "PRGAIN"))
        methods = ("interpolation", "minoring", "majoring")
        self.summation_method = _choice("summation_method", str(summation_method).lower(), methods)
        self._own_thresholds = thresholds is not None
        if thresholds is None:
            if num_thresholds < 2:
                raise ValueError(f"AUC got num_thresholds={num_thresholds}; expected at least 2")
            charge(32 * num_thresholds, f"AUC has num_thresholds={num_thresholds}")
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        else:
            inner = sorted(float(threshold) for threshold in thresholds)
            _check_thresholds(inner)
        # The first and last threshold are outside [0, 1], so that scores of 0 and 1 count
        # correctly.
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self.num_thresholds = len(self.thresholds)
        self._edges = _Edges(self.thresholds, self._dtype)
        if num_labels and not multi_label:
            raise ValueError("AUC got num_labels without multi_label=True")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = (
            None if label_weights is None else np.asarray(label_weights, dtype=self._dtype)
        )
        self.from_logits = from_logits
        if not multi_label:
            self._add_counts((self.num_thresholds,))
        elif num_labels:
            self._add_counts((self.num_thresholds, num_labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true: 0 or 1. sample_weight: a number, (N,), or of the shape of
        y_true.
        """
        y_true, y_pred, weight = _prepare(y_true, y_pred, sample_weight, "AUC")
        if self.from_logits:
            # tanh does not overflow, unlike exp.
            y_pred = 0.5 * (1.0 + np.tanh(0.5 * y_pred))
        y_pred = np.clip(y_pred, 0.0, 1.0)
        if self.multi_label:
            self._update_labels(y_true, y_pred, weight)
            return
        if self.label_weights is not None:
            weight = np.broadcast_to(self.label_weights, y_pred.shape) * (
                1.0 if weight is None else weight
            )
        self._take_in(self._edges.count(y_true, y_pred, weight), ...)

    def _update_labels(self, y_true, y_pred, weight):
        if y_pred.ndim != 2:
            raise ValueError(
                f"AUC with multi_label=True got y_pred of shape {y_pred.shape}; "
                "expected (samples, labels)"
            )
        labels = y_pred.shape[1]
        if not self.variables:
            self._add_counts((self.num_thresholds, labels))
        elif self.true_positives.shape[1] != labels:
            raise ValueError(
                f"AUC got y_pred with {labels} columns, but earlier batches had "
                f"{self.true_positives.shape[1]}"
            )
        for label in range(labels):
            column = None if weight is None else weight[:, label]
            counts = self._edges.count(y_true[:, label], y_pred[:, label], column)
            self._take_in(counts, (slice(None), label))

    def _take_in(self, counts, where):
        for name in self._kept:
            variable = getattr(self, name)
            total = variable.array.copy()
            total[where] += counts[name]
            variable.assign(total)

    def result(self) -> Any:
        if not self.variables:
            return self._typed(0.0)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self._interpolated_pr_areas()
        else:
            x, y = self._curve()
            if self.summation_method == "interpolation":
                heights = (y[:-1] + y[1:]) / 2.0
            elif self.summation_method == "minoring":
                heights = np.minimum(y[:-1], y[1:])
            else:
                heights = np.maximum(y[:-1], y[1:])
            areas = (x[:-1] - x[1:]) * heights
        area = areas.sum(axis=0)
        if self.multi_label:
            area = np.average(area, weights=self.label_weights)
        return self._typed(area)

    def _curve(self):
        tp, fp, tn, fn = (getattr(self, name).array for name in self._kept)
        if self.curve == "ROC":
            return _ratio(fp, fp + tn), _ratio(tp, tp + fn)
        if self.curve == "PR":
            return _ratio(tp, tp + fn), _ratio(tp, tp + fp)
        # Gains diverge without true positives: use recall gain 0 and precision gain 1 there.
        odds = _ratio(tp + fn, tn + fp)
        recall_gain = np.where(tp == 0, 0.0, 1.0 - odds * _ratio(fn, tp))
        precision_gain = np.where(tp == 0, 1.0, 1.0 - odds * _ratio(fp, tp))
        return np.maximum(recall_gain, 0.0), precision_gain

    def interpolate_pr_auc(self) -> Any:
        """The area under the precision-recall curve, interpolated between the thresholds; with
        several labels that of each.
        """
        return self._typed(self._interpolated_pr_areas().sum(axis=0))

    def _interpolated_pr_areas(self):
        """Interpolate tp and p = tp + fp linearly between two thresholds, not their ratio.

        With tp = slope p + intercept, the area is the integral of (slope + intercept / p) d(tp),
        that is slope (change of tp + intercept log(p_left / p_right)), divided by the number of
        positive labels.
        """
        tp, fn = self.true_positives.array, self.false_negatives.array
        p = tp + self.false_positives.array
        slope = _ratio(tp[:-1] - tp[1:], p[:-1] - p[1:])
        intercept = tp[1:] - slope * p[1:]
        both = (p[:-1] > 0) & (p[1:] > 0)
        ratio = np.where(both, _ratio(p[:-1], p[1:]), 1.0)
        return _ratio(slope * (tp[:-1] - tp[1:] + intercept * np.log(ratio)), tp[1:] + fn[1:])

    def get_config(self) -> dict[str, Any]:
        weights = self.label_weights
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if weights is None else weights.tolist(),
            "from_logits": self.from_logits,
        }
        if self._own_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config


def _prepare(y_true, y_pred, sample_weight, metric):
    """Arrays of one shape, and the weights broadcast to it, or None."""
    mask = getattr(y_pred, "mask", None)
    if mask is not None:
        sample_weight = masked_weight(sample_weight, as_array(mask))
    y_pred, y_true = align_rank(as_array(y_pred), as_array(y_true))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{metric} got y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}; "
            "expected equal shapes, labels 0 or 1 for every score"
        )
    if sample_weight is None:
        return y_true, y_pred, None
    weight = as_array(sample_weight)
    if weight.ndim == y_pred.ndim + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    return y_true, y_pred, broadcast_weight(weight, y_pred)


class _Edges:
    """Sorted thresholds, and the counts above each.

    dtype: the dtype in which scores and thresholds are compared.
    """

    def __init__(self, thresholds: Any, dtype: Any) -> None:
        self.dtype = dtype
        self.order = np.argsort(thresholds, kind="stable")
        self.values = np.asarray(thresholds, dtype=dtype)[self.order]

    def count(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """The four counts over all elements: each a number, or an array over the thresholds."""
        positive = y_true != 0
        if len(self.values) == 1 and weight is None:
            above = y_pred > self.values
            tp = np.count_nonzero(above & positive)
            fp = np.count_nonzero(above) - tp
            positives = np.count_nonzero(positive)
            negatives = positive.size - positives
        else:
            scores = y_pred.astype(self.dtype, copy=False).ravel()
            below = np.searchsorted(self.values, scores, side="left")
            below[np.isnan(scores)] = 0  # NaN is above no threshold
            positive = positive.ravel()
            weight = np.ones(scores.size) if weight is None else weight.ravel().astype(np.float64)
            positive_weight = np.where(positive, weight, 0.0)
            tp = self._sum_above(below, positive_weight)
            fp = self._sum_above(below, weight - positive_weight)
            positives = positive_weight.sum()
            negatives = weight.sum() - positives
        return {
            "true_positives": tp,
            "false_positives": fp,
            "true_negatives": negatives - fp,
            "false_negatives": positives - tp,
        }

    def _sum_above(self, below, weight):
        """The weight above each threshold: a score is above the `below` smallest ones."""
        size = len(self.values)
        sums = np.empty(size)
        buckets = np.bincount(below, weights=weight, minlength=size + 1)
        sums[self.order] = np.cumsum(buckets[::-1])[::-1][1:]
        return sums


def _only_top_k(y_pred, k):
    """Set scores below the k largest of their sample to -inf; ties go to the first."""
    if not 1 <= k <= y_pred.shape[-1]:
        raise ValueError(
            f"top_k={k} does not fit y_pred of shape {y_pred.shape}; "
            f"expected 1 to {y_pred.shape[-1]}"
        )
    best = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    scores = np.full(y_pred.shape, -np.inf)
    np.put_along_axis(scores, best, np.take_along_axis(y_pred, best, axis=-1), axis=-1)
    return scores


def _only_class(y_true, y_pred, weight, class_id):
    if y_pred.ndim < 2 or not 0 <= class_id < y_pred.shape[-1]:
        raise ValueError(
            f"class_id={class_id} does not fit y_pred of shape {y_pred.shape}; "
            "expected (samples, classes)"
        )
    column = (..., class_id)
    return y_true[column], y_pred[column], None if weight is None else weight[column]


def _ratio(a, b):
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.shape(b)), where=b != 0)


def _check_thresholds(thresholds):
    wrong = [threshold for threshold in thresholds if not 0.0 <= threshold <= 1.0]
    if wrong:
        raise ValueError(f"thresholds must lie in [0, 1]; got {wrong}")


def _choice(argument, value, choices):
    if value not in choices:
        raise ValueError(
            f"AUC got {argument}={value!r}; expected one of {', '.join(map(repr, choices))}"
        )
    return value
