"""A part of an open file, as a file of its own; read and summed up by two threads at once."""

from __future__ import annotations

import io
import os
import zlib
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any


class NoFile(FileNotFoundError, ValueError):
    """There is no such file; a ValueError too, as in Keras."""


class Damaged(ValueError):
    """A file that cannot be read, or holds what no model file should."""


class Unmakeable(Damaged, TypeError):
    """The objects that a file describes cannot be made; a TypeError too, as in Keras."""


_PIECE = 8 << 20  # bytes that are read at once


def _number_of(file: IO[bytes]) -> int | None:
    """The number by which the system reads a file at any place, without a place of its own."""
    try:
        return file.fileno() if hasattr(os, "preadv") else None
    except OSError:  # in memory
        return None


class Region(io.RawIOBase):
    """A part of an open file, as a file. ``failure`` is the first error of writing, or None."""

    def __init__(self, file: IO[bytes], begin: int = 0, size: int | None = None) -> None:
        self._file, self._begin = file, begin
        self.size = file.seek(0, 2) - begin if size is None else size
        self._at = 0
        self._number = _number_of(file)
        self.failure: OSError | MemoryError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        read = self.read_at(self._at, buffer)
        self._at += read
        return read

    def read_at(self, offset: int, buffer: Any) -> int:
        """Fill a buffer with the bytes at an offset; how many there were."""
        view = memoryview(buffer).cast("B")
        done, end = 0, min(len(view), self.size - offset)
        while done < end:
            part, at = view[done : min(end, done + _PIECE)], self._begin + offset + done
            if self._number is None:
                self._file.seek(at)
                read = self._file.readinto(part)  # type: ignore[attr-defined]
            else:
                read = os.preadv(self._number, [part], at)
            if not read:
                break
            done += read
        return done

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        done, at = 0, self._begin + self._at
        try:
            while done < len(view):
                if self._number is None:
                    self._file.seek(at + done)
                    done += self._file.write(view[done:])
                else:
                    done += os.pwritev(self._number, [view[done:]], at + done)
        except (OSError, MemoryError) as error:
            self.failure = self.failure or error
            raise
        self._at += done
        self.size = max(self.size, self._at)
        return done

    def truncate(self, size: int | None = None) -> int:
        self.size = self._at if size is None else size
        self._file.truncate(self._begin + self.size)
        return self.size

    def flush(self) -> None:
        """Nothing is kept back. HDF5 may ask while an exception is on its way, when Python finds no
        method of a base class.
        """

    @property
    def shared(self) -> bool:
        """Whether two threads may read it at once. There is no lock: a thread that held it might
        wait, in Python's collector, for HDF5's lock, whose holder waits for this one.
        """
        return self._number is not None

    def checksum(self) -> int:
        """The CRC-32 of all bytes."""
        found, at, buffer = 0, 0, bytearray(1 << 20)
        while read := self.read_at(at, buffer):
            found = zlib.crc32(memoryview(buffer)[:read], found)
            at += read
        return found


# What comes behind an HDF5 file that diptych wrote, before the checksum. Others do not look at it,
# and HDF5 takes it away if the file is changed.
_SEAL = b"diptych CRC-32: "


def seal(file: IO[bytes]) -> None:
    """Write the checksum of all that was written to a file at its end."""
    file.flush()
    checksum = Region(file).checksum()
    file.seek(0, 2)
    file.write(_SEAL + b"%08x" % checksum)


def sealed(file: IO[bytes]) -> tuple[Region, int | None]:
    """What comes before the seal, and the checksum in it; None if there is no seal."""
    region, end = Region(file), bytearray(len(_SEAL) + 8)
    start = region.size - len(end)
    if start < 0 or region.read_at(start, end) < len(end) or end[:-8] != _SEAL:
        return region, None
    try:
        return Region(file, 0, start), int(end[-8:], 16)
    except ValueError:
        return Region(file, 0, start), -1  # which no bytes have


@contextmanager
def comparing(region: Region, told: int | None, name: str) -> Iterator[Callable[[], None]]:
    """Within it the checksum of a region is computed; call what it gives when all has been read.

    Raises:
        Damaged: the checksum is not the one that was told.
    """
    if told is None:
        yield lambda: None
        return
    sums: list[int] = []
    claimed, finished = allocate_lock(), allocate_lock()
    finished.acquire()

    def add_up() -> None:
        if not claimed.acquire(blocking=False):
            return
        try:
            sums.append(region.checksum())
        except (MemoryError, OSError):  # whoever compares meets it again
            pass
        finally:
            finished.release()

    def wait() -> None:
        """For a thread that has begun; one that has not finds nothing to do any more."""
        if claimed.acquire(blocking=False):
            finished.release()
        with finished:
            pass

    # No Thread: start() of one that finds no memory to begin with never returns.
    if region.shared:
        with suppress(RuntimeError, MemoryError):
            start_new_thread(add_up, ())

    def compare() -> None:
        wait()
        if not sums:
            sums.append(region.checksum())
        if sums != [told]:
            raise Damaged(f"{name} is damaged: its bytes are not those that were written.")

    try:
        yield compare
    except Damaged:
        compare()  # the simpler explanation
        raise
    finally:
        wait()
