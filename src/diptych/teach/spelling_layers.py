"""Equations with their numbers filled in, for ``explain``: of convolutions, attention,
normalization and embeddings. What is spelled out is also compared with what the engine computed,
and left away where it is something else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..layers import (
    Attention,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    EinsumDense,
    Embedding,
    LayerNormalization,
    MultiHeadAttention,
)  # fmt: skip
from ..ops.spatial import padding_pairs
from .captured import Call, LayerStep, Step
from .numerals import (
    FUNCTIONS,
    MOST_ENTRIES,
    MOST_OF_A_WINDOW,
    MOST_TERMS,
    MOST_UNITS,
    Lines,
    activation,
    agree,
    entries,
    number,
    place,
    plain,
    products,
    row,
    slopes,
    sum_of,
)  # fmt: skip

_CONVOLUTIONS = (Conv1D, Conv2D, Conv3D)


def forward(entry: LayerStep, call: Call, step: Step) -> Lines:
    """The call of a layer in numbers, by what is computed: "z", "scores", "y"."""
    layer = entry.layer
    if isinstance(layer, _CONVOLUTIONS):
        return _convolution(entry, call)
    if isinstance(layer, EinsumDense):
        return _einsum(entry, call)
    if isinstance(layer, Attention):
        return _attention(entry, call)
    if isinstance(layer, MultiHeadAttention):
        return _heads(entry, call, step)
    if isinstance(layer, LayerNormalization):
        return _layer_normalization(entry, call)
    if isinstance(layer, BatchNormalization):
        return _batch_normalization(entry, call)
    return _embedding(entry, call) if isinstance(layer, Embedding) else {}


def backward(entry: LayerStep, call: Call) -> Lines:
    """The chain rule of a layer in numbers: lines for the gradients of its weights and input."""
    layer = entry.layer
    if isinstance(layer, _CONVOLUTIONS):
        return _convolution_back(entry, call)
    if isinstance(layer, LayerNormalization):
        return _layer_normalization_back(entry, call)
    return _embedding_back(entry, call) if isinstance(layer, Embedding) else {}


# --------------------------------------------------------------------------------------------------
# Convolutions


class _Windows:
    """The windows of a convolution with the channels last and one group."""

    def __init__(self, entry: LayerStep, call: Call) -> None:
        layer, x, kernel = entry.layer, call.input, entry.weights["kernel"]
        self.strides, self.dilation = layer.strides, layer.dilation_rate
        self.size = kernel.shape[:-2]
        self.pairs = padding_pairs(
            layer.padding, x.shape[1:-1], self.size, self.strides, self.dilation
        )
        self.padded = np.pad(x, ((0, 0), *self.pairs, (0, 0)))

    def start(self, o: tuple[int, ...]) -> list[int]:
        """Where the window of an output begins in the padded input."""
        return [i * stride for i, stride in zip(o, self.strides, strict=True)]

    def seen(self, n: int, o: tuple[int, ...]) -> np.ndarray:
        """What a window sees, (*K, C)."""
        spans = zip(self.start(o), self.size, self.dilation, strict=True)
        window = tuple(slice(s, s + d * (k - 1) + 1, d) for s, k, d in spans)
        return np.asarray(self.padded[n][window])


def _windows(entry: LayerStep, call: Call) -> _Windows | None:
    layer, kernel = entry.layer, entry.weights.get("kernel")
    if call.input is None or call.output is None or kernel is None:
        return None
    if layer.groups != 1 or layer.data_format != "channels_last":
        return None
    return _Windows(entry, call)


def _convolution(entry: LayerStep, call: Call) -> Lines:
    windows = _windows(entry, call)
    if windows is None or math.prod(entry.weights["kernel"].shape[:-1]) > MOST_OF_A_WINDOW:
        return {}
    kernel, bias = entry.weights["kernel"], entry.weights.get("bias")
    name = activation(entry.layer)
    z = call.output if name == "linear" else call.preactivation
    if z is None:
        return {}
    letter = "y" if name == "linear" else "z"
    lines: Lines = {letter: []}
    places = entries(z.shape)
    for n, *o, f in places:
        seen, weights = windows.seen(n, tuple(o)), kernel[..., f]
        value = np.sum(seen * weights) + (0 if bias is None else bias[f])
        if not agree(value, z[(n, *o, f)]):
            return {}
        terms = products(zip(seen.ravel(), weights.ravel(), strict=True))
        terms += "" if bias is None else f" + {number(bias[f])}"
        lines[letter].append(f"{letter}{place((n, *o, f))} = {terms} = {plain(value)}")
    y = call.output
    if name in FUNCTIONS and name != "linear" and agree(FUNCTIONS[name](z), y):
        lines["y"] = [f"y{place(i)} = {name}({plain(z[i])}) = {plain(y[i])}" for i in places]
    return lines


def _convolution_back(entry: LayerStep, call: Call) -> Lines:
    windows = _windows(entry, call)
    dz = call.preactivation_gradient
    dz = call.output_gradient if dz is None else dz
    dkernel = entry.weight_gradients.get("kernel")
    if windows is None or dz is None or dkernel is None:
        return {}
    name = activation(entry.layer)
    letter = "dy" if name == "linear" else "dz"
    lines: Lines = {"dz": slopes(call, dz, name)}
    places = list(np.ndindex(dz.shape[:-1]))
    if len(places) <= MOST_OF_A_WINDOW:
        lines["dkernel"] = []
        for *p, c, f in entries(dkernel.shape):
            pairs = [
                (windows.seen(n, tuple(o))[(*p, c)], dz[(n, *o, f)]) for n, *o in places
            ]  # fmt: skip
            value = dkernel[(*p, c, f)]
            if not agree(sum(a * b for a, b in pairs), value):
                return {}
            lines["dkernel"].append(
                f"dkernel{place((*p, c, f))} = sum_n,o x~ {letter} = {products(pairs)} = "
                f"{plain(value)}"
            )
        dbias = entry.weight_gradients.get("bias")
        if dbias is not None:
            flat = dz.reshape(-1, dz.shape[-1])
            lines["dbias"] = [
                f"dbias[{f}] = {sum_of(flat[:, f])} = {plain(dbias[f])}"
                for (f,) in entries(dbias.shape)
            ]
    dx = call.input_gradient
    if dx is not None:
        lines["dx"] = list(_convolution_dx(windows, entry.weights["kernel"], dz, dx))
    return lines


def _convolution_dx(
    windows: _Windows, kernel: np.ndarray, dz: np.ndarray, dx: np.ndarray
) -> Iterator[str]:
    """Each input gets something from every window that sees it."""
    for n, *i, c in entries(dx.shape):
        at = [place_ + before for place_, (before, _) in zip(i, windows.pairs, strict=True)]
        pairs: list[tuple[Any, Any]] = []
        for o in np.ndindex(dz.shape[1:-1]):
            shift = [a - s for a, s in zip(at, windows.start(o), strict=True)]
            p = [k // d for k, d in zip(shift, windows.dilation, strict=True)]
            exact = all(
                k == q * d and 0 <= q < size
                for k, q, d, size in zip(shift, p, windows.dilation, windows.size, strict=True)
            )
            if exact:
                pairs += zip(dz[(n, *o)], kernel[(*p, c)], strict=True)
        value = dx[(n, *i, c)]
        if len(pairs) > MOST_OF_A_WINDOW or not agree(sum(a * b for a, b in pairs), value):
            return
        yield f"dx{place((n, *i, c))} = {products(pairs) or '0'} = {plain(value)}"


# --------------------------------------------------------------------------------------------------
# Attention


def _attention(entry: LayerStep, call: Call) -> Lines:
    """Attention of queries, values and, where there are any, keys."""
    arrays = [x for x in call.inputs if x is not None]
    if len(arrays) not in (2, 3) or call.scores is None or entry.layer.score_mode != "dot":
        return {}
    if any(x.ndim != 3 for x in arrays) or call.output is None:
        return {}
    query, value, key = (*arrays, arrays[1])[:3]
    scale = float(entry.weights.get("scale", 1.0))
    lines = list(_attended(query[0], key[0], value[0], scale, call.scores[0, 0], call.output[0]))
    return {"scores": lines}


def _heads(entry: LayerStep, call: Call, step: Step) -> Lines:
    """The first head of the first sample; what it reads was recorded of the layers within."""
    names = [f"{entry.name}/{part}" for part in ("query", "key", "value", "attention_output")]
    if call.scores is None or any(name not in step.layers for name in names):
        return {}
    query, key, value = (step[name].output for name in names[:3])
    heads = step[names[3]].input
    if any(x is None or x.ndim != 4 for x in (query, key, value, heads)):
        return {}
    scale = 1 / math.sqrt(query.shape[-1])
    q, k, v = (x[0, :, 0] for x in (query, key, value))
    lines = list(_attended(q, k, v, scale, call.scores[0, 0], heads[0, :, 0]))
    return {"scores": ["the first head of the first sample:", *lines]} if lines else {}


def _attended(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, scale: float, scores: Any, y: Any
) -> Iterator[str]:
    """A softmax over the products with all keys, and the mean of the values with these scores."""
    if query.shape[-1] > MOST_UNITS or len(key) > MOST_TERMS or value.shape[-1] > MOST_UNITS:
        return
    for t in range(min(len(query), MOST_ENTRIES)):
        a = key @ query[t] * scale
        e = np.exp(a - a.max())
        if not (agree(e / e.sum(), scores[t]) and agree(scores[t] @ value, y[t])):
            return  # masked, or with dropout
        yield f"t = {t}   q = {row(query[t])}"
        factor = "" if scale == 1 else f"{plain(scale)} · "
        for s, k in enumerate(key):
            sum_ = products(zip(query[t], k, strict=True))
            inner = f"({sum_})" if factor and len(k) > 1 else sum_
            yield f"    a[{s}] = {factor}q · k[{s}] = {factor}{inner} = {plain(a[s])}"
        yield f"    scores = softmax({row(a)}) = {row(scores[t])}"
        mean = " + ".join(f"{number(p)} · {row(v)}" for p, v in zip(scores[t], value, strict=True))
        yield f"    sum_s scores[s] v[s] = {mean} = {row(y[t])}"


def _einsum(entry: LayerStep, call: Call) -> Lines:
    """A projection, such as those of the queries and keys."""
    x, y, kernel = call.input, call.output, entry.weights.get("kernel")
    known = re.fullmatch(r"(\w+),(\w+)->(\w+)", entry.layer.equation.replace(" ", ""))
    if known is None or x is None or y is None or kernel is None:
        return {}
    of_x, of_kernel, of_y = known.groups()
    sizes = dict(zip(of_x + of_kernel, x.shape + kernel.shape, strict=True))
    summed = [letter for letter in sizes if letter not in of_y]
    if math.prod(sizes[letter] for letter in summed) > MOST_TERMS:
        return {}
    bias = entry.weights.get("bias")
    added = None if bias is None else np.broadcast_to(bias, y.shape)
    z = np.einsum(entry.layer.equation, x, kernel) + (0 if added is None else added)
    if activation(entry.layer) != "linear" or not agree(z, y):
        return {}
    lines = []
    for i in entries(y.shape):
        at = dict(zip(of_y, i, strict=True))
        pairs = []
        for inner in np.ndindex(*(sizes[letter] for letter in summed)):
            at.update(zip(summed, inner, strict=True))
            pairs.append((x[tuple(at[k] for k in of_x)], kernel[tuple(at[k] for k in of_kernel)]))
        more = "" if added is None else f" + {number(added[i])}"
        lines.append(f"y{place(i)} = {products(pairs)}{more} = {plain(y[i])}")
    return {"y": lines}


# --------------------------------------------------------------------------------------------------
# Normalization


def _rows(entry: LayerStep, call: Call) -> np.ndarray | None:
    """The input of a normalization over the last axis, if a row is short."""
    x, layer = call.input, entry.layer
    if x is None or call.output is None or layer.rms_scaling:
        return None
    axis = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if [a % x.ndim for a in axis] != [x.ndim - 1] or x.shape[-1] > MOST_TERMS:
        return None
    return x


def _layer_normalization(entry: LayerStep, call: Call) -> Lines:
    x = _rows(entry, call)
    if x is None:
        return {}
    gamma, beta = entry.weights.get("gamma"), entry.weights.get("beta")
    lines = []
    for i in entries(x.shape[:-1])[:2]:
        mean, variance = x[i].mean(), x[i].var()
        lines += _moments(place(i), x[i])
        whole = zip(range(x.shape[-1]), x[i], call.output[i], strict=True)
        for d, number_, y in whole:
            value = (number_ - mean) / math.sqrt(variance + entry.layer.epsilon)
            value = value * (1 if gamma is None else gamma[d]) + (0 if beta is None else beta[d])
            if not agree(value, y):
                return {}
            lines.append(_normalized((*i, d), number_, mean, variance, entry, d, y))
    return {"y": lines}


def _batch_normalization(entry: LayerStep, call: Call) -> Lines:
    """Of rows of features, each feature over the batch."""
    x, y, layer = call.input, call.output, entry.layer
    if x is None or y is None or x.ndim != 2 or len(x) > MOST_TERMS or layer.axis not in (-1, 1):
        return {}
    gamma, beta = entry.weights.get("gamma"), entry.weights.get("beta")
    lines = []
    for c in range(min(x.shape[1], 2)):
        mean, variance = x[:, c].mean(), x[:, c].var()
        made = (x[:, c] - mean) / np.sqrt(variance + layer.epsilon)
        made = made * (1 if gamma is None else gamma[c]) + (0 if beta is None else beta[c])
        if not agree(made, y[:, c]):
            return {}  # the moving averages, or weighted by a mask
        lines += _moments(f"[{c}]", x[:, c])
        lines += [
            _normalized((n, c), x[n, c], mean, variance, entry, c, y[n, c]) for n in range(len(x))
        ]
    return {"y": lines}


def _moments(where: str, values: np.ndarray) -> list[str]:
    mean, count = values.mean(), len(values)
    squares = " + ".join(f"({plain(v)} - {number(mean)})^2" for v in values)
    return [
        f"mean{where} = ({sum_of(values)}) / {count} = {plain(mean)}",
        f"variance{where} = ({squares}) / {count} = {plain(values.var())}",
    ]


def _normalized(
    index: tuple, x: float, mean: float, variance: float, entry: LayerStep, d: int, y: float
) -> str:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta"""
    gamma, beta = entry.weights.get("gamma"), entry.weights.get("beta")
    before = "" if gamma is None else f"{number(gamma[d])} · "
    after = "" if beta is None else f" + {number(beta[d])}"
    root = f"sqrt({plain(variance)} + {plain(entry.layer.epsilon)})"
    return f"y{place(index)} = {before}({plain(x)} - {number(mean)}) / {root}{after} = {plain(y)}"


