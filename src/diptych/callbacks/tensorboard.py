"""TensorBoard: writes the results of training as event files, which the program of that name shows.

An event file is a sequence of records: 8 bytes of length, their checksum, the event, its checksum.
An event is a Protocol Buffers message; the few fields that are needed are written here by hand.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any, BinaryIO

from .callback import Callback

__all__ = ["TensorBoard"]


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def checksum(data: bytes) -> int:
    """The masked CRC-32C of a record."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(event: bytes) -> bytes:
    """An event as it stands in the file."""
    length = struct.pack("<Q", len(event))
    ends = struct.pack("<I", checksum(length)), struct.pack("<I", checksum(event))
    return length + ends[0] + event + ends[1]


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes, text or an inner message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def scalar_event(tag: str, value: float, step: int, wall_time: float) -> bytes:
    """The event of one number."""
    named = _field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    start = b"\x09" + struct.pack("<d", wall_time)
    return start + b"\x10" + _varint(step) + _field(5, _field(1, named))


class TensorBoard(Callback):
    """Writes losses and metrics for TensorBoard: `tensorboard --logdir logs`.

    The training results go to ``log_dir/train`` as epoch_loss and so on, the validation results to
    ``log_dir/validation``.

    Args:
        log_dir: the folder.
        update_freq: "epoch"; "batch", or a number of batches, to write batch_loss and so on too.
        histogram_freq, write_graph, write_images, write_steps_per_second, profile_batch,
            embeddings_freq, embeddings_metadata, batch_size, write_grads: accepted for Keras's
            sake; only numbers are written.
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
        batch_size: int | None = None,
        write_grads: bool = False,
    ) -> None:
        if update_freq not in ("epoch", "batch") and not isinstance(update_freq, int):
            raise ValueError(
                f"TensorBoard: update_freq={update_freq!r}; expected 'epoch', 'batch' or a number"
            )
        self.log_dir = os.fspath(log_dir)
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._files: dict[str, BinaryIO] = {}
        self._batches = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        if self.update_freq != "epoch" and self._batches % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._write("train", f"batch_{name}", value, self._batches)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            self._write(part, f"epoch_{name.removeprefix('val_')}", value, epoch)
        for file in self._files.values():
            file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _write(self, part: str, tag: str, value: Any, step: int) -> None:
        try:
            number = float(value)
        except TypeError:
            return  # a metric with several values
        now = time.time()
        if part not in self._files:
            folder = Path(self.log_dir) / part
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"events.out.tfevents.{now:.6f}.{os.getpid()}"
            self._files[part] = path.open("wb")
            version = b"\x09" + struct.pack("<d", now) + _field(3, b"brain.Event:2")
            self._files[part].write(record(version))
        self._files[part].write(record(scalar_event(tag, number, step, now)))
