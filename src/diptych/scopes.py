"""Scopes that scripts open: names, devices, rematerialisation, symbolic calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["RematScope", "SymbolicScope", "current_scope", "device", "name_scope", "remat"]

_names: ContextVar[tuple[str, ...]] = ContextVar("diptych_name_scopes", default=())

_REMAT_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class name_scope:  # noqa: N801 - Keras's name
    """A ``with`` block that puts ``name`` before the paths of variables and layers made in it.

    Raises:
        ValueError: the name is no text, or has a / in it.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A name scope is named by a text without '/', but got {name!r}.")
        self.name = name

    def __enter__(self) -> name_scope:
        self._token = _names.set((*_names.get(), self.name))
        return self

    def __exit__(self, *exc_info: object) -> None:
        _names.reset(self._token)


def current_scope() -> str:
    """The names of the open name scopes, "a/b"; "" where there is none."""
    return "/".join(filter(None, _names.get()))


@contextmanager
def _on_the_cpu() -> Iterator[None]:
    yield


def device(device_name: str) -> Any:
    """Return a context in which to compute on a device: "cpu", the only one, or "cpu:0".

    Raises:
        ValueError: the name is no text.
        RuntimeError: it is that of another device.
    """
    if not isinstance(device_name, str):
        raise ValueError(f"A device is named by a text, such as 'cpu:0', but got {device_name!r}.")
    if device_name.lower() not in ("cpu", "cpu:0"):
        raise RuntimeError(
            f"There is no device {device_name!r}: diptych computes on the CPU, 'cpu:0'."
        )
    return _on_the_cpu()


def remat(f: Callable) -> Callable:
    """Return ``f``: Keras computes it again in the way back to save memory, diptych does not."""
    return f


class RematScope:
    """The layers whose calls Keras computes again to save memory; diptych keeps what they computed.

    Args:
        mode: "full", "activations", "larger_than", "list_of_layers" or None.
        output_size_threshold: for "larger_than".
        layer_names: for "list_of_layers".

    Raises:
        ValueError: there is no such mode.
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in _REMAT_MODES:
            raise ValueError(f"mode={mode!r}; expected one of {_REMAT_MODES}")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing was changed."""


class SymbolicScope:
    """Where Keras traces a function; calls on symbolic tensors need no scope here."""

    def __enter__(self) -> SymbolicScope:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing was changed."""
