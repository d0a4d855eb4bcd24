"""The command line: what the demonstration prints and draws."""

from types import SimpleNamespace

import numpy as np
import pytest

import diptych
from diptych import demo
from diptych.__main__ import main


def test_both_networks_learn_alike_on_both_engines(capsys, tmp_path):
    picture = tmp_path / "digits.png"
    assert main(["--epochs", "2", "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    for network in demo.NETWORKS:
        assert network in printed
    assert printed.count("\nreference") == printed.count("\nfast") == 2
    assert printed.count("2/2 ") == 2  # the progress of each network
    assert printed.count("of the answers are the same") == 2
    pytest.importorskip("matplotlib")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_disagreement_is_an_exit_status(monkeypatch, capsys):
    test = demo._test

    def wrong(run, *data):
        test(run, *data)
        if len(run.model.layers) == 6 and run.model.engine == "fast":  # the convolutional one
            run.predictions = run.predictions[:, ::-1]

    monkeypatch.setattr(demo, "_test", wrong)
    assert demo.run(epochs=1) == 1
    assert "of the answers are the same" in capsys.readouterr().out


def test_each_network_is_announced_before_it_learns(monkeypatch, capsys):
    train, seen = demo._train, []

    def listening(*arguments):
        seen.append(capsys.readouterr().out.splitlines()[-1])
        train(*arguments)

    monkeypatch.setattr(demo, "_train", listening)
    demo.run(epochs=1)
    assert [line.rpartition(" (")[0] for line in seen] == list(demo.NETWORKS)


def test_the_engines_take_turns_and_see_the_same_order_of_the_digits():
    fits = []

    def model(name):
        def fit(x, y, *, initial_epoch, epochs, **options):
            assert epochs == initial_epoch + 1
            fits.append((initial_epoch, name, np.random.random()))
            return SimpleNamespace(history={"loss": [1.0]})

        return SimpleNamespace(fit=fit)

    runs = {name: demo.Run(model(name)) for name in ("reference", "fast")}
    demo._train(runs, seed=3, epochs=3, x_train=None, y_train=None)
    turns = [(epoch, name) for epoch, name, _ in fits]
    assert turns[:2] == [(0, "fast"), (0, "reference")]
    assert turns[2:4] == [(1, "reference"), (1, "fast")]
    drawn = [number for *_, number in fits]
    assert drawn[::2] == drawn[1::2]
    assert len(set(drawn)) == 3


def test_one_slow_epoch_does_not_change_the_ratio_of_speeds():
    reference = demo.Run(None, seconds=[4.0, 100.0, 6.0])
    fast = demo.Run(None, seconds=[1.0, 1.0, 2.0])
    assert demo._speed(reference, fast) == 4.0


def test_without_the_fast_engine_the_reference_learns_alone(monkeypatch, capsys):
    monkeypatch.setattr(diptych.engine, "installed", lambda: ["reference"])
    assert demo.run(epochs=1) == 0
    printed = capsys.readouterr().out
    assert "without its fast engine: there is nothing to compare" in printed
    assert printed.count("\nreference") == 2
    assert "\nfast" not in printed


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"diptych {diptych.__version__}\n"
