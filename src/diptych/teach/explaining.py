"""One update of a model, spelled out: ``explain``."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import engine as _engine
from ..generators import global_generator
from ..models import Model
from ..nested import flatten
from ..trial import Trial
from ..utils.naming import snake_case
from .captured import Step
from .capturing import capture
from .equations import parameters, reference_function
from .recording import weights_of
from .telling import Section, as_html, as_text, sections

LIMIT = 1 << 30  # bytes


@dataclass
class Rule:
    """One call of an update rule of the engine.

    Attributes:
        family, name: of the twin, such as "optimizers" and "adam_update_".
        settings: its numbers by name, such as learning_rate and beta_1.
        gradients: by the weight's path, the gradient that it got.
        paths: of the weights that it changes.
    """

    family: str
    name: str
    settings: dict[str, Any]
    gradients: dict[str, np.ndarray]
    paths: list[str] = field(default_factory=list)


@dataclass
class WeightUpdate:
    """What an update did to one weight.

    Attributes:
        path: of the weight.
        before, after: its values.
        gradient: dL/d weight, before it was clipped or scaled; None if the loss does not depend on
            it.
        slots: by name, the optimizer's own array for this weight (momentum, ...), before and after.
    """

    path: str
    before: np.ndarray
    after: np.ndarray
    gradient: np.ndarray | None
    slots: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


@dataclass
class Explanation:
    """The result of ``explain``. Printing tells the update step by step; a notebook shows it so.

    Attributes:
        step: what the layers computed and the gradients, a ``Step`` as ``capture`` records it:
            ``step["dense"].preactivation``.
        loss: of the batch, a number.
        losses: for each loss function (its name), the loss of each sample.
        labels: y, as arrays.
        weights: by path, a ``WeightUpdate`` for each trained weight.
        optimizer: the name of the optimizer's class.
        shared: by name, the optimizer's variables for no weight in particular (iteration,
            learning_rate), before and after.
        rules: the update rules in the order in which they ran, such as clipping and Adam's.
    """

    model: str
    engine: str
    step: Step
    loss: float
    losses: dict[str, np.ndarray]
    labels: list[np.ndarray]
    weights: dict[str, WeightUpdate]
    optimizer: str
    shared: dict[str, tuple[np.ndarray, np.ndarray]]
    rules: list[Rule]

    def sections(self, width: int = 100) -> list[Section]:
        """The text, part by part, with lines of at most this width where numbers permit it."""
        return sections(self, width)

    def __str__(self) -> str:
        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self)


def explain(model: Model, x: Any, y: Any = None, sample_weight: Any = None) -> Explanation:
    """Make one update with a batch, tell all of it, and undo it.

    For each layer its equation, as the reference engine has it, and the numbers in it; the loss;
    the gradients by the chain rule, from the last layer to the first; the optimizer's rule with its
    state before and after; the new weights. In small models the numbers are filled in, of large
    arrays there are shapes and statistics.

    Args:
        model: any compiled model, on either engine. It is as before when this returns: weights,
            states, the optimizer, random generators, metrics. Only what was not built yet is.
        x, y, sample_weight: a batch, as for ``train_on_batch``.

    Returns:
        An ``Explanation``: print it, or take the numbers out of it.

    Raises:
        ValueError: the model is not compiled, or the batch does not fit.
    """
    if not isinstance(model, Model):
        raise ValueError(f"explain() takes a compiled model; got {type(model).__name__}.")
    model._must_be_compiled("explain()")
    x, y, sample_weight = model._checks.batch(x, y, sample_weight)
    loss: Any = model._loss
    is_new = loss is not None and not loss.built
    if is_new or not all(layer.built for layer in model._flatten_layers()):
        with Trial():
            outputs = model(model._as_tensors(x)[0], training=False)
        if is_new:
            loss.build(outputs)
    variables = model.trainable_variables
    if variables:
        model.optimizer.build(variables)
    with _unchanged(model):
        optimizer = _copy_of(model.optimizer, model)
        vars(model)["optimizer"] = optimizer
        rules = _note_rules(optimizer)
        losses = _note_losses(model)
        before = {id(v): v.numpy() for v in (*variables, *optimizer.variables)}
        with capture(model, training=True, limit=LIMIT) as c:
            model.train_on_batch(x, y, sample_weight)
        if not c.steps:
            raise ValueError(
                f"Model {model.name!r} was not called in its training step: its train_step has to "
                "call self(x, training=True)."
            )
        step = c.steps[-1]
        gradients = {
            path: entry.weight_gradients[name]
            for entry in step
            for name, path in _paths(entry.layer).items()
            if name in entry.weight_gradients
        }
        slots, shared = _slots(optimizer, variables, before)
        weights = {
            v.path: WeightUpdate(
                v.path, before[id(v)], v.numpy(), gradients.get(v.path), slots.get(v.path, {})
            )
            for v in variables
        }
        return Explanation(
            model.name,
            model.engine or _engine.current().name,
            step,
            float("nan") if step.loss is None else step.loss,
            losses,
            [np.array(leaf) for leaf in flatten(y) if leaf is not None],
            weights,
            type(model.optimizer).__name__,
            shared,
            [*rules, *_rules_of_layers(optimizer)],
        )


def _paths(layer: Any) -> dict[str, str]:
    return {name: variable.path for name, variable in weights_of(layer).items()}


@contextmanager
def _unchanged(model: Any) -> Iterator[None]:
    """A block after which the model, its optimizer and the random generators are as before."""
    states = [v for layer in model._flatten_layers() for v in flatten(_states_of(layer))]
    known = list(model.metrics)
    metrics = [v for metric in known for v in metric.variables]
    variables = [*model.variables, *states, *metrics]
    values = [v.numpy() for v in variables]
    generator = global_generator().bit_generator
    random_state, optimizer = generator.state, model.optimizer
    functions = [] if model._loss is None else [part.function for part in model._loss.parts]
    try:
        yield
    finally:
        vars(model)["optimizer"] = optimizer
        for function in functions:
            vars(function).pop("call", None)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        for metric in model.metrics:
            if metric not in known:  # made by the step
                metric.reset_state()
        generator.state = random_state


def _states_of(layer: Any) -> Any:
    """The states that a recurrent layer keeps between batches."""
    return getattr(layer, "states", None) or []


def _copy_of(optimizer: Any, model: Any) -> Any:
    """A copy with variables of its own, for the same weights."""
    shared = [*model.variables, *(v.array for v in model.variables), model]
    return copy.deepcopy(optimizer, {id(one): one for one in shared})


def _inner(optimizer: Any) -> list[Any]:
    """The optimizer and those in it."""
    parts = [*getattr(optimizer, "optimizers", ()), getattr(optimizer, "inner_optimizer", None)]
    return [optimizer, *(part for part in parts if part is not None)]


class _Noting:
    """The update rules of an engine, of whose calls a list is kept."""

    def __init__(self, twins: Any, variables: list, rules: list[Rule]) -> None:
        self.twins = twins
        self.paths = [v.path for v in variables]
        self.owners = {id(v.array): v.path for v in variables}
        self.rules = rules

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.twins, name)
        family = self.twins.__name__.rpartition(".")[2]

        def noted(*args: Any) -> Any:
            given = parameters(family, name, args)
            gradients = given.get("gradients") or []
            changed = [self.owners.get(id(w), "") for w in given.get("variables") or ()]
            paths = changed or self.paths  # what clips gradients changes no weight
            self.rules.append(
                Rule(
                    family,
                    name,
                    {key: v for key, v in given.items() if not isinstance(v, (list, tuple))},
                    {p: np.array(g) for p, g in zip(paths, gradients, strict=False)},
                    changed,
                )
            )
            return function(*args)

        return noted


def _note_rules(optimizer: Any) -> list[Rule]:
    """Make an optimizer note the rules that it applies."""
    rules: list[Rule] = []
    for one in _inner(optimizer):
        update = one._update

        def noting(twins: Any, part: Any, gradients: Any, update: Any = update) -> None:
            update(_Noting(twins, part.variables, rules), part, gradients)

        vars(one)["_update"] = noting
        vars(one)["_takes_rows"] = False  # gradients as arrays
    return rules


def _note_losses(model: Any) -> dict[str, np.ndarray]:
    """Make the loss functions note the loss of each sample."""
    found: dict[str, np.ndarray] = {}
    for part in [] if model._loss is None else model._loss.parts:
        function = part.function
        call = function.call

        def noting(y_true: Any, y_pred: Any, call: Any = call, name: str = function.name) -> Any:
            losses = call(y_true, y_pred)
            found[name] = np.array(losses)
            return losses

        vars(function)["call"] = noting
    return found


def _rules_of_layers(optimizer: Any) -> list[Rule]:
    """The rules that look at a variable as a whole, which an optimizer asks of the engine itself:
    found by the optimizer's name.
    """
    found = []
    for one in _inner(optimizer):
        name = f"{snake_case(type(one).__name__)}_update_"
        if reference_function("layerwise", name) is not None:
            settings = {key: getattr(one, key) for key in one._arguments}
            settings["learning_rate"] = one._current_rate()
            found.append(Rule("layerwise", name, settings, {}))
    return found


def _slots(optimizer: Any, variables: list, before: dict[int, np.ndarray]) -> tuple[dict, dict]:
    """The optimizer's variables before and after: by the weight's path and their name those that
    belong to a weight, by name the others.
    """
    slots: dict[str, dict] = {v.path: {} for v in variables}
    owners: dict[int, str] = {}
    for one in _inner(optimizer):
        if not one.built:  # the model has no weights to train
            continue
        own = one._trainable_variables
        for many in (*one._slots(), one._averages, one._accumulated_gradients):
            owners.update(
                (id(slot), v.path)
                for v, slot in zip(own, many or (), strict=False)
                if slot is not None
            )
    shared: dict[str, tuple] = {}
    for slot in optimizer.variables:
        pair = before.get(id(slot), slot.numpy()), slot.numpy()
        if id(slot) not in owners:
            shared[slot.name] = pair
            continue
        mine = slots[owners[id(slot)]]
        prefix = f"{owners[id(slot)].replace('/', '_')}_"
        name = slot.name.removeprefix(prefix)
        if name == slot.name:
            name = f"state {len(mine) + 1}"
        mine[name] = pair
    return slots, shared
