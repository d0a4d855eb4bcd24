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


class Logs(dict):
    """A dict of logs that also answers to the old keys: `history['acc']` is `history['accuracy']`.

    A key that exists under its old name, such as the 'acc' of `metrics=['acc']`, causes no note.
    """

    def __missing__(self, key):
        current = NAMES["log"].get(key)
        if current not in self:
            raise KeyError(key)
        note(key, current, "history")
        return self[current]
