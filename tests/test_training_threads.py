"""Several threads train one model: updates may be lost, but nothing breaks."""

import sys
import threading

import numpy as np
import pytest

from diptych import Input, Model, engine, layers
from diptych.layers.holder import Holder
from diptych.models.compiled import CompiledMetrics
from diptych.models.steps import Steps
from tests.planned import compiled, data, dense

X, Y = data(rows=37)


def at_once(*functions):
    """Run each function in a thread of its own; return what they raised."""
    raised = []

    def caught(function):
        try:
            function()
        except Exception as error:
            raised.append(error)

    running = [threading.Thread(target=caught, args=(one,)) for one in functions]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return raised


@pytest.fixture
def many_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_fit_evaluate_and_predict_in_three_threads(many_switches):
    for _ in range(10):
        inputs = Input((3,))
        hidden = layers.Dropout(0.2)(layers.Dense(4, "relu")(inputs))
        model = compiled(Model(inputs, layers.Dense(2, "softmax")(hidden)), metrics=["mae"])

        def work(model=model):
            for _ in range(4):
                model.fit(X, Y, batch_size=8, verbose=0)
                model.evaluate(X, Y, verbose=0)
                model.predict(X, verbose=0)

        assert at_once(work, work, work) == []
        assert len(model.metrics) == 2  # the loss and one more
        assert all(np.isfinite(w).all() for w in model.get_weights())


def test_metrics_are_made_once(monkeypatch):
    made = CompiledMetrics(["mae"], None, ["dense"])
    make = CompiledMetrics._make
    others = []

    def while_another_begins(self, *given):
        if not others:
            others.append(threading.Thread(target=made.build, args=(Y, Y, [])))
            others[0].start()
            others[0].join(0.1)
        return make(self, *given)

    monkeypatch.setattr(CompiledMetrics, "_make", while_another_begins)
    made.build(Y, Y, [])
    others[0].join()
    assert len(made.metrics) == 1


def test_a_step_between_another_and_its_metrics(monkeypatch):
    """What another thread finds where one has recorded its step and not made the metrics."""
    model = compiled(dense())
    update = Steps._update_metrics
    steps = []

    def after_another_step(self, *batch):
        if not steps:
            steps.append(1)
            model.train_on_batch(X, Y)
        update(self, *batch)

    monkeypatch.setattr(Steps, "_update_metrics", after_another_step)
    model.train_on_batch(X, Y)
    assert model.optimizer.iterations.numpy() == 2


def test_an_engine_that_another_thread_imports_is_waited_for(tmp_path, monkeypatch):
    begun, go, found = threading.Event(), threading.Event(), []
    (tmp_path / "slow_engine.py").write_text(
        "import sys\nbegun, go = sys.slow_engine\nbegun.set()\ngo.wait()\nfinished = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "slow_engine", (begun, go), raising=False)
    slow = engine.Engine("slow", "slow_engine")
    first = threading.Thread(target=slow.load)
    first.start()
    begun.wait()

    def use():
        slow.load()
        found.append(hasattr(sys.modules["slow_engine"], "finished"))

    second = threading.Thread(target=use)
    second.start()
    second.join(0.1)
    go.set()
    second.join()
    first.join()
    del sys.modules["slow_engine"]
    assert found == [True]


def test_recorded_steps_are_no_parts_of_a_model(monkeypatch):
    """They are not looked through, which another thread may disturb."""
    model, seen = compiled(dense()), []
    monkeypatch.setattr(Holder, "_track_all", lambda self, value: seen.append(value))
    for _ in range(4):
        model.fit(X, Y, batch_size=8, verbose=0)
    assert model._replays
    assert not any(isinstance(one, dict) for one in seen)
