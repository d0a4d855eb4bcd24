"""Texts in files, with a folder for each class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .directories import FileFinder, check_format

__all__ = ["text_dataset_from_directory"]


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts and labels from the .txt files below a folder.

    With a folder for each class, ``directory/pos/1.txt``, ``directory/neg/2.txt``, the labels are
    the numbers of these folders in alphabetical order. It returns a ``Dataset`` with the methods of
    a tf.data.Dataset; `fit`, `evaluate` and `predict` take it. Texts are Python strings; files are
    read batch by batch.

        data = text_dataset_from_directory("reviews", batch_size=64)
        vectorize.adapt(data.map(lambda x, y: x))
        model.fit(data.map(lambda x, y: (vectorize(x), y)))

    Args:
        directory: the folder.
        labels: "inferred" from the folders, None, or a list of a label for each file, in the order
            of their paths.
        label_mode: "int": (N,) int32; "binary": (N, 1) floats, for two classes; "categorical":
            one-hot rows; None: no labels, the batches are texts alone.
        class_names: the folders to take, in the order in which they are numbered.
        batch_size: texts in a batch; None gives them one by one.
        max_length: longer texts are truncated to this many characters (TensorFlow counts bytes).
        shuffle: whether to shuffle the files at first, which the split needs, and again in each
        pass; the order of the passes differs from TensorFlow's.
        seed: of the shuffling; the same seed gives the same split as in Keras.
        validation_split: the last fraction of the files, for validation.
        subset: "training" or "validation": which part to return; "both" returns a list of the two.
        follow_links: whether to follow symbolic links to folders.
        format: "tf" or "grain", for Keras's sake; the result is the same.
        verbose: whether to print the number of files.
    """
    place = "text_dataset_from_directory()"
    check_format(place, format)
    files = FileFinder(
        place,
        directory,
        (".txt",),
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )

    def load(path: str) -> str:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return text if max_length is None else text[:max_length]

    return files.datasets(batch_size, load, _stacked)


def _stacked(texts: list[str]) -> np.ndarray:
    batch = np.empty(len(texts), dtype=object)
    batch[:] = texts
    return batch
