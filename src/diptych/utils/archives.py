"""Archives (tar, zip) unpacked so that nothing is written outside of the folder that is asked for.

Only folders and plain files are unpacked. An archive with a name that leads elsewhere (an absolute
one, or one with ".."), with a link, a device, or far more content than its size can hold is refused
as a whole.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

__all__ = ["unpack"]

MOST_TIMES = 100  # the size of the archive, unpacked; text compresses to about a fifth
SMALL = 100 << 20  # bytes that any archive may unpack to
PIECE = 1 << 20  # bytes that are copied at once
MOST_LEVELS = 100  # of folders
LONGEST_NAME = 1000  # characters, with the folders
ENTRY = 512  # bytes that count for each entry, however empty

_PACKED: dict[bytes, Callable[[str], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


def unpack(path: str, folder: str, formats: Iterable[str]) -> bool:
    """Unpack an archive to a folder, which appears only once it is complete; what was there before
    is replaced.

    formats: those to try, "tar" (also packed by gzip, bzip2 or xz) and "zip".
    Returns False if the file is none of them.

    Raises:
        ValueError: the archive is damaged or refused; nothing was left behind.
    """
    kind = next((name for name in formats if _KINDS[name][0](path)), None)
    if kind is None:
        return False
    beside = os.path.dirname(folder) or "."
    made = tempfile.mkdtemp(prefix=".unpacked.", dir=beside)
    try:
        room = _Room(path, beside)
        for name, content in _KINDS[kind][1](path, room):
            _write(made, _steps(name, path), content, room)
        _put_in_place(made, folder)
    except (*_DAMAGE, OSError) as error:
        # bzip2's errors have no number; EINVAL comes from a place before the start of the file.
        if isinstance(error, _DAMAGE) or error.errno in (None, errno.EINVAL):
            text = f"{path} is a damaged archive ({error}); nothing was unpacked"
            raise ValueError(text) from error
        raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return True


# What damaged archives raise; a full disk is another matter.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    RuntimeError,  # encrypted, or packed by a method that zipfile doesn't know
    FileExistsError,  # one name for a file and a folder
    IsADirectoryError,
    NotADirectoryError,
)


class _Room:
    """Counts what is unpacked; ValueError once that is too much."""

    def __init__(self, path: str, folder: str) -> None:
        self.path = path
        size = os.path.getsize(path)
        self.most = min(max(SMALL, MOST_TIMES * size), shutil.disk_usage(folder).free)
        self._left = self.most

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError(
                f"{self.path} has more than {self.most >> 20} MB of content, which is more than an "
                "archive of its size should have, or than the disk has left; nothing was unpacked"
            )


class _Unpacked:
    """The content of a packed tar archive: what is read is counted, and large reads are refused, by
    which a header could fill the memory.
    """

    def __init__(self, file: IO[bytes], room: _Room) -> None:
        self._file, self._room = file, room
        self.seek, self.tell = file.seek, file.tell
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= 2 * PIECE:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        self.last = self._file.read(size)
        self._room.take(len(self.last))
        return self.last


def _steps(name: str, path: str) -> list[str]:
    """The folders and the file that a name in an archive leads through; ValueError if these may be
    elsewhere.
    """
    steps = name.replace("\\", "/").split("/")
    if steps[0] == "" or ":" in steps[0] or ".." in steps or "\0" in name:
        raise ValueError(
            f"{path} would write to {name!r:.200}, outside of the folder; nothing was unpacked"
        )
    steps = [step for step in steps if step not in ("", ".")]
    if len(steps) > MOST_LEVELS or len(name) > LONGEST_NAME:
        raise ValueError(
            f"{path} holds a name of {len(name)} characters and {len(steps)} levels; nothing was "
            "unpacked"
        )
    return steps


def _write(folder: str, steps: list[str], content: Any, room: _Room) -> None:
    """Make a folder (without content) or a file below ``folder``, where there are no links."""
    room.take(ENTRY)
    where = os.path.join(folder, *steps)
    if content is None:
        os.makedirs(where, exist_ok=True)
        return
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, "wb") as file:
        while piece := content.read(PIECE):
            file.write(piece)


def _put_in_place(made: str, folder: str) -> None:
    os.chmod(made, 0o777 & ~_mask())
    if os.path.lexists(folder):
        old = os.path.join(tempfile.mkdtemp(prefix=".old.", dir=os.path.dirname(folder)), "old")
        os.rename(folder, old)  # a link is moved itself, not what it leads to
        os.rename(made, folder)
        shutil.rmtree(os.path.dirname(old), ignore_errors=True)
    else:
        os.rename(made, folder)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --------------------------------------------------------------------------------------------------
# tar and zip: pairs (name, file to read from, or None for a folder)


@contextmanager
def _opened_tar(path: str, room: _Room) -> Iterator[tuple[tarfile.TarFile, _Unpacked]]:
    with open(path, "rb") as file:
        start = file.read(6)
    opened = next((f for magic, f in _PACKED.items() if start.startswith(magic)), None)
    with opened(path) if opened else open(path, "rb") as file:
        content = _Unpacked(file, room)
        with tarfile.open(fileobj=content, mode="r:") as archive:  # type: ignore[call-overload]
            yield archive, content


def _is_tar(path: str) -> bool:
    try:
        with _opened_tar(path, _Room(path, os.path.dirname(path) or ".")):
            return True
    except (*_DAMAGE, OSError):
        return False


def _in_tar(path: str, room: _Room) -> Iterator[tuple[str, Any]]:
    with _opened_tar(path, room) as (archive, content):
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # else each stays in memory
            if member.isdir():
                yield member.name, None
            elif member.isfile() and not member.issparse() and member.size >= 0:
                yield member.name, archive.extractfile(member)
            else:
                raise ValueError(_refusal(path, member.issym() or member.islnk(), member.name))
        if content.last.strip(
            b"\0"
        ):  # an archive ends with zeros; tarfile takes anything for an end
            raise tarfile.ReadError("what follows the last file is no header")


def _in_zip(path: str, room: _Room) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(_refusal(path, kind == stat.S_IFLNK, member.filename))
            if member.is_dir():
                yield member.filename, None
                continue
            with archive.open(member) as content:
                yield member.filename, _Counted(content, room)


class _Counted:
    def __init__(self, file: IO[bytes], room: _Room) -> None:
        self._file, self._room = file, room

    def read(self, size: int) -> bytes:
        content = self._file.read(size)
        self._room.take(len(content))
        return content


def _refusal(path: str, is_link: bool, name: str) -> str:
    return (
        f"{path} holds the {'link' if is_link else 'special file'} {name!r:.200}; only folders and "
        "plain files are unpacked, so nothing was. If you trust the archive, unpack it yourself."
    )


_KINDS: dict[str, tuple[Callable[[str], bool], Callable[[str, _Room], Iterator]]] = {
    "tar": (_is_tar, _in_tar),
    "zip": (zipfile.is_zipfile, _in_zip),
}
