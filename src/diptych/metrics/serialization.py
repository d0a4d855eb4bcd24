"""Metrics as configurations, and back. A metric made of a function calls these too, so the tables
of names stand below all metrics; the package fills them.
"""

from __future__ import annotations

from typing import Any

from ..utils import objects

TABLE: dict[str, Any] = {}  # every name of a metric: mostly a class
FUNCTIONS: dict[str, Any] = {}  # a saved function has its own name, which may be a class's above


def serialize(metric: Any) -> dict[str, Any] | None:
    """The configuration of a metric or of a metric function, of plain Python values."""
    return objects.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric, or the metric function, of a configuration made by `serialize`."""
    is_function = isinstance(config, dict) and config.get("class_name") == "function"
    return objects.deserialize(
        config, FUNCTIONS if is_function else TABLE, "metric", custom_objects
    )
