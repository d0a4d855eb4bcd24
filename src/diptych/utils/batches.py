"""A batch as `fit` passes it to `train_step`: inputs, and labels and sample weights if any."""

from __future__ import annotations

from typing import Any

__all__ = ["pack_x_y_sample_weight", "unpack_x_y_sample_weight"]


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` of a batch, None for missing parts.

    data: x alone, or a tuple or list (x,), (x, y) or (x, y, sample_weight).
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch must be x, (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)} "
            "parts. Pass several inputs as a list or dict in place of x: ([a, b], y)."
        )
    return data + (None,) * (3 - len(data))


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The batch that `unpack_x_y_sample_weight` unpacks.

    x alone is returned unchanged, or in a tuple of one if it is itself a tuple or list.

    Args:
        x: the inputs.
        y: the labels, if there are any.
        sample_weight: a weight for each sample, if there are any.
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
