"""Lines of progress in a notebook: one output, which is redrawn in place."""

from __future__ import annotations

import time
from typing import Any

INTERVAL = 0.2  # seconds between two messages to the notebook
# Of many lines, the first and the last are shown.
FIRST, LAST = 3, 12


def is_notebook(stream: Any) -> bool:
    """Whether what is printed to `stream` appears in a notebook."""
    return type(stream).__module__.startswith("ipykernel")


class Area:
    """An output of a notebook's cell. However many lines it gets and however often they change, the
    notebook holds one short text.
    """

    def __init__(self) -> None:
        self.count = 0  # of lines that are finished
        self._first: list[str] = []
        self._last: list[str] = []
        self._handle: Any = None
        self._next = 0.0  # when it may be redrawn
        self._waiting: list[str] | None = None  # the last lines, if they are not drawn yet

    def show(self, line: str, finished: bool) -> None:
        """Show the lines so far and this one, at the latest with ``flush``. If it is not finished,
        the next takes its place.
        """
        self._waiting = [*self._last, line][-LAST:]
        shown = self.count + 1
        if finished:
            self.count += 1
            if len(self._first) < FIRST:
                self._first.append(line)
                self._waiting = self._last
            else:
                self._last = self._waiting
        left_out = shown - len(self._first) - len(self._waiting)
        if left_out > 0:
            self._waiting = [f"… {left_out} lines …", *self._waiting]
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Show what is not shown yet."""
        if self._waiting is None:
            return
        content = {"text/plain": "\n".join(self._first + self._waiting)}
        self._waiting = None
        self._next = time.monotonic() + INTERVAL
        if self._handle is None:
            from IPython.display import display  # it is there where a notebook is

            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
