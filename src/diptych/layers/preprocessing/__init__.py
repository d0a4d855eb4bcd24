"""Layers that prepare data: texts, words, categories and numbers in, numbers for a network out.

They learn from data with `adapt`, not by gradients. Results that are whole numbers or counts come
from NumPy arrays directly, and no tape records them; `numbers` has what scales its input.
"""

from .categories import CategoryEncoding, Discretization, Hashing
from .lookup import IntegerLookup, StringLookup
from .numbers import Normalization, Rescaling
from .text import TextVectorization

__all__ = [
    "CategoryEncoding",
    "Discretization",
    "Hashing",
    "IntegerLookup",
    "Normalization",
    "Rescaling",
    "StringLookup",
    "TextVectorization",
]