def _layer_normalization_back(entry: LayerStep, call: Call) -> Lines:
    """dgamma and dbeta; and dx, which loses its mean and its part along x^."""
    x, dy, dx = _rows(entry, call), call.output_gradient, call.input_gradient
    if x is None or dy is None:
        return {}
    root = np.sqrt(x.var(axis=-1, keepdims=True) + entry.layer.epsilon)
    x_hat = (x - x.mean(axis=-1, keepdims=True)) / root
    features = x.shape[-1]
    flat, flat_hat = dy.reshape(-1, features), x_hat.reshape(-1, features)
    lines: Lines = {}
    dgamma, dbeta = (entry.weight_gradients.get(name) for name in ("gamma", "beta"))
    if len(flat) <= MOST_OF_A_WINDOW:
        if dgamma is not None and agree((flat * flat_hat).sum(axis=0), dgamma):
            pairs = [list(zip(flat[:, d], flat_hat[:, d], strict=True)) for d in range(features)]
            lines["dgamma"] = [
                f"dgamma[{d}] = sum dy x^ = {products(pairs[d])} = {plain(dgamma[d])}"
                for (d,) in entries(dgamma.shape)
            ]
        if dbeta is not None and agree(flat.sum(axis=0), dbeta):
            lines["dbeta"] = [
                f"dbeta[{d}] = {sum_of(flat[:, d])} = {plain(dbeta[d])}"
                for (d,) in entries(dbeta.shape)
            ]
    g = dy * entry.weights.get("gamma", 1.0)
    mean, along = (v.mean(axis=-1, keepdims=True) for v in (g, g * x_hat))
    if dx is not None and agree((g - mean - x_hat * along) / root, dx):
        lines["dx"] = [
            f"dx{place(i)} = (g - mean g - x^ mean(g x^)) / sqrt(variance + epsilon) = "
            f"({plain(g[i])} - {number(mean[(*i[:-1], 0)])} - {number(x_hat[i])} · "
            f"{number(along[(*i[:-1], 0)])}) / {plain(root[(*i[:-1], 0)])} = {plain(dx[i])}"
            for i in entries(dx.shape)
        ]
    return lines


