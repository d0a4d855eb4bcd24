"""Callbacks: code that runs at the start and end of training, epochs and batches."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..utils.naming import no_attribute
from .callback import Callback, LambdaCallback
from .callback_list import CallbackList
from .history import History
from .monitors import EarlyStopping, ReduceLROnPlateau
from .others import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN
from .progress import ProgbarLogger

if TYPE_CHECKING:
    from .checkpoints import BackupAndRestore, ModelCheckpoint
    from .logs import CSVLogger, RemoteMonitor
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

# Callbacks that write files need much that a training does not: imported when first used.
_HOMES = {
    "BackupAndRestore": "checkpoints",
    "CSVLogger": "logs",
    "ModelCheckpoint": "checkpoints",
    "RemoteMonitor": "logs",
    "TensorBoard": "tensorboard",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise no_attribute("diptych.callbacks", name, __all__)
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
