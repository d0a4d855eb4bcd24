"""Items that threads or processes make in advance, in order.

Every generator here ends its threads and processes when it is used up, closed or dropped.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import queue
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from typing import Any

__all__ = ["by_processes", "by_threads"]

GRACE = 2.0  # seconds for a process to end after it was asked to


def by_threads(
    make: Callable[[Any], Any],
    keys: Iterable,
    workers: int = 1,
    size: int = 2,
    stop: Callable[[], None] = lambda: None,
) -> Generator[Any, None, None]:
    """`make(key)` for each key, in the order of the keys, by `workers` threads.

    At most `size` items, and one for each worker, are made in advance. An exception in `make` is
    raised where its item would come, with its traceback. `stop` is called at the end, before the
    threads are waited for.
    """
    from concurrent.futures import ThreadPoolExecutor  # late: it brings logging

    keys = iter(keys)
    waiting: deque = deque()
    with ThreadPoolExecutor(workers, "diptych-data") as pool:

        def submit(count: int) -> None:
            for key in itertools.islice(keys, count):
                # The context holds the engine and NumPy's error state.
                waiting.append(pool.submit(copy_context().run, make, key))

        try:
            submit(max(workers, size))
            while waiting:
                item = waiting.popleft().result()
                submit(1)
                yield item
                del item  # its memory is free while the next one is waited for
        finally:
            for future in waiting:
                future.cancel()
            stop()


# ------------------------------------------------------------------------------------------------
# Processes


class _Traceback(Exception):
    """The traceback of an exception in another process, to be shown as its cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Process:
    """A process that answers each index with an item of its copy of the data."""

    def __init__(self, data: Any) -> None:
        self.name = type(data).__name__
        import multiprocessing  # late: a training without processes needs none of it

        # The start method is Python's default or the user's (multiprocessing.set_start_method).
        self.connection, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_answer, args=(data, theirs), daemon=True)
        with theirs:
            self.process.start()

    def __call__(self, index: Any) -> Any:
        try:
            self.connection.send(index)
            error, item, text = self.connection.recv()
        except (EOFError, OSError) as gone:
            self.process.join(GRACE)
            raise RuntimeError(_why_it_ended(self.name, self.process.exitcode)) from gone
        if error is not None:
            raise error from _Traceback(text)
        return item

    def end(self) -> None:
        self.process.terminate()
        self.process.join(GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def by_processes(data: Any, indices: Iterable, workers: int, size: int) -> Iterator[Any]:
    """`data[index]` for each index, in their order, by processes with copies of the data.

    Raises what `data[index]` raises, with the process's traceback as the cause; RuntimeError if a
    process ends before its time; TypeError if the data cannot be sent to processes.
    """
    processes: list[_Process] = []

    def stop() -> None:
        for process in processes:
            process.end()

    idle: queue.SimpleQueue = queue.SimpleQueue()

    def ask(index: Any) -> Any:
        process = idle.get()  # there are as many threads as processes
        try:
            return process(index)
        finally:
            idle.put(process)

    try:
        for _ in range(workers):
            processes.append(_started(data))
            idle.put(processes[-1])
        yield from by_threads(ask, indices, workers, size, stop)
    finally:
        stop()
        for process in processes:
            process.connection.close()


def _started(data: Any) -> _Process:
    try:
        return _Process(data)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        name = type(data).__name__
        raise TypeError(
            f"use_multiprocessing=True sends {name} to other processes, but it cannot be pickled: "
            f"{error}. Open files and make generators and locks in __getitem__, define the class "
            "at the top of a module, or use threads: use_multiprocessing=False."
        ) from error


def _answer(data: Any, connection: Any) -> None:
    """What a process does until its parent ends it, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with connection, contextlib.suppress(EOFError, OSError):
        while True:
            index = connection.recv()
            try:
                reply = pickle.dumps((None, data[index], ""), pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                reply = pickle.dumps((_sendable(error), None, traceback.format_exc()))
            connection.send_bytes(reply)


def _sendable(error: Exception) -> Exception:
    """The exception, or one that says the same and can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def _why_it_ended(name: str, code: int | None) -> str:
    start = f"A process that makes the batches of {name} ended before its time"
    if code is not None and code < 0:
        return f"{start}, by signal {-code} ({signal.Signals(-code).name}). Was memory short?"
    return (
        f"{start}, with exit code {code}. Its output may say why. Where processes start anew "
        '(multiprocessing\'s start method "spawn" or "forkserver"), a script\'s training belongs '
        'under `if __name__ == "__main__":`.'
    )
