"""Optimizers made of other optimizers: scaled losses, and a rule of its own for each variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

from .. import ops
from ..initializers import Constant
from ..tensor import Variable
from ..utils import objects
from .optimizer import Optimizer

# What older configurations of a LossScaleOptimizer hold besides its own arguments, to no effect.
_IDLE = {
    "clipnorm": None, "clipvalue": None, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "global_clipnorm": None, "gradient_accumulation_steps": None, "loss_scale_factor": None,
    "use_ema": False, "weight_decay": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with a loss that is multiplied by a large number and gradients that are
    divided by it, so that small gradients do not become zero in float16.

    The number, the loss scale, is found in training: it is halved, and the update left out, when a
    gradient is not finite, and doubled after ``dynamic_growth_steps`` updates without that.
    Numbers are float32 or float64 here, so nothing needs it; models from elsewhere have it.

    Args:
        inner_optimizer: the optimizer that makes the updates. It has the learning rate, and options
            such as clipnorm.
        initial_scale: the first loss scale.
        dynamic_growth_steps: see above.
        name: a name for it and its variables.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                "inner_optimizer must be an optimizer, such as Adam(). "
                f"Received {inner_optimizer!r}."
            )
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # or gradients would be divided twice

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the loss scale, and the inner optimizer's variables."""
        if self.built:
            return
        variables = list(variables)
        self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), Constant(self.initial_scale), "float32", "dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables and those of the inner optimizer."""
        return self._variables + self.inner_optimizer.variables

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Divide the gradients by the loss scale, and make one update if they are all finite."""
        if len(grads) == 0:
            return
        if trainable_variables is not None:
            self.build(trainable_variables)
        if self.check_finite(grads):
            scale = self.dynamic_scale.array.item()
            divided = [None if g is None else ops.divide(g, scale) for g in grads]
            self.inner_optimizer.apply(divided, trainable_variables)
            if self.step_counter.array.item() == self.dynamic_growth_steps - 1:
                self._rescale(2.0)
            else:
                self.step_counter.assign_add(1)
        else:
            self._rescale(0.5)

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Whether all numbers of the gradients are finite; None is left out."""
        return ops.all([ops.all(ops.isfinite(g)) for g in grads if g is not None])

    def _rescale(self, factor: float) -> None:
        self.step_counter.assign(0)
        self.dynamic_scale.assign(ops.multiply(self.dynamic_scale, factor))

    @property
    def takes_slices(self) -> bool:
        return False

    @property
    def scales_loss(self) -> bool:
        return True

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times the loss scale."""
        return ops.multiply(loss, self.dynamic_scale if self.built else self.initial_scale)

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    lr = learning_rate

    def _current_rate(self) -> float:
        return self.inner_optimizer._current_rate()

    @property
    def iterations(self) -> Any:
        """The number of updates that the inner optimizer made."""
        return self.inner_optimizer.iterations

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """See ``Optimizer``; that of the inner optimizer."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": objects.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> LossScaleOptimizer:
        own = {key: value for key, value in config.items() if _IDLE.get(key, cls) != value}
        inner = objects.revive(config.get("inner_optimizer"), custom_objects)
        return cls(**{**own, "inner_optimizer": inner})


class OptimizerMap(MutableMapping):
    """Which optimizer a variable has, by its path, such as "sequential/dense/kernel".

    Keys are paths or regular expressions that match a whole path:

        chosen = OptimizerMap(SGD(0.01), {"sequential/head/.*": Adam()})
        chosen["sequential/head/kernel"]                                # the Adam

    Args:
        default_optimizer: the optimizer of all other variables.
        optimizer_map: a dict of optimizers.
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"default_optimizer must be an optimizer. Received {default_optimizer!r}."
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dict. Received {optimizer_map!r}.")
        self._default_optimizer = default_optimizer
        self._optimizer_map = {} if optimizer_map is None else optimizer_map

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Several keys of the map match {key!r}: {', '.join(map(repr, matching))}. Each "
                "variable has one optimizer."
            )
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ValueError(
                f"{key!r} already has the optimizer {self._optimizer_map[key]!r}: delete it first."
            )
        if not isinstance(key, str):
            raise ValueError(f"A key is a path or a regular expression, a text. Received {key!r}.")
        _check_inner(optimizer, f"The optimizer of {key!r}")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        return {
            "default_optimizer": objects.serialize(self._default_optimizer),
            "optimizer_map": objects.serialize(self._optimizer_map),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> OptimizerMap:
        return cls(
            objects.revive(config.get("default_optimizer"), custom_objects),
            objects.revive(config.get("optimizer_map"), custom_objects),
        )


def _check_inner(optimizer: Any, what: str) -> None:
    """Raise a ValueError unless this may be one of the optimizers of a MultiOptimizer."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{what} must be an optimizer, such as Adam(). Received {optimizer!r}.")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"{what} cannot be a {type(optimizer).__name__}.")


