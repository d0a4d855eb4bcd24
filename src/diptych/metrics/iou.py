"""Intersection over union (IoU): how well regions of an image were found, class by class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config
from .base import Metric, as_array, broadcast_weight, masked_weight, typed

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class IoU(Metric):
    """The mean over some classes of tp / (tp + fp + fn), from the confusion matrix of all batches.

    Classes that occur neither in labels nor in predictions do not count.

    num_classes: the number of classes; labels and predictions that are none of them do not count.
    target_class_ids: the classes to average over.
    dtype: of the counts. They are integers unless it is a float: then weights that are no integers
        lose their fraction. The result is float32.
    ignore_class: a label that does not count, such as 255 for the edges of objects.
    sparse_y_true, sparse_y_pred: whether these are class numbers; otherwise the largest along
        `axis` is taken.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"{type(self).__name__} got target_class_ids={list(target_class_ids)}, but with "
                f"num_classes={num_classes} the classes are 0 to {num_classes - 1}"
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_weight((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. y_true, y_pred: class numbers of one size, such as (N, H, W), or with an
        axis of scores for the classes. sample_weight: a number, (N,), or of the shape of y_true.
        """
        mask = getattr(y_pred, "mask", None)
        if mask is not None:
            sample_weight = masked_weight(sample_weight, as_array(mask))
        y_true, y_pred = as_array(y_true), as_array(y_pred)
        labels = y_true if self.sparse_y_true else y_true.argmax(self.axis)
        found = self._found(y_pred)
        if labels.size != found.size:
            raise ValueError(
                f"{type(self).__name__} got y_true of shape {y_true.shape} and y_pred of shape "
                f"{y_pred.shape}; expected a prediction for each of {labels.size} labels"
            )
        weights = self._weights_of(labels, sample_weight)
        labels, found = labels.ravel().astype(self._dtype), found.ravel().astype(self._dtype)
        counts = _is_class(labels, self.num_classes) & _is_class(found, self.num_classes)
        if self.ignore_class is not None:
            counts &= labels != self.ignore_class
        cells = labels[counts].astype(np.int64) * self.num_classes + found[counts].astype(np.int64)
        added = np.bincount(cells, weights[counts], self.num_classes**2)
        self.total_cm.assign_add(added.reshape(self.num_classes, self.num_classes))

    def _found(self, y_pred):
        """The class numbers of predictions."""
        return y_pred if self.sparse_y_pred else y_pred.argmax(self.axis)

    def _weights_of(self, labels, sample_weight):
        if sample_weight is None:
            return np.ones(labels.size)
        given = as_array(sample_weight)
        if hasattr(sample_weight, "dtype") and given.dtype.kind == "f" and self._dtype.kind == "i":
            warnings.warn(
                f"{type(self).__name__} counts in integers, so the weights lose their fractions: "
                "pass dtype='float32' to keep them",
                stacklevel=3,
            )
        weights = given.astype(self._dtype)
        return broadcast_weight(weights, labels).ravel().astype(np.float64)

    def result(self) -> Any:
        confusion = self.total_cm.array
        either = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
        both = np.diag(confusion)[self.target_class_ids].astype(np.float32)
        either = either[self.target_class_ids].astype(np.float32)
        there = either > 1e-9
        epsilon = np.float32(config.epsilon())
        each = np.where(there, both / (either + epsilon), np.float32(0))
        return typed(each.sum() / (np.float32(there.sum()) + epsilon), np.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_without(self, *names: str) -> dict[str, Any]:
        return {key: value for key, value in IoU.get_config(self).items() if key not in names}


class BinaryIoU(IoU):
    """IoU of the classes 0 and 1, where a prediction is 1 from the `threshold` on.

    y_true and y_pred (N, ...) have one shape.

    target_class_ids: (0,), (1,), or (0, 1) for the mean of both.

    `update_state` takes labels 0 and 1, and scores.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def _found(self, y_pred):
        return y_pred.astype(np.float32) >= np.float32(self.threshold)

    def get_config(self) -> dict[str, Any]:
        config = self._config_without(
            "num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"
        )
        return {**config, "threshold": self.threshold}


class MeanIoU(IoU):
    """IoU averaged over all classes that occur. Arguments as for `IoU`.

    y_true and y_pred (N, ...) of integers.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=sparse_y_true,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """IoU of one-hot labels: the class is the largest along `axis`. Arguments as for `IoU`.

    y_true and y_pred (N, ..., C).
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            target_class_ids,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """IoU of one-hot labels, averaged over all classes that occur. Arguments as for `IoU`.

    y_true and y_pred (N, ..., C).
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids", "sparse_y_true")


def _is_class(numbers, classes):
    return (numbers >= 0) & (numbers < classes)
