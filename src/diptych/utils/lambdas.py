"""Lambda functions in files: compiled Python code, which runs only if the user allows it."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CellType, CodeType, FunctionType
from typing import Any

from ..config import is_unsafe_deserialization_enabled

# None: as configured, which is False unless the user has changed it.
_allowed: ContextVar[bool | None] = ContextVar("diptych_lambdas_allowed", default=None)


@contextmanager
def lambdas_allowed(allowed: bool) -> Iterator[None]:
    """Within it, configurations may hold lambda functions (True) or not (False)."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def lambda_to_config(function: Any) -> dict[str, Any]:
    """The code of a function, as Keras writes it."""
    import base64  # here, since few need it

    cells = function.__closure__
    return {
        "code": base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii"),
        "defaults": None if function.__defaults__ is None else list(function.__defaults__),
        "closure": None if cells is None else [cell.cell_contents for cell in cells],
    }


def lambda_from_config(config: Any, global_names: dict[str, Any]) -> Callable:
    """The function of a configuration.

    Raises:
        ValueError: it was not allowed, or another version of Python wrote the code.
    """
    allowed = _allowed.get()
    if not (is_unsafe_deserialization_enabled() if allowed is None else allowed):
        raise ValueError(
            "The file holds a Python lambda, that is, code which would run on this machine, so it "
            "is not loaded. If you know where the file comes from and trust it, pass "
            "safe_mode=False. In models of your own, give Lambda a function that is defined with "
            "`def`, and register it with diptych.saving.register_keras_serializable()."
        )
    value = config.get("value", config) if isinstance(config, dict) else config
    code, defaults, closure = (
        value
        if isinstance(value, list)
        else [value.get(k) for k in ("code", "defaults", "closure")]
    )
    import base64

    try:
        compiled = marshal.loads(base64.b64decode(code))
    except (EOFError, ValueError, TypeError) as error:
        raise ValueError(
            f"The file's lambda cannot be read ({error}): another version of Python wrote it."
        ) from None
    if not isinstance(compiled, CodeType):
        raise ValueError(f"The file's lambda is no code, but {type(compiled).__name__}.")
    cells = None if closure is None else tuple(CellType(value) for value in closure)
    arguments = None if defaults is None else tuple(defaults)
    return FunctionType(compiled, global_names, compiled.co_name, arguments, cells)
