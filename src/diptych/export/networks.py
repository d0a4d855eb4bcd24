"""Nodes for the operations of neural networks: dense layers, convolutions, pooling, normalisation,
attention, embeddings, images.

ONNX keeps channels first. Inputs with channels last are transposed before and after; two
transpositions that meet vanish, and kernels, which are constants, are stored as ONNX wants them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..reference import _sampling, _windows
from ..tensor import Tensor, is_symbolic
from ..utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from .arrays import variance as _variance
from .builder import Builder, Value
from .tables import NODES, NotExportable, converts

# --------------------------------------------------------------------------------------------------
# Dense layers and embeddings


def _activated(g: Builder, x: Value, activation: str) -> Value:
    if activation == "linear":
        return x
    kind = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[activation]
    return g.elementwise(kind, x)


@converts("dense.dense")
def _dense(g: Builder, x: Value, kernel: Value, bias: Value | None, activation: str) -> Value:
    y = g.op("MatMul", x, kernel)
    return _activated(g, y if bias is None else y + bias, activation)


@converts("dropout.dropout")
def _dropout(g: Builder, *inputs: Any) -> Value:
    raise NotExportable(
        "an exported model draws no random numbers. Call the layer without training=True."
    )


@converts("embedding.embedding")
def _embedding(g: Builder, indices: Value, table: Value) -> Value:
    return g.op("Gather", table, g.cast(indices, np.int64), axis=0)


# --------------------------------------------------------------------------------------------------
# Windows


def _first(g: Builder, x: Value, data_format: str) -> Value:
    """``x`` with channels first."""
    if data_format == "channels_first":
        return x
    return g.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))


def _as_before(g: Builder, y: Value, rank: int, data_format: str) -> Value:
    if data_format == "channels_first":
        return y
    return g.transpose(y, (0, *range(2, rank), 1))


def _sizes(x: Value, data_format: str) -> tuple:
    shape = x.shape or ()
    return tuple(shape[2:] if data_format == "channels_first" else shape[1:-1])


def _padding(
    padding: Any, sizes: tuple, window: tuple, strides: tuple, dilation: tuple
) -> dict[str, Any]:
    """The attributes that say how far the window reaches beyond the input."""
    if padding == "same" and None in sizes:
        if max(strides) > 1:
            if max(dilation) > 1:
                raise NotExportable(
                    "padding='same' with strides and dilation needs an input whose sizes are known."
                )
            return {"auto_pad": "SAME_UPPER"}
        sizes = tuple(1 if size is None else size for size in sizes)  # they make no difference
        padding = tuple(
            ((span - 1) // 2, span - 1 - (span - 1) // 2)
            for span in _windows.spans(window, dilation)
        )
    pairs = _windows.padding_pairs(padding, sizes, window, strides, dilation)
    return {"pads": [before for before, _ in pairs] + [after for _, after in pairs]}


def _turned(g: Builder, kernel: Any, axes: Sequence[int], shape: Any = None) -> Value:
    """A kernel with its axes in another order: a constant is stored so."""
    if not is_symbolic(kernel) and not isinstance(kernel, Value):
        array = np.transpose(
            np.asarray(kernel.array if isinstance(kernel, Tensor) else kernel), axes
        )
        array = array if shape is None else array.reshape(shape)
        return g.const(array, name=getattr(kernel, "path", None) or "kernel")
    turned = g.transpose(kernel, axes)
    return turned if shape is None else g.reshape(turned, shape)


def _window_options(
    name: str, rank: int, strides: Any, padding: Any, data_format: Any, dilation: Any
) -> tuple:
    return (
        standardize_tuple(strides, rank, "strides", name),
        standardize_padding(padding, name, causal=True),
        standardize_data_format(data_format, name),
        standardize_tuple(dilation, rank, "dilation_rate", name),
    )


@converts("conv")
def _conv(
    g: Builder,
    inputs: Value,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
    bias: Any = None,
    activation: str = "linear",
    depthwise: bool = False,
) -> Value:
    rank = inputs.rank - 2
    given = (strides, padding, data_format, dilation_rate)
    strides, padding, data_format, dilation = _window_options("conv", rank, *given)
    *window, channels, columns = kernel.shape
    places = range(rank)
    if depthwise:
        weights = _turned(g, kernel, (rank, rank + 1, *places), (channels * columns, 1, *window))
        groups = channels
    else:
        weights = _turned(g, kernel, (rank + 1, rank, *places))
        last = inputs.shape[1 if data_format == "channels_first" else -1]
        groups = max(1, last // max(1, channels))
    y = g.op(
        "Conv",
        _first(g, inputs, data_format),
        weights,
        None if bias is None else g.like(bias, inputs),
        strides=list(strides),
        dilations=list(dilation),
        group=groups,
        kernel_shape=window,
        **_padding(padding, _sizes(inputs, data_format), tuple(window), strides, dilation),
    )
    return _as_before(g, _activated(g, y, activation), rank + 2, data_format)


NODES["depthwise_conv"] = lambda g, *args, **kwargs: _conv(g, *args, **kwargs, depthwise=True)


@converts("fused_conv")
def _fused_conv(
    g: Builder, x: Value, kernel: Any, bias: Any, *options: Any, depthwise: bool = False
) -> Value:
    *window_options, activation = options
    return _conv(
        g, x, kernel, *window_options, bias=bias, activation=activation, depthwise=depthwise
    )


NODES["fused_depthwise_conv"] = lambda g, *args: _fused_conv(g, *args, depthwise=True)


@converts("conv_transpose")
def _conv_transpose(
    g: Builder,
    inputs: Value,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
    bias: Any = None,
    activation: str = "linear",
) -> Value:
    rank = inputs.rank - 2
    given = (strides, padding, data_format, dilation_rate)
    strides, padding, data_format, dilation = _window_options("conv_transpose", rank, *given)
    if output_padding is not None:
        output_padding = standardize_tuple(output_padding, rank, "output_padding", "", least=0)
    *window, _, _ = kernel.shape
    # The paddings are the same for every size of the input.
    ones = (1,) * rank
    out = _windows.transposed_sizes(ones, window, strides, padding, output_padding, dilation)
    pairs = _windows.transposed_pairs(padding, ones, out, window, strides, dilation)
    extra = [
        size - (span - sum(pair))
        for size, span, pair in zip(out, _windows.spans(window, dilation), pairs, strict=True)
    ]
    y = g.op(
        "ConvTranspose",
        _first(g, inputs, data_format),
        _turned(g, kernel, (rank + 1, rank, *range(rank))),
        None if bias is None else g.like(bias, inputs),
        strides=list(strides),
        dilations=list(dilation),
        kernel_shape=window,
        pads=[before for before, _ in pairs] + [after for _, after in pairs],
        output_padding=extra,
    )
    return _as_before(g, _activated(g, y, activation), rank + 2, data_format)


@converts("fused_conv_transpose")
def _fused_conv_transpose(
    g: Builder,
    x: Value,
    kernel: Any,
    bias: Any,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
    output_padding: Any,
    activation: str,
) -> Value:
    given = (strides, padding, output_padding, data_format, dilation, bias, activation)
    return _conv_transpose(g, x, kernel, *given)


def _pool(kind: str, **attributes: Any) -> Any:
    def convert(
        g: Builder,
        inputs: Value,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: Any = None,
    ) -> Value:
        rank = inputs.rank - 2
        window = standardize_tuple(pool_size, rank, "pool_size", kind)
        given = (window if strides is None else strides, padding, data_format, 1)
        steps, padding, data_format, ones = _window_options(kind, rank, *given)
        pads = _padding(padding, _sizes(inputs, data_format), window, steps, ones)
        options = {"kernel_shape": list(window), "strides": list(steps), **pads, **attributes}
        y = g.op(kind, _first(g, inputs, data_format), **options)
        return _as_before(g, y, rank + 2, data_format)

    return convert


NODES["max_pool"] = _pool("MaxPool")
NODES["average_pool"] = _pool("AveragePool", count_include_pad=0)


# --------------------------------------------------------------------------------------------------
# Normalisation


def _along(g: Builder, vector: Any, x: Value, axes: tuple) -> Value:
    """A vector with a number for each entry along some axes, to be broadcast against x."""
    value = vector if isinstance(vector, Value) else g.like(vector, x)
    shape = value.shape
    if shape is not None and len(shape) == x.rank:
        return value
    sizes = [1] * x.rank
    for axis in axes:
        sizes[axis] = x.shape[axis] if x.shape is not None else -1
    if tuple(sizes[axes[0] :]) == shape and axes == tuple(range(axes[0], x.rank)):
        return value  # NumPy's rules put the axes that lack in front
    if shape is not None and math.prod(shape) == 1:
        return g.reshape(value, (1,) * x.rank)
    return g.reshape(value, [-1 if n is None else n for n in sizes])


def _scaled(g: Builder, y: Value, x: Value, axes: tuple, scale: Any, offset: Any) -> Value:
    y = y if scale is None else y * _along(g, scale, x, axes)
    return y if offset is None else y + _along(g, offset, x, axes)


@converts("batch_normalization")
def _batch_normalization(
    g: Builder,
    x: Value,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Value:
    axis = axis % x.rank
    vectors = (mean, variance, offset, scale)
    if any(isinstance(v, Value) for v in vectors):
        centred = x - _along(g, mean, x, (axis,))
        spread = _along(g, variance, x, (axis,)) + epsilon
        return _scaled(g, centred / g.op("Sqrt", spread), x, (axis,), scale, offset)
    # Given statistics: one factor and one offset for every channel, computed now.
    mean, variance, offset, scale = (None if v is None else np.asarray(v, float) for v in vectors)
    factor = 1 / np.sqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor
    shift = shift if offset is None else shift + offset
    source, axes = g.before_turn(x)
    sizes = [1] * x.rank
    sizes[axes[axis]] = len(factor)
    return g.transpose(source * factor.reshape(sizes) + shift.reshape(sizes), axes)


@converts("layer_normalization")
def _layer_normalization(
    g: Builder,
    x: Value,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float = 1e-3,
    rms_scaling: bool = False,
) -> Value:
    axes = axis if isinstance(axis, tuple) else (axis % x.rank,)
    if rms_scaling:
        y = x / g.op("Sqrt", _variance(g, x, axes, True) + epsilon)
        return _scaled(g, y, x, axes, gamma, None)
    sizes = tuple(x.shape[a] for a in axes) if x.shape is not None else (None,)
    last = axes == tuple(range(x.rank - len(axes), x.rank)) and None not in sizes
    if last and all(v is None or np.size(v.shape) == len(axes) for v in (gamma, beta)):
        one = g.const(np.ones(sizes), x.dtype) if gamma is None else g.like(gamma, x)
        zero = None if beta is None else g.like(beta, x)
        return g.op("LayerNormalization", x, one, zero, axis=-len(axes), epsilon=float(epsilon))
    centred = x - g.reduce("ReduceMean", x, axes, True)
    spread = g.reduce("ReduceMean", centred * centred, axes, True) + epsilon
    return _scaled(g, centred / g.op("Sqrt", spread), x, axes, gamma, beta)


@converts("rms_normalization")
def _rms_normalization(
    g: Builder, x: Value, scale: Any = None, axis: Any = -1, epsilon: float = 1e-6
) -> Value:
    axes = axis if isinstance(axis, tuple) else (axis % x.rank,)
    squares = g.reduce("ReduceMean", x * x, axes, True) + epsilon
    return _scaled(g, x / g.op("Sqrt", squares), x, axes, scale, None)


@converts("normalize")
def _normalize(
    g: Builder, x: Value, axis: Any = -1, order: int = 2, epsilon: float = 1e-7
) -> Value:
    axes = axis if isinstance(axis, tuple) else (axis,)
    if order == 1:
        length = g.reduce("ReduceL1", x, axes, True)
    elif order == 2:
        length = g.reduce("ReduceL2", x, axes, True)
    else:
        powers = g.op("Pow", g.op("Abs", x), g.like(order, x))
        length = g.op("Pow", g.reduce("ReduceSum", powers, axes, True), g.like(1 / order, x))
    return x / g.op("Max", length, g.like(epsilon, x))


@converts("normalization.group_normalization")
def _group_normalization(
    g: Builder, x: Value, gamma: Any, beta: Any, groups: int, epsilon: float
) -> Value:
    """x (N, *sizes, C): as (N, positions, groups, channels of each)."""
    channels = x.shape[-1]
    shape = g.join(g.shape_of(x, 0, 1), g.ints(-1, groups, channels // groups))
    parts = g.reshape(x, shape)
    centred = parts - g.reduce("ReduceMean", parts, (1, 3), True)
    spread = g.reduce("ReduceMean", centred * centred, (1, 3), True) + epsilon
    y = g.reshape(centred / g.op("Sqrt", spread), g.shape_of(x))
    return _scaled(g, y, x, (x.rank - 1,), gamma, beta)


# --------------------------------------------------------------------------------------------------
# Attention


@converts("dot_product_attention", "export.attention")
def _attention(
    g: Builder,
    query: Value,
    key: Value,
    value: Value,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    silent: bool = False,
    return_scores: bool = False,
) -> Any:
    """query (N, T, H, D), key (N, S, K, D), value (N, S, K, E) give (N, T, H, E) and the
    scores, (N, H, T, S).

    silent: whether a query that may attend to no key gives zeros, rather than the mean.
    """
    heads, shared = query.shape[2], key.shape[2]
    width = query.shape[3]
    scale = 1 / math.sqrt(width) if scale is None else scale
    q = g.transpose(query, (0, 2, 1, 3))
    k, v = (_shared(g, x, heads, shared) for x in (key, value))
    logits = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])) * scale
    if bias is not None:
        logits = logits + bias
    allowed = None if mask is None else g.cast(mask, bool) if isinstance(mask, Value) else mask
    if allowed is not None and not isinstance(allowed, Value):
        allowed = g.const(allowed, bool)
    if is_causal:
        rows, columns = (g.range_to(g.size_of(x, 1)) for x in (query, key))
        causal = g.expand(rows, 1).compare("GreaterOrEqual", columns)
        allowed = causal if allowed is None else g.op("And", allowed, causal)
    if allowed is not None:
        logits = g.where(allowed, logits, np.finfo(np.float32).min)
    scores = g.op("Softmax", logits, axis=-1)
    if silent and mask is not None and allowed is not None:
        busy = g.reduce("ReduceMax", g.cast(allowed, np.int32), (-1,), True)
        scores = scores * g.cast(busy, scores.dtype)
    y = g.op("Transpose", g.op("MatMul", scores, v), perm=[0, 2, 1, 3])
    return [y, scores] if return_scores else y


def _shared(g: Builder, x: Value, heads: int, own: int) -> Value:
    """Keys or values by head, (N, H, S, D); each of fewer heads serves several queries."""
    if heads == own:
        return g.transpose(x, (0, 2, 1, 3))
    places = g.const(np.repeat(np.arange(own), heads // own))
    return g.transpose(g.op("Gather", x, places, axis=2), (0, 2, 1, 3))


# --------------------------------------------------------------------------------------------------
# Images; channels last


@converts("resizing.zero_pad")
def _zero_pad(g: Builder, x: Value, pairs: tuple) -> Value:
    pairs = ((0, 0), *pairs, (0, 0))
    befores, afters = zip(*pairs, strict=True)
    return g.op("Pad", x, g.ints(*befores, *afters))


@converts("resizing.crop")
def _crop(g: Builder, x: Value, pairs: tuple) -> Value:
    axes = range(1, 1 + len(pairs))
    starts = [before for before, _ in pairs]
    ends = [-after if after else np.iinfo(np.int64).max for _, after in pairs]
    return g.op("Slice", x, g.ints(*starts), g.ints(*ends), g.ints(*axes))


@converts("resizing.upsample")
def _upsample(g: Builder, x: Value, factors: tuple) -> Value:
    scales = g.const(np.array([1, *factors, 1], np.float32))
    return g.op(
        "Resize",
        x,
        None,
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@converts("resizing.resize")
def _resize(g: Builder, x: Value, sizes: tuple, interpolation: str, antialias: bool) -> Value:
    """Along each axis a matrix holds what every new pixel takes of the old ones."""
    for axis, size in enumerate(sizes, start=1):
        before = x.shape[axis] if x.shape is not None else None
        if before is None:
            raise NotExportable(
                "Resizing needs to know the sizes of the images: give them in the Input or in "
                "input_signature."
            )
        if before == size:
            continue
        index, weight = _sampling.taps(before, size, interpolation, antialias)
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        if weight.shape[1] == 1:
            x = g.op("Gather", x, g.const(index[:, 0], np.int64), axis=axis)
        else:
            matrix = np.zeros((size, before))
            np.add.at(matrix, (np.arange(size)[:, np.newaxis], index), weight)
            letters = "abcde"[: x.rank]
            result = letters.replace(letters[axis], "z")
            equation = f"z{letters[axis]},{letters}->{result}"
            x = g.op("Einsum", g.const(matrix, x.dtype), x, equation=equation)
        x.shape = shape
    return x
