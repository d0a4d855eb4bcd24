"""Which of several processes this one is, and how they share their work.

``diptych.distribution`` sets both. Alone, a process is the first of one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_rank = 0
_sharing: Any = None
_end: Callable[[Callable[[], None]], None] | None = None


def is_first() -> bool:
    """Whether this is the process that prints and saves for all."""
    return _rank == 0


def set_rank(rank: int) -> None:
    """Tell this process its number."""
    global _rank
    _rank = rank


def fail(tell: Callable[[], None]) -> None:
    """Say by this function what is wrong. Where there are other processes, all end then."""
    if _end is None:
        tell()
    else:
        _end(tell)


def set_end(end: Callable[[Callable[[], None]], None]) -> None:
    """How all processes are ended: what ``fail`` calls."""
    global _end
    _end = end


def sharing() -> Any:
    """How models share their work now: the ``SharedWork`` of ``diptych.distribution``; None: not at
    all.
    """
    return _sharing


def share(work: Any) -> None:
    """Let models share their work in this way from now on; None: not at all."""
    global _sharing
    _sharing = work


def any_of(value: bool) -> bool:
    """Whether this is true here, or in any process that shares the work."""
    return value if _sharing is None else _sharing.any(value)


def meet(what: str) -> None:
    """Wait until all processes that share their work are here."""
    if _sharing is not None:
        _sharing.meet(what)