class MultiOptimizer(Optimizer):
    """An optimizer of its own for each variable.

        chosen = OptimizerMap(SGD(0.01), {"sequential/head/.*": Adam()})
        model.compile(MultiOptimizer(chosen), "mse")

    It has no learning rate of its own; ``optimizers`` lists those that have.

    Args:
        optimizer_map: an ``OptimizerMap``, or a function that returns the optimizer of a variable.
        loss_scale_factor: that of all the optimizers.
        name: a name for it and its variables.
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        self._inner_optimizers: list[Optimizer] = []
        self._optimizer_map = optimizer_map
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            raise TypeError(
                "optimizer_map must be an OptimizerMap, or a function that returns the optimizer "
                f"of a variable. Received {optimizer_map!r}."
            )
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._include(optimizer)

    def _include(self, optimizer: Optimizer) -> None:
        if optimizer not in self._inner_optimizers:
            optimizer.loss_scale_factor = self.loss_scale_factor
            self._inner_optimizers.append(optimizer)

    def build(self, variables: Iterable[Variable]) -> None:
        """Ask for the optimizer of each variable, and build them."""
        if self.built:
            return
        variables = list(variables)
        self._chosen: dict[Variable, Optimizer] = {}
        for variable in variables:
            optimizer = self._optimizer_map(variable)
            _check_inner(optimizer, f"The optimizer of {variable.path!r}")
            self._include(optimizer)
            self._chosen[variable] = optimizer
        for optimizer in self._inner_optimizers:
            own = [v for v in variables if self._chosen[v] is optimizer]
            if own:
                optimizer.build(own)
        super().build(variables)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers of the variables."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its own variables and those of all the optimizers."""
        return self._variables + [v for o in self._inner_optimizers for v in o.variables]

    @property
    def loss_scale_factor(self) -> float | None:  # type: ignore[override]
        """That of all the optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: float | None) -> None:
        self._loss_scale_factor = factor
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = factor

    @property
    def learning_rate(self) -> Any:
        """Each optimizer has its own; an AttributeError."""
        raise AttributeError(
            "A MultiOptimizer has no learning rate: each of its `optimizers` has one."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError(
            "A MultiOptimizer has no learning rate: set that of one of its `optimizers`."
        )

    lr = learning_rate

    @property
    def takes_slices(self) -> bool:
        return all(optimizer.takes_slices for optimizer in self._inner_optimizers)

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Hand each optimizer the gradients of its variables."""
        if len(grads) == 0:
            return
        if trainable_variables is not None:
            self.build(trainable_variables)
        part, gradients = self._matched(grads, trainable_variables)
        pairs = list(zip(gradients, part.variables, strict=True))
        for optimizer in self._inner_optimizers:
            own = [pair for pair in pairs if self._chosen[pair[1]] is optimizer]
            if own:
                optimizer.apply_gradients(own)
        self._iterations.array[()] += 1

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """See ``Optimizer``; each optimizer's own."""
        variables = list(var_list)
        for optimizer in self._inner_optimizers:
            own = [v for v in variables if self._chosen[v] is optimizer]
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": objects.serialize(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> MultiOptimizer:
        chosen = objects.revive(config.get("optimizer_map"), custom_objects)
        return cls(**{**config, "optimizer_map": chosen})

    def __repr__(self) -> str:
        return f"<MultiOptimizer name={self.name} of {self._inner_optimizers!r}>"
