"""Helpers around training: labels, seeds, names."""

from .batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from .datasets import PyDataset, Sequence
from .naming import snake_case, suggest
from .numerical import normalize, to_categorical
from .progbar import Progbar
from .seeds import set_random_seed

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "normalize",
    "pack_x_y_sample_weight",
    "set_random_seed",
    "snake_case",
    "suggest",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
