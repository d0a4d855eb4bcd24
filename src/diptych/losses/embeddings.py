"""Losses of embeddings: near to each other within a class, far from the other classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..labels import to_float
from ..ops.losses import class_numbers
from ..tensor import Tensor
from .base import NamedLoss, in_graphs


@in_graphs
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """``log(1 + sum_n exp(gamma a_n (s_n - margin)) sum_p exp(-gamma a_p (s_p - 1 + margin)))``.

    ``s`` are the cosines between a sample and the others of the batch: p runs over those of its
    class, n over the rest. Each has a weight, larger the farther its cosine is from where it
    should be: ``a_n = max(s_n + margin, 0)``, ``a_p = 1 + margin - s_p``.

    Args:
        y_true: class numbers, (N,) or (N, 1).
        y_pred: embeddings of length 1, (N, D).
        ref_labels, ref_embeddings: other samples to compare with, (M,) and (M, D).
        remove_diagonal: whether a sample is not compared with itself.
        gamma: how steep the loss is.
        margin: how far from 1 and 0 the cosines may stay.

    Returns one number for each sample, (N,). Samples whose loss is 0, such as those that are alone
    in their class, do not count in the mean.

    Source: Sun et al. 2020, section 3.
    """
    y_pred = to_float(y_pred, None, "y_pred")
    labels = _column(y_true, y_pred, "y_true")
    others = y_pred
    other_labels = labels
    if ref_embeddings is not None:
        others = to_float(ref_embeddings, y_pred.array.dtype, "ref_embeddings")
    if ref_labels is not None:
        other_labels = _column(ref_labels, others, "ref_labels")
    cosines = ops.minimum(ops.matmul(y_pred, ops.transpose(others)), 1)
    same = labels == other_labels.T
    others_of_class = np.logical_and(same, np.eye(*same.shape) == 0) if remove_diagonal else same
    to_similar = -gamma * (1 + margin - cosines) * (cosines - 1 + margin)
    to_others = gamma * ops.maximum(cosines + margin, 0) * (cosines - margin)
    similar = _log_sum_exp(to_similar, others_of_class)
    different = _log_sum_exp(to_others, np.logical_not(same))
    loss = ops.softplus(ops.add(similar, different))
    loss.mask = loss.array > 0
    return loss


def _column(labels: Any, embeddings: Tensor, name: str) -> np.ndarray:
    """The class numbers of embeddings as a column."""
    numbers = class_numbers(labels)
    if embeddings.ndim != 2 or numbers.size != len(embeddings) or numbers.ndim > 2:
        raise ValueError(
            f"circle: {name} has shape {numbers.shape} and the embeddings have shape "
            f"{embeddings.shape}; expected class numbers (N,) or (N, 1), and rows (N, D)."
        )
    return numbers.reshape(-1, 1)


def _log_sum_exp(terms: Tensor, mask: np.ndarray) -> Tensor:
    """Over those of a row where the mask is True; where there are none, as good as log(0)."""
    return ops.logsumexp(ops.where(mask, terms, -1e9), axis=1)


class Circle(NamedLoss):
    """Metric learning: similar samples are pulled together, others pushed apart, those the most
    that are worst: see ``circle``.

    y_true: class numbers, (N,). y_pred: embeddings, (N, D), from a last layer
    ``UnitNormalization()``.

    Args:
        gamma: the scale of the similarities.
        margin: how much a similarity may lack, 0 to 1.
        remove_diagonal: whether a sample is left out of those like itself.
    """

    def __init__(
        self,
        gamma=80.0,
        margin=0.4,
        remove_diagonal=True,
        reduction="sum_over_batch_size",
        name="circle",
        dtype=None,
    ):
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction=reduction, name=name, dtype=dtype, **options)
