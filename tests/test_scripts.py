"""Keras scripts of 2016 to today under `diptych run`, on both engines.

`tests/scripts/` holds them as their authors would have written them: `seed_` are old tutorials
whose slips are mended, `k1_`, `k2_`, `tf2_` and `k3_` follow Keras 1, 2, tf.keras and Keras 3. What
the last ones print is held against what Keras printed (`record.py`).
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import compat, legacy
from diptych.compat.run import Command, main, run
from tests.scripts.steady import steady

SCRIPTS = Path(__file__).parent / "scripts"
pytestmark = pytest.mark.filterwarnings("ignore")

# What a script has to print: a text, or a number behind a text with its bounds.
PRINTS = {
    "k1_cnn": [
        "Output of the first convolution: (None, 12, 12, 8)",
        ("Test accuracy: ", 0.8, 1.0),
    ],
    "k1_functional": ["(120, 1) (120, 1)", ("accuracy: ", 0.6, 1.0)],
    "k1_image_generator": ["(9, 10, 10, 3) (9, 1)", ("Test accuracy: ", 0.8, 1.0)],
    "k1_imdb_lstm": ["X shape: (200, 12)", ("Train accuracy: ", 0.9, 1.0)],
    "k1_merge": ["parameters: 657", ("ratio: ", 0.0, 0.4)],
    "k1_mlp": ["300 train samples", "same classes: True", ("Test accuracy: ", 0.9, 1.0)],
    "k1_save_h5": [
        "same predictions: True",
        "same score: True",
        "steps: 360",
        "steps: 372",
        "rebuilt: True",
        "by name: True",
        "best: (120, 2) True",
        ("accuracy: ", 0.8, 1.0),
    ],
    "k1_text_generation": ["total chars: 14", "Iteration 2", ("loss: ", 0.0, 1.2)],
    "k1_vae": ["(200, 2)", "(1, 16)", ("first loss ", 8.0, 12.0), ("last loss ", 0.0, 4.0)],
    "k2_autoencoder": [
        "encoded: (2, 2, 8)",
        "local weights: 720 (None, 6, 6, 2)",
        ("first loss: ", 0.55, 0.75),
        ("last loss: ", 0.0, 0.4),
    ],
    "k2_callbacks": ["batches per epoch: 8.0", "stopped early: True True", ("recall: ", 0.8, 1.0),
                     ("learning rate: ", 5e-6, 1e-5)],
    "k2_custom_layer": ["same predictions: True", ("accuracy: ", 0.75, 1.0)],
    "k2_gan": ["rows from dark to light: True", ("difference: ", 0.8, 2.0)],
    "k2_look_inside": [
        "(5, 6, 6, 4) True",
        "dropout at work: True",
        "filter is excited: True",
        "(4,) (6, 6, 4)",
    ],
    "k2_multi_io": [
        "['age_loss', 'answer_acc', 'answer_loss', 'loss']",
        "(60, 3) (60, 1)",
        "went down: True",
    ],
    "k2_seq2seq": ["Question: [3, 5, 2, 2]", ("accuracy: ", 0.5, 1.0)],
    "k2_siamese": [("* Accuracy on training set: ", 95, 100)],
    "k2_sklearn": ["(150, 2)", "10 3", ("accuracy: ", 0.9, 1.0), ("score: ", -0.5, 0.0)],
    "k2_stateful_lstm": ["(200, 1)", ("first loss: ", 0.2, 0.6), ("last loss: ", 0.0, 0.15)],
    "k2_text_cnn": ["Found 13 unique tokens.", ("accuracy: ", 0.95, 1.0), ("loss: ", 0.0, 0.4)],
    "k2_transfer": [
        "trainable weights with a frozen base: 4",
        "base unchanged: True",
        "trainable weights with the last block: 10",
        "last block trained: True True",
    ],
    "k2_vae_add_loss": ["(200, 2)", ("first loss ", 10.0, 13.5), ("last loss ", 0.0, 5.5)],
    "seed_and_gate": [("loss : ", 0.0, 0.8), ("accuracy : ", 0.5, 1.0)],
    "seed_gender": ["女生", ("accuracy: ", 0.7, 0.9)],
    "seed_hello_world": [("Accuray of Testing Set: ", 0.0, 1.0), "(50, 10)"],
    "seed_overview": ["7,114", "2 (10, 10)"],
    "seed_sequential": [("mean_pred: ", 0.3, 0.7)],
    "seed_stacked_lstm": [("val_loss: ", 11.0, 12.2)],
    "seed_vgg": ["test data score:"],
    "tf2_attention": [("accuracy: ", 0.85, 1.0)],
    "tf2_beginner": ["TensorFlow version: 2.", ("Test accuracy: ", 0.9, 1.0), "True"],
    "tf2_custom_loop": ["Epoch 8, Loss: ", ("Test accuracy: ", 0.9, 1.0)],
    "tf2_data_pipeline": [
        "5 2",
        "(16, 8, 8, 3) (16, 2) True",
        "[(4, 2), (2, 2)]",
        "[(0, 10), (1, 11), (2, 12)]",
        "[0, 3, 6, 9]",
        "[([0, 1], [2]), ([1, 2], [3])]",
    ],
    "tf2_dcgan": ["(20, 8, 8, 1)", ("middle minus border: ", 0.05, 2.0)],
    "tf2_image_folder": [
        "['daisy', 'rose']",
        "looks like its title: True True",
        "(8, 20, 20, 3) (8,)",
        "batches: 4 1",
        "scaled: True",
        ("val_accuracy: ", 0.9, 1.0),
        "This image most likely belongs to rose",
    ],
    "tf2_regression": [
        "[] True",
        "dy/dx = 4.0200 dz/dx = 74.6295",
        "[3, 7] [1, 2, 3] 1",
        ("val_loss: ", 0.0, 0.3),
    ],
    "tf2_subclass_vae": [("first loss: ", 0.1, 0.4), ("last loss: ", 0.0, 0.12)],
    "tf2_train_step": ["['loss', 'mae']", ("last mae: ", 0.0, 0.3)],
}  # fmt: skip
# Smaller sizes, so that the tutorials with much data are quick: what is replaced by what.
SMALLER = {
    "seed_and_gate": {"epochs=1000": "epochs=40"},
    "seed_gender": {"epochs=10": "epochs=4"},
    "seed_hello_world": {"nb_epoch=20": "nb_epoch=1"},
    "seed_overview": {"(1000, 1": "(100, 1", "epochs=5": "epochs=2"},
    "seed_sequential": {"epochs=10": "epochs=2"},
    "seed_stacked_lstm": {"(1000, ": "(128, ", "epochs=5": "epochs=2"},
    "seed_vgg": {
        "(100, 100, 100, 3)": "(8, 20, 20, 3)",
        "(20, 100, 100, 3)": "(4, 20, 20, 3)",
        "size=(100, 1)": "size=(8, 1)",
        "size=(20, 1)": "size=(4, 1)",
        "input_shape=(100, 100, 3)": "input_shape=(20, 20, 3)",
        "epochs=10": "epochs=2",
    },
}


@pytest.fixture
def as_keras():
    """keras is diptych during the test, with notes, names and random numbers as at a start."""
    legacy.forget_notes()
    diptych.utils.clear_session()
    diptych.utils.set_random_seed(0)
    order = diptych.config.image_data_format()
    compat.install_as_keras()
    yield
    compat.uninstall()
    diptych.config.set_image_data_format(order)


def number_after(text, output):
    """The last number behind this text."""
    found = re.findall(re.escape(text) + r"\s*(-?\d+\.?\d*(?:e-?\d+)?)", output)
    assert found, f"no {text!r} in:\n{output}"
    return float(found[-1])


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("name", sorted(PRINTS))
def test_a_script_runs(name, engine, as_keras, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "tf2_image_folder":
        pytest.importorskip("PIL")
    text = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
    for old, new in SMALLER.get(name, {}).items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    status = main([f"{name}.py", "--engine", engine])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    for wanted in PRINTS[name]:
        if isinstance(wanted, str):
            assert wanted in printed.out
        else:
            text, low, high = wanted
            assert low <= number_after(text, printed.out) <= high, printed.out


RECORDED = json.loads((SCRIPTS / "printed.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("name", [name for name in RECORDED if name != "keras"])
def test_a_script_prints_what_keras_printed(name, engine, as_keras, capsys):
    undo = steady(diptych)
    try:
        with diptych.engine(engine):
            status = run(Command(kind="file", target=str(SCRIPTS / name)))
    finally:
        undo()
    printed = capsys.readouterr()
    assert status == 0, printed.err
    number = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
    ours = printed.out.splitlines()
    assert [number.sub("#", line) for line in ours] == [
        number.sub("#", line) for line in RECORDED[name]
    ]
    for line, theirs in zip(ours, RECORDED[name], strict=True):
        a, b = ([float(x) for x in number.findall(text)] for text in (line, theirs))
        # The numbers are rounded to 3 or 4 places after several epochs in float32.
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3, err_msg=line)


def test_every_script_is_run():
    names = {path.stem for path in SCRIPTS.glob("*.py")} - {"steady", "record", "__init__"}
    assert names == PRINTS.keys() | {name.removesuffix(".py") for name in RECORDED} - {"keras"}


def test_nothing_of_keras_is_left_behind(as_keras):
    compat.uninstall()
    assert not [name for name in sys.modules if name.partition(".")[0] in ("keras", "tensorflow")]
    with pytest.raises(AttributeError):
        diptych.layers.convolutional  # noqa: B018
