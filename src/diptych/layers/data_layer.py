"""What layers share that prepare data before a network sees them."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .layer import Layer


class DataLayer(Layer):
    """A layer that prepares data. Keras may run its own in another backend than the model's; here
    there is one kind of tensor.
    """

    def convert_weight(self, weight: Any) -> Any:
        """A weight, or an array, as the tensor that ``call`` computes with."""
        return weight if isinstance(weight, Tensor) else Tensor(weight)
