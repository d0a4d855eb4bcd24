"""Looking inside: the two engines side by side, and gradients against finite differences."""

from .claims import Checks
from .compare import EngineComparison, compare_engines
from .gradients import GradientReport, gradcheck

__all__ = ["Checks", "EngineComparison", "GradientReport", "compare_engines", "gradcheck"]
