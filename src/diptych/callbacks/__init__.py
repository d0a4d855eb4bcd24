"""Callbacks: code that runs at the start and end of training, epochs and batches."""

from .callback import Callback, LambdaCallback
from .callback_list import CallbackList
from .checkpoints import BackupAndRestore, ModelCheckpoint
from .history import History
from .logs import CSVLogger, RemoteMonitor
from .monitors import EarlyStopping, ReduceLROnPlateau
from .others import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN
from .progress import ProgbarLogger
from .tensorboard import TensorBoard

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
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return sorted(__all__)
