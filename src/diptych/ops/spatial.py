"""What convolution and pooling share: the spatial axes of a shape, and the order of the axes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..reference import _windows
from ..tensor import Tensor
from .creation import as_tensor
from .shapes import moveaxis

# The pairs of zeros for a named padding; cached, since every training step needs the same ones.
padding_pairs = lru_cache(maxsize=1024)(_windows.padding_pairs)


def by(sizes: tuple) -> str:
    """3 x 3"""
    return " x ".join("?" if size is None else str(size) for size in sizes)


def spatial(shape: tuple, data_format: str) -> tuple:
    """The sizes of the spatial axes."""
    return tuple(shape[1:-1] if data_format == "channels_last" else shape[2:])


def with_channels(batch: int | None, sizes: tuple, channels: int | None, data_format: str) -> tuple:
    """A whole shape from its parts."""
    if data_format == "channels_last":
        return (batch, *sizes, channels)
    return (batch, channels, *sizes)


def channels_last(x: Any, data_format: str) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    return x if data_format == "channels_last" else moveaxis(x, 1, -1)


def as_given(y: Tensor, data_format: str) -> Tensor:
    return y if data_format == "channels_last" else moveaxis(y, -1, 1)
