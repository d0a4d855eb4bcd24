"""Event files as TensorBoard reads them, without TensorFlow.

A file is a sequence of records, each with checksums (CRC-32C) of its length and of its content. A
record holds one event: a message of protocol buffers, whose fields are written here by hand. All
values are tensors with the name of the part of TensorBoard that shows them, as `tf.summary` of
TensorFlow 2 writes them.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

_numbers = count()  # two writers of one process may start in the same second

# ------------------------------------------------------------------------------------------------
# Records


def _table() -> list[int]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # Castagnoli's polynomial
        found.append(value)
    return found


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C checksum.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """A checksum as records hold it: turned and shifted, so that one of a checksum is none."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """The bytes of one record: length, its checksum, content, its checksum."""
    length = struct.pack("<Q", len(data))
    sums = [struct.pack("<I", masked(crc32c(part))) for part in (length, data)]
    return b"".join((length, sums[0], data, sums[1]))


# ------------------------------------------------------------------------------------------------
# Messages


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number is written as its complement
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    """A field of bytes, text, or another message."""
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


_TYPES = {"f": 1, "d": 2}  # DataType of a TensorProto: DT_FLOAT, DT_DOUBLE
_TEXT = 7  # DT_STRING


def _shape(shape: Sequence[int]) -> bytes:
    return _bytes(2, b"".join(_bytes(2, _number(1, size)) for size in shape))


def _tensor(array: np.ndarray) -> bytes:
    """A TensorProto of floats."""
    kind = _number(1, _TYPES[array.dtype.char])
    content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return kind + _shape(array.shape) + _bytes(4, content)


def _texts(values: Sequence[bytes], shape: Sequence[int]) -> bytes:
    """A TensorProto of strings."""
    return _number(1, _TEXT) + _shape(shape) + b"".join(_bytes(8, value) for value in values)


# DataClass of a summary's metadata: how the values are stored.
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3


def _value(
    tag: str, tensor: bytes, plugin: str, data_class: int = 0, content: bytes = b""
) -> bytes:
    """A Summary of one value, and the part of TensorBoard that shows it."""
    about = _bytes(1, plugin) + (_bytes(2, content) if content else b"")
    metadata = _bytes(1, about) + (_number(4, data_class) if data_class else b"")
    return _bytes(1, _bytes(1, tag) + _bytes(9, metadata) + _bytes(8, tensor))


def _event(step: int, what: bytes) -> bytes:
    return _double(1, time.time()) + (_number(2, step) if step else b"") + what


class EventWriter:
    """Writes an event file of its own to a folder, once there is something to write.

    Events are kept until ``flush``, which writes them at once.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        self._path: Path | None = None
        self._waiting: list[bytes] = []

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One number, in float32."""
        self._add(step, _value(tag, _tensor(np.asarray(value, np.float32)), "scalars", _SCALAR))

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """How the finite ones among some numbers are distributed."""
        self._add(step, _value(tag, _tensor(buckets(values)), "histograms", _TENSOR))

    def images(self, tag: str, images: np.ndarray, step: int) -> None:
        """Up to three images of shape (height, width, channels), with values from 0 to 1."""
        height, width = images.shape[1:3]
        found = [str(width).encode(), str(height).encode(), *map(png, images[:3])]
        self._add(step, _value(tag, _texts(found, (len(found),)), "images", _BLOBS))

    def model(self, tag: str, text: str, step: int = 0) -> None:
        """A model's configuration as JSON, which TensorBoard draws as a graph."""
        self._add(step, _value(tag, _texts([text.encode()], ()), "graph_keras_model", content=b"1"))

    def _add(self, step: int, value: bytes) -> None:
        self._waiting.append(record(_event(step, _bytes(5, value))))

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        if self._path is None:
            import socket  # late, for the sake of those who write no events

            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
            self._path = self.folder / f"events.out.tfevents.{name}.v2"
            self._waiting.insert(0, record(_event(0, _bytes(3, "brain.Event:2"))))
        with self._path.open("ab") as file:
            file.write(b"".join(self._waiting))
        self._waiting.clear()


# ------------------------------------------------------------------------------------------------
# What histograms and images consist of


def buckets(values: np.ndarray, number: int = 30) -> np.ndarray:
    """Rows (left edge, right edge, count) of float64, for equal parts of the range of the values.

    Values that are all alike lie at the right edge of the last part, and all edges are alike.
    """
    values = np.asarray(values, np.float64).reshape(-1)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros((number, 3))
    low, high = values.min(), values.max()
    if low == high:
        counts = np.zeros(number)
        counts[-1] = values.size
        return np.stack([np.full(number, low), np.full(number, high), counts], axis=1)
    counts, edges = np.histogram(values, number, (low, high))
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def png(image: np.ndarray) -> bytes:
    """A PNG file of an image of shape (height, width, channels) with values from 0 to 1.

    channels: 1 (grey), 3 (red, green, blue) or 4 (and opacity).
    """
    height, width, channels = image.shape
    colour = {1: 0, 3: 2, 4: 6}[channels]
    pixels = (np.clip(np.nan_to_num(image), 0, 1) * 255.5).astype(np.uint8)
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # a row begins with its filter, 0
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(rows.tobytes()), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in parts
    )
