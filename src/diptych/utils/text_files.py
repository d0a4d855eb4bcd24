"""Texts in files, with a folder for each class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import random
from .datasets import BatchDataset
from .naming import suggest
from .numerical import to_categorical
from .progbar import write

__all__ = ["text_dataset_from_directory"]

LABEL_MODES = ("int", "binary", "categorical", None)
SUBSETS = ("training", "validation", "both", None)


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
    verbose: bool = True,
) -> Any:
    """Batches of texts and labels from the .txt files below a folder.

    With a folder for each class, ``directory/pos/1.txt``, ``directory/neg/2.txt``, the labels are
    the numbers of these folders in alphabetical order. It returns a ``BatchDataset``, not a
    tf.data.Dataset: `fit`, `evaluate` and `predict` take it, `for` loops can iterate over it
    repeatedly, and `map` applies a layer to its batches. Texts are arrays of Python strings; files
    are read batch by batch.

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
        verbose: whether to print the number of files.
    """
    _check_arguments(labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    if not Path(directory).is_dir():
        raise ValueError(f"text_dataset_from_directory(): there is no folder {str(directory)!r}.")
    if seed is None:
        seed = int(random.global_generator().integers(10**6))
    if label_mode is None:
        labels = None
    paths, numbers, names = _find(Path(directory), labels, class_names, follow_links)
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(
            f"text_dataset_from_directory() got label_mode='binary', which needs two classes; "
            f"there are {names}."
        )
    if not paths:
        raise ValueError(
            f"text_dataset_from_directory(): there are no .txt files in {str(directory)!r}"
            + (
                " or its folders, of which there should be one for each class; for files without "
                "labels give labels=None."
                if labels == "inferred"
                else "."
            )
        )
    if verbose:
        classes = "" if names is None else f" belonging to {len(names)} classes"
        write(f"Found {len(paths)} files{classes}.\n")
    if shuffle:
        np.random.RandomState(seed).shuffle(paths)
        if numbers is not None:
            np.random.RandomState(seed).shuffle(numbers)

    def part(rows: slice, shuffle: bool) -> BatchDataset:
        its_labels = None if numbers is None else _labels(numbers[rows], label_mode, names)
        made = _dataset(paths[rows], its_labels, batch_size, max_length, shuffle, seed)
        made.class_names = names
        return made

    held_out = int((validation_split or 0.0) * len(paths))
    if validation_split and not 0 < held_out < len(paths):
        raise ValueError(
            f"text_dataset_from_directory(): validation_split={validation_split} of {len(paths)} "
            f"files leaves {len(paths) - held_out} for training and {held_out} for validation; "
            "both need at least one."
        )
    training, validation = slice(0, len(paths) - held_out), slice(len(paths) - held_out, None)
    if subset == "both":
        return [part(training, shuffle), part(validation, False)]
    if verbose and subset is not None:
        count = held_out if subset == "validation" else len(paths) - held_out
        write(f"Using {count} files for {subset}.\n")
    return part(validation if subset == "validation" else training, shuffle)


def _check_arguments(labels, label_mode, class_names, validation_split, subset, shuffle, seed):
    place = "text_dataset_from_directory()"
    for name, value, choices in (
        ("label_mode", label_mode, LABEL_MODES),
        ("subset", subset, SUBSETS),
    ):
        if value not in choices:
            raise ValueError(
                f"{place} needs {name} to be one of {', '.join(map(repr, choices))}; got "
                f"{value!r}{suggest(value, [c for c in choices if c]) or '.'}"
            )
    explicit = not isinstance(labels, str)
    if (explicit and not (labels is None or isinstance(labels, (list, tuple)))) or (
        not explicit and labels != "inferred"
    ):
        raise ValueError(
            f"{place} needs labels='inferred', None, or a list of a label for each file; got "
            f"{labels!r}."
        )
    if explicit and class_names:
        raise ValueError(f"{place} takes class_names only with labels='inferred'.")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            f"{place} needs validation_split between 0 and 1; got {validation_split!r}."
        )
    if bool(validation_split) != (subset is not None):
        raise ValueError(
            f"{place} needs both validation_split and subset, or neither; got {validation_split=}, "
            f"{subset=}."
        )
    if validation_split and shuffle and seed is None and subset != "both":
        raise ValueError(
            f"{place} with a validation_split needs a `seed` (or shuffle=False), so that the two "
            "parts, loaded in two calls, do not overlap."
        )


def _find(folder, labels, class_names, follow_links):
    """(paths, labels as numbers or None, class names or None), in alphabetical order."""
    if labels != "inferred":
        paths = _text_files(folder, follow_links)
        if labels is None:
            return paths, None, None
        if len(labels) != len(paths):
            raise ValueError(
                f"text_dataset_from_directory() got {len(labels)} labels, and there are "
                f"{len(paths)} .txt files in {str(folder)!r}."
            )
        return paths, list(labels), [str(label) for label in sorted(set(labels))]
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    names = found if class_names is None else list(class_names)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ValueError(
            f"text_dataset_from_directory() got class_names with {unknown[0]!r}"
            f"{suggest(unknown[0], found) or '.'} The folders in {str(folder)!r} are {found}."
        )
    paths, numbers = [], []
    for number, name in enumerate(names):
        in_class = _text_files(folder / name, follow_links)
        paths += in_class
        numbers += [number] * len(in_class)
    return paths, numbers, names


def _text_files(folder, follow_links):
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    return [
        os.path.join(root, name)
        for root, _, files in walked
        for name in sorted(files)
        if name.lower().endswith(".txt")
    ]


def _labels(numbers, label_mode, names):
    array = np.asarray(numbers, dtype=np.int32)
    if label_mode == "binary":
        return array.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return to_categorical(array, len(names)).astype(np.float32)
    return array


def _dataset(paths, labels, batch_size, max_length, shuffle, seed):
    def read(row):
        text = Path(paths[row]).read_text(encoding="utf-8", errors="replace")
        return text if max_length is None else text[:max_length]

    def pick(rows):
        if batch_size is None:
            x: Any = read(rows)
        else:
            x = np.empty(len(rows), dtype=object)
            x[:] = [read(row) for row in rows]
        return x if labels is None else (x, labels[rows])

    made = BatchDataset.of_rows(pick, len(paths), batch_size, shuffle, seed)
    made.file_paths = list(paths)
    return made
