"""``tf.random``: random numbers from diptych's own generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import random as own
from ...tensor import Tensor
from ._names import missing

__all__ = [
    "categorical", "normal", "set_seed", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip


def set_seed(seed: int) -> None:
    """Seed the generator that draws weights, shuffles, dropout masks and the numbers here."""
    own.reset_global_generator(own.check_seed(seed))


def normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = np.float32,
    seed: Any = None,
    name: Any = None,
) -> Tensor:
    """Draw from the normal distribution."""
    return own.normal(_sizes(shape), mean, stddev, dtype, seed)


def uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = np.float32,
    seed: Any = None,
    name: Any = None,
) -> Tensor:
    """Draw from the uniform distribution over [minval, maxval); whole numbers for such a dtype."""
    if np.dtype(dtype).kind in "iu":
        if maxval is None:
            raise ValueError("tf.random.uniform of whole numbers needs maxval.")
        return own.randint(_sizes(shape), int(minval), int(maxval), dtype, seed)
    return own.uniform(_sizes(shape), minval, 1.0 if maxval is None else maxval, dtype, seed)


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = np.float32,
    seed: Any = None,
    name: Any = None,
) -> Tensor:
    """Draw from the normal distribution, again where a value is beyond two ``stddev``."""
    return own.truncated_normal(_sizes(shape), mean, stddev, dtype, seed)


def shuffle(value: Any, seed: Any = None, name: Any = None) -> Any:
    """The entries of the first axis in random order."""
    return own.shuffle(value, seed=seed)


def categorical(
    logits: Any, num_samples: Any, dtype: Any = "int64", seed: Any = None, name: Any = None
) -> Tensor:
    """Draw class numbers with the probabilities softmax(logits): (N, classes) to (N, samples)."""
    return own.categorical(logits, int(num_samples), dtype, seed)


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in (shape if np.ndim(shape) else [shape]))


def __getattr__(name: str) -> Any:
    raise missing("tf.random", name, __all__)
