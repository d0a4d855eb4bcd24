"""Names: snake case, and the suggestion at the end of an error about an unknown one."""

import re
from collections import Counter

__all__ = ["auto_name", "forget_names", "snake_case", "suggest"]

_WORD_START = re.compile(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")


def snake_case(name):
    """How Keras names the objects of a class: 'MaxPooling2D' -> 'max_pooling2d'."""
    name = re.sub(r"\W+", "", name)
    return _WORD_START.sub("_", name).lower()


def suggest(name, candidates):
    """'; did you mean 'x'?' for the candidate nearest to `name`, '' when none is near."""
    import difflib

    written = {
        snake_case(str(candidate)): str(candidate) for candidate in reversed(list(candidates))
    }
    near = difflib.get_close_matches(snake_case(str(name)), written, n=1, cutoff=0.6)
    return f"; did you mean {written[near[0]]!r}?" if near else ""


# How often each automatic name was given.
_given: Counter[str] = Counter()


def auto_name(class_name):
    """A name of its own for the next object of a class: 'dense', then 'dense_1', 'dense_2', ..."""
    name = snake_case(class_name)
    count = _given[name]
    _given[name] += 1
    return f"{name}_{count}" if count else name


def forget_names():
    """Start automatic names again from the first, as `clear_session` does."""
    _given.clear()
