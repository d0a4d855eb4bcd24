"""The base of all optimizers: learning rate, update counter, clipping, weight decay, averages,
saving.

An optimizer has its own variables besides those of the model, such as a momentum for each weight.
``apply(gradients, variables)`` makes one update. The update rules are twins,
``diptych.reference.optimizers`` and ``diptych.fastcore.optimizers``, which take lists of arrays and
update all of them in one call. These lists are made once, in ``_Part``. In a training step, the
gradient of a large embedding table may consist of the rows that were read (``takes_slices``).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import is_
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy import ndarray

from .. import engine, initializers, ops
from ..legacy import AcceptsOldNames
from ..stateless import StatelessScope, check_values, values_of
from ..tensor import IndexedSlices, Tensor, Variable
from ..utils.naming import auto_name, public_names
from ..utils.registration import is_builtin
from . import schedules

if TYPE_CHECKING:
    Rate = float | schedules.LearningRateSchedule | Callable[[], float]
    Slots = Sequence[Sequence[Variable | None] | None]


class Options(TypedDict, total=False):
    """The keyword arguments that every optimizer takes. See ``Optimizer``."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class _Part:
    """The variables of one update, as lists of arrays for the twins: for those of float16, which
    the twins do not take, arrays of float32 that hold their values during an update.
    """

    def __init__(self, optimizer: Optimizer, indices: Sequence[int]) -> None:
        def array_of(variable: Variable) -> np.ndarray:
            array = variable.array
            if array.dtype != np.float16:
                return array
            if id(array) not in wide:
                wide[id(array)] = np.empty_like(array, np.float32)
                self.half.append((array, wide[id(array)]))
            return wide[id(array)]

        def pick(variables: Sequence[Variable | None] | None) -> list[np.ndarray | None] | None:
            if variables is None:
                return None
            chosen = [variables[i] for i in indices]
            return [None if v is None else array_of(v) for v in chosen]

        wide: dict[int, np.ndarray] = {}
        self.half: list[tuple[np.ndarray, np.ndarray]] = []  # (float16, float32)
        self.indices = indices
        self.variables = [optimizer._trainable_variables[i] for i in indices]
        self.arrays = [array_of(v) for v in self.variables]
        self.forms = [(a.shape, a.dtype) for a in self.arrays]
        self.slots = tuple(pick(slot) for slot in optimizer._slots())
        self.accumulators = pick(optimizer._accumulated_gradients)
        self.decayed = [array_of(v) for v in self.variables if optimizer._use_weight_decay(v)]

    def widen(self) -> None:
        """Copy what is of float16 to float32, for an update."""
        for array, wide in self.half:
            wide[...] = array

    def narrow(self) -> None:
        """Copy it back."""
        for array, wide in self.half:
            array[...] = wide

    @cached_property
    def buffers(self) -> list[np.ndarray]:
        """Buffers for gradients that are scaled or clipped before use."""
        return [np.empty_like(array) for array in self.arrays]


