"""`fit` for one more epoch on arrays like those of before: it ends as any other call of `fit`."""

import gc
import warnings
import weakref

import numpy as np
import pytest

import diptych
from diptych import layers, losses, optimizers
from diptych.constraints import UnitNorm
from diptych.models import trainer
from diptych.models.checks import Checks
from diptych.regularizers import L2
from diptych.utils.notices import TrainingWarning
from tests.planned import compiled, data, dense

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


@pytest.fixture
def again(monkeypatch):
    """Whether each call of `fit` was one for one more epoch."""
    found = []
    run = trainer.fit_again

    def noted(*given):
        history = run(*given)
        found.append(history is not None)
        return history

    monkeypatch.setattr(trainer, "fit_again", noted)
    monkeypatch.setattr(Checks, "hinted", False)
    return found


def trained(build, calls, **options):
    """All that remains of five calls of `fit`."""
    diptych.utils.set_random_seed(5)
    Checks.hinted = False
    model, said = build(), []
    for x, y in calls:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(x, y, epochs=1, verbose=0, **options)
        said += [str(one.message) for one in caught]
        said += [history.history, history.epoch, history.params, model.history is history]
        said.append(model.plan_report())
    state = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    return said, state, diptych.random.global_generator().bit_generator.state


def assert_same(build, calls, again, last=True, **options):
    expected = trained(build, calls, callbacks=[], **options)
    assert not again
    np.testing.assert_equal(trained(build, calls, **options), expected)
    assert again[-1] == last


FIVE = [data(rows=37)] * 5


@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 8}, {"batch_size": 37}, {"batch_size": 100}],
    ids=lambda options: str(options.get("batch_size")),
)
def test_batch_sizes(options, again):
    assert_same(lambda: compiled(dense()), FIVE, again, **options)


@pytest.mark.parametrize("dtypes", [("f8", "f4"), ("f4", "f8"), ("i4", "i8"), ("u1", "?")])
def test_dtypes(dtypes, again):
    x, y = data(rows=37)
    x, y = (x * 3).astype(dtypes[0]), y.astype(dtypes[1])
    assert_same(lambda: compiled(dense()), [(x, y)] * 5, again, batch_size=8)


def test_other_values_in_each_call(again):
    calls = [data(rows=37, seed=seed) for seed in range(5)]
    assert_same(lambda: compiled(dense()), calls, again, batch_size=8)


def test_forms_by_turns(again):
    calls = [data(rows=37), data(rows=20)] * 4
    assert_same(lambda: compiled(dense()), calls, again, batch_size=8)


def test_dropout_batch_normalization_and_class_numbers(again):
    def build():
        model = diptych.Sequential(
            [
                layers.Input((3,)),
                layers.Dense(8, "relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Dense(3, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    x, y = data(rows=37)[0], np.arange(37) % 3
    assert_same(build, [(x, y)] * 5, again, batch_size=8)


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"shuffle": "batch"},
        {"validation_split": 0.2},
        {"class_weight": {0: 1.0, 1: 2.0}},
        {"steps_per_epoch": 2},
        {"verbose": 2},
    ],
    ids=lambda options: next(iter(options)) + str(next(iter(options.values()))),
)
def test_what_begins_anew(options, again):
    model = compiled(dense())
    for _ in range(5):
        model.fit(*FIVE[0], batch_size=8, **{"verbose": 0, **options})
    assert not any(again)


def test_learning_rate_frozen_layers_and_a_new_compile(again):
    def build(looked_at):
        diptych.utils.set_random_seed(5)
        model, (x, y) = compiled(dense()), FIVE[0]
        fit = dict(batch_size=8, verbose=0, **({"callbacks": []} if looked_at else {}))
        for change in ("nothing", "nothing", "rate", "frozen", "nothing", "compile"):
            if change == "rate":
                model.optimizer.learning_rate = 0.5
            elif change == "frozen":
                model.layers[0].trainable = False
                model.compile(optimizers.SGD(0.1), losses.MeanSquaredError())
            elif change == "compile":
                model.compile("adam", "mse", metrics=["mae"])
            for _ in range(5):
                model.fit(x, y, **fit)
        return model.get_weights(), model.history.history

    expected = build(True)
    assert not again
    np.testing.assert_equal(build(False), expected)
    assert sum(again) > 10


