"""Files below a folder, with a folder for each class: what data sets of texts, images and sounds
share.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from ..tensor import Tensor
from .naming import suggest
from .numerical import to_categorical
from .pipelines import Dataset, in_batches
from .progbar import write

__all__ = ["FileFinder", "check_format"]

LABEL_MODES = ("int", "binary", "categorical", None)
SUBSETS = ("training", "validation", "both", None)


class FileFinder:
    """The files below a folder and their labels; ``datasets`` makes batches of them.

    Args:
        place: the name of the calling function, for errors.
        directory: the folder.
        endings: those of the files to take, in lower case.
        labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links,
            verbose: the arguments of that function.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the arguments do not fit, or there are no files.
    """

    def __init__(
        self,
        place: str,
        directory: Any,
        endings: tuple[str, ...],
        labels: Any,
        label_mode: str | None,
        class_names: Any,
        shuffle: bool,
        seed: int | None,
        validation_split: float | None,
        subset: str | None,
        follow_links: bool,
        verbose: bool,
    ) -> None:
        _check(place, labels, label_mode, class_names, validation_split, subset, shuffle, seed)
        self.place = place
        self.folder = os.fspath(directory)
        if not os.path.isdir(self.folder):
            raise FileNotFoundError(f"{place}: there is no folder {self.folder!r}.")
        self.endings = endings
        self.follow_links = follow_links
        self.label_mode = label_mode if labels is not None else None
        self.shuffle, self.subset, self.verbose = shuffle, subset, verbose
        self.seed = int(random.global_generator().integers(10**6)) if seed is None else seed
        self.class_names: list[str] | None = None
        self._numbers: Any = None
        self._find(labels if label_mode is not None else None, class_names)
        if label_mode == "binary" and labels is not None and len(self.class_names or ()) != 2:
            raise ValueError(
                f"{place} got label_mode='binary', which needs two classes; there are "
                f"{self.class_names}."
            )
        if not self.paths:
            kinds = ", ".join(endings)
            folders = " or its folders, of which there should be one for each class; for files "
            raise ValueError(
                f"{place}: there are no {kinds} files in {self.folder!r}"
                + (f"{folders}without labels give labels=None." if labels == "inferred" else ".")
            )
        if verbose:
            names = self.class_names
            about = "" if names is None else f" belonging to {len(names)} classes"
            write(f"Found {len(self.paths)} files{about}.\n")
        if shuffle:  # as in Keras: the same seed gives the same split
            np.random.RandomState(self.seed).shuffle(self.paths)
            if self._numbers is not None:
                np.random.RandomState(self.seed).shuffle(self._numbers)
        self._held_out = int((validation_split or 0.0) * len(self.paths))
        if validation_split and not 0 < self._held_out < len(self.paths):
            raise ValueError(
                f"{place}: validation_split={validation_split} of {len(self.paths)} files leaves "
                f"{len(self.paths) - self._held_out} for training and {self._held_out} for "
                "validation; both need at least one."
            )

    def _find(self, labels: Any, class_names: Any) -> None:
        """Set ``paths``, in alphabetical order, their class numbers and the class names."""
        if labels != "inferred":
            self.paths = self._files(self.folder)
            if labels is None:
                return
            if len(labels) != len(self.paths):
                raise ValueError(
                    f"{self.place} got {len(labels)} labels, and there are {len(self.paths)} "
                    f"{', '.join(self.endings)} files in {self.folder!r}."
                )
            self._numbers = np.array(labels)
            self.class_names = [str(label) for label in sorted(set(labels))]
            return
        found = sorted(
            entry.name
            for entry in os.scandir(self.folder)
            if entry.is_dir() and not entry.name.startswith(".")
        )
        self.class_names = found if class_names is None else list(class_names)
        unknown = [name for name in self.class_names if name not in found]
        if unknown:
            raise ValueError(
                f"{self.place} got class_names with {unknown[0]!r}"
                f"{suggest(unknown[0], found) or '.'} The folders in {self.folder!r} are {found}."
            )
        of_classes = [self._files(os.path.join(self.folder, name)) for name in self.class_names]
        self.paths = [path for files in of_classes for path in files]
        self._numbers = np.repeat(np.arange(len(of_classes)), [len(files) for files in of_classes])

    def _files(self, folder: str) -> list[str]:
        walked = sorted(os.walk(folder, followlinks=self.follow_links), key=lambda entry: entry[0])
        return [
            os.path.join(root, name)
            for root, _, files in walked
            for name in sorted(files)
            if name.lower().endswith(self.endings)
        ]

    def datasets(
        self,
        batch_size: int | None,
        load: Callable[[str], Any],
        stacked: Callable[[list], np.ndarray],
    ) -> Any:
        """The data set of the part that is asked for; of both parts, a list of two.

        load: a function from a path to what the file holds; called when its batch is due.
        stacked: a function that makes a batch of a list of these.
        """
        split = len(self.paths) - self._held_out
        parts = {
            "training": (slice(0, split), self.shuffle),
            "validation": (slice(split, None), self.shuffle and self.subset != "both"),
            None: (slice(None), self.shuffle),
        }
        asked = ("training", "validation") if self.subset == "both" else (self.subset,)
        made = []
        for name in asked:
            rows, shuffle = parts[name]
            if name is not None and self.verbose:
                write(f"Using {len(self.paths[rows])} files for {name}.\n")
            made.append(self._dataset(rows, batch_size, load, stacked, shuffle))
        return made if self.subset == "both" else made[0]

    def _dataset(
        self, rows: slice, batch_size: int | None, load: Any, stacked: Any, shuffle: bool
    ) -> Dataset:
        paths = self.paths[rows]
        labels = None if self._numbers is None else self._labels(self._numbers[rows])

        def pick(numbers: Any) -> Any:
            if np.ndim(numbers):
                x = stacked([load(paths[i]) for i in numbers])
            else:
                x = np.asarray(load(paths[numbers]))
            return Tensor(x) if labels is None else (Tensor(x), Tensor(np.asarray(labels[numbers])))

        made = in_batches(pick, len(paths), batch_size, shuffle, self.seed)
        made.class_names, made.file_paths = self.class_names, paths
        return made

    def _labels(self, numbers: np.ndarray) -> np.ndarray:
        """The labels (N,), (N, 1) or (N, classes) of these class numbers."""
        numbers = numbers.astype(np.int32)
        if self.label_mode == "binary":
            return numbers.astype(np.float32)[:, None]
        if self.label_mode == "categorical":
            return to_categorical(numbers, len(self.class_names or ())).astype(np.float32)
        return numbers


def _check(place, labels, label_mode, class_names, validation_split, subset, shuffle, seed):
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


def check_format(place: str, value: Any) -> None:
    """Raise a ValueError unless ``format`` is one of those that Keras knows."""
    if value not in ("tf", "grain"):
        raise ValueError(
            f"{place} takes format='tf' or 'grain', for Keras's sake; the result is the same. Got "
            f"{value!r}."
        )