class Optimizer(metaclass=AcceptsOldNames):
    """Base class of optimizers.

    Args:
        learning_rate: a float, a ``LearningRateSchedule`` or its configuration, or a function
            without arguments.
        weight_decay: each update also subtracts learning_rate * weight_decay * weight.
        clipnorm: the largest norm of the gradient of a single variable; larger ones are scaled
            down.
        clipvalue: the largest magnitude of an element of a gradient; others are clipped.
        global_clipnorm: the largest norm of the gradients of all variables together. Only one of
        the three may be set.
        use_ema: keep a moving average of the weights. It replaces them every
            ``ema_overwrite_frequency`` updates, and at the end of ``fit``.
        ema_momentum: the weight of the old moving average at each update.
        ema_overwrite_frequency: see ``use_ema``; None: only in ``finalize_variable_values``.
        loss_scale_factor: the factor by which ``scale_loss`` multiplies the loss; gradients are
            divided by it.
        gradient_accumulation_steps: the number of calls for each update, which uses the mean of
            their gradients.
        name: a name for it and its variables.

    To write an optimizer, override ``update_step``, and ``build`` for variables of its own:

        class SignDescent(diptych.optimizers.Optimizer):
            def update_step(self, gradient, variable, learning_rate):
                self.assign_sub(variable, learning_rate * ops.sign(gradient))
    """

    # Constructor arguments for get_config, which are attributes of the same names.
    _arguments: tuple[str, ...] = ()

    # Those for which ``build`` makes variables.
    _with_variables: tuple[str, ...] = ("use_ema", "gradient_accumulation_steps")
    _takes_rows = True  # whether the rule's twin takes a gradient as (rows, values)

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {key: value for key, value in clips.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"Only one of {', '.join(clips)} can be set. Received {given}.")
        for key, value in given.items():
            _at_least(key, value, 0)
        if use_ema:
            _between(0, "ema_momentum", ema_momentum, 1)
            if ema_overwrite_frequency is not None:
                _count("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        if gradient_accumulation_steps is not None:
            _count("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps

        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._index: dict[Variable, int] = {}
        self._parts: dict[tuple[int, ...], _Part] = {}
        self._averages: list[Variable] | None = None
        self._accumulated_gradients: list[Variable] | None = None
        self._not_decayed: set[Variable] = set()
        self._not_decayed_names: re.Pattern | None = None
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        if isinstance(learning_rate, dict):
            learning_rate = schedules.deserialize(learning_rate)
        if callable(learning_rate):
            self._learning_rate: Any = learning_rate
        else:
            # In float64, so that reading it gives the value that was set.
            rate = self.add_variable((), dtype="float64", name="learning_rate")
            rate.array[()] = _rate(learning_rate)
            self._learning_rate = rate

    # Defined by each rule.

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the optimizer's own variables for these variables of a model; only the first call
        counts.

        Override it to add variables, calling ``super().build(variables)`` first.
        """
        if self.built:
            return
        variables = list(variables)
        self._trainable_variables = variables
        self._index = {v: i for i, v in enumerate(variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(
                variables, "gradient_accumulator"
            )
        self._build(variables)
        self.built = True

    def _build(self, variables: list[Variable]) -> None:
        """Make the variables that the rule itself needs."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._with_variables and value and vars(self).get("built"):
            if not getattr(self, name):
                raise ValueError(
                    f"{type(self).__name__} {self.name!r} was built with {name}="
                    f"{getattr(self, name)!r}, so it has no variables for {name}={value!r}. Set it "
                    f"before training begins, or compile with a new optimizer, "
                    f"{type(self).__name__}({name}={value!r})."
                )
        object.__setattr__(self, name, value)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: float) -> None:
        """Update one variable. A class that overrides this is called for each variable in turn."""
        part = self._part((self._get_variable_index(variable),))
        gradient = self._fitting(gradient, variable)
        part.widen()
        self._update_all(engine.current().optimizers, part, [gradient], float(learning_rate))
        part.narrow()

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        """Update all variables of ``part`` with the rule's twin."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement "
            "update_step(self, gradient, variable, learning_rate), which updates one variable."
        )

    @property
    def takes_slices(self) -> bool:
        """Whether ``apply`` takes IndexedSlices unchanged: if the engine supports gradients of
        rows, a built-in rule uses them, and they are not scaled, clipped or accumulated before.
        """
        return (
            self._takes_rows
            and engine.current().extra("embedding", "embedding_backward_rows") is not None
            and is_builtin(type(self))
            and is_builtin(self.apply)
            and self.loss_scale_factor is None
            and self.gradient_accumulation_steps is None
            and not (self.clipnorm or self.global_clipnorm or self.clipvalue)
        )

    def _slots(self) -> Slots:
        """The rule's own variables, one list for each list that its twin takes."""
        return ()

    def _after_update(self) -> None:
        """Called when all variables have been updated."""

    # One update.

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Make one update from pairs (gradient, variable), and return the update counter."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Make one update: ``grads[i]`` is the gradient of ``trainable_variables[i]``.

        The variables may be left out once the optimizer is built. Variables whose gradient is None
        stay as they are, with a warning.
        """
        if len(grads) == 0:
            return
        part, gradients = self._matched(grads, trainable_variables)
        twins = engine.current().optimizers
        count = self._iterations.array.item()
        if part.half:
            part.widen()
        if self.loss_scale_factor is not None:
            twins.divide_(part.buffers, gradients, self.loss_scale_factor)
            gradients = part.buffers
        steps = self.gradient_accumulation_steps
        if steps is None:
            self._update(twins, part, gradients)
        else:
            twins.accumulate_(part.accumulators, gradients)
            if (count + 1) % steps == 0:
                twins.divide_(part.buffers, part.accumulators, steps)
                self._update(twins, part, part.buffers)
        if part.half:
            part.narrow()
        if steps is not None and (count + 1) % steps == 0:
            for accumulator in self._accumulated_gradients or ():
                accumulator.array.fill(0)
        if self.use_ema:
            self._average(twins, count // (steps or 1))
        for variable in part.variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.array))
        self._iterations.array[()] = count + 1

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """``apply`` from these values of the variables, which stay as they are.

        Returns:
            The new values of the trainable variables, and of the optimizer's own.

        Raises:
            ValueError: it is not built, or the values are not one for each variable.
        """
        if not self.built:
            raise ValueError(
                f"{self.name} has no variables yet: call build(trainable_variables) before "
                "stateless_apply()."
            )
        trained, own = self._trainable_variables, list(self.variables)
        pairs = check_values(self, "optimizer_variables", optimizer_variables, own)
        pairs += check_values(self, "trainable_variables", trainable_variables, trained)
        with StatelessScope(pairs):
            self.apply(grads, trained)
            return values_of(trained), values_of(own)

    def _update(self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray]) -> None:
        learning_rate = self._current_rate()
        if self.clipnorm or self.global_clipnorm or self.clipvalue:
            gradients = self._clip(twins, part.buffers, gradients)
        self._decay(twins, part, learning_rate)
        if type(self).update_step is Optimizer.update_step:
            self._update_all(twins, part, gradients, learning_rate)
        else:
            part.narrow()
            for gradient, variable in zip(gradients, part.variables, strict=True):
                self.update_step(Tensor(gradient), variable, learning_rate)
            part.widen()
        self._after_update()

    def _decay(self, twins: ModuleType, part: _Part, learning_rate: float) -> None:
        if self.weight_decay:
            twins.decay_weights_(part.decayed, learning_rate, self.weight_decay)

    def _clip(
        self, twins: ModuleType, clipped: list[np.ndarray], gradients: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        if self.clipnorm:
            twins.clip_by_norm_(clipped, gradients, self.clipnorm)
        elif self.global_clipnorm:
            twins.clip_by_global_norm_(clipped, gradients, self.global_clipnorm)
        else:
            twins.clip_by_value_(clipped, gradients, self.clipvalue)
        return clipped

    def _average(self, twins: ModuleType, updates: int) -> None:
        averages = [a.array for a in self._averages or ()]
        arrays = [v.array for v in self._trainable_variables]
        half = [i for i, array in enumerate(arrays) if array.dtype == np.float16]
        wide = list(averages)
        for i in half:
            wide[i], arrays[i] = wide[i].astype(np.float32), arrays[i].astype(np.float32)
        # The moving average starts as the weights themselves.
        twins.average_(wide, arrays, self.ema_momentum if updates else 0.0)
        for i in half:
            averages[i][...] = wide[i]
        if self.ema_overwrite_frequency and (updates + 1) % self.ema_overwrite_frequency == 0:
            self._overwrite(self._trainable_variables)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Replace the weights by their moving averages, if ``use_ema``."""
        if self.use_ema:
            self._overwrite(var_list)

    def _overwrite(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            if self._averages is None:
                raise ValueError(
                    f"{self.name} has no moving averages yet: it was not built for a model."
                )
            variable.assign(self._averages[self._get_variable_index(variable)])

    @property
    def scales_loss(self) -> bool:
        """Whether ``scale_loss`` changes the loss."""
        return self.loss_scale_factor is not None

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times ``loss_scale_factor``, if set."""
        factor = self.loss_scale_factor
        return loss if factor is None else ops.multiply(loss, factor)

    # From gradients and variables to the lists of an update.

    def _matched(
        self, grads: Sequence[Any], variables: Sequence[Variable] | None
    ) -> tuple[_Part, Sequence[np.ndarray]]:
        """Return the variables that have a gradient, and their gradients as arrays that fit."""
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"{self.name} does not know its variables yet: call apply(grads, variables), "
                    "or build(variables) first."
                )
            variables = self._trainable_variables
        else:
            variables = variables if isinstance(variables, (list, tuple)) else list(variables)
            if not self.built:
                self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(
                f"Each variable needs one gradient (or None). Received {len(grads)} gradients "
                f"and {len(variables)} variables."
            )
        own = self._trainable_variables
        if len(variables) == len(own) and all(map(is_, variables, own)):
            part = self._part(None)
        else:
            part = self._part(tuple(self._get_variable_index(v) for v in variables))
        for gradient, (shape, dtype) in zip(grads, part.forms):  # noqa: B905 - hot
            if (
                type(gradient) is not ndarray
                or gradient.shape != shape
                or gradient.dtype is not dtype
            ):
                return self._matched_one_by_one(part, grads)
        return part, grads

    def _matched_one_by_one(
        self, part: _Part, grads: Sequence[Any]
    ) -> tuple[_Part, Sequence[np.ndarray]]:
        """Like _matched, for gradients that are partly missing or must be converted."""
        missing = [v.path for g, v in zip(grads, part.variables, strict=True) if g is None]
        if len(missing) == len(grads):
            raise ValueError(
                f"No variable has a gradient: {', '.join(missing)}. Does the loss depend on them, "
                "and was it computed inside the tape?"
            )
        if missing:
            there = tuple(i for g, i in zip(grads, part.indices, strict=True) if g is not None)
            if there not in self._parts:  # warn once
                warnings.warn(
                    f"The loss does not depend on {', '.join(missing)}: no gradient, no update. Is "
                    "there NumPy or stop_gradient on the way from them to the loss?",
                    stacklevel=4,
                )
            part = self._part(there)
            grads = [g for g in grads if g is not None]
        return part, [self._fitting(g, v) for g, v in zip(grads, part.variables, strict=True)]

    def _fitting(self, gradient: Any, variable: Variable) -> Any:
        """Return a gradient as an array with the shape and dtype of its variable; or as (rows,
        values), if the rule takes them.
        """
        if type(gradient) is IndexedSlices and self.takes_slices:
            return gradient.slices()
        array = np.asarray(gradient.array if isinstance(gradient, Tensor) else gradient)
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"The gradient of {variable.path} is not an array of numbers: {gradient!r}"
            )
        if array.shape != variable.shape:
            raise ValueError(
                f"The gradient of {variable.path} has shape {array.shape}, "
                f"the variable has {variable.shape}."
            )
        half = variable.dtype == np.float16  # which the engines compute in float32
        return array.astype(np.float32 if half else variable.dtype, copy=False)

    def _part(self, indices: tuple[int, ...] | None) -> _Part:
        """The lists of arrays for these variables (None: all), made on first use."""
        key = () if indices is None else indices
        part = self._parts.get(key)
        if part is None:
            everything = range(len(self._trainable_variables))
            part = self._parts[key] = _Part(self, everything if indices is None else indices)
        return part

    def _get_variable_index(self, variable: Variable) -> int:
        try:
            return self._index[variable]
        except (KeyError, TypeError):  # the latter for what is no variable
            known = ", ".join(v.path for v in self._trainable_variables)
            raise ValueError(
                f"Optimizer {self.name} was built for the variables {known}, but "
                f"{getattr(variable, 'path', variable)!r} is not among them. Other variables need "
                "an optimizer of their own; after changing a model's layers, compile it again."
            ) from None

    # The learning rate and the counter.

    @property
    def iterations(self) -> Variable | Tensor:
        """The number of updates made; ``int(optimizer.iterations)`` for a plain number."""
        steps = self.gradient_accumulation_steps
        return self._iterations if steps is None else ops.floor_divide(self._iterations, steps)

    @property
    def _step(self) -> int:
        """The number of the update that is being made, from 1."""
        return self._iterations.array.item() // (self.gradient_accumulation_steps or 1) + 1

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update. Set it to a number, a schedule or a function."""
        rate = self._learning_rate
        return rate if isinstance(rate, Variable) else self._current_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        if callable(learning_rate):
            if isinstance(self._learning_rate, Variable):
                self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = learning_rate
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.array[()] = _rate(learning_rate)
        else:
            raise TypeError(
                f"The learning rate of {self.name} follows {self._learning_rate!r} and cannot be "
                "set to a number: pass a number as learning_rate when you make the optimizer."
            )

    lr = learning_rate

    def _current_rate(self) -> float:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate.array.item()
        if isinstance(rate, schedules.LearningRateSchedule):
            return float(rate(self._iterations.array.item()))
        return float(rate())

    # Variables of the optimizer.

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer: counter, learning rate, and those of the rule."""
        return self._variables[:]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the optimizer's state."""
        variable = Variable(
            initializers.get(initializer), tuple(shape), dtype, trainable=False, name=name
        )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a variable of the optimizer with the shape and dtype of a variable of the model."""
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make one variable for each of the model's, and return them as a list.

        With a list of names (and, if they differ, of initializers) there is a list for each name.
        """
        if isinstance(name, str):
            return [
                self.add_variable_from_reference(v, name, initializer) for v in trainable_variables
            ]
        each = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        made = [
            [
                self.add_variable_from_reference(v, n, first)
                for n, first in zip(name, each, strict=True)
            ]
            for v in trainable_variables
        ]
        return tuple([row[i] for row in made] for i in range(len(name)))

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    # Weight decay.

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Exclude variables from weight decay; call it before the optimizer is built.

        Args:
            var_list: the variables themselves.
            var_names: words; a variable is excluded if its name contains one of them ("bias").
        """
        if self.built:
            raise ValueError(
                f"{self.name} is already built: call exclude_from_weight_decay() before training."
            )
        self._not_decayed = set(var_list or ())
        words = list(var_names or ())
        self._not_decayed_names = re.compile("|".join(words)) if words else None

    def _use_weight_decay(self, variable: Variable) -> bool:
        names = self._not_decayed_names
        return variable not in self._not_decayed and not (
            names is not None and names.search(variable.name)
        )

    # Saving.

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the optimizer's variables."""
        return [v.array.copy() for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the optimizer's variables to what ``get_weights`` returned."""
        if not self.built:
            raise ValueError(
                f"{self.name} has no variables to set yet: call build(trainable_variables) first."
            )
        variables = self.variables
        if len(weights) != len(variables):
            raise ValueError(
                f"{self.name} has {len(variables)} variables "
                f"({', '.join(v.name for v in variables)}). Received {len(weights)} arrays."
            )
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Save the optimizer's variables in a store, a mapping of names to arrays."""
        for i, weight in enumerate(self.get_weights()):
            store[str(i)] = weight

    def load_own_variables(self, store: Any) -> None:
        """Load the optimizer's variables from a store."""
        variables = self.variables
        if len(store) != len(variables):
            warnings.warn(
                f"The saved optimizer has {len(store)} variables, but {self.name} has "
                f"{len(variables)}, so it starts with new ones"
                + ("." if self.built else ": it was not built, call build(trainable_variables)."),
                stacklevel=2,
            )
            return
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this optimizer, without its state."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = rate.array.item()
        elif isinstance(rate, schedules.LearningRateSchedule):
            rate = schedules.serialize(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
            **{name: getattr(self, name) for name in self._arguments},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> Optimizer:
        """Return an optimizer from the result of ``get_config``."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name} learning_rate={self._current_rate():g}>"

    __dir__ = public_names


def _rate(value: Any) -> float:
    """A learning rate as a float."""
    if not isinstance(value, (bool, str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise ValueError(
        "learning_rate must be a number, a LearningRateSchedule, or a function without arguments. "
        f"Received {value!r}."
    )


def _at_least(name: str, value: float, least: float) -> float:
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}. Received {name}={value!r}.")
    return value


def _between(low: float, name: str, value: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}. Received {name}={value!r}.")
    return value


def _count(name: str, value: int, least: int) -> int:
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer, at least {least}. Received {name}={value!r}.")
    return value
