"""Writing a file so that at every moment the old one or the new one is there, whole."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .. import processes


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """A new file beside ``path``, open for reading and writing, that takes its place at the end.

    If the block raises, or the process dies, the old file stays. Of several processes that share
    their work, only the first one's file does; the others' are thrown away.

    Raises:
        OSError: the folder is missing or may not be written to, or the disk is full; the message
            says what to do.
    """
    path = Path(path)
    if not processes.is_first():
        with tempfile.TemporaryFile() as file:
            yield file
        return
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file in it.")
    target = path.resolve()  # a link stays one
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise _explained(error, path) from None
    try:
        with os.fdopen(number, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            os.chmod(name, _mode_of(target))
        os.replace(name, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise _explained(error, path) from error
        raise
    _flush_folder(target.parent)


def remove_leftovers(path: Path) -> None:
    """Remove what ``replacing`` left of this file when its process was killed.

    No other process may be writing the same file.
    """
    for name in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            name.unlink()


def _mode_of(path: Path) -> int:
    """The permissions of the file to be replaced, or those of any new file."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    """Make the new name last: a file may be on the disk before its name is."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _explained(error: OSError, path: Path) -> OSError:
    folder = path.parent
    if not folder.exists():
        mend = f"the folder {str(folder)!r} does not exist: make it, or give another path"
    elif not folder.is_dir():
        mend = f"{str(folder)!r} is no folder"
    elif not os.access(folder, os.W_OK):
        mend = f"the folder {str(folder)!r} may not be written to: choose another one"
    else:
        mend = f"{error.strerror or error}; what was there before is unchanged"
    return type(error)(error.errno, f"{str(path)!r} cannot be written: {mend}")
