"""Old names of functions, and the old keys of logs and histories."""

from .notes import note
from .tables import NAMES


def current_name(kind, name):
    """Return the current name for an old one, with a note; other names are returned unchanged.

    kind: a key of `tables.NAMES`: 'loss', 'metric', 'log' or 'module'.
    """
    current = NAMES[kind].get(name) if isinstance(name, str) else None
    if current is None:
        return name
    note(name, current, kind)
    return current


class Reduction:
    """``losses.Reduction`` of Keras 2: how a loss sums up a batch, as the texts of today."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    SUM = "sum"
    NONE = "none"


def reduction_of_today(reduction):
    """The text of Keras 3 for ``reduction="auto"``, with a note; all else unchanged."""
    if reduction != "auto":
        return reduction
    note("reduction='auto'", "reduction='sum_over_batch_size'")
    return Reduction.AUTO


class Logs(dict):
    """A dict of logs that can also be read by the old keys: `logs['acc']`, `logs.get('acc')` and
    `'acc' in logs` mean 'accuracy', and so do 'val_acc' and 'an_output_acc'.

    A key that exists under its old name, such as the 'acc' of `metrics=['acc']`, causes no note.
    Iterating and printing show the keys as they are.
    """

    def __missing__(self, key):
        current = self._current(key)
        if current is key:
            raise KeyError(key)
        return self[current]

    def __contains__(self, key):
        return super().__contains__(self._current(key))

    def get(self, key, default=None):
        return super().get(self._current(key), default)

    def pop(self, key, *default):
        return super().pop(self._current(key), *default)

    def copy(self):
        return Logs(self)

    def _current(self, key):
        """The key under which the value is found, with a note; an unknown one is unchanged."""
        if super().__contains__(key) or not isinstance(key, str):
            return key
        before, line, last = key.rpartition("_")
        current = f"{before}{line}{NAMES['log'].get(last, last)}"
        if not super().__contains__(current):
            return key
        note(key, current, "history")
        return current
