"""What a user's own classes write beside their weights, and how they are built and compiled."""

import os
import zipfile

import numpy as np
import pytest

import diptych as keras
from diptych import layers, ops
from diptych.models import load_model

from .guard import Guard
from .test_hostile_files import archive_of, layer, refused, sequential

pytest.importorskip("h5py")
register = keras.saving.register_keras_serializable("own")
X, Y = np.ones((2, 3), "float32"), np.ones((2, 2), "float32")


def functional(*chain):
    x = start = keras.Input((3,))
    for one in chain:
        x = one(x)
    return keras.Model(start, x)


def there_and_back(model, path):
    model.save(path)
    copy = load_model(path)
    np.testing.assert_array_equal(np.asarray(copy(X)), np.asarray(model(X)))
    return copy


@register
class Words(layers.Layer):
    """Keeps its words in files."""

    def __init__(self, words=(), inner=None, **kwargs):
        super().__init__(**kwargs)
        self.words = list(words)
        self.inner = inner
        self.seen = None

    def call(self, x):
        return x * len(self.words)

    def save_assets(self, dir_path):
        os.mkdir(os.path.join(dir_path, "sub"))
        with open(os.path.join(dir_path, "sub", "words.txt"), "w") as file:
            file.write("\n".join(self.words))
        with open(os.path.join(dir_path, "bytes"), "wb") as file:
            file.write(bytes(range(256)))

    def load_assets(self, dir_path):
        self.seen = sorted(os.listdir(dir_path))
        self.folder = dir_path
        with open(os.path.join(dir_path, "sub", "words.txt")) as file:
            self.words = file.read().split("\n")
        with open(os.path.join(dir_path, "bytes"), "rb") as file:
            assert file.read() == bytes(range(256))

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}

    @classmethod
    def from_config(cls, config):
        config["inner"] = keras.saving.deserialize_keras_object(config["inner"])
        return cls(**config)


