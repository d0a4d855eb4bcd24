"""Metrics, with Keras's names, arguments and results.

Every metric has `update_state(y_true, y_pred, sample_weight=None)`, `result()` and `reset_state()`.
`result()` returns a NumPy number of the metric's float type, or an array of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..legacy import old_attribute
from ..utils import objects
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .base import (
    Mean,
    MeanMetricWrapper,
    Metric,
    Sum,
)
from .confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from .correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from .errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .scores import (
    F1Score,
    FBetaScore,
    R2Score,
)
from .serialization import FUNCTIONS, REGISTRY, deserialize, serialize
from .tradeoffs import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "resolve_accuracy",
    "resolve_crossentropy",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

REGISTRY |= {
    **objects.names_of(
        [
            AUC,
            Accuracy,
            BinaryAccuracy,
            BinaryCrossentropy,
            BinaryIoU,
            CategoricalAccuracy,
            CategoricalCrossentropy,
            CategoricalHinge,
            ConcordanceCorrelation,
            CosineSimilarity,
            F1Score,
            FBetaScore,
            FalseNegatives,
            FalsePositives,
            Hinge,
            IoU,
            KLDivergence,
            LogCoshError,
            Mean,
            MeanAbsoluteError,
            MeanAbsolutePercentageError,
            MeanIoU,
            MeanMetricWrapper,
            MeanSquaredError,
            MeanSquaredLogarithmicError,
            OneHotIoU,
            OneHotMeanIoU,
            PearsonCorrelation,
            Poisson,
            Precision,
            PrecisionAtRecall,
            R2Score,
            Recall,
            RecallAtPrecision,
            RootMeanSquaredError,
            SensitivityAtSpecificity,
            SparseCategoricalAccuracy,
            SparseCategoricalCrossentropy,
            SparseTopKCategoricalAccuracy,
            SpecificityAtSensitivity,
            SquaredHinge,
            Sum,
            TopKCategoricalAccuracy,
            TrueNegatives,
            TruePositives,
        ]
    ),
    "bce": BinaryCrossentropy,
    "BCE": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "MAPE": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "MSLE": MeanSquaredLogarithmicError,
    # Names of Keras 1 and 2.
    "cosine_proximity": CosineSimilarity,
    "kld": KLDivergence,
    "KLD": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCoshError,
    # These have no class of their own.
    "binary_focal_crossentropy": binary_focal_crossentropy,
    "categorical_focal_crossentropy": categorical_focal_crossentropy,
    "huber": huber,
    "log_cosh": log_cosh,
}

# A saved function is found under its own name, which stands for the class above.
FUNCTIONS |= {
    "binary_accuracy": binary_accuracy,
    "binary_crossentropy": binary_crossentropy,
    "binary_focal_crossentropy": binary_focal_crossentropy,
    "categorical_accuracy": categorical_accuracy,
    "categorical_crossentropy": categorical_crossentropy,
    "categorical_focal_crossentropy": categorical_focal_crossentropy,
    "categorical_hinge": categorical_hinge,
    "concordance_correlation": concordance_correlation,
    "hinge": hinge,
    "huber": huber,
    "kl_divergence": kl_divergence,
    "log_cosh": log_cosh,
    "mean_absolute_error": mean_absolute_error,
    "mean_absolute_percentage_error": mean_absolute_percentage_error,
    "mean_squared_error": mean_squared_error,
    "mean_squared_logarithmic_error": mean_squared_logarithmic_error,
    "pearson_correlation": pearson_correlation,
    "poisson": poisson,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "sparse_categorical_crossentropy": sparse_categorical_crossentropy,
    "sparse_top_k_categorical_accuracy": sparse_top_k_categorical_accuracy,
    "squared_hinge": squared_hinge,
    "top_k_categorical_accuracy": top_k_categorical_accuracy,
}

_RESOLVED_BY_COMPILE = ("acc", "ce", "crossentropy")
objects.TABLES["metrics"] = REGISTRY


def get(identifier: Any) -> Any:
    """The metric for a name, configuration, class or function; None stays None.

    A name gives a new metric; a function, which has no state, is returned unchanged.

    Args:
        identifier: what stands for it.
    """
    if isinstance(identifier, str) and identifier in _RESOLVED_BY_COMPILE:
        raise ValueError(
            f"{identifier!r} depends on the shapes of labels and outputs, which "
            "compile(metrics=[...]) knows; expected a full name here, such as 'binary_accuracy'"
        )
    return objects.get(identifier, REGISTRY, "metric")


def resolve_accuracy(
    y_true_shape: Sequence[int | None],
    y_pred_shape: Sequence[int | None],
    loss_name: str | None = None,
    name: str = "accuracy",
) -> MeanMetricWrapper:
    """A new metric for what 'accuracy' and 'acc' stand for in `compile`.

    One output column: BinaryAccuracy. Labels with one axis less than the outputs, or one column of
    labels for several output columns, are class numbers: SparseCategoricalAccuracy, as with the
    loss 'sparse_categorical_crossentropy'. Otherwise CategoricalAccuracy. The batch size does not
    matter.

    Args:
        y_true_shape: the shape of the labels, None for sizes that vary.
        y_pred_shape: the shape of the outputs.
        loss_name: the name of the loss, if there is one.
        name: the metric's name.
    """
    choices = (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)
    return choices[label_kind(y_true_shape, y_pred_shape, loss_name)](name=name)


def resolve_crossentropy(
    y_true_shape: Sequence[int | None],
    y_pred_shape: Sequence[int | None],
    loss_name: str | None = None,
    name: str = "crossentropy",
) -> MeanMetricWrapper:
    """A new metric for what 'crossentropy' and 'ce' stand for; the rule is that for 'accuracy'.

    So are the arguments.
    """
    choices = (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy)
    return choices[label_kind(y_true_shape, y_pred_shape, loss_name)](name=name)


def label_kind(y_true_shape, y_pred_shape, loss_name=None):
    """0 for labels 0 or 1, 1 for class numbers, 2 for one-hot rows."""
    if loss_name == "sparse_categorical_crossentropy":
        return 1
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return 0
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return 1
    return 2


def __getattr__(name: str) -> Any:
    return old_attribute("metrics", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
