"""Keras's mixed precision: policies whose names are kept, and which compute in float32 here.

See ``diptych.dtype_policies``.
"""

from .config import dtype_policy, set_dtype_policy
from .dtype_policies import DTypePolicy
from .optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]


def __dir__() -> list[str]:
    return sorted(__all__)
