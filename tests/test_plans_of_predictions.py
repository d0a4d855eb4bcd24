"""Plans of predictions: where there is one, how long it stays, and that nothing else changes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import diptych
from diptych import callbacks
from diptych.models import planned, plans
from diptych.models.plans import PredictionPlan
from tests.planned import compiled, data, dense, fit

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


def plans_of(model):
    """The plans of predictions, by the number of rows."""
    return {
        size: plan
        for replay in model._replays.values()
        if replay is not None
        for size, plan in replay.plans.items()
        if isinstance(plan, PredictionPlan)
    }


def test_predictions_have_plans_where_they_repeat():
    x, _ = data()
    model = dense()
    expected = model(x).numpy()
    for rows, sizes in ((4, set()), (4, {4}), (37, {4, 16}), (37, {4, 16, 5}), (20, {4, 16, 5})):
        found = model.predict(x[:rows], batch_size=16, verbose=0)
        assert set(plans_of(model)) == sizes
        np.testing.assert_allclose(found, expected[:rows], rtol=1e-6)
    for rows in range(1, 30):
        model.predict(x[:rows], batch_size=64, verbose=0)
    assert len(plans_of(model)) <= planned.MOST_SIZES


@pytest.mark.parametrize("batch_size", [None, 4, 64])
def test_predictions_that_repeat_are_not_looked_at_again(batch_size, monkeypatch):
    model, (x, _) = dense(), data(rows=40)
    x = x.astype("float32")
    for _ in range(3):
        model.predict(x, batch_size, verbose=0)
    others = np.random.default_rng(1).random(x.shape, np.float32)
    expected = model.predict(others[:, ::-1][:, ::-1], batch_size, verbose=0)
    with monkeypatch.context() as patched:
        patched.setattr("diptych.models.trainer.batches_for", None)
        np.testing.assert_array_equal(model.predict(others, batch_size, verbose=0), expected)
        model.set_weights([0 * weights for weights in model.get_weights()])
        np.testing.assert_array_equal(model.predict(others, batch_size, verbose=0), 0.5)
    # Whatever is not the same is looked at.
    assert model.predict(others[:7], batch_size, verbose=0).shape == (7, 2)
    assert model.predict(others, 40, verbose=0).shape == (40, 2)
    for wrong in (others[:, :2], others.astype(str), others[:0]):
        with pytest.raises(ValueError, match=r"shape|text|empty"):
            model.predict(wrong, batch_size, verbose=0)
    with pytest.raises(ValueError, match="batch_size"):
        model.predict(others, 0, verbose=0)
    told = []
    tell = callbacks.LambdaCallback(on_predict_end=lambda logs: told.append(1))
    model.predict(others, batch_size, verbose=0, callbacks=[tell])
    assert told == [1]
    assert len(model.predict(others, 4, verbose=0, steps=2)) == 8
    diptych.config.set_max_steps_per_epoch(1)
    try:
        with pytest.warns(UserWarning, match="limited to 1"):
            assert len(model.predict(others, 4, verbose=0)) == 4
    finally:
        diptych.config.set_max_steps_per_epoch(None)
    with diptych.engine("reference"):
        monkeypatch.setattr(plans, "PredictionPlan", None)
        assert model.predict(others, batch_size, verbose=0).shape == (40, 2)


def test_a_large_plan_serves_one_prediction(monkeypatch):
    monkeypatch.setattr(plans, "MOST_KEPT", 100)
    x, _ = data()
    model = dense()
    found = model.predict(x, batch_size=8, verbose=0)
    assert not plans_of(model)
    np.testing.assert_array_equal(found, model.predict(x, batch_size=8, verbose=0))


def test_predictions_follow_the_weights():
    x, y = data()
    model = compiled(dense())
    before = model.predict(x, batch_size=4, verbose=0)
    fit(x, y)(model)
    after = model.predict(x, batch_size=4, verbose=0)
    assert not np.array_equal(before, after)
    assert after.tobytes() == model.predict(x, batch_size=4, verbose=0).tobytes()
    model.set_weights([w * 0 for w in model.get_weights()])
    np.testing.assert_array_equal(model.predict(x, batch_size=4, verbose=0), 0.5)


def test_threads_predict_at_the_same_time():
    x, _ = data(rows=400)
    model = dense()
    expected = model.predict(x, batch_size=4, verbose=0)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: model.predict(x, batch_size=4, verbose=0), range(40)):
            np.testing.assert_array_equal(found, expected)


def test_predictions_can_be_stopped_and_told_of(monkeypatch):
    x, _ = data()
    model = dense()
    seen = []

    class Stops(callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            seen.append((batch, logs["outputs"].shape))
            self.model.stop_predicting = batch == 2

    assert model.predict(x, batch_size=5, verbose=0, callbacks=[Stops()]).shape == (15, 2)
    assert seen == [(i, (5, 2)) for i in range(3)]

    class Begins(callbacks.Callback):
        def on_predict_begin(self, logs=None):
            seen.append("begin")

    assert model.predict(x, batch_size=5, verbose=0, callbacks=[Begins()]).shape == (37, 2)
    assert seen[-1] == "begin"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "float16"])
def test_predictions_for_data_of_all_dtypes(dtype):
    x = (data()[0] * 9).astype(dtype)
    model = dense()
    expected = np.concatenate([model(x[i : i + 5]).numpy() for i in range(0, 37, 5)])
    for rows in (x, np.asfortranarray(x), x.repeat(2, 0)[::2]):
        found = model.predict(rows, batch_size=5, verbose=0)
        assert found.tobytes() == expected.tobytes()
        assert found.dtype == "float32"
