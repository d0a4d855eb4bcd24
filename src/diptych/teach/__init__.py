"""Comparison of the two engines, and of gradients with finite differences."""

from .claims import Checks
from .compare import EngineComparison, compare_engines
from .gradients import GradientReport, gradcheck

__all__ = ["Checks", "EngineComparison", "GradientReport", "compare_engines", "gradcheck"]


def __dir__() -> list[str]:
    return sorted(__all__)
