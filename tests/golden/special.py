"""Losses and metrics of special kinds: of sequences, of overlap, of embeddings, at a threshold.

Made with JAX: KERAS_BACKEND=jax python -m tests.golden.make_golden special_losses special_metrics
"""

import numpy as np

from .recipes import numbers, recipe
from .single import label, loss_values, metric_results, sparse, yes_no

LABELS = np.array([[1, 2, 0], [3, 3, 1], [2, 0, 0], [0, 0, 0]], "int32")


def sequences():
    """Labels padded with the blank, 0; one row without any."""
    return LABELS, 2 * numbers(34, 4, 9, 4)


def regions():
    """Masks of two images and what is predicted for them."""
    y_true = (numbers(35, 2, 5, 4, 1) > 0).astype("f4")
    return y_true, numbers(36, 2, 5, 4, 1, low=0, high=1)


def unit_embeddings():
    rows = numbers(37, 7, 5)
    labels = np.array([0, 1, 0, 2, 1, 0, 3], "int32")  # the last two classes are alone
    return labels, rows / np.linalg.norm(rows, axis=1, keepdims=True)


LOSSES = [
    # class, function, options, data
    ("CTC", "ctc", {}, sequences),
    ("Dice", "dice", {}, regions),
    ("Dice", "dice", {"axis": (1, 2, 3)}, regions),
    ("Dice", "dice", {"axis": 1}, regions),
    ("Tversky", "tversky", {"alpha": 0.3, "beta": 0.8}, regions),
    ("Tversky", "tversky", {"axis": (1, 2)}, regions),
    ("Circle", "circle", {}, unit_embeddings),
    (
        "Circle",
        "circle",
        {"gamma": 20.0, "margin": 0.25, "remove_diagonal": False},
        unit_embeddings,
    ),
    (
        "CategoricalGeneralizedCrossEntropy",
        "categorical_generalized_cross_entropy",
        {"q": 0.7},
        sparse,
    ),
]
for _class, _function, _options, _data in LOSSES:
    _label = f"{label(_class, _options)}-{_data.__name__}"
    recipe("special_losses", _label, _class, _function, _options, _data)(loss_values)


@recipe("special_losses", "ctc_loss")
def ctc_loss(kit):
    """Lengths of their own, another blank, and labels that don't fit into the frames: there Keras
    computes with logarithms of -1e5 in float32, so its gradient has two digits.
    """
    output = 2 * numbers(38, 5, 8, 5)
    target = np.array([[1, 0, 2], [3, 3, 3], [2, 1, 1], [1, 2, 3], [0, 3, 0]], "int32")
    lengths = np.array([3, 3, 2, 3, 0], "int32"), np.array([8, 6, 5, 2, 7], "int32")
    weight = numbers(39, 5)

    def loss(z):
        return kit.ops.ctc_loss(target, z, *lengths, mask_index=4)

    made = {
        "loss": loss(output),
        "gradient": kit.gradient(lambda z: kit.ops.sum(loss(z)[:3] * weight[:3]), output),
    }
    return {key: kit.ops.convert_to_numpy(value) for key, value in made.items()}


@recipe("special_losses", "circle_of_others")
def circle_of_others(kit):
    labels, rows = unit_embeddings()
    given = {"ref_labels": labels[2:5], "ref_embeddings": rows[::-1][:3].copy()}
    values = kit.losses.circle(labels[:, None], rows, **given)
    return {"loss": kit.ops.convert_to_numpy(values)}


# ------------------------------------------------------------------------- metrics


def pixels():
    """Class numbers of pixels, some of them 3, which is no class of three."""
    return tuple(np.random.RandomState(i).randint(0, 4, 60).astype("int32") for i in (1, 2))


def class_scores():
    return pixels()[0], numbers(50, 60, 4, low=0, high=1)


def one_hot_pixels():
    y_true, y_pred = class_scores()
    return np.eye(4, dtype="f4")[y_true], y_pred


def rows():
    return numbers(51, 6, 4), numbers(52, 6, 4)


def flat_yes_no():
    return tuple(array.ravel() for array in yes_no())


METRICS = [
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, pixels),
    ("IoU", {"num_classes": 5, "target_class_ids": [4, 1], "dtype": "float32"}, pixels),
    ("BinaryIoU", {"dtype": "float32"}, flat_yes_no),
    (
        "BinaryIoU",
        {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"},
        flat_yes_no,
    ),
    ("MeanIoU", {"num_classes": 3, "dtype": "float32"}, pixels),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "dtype": "float32"}, pixels),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False, "dtype": "float32"}, class_scores),
    (
        "OneHotIoU",
        {"num_classes": 4, "target_class_ids": [1, 3], "dtype": "float32"},
        one_hot_pixels,
    ),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, one_hot_pixels),
    ("PearsonCorrelation", {}, rows),
    ("ConcordanceCorrelation", {}, rows),
    ("PrecisionAtRecall", {"recall": 0.7}, flat_yes_no),
    ("PrecisionAtRecall", {"recall": 0.9, "num_thresholds": 1}, yes_no),
    ("RecallAtPrecision", {"precision": 0.6, "num_thresholds": 11}, flat_yes_no),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, flat_yes_no),
    ("SensitivityAtSpecificity", {"specificity": 0.4, "class_id": 1}, yes_no),
    ("SpecificityAtSensitivity", {"sensitivity": 0.8, "num_thresholds": 30}, flat_yes_no),
]
for _name, _options, _data in METRICS:
    _label = f"{label(_name, _options)}-{_data.__name__}"
    recipe("special_metrics", _label, _name, _options, _data)(metric_results)


@recipe("special_metrics", "functions")
def metric_functions(kit):
    made = {}
    for name in ("pearson_correlation", "concordance_correlation"):
        for axis in (-1, 0, (0, 1)):
            values = getattr(kit.metrics, name)(*rows(), axis=axis)
            made[f"{name}-{axis}"] = kit.ops.convert_to_numpy(values)
    labels, scores = sparse()[0].reshape(2, 3), sparse()[1]
    values = kit.metrics.sparse_top_k_categorical_accuracy(labels, scores, k=2)
    return made | {"flattened": kit.ops.convert_to_numpy(values)}
