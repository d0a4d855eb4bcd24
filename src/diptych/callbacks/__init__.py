"""Callbacks: code that runs at the start and end of training, epochs and batches."""

from .callback import Callback, History, LambdaCallback
from .callback_list import CallbackList
from .checkpoints import BackupAndRestore, ModelCheckpoint
from .monitors import EarlyStopping, ReduceLROnPlateau
from .others import CSVLogger, LearningRateScheduler, TerminateOnNaN
from .progress import ProgbarLogger

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return sorted(__all__)
