"""Names: snake case, and the suggestion at the end of an error about an unknown one."""

import re

__all__ = ["snake_case", "suggest"]

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
