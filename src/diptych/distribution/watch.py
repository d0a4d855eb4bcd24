"""Watching over the processes of a job, so that none waits for another that is dead.

MPI does not promise that a job ends when one of its processes dies. So each process holds a
connection to the first one. The system closes it when a process ends in whatever way, and then all
processes end. One that comes to the end of its program says so before.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import socket
import struct
import sys
import threading
import time
from typing import Any

_DONE, _ENDED, _ALL, _OVER = (
    b"D",
    b"E",
    b"A",
    b"X",
)  # my program is done; that of process n is; all are; stop
_PATIENCE = 30.0  # seconds for all processes to connect
_GRACE = 2.0  # seconds that others give the first process to say what is wrong, or it one to greet


class Watch:
    """The connections of this process to the others: of the first one to all, of the others to it.

    Attributes:
        ended: the number of a process whose program is done; None: none is yet.
    """

    def __init__(self, communicator: Any, address: str | None = None) -> None:
        self.rank, self.size = communicator.rank, communicator.size
        self.ended: int | None = None
        self._all_done = threading.Event()
        self._leaving = False  # this process is about to end, and has said so
        self._lock = threading.Lock()
        self._done: set[int] = set()
        self._sockets: dict[int, socket.socket] = {}  # by process
        hosts = communicator.allgather(socket.gethostname())
        if self.rank == 0:
            self._gather(communicator, address, one_host=len(set(hosts)) == 1)
        else:
            self._connect(communicator)
        for one in self._sockets.values():
            _keep_alive(one)
        self._hosts = hosts
        threading.Thread(target=self._look, name="diptych watch", daemon=True).start()
        atexit.register(self.leave)
        os.register_at_fork(after_in_child=self._forget)
        self._hook, sys.excepthook = sys.excepthook, self._failed

    def _gather(self, communicator: Any, address: str | None, one_host: bool) -> None:
        """Let all other processes connect to this, the first one."""
        host, _, port = (address or "").partition(":")
        host = host or ("127.0.0.1" if one_host else socket.getfqdn())
        token = os.urandom(16)
        with socket.create_server(
            ("127.0.0.1" if one_host and not address else "", int(port or 0)), backlog=self.size
        ) as server:
            communicator.bcast((host, server.getsockname()[1], token), 0)
            server.settimeout(_PATIENCE)
            while len(self._sockets) < self.size - 1:
                try:
                    one, _ = server.accept()
                except TimeoutError:
                    raise ConnectionError(
                        f"Only {len(self._sockets) + 1} of {self.size} processes have connected to "
                        f"{host}. The first process has to be reached from all others: its address "
                        "can be given as initialize(job_addresses='host:port')."
                    ) from None
                one.settimeout(_GRACE)
                greeting = b""
                with contextlib.suppress(OSError):
                    greeting = _read(one, 20)
                if greeting[:16] != token:  # a stranger
                    one.close()
                    continue
                one.settimeout(None)
                self._sockets[struct.unpack("<i", greeting[16:])[0]] = one

    def _connect(self, communicator: Any) -> None:
        host, port, token = communicator.bcast(None, 0)
        try:
            one = socket.create_connection((host, port), _PATIENCE)
        except OSError as error:
            raise ConnectionError(
                f"Process {self.rank} on {socket.gethostname()} cannot reach the first one at "
                f"{host}:{port}: {error}. Another address can be given as "
                "initialize(job_addresses='host:port')."
            ) from error
        one.sendall(token + struct.pack("<i", self.rank))
        one.settimeout(None)
        self._sockets[0] = one

    def _look(self) -> None:
        """What the thread does: wait for messages, and for connections that close."""
        with selectors.DefaultSelector() as selector:
            for rank, one in self._sockets.items():
                selector.register(one, selectors.EVENT_READ, rank)
            while selector.get_map():
                for key, _ in selector.select():
                    try:
                        data = key.fileobj.recv(1)  # type: ignore[union-attr]
                    except OSError:
                        data = b""
                    if not data or data == _ALL:
                        selector.unregister(key.fileobj)
                    self._hear(key.data, data)

    def _hear(self, rank: int, data: bytes) -> None:
        if data == _DONE:
            self._is_done(rank)
        elif data == _ENDED:
            self.ended = struct.unpack("<i", _read(self._sockets[0], 4))[0]
        elif data == _ALL:
            self._leaving = True
            self._all_done.set()
        elif data == _OVER:
            self._end()
        elif not self._leaving:
            self._lost(rank)

    def _is_done(self, rank: int) -> None:
        """The first process learns that the program of one is done; it tells the others."""
        with self._lock:
            self._done.add(rank)
            self.ended = rank
            if len(self._done) < self.size:
                self._tell(_ENDED + struct.pack("<i", rank))
                return
            self._leaving = True
            self._tell(_ALL)
            self._all_done.set()

    def _tell(self, data: bytes) -> None:
        for one in self._sockets.values():
            with contextlib.suppress(OSError):
                one.sendall(data)

    def _lost(self, rank: int) -> None:
        """A process has ended before its program was done."""
        if self.rank < 2:  # one message is enough
            on = f" on {self._hosts[rank]}" if len(set(self._hosts)) > 1 else ""
            print(
                f"diptych: process {rank} of {self.size}{on} has died or failed, so the whole job "
                "ends.",
                file=sys.stderr,
                flush=True,
            )
        else:  # mpiexec may end all when one has ended: not before that is said
            time.sleep(_GRACE)
        if self.rank == 0:
            self._tell(_OVER)
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(1)

    def _failed(self, *error: Any) -> None:
        """An error that nobody caught ends all processes."""
        self.fail(lambda: self._hook(*error))

    def fail(self, tell: Any) -> None:
        """Say what is wrong, by this function, and end all processes."""
        if self.rank:
            time.sleep(_GRACE)  # the first one may have the same to say
        self._leaving = True
        tell()
        sys.stderr.flush()
        if self.rank == 0:
            self._tell(_OVER)
        self._end()

    def leave(self) -> None:
        """At the end of the program: wait until all others are there, too."""
        if self.rank == 0:
            self._is_done(0)
        else:
            self._tell(_DONE)
        self._all_done.wait()

    def _forget(self) -> None:
        """In a fork: its connections would outlive this process."""
        for one in self._sockets.values():
            one.close()
        atexit.unregister(self.leave)
        sys.excepthook = self._hook


def _read(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = one.recv(size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def _keep_alive(one: socket.socket) -> None:
    """Let the system notice within some seconds that the other machine is gone."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 3), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
