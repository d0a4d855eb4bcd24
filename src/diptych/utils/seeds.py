"""Random seeds, and resetting global state."""

from __future__ import annotations

import random as python_random

import numpy as np

from .. import random
from .naming import forget_names

__all__ = ["clear_session", "set_random_seed"]


def clear_session(free_memory: bool = True) -> None:
    """Start automatic names from the beginning: the next Dense is called 'dense'.

    There is no other global state; `free_memory` is accepted for Keras's sake.
    """
    forget_names()


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's legacy generator and diptych's global generator.

    The latter draws initial weights, shuffles and dropout masks.

    With the same seed a run gives the same bits, whatever the number of threads.
    """
    seed = random.check_seed(seed)
    if seed >= 2**32:
        raise ValueError(f"set_random_seed() got {seed}; expected an integer below 2**32")
    python_random.seed(seed)
    np.random.seed(seed)
    random.reset_global_generator(seed)
