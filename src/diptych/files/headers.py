"""The headers of an HDF5 file, read here before HDF5 reads them.

HDF5 makes room for what a header claims before it looks whether the file holds so much: for the
continuation of a header, and for a text of varying length. Neither can be asked for through h5py.
After the "HDF5 File Format Specification", sections II.A (superblock), IV.A.1 (object headers),
IV.A.2.m (attributes) and III.E (global heap).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .region import Region

_ATTRIBUTE, _CONTINUATION, _ATTRIBUTES_ELSEWHERE = 12, 16, 21
_NOWHERE = b"\xff" * 8  # the address of nothing
_MOST_HEADER, _MOST_BLOCKS = 2 << 20, 1000  # bytes


def check_start(region: Region) -> None:
    """Check the beginning of a file, and the headers of its first group and of what extends it.

    Raises:
        ValueError: it is no file in which an address has 8 bytes, and counts from the first byte.
    """
    start = _bytes(region, 0, 96)
    newer = start[8] >= 2
    sizes = start[9:11] if newer else start[13:15]
    base = start[12:20] if newer else start[24:32] if start[8] == 0 else start[28:36]
    if start[:8] != b"\x89HDF\r\n\x1a\n" or start[8] > 3 or sizes != b"\x08\x08" or any(base):
        raise ValueError("it is a kind of HDF5 file that is not read here")
    places = (20, 36) if newer else (64 if start[8] == 0 else 68,)
    for at in places:
        if start[at : at + 8] != _NOWHERE:
            check_header(region, int.from_bytes(start[at : at + 8], "little"))


def check_header(region: Region, address: int) -> None:
    """Check that the header at this address lies in the file, and needs no other one.

    Raises:
        ValueError: it does not.
    """
    for kind, flags, data in _messages(region, address):
        if flags & 2 or (kind == _ATTRIBUTE and data[1] & 3):
            raise ValueError("a part of it is shared with others, and not read from there")


def text_lengths(region: Region, address: int, name: bytes, count: int) -> list[int]:
    """The lengths of the texts in an attribute of the group whose header is at this address.

    The header was checked.

    Raises:
        ValueError: the attribute is elsewhere, or the header is damaged.
    """
    found = []
    for kind, _, data in _messages(region, address):
        if kind == _ATTRIBUTES_ELSEWHERE and data[4 if data[1] & 1 else 2 :][:8] != _NOWHERE:
            raise ValueError("it is kept apart from its group, and not read from there")
        if kind == _ATTRIBUTE and (value := _value_of(data, name)) is not None:
            found.append(value)
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
    start = _bytes(region, address, min(48, region.size - address))
    if start[:4] == b"OHDR" and start[4] == 2:
        options = start[5]
        at = 6 + 16 * (options >> 5 & 1) + 4 * (options >> 4 & 1)
        width = 1 << (options & 3)
        blocks = [(address + at + width, int.from_bytes(start[at : at + width], "little"))]
        head, extra, signature = "<BHB", 2 * (options >> 2 & 1), 4
    elif start[0] == 1:
        blocks = [(address + 16, int.from_bytes(start[8:12], "little"))]
        head, extra, signature = "<HHB", 3, 0
    else:
        raise ValueError("its header cannot be read")
    before = struct.calcsize(head) + extra
    left = _MOST_HEADER
    for begin, length in blocks:
        left -= length
        if left < 0 or len(blocks) > _MOST_BLOCKS:
            raise ValueError("its header is too large")
        block, at = _bytes(region, begin, length), 0
        while at + before <= length:
            kind, size, flags = struct.unpack_from(head, block, at)
            data = block[at + before : at + before + size]
            at += before + size
            if kind == _CONTINUATION and size >= 16:
                where, long = struct.unpack_from("<QQ", data)
                # In the newer form there is a signature, and a checksum behind.
                blocks.append((where + signature, long - 2 * signature))
            yield kind, flags, data


def _bytes(region: Region, offset: int, size: int) -> bytes:
    if not 0 <= size <= region.size - offset:
        raise ValueError("a part of its header is not in the file")
    found = bytearray(size)
    region.read_at(offset, found)
    return bytes(found)
