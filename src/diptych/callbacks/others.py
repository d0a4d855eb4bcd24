"""LearningRateScheduler, CSVLogger, TerminateOnNaN."""

from __future__ import annotations

import csv
import inspect
import math
import os
from typing import Any

import numpy as np

from ..utils.progbar import write
from .callback import Callback

__all__ = ["CSVLogger", "LearningRateScheduler", "TerminateOnNaN"]


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


class CSVLogger(Callback):
    """Writes the results of each epoch to a file, one line each.

    Args:
        filename: the file.
        separator: the character between two values.
        append: whether to add lines to an existing file.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._close()
        self.keys = None
        self._file = open(self.filename, "a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.sep, lineterminator="\n")
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                # Results of a validation that runs only every few epochs still get columns.
                self.keys += [f"val_{name}" for name in self.keys]
            if self._file.tell() == 0:
                writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f"[{', '.join(map(str, value))}]"


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
