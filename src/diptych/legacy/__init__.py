"""Old spellings: the keywords, positional forms and names of Keras 0, 1 and 2.

The rest of the library understands them through the metaclass `AcceptsOldNames` and the decorator
`accepts_old`. `tables` says what each spelling means today; `note` warns about it once. `with
quiet():` turns these notes off.
"""

from .arguments import AcceptsOldNames, accepts_old, accepts_old_order, translate_arguments
from .methods import OldMethods
from .names import Logs, Reduction, current_name, reduction_of_today
from .notes import LegacySpelling, forget_notes, note, quiet
from .paths import old_attribute
from .values import pairs_of

__all__ = [
    "LegacySpelling",
    "Logs",
    "AcceptsOldNames",
    "OldMethods",
    "Reduction",
    "accepts_old",
    "accepts_old_order",
    "forget_notes",
    "current_name",
    "translate_arguments",
    "note",
    "old_attribute",
    "pairs_of",
    "reduction_of_today",
    "quiet",
]


def __dir__() -> list[str]:
    return sorted(__all__)
