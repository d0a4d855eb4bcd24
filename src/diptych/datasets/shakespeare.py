"""Tiny Shakespeare: 1.1 million characters of his plays, included in the package.

Source and licence are in data/shakespeare.txt.

    train, test = shakespeare.load_data()
    x = train[:64_000].reshape(-1, 64)              # 1,000 rows of 64 characters,
    y = train[1:64_001].reshape(-1, 64)             # and the one that follows each of them
    shakespeare.decode(x[0])
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["decode", "encode", "get_vocabulary", "load_data", "load_text"]

_FILE = Path(__file__).parent / "data" / "shakespeare.txt.gz"


@cache
def load_text() -> str:
    """The whole text: speeches, each after the speaker's name and a colon."""
    with gzip.open(_FILE, "rt", encoding="ascii", newline="") as file:
        return file.read()


def load_data(test_split: float = 0.1, as_text: bool = False) -> tuple[Any, Any]:
    """Load the text in two parts, `train, test`, as the numbers of its characters.

    train: (n,) int32, numbers below 65, see ``get_vocabulary``. test: the same for the last part of
        the text, scenes that are not in the first.

    test_split: how large the last part is; it begins at the first speech after that point.
    as_text: whether to return the two parts as strings.
    """
    if not 0 <= test_split <= 1:
        raise ValueError(f"shakespeare.load_data(): test_split={test_split}; expected 0 to 1")
    text = load_text()
    split = round(len(text) * (1 - test_split))
    if 0 < split < len(text):
        split = text.index("\n\n", split) + 2
    parts = text[:split], text[split:]
    return parts if as_text else (encode(parts[0]), encode(parts[1]))


@cache
def _vocabulary() -> tuple[str, ...]:
    return tuple(sorted(set(load_text())))


def get_vocabulary() -> list[str]:
    """The 65 characters in the order of their numbers: line break, space, marks, A-Z, a-z."""
    return list(_vocabulary())


def encode(text: str) -> np.ndarray:
    """The numbers of the characters of a text, (n,) int32.

    Raises ValueError for a character that is not in the vocabulary, such as any digit but 3.
    """
    number = {character: i for i, character in enumerate(_vocabulary())}
    unknown = sorted(set(text) - set(number))
    if unknown:
        raise ValueError(
            f"The text has {''.join(unknown)!r}, which is not among the 65 characters of the "
            f"vocabulary, {''.join(_vocabulary())!r}."
        )
    return np.fromiter((number[character] for character in text), np.int32, len(text))


def decode(numbers: Any) -> str:
    """The text of some numbers, an array or list of one axis."""
    array = np.asarray(numbers)
    vocabulary = _vocabulary()
    if array.ndim != 1:
        raise ValueError(
            f"decode() takes the numbers of one text, an array of one axis; got {array.shape}."
        )
    if array.size and not (0 <= array.min() and array.max() < len(vocabulary)):
        raise ValueError(
            f"decode() takes numbers from 0 to {len(vocabulary) - 1}; got {array.min()} to "
            f"{array.max()}."
        )
    return "".join(vocabulary[number] for number in array.tolist())


def __dir__() -> list[str]:
    return sorted(__all__)
