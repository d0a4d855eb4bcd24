"""Training in three ways with the same bits: by plans, step by step, and layer by layer; and on any
number of threads.
"""

import contextlib
import importlib

import numpy as np

import diptych
from diptych import Input, Sequential, layers
from diptych.models.batches import ArrayBatches
from diptych.models.trainer import Trainer


def dense(**options):
    return Sequential([Input((3,)), layers.Dense(5, **options), layers.Dense(2, "softmax")])


def compiled(model, optimizer="sgd", loss="categorical_crossentropy", metrics=("accuracy",)):
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def data(shape=(3,), rows=37, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((rows, *shape)), np.eye(classes)[rng.integers(0, classes, rows)]


def without_plans(monkeypatch):
    monkeypatch.setattr(Trainer, "_run_plan", lambda *arguments, **options: False)
    monkeypatch.setattr(Trainer, "_predict_by_plans", lambda *arguments: None)
    monkeypatch.setattr(Trainer, "_predict_again", lambda *arguments: None)
    monkeypatch.setattr(ArrayBatches, "rows_of_epoch", lambda *arguments: None)


@contextlib.contextmanager
def on_threads(count):
    """All work of the fast engine, however little, is done by so many threads."""
    kernel = importlib.import_module("diptych.fastcore.kernels.threads")
    before, least = kernel.get_num_threads(), kernel.set_least_work(0)
    kernel.set_num_threads(count)
    try:
        yield
    finally:
        kernel.set_num_threads(before)
        kernel.set_least_work(least)


def assert_same(monkeypatch, build, train, planned=True):
    """Train with plans, step by step, and layer by layer, on other numbers of threads; the weights,
    histories and states must be the same.
    """
    results = []
    for way, threads in (("plans", 3), ("single steps", 1), ("layers", 4)):
        if way != "plans":
            without_plans(monkeypatch)
        if way == "layers":
            monkeypatch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
        diptych.utils.set_random_seed(3)
        model = build()
        with on_threads(threads):
            history = train(model)
        if way == "plans" and planned is not None:
            assert model.plan_report().startswith("A plan ran") == planned, model.plan_report()
        state = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        results.append((history, state))
    (history, state), *others = results
    for other_history, other_state in others:
        np.testing.assert_equal(history, other_history)
        for a, b in zip(state, other_state, strict=True):
            np.testing.assert_array_equal(a, b)


def fit(x, y, **options):
    options = {"epochs": 5, "batch_size": 5, "verbose": 0, **options}
    return lambda model: model.fit(x, y, **options).history
