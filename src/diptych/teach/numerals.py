"""Numbers and sums as they are written in ``explain``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .captured import Call

Lines = dict[str, list[str]]

MOST_TERMS = 6  # of a sum
MOST_OF_A_WINDOW = 9  # of the sum over a window: 3 x 3
MOST_ENTRIES = 4  # of an array, of which each is spelled out
MOST_STEPS = 3  # of a sequence
MOST_UNITS = 6

FUNCTIONS: dict[str, Callable] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.maximum(a, 0),
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "linear": lambda a: a,
}


def number(value: Any) -> str:
    """A number in six digits; in brackets if it is negative."""
    text = f"{float(value):.6g}"
    return f"({text})" if text.startswith("-") else text


def plain(value: Any) -> str:
    """A number in six digits."""
    return f"{float(value):.6g}"


def row(values: Any) -> str:
    """A row of numbers."""
    return "[" + ", ".join(plain(value) for value in np.ravel(values)) + "]"


def products(pairs: Iterable[tuple[Any, Any]]) -> str:
    return " + ".join(f"{number(a)} · {number(b)}" for a, b in pairs)


def agree(one: Any, other: Any) -> bool:
    """Whether two arrays are the same but for rounding."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    scale = max(float(np.max(np.abs(other), initial=0.0)), 1e-3)
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-4, atol=1e-5 * scale))


def entries(shape: tuple) -> list[tuple[int, ...]]:
    """The first places of an array."""
    return [index for index, _ in zip(np.ndindex(*shape), range(MOST_ENTRIES), strict=False)]


def activation(layer: Any, name: str = "activation") -> str:
    """The name of a layer's activation."""
    return getattr(getattr(layer, name, None), "__name__", "linear")


def sum_of(values: Iterable[Any]) -> str:
    return " + ".join(map(number, values))


def slopes(call: Call, dz: np.ndarray, name: str) -> list[str]:
    """dz = dy activation'(z), for the first places."""
    dy, y = call.output_gradient, call.output
    if dy is None or y is None or name not in ("relu", "sigmoid", "tanh"):
        return []
    slope = {"relu": (y > 0) * 1.0, "sigmoid": y * (1 - y), "tanh": 1 - y * y}[name]
    if not agree(slope * dy, dz):
        return []
    return [
        f"dz{place(i)} = dy{place(i)} {name}'(z{place(i)}) = {number(dy[i])} · {number(slope[i])} "
        f"= {plain(dz[i])}"
        for i in entries(dz.shape)
    ]


def place(index: Iterable[int]) -> str:
    """[0, 1]"""
    return "[" + ", ".join(map(str, index)) + "]"
