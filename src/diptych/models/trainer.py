"""Training, evaluation and prediction.

One update is ``train_on_batch``: forward under a tape, loss, gradients, optimizer, metrics. ``fit``
makes the same update for every batch, so k calls by hand give the same bits as ``fit``.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np

from .. import config, ops, processes
from .. import engine as _engine
from ..callbacks import CallbackList
from ..layers.signatures import parameters_of
from ..legacy import Logs, accepts_old
from ..nested import map_structure
from ..tape import GradientTape, unrecorded
from ..tensor import Structure, Tensor
from ..utils.batches import unpack_x_y_sample_weight as unpack
from .arrays import as_data, count_rows
from .batches import ArrayBatches
from .checks import Checks
from .class_weights import class_weights_to_sample_weights
from .compiling import Compiling
from .data import batches_for, split_off_validation
from .fitting import at_most, batch_size_of, executions, named_in_errors, pack, plain
from .noting import NotPlannedError
from .passes import Progress, check_size
from .plans import PlannedPasses, PlannedPrediction, StepPlan
from .replay import (
    Replay,
    arrays_in,
    form_of,
    leaves_of,
    may_be_replayed,
    record_of,
    record_of_prediction,
)
from .results import array_of, check_frequency, due, joined

_COUNTING = np.arange(1024)
MOST_REPLAYS = 32  # the most recorded steps of a model, one for each batch shape


class Trainer(Compiling):
    """The part of ``Model`` that trains, evaluates and predicts."""

    def __getstate__(self) -> dict[str, Any]:
        """The state without recorded steps, whose functions cannot be pickled, and without data."""
        return {**vars(self), "_replays": {}, "_progress": None}

    # ----------------------------------------------------------------------------------------------
    # One step

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
                with GradientTape() as tape:
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
        replay = self._replays.get(key)
        if replay is None:
            return None, "a step depends on more than a batch and the weights"
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
            with GradientTape() if is_new else contextlib.nullcontext() as tape:
                y_pred = self(x, training=False)
                own_loss = type(self).compute_loss is not Trainer.compute_loss
                if self._loss is not None or self.losses or own_loss:
                    loss = self._compute_loss(x, y, y_pred, weights, False)
                    self._loss_mean.update_state(loss.array, sample_weight=batch_size_of(x))
                    if tape is not None:
                        self._keep_replay(key, tape, x, y, y_pred, loss, weights)
        return self._after_step(x, y, y_pred, sample_weight)

    def _replay_key(self, what: str, x: Any, y: Any, sample_weight: Any) -> tuple | None:
        """The key of a recorded step; None if the step is not recorded."""
        if y is None:
            return None
        try:
            forms = form_of(x), form_of(y), form_of(sample_weight)
        except TypeError:  # what is neither a tensor nor an array
            return None
        return (what, *forms, *self._circumstances())

    def _circumstances(self) -> tuple:
        """Settings on which a recorded step depends."""
        return (
            self.engine or _engine.current().name,
            config.epsilon(),
            getattr(self.optimizer, "loss_scale_factor", None),
            *[(type(v.regularizer), *vars(v.regularizer).items()) for v in self._penalised()],
            Structure.version,  # the last one: see _forget_replays
        )

    def _follow_input(self, key: tuple | None, x: Any, sample_weight: Any) -> Any:
        """Track the input of a step to be recorded, so that the tape records calls before any
        weight too; and the weights of the samples, which are returned.
        """
        is_weighted = sample_weight is not None
        if key is not None and key not in self._replays and may_be_replayed(self, is_weighted):
            for leaf in leaves_of(x):
                leaf.tracked = True
            if is_weighted:
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
        self._forget_replays()
        replay = None
        if may_be_replayed(self, sample_weight is not None):
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

    def _after_step(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        if type(self).compute_metrics is not Trainer.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_metrics(y, y_pred, sample_weight)
        return None

    def _steps(self) -> tuple[Any, Any]:
        """The functions for one training and one test step. A user's own step gets the batch as in
        Keras.
        """
        own_train = type(self).train_step is not Trainer.train_step
        own_test = type(self).test_step is not Trainer.test_step
        train: Any = (lambda *batch: self.train_step(pack(*batch))) if own_train else self._update
        test: Any = (lambda *batch: self.test_step(pack(*batch))) if own_test else self._test
        work = processes.sharing()
        return train if work is None else partial(work.train, self), test

    # ----------------------------------------------------------------------------------------------
    # Whole data sets

    @accepts_old("fit")
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train, epoch by epoch, and return a ``History``.

        Args:
            x: an array of shape (N, ...), or a list or dict of them for several inputs. Also a
                data frame, a tensor of another library, and what is read batch by batch: a
                memory-mapped array, a dataset in an HDF5 file, a scipy.sparse matrix. Or what
                gives whole batches, (x, y) or (x, y, weights): a ``PyDataset``, a generator, a
                ``DataLoader`` of PyTorch, or any other object to iterate over.
            y: the labels, in the same forms; not with what gives whole batches.
            batch_size: rows for each update; by default 32, or with ``steps_per_epoch`` that share
                of the rows.
            epochs: the epoch at which training ends (counted from 0, not from ``initial_epoch``).
            verbose: "auto" or 1 a progress bar, 2 one line for each epoch, 0 nothing.
            callbacks: a list of ``Callback``s.
            validation_split: the last fraction of the rows is not trained on, but evaluated after
                each epoch (see ``data.split_off_validation``).
            validation_data: (x, y) or (x, y, weights) to evaluate instead.
            shuffle: whether the rows are shuffled before each epoch; "batch" shuffles whole
                batches.
            class_weight: dict from class to the weight of its rows in the loss.
            sample_weight: a weight for each row.
            initial_epoch: the number of the first epoch.
            steps_per_epoch: the number of batches of an epoch; by default all.
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: validate every so many epochs, or after the epochs in this list
                (counted from 1).

        Raises:
            ValueError: the data do not fit the model or the loss; raised before training starts.
        """
        self._must_be_compiled("fit()")
        for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
            if not isinstance(value, (int, np.integer)) or value < 0:
                raise ValueError(f"{name}={value!r}; expected a whole number of at least 0")
        for name, size in (
            ("batch_size", batch_size),
            ("steps_per_epoch", steps_per_epoch),
            ("validation_batch_size", validation_batch_size),
            ("validation_steps", validation_steps),
        ):
            if size is not None:
                check_size(size, name)
        epochs = at_most(config.max_epochs(), epochs, "epochs")
        check_frequency(validation_freq)
        part_of_x = bool(validation_split) and validation_data is None
        if part_of_x:
            (x, y, sample_weight), validation_data = split_off_validation(
                x, y, sample_weight, validation_split, self.takes_text
            )
        with self._in_training(), contextlib.ExitStack() as feeding:
            batches = batches_for(
                x,
                y,
                sample_weight,
                batch_size=batch_size,
                steps=steps_per_epoch,
                shuffle=shuffle,
                repeat=True,
                class_weight=class_weight,
                dtypes=self._dtypes_of(x),
                text=self.takes_text,
            )
            feeding.callback(batches.close)
            self._checks.before_training(
                batches, epochs=epochs - initial_epoch, class_weight=class_weight
            )
            if part_of_x:
                self._checks.order_of_labels(y, validation_data[1])
            validation = None
            if validation_data is not None:
                with named_in_errors("validation_split" if part_of_x else "validation_data"):
                    data = unpack(validation_data)
                    validation = batches_for(
                        *data,
                        batch_size=validation_batch_size or batch_size,
                        steps=validation_steps,
                        dtypes=self._dtypes_of(data[0]),
                        text=self.takes_text,
                    )
                    feeding.callback(validation.close)
                    self._checks.labels_of_validation(batches, validation, validation_data)
                    self._checks.before_training(validation, "validation data")
            work = processes.sharing()
            if work is not None:
                settings = (epochs, initial_epoch, validation_freq, self.steps_per_execution)
                batches, validation = work.begin("fit", self, batches, validation, settings)
            self._progress = Progress(batches, initial_epoch, validation)
            try:
                return self._fit(
                    self._progress, validation, epochs, verbose, callbacks, validation_freq
                )
            finally:
                self._progress = None

    def _fit(
        self,
        progress: Progress,
        validation: Any,
        epochs: int,
        verbose: Any,
        callbacks: Any,
        validation_freq: Any,
    ) -> Any:
        batches, initial_epoch = progress.batches, progress.epoch
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=epochs,
                steps=batches.steps,
            )
        self.stop_training = False
        train_step, _ = self._steps()
        planned = PlannedPasses(self, batches, train_step, "update")
        weighted = batches.first()[2] is not None
        watch = self._checks.watch(batches, weighted)
        logs: dict[str, Any] = Logs()
        callbacks.on_train_begin()
        done = progress.done  # not 0 if a callback has put the training into the middle of an epoch
        for epoch in range(progress.epoch, epochs):
            if not batches.more():
                break
            if not done:
                self.reset_metrics()
            watch.begin()
            callbacks.on_epoch_begin(epoch)
            if planned.begin():
                self._train_planned_epoch(planned, callbacks, partial(watch.look, epoch))
                last = None
            else:
                look = partial(watch.look, epoch)
                last = self._train_epoch(batches, train_step, callbacks, look, done)
            self._plan_report = planned.report
            done = 0
            logs = self._results(last)
            if validation is not None and due(validation_freq, epoch):
                results = self._evaluate(validation, callbacks)
                logs.update({f"val_{name}": value for name, value in results.items()})
            callbacks.on_epoch_end(epoch, logs)
            if processes.any_of(self.stop_training):
                break
        if hasattr(self.optimizer, "finalize_variable_values") and epochs > initial_epoch:
            self.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        return self.history

    def _train_planned_epoch(
        self, planned: PlannedPasses, callbacks: CallbackList, look: Any
    ) -> None:
        """One pass over the batches, as many in one call as the callbacks allow; the loss is looked
        at after each call.
        """
        begin, size = 0, self.steps_per_execution
        while planned.left and not self.stop_training:
            if not callbacks.wants_train_batches:
                look(planned.run())
                continue
            callbacks.on_train_batch_begin(begin)
            for _ in range(size):
                if planned.left:
                    look(planned.run(1))
            callbacks.on_train_batch_end(begin + size - 1, partial(self._results, None))
            begin += size

    def plan_report(self) -> str:
        """Whether the steps of the last ``fit`` ran as a plan, many in one call, and if not, why.

        A plan is only for speed: it gives the bits of single steps.
        """
        return self._plan_report

    def _train_epoch(
        self, batches: Any, train_step: Any, callbacks: CallbackList, look: Any, done: int = 0
    ) -> Any:
        """One pass over the batches; only updates and looks at the loss, unless a callback handles
        batches.
        """
        last = None
        if not callbacks.wants_train_batches:
            for batch in batches:
                last = train_step(*self._as_tensors(*batch))
                look()
                if self.stop_training:
                    break
            return last
        for begin, end, group in executions(batches, self.steps_per_execution, done):
            callbacks.on_train_batch_begin(begin)
            for batch in group:
                last = train_step(*self._as_tensors(*batch))
                look()
            callbacks.on_train_batch_end(end, partial(self._results, last))
            if self.stop_training:
                break
        return last

    @accepts_old("evaluate")
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics on a data set: one float, or a list in the order of
        ``metrics_names``.
        """
        self._must_be_compiled("evaluate()")
        with (
            self._in_training(),
            contextlib.closing(
                batches_for(
                    x,
                    y,
                    sample_weight,
                    batch_size=batch_size,
                    steps=steps,
                    dtypes=self._dtypes_of(x),
                    text=self.takes_text,
                )
            ) as batches,
        ):
            self._checks.before_training(batches, "data")
            work = processes.sharing()
            if work is not None:
                batches, _ = work.begin("evaluate", self, batches)
            if not isinstance(callbacks, CallbackList):
                callbacks = CallbackList(
                    callbacks,
                    add_progbar=verbose != 0,
                    model=self,
                    verbose=verbose,
                    epochs=1,
                    steps=batches.steps,
                )
            results = self._evaluate(batches, callbacks)
        return self._listed(results, return_dict)

    def _evaluate(self, batches: Any, callbacks: CallbackList) -> dict[str, Any]:
        self.reset_metrics()
        self.stop_evaluating = False
        _, test_step = self._steps()
        callbacks.on_test_begin()
        last = None
        planned = PlannedPasses(self, batches, test_step, "test")
        work = processes.sharing()
        with _engine.current().batch_after_batch():
            if work is not None and work.may_evaluate(self):
                last = work.evaluate(self, batches, callbacks)
            elif not callbacks.wants_test_batches and planned.begin():
                while planned.left and not self.stop_evaluating:
                    planned.run()
            elif not callbacks.wants_test_batches:
                for batch in batches:
                    last = test_step(*self._as_tensors(*batch))
                    if self.stop_evaluating:
                        break
            else:
                for begin, end, group in executions(batches, self.steps_per_execution):
                    callbacks.on_test_batch_begin(begin)
                    for batch in group:
                        last = test_step(*self._as_tensors(*batch))
                    callbacks.on_test_batch_end(end, partial(self._results, last))
                    if self.stop_evaluating:
                        break
        results = self._results(last)
        callbacks.on_test_end(results)
        return results

    @accepts_old("predict")
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the outputs for a data set as arrays, computed batch by batch."""
        with (
            self._in_training(),
            contextlib.closing(
                batches_for(
                    x,
                    batch_size=batch_size,
                    steps=steps,
                    dtypes=self._dtypes_of(x),
                    text=self.takes_text,
                )
            ) as batches,
        ):
            checks = Checks(self)
            checks.inputs(batches.first()[0])
            checks.batch_sizes(batches)
            work = processes.sharing()
            if work is not None:
                batches, _ = work.begin("predict", self, batches)
            if not isinstance(callbacks, CallbackList):
                callbacks = CallbackList(
                    callbacks,
                    add_progbar=verbose != 0,
                    model=self,
                    verbose=verbose,
                    epochs=1,
                    steps=batches.steps,
                )
            own_step = type(self).predict_step is not Trainer.predict_step
            self.stop_predicting = False
            callbacks.on_predict_begin()
            with _engine.current().batch_after_batch():
                outputs = None
                if work is not None and not callbacks.wants_predict_batches:
                    outputs = work.predict(self, batches, own_step)
                elif not own_step and not callbacks.wants_predict_batches:
                    outputs = self._predict_by_plans(batches)
                if outputs is None:
                    outputs = self._predict_batches(batches, own_step, callbacks)
            callbacks.on_predict_end()
        return outputs

    def _predict_by_plans(self, batches: Any) -> np.ndarray | None:
        """The outputs, of as many batches in one call as fit into a slice of time; None where the
        batches are to be predicted one by one.
        """
        if (
            not isinstance(batches, ArrayBatches)
            or not batches.is_alone
            or not batches.begins_a_pass
        ):
            return None
        try:
            planned = PlannedPrediction(self, batches.all_rows, batches.batch_size)
            while planned.left and not self.stop_predicting:
                planned.run()
        except (NotPlannedError, ValueError, TypeError, IndexError):
            return None  # the layers say what is wrong
        return planned.results

    def _predict_batches(self, batches: Any, own_step: bool, callbacks: CallbackList) -> Any:
        """The outputs, batch by batch."""
        parts: list = []
        for begin, end, group in executions(batches, self.steps_per_execution):
            callbacks.on_predict_batch_begin(begin)
            before = len(parts)
            for batch in group:
                tensors = self._as_tensors(*batch)
                parts.append(
                    self.predict_step(pack(*tensors)) if own_step else self._predict(tensors[0])
                )
            logs = None
            if callbacks.wants_predict_batches:
                logs = {"outputs": map_structure(Tensor, joined(parts[before:]))}
            callbacks.on_predict_batch_end(end, logs)
            if self.stop_predicting:
                break
        return joined(parts)

    # ----------------------------------------------------------------------------------------------
    # Single batches

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one update, and return the loss and the metrics of this batch, as ``evaluate``
        would.
        """
        self._must_be_compiled("train_on_batch()")
        with self._in_training():
            x, y, sample_weight = self._checks.batch(x, y, sample_weight)
            if class_weight is not None:
                self._checks.class_weight(x, y)
                sample_weight = class_weights_to_sample_weights(y, sample_weight, class_weight)
            self.reset_metrics()
            last = self._steps()[0](*self._as_tensors(x, y, sample_weight))
        return self._listed(self._results(last), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and the metrics on one batch."""
        self._must_be_compiled("test_on_batch()")
        with self._in_training():
            x, y, sample_weight = self._checks.batch(x, y, sample_weight)
            self.reset_metrics()
            last = self._steps()[1](*self._as_tensors(x, y, sample_weight))
        return self._listed(self._results(last), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as arrays."""
        with self._in_training():
            x = as_data(x, "x", self.takes_text)
            count_rows({"x": x})
            Checks(self).inputs(x)
            return map_structure(array_of, self._predict(self._as_tensors(x)[0]))

    def takes_text(self) -> bool:
        """Whether the inputs may be texts: by the graph's inputs or, without a graph, by the
        layers.
        """
        if self.inputs is not None:
            return any(tensor.dtype == "string" for tensor in self.inputs)
        return any(getattr(layer, "reads_text", False) for layer in self._flatten_layers())

    def _dtypes_of(self, x: Any) -> Any:
        """The dtypes of the graph's inputs, so that small data are cast once and not batch by
        batch.
        """
        if self.inputs is None or isinstance(x, dict):
            return None
        return [tensor.dtype for tensor in self.inputs]

    def _as_tensors(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
        """A batch of arrays as tensors; floats in the model's float type, integers unchanged."""
        return self._tensors(x), None if y is None else self._tensors(y), sample_weight

    def _tensors(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            if x.dtype is not self._dtype and x.dtype.kind == "f":
                x = x.astype(self._dtype, copy=False)
            return Tensor(x)
        return map_structure(lambda leaf: leaf if leaf is None else self._tensors(plain(leaf)), x)
