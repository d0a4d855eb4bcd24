"""Whole epochs in one call: bits, history and warnings as those of epochs that run one by one."""

import itertools

import numpy as np
import pytest

import diptych
from diptych import Input, Model, callbacks, layers, optimizers
from diptych.models import epochs as whole_epochs
from diptych.models.epochs import WholeEpochs
from tests.planned import compiled, data, dense

kernel = pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")
sums_kernel = pytest.importorskip("diptych.fastcore.kernels.sums")


@pytest.fixture
def blocks(monkeypatch):
    """How many epochs each call has run."""
    found = []
    run = WholeEpochs.run

    def noted(self, most):
        ended = run(self, most)
        found.append(len(ended))
        return ended

    monkeypatch.setattr(WholeEpochs, "run", noted)
    return found


def trained(build, whole, rows=37, fits=1, **options):
    """All that remains of a training of twelve epochs."""
    diptych.utils.set_random_seed(5)
    model = build()
    x, y = data(rows=rows)
    options = {"epochs": 12, "batch_size": 8, "verbose": 0, **options}
    for _ in range(fits):
        looker = [] if whole else [callbacks.LambdaCallback(on_epoch_end=lambda *given: None)]
        history = model.fit(x, y, callbacks=looker, **options)
    state = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    sums = [v.numpy() for metric in model.metrics for v in metric.variables]
    place = diptych.random.global_generator().bit_generator.state
    return history.history, history.epoch, state, sums, place


def assert_same(build, blocks, whole=True, **options):
    expected = trained(build, False, **options)
    assert not blocks
    np.testing.assert_equal(trained(build, True, **options), expected)
    assert any(blocks) == whole


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rows": 32},
        {"rows": 5},
        {"validation_split": 0.3},
        {"validation_split": 0.1, "validation_batch_size": 2},
        {"validation_data": data(rows=8, seed=1), "shuffle": False},
        {"shuffle": "batch"},
        {"class_weight": {0: 1.0, 1: 3.0}},
        {"sample_weight": np.linspace(0, 1, 37, dtype="f4")},
        {"sample_weight": np.linspace(0, 1, 37)},
        {"initial_epoch": 3},
        {"fits": 2},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_ways_to_fit(options, blocks):
    assert_same(lambda: compiled(dense()), blocks, **options)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adamax", "Ftrl", "RMSprop", "Lion"])
def test_optimizers_count_the_steps_of_each_other(name, blocks):
    """Batches of 8 and the rest of 5 have plans of their own."""
    build = getattr(optimizers, name)
    for more in ({}, {"clipnorm": 0.1, "weight_decay": 0.01}):
        blocks.clear()
        assert_same(lambda more=more: compiled(dense(), build(0.01, **more)), blocks)


def test_errors_as_metrics(blocks):
    """Those that are losses too, and the root of the mean square."""
    names = ["mae", "mse", "mape", "msle", "huber", "log_cosh", "poisson", "RootMeanSquaredError"]
    assert_same(lambda: compiled(dense(), "adam", "mse", names), blocks, validation_split=0.2)


def test_dropout_and_batch_normalization(blocks):
    def build():
        model = diptych.Sequential([Input((3,)), layers.Dense(6), layers.BatchNormalization()])
        model.add(layers.Dropout(0.3))
        model.add(layers.Dense(2, "softmax"))
        return compiled(model, "adam")

    assert_same(build, blocks, validation_split=0.2)


def test_several_outputs(blocks):
    def build():
        x = Input((3,))
        model = Model(x, {"a": layers.Dense(2, name="a")(x), "b": layers.Dense(2, name="b")(x)})
        model.compile("adam", {"a": "mse", "b": "mae"}, metrics={"a": ["categorical_accuracy"]})
        fit = model.fit
        model.fit = lambda x, y, **options: fit(x, {"a": y, "b": y}, **options)
        return model

    assert_same(build, blocks)


