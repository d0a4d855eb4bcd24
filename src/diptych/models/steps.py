"""One step on one batch: a loss, an update, metrics.

It runs layer by layer, as a recorded step (``replay``) or as a plan (``plans``), with the same
bits.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np

from .. import config, ops, processes
from .. import engine as _engine
from ..layers.signatures import parameters_of
from ..nested import map_structure
from ..optimizers import LossScaleOptimizer
from ..tape import GradientTape, StepTape, unrecorded
from ..tensor import Structure, Tensor
from ..utils.batches import unpack_x_y_sample_weight as unpack
from .compiling import Compiling
from .fitting import batch_size_of, pack, plain
from .noting import NotPlannedError
from .plans import StepPlan
from .replay import (
    Replay,
    arrays_in,
    form_of,
    leaves_of,
    may_be_replayed,
    record_of,
    record_of_prediction,
    why_not_replayed,
)

_COUNTING = np.arange(1024)
MOST_REPLAYS = 32  # the most recorded steps of a model, one for each batch shape


class Steps(Compiling):
    """The part of ``Trainer`` that makes one step."""

    def __getstate__(self) -> dict[str, Any]:
        """The state without recorded steps, whose functions cannot be pickled, and without data."""
        return {**vars(self), "_replays": {}, "_fitted": {}, "_progress": None}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch: the compiled losses and those of layers and regularizers."""
        return self._batch_loss(y, y_pred, sample_weight, self.losses)

    def _batch_loss(
        self, y: Any, y_pred: Any, sample_weight: Any, penalties: Any, counted: bool = False
    ) -> Any:
        """The sum of the compiled losses and of these penalties; the mean loss takes it in, if
        ``counted``.
        """
        with self._on_its_engine():
            total = (
                None if self._loss is None or y is None else self._loss(y, y_pred, sample_weight)
            )
            for penalty in penalties:
                total = penalty if total is None else ops.add(total, penalty)
        if total is None and self._loss is not None:
            raise ValueError(
                f"Model {self.name!r} was compiled with a loss, which compares its output with "
                "labels, but got none: pass them as y, or let a generator give (x, y)."
            )
        if total is None:
            raise ValueError(
                f"Model {self.name!r} has no loss to minimise: compile it with a loss and pass "
                "labels y, or call add_loss in a layer."
            )
        if counted:
            self._loss_mean.update_state(total.array, sample_weight=batch_size_of(y_pred))
        return total

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """The loss of a batch as a tensor. A `compute_loss` of one's own may lack `training`."""
        given = (x, y, y_pred, sample_weight)
        if "training" in parameters_of(type(self), "compute_loss"):
            loss = self.compute_loss(*given, training=training)
        else:
            loss = self.compute_loss(*given)
        if loss is None:
            raise ValueError(
                f"{type(self).__name__}.compute_loss returned None: it has to return the loss of "
                "the batch, a scalar."
            )
        return ops.convert_to_tensor(loss)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics with a batch, and return all results so far."""
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._metrics is not None and y is not None:
            functions = [] if self._loss is None else self._loss.functions
            self._metrics.update_state(y, y_pred, sample_weight, functions)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make one update with a batch, and return the results so far; override it to customise
        training.
        """
        results = self._update(*unpack(data))
        return self.get_metrics_result() if results is None else results

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch, and return the results so far."""
        results = self._test(*unpack(data))
        return self.get_metrics_result() if results is None else results

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch."""
        return self(unpack(data)[0], training=False)

    def _replaces(self, name: str) -> bool:
        """Whether a step, or a part of it, is not that of this class: a subclass overrides it, or a
        function has been put on the object.
        """
        return getattr(getattr(self, name), "__func__", None) is not getattr(Steps, name)

    def _predict(self, x: Any) -> Any:
        """The outputs for one batch, replayed if possible."""
        leaves = leaves_of(x)
        if not all(isinstance(leaf, Tensor) and leaf.shape and len(leaf) for leaf in leaves):
            return self(x, training=False)
        try:
            replay = self._replay_of_prediction(x)
            if replay is not None:
                return map_structure(Tensor, replay.predict([leaf.array for leaf in leaves]))
        except (ValueError, TypeError, IndexError):
            pass  # run the layers: their error names the layer and this number of rows
        return self(x, training=False)

    def _replay_of_prediction(self, x: Any) -> Replay | None:
        """The recorded prediction for rows like these; None if there is none."""
        key = ("predict", form_of(x, 1), *self._circumstances())
        if key in self._replays:
            return self._replays.get(key)  # another thread may have removed it
        replay = record_of_prediction(self, x)
        self._forget_replays()
        self._replays[key] = replay
        return replay

    def _update(self, x: Any, y: Any, sample_weight: Any) -> Any:
        """Make one update; return what a `compute_metrics` of one's own returned."""
        key = self._replay_key("update", x, y, sample_weight)
        replay = self._replays.get(key)
        if replay is not None and self._run_plan(replay, (x, y, sample_weight), True):
            return None
        if replay is not None:
            y_pred, losses, caches = replay.forward(arrays_in(x, y, sample_weight))
            loss = self._add_parts(losses, x)
            gradients, variables = replay.gradients(caches, self.optimizer), replay.wanted
        else:
            with self._compiled_flags.in_force():
                weights = self._follow_input(key, x, sample_weight)
                with self._tape_of(key) as tape:
                    y_pred = self(x, training=True)
                    loss = self._compute_loss(x, y, y_pred, weights, True)
                    scaled = self.optimizer.scale_loss(loss)
                variables = self.trainable_variables  # the call may have made them
                self._keep_replay(key, tape, x, y, y_pred, loss, weights, scaled)
                tape.optimizer = self.optimizer
                with unrecorded():  # they go to the optimizer alone
                    gradients = tape.gradient(scaled, variables)
                loss = loss.array
        if variables:
            self.optimizer.apply(gradients, variables)
        else:
            self._checks.nothing_to_train()
        self._loss_mean.update_state(loss, sample_weight=batch_size_of(x))
        return self._after_step(x, y, y_pred, sample_weight)

    def _add_parts(self, losses: list[np.ndarray], x: Any) -> np.ndarray:
        """Let the means of several losses take in those of a batch; return their sum."""
        loss, *values = losses
        parts = [] if self._loss is None else self._loss.parts
        for part, value in zip(parts, values, strict=False):
            if part.mean is not None:  # a single one has none
                part.mean.update_state(value, sample_weight=batch_size_of(x))
        return loss

    def _run_plan(self, replay: Replay, batch: tuple, trains: bool) -> bool:
        """Make a step by the plan of a recorded step, or make the plan of this step; return False
        if the step is still to be made.
        """
        plan = replay.plan
        if isinstance(plan, str):  # why there is none
            return False
        if plan is None or not plan.fits(self):
            if self._metrics is None or not self._metrics.built:  # another thread is at it
                return False
            try:
                plan = StepPlan(self, replay, batch, trains)
            except NotPlannedError as error:
                replay.plan = str(error)
                return False
            replay.plan = plan.refusal or plan
            return True
        sources = plan.sources(arrays_in(*batch))
        if not plan.takes(sources):
            return False
        order = _COUNTING[: plan.size] if plan.size <= len(_COUNTING) else np.arange(plan.size)
        return plan.run(order, sources, 1) == 1

    def _plan_of(self, key: tuple | None) -> tuple[StepPlan | None, str | None]:
        """The plan of the steps with this key, or why there is none; None and None if none has been
        made yet.
        """
        if key is not None and key not in self._replays:
            return None, None
        replay = self._replays.get(key)
        if replay is None:
            why = why_not_replayed(self)
            return None, why or "a step uses something that another batch may not use again"
        if isinstance(replay.plan, StepPlan):
            return replay.plan, None
        return None, replay.plan

    def _test(self, x: Any, y: Any, sample_weight: Any) -> Any:
        """Evaluate one batch; return what a `compute_metrics` of one's own returned."""
        key = self._replay_key("test", x, y, sample_weight)
        replay = self._replays.get(key)
        if replay is not None and self._run_plan(replay, (x, y, sample_weight), False):
            return None
        if replay is not None:
            y_pred, losses, _ = replay.forward(arrays_in(x, y, sample_weight))
            loss = self._add_parts(losses, x)
            self._loss_mean.update_state(loss, sample_weight=batch_size_of(x))
        else:
            is_new = key is not None and key not in self._replays
            weights = self._follow_input(key, x, sample_weight)
            with self._tape_of(key) if is_new else contextlib.nullcontext() as tape:
                y_pred = self(x, training=False)
                own_loss = self._replaces("compute_loss")
                if self._loss is not None or self.losses or own_loss:
                    loss = self._compute_loss(x, y, y_pred, weights, False)
                    self._loss_mean.update_state(loss.array, sample_weight=batch_size_of(x))
                    if tape is not None:
                        self._keep_replay(key, tape, x, y, y_pred, loss, weights)
        return self._after_step(x, y, y_pred, sample_weight)

    def _replay_key(self, what: str, x: Any, y: Any, sample_weight: Any) -> tuple | None:
        """The key of a recorded step; None if the step is not recorded."""
        return self._key_of(what, self._forms_of(x, y, sample_weight))

    def _forms_of(self, x: Any, y: Any, sample_weight: Any) -> tuple | None:
        """The forms of the parts of a batch; None if its steps are not recorded."""
        if y is None:
            return None
        try:
            return form_of(x), form_of(y), form_of(sample_weight)
        except TypeError:  # what is neither a tensor nor an array
            return None

    def _key_of(self, what: str, forms: tuple | None) -> tuple | None:
        return None if forms is None else (what, *forms, *self._circumstances())

    def _circumstances(self) -> tuple:
        """Settings on which a recorded step depends."""
        return (
            self.engine or _engine.current().name,
            config.epsilon(),
            getattr(self.optimizer, "loss_scale_factor", None),
            *([] if self._loss is None else self._loss.reductions),
            *[
                (type(regularizer), *vars(regularizer).items())
                for regularizer in self._regularizers()
            ],
            Structure.version,  # the last one: see _forget_replays
        )

    def _regularizers(self) -> list:
        """Those of weights and of activities."""
        return self._cached(
            "regularizers",
            lambda: [
                *[v.regularizer for v in self._penalised()],
                *[
                    layer.activity_regularizer
                    for layer in self._flatten_layers()
                    if layer.activity_regularizer is not None
                ],
            ],
        )

    def _tape_of(self, key: tuple | None) -> GradientTape:
        """The tape of a step, which may have to be recorded."""
        if key is not None and key not in self._replays and may_be_replayed(self):
            return StepTape()
        return GradientTape()

    def _follow_input(self, key: tuple | None, x: Any, sample_weight: Any) -> Any:
        """Track the input of a step to be recorded, so that the tape records calls before any
        weight too; and the weights of the samples, which are returned.
        """
        if key is not None and key not in self._replays and may_be_replayed(self):
            for leaf in leaves_of(x):
                leaf.tracked = True
            if sample_weight is not None:
                return map_structure(
                    lambda part: None if part is None else Tensor(part, True), sample_weight
                )
        return sample_weight

    def _keep_replay(
        self,
        key: tuple | None,
        tape: GradientTape,
        x: Any,
        y: Any,
        y_pred: Any,
        loss: Any,
        sample_weight: Any,
        scaled: Any = None,
    ) -> None:
        """Store the recorded step, or None if it cannot be replayed."""
        if key is None or key in self._replays:
            return
        if isinstance(self.optimizer, LossScaleOptimizer) and not self.optimizer.built:
            return  # its scale is no variable yet
        self._forget_replays()
        replay = None
        if may_be_replayed(self):
            records, variables = tape.records, self.trainable_variables
            parts = [] if self._loss is None else self._loss.parts
            losses = [loss, *[part.value for part in parts if part.mean is not None]]
            try:
                replay = record_of(records, x, y, y_pred, losses, variables, sample_weight, scaled)
            except LookupError:
                return  # until another batch tells the labels of two outputs apart
        self._replays[key] = replay

    def _forget_replays(self) -> None:
        """Make room for one more recorded step. Those of a structure that has changed, with the
        memory of their plans, go first: they never fit again.
        """
        replays = list(self._replays.items())  # other threads may add some
        self._replays = {key: one for key, one in replays if key and key[-1] == Structure.version}
        if len(self._replays) >= MOST_REPLAYS:
            self._replays = {}
        self._fitted.clear()  # it holds plans, too

    def _after_step(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        if self._replaces("compute_metrics"):
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_metrics(y, y_pred, sample_weight)
        return None

    def _steps(self) -> tuple[Any, Any]:
        """The functions for one training and one test step. A user's own step gets the batch as in
        Keras.
        """
        own_train, own_test = self._replaces("train_step"), self._replaces("test_step")
        train: Any = (lambda *batch: self.train_step(pack(*batch))) if own_train else self._update
        test: Any = (lambda *batch: self.test_step(pack(*batch))) if own_test else self._test
        work = processes.sharing()
        return train if work is None else partial(work.train, self), test

    def _as_tensors(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
        """A batch of arrays as tensors; floats in the model's float type, integers unchanged. The
        weights of the samples stay arrays, all of that type.
        """
        if sample_weight is not None:
            sample_weight = map_structure(
                lambda leaf: leaf if leaf is None else leaf.astype(self._dtype, copy=False),
                sample_weight,
            )
        return self._tensors(x), None if y is None else self._tensors(y), sample_weight

    def _tensors(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            if x.dtype is not self._dtype and x.dtype.kind == "f":
                x = x.astype(self._dtype, copy=False)
            return Tensor(x)
        return map_structure(lambda leaf: leaf if leaf is None else self._tensors(plain(leaf)), x)
