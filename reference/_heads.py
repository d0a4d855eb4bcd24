"""What attention asks of its arrays, said once for both engines, and its heads."""

import numpy as np


def check_attention(query, key, value, bias, mask, dropout_mask):
    """Raise ValueError unless the shapes fit together, and the mask holds True and False; TypeError
    where something is no array. bias, mask and dropout_mask may be None.

    query (N, T, H, D), key (N, S, K, D), value (N, S, K, E); the others broadcast to (N, H, T, S).
    """
    query, key, value = _shape("query", query), _shape("key", key), _shape("value", value)
    for name, shape in (("query", query), ("key", key), ("value", value)):
        if len(shape) != 4:
            raise ValueError(
                f"attention: {name} needs 4 axes (batch, steps, heads, features), got {shape}"
            )
    if key[1] != value[1]:
        raise ValueError(
            f"attention: each key has a value, but there are {key[1]} keys and {value[1]} values: "
            f"key {key}, value {value}"
        )
    if key[1] == 0:
        raise ValueError(f"attention: there is no key to attend to: key {key}")
    if query[0] != key[0] or query[0] != value[0]:
        raise ValueError(
            f"attention: query, key and value need one batch size: query {query}, key {key}, "
            f"value {value}"
        )
    if query[3] != key[3]:
        raise ValueError(
            f"attention: queries of {query[3]} features cannot meet keys of {key[3]}: "
            f"query {query}, key {key}"
        )
    if key[2] != value[2] or (query[2] % key[2] if key[2] else query[2]):
        raise ValueError(
            "attention: keys and values need the same number of heads, and the queries a multiple "
            f"of it: query {query}, key {key}, value {value}"
        )
    scores = (query[0], query[2], query[1], key[1])
    for name, array in (("bias", bias), ("mask", mask), ("dropout_mask", dropout_mask)):
        if array is not None and not _broadcasts(_shape(name, array), scores):
            raise ValueError(
                f"attention: {name} needs a shape that broadcasts to (batch, heads, queries, keys) "
                f"= {scores}, got {array.shape}"
            )
    if mask is not None and mask.dtype != np.bool_:
        raise ValueError(f"attention: mask needs True and False, got {mask.dtype}")


def _shape(name, array):
    if not isinstance(array, (np.ndarray, np.generic)):  # a comparison may give a scalar
        raise TypeError(f"attention: {name} needs to be an array, got {type(array).__name__}")
    return array.shape


def _broadcasts(shape, target):
    if len(shape) > len(target):
        return False
    return all(n in (1, m) for n, m in zip(reversed(shape), reversed(target), strict=False))


def by_head(x, heads):
    """(N, T, K, D) -> (N, H, T, D): heads in front, each of the K serving H / K neighbours."""
    x = np.swapaxes(x, 1, 2)
    return np.repeat(x, heads // x.shape[1], axis=1) if x.shape[1] != heads else x


def by_step(x, heads):
    """The way back: (N, H, T, D) -> (N, T, K, D), summed over the heads that shared one."""
    rows, many, steps, features = x.shape
    if many != heads:
        x = x.reshape(rows, heads, many // heads, steps, features).sum(axis=2)
    return np.swapaxes(x, 1, 2)
