"""Whether a larger or a smaller result is better."""

from __future__ import annotations

from typing import Any

_DOWN = frozenset(
    "loss error mse mae mape msle rmse crossentropy ce bce kld divergence hinge poisson".split()
)
_UP = frozenset(
    "acc accuracy auc precision recall f1 fbeta iou score similarity sensitivity".split()
)


def is_better_smaller(name: str, model: Any) -> bool | None:
    """Whether a smaller result of this name is better; None if that is not known.

    The metric of that name is asked; else the words of the name tell.
    """
    name = name.removeprefix("val_")
    for metric in getattr(model, "metrics", None) or ():
        if getattr(metric, "name", None) == name and getattr(metric, "_direction", None):
            return metric._direction == "down"
    words = set(name.lower().split("_"))
    if bool(words & _DOWN) == bool(words & _UP):
        return None
    return bool(words & _DOWN)
