"""Warnings about old spellings."""

import contextlib
import contextvars
import pathlib
import sys
import warnings

from ..language import said

PACKAGE = str(pathlib.Path(__file__).parent.parent)
_IMPORTS = "<frozen importlib"

_quiet = contextvars.ContextVar("diptych_legacy_quiet", default=False)
_noted: set[tuple[str, str]] = set()


class LegacySpelling(UserWarning):
    """The warning about an old spelling; it names the current one.

    Silence all such warnings with `warnings.filterwarnings("ignore", category=LegacySpelling)`.
    """


def note(old, new, where=""):
    """Warn once per process that `old` is now `new`; `where` names the class or function.

    old: the old spelling, without backquotes.
    new: the current form; a plain name is put in backquotes, a sentence is printed unchanged.
    """
    spelling = (old, new.partition("=")[0])  # notes that differ only in a value are the same
    if _quiet.get() or spelling in _noted:
        return
    current = said(new if " " in new else f"is now `{new}`")
    place = f"{where}: " if where else ""
    warnings.warn(f"{place}`{old}` {current}", LegacySpelling, stacklevel=users_level())
    _noted.add(spelling)  # after the warning: if warnings are errors, each call raises


@contextlib.contextmanager
def quiet():
    """Turn off notes inside the `with` block: `with diptych.legacy.quiet(): ...`."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def forget_notes():
    """Print every note again from now on (for tests and notebooks)."""
    _noted.clear()


def users_level():
    """The stack level of the first frame outside diptych: warnings show the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((PACKAGE, _IMPORTS)):
        # `warnings` does not count the frames of the import machinery.
        level += not frame.f_code.co_filename.startswith(_IMPORTS)
        frame = frame.f_back
    return level
