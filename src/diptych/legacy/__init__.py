"""Old spellings: the keywords, positional forms and names of Keras 0, 1 and 2.

Everything about them lives here. `AcceptsOldNames` is the metaclass and `accepts_old` the decorator
through which the rest of the library understands them; `tables` says what each one means today;
`note` tells the reader once. `with quiet():` switches the notes off.
"""

from .arguments import AcceptsOldNames, accepts_old, modernize
from .names import Logs, modern_name
from .notes import LegacySpelling, forget_notes, note, quiet
from .values import pairs_of

__all__ = [
    "LegacySpelling",
    "Logs",
    "AcceptsOldNames",
    "accepts_old",
    "forget_notes",
    "modern_name",
    "modernize",
    "note",
    "pairs_of",
    "quiet",
]