@pytest.mark.parametrize(
    ("optimizer", "options", "metrics"),
    [
        (lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 40)), {}, ["accuracy"]),
        (lambda: optimizers.Adam(use_ema=True), {}, ["accuracy"]),
        (lambda: "sgd", {}, ["precision"]),
        (lambda: "sgd", {"validation_freq": 2, "validation_split": 0.2}, ["accuracy"]),
        (lambda: "sgd", {"steps_per_epoch": 2, "rows": 32}, ["accuracy"]),
        (lambda: "sgd", {"validation_split": 0.5, "validation_steps": 1}, ["accuracy"]),
    ],
    ids=["schedule", "averages", "metric", "freq", "steps", "validation"],
)
def test_what_runs_one_by_one(optimizer, options, metrics, blocks):
    assert_same(lambda: compiled(dense(), optimizer(), metrics=metrics), blocks, False, **options)


def test_a_long_epoch_is_not_doubled(blocks, monkeypatch):
    monkeypatch.setattr(whole_epochs, "SLICE", 0.0)
    trained(lambda: compiled(dense()), True)
    assert not any(blocks)


def test_one_metric_of_several_outputs(blocks):
    def build():
        x, metric = Input((3,)), diptych.metrics.CategoricalAccuracy()
        model = Model(x, {"a": layers.Dense(2, name="a")(x), "b": layers.Dense(2, name="b")(x)})
        model.compile("adam", "mse", metrics={"a": [metric], "b": [metric]})
        fit = model.fit
        model.fit = lambda x, y, **options: fit(x, {"a": y, "b": y}, **options)
        return model

    assert_same(build, blocks, validation_split=0.2)


def sum_of_weights(model):
    return float(model.layers[0].kernel.numpy().sum())


class ShowsFewer(diptych.Sequential):
    @property
    def metrics(self):
        return super().metrics[:1]


class Resets(diptych.Sequential):
    def reset_metrics(self):
        super().reset_metrics()


class LooksAtWeights(diptych.Sequential):
    def get_metrics_result(self):
        return {**super().get_metrics_result(), "weights": sum_of_weights(self)}


@pytest.mark.parametrize("kind", [ShowsFewer, Resets, LooksAtWeights])
def test_a_model_that_tells_an_epoch_in_its_own_way(kind, blocks):
    assert_same(lambda: compiled(kind(dense().layers)), blocks, False)


def test_a_metric_whose_result_is_ones_own(blocks):
    def build():
        metric, model = diptych.metrics.CategoricalAccuracy(), dense()
        metric.result = lambda: sum_of_weights(model)
        return compiled(model, metrics=[metric])

    assert_same(build, blocks, False)


def test_frequencies_of_validation_as_an_array(blocks):
    """They are not compared with 1: an array of several has no truth."""
    for frequency in ([3, 5], [3]):
        options = {"validation_freq": np.array(frequency), "validation_split": 0.2}
        assert_same(lambda: compiled(dense()), blocks, False, **options)
        blocks.clear()


class SeesWeights(callbacks.CallbackList):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, {**logs, "weights": sum_of_weights(self.model)})


@pytest.mark.parametrize("how", ["list", "method"])
def test_who_looks_on_at_the_end_of_an_epoch(how, blocks):
    model = compiled(dense())
    if how == "list":
        looker = SeesWeights([], add_history=True, model=model)
        history = looker.history
    else:
        looker = history = callbacks.History()
        tell = history.on_epoch_end
        history.on_epoch_end = lambda epoch, logs: tell(
            epoch, {**logs, "weights": sum_of_weights(model)}
        )
    model.fit(*data(), epochs=12, verbose=0, callbacks=looker)
    assert len(set(history.history["weights"])) == 12
    assert not any(blocks)


def test_callbacks_that_do_nothing_do_not_look_on(blocks):
    compiled(dense()).fit(*data(), epochs=12, verbose=0, callbacks=[callbacks.Callback()])
    assert any(blocks)


def test_a_metric_of_ones_own(blocks):

    def mean_product(y, p):
        return np.mean(y * p, axis=-1)

    assert_same(lambda: compiled(dense(), metrics=[mean_product]), blocks, False)


