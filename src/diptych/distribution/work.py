"""How models share their work among processes: what ``fit``, ``evaluate`` and ``predict`` call."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from .. import ops, random
from ..files.tree import generators_of
from ..models.batches import ArrayBatches
from ..models.fitting import batch_size_of, executions, pack
from ..models.noting import NotPlannedError
from ..models.passes import Batches
from ..models.planned import PlannedPrediction
from ..models.replay import is_own
from ..models.results import array_of
from ..models.results import joined as joined_results
from ..nested import flatten, map_structure, pack_like
from ..slices import Share, word_of
from ..tape import GradientTape
from ..tensor import Tensor
from .group import Group
from .step import Buckets, SharedStep, joined, packed

_SAME_DATA = (
    "Every process has to be given the same data, of which each then takes its part: read the same "
    "files, and draw random numbers from the same seed."
)
_WHOLE = 1 << 26  # bytes of an array that are all compared; of larger ones a sample of rows


class SharedWork:
    """The work of models, shared among the processes of a group.

    Args:
        group: the processes.
        slices: into how many slices each batch of a training is cut.
    """

    def __init__(self, group: Group, slices: int) -> None:
        self.group, self.slices = group, slices
        self._threads = ThreadPoolExecutor(slices, "diptych slice")
        self._ready: WeakSet[Any] = WeakSet()  # models whose weights are alike everywhere
        self._buckets: WeakKeyDictionary[Any, tuple] = WeakKeyDictionary()
        self._met: WeakSet[Any] = WeakSet()  # models whose slices have to meet

    # ----------------------------------------------------------------------------------------------
    # Before a training, evaluation or prediction

    def begin(
        self, what: str, model: Any, batches: Any, validation: Any = None, settings: tuple = ()
    ) -> tuple[Any, Any]:
        """Make sure that all processes begin the same work with the same data and weights; return
        the batches of the data and of the validation data.
        """
        if what == "fit":
            _check_training(model)
        self.group.agree(what, settings, "All processes have to make the same calls.")
        sets = [one for one in (batches, validation) if one is not None]
        told = [_digest(one) for one in sets]
        self.group.agree(f"The data of {what}", told, _SAME_DATA)
        self.make_alike(model, batches.first()[0])
        return tuple(  # type: ignore[return-value]
            one if one is None or isinstance(one, ArrayBatches) else AgreedBatches(self.group, one)
            for one in (batches, validation)
        )

    def make_alike(self, model: Any, x: Any) -> None:
        """Give a model the first process's weights, optimizer and random states, in all of them."""
        if not model.built or not model.weights:
            model(map_structure(lambda leaf: leaf[:1], model._as_tensors(x)[0]), training=False)
        arrays = [variable.array for variable in model.weights]
        if model.optimizer is not None:
            arrays += [variable.array for variable in model.optimizer.variables]
        forms = [(array.shape, array.dtype.name) for array in arrays]
        self.group.agree("The model's weights", forms, "All processes have to make the same model.")
        self.group.spread(arrays)
        generators = _generators(model)
        states = self.group.gather([one.bit_generator.state for one in generators])[0]
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        self._ready.add(model)

    def meet(self, what: str) -> None:
        """Wait until all processes are here."""
        self.group.agree(what, None, "")

    def any(self, value: bool) -> bool:
        """Whether this is true in any process."""
        return any(self.group.gather(bool(value)))

    # ----------------------------------------------------------------------------------------------
    # Training

    def train(self, model: Any, x: Any, y: Any, sample_weight: Any) -> Any:
        """Make a step on a batch with all processes; return what a `compute_metrics` of one's own
        returned.
        """
        if model not in self._ready:
            _check_training(model)
            told = [_digest_of(leaf) for leaf in flatten((x, y, sample_weight))]
            self.group.agree("The first batch", told, _SAME_DATA)
            self.make_alike(model, x)
        if y is None:
            raise ValueError(
                f"Model {model.name!r} is trained without labels. Where processes share a "
                "training, the loss has to come from compile(loss=...) and labels y."
            )
        variables = model.trainable_variables
        batch = (x, y, sample_weight)
        step = SharedStep(
            self.group, self.slices, self._threads, model, self._buckets_of(model), batch
        )
        if step.run(model in self._met):
            self._met.add(model)
        losses, gradients = step.finish()
        loss, *values = losses
        loss = self._add_penalties(model, loss, variables, gradients)
        rows = batch_size_of(x)
        parts = [part for part in model._loss.parts if part.mean is not None]
        for part, value in zip(parts, values, strict=True):
            part.mean.update_state(value, sample_weight=rows)
        for action in step.parts[0].deferred:
            action()
        if variables:
            model.optimizer.apply(gradients, variables)
        else:
            model._checks.nothing_to_train()
        model._loss_mean.update_state(loss, sample_weight=rows)
        if is_own(model, "compute_metrics") and not _has_metrics(model):
            return None
        return model._after_step(x, y, step.outputs(), sample_weight)

    def _buckets_of(self, model: Any) -> Buckets:
        variables = model.trainable_variables
        known = self._buckets.get(model)
        if known is None or known[0] != list(map(id, variables)):
            known = self._buckets[model] = (list(map(id, variables)), Buckets(variables))
        return known[1]

    def _add_penalties(self, model: Any, loss: Any, variables: list, gradients: list) -> Any:
        """Add the penalties on weights to the loss, and their gradients to those of the batch."""
        penalised = model._penalised()
        if not penalised:
            return loss
        with GradientTape() as tape:
            total, *others = (variable.regularizer(variable) for variable in penalised)
            for other in others:
                total = ops.add(total, other)
            scaled = model.optimizer.scale_loss(total)
        for i, more in enumerate(tape.gradient(scaled, variables)):
            if more is not None:
                gradients[i] = more if gradients[i] is None else gradients[i] + np.asarray(more)
        return loss + total.array

    # ----------------------------------------------------------------------------------------------
    # Evaluation and prediction: each batch as a whole in one process, one after the other

    def may_evaluate(self, model: Any) -> bool:
        """Whether batches can be evaluated in different processes; else each evaluates all."""
        return all(is_own(model, name) for name in ("test_step", "compute_loss", "losses"))

    def evaluate(self, model: Any, batches: Any, callbacks: Any) -> Any:
        """Evaluate the batches, and let all processes update loss and metrics with each of them in
        its turn; return what a `compute_metrics` of one's own returned.
        """
        last, at = None, 0
        words: dict[Any, int] = {}
        groups = executions(batches, model.steps_per_execution)
        while True:
            taken: list[tuple[int, int, list]] = []
            while sum(len(one[2]) for one in taken) < self.group.size:
                found = next(groups, None)
                if found is None:
                    break
                begin, end, group = found
                taken.append((begin, end, [model._as_tensors(*batch) for batch in group]))
            if not taken:
                return last
            every = [batch for _, _, group in taken for batch in group]
            mine: dict[int, Any] = {}
            for i in range(self.group.rank, len(every), self.group.size):
                with Share(at + i, words):
                    mine[i] = _passed(model, every[i][0])
            results: dict[int, Any] = {}
            for given in self._gathered(model, mine, words):
                results |= given
            at += len(every)
            i = 0
            for begin, end, group in taken:
                callbacks.on_test_batch_begin(begin)
                for batch in group:
                    last = _tested(model, batch, *results[i])
                    i += 1
                callbacks.on_test_batch_end(end, partial(model._results, last))
                if model.stop_evaluating:
                    return last

    def predict(self, model: Any, batches: Any, own_step: bool) -> Any:
        """The outputs for all batches, in every process."""
        size, rank = self.group.size, self.group.rank
        if isinstance(batches, ArrayBatches) and batches.is_alone and batches.begins_a_pass:
            if not own_step:
                return self._predict_rows(model, batches)
        mine: dict[int, Any] = {}
        words: dict[Any, int] = {}
        for i, batch in enumerate(batches):
            if i % size == rank:
                tensors = model._as_tensors(*batch)
                with Share(i, words):
                    y = (
                        model.predict_step(pack(*tensors))
                        if own_step
                        else model._predict(tensors[0])
                    )
                mine[i] = map_structure(array_of, y)
            if model.stop_predicting:
                break
        every: dict[int, Any] = {}
        for given in self._gathered(model, mine, words):
            every |= given
        return joined_results([every[i] for i in sorted(every)])

    def _predict_rows(self, model: Any, batches: ArrayBatches) -> Any:
        """The outputs for an array, of which each process takes a run of whole batches."""
        count, each = -(-batches.num_samples // batches.batch_size), batches.batch_size
        first, last = (r * count // self.group.size for r in (self.group.rank, self.group.rank + 1))
        mine = None
        words: dict[Any, int] = {}
        if first < last:
            part = slice(first * each, last * each)
            rows = map_structure(lambda x: x[part], batches.all_rows)
            mine = _predict_run(model, rows, each, first, words)
        found = self._gathered(model, mine, words)
        return joined_results([one for one in found if one is not None])

    def _gathered(self, model: Any, mine: Any, words: dict[Any, int]) -> list[Any]:
        """What each process has of its batches. What one has drawn for them, all draw: so their
        random states stay alike, also where a process had no batch.
        """
        generators = _generators(model)
        drawn = [i for i, one in enumerate(generators) if one in words]
        found = self.group.gather((mine, drawn))
        for i in sorted({i for _, drawn in found for i in drawn}):
            word_of(generators[i], words)
        return [one for one, _ in found]


def _generators(model: Any) -> list[np.random.Generator]:
    """Those that a model may draw from."""
    return [random.global_generator(), *generators_of(model).values()]


def _predict_run(model: Any, x: Any, each: int, first: int, words: dict[Any, int]) -> Any:
    """The outputs for rows that are whole batches, of which the first has this number."""
    rows = len(flatten(x)[0])
    try:
        planned = PlannedPrediction(model, x, rows, each)
        while planned.left:
            planned.run()
        return planned.results
    except NotPlannedError:
        parts = []
        for start in range(0, rows, each):
            batch = map_structure(lambda leaf, at=start: leaf[at : at + each], x)
            with Share(first + start // each, words):
                parts.append(map_structure(array_of, model._predict(model._as_tensors(batch)[0])))
        return joined_results(parts)


class AgreedBatches(Batches):
    """Batches that are made on the way, of which all processes must get the same.

    Args:
        group: the processes.
        batches: those of this process.
    """

    def __init__(self, group: Group, batches: Any) -> None:
        self._group, self._batches = group, batches

    def __getattribute__(self, name: str) -> Any:
        if name in ("_group", "_batches", "more", "__class__") or name.startswith("__"):
            return super().__getattribute__(name)
        return getattr(self._batches, name)

    def __iter__(self) -> Iterator[tuple]:
        for batch in self._batches:
            told = [_digest_of(leaf) for leaf in flatten(batch)]
            self._group.agree("A batch", told, _SAME_DATA)
            yield batch
        self._group.agree("A batch", "no batch: its data have ended", _SAME_DATA)

    def more(self) -> bool:
        """Whether there are data for another epoch."""
        there = self._batches.more()
        self._group.agree("Whether there are data for another epoch", there, _SAME_DATA)
        return there


def _check_training(model: Any) -> None:
    """Raise a ValueError for a model whose training cannot be shared."""
    for name in ("train_step", "compute_loss", "losses"):
        if not is_own(model, name):
            raise ValueError(
                f"{type(model).__name__} has a {name} of its own. Where processes share a "
                "training, the step is made of slices of a batch, which only the built-in "
                f"{name} can do: give compile() a loss, and leave {name} as it is."
            )
    if model._loss is None:
        raise ValueError(
            f"Model {model.name!r} was compiled without a loss. Where processes share a training, "
            "the loss has to come from compile(loss=...)."
        )


def _has_metrics(model: Any) -> bool:
    metrics = model._metrics
    return metrics is not None and bool(
        flatten([metrics._given or [], metrics._weighted_given or []])
    )


def _passed(model: Any, x: Any) -> tuple:
    """The outputs for a batch, as arrays and their structure, and the losses that layers added."""
    y_pred = model(x, training=False)
    added = [one.array for layer in model._flatten_layers() for one in layer._losses]
    return packed(y_pred), map_structure(lambda _: 0, y_pred), added


def _tested(model: Any, batch: tuple, outputs: list, structure: Any, added: list) -> Any:
    """Update loss and metrics with a batch whose outputs are known."""
    x, y, weights = batch
    y_pred = pack_like(structure, [joined([one]) for one in outputs])
    penalties = [Tensor(one) for one in added]
    penalties += [variable.regularizer(variable) for variable in model._penalised()]
    if model._loss is not None or penalties:
        loss = model._batch_loss(y, y_pred, weights, penalties)
        model._loss_mean.update_state(loss.array, sample_weight=batch_size_of(x))
    return model._after_step(x, y, y_pred, weights)


def _digest(batches: Any) -> Any:
    """What tells data apart: of arrays shapes, dtypes and a checksum; of what makes batches, how
    many it makes.
    """
    if isinstance(batches, ArrayBatches):
        settings = batches.batch_size, batches.shuffle, batches.steps
        return [settings, *map(_digest_of, flatten(batches.data))]
    return type(batches).__name__, batches.steps


def _digest_of(leaf: Any) -> Any:
    """Shape, dtype and a checksum of an array; of a large one the checksum of a sample of rows."""
    if leaf is None:
        return None
    if isinstance(leaf, Tensor):
        leaf = leaf.array
    shape, dtype = tuple(leaf.shape), str(leaf.dtype)
    rows = shape[0] if shape else 0
    if rows and (not isinstance(leaf, np.ndarray) or leaf.nbytes > _WHOLE):
        chosen = sorted({i * (rows - 1) // 63 for i in range(64)})
        leaf = np.stack([np.asarray(leaf[i]) for i in chosen])
    array = np.asarray(leaf)
    if array.dtype.kind in "OUST":
        data = "\0".join(map(str, array.reshape(-1).tolist())).encode()
        return shape, dtype, zlib.crc32(data)
    return shape, dtype, zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


__all__ = ["AgreedBatches", "SharedWork"]
