"""The process's generator of random numbers, and the one that an argument ``seed`` stands for.

``diptych.random`` says what the argument may be, and draws from them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .trial import open_trial

_global_generator: np.random.Generator | None = None


def global_generator() -> np.random.Generator:
    """The global np.random.Generator; unseeded until `utils.set_random_seed` is called."""
    global _global_generator
    if _global_generator is None:
        _global_generator = np.random.default_rng()
    return in_force(_global_generator)


def in_force(generator: np.random.Generator) -> np.random.Generator:
    """The generator itself, or the copy that an open trial draws from."""
    trial = open_trial.get()
    return generator if trial is None else trial.copy_of(generator)


def reset_global_generator(seed: Any) -> None:
    """Reset the global generator; users call `utils.set_random_seed`."""
    global _global_generator
    _global_generator = np.random.default_rng(seed)


def check_seed(seed: Any, what_else: str = "") -> int:
    """`seed` as a Python int; ValueError unless it is an integer of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed={seed!r}: expected None or an integer of at least 0{what_else}")
    return int(seed)


def generator_of(seed: Any) -> np.random.Generator:
    """The np.random.Generator for an argument `seed`: None, an integer, or a SeedGenerator, which
    has it as ``generator``.
    """
    if seed is None:
        return global_generator()
    if isinstance(seed, np.random.Generator):
        return in_force(seed)
    if hasattr(seed, "generator"):
        return seed.generator
    return np.random.default_rng(check_seed(seed, ", or a SeedGenerator"))


__all__ = [
    "check_seed",
    "generator_of",
    "global_generator",
    "in_force",
    "reset_global_generator",
]
