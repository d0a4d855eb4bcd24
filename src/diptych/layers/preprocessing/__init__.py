"""Layers that prepare data: they turn texts, words, categories and numbers into inputs.

They learn from data with `adapt`, not by gradients. Integers and counts are computed directly with
NumPy, and no tape records them; the layers in `numbers` scale their input and are recorded.
"""

from .categories import CategoryEncoding, Discretization, Hashing
from .crossing import HashedCrossing
from .lookup import IntegerLookup, StringLookup
from .numbers import Normalization, Rescaling
from .text import TextVectorization

__all__ = [
    "CategoryEncoding",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "Normalization",
    "Rescaling",
    "StringLookup",
    "TextVectorization",
]
