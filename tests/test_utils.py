"""Helpers: labels, seeds, names, settings."""

import random as python_random

import numpy as np
import pytest

import diptych
from diptych import config, random, utils
from diptych.utils import naming, objects

# ---------------------------------------------------------------- arrays


@pytest.mark.parametrize(
    "labels",
    [[0, 2, 1], np.array([0.0, 2.0, 1.0]), np.array([[0], [2], [1]]), np.array([0, 2, 1], "u1")],
)
def test_to_categorical(labels):
    one_hot = utils.to_categorical(labels)
    np.testing.assert_array_equal(one_hot, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert one_hot.dtype == np.float32


def test_to_categorical_of_other_shapes():
    assert utils.to_categorical([1], num_classes=4).tolist() == [[0, 1, 0, 0]]
    assert utils.to_categorical(np.zeros((2, 3), int), 2).shape == (2, 3, 2)
    assert utils.to_categorical([[1]]).shape == (1, 2)
    assert utils.to_categorical([], num_classes=3).shape == (0, 3)
    assert utils.to_categorical(2).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 3], 3, "label 3 with num_classes=3; expected labels 0 to 2"),
        ([0, -1], 3, "label -1"),
        ([0.5], 3, "label 0.5; expected whole numbers"),
        ([np.nan], 3, "label nan"),
        (["cat"], None, "whole numbers"),
        ([], None, "num_classes"),
    ],
)
def test_labels_that_are_no_class(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        utils.to_categorical(labels, classes)


def test_normalize():
    np.testing.assert_allclose(utils.normalize([[3, 4], [0, 0]]), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    x = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(np.abs(utils.normalize(x, axis=0, order=1)).sum(0), np.ones(3))
    assert utils.normalize(x.astype("f4")).dtype == np.float32


def test_batches_are_packed_and_unpacked():
    x, y, w = [np.full(2, i) for i in range(3)]
    for batch in [(x, y, w), (x, y)]:
        assert utils.pack_x_y_sample_weight(*batch) == batch
    assert utils.unpack_x_y_sample_weight((x, y, w)) == (x, y, w)
    assert utils.unpack_x_y_sample_weight([x, y]) == (x, y, None)
    assert utils.unpack_x_y_sample_weight((x,)) == (x, None, None)
    assert utils.unpack_x_y_sample_weight(x) == (x, None, None)
    two_inputs = utils.pack_x_y_sample_weight((x, y))
    assert utils.unpack_x_y_sample_weight(two_inputs) == ((x, y), None, None)
    with pytest.raises(ValueError, match="tuple of 4"):
        utils.unpack_x_y_sample_weight((x, y, w, w))


# ---------------------------------------------------------------- seeds


def test_set_random_seed_governs_all_three_generators():
    def draw():
        return python_random.random(), np.random.rand(), random.global_generator().random()

    utils.set_random_seed(3)
    first, other = draw(), draw()
    utils.set_random_seed(3)
    assert draw() == first
    assert first != other


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match="expected"):
        utils.set_random_seed(seed)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dense", "dense"),
        ("MaxPooling2D", "max_pooling2d"),
        ("ReLU", "re_lu"),
        ("LSTM", "lstm"),
        ("LSTMCell", "lstm_cell"),
        ("F1Score", "f1_score"),
        ("L1L2", "l1l2"),
        ("KLDivergence", "kl_divergence"),
        ("already_snake", "already_snake"),
    ],
)
def test_snake_case(name, expected):
    assert naming.snake_case(name) == expected


def test_suggest():
    names = ["GlorotUniform", "glorot_uniform", "he_normal", "output_dim"]
    assert naming.suggest("ouput_dim", names) == "; did you mean 'output_dim'?"
    assert naming.suggest("glorot_unifrom", names) == "; did you mean 'glorot_uniform'?"
    assert naming.suggest("GlorotUnifrom", names) == "; did you mean 'GlorotUniform'?"
    assert naming.suggest("HE_NORMAL", names) == "; did you mean 'he_normal'?"
    assert naming.suggest("xyz", names) == ""


