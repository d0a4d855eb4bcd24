"""Looking closer: comparison of the two engines, and of gradients with finite differences; what a
classifier takes for what.
"""

from .claims import Checks
from .compare import EngineComparison, compare_engines
from .gradients import GradientReport, gradcheck
from .mistakes import ConfusionMatrix, Mistake, WorstMistakes, confusion_matrix, worst_mistakes
from .repeat import Run, Runs, repeat_fit

__all__ = [
    "Checks",
    "ConfusionMatrix",
    "EngineComparison",
    "GradientReport",
    "Mistake",
    "Run",
    "Runs",
    "WorstMistakes",
    "compare_engines",
    "confusion_matrix",
    "gradcheck",
    "repeat_fit",
    "worst_mistakes",
]


def __dir__() -> list[str]:
    return sorted(__all__)
