"""KerasClassifier and KerasRegressor: a function that builds a model, as an estimator.

They have the methods that scikit-learn's tools call (cross_val_score, GridSearchCV, Pipeline).
scikit-learn itself is not needed for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ..legacy.tables import FUNCTIONS
from ..models import Model
from ..utils.numerical import to_categorical

__all__ = ["KerasClassifier", "KerasRegressor"]


class _Wrapper:
    """The part that both estimators share.

    Args:
        build_fn: a function that returns a compiled model; or a subclass defines ``__call__``.
        sk_params: arguments of ``build_fn``, ``fit``, ``predict`` and ``score``, which scikit-learn
            may search over.
    """

    def __init__(self, build_fn: Callable | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self._check(sk_params)

    def _builder(self) -> Callable:
        if self.build_fn is not None:
            return self.build_fn
        if "__call__" not in dir(type(self)):
            raise ValueError(
                f"{type(self).__name__} needs build_fn, a function that returns a compiled model."
            )
        return self.__call__  # type: ignore[attr-defined, operator]

    def _check(self, params: dict[str, Any]) -> None:
        """Raise a ValueError for a parameter that none of the functions takes."""
        functions = [Model.fit, Model.predict, Model.evaluate, self._builder()]
        known = {name for one in functions for name in inspect.signature(one).parameters}
        known |= FUNCTIONS["fit"].keys()
        takes_all = any(
            p.kind is p.VAR_KEYWORD for p in inspect.signature(self._builder()).parameters.values()
        )
        for name in params:
            if name not in known and not takes_all:
                raise ValueError(
                    f"{name} is neither an argument of the function that builds the model nor of "
                    "fit, predict or evaluate."
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, as scikit-learn asks for them."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Change parameters."""
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self._check(params)
        self.sk_params.update(params)
        return self

    def _arguments_of(self, function: Callable, old: Collection[str] = ()) -> dict[str, Any]:
        known = [*inspect.signature(function).parameters, *old]
        return {name: value for name, value in self.sk_params.items() if name in known}

    def _fit(self, x: Any, y: Any, kwargs: dict[str, Any]) -> Any:
        builder = self._builder()
        self.model = builder(**self._arguments_of(builder))
        loss = self.model.loss
        if getattr(loss, "__name__", loss) == "categorical_crossentropy" and y.ndim != 2:
            y = to_categorical(y)
        given = {**self._arguments_of(Model.fit, FUNCTIONS["fit"]), **kwargs}
        self.history = self.model.fit(x, y, **given)
        return self.history

    def _predict(self, x: Any, kwargs: dict[str, Any]) -> np.ndarray:
        given = {**self._arguments_of(Model.predict), **kwargs}
        return self.model.predict(np.asarray(x), **{"verbose": 0, **given})

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def _tags(self, kind: str) -> Any:
        """What versions of scikit-learn from 1.6 on ask an estimator for."""
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=kind,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
        )


class KerasClassifier(_Wrapper):
    """A classifier: ``predict`` returns classes, ``predict_proba`` probabilities."""

    _estimator_type = "classifier"

    def __sklearn_tags__(self) -> Any:
        return self._tags("classifier")

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model anew and train it; labels (N,), (N, 1) or one-hot."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_, y = np.unique(y.reshape(-1), return_inverse=True)
        self.n_classes_ = len(self.classes_)
        return self._fit(np.asarray(x), y, kwargs)

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """(N, classes): the probability of each class."""
        p = self._predict(x, kwargs)
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """(N,): the most probable class, by the labels that ``fit`` saw."""
        return self.classes_[self.predict_proba(x, **kwargs).argmax(axis=-1)]

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy."""
        y = np.asarray(y)
        labels = self.classes_[y.argmax(axis=-1)] if y.ndim == 2 and y.shape[1] > 1 else y
        return float(np.mean(self.predict(x, **kwargs) == labels.reshape(-1)))


class KerasRegressor(_Wrapper):
    """A regressor: ``predict`` returns numbers."""

    _estimator_type = "regressor"

    def __sklearn_tags__(self) -> Any:
        return self._tags("regressor")

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model anew and train it."""
        return self._fit(np.asarray(x), np.asarray(y), kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """(N,), or (N, outputs)."""
        numbers = self._predict(x, kwargs)
        return numbers[..., 0] if numbers.shape[-1] == 1 else numbers

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Minus the loss, so that larger is better, as scikit-learn expects."""
        given = {"verbose": 0, **self._arguments_of(Model.evaluate), **kwargs}
        loss = self.model.evaluate(np.asarray(x), np.asarray(y), **given)
        return -float(loss[0] if isinstance(loss, list) else loss)


def __dir__() -> list[str]:
    return sorted(__all__)
