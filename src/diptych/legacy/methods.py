"""Old methods of models, each with a note that names the current one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arguments import accepts_old
from .notes import note


class OldMethods:
    """What models of Keras 1 and 2 could do under other names."""

    @accepts_old("fit")
    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: Any = None,
        epochs: int = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: Any = None,
        validation_freq: Any = 1,
        class_weight: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> Any:
        """``fit``, which takes generators too."""
        note("fit_generator", "fit", type(self).__name__)
        return self.fit(  # type: ignore[attr-defined]
            generator,
            steps_per_epoch=_whole(steps_per_epoch),
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=_whole(validation_steps),
            validation_freq=validation_freq,
            class_weight=class_weight,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
        )

    @accepts_old("evaluate")
    def evaluate_generator(
        self, generator: Any, steps: Any = None, callbacks: Any = None, verbose: Any = 0
    ) -> Any:
        """``evaluate``, which takes generators too."""
        note("evaluate_generator", "evaluate", type(self).__name__)
        return self.evaluate(  # type: ignore[attr-defined]
            generator, steps=_whole(steps), callbacks=callbacks, verbose=verbose
        )

    @accepts_old("predict")
    def predict_generator(
        self, generator: Any, steps: Any = None, callbacks: Any = None, verbose: Any = 0
    ) -> Any:
        """``predict``, which takes generators too."""
        note("predict_generator", "predict", type(self).__name__)
        return self.predict(  # type: ignore[attr-defined]
            generator, steps=_whole(steps), callbacks=callbacks, verbose=verbose
        )

    def predict_classes(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0
    ) -> np.ndarray:
        """The class of each sample: (N,) numbers, or (N, 1) of 0 and 1 for a single output."""
        note(
            "predict_classes",
            "is now `model.predict(x).argmax(axis=-1)`, or `model.predict(x) > 0.5` for one output",
            type(self).__name__,
        )
        y = self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
        return y.argmax(axis=-1) if y.shape[-1] > 1 else (y > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """``predict``."""
        note("predict_proba", "predict", type(self).__name__)
        return self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]

    def to_yaml(self, **kwargs: Any) -> str:
        """``to_json``: JSON is YAML too."""
        note("to_yaml", "to_json", type(self).__name__)
        return self.to_json(**kwargs)  # type: ignore[attr-defined]

    @property
    def compiled_loss(self) -> Callable:
        """In a ``train_step`` of one's own: ``loss(y, y_pred, sample_weight=None,
        regularization_losses=None)``, the compiled losses and penalties of a batch, a scalar. The
        mean loss of the epoch takes it in.
        """
        note("compiled_loss", "is now `compute_loss(x, y, y_pred)`", type(self).__name__)

        def loss(
            y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None
        ) -> Any:
            penalties = regularization_losses or ()
            return self._batch_loss(y_true, y_pred, sample_weight, penalties, counted=True)  # type: ignore[attr-defined]

        return loss

    @property
    def compiled_metrics(self) -> OldMetrics:
        """In a ``train_step`` of one's own: what updates the compiled metrics."""
        note("compiled_metrics", "is now `compute_metrics(x, y, y_pred)`", type(self).__name__)
        return OldMetrics(self)


class OldMetrics:
    """The compiled metrics of a model, as Keras 2 gave them to a ``train_step`` of one's own.

    Attributes:
        metrics: their list.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.metrics = [] if model._metrics is None else model._metrics.metrics

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update every metric with the labels y_true and the outputs y_pred of a batch."""
        self._model._update_metrics(y_true, y_pred, sample_weight)

    def result(self) -> dict[str, Any]:
        """The results so far, by their names."""
        return {metric.name: metric.result() for metric in self.metrics}

    def reset_state(self) -> None:
        """Begin anew."""
        for metric in self.metrics:
            metric.reset_state()


def _whole(steps: Any) -> Any:
    """Steps computed with `/`, as scripts for Python 2 did, rounded down to at least 1."""
    return max(1, int(steps)) if isinstance(steps, float) else steps
