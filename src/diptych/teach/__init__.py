"""Looking closer: what goes on in a model; one update spelled out; comparison of the two engines,
and of gradients with finite differences; what a classifier takes for what.
"""

from .captured import KINDS, Call, LayerStep, Step
from .capturing import capture
from .claims import Checks
from .compare import EngineComparison, compare_engines
from .diagnosis import Diagnosis, Doctor, Finding, diagnose
from .explaining import Explanation, explain
from .gradients import GradientReport, gradcheck
from .mistakes import ConfusionMatrix, Mistake, WorstMistakes, confusion_matrix, worst_mistakes
from .repeat import Run, Runs, repeat_fit
from .shapes import ShapeStep, ShapeWalk, explain_shapes
from .showing import TwinSources, show

__all__ = [
    "KINDS",
    "Call",
    "Checks",
    "ConfusionMatrix",
    "Diagnosis",
    "Doctor",
    "EngineComparison",
    "Finding",
    "Explanation",
    "GradientReport",
    "LayerStep",
    "Mistake",
    "Run",
    "Runs",
    "ShapeStep",
    "ShapeWalk",
    "Step",
    "TwinSources",
    "WorstMistakes",
    "capture",
    "compare_engines",
    "confusion_matrix",
    "diagnose",
    "explain",
    "explain_shapes",
    "gradcheck",
    "repeat_fit",
    "show",
    "worst_mistakes",
]


def __dir__() -> list[str]:
    return sorted(__all__)
