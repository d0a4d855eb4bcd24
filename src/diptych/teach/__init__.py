"""Looking inside: the two engines side by side, and gradients against finite differences."""

from .compare import EngineComparison, compare_engines
from .gradients import GradientReport, gradcheck

__all__ = ["EngineComparison", "GradientReport", "compare_engines", "gradcheck"]
