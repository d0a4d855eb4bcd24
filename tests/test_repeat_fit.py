"""Many trainings with different seeds: repeat_fit."""

import random

import numpy as np
import pytest

import diptych
from diptych import Sequential, layers, repeat_fit
from diptych.teach import repeat

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 8)
Y = X[:, 0] & X[:, 1]
RNG = np.random.default_rng(0)


def and_gate():
    model = Sequential([layers.Dense(2, activation="relu"), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def lazy():
    """A model with dropout that is built by its first batch, without a metric."""
    model = Sequential([layers.Dense(3, activation="tanh"), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def weights_of(model):
    return [np.array(variable) for variable in [*model.variables, *model.optimizer.variables]]


def assert_same(one, other):
    assert [run.seed for run in one.runs] == [run.seed for run in other.runs]
    for a, b in zip(one.runs, other.runs, strict=True):
        assert a.results == b.results
        for name, values in a.history.items():
            np.testing.assert_array_equal(values, b.history[name])
    for a, b in ((one.best, other.best), (one.worst, other.worst)):
        for p, q in zip(weights_of(a), weights_of(b), strict=True):
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("build", [and_gate, lazy])
def test_the_results_are_the_same_for_any_number_of_processes(build):
    arguments = {"n": 7, "epochs": 3, "batch_size": 8}
    alone = repeat_fit(build, X, Y, processes=1, **arguments)
    together = repeat_fit(build, X, Y, processes=2, **arguments)
    assert (alone.processes, together.processes) == (1, 2)
    assert_same(alone, together)


def test_processes_that_are_not_forked_give_the_same_results(monkeypatch):
    monkeypatch.setattr(repeat, "_start_method", lambda: "spawn")
    spawned = repeat_fit(and_gate, X, Y, n=3, processes=2, epochs=2)
    assert spawned.processes == 2
    here = repeat_fit(lambda: and_gate(), X, Y, n=3, processes=2, epochs=2)
    assert here.processes == 1  # what cannot be pickled stays here
    assert repeat_fit(and_gate, X, Y, n=3, epochs=2).processes == 1
    assert_same(spawned, here)


def test_a_run_is_what_its_seed_makes_of_it():
    runs = repeat_fit(and_gate, X, Y, seeds=[3, 11, 5], epochs=4)
    assert [run.seed for run in runs.runs] == [3, 11, 5]
    for run in runs.runs:
        diptych.utils.set_random_seed(run.seed)
        model = and_gate()
        history = model.fit(X, Y, epochs=4, verbose=0).history
        np.testing.assert_array_equal(run.history["loss"], history["loss"])
        assert run.results == model.evaluate(X, Y, verbose=0, return_dict=True)
        assert run.score == run.results["accuracy"]
    losses = np.array([run.results["loss"] for run in runs.runs])
    assert len(set(losses)) == 3
    best = runs.best.evaluate(X, Y, verbose=0, return_dict=True)
    assert best == runs.best_run.results
    assert runs.worst.evaluate(X, Y, verbose=0, return_dict=True) == runs.worst_run.results
    assert runs.scores.max() == best["accuracy"]
    assert runs.mean == pytest.approx(np.mean(runs.scores))
    assert runs.std == pytest.approx(np.std(runs.scores, ddof=1))


def test_the_caller_draws_as_if_nothing_had_happened():
    def drawn():
        return random.random(), np.random.rand(), np.array(diptych.random.uniform((2,))).tolist()

    diptych.utils.set_random_seed(1)
    expected = drawn()
    for processes in (1, 2):
        diptych.utils.set_random_seed(1)
        runs = repeat_fit(and_gate, X, Y, n=3, processes=processes, epochs=1)
        assert runs.best.built
        assert drawn() == expected


def test_what_a_success_is():
    def all_runs(**arguments):
        return repeat_fit(and_gate, X, Y, n=4, epochs=1, **arguments)

    runs = all_runs()
    wrong = [run.seed for run in runs.runs if run.score < 1]
    assert runs.failed_seeds == wrong
    assert runs.successes == 4 - len(wrong)
    losses = sorted(run.results["loss"] for run in runs.runs)
    by_loss = all_runs(monitor="loss", success=losses[1])
    assert (by_loss.successes, by_loss.rate) == (2, 0.5)
    assert by_loss.best_run.score == losses[0]
    assert by_loss.worst_run.score == losses[-1]
    assert all_runs(success=lambda results: results["loss"] > losses[2]).successes == 1
    unknown = repeat_fit(lazy, X, Y, n=2, epochs=1)
    assert (unknown.rate, unknown.interval, unknown.failed_seeds) == (None, None, [])
    assert "success=" in str(unknown)
    held_out = all_runs(validation_data=(X[3:4], Y[3:4]))
    assert set(held_out.scores) <= {0.0, 1.0}  # of one row


def test_wilson_s_interval():
    low, high = repeat.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    # Its ends are the p at which k is z standard deviations from n p.
    for p in (low, high):
        assert abs(8 - 10 * p) == pytest.approx(1.959964 * np.sqrt(10 * p * (1 - p)))
    assert repeat.wilson(0, 10)[0] == 0
    assert repeat.wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@pytest.mark.filterwarnings("ignore:The loss of model .* became")
def test_a_run_that_is_not_finite_is_the_worst():
    def build():
        model = Sequential([layers.Dense(1, use_bias=False)])
        rate = diptych.optimizers.SGD(float(RNG_RATES.pop(0)))
        model.compile(rate, "mse")
        return model

    RNG_RATES = [0.01, 1e30, 0.02, 1e30]
    with np.errstate(all="ignore"):
        runs = repeat_fit(build, X, Y, n=3, epochs=4, processes=1, success=1.0)
        assert runs.worst_run.seed == 1
        assert runs.failed_seeds == [1]
        assert not np.isfinite(runs.scores[1])
        assert "not finite" in runs.plot()._repr_svg_()
        assert "seed" in str(runs)


def test_how_it_looks(tmp_path):
    runs = repeat_fit(and_gate, X, Y, n=3, epochs=2)
    text = str(runs)
    assert f"{runs.successes} of 3 runs succeeded" in text
    assert "95 % interval" in text
    assert str(runs.best_run.seed) in text
    html = runs._repr_html_()
    assert "<table>" in html
    assert "<svg" in html
    runs.plot(tmp_path / "runs.svg")
    drawn = (tmp_path / "runs.svg").read_text(encoding="utf-8")
    assert "accuracy after the training" in drawn
    many = repeat.spread([np.arange(500.0)] * 200, np.ones(200), [False] * 200, "loss", "many")
    assert len(many.shapes) < 150


def test_what_is_refused():
    for arguments, error, said in (
        ((and_gate(), X, Y), TypeError, "expected a function"),
        ((lambda: Sequential([layers.Dense(1)]), X, Y), TypeError, "not a compiled model"),
        ((and_gate, iter([(X, Y)])), TypeError, "generator"),
    ):
        with pytest.raises(error, match=said):
            repeat_fit(*arguments, n=2)
    for named, said in (
        ({"n": 0}, "nothing to run"),
        ({"seeds": []}, "nothing to run"),
        ({"processes": 0}, "processes=0"),
        ({"monitor": "auc"}, "no result 'auc'"),
    ):
        with pytest.raises(ValueError, match=said):
            repeat_fit(and_gate, X, Y, **{"n": 2, **named})


def test_an_error_in_another_process_comes_here():
    calls = []

    def build():
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError("in a process")
        return and_gate()

    if repeat._start_method() == "fork":
        with pytest.raises(ZeroDivisionError, match="in a process"):
            repeat_fit(build, X, Y, n=5, processes=2, epochs=1)
