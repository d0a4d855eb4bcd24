"""Sequences as in Keras 2: windows of a series, pairs of neighbouring words, padding."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from .. import random
from ..utils.datasets import PyDataset
from ..utils.sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a time series, each with the value that follows it.

    Batch entry: steps row - length, ..., row - 1 of ``data`` and target ``row``. In new code use
    ``utils.timeseries_dataset_from_array``, whose targets belong to the window's first step.

    Args:
        data: (T, ...), the steps in their order.
        targets: (T, ...), as long as ``data``.
        length: the number of steps that a window spans.
        sampling_rate: the distance between the steps of a window.
        stride: the distance between windows.
        start_index, end_index: use only the steps from start_index to end_index, inclusive.
        shuffle: whether the windows of a batch are drawn at random.
        reverse: whether the steps of a window come in reverse order.
        batch_size: windows in a batch.
        **kwargs: those of ``PyDataset``.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(
                f"TimeseriesGenerator needs a target for each step; got {len(data)} steps and "
                f"{len(targets)} targets."
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"TimeseriesGenerator has no window: the first one would have its target at step "
                f"{self.start_index} (start_index + length), and the last step is "
                f"{self.end_index}."
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"TimeseriesGenerator has {len(self)} batches; there is no {index}.")
        if self.shuffle:
            generator = random.global_generator()
            rows = generator.integers(self.start_index, self.end_index + 1, self.batch_size)
        else:
            span = self.batch_size * self.stride
            start = self.start_index + span * index
            rows = np.arange(start, min(start + span, self.end_index + 1), self.stride)
        step = self.sampling_rate
        samples = np.array([self.data[row - self.length : row : step] for row in rows.tolist()])
        targets = np.array([self.targets[row] for row in rows.tolist()])
        return (samples[:, ::-1] if self.reverse else samples), targets


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability of keeping a word of each rank in word2vec's training.

    The frequency of rank r is taken by Zipf's law as 1 / (r (log r + 0.577) + 1/2 - 1/(12 r)), and
    a word of frequency f is kept with probability min(1, sqrt(sampling_factor / f)).

    Args:
        size: the number of ranks.
        sampling_factor: the sampling factor of word2vec.

    Source: Mikolov et al. 2013, arXiv:1310.4546, section 2.3.
    """
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse_frequency))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list, list]:
    """Pairs of neighbouring words, with label 1, and random pairs, with label 0.

    Args:
        sequence: the numbers of the words of a text; 0 is no word.
        vocabulary_size: one more than the largest number.
        window_size: the largest distance between the words of a pair.
        negative_samples: the number of random pairs for each true pair.
        shuffle: whether to shuffle the pairs.
        categorical: whether labels are [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: for each number the probability of taking it.
        seed: of the shuffling.

    Returns (pairs, labels). The draws come from Python's ``random``, as in Keras 2.

    Source: Mikolov et al. 2013, arXiv:1301.3781.
    """
    largest = max(sequence, default=0)
    if largest >= vocabulary_size:
        raise ValueError(
            f"skipgrams() got vocabulary_size={vocabulary_size}, so it takes smaller numbers; the "
            f"sequence has {largest}."
        )
    pairs: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < python_random.random():
            continue
        window = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        pairs += [[word, sequence[j]] for j in window if j != i and sequence[j]]
    true, false = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list = [true] * len(pairs)
    count = int(len(labels) * negative_samples)
    if count > 0:
        words = [pair[0] for pair in pairs]
        python_random.shuffle(words)
        pairs += [
            [words[i % len(words)], python_random.randint(1, vocabulary_size - 1)]
            for i in range(count)
        ]
        labels += [false] * count
    if shuffle:
        if seed is None:
            seed = python_random.randint(0, 10**7)
        python_random.Random(seed).shuffle(pairs)
        python_random.Random(seed).shuffle(labels)
    return pairs, labels


def __dir__() -> list[str]:
    return sorted(__all__)
