"""The progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from .. import config, processes
from .notebook import Area, is_notebook

__all__ = ["Progbar"]

BOLD, GREEN, GREY, PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """A line that shows the progress of a loop, its time, and values.

        125/125 ━━━━━━━━━━━━━━━━━━━━ 0s 1ms/step - accuracy: 0.7180 - loss: 0.6743

    On a terminal and in a notebook, the line is redrawn in place; elsewhere it is printed once,
    when complete, so that files and logs have one line for each loop. In a notebook, the lines of
    all epochs are one output, in which the middle ones of many are left out.

    Args:
        target: the number of steps; None where it is not known.
        width: characters of the bar.
        verbose: 1 a bar, 2 a line without a bar at the end, 0 nothing.
        interval: seconds between two redraws.
        stateful_metrics: names of values to show unchanged; all others are averaged over the steps.
        stateless_metrics: or names of values to average; all others are shown unchanged.
        unit_name: what is counted.

    Raises:
        ValueError: both ``stateful_metrics`` and ``stateless_metrics`` are given.
    """

    prefix = ""  # the start of a line that is printed once

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        stateless_metrics: Any = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Progbar() takes stateful_metrics, the values to show unchanged, or "
                "stateless_metrics, the values to average, but not both."
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self.unit_name = unit_name
        self.live = verbose == 1 and redraws(sys.stdout)
        self._owns_area = self.live and is_notebook(sys.stdout)
        self.area = Area() if self._owns_area else None
        self.colour = self.live and self.area is None and "NO_COLOR" not in os.environ
        self._seen = 0
        self._values: dict[str, tuple[Any, int]] = {}  # name: (sum, count)
        self._start = time.perf_counter()
        self._next = self._start + interval  # when the line may be drawn again
        self._drawn = 0  # width of the text on the line

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done.

        Args:
            current: the number of steps done so far.
            values: pairs (name, value of the last step), or a dict.
            finalize: whether this ends the line; by default when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if values:
            self._take(current, dict(values), finalize)
        self._seen = current
        now = time.perf_counter()
        if not self.verbose or not (finalize or (self.live and now >= self._next)):
            return
        self._next = now + self.interval
        self._print(self._line(current, now - self._start, finalize), finalize)

    def add(self, n: int, values: Any = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen + n, values)

    def due(self) -> bool:
        """Whether an update would be drawn now; cheap, so that values need not be computed."""
        return self.live and time.perf_counter() >= self._next

    def _take(self, current: int, values: dict[str, Any], finalize: bool) -> None:
        steps = max(current - self._seen, 1)
        for name, value in values.items():
            if finalize or not self._averages(name):
                self._values[name] = (value, 1)
            else:
                total, count = self._values.get(name, (0.0, 0))
                self._values[name] = (total + value * steps, count + steps)

    def _averages(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def _line(self, current: int, seconds: float, finalize: bool) -> list[tuple[str, str]]:
        """The line as (style, text) pieces."""
        each = seconds / current if current else 0.0
        values = "".join(
            f" - {name}: {_number(total, count)}" for name, (total, count) in self._values.items()
        )
        target = current if finalize and self.target is None else self.target
        if target is None:
            head = f"{current:7d}/Unknown"
        else:
            head = f"{current:{len(str(target))}d}/{target}"
        per_unit = f"{_duration(each)}/{self.unit_name}"
        if self.verbose == 2:
            return [("", f"{head} - {seconds:.0f}s - {per_unit}{values}")]
        clock = f"{seconds:.0f}s"
        if target is not None and not finalize:
            clock = _clock(each * (target - current))
        full = self.width if not target else min(self.width, self.width * current // target)
        done, left = _bar_characters(sys.stdout, self.colour)
        bar = [(GREEN, done * full), (GREY, left * (self.width - full)), ("", " ")]
        return [
            (BOLD, head),
            ("", " "),
            *(bar if target is not None else []),
            (BOLD, clock),
            ("", f" {per_unit}{values}"),
        ]

    def _print(self, pieces: list[tuple[str, str]], finalize: bool) -> None:
        text = "".join(part for _, part in pieces)
        if not self.live:
            write(f"{self.prefix}{text}\n")
            return
        if self.area is not None:
            self.area.show(f"{self.prefix}{text}", finalize)
            if finalize and self._owns_area:
                self.area.flush()
            return
        line = text
        if self.colour:
            line = "".join(
                f"{style}{part}{PLAIN}" if style and part else part for style, part in pieces
            )
        import shutil  # here, since few need it and it takes long to import

        columns = shutil.get_terminal_size().columns
        if not finalize and len(text) >= columns:
            # A line that wraps cannot be redrawn in place, so it is truncated until the last time.
            line = text = text[: columns - 1]
        blank = " " * max(self._drawn - len(text), 0)
        write(f"\r{line}{blank}" + ("\n" if finalize else ""))
        self._drawn = len(text)


def write(text: str) -> None:
    """Print to the current standard output, or where interactive logging is disabled, log; a
    program without a console has no output, nor has any process but the first of several.
    """
    if not processes.is_first():
        return
    if not config.is_interactive_logging_enabled():
        import logging

        logging.getLogger("diptych").info(text.rstrip("\n"))
        return
    stream = sys.stdout
    if stream is not None:
        stream.write(text)
        stream.flush()


class Line(Progbar):
    """A progress bar that is one line of several.

    Args:
        target, verbose, interval: as those of Progbar; all values are shown unchanged.
        prefix: the start of a line that is printed once.
        area: the output of a notebook that the lines share.
    """

    def __init__(
        self, target: int | None, verbose: int, interval: float, prefix: str, area: Area | None
    ) -> None:
        super().__init__(target, verbose=verbose, interval=interval, stateless_metrics=())
        self.prefix = prefix
        if area is not None:
            self.area, self._owns_area, self.colour = area, False, False


def redraws(stream: Any) -> bool:
    """Whether a line on `stream` can be redrawn: on a terminal and in a notebook."""
    if not config.is_interactive_logging_enabled():
        return False
    if stream is None or os.environ.get("TERM") == "dumb":
        return False
    terminal = getattr(stream, "isatty", None)
    return bool(terminal and terminal()) or is_notebook(stream)


def _bar_characters(stream: Any, colour: bool) -> tuple[str, str]:
    """The characters for the done part and the rest of a bar."""
    try:
        "━".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "=", "."
    return "━", "━" if colour else " "


def _number(total: Any, count: int) -> str:
    """A mean with four decimals, or four digits where it is small."""
    try:
        mean = float(total) / count
    except TypeError:
        return str(total)  # a metric with several entries
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def _duration(seconds: float) -> str:
    """A time in the unit that fits it: 2s, 15ms, 230us."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock(seconds: float) -> str:
    """The remaining time: 12s, 3:05, 1:02:05."""
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"
