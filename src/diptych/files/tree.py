"""The parts of a model that have a state, and their names in Keras's files.

Keras names a part by the attribute that holds it (``layers/lstm/cell``), and one in a list or dict
by its class and a number (``layers/dense_1``), so that a file does not depend on the names of
layers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..layers.layer import Layer
from ..optimizers import Optimizer
from ..random import SeedGenerator
from ..tensor import Variable
from ..utils.naming import snake_case
from ..utils.objects import HOMES
from .region import Damaged


def _names(thing: Any) -> set[str]:
    """The names of all attributes, those that ``dir`` hides among them."""
    return {*vars(thing), *(name for cls in type(thing).__mro__ for name in vars(cls))}


# Attributes that every layer, model or optimizer has.
_SKIPPED = {Layer: _names(Layer()), Optimizer: _names(Optimizer(0.0))}


class Part(NamedTuple):
    """A layer, a model or an optimizer, and its place in a file."""

    path: str  # "" for the model itself
    thing: Any


def parts_of(thing: Any) -> list[Part]:
    """The model (or layer) and all its parts with a state, each once, in Keras's order."""
    found: list[Part] = []
    seen: dict[int, Any] = {}  # with the things: a list that is freed would give its id away
    _visit(thing, "", found, seen)
    return found


def _visit(thing: Any, path: str, found: list[Part], seen: dict[int, Any]) -> None:
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    found.append(Part(path, thing))
    for name, child in _children(thing):
        below = f"{path}/{name}" if path else name
        if isinstance(child, (Layer, Optimizer)):
            _visit(child, below, found, seen)
        elif isinstance(child, (list, tuple, dict)):
            _visit_all(child, below, found, seen)


def _visit_all(container: Any, path: str, found: list[Part], seen: dict[int, Any]) -> None:
    if id(container) in seen:
        return
    seen[id(container)] = container
    used: dict[str, int] = {}
    for child in container.values() if isinstance(container, dict) else container:
        if isinstance(child, (Layer, Optimizer)):
            _visit(child, f"{path}/{_numbered(_class_name(child), used)}", found, seen)
        elif isinstance(child, (list, tuple, dict)):
            _visit_all(child, f"{path}/{_numbered('container', used)}", found, seen)


def _class_name(thing: Any) -> str:
    """The name of a part's class, as Keras calls it."""
    cls = type(thing)
    name = snake_case(HOMES[cls][1] if cls in HOMES else cls.__name__)
    return {"group_query_attention": "grouped_query_attention"}.get(name, name)


def _numbered(name: str, used: dict[str, int]) -> str:
    count = used[name] = used.get(name, -1) + 1
    return f"{name}_{count}" if count else name


def _children(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a part, private ones last; the layers of a graph come first."""
    if getattr(thing, "inputs", None) is not None and hasattr(thing, "layers"):
        yield "layers", thing.layers
    base = Layer if isinstance(thing, Layer) else Optimizer
    for name in sorted(_names(thing), key=lambda n: f"~{n}" if n.startswith("_") else n):
        if name.startswith("__") or name in _SKIPPED[base] or name in _INNER:
            continue
        try:
            yield name, getattr(thing, name)
        except MemoryError:
            raise
        except Exception:  # noqa: S112 - a property that has no value yet
            continue


# How models keep their graph, and what is not part of their state.
_INNER = frozenset(
    "layers inputs outputs input output losses metrics variables weights history "
    "_function _stack _between _replays _fitted _inputs_structure _outputs_structure "
    "_loss _metrics _loss_mean _checks compiled_loss compiled_metrics".split()
)


def state_of(thing: Any) -> Sequence[Variable]:
    """A part's own variables, without those of its parts, in Keras's order."""
    if isinstance(thing, Optimizer):
        return thing.variables
    return sorted(thing._own, key=lambda v: v.is_state)


def continuing(model_generators: Mapping[str, Any], states: Any, name: str) -> Callable[[], None]:
    """What lets random generators go on from these states, which have been tried on copies.

    Raises:
        Damaged: one of them is no state.
    """
    found = [(g, states[path]) for path, g in model_generators.items() if path in states]
    try:
        for generator, state in found:
            copy.deepcopy(generator).bit_generator.state = state
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise Damaged(f"{name} is damaged ({type(error).__name__}: {error}).") from None

    def go_on() -> None:
        for generator, state in found:
            generator.bit_generator.state = state

    return go_on


def generators_of(model: Any) -> dict[str, np.random.Generator]:
    """The random generators of a model's layers, by their places."""
    return {
        f"{part.path}/{name}": value.generator
        for part in parts_of(model)
        for name, value in vars(part.thing).items()
        if isinstance(value, SeedGenerator)
    }
