"""The IDX format, in which MNIST and similar data sets are published.

2 zero bytes, 1 byte for the type of the numbers, 1 byte for how many axes,
4 bytes (most significant first) for the size of each axis, then the numbers, last axis fastest.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read_idx"]

# The files of MNIST and of data sets in its form.
NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Any) -> np.ndarray:
    """The array of an IDX file, gzipped or not; ValueError where the file is damaged.

    Args:
        path: of the file, such as train-images-idx3-ubyte.gz.
    """
    path = Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            return _read(file, path)
        import gzip
        import zlib

        try:
            with gzip.open(file) as unpacked:
                return _read(unpacked, path)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{path} is a damaged gzip file ({error}); download it again"
            ) from error


def _read(file, path):
    content = _up_to(file, 4)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise ValueError(
            f"{path} is not an IDX file: it starts with {content[:4].hex(' ') or 'nothing'}"
        )
    dtype, axes = np.dtype(_TYPES[content[2]]), content[3]
    content += _up_to(file, 4 * axes)
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path} is cut short inside its header: {len(content)} of {start} bytes")
    shape = struct.unpack(f">{axes}I", content[4:])
    size = math.prod(shape) * dtype.itemsize
    content = _up_to(file, size + 1)
    if len(content) != size:
        fault = "is cut short" if len(content) < size else "has bytes left over"
        has = f"{start + len(content)} bytes" + " or more" * (len(content) > size)
        raise ValueError(f"{path} {fault}: {has}, the shape {shape} takes {start + size}")
    if axes > 32:
        raise ValueError(f"{path} is not an IDX file: it has {axes} axes")
    numbers = np.frombuffer(content, dtype).reshape(shape)
    return numbers.astype(dtype.newbyteorder("="))


def _up_to(file, size):
    """The next bytes of a file, so many if it has them; what a header claims is not allocated."""
    content = bytearray()
    while len(content) < size and (piece := file.read(min(size - len(content), 1 << 24))):
        content += piece
    return bytes(content)


def find_idx(folder, array):
    """The file of an array of `NAMES` in `folder`, gzipped or not, or None."""
    stem = NAMES[array]
    for name in (stem, stem.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            if (folder / (name + ending)).is_file():
                return folder / (name + ending)
    return None


def read_pair(image_file, label_file):
    """The images and labels of two files; ValueError if they don't belong together."""
    images, labels = read_idx(image_file), read_idx(label_file)
    check_pair(images, labels, image_file)
    return images, labels


def check_pair(images, labels, path):
    """Raise a ValueError unless these are images of two axes, and a label for each."""
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path}: images of shape {images.shape} with labels of shape {labels.shape}; "
            "expected (samples, height, width) and (samples,)"
        )
