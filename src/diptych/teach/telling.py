"""The text of ``explain``, part by part."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import spelling, spelling_rules
from .captured import Call, LayerStep, Step
from .equations import equations, equations_of
from .numerals import MOST_ENTRIES, agree, entries, number, plain

if TYPE_CHECKING:
    from .explaining import Explanation, WeightUpdate

MOST_NUMBERS = 40  # of an array that is shown whole
BESIDE = 80  # the width where the terminal's is not known


class Section(NamedTuple):
    """A part of the text: a title, and lines of equations and numbers."""

    title: str
    lines: list[str]


def shown(name: str, array: Any, width: int) -> list[str]:
    """An array with its name: the numbers of a small one, else its shape and what they are like."""
    array = np.asarray(array)
    if array.size > MOST_NUMBERS or array.dtype.kind not in "biuf":
        return [f"{name}: {_statistics(array)}"]
    start = f"{name} = "
    if array.ndim == 0:
        return [start + plain(array)]
    text = np.array2string(
        array,
        max_line_width=max(width - len(start), 40),
        separator=", ",
        formatter={"all": plain},  # type: ignore[arg-type]
    )
    return (start + text.replace("\n", "\n" + " " * len(start))).split("\n")


def _statistics(array: np.ndarray) -> str:
    shape = str(array.shape)
    if array.size == 0 or array.dtype.kind not in "biuf":
        return f"{shape} {array.dtype}"
    values = np.asarray(array, np.float64)
    zeros = np.mean(values == 0)
    return (
        f"{shape}, mean {values.mean():.4g}, deviation {values.std():.4g}, from "
        f"{values.min():.4g} to {values.max():.4g}" + (f", {zeros:.0%} zeros" if zeros else "")
    )


def sections(e: Explanation, width: int) -> list[Section]:
    """All parts: the way forward, the loss, the way back, the update."""
    calls = [(entry, i, call) for entry in e.step for i, call in enumerate(entry.calls)]
    calls = [one for one in calls if one[2].operations or not one[0].layer._sublayers]
    forward = [
        Section(f"{n}. {_title(entry, i)}", list(_forward(entry, i, call, width, e.step)))
        for n, (entry, i, call) in enumerate(calls, 1)
    ]
    from_loss = _spelled_slope(e)
    backward = [
        Section(f"{n}. {_title(entry, i)}", list(_backward(entry, i, call, width, from_loss)))
        for n, (entry, i, call) in reversed(list(enumerate(calls, 1)))
    ]
    parts = [
        Section(_head(e), []),
        Section("FORWARD", []),
        *forward,
        Section("THE LOSS", list(_loss(e, width))),
        Section("BACKWARD: dL by each number, by the chain rule", []),
        *[part for part in backward if part.lines],
        Section(f"THE UPDATE, by {e.optimizer}", list(_optimizer(e, width))),
    ]
    return [*parts, *(Section(path, list(_weight(e, w, width))) for path, w in e.weights.items())]


def _head(e: Explanation) -> str:
    first = next((call.input for entry in e.step for call in entry.calls), None)
    batch = "" if first is None else f" on a batch of {len(first)}"
    return f"One update of {e.model}{batch} ({e.engine} engine)"


def _title(entry: LayerStep, number: int) -> str:
    again = f", call {number + 1}" if len(entry.calls) > 1 else ""
    kind = type(entry.layer).__name__
    activation = getattr(getattr(entry.layer, "activation", None), "__name__", "linear")
    more = "" if activation == "linear" else f", {activation}"
    return f"{entry.name} ({kind}{more}){again}"


def _numbered(name: str, arrays: list) -> Iterator[tuple[str, Any]]:
    for i, array in enumerate(arrays):
        if array is not None:
            yield (name if len(arrays) == 1 else f"{name}_{i}"), array


def _equations(call: Call, which: str) -> list[str]:
    """The equations of a call's operations, each once; an operation of NumPy by its name."""
    operations = list(dict.fromkeys(call.operations))
    if which == "backward":
        operations.reverse()
        if call.preactivation_gradient is not None and call.output_gradient is None:
            operations = [o for o in operations if not o.startswith(("activations", "piecewise"))]
    found: list[str] = []
    for operation in operations:
        lines = equations(operation, which)
        if not lines and which == "forward" and "." not in operation:
            lines = (f"ops.{operation}",)
        name = operation.rpartition(".")[2]
        start = f"{name}: " if len(operations) > 1 and "." in operation else ""
        found += [(start if i == 0 else " " * len(start)) + line for i, line in enumerate(lines)]
    return found


def _with_a_blank(lines: list[str]) -> list[str]:
    return [*lines, ""] if lines else []


