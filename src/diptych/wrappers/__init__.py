"""Models as estimators of scikit-learn."""

from . import scikit_learn
from .scikit_learn import KerasClassifier, KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor", "scikit_learn"]


def __dir__() -> list[str]:
    return sorted(__all__)