def test_a_loss_that_becomes_infinite_is_told_with_its_epoch(blocks):
    told = []
    for looker in ([callbacks.LambdaCallback(on_epoch_end=lambda *given: None)], []):
        diptych.utils.set_random_seed(0)
        model = diptych.Sequential([Input((3,)), layers.Dense(2)], name="steep")
        compiled(model, optimizers.SGD(2.0), "mse", [])
        with pytest.warns(diptych.utils.TrainingWarning) as caught:
            model.fit(*data(), epochs=40, batch_size=8, verbose=0, callbacks=looker)
        told.append([str(one.message).partition(",")[0] for one in caught])
    assert max(blocks) > 2
    assert told[0] == told[1]
    assert "The loss of model 'steep' became infinite in epoch" in told[0][0]


def test_no_memory_in_the_middle_leaves_the_counter_right(monkeypatch):
    model = compiled(dense(), "adam")
    x, y = data()
    run = kernel.run_in_turn

    def fails(turns, rounds):
        run(turns, 1)
        raise MemoryError

    monkeypatch.setattr(kernel, "run_in_turn", fails)
    with pytest.raises(MemoryError):
        model.fit(x, y, epochs=9, batch_size=8, verbose=0)
    made = model.optimizer.iterations.numpy()
    assert made > 0
    assert made % 5 == 0
    monkeypatch.undo()
    model.fit(x, y, epochs=1, batch_size=8, verbose=0)
    assert model.optimizer.iterations.numpy() == made + 5


def counting(total):
    """A plan that adds 1 to a sum."""
    plan, count = kernel.Plan(), np.zeros(())
    with plan:
        sums_kernel.add_mean(total, count, np.ones(()), 1)
    return plan


def test_plans_run_in_turn():
    total, count = np.zeros(()), np.zeros(())
    one, other, end = counting(total), kernel.Plan(), kernel.Plan()
    with other:
        sums_kernel.add_mean(total, count, np.full((), 10.0), 1)
    total[...] = count[...] = 0
    sums = sums_kernel.Sums(total, count)
    with end:
        sums.close()
    table = np.full((3, 2), np.nan)
    sums.start(table)
    kernel.run_in_turn([(one, 3), (end, 1), (other, 2)], 3)
    np.testing.assert_array_equal(table, [[3, 0], [23, 2], [23, 2]])
    assert (one.done, other.done, end.done, total, count) == (9, 6, 3, 20, 2)


def test_what_cannot_run_in_turn():
    total = np.zeros(())
    plan, calls, end = counting(total), counting(total), kernel.Plan()
    calls.call(lambda: None)
    sums = sums_kernel.Sums(total)
    with end:
        sums.close()
    sums.start(np.zeros((2, 1)))
    for turns, rounds, why in (
        ([(plan, 1), (plan, 1)], 1, "being made or run already"),
        ([(plan, 1), (calls, 1)], 1, "calls functions of Python"),
        ([(plan, 1), (end, 1)], 3, "there are data for 2"),
        ([(plan, 1)], -1, "-1 times"),
    ):
        with pytest.raises((ValueError, RuntimeError), match=why):
            kernel.run_in_turn(turns, rounds)
        total[...] = 0
        kernel.run_in_turn([(plan, 2)], 1)  # nobody thinks that it is still running
        assert total == 2
    with pytest.raises(TypeError):
        kernel.run_in_turn([(None, 1)], 1)


@pytest.mark.parametrize(
    "table", [np.zeros((3, 1)), np.zeros(2), np.zeros((3, 2), "f"), np.zeros((2, 3)).T[:, :2]]
)
def test_tables_that_do_not_fit_their_sums(table):
    with pytest.raises(ValueError, match="a table of 2 sums"):
        sums_kernel.Sums(np.zeros(()), np.zeros(())).start(table)


def test_sums_are_numbers_of_float64():
    for wrong, _ in itertools.product([np.zeros((), "f"), np.zeros(2)], range(3)):
        with pytest.raises(ValueError, match="a running sum"):
            sums_kernel.Sums(np.zeros(()), wrong)
    with pytest.raises(TypeError, match="None is no running sum"):
        sums_kernel.Sums(None)
