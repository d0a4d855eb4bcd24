"""``keras.distribution``: several processes, on one machine or many, share a training.

    diptych.distribution.set_distribution(diptych.distribution.DataParallel())

is the one line that a script needs; ``mpiexec -n 4 python script.py`` starts it four times. The
guide is docs/distribution.md.
"""

from ..utils.naming import suggest_attributes
from .job import get_device_count, initialize, list_devices
from .mesh import DeviceMesh, LayoutMap, TensorLayout
from .strategies import (
    DataParallel,
    ModelParallel,
    distribute_tensor,
    distribution,
    set_distribution,
)

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
