"""The losses, loss weights and metrics of ``compile``, matched to the model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import ops
from ..nested import flatten
from ..tensor import NUMBERS, Tensor
from ..utils.naming import snake_case, suggest


def spread(given: Any, names: list[str], count: int, what: str) -> list:
    """One entry for each output of the model, from a single one, a list in order, or a dict by
    output name.

    Raises ValueError if a name or the number of entries does not fit the outputs.
    """
    if isinstance(given, dict):
        for key in given:
            if key not in names:
                raise ValueError(
                    f"`{what}` names an output {key!r}{suggest(key, names) or '.'} The model's "
                    f"outputs are {names}."
                )
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != count:
            outputs = f"output{'s' if count > 1 else ''}"
            raise ValueError(
                f"`{what}` has {len(given)} entries, but the model has {count} {outputs}: {names}."
            )
        return list(given)
    return [given] * count


class CompiledLoss:
    """The loss of a model: for each output a loss function and a weight, summed.

    Args:
        loss: a loss, or a list or dict of them for several outputs.
        loss_weights: factors, in the same form; 1 by default.
        output_names: the names by which dicts are matched; unknown for subclassed models.
    """

    def __init__(self, loss: Any, loss_weights: Any, output_names: list[str]) -> None:
        self._given = loss
        arrays = isinstance(loss_weights, np.ndarray)
        self._weights_given = loss_weights.tolist() if arrays else loss_weights
        self.output_names = output_names
        self.functions: list = []
        self.weights: list = []
        self.means: list[metrics_module.Mean | None] = []  # None where there is no loss
        self.built = False
        for one in flatten(loss):
            losses_module.get(one)  # a misspelt name raises at compile time

    def build(self, count: int) -> None:
        """Match the losses to the number of outputs."""
        names = self.output_names or [f"output_{i + 1}" for i in range(count)]
        given = spread(self._given, names, count, "loss")
        self.functions = [as_loss(one) for one in given]
        weights = spread(self._weights_given, names, count, "loss_weights")
        self.weights = [1.0 if weight is None else weight for weight in weights]
        for name, weight in zip(names, self.weights, strict=True):
            if not isinstance(weight, (*NUMBERS, Tensor)):
                raise ValueError(
                    f"`loss_weights` needs a number for output {name!r}; got {weight!r}."
                )
        if sum(function is not None for function in self.functions) > 1:
            self.means = [
                metrics_module.Mean(name=f"{name}_loss") if function is not None else None
                for name, function in zip(names, self.functions, strict=True)
            ]
        self.built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the weighted sum of the losses of all outputs, a scalar tensor."""
        if not self.built:
            self.build(len(flatten(y_pred)))
        if len(self.functions) == 1:
            loss = self.functions[0](_only(y_true), _only(y_pred), _only(sample_weight))
            return loss if self.weights[0] == 1.0 else ops.multiply(loss, self.weights[0])
        predictions = flatten(y_pred)
        labels = in_order(y_true, self.output_names, len(predictions), "y")
        weights = in_order(sample_weight, self.output_names, len(predictions), "sample_weight")
        total = None
        for i, function in enumerate(self.functions):
            if function is None:
                continue
            loss = function(labels[i], predictions[i], weights[i])
            if self.means and (mean := self.means[i]) is not None:
                mean.update_state(loss.array, sample_weight=predictions[i].shape[0])
            if self.weights[i] != 1.0:
                loss = ops.multiply(loss, self.weights[i])
            total = loss if total is None else ops.add(total, loss)
        return total

    @property
    def metrics(self) -> list:
        """The running mean of each output's loss, where there are several outputs."""
        return [mean for mean in self.means if mean is not None]


def as_loss(given: Any) -> Any:
    """A Loss from a name, a function f(y_true, y_pred) or a Loss; None stays None."""
    found = losses_module.get(given)
    if found is None or isinstance(found, losses_module.Loss):
        return found
    return losses_module.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))


def _only(x: Any) -> Any:
    """The entry of a list or dict of one; anything else unchanged."""
    if isinstance(x, (list, tuple, dict)):
        leaves = flatten(x)
        return leaves[0] if len(leaves) == 1 else x
    return x


def in_order(given: Any, names: list[str], count: int, what: str) -> list:
    """Labels or weights as a list in the order of the outputs; a single array of weights applies to
    all.
    """
    if given is None or (what == "sample_weight" and not isinstance(given, (list, tuple, dict))):
        return [given] * count
    if isinstance(given, dict):
        missing = [name for name in given if names and name not in names]
        if missing:
            raise ValueError(
                f"`{what}` has entries {missing}, and the model's outputs are {names}."
            )
        return [given.get(name) for name in names] if names else list(given.values())
    leaves = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(leaves) != count:
        raise ValueError(
            f"`{what}` has {len(leaves)} arrays, but the model has {count} outputs {names}."
        )
    return leaves


class CompiledMetrics:
    """The metrics of a model, each with its output; made when the first batch shows the shapes."""

    def __init__(self, metrics: Any, weighted_metrics: Any, output_names: list[str]) -> None:
        self._given = metrics
        self._weighted_given = weighted_metrics
        self.output_names = output_names
        self.entries: list[
            tuple[int, Any, bool]
        ] = []  # output number, metric, whether it uses sample weights
        self.names: list[str] = []
        self.built = False
        for one in [*flatten(metrics), *flatten(weighted_metrics)]:
            if isinstance(one, str) and one not in ("accuracy", "acc", "crossentropy", "ce"):
                metrics_module.get(one)

    def build(self, y_true: list, y_pred: list, loss_functions: list) -> None:
        """Make the metrics for outputs of these shapes."""
        count = len(y_pred)
        names = self.output_names or [f"output_{i + 1}" for i in range(count)]
        for given, weighted in ((self._given, False), (self._weighted_given, True)):
            for i, wanted in enumerate(self._spread(given, names, count)):
                for one in wanted:
                    loss = loss_functions[i] if i < len(loss_functions) else None
                    metric, name = self._make(one, y_true[i], y_pred[i], loss)
                    self.entries.append((i, metric, weighted))
                    self.names.append(
                        self._unique(name, f"{names[i]}_" if count > 1 else "", weighted)
                    )
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

    def _spread(self, given: Any, names: list[str], count: int) -> list[list]:
        """A list of metrics for each output."""
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
            for one in spread(given, names, count, "metrics")
        ]

    def _make(self, given: Any, y_true: Any, y_pred: Any, loss: Any) -> tuple[Any, str]:
        if given in ("accuracy", "acc", "crossentropy", "ce") and isinstance(given, str):
            resolve = (
                metrics_module.resolve_accuracy
                if given in ("accuracy", "acc")
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
        predictions = flatten(y_pred)
        single = len(predictions) == 1
        labels = (
            [_only(y_true)]
            if single
            else in_order(y_true, self.output_names, len(predictions), "y")
        )
        if not self.built:
            self.build(labels, predictions, loss_functions)
        if sample_weight is None:
            for i, metric, _ in self.entries:
                if labels[i] is not None:
                    metric.update_state(labels[i], predictions[i])
            return
        weights = (
            [_only(sample_weight)]
            if single
            else in_order(sample_weight, self.output_names, len(predictions), "sample_weight")
        )
        for i, metric, weighted in self.entries:
            if labels[i] is None:
                continue
            if weighted:
                metric.update_state(labels[i], predictions[i], sample_weight=weights[i])
            else:
                metric.update_state(labels[i], predictions[i])

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
