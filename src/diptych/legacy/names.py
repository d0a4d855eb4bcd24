"""Old names of functions, and the old keys of logs and histories."""

from .notes import note
from .tables import NAMES


def modern_name(kind, name):
    """Today's name of `name`, with a note where it is an old one; other names come back as given.

    kind: a key of `tables.NAMES`: 'loss', 'metric', 'log' or 'module'.
    """
    modern = NAMES[kind].get(name) if isinstance(name, str) else None
    if modern is None:
        return name
    note(name, modern, kind)
    return modern


class Logs(dict):
    """A dict of logs that also answers to the old keys: `history['acc']` is `history['accuracy']`.

    A key that is there as it is written, such as the 'acc' of `metrics=['acc']`, needs no note.
    """

    def __missing__(self, key):
        modern = NAMES["log"].get(key)
        if modern not in self:
            raise KeyError(key)
        note(key, modern, "history")
        return self[modern]
