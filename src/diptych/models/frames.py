"""Data frames and their columns as arrays, without an import of pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["TEXT", "is_column", "is_text", "of_frame"]

TEXT = (str, bytes)


def is_text(array: np.ndarray) -> bool:
    """Whether an array holds texts."""
    if array.dtype.kind == "O":
        return array.size > 0 and all(isinstance(value, TEXT) for value in array.flat)
    return array.dtype.kind in "US"


def is_column(data: Any) -> bool:
    """Whether it is a column of a data frame, a Series of pandas or polars."""
    return hasattr(data, "to_numpy") and hasattr(data, "to_frame")


def of_frame(data: Any, name: str, text: Callable[[], bool]) -> np.ndarray:
    """The array of a data frame or one of its columns; of columns of several dtypes, in their
    common one.
    """
    array = data.to_numpy()
    if array.dtype.kind in "biuf" or (is_text(array) and text()):
        return array
    if not hasattr(data, "iloc"):
        return array
    if not hasattr(data, "columns"):
        return _of_column(data, name)
    columns = [
        _of_column(data.iloc[:, i], f"{name}, column {label!r},")
        for i, label in enumerate(data.columns)
    ]
    return np.stack(columns, axis=1) if columns else array


def _of_column(column: Any, name: str) -> np.ndarray:
    """A column of numbers as an array; ValueError, with the column's name, for anything else."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    if column.isna().any():
        raise ValueError(
            f"{name} has missing values, the first in row {int(np.argmax(column.isna()))}; "
            "expected numbers. Fill them, such as with fillna(0), or leave out these rows."
        )
    if is_text(values):
        raise ValueError(
            f"{name} holds text, such as {str(values[0])[:40]!r}; expected numbers. "
            "pandas.get_dummies makes a column of 0 and 1 for each of the different texts, and a "
            "StringLookup layer numbers them."
        )
    numbers = (int, float, np.number, np.bool_)
    if values.dtype.kind != "O" or not all(isinstance(value, numbers) for value in values):
        raise ValueError(
            f"{name} has dtype {column.dtype}, with values such as {values[0]!r}; expected numbers."
        )
    return np.array(values.tolist())
