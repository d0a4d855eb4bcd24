"""The dtype that integers of several dtypes have together."""

from __future__ import annotations

import numpy as np

from . import config

__all__ = ["integers_together"]


def integers_together(*dtypes: np.dtype) -> np.dtype:
    """The dtype in which integers and bools of these dtypes are computed.

    NumPy's, but for Keras's two rules: uint32 with signed integers of up to 32 bits gives int32,
    and uint64 with signed integers the configured float type.
    """
    dtype = np.result_type(*dtypes)
    if dtype.kind == "f":
        return np.dtype(config.floatx())
    if dtype == np.int64 and all(np.dtype(one).itemsize <= 4 for one in dtypes):
        return np.dtype(np.int32)
    return dtype
