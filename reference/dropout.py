"""Dropout: some numbers become 0, the others grow by what is missing.

Which ones is drawn above the engines, so that both see the same.
"""

import numpy as np

from ._shapes import check_cotangent


def dropout_forward(x, kept, rate):
    """Numbers that are not kept become 0; the others are scaled so that the expectation stays.

        y[i] = x[i] / (1 - rate) where kept[i], else 0

    x: (...)   kept: bool, a shape that broadcasts to that of x   rate: the probability, below 1,
    with which a number was dropped
    Returns y: shape and dtype of x, and cache = (kept, rate), kept in the shape of x.
    Raises ValueError where kept does not broadcast to x.
    Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting,
    JMLR 15, 2014, sec. 4; scaled in training instead of in use, as in sec. 10.
    """
    kept = np.broadcast_to(kept, x.shape)
    return np.where(kept, x * _scale(x, rate), 0), (kept, rate)


def dropout_backward(dy, cache):
    """Gradient of dropout_forward. dy: as y. Returns dx.

    dx[i] = dy[i] / (1 - rate) where kept[i], else 0
    """
    kept, rate = cache
    check_cotangent("dropout_backward", dy.shape, kept.shape)
    return np.where(kept, dy * _scale(dy, rate), 0)


def _scale(x, rate):
    return x.dtype.type(1 / (1 - rate))
