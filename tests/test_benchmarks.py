"""The benchmarks that train something: their parts, on little data."""

import importlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych.datasets import shakespeare
from diptych.utils import set_random_seed
from tests.planned import on_threads, without_plans
from tests.twins import THREADS


def benchmark(name):
    return importlib.import_module(f"benchmarks.{name}")


def test_rows_of_a_text_and_what_follows():
    x, y = benchmark("shakespeare").rows_of(np.arange(14), 4)
    np.testing.assert_array_equal(x, np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(y, x + 1)


def test_bigram_entropy():
    """Of the pairs that begin with a, two were read and 65 imagined; two of those are "ab"."""
    train, test = shakespeare.encode("abac"), shakespeare.encode("ab")
    entropy = benchmark("shakespeare").bigram_entropy(train, test)
    np.testing.assert_allclose(entropy, np.log2(67 / 2))


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_the_writer_is_the_model(engine):
    """At a low temperature it writes what the model, given all the text before, expects."""
    script = benchmark("shakespeare")
    set_random_seed(0)
    model = script.build(8, engine)
    model.set_weights([10 * weights for weights in model.get_weights()])
    text = script.write(model, 12, temperature=1e-3, start="To be", seed=0)
    read = shakespeare.encode("To be" + text)
    likeliest = model.predict(read[None, :-1], verbose=0)[0, 4:].argmax(axis=-1)
    assert shakespeare.decode(likeliest) == text
    assert len(set(text)) > 1


def test_memory_of_one_step_to_all_of_them():
    bias = benchmark("recall").remember(60)((400,))
    i, f, c, o = np.split(bias, 4)
    assert not i.any()
    assert not c.any()
    assert not o.any()
    assert 0 <= f.min() < 2
    assert 3.5 < f.max() <= np.log(60)


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("kind", ["LSTM, long memory", "SimpleRNN"])
def test_a_short_memory_is_easy(engine, kind):
    script = benchmark("recall")
    x, y = script.sequences(600, 4, seed=0)
    np.testing.assert_array_equal(x.argmax(axis=-1)[:, 0], y)
    set_random_seed(0)
    model = script.build(kind, 4, engine)
    model.fit(x, y, epochs=15, verbose=0)
    assert model.evaluate(*script.sequences(100, 4, seed=1), verbose=0)[1] > 0.95


@pytest.fixture
def with_siblings(monkeypatch):
    """For benchmarks that import others."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


@pytest.fixture
def footprint(with_siblings):
    return benchmark("footprint")


def test_a_wheel_and_what_it_installs(footprint, tmp_path):
    with zipfile.ZipFile(tmp_path / "w.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", "#" * 5000)
        archive.writestr("b.py", "#" * 3000)
    packed, installed = footprint.wheel_figures(tmp_path / "w.whl")
    assert installed == 8000
    assert packed == (tmp_path / "w.whl").stat().st_size < 1000


def test_what_the_first_steps_cost(footprint):
    made, first, later = footprint.first_steps(repeats=1)
    assert min(made, first, later) > 0


def test_what_is_measured_is_a_table_of_the_site(tmp_path, monkeypatch):
    root = Path(__file__).parents[1]
    for folder in ("benchmarks", "docs/_ext"):
        monkeypatch.syspath_prepend(str(root / folder))
    training, speed = benchmark("training"), importlib.import_module("speed")
    path = tmp_path / "measured.json"
    assert "training.py --json" in speed.tables(path)
    row = {"train": 1.23456, "predict": 0.1, "memory": 49.6}
    for network in ("and", "gru", "and"):  # measured again, it stands there once
        rows = {"diptych:fast": row, "torch": {**row, "train": 2.5}}
        training.keep(path, network, rows, {"diptych:fast": sys.executable})
    text = speed.tables(path)
    version = diptych.__version__
    assert text.count(f"| diptych, fast engine | {version} | 1.23 | 0.1 | 50 |") == 2
    assert text.count("| PyTorch |  | 2.5 | 0.1 | 50 |") == 2
    assert text.count(", diptych on ") == 1  # the machine, once for all


# Of 1,000 instructions 800 are in chunks: 500 of a task, 250 that it calls, 50 of another.
CALLGRIND = """\
events: Ir

fn=fit
1 90
cfn=__pyx_f_4plan_run_part
calls=1 7
2 890
cfn=note
calls=1 9
+1 20

fn=note
9 20

fn=__pyx_f_7threads_run_stages
4 10
cfn=__pyx_f_7threads_run_many.part.0
calls=1 5
* 860

fn=__pyx_f_7threads_run_many.part.0
5 60
cfn=dense_task
calls=2 6
-1 750
cfn=relu_task
calls=1 8
+3 50

fn=dense_task
6 500
cfn=exp
calls=9 3
6 250

fn=exp
3 250

fn=relu_task
8 50

fn=__pyx_f_4plan_run_part
7 20
cfn=__pyx_f_7threads_run_stages
calls=1 4
7 870
"""


def test_instructions_outside_of_chunks(with_siblings):
    outside = benchmark("serial").outside
    np.testing.assert_allclose(outside(CALLGRIND.splitlines(keepends=True)), 0.2)


def test_who_is_done_first_takes_the_next_chunk(with_siblings):
    longest = benchmark("serial").longest
    for processors, seconds in ((1, 12), (2, 7), (3, 5), (4, 5), (9, 5)):
        assert longest([2, 3, 5, 2], processors) == seconds
    assert longest([], 8) == 0


@pytest.mark.parametrize("name", benchmark("networks").NETWORKS)
def test_the_networks_that_are_timed(name):
    networks = benchmark("networks")
    x, y, batch = networks.data(name)
    assert len(x) >= batch
    model = networks.in_keras(diptych, name)
    model.fit(x[:2], y[:2], batch_size=2, verbose=0)
    assert model.predict(x[:2], verbose=0).shape == y[:2].shape


@pytest.mark.parametrize("name", benchmark("networks").NETWORKS)
def test_the_bits_of_the_networks_on_any_number_of_threads(name, monkeypatch):
    """By plans, and layer by layer."""
    pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")
    networks = benchmark("networks")
    x, y, batch = networks.data(name)
    batch = min(batch, 2 if name == "vgg" else 8)
    x, y = x[: batch + 1], y[: batch + 1]

    def train(threads):
        set_random_seed(0)
        model = networks.in_keras(diptych, name)
        with on_threads(threads):
            history = model.fit(x, y, batch_size=batch, epochs=4, verbose=0).history
            predicted = model.predict(x, batch_size=batch, verbose=0)
        return [history, predicted, *model.get_weights()], model.plan_report()

    expected, report = train(1)
    assert report.startswith("A plan ran"), report
    for threads in THREADS[1:]:
        np.testing.assert_equal(train(threads)[0], expected)
    without_plans(monkeypatch)
    np.testing.assert_equal(train(3)[0], expected)
    monkeypatch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
    np.testing.assert_equal(train(4)[0], expected)


@pytest.mark.parametrize("name", ["dense", "branched"])
def test_a_short_soak(name):
    pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")
    script = benchmark("soak")
    report, memory, _ = script.soak(getattr(script, name), 2000, parts=2)
    assert report.startswith("A plan ran.")
    assert len(memory) == 3
    made, left, memory = script.one_after_the_other(getattr(script, name), 4, parts=2)
    assert made == 4 * 3  # of training, of evaluation, of prediction
    assert left == 0
    assert len(memory) == 2
