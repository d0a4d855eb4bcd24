"""A data set in two parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .pipelines import Dataset, PickedDataset, as_tensors, stacked

__all__ = ["split_dataset"]


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Split a data set into its first and its last samples: `train, test`.

        train, test = split_dataset((x, y), left_size=0.8, shuffle=True, seed=1)
        model.fit(train.batch(32))

    Args:
        dataset: an array, a list or tuple of arrays, a ``Dataset``, or a data set of PyTorch's. The
            elements of a ``Dataset`` are its samples, and if ``batch`` was its last step, the rows
            of its batches.
        left_size, right_size: a number of samples, or a fraction between 0 and 1 of all of them;
            None takes those that the other leaves.
        shuffle: whether to shuffle the samples before the split.
        seed: of the shuffling; the same seed gives the same split as in Keras.
        preferred_backend: for Keras's sake, without effect.

    Returns two ``Dataset``s of single samples, or in batches where ``dataset`` is. Samples of
    arrays and of folders' files are only chosen here; those of other data sets are kept in memory.

    Raises:
        TypeError: the data set, or a size, is none of these.
        ValueError: the sizes do not fit, or the arrays differ in length.
    """
    pick, numbers = _rows(dataset)
    if shuffle:
        order = numbers.tolist()
        random.Random(seed).shuffle(order)
        numbers = np.array(order)
    left, right = _sizes(left_size, right_size, len(numbers))

    def part(chosen: np.ndarray) -> Dataset:
        made: Dataset = PickedDataset(pick, len(chosen), lambda: chosen)
        made.class_names = getattr(dataset, "class_names", None)
        batch_size = dataset.batch_size if isinstance(dataset, Dataset) else None
        return made if batch_size is None else made.batch(batch_size)

    return part(numbers[:left]), part(numbers[-right:])


def _rows(dataset: Any) -> tuple[Callable[[Any], Any], np.ndarray]:
    """A function that gives the samples with given numbers, and the numbers of all samples."""
    if isinstance(dataset, (list, tuple)):
        for part in dataset:
            if not isinstance(part, np.ndarray):
                raise ValueError(
                    f"split_dataset() takes a {type(dataset).__name__} of arrays; among them is a "
                    f"{type(part).__name__}."
                )
        lengths = [len(part) for part in dataset]
        if len(set(lengths)) != 1:
            raise ValueError(
                f"split_dataset() needs arrays of one length; got those of lengths {lengths}."
            )
        dataset = tuple(dataset)
    if isinstance(dataset, (tuple, np.ndarray)):
        dataset = Dataset.from_tensor_slices(dataset)
    if isinstance(dataset, PickedDataset):
        numbers = list(dataset.numbers())
        return dataset.pick, np.concatenate(numbers) if dataset.batch_size else np.array(numbers)
    if isinstance(dataset, Dataset):
        samples = list(dataset if dataset.batch_size is None else dataset.unbatch())
    elif any(base.__module__.startswith("torch.utils.data") for base in type(dataset).__mro__):
        samples = [as_tensors(dataset[i]) for i in range(len(dataset))]
    else:
        raise TypeError(
            "split_dataset() takes an array, a list or tuple of arrays, or a data set; got "
            f"{dataset!r} of type {type(dataset).__name__}."
        )

    def pick(numbers: Any) -> Any:
        return stacked([samples[i] for i in numbers]) if np.ndim(numbers) else samples[numbers]

    return pick, np.arange(len(samples))


def _sizes(left: Any, right: Any, count: int) -> tuple[int, int]:
    """The numbers of samples on both sides, of ``count`` in all."""
    if left is None and right is None:
        raise ValueError("split_dataset() needs left_size or right_size, or both.")
    sizes = []
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and type(size) not in (int, float):
            raise TypeError(
                f"split_dataset() needs a whole number, a fraction or None as {name}; got {size!r} "
                f"of type {type(size).__name__}."
            )
        if size is not None and not 0 < size < (1 if isinstance(size, float) else count):
            raise ValueError(
                f"split_dataset() needs {name} to be a number of samples from 1 to {count - 1}, of "
                f"{count} in all, or a fraction between 0 and 1; got {size!r}."
            )
        sizes.append(round(size * count) if isinstance(size, float) else size)
    first = count - sizes[1] if sizes[0] is None else sizes[0]
    last = count - first if sizes[1] is None else sizes[1]
    if first < 1 or last < 1 or first + last > count:
        raise ValueError(
            f"split_dataset() cannot split {count} samples into {first} and {last}: both parts "
            f"need at least one, and together at most {count} (left_size={left!r}, "
            f"right_size={right!r})."
        )
    return first, last
