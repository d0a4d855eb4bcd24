"""``tf.compat``: `v1`, the names of TensorFlow 1; `v2` is ``tf`` itself."""

from __future__ import annotations

from typing import Any

from . import v1

TODAY: Any = None  # `tf`, which puts itself here


def __getattr__(name: str) -> Any:
    if name == "v2":
        return TODAY
    raise AttributeError(f"tf.compat.{name} is not in diptych; there are tf.compat.v1 and v2")


__all__ = ["v1"]
