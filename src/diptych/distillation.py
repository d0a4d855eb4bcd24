"""``keras.distillation``: a small model learns from a trained one."""

from .models.distilling import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]


def __dir__() -> list[str]:
    return sorted(__all__)
