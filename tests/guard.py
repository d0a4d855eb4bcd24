"""A guard for tests of hostile files: what is done while it is on, to files, sockets and memory."""

import codecs
import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

MOST_MEMORY = 200 << 20  # bytes above what was there before
MOST_SECONDS = 3.0  # of the processor: one is enough, and a slow machine has more

# What no reading of a file needs. Events are those of sys.addaudithook.
FORBIDDEN = (
    "compile",
    "ctypes.dlopen",
    "exec",
    "ftplib.",
    "glob.",
    "http.",
    "marshal.",
    "os.",
    "pickle.",
    "shutil.",
    "socket.",
    "subprocess.",
    "tempfile.",
    "urllib.",
    "webbrowser.",
)

# Modules that are loaded when they are needed first.
for _name in "ascii cp437 raw-unicode-escape utf-8-sig utf-16 utf-16-le utf-32".split():
    codecs.lookup(_name)
_active = None


def _hook(event, arguments):
    if _active is not None:
        _active.note(event, arguments)


sys.addaudithook(_hook)


class TooLong(BaseException):
    """Raised in whatever takes too long; no ``except Exception`` catches it."""


class Guard:
    """Within ``with Guard(path):`` only ``path`` may be opened, and only for reading."""

    def __init__(self, *paths):
        self.paths = {os.fspath(path) for path in paths}
        self.faults = []

    def note(self, event, arguments):
        if event == "open":
            path, mode = arguments[0], arguments[1]
            allowed = os.fspath(path) in self.paths if not isinstance(path, int) else True
            source = str(path).endswith((".py", ".pyc"))  # a traceback, or a late import
            if not allowed and not source:
                self.faults.append(f"opened {path!r}")
            elif mode and set(mode) & set("wax+"):
                self.faults.append(f"opened {path!r} for writing")
        elif event.startswith(FORBIDDEN) and event not in ("os.listdir", "os.scandir"):
            self.faults.append(f"{event}{arguments!r:.200}")

    def __enter__(self):
        global _active
        _reset_peak()
        self._before = _memory("VmRSS")
        self._old = signal.signal(signal.SIGPROF, _too_long)
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        _active = self
        return self

    def __exit__(self, kind, error, trace):
        global _active
        _active = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._old)
        grown = _memory("VmHWM") - self._before
        assert not self.faults, self.faults
        assert grown < MOST_MEMORY, f"{grown >> 20} MB of memory"


def _too_long(*_):
    raise TooLong(f"more than {MOST_SECONDS} s of the processor")


def _reset_peak():
    with contextlib.suppress(OSError):  # Linux has it
        Path("/proc/self/clear_refs").write_text("5")


def _memory(name):
    """Bytes of memory by the name that Linux gives them; 0 elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) << 10 for x in lines if x.startswith(name)), 0)


class Watch:
    """Notes whether a file is opened, also by the C of a library (inotify, where there is one)."""

    def __init__(self, *paths):
        self.number = -1
        init = getattr(ctypes.CDLL(None), "inotify_init1", None)
        if init is not None:
            self.number = init(os.O_NONBLOCK)
        for path in paths:
            if self.number >= 0:
                opened = 0x20
                add = ctypes.CDLL(None).inotify_add_watch
                assert add(self.number, os.fsencode(path), opened) >= 0

    def opened(self):
        """Whether one of the files was opened."""
        try:
            return self.number >= 0 and bool(os.read(self.number, 4096))
        except BlockingIOError:
            return False

    def close(self):
        if self.number >= 0:
            os.close(self.number)
            self.number = -1
