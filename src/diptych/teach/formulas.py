"""Where the sizes of a layer's output and the number of its weights come from, in numbers. A
formula that does not give the size that was computed is left away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import layers
from ..layers.attention.heads import Heads
from ..layers.recurrent.rnn import RNN

_GATED = (layers.LSTM, layers.GRU, layers.SimpleRNN)
AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class _Window(NamedTuple):
    """The window of a convolution or pooling along one axis."""

    size: int
    stride: int
    dilation: int
    padding: str


def formulas(layer: Any, inputs: Sequence[tuple], outputs: Sequence[tuple]) -> list[str]:
    """Sentences about the shape of the output; one at least."""
    x, y = inputs[0] if inputs else (), outputs[0] if outputs else ()
    for kind, tell in _TELL:
        if isinstance(layer, kind):
            found = tell(layer, inputs, y)
            if found:
                return found
    if tuple(x) == tuple(y):
        return ["the shape stays: each number gives one"]
    if math.prod(x) == math.prod(y):
        return [f"the same {math.prod(x[1:]):,} numbers in another shape"]
    return [f"{type(layer).__name__} says so: its call returns that shape"]


# --------------------------------------------------------------------------------------------------
# Weights


def weights_formula(layer: Any) -> str:
    """How the number of a layer's weights comes about; "" if it has none."""
    weights = layer.weights
    if not weights:
        return ""
    total = sum(v.size for v in weights)
    if isinstance(layer, _GATED):
        return f"{_recurrent_weights(layer)} = {total:,}"
    if isinstance(layer, layers.Bidirectional) and isinstance(layer.forward_layer, _GATED):
        return f"2 x ({_recurrent_weights(layer.forward_layer)}) = {total:,}"
    products = [" x ".join(map(str, v.shape)) or "1" for v in weights]
    names = [v.name for v in weights]
    if len(set(names)) < len(names):
        names = ["/".join(v.path.split("/")[-2:]) for v in weights]
    parts = ", ".join(f"{n} {p}" for n, p in zip(names, products, strict=True))
    whole = " + ".join(products)
    if whole == f"{total}":
        return f"{whole} ({', '.join(names)})"
    fixed = sum(v.size for v in weights if v.is_state)
    note = f"; {fixed:,} of them are not trained" if fixed else ""
    return f"{whole} = {total:,} ({parts}{note})"


def _recurrent_weights(layer: Any) -> str:
    """gates (D U + U U + U): one kernel, one recurrent kernel and one bias for each gate."""
    cell = layer.cell
    features, units = cell.kernel.shape[0], cell.units
    biases = "" if cell.bias is None else f" + {units}"
    if cell.bias is not None and cell.bias.shape[:1] == (2,):
        biases = f" + 2 x {units}"
    inner = f"{features} x {units} + {units} x {units}{biases}"
    return inner if cell._gates == 1 else f"{cell._gates} ({inner})"


# --------------------------------------------------------------------------------------------------
# Windows


def _spatial(layer: Any, shape: tuple) -> tuple:
    """The sizes along which a window moves."""
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return tuple(shape[2:] if first else shape[1:-1])


def _channels(layer: Any, shape: tuple) -> int:
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return shape[1 if first else -1]


def _tuple(value: Any, rank: int) -> tuple:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank


