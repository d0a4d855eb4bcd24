"""The losses, loss weights and metrics of ``compile``, matched to the model's outputs."""

from __future__ import annotations

import inspect
from threading import RLock
from typing import Any

import numpy as np

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import ops
from ..nested import flatten
from ..slices import open_slice
from ..tensor import NUMBERS, Tensor
from ..utils.naming import snake_case
from .outputs import Outputs

_building = RLock()


class CompiledLoss:
    """The loss of a model: for each output a loss function and a weight, summed.

    Args:
        loss: a loss, or a list or dict of them for several outputs; in its place a list of losses
            for one output.
        loss_weights: factors, in the same form; 1 by default.
        producers: the names of the layers that make the outputs; unknown for subclassed models.

    Attributes:
        parts: the losses, each with its output.
    """

    outputs: Outputs

    def __init__(self, loss: Any, loss_weights: Any, producers: list[str]) -> None:
        self._given = loss
        arrays = isinstance(loss_weights, np.ndarray)
        self._weights_given = loss_weights.tolist() if arrays else loss_weights
        self._producers = producers
        self.parts: list[LossPart] = []
        self.built = False
        for one in flatten(loss):
            as_loss(one)  # a misspelt name raises at compile time

    def build(self, structure: Any) -> None:
        """Match the losses to the nested outputs."""
        self.outputs = outputs = Outputs(structure, self._producers)
        losses = outputs.match(self._given, "loss")
        weights = outputs.match(self._weights_given, "loss_weights")
        self.parts = [
            LossPart(i, function, weight)
            for i, name in enumerate(outputs.names)
            for function, weight in _weighted(losses[i], weights[i], name)
        ]
        if len(self.parts) > 1:
            for part in self.parts:
                part.mean = metrics_module.Mean(name=f"{outputs.names[part.output]}_loss")
        self.built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the weighted sum of the losses of all outputs, a scalar tensor."""
        if not self.built:
            self.build(y_pred)
        if self.outputs.count == 1:
            labels, weights = [_only(y_true)], [_only(sample_weight)]
            predictions = [_only(y_pred)]
        else:
            predictions = flatten(y_pred)
            labels = self.outputs.match(y_true, "y")
            weights = self.outputs.match(sample_weight, "sample_weight")
        total = None
        for part in self.parts:
            i = part.output
            loss = part.function(labels[i], predictions[i], weights[i])
            if part.mean is not None:
                part.value = loss
                if open_slice() is None:  # else once, for all slices
                    part.mean.update_state(loss.array, sample_weight=predictions[i].shape[0])
            if part.weight != 1.0:
                loss = ops.multiply(loss, part.weight)
            total = loss if total is None else ops.add(total, loss)
        return total

    @property
    def functions(self) -> list:
        """The first loss of each output, None for one without."""
        first = {part.output: part.function for part in reversed(self.parts)}
        return [first.get(i) for i in range(self.outputs.count)] if self.built else []

    @property
    def reductions(self) -> list:
        """The reduction of each loss, which may be another one than at the last step."""
        return [getattr(part.function, "reduction", None) for part in self.parts]

    @property
    def metrics(self) -> list:
        """The running mean of each loss, where there are several: in the order of a dict of losses,
        else in that of the outputs, as in Keras.
        """
        if len(self.parts) < 2:
            return []
        names, order = self.outputs.names, self.outputs.order
        if isinstance(self._given, dict) and set(self._given) <= set(names):
            order = [names.index(name) for name in self._given]
        return [part.mean for i in order for part in self.parts if part.output == i]


class LossPart:
    """One loss of one output.

    Attributes:
        output: the output's number.
        function: the loss.
        weight: its factor.
        mean: its running mean; None where it is the only loss.
        value: where it is not, the loss of the last batch.
    """

    def __init__(self, output: int, function: Any, weight: Any) -> None:
        self.output, self.function, self.weight = output, function, weight
        self.mean: metrics_module.Mean | None = None
        self.value: Tensor | None = None


def _weighted(losses: Any, weights: Any, name: str) -> list[tuple]:
    """The losses of an output, each with its weight. Several may have one weight for all."""
    functions = [as_loss(one) for one in flatten(losses)]
    factors = flatten(weights) if isinstance(weights, (list, tuple)) else [weights] * len(functions)
    if len(factors) != len(functions):
        raise ValueError(
            f"`loss_weights` has {len(factors)} entries for output {name!r}, which has "
            f"{len(functions)} losses."
        )
    factors = [1.0 if factor is None else factor for factor in factors]
    for factor in factors:
        if not isinstance(factor, (*NUMBERS, Tensor)):
            raise ValueError(f"`loss_weights` needs a number for output {name!r}; got {factor!r}.")
    both = zip(functions, factors, strict=True)
    return [(function, factor) for function, factor in both if function is not None]


def as_loss(given: Any) -> Any:
    """A Loss from a name, a function f(y_true, y_pred) or a Loss; None stays None."""
    if _stands_for(given, CROSSENTROPY):
        return Crossentropy(name=given)
    found = losses_module.get(given)
    if found is None or isinstance(found, losses_module.Loss):
        return found
    _check_takes_two(found, "loss")
    return losses_module.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))


def _check_takes_two(function: Any, what: str) -> None:
    """Raise a TypeError for a function that cannot be called on y_true and y_pred."""
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return
    signature = inspect.signature(function)
    try:
        signature.bind(None, None)
    except TypeError:
        raise TypeError(
            f"A {what} is called on labels and outputs, {what}(y_true, y_pred), but "
            f"{function.__name__} takes {signature}."
        ) from None


def _only(x: Any) -> Any:
    """The entry of a list or dict of one; anything else unchanged."""
    if isinstance(x, (list, tuple, dict)):
        leaves = flatten(x)
        return leaves[0] if len(leaves) == 1 else x
    return x


ACCURACY = frozenset({"accuracy", "acc"})
CROSSENTROPY = frozenset({"crossentropy", "ce"})


def _stands_for(given: Any, names: frozenset[str]) -> bool:
    """Whether a loss or metric is one of the strings for what fits the shapes, in any case."""
    return isinstance(given, str) and given.lower() in names


class Crossentropy(losses_module.Loss):
    """What "crossentropy" and "ce" stand for: the cross-entropy that fits the shapes.

    Binary for outputs of one column, sparse for labels that are class numbers, else categorical.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        return self.fitting(y_true.shape, y_pred.shape)(y_true, y_pred)

    @staticmethod
    def fitting(y_true_shape: tuple, y_pred_shape: tuple) -> Any:
        """The function for labels and outputs of these shapes."""
        return (
            losses_module.binary_crossentropy,
            losses_module.sparse_categorical_crossentropy,
            losses_module.categorical_crossentropy,
        )[metrics_module.label_kind(y_true_shape, y_pred_shape)]


