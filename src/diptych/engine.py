"""The two engines and the switch.

An engine is a name and a bundle of twin modules: ``get("fast").dense.dense_forward`` is the
compiled function, ``get("reference").dense.dense_forward`` the readable one. Engines do not inherit
from each other: a function that an engine lacks raises an error that names it; there is no silent
fallback to the other engine.

The current engine is the first one set of: a model's ``engine=``, ``with
diptych.engine("reference"):``, ``diptych.config.set_engine(...)``, the environment variable
``DIPTYCH_ENGINE``, and the default: ``"fast"``, or ``"reference"``, with a warning, where diptych
was installed without the fast engine.
"""

from __future__ import annotations

import os
import sys
import types
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from importlib import import_module
from typing import Any

from .blas import one_thread

__all__ = ["Engine", "EngineError", "current", "get", "installed", "set_default", "use"]

_NOTHING = nullcontext()
PACKAGES = {"fast": "diptych.fastcore", "reference": "diptych.reference"}


class EngineError(RuntimeError):
    """An engine is unknown, was not built, or lacks a function."""


_ONLY_REFERENCE = (
    "diptych was installed without its fast engine, so the reference engine computes; it is slower "
    "and gives the same results. To get the fast engine, install diptych again with a C compiler "
    "and without DIPTYCH_NO_FASTCORE=1. To choose the reference, without this note: "
    'diptych.config.set_engine("reference"), or DIPTYCH_ENGINE=reference in the environment.'
)


class Engine:
    """A name and its twin modules, each imported on first use."""

    def __init__(self, name: str, package: str) -> None:
        self.name = name
        self.package = package
        self._is_loaded = False

    def __getattr__(self, family: str) -> types.ModuleType:
        if family.startswith("__"):
            raise AttributeError(family)
        self.load()
        try:
            twin = import_module(f"{self.package}.{family}")
        except ModuleNotFoundError as error:
            raise EngineError(f"The {self.name} engine has no family {family!r}.") from error
        setattr(self, family, twin)
        return twin

    def load(self) -> Engine:
        """Import the engine's package and return self; raise EngineError if it was not built."""
        if self._is_loaded:
            return self
        try:
            import_module(self.package)  # waits for another thread that is at it
        except ModuleNotFoundError as error:
            raise EngineError(
                f"The {self.name} engine is not installed ({self.package} was not built). "
                'Choose engine="reference", or reinstall diptych with a C compiler available.'
            ) from error
        self._is_loaded = True
        return self

    def is_installed(self) -> bool:
        """Whether this engine was built."""
        try:
            return self.load() is self
        except EngineError:
            return False

    def function(self, family: str, name: str) -> Callable[..., Any]:
        """Return one twin function; raise EngineError if this engine lacks it."""
        try:
            return getattr(getattr(self, family), name)
        except AttributeError:
            raise EngineError(f"The {self.name} engine has no function {family}.{name}.") from None

    def computing(self) -> AbstractContextManager[None]:
        """Around a step or many: the reference engine's products stay on one thread."""
        return one_thread() if self.name == "reference" else _NOTHING

    def extra(self, family: str, name: str) -> Callable[..., Any] | None:
        """Return a function that only speed needs, such as two operations in one; None where this
        engine has none. Of the fast engine's, tests/extras.py says what each must equal.
        """
        return getattr(getattr(self, family), name, None)

    def batch_after_batch(self) -> AbstractContextManager[None]:
        """Context manager for computing batch after batch: the fast engine keeps its buffers for
        the next batch instead of freeing them.
        """
        return self.kernels.memory.large_arrays_kept() if self.name == "fast" else _NOTHING

    def __repr__(self) -> str:
        return f"<engine {self.name}>"


_ENGINES = {name: Engine(name, package) for name, package in PACKAGES.items()}
_nearest: ContextVar[Engine | None] = ContextVar("diptych_engine", default=None)
_process_wide: Engine | None = None


def get(name: str | Engine) -> Engine:
    """Return the engine of that name: "fast" or "reference".

    Raises:
        EngineError: there is no such engine, or it was not built.
    """
    if isinstance(name, Engine):
        return name
    try:
        found = _ENGINES[name]
    except (KeyError, TypeError):
        raise EngineError(
            f"Unknown engine {name!r}. The engines are {' and '.join(map(repr, _ENGINES))}."
        ) from None
    return found.load()


def installed() -> list[str]:
    """Return the names of the engines that were built, the reference first."""
    return [name for name in ("reference", "fast") if _ENGINES[name].is_installed()]


def current() -> Engine:
    """Return the current engine."""
    return _nearest.get() or _process_wide or _default()


def set_default(name: str | Engine) -> None:
    """Choose the default engine."""
    global _process_wide
    _process_wide = get(name)


def _default() -> Engine:
    name = os.environ.get("DIPTYCH_ENGINE")
    if not name:
        *_, name = installed()
        if name == "reference":
            warnings.warn(_ONLY_REFERENCE, stacklevel=2)
    set_default(name)
    return current()


class use:
    """Context manager: use this engine inside, except for models with one of their own."""

    def __init__(self, name: str | Engine) -> None:
        self.engine = get(name)
        self._tokens: list[Token[Engine | None]] = []

    def __enter__(self) -> Engine:
        self._tokens.append(_nearest.set(self.engine))
        return self.engine

    def __exit__(self, *exc_info: object) -> None:
        _nearest.reset(self._tokens.pop())


class _CallableModule(types.ModuleType):
    """Makes the module callable, for ``with diptych.engine("reference"):``."""

    def __call__(self, name: str | Engine) -> use:
        return use(name)


def __dir__() -> list[str]:
    return sorted(__all__)


sys.modules[__name__].__class__ = _CallableModule
