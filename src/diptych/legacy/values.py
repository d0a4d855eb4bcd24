"""Old forms of values of arguments that have kept their names, and NumPy's numbers."""

from operator import is_

import numpy as np

from .notes import note

_SIDES = (("left", "right"), ("top", "bottom"))  # of the last axis, and of the one before


def pairs_of(value, word, place):
    """``{"top_pad": 1, "left_pad": 2}`` as ((1, 0), (2, 0)); anything else is returned unchanged.

    word: what the keys end in, "pad" or "crop".
    """
    if not isinstance(value, dict):
        return value
    rows = any(f"{side}_{word}" in value for side in _SIDES[1])
    axes = (_SIDES[1], _SIDES[0]) if rows or place.endswith("2D") else (_SIDES[0],)
    known = {f"{side}_{word}" for pair in axes for side in pair}
    if not value.keys() <= known:
        raise ValueError(
            f"{place} got the keys {sorted(value)}; the old form has {', '.join(sorted(known))}"
        )
    pairs = tuple(tuple(int(value.get(f"{side}_{word}", 0)) for side in pair) for pair in axes)
    current = pairs[0] if len(pairs) == 1 else pairs
    note(f"{{'left_{word}': ...}}", f"is now written {current!r}", place)
    return current


def plain_numbers(value):
    """NumPy's numbers as Python's, also within lists, tuples and dicts; all else unchanged."""
    if isinstance(value, (np.number, np.bool_)):
        return value.item()
    if type(value) is dict:
        parts = plain_numbers(list(value.values()))
        same = all(map(is_, parts, value.values()))
        return value if same else dict(zip(value, parts, strict=True))
    if type(value) in (list, tuple):
        parts = [plain_numbers(part) for part in value]
        return value if all(map(is_, parts, value)) else type(value)(parts)
    return value