def _forward(entry: LayerStep, i: int, call: Call, width: int, step: Step) -> Iterator[str]:
    yield from _with_a_blank(_equations(call, "forward"))
    spelled = spelling.forward(entry, call, step)
    for name, array in _numbered("x", call.inputs):
        yield from shown(name, array, width)
    for name, array in entry.weights.items() if i == 0 else ():
        yield from shown(name, array, width)
    yield from spelled.get("z", [])
    if call.preactivation is not None:
        yield from shown("z", call.preactivation, width)
    yield from spelled.get("gates", [])
    for name, array in call.gates.items():
        yield from shown(name.replace("_tilde", "~"), array, width)
    yield from spelled.get("scores", [])
    if call.scores is not None:
        yield from shown("scores", call.scores, width)
    yield from spelled.get("y", [])
    for name, array in _numbered("y", call.outputs):
        yield from shown(name, array, width)


def _backward(
    entry: LayerStep, i: int, call: Call, width: int, from_loss: list[str]
) -> Iterator[str]:
    before = list(_numbered("dy", call.output_gradients))
    after = [(f"d{n}", g) for n, g in entry.weight_gradients.items()] if i == 0 else []
    after += _numbered("dx", call.input_gradients)
    dz = call.preactivation_gradient
    if not before and not after and dz is None:
        return
    yield from _with_a_blank(_equations(call, "backward"))
    spelled = spelling.backward(entry, call)
    for name, array in before:
        yield from shown(name, array, width)
    if dz is not None:
        if call.output_gradient is None:
            yield "dz comes from the loss, which is computed from z itself."
            yield from from_loss
        yield from spelled.get("dz", [])
        yield from shown("dz", dz, width)
    for name, array in after:
        yield from spelled.get(name, [])
        yield from shown(name, array, width)


def _loss(e: Explanation, width: int) -> Iterator[str]:
    for operation in e.step.loss_operations:
        yield from equations(operation, "forward")
    yield ""
    for i, labels in enumerate(e.labels):
        yield from shown("y_true" if len(e.labels) == 1 else f"y_true {i}", labels, width)
    yield from _spelled_loss(e)
    for name, losses in e.losses.items():
        yield from shown(f"{name} of each sample", losses, width)
    yield f"L = {plain(e.loss)}"


def _outputs(e: Explanation) -> tuple[Call | None, Any, Any]:
    """The call of the last layer, y and p (N, D) of a model with one output; None if it is another
    kind of model.
    """
    last = [call for entry in e.step for call in entry.calls if call.output is not None]
    if len(e.losses) != 1 or len(e.labels) != 1 or not last:
        return None, None, None
    y, p = e.labels[0], np.asarray(last[-1].output, np.float64)
    y = y[:, None] if y.ndim == 1 else y
    (losses,) = e.losses.values()
    if y.shape != p.shape or y.ndim != 2 or y.shape[1] > 3 or losses.shape != y.shape[:1]:
        return None, None, None
    return last[-1], y, p


# Losses that are spelled out: all of a row, from y and p; one term in numbers; what is around them.
_LOSSES: dict[str, tuple] = {
    "binary_crossentropy": (
        lambda y, p: -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p), axis=1),
        lambda y, p: f"{plain(y)} log {plain(p)} + {plain(1 - y)} log {plain(1 - p)}",
        "-",
    ),
    "categorical_crossentropy": (
        lambda y, p: -np.sum(y * np.log(p), axis=1),
        lambda y, p: f"{plain(y)} log {plain(p)}",
        "-",
    ),
    "mean_squared_error": (
        lambda y, p: np.mean((p - y) ** 2, axis=1),
        lambda y, p: f"({plain(p)} - {number(y)})^2",
        "",
    ),
}


def _spelled_loss(e: Explanation) -> Iterator[str]:
    """The loss of the first samples in numbers, for three losses of one output."""
    last, y, p = _outputs(e)
    if last is None:
        return
    ((name, losses),) = e.losses.items()
    value, term, sign = _LOSSES.get(name, (None, None, ""))
    with np.errstate(all="ignore"):
        if value is None or not agree(value(y, p), losses):
            return
    mean = f"1/{y.shape[1]} " if y.shape[1] > 1 and name != "categorical_crossentropy" else ""
    for n in range(min(len(y), MOST_ENTRIES)):
        inner = " + ".join(term(a, b) for a, b in zip(y[n], p[n], strict=True))
        whole = f"{sign}{mean}({inner})" if sign or mean else inner
        yield f"loss[{n}] = {whole} = {plain(losses[n])}"


