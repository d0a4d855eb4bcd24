"""KerasFileEditor: what it shows, what it changes, and what it refuses."""

import numpy as np
import pytest

import diptych as dp
from diptych import layers
from diptych.saving import KerasFileEditor

from .guard import Guard

h5py = pytest.importorskip("h5py")


def model(names=("first", "second")):
    dp.utils.clear_session()
    return dp.Sequential(
        [
            dp.Input((4, 3)),
            layers.LSTM(5, name="memory"),
            *(layers.Dense(2, name=name) for name in names),
        ]
    )


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.weights.h5"
    made = model()
    made.save_weights(path)
    return made, path


def test_the_summary_shows_what_is_in_the_file(saved, capsys):
    _, path = saved
    editor = KerasFileEditor(path)
    editor.summary()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Weights structure",
        "  └─ layers",
        "     ├─ dense ('first')",
        "     │  ├─ 0: shape=(5, 2), dtype=float32",
        "     │  └─ 1: shape=(2,), dtype=float32",
        "     ├─ dense_1 ('second')",
        "     │  ├─ 0: shape=(2, 2), dtype=float32",
        "     │  └─ 1: shape=(2,), dtype=float32",
        "     └─ lstm ('memory')",
        "        └─ cell ('lstm_cell')",
        "           ├─ 0: shape=(3, 20), dtype=float32",
        "           ├─ 1: shape=(5, 20), dtype=float32",
        "           └─ 2: shape=(20,), dtype=float32",
    ]
    assert editor.object_metadata["/layers/dense"] == {"name": "first"}


def test_a_keras_file_with_its_config_and_the_state_of_its_optimizer(tmp_path, capsys):
    made = model()
    made.compile("adam", "mse")
    made.fit(np.ones((2, 4, 3)), np.ones((2, 2)), verbose=0)
    made.save(tmp_path / "model.keras")
    editor = KerasFileEditor(str(tmp_path / "model.keras"))
    assert "Saved with Keras 3.15.1 - date: " in capsys.readouterr().out
    assert editor.config["class_name"] == "Sequential"
    assert list(editor.weights_dict["optimizer"]) == [str(i) for i in range(2 + 2 * 7)]
    assert editor.compare(made)["match_count"] == 7 + 16


def test_a_file_is_made_to_fit_another_model(saved, tmp_path, capsys):
    made, path = saved
    wanted = model(("first", "between", "second"))
    editor = KerasFileEditor(path)
    # dense_1 has the same shapes in both, so that all that is missing is dense_2.
    assert editor.compare(wanted) == {"status": "error", "error_count": 1, "match_count": 7}
    assert "Object /layers/dense_2 present in reference model" in capsys.readouterr().out
    editor.rename_object("dense_1", "dense_2")
    kernel = np.full((2, 2), 7.0, "float32")
    editor.add_object("layers/dense_1", {"0": kernel})
    editor.add_weights("layers/dense_1", {"1": [1.0, 2.0]})
    assert editor.compare(wanted) == {"status": "success", "error_count": 0, "match_count": 9}
    editor.save(tmp_path / "new.weights.h5")
    wanted.load_weights(tmp_path / "new.weights.h5")
    for mine, theirs in ((0, 0), (1, 1), (3, 2)):
        for ours, old in zip(
            wanted.layers[mine].get_weights(), made.layers[theirs].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, old)
    np.testing.assert_array_equal(wanted.layers[2].kernel, kernel)
    np.testing.assert_array_equal(wanted.layers[2].bias, [1, 2])


def test_what_differs_is_counted(saved, capsys):
    made, path = saved
    editor = KerasFileEditor(path)
    editor.delete_weight("layers/dense", "1")
    editor.add_weights("dense_1", {"0": np.zeros((3, 3)), "more": np.zeros(2)})
    editor.delete_object("lstm")
    found = editor.compare(made)
    assert found == {"status": "error", "error_count": 4, "match_count": 2}
    text = capsys.readouterr().out
    for line in (
        "Object /layers/lstm present in reference model, with ['cell'], missing from saved file",
        "Weight /layers/dense/1 present in reference model, missing from saved file",
        "Weight /layers/dense_1/more present in saved file, missing from reference model",
        "mismatch for /layers/dense_1/0: reference model (2, 2), saved file (3, 3)",
        "Found 4 errors",
    ):
        assert line in text


