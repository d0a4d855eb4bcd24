"""Losses of sequences: labels whose places among the steps nobody has noted."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..labels import to_float
from ..tensor import Tensor, as_array
from .base import NamedLoss, in_graphs


@in_graphs
def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """Connectionist temporal classification: ``-log p(labels)`` over all alignments, (N,).

    Args:
        y_true: class numbers, (N, L); a row with fewer labels is padded with 0 at its end. Class 0
            is the blank, so it is not used for a label.
        y_pred: logits, (N, T, K), from a layer without activation: there is no softmax before.

    All T steps count; ``ops.ctc_loss`` takes lengths for each sample, and another blank. Labels
    that do not fit into the steps give a loss of about 1e5. Source: Graves et al. 2006; see
    ``diptych.reference.ctc``.

    Raises:
        ValueError: other numbers of axes, labels that are no class.
    """
    y_pred = to_float(y_pred, None, "y_pred")
    labels = as_array(y_true)
    if labels.ndim != 2 or y_pred.ndim != 3:
        raise ValueError(
            f"ctc: y_true has shape {labels.shape} and y_pred has shape {y_pred.shape}; expected "
            "class numbers (N, labels) and logits (N, steps, classes)."
        )
    samples, steps, _ = y_pred.shape
    return ops.ctc_loss(
        labels, y_pred, np.count_nonzero(labels, axis=-1), np.full(samples, steps), mask_index=0
    )


class CTC(NamedLoss):
    """Labels of a sequence without an alignment, such as the letters of a recording: see ``ctc``.

    y_true: class numbers, (N, L), padded with 0, the blank. y_pred: logits, (N, T, K).
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, reduction=reduction, name=name, dtype=dtype)