# --------------------------------------------------------------------------------------------------
# Embeddings


def _embedding(entry: LayerStep, call: Call) -> Lines:
    x, y, table = call.input, call.output, entry.weights.get("embeddings")
    if x is None or y is None or table is None or table.shape[-1] > MOST_UNITS:
        return {}
    words = x.astype(int)
    if not agree(table[words], y):
        return {}
    return {
        "y": [
            f"y{place(i)} = embeddings[{words[i]}] = {row(table[words[i]])}"
            for i in entries(x.shape)
        ]
    }


def _embedding_back(entry: LayerStep, call: Call) -> Lines:
    """A row of the table gets the gradients of all places where it was looked up."""
    x, dy, gradient = call.input, call.output_gradient, entry.weight_gradients.get("embeddings")
    if x is None or dy is None or gradient is None or gradient.shape[-1] > MOST_UNITS:
        return {}
    words, lines = x.astype(int), []
    for word in np.unique(words)[:MOST_ENTRIES]:
        places = [tuple(map(int, at)) for at in np.argwhere(words == word)]
        if len(places) > MOST_TERMS or not agree(sum(dy[at] for at in places), gradient[word]):
            continue
        names = " + ".join(f"dy{place(at)}" for at in places)
        terms = " + ".join(row(dy[at]) for at in places)
        lines.append(f"dembeddings[{word}] = {names} = {terms} = {row(gradient[word])}")
    return {"dembeddings": lines}
