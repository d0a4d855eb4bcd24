"""Hashes of strings that are the same on every machine and in every process.

`fingerprint64` is FarmHash's Fingerprint64 (G. Pike, 2014), `siphash64` is SipHash-2-4 with a key
(J.-P. Aumasson and D. J. Bernstein, 2012): the two hash functions of TensorFlow, so that texts get
the same buckets as in Keras.
"""

from __future__ import annotations

from struct import iter_unpack, unpack_from

__all__ = ["fingerprint64", "joined64", "siphash64"]

_64 = (1 << 64) - 1  # sums and products are taken modulo 2**64
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint64(data: bytes) -> int:
    """FarmHash's 64-bit fingerprint of a string of bytes."""
    size = len(data)
    if size <= 16:
        return _up_to_16(data, size)
    if size <= 32:
        return _up_to_32(data, size)
    if size <= 64:
        return _up_to_64(data, size)
    return _above_64(data, size)


def joined64(first: int, second: int) -> int:
    """TensorFlow's fingerprint of two fingerprints (its FingerprintCat64)."""
    factor = 0xC6A4A7935BD1E995
    mixed = first ^ factor ^ (_fold(second * factor & _64) * factor & _64)
    mixed = _fold(mixed * factor & _64) * factor & _64
    return _fold(mixed)


def siphash64(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of a string of bytes under a key of two 64-bit numbers."""
    k0, k1 = key[0] & _64, key[1] & _64
    state = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    # The last word holds the remaining bytes, and the length in its highest byte.
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in iter_unpack("<Q", padded):
        state[3] ^= word
        _sip_rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _sip_rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


# --------------------------------------------------------------------------------------------------
# FarmHash, by the length of the string


def _up_to_16(data: bytes, size: int) -> int:
    if size >= 8:
        factor = K2 + 2 * size
        a, b = _word(data, 0) + K2 & _64, _word(data, size - 8)
        c = _turn(b, 37) * factor + a & _64
        d = (_turn(a, 25) + b) * factor & _64
        return _mix(c, d, factor)
    if size >= 4:
        (first,), (last,) = unpack_from("<I", data), unpack_from("<I", data, size - 4)
        return _mix(size + (first << 3), last, K2 + 2 * size)
    if size > 0:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _fold(y * K2 & _64 ^ z * K0 & _64) * K2 & _64
    return K2


def _up_to_32(data: bytes, size: int) -> int:
    factor = K2 + 2 * size
    a, b = _word(data, 0) * K1, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * K2
    return _mix(_turn(a + b, 43) + _turn(c, 30) + d, a + _turn(b + K2, 18) + c, factor)


def _up_to_64(data: bytes, size: int) -> int:
    factor = K2 + 2 * size
    a, b = _word(data, 0) * K2, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * K2
    y = _turn(a + b, 43) + _turn(c, 30) + d & _64
    z = _mix(y, a + _turn(b + K2, 18) + c, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g = (y + _word(data, size - 32)) * factor
    h = (z + _word(data, size - 24)) * factor
    return _mix(_turn(e + f, 43) + _turn(g, 30) + h, e + _turn(f + a, 18) + g, factor)


def _above_64(data: bytes, size: int) -> int:
    seed = 81
    x, y = seed * K2 + _word(data, 0) & _64, seed * K1 + 113 & _64
    z = _fold(y * K2 + 113 & _64) * K2 & _64
    v, w = (0, 0), (0, 0)
    for at in range(0, (size - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(data, at, x, y, z, v, w, K1, 1)
    # The last block ends with the string and overlaps the one before.
    factor = K1 + ((z & 0xFF) << 1)
    w = (w[0] + ((size - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _block(data, size - 64, x, y, z, v, w, factor, 9)
    return _mix(_mix(v[0], w[0], factor) + _fold(y) * K0 + z, _mix(v[1], w[1], factor) + x, factor)


def _block(data, at, x, y, z, v, w, factor, weight):
    """64 bytes more."""
    x = _turn(x + y + v[0] + _word(data, at + 8), 37) * factor & _64
    y = _turn(y + v[1] + _word(data, at + 48), 42) * factor & _64
    x ^= w[1] * weight & _64
    y = y + v[0] * weight + _word(data, at + 40) & _64
    z = _turn(z + w[0], 33) * factor & _64
    v = _half_block(data, at, v[1] * factor, x + w[0])
    w = _half_block(data, at + 32, z + w[1], y + _word(data, at + 16))
    return z, y, x, v, w  # x and z are swapped


def _half_block(data, at, a, b):
    words = unpack_from("<4Q", data, at)
    a = a + words[0] & _64
    b = _turn(b + a + words[3], 21)
    total = a + words[1] + words[2] & _64
    return total + words[3] & _64, b + _turn(total, 44) + a & _64


def _mix(u: int, v: int, factor: int) -> int:
    """Combine two 64-bit numbers into one."""
    u, v = u & _64, v & _64
    a = _fold((u ^ v) * factor & _64)
    return _fold((v ^ a) * factor & _64) * factor & _64


def _fold(x: int) -> int:
    return x ^ x >> 47


def _turn(x: int, bits: int) -> int:
    """x modulo 2**64, rotated to the right."""
    x &= _64
    return x >> bits | x << 64 - bits & _64


def _word(data: bytes, at: int) -> int:
    return unpack_from("<Q", data, at)[0]


# --------------------------------------------------------------------------------------------------
# SipHash


def _sip_rounds(state: list[int], count: int) -> None:
    a, b, c, d = state
    for _ in range(count):
        a, c = a + b & _64, c + d & _64
        b, d = _turn(b, 51) ^ a, _turn(d, 48) ^ c
        a = _turn(a, 32)
        c, a = c + b & _64, a + d & _64
        b, d = _turn(b, 47) ^ c, _turn(d, 43) ^ a
        c = _turn(c, 32)
    state[:] = a, b, c, d
