"""A step while ``capture`` records it: the calls going on, and what passes on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..layers.layer import Layer
from ..layers.recurrent.rnn import RNN
from ..models import Model
from ..nested import flatten
from ..tape import Record
from ..tensor import Tensor, Variable
from .captured import Call, LayerStep, Step


class Frame:
    """One call of a layer that is going on; ``around`` is that of the layer around it."""

    def __init__(self, around: Frame | None, layer: Layer, args: tuple, kwargs: dict) -> None:
        self.around = around
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.call = Call()
        self.places: dict[int, list[int]] = {}  # of the inputs; one tensor may be several
        for i, x in enumerate(tensors_in((args, kwargs))):
            self.places.setdefault(id(x), []).append(i)
        self.steps: list[dict[str, np.ndarray]] = []  # the gates of the calls of its cell

    def add_gradient(self, x: Any, dx: np.ndarray, recording: Recording) -> None:
        """Add to the gradient by an input of this call, and of those around it."""
        frame: Frame | None = self
        while frame is not None:
            places, gradients = frame.places.get(id(x)), frame.call.input_gradients
            if places is not None and gradients:
                before = gradients[places[0]]
                total = recording.kept(dx) if before is None else before + dx
                for place in places:
                    gradients[place] = total
            frame = frame.around


class Recording:
    """A step while it is recorded. The tape's records refer to it until they are gone."""

    def __init__(self, owner: Any, step: Step) -> None:
        self.owner = owner
        self.step = step
        self.frames: list[Frame] = []
        self._copies: dict[int, tuple[Any, Any]] = {}  # of tensors by their identity
        self._wanted: dict[int, list[Callable]] = {}  # who wants the gradient by a tensor
        self._alive: list[Any] = []  # these tensors
        self._before: dict[int, Any] = {}  # the weights, by their identity

    def copy(self, tensor: Tensor) -> np.ndarray | None:
        """A copy of a tensor's values, the same one for all its uses in this call of the model;
        None if there is no room.
        """
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = tensor, self.kept(tensor.array)
        return self._copies[id(tensor)][1]

    def forget_copies(self) -> None:
        self._copies.clear()

    def kept(self, array: np.ndarray) -> np.ndarray | None:
        """A copy; None if there is no room."""
        return np.array(array) if self.owner.room_for(array.nbytes) else None

    def copies(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = {name: self.kept(array) for name, array in arrays.items()}
        return {name: array for name, array in made.items() if array is not None}

    # Gradients

    def want(self, tensor: Any, keep: Callable) -> None:
        self._wanted.setdefault(id(tensor), []).append(keep)
        self._alive.append(tensor)

    def spy(self, records: list[Record], start: int, frame: Frame) -> None:
        """Let the records of a call show what passes through them on the way back; those of calls
        within it do so already.
        """
        for i, record in enumerate(records[start:], start):
            is_new = not isinstance(getattr(record.backward, "__self__", None), _Spy)
            if is_new and record.backward is not None:
                frame.call.operations.append(name_of(record))
                spy = _Spy(record, frame, self)
                operation = None if record.operation is None else spy
                records[i] = record._replace(backward=spy.backward, operation=operation)

    def passed(self, record: Record, frame: Frame, dy: Any, dxs: Sequence) -> None:
        """The chain rule has gone through a record."""
        outputs, gradients = flatten(record.output), dy if isinstance(dy, list) else [dy]
        for y, g in zip(outputs, gradients, strict=True):
            for keep in self._wanted.get(id(y), ()):
                copy = self.kept(_array(g))
                if copy is not None:
                    keep(copy)
        kinds = self.owner.kinds
        for x, dx, need in zip(record.inputs, dxs, record.needs, strict=False):
            if dx is None or not need:
                continue
            if isinstance(x, Variable):
                if "weight_gradients" in kinds:
                    self._add_weight_gradient(x, _array(dx))
            elif "input_gradients" in kinds:
                frame.add_gradient(x, _array(dx), self)

    # Weights

    def _entries(self) -> Iterable[tuple[LayerStep, str, Variable]]:
        for entry in self.step.layers.values():
            for name, variable in weights_of(entry.layer).items():
                yield entry, name, variable

    def _places(self) -> dict[int, tuple[LayerStep, str]]:
        return {id(variable): (entry, name) for entry, name, variable in self._entries()}

    def _add_weight_gradient(self, variable: Variable, gradient: np.ndarray) -> None:
        entry, name = self._places().get(id(variable), (None, ""))
        if entry is not None:
            before = entry.weight_gradients.get(name)
            if before is not None:
                entry.weight_gradients[name] = before + gradient
            elif (copy := self.kept(gradient)) is not None:
                entry.weight_gradients[name] = copy

    def keep_gradients(self, pairs: Iterable[tuple[Variable, Any]]) -> None:
        """The gradients that the optimizer gets."""
        places = self._places()
        for variable, gradient in pairs:
            entry, name = places.get(id(variable), (None, ""))
            if entry is not None and gradient is not None:
                if name in entry.weight_gradients:
                    self.owner.bytes -= entry.weight_gradients.pop(name).nbytes
                copy = self.kept(_array(gradient))
                if copy is not None:
                    entry.weight_gradients[name] = copy

    def remember_weights(self) -> None:
        """Keep the weights as they are at the beginning of the step."""
        if not self.owner.kinds & {"weights", "updates"}:
            return
        for layer in self.owner.recorded_layers():
            for variable in weights_of(layer).values():
                self._before[id(variable)] = self.kept(variable.array)

    def keep_weights_before(self) -> None:
        """Record these weights for the layers that were called; those made by the call as they are
        now.
        """
        if not self.owner.kinds & {"weights", "updates"}:
            return
        for entry, name, variable in self._entries():
            if id(variable) not in self._before:
                self._before[id(variable)] = self.kept(variable.array)
            array = self._before[id(variable)]
            if array is not None:
                entry.weights[name] = array

    def keep_weights_after(self) -> None:
        """Record the weights after the update."""
        for entry, name, variable in self._entries():
            array = self.kept(variable.array)
            if array is not None:
                entry.new_weights[name] = array


class _Spy:
    """The backward function of a record, and the one made of operations, with the step told what
    has passed.
    """

    def __init__(self, record: Record, frame: Frame, recording: Recording) -> None:
        self.record = record
        self.frame = frame
        self.recording = recording

    def backward(self, dy: Any, cache: Any, needs: Any) -> Any:
        dxs = self.record.backward(dy, cache, needs)
        self.recording.passed(self.record, self.frame, dy, dxs)
        return dxs

    def way_back(self, dy: Any, record: Record, needs: Any) -> Any:
        dxs = self.record.operation.way_back(dy, self.record, needs)
        self.recording.passed(self.record, self.frame, dy, dxs)
        return dxs

    def __getattr__(self, name: str) -> Any:  # the name and family of the operation
        return getattr(self.record.operation, name)


def named(model: Layer) -> Iterator[tuple[str, Layer]]:
    """The layers of a model, parents first, each once, with a name of its own. The model itself is
    among them if it is no model but a layer, or has weights of its own.
    """
    seen: set[int] = {id(model)}
    names: set[str] = set()
    if not isinstance(model, Model) or model._own:
        names.add(model.name)
        yield model.name, model
    stack = [("", layer) for layer in reversed(model._sublayers)]
    while stack:
        prefix, layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        name = free = f"{prefix}{layer.name}"
        number = 2
        while free in names:
            free, number = f"{name}#{number}", number + 1
        names.add(free)
        yield free, layer
        stack.extend((f"{free}/", inner) for inner in reversed(layer._sublayers))


def weights_of(layer: Layer) -> dict[str, Variable]:
    """By name, the weights of a layer without those of the layers in it; a recurrent layer has
    those of its cell.
    """
    own = list(layer.weights if isinstance(layer, RNN) else layer._own)
    names = [variable.name for variable in own]
    return {
        variable.name if names.count(variable.name) == 1 else variable.path: variable
        for variable in own
    }


def name_of(record: Record) -> str:
    """The operation of a record: "dense.dense" of a twin, "add" of an array operation."""
    operation: Any = record.operation
    name = str(getattr(operation, "name", "") or getattr(record.backward, "__name__", "?"))
    family = getattr(operation, "family", None)
    return f"{family}.{name}" if family else name


def tensors_in(structure: Any) -> list[Tensor]:
    return [leaf for leaf in flatten(structure) if isinstance(leaf, Tensor)]


def _array(x: Any) -> np.ndarray:
    return np.asarray(x.array if isinstance(x, Tensor) else x)
