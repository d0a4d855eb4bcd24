"""From the data of fit, evaluate and predict to batches.

`batches_for(x, y, sample_weight, ...)` returns an object with one interface for arrays, a PyDataset
and Python generators:

    batches.steps           batches of one epoch; None where that is not known beforehand
    batches.first()         the first batch, to look at before training; it is not used up
    iter(batches)           the batches of one epoch: (x, y, sample_weight) each
    batches.sizes(epochs)   the numbers of rows of the batches to come, as far as they are known
    batches.more()          False, after a warning, once a generator has nothing left for an epoch

Values keep their dtype here, unless the caller names dtypes: then arrays are cast, once for small
data and batch by batch for large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config
from ..nested import map_structure
from ..tensor import NUMBERS
from ..utils.datasets import PyDataset
from .arrays import NO_DATA, as_arrays, count_rows, is_array, no_text, text_in
from .batches import ArrayBatches
from .class_weights import class_weights_to_sample_weights
from .fitting import at_most
from .passes import Batches
from .rows import Rows
from .streams import DatasetBatches, GeneratorBatches

__all__ = ["batches_for", "split_off_validation"]


def split_off_validation(
    x: Any,
    y: Any,
    sample_weight: Any,
    validation_split: float,
    text: Callable[[], bool] = no_text,
) -> tuple[tuple, tuple]:
    """validation_split: the last fraction of the rows becomes the validation data, before
    shuffling.

    Returns (x, y, sample_weight) of the training part and of the validation part.
    """
    if not isinstance(validation_split, NUMBERS) or not 0.0 < validation_split < 1.0:
        raise ValueError(
            f"validation_split={validation_split!r}; expected a fraction between 0 and 1, such as "
            "0.2"
        )
    if not _is_data(x):
        raise ValueError(
            f"validation_split takes the last rows of arrays, but x is a {type(x).__name__}; use "
            "validation_data instead."
        )
    parts = {"x": x, "y": y, "sample_weight": sample_weight}
    data = tuple(
        as_arrays(part, name, text_in(name, text), whole=True) for name, part in parts.items()
    )
    rows = count_rows(dict(zip(parts, data, strict=True)))
    split = math.floor(rows * (1.0 - validation_split))  # the rows from here on are for validation
    if split == 0 or split == rows:
        raise ValueError(
            f"validation_split={validation_split} of {rows} samples leaves {split} to train on and "
            f"{rows - split} to validate on; both need at least one. Use more data, another "
            "fraction, or validation_data."
        )

    def part(rows: slice) -> Any:
        return map_structure(lambda leaf: None if leaf is None else leaf[rows], data)

    return part(slice(None, split)), part(slice(split, None))


def batches_for(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    repeat: bool = False,
    class_weight: dict | None = None,
    dtypes: Any = None,
    text: Callable[[], bool] = no_text,
) -> Batches:
    """The batches of the data given to `fit`, `evaluate` or `predict`.

    batch_size: for arrays, by default 32; a PyDataset or generator makes its own batches. steps,
    shuffle, repeat, dtypes: see `ArrayBatches`.
    class_weight: {class: weight}, turned into sample weights.
    text: whether x may be text, see `as_arrays`.
    """
    if isinstance(x, Batches):
        return x
    steps = at_most(config.max_steps_per_epoch(), steps, "steps_per_epoch")
    if x is None:
        raise ValueError(NO_DATA)
    if isinstance(x, str):
        as_arrays(x, "x")  # raises: a path is not what it leads to
    if callable(x) and not hasattr(x, "__iter__") and hasattr(x, "__name__"):
        raise ValueError(
            f"x is the function {x.__name__}, not a generator; call it: {x.__name__}()."
        )
    if isinstance(x, list) and y is None and x and isinstance(x[0], tuple) and len(x[0]) > 1:
        if any(map(is_array, x[0])):
            raise ValueError(
                f"x is a list of {len(x)} tuples of arrays. If these are batches, iter(x) gives "
                "them one after the other."
            )
    is_data = _is_data(x)
    if not is_data and not hasattr(x, "__iter__"):
        raise ValueError(
            f"x is a {type(x).__name__}, which is neither an array nor can be iterated over. If "
            "its items are batches, derive its class from diptych.utils.PyDataset; if they are "
            "samples, as in PyTorch, pass a DataLoader of it."
        )
    if is_data:
        if class_weight is not None:
            sample_weight = class_weights_to_sample_weights(
                y, sample_weight, class_weight, is_all=True
            )
        return ArrayBatches(
            x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            steps=steps,
            repeat=repeat,
            dtypes=dtypes,
            text=text,
        )
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{name} cannot be combined with a {kind}, which gives whole batches: let it give "
                "(x, y) or (x, y, sample_weight)."
            )
    if isinstance(x, PyDataset):
        return DatasetBatches(
            x,
            shuffle=shuffle,
            generator=None,
            steps=steps,
            repeat=repeat,
            class_weight=class_weight,
            text=text,
        )
    return GeneratorBatches(x, steps=steps, class_weight=class_weight, text=text)


def _is_data(x: Any) -> bool:
    """Whether `x` is complete data, rather than an object that makes batches."""
    if isinstance(x, PyDataset):
        return False
    if isinstance(x, np.ndarray):  # the common case
        return True
    if x is None or isinstance(x, list | tuple | dict | Rows) or is_array(x):
        return True
    return not hasattr(x, "__iter__") and not hasattr(x, "__getitem__")
