"""What the modules here share: functions under their TensorFlow names, and errors for the rest."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ...utils.naming import suggest


def nameless(function: Callable) -> Callable:
    """The function, which also takes TensorFlow's argument `name`, without effect."""

    @functools.wraps(function)
    def wrapper(*args: Any, name: Any = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def missing(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error about a name that the stand-in for TensorFlow lacks."""
    names = sorted(one for one in known if not one.startswith("_"))
    return AttributeError(
        f"{module}.{name} is not in diptych, which stands in for TensorFlow here"
        f"{suggest(name, names) or '.'} {module} has what Keras scripts use: {', '.join(names)}"
    )