def test_what_is_wrong_with_other_values_is_said(again):
    x, y = data(rows=37)[0], np.arange(37) % 3
    model = diptych.Sequential([layers.Input((3,)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(5):
        model.fit(x, y, verbose=0)
    assert again[-1]
    before = model.get_weights()
    with pytest.raises(ValueError, match="label 3 in row 2"):
        model.fit(x, np.where(np.arange(37) == 2, 3, y), verbose=0)
    np.testing.assert_equal(model.get_weights(), before)
    y[2] = 3  # the arrays of the last call, with other values in them
    with pytest.raises(ValueError, match="label 3 in row 2"):
        model.fit(x, y, verbose=0)
    y[2] = 2
    with pytest.raises(ValueError, match="y: 36"):
        model.fit(x, y[:-1], verbose=0)
    x = x.copy()
    x[7, 1] = np.nan
    with pytest.warns(TrainingWarning) as said:
        model.fit(x, y, verbose=0)
    assert again[-1]
    assert "x has 1 NaN in 1 row, the first in row 7" in str(said[0].message)
    assert "became NaN in epoch 1" in str(said[1].message)


def test_no_data_are_kept(again):
    model = compiled(dense())
    x, y = data(rows=37)
    for _ in range(5):
        model.fit(x, y, batch_size=8, verbose=0)
    assert again[-1]
    there = weakref.ref(x), weakref.ref(y)
    del x, y
    gc.collect()
    assert [one() for one in there] == [None, None]


def test_limits_of_the_configuration(again):
    model = compiled(dense())
    for _ in range(5):
        model.fit(*FIVE[0], batch_size=8, verbose=0)
    before = model.optimizer.iterations.numpy()
    diptych.config.set_max_steps_per_epoch(2)
    try:
        with pytest.warns(UserWarning, match="limited to 2"):
            model.fit(*FIVE[0], batch_size=8, verbose=0)
    finally:
        diptych.config.set_max_steps_per_epoch(None)
    assert model.optimizer.iterations.numpy() == before + 2


def test_a_step_of_ones_own(again):
    model = compiled(dense())
    for _ in range(5):
        model.fit(*FIVE[0], batch_size=8, verbose=0)
    calls = []

    class Own(type(model)):
        def train_step(self, data):
            calls.append(1)
            return super().train_step(data)

    model.__class__ = Own
    model.fit(*FIVE[0], batch_size=8, verbose=0)
    assert len(calls) == 5


def test_a_regularizer_and_a_constraint_put_on_a_weight(again):
    """They count from then on, and no longer when they are taken away."""

    def trained(**options):
        diptych.utils.set_random_seed(5)
        model, found = compiled(dense()), []
        kernel = model.layers[0].kernel
        for regularizer, constraint in (
            (None, None),
            (L2(9.0), None),
            (None, UnitNorm()),
            (None, None),
        ):
            kernel.regularizer, kernel.constraint = regularizer, constraint
            assert len(model.losses) == (regularizer is not None)
            fits = [model.fit(*FIVE[0], batch_size=8, verbose=0, **options) for _ in range(5)]
            found.append(([fit.history["loss"][0] for fit in fits], kernel.numpy()))
        return found

    with diptych.engine("reference"):
        plain, penalised, constrained, free = expected = trained()
    assert penalised[0][0] > 2 * plain[0][-1]
    np.testing.assert_allclose(np.linalg.norm(constrained[1], axis=0), 1, rtol=1e-5)
    assert free[0][0] < penalised[0][0] / 2
    assert not any(again)
    for found in (trained(callbacks=[]), trained()):
        for both in zip(found, expected, strict=True):
            for one, other in zip(*both, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert any(again)
