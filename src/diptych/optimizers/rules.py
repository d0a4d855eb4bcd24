"""The optimizers, from simple to involved. Their update rules are in
``diptych.reference.optimizers``.

A class stores the arguments, makes the variables that its rule needs, and passes them to the twin
of the current engine, such as ``adam_update_``. ``**options`` are the arguments of ``Optimizer``:
weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
loss_scale_factor, gradient_accumulation_steps and name.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..initializers import Constant
from ..tensor import Variable
from .optimizer import Optimizer, Options, _at_least, _between, _Part

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .optimizer import Rate, Slots


class SGD(Optimizer):
    """Gradient descent, plain, with momentum, or with Nesterov's momentum.

        w = w - learning_rate g                                 momentum = 0
        m = momentum m - learning_rate g;  w = w + m            momentum > 0
        ...;  w = w + momentum m - learning_rate g              nesterov

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        momentum: the weight of the last step, 0 to 1.
        nesterov: whether to use the gradient at the point after the momentum step.
    """

    _arguments = ("momentum", "nesterov")
    _with_variables = (*Optimizer._with_variables, "momentum")

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = _between(0, "momentum", momentum, 1)
        self.nesterov = nesterov
        self.momentums: list[Variable] = []

    def _build(self, variables: list[Variable]) -> None:
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def _slots(self) -> Slots:
        return (self.momentums,) if self.momentum else ()

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        if self.momentum:
            twins.momentum_update_(
                part.arrays, gradients, *part.slots, learning_rate, self.momentum, self.nesterov
            )
        else:
            twins.sgd_update_(part.arrays, gradients, learning_rate)


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far, weight by weight.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        initial_accumulator_value: where the sums of squares start, at least 0.
        epsilon: added under the root.
    """

    _arguments = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = _at_least(
            "initial_accumulator_value", initial_accumulator_value, 0
        )
        self.epsilon = epsilon

    def _build(self, variables: list[Variable]) -> None:
        self._accumulators = self.add_optimizer_variables(
            variables, "accumulator", Constant(self.initial_accumulator_value)
        )

    def _slots(self) -> Slots:
        return (self._accumulators,)

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.adagrad_update_(part.arrays, gradients, *part.slots, learning_rate, self.epsilon)


class RMSprop(Optimizer):
    """Steps divided by the root mean square of recent gradients.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        rho: the weight of the old mean square in the moving average.
        momentum: the weight of the last step, 0 to 1.
        epsilon: added under the root.
        centered: divide by the standard deviation of the gradient, not by its root mean square.
    """

    _arguments = ("rho", "momentum", "epsilon", "centered")
    _with_variables = (*Optimizer._with_variables, "momentum", "centered")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = _between(0, "momentum", momentum, 1)
        self.epsilon = epsilon
        self.centered = centered
        self._momentums: list[Variable] | None = None
        self._average_gradients: list[Variable] | None = None

    def _build(self, variables: list[Variable]) -> None:
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    def _slots(self) -> Slots:
        return self._velocities, self._average_gradients, self._momentums

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.rmsprop_update_(
            part.arrays, gradients, *part.slots,
            learning_rate, self.rho, self.momentum, self.epsilon,
        )  # fmt: skip


class Adadelta(Optimizer):
    """Steps whose size adapts to the steps before. The paper uses learning_rate 1.0.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        rho: the weight of the old mean squares in the moving averages.
        epsilon: added under the roots.
    """

    _arguments = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def _build(self, variables: list[Variable]) -> None:
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def _slots(self) -> Slots:
        return self._accumulated_grads, self._accumulated_delta_vars

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.adadelta_update_(
            part.arrays, gradients, *part.slots, learning_rate, self.rho, self.epsilon
        )


