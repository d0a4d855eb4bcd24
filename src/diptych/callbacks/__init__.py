"""Callbacks: code that runs at the start and end of training, epochs and batches."""

from .callback import Callback, History, LambdaCallback
from .callback_list import CallbackList
from .monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from .others import CSVLogger, LearningRateScheduler, TerminateOnNaN
from .progress import ProgbarLogger
from .tensorboard import TensorBoard

__all__ = [
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
    "TensorBoard",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return sorted(__all__)
