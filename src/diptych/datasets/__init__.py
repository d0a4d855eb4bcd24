"""Data sets: `digits` and `shakespeare` come with the package; `mnist`, `imdb` and `reuters` are
downloaded or read from files; `made` generates small ones.
"""

from . import digits, imdb, mnist, reuters, shakespeare
from .idx import read_idx
from .made import agreement, and_gate, gender, spirals, xor

__all__ = [
    "agreement",
    "and_gate",
    "digits",
    "gender",
    "imdb",
    "mnist",
    "read_idx",
    "reuters",
    "shakespeare",
    "spirals",
    "xor",
]


def __dir__() -> list[str]:
    return sorted(__all__)
