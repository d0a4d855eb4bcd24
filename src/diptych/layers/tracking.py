"""Lists and dicts that report changes to their layer: `self.blocks.append(Dense(8))`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def _telling(method: Callable) -> Callable:
    """A method of a list or dict that notifies the owner afterwards."""

    @wraps(method)
    def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        # A deep copy fills its lists before their owner is complete.
        if self.owner is not None and "_sublayers" in vars(self.owner):
            self.owner._track_all(self)
        return result

    return changed


class TrackedList(list):
    """A list that is an attribute of a layer."""

    owner: Any = None  # in the class, since unpickling fills a list before it has attributes

    append = _telling(list.append)
    extend = _telling(list.extend)
    insert = _telling(list.insert)
    __setitem__ = _telling(list.__setitem__)
    __iadd__ = _telling(list.__iadd__)


class TrackedDict(dict):
    """A dict that is an attribute of a layer."""

    owner: Any = None

    update = _telling(dict.update)
    setdefault = _telling(dict.setdefault)
    __setitem__ = _telling(dict.__setitem__)
    __ior__ = _telling(dict.__ior__)


def tracked(value: Any, owner: Any) -> Any:
    """The value with all its lists and dicts, including nested ones, replaced by tracked ones."""
    if type(value) in (list, TrackedList):
        new: Any = TrackedList(tracked(part, owner) for part in value)
    elif type(value) in (dict, TrackedDict):
        new = TrackedDict((key, tracked(part, owner)) for key, part in value.items())
    else:
        return value
    new.owner = owner
    return new
