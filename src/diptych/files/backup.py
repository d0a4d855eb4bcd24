"""The state of a training in the middle of it, in one file.

It is a file of weights as Keras writes it, optimizer and all, with one group more: how far the
training is, the states of the random generators, and what is no weight but changes as one does: the
metrics in the middle of an epoch, and the states of stateful layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from .. import random
from ..nested import flatten
from ..optimizers import Optimizer
from ..tensor import Variable
from ..trial import Trial
from .hdf5 import Reader
from .jsontext import parse_json
from .region import Damaged
from .tree import Part, continuing, generators_of, parts_of, state_of
from .weights import Loading, build_optimizer, collect, states_of, write_weights

_GROUP = "diptych_training"
_GLOBAL = "global generator"  # no layer's path has a space


def write_backup(file: IO[bytes], model: Any, place: dict[str, Any]) -> None:
    """Write a model and how far its training is: a dict that JSON can hold."""
    states = {name: found.bit_generator.state for name, found in _generators(model).items()}
    # Between two epochs metrics have nothing to keep.
    metrics = _metric_variables(model) if place["batch"] else []
    text = json.dumps({"place": place, "generators": states, "metrics": len(metrics)})
    arrays = [np.frombuffer(text.encode(), np.uint8)]
    arrays += [v.array for v in (*metrics, *_other_variables(model))]
    own = {str(i): array for i, array in enumerate(arrays)}
    write_weights(file, [*states_of(model), (Part(_GROUP, model), own)])


def read_backup(path: Path, model: Any, batch: Callable[[], tuple]) -> dict[str, Any] | None:
    """Read such a file into a model; if anything in it is wrong, the model stays as it was.

    Args:
        path: the file.
        model: a built model; its optimizer is built too.
        batch: returns tensors (x, y, sample_weight), for metrics that make their variables at the
            first batch.

    Returns:
        The place, or None if Keras wrote the file, which holds no more than weights.

    Raises:
        Damaged: the file is damaged, or of another model.
    """
    with path.open("rb") as file, Reader(file, str(path)) as reader:
        build_optimizer(model)
        loading = collect(reader, model)
        arrays = reader.arrays(_GROUP).of_any_shape()
        reader.compare()
    own = [arrays[str(i)] for i in range(len(arrays)) if str(i) in arrays]
    if not own:
        loading.finish()
        return None
    told = parse_json(own[0].tobytes(), str(path))
    try:
        place, states, count = told["place"], told["generators"], told["metrics"]
        metrics = own[1 : 1 + count]
        go_on = continuing(_generators(model), states, str(path))
    except (TypeError, KeyError) as error:
        raise Damaged(f"{path} is damaged ({type(error).__name__}: {error}).") from None
    if count:
        _build_metrics(model, count, batch)
    variables = _metric_variables(model) if count else []
    _take(loading, [*variables, *_other_variables(model)], [*metrics, *own[1 + count :]])
    loading.finish()
    go_on()
    return place


def _take(loading: Loading, variables: Sequence[Variable], arrays: Sequence[np.ndarray]) -> None:
    if len(variables) != len(arrays):
        raise Damaged(
            f"{loading.name} holds {len(arrays)} numbers of metrics and states of layers, but the "
            f"model has {len(variables)}: compile it as it was, with the same metrics."
        )
    for variable, array in zip(variables, arrays, strict=True):
        loading.add(variable, np.asarray(array))


def _generators(model: Any) -> dict[str, np.random.Generator]:
    return {_GLOBAL: random.global_generator(), **generators_of(model)}


def _other_variables(model: Any) -> list[Variable]:
    """Variables of layers that are no weights, such as the states of stateful layers."""
    parts = parts_of(model)
    seen = {id(v) for part in parts for v in state_of(part.thing)}
    found = []
    for part in parts:
        if isinstance(part.thing, Optimizer):
            continue
        for value in vars(part.thing).values():
            for leaf in flatten(value):
                if isinstance(leaf, Variable) and id(leaf) not in seen:
                    seen.add(id(leaf))
                    found.append(leaf)
    return found


def _metric_variables(model: Any) -> list[Variable]:
    return [v for metric in model.metrics for v in metric.variables]


def _build_metrics(model: Any, count: int, batch: Callable[[], tuple]) -> None:
    """Let metrics make what variables they lack, in a trial with a batch."""
    if len(_metric_variables(model)) < count:
        x, y, sample_weight = batch()
        with Trial():
            model.compute_metrics(x, y, model(x, training=False), sample_weight)
