"""Activations, losses, convolutions, normalization and recurrence of ``keras.backend``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config, losses, ops, random
from ..activations import keras2_hard_sigmoid
from ..ops import in_top_k as _in_top_k
from ..ops import sigmoid, softplus, softsign, tanh
from .arrays import ndim

__all__ = [
    "batch_normalization", "bias_add", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_focal_crossentropy", "conv1d", "conv2d",
    "conv2d_transpose", "conv3d", "depthwise_conv2d", "dropout", "elu", "hard_sigmoid", "in_top_k",
    "l2_normalize", "normalize_batch_in_training", "pool2d", "pool3d", "relu", "resize_images",
    "rnn", "separable_conv2d", "sigmoid", "softmax", "softplus", "softsign",
    "sparse_categorical_crossentropy", "spatial_2d_padding", "spatial_3d_padding", "tanh",
    "temporal_padding",
]  # fmt: skip


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), with a slope ``alpha`` below ``threshold`` and a largest value."""
    return ops.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha (exp(x) - 1) below zero."""
    return ops.elu(x, alpha)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x), divided by its sum along the axis."""
    return ops.softmax(x, axis)


def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, cut to 0 and 1: the one of Keras 1 and 2, steeper than ``ops.hard_sigmoid``."""
    return keras2_hard_sigmoid(x)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """x, divided by its length along the axis."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-12)))


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """A fraction ``level`` of the entries set to zero, the others scaled up."""
    return random.dropout(x, level, noise_shape, seed)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether each target class is among the k largest predictions of its row."""
    return _in_top_k(targets, predictions, k)


# ------------------------------------------------------------------------------------------------
# Losses: one value per entry, or per row


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The loss of each entry."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The loss of each row, whose labels are one-hot or probabilities."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The loss of each row, whose labels are class numbers, (N, ...) or (N, ..., 1)."""
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = ops.squeeze(target, -1)
    return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)


def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:
    """The binary loss of each entry, weighted by how far it is from certain."""
    p = ops.sigmoid(output) if from_logits else output
    p_t = target * p + (1.0 - target) * (1.0 - p)
    loss = (1.0 - p_t) ** gamma * binary_crossentropy(target, p)
    if not apply_class_balancing:
        return loss
    return (target * alpha + (1.0 - target) * (1.0 - alpha)) * loss


def categorical_focal_crossentropy(
    target: Any,
    output: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Any:
    """The focal loss of each row."""
    return losses.categorical_focal_crossentropy(
        target, output, alpha=alpha, gamma=gamma, from_logits=from_logits, axis=axis
    )


# ------------------------------------------------------------------------------------------------
# Windows


def conv1d(
    x: Any,
    kernel: Any,
    strides: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int = 1,
) -> Any:
    """Convolution of sequences."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Any:
    """Convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Transposed convolution of images; ``output_shape`` follows from the other arguments."""
    return ops.conv_transpose(
        x, kernel, strides, padding, data_format=data_format, dilation_rate=dilation_rate
    )


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of each channel alone."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of each channel alone, then of the channels."""
    return ops.separable_conv(
        x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate
    )


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """The largest value, or with ``pool_mode="avg"`` the mean, of each window."""
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"pool_mode={pool_mode!r}; expected 'max' or 'avg'")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format)


def pool3d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """``pool2d`` of volumes."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """(N, T, C) with zeros before and after the steps."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Images with zeros around them."""
    return ops.pad(x, _around(padding, data_format))


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Volumes with zeros around them."""
    return ops.pad(x, _around(padding, data_format))


def _around(padding: Any, data_format: str | None) -> tuple:
    inner = tuple(tuple(pair) for pair in padding)
    first = (data_format or config.image_data_format()) == "channels_first"
    return ((0, 0), (0, 0), *inner) if first else ((0, 0), *inner, (0, 0))


def resize_images(
    x: Any,
    height_factor: int,
    width_factor: int,
    data_format: str | None = None,
    interpolation: str = "nearest",
) -> Any:
    """Images a whole number of times as high and as wide."""
    data_format = data_format or config.image_data_format()
    first = data_format == "channels_first"
    height, width = x.shape[2:4] if first else x.shape[1:3]
    if interpolation == "nearest":
        axis = 2 if first else 1
        return ops.repeat(ops.repeat(x, height_factor, axis=axis), width_factor, axis=axis + 1)
    size = (height * height_factor, width * width_factor)
    return ops.image.resize(x, size, interpolation, data_format=data_format)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """x plus a bias: a number for each channel, or an array for each sample."""
    if (data_format or "channels_last") == "channels_first" and ndim(x) > 2:
        if ndim(bias) == 1:
            return ops.add(x, ops.reshape(bias, (1, -1) + (1,) * (ndim(x) - 2)))
        return ops.add(x, ops.moveaxis(bias, -1, 0))
    return ops.add(x, bias)


def batch_normalization(
    x: Any,
    mean: Any,
    var: Any,
    beta: Any = None,
    gamma: Any = None,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:
    """gamma (x - mean) / sqrt(var + epsilon) + beta, for every channel."""
    flat = [None if v is None else ops.reshape(v, (-1,)) for v in (mean, var, beta, gamma)]
    return ops.batch_normalization(x, flat[0], flat[1], axis, flat[2], flat[3], epsilon)


def normalize_batch_in_training(
    x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3
) -> tuple:
    """(normalized x, mean, variance) with the statistics of the batch itself."""
    axes = tuple(reduction_axes)
    mean, variance = ops.moments(x, axes, keepdims=True)
    y = ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, epsilon)))
    shape = [1 if axis in axes else -1 for axis in range(ndim(x))]
    y = y if gamma is None else ops.multiply(y, ops.reshape(gamma, shape))
    y = y if beta is None else ops.add(y, ops.reshape(beta, shape))
    return y, ops.squeeze(mean, axes), ops.squeeze(variance, axes)


# ------------------------------------------------------------------------------------------------
# Recurrence


def rnn(
    step_function: Callable,
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: int | None = None,
) -> tuple:
    """Call ``step_function(x_t, states) -> (y_t, new states)`` for each time step.

    Args:
        inputs: (N, T, ...).
        initial_states: a list of tensors.
        go_backwards: whether to begin with the last step.
        mask: (N, T), False for steps that leave output and states as they were.
        constants: a list of tensors, appended to the states of each call.
        unroll, input_length: without effect: the steps are always taken one by one.

    Returns the last output (N, ...), all outputs (N, T, ...) and the last states.
    """
    steps = inputs.shape[1]
    if steps is None:
        raise ValueError("K.rnn needs a known number of steps: use it inside a layer's call().")
    order = range(steps - 1, -1, -1) if go_backwards else range(steps)
    states = list(initial_states)
    outputs: list[Any] = []
    for t in order:
        output, new = step_function(inputs[:, t], [*states, *(constants or ())])
        if mask is not None:
            before = outputs[-1] if outputs else ops.zeros_like(output)
            output = _where_counted(mask[:, t], output, before)
            new = [_where_counted(mask[:, t], a, b) for a, b in zip(new, states, strict=True)]
        outputs.append(output)
        states = list(new)
    return outputs[-1], ops.stack(outputs, axis=1), states


def _where_counted(mask: Any, new: Any, before: Any) -> Any:
    for _ in range(ndim(new) - 1):
        mask = ops.expand_dims(mask, -1)
    return ops.where(ops.cast(mask, "bool"), new, before)
