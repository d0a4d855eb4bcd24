"""Metrics to configurations and back. A metric made of a function uses this module too, so the
dicts of names are defined here; ``diptych.metrics`` fills them.
"""

from __future__ import annotations

from typing import Any

from ..utils import objects

REGISTRY: dict[str, Any] = {}  # {name: class or function} of all metrics
FUNCTIONS: dict[str, Any] = {}  # {name: function}; above, the name may be a class's


def serialize(metric: Any) -> dict[str, Any] | None:
    """The configuration of a metric or of a metric function, of plain Python values."""
    return objects.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric, or the metric function, of a configuration made by `serialize`.

    Args:
        config: the configuration, or a name.
        custom_objects: classes and functions of your own, {name: it}.
    """
    is_function = isinstance(config, dict) and config.get("class_name") == "function"
    return objects.deserialize(
        config, FUNCTIONS if is_function else REGISTRY, "metric", custom_objects
    )
