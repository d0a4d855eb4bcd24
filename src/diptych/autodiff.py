"""The names of ``diptych.tensor`` and ``diptych.tape`` in one place, for older imports."""

from .initializers import Variable  # which defines names such as Variable("zeros", shape)
from .tape import GradientTape, record
from .tensor import IndexedSlices, Tensor, as_array

__all__ = ["GradientTape", "IndexedSlices", "Tensor", "Variable", "as_array", "record"]


def __dir__() -> list[str]:
    return sorted(__all__)
