"""Callbacks that watch one result: EarlyStopping, ReduceLROnPlateau."""

from __future__ import annotations

import warnings
from typing import Any

from ..legacy import Logs
from ..utils.progbar import write
from .callback import Callback
from .directions import is_better_smaller

__all__ = ["EarlyStopping", "Monitor", "ReduceLROnPlateau"]


# Words in the name of a result that show whether smaller or larger is better. They are used where
# no metric object says so.
class Monitor(Callback):
    """Keeps the best value of one result so far.

    mode: 'min', 'max', or 'auto', which asks the metric of that name or else goes by the name.
    """

    _without = "so it does nothing"  # what follows if the result is missing

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode={mode!r}; expected 'auto', 'min' or 'max'")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = None
        self._sign = 0  # 1 if larger is better, -1 if smaller; 0 before the first result
        self._warned = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._warned = False

    def _value(self, logs: Any) -> Any:
        """The monitored result; None, with a warning, if there is no result of that name.

        Raises:
            ValueError: nothing tells whether a larger or a smaller one is better.
        """
        if not self._sign:
            self._sign = -1 if self._falls() else 1
        try:
            value = Logs(logs)[self.monitor]
        except KeyError:
            if not self._warned:
                self._warned = True
                there = ", ".join(sorted(logs)) or "none"
                warnings.warn(
                    f"{type(self).__name__} monitors {self.monitor!r}, which is not among the "
                    f"results, {self._without}. Available: {there}.{self._advice(logs)}",
                    stacklevel=2,
                )
            return None
        return value

    def _advice(self, logs: Any) -> str:
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            return (
                " For results on validation data, pass validation_data or validation_split to fit."
            )
        return ""

    def _falls(self) -> bool:
        """Whether smaller is better."""
        if self.mode != "auto":
            return self.mode == "min"
        falls = is_better_smaller(self.monitor, self.model)
        if falls is None:
            raise ValueError(
                f"{type(self).__name__} cannot tell whether a larger or a smaller {self.monitor!r} "
                "is better: give mode='max' or mode='min'."
            )
        return falls

    def _improves(self, value: float, on: float | None) -> bool:
        return on is None or self._sign * (value - self._sign * self.min_delta - on) > 0


class EarlyStopping(Monitor):
    """Stops the training when a result has not improved for some epochs.

    Args:
        monitor: the result to watch, a name of the logs.
        min_delta: a smaller change does not count as an improvement.
        patience: epochs without improvement to wait for.
        verbose: 1 says when it stops.
        mode: 'min' where smaller is better, 'max' where larger, 'auto' by the name.
        baseline: training stops unless the result beats this value within `patience` epochs.
        restore_best_weights: whether the model gets the weights of its best epoch back at the end.
        start_from_epoch: the number of epochs to wait before monitoring starts.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode=mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._begin()

    def get_monitor_value(self, logs: Any) -> Any:
        """The monitored result; None, with a warning, if there is none of that name."""
        return self._value(logs or {})

    def _begin(self) -> None:
        self.best = None
        self.best_epoch = 0
        self.best_weights: list | None = None
        self.wait = 0
        self.stopped_epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch and self.verbose:
            write(f"Epoch {self.stopped_epoch + 1}: early stopping\n")
        if self.best_weights is not None:
            if self.verbose:
                write(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.\n")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a result has not improved for some epochs.

    Args:
        monitor, mode, min_delta: as in EarlyStopping.
        factor: a factor below 1 by which the learning rate is multiplied.
        patience: epochs without improvement to wait for.
        verbose: 1 says when it lowers the rate.
        cooldown: epochs to wait after a reduction before counting again.
        min_lr: the rate never goes below this.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode=mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"factor={factor}; expected a number below 1, to lower the rate")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._begin()

    def _begin(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether it waits after a reduction."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        rate = float(self.model.optimizer.learning_rate)
        value = self._value(logs)
        logs["learning_rate"] = rate
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            # An optimizer may store its rate in float32, which differs a little from min_lr.
            if self.wait >= self.patience and rate > self.min_lr * (1 + 1e-6):
                self._lower(rate, epoch)

    def _lower(self, rate: float, epoch: int) -> None:
        lower = max(rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = lower
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            what = f"lowers the learning rate to {lower:.6g}"
            write(f"Epoch {epoch + 1}: ReduceLROnPlateau {what}.\n")