class Adam(Optimizer):
    """Momentum divided by the root mean square of recent gradients, both with bias correction.

        m = beta_1 m + (1 - beta_1) g
        v = beta_2 v + (1 - beta_2) g^2
        alpha = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)       bias correction at update t
        w = w - alpha m / (sqrt(v) + epsilon)

    The twin functions are ``adam_update_`` in ``diptych.reference.optimizers`` and in
    ``diptych.fastcore.optimizers``.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the weight of the old mean of the gradients in the moving average.
        beta_2: the weight of the old mean of their squares in the moving average.
        epsilon: added to the root.
        amsgrad: divide by the root of the largest mean square so far, not of the latest.
    """

    _arguments = ("beta_1", "beta_2", "epsilon", "amsgrad")
    _with_variables = (*Optimizer._with_variables, "amsgrad")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self._velocity_hats: list[Variable] | None = None

    def _build(self, variables: list[Variable]) -> None:
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def _slots(self) -> Slots:
        return self._momentums, self._velocities, self._velocity_hats

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.adam_update_(
            part.arrays, gradients, *part.slots,
            self._step, learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip


class AdamW(Adam):
    """Adam with weight decay: each update also subtracts learning_rate * weight_decay * weight.

    Args:
        learning_rate, beta_1, beta_2, epsilon, amsgrad: as for Adam.
        weight_decay: a float.
    """

    def __init__(  # type: ignore[misc]  # weight_decay has its own position here
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        if weight_decay is None:
            raise ValueError(
                "AdamW needs a number as weight_decay. Without weight decay, use Adam."
            )
        options["weight_decay"] = weight_decay
        super().__init__(
            learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, amsgrad=amsgrad, **options
        )


class Adamax(Optimizer):
    """Adam with the largest recent gradient instead of the root mean square. The momentum has bias
    correction (see the twins ``adamax_update_``).

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the weight of the old mean of the gradients in the moving average.
        beta_2: how fast the largest gradient is forgotten.
        epsilon: added to the largest gradient.
    """

    _arguments = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _build(self, variables: list[Variable]) -> None:
        self._momentums, self._norms = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def _slots(self) -> Slots:
        return self._momentums, self._norms

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.adamax_update_(
            part.arrays, gradients, *part.slots,
            self._step, learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, with bias correction (see the twins ``nadam_update_``).

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the weight of the old mean of the gradients in the moving average.
        beta_2: the weight of the old mean of their squares in the moving average.
        epsilon: added to the root.
    """

    _arguments = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _build(self, variables: list[Variable]) -> None:
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        self._u_product = self.add_variable((), "ones", "float64", "u_product")

    def _slots(self) -> Slots:
        return self._momentums, self._velocities

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        self._next_product = twins.nadam_update_(
            part.arrays, gradients, *part.slots, self._step, self._u_product.array.item(),
            learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip

    def _after_update(self) -> None:
        # Updated only now, since the rule may be called once for each variable.
        self._u_product.array[()] = self._next_product


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights for linear models with many features.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        learning_rate_power: how steps shrink with the squares of the gradients, at most 0.
        initial_accumulator_value: where the sums of squares start, at least 0.
        l1_regularization_strength: at least 0; makes weights exactly zero.
        l2_regularization_strength: at least 0.
        l2_shrinkage_regularization_strength: at least 0; an L2 penalty on the loss itself.
        beta: makes the first steps smaller.
    """

    _arguments = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if learning_rate_power > 0:
            raise ValueError(
                "learning_rate_power must be at most 0. "
                f"Received learning_rate_power={learning_rate_power!r}."
            )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = _at_least(
            "initial_accumulator_value", initial_accumulator_value, 0
        )
        self.l1_regularization_strength = _at_least(
            "l1_regularization_strength", l1_regularization_strength, 0
        )
        self.l2_regularization_strength = _at_least(
            "l2_regularization_strength", l2_regularization_strength, 0
        )
        self.l2_shrinkage_regularization_strength = _at_least(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, 0
        )
        self.beta = beta

    def _build(self, variables: list[Variable]) -> None:
        self._accumulators, self._linears = self.add_optimizer_variables(
            variables,
            ["accumulator", "linear"],
            [Constant(self.initial_accumulator_value), "zeros"],
        )

    def _slots(self) -> Slots:
        return self._accumulators, self._linears

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.ftrl_update_(
            part.arrays, gradients, *part.slots, learning_rate, self.learning_rate_power,
            self.l1_regularization_strength, self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength, self.beta,
        )  # fmt: skip


class Lion(Optimizer):
    """Steps of the same size for all weights; momentum and gradient give only their signs.

    Lion needs a learning rate about ten times smaller than Adam's, and a larger weight decay.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the weight of the momentum in the direction, above 0 and at most 1.
        beta_2: the weight of the old momentum in the moving average.
    """

    _arguments = ("beta_1", "beta_2")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if beta_1 == 0:
            raise ValueError("beta_1 must be above 0: the direction needs the momentum.")
        self.beta_1 = _between(0, "beta_1", beta_1, 1)
        self.beta_2 = beta_2

    def _build(self, variables: list[Variable]) -> None:
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def _slots(self) -> Slots:
        return (self._momentums,)

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        twins.lion_update_(
            part.arrays, gradients, *part.slots, learning_rate, self.beta_1, self.beta_2
        )


class ScheduleFreeAdamW(Optimizer):
    """Adam without a schedule: the weights are pulled towards the average over all steps, which
    does what a falling learning rate would do.

        z = z - learning_rate g / (sqrt(v_hat) + epsilon)
        x = (1 - 1 / t) x + z / t                               the average of all z
        w = (1 - beta_1) z + beta_1 x

    The twin functions are ``schedule_free_adamw_update_``. The variables called momentum are z.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: how near the weights are to the average, above 0 and at most 1.
        beta_2: the weight of the old mean of the squared gradients in the moving average.
        epsilon: added to the root.
        warmup_steps: over so many steps the learning rate rises to its value.
    """

    _arguments = ("beta_1", "beta_2", "epsilon", "warmup_steps")

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if beta_1 == 0:
            raise ValueError("beta_1 must be above 0: the weights are found from the average.")
        self.beta_1 = _between(0, "beta_1", beta_1, 1)
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def _build(self, variables: list[Variable]) -> None:
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        for momentum, variable in zip(self._momentums, variables, strict=True):
            momentum.assign(variable)

    def _slots(self) -> Slots:
        return self._momentums, self._velocities

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        if self.warmup_steps:
            learning_rate *= min(self._step / self.warmup_steps, 1.0)
        twins.schedule_free_adamw_update_(
            part.arrays, gradients, *part.slots,
            self._step, learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip
