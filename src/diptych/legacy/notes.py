"""The one place that tells a reader that a spelling has a modern form."""

import contextlib
import contextvars
import pathlib
import sys
import warnings

PACKAGE = str(pathlib.Path(__file__).parent.parent)

_quiet = contextvars.ContextVar("diptych_legacy_quiet", default=False)
_noted: set[tuple[str, str]] = set()


class LegacySpelling(UserWarning):
    """An old spelling was understood; the message names the modern one.

    Silence all of them with `warnings.filterwarnings("ignore", category=LegacySpelling)`.
    """


def note(old, new, where=""):
    """Say once per process that `old` is now `new`; `where` names the class or function.

    old: the spelling that was met, without back quotes.
    new: the modern form; a plain name is put into back quotes, a sentence is printed as it is.
    """
    spelling = (old, new.partition("=")[0])  # the same note with another value is the same note
    if _quiet.get() or spelling in _noted:
        return
    modern = new if " " in new else f"is now `{new}`"
    place = f"{where}: " if where else ""
    warnings.warn(f"{place}`{old}` {modern}", LegacySpelling, stacklevel=users_level())
    _noted.add(spelling)  # after the warning: where warnings are errors, each one stays an error


@contextlib.contextmanager
def quiet():
    """No notes inside the `with` block: `with diptych.legacy.quiet(): ...`."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def forget_notes():
    """Print every note once more from now on (for tests and notebooks)."""
    _noted.clear()


def users_level():
    """The stack level of the first frame outside diptych: the note shows the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
