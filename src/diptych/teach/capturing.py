"""What goes on in a model while it computes and trains: ``capture``.

While a capture is open, each layer has a ``call`` of its own that records and then does what the
layer's does. So no step is replayed or planned (see ``diptych.models.replay``), and each runs layer
by layer, which gives the same bits. Gradients are read where the chain rule passes them on: the
records of the tape get backward functions that keep what goes through. When the capture is closed,
all is as before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from threading import get_ident
from typing import Any

import numpy as np

from ..graph import symbolic
from ..layers.context import training_now
from ..layers.layer import Layer
from ..models import Model
from ..nested import flatten, map_structure
from ..tape import GradientTape, Record, open_records, unrecorded
from ..tensor import Structure, Tensor, Variable
from ..trial import Trial, open_trial
from ..utils.naming import suggest
from . import inside
from .captured import KINDS, Call, LayerStep, Step
from .drawing import picture_of
from .recording import Frame, Recording, name_of, named, tensors_in
from .table import text_table

LIMIT = 1 << 28  # bytes


class capture:  # noqa: N801 - called like a function
    """Context manager: record what the layers of a model compute, and the gradients.

        with diptych.capture(model) as c:
            model.train_on_batch(x, y)
        c[0]["dense"].output                     # (N, U), of the first step
        c[0]["dense"].output_gradient            # dL/d output
        c[0]["dense"].weight_gradients["kernel"]
        c[0]["lstm"].gates["f"]                  # (N, T, U)

    A step is a call of the model, in ``train_on_batch``, ``fit``, ``evaluate``, ``predict`` or on
    its own, with the update that follows, if any. ``c[i]`` is the step recorded as number i, a
    ``Step``; ``c[i][name]`` a ``LayerStep``, which says what there is: inputs, pre-activations,
    outputs and the gradients by them, gates and states of recurrent layers, scores of attention,
    weights before and after the update, and their gradients. All are copies. Printing shows a
    table. Training gives the same bits as without a capture; it runs layer by layer, more slowly,
    and so do copies of the model that are made while the capture is open; those are not recorded.

    Args:
        model: a model, or any layer.
        layers: which to record: names, layers or classes of layers, or one of them; by default all.
            Layers within others have names such as "encoder/dense".
        kinds: which of ``diptych.teach.KINDS`` to record; by default all. If "input_gradients" is
            named, there are also gradients by the data themselves.
        steps: the numbers of the steps to record, from 0: a number, a range or a list of them, or a
            function that says for each number whether to; by default all.
        training: True to record and count steps in training alone, False only the others.
        limit: the most bytes to keep. What comes after that is left out, with a warning.

    Attributes:
        steps: the recorded steps, a list of ``Step``.
        names: the names of the layers that are recorded.
        bytes: of all that was kept.
        dropped: the number of arrays that were left out because of the limit.

    Raises:
        ValueError: there is no such layer or kind.
        RuntimeError: it is entered a second time before it ended.
    """

    def __init__(
        self,
        model: Layer,
        layers: Any = None,
        kinds: Any = None,
        steps: Any = None,
        *,
        training: bool | None = None,
        limit: int = LIMIT,
    ) -> None:
        if not isinstance(model, Layer):
            raise ValueError(f"capture() takes a model or a layer; got {type(model).__name__}.")
        self.model = model
        self.kinds = _kinds(kinds)
        self.limit = limit
        self.training = training
        self.steps: list[Step] = []
        self.bytes = 0
        self.dropped = 0
        self._wanted_layers = layers
        self._data_gradients = kinds is not None and "input_gradients" in self.kinds
        self._is_step = _chooser(steps)
        self._count = 0
        self._names: dict[int, str] = {}
        self._recorded: set[int] = set()  # the ids of the layers to record
        self._restore: dict[Any, tuple] = {}
        self._current: Recording | None = None
        self._last: Recording | None = None
        self._paused = False
        self._choose()

    # ----------------------------------------------------------------------------------------------
    # Which layers

    @property
    def names(self) -> list[str]:
        return [name for key, name in self._names.items() if key in self._recorded]

    def recorded_layers(self) -> list[Layer]:
        return [layer for _, layer in named(self.model) if id(layer) in self._recorded]

    def _choose(self) -> None:
        """Find the layers, name them, and choose those to record."""
        found = dict(named(self.model))
        self._names = {id(layer): name for name, layer in found.items()}
        wanted = self._wanted_layers
        if wanted is None:
            self._recorded = set(self._names)
            return
        chosen: set[int] = set()
        for one in [wanted] if isinstance(wanted, (str, Layer, type)) else list(wanted):
            if isinstance(one, type):
                some = [layer for layer in found.values() if isinstance(layer, one)]
            else:
                some = [layer for name, layer in found.items() if one in (name, layer.name)]
                some = [layer for layer in found.values() if layer is one] or some
            if not some and self.model.built:
                name = getattr(one, "name", getattr(one, "__name__", one))
                raise ValueError(
                    f"{self.model.name!r} has no layer {name!r}{suggest(name, found) or '.'} Its "
                    f"layers are {', '.join(found)}."
                )
            chosen.update(map(id, some))
        self._recorded = chosen

    # ----------------------------------------------------------------------------------------------
    # Opening and closing

    def __enter__(self) -> capture:
        if self._restore:
            raise RuntimeError("This capture is already open.")
        self._thread, self._trial = get_ident(), open_trial.get()
        try:
            self._watch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        replaced, self._restore = self._restore, {}
        for thing, name, mine in replaced.values():
            if vars(thing).get(name) is not mine:
                continue  # that of a capture opened later, which restores both
            before = mine
            while isinstance(before, _Replacement) and not before.owner._restore:
                before = before.before
            if before is None:
                del vars(thing)[name]
            else:
                vars(thing)[name] = before
        Structure.version += 1  # steps that were prepared with the calls of the capture
        self._current = self._last = None

    def _watch(self) -> None:
        """Put a call of the capture's into each layer, also into those that are new."""
        count = len(self._restore)
        for layer in [self.model, *(layer for _, layer in named(self.model))]:
            if id(layer) not in self._restore:
                self._replace(layer, "call", partial(self._called, layer))
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and id(optimizer) not in self._restore:
            self._replace(optimizer, "apply", self._applied)
        if isinstance(self.model, Model) and "compute_loss" not in self._restore:
            self._replace(self.model, "compute_loss", self._lost, "compute_loss")
        if len(self._restore) > count:
            Structure.version += 1
            self._choose()

    def _replace(self, thing: Any, name: str, around: Callable, key: Any = None) -> None:
        mine = _Replacement(self, thing, name, around)
        self._restore[key or id(thing)] = thing, name, mine
        vars(thing)[name] = mine

    def may_record(self) -> bool:
        """Whether a call is to be recorded now."""
        return bool(self._restore) and not self._paused and get_ident() == self._thread

    # ----------------------------------------------------------------------------------------------
    # Calls of layers

    def _called(self, layer: Layer, original: Callable, *args: Any, **kwargs: Any) -> Any:
        """A call of a layer, in place of its own."""
        if open_trial.get() is not self._trial or symbolic((args, kwargs)):
            return original(*args, **kwargs)  # only to find shapes
        if self._current is not None:
            return self._record(self._current, layer, original, args, kwargs)
        if layer is not self.model:
            return original(*args, **kwargs)
        self._watch()
        self._last = None
        training = training_now.get() is True
        if self.training is not None and training is not self.training:
            return original(*args, **kwargs)
        number, self._count = self._count, self._count + 1
        if not self._is_step(number):
            return original(*args, **kwargs)
        recording = self._current = self._last = Recording(self, Step(number, training))
        self.steps.append(recording.step)
        if self._data_gradients:
            for tensor in tensors_in((args, kwargs)):
                if tensor.dtype.kind == "f" and not isinstance(tensor, Variable):
                    tensor.tracked = True
        try:
            recording.remember_weights()
            outputs = self._record(recording, layer, original, args, kwargs)
            self._watch()  # the call may have made layers
            recording.keep_weights_before()
            return outputs
        finally:
            self._current = None
            recording.forget_copies()

    def _record(
        self, recording: Recording, layer: Layer, original: Callable, args: tuple, kwargs: dict
    ) -> Any:
        inputs = tensors_in((args, kwargs))
        frame = Frame(recording.frames[-1] if recording.frames else None, layer, args, kwargs)
        records = open_records.get()
        start = 0 if records is None else len(records)
        entry, call = self._entry(recording, layer), frame.call
        if entry is not None:
            entry.calls.append(call)
            call.input_shapes = [x.shape for x in inputs]
            if "inputs" in self.kinds:
                call.inputs = [recording.copy(x) for x in inputs]
        recording.frames.append(frame)
        try:
            outputs = original(*args, **kwargs)
        finally:
            recording.frames.pop()
        if entry is not None:
            made = tensors_in(outputs)
            call.output_shapes = [y.shape for y in made]
            if "outputs" in self.kinds:
                call.outputs = [recording.copy(y) for y in made]
            of_call = [] if records is None else records[start:]
            again = partial(_call_tracked, original, args, kwargs)
            self._look_inside(recording, frame, again, outputs, of_call)
            if records is not None and "input_gradients" in self.kinds:
                call.input_gradients = [None] * len(inputs)
            if records is not None and "output_gradients" in self.kinds:
                call.output_gradients = [None] * len(made)
                for i, y in enumerate(made):
                    recording.want(y, partial(_set_item, call.output_gradients, i))
        if records is not None:
            recording.spy(records, start, frame)
        return outputs

    def _entry(self, recording: Recording, layer: Layer) -> LayerStep | None:
        """Where a layer's call is recorded; None if it is not."""
        if id(layer) not in self._recorded:
            return None
        name = self._names[id(layer)]
        return recording.step.layers.setdefault(name, LayerStep(name, layer, picture_of))

    def _look_inside(
        self,
        recording: Recording,
        frame: Frame,
        call: Callable,
        outputs: Any,
        records: Sequence[Record],
    ) -> None:
        """Record pre-activation, gates and scores.

        Args:
            call: makes the call again.
            records: those of the call, none if nothing was tracked.
        """
        layer = frame.layer
        wanted = inside.kinds_of(layer) & self.kinds
        if inside.is_cell(layer) and "gates" in self.kinds:
            frame.call.gates = recording.copies(self._gates_of_cell(frame, outputs))
        if frame.steps:  # of the cell's calls
            found = inside.over_steps(layer, frame.steps)
            frame.call.gates = recording.copies(found)
            wanted.discard("gates")
        wanted -= self._found(recording, frame, wanted, records, outputs, True)
        if wanted:  # in a prediction, or with frozen weights
            self._found(recording, frame, wanted, self._again(call), outputs, False)

    def _found(
        self,
        recording: Recording,
        frame: Frame,
        wanted: set[str],
        records: Sequence[Record],
        outputs: Any,
        on_tape: bool,
    ) -> set[str]:
        """Record what of this the records of a call show; return of which kinds it is."""
        done: set[str] = set()
        if wanted & inside.OF_ACTIVATION:
            z = inside.preactivation(frame.layer, records, flatten(outputs)[0])
            if z is not None:
                done |= inside.OF_ACTIVATION
                if "preactivations" in wanted:
                    frame.call.preactivation = recording.kept(z.array)
                if "preactivation_gradients" in wanted and on_tape:
                    recording.want(z.tensor, partial(_set_gradient, frame.call, z))
        if "gates" in wanted:
            found = inside.gates(records)
            frame.call.gates = recording.copies(found)
            done |= {"gates"} if found else set()
        if "scores" in wanted:
            scores = inside.scores(records)
            if scores is not None:
                frame.call.scores = recording.kept(scores)
                done.add("scores")
        return done

    def _gates_of_cell(self, frame: Frame, outputs: Any) -> dict[str, np.ndarray]:
        with self._pause(), unrecorded():
            found = inside.gates_of_cell(frame.layer, frame.args, frame.kwargs, outputs)
        if found and frame.around is not None:
            frame.around.steps.append(found)
        return found

    def _again(self, call: Callable) -> list[Record]:
        """The records of the same call made again, which leaves no trace."""
        with self._pause(), Trial(), unrecorded(), GradientTape() as tape:
            call()
        return tape.records

    @contextmanager
    def _pause(self) -> Iterator[None]:
        """A block in which calls are not recorded."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    # ----------------------------------------------------------------------------------------------
    # Losses and updates

    def _lost(self, original: Callable, *args: Any, **kwargs: Any) -> Any:
        """The model's ``compute_loss``, in place of its own."""
        records = open_records.get()
        start = 0 if records is None else len(records)
        loss = original(*args, **kwargs)
        if self._last is not None and loss is not None:
            step = self._last.step
            step.loss = float(loss)
            step.loss_operations = [name_of(record) for record in (records or ())[start:]]
        return loss

    def _applied(
        self, original: Callable, grads: Sequence[Any], trainable_variables: Any = None
    ) -> Any:
        """An update, in place of the optimizer's own ``apply``."""
        recording, self._last = self._last, None
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
        if recording is not None and "weight_gradients" in self.kinds:
            trained: Any = trainable_variables
            if trained is None:
                trained = self.model.optimizer._trainable_variables  # type: ignore[attr-defined]
            recording.keep_gradients(zip(trained, grads, strict=False))
        result = original(grads, trainable_variables)
        if recording is not None and "updates" in self.kinds:
            recording.keep_weights_after()
        return result

    # ----------------------------------------------------------------------------------------------
    # What has been recorded

    def __getitem__(self, index: int) -> Step:
        return self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def room_for(self, size: int) -> bool:
        """Whether so many bytes may be kept; they are counted."""
        if self.bytes + size <= self.limit:
            self.bytes += size
            return True
        if not self.dropped:
            warnings.warn(
                f"capture() has kept {self.bytes / 2**20:.0f} MB and leaves out what comes after "
                f"step {self.steps[-1].number}: choose layers=, kinds= or steps=, or raise limit=.",
                stacklevel=2,
            )
        self.dropped += 1
        return False

    def __str__(self) -> str:
        if not self.steps:
            return "Nothing recorded: the model was not called while the capture was open."
        table = [["step", "training", "layers", "arrays", "loss"]]
        for step in self.steps:
            arrays = sum(1 for layer in step for _ in layer.arrays())
            loss = "" if step.loss is None else f"{step.loss:.6g}"
            training = "yes" if step.training else "no"
            table.append([str(step.number), training, str(len(step)), str(arrays), loss])
        if len(table) == 2:
            return str(self.steps[0])
        note = f"\n{self.dropped} arrays were left out (limit)." if self.dropped else ""
        return text_table(table) + note

    def __repr__(self) -> str:
        return f"<capture of {self.model.name}: {len(self.steps)} steps, {self.bytes} bytes>"

    def _repr_html_(self) -> str:
        return "\n".join(step._repr_html_() for step in self.steps[:10])


