"""Training, evaluation and prediction.

One update is ``train_on_batch``: forward under a tape, loss, gradients, optimizer, metrics. ``fit``
makes the same update for every batch, so k calls by hand give the same bits as ``fit``.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np

from .. import config, processes
from .. import engine as _engine
from ..callbacks import CallbackList
from ..legacy import Logs, accepts_old
from ..nested import map_structure
from ..tensor import Tensor
from ..utils.batches import unpack_x_y_sample_weight as unpack
from .again import fit_again, remember
from .arrays import as_data, count_rows
from .batches import ArrayBatches
from .checks import Checks
from .class_weights import class_weights_to_sample_weights
from .data import batches_for, split_off_validation
from .epochs import OneByOne, WholeEpochs
from .fitting import at_most, executions, named_in_errors, pack
from .noting import NotPlannedError
from .passes import Progress, check_size
from .planned import PlannedPasses, PlannedPrediction
from .results import array_of, as_log, check_frequency, due, joined
from .steps import Steps


class Trainer(Steps):
    """The part of ``Model`` that trains, evaluates and predicts."""

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
        if (
            (epochs == 1 and verbose == 0 and shuffle is True and initial_epoch == 0)
            and callbacks is validation_data is class_weight is sample_weight is None
            and steps_per_epoch is validation_steps is validation_batch_size is None
            and not validation_split
        ):
            history = self._fit_again(x, y, 32 if batch_size is None else batch_size)
            if history is not None:
                return history
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
            progress = self._progress = Progress(batches, initial_epoch, validation)
            try:
                return self._fit(progress, epochs, verbose, callbacks, validation_freq)
            finally:
                self._progress = None

    def _fit(
        self,
        progress: Progress,
        epochs: int,
        verbose: Any,
        callbacks: Any,
        validation_freq: Any,
    ) -> Any:
        batches, validation, initial_epoch = progress.batches, progress.validation, progress.epoch
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
        train_step, test_step = self._steps()
        planned, tested = PlannedPasses(self, batches, train_step, "update"), None
        first = batches.first()
        planned.look_at(first)
        weighted = first[2] is not None
        watch = self._checks.watch(batches, weighted)
        logs: dict[str, Any] = Logs()
        callbacks.on_train_begin()
        if validation is not None:
            tested = PlannedPasses(self, validation, test_step, "test")
        epoch = progress.epoch  # a callback may have changed it
        one_by_one = OneByOne(self, progress, planned, tested, train_step, callbacks)
        whole = None
        each = isinstance(validation_freq, int | np.integer) and validation_freq == 1
        if callbacks.nobody_looks_on and (validation is None or each):
            whole = WholeEpochs(self, planned, tested)
        stops = False
        while epoch < epochs and not stops and batches.more():
            ended: list[Any] = [] if whole is None else whole.run(epochs - epoch)
            for one in ended or [one_by_one]:
                watch.begin()
                callbacks.on_epoch_begin(epoch)
                logs = one.train(partial(watch.look, epoch))
                self._plan_report = planned.report
                if validation is not None and due(validation_freq, epoch):
                    logs.update({f"val_{name}": value for name, value in one.test().items()})
                    logs = Logs(sorted(logs.items()))  # the order in which Keras tells callbacks
                callbacks.on_epoch_end(epoch, logs)
                epoch += 1
            stops = processes.any_of(self.stop_training)
        if epochs > initial_epoch:
            self._finish_weights()
        callbacks.on_train_end(logs)
        if validation is None and callbacks.nobody_looks_on:
            remember(self, batches, planned)
        return self.history

    def _fit_again(self, x: Any, y: Any, batch_size: Any) -> Any:
        """The ``History`` of one more epoch on arrays like those of an earlier ``fit``, by its
        plans; None where there is more to do.
        """
        if (
            not (type(x) is type(y) is np.ndarray and x.ndim and y.ndim)
            or type(batch_size) is not int
            or config.max_steps_per_epoch() is not None
            or processes.sharing() is not None
            or self._steps()[0] != self._update
        ):
            return None
        with self._in_training():
            history = fit_again(self, x, y, batch_size)
            if history is not None:
                self._finish_weights()
        return history

    def _finish_weights(self) -> None:
        """Let the optimizer put those weights in place that it keeps for the end of a training."""
        if hasattr(self.optimizer, "finalize_variable_values"):
            self.optimizer.finalize_variable_values(self.trainable_variables)

    def plan_report(self) -> str:
        """Whether the steps of the last ``fit`` ran as a plan, many or one in a call, and if not,
        why.

        A plan is only for speed: it gives the bits of single steps.
        """
        return self._plan_report

    def _results(self, last: Any) -> dict[str, Any]:
        """The metrics' results, or ``last``, the result of a user's step, if it is different; in
        alphabetical order, as in Keras.
        """
        results = self.get_metrics_result()
        if last is not None and last.keys() != results.keys():
            results = {name: as_log(value) for name, value in last.items()}
        return Logs(sorted(results.items()))

    def _listed(self, results: dict[str, Any], return_dict: bool) -> Any:
        """Results as ``evaluate`` and its like return them: one number, a list, or a dict."""
        if return_dict:
            return results
        there = results.keys()
        names = [name for name in self.metrics_names if name in there]
        if len(set(names)) < len(there):  # several losses of an output have one name
            names += sorted(there - names)
        values = [results[name] for name in names]
        return values[0] if len(values) == 1 else values

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

    def _evaluate(
        self, batches: Any, callbacks: CallbackList, planned: PlannedPasses | None = None
    ) -> dict[str, Any]:
        self.reset_metrics()
        self.stop_evaluating = False
        _, test_step = self._steps()
        callbacks.on_test_begin()
        last = None
        planned = planned or PlannedPasses(self, batches, test_step, "test")
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
        if callbacks is None and steps is None and not verbose and self._is_simple(x, batch_size):
            outputs = self._predict_again(x, batch_size)
            if outputs is not None:
                return outputs
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
            own_step = self._replaces("predict_step")
            self.stop_predicting = False
            callbacks.on_predict_begin()
            with _engine.current().batch_after_batch():
                outputs = None
                if work is not None and not callbacks.wants_predict_batches:
                    outputs = work.predict(self, batches, own_step)
                elif not own_step and not callbacks.wants_predict_batches:
                    outputs = self._predict_by_plans(batches, x, batch_size)
                if outputs is None:
                    outputs = self._predict_batches(batches, own_step, callbacks)
            callbacks.on_predict_end()
        return outputs

    def _predict_by_plans(self, batches: Any, x: Any, batch_size: Any) -> Any:
        """The outputs, of as many batches in one call as fit into a slice of time; None where the
        batches are to be predicted one by one.
        """
        if type(batches) is not ArrayBatches or not batches.is_alone:
            return None
        order = batches.rows_of_epoch()
        if order is None:
            return None
        try:
            planned = PlannedPrediction(self, batches.all_rows, len(order), batches.batch_size)
            while planned.left and not self.stop_predicting:
                batches.took(planned.run())
        except (NotPlannedError, ValueError, TypeError, IndexError):
            return None  # the layers say what is wrong
        if batches.steps == batches.batches_of_a_pass and self._is_simple(x, batch_size):
            planned.passed(batch_size)
        return planned.results

    def _is_simple(self, x: Any, batch_size: Any) -> bool:
        """Whether a prediction for these data has nothing to look at but the form of an array."""
        return (
            type(x) is np.ndarray
            and x.dtype.kind in "fiub"
            and x.flags.c_contiguous
            and x.flags.aligned
            and x.ndim > 0
            and (batch_size is None or type(batch_size) is int)
            and not self._replaces("predict_step")
            and config.max_steps_per_epoch() is None
            and processes.sharing() is None
        )

    def _predict_again(self, x: np.ndarray, batch_size: int | None) -> Any:
        """The outputs for an array, if one like it has been predicted by plans before: it need not
        be looked at again. Else None.
        """
        with self._in_training(), _engine.current().batch_after_batch():
            planned = PlannedPrediction.again(self, x, batch_size)
            if planned is None:
                return None
            self.stop_predicting = False
            try:
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
