"""LearningRateScheduler, SwapEMAWeights, TerminateOnNaN."""

from __future__ import annotations

import inspect
import math
from typing import Any

from ..utils.progbar import write
from .callback import Callback

__all__ = ["LearningRateScheduler", "SwapEMAWeights", "TerminateOnNaN"]


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: a function of the epoch (from 0) and the current rate, or of the epoch alone, that
            returns the rate.
        verbose: 1 prints each rate.
    """

    def __init__(self, schedule: Any, verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        given = (epoch, float(optimizer.learning_rate)) if self._takes_rate else (epoch,)
        rate = self.schedule(*given)
        try:
            rate = float(rate)
        except TypeError:
            raise ValueError(
                f"LearningRateScheduler: the schedule returned {rate!r} for epoch {epoch}; "
                f"expected a number"
            ) from None
        optimizer.learning_rate = rate
        if self.verbose:
            write(f"Epoch {epoch + 1}: LearningRateScheduler sets the learning rate to {rate}.\n")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(schedule: Any) -> bool:
    """Whether a schedule takes epoch and rate; older ones take the epoch alone."""
    try:
        inspect.signature(schedule).bind(0, 0.1)
    except TypeError:
        return False
    except ValueError:
        return True  # a builtin without a signature
    return True


class SwapEMAWeights(Callback):
    """Evaluates the moving averages of the weights, which an optimizer with `use_ema=True` keeps.

    Before an evaluation or prediction the averages take the place of the weights, and after it the
    weights come back. Before the first update there are no averages, and nothing changes.

    Args:
        swap_on_epoch: whether the averages are in place at the end of each epoch too, for the
            callbacks that come after this one, such as ModelCheckpoint, until the next epoch
            begins.

    Raises:
        ValueError: the optimizer keeps no averages; raised when the first would be needed.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[Any] | None = None  # while the averages are in their place

    def set_model(self, model: Any) -> None:
        if model is not self._model:
            self._weights = None
        super().set_model(model)

    def _put_averages(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(
                f"SwapEMAWeights needs moving averages of the weights, but the optimizer is "
                f"{optimizer!r}: give it use_ema=True."
            )
        if self._weights is None and optimizer.built and optimizer.iterations.numpy() > 0:
            variables = self.model.trainable_variables
            self._weights = [variable.array.copy() for variable in variables]
            optimizer.finalize_variable_values(variables)

    def _put_weights(self) -> None:
        if self._weights is not None:
            for variable, array in zip(self.model.trainable_variables, self._weights, strict=True):
                variable.assign(array)
            self._weights = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._put_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._put_averages()

    def on_train_end(self, logs: Any = None) -> None:
        self._weights = None  # `fit` has put the averages in their place for good

    def on_test_begin(self, logs: Any = None) -> None:
        self._put_averages()

    def on_test_end(self, logs: Any = None) -> None:
        self._put_weights()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._put_averages()

    def on_predict_end(self, logs: Any = None) -> None:
        self._put_weights()


class TerminateOnNaN(Callback):
    """Stops the training when the loss of a batch is NaN or infinite.

    Args:
        raise_error: whether to raise a RuntimeError instead of printing a line and stopping.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        message = f"Batch {batch}: the loss is {float(loss)}, training stops"
        if self.raise_error:
            raise RuntimeError(message)
        write(f"{message}\n")
        self.model.stop_training = True
