"""Old methods of models, each with a note that names the current one."""

from __future__ import annotations

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


def _whole(steps: Any) -> Any:
    """Steps computed with `/`, as scripts for Python 2 did, rounded down to at least 1."""
    return max(1, int(steps)) if isinstance(steps, float) else steps
