"""Holds NumPy's matrix products to one thread, where NumPy came as a wheel, with OpenBLAS in it.

NumPy hands products to OpenBLAS, whose threads wait awake for each other. Beside one busy program a
training of small products took up to seventy times as long with two threads as with one; alone it
gains a few per cent. So the reference engine computes on one.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

# As NumPy's wheels call it, and OpenBLAS itself; with 64-bit integers and without.
PREFIXES = ("scipy_openblas", "openblas")
SUFFIXES = ("64_", "")

_lock = Lock()
_holders = 0  # the number is the whole process's: who comes first sets it, who goes last resets it
_before = 0


@lru_cache(maxsize=1)
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """OpenBLAS's functions that tell and set its number of threads; None where it did not come with
    NumPy.
    """
    package = Path(np.__file__).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs")
    for path in (path for folder in folders for path in folder.glob("*openblas*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix in PREFIXES:
            for suffix in SUFFIXES:
                get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                set_ = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                if get is not None and set_ is not None:
                    return get, set_
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside it, OpenBLAS computes on one thread: in all threads of this process."""
    global _holders, _before
    functions = _openblas()
    if functions is None:
        yield
        return
    get, set_ = functions
    with _lock:
        if _holders == 0:
            _before = get()
            set_(1)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            if _holders > 0:  # none in a child that was forked meanwhile
                _holders -= 1
                if _holders == 0:
                    set_(_before)


def _in_forked_child() -> None:
    """The threads that held the number, or the lock, are not there."""
    global _lock, _holders
    functions = _openblas() if _holders else None
    if functions is not None:
        functions[1](_before)
    _lock, _holders = Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
