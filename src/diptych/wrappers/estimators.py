"""SKLearnClassifier, SKLearnRegressor, SKLearnTransformer: a model as an estimator of scikit-learn.

This module imports scikit-learn, so it is imported only when one of its names is asked for. Without
scikit-learn the names exist, and making an estimator says what to install.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..models import Model, clone_model

MISSING: ImportError | None = None
try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    MISSING = error
    # Of classes with these bases no more than the constructor can be called.
    BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin = (
        type(name, (), {}) for name in ("Base", "Classifier", "Regressor", "Transformer")
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class _Estimator(BaseEstimator):
    """What the three estimators share: the parameters, ``fit`` and ``predict``.

    scikit-learn's rules for an estimator: the constructor keeps its arguments as they are, ``fit``
    learns into attributes whose names end in "_" and leaves the arguments alone.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if MISSING is not None:
            raise ImportError(
                f"{type(self).__name__} needs the package scikit-learn, 1.6 or newer: "
                f"pip install 'diptych[sklearn]' ({MISSING})"
            ) from MISSING
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # initial weights and the order of the rows are drawn
        return tags

    def __sklearn_clone__(self) -> Any:
        """The same estimator, not fitted. ``fit`` copies a model; without that, it is copied here,
        so that the folds of a cross-validation do not train one model together."""
        model = self.model
        if isinstance(model, Model) and self.warm_start:
            model = copy.deepcopy(model)
        return type(self)(
            model=model,
            warm_start=self.warm_start,
            model_kwargs=copy.deepcopy(self.model_kwargs),
            fit_kwargs=copy.deepcopy(self.fit_kwargs),
        )

    @property
    def epoch_(self) -> int:
        """The number of epochs that the last ``fit`` trained; 0 before any."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def set_fit_request(self, **kwargs: Any) -> Any:
        """Say which metadata a meta-estimator hands to ``fit``, such as ``sample_weight=True``.

        Args:
            **kwargs: for each argument of ``fit`` True, False, None, or the name under which the
                meta-estimator gets it.

        Returns:
            The estimator.

        Raises:
            RuntimeError: scikit-learn's metadata routing is off.
        """
        import sklearn

        if not sklearn.get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "set_fit_request() has no effect while metadata routing is off; turn it on with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        request = self._get_metadata_request()
        for name, alias in kwargs.items():
            request.fit.add_request(param=name, alias=alias)
        self._metadata_request = request
        return self

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train a new model, or with ``warm_start`` the one there is.

        Args:
            X: (rows, features): the inputs; numbers, all finite.
            y: (rows,): the targets.
            **kwargs: arguments of ``model.fit``, which go before those of ``fit_kwargs``.

        Returns:
            The estimator, with ``model_`` and ``history_``.

        Raises:
            ValueError: X or y is not of this kind.
            RuntimeError: the model is not compiled with an optimizer and a loss.
            TypeError: ``model`` gave no model.
        """
        X, y = validate_data(self, X, y)
        targets = self._targets_from(y)
        model = self._model_for(X, targets)
        given = {**(self.fit_kwargs or {}), **kwargs}
        self.history_ = model.fit(X, targets, **given)
        self.model_ = model
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The predictions for X, (rows, features), in the form in which ``fit`` got the targets."""
        return self._predictions_from(self._outputs(X))

    def _model_for(self, X: np.ndarray, y: np.ndarray) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            model = self.model_
        elif not isinstance(self.model, Model):
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        else:
            model = self.model if self.warm_start else clone_model(self.model)
        if not isinstance(model, Model):
            raise TypeError(f"model(X=..., y=...) returned {model!r:.60}; expected a Model.")
        if not (model.compiled and model.optimizer and model.loss):
            raise RuntimeError(
                f"The model {model.name!r} of {type(self).__name__} is to be compiled with an "
                "optimizer and a loss: model.compile(optimizer=..., loss=...)."
            )
        return model

    def _outputs(self, X: Any) -> np.ndarray:
        """What the model gives for X, unchanged."""
        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False), verbose=0)

    def _kind_of(self, y: np.ndarray) -> str:
        """What kind of targets scikit-learn takes these for, such as "multiclass"."""
        kind = type_of_target(y)
        if kind == "unknown":
            raise ValueError(
                f"Unknown label type: y has the dtype {y.dtype} and begins with {y[:1]}; expected "
                f"numbers{' or texts' if isinstance(self, ClassifierMixin) else ''}, (rows,)."
            )
        return kind

    def _targets_from(self, y: np.ndarray) -> np.ndarray:
        """What the model is trained on, (rows, 1) here."""
        self._kind_of(y)
        return y.reshape(-1, 1)

    def _predictions_from(self, outputs: np.ndarray) -> np.ndarray:
        """Undo ``_targets_from``."""
        if outputs.ndim == 2 and outputs.shape[1] != 1:
            raise ValueError(
                f"The model {self.model_.name!r} gives {outputs.shape[1]} numbers for each row, "
                "but was trained on one: its last layer is to have 1 unit."
            )
        return outputs.reshape(outputs.shape[:1] + outputs.shape[2:])


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model as a classifier of scikit-learn, for ``Pipeline``, ``GridSearchCV`` and their kind.

    The model gets the labels one-hot, (rows, classes), and has an output for each class.

    Args:
        model: a compiled model, of which ``fit`` trains a copy with new weights; or a function that
            makes one, called with ``X``, (rows, features), ``y``, (rows, classes), and
            ``model_kwargs``.
        warm_start: train the given model itself, and a second ``fit`` goes on where the first one
            ended.
        model_kwargs: further arguments of the function, which a search may try by the name
            ``model_kwargs``.
        fit_kwargs: arguments of ``model.fit``, such as ``{"epochs": 5, "verbose": 0}``.

    Attributes:
        model_: the trained model.
        history_: the ``History`` that ``model.fit`` returned.
        classes_: (classes,): the labels, sorted.

    Raises:
        ImportError: scikit-learn is missing.
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """(rows, classes): what the model gives, probabilities or logits."""
        return self._outputs(X)

    def _targets_from(self, y: np.ndarray) -> np.ndarray:
        kind = self._kind_of(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Unknown label type: {kind}. A classifier takes a class for each row, numbers or "
                "texts, (rows,); for numbers of any size use SKLearnRegressor."
            )
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError(
                f"All {len(y)} rows are of one class, {self.classes_[0]!r}; a classifier needs two."
            )
        return np.eye(len(self.classes_))[numbers]

    def _predictions_from(self, outputs: np.ndarray) -> np.ndarray:
        expected = (len(outputs), len(self.classes_))
        if outputs.shape != expected:
            raise ValueError(
                f"The model {self.model_.name!r} gives an array of shape {outputs.shape}; expected "
                f"{expected}, a number for each of the {expected[1]} classes."
            )
        return self.classes_[outputs.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # no promise to fit small data in few epochs
        return tags


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model as a regressor of scikit-learn, for ``Pipeline``, ``GridSearchCV`` and their kind.

    The model gets the targets as a column, (rows, 1), and has one output.

    Args:
        model: a compiled model, of which ``fit`` trains a copy with new weights; or a function that
            makes one, called with ``X``, (rows, features), ``y``, (rows, 1), and ``model_kwargs``.
        warm_start: train the given model itself, and a second ``fit`` goes on where the first one
            ended.
        model_kwargs: further arguments of the function, which a search may try by the name
            ``model_kwargs``.
        fit_kwargs: arguments of ``model.fit``, such as ``{"epochs": 5, "verbose": 0}``.

    Attributes:
        model_: the trained model.
        history_: the ``History`` that ``model.fit`` returned.

    Raises:
        ImportError: scikit-learn is missing.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # no promise to fit small data in few epochs
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model as a transformer of scikit-learn: a step of a ``Pipeline`` that gives the next one
    the outputs of a model, embeddings for instance.

    A model that is trained already stays so inside of scikit-learn's ``FrozenEstimator``.

    Args:
        model: a compiled model, of which ``fit`` trains a copy with new weights; or a function that
            makes one, called with ``X``, (rows, features), ``y``, (rows, 1), and ``model_kwargs``.
        warm_start: train the given model itself, and a second ``fit`` goes on where the first one
            ended.
        model_kwargs: further arguments of the function, which a search may try by the name
            ``model_kwargs``.
        fit_kwargs: arguments of ``model.fit``, such as ``{"epochs": 5, "verbose": 0}``.

    Attributes:
        model_: the trained model.
        history_: the ``History`` that ``model.fit`` returned.

    Raises:
        ImportError: scikit-learn is missing.
    """

    def transform(self, X: Any) -> np.ndarray:
        """(rows, outputs): what the model gives for X, (rows, features)."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # results have the model's dtype
        return tags


def __dir__() -> list[str]:
    return sorted(__all__)
