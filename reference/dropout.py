"""Dropout: some numbers become 0, the others grow by what is missing.

Which ones is drawn above the engines (random.py), so that both see the same.

Fast twins, by the same names: fastcore/dropout.pyx.
"""

import numpy as np

from ._shapes import check_cotangent


def dropout_forward(x, dropout_mask, rate):
    """What the dropout mask drops becomes 0; the rest is scaled so that the expectation stays.

        y[i] = x[i] / (1 - rate) where dropout_mask[i], else 0

    x: (...)   dropout_mask: bool, a shape that broadcasts to that of x; False drops
    rate: the probability, below 1, with which a number is dropped
    Returns y: shape and dtype of x, and cache = (dropout_mask, rate), the mask in the shape of x.
    Raises ValueError where dropout_mask does not broadcast to x.
    Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting,
    JMLR 15, 2014, sec. 4; scaled in training instead of in use, as in sec. 10: inverted dropout.
    """
    dropout_mask = np.broadcast_to(dropout_mask, x.shape)
    return np.where(dropout_mask, x * _scale(x, rate), 0), (dropout_mask, rate)


def dropout_backward(dy, cache):
    """Gradient of dropout_forward. dy: as y. Returns dx: a number that was dropped has no share.

    dx[i] = dy[i] / (1 - rate) where dropout_mask[i], else 0
    """
    dropout_mask, rate = cache
    check_cotangent("dropout_backward", dy.shape, dropout_mask.shape)
    return np.where(dropout_mask, dy * _scale(dy, rate), 0)


def _scale(x, rate):
    return x.dtype.type(1 / (1 - rate))
