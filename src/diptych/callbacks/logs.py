"""Callbacks that tell others the results of each epoch: CSVLogger, RemoteMonitor."""

from __future__ import annotations

import csv
import io
import json
import os
import warnings
from typing import Any

import numpy as np

from .callback import Callback

__all__ = ["CSVLogger", "RemoteMonitor"]

TIMEOUT = 10.0  # seconds that an epoch waits for a server that does not answer


class CSVLogger(Callback):
    """Writes the results of each epoch to a file, one line each.

    A line is written at once, as a whole. Should a kill in that very moment leave half of one,
    `append=True` takes it out, with a warning.

    Args:
        filename: the file.
        separator: the character between two values.
        append: whether to add lines to an existing file.
    """

    first_alone = True

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._close()
        self.keys = None
        self._file = open(self.filename, "ab" if self.append else "wb", buffering=0)
        if self.append:
            self._take_out_half_a_line()

    def _take_out_half_a_line(self) -> None:
        with open(self.filename, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start, tail = size, b""
            while start and b"\n" not in tail:
                start = max(0, start - 65536)
                file.seek(start)
                tail = file.read(size - start)
        rest = tail.rpartition(b"\n")[2]
        if rest:
            warnings.warn(
                f"CSVLogger: the last line of {self.filename!r} has no end, so it is taken out: "
                f"{rest.decode(errors='replace')!r:.80}",
                stacklevel=2,
            )
            self._file.truncate(size - len(rest))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.sep, lineterminator="\n")
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                # Results of a validation that runs only every few epochs still get columns.
                self.keys += [f"val_{name}" for name in self.keys]
            if os.fstat(self._file.fileno()).st_size == 0:
                writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
        line = text.getvalue().encode()
        while line:  # as a rule, one call writes all
            line = line[self._file.write(line) :]

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f"[{', '.join(map(str, value))}]"


class RemoteMonitor(Callback):
    """Posts the results of each epoch to a server, as {"epoch": 0, "loss": 0.5, ...}.

    A server that cannot be reached, or answers with an error, causes a warning; the training goes
    on.

    Args:
        root: the address of the server.
        path: where to post, below `root`.
        field: the field of the form that holds the JSON text; with `send_as_json` there is none.
        headers: headers to send, a dict.
        send_as_json: whether to post plain JSON in place of a form.
    """

    first_alone = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        if not root.startswith(("http://", "https://")):
            raise ValueError(
                f"RemoteMonitor: root={root!r} must begin with http:// or https://, as in "
                "'http://localhost:9000'."
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # Late, since it takes long and few trainings need it.
        from http.client import HTTPException
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        results = {"epoch": epoch, **{k: _plain(value) for k, value in (logs or {}).items()}}
        text = json.dumps(results)
        content = text if self.send_as_json else urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        try:
            request = Request(self.root + self.path, content.encode(), headers)  # a POST
            with urlopen(request, timeout=TIMEOUT):
                pass
        except (OSError, HTTPException, ValueError) as error:
            warnings.warn(
                f"RemoteMonitor could not reach the server at {self.root}: {error}", stacklevel=2
            )


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