def test_each_layer_finds_its_own_files_and_no_others(tmp_path):
    inner = Words(["c"])
    copy = there_and_back(functional(Words(["a", "b"], inner), Words("abc")), tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        names = {name for name in archive.namelist() if name.startswith("assets/")}
    places = ("layers/words", "layers/words/inner", "layers/words_1")
    assert names == {f"assets/{p}/{file}" for p in places for file in ("sub/words.txt", "bytes")}
    first, second = copy.layers[1:]
    assert (first.words, first.inner.words, second.words) == (["a", "b"], ["c"], ["a", "b", "c"])
    for one in (first, first.inner, second):
        assert one.seen == ["bytes", "sub"]
        assert not os.path.exists(one.folder)


@register
class Vocabulary(layers.StringLookup):
    """Puts another file beside the vocabulary."""

    def save_assets(self, dir_path):
        super().save_assets(dir_path)
        with open(os.path.join(dir_path, "more"), "w") as file:
            file.write("more")

    def load_assets(self, dir_path):
        super().load_assets(dir_path)
        with open(os.path.join(dir_path, "more")) as file:
            self.more = file.read()


def test_a_vocabulary_of_a_class_of_ones_own(tmp_path):
    lookup = Vocabulary()
    lookup.adapt(["the cat sat", "é"])
    start = keras.Input((1,), dtype="string")
    keras.Model(start, lookup(start)).save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras").layers[-1]
    assert copy.get_vocabulary() == lookup.get_vocabulary()
    assert copy.more == "more"


def test_a_vocabulary_goes_to_a_folder_and_back(tmp_path):
    lookup, empty = layers.StringLookup(), layers.StringLookup()
    lookup.adapt(["the", "é", "\x0b"])
    lookup.save_assets(str(tmp_path))
    assert (tmp_path / "vocabulary.txt").read_text(encoding="utf-8").startswith("[UNK]\n")
    empty.load_assets(str(tmp_path))
    assert empty.get_vocabulary() == lookup.get_vocabulary()


PLACE = "assets/layers/words"
NAMES = ["../x", "a/../../x", "/x", "..", ".. /x", "...", "a\\..\\x", "C:x", "a//b", "a/./b", "a."]


@pytest.mark.parametrize("name", NAMES)
def test_no_file_can_leave_its_folder(tmp_path, name):
    """The name of a member says where a file goes, so that it must be one below the folder."""
    path = archive_of(
        tmp_path / "m.keras",
        sequential(layer("Words", {"inner": None})),
        members={f"{PLACE}/{name}": b"evil"},
    )
    with FolderGuard(path), pytest.raises(ValueError, match="cannot be the name"):
        load_model(path)


class FolderGuard(Guard):
    """Allows what a temporary folder needs, and nothing outside of it."""

    def note(self, event, arguments):
        harmless = ("os.mkdir", "os.rmdir", "os.remove", "tempfile.", "shutil.", "os.chmod")
        if event == "tempfile.mkdtemp":
            self.folder = str(arguments[0])
        elif event.startswith(harmless) or event == "open":
            where = str(arguments[0])
            if isinstance(arguments[-1], int) and arguments[-1] >= 0 and "/" not in where:
                return  # shutil.rmtree, in a folder that it has opened
            if not where.startswith(getattr(self, "folder", "\0")) and where not in self.paths:
                super().note(event, arguments)
        else:
            super().note(event, arguments)


def words_of(path, members, packing=zipfile.ZIP_STORED):
    functional(Words("ab")).save(path)
    with zipfile.ZipFile(path, "a", packing) as archive:
        for name, content in members:
            archive.writestr(f"{PLACE}/{name}", content)
    return path


def test_files_that_are_too_many_too_large_or_both_a_file_and_a_folder(tmp_path):
    path = tmp_path / "m.keras"
    refused_in_folders(words_of(path, [(f"{i}", "") for i in range(1001)]), "more files")
    large = [(f"{i}", b"\0" * (50 << 20)) for i in range(2)]
    refused_in_folders(words_of(path, large, zipfile.ZIP_DEFLATED), "more files")
    refused_in_folders(words_of(path, [("x", "1"), ("x/y", "2")]), "put into a folder")
    refused_in_folders(words_of(path, [("a" * 300, "1")]), "put into a folder")
    refused_in_folders(words_of(path, [("x", "1")], zipfile.ZIP_LZMA), "packed in a way")


def refused_in_folders(path, match):
    with FolderGuard(path), pytest.raises(ValueError, match=match):
        load_model(path)


def test_names_of_great_length_are_refused(tmp_path):
    path = archive_of(tmp_path / "m.keras", members={"assets/" + "a/" * 20_000: b""})
    refused(path, match="very long name")


def test_a_name_that_no_archive_can_hold_is_refused_when_it_is_written(tmp_path):
    class Odd(Words):
        def save_assets(self, dir_path):
            with open(os.path.join(dir_path, "a:b"), "w"):
                pass

    with pytest.raises(ValueError, match="cannot be the name"):
        functional(Odd("a")).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


@register
class Counter(layers.Layer):
    """Keeps an array that is no weight, by a name of its own."""

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones")
        self.counts = np.arange(3)

    def call(self, x):
        return x * self.scale

    def save_own_variables(self, store):
        store["scale"] = self.scale
        store["counts"] = self.counts + 1
        assert "scale" in store
        assert len(store) == 2

    def load_own_variables(self, store):
        assert sorted(store.keys()) == ["counts", "scale"]
        self.scale.assign(store["scale"])
        self.counts = store["counts"]


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_arrays_by_names_of_ones_own(tmp_path, name):
    model = functional(Counter())
    model.layers[-1].scale.assign([1.0, 2.0, 3.0])
    if name == "m.keras":
        copy = there_and_back(model, tmp_path / name)
    else:
        model.save_weights(tmp_path / name)
        copy = functional(Counter())
        copy.load_weights(tmp_path / name)
    np.testing.assert_array_equal(copy.layers[-1].counts, [1, 2, 3])
    np.testing.assert_array_equal(copy.layers[-1].scale.array, [1, 2, 3])


@pytest.mark.parametrize("value", ["text", None, [[1], [2, 3]], np.array(["a"])])
def test_a_store_holds_arrays_of_numbers(tmp_path, value):
    class Text(layers.Layer):
        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["x"] = value

    with pytest.raises((ValueError, TypeError), match="array"):
        functional(Text()).save(tmp_path / "m.keras")


@register
class Wide(layers.Layer):
    """Its weight's size does not follow from the input."""

    width = None

    def make(self, width):
        self.width = width
        self.shift = self.add_weight((width,), "ones")
        return self

    def build(self, input_shape):
        if self.width is None:
            self.make(2)

    def call(self, x):
        return x + ops.sum(self.shift)

    def get_build_config(self):
        return {"width": self.width}

    def build_from_config(self, config):
        self.make(config["width"])


def test_a_layer_is_built_as_it_says(tmp_path):
    assert there_and_back(functional(Wide().make(5)), tmp_path / "m.keras").layers[-1].width == 5
    inside = functional(Words("ab", Wide().make(4)))
    assert there_and_back(inside, tmp_path / "m.keras").layers[-1].inner.width == 4


def test_a_layer_that_was_built_by_hand_knows_its_shapes():
    dense, attention = layers.Dense(2), layers.MultiHeadAttention(1, 2)
    dense.build((None, 3))
    attention.build((None, 4, 3), value_shape=(None, 5, 3))
    assert dense.get_build_config() == {"input_shape": (None, 3)}
    shapes = {"query_shape": (None, 4, 3), "value_shape": (None, 5, 3)}
    assert attention.get_build_config() == {"shapes_dict": shapes}
    copy = layers.Dense(2)
    copy.build_from_config({"input_shape": [None, 3]})
    assert copy.get_build_config() == dense.get_build_config()
    assert copy.kernel.shape == (3, 2)


class Compiled(keras.Model):
    """Compiled with arguments of its own."""

    def compile(self, rule, distance, alpha):
        super().compile(optimizer=rule, loss=distance)
        self.told = {"rule": rule, "distance": distance, "alpha": alpha}

    def get_compile_config(self):
        return self.told

    def compile_from_config(self, config):
        revive = keras.saving.deserialize_keras_object
        self.compile(revive(config["rule"]), revive(config["distance"]), config["alpha"])


@register
class Pair(Compiled):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


@register
class PairOfInputs(Compiled):
    """The same with an input and an output."""


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_is_compiled_as_it_says(tmp_path, ending):
    start = keras.Input((3,))
    model = Pair() if ending == ".keras" else PairOfInputs(start, layers.Dense(2)(start))
    model.compile(keras.optimizers.Adam(0.5), keras.losses.Huber(0.25), 3)
    model.train_on_batch(X, Y)
    copy = there_and_back(model, tmp_path / f"m{ending}")
    assert (copy.told["alpha"], copy.told["distance"].get_config()["delta"]) == (3, 0.25)
    assert copy.train_on_batch(X, Y) == model.train_on_batch(X, Y)


def test_a_compile_of_ones_own_needs_its_configuration(tmp_path):
    @register
    class Half(Pair):
        get_compile_config = keras.Model.get_compile_config
        compile_from_config = keras.Model.compile_from_config

    model = Half()
    model.compile("sgd", "mse", 1)
    model.train_on_batch(X, Y)
    with pytest.warns(UserWarning, match="get_compile_config"):
        assert not there_and_back(model, tmp_path / "m.keras").compiled


def test_a_model_within_a_model_is_compiled_again(tmp_path):
    judge = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="judge")
    judge.compile(keras.optimizers.Adam(0.25), "mae")
    judge.train_on_batch(X, Y)
    model = keras.Sequential([judge, layers.Dense(2)])
    model.compile("sgd", "mse")
    copy = there_and_back(model, tmp_path / "m.keras")
    inner = copy.get_layer("judge")
    assert (int(inner.optimizer.iterations), float(inner.optimizer.learning_rate)) == (1, 0.25)
    assert inner.train_on_batch(X, Y) == judge.train_on_batch(X, Y)
    assert not load_model(tmp_path / "m.keras", compile=False).get_layer("judge").compiled


def test_the_configuration_of_a_model_that_is_not_compiled_is_empty():
    assert keras.Sequential([keras.Input((3,)), layers.Dense(2)]).get_compile_config() == {}
