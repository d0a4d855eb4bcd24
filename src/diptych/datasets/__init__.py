"""Data to learn with: `digits` comes with the package, `mnist` is downloaded or read from files,
the rest is made.
"""

from . import digits, mnist
from .idx import read_idx
from .made import and_gate, gender, spirals, xor

__all__ = ["and_gate", "digits", "gender", "mnist", "read_idx", "spirals", "xor"]