class CompiledMetrics:
    """The metrics of a model, each with its output; made when the first batch shows the shapes."""

    outputs: Outputs

    def __init__(self, metrics: Any, weighted_metrics: Any, producers: list[str]) -> None:
        self._given = metrics
        self._weighted_given = weighted_metrics
        self._producers = producers
        self.entries: list[
            tuple[int, Any, bool]
        ] = []  # output number, metric, whether it uses sample weights
        self.names: list[str] = []
        self.built = False
        for one in [*flatten(metrics), *flatten(weighted_metrics)]:
            if isinstance(one, str) and not _stands_for(one, ACCURACY | CROSSENTROPY):
                metrics_module.get(one)
            elif not isinstance(one, (str, type, dict, metrics_module.Metric)):
                _check_takes_two(one, "metric")

    def build(self, y_true: Any, y_pred: Any, loss_functions: list) -> None:
        """Make the metrics for outputs of these shapes, once: another thread may be at it."""
        with _building:
            if not self.built:
                self._build(y_true, y_pred, loss_functions)

    def _build(self, y_true: Any, y_pred: Any, loss_functions: list) -> None:
        self.outputs = outputs = Outputs(y_pred, self._producers)
        labels, predictions = outputs.match(y_true, "y"), flatten(y_pred)
        for given, weighted in ((self._given, False), (self._weighted_given, True)):
            for i, wanted in enumerate(self._spread(given)):
                prefix = f"{outputs.names[i]}_" if outputs.count > 1 else ""
                for one in wanted:
                    loss = loss_functions[i] if i < len(loss_functions) else None
                    metric, name = self._make(one, labels[i], predictions[i], loss)
                    self.entries.append((i, metric, weighted))
                    self.names.append(self._unique(name, prefix, weighted))
        self.built = True

    def _unique(self, name: str, prefix: str, weighted: bool) -> str:
        """The metric's name in the history: a second one of the same name gets `weighted_` or a
        number.
        """
        if weighted and prefix + name in self.names:
            name = f"weighted_{name}"
        wanted = unique = prefix + name
        number = 0
        while unique in self.names:
            number += 1
            unique = f"{wanted}_{number}"
        return unique

    def _spread(self, given: Any) -> list[list]:
        """A list of metrics for each output."""
        count, names = self.outputs.count, self.outputs.names
        if given is None or (isinstance(given, (list, tuple)) and not given):
            return [[] for _ in range(count)]
        if count == 1:
            return [[one for one in flatten(given) if one is not None]]
        if isinstance(given, (list, tuple)) and not any(
            isinstance(one, (list, tuple)) for one in given
        ):
            if len(given) != count:
                raise ValueError(
                    f"`metrics` is a list of {len(given)}, but the model has {count} outputs "
                    f"{names}: pass a list of lists, one for each output, or a dict by output name."
                )
        return [
            [] if one is None else list(one) if isinstance(one, (list, tuple)) else [one]
            for one in self.outputs.match(given, "metrics")
        ]

    def _make(self, given: Any, y_true: Any, y_pred: Any, loss: Any) -> tuple[Any, str]:
        if _stands_for(given, ACCURACY | CROSSENTROPY):
            resolve = (
                metrics_module.resolve_accuracy
                if _stands_for(given, ACCURACY)
                else metrics_module.resolve_crossentropy
            )
            metric = resolve(tuple(y_true.shape), tuple(y_pred.shape), getattr(loss, "name", None))
            return _as_metric(metric, given), given
        metric = metrics_module.get(given)
        if isinstance(metric, metrics_module.Metric):
            return metric, given if isinstance(given, str) and not isinstance(
                metric, type
            ) else metric.name
        name = given if isinstance(given, str) else name_of(metric)
        return _as_metric(metric, name), name

    def update_state(
        self, y_true: Any, y_pred: Any, sample_weight: Any, loss_functions: list
    ) -> None:
        """Update every metric with a batch."""
        if not self.built:
            self.build(y_true, y_pred, loss_functions)
        if sample_weight is None and type(y_true) is type(y_pred) is Tensor:  # the common case
            for _, metric, _ in self.entries:
                metric.update_state(y_true, y_pred)
            return
        predictions = flatten(y_pred)
        labels = self.matched(y_true, "y")
        if sample_weight is None:
            for i, metric, _ in self.entries:
                if labels[i] is not None:
                    metric.update_state(labels[i], predictions[i])
            return
        weights = self.matched(sample_weight, "sample_weight")
        for i, metric, weighted in self.entries:
            if labels[i] is None:
                continue
            if weighted:
                metric.update_state(labels[i], predictions[i], sample_weight=weights[i])
            else:
                metric.update_state(labels[i], predictions[i])

    def matched(self, given: Any, what: str) -> list:
        """What of the labels or weights belongs to each output."""
        return [_only(given)] if self.outputs.count == 1 else self.outputs.match(given, what)

    @property
    def metrics(self) -> list:
        return [metric for _, metric, _ in self.entries]


def name_of(metric: Any) -> str:
    """A metric's own name, or that of its function or class in snake case, as in Keras."""
    own = getattr(metric, "name", None)
    if isinstance(own, str):
        return own
    return snake_case(getattr(metric, "__name__", type(metric).__name__))


def _as_metric(metric: Any, name: str) -> Any:
    """A metric for a plain function of y_true and y_pred: the mean of what it returns."""
    if isinstance(metric, metrics_module.Metric):
        return metric
    return metrics_module.MeanMetricWrapper(metric, name=name)
