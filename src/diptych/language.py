"""The language of what is said to people who learn: English, or Chinese.

``DIPTYCH_LANG=zh`` chooses Chinese, ``DIPTYCH_LANG=en`` English; without it the locale does, and
whatever else the locale says, it is English.
"""

from __future__ import annotations

import locale
import os

LANGUAGES = ("en", "zh")


def language() -> str:
    """Return "en" or "zh", looked up anew each time; ValueError for a ``DIPTYCH_LANG`` that is
    neither.
    """
    chosen = os.environ.get("DIPTYCH_LANG", "")
    if chosen:
        found = chosen.lower().replace("-", "_").split("_")[0]
        if found not in LANGUAGES:
            raise ValueError(f"DIPTYCH_LANG={chosen!r}; expected one of {', '.join(LANGUAGES)}")
        return found
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next(filter(None, names), None) or locale.getlocale()[0] or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def said(text: str) -> str:
    """A phrase of the library, made in English, in the language of the reader."""
    if language() == "en":
        return text
    from .phrases import in_chinese

    return in_chinese(text)


__all__ = ["LANGUAGES", "language", "said"]
