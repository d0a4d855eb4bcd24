"""``tf.nn``: activations, losses and convolutions, as ``diptych.ops``."""

from __future__ import annotations

from typing import Any

from ... import ops
from ... import random as own_random
from ._names import missing, nameless
from .math import in_top_k, l2_normalize, top_k

__all__ = [
    "avg_pool", "avg_pool2d", "batch_normalization", "bias_add", "conv1d", "conv2d",
    "conv2d_transpose", "depthwise_conv2d", "dropout", "elu", "embedding_lookup", "gelu",
    "in_top_k", "l2_loss", "l2_normalize", "leaky_relu", "log_softmax", "max_pool", "max_pool2d",
    "moments", "relu", "relu6", "selu", "sigmoid", "sigmoid_cross_entropy_with_logits", "silu",
    "softmax", "softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits_v2",
    "softplus", "softsign", "sparse_softmax_cross_entropy_with_logits", "swish", "tanh", "top_k",
    "weighted_cross_entropy_with_logits",
]  # fmt: skip

elu = nameless(ops.elu)
relu = nameless(ops.relu)
relu6 = nameless(ops.relu6)
selu = nameless(ops.selu)
sigmoid = nameless(ops.sigmoid)
silu = swish = nameless(ops.silu)
softplus = nameless(ops.softplus)
softsign = nameless(ops.softsign)
tanh = nameless(ops.tanh)


def leaky_relu(features: Any, alpha: float = 0.2, name: Any = None) -> Any:
    """x, or alpha x below zero."""
    return ops.leaky_relu(features, alpha)


def gelu(features: Any, approximate: bool = False, name: Any = None) -> Any:
    """x Phi(x), Phi being the normal distribution function."""
    return ops.gelu(features, approximate)


def softmax(logits: Any, axis: int | None = None, name: Any = None) -> Any:
    """exp(x), divided by its sum along the axis."""
    return ops.softmax(logits, -1 if axis is None else axis)


def log_softmax(logits: Any, axis: int | None = None, name: Any = None) -> Any:
    """The logarithm of the softmax."""
    return ops.log_softmax(logits, -1 if axis is None else axis)


def dropout(
    x: Any, rate: float = 0.5, noise_shape: Any = None, seed: Any = None, name: Any = None
) -> Any:
    """A fraction ``rate`` of the entries set to zero, the others scaled up."""
    return own_random.dropout(x, rate, noise_shape, seed)


def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any, name: Any = None) -> Any:
    """The binary cross-entropy of each entry, from logits."""
    return ops.binary_crossentropy(labels, logits, from_logits=True)


def softmax_cross_entropy_with_logits(
    labels: Any, logits: Any, axis: int = -1, name: Any = None
) -> Any:
    """The cross-entropy of each row of labels, from logits."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


softmax_cross_entropy_with_logits_v2 = softmax_cross_entropy_with_logits


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: Any = None) -> Any:
    """The cross-entropy of each class number, from logits."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def weighted_cross_entropy_with_logits(
    labels: Any, logits: Any, pos_weight: Any, name: Any = None
) -> Any:
    """The binary cross-entropy of each entry, ``pos_weight`` times as large for labels of 1."""
    weights = ops.add(1.0, ops.multiply(ops.subtract(pos_weight, 1.0), labels))
    below = ops.subtract(1.0, labels)
    return ops.add(ops.multiply(below, logits), ops.multiply(weights, ops.softplus(-logits)))


def l2_loss(t: Any, name: Any = None) -> Any:
    """Half the sum of the squares."""
    return ops.multiply(ops.sum(ops.square(t)), 0.5)


def moments(x: Any, axes: Any, keepdims: bool = False, name: Any = None) -> Any:
    """The mean and the variance along axes."""
    return ops.moments(x, axes, keepdims=keepdims)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any,
    scale: Any,
    variance_epsilon: float,
    name: Any = None,
) -> Any:
    """scale (x - mean) / sqrt(variance + epsilon) + offset, with broadcasting."""
    y = ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, variance_epsilon)))
    y = y if scale is None else ops.multiply(y, scale)
    return y if offset is None else ops.add(y, offset)


def bias_add(value: Any, bias: Any, name: Any = None) -> Any:
    """x plus a number for each channel."""
    return ops.add(value, bias)


def embedding_lookup(params: Any, ids: Any, name: Any = None) -> Any:
    """The rows of a table with these numbers."""
    return ops.take(params, ids, axis=0)


def _inner(sizes: Any, rank: int) -> Any:
    """Strides and windows without the batch and the channels, in which TensorFlow has 1."""
    if isinstance(sizes, (list, tuple)) and len(sizes) == rank + 2:
        return tuple(sizes[1:-1])
    return sizes


def conv1d(input: Any, filters: Any, stride: Any, padding: str, name: Any = None) -> Any:
    """Convolution of sequences."""
    return ops.conv(input, filters, _inner(stride, 1), padding.lower())


def conv2d(
    input: Any, filters: Any, strides: Any, padding: str, dilations: Any = 1, name: Any = None
) -> Any:
    """Convolution of images."""
    return ops.conv(
        input, filters, _inner(strides, 2), padding.lower(), dilation_rate=_inner(dilations, 2)
    )


def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: str = "SAME",
    name: Any = None,
) -> Any:
    """Transposed convolution of images; ``output_shape`` follows from the other arguments."""
    return ops.conv_transpose(input, filters, _inner(strides, 2), padding.lower())


def depthwise_conv2d(input: Any, filter: Any, strides: Any, padding: str, name: Any = None) -> Any:
    """Convolution of each channel alone."""
    return ops.depthwise_conv(input, filter, _inner(strides, 2), padding.lower())


def max_pool2d(input: Any, ksize: Any, strides: Any, padding: str, name: Any = None) -> Any:
    """The largest value of each window."""
    return ops.max_pool(input, _inner(ksize, 2), _inner(strides, 2), padding.lower())


def avg_pool2d(input: Any, ksize: Any, strides: Any, padding: str, name: Any = None) -> Any:
    """The mean of each window."""
    return ops.average_pool(input, _inner(ksize, 2), _inner(strides, 2), padding.lower())


max_pool = max_pool2d
avg_pool = avg_pool2d


def __getattr__(name: str) -> Any:
    raise missing("tf.nn", name, __all__)
