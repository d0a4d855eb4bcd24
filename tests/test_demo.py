"""The command line: what the demonstration prints and draws."""

import pytest

from diptych import demo
from diptych.__main__ import main


def test_both_networks_learn_alike_on_both_engines(capsys, tmp_path):
    picture = tmp_path / "digits.png"
    assert main(["--epochs", "2", "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    for network in demo.NETWORKS:
        assert network in printed
    assert printed.count("\nreference") == printed.count("\nfast") == 2
    assert printed.count("of the answers are the same") == 2
    pytest.importorskip("matplotlib")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_disagreement_is_an_exit_status(monkeypatch, capsys):
    train = demo._train

    def wrong(network, engine, *rest):
        run = train(network, engine, *rest)
        if network.startswith("conv") and engine == "fast":
            run.predictions = run.predictions[:, ::-1]
        return run

    monkeypatch.setattr(demo, "_train", wrong)
    assert demo.run(epochs=1) == 1
    assert "of the answers are the same" in capsys.readouterr().out
