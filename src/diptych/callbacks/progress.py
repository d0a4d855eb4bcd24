"""ProgbarLogger: the progress of fit, evaluate and predict on the standard output."""

from __future__ import annotations

import sys
from typing import Any

from ..utils.notebook import Area, is_notebook
from ..utils.progbar import Line, redraws, write
from .callback import Callback

__all__ = ["ProgbarLogger"]

# Seconds between two redraws: often enough to look smooth, and rarely enough to cost nothing.
INTERVAL = 0.2
NOTEBOOK_INTERVAL = 0.5  # each is a message to the browser


class ProgbarLogger(Callback):
    """Prints a progress bar on a terminal, and one line for each epoch elsewhere; in a notebook
    these lines are one output.

    `verbose` comes with the parameters of `fit`: 'auto' or 1 a bar, 2 one line for each epoch, 0
    nothing.
    """

    first_alone = True

    def __init__(self) -> None:
        self.verbose = 1
        self.epochs = 1
        self.target: int | None = None
        self.live = False
        self._bar: Line | None = None
        self._area: Area | None = None
        self._seen = 0
        self._in_fit = False
        self._validating = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"verbose={verbose!r}; expected 'auto', 0, 1 or 2")
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")
        self.live = self.verbose == 1 and redraws(sys.stdout)
        self._area = Area() if self.live and is_notebook(sys.stdout) else None

    def due(self, batch: int) -> bool:
        """Whether to redraw at the end of this batch; cheap, since it is called for each batch."""
        if self._validating:
            return False
        self._seen = batch + 1
        return self.live and self._bar is not None and self._bar.due()

    @property
    def counts(self) -> bool:
        """Whether it needs every batch: to draw, or to count them."""
        return self.live or self.target is None

    def _begin(self, prefix: str = "") -> None:
        self._seen = 0
        # The logs are already means over the epoch, so the bar shows them unchanged.
        interval = INTERVAL if self._area is None else NOTEBOOK_INTERVAL
        self._bar = Line(self.target, self.verbose, interval, prefix, self._area)

    def _draw(self, batch: int, logs: Any) -> None:
        if self._bar is not None:
            self._bar.update(batch + 1, logs, finalize=False)

    def _finish(self, logs: Any) -> None:
        if self._bar is None:
            return
        seen = self._seen if self.live and self._seen else self.target or self._seen
        if self.target is None:
            self.target = seen or None
            self._bar.target = self.target
        self._bar.update(seen, logs, finalize=True)
        self._bar = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True  # the validations of fit are part of its epochs

    def on_train_end(self, logs: Any = None) -> None:
        self._in_fit = False
        self._flush()

    def _flush(self) -> None:
        if self._area is not None:
            self._area.flush()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        title = f"Epoch {epoch + 1}/{self.epochs}" if self.epochs > 1 else ""
        if title and self.live and self._area is None:
            write(f"{title}\n")
        self._begin(f"{title} - " if title else "")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._draw(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._validating = self._in_fit
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._in_fit:
            self._draw(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._validating = False
        if not self._in_fit:
            self._finish(logs)
            self._flush()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._draw(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)
        self._flush()
