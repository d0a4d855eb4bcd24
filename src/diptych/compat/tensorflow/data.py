"""``tf.data``: `Dataset` is `diptych.utils.Dataset`."""

from __future__ import annotations

from typing import Any

from ...utils.pipelines import Dataset
from ._names import missing

__all__ = ["AUTOTUNE", "Dataset", "Options"]

AUTOTUNE = -1


class Options:
    """Accepted for TensorFlow's sake, without effect."""


experimental = type("experimental", (), {"AUTOTUNE": AUTOTUNE, "cardinality": Dataset.cardinality})


def __getattr__(name: str) -> Any:
    raise missing("tf.data", name, __all__)