class Offset(dp.Model):
    """A model with a weight of its own and a layer that has weights and a part."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def build(self, shape):
        self.offset = self.add_weight(shape=(2,), name="offset", initializer="ones")
        self.dense.build(shape)
        self.built = True

    def call(self, x):
        return self.dense(x) + self.offset[0]


def test_weights_of_the_model_itself_stay_at_their_place(tmp_path):
    made = Offset()
    made.build((None, 3))
    made.save_weights(tmp_path / "old.weights.h5")
    editor = KerasFileEditor(tmp_path / "old.weights.h5")
    assert set(editor.weights_dict) == {"0", "dense"}
    assert editor.compare(made)["status"] == "success"
    editor.add_weights("dense", {"1": np.array([4.0])})
    editor.resave_weights(tmp_path / "new.weights.h5")
    made.offset.assign([0.0, 0.0])
    made.load_weights(tmp_path / "new.weights.h5")
    np.testing.assert_array_equal(made.offset, [1, 1])
    np.testing.assert_array_equal(made.dense.bias, [4])


def test_what_it_refuses_to_do(saved, tmp_path):
    made, path = saved
    editor = KerasFileEditor(path)
    for wrong, words in (
        (lambda: KerasFileEditor("model.h5"), "end in .keras or .weights.h5"),
        (lambda: editor.save(tmp_path / "new.keras"), "ends in .weights.h5"),
        (lambda: editor.rename_object("dense", "layers/x"), "without '/'"),
        (lambda: editor.rename_object("dense", "dense_1"), "beside 'dense' already"),
        (lambda: editor.delete_object("dense_7"), "has no object 'dense_7'"),
        (lambda: editor.delete_object("layers/dens"), "did you mean 'layers/dense'"),
        (lambda: editor.delete_weight("dense", "2"), r"it has \['0', '1'\]"),
        (lambda: editor.add_object("layer/dense_2", {}), "has no object 'layer'"),
        (lambda: editor.add_object("layers/dense_2", [np.ones(2)]), "a dict of arrays"),
        (lambda: editor.add_weights("dense", None), "a dict of arrays"),
    ):
        with pytest.raises(ValueError, match=words):
            wrong()
    with pytest.raises(TypeError, match="arrays of numbers"):
        editor.add_weights("dense", {"0": "text"})
    with pytest.raises(FileNotFoundError, match="no file"):
        KerasFileEditor(tmp_path / "other.weights.h5")
    editor.add_object("dense", {"0": np.ones(1)})
    with pytest.raises(ValueError, match="several objects 'dense': 'layers/dense', 'dense'"):
        editor.delete_object("dense")
    editor.delete_object("layers/dense")
    assert "dense" not in editor.weights_dict["layers"]
    assert made.built


def _soft(h5):
    h5["layers/dense/vars/2"] = h5py.SoftLink("/layers/dense/vars/0")


def _external(h5):
    h5["layers/dense/vars/2"] = h5py.ExternalLink("other.h5", "/x")


def _circle(h5):
    h5["layers/dense/again"] = h5["layers"]


def _deep(h5):
    h5.create_group("/".join("x" * 150))


def _twice(h5):
    h5.create_dataset("big/vars/0", data=np.zeros(5000))
    for number in range(1, 20):
        h5[f"big/vars/{number}"] = h5["big/vars/0"]


def _elsewhere(h5):
    h5.create_dataset("x/vars/0", (4,), "f4", external=[("/etc/hostname", 0, 16)])


def _claim(h5):
    h5.create_dataset("x/vars/0", (1 << 40,), "f4", chunks=(1 << 10,))


def _objects(h5):
    h5.create_dataset("x/vars/0", data=b"text")


def _same_name(h5):
    h5.create_dataset("x/vars/part", data=np.ones(2))
    h5.create_dataset("x/part/vars/0", data=np.ones(2))


DAMAGES = {
    None: None,
    _soft: "link to another place",
    _external: "kept elsewhere",
    _circle: "is in itself",
    _deep: "in too many others",
    _twice: "larger than the file",
    _elsewhere: "lies in another file",
    _claim: "declares|larger than the file",
    _objects: "a weight has numbers",
    _same_name: "two parts called 'part'",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hostile_file_is_refused(tmp_path, damage):
    good, path = tmp_path / "good.weights.h5", tmp_path / "hostile.weights.h5"
    model().save_weights(good)
    with h5py.File(good) as h5, h5py.File(path, "w") as new:  # a file without a checksum
        h5.copy("layers", new)
        if damage is not None:
            damage(new)
    if damage is None:
        assert KerasFileEditor(path).compare(model())["match_count"] == 7
        return
    with Guard(path), pytest.raises(ValueError, match=DAMAGES[damage]):
        KerasFileEditor(path)


def test_a_flipped_bit_is_noticed(saved):
    made, path = saved
    content = bytearray(path.read_bytes())
    at = content.index(np.asarray(made.layers[0].cell.kernel).tobytes())
    content[at + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were written"):
        KerasFileEditor(path)
