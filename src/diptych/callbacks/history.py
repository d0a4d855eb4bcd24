"""History: the results of a training, epoch by epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..legacy import Logs
from ..utils.naming import suggest
from .callback import Callback
from .directions import is_better_smaller

if TYPE_CHECKING:
    from ..pictures.chart import Chart, Curve
    from ..pictures.files import Picture

__all__ = ["History"]

# The colour of each curve, and whether it has gaps.
_LOOKS = {"training": ("#08498a", False), "validation": ("#d9822b", True)}


class History(Callback):
    """What `fit` returns: the results of every epoch.

    Attributes:
        history: {name: one value for each epoch}; old keys such as 'acc' are understood too.
        epoch: the numbers of the epochs; the first is 0.
        params: verbose, epochs and steps, as they were given to `fit`.
    """

    def __init__(self) -> None:
        self.history: dict[str, list] = Logs()
        self.epoch: list[int] = []

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, metrics: Any = None, to_file: Any = None, dpi: float = 200) -> Picture:
        """Draw the loss and the metrics over the epochs, those of the validation beside them, and
        mark the best epoch of each.

        Args:
            metrics: the names to draw, a list or one name; by default the loss and all metrics.
            to_file: a file to write as well, whose ending is its format: svg or html, or with
                matplotlib png, pdf, ...
            dpi: dots per inch, for PNG and the like.

        Returns:
            A picture, which a notebook shows; its ``save(path)`` writes it to a file.

        Raises:
            ValueError: there is no result of that name, or none at all.
        """
        # Late: most trainings draw nothing.
        from ..pictures.chart import charts
        from ..pictures.files import Picture

        names = [name for name in self.history if not name.startswith("val_")]
        names.sort(key="loss".__ne__)  # the loss comes first
        if metrics is not None:
            names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            if name not in self.history:
                raise ValueError(
                    f"There is no result {name!r}{suggest(name, list(self.history)) or '.'} The "
                    f"results are {list(self.history)}."
                )
        drawn = [chart for chart in map(self._chart, names) if chart is not None]
        if not drawn:
            raise ValueError("There is nothing to draw: no epoch has ended with a single number.")
        picture = Picture(charts("The results over the epochs", drawn))
        if to_file is not None:
            picture.save(to_file, dpi)
        return picture

    def _chart(self, name: str) -> Chart | None:
        """The curves of a result, in training and in validation; None if it has several entries."""
        from ..pictures.chart import Chart, Curve

        curves = []
        for key, what in ((name, "training"), (f"val_{name}", "validation")):
            if key not in self.history:
                continue
            try:
                values = [float(value) for value in self.history[key]]
            except TypeError:
                return None
            curves.append(Curve(what, self._epochs_of(len(values)), values, *_LOOKS[what]))
        return Chart(name, curves, self._best(name, curves[-1])) if curves else None

    def _epochs_of(self, count: int) -> list[int]:
        """The numbers of the epochs that have so many results: with `validation_freq` not all."""
        numbers = [epoch + 1 for epoch in self.epoch] or list(range(1, count + 1))
        if count >= len(numbers):
            return numbers[:count] if count == len(numbers) else list(range(1, count + 1))
        every = len(numbers) // count
        return numbers[every - 1 :: every][:count]

    def _best(self, name: str, curve: Curve) -> tuple[int, float, str] | None:
        """The epoch of the best result, and how to say it."""
        falls = is_better_smaller(name, self.model)
        finite = [
            (value, epoch)
            for epoch, value in zip(curve.epochs, curve.values, strict=True)
            if math.isfinite(value)
        ]
        if falls is None or len(finite) < 2:
            return None
        best = min(finite)[0] if falls else max(finite)[0]
        epoch = next(epoch for value, epoch in finite if value == best)
        return epoch, best, f"best {curve.what}: {best:.4g}, epoch {epoch}"

    def _repr_html_(self) -> str | None:
        """The curves, in a notebook."""
        try:
            return self.plot()._repr_html_()
        except ValueError:
            return None  # no numbers: the notebook shows the text

    def __repr__(self) -> str:
        """Where the training started and ended: <History of 10 epochs: loss 0.6743 -> 0.4407>."""
        count = len(self.epoch)
        parts = []
        for name, values in self.history.items():
            try:
                ends = [f"{float(values[i]):.4g}" for i in (0, -1)]
            except TypeError:
                continue  # a metric with several entries has no short form
            parts.append(f"{name} {ends[0]}" + (f" -> {ends[1]}" if len(values) > 1 else ""))
        results = f": {', '.join(parts)}" if parts else ""
        return f"<History of {count} epoch{'' if count == 1 else 's'}{results}>"
