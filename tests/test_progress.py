"""Progress where it is shown: a notebook gets one output, a log one line for each epoch."""

import io
import sys
import types

import numpy as np

import diptych
from diptych import Input, Sequential, layers
from diptych.utils import Progbar, notebook


class OutStream(io.StringIO):
    """As a notebook's standard output."""

    encoding = "utf-8"


OutStream.__module__ = "ipykernel.iostream"


class Handle:
    def __init__(self, seen):
        self.seen = seen

    def update(self, content, raw):
        assert raw
        self.seen.append(content["text/plain"])


def in_notebook(monkeypatch):
    """The texts that the outputs hold, one after the other; and the outputs. Nothing is printed."""
    texts, outputs = [], []

    def display(content, raw, display_id):
        assert raw
        assert display_id
        texts.append(content["text/plain"])
        outputs.append(Handle(texts))
        return outputs[-1]

    def write(text):
        raise AssertionError(f"printed: {text}")

    stream = OutStream()
    stream.write = write
    module = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr("sys.stdout", stream)
    return texts, outputs


def trained(epochs, **options):
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, epochs=epochs, batch_size=2, **options)
    return model


def test_a_training_is_one_output_of_a_notebook(monkeypatch):
    texts, outputs = in_notebook(monkeypatch)
    trained(3, validation_split=0.25)
    assert len(outputs) == 1
    lines = texts[-1].splitlines()
    assert [line.partition(" - ")[0] for line in lines] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    assert all("val_loss" in line for line in lines)


def test_many_epochs_are_a_short_text_and_few_messages(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now[0])
    texts, outputs = in_notebook(monkeypatch)
    trained(200)
    assert len(outputs) == 1
    assert len(texts) == 2  # the first line, and all at the end: no time has passed
    lines = texts[-1].splitlines()
    assert len(lines) == notebook.FIRST + 1 + notebook.LAST
    assert lines[0].startswith("Epoch 1/200 - 4/4")
    assert lines[notebook.FIRST] == f"… {200 - notebook.FIRST - notebook.LAST} lines …"
    assert lines[-1].startswith("Epoch 200/200 - 4/4")


def test_a_line_that_is_not_finished_is_replaced(monkeypatch):
    texts, outputs = in_notebook(monkeypatch)
    monkeypatch.setattr(notebook, "INTERVAL", 0.0)
    bar = Progbar(3, interval=0.0)
    for _ in range(3):
        bar.add(1)
    assert len(outputs) == 1
    assert [text.partition(" ")[0] for text in texts] == ["1/3", "2/3", "3/3"]
    area = notebook.Area()
    for i in range(30):
        area.show(f"half {i}", False)
        assert texts[-1].splitlines()[-1] == f"half {i}"
        area.show(f"line {i}", True)
        lines = texts[-1].splitlines()
        assert lines[-1] == f"line {i}"
        dots = [int(line.split()[1]) for line in lines if line.startswith("…")]
        assert len(lines) - len(dots) + sum(dots) == i + 1


def test_evaluation_and_prediction_have_outputs_of_their_own(monkeypatch):
    texts, outputs = in_notebook(monkeypatch)
    model = trained(1, verbose=0)
    assert not outputs
    model.evaluate(np.ones((4, 2)), np.ones((4, 1)))
    model.predict(np.ones((4, 2)))
    assert len(outputs) == 2
    assert "loss: " in texts[-2]
    assert texts[-1].startswith("1/1 ")


def test_a_log_has_one_line_for_each_epoch_and_no_control_characters(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    trained(4, validation_split=0.25)
    text = stream.getvalue()
    assert len(text.splitlines()) == 4
    assert not set(text) & set("\r\b\x1b")


def test_without_interactive_logging_a_notebook_shows_nothing(monkeypatch):
    _, outputs = in_notebook(monkeypatch)
    diptych.config.disable_interactive_logging()
    try:
        trained(1)
    finally:
        diptych.config.enable_interactive_logging()
    assert not outputs
