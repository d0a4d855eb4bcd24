"""JSON that may come from anywhere: not too large, not too deep, no key twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .region import Damaged

MOST_JSON = 12 << 20  # bytes
# The lists, dicts and values of a text need far more memory than the text, and time: an empty list
# of three bytes has 64. What each byte begins costs about so much beside the others.
_COSTS = {b",": 1, b"[": 2, b"{": 4, b":": 4}
_MOST_COSTS = 2_000_000
_MOST_TEXT = 1 << 20  # letters of one text: an error may say all of it, more than once


def read_json(path: Path) -> Any:
    """The values in a file; see ``parse_json``."""
    with path.open("rb") as file:
        text = file.read(MOST_JSON + 1)
    return parse_json(text, str(path))


def parse_json(text: bytes | str, name: str) -> Any:
    """The values of a text.

    Raises:
        Damaged: it is no JSON, or larger than any honest one.
    """
    raw = bounded(text, name)
    try:
        return json.loads(raw, object_pairs_hook=_checked)
    except RecursionError:
        raise Damaged(f"{name} is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise Damaged(f"{name} cannot be read as JSON ({error}).") from None


def bounded(text: bytes | str, name: str) -> bytes:
    """The bytes of a text, if ``parse_json`` reads one of this size; else raises Damaged."""
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise Damaged(f"{name} cannot be read as JSON ({error}).") from None
    if len(raw) > MOST_JSON:
        raise Damaged(f"{name} is larger than {MOST_JSON >> 20} MB.")
    if sum(raw.count(begin) * cost for begin, cost in _COSTS.items()) > _MOST_COSTS:
        raise Damaged(f"{name} has more lists, dicts and values than can be read safely.")
    return raw


def _checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for key, value in pairs:
        for text in (key, *(value if isinstance(value, list) else [value])):
            if isinstance(text, str) and len(text) > _MOST_TEXT:
                raise ValueError(f"it has a text of {len(text)} letters at {key!r:.60}")
    if len(found) != len(pairs):
        for name, _ in pairs:
            if name not in found:
                raise ValueError(f"it has the key {name!r:.100} twice")
            del found[name]
    return found
