"""Update rules with their numbers filled in, for ``explain``: of one number of a weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .numerals import number, plain


class _Line(NamedTuple):
    """One line of a rule: its symbol, the equation, and the equation with numbers."""

    symbol: str
    equation: str
    value: float
    numbers: str


class Spelled(NamedTuple):
    """A rule in numbers: its lines, and the new weight."""

    lines: list[str]
    weight: float


def update(
    name: str, settings: dict[str, Any], slots: dict[str, float], decay: float | None = None
) -> Spelled | None:
    """A rule of one weight in numbers; None for a rule that is not known here.

    Args:
        name: of the rule, such as "adam_update_".
        settings: of the rule, and the weight w and its gradient g.
        slots: by name, the optimizer's own numbers for this weight, before the update.
        decay: the weight decay, by which the weight shrinks first.
    """
    if name not in _RULES:
        return None
    rule, letters = _RULES[name]
    s = settings | {letters[slot]: value for slot, value in slots.items() if slot in letters}
    lines = [] if decay is None else [_of_decay(s, decay)]
    s["w"] = lines[0].value if lines else s["w"]
    lines += rule(s)
    weight = next(line.value for line in reversed(lines) if line.symbol == "w")
    return Spelled(
        [f"{one.equation} = {one.numbers} = {plain(one.value)}" for one in lines], weight
    )


def _of_decay(s: dict, decay: float) -> _Line:
    rate, w = s["learning_rate"], s["w"]
    given = f"{number(w)} - {number(rate)} · {number(decay)} · {number(w)}"
    return _Line("w", "w = w - learning_rate weight_decay w", w - rate * decay * w, given)


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


def _of_adagrad(s: dict) -> list[_Line]:
    rate, epsilon, w, g = s["learning_rate"], s["epsilon"], s["w"], s["g"]
    a = s["a"] + g * g
    new = w - rate * g / math.sqrt(a + epsilon)
    given = f"{number(w)} - {number(rate)} · {number(g)} / sqrt({plain(a)} + {plain(epsilon)})"
    return [
        _Line("a", "a = a + g^2", a, f"{number(s['a'])} + {number(g)}^2"),
        _Line("w", "w = w - learning_rate g / sqrt(a + epsilon)", new, given),
    ]


def _of_adadelta(s: dict) -> list[_Line]:
    rate, rho, epsilon, w, g, u = (
        s[key] for key in ("learning_rate", "rho", "epsilon", "w", "g", "u")
    )
    first = _average("a", "rho", rho, s["a"], g, True)
    a = first.value
    d = g * math.sqrt(u + epsilon) / math.sqrt(a + epsilon)
    e = plain(epsilon)
    step = f"{number(g)} · sqrt({plain(u)} + {e}) / sqrt({plain(a)} + {e})"
    mean = f"{number(rho)} · {number(u)} + (1 - {number(rho)}) · {number(d)}^2"
    return [
        first,
        _Line("d", "d = g sqrt(u + epsilon) / sqrt(a + epsilon)", d, step),
        _Line("u", "u = rho u + (1 - rho) d^2", rho * u + (1 - rho) * d * d, mean),
        _Line("w", "w = w - learning_rate d", w - rate * d, _minus(w, rate, d)),
    ]


def _of_adamax(s: dict) -> list[_Line]:
    rate, epsilon, w, g, step = s["learning_rate"], s["epsilon"], s["w"], s["g"], s["step"]
    one, two = s["beta_1"], s["beta_2"]
    first = _average("m", "beta_1", one, s["m"], g, False)
    m, u = first.value, max(two * s["u"], abs(g))
    new = w - rate / (1 - one**step) * m / (u + epsilon)
    given = (
        f"{number(w)} - {number(rate)} / (1 - {plain(one)}^{step}) · {number(m)} / "
        f"({plain(u)} + {plain(epsilon)})"
    )
    return [
        first,
        _Line(
            "u", "u = max(beta_2 u, |g|)", u, f"max({plain(two)} · {plain(s['u'])}, |{plain(g)}|)"
        ),
        _Line("w", "w = w - learning_rate / (1 - beta_1^step) m / (u + epsilon)", new, given),
    ]


def _of_nadam(s: dict) -> list[_Line]:
    rate, epsilon, w, g, t = s["learning_rate"], s["epsilon"], s["w"], s["g"], s["step"]
    one, two, before = s["beta_1"], s["beta_2"], s["mu_product"]
    mus = [one * (1 - 0.5 * 0.96**k) for k in (t, t + 1)]
    lines = [
        _Line(
            f"mu_{k}", f"mu_{k} = beta_1 (1 - 0.96^{k} / 2)", mu, f"{plain(one)} (1 - 0.96^{k} / 2)"
        )
        for k, mu in zip((t, t + 1), mus, strict=True)
    ]
    now = before * mus[0]
    after = now * mus[1]
    first = _average("m", "beta_1", one, s["m"], g, False)
    second = _average("v", "beta_2", two, s["v"], g, True)
    m, v = first.value, second.value
    m_hat = mus[1] * m / (1 - after) + (1 - mus[0]) * g / (1 - now)
    v_hat = v / (1 - two**t)
    given = (
        f"{plain(mus[1])} · {number(m)} / (1 - {plain(after)}) + (1 - {plain(mus[0])}) · "
        f"{number(g)} / (1 - {plain(now)})"
    )
    equation = (
        f"m_hat = mu_{t + 1} m / (1 - mu_1 ... mu_{t + 1}) + (1 - mu_{t}) g / (1 - mu_1 ... mu_{t})"
    )
    new = w - rate * m_hat / (math.sqrt(v_hat) + epsilon)
    root = f"(sqrt({plain(v_hat)}) + {plain(epsilon)})"
    step = f"{number(w)} - {number(rate)} · {number(m_hat)} / {root}"
    return [
        *lines,
        first,
        second,
        _Line("m_hat", equation, m_hat, given),
        _Line("v_hat", "v_hat = v / (1 - beta_2^t)", v_hat, f"{plain(v)} / (1 - {plain(two)}^{t})"),
        _Line("w", "w = w - learning_rate m_hat / (sqrt(v_hat) + epsilon)", new, step),
    ]


def _of_ftrl(s: dict) -> list[_Line]:
    rate, beta, w, g = s["learning_rate"], s["beta"], s["w"], s["g"]
    p = -s["learning_rate_power"]
    l1, l2 = s["l1_regularization_strength"], s["l2_regularization_strength"]
    shrinkage = s["l2_shrinkage_regularization_strength"]
    old, n = s["n"], s["n"] + g * g
    z = s["z"] + g + 2 * shrinkage * w - (n**p - old**p) / rate * w
    new = (np.clip(z, -l1, l1) - z) / ((beta + n**p) / rate + 2 * l2)
    more = f" + 2 · {plain(shrinkage)} · {number(w)}" if shrinkage else ""
    power = f"({plain(n)}^{plain(p)} - {plain(old)}^{plain(p)})"
    given = f"{number(s['z'])} + {number(g)}{more} - {power} / {plain(rate)} · {number(w)}"
    clipped = f"(clip({plain(z)}, {plain(-l1)}, {plain(l1)}) - {number(z)})"
    under = f"(({plain(beta)} + {plain(n)}^{plain(p)}) / {plain(rate)} + 2 · {plain(l2)})"
    shrink = " + 2 l2_shrinkage w" if shrinkage else ""
    return [
        _Line("n", "n = n_old + g^2", n, f"{number(old)} + {number(g)}^2"),
        _Line("z", f"z = z + g{shrink} - (n^p - n_old^p) / learning_rate w", z, given),
        _Line(
            "w",
            "w = (clip(z, -l1, l1) - z) / ((beta + n^p) / learning_rate + 2 l2)",
            float(new),
            f"{clipped} / {under}",
        ),
    ]


def _of_lion(s: dict) -> list[_Line]:
    rate, one, two, w, g, m = (
        s[key] for key in ("learning_rate", "beta_1", "beta_2", "w", "g", "m")
    )
    mixed = one * m + (1 - one) * g
    inner = f"{number(one)} · {number(m)} + (1 - {number(one)}) · {number(g)}"
    equation = "w = w - learning_rate sign(beta_1 m + (1 - beta_1) g)"
    given = f"{number(w)} - {number(rate)} sign({inner})"
    return [
        _Line("w", equation, float(w - rate * np.sign(mixed)), given),
        _average("m", "beta_2", two, m, g, False),
    ]


_M, _V = {"momentum": "m"}, {"velocity": "v"}
# The rules, and the letters of the slots in the reference.
_RULES: dict[str, tuple[Callable[[dict], list[_Line]], dict[str, str]]] = {
    "sgd_update_": (_of_sgd, {}),
    "momentum_update_": (_of_momentum, _M),
    "rmsprop_update_": (_of_rmsprop, {**_M, **_V, "average_gradient": "a"}),
    "adagrad_update_": (_of_adagrad, {"accumulator": "a"}),
    "adadelta_update_": (_of_adadelta, {"accumulated_grad": "a", "accumulated_delta_var": "u"}),
    "adam_update_": (_of_adam, {**_M, **_V, "velocity_hat": "h"}),
    "adamax_update_": (_of_adamax, {**_M, "norm": "u"}),
    "nadam_update_": (_of_nadam, {**_M, **_V}),
    "ftrl_update_": (_of_ftrl, {"accumulator": "n", "linear": "z"}),
    "lion_update_": (_of_lion, _M),
}
