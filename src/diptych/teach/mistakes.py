"""What a classifier takes for what: the confusion matrix, and its worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pictures.files import Picture
from ..pictures.grids import Cell, confusion, gallery
from .table import html_table, text_table


@dataclass
class ConfusionMatrix:
    """The result of ``confusion_matrix``. Printing shows a table, a notebook a picture.

    Attributes:
        counts: (K, K) whole numbers: in row i and column j, how many samples of class i were taken
            for class j.
        labels: the names of the K classes.
    """

    counts: np.ndarray
    labels: list[str]

    @property
    def accuracy(self) -> float:
        """The share of the samples that were taken for what they are; NaN without samples."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total else float("nan")

    def plot(self, to_file: Any = None, dpi: float = 200) -> Picture:
        """Draw the matrix, darker where a larger share of a class is; and write it to a file."""
        return _written(Picture(confusion(self.counts, self.labels)), to_file, dpi)

    def _rows(self) -> list[list[str]]:
        head = ["is, taken for", *self.labels]
        return [head] + [
            [label, *map(str, row)]
            for label, row in zip(self.labels, self.counts.tolist(), strict=True)
        ]

    def __str__(self) -> str:
        return f"{text_table(self._rows())}\naccuracy {self.accuracy:.4f}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.plot()._repr_html_()


@dataclass
class Mistake:
    """A sample that was taken for another class.

    Attributes:
        index: its place among the given samples.
        true, predicted: what it is, and what it was taken for.
        probability: of the predicted class, as the model says.
        probability_of_true: of the true class, as the model says.
        sample: the input.
    """

    index: int
    true: str
    predicted: str
    probability: float
    probability_of_true: float
    sample: Any


class WorstMistakes(list[Mistake]):
    """The result of ``worst_mistakes``: a list of ``Mistake``, the worst first. Printing shows a
    table, a notebook a picture.
    """

    def plot(self, to_file: Any = None, dpi: float = 200) -> Picture:
        """Draw the samples, images or vectors, with what they were taken for; and write the picture
        to a file.
        """
        cells = [
            Cell(
                np.asarray(one.sample),
                f"is {one.true}",
                f"taken for {one.predicted}",
                f"{one.probability:.0%} sure",
                f"number {one.index}",
            )
            for one in self
        ]
        return _written(Picture(gallery(cells, "The worst mistakes")), to_file, dpi)

    def _rows(self) -> list[list[str]]:
        return [["number", "is", "taken for", "sure", "probability of what it is"]] + [
            [
                str(one.index),
                one.true,
                one.predicted,
                f"{one.probability:.1%}",
                f"{one.probability_of_true:.2g}",
            ]
            for one in self
        ]

    def __str__(self) -> str:
        return text_table(self._rows()) if self else "no mistakes"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self or any(not _can_be_drawn(one.sample) for one in self):
            return html_table(self._rows())
        return self.plot()._repr_html_()


def confusion_matrix(
    model: Any, x: Any, y: Any, labels: Sequence[Any] | None = None, batch_size: int | None = None
) -> ConfusionMatrix:
    """Count what a classifier takes for what.

    Args:
        model: a model with one output: (N, K) probabilities or scores of K classes, or (N, 1) or
            (N,) of two.
        x: the samples.
        y: (N,) or (N, 1) numbers of classes, or (N, K) with one 1 in each row.
        labels: names of the K classes; by default their numbers.
        batch_size: of the prediction.

    Raises:
        ValueError: the shapes are others, or a label is not the number of a class.
    """
    scores, true = _answers(model, x, y, batch_size)
    classes = scores.shape[1]
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (true, scores.argmax(axis=1)), 1)
    return ConfusionMatrix(counts, _names(labels, classes))


def worst_mistakes(
    model: Any,
    x: Any,
    y: Any,
    n: int = 8,
    labels: Sequence[Any] | None = None,
    batch_size: int | None = None,
) -> WorstMistakes:
    """Find the samples that a classifier takes for another class, and of these the ones to whose
    own class it gives the smallest probability.

    Args:
        model, x, y, labels, batch_size: as for ``confusion_matrix``.
        n: how many; fewer if there are fewer mistakes.

    Raises:
        ValueError: as for ``confusion_matrix``.
    """
    scores, true = _answers(model, x, y, batch_size)
    names = _names(labels, scores.shape[1])
    rows = np.arange(len(true))
    predicted = scores.argmax(axis=1)
    wrong = rows[predicted != true]
    order = wrong[np.argsort(scores[wrong, true[wrong]], kind="stable")][:n]
    samples = np.asarray(x)
    return WorstMistakes(
        Mistake(
            int(i),
            names[true[i]],
            names[predicted[i]],
            float(scores[i, predicted[i]]),
            float(scores[i, true[i]]),
            samples[i],
        )
        for i in order
    )


def _answers(model: Any, x: Any, y: Any, batch_size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each class, (N, K), and the numbers of the true classes, (N,)."""
    scores = model.predict(x, batch_size=batch_size, verbose=0)
    if not isinstance(scores, np.ndarray):
        raise ValueError(
            "The model has several outputs; make one of the output to look at: "
            "Model(model.inputs, model.outputs[0])."
        )
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2:
        raise ValueError(
            f"The model's output has the shape {scores.shape}; expected (N, K), a number for each "
            "of K classes."
        )
    scores = _as_probabilities(scores.astype(float))
    true = np.asarray(y)
    if true.ndim == 2:
        one_hot = true.shape[1] == scores.shape[1] and true.shape[1] > 1
        true = true.argmax(axis=1) if one_hot else true.reshape(-1)
    if true.shape != (len(scores),):
        raise ValueError(
            f"y has the shape {np.shape(y)}, and the model gives {len(scores)} answers for "
            f"{scores.shape[1]} classes: expected (N,) numbers of classes, or (N, K) with one 1 in "
            "each row."
        )
    unknown = ~np.isin(true, np.arange(scores.shape[1]))
    if unknown.any():
        raise ValueError(
            f"y holds {true[unknown][0]!r}; the model's classes are 0 to {scores.shape[1] - 1}."
        )
    return scores, true.astype(int)


def _as_probabilities(scores: np.ndarray) -> np.ndarray:
    """Scores that are no probabilities go through a sigmoid or a softmax, which keeps their order;
    one number stands for the second of two classes.
    """
    within = bool(((scores >= 0) & (scores <= 1)).all())
    if scores.shape[1] == 1:
        second = scores if within else 1 / (1 + np.exp(-scores))
        return np.hstack([1 - second, second])
    if within and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def _names(labels: Sequence[Any] | None, classes: int) -> list[str]:
    if labels is None:
        return [str(i) for i in range(classes)]
    if len(labels) != classes:
        raise ValueError(f"labels has {len(labels)} names; the model has {classes} classes.")
    return [str(label) for label in labels]


def _can_be_drawn(sample: Any) -> bool:
    array = np.asarray(sample)
    return array.dtype.kind in "biuf" and 1 <= array.ndim <= 3


def _written(picture: Picture, to_file: Any, dpi: float) -> Picture:
    if to_file is not None:
        picture.save(to_file, dpi)
    return picture
