"""Callbacks that write the model to files: BackupAndRestore, ModelCheckpoint."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .. import processes, random
from ..files.atomic import remove_leftovers, replacing
from ..files.backup import read_backup, write_backup
from ..files.hdf5 import Damaged
from ..files.weights import read_json
from ..legacy import Logs
from ..utils.progbar import write
from .callback import Callback
from .monitors import Monitor

__all__ = ["BackupAndRestore", "ModelCheckpoint"]

_OF_KERAS_2 = (".h5", ".hdf5")  # for a whole model and for weights alone


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, while it is trained.

    A file is replaced as a whole: at every moment the old one or the new one is there.

    Args:
        filepath: the path; '{epoch:02d}' and names of logs in it are filled in, with `save_freq` in
            batches '{batch}' too. The first epoch is number 1. It ends in '.keras' or '.h5'; with
            `save_weights_only` in '.weights.h5' or '.safetensors' (a plain '.h5' gets the layout
            of Keras 2). A missing folder is made.
        monitor, mode: which result decides which model is best, and how.
        verbose: 1 says when it saves.
        save_best_only: whether to save only a model that is better than the last one saved. If the
            result is missing, or is no single number, it warns and saves.
        save_weights_only: whether `model.save_weights` is called instead of `model.save`.
        save_freq: 'epoch', or a number of batches.
        initial_value_threshold: the value that the first saved model has to beat.

    Raises:
        ValueError: the ending of `filepath` does not fit, or `save_freq` is neither.
    """

    _without = "so it saves every time"

    first_alone = True

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode=mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = _checked(save_freq)
        self.best = initial_value_threshold
        self._epoch = 0
        self._batches = 0
        self._check_ending()
        if save_freq != "epoch":
            # Defined only in this case, so that nothing happens after batches otherwise.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def _check_ending(self) -> None:
        endings = (".weights.h5", ".safetensors") if self.save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith((*endings, *_OF_KERAS_2)):
            other = (
                "for the whole model leave out save_weights_only"
                if self.save_weights_only
                else "for weights alone: save_weights_only=True and an ending in .weights.h5"
            )
            raise ValueError(
                f"ModelCheckpoint: filepath={self.filepath!r} must end in {' or '.join(endings)}"
                f"{' with save_weights_only=True' if self.save_weights_only else ''}; {other}."
            )

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        method = "save_weights" if self.save_weights_only else "save"
        if not hasattr(model, method):
            raise ValueError(f"ModelCheckpoint: {type(model).__name__} has no {method}()")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _after_batch(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, logs or {}, batch=batch + 1)

    def _save(self, epoch: int, logs: dict, **more: Any) -> None:
        path = self._path({"epoch": epoch + 1, **more, **logs})
        reason = "saving"
        value = self._number(logs) if self.save_best_only else None
        if value is not None:
            if not self._improves(value, self.best):
                if self.verbose:
                    best = f"{self.monitor} did not improve from {self.best:.5f}"
                    write(f"Epoch {epoch + 1}: {best}\n")
                return
            since = "" if self.best is None else f" from {self.best:.5f}"
            reason = f"{self.monitor} improved{since} to {value:.5f}, saving"
            self.best = value
        if self.verbose:
            write(f"Epoch {epoch + 1}: {reason} to {path}\n")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

    def _number(self, logs: dict) -> float | None:
        """The monitored result; None, with a warning, if there is none or it is no number."""
        value = self._value(logs)
        if value is not None and np.ndim(value):
            warnings.warn(
                f"ModelCheckpoint: {self.monitor} has {np.size(value)} values; which model is best "
                "can be told by a single number only, so it saves every time.",
                stacklevel=2,
            )
            return None
        return value

    def _path(self, values: dict) -> str:
        try:
            return self.filepath.format_map(Logs(values))
        except (KeyError, IndexError) as error:
            raise KeyError(
                f"ModelCheckpoint: the path {self.filepath!r} asks for {error}, and there is: "
                f"{', '.join(values)}"
            ) from error


