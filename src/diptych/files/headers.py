"""The headers in an HDF5 file, read here before HDF5 reads them.

HDF5 makes room for what a header claims before it looks whether the file holds so much: for the
continuation of a header, and for a text of varying length; h5py has no function that tells either.
The layout for more than a few things in one place, which HDF5 has since 1.8 and Keras does not use,
makes it crash where it is damaged. So only the older one is read. After the "HDF5 File Format
Specification", sections II.A (superblock), IV.A.1.a (headers), IV.A.2.m (attributes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .region import Region

_ATTRIBUTE, _CONTINUATION = 12, 16
# Nothing; shape; type; two kinds of fill values; external files, which are refused later; layout;
# filters; attribute; comment; time; continuation; a group's table; time.
_KNOWN = {0, 1, 3, 4, 5, 7, 8, 11, _ATTRIBUTE, 13, 14, _CONTINUATION, 17, 18}
_NOWHERE = b"\xff" * 8  # the address of nothing
_MOST_HEADER, _MOST_BLOCKS = 2 << 20, 1000


def check_start(region: Region) -> None:
    """Check the beginning of a file, and the header of its first group.

    Raises:
        ValueError: it has not the layout of Keras's files: version 0, and addresses of 8 bytes,
            which count from the first byte.
    """
    start = _bytes(region, 0, 96)
    if start[:8] != b"\x89HDF\r\n\x1a\n":
        raise ValueError("it does not begin like one")
    if start[8]:
        raise ValueError("its layout is newer than the one that Keras and h5py use")
    told, base, more = start[13:15], start[24:32], start[32:40]
    if told != b"\x08\x08" or any(base) or more != _NOWHERE:
        raise ValueError("its layout is not the one that Keras and h5py use")
    check_header(region, int.from_bytes(start[64:72], "little"))


def check_header(region: Region, address: int) -> None:
    """Check that the header at this address lies in the file, and needs no other one.

    Raises:
        ValueError: it does not.
    """
    for kind, flags, data in _messages(region, address):
        shared = flags & 2 or (kind == _ATTRIBUTE and data[0] > 1 and data[1] & 3)
        if shared or kind not in _KNOWN:
            raise ValueError("a part of it is kept elsewhere, and not read from there")


def text_lengths(region: Region, address: int, name: bytes, count: int) -> list[int]:
    """The lengths of the texts in an attribute of the group whose header is at this address; it was
    checked.

    Raises:
        ValueError: the header is damaged.
    """
    attributes = [data for kind, _, data in _messages(region, address) if kind == _ATTRIBUTE]
    found = [value for data in attributes if (value := _value_of(data, name)) is not None]
    if len(found) != 1 or len(found[0]) < 16 * count:
        raise ValueError("its header cannot be read")
    # Each is a length (4 bytes), and a place in the heap: an address (8) and a number (4).
    return [length for length, *_ in struct.iter_unpack("<IQI", found[0][: 16 * count])]


def _value_of(attribute: bytes, name: bytes) -> bytes | None:
    """What stands behind name, type and shape, if this is the attribute of that name."""
    version, _, *sizes = struct.unpack_from("<BBHHH", attribute)
    at = 9 if version == 3 else 8
    if version == 1:  # each of the three fills whole words
        sizes = [size + -size % 8 for size in sizes]
    if attribute[at : at + sizes[0]].split(b"\0")[0] != name:
        return None
    return attribute[at + sum(sizes) :]


def _messages(region: Region, address: int) -> Iterator[tuple[int, int, bytes]]:
    """The parts of a header, each with its kind and flags; continuations are followed."""
    start = _bytes(region, address, 16)
    if start[0] != 1:
        raise ValueError("its header is not of the kind that Keras uses")
    blocks = [(address + 16, int.from_bytes(start[8:12], "little"))]
    left = _MOST_HEADER
    for begin, length in blocks:
        left -= length
        if left < 0 or len(blocks) > _MOST_BLOCKS:
            raise ValueError("its header is too large")
        block, at = _bytes(region, begin, length), 0
        while at + 8 <= length:
            kind, size, flags = struct.unpack_from("<HHB", block, at)
            data = block[at + 8 : at + 8 + size]
            if len(data) < size:
                raise ValueError("its header is cut off")
            at += 8 + size
            if kind == _CONTINUATION:
                blocks.append(struct.unpack_from("<QQ", data))
            yield kind, flags, data


def _bytes(region: Region, offset: int, size: int) -> bytes:
    if not 0 <= size <= region.size - offset:
        raise ValueError("a part of its header is not in the file")
    found = bytearray(size)
    region.read_at(offset, found)
    return bytes(found)
