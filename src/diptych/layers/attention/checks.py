"""Checks of the arguments of attention layers."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_rate(layer: str, dropout: Any) -> None:
    """Raise ValueError unless a dropout is a probability."""
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(f"{layer} needs 0 <= dropout <= 1; got {dropout!r}.")


def check_count(layer: str, name: str, count: Any, optional: bool = False) -> None:
    """Raise ValueError unless an argument is a positive whole number, or None if optional."""
    whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
    if (whole and count > 0) or (optional and count is None):
        return
    raise ValueError(
        f"{layer} needs a positive whole number as {name}{', or None' if optional else ''}; "
        f"got {count!r}."
    )


def differ(sizes: tuple, others: tuple) -> bool:
    """Whether two shapes differ where both sizes are known."""
    if len(sizes) != len(others):
        return True
    return any(m is not None is not n and m != n for m, n in zip(sizes, others, strict=True))


def broadcasts(shape: tuple, target: tuple) -> bool:
    """Whether an array of this shape broadcasts to the target shape."""
    return len(shape) == len(target) and all(
        n in (1, m) for n, m in zip(shape, target, strict=True)
    )


__all__ = ["broadcasts", "check_count", "check_rate", "differ"]
