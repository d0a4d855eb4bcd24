"""The checksum of HDF5's newer headers, Bob Jenkins's lookup3, so that tests can forge one.

After https://burtleburtle.net/bob/c/lookup3.c, which is in the public domain.
"""

import struct

_MIX = [(0, 2, 4), (1, 0, 6), (2, 1, 8), (0, 2, 16), (1, 0, 19), (2, 1, 4)]
_FINAL = [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)]


def _rotated(x, count):
    return (x << count | x >> (32 - count)) & 0xFFFFFFFF


def lookup3(content):
    """The checksum of some bytes."""
    state = [(0xDEADBEEF + len(content)) & 0xFFFFFFFF] * 3
    blocks = max(0, (len(content) - 1) // 12)
    for words in struct.iter_unpack("<3I", content[: 12 * blocks]):
        state = [(s + w) & 0xFFFFFFFF for s, w in zip(state, words, strict=True)]
        for i, j, count in _MIX:
            state[i] = (state[i] - state[j]) & 0xFFFFFFFF ^ _rotated(state[j], count)
            state[j] = (state[j] + state[3 - i - j]) & 0xFFFFFFFF
    rest = content[12 * blocks :]
    if rest:
        words = struct.unpack("<3I", rest.ljust(12, b"\0"))
        state = [(s + w) & 0xFFFFFFFF for s, w in zip(state, words, strict=True)]
        for i, j, count in _FINAL:
            state[i] = ((state[i] ^ state[j]) - _rotated(state[j], count)) & 0xFFFFFFFF
    return state[2]


def checksums_of(content):
    """Where the parts of headers begin and end, behind which their checksums are."""
    found = []
    for signature in (b"OHDR", b"OCHK"):
        at = content.find(signature)
        while at >= 0:
            ends = range(at + 12, min(len(content), at + 1000))
            told = {end: int.from_bytes(content[end : end + 4], "little") for end in ends}
            found += [(at, end) for end in ends if lookup3(content[at:end]) == told[end]]
            at = content.find(signature, at + 4)
    return found
