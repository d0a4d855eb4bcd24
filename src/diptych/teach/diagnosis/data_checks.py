"""What is wrong with the data, or with what the loss makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...nested import flatten
from .exam import Exam, is_sparse, loss_name, takes_logits
from .findings import Finding

LARGE = 20.0  # a root mean square of inputs that are not scaled
UNEQUAL = 1000.0  # so many times the smallest deviation is the largest, if they are not scaled
MOST_CLASSES = 1000
ROWS_COMPARED = 256  # of the validation
KEY_NUMBERS = 16  # of a row, by which rows are told apart at first
REGRESSIONS = ("squared", "absolute", "huber", "log_cosh", "logcosh")
RANGES = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "softplus": (0.0, np.inf),
}


def not_finite(x: Any, y: Any) -> Iterator[Finding]:
    """NaN and infinity in the data."""
    for part, data in (("x", x), ("y", y)):
        for leaf in flatten(data):
            array = np.asarray(leaf) if leaf is not None else np.zeros(0)
            if array.dtype.kind not in "fc" or np.isfinite(array.sum()):
                continue
            wrong = ~np.isfinite(array)
            if wrong.any():  # and not only the sum
                row = int(np.argmax(wrong.reshape(len(array), -1).any(axis=1)))
                evidence = {"part": part, "count": int(wrong.sum()), "row": row}
                yield Finding("nan_in_data", "", evidence)


def scale(exam: Exam) -> Iterator[Finding]:
    """Inputs that are far from 1 where they meet the first weights."""
    stages = [stage for stage in exam.stages if not stage.learns_before]
    for stage in stages:
        x = stage.x.astype(np.float64).reshape(-1, stage.x.shape[-1])
        if not x.size or not np.isfinite(x).all():
            continue
        size = float(np.sqrt(np.mean(np.square(x))))
        deviations = x.std(axis=0)
        varied = deviations[deviations > 0]
        smallest, largest = (varied.min(), varied.max()) if len(varied) else (0.0, 0.0)
        tiny = len(varied) > 1 and largest > UNEQUAL * smallest and largest > 1
        if size > LARGE or tiny:
            evidence = {"size": size, "smallest": float(smallest), "largest": float(largest)}
            yield Finding("unscaled_inputs", stage.layer, evidence)
            return


def classes_of(y: Any) -> np.ndarray | None:
    """(N,) numbers of classes, of labels that are classes; else None."""
    if not isinstance(y, np.ndarray) or y.ndim == 0 or y.dtype.kind not in "biuf" or not len(y):
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        return y.argmax(axis=1) if one_hot else None
    y = y.reshape(len(y), -1)
    if y.shape[1] != 1 or not (np.isfinite(y).all() and (y == np.floor(y)).all()):
        return None
    classes = y[:, 0].astype(np.int64)
    return classes if len(np.unique(classes)) <= min(MOST_CLASSES, len(classes) / 3) else None


def is_sorted(classes: np.ndarray) -> bool:
    """Whether all rows of a class stand together, and there are several."""
    kinds = len(np.unique(classes))
    changes = int(np.sum(classes[1:] != classes[:-1]))
    return 1 < kinds == changes + 1 and len(classes) >= 4 * kinds


def sorted_labels(y: Any, y_validation: Any) -> Iterator[Finding]:
    """Classes that are in the validation or in the training alone, by the order of the rows."""
    trained, validated = classes_of(y), classes_of(y_validation)
    if trained is None or validated is None:
        return
    both = np.concatenate([trained, validated])
    if is_sorted(both):
        evidence = {
            "trained": np.unique(trained).tolist(), "validated": np.unique(validated).tolist()
        }  # fmt: skip
        yield Finding("sorted_labels", "", evidence)


def repeated_rows(x: Any, x_validation: Any) -> Iterator[Finding]:
    """Rows of the validation that are trained on."""
    if not isinstance(x, np.ndarray) or not isinstance(x_validation, np.ndarray):
        return
    if x.shape[1:] != x_validation.shape[1:] or x.dtype.kind not in "biuf" or not x.size:
        return
    which = np.linspace(0, len(x_validation) - 1, min(len(x_validation), ROWS_COMPARED)).astype(int)
    rows = np.asarray(x_validation[np.unique(which)], x.dtype)
    count = how_many_among(rows, x)
    if count > len(rows) / 2:
        evidence = {"count": count, "rows": len(rows)}
        yield Finding("validation_repeats_training", "", evidence)


def how_many_among(rows: np.ndarray, x: np.ndarray) -> int:
    """How many of a few rows are rows of x. Whole rows are compared only where some of their
    numbers agree, since x may be large.
    """
    alike = x[np.isin(_keys(x), _keys(rows))]
    seen = {row.tobytes() for row in alike}
    return sum(row.tobytes() in seen for row in rows)


def _keys(x: np.ndarray) -> np.ndarray:
    """A number for each row, (N,), made of the bits of some of its numbers."""
    flat = x.reshape(len(x), -1)
    keys = np.zeros(len(x), np.uint64)
    last = flat.shape[1] - 1
    for column in np.unique(np.linspace(0, last, min(last + 1, KEY_NUMBERS)).astype(int)):
        numbers = np.ascontiguousarray(flat[:, column])
        if numbers.itemsize > 8:
            numbers = numbers.astype(np.float64)
        keys *= np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost
        keys += numbers.view(f"u{numbers.itemsize}")
    return keys


def unshuffled(y: Any, batch_size: int) -> Iterator[Finding]:
    """Batches of one class, of data that are taken in their order."""
    classes = classes_of(y)
    if classes is None or batch_size < 8 or len(np.unique(classes)) < 2:
        return
    starts = range(0, len(classes), batch_size)
    pure = sum(len(np.unique(classes[i : i + batch_size])) == 1 for i in starts)
    if len(starts) > 1 and pure > len(starts) / 2:
        yield Finding("batches_of_one_class", "", {"pure": pure, "batches": len(starts)})


def first_batch(y: Any, exam: Exam) -> Iterator[Finding]:
    """The first batch of data that come as batches, if it holds one of three classes or more. (Of
    two, one may be rare.)
    """
    if not isinstance(y, np.ndarray) or len(y) < 16 or len(exam.outputs) != 1:
        return
    classes, several = classes_of(y), exam.outputs[0].shape[-1] >= 3
    if several and classes is not None and len(np.unique(classes)) == 1:
        yield Finding("batches_of_one_class", "", {"pure": 1, "batches": 1})


def ending(model: Any, exam: Exam, y: Any) -> Iterator[Finding]:
    """What the last activation and the loss make of the labels."""
    if len(exam.outputs) != 1 or not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf":
        return
    output, name, logits = exam.outputs[0].astype(np.float64), loss_name(model), takes_logits(model)
    if not (output.size and y.size) or not np.isfinite(output).all():
        return
    low, high = float(output.min()), float(output.max())
    evidence = {"low": low, "high": high, "loss": name, "last": exam.last}
    if exam.last == "softmax" and output.shape[-1] == 1:
        yield Finding("softmax_of_one", "", evidence)
    elif "crossentropy" in name and "focal" not in name:
        binary = "binary" in name
        sums = output.sum(axis=-1)
        if logits and exam.last == ("sigmoid" if binary else "softmax"):
            # The best that is left: an output of 1, squashed once more.
            others = 1 if binary else output.shape[-1] - 1
            floor = float(np.log1p(np.exp(-1.0) * others))
            yield Finding("probabilities_as_logits", "", {**evidence, "floor": floor})
        elif not logits and (
            (low < 0 or high > 1) if binary else np.abs(sums - 1).max(initial=0) > 1e-2
        ):
            yield Finding("wrong_last_activation", "", {**evidence, "sum": float(sums.mean())})
        if binary:
            yield from _out_of_reach(exam, y, (0.0, 1.0))
        if not binary and not is_sparse(model) and y.ndim > 1 and y.shape[1:] == output.shape[1:]:
            totals = y.sum(axis=-1, dtype=np.float64)
            if np.abs(totals - 1).max(initial=0) > 1e-2:
                base = "unknown" if exam.base is None else exam.base
                found = {"smallest": float(totals.min()), "largest": float(totals.max())}
                yield Finding("targets_no_distribution", "", {**found, "base": base})
    elif any(word in name for word in REGRESSIONS):
        yield from _regression(exam, y)


def _regression(exam: Exam, y: np.ndarray) -> Iterator[Finding]:
    """Labels that the output cannot reach, or only on a long way."""
    found = [*_out_of_reach(exam, y, RANGES.get(exam.last, (-np.inf, np.inf)))]
    yield from found
    size = float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))
    if not found and size > LARGE and not exam.learned > 0:
        evidence = {"low": float(y.min()), "high": float(y.max()), "size": size, "loss": exam.loss}
        base = "unknown" if exam.base is None else exam.base
        yield Finding("unscaled_labels", "", {**evidence, "base": base})


def labels_of_several(model: Any, exam: Exam, y: Any) -> Iterator[Finding]:
    """Labels of regressions that are not scaled, among several outputs: y are those of the exam's
    rows, as for ``fit``.
    """
    loss = model._loss
    if loss is None or loss.outputs.count < 2 or loss.outputs.count != len(exam.outputs):
        return
    labels = loss.outputs.match(y, "y")
    for part in loss.parts:
        its, output = labels[part.output], exam.outputs[part.output].astype(np.float64)
        name = str(getattr(part.function, "name", ""))
        if "squared" not in name or its is None or its.size != output.size:
            continue
        its = np.reshape(its, output.shape).astype(np.float64)
        error, spread = float(np.mean((output - its) ** 2)), float(its.var(axis=0).mean())
        size = float(np.sqrt(np.mean(np.square(its))))
        if size > LARGE and error >= spread:
            evidence = {"low": float(its.min()), "high": float(its.max()), "size": size}
            found = {**evidence, "loss": error, "base": spread}
            yield Finding("unscaled_labels", loss.outputs.names[part.output], found)


def _out_of_reach(exam: Exam, y: np.ndarray, reach: tuple[float, float]) -> Iterator[Finding]:
    least, most = reach
    beyond = float(((y < least - 1e-6) | (y > most + 1e-6)).mean())
    if beyond > 0.05:
        found = {"low": float(y.min()), "high": float(y.max()), "least": least, "most": most}
        more = {"share": round(100 * beyond), "last": exam.last}
        yield Finding("labels_out_of_reach", "", {**found, **more})
