"""Equations with their numbers filled in, for ``explain``. What is spelled out here is also
compared with what the engine computed, and left away where it is something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..layers import GRU, LSTM, Dense, SimpleRNN
from .captured import Call, LayerStep

Lines = dict[str, list[str]]

MOST_TERMS = 6  # of a sum
MOST_ENTRIES = 4  # of an array, of which each is spelled out
MOST_STEPS = 3  # of a sequence
MOST_UNITS = 6

_FUNCTIONS: dict[str, Callable] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.maximum(a, 0),
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "linear": lambda a: a,
}


def number(value: Any) -> str:
    """A number in six digits; in brackets if it is negative."""
    text = f"{float(value):.6g}"
    return f"({text})" if text.startswith("-") else text


def plain(value: Any) -> str:
    """A number in six digits."""
    return f"{float(value):.6g}"


def row(values: Any) -> str:
    """A row of numbers."""
    return "[" + ", ".join(plain(value) for value in np.ravel(values)) + "]"


def products(pairs: Iterable[tuple[Any, Any]]) -> str:
    return " + ".join(f"{number(a)} · {number(b)}" for a, b in pairs)


def agree(one: Any, other: Any) -> bool:
    """Whether two arrays are the same but for rounding."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    scale = max(float(np.max(np.abs(other), initial=0.0)), 1e-3)
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-4, atol=1e-5 * scale))


def entries(shape: tuple) -> list[tuple[int, ...]]:
    """The first places of an array."""
    return [index for index, _ in zip(np.ndindex(*shape), range(MOST_ENTRIES), strict=False)]


# --------------------------------------------------------------------------------------------------
# Layers


def forward(entry: LayerStep, call: Call) -> Lines:
    """The call of a layer in numbers: lines for "z", "y" and "gates", where it is known how."""
    layer = entry.layer
    if isinstance(layer, Dense):
        return _dense(entry, call)
    for kind, spelled in ((LSTM, _lstm), (GRU, _gru), (SimpleRNN, _simple_rnn)):
        if isinstance(layer, kind):
            return {"gates": list(spelled(entry, call))}
    return {}


def _activation(layer: Any, name: str = "activation") -> str:
    return getattr(getattr(layer, name, None), "__name__", "linear")


def _dense(entry: LayerStep, call: Call) -> Lines:
    x, y, kernel = call.input, call.output, entry.weights.get("kernel")
    if x is None or y is None or kernel is None or x.ndim != 2 or len(kernel) > MOST_TERMS:
        return {}
    bias = entry.weights.get("bias")
    z = x @ kernel + (0 if bias is None else bias)
    name = _activation(entry.layer)
    if call.preactivation is not None and not agree(z, call.preactivation):
        return {}
    letter = "y" if name == "linear" else "z"
    lines: Lines = {letter: []}
    for n, u in entries(z.shape):
        terms = products(zip(x[n], kernel[:, u], strict=True))
        terms += "" if bias is None else f" + {number(bias[u])}"
        lines[letter].append(f"{letter}[{n}, {u}] = {terms} = {plain(z[n, u])}")
    if name != "linear" and name in _FUNCTIONS and agree(_FUNCTIONS[name](z), y):
        lines["y"] = [
            f"y[{n}, {u}] = {name}({plain(z[n, u])}) = {plain(y[n, u])}"
            for n, u in entries(z.shape)
        ]
    return lines


def backward(entry: LayerStep, call: Call) -> Lines:
    """The chain rule of a dense layer in numbers: lines for "dz", "dkernel", "dbias" and "dx"."""
    x, dz = call.input, call.preactivation_gradient
    kernel, dkernel = entry.weights.get("kernel"), entry.weight_gradients.get("kernel")
    if dz is None:
        dz = call.output_gradient
    if not isinstance(entry.layer, Dense) or x is None or dz is None:
        return {}
    if kernel is None or dkernel is None or x.ndim != 2:
        return {}
    letter = "dy" if _activation(entry.layer) == "linear" else "dz"
    lines: Lines = {"dz": list(_slopes(call, dz, _activation(entry.layer)))}
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


