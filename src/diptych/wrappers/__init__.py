"""Models as estimators of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import scikit_learn
from .scikit_learn import KerasClassifier, KerasRegressor

if TYPE_CHECKING:
    from .estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = [
    "KerasClassifier",
    "KerasRegressor",
    "SKLearnClassifier",
    "SKLearnRegressor",
    "SKLearnTransformer",
    "scikit_learn",
]


def __getattr__(name: str) -> Any:
    if name in __all__:  # the rest, whose module imports scikit-learn
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'diptych.wrappers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
