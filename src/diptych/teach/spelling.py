"""Equations with their numbers filled in, for ``explain``: of dense and recurrent layers. What is
spelled out is also compared with what the engine computed, and left away where it is something
else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..layers import GRU, LSTM, Dense, SimpleRNN
from . import spelling_layers
from .captured import Call, LayerStep, Step
from .numerals import (
    FUNCTIONS,
    MOST_STEPS,
    MOST_TERMS,
    MOST_UNITS,
    Lines,
    activation,
    agree,
    entries,
    number,
    plain,
    products,
    row,
    slopes,
)  # fmt: skip


def forward(entry: LayerStep, call: Call, step: Step) -> Lines:
    """The call of a layer in numbers: lines for "z", "gates", "scores" and "y", where it is known
    how. ``step`` is all that was recorded.
    """
    layer = entry.layer
    if isinstance(layer, Dense):
        return _dense(entry, call)
    for kind, spelled in ((LSTM, _lstm), (GRU, _gru), (SimpleRNN, _simple_rnn)):
        if isinstance(layer, kind):
            return {"gates": list(spelled(entry, call))}
    return spelling_layers.forward(entry, call, step)


def _dense(entry: LayerStep, call: Call) -> Lines:
    x, y, kernel = call.input, call.output, entry.weights.get("kernel")
    if x is None or y is None or kernel is None or x.ndim != 2 or len(kernel) > MOST_TERMS:
        return {}
    bias = entry.weights.get("bias")
    z = x @ kernel + (0 if bias is None else bias)
    name = activation(entry.layer)
    if call.preactivation is not None and not agree(z, call.preactivation):
        return {}
    letter = "y" if name == "linear" else "z"
    lines: Lines = {letter: []}
    for n, u in entries(z.shape):
        terms = products(zip(x[n], kernel[:, u], strict=True))
        terms += "" if bias is None else f" + {number(bias[u])}"
        lines[letter].append(f"{letter}[{n}, {u}] = {terms} = {plain(z[n, u])}")
    if name != "linear" and name in FUNCTIONS and agree(FUNCTIONS[name](z), y):
        lines["y"] = [
            f"y[{n}, {u}] = {name}({plain(z[n, u])}) = {plain(y[n, u])}"
            for n, u in entries(z.shape)
        ]
    return lines


def backward(entry: LayerStep, call: Call) -> Lines:
    """The chain rule of a layer in numbers: lines for "dz", "dx" and the gradients of weights, such
    as "dkernel".
    """
    if not isinstance(entry.layer, Dense):
        return spelling_layers.backward(entry, call)
    x, dz = call.input, call.preactivation_gradient
    kernel, dkernel = entry.weights.get("kernel"), entry.weight_gradients.get("kernel")
    if dz is None:
        dz = call.output_gradient
    if x is None or dz is None or kernel is None or dkernel is None or x.ndim != 2:
        return {}
    letter = "dy" if activation(entry.layer) == "linear" else "dz"
    lines: Lines = {"dz": slopes(call, dz, activation(entry.layer))}
    if len(x) <= MOST_TERMS and agree(x.T @ dz, dkernel):
        lines["dkernel"] = [
            f"dkernel[{d}, {u}] = sum_n x[n, {d}] {letter}[n, {u}] = "
            f"{products(zip(x[:, d], dz[:, u], strict=True))} = {plain(dkernel[d, u])}"
            for d, u in entries(dkernel.shape)
        ]
    dbias, dx = entry.weight_gradients.get("bias"), call.input_gradient
    if dbias is not None and len(x) <= MOST_TERMS and agree(dz.sum(axis=0), dbias):
        lines["dbias"] = [
            f"dbias[{u}] = {' + '.join(map(number, dz[:, u]))} = {plain(dbias[u])}"
            for (u,) in entries(dbias.shape)
        ]
    if dx is not None and dz.shape[1] <= MOST_TERMS and agree(dz @ kernel.T, dx):
        lines["dx"] = [
            f"dx[{n}, {d}] = {products(zip(dz[n], kernel[d], strict=True))} = {plain(dx[n, d])}"
            for n, d in entries(dx.shape)
        ]
    return lines


def _recurrent(entry: LayerStep, call: Call) -> Any:
    """(x, W, R, b, h, steps, phi, sigma) of the first sequence; None where it is another layer."""
    x, gates = call.input, call.gates
    kernel, recurrent = entry.weights.get("kernel"), entry.weights.get("recurrent_kernel")
    layer = entry.layer
    if x is None or "h" not in gates or kernel is None or recurrent is None or not len(x):
        return None
    if len(recurrent) > MOST_UNITS or len(call.inputs) > 1:
        return None
    names = activation(layer.cell), activation(layer.cell, "recurrent_activation")
    if not all(name in FUNCTIONS for name in names):
        return None
    steps = list(range(x.shape[1]))
    if layer.go_backwards:
        steps.reverse()
    return x[0], kernel, recurrent, entry.weights.get("bias"), steps, *names


class _Before(NamedTuple):
    """The states before a step."""

    h: np.ndarray
    c: np.ndarray


def _states(call: Call, steps: list[int], number: int) -> _Before:
    zeros = np.zeros(call.gates["h"].shape[-1])
    if number == 0:
        return _Before(zeros, zeros)
    t = steps[number - 1]
    return _Before(call.gates["h"][0, t], call.gates.get("c", call.gates["h"])[0, t])


def _lstm(entry: LayerStep, call: Call) -> Iterator[str]:
    found = _recurrent(entry, call)
    if found is None:
        return
    x, kernel, recurrent, bias, steps, phi, sigma = found
    for i, t in enumerate(steps[:MOST_STEPS]):
        before = _states(call, steps, i)
        a = x[t] @ kernel + before.h @ recurrent + (0 if bias is None else bias)
        gate = {name: values[0, t] for name, values in call.gates.items()}
        parts = dict(zip(("i", "f", "c_tilde", "o"), np.split(a, 4), strict=True))
        made = {n: FUNCTIONS[phi if n == "c_tilde" else sigma](p) for n, p in parts.items()}
        if not all(agree(values, gate[name]) for name, values in made.items()):
            return  # masked, or with dropout
        yield f"t = {t}   x = {row(x[t])}   h before = {row(before.h)}   c before = {row(before.c)}"
        for name, part in parts.items():
            function = phi if name == "c_tilde" else sigma
            shown = "c~" if name == "c_tilde" else name
            yield f"    {shown:<2} = {function}({row(part)}) = {row(gate[name])}"
        yield f"    c  = f c before + i c~ = {row(gate['c'])}"
        yield f"    h  = o {phi}(c) = {row(gate['h'])}"


def _gru(entry: LayerStep, call: Call) -> Iterator[str]:
    found = _recurrent(entry, call)
    if found is None or not entry.layer.reset_after:
        return
    x, kernel, recurrent, bias, steps, phi, sigma = found
    b, b_recurrent = (0, 0) if bias is None else bias
    for i, t in enumerate(steps[:MOST_STEPS]):
        h = _states(call, steps, i).h
        u = np.split(x[t] @ kernel + b, 3)
        v = np.split(h @ recurrent + b_recurrent, 3)
        gate = {name: values[0, t] for name, values in call.gates.items()}
        a = {"z": u[0] + v[0], "r": u[1] + v[1]}
        a["h_tilde"] = u[2] + gate["r"] * v[2]
        made = {n: FUNCTIONS[phi if n == "h_tilde" else sigma](p) for n, p in a.items()}
        if not all(agree(values, gate[name]) for name, values in made.items()):
            return
        yield f"t = {t}   x = {row(x[t])}   h before = {row(h)}"
        for name, part in a.items():
            function = phi if name == "h_tilde" else sigma
            shown = "h~" if name == "h_tilde" else name
            yield f"    {shown:<2} = {function}({row(part)}) = {row(gate[name])}"
        yield f"    h  = z h before + (1 - z) h~ = {row(gate['h'])}"


def _simple_rnn(entry: LayerStep, call: Call) -> Iterator[str]:
    found = _recurrent(entry, call)
    if found is None:
        return
    x, kernel, recurrent, bias, steps, phi, _ = found
    for i, t in enumerate(steps[:MOST_STEPS]):
        h = _states(call, steps, i).h
        a = x[t] @ kernel + h @ recurrent + (0 if bias is None else bias)
        new = call.gates["h"][0, t]
        if not agree(FUNCTIONS[phi](a), new):
            return
        yield f"t = {t}   x = {row(x[t])}   h before = {row(h)}"
        yield f"    h  = {phi}({row(a)}) = {row(new)}"