def _slopes(call: Call, dz: np.ndarray, name: str) -> Iterator[str]:
    """dz = dy activation'(z)."""
    dy, y = call.output_gradient, call.output
    if dy is None or y is None or name not in ("relu", "sigmoid", "tanh"):
        return
    slope = {"relu": (y > 0) * 1.0, "sigmoid": y * (1 - y), "tanh": 1 - y * y}[name]
    if agree(slope * dy, dz):
        for n, u in entries(dz.shape):
            given = f"{number(dy[n, u])} · {number(slope[n, u])} = {plain(dz[n, u])}"
            yield f"dz[{n}, {u}] = dy[{n}, {u}] {name}'(z[{n}, {u}]) = {given}"


def _recurrent(entry: LayerStep, call: Call) -> Any:
    """(x, W, R, b, h, steps, phi, sigma) of the first sequence; None where it is another layer."""
    x, gates = call.input, call.gates
    kernel, recurrent = entry.weights.get("kernel"), entry.weights.get("recurrent_kernel")
    layer = entry.layer
    if x is None or "h" not in gates or kernel is None or recurrent is None or not len(x):
        return None
    if len(recurrent) > MOST_UNITS or len(call.inputs) > 1:
        return None
    names = _activation(layer.cell), _activation(layer.cell, "recurrent_activation")
    if not all(name in _FUNCTIONS for name in names):
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
    for number, t in enumerate(steps[:MOST_STEPS]):
        before = _states(call, steps, number)
        a = x[t] @ kernel + before.h @ recurrent + (0 if bias is None else bias)
        gate = {name: values[0, t] for name, values in call.gates.items()}
        parts = dict(zip(("i", "f", "c_tilde", "o"), np.split(a, 4), strict=True))
        made = {n: _FUNCTIONS[phi if n == "c_tilde" else sigma](p) for n, p in parts.items()}
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
    for number, t in enumerate(steps[:MOST_STEPS]):
        h = _states(call, steps, number).h
        u = np.split(x[t] @ kernel + b, 3)
        v = np.split(h @ recurrent + b_recurrent, 3)
        gate = {name: values[0, t] for name, values in call.gates.items()}
        a = {"z": u[0] + v[0], "r": u[1] + v[1]}
        a["h_tilde"] = u[2] + gate["r"] * v[2]
        made = {n: _FUNCTIONS[phi if n == "h_tilde" else sigma](p) for n, p in a.items()}
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
    for number, t in enumerate(steps[:MOST_STEPS]):
        h = _states(call, steps, number).h
        a = x[t] @ kernel + h @ recurrent + (0 if bias is None else bias)
        new = call.gates["h"][0, t]
        if not agree(_FUNCTIONS[phi](a), new):
            return
        yield f"t = {t}   x = {row(x[t])}   h before = {row(h)}"
        yield f"    h  = {phi}({row(a)}) = {row(new)}"


# --------------------------------------------------------------------------------------------------
# Update rules


class _Line(NamedTuple):
    """One line of a rule: its symbol, the equation, and the equation with numbers."""

    symbol: str
    equation: str
    value: float
    numbers: str


def update(name: str, s: dict[str, float]) -> list[str]:
    """A rule of one weight in numbers; none for a rule that is not known here.

    Args:
        name: of the rule, such as "adam_update_".
        s: the rule's settings, the weight w and the gradient g, and the slots before the update by
            their letters in the reference: m, v, a, h.
    """
    lines = _RULES[name](s) if name in _RULES else []
    return [f"{line.equation} = {line.numbers} = {plain(line.value)}" for line in lines]


def _of_sgd(s: dict) -> list[_Line]:
    rate, w, g = s["learning_rate"], s["w"], s["g"]
    return [_Line("w", "w = w - learning_rate g", w - rate * g, _minus(w, rate, g))]


def _minus(w: float, rate: float, g: float) -> str:
    return f"{number(w)} - {number(rate)} · {number(g)}"