def _along(before: int, window: _Window) -> tuple[str, int]:
    """The formula of one axis, and what it gives."""
    size, stride, dilation, padding = window
    if padding in ("same", "causal"):
        after = -(-before // stride)
        if stride == 1:
            return f"{before}, padding {padding!r} keeps it", after
        up = ", rounded up" if before % stride else ""
        return f"{before} / {stride} = {after}{up} (padding {padding!r})", after
    covered = dilation * (size - 1) + 1
    after = (before - covered) // stride + 1
    wide = f"{covered}" if dilation == 1 else f"({dilation} x ({size} - 1) + 1)"
    if stride == 1:
        return f"{before} - {wide} + 1 = {after}", after
    down = ", rounded down" if (before - covered) % stride else ""
    return f"({before} - {wide}) / {stride} + 1 = {after}{down}", after


def _axes(layer: Any, x: tuple, y: tuple, windows: Sequence[_Window], tell: Callable) -> list[str]:
    before, after = _spatial(layer, x), _spatial(layer, y)
    names = AXES.get(len(before), tuple(f"axis {i}" for i in range(1, len(before) + 1)))
    lines = []
    for name, size, window, made in zip(names, before, windows, after, strict=False):
        formula, expected = tell(size, window)
        if expected != made:
            return []
        lines.append(f"{name}: {formula}")
    return lines


def _conv(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    rank = len(inputs[0]) - 2
    options = (_tuple(getattr(layer, n), rank) for n in ("kernel_size", "strides", "dilation_rate"))
    windows = [_Window(k, s, d, layer.padding) for k, s, d in zip(*options, strict=True)]
    lines = _axes(layer, inputs[0], y, windows, _along)
    return [*lines, f"channels: {_filters(layer, inputs[0], y)}"] if lines else []


def _filters(layer: Any, x: tuple, y: tuple) -> str:
    made = _channels(layer, y)
    multiplier = getattr(layer, "depth_multiplier", None)
    if multiplier is not None and not hasattr(layer, "pointwise_kernel"):
        return f"{_channels(layer, x)} x {multiplier} = {made}, depth_multiplier for each"
    return f"{made}, one for each filter"


def _transposed(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    rank = len(inputs[0]) - 2
    options = (_tuple(getattr(layer, n), rank) for n in ("kernel_size", "strides"))
    windows = [_Window(k, s, 1, layer.padding) for k, s in zip(*options, strict=True)]

    def tell(before: int, window: _Window) -> tuple[str, int]:
        size, stride, _, padding = window
        if padding == "same":
            return f"{before} x {stride} = {before * stride} (padding 'same')", before * stride
        after = (before - 1) * stride + max(size, stride)
        return f"({before} - 1) x {stride} + {max(size, stride)} = {after}", after

    lines = _axes(layer, inputs[0], y, windows, tell)
    return [*lines, f"channels: {_filters(layer, inputs[0], y)}"] if lines else []


def _pooling(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    rank = len(inputs[0]) - 2
    strides = layer.strides or layer.pool_size
    options = (_tuple(n, rank) for n in (layer.pool_size, strides))
    windows = [_Window(k, s, 1, layer.padding) for k, s in zip(*options, strict=True)]
    lines = _axes(layer, inputs[0], y, windows, _along)
    return [*lines, "channels: they stay, each is pooled on its own"] if lines else []


def _global_pooling(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    places = " x ".join(map(str, _spatial(layer, inputs[0])))
    return [f"one number of each channel, for all {places} places together"]


# --------------------------------------------------------------------------------------------------
# Others


def _dense(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"the last axis: {inputs[0][-1]} features become units = {y[-1]}"]


def _flatten(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    sizes = " x ".join(map(str, inputs[0][1:])) or "1"
    return [f"all axes but the batch in one: {sizes} = {y[-1]}"]


def _reshape(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    before, after = (" x ".join(map(str, shape[1:])) or "1" for shape in (inputs[0], y))
    return [f"the same numbers: {before} = {after}"]


def _permute(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"the axes in the order {tuple(layer.dims)}; the batch stays first"]


def _embedding(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"each of the numbers 0 to {layer.input_dim - 1} becomes a row of {y[-1]} numbers"]


def _recurrent(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    size, steps = y[-1], inputs[0][1]
    if layer.return_sequences:
        return [f"the state of {size} units after each of the {steps} steps (return_sequences)"]
    return [f"the state of {size} units after the last of the {steps} steps"]


def _bidirectional(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    half = y[-1] // 2
    if layer.merge_mode == "concat":
        return [f"forwards and backwards side by side: {half} + {half} = {y[-1]}"]
    return [f"forwards and backwards are joined by {layer.merge_mode!r}"]


def _distributed(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    inner = type(layer.layer).__name__
    return [f"{inner} on each of the {inputs[0][1]} steps: {inputs[0][2:]} -> {tuple(y[2:])}"]


def _attention(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    queries = inputs[0][1]
    keys = (inputs[1] if len(inputs) > 1 else inputs[0])[1]
    if isinstance(layer, Heads):
        heads, width = layer._heads, layer._width
        return [
            f"scores: {heads} heads x {queries} queries x {keys} keys",
            f"each head has queries and keys of {width} numbers; together as wide as the query",
        ]
    return [
        f"scores: {queries} queries x {keys} keys",
        f"each query gets a mean of the {keys} values, {y[-1]} numbers",
    ]


def _merge(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    if isinstance(layer, layers.Concatenate):
        sizes = [shape[layer.axis] for shape in inputs]
        return [f"axis {layer.axis}: {' + '.join(map(str, sizes))} = {y[layer.axis]}"]
    if isinstance(layer, layers.Dot):
        return [f"the sum over axes {layer.axes}, which both have, is gone"]
    return [f"{len(inputs)} inputs, element by element"]


def _padding(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    sign = "+" if hasattr(layer, "padding") else "-"
    amounts = layer.padding if hasattr(layer, "padding") else layer.cropping
    pairs = amounts if isinstance(amounts[0], (list, tuple)) else (amounts,)
    before, after = _spatial(layer, inputs[0]), _spatial(layer, y)
    names = AXES.get(len(before), ())
    return [
        f"{name}: {size} {sign} {one} {sign} {other} = {made}"
        for name, size, (one, other), made in zip(names, before, pairs, after, strict=True)
    ]


def _upsampling(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    before, after = _spatial(layer, inputs[0]), _spatial(layer, y)
    factors = _tuple(layer.size, len(before))
    names = AXES.get(len(before), ())
    return [
        f"{name}: {size} x {factor} = {made}"
        for name, size, factor, made in zip(names, before, factors, after, strict=True)
    ]


def _repeat(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"each row {y[1]} times, one after the other"]


def _normalization(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return ["the shape stays: each number is shifted and scaled"]


def _dropout(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return ["the shape stays: in training, some numbers are set to 0"]


def _activation(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return ["the shape stays: the function is applied to each number"]


def _einsum(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"by the equation {layer.equation}: what is not behind -> is summed over"]


def _lambda(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return ["what its function returns"]


def _sizes(layer: Any, inputs: Sequence[tuple], y: tuple) -> list[str]:
    return [f"images of {layer.height} x {layer.width}, as it was told"]


# The first kind that a layer is decides.
_TELL: list[tuple[Any, Callable[[Any, Sequence[tuple], tuple], list[str]]]] = [
    ((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _transposed),
    (
        (
            layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.SeparableConv1D,
            layers.SeparableConv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
        ),
        _conv,
    ),
    (
        (
            layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D,
            layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
        ),
        _pooling,
    ),
    (
        (
            layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D,
            layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
            layers.GlobalAveragePooling3D,
        ),
        _global_pooling,
    ),
    (layers.Dense, _dense),
    (layers.EinsumDense, _einsum),
    (layers.Flatten, _flatten),
    (layers.Reshape, _reshape),
    (layers.Permute, _permute),
    (layers.RepeatVector, _repeat),
    (layers.Embedding, _embedding),
    (RNN, _recurrent),
    (layers.Bidirectional, _bidirectional),
    (layers.TimeDistributed, _distributed),
    ((Heads, layers.Attention), _attention),
    (
        (
            layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum,
            layers.Minimum, layers.Concatenate, layers.Dot,
        ),
        _merge,
    ),
    (
        (
            layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D,
            layers.Cropping1D, layers.Cropping2D, layers.Cropping3D,
        ),
        _padding,
    ),
    ((layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D), _upsampling),
    (
        (
            layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization,
            layers.RMSNormalization, layers.UnitNormalization, layers.Normalization,
        ),
        _normalization,
    ),
    ((layers.Dropout, layers.GaussianNoise, layers.GaussianDropout), _dropout),
    (
        (
            layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU,
            layers.Softmax,
        ),
        _activation,
    ),
    (layers.Lambda, _lambda),
    ((layers.Resizing, layers.CenterCrop, layers.RandomCrop), _sizes),
]  # fmt: skip