def test_auto_name(monkeypatch):
    monkeypatch.setattr(naming, "_given", naming.Counter())
    assert [naming.auto_name(c) for c in ("Dense", "Dense", "ReLU")] == [
        "dense",
        "dense_1",
        "re_lu",
    ]
    naming.forget_names()
    assert naming.auto_name("Dense") == "dense"


# ---------------------------------------------------------------- objects of a configuration


class Thing:
    def __init__(self, size=1):
        self.size = size

    def __call__(self):
        return self.size

    def get_config(self):
        return {"size": self.size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


TABLE = objects.names_of([Thing])


def test_objects_by_name_class_and_configuration():
    assert set(TABLE) == {"Thing", "thing"}
    thing = Thing(3)
    stored = objects.serialize(thing)
    assert (stored["class_name"], stored["config"]) == ("Thing", {"size": 3})
    assert objects.deserialize(stored, TABLE, "thing").size == 3
    for identifier in ("thing", "Thing", Thing, {"class_name": "Thing", "config": {}}):
        assert objects.get(identifier, TABLE, "thing").size == 1
    assert objects.get(thing, TABLE, "thing") is thing
    assert objects.get(None, TABLE, "thing") is None
    assert objects.serialize(None) is None
    assert objects.deserialize(stored, {}, "thing", {"Thing": Thing}).size == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: objects.get("thnig", TABLE, "thing"),
            "no thing named 'thnig'; did you mean 'thing'",
        ),
        (lambda: objects.get(5, TABLE, "thing"), "5 is no thing"),
        (
            lambda: objects.deserialize({"config": {}}, TABLE, "thing"),
            "not the configuration of a thing",
        ),
        (lambda: objects.serialize(object()), "no get_config"),
    ],
)
def test_objects_that_are_unknown(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---------------------------------------------------------------- settings


def test_settings():
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == (
        "float32",
        1e-7,
        "channels_last",
    )
    assert config.backend() == "diptych"
    config.set_floatx("float64")
    config.set_epsilon(1e-3)
    config.set_image_data_format("channels_first")
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == (
        "float64",
        1e-3,
        "channels_first",
    )
    assert utils.to_categorical([0]).dtype == np.float64


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("floatx", "float16"),
        ("floatx", "int32"),
        ("epsilon", 0.0),
        ("epsilon", float("nan")),
        ("image_data_format", "channels"),
        ("num_threads", 0),
        ("num_threads", 1.5),
    ],
)
def test_settings_that_make_no_sense(setting, value):
    before = getattr(config, setting)()
    with pytest.raises(ValueError, match="expected"):
        getattr(config, f"set_{setting}")(value)
    assert getattr(config, setting)() == before


def test_without_interactive_logging_all_goes_to_the_log(capsys, caplog):
    caplog.set_level("INFO", logger="diptych")
    model = diptych.Sequential([diptych.Input((2,)), diptych.layers.Dense(1)])
    model.compile("sgd", "mse")
    stopper = diptych.callbacks.EarlyStopping("loss", min_delta=9.0, verbose=1)
    assert config.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    try:
        assert not config.is_interactive_logging_enabled()
        model.fit(np.ones((4, 2)), np.zeros(4), epochs=2, callbacks=[stopper])
        model.summary()
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    bar, first, stop, summary = (record.getMessage() for record in caplog.records)
    assert bar.startswith("Epoch 1/2 - 1/1 ")
    assert first.startswith("Epoch 2/2 - 1/1 ")
    assert stop == "Epoch 2: early stopping"
    assert summary.startswith("Model: ")
    assert config.is_interactive_logging_enabled()
    model.summary()
    assert capsys.readouterr().out.startswith("Model: ")
    assert len(caplog.records) == 4


def test_the_engine_is_a_setting():
    config.set_engine("reference")
    assert config.engine() == "reference"
    config.set_engine("fast")
    assert config.engine() == "fast"