def _spelled_slope(e: Explanation) -> list[str]:
    """dL/dz of the first samples in numbers, where softmax or sigmoid meets cross-entropy."""
    last, y, p = _outputs(e)
    dz = None if last is None else last.preactivation_gradient
    if dz is None or "crossentropy" not in next(iter(e.losses)):
        return []
    rows, columns = y.shape
    count = rows * (columns if "binary" in next(iter(e.losses)) else 1)
    if not agree((p - y) / count, dz):
        return []
    return [
        f"dz[{n}, {u}] = (p - y) / {count} = ({plain(p[n, u])} - {number(y[n, u])}) / {count} = "
        f"{plain(dz[n, u])}"
        for n, u in entries(dz.shape)
    ]


def _optimizer(e: Explanation, width: int) -> Iterator[str]:
    for rule in e.rules:
        yield from equations_of(rule.family, rule.name)
        settings = [
            f"{name} = {plain(value) if isinstance(value, float) else value}"
            for name, value in rule.settings.items()
            if value is not None
        ]
        yield "with " + ", ".join(settings)
        yield ""
    for name, (before, after) in e.shared.items():
        change = "" if np.array_equal(before, after) else f" -> {plain(after)}"
        yield f"{name}: {plain(before)}{change}"


def _weight(e: Explanation, weight: WeightUpdate, width: int) -> Iterator[str]:
    if weight.gradient is None:
        yield "The loss does not depend on it: no gradient, no update."
        return
    yield from shown("g", weight.gradient, width)
    mine = [rule.gradients[weight.path] for rule in e.rules if weight.path in rule.gradients]
    if mine and not agree(mine[-1], weight.gradient):
        yield from shown("g as the rule gets it", mine[-1], width)
    for name, (before, after) in weight.slots.items():
        yield from shown(f"{name} before", before, width)
        yield from shown(f"{name} after", after, width)
    yield from shown("w before", weight.before, width)
    yield from _spelled_update(e, weight)
    yield from shown("w after", weight.after, width)


def _spelled_update(e: Explanation, weight: WeightUpdate) -> Iterator[str]:
    """The rule in numbers, for the number of the weight with the largest gradient."""
    mine = [rule for rule in e.rules if weight.path in rule.gradients]
    if not mine or not weight.before.size or weight.path not in mine[-1].paths:
        return
    rule = mine[-1]
    decays = [r for r in e.rules if r.name == "decay_weights_" and weight.path in r.paths]
    gradient = rule.gradients[weight.path]
    place = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
    g, w = float(gradient[place]), float(weight.before[place])
    same = weight.before.shape
    slots = {n: float(old[place]) for n, (old, _) in weight.slots.items() if old.shape == same}
    decay = decays[0].settings["weight_decay"] if decays else None
    spelled = spelling_rules.update(rule.name, {**rule.settings, "g": g, "w": w}, slots, decay)
    if spelled is not None and agree(spelled.weight, weight.after[place]):
        yield f"w[{', '.join(map(str, map(int, place)))}], where g is {plain(g)}:"
        yield from (f"    {line}" for line in spelled.lines)


# --------------------------------------------------------------------------------------------------


def as_text(e: Explanation) -> str:
    """The text for a terminal."""
    width = shutil.get_terminal_size((BESIDE, 24)).columns
    lines = []
    for title, body in e.sections(width - 4):
        is_part = not body or title.isupper() or title.startswith("THE UPDATE")
        lines += ["", title, ("=" if is_part else "-") * len(title)]
        lines += [wrapped for line in body for wrapped in _wrapped(line, width - 4)]
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _wrapped(line: str, width: int) -> list[str]:
    """A line that is too long, broken between equations, or before a sign."""
    lines, indent = [], " " * (len(line) - len(line.lstrip()) + 4)
    while len(line) > width:
        gap = line.rfind("   ", len(indent), width)
        equals = line.rfind(" = ", width // 3, width)
        others = [line.rfind(sign, len(indent), width) for sign in (" + ", " = ", ", ", " - ")]
        place = next((place for place in (gap, equals, *others) if place > 0), 0)
        if not place:
            break
        place += line[place] == ","
        lines.append("    " + line[:place].rstrip())
        line = indent + line[place:].strip()
    return [*lines, "    " + line if line else ""]


def as_html(e: Explanation) -> str:
    """The same for a notebook."""
    parts = []
    for title, body in e.sections(100):
        is_part = not body or title.isupper() or title.startswith("THE UPDATE")
        tag = "h3" if is_part else "h4"
        parts.append(f"<{tag}>{escape(title)}</{tag}>")
        if body:
            text = escape("\n".join(body).strip("\n"))
            parts.append(f'<pre style="overflow-x: auto; line-height: 1.3">{text}</pre>')
    return "\n".join(parts)
