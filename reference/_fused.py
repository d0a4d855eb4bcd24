"""Activations that a dense or convolutional layer applies to its own result, and those of gates.

Only those whose derivative can be written from the result y alone, so that the cache needs nothing
else:

    linear   y = z                    dz = dy
    relu     y = max(z, 0)            dz = dy where y > 0, else 0
    tanh     y = tanh(z)              dz = dy (1 - y^2)
    sigmoid  y = 1 / (1 + exp(-z))    dz = dy y (1 - y)
"""

import numpy as np


def _sigmoid(z):
    # exp(-|z|) cannot overflow; the two branches are the same fraction, multiplied through by
    # exp(z).
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e / (1 + e), 1 / (1 + e))


# name -> (z -> y, (dy, y) -> dz)
FUSED = {
    "linear": (lambda z: z, lambda dy, y: dy),
    "relu": (lambda z: np.maximum(z, 0), lambda dy, y: np.where(y > 0, dy, 0)),
    "tanh": (np.tanh, lambda dy, y: dy * (1 - y * y)),
    "sigmoid": (_sigmoid, lambda dy, y: dy * (y * (1 - y))),
}


def activation_pair(name):
    """The two functions of an activation of the table."""
    if name not in FUSED:
        raise ValueError(
            f"activation {name!r} cannot be part of the product: expected one of "
            f"{', '.join(map(repr, FUSED))}; apply any other to the result"
        )
    return FUSED[name]


# Those of recurrent layers and of their gates.
GATES = FUSED | {
    # min(max(z / 6 + 1/2, 0), 1): the sigmoid as three straight lines.
    "hard_sigmoid": (
        lambda z: np.clip(z / 6 + 0.5, 0, 1),
        lambda dy, y: np.where((y > 0) & (y < 1), dy / 6, 0),
    ),
}


def gate_pair(name):
    """The same for a recurrent layer: its own activation, or that of its gates."""
    if name not in GATES:
        raise ValueError(
            f"activation {name!r} cannot be part of a recurrent layer's steps: expected one of "
            f"{', '.join(map(repr, GATES))}; any other runs step by step, over the layer's cell"
        )
    return GATES[name]
