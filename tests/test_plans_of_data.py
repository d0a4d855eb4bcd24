"""Plans for all kinds of data and their options: steps of an epoch, streams, other dtypes."""

import contextlib

import numpy as np
import pytest

import diptych
from diptych import callbacks, layers, optimizers
from diptych.models import batches, plans
from diptych.tensor import Structure
from tests.planned import assert_same, compiled, data, dense, fit

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"shuffle": "batch"},
        {"validation_split": 0.3},
        {"batch_size": 1},
        {"batch_size": 37},
        {"batch_size": 100, "epochs": 9},
        {"initial_epoch": 1},
        {"steps_per_epoch": 4, "epochs": 5},
        {"steps_per_epoch": 4, "epochs": 5, "shuffle": False},
        {"steps_per_epoch": 3, "epochs": 9, "shuffle": "batch"},
        {"steps_per_epoch": 5, "epochs": 4, "batch_size": None},
        {"steps_per_epoch": 10, "epochs": 3},
        {"validation_data": data(seed=1), "validation_steps": 3, "validation_batch_size": 7},
    ],
    ids=lambda options: ", ".join(options),
)
@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.filterwarnings("ignore:The data ended after")
def test_options_of_fit(options, batches, monkeypatch):
    """Also where a callback wants each batch, or several."""
    seen = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda *told: seen.append(told))

    def build():
        model = compiled(dense(), "adam")
        model.steps_per_execution = 3 if batches else 1
        return model

    def train(model):
        seen.clear()
        history = fit(*data(), **options, callbacks=[watch] * batches)(model)
        return history, list(seen)

    assert_same(monkeypatch, build, train)


@pytest.mark.parametrize("steps", [4, 20])
def test_an_epoch_that_the_data_end_in_warns_as_without_a_plan(steps, monkeypatch):
    warned = []

    def train(model):
        with (
            pytest.warns(UserWarning, match="ended after 8 of the 20")
            if steps == 20
            else (contextlib.nullcontext())
        ):
            found = [fit(*data(), steps_per_epoch=steps)(model)]
            found.append(model.evaluate(*data(), batch_size=5, steps=steps, verbose=0))
            found.append(model.predict(data()[0], batch_size=5, steps=steps, verbose=0))
        warned.append(len(found[-1]))
        return found

    assert_same(monkeypatch, lambda: compiled(dense()), train)
    assert warned == [min(5 * steps, 37)] * 3


