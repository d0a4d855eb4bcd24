"""Losses, under Keras's names.

Each loss exists as a function, which returns one number per sample, and as a class, which weights
these and reduces them to a scalar:

    losses.mean_squared_error([[0.0, 1.0]], [[0.5, 1.0]])           # [0.125]
    losses.MeanSquaredError(reduction="sum")(y_true, y_pred)        # a scalar

The equations and gradients are in ``diptych.reference.losses``, ``diptych.reference.crossentropy``
and ``diptych.reference.ctc``.
"""

from __future__ import annotations

from typing import Any

from ..legacy import Reduction as _Reduction
from ..legacy import current_name, note, old_attribute
from ..utils import objects
from .base import Loss, LossFunctionWrapper
from .crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from .embeddings import Circle, circle
from .margins import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from .overlap import Dice, Tversky, dice, tversky
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from .sequences import CTC, ctc

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CTC", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy", "CategoricalHinge",
    "Circle", "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss",
    "LossFunctionWrapper", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "Tversky", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge",
    "circle", "cosine_similarity", "ctc", "deserialize", "dice", "get", "hinge", "huber",
    "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "serialize",
    "sparse_categorical_crossentropy", "squared_hinge", "tversky",
]  # fmt: skip

_CLASSES = (
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle,
    CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, LossFunctionWrapper,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError,
    Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky,
)  # fmt: skip
_FUNCTIONS = (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
    circle, cosine_similarity, ctc, dice, hinge, huber, kl_divergence, log_cosh,
    mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
    mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge,
    tversky,
)  # fmt: skip
_SHORT = {
    "mse": mean_squared_error, "MSE": mean_squared_error,
    "mae": mean_absolute_error, "MAE": mean_absolute_error,
    "mape": mean_absolute_percentage_error, "MAPE": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error, "MSLE": mean_squared_logarithmic_error,
    "bce": binary_crossentropy, "BCE": binary_crossentropy,
    "kld": kl_divergence, "KLD": kl_divergence,
}  # fmt: skip
_REGISTRY: dict[str, Any] = {**{item.__name__: item for item in (*_CLASSES, *_FUNCTIONS)}, **_SHORT}
objects.TABLES["losses"] = _REGISTRY


def get(identifier: Any) -> Any:
    """Return the loss for a name, a configuration, a class or a function; None stays None.

    A function's name ("mse", "mean_squared_error") gives the function, a class's name
    ("MeanSquaredError") a new object.

    Args:
        identifier: what stands for it.
    """
    if isinstance(identifier, str) and identifier not in _REGISTRY:
        identifier = current_name("loss", identifier)
    return objects.get(identifier, _REGISTRY, "loss")


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss or of a loss function, of plain Python values."""
    return objects.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss of a configuration made by ``serialize``, or of a name.

    Classes and functions of your own are passed in ``custom_objects``, {name: it}.
    """
    return objects.deserialize(name, _REGISTRY, "loss", custom_objects)


def __getattr__(name: str) -> Any:
    if name == "Reduction":
        note("losses.Reduction", "is now a text: reduction='sum'", "losses")
        return _Reduction
    return old_attribute("losses", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
