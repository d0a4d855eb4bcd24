"""``optimizers.legacy``: the same optimizers, which take the arguments of Keras 2 as well."""

from .optimizer import Optimizer
from .rules import SGD, Adagrad, Adam, Ftrl, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]


def __dir__() -> list[str]:
    return sorted(__all__)