class BackupAndRestore(Callback):
    """Lets a training that was interrupted go on where it was.

    While `fit` runs, it keeps the state of the training in a folder; if the process dies, the same
    call of `fit`, in a new process, begins there, and ends with the same bits as a training that
    nothing interrupted. The state is: weights, optimizer, epoch and batch, metrics in the middle of
    an epoch, and all random states: the global generator, which shuffles the rows, and those of the
    layers. The file is replaced as a whole: a kill at any moment leaves one that loads.

    The history, as in Keras, holds the epochs since then. What other callbacks know, such as the
    best value of an EarlyStopping, starts anew; a generator as data goes on with whatever it gives
    next, and a PyDataset that shuffles itself with its own order. Callbacks that change weights or
    the learning rate at the end of an epoch belong before this one in the list; SwapEMAWeights
    after it.

    Args:
        backup_dir: the folder, of this training only. It is made if it does not exist.
        save_freq: 'epoch', or a number of batches.
        double_checkpoint: whether to keep the last state but one too, and to fall back on it if the
            last one is damaged.
        delete_checkpoint: whether to delete the state when the training has ended.

    Raises:
        ValueError: `backup_dir` is empty, or `save_freq` is neither.
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not backup_dir:
            raise ValueError("BackupAndRestore: backup_dir is empty; give the path of a folder.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = _checked(save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        folder = Path(self.backup_dir)
        self._latest = folder / "latest.weights.h5"
        self._previous = folder / "latest.weights.h5.bkp"
        self._metadata = folder / "training_metadata.json"  # Keras's; here the first file has it
        self._epoch = 0
        self._batches = 0
        if save_freq != "epoch":
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0
        for path in (self._latest, self._metadata):
            remove_leftovers(path)
        there = [path for path in (self._latest, self._previous) if path.exists()]
        if not there:
            return
        if not self.model.built:
            self.model(self._first_batch()[0], training=False)  # makes the weights
        place = self._read(there)
        progress = self.model._progress
        progress.epoch, progress.done = place["epoch"], place["batch"]
        generator = random.global_generator()
        now = generator.bit_generator.state
        progress.batches.go_to(place["data"], progress.done)  # draws the order of the rows again
        generator.bit_generator.state = now

    def _read(self, paths: list[Path]) -> dict[str, Any]:
        """Restore from the first of these files that can be read; returns the place."""
        for path in paths[:-1]:
            try:
                return self._restored(path)
            except (OSError, Damaged) as error:
                warnings.warn(
                    f"BackupAndRestore falls back on the state before the last one: {error}",
                    stacklevel=2,
                )
        try:
            return self._restored(paths[-1])
        except (OSError, Damaged) as error:
            raise Damaged(
                f"BackupAndRestore cannot go on: {error} To train from the start, delete the "
                f"folder {self.backup_dir!r}."
            ) from error

    def _restored(self, path: Path) -> dict[str, Any]:
        place = read_backup(path, self.model, self._first_batch)
        return self._place_of_keras() if place is None else place

    def _first_batch(self) -> tuple:
        return self.model._as_tensors(*self.model._progress.batches.first())

    def _place_of_keras(self) -> dict[str, Any]:
        """The place in a backup that Keras made: it knows the epoch only."""
        told = read_json(self._metadata) if self._metadata.exists() else {"epoch": 0}
        epoch = told.get("epoch") if isinstance(told, dict) else None
        if not isinstance(epoch, int):
            raise Damaged(f"BackupAndRestore: {self._metadata} says no epoch.")
        return {"epoch": epoch, "batch": 0, "data": {}}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _after_batch(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, batch + 1)

    def _save(self, epoch: int, batch: int) -> None:
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        data = self.model._progress.batches.place(batch or None)
        with replacing(self._latest) as file:
            write_backup(file, self.model, {"epoch": epoch, "batch": batch, "data": data})
            keeps = self.double_checkpoint and processes.is_first()
            if keeps and self._latest.exists():
                os.replace(self._latest, self._previous)
        with replacing(self._metadata) as file:
            file.write(json.dumps({"epoch": epoch, "batch": max(batch - 1, 0)}).encode())

    def on_train_end(self, logs: Any = None) -> None:
        if not self.delete_checkpoint or not processes.is_first():
            return
        # The last state goes last: a kill in between must not leave an older one alone.
        for path in (self._metadata, self._previous, self._latest):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # what else is in the folder stays
            self._latest.parent.rmdir()


def _checked(save_freq: Any) -> Any:
    """The argument if it is 'epoch' or a number of batches."""
    whole = isinstance(save_freq, (int, np.integer)) and not isinstance(save_freq, bool)
    if save_freq != "epoch" and not (whole and save_freq > 0):
        raise ValueError(f"save_freq={save_freq!r}; expected 'epoch' or a number of batches")
    return save_freq
