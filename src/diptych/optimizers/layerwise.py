"""Optimizers whose rules look at a variable as a whole: LAMB, Adafactor, Muon.

Their update rules are in ``diptych.reference.layerwise``. ``**options`` are the arguments of
``Optimizer``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine, ops
from ..tensor import Variable
from .optimizer import Optimizer, Options, _Part

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .optimizer import Rate, Slots


class Lamb(Optimizer):
    """Adam for large batches: each variable moves by learning_rate times its own length.

        u = m_hat / (sqrt(v_hat) + epsilon)                     the step of Adam
        w = w - learning_rate ||w|| / ||u|| u

    The twin functions are ``lamb_update_`` in ``diptych.reference.layerwise`` and in
    ``diptych.fastcore.layerwise``.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        beta_1: the weight of the old mean of the gradients in the moving average.
        beta_2: the weight of the old mean of their squares in the moving average.
        epsilon: added to the root.
    """

    _arguments = ("beta_1", "beta_2", "epsilon")
    _takes_rows = False

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

    def _slots(self) -> Slots:
        return self._momentums, self._velocities

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        engine.current().layerwise.lamb_update_(
            part.arrays, gradients, *part.slots,
            self._step, learning_rate, self.beta_1, self.beta_2, self.epsilon,
        )  # fmt: skip


class Adafactor(Optimizer):
    """Steps relative to the size of the weights, divided by root mean squares that are made of the
    means of a matrix's rows and columns.

    The twin functions are ``adafactor_update_``.

    Args:
        learning_rate: a float, a schedule, or a function without arguments: the largest step,
            relative to the weights; at update t it is at most 1 / sqrt(t).
        beta_2_decay: the moving averages weigh the old value with 1 - t^beta_2_decay.
        epsilon_1: added to the squared gradients.
        epsilon_2: the size of weights that count as smaller than that.
        clip_threshold: the largest root mean square of an update, before the learning rate.
        relative_step: kept for Keras's configurations. The limit 1 / sqrt(t) holds either way.
    """

    _arguments = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
    _takes_rows = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def _build(self, variables: list[Variable]) -> None:
        self._r: list[Variable] = []
        self._c: list[Variable] = []
        self._v: list[Variable] = []
        for variable in variables:
            name, shape, dtype = variable.name, variable.shape, variable.dtype
            if len(shape) < 2:  # two numbers that nothing reads, as in Keras's files
                self._r.append(self.add_variable((), dtype="int32", name=name))
                self._c.append(self.add_variable((), dtype="int32", name=name))
            else:
                self._r.append(self.add_variable(shape[:-1], dtype=dtype, name=name))
                self._c.append(self.add_variable((*shape[:-2], shape[-1]), dtype=dtype, name=name))
            self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def _slots(self) -> Slots:
        return self._r, self._c, self._v

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        engine.current().layerwise.adafactor_update_(
            part.arrays, gradients, *part.slots, self._step, learning_rate,
            self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold,
        )  # fmt: skip


class Muon(Optimizer):
    """Momentum whose singular values are made equal, for matrices; AdamW for all other variables.

        m = momentum m + g
        U S V^T = g + momentum m                                singular value decomposition
        w = w - learning_rate rms_rate sqrt(max(rows, columns)) U V^T

    U V^T is found by Newton-Schulz rounds, about; see the twins ``muon_update_``. AdamW also
    updates embeddings and the layers that are excluded; the last layer should be one of them.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        adam_beta_1, adam_beta_2, epsilon: those of AdamW.
        adam_weight_decay: the weight decay of the variables that AdamW updates.
        weight_decay: that of the matrices.
        exclude_layers: regular expressions; AdamW updates a variable in whose path one is found,
            as "head" in "sequential/head/kernel".
        exclude_embeddings: whether AdamW updates variables with "embedding" in their path.
        muon_a, muon_b, muon_c: the polynomial of a round.
        adam_lr_ratio: AdamW's learning rate is so many times learning_rate.
        momentum: the weight of the last momentum, 0 to 1.
        ns_steps: how many rounds.
        nesterov: whether to use Nesterov's momentum.
        rms_rate: a step is as long as one of Adam would be, times this. None: learning_rate U V^T
            itself.
    """

    _arguments = (
        "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c",
        "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "exclude_embeddings",
        "adam_weight_decay", "rms_rate",
    )  # fmt: skip
    _takes_rows = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """About U V^T of a matrix U S V^T, by Newton-Schulz rounds. The update itself is done by
        the twins ``muon_update_``, so a subclass does not change it here.

        Args:
            x: a matrix, or several, (..., R, C).
            steps: how many rounds.

        Raises:
            ValueError: x has fewer than 2 axes.
        """
        if len(x.shape) < 2:
            raise ValueError(f"Newton-Schulz rounds take matrices, (..., R, C); got {x.shape}.")
        tall = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if tall else x
        x = ops.divide(x, ops.add(ops.norm(x, axis=(-2, -1), keepdims=True), 1e-7))
        for _ in range(steps):
            a = ops.matmul(x, self.transpose_last_axis(x))
            b = ops.add(ops.multiply(self.muon_b, a), ops.matmul(ops.multiply(self.muon_c, a), a))
            x = ops.add(ops.multiply(self.muon_a, x), ops.matmul(b, x))
        return self.transpose_last_axis(x) if tall else x

    def lr_adjust(self, x: Any) -> Any:
        """A step of a matrix, (R, C), as long as one of Adam, times ``rms_rate``: x rms_rate
        sqrt(max(R, C)), or x itself where ``rms_rate`` is None.
        """
        if self.rms_rate is None:
            return x
        return ops.multiply(x, self.rms_rate * max(x.shape[:2]) ** 0.5)

    def transpose_last_axis(self, X: Any) -> Any:  # noqa: N803 - Keras's name
        """Matrices (..., R, C) transposed, (..., C, R)."""
        return ops.swapaxes(X, -2, -1)

    def _uses_adam(self, variable: Variable) -> bool:
        return (
            len(variable.shape) != 2
            or (self.exclude_embeddings and "embedding" in variable.path.lower())
            or any(re.search(word, variable.path) for word in self.exclude_layers)
        )

    def _build(self, variables: list[Variable]) -> None:
        self.momentums: list[Variable] = []
        self.adam_velocities: list[Variable | None] = []  # None where Muon's own rule is used
        for variable in variables:
            self.momentums.append(self.add_variable_from_reference(variable, "momentum"))
            self.adam_velocities.append(
                self.add_variable_from_reference(variable, "velocity")
                if self._uses_adam(variable)
                else None
            )

    def _slots(self) -> Slots:
        return self.momentums, self.adam_velocities

    def _decay(self, twins: ModuleType, part: _Part, learning_rate: float) -> None:
        pairs = zip(part.variables, part.arrays, strict=True)
        decayed = [(v, array) for v, array in pairs if self._use_weight_decay(v)]
        for of_adam, decay in ((True, self.adam_weight_decay), (False, self.weight_decay)):
            if decay:
                arrays = [array for v, array in decayed if self._uses_adam(v) == of_adam]
                twins.decay_weights_(arrays, learning_rate, decay)

    def _update_all(
        self, twins: ModuleType, part: _Part, gradients: Sequence[np.ndarray], learning_rate: float
    ) -> None:
        rows = list(zip(part.arrays, gradients, *part.slots, strict=True))
        adam = [row for row in rows if row[-1] is not None]
        if adam:
            twins.adam_update_(
                *zip(*adam, strict=True), None, self._step, learning_rate * self.adam_lr_ratio,
                self.adam_beta_1, self.adam_beta_2, self.epsilon,
            )  # fmt: skip
        muon = [row[:-1] for row in rows if row[-1] is None]
        if muon:
            engine.current().layerwise.muon_update_(
                *zip(*muon, strict=True), learning_rate, self.momentum, self.nesterov,
                self.ns_steps, self.muon_a, self.muon_b, self.muon_c, self.rms_rate,
            )  # fmt: skip
