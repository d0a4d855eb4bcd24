"""Data sets: `digits` and `shakespeare` come with the package; `mnist`, `fashion_mnist`, `cifar10`,
`cifar100`, `boston_housing`, `california_housing`, `imdb` and `reuters` are downloaded or read from
files; `made` generates small ones.
"""

from ..utils.naming import suggest_attributes
from . import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
    shakespeare,
)
from .idx import read_idx
from .made import agreement, and_gate, gender, spirals, xor

__all__ = [
    "agreement",
    "and_gate",
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "gender",
    "imdb",
    "mnist",
    "read_idx",
    "reuters",
    "shakespeare",
    "spirals",
    "xor",
]


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