class _Replacement:
    """A method of a capture's in place of a layer's or an optimizer's own.

    Attributes:
        owner: the capture.
        original: the method.
        before: what the object held under its name; None if it was the class's.
    """

    def __init__(self, owner: capture, thing: Any, name: str, around: Callable) -> None:
        self.owner, self.around = owner, around
        self.original, self.before = getattr(thing, name), vars(thing).get(name)
        self._of_class = (getattr, (thing, name))
        wraps(self.original, updated=())(self)

    def __reduce__(self) -> tuple:
        """Copies of the object, and pickled ones, have the method itself and tell no capture."""
        return self._of_class if self.before is None else (_itself, (self.before,))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.owner.may_record():
            return self.around(self.original, *args, **kwargs)
        return self.original(*args, **kwargs)


def _itself(method: Any) -> Any:
    return method


def _kinds(kinds: Any) -> set[str]:
    if kinds is None:
        return set(KINDS)
    chosen = [kinds] if isinstance(kinds, str) else list(kinds)
    for kind in chosen:
        if kind not in KINDS:
            raise ValueError(
                f"capture() records no {kind!r}{suggest(kind, KINDS) or '.'} Kinds are "
                f"{', '.join(KINDS)}."
            )
    return set(chosen)


def _chooser(steps: Any) -> Callable[[int], bool]:
    if steps is None:
        return lambda number: True
    if callable(steps):
        return steps
    if isinstance(steps, (int, np.integer)):
        return lambda number: number == steps
    chosen = steps if isinstance(steps, range) else frozenset(map(int, steps))
    return chosen.__contains__


def _call_tracked(call: Callable, args: tuple, kwargs: dict) -> Any:
    """A call on copies of its arguments that are tracked, so that tapes record it."""

    def tracked(x: Any) -> Any:
        if not isinstance(x, Tensor) or x.dtype.kind != "f":
            return x
        copy = Tensor(x.array, True)
        copy.mask = x.mask
        return copy

    return call(*map_structure(tracked, args), **map_structure(tracked, kwargs))


def _set_item(where: list, place: int, value: np.ndarray) -> None:
    where[place] = value


def _set_gradient(call: Call, z: inside.PreActivation, value: np.ndarray) -> None:
    call.preactivation_gradient = z.gradient(value)