@pytest.mark.filterwarnings("ignore:The data ended after")
def test_steps_go_on_where_a_plan_ends(monkeypatch):
    """A model that loses its plan in the middle of a pass takes the rest of it batch by batch."""
    x, y = data()

    class Widens(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[0].pure = False
                self.model._replays.clear()
                Structure.version += 1

    def train(model):
        return fit(x, y, steps_per_epoch=3, epochs=7, callbacks=[Widens()])(model)

    assert_same(monkeypatch, lambda: compiled(dense()), train, planned=False)


class Loads(diptych.utils.PyDataset):
    """Batches of five rows, the last one of two."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return -(-len(self.x) // 5)

    def __getitem__(self, i):
        return self.x[5 * i : 5 * i + 5], self.y[5 * i : 5 * i + 5]


def endless(x, y):
    while True:
        for i in range(0, len(x) - 4, 5):
            yield x[i : i + 5], y[i : i + 5]


STREAMS = {
    "a data set": (lambda x, y: Loads(x, y), {}),
    "steps of a data set": (lambda x, y: Loads(x, y), {"steps_per_epoch": 3, "epochs": 6}),
    "weights of classes": (lambda x, y: Loads(x, y), {"class_weight": {0: 0.3, 1: 2.0}}),
    "a generator": (endless, {"steps_per_epoch": 4}),
    "a list's iterator": (lambda x, y: [(x[:5], y[:5])] * 9, {}),
}


@pytest.mark.filterwarnings("ignore:The data ended after")
@pytest.mark.parametrize("name", STREAMS)
def test_data_that_come_batch_by_batch(name, monkeypatch):
    make, options = STREAMS[name]
    x, y = data()

    def train(model):
        source = make(x, y)
        source = iter(source * 3) if isinstance(source, list) else source
        given = {"epochs": 3, "verbose": 0, "steps_per_epoch": 9, **options}
        if isinstance(source, Loads) and "steps_per_epoch" not in options:
            del given["steps_per_epoch"]
        history = model.fit(source, validation_data=Loads(x, y), **given).history
        return (
            history,
            model.evaluate(Loads(x, y), verbose=0),
            model.predict(Loads(x, y), verbose=0),
        )

    assert_same(monkeypatch, lambda: compiled(dense(), "adam"), train)
    monkeypatch.undo()
    train(model := compiled(dense(), "adam"))
    assert "one batch at a time: the data come batch by batch." in model.plan_report()


@pytest.mark.parametrize("limit", [plans.MOST_CONVERTED, 100])
def test_data_of_another_dtype_that_are_not_small(limit, monkeypatch):
    monkeypatch.setattr(batches, "SMALL", 1)
    monkeypatch.setattr(plans, "MOST_CONVERTED", limit)
    x, y = data()
    reports = []

    def train(model):
        history = fit(x, y)(model)
        reports.append(model.plan_report())
        return history, model.predict(x, batch_size=5, verbose=0)

    assert_same(monkeypatch, lambda: compiled(dense()), train)
    assert ("one batch at a time: the data are large" in reports[0]) == (limit == 100)


@pytest.mark.parametrize("what", ["x", "y", "weights"])
def test_numbers_in_the_other_order_of_bytes(what, monkeypatch):
    x, y = data()
    parts = {"x": x * 9, "y": y, "weights": y[:, 0] * 3}
    parts[what] = parts[what].astype(np.dtype("i4").newbyteorder())

    def train(model):
        found = [fit(parts["x"], parts["y"], sample_weight=parts["weights"])(model)]
        batch = [part[:5] for part in parts.values()]
        found += [model.train_on_batch(*batch) for _ in range(3)]
        found += [model.test_on_batch(*batch) for _ in range(3)]
        return [*found, *[model.predict(parts["x"], batch_size=5, verbose=0) for _ in range(3)]]

    assert_same(monkeypatch, lambda: compiled(dense(), metrics=["mae"]), train, planned=None)


# Of these, Python calls the update in each step.
CALLED = {
    "Adafactor": "the steps of layer-wise optimizers depend on the number of the step",
    "Lamb": "the steps of layer-wise optimizers depend on the number of the step",
    "LossScaleOptimizer": "it scales the loss",
    "MultiOptimizer": "it is made of several",
    "Muon": "the steps of layer-wise optimizers depend on the number of the step",
    "Nadam": "Nadam's step depends on all the steps before",
    "ScheduleFreeAdamW": "schedule-free averages depend on the number of the step",
}
INNER = {
    "LossScaleOptimizer": lambda: [optimizers.Adam()],
    "MultiOptimizer": lambda: [optimizers.OptimizerMap(optimizers.Adam())],
}
PUBLIC = sorted(
    name
    for name, found in vars(optimizers).items()
    if isinstance(found, type)
    and issubclass(found, optimizers.Optimizer)
    and found is not optimizers.Optimizer
)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_optimizer_has_a_plan(name, monkeypatch):
    """All in stages, but for those of which the table says why Python calls them."""
    found = getattr(optimizers, name)

    def build():
        return compiled(dense(), found(*INNER.get(name, list)()))

    assert_same(monkeypatch, build, fit(*data()))
    monkeypatch.undo()
    fit(*data())(model := build())
    if name in CALLED:
        assert f"the optimizer ({CALLED[name]})" in model.plan_report()
    else:
        assert model.plan_report() == "A plan ran."


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i8", "u1", "?"])
def test_weights_of_samples_are_brought_into_the_type_of_the_model_at_once(dtype):
    """And not by Python in each step."""
    x, y = data()
    weights = (np.arange(len(x)) % 5 / 3).astype(dtype)

    def trained(weights):
        diptych.utils.set_random_seed(3)
        model = diptych.Sequential([diptych.Input((3,)), layers.Dense(2)])
        model.compile("sgd", "mse")
        history = model.fit(x, y, sample_weight=weights, batch_size=5, epochs=3, verbose=0)
        assert model.plan_report() == "A plan ran."
        return history.history, model.evaluate(x, y, sample_weight=weights, verbose=0)

    assert trained(weights) == trained(weights.astype("float32"))
