"""Class weights: a weight for each sample, by its class."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..legacy.notes import users_level
from .arrays import as_arrays

__all__ = ["class_weights_to_sample_weights", "several_classes"]


def class_weights_to_sample_weights(
    y: Any, sample_weight: Any, class_weight: dict[int, float], is_all: bool = False
) -> np.ndarray:
    """One weight for each sample, by its class; classes that are not listed have weight 1.

    y: (N,) or (N, 1) class numbers, or (N, classes) one-hot rows or probabilities. Class numbers
        of steps, (N, T), are refused, as far as they can be told from these.
    sample_weight: must be None, since a row cannot have two weights.
    is_all: whether these are all samples; then a class without samples causes a warning.
    """
    if sample_weight is not None:
        raise ValueError("Pass class_weight or sample_weight, not both.")
    if isinstance(class_weight, list) and all(isinstance(one, dict) for one in class_weight):
        class_weight = dict(enumerate(class_weight))  # refused below
    if not isinstance(class_weight, dict):
        raise ValueError(
            f"class_weight={class_weight!r}; expected a dict from class to weight, such as "
            f"{{0: 1.0, 1: 5.0}}"
        )
    for label, weight in class_weight.items():
        if isinstance(weight, dict):
            raise ValueError(
                f"class_weight holds a dict for {label!r}: it takes the weights of one output's "
                "classes. For several outputs, or weights by the output's name, pass sample_weight "
                f"in the structure of y; for this one, np.array([class_weight[{label!r}].get(c, "
                "1.0) for c in labels])."
            )
        if not (_is_number(label) and int(label) == label and _is_number(weight)):
            raise ValueError(
                f"class_weight has the entry {label!r}: {weight!r}; expected a class number and "
                "its weight, such as 1: 5.0"
            )
    y = as_arrays(y, "y")
    if not isinstance(y, np.ndarray):
        raise ValueError(
            "class_weight needs labels, but there are none."
            if y is None
            else "class_weight needs a model with one output and one array of labels; for several "
            "outputs use sample_weight, in the structure of y."
        )
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1 and not _are_probabilities(y)):
        raise ValueError(several_classes(y))
    classes = np.argmax(y, axis=-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    classes = np.round(classes).astype(np.int64)
    weights = np.ones(len(y), dtype=np.float32)
    unknown = []
    for label, weight in class_weight.items():
        rows = classes == label
        weights[rows] = weight
        if is_all and not rows.any():
            unknown.append(label)
    if unknown:
        warnings.warn(
            f"class_weight has weights for the classes {unknown}, which do not occur: the labels "
            f"range from {classes.min()} to {classes.max()}.",
            stacklevel=users_level(),
        )
    return weights


def several_classes(y: np.ndarray) -> str:
    """Why labels with several classes for each sample have no class weights, and what to do."""
    return (
        f"class_weight needs one class for each sample, but the labels have shape {y.shape}, a "
        "class for each step or pixel. Pass sample_weight with a weight for each of them: for "
        f"class numbers y, np.vectorize(lambda c: class_weight.get(c, 1.0))(y), shape {y.shape}."
    )


def _are_probabilities(y: np.ndarray) -> bool:
    """Whether all entries lie between 0 and 1, as in one-hot rows."""
    return not y.size or bool(y.min() >= 0 and y.max() <= 1)


def _is_number(value: Any) -> bool:
    """Whether a value is a single number and not NaN."""
    return isinstance(value, (int, float, np.number)) and value == value
