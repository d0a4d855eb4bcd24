"""What training, evaluation and prediction return: results by name, and all outputs joined."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..nested import flatten, map_structure
from ..tensor import Tensor
from .compiled import CompiledMetrics, name_of
from .passes import check_size


def as_log(value: Any) -> Any:
    """A metric's result as a Python float, or as an array if it has several entries."""
    if isinstance(value, (float, np.floating)):
        return float(value)
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


def enter(results: dict[str, Any], name: str, result: Any) -> None:
    """Enter a metric's result by its name; a metric of one's own may return several, in a dict."""
    if isinstance(result, dict):
        results.update({key: as_log(value) for key, value in result.items()})
    else:
        results[name] = as_log(result)


def names_before_build(metrics: CompiledMetrics) -> list[str]:
    """The names of compiled metrics, as far as they are known before the first batch."""
    given = [*flatten(metrics._given), *flatten(metrics._weighted_given)]
    return [one if isinstance(one, str) else name_of(one) for one in given if one is not None]


def check_frequency(frequency: Any) -> None:
    """Raise a ValueError unless it is a ``validation_freq``."""
    if isinstance(frequency, (int, np.integer)):
        check_size(frequency, "validation_freq")
    elif not isinstance(frequency, Collection) or isinstance(frequency, str):
        raise ValueError(
            f"validation_freq={frequency!r}; expected a whole number, or a list of the epochs to "
            "validate after, such as [1, 5, 10]"
        )


def due(frequency: Any, epoch: int) -> bool:
    """Whether to validate after this epoch, counted from 0."""
    if isinstance(frequency, (int, np.integer)):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def array_of(output: Any) -> np.ndarray:
    """The values of an output; a layer of one's own may return an array."""
    return output.numpy() if isinstance(output, Tensor) else np.asarray(output)


def joined(parts: list) -> Any:
    """The outputs of all batches, joined along the batch axis."""
    if not parts:
        return None
    columns = [flatten(part) for part in parts]
    joined = [np.concatenate(list(map(array_of, part))) for part in zip(*columns, strict=True)]
    remaining = iter(joined)
    return map_structure(lambda _: next(remaining), parts[0])
