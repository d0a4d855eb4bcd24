"""The names of ``diptych.tensor`` and ``diptych.tape`` in one place, as they once stood here."""

from .initializers import Variable  # where Variable("zeros", shape) learns the names
from .tape import GradientTape, record
from .tensor import IndexedSlices, Tensor, as_array

__all__ = ["GradientTape", "IndexedSlices", "Tensor", "Variable", "as_array", "record"]