def _of_momentum(s: dict) -> list[_Line]:
    rate, beta, w, g = s["learning_rate"], s["momentum"], s["w"], s["g"]
    m = beta * s["m"] - rate * g
    given = f"{number(beta)} · {number(s['m'])} - {number(rate)} · {number(g)}"
    lines = [_Line("m", "m = momentum m - learning_rate g", m, given)]
    if s["nesterov"]:
        given = f"{number(w)} + {number(beta)} · {number(m)} - {number(rate)} · {number(g)}"
        equation = "w = w + momentum m - learning_rate g"
        return [*lines, _Line("w", equation, w + beta * m - rate * g, given)]
    return [*lines, _Line("w", "w = w + m", w + m, f"{number(w)} + {number(m)}")]


def _average(symbol: str, weight: str, beta: float, old: float, g: float, square: bool) -> _Line:
    """A moving average of g, or of its square."""
    power = "^2" if square else ""
    equation = f"{symbol} = {weight} {symbol} + (1 - {weight}) g{power}"
    given = f"{number(beta)} · {number(old)} + (1 - {number(beta)}) · {number(g)}{power}"
    return _Line(symbol, equation, beta * old + (1 - beta) * (g * g if square else g), given)


def _of_rmsprop(s: dict) -> list[_Line]:
    rate, rho, epsilon, w, g = s["learning_rate"], s["rho"], s["epsilon"], s["w"], s["g"]
    lines = [_average("v", "rho", rho, s["v"], g, True)]
    spread, under, given = lines[0].value, "v", number(lines[0].value)
    if "a" in s:
        lines.append(_average("a", "rho", rho, s["a"], g, False))
        a = lines[-1].value
        spread, under, given = spread - a * a, "v - a^2", f"{given} - {number(a)}^2"
    d = rate * g / np.sqrt(spread + epsilon)
    numbers = f"{number(rate)} · {number(g)} / sqrt({given} + {plain(epsilon)})"
    lines.append(_Line("d", f"d = learning_rate g / sqrt({under} + epsilon)", d, numbers))
    if "m" in s:
        m = s["momentum"] * s["m"] + d
        given = f"{number(s['momentum'])} · {number(s['m'])} + {number(d)}"
        lines.append(_Line("m", "m = momentum m + d", m, given))
        d = m
    equation = "w = w - m" if "m" in s else "w = w - d"
    return [*lines, _Line("w", equation, w - d, f"{number(w)} - {number(d)}")]


def _of_adam(s: dict) -> list[_Line]:
    rate, epsilon, w, g, step = s["learning_rate"], s["epsilon"], s["w"], s["g"], s["step"]
    one, two = s["beta_1"], s["beta_2"]
    lines = [_average("m", "beta_1", one, s["m"], g, False)]
    lines.append(_average("v", "beta_2", two, s["v"], g, True))
    m, v, letter = lines[0].value, lines[1].value, "v"
    if "h" in s:
        given = f"max({plain(s['h'])}, {plain(v)})"
        v, letter = max(s["h"], v), "h"
        lines.append(_Line("h", "h = max(h, v)", v, given))
    alpha = rate * np.sqrt(1 - two**step) / (1 - one**step)
    numbers = f"{plain(rate)} sqrt(1 - {plain(two)}^{step}) / (1 - {plain(one)}^{step})"
    equation = "alpha = learning_rate sqrt(1 - beta_2^step) / (1 - beta_1^step)"
    lines.append(_Line("alpha", equation, alpha, numbers))
    new = w - alpha * m / (np.sqrt(v) + epsilon)
    given = f"{number(w)} - {number(alpha)} · {number(m)} / (sqrt({plain(v)}) + {plain(epsilon)})"
    equation = f"w = w - alpha m / (sqrt({letter}) + epsilon)"
    return [*lines, _Line("w", equation, new, given)]


_RULES = {
    "sgd_update_": _of_sgd,
    "momentum_update_": _of_momentum,
    "rmsprop_update_": _of_rmsprop,
    "adam_update_": _of_adam,
}
# The letters of slots in the reference.
LETTERS = {
    "momentum": "m",
    "velocity": "v",
    "average_gradient": "a",
    "velocity_hat": "h",
}
