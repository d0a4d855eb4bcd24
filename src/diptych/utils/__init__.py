"""Helpers around training: labels, seeds, names."""

from .datasets import PyDataset, Sequence
from .naming import snake_case, suggest
from .numerical import normalize, to_categorical
from .seeds import set_random_seed

__all__ = [
    "PyDataset",
    "Sequence",
    "normalize",
    "set_random_seed",
    "snake_case",
    "suggest",
    "to_categorical",
]
