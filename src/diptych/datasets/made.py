"""Small generated data sets. The same seed gives the same data; None uses the global generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config, random

__all__ = ["agreement", "and_gate", "gender", "spirals", "xor"]


def and_gate(n: int = 100, seed: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """`n` random pairs of bits and their AND.

    Returns x: (n, 2) floatx, 0 or 1, and y: (n,) int64, 1 where both bits are 1.

    seed: a whole number for the same rows again; None for others at each call.
    """
    x = random.generator_of(seed).integers(0, 2, size=(n, 2))
    return x.astype(config.floatx()), x[:, 0] & x[:, 1]


def xor(n: int = 100, seed: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """`n` random pairs of bits and their exclusive OR, which no straight line separates.

    Returns x: (n, 2) floatx, 0 or 1, and y: (n,) int64, 1 where the bits differ.

    seed: a whole number for the same rows again; None for others at each call.
    """
    x = random.generator_of(seed).integers(0, 2, size=(n, 2))
    return x.astype(config.floatx()), x[:, 0] ^ x[:, 1]


def gender(n: int = 1000, seed: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Weight, height and age of `n` made-up people, in standard deviations from the mean.

    The first half are men: heavier and taller by 1 and younger by 1 than the women, who come after.
    Rows are sorted by class, so shuffle before splitting. The classes overlap, so no classifier
    gets above 0.807 on new data.

    Returns x: (n, 3) floatx, columns weight, height, age, and y: (n,) int64, 1 for men.

    seed: a whole number for the same rows again; None for others at each call.
    """
    x = random.generator_of(seed).standard_normal((n, 3))
    y = np.zeros(n, dtype=np.int64)
    y[: n // 2] = 1
    x[: n // 2] += (1.0, 1.0, -1.0)
    return x.astype(config.floatx()), y


def spirals(
    n: int = 300, classes: int = 3, noise: float = 0.2, seed: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """`n` points on `classes` spiral arms that wind around each other.

    noise: standard deviation of the angle, in radians.
    Returns x: (n, 2) floatx, inside the unit circle, and y: (n,) int64, 0 to classes - 1 in turn.

    seed: a whole number for the same rows again; None for others at each call.
    """
    if classes < 1:
        raise ValueError(f"spirals() got classes={classes}; expected at least 1")
    generator = random.generator_of(seed)
    y = np.arange(n) % classes
    radius = generator.random(n)
    angle = 2 * np.pi * y / classes + 4.0 * radius + noise * generator.standard_normal(n)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x.astype(config.floatx()), y


_NOUNS = ("dog", "cat", "king", "child", "friend", "poet")
_VERBS = ("sleep", "sing", "run", "laugh", "wait", "dream")
_PLURALS = {"child": "children"}


def agreement(n: int = 1000, distance: int = 2, seed: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """`n` sentences of a small grammar, half of them with a verb that does not fit its subject.

        sentence -> the NOUN (near the NOUN) * distance VERB        "the dog near the kings sleeps"

    Whether a sentence is correct depends on its second word and its last; the nouns between them do
    not matter. The order of words decides, so counting words does not help.

    distance: how many nouns stand between subject and verb.
    Returns texts: (n,) objects, and y: (n,) int64, 1 where the verb agrees.

    seed: a whole number for the same rows again; None for others at each call.
    """
    if distance < 0:
        raise ValueError(f"agreement() got distance={distance}; expected at least 0")
    generator = random.generator_of(seed)
    y = np.arange(n) % 2
    texts = np.empty(n, dtype=object)
    for i in range(n):
        plural = generator.integers(0, 2, size=distance + 1).astype(bool)
        nouns = [
            _PLURALS.get(noun, noun + "s") if several else noun
            for several, noun in zip(plural, generator.choice(_NOUNS, distance + 1), strict=True)
        ]
        verb = str(generator.choice(_VERBS))
        verb_is_plural = plural[0] == bool(y[i])
        ending = "" if verb_is_plural else "s"
        texts[i] = " near ".join(f"the {noun}" for noun in nouns) + f" {verb}{ending}"
    return texts, y


def __dir__() -> list[str]:
    return sorted(__all__)
