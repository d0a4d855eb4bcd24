"""Small files that would need much memory or time: they are refused, or read in spite of it."""

import json
import zipfile
import zlib

import numpy as np
import pytest

import diptych as dp

from .guard import Guard
from .test_hostile_arrays import tensors, weights_of
from .test_hostile_files import archive_of, called, functional, layer, model, refused, sequential

h5py = pytest.importorskip("h5py")

BOMBS = {
    "lists": b"[" + b"[]," * 3_000_000 + b"[]]",
    "lists of lists": b"[" + b"[[[]]]," * 1_000_000 + b"[]]",
    "dicts": b"[" + b'{"a":1},' * 1_000_000 + b"{}]",
    "numbers": b"[" + b"1.5," * 2_500_000 + b"1]",
    "a dict": b"{" + b",".join(b'"%d":1' % i for i in range(800_000)) + b"}",
    "a key twice": b"{" + b",".join(b'"%d":1' % i for i in range(200_000)) + b',"199999":1}',
    "a text of four bytes a letter": b'"' + b"a" * (11 << 20) + "😀".encode() + b'"',
    "a text of escapes": b'"' + b"\\n" * (5 << 20) + b'"',
    "spaces": b" " * (11 << 20) + b"[]",
    "a number": b"1" + b"0" * (11 << 20),
    "infinity": b'{"class_name": "Dense", "config": {"units": 1e400}}',
}


@pytest.mark.parametrize("what", BOMBS)
def test_json_that_is_larger_in_memory(tmp_path, what):
    refused(archive_of(tmp_path / "m.keras", BOMBS[what]))
    (tmp_path / "m.weights.json").write_bytes(BOMBS[what])
    refused(tmp_path / "m.weights.json", model().load_weights)
    refused(tensors(tmp_path / "m.safetensors", BOMBS[what]), model().load_weights)
    with h5py.File(tmp_path / "m.h5", "w", libver="earliest") as file:
        file.attrs["model_config"] = BOMBS[what].decode()
    refused(tmp_path / "m.h5")


def test_a_configuration_that_could_not_be_read_again_is_not_written(tmp_path):
    words = [str(i) for i in range(2_000_100)]
    made = dp.Sequential([dp.Input((1,), dtype="string"), dp.layers.StringLookup(vocabulary=words)])
    for ending in (".keras", ".h5"):
        with pytest.raises(ValueError, match="more lists, dicts and values|larger than"):
            made.save(tmp_path / f"m{ending}")
    assert not list(tmp_path.iterdir())


def compiled(**config):
    return sequential(compile_config={"optimizer": "sgd", "loss": "mse", **config})


def metric(name, **config):
    return layer(name, config, "keras.metrics")


SHARED = called(layer("Identity", {"name": "a"}), name="a")
MANY = {
    "calls of a layer": functional({**SHARED, "inbound_nodes": SHARED["inbound_nodes"] * 30_000}),
    "letters of a class": sequential(layer("x" * 2_000_000)),
    "letters of a function": sequential(
        layer("Dense", {"units": 1, "activation": "x" * 5_000_000})
    ),
    "letters of an option": sequential(layer("Dense", {"units": 1, "x" * 5_000_000: 1})),
    "letters of metrics": compiled(metrics=["x" * 5_000_000]),
    "layers": sequential(*[layer("Flatten")] * 100_000),
    "layers with weights": sequential(*[layer("Dense", {"units": 1})] * 30_000),
    "models in models": sequential(*[sequential()] * 50_000),
    "layers of a graph": functional(
        *[called(layer("Identity", {"name": f"a{i}"}), name=f"a{i}") for i in range(30_000)]
    ),
    "cells": sequential(layer("RNN", {"cell": [layer("LSTMCell", {"units": 1})] * 40_000})),
    "metrics": compiled(metrics=["mae"] * 900_000),
    "metrics of objects": compiled(metrics=[metric("Mean")] * 60_000),
    "classes of a metric": compiled(metrics=[metric("MeanIoU", num_classes=10**5)]),
    "thresholds of a metric": compiled(metrics=[metric("AUC", num_thresholds=10**8)]),
    "thresholds of recall": compiled(
        metrics=[metric("PrecisionAtRecall", recall=0.5, num_thresholds=10**8)]
    ),
    "labels of a metric": compiled(
        metrics=[metric("AUC", num_thresholds=10**4, multi_label=True, num_labels=10**5)]
    ),
    "slots of an optimizer": {
        **sequential(layer("Dense", {"units": 3_900_000})),
        "compile_config": {
            "optimizer": layer("Adagrad", {"initial_accumulator_value": 1.0}, "keras.optimizers"),
            "loss": "mse",
        },
    },
}


@pytest.mark.parametrize("what", MANY)
def test_more_than_the_file_can_fill(tmp_path, what):
    refused(archive_of(tmp_path / "m.keras", MANY[what]))


def test_calls_in_the_wrong_order_are_put_in_order_soon(tmp_path):
    """Each layer needs the one behind it in the list."""
    count = 2000
    entries = [called(layer("Identity", {"name": f"a{i}"}), name=f"a{i}") for i in range(count)]
    for i, entry in enumerate(entries[1:], 1):
        call = json.loads(json.dumps(entry["inbound_nodes"]))
        call[0]["args"][0]["config"]["keras_history"] = [f"a{i - 1}", 0, 0]
        entry["inbound_nodes"] = call
    dense = called(layer("Dense", {"units": 2, "name": "dense"}), name="dense")
    config = functional(*reversed(entries), dense)
    path = archive_of(tmp_path / "m.keras", config)
    with Guard(path):
        assert len(dp.saving.load_model(path).layers) == 2


def test_two_layers_of_one_name_are_refused(tmp_path):
    twice = called(layer("Dense", {"units": 2, "name": "a"}), name="a")
    path = archive_of(tmp_path / "m.keras", functional(twice, twice))
    refused(path, match="two layers of the name 'a'")


# --------------------------------------------------------------------------------------------------
# Vocabularies, and arrays that a layer reads itself


def lookup_archive(path, change=None, vocabulary=None):
    """An archive of a StringLookup: with other weights, or another vocabulary, which is packed."""
    dp.utils.clear_session()
    words = dp.layers.StringLookup(output_mode="tf_idf", name="words")
    words.adapt(["a b c"])
    dp.Sequential([dp.Input((1,), dtype="string"), words]).save(path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        with h5py.File(path.with_name("w.h5"), "w", libver="earliest") as file:
            change(file.create_group("layers/string_lookup/vars"))
        contents["model.weights.h5"] = path.with_name("w.h5").read_bytes()
    if vocabulary is not None:
        contents["assets/layers/string_lookup/vocabulary.txt"] = vocabulary
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "text", [b"a\n" * 5_000_000, b"a" * (15 << 20) + "😀".encode() * 2_000_000, b"\xff", b"a\xc3"]
)
def test_vocabularies(tmp_path, text):
    refused(lookup_archive(tmp_path / "m.keras", vocabulary=text))


def test_an_array_with_many_names_is_not_read_so_often(tmp_path):
    def change(group):
        group["idf_weights"] = np.ones(1 << 20)
        for i in range(500):
            group[f"a{i}"] = group["idf_weights"]

    refused(lookup_archive(tmp_path / "m.keras", change), match="larger than the file")


def test_many_arrays_and_names(tmp_path):
    def many(group):
        for i in range(20_000):
            group[f"a{i}"] = group.file.require_dataset("x", (), "f4")

    refused(lookup_archive(tmp_path / "m.keras", many), match="20000 parts")

    def links(file):
        for i in range(2, 20_000):
            file[f"layers/dense/vars/{i}"] = file["layers/dense/vars/0"]

    refused(weights_of(tmp_path / "m.weights.h5", links), model().load_weights, match="parts")
    names = [b"%06d" % i for i in range(20_000)]
    with h5py.File(tmp_path / "m.h5", "w", libver="earliest") as file:
        file.create_group("000000").attrs["weight_names"] = [b"a"]
        for number in range(4):
            part = names[number * 5000 : number * 5000 + 5000]
            file.attrs[f"layer_names{number}"] = np.array(part)
            for name in part[1:]:
                file[name] = file["000000"]
    refused(tmp_path / "m.h5", model().load_weights, match="20000 names")


@pytest.mark.parametrize("count", [40_000, 120_000])
def test_an_array_in_many_blocks(tmp_path, count):
    """To find each from the beginning would take minutes."""
    path = tmp_path / "m.weights.h5"
    target = dp.Sequential([dp.Input((1,)), dp.layers.Dense(count, name="dense")])
    target.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        data = np.arange(count, dtype="f4")[None]
        file.create_dataset("layers/dense/vars/0", data=data, chunks=(1, 1))
    if count > 100_000:
        refused(path, target.load_weights, match="blocks")
        return
    with Guard(path):
        target.load_weights(path)
    np.testing.assert_array_equal(target.get_weights()[0], data)


@pytest.mark.parametrize("rows", [1, 20_000])
def test_blocks_that_are_much_larger_than_what_the_array_has_of_them(tmp_path, rows):
    """All in one place of the file, so that it is small; together they unpack to gigabytes."""
    count = 10_000
    path = tmp_path / "m.weights.h5"
    target = dp.Sequential([dp.Input((1,)), dp.layers.Dense(count, name="dense")])
    target.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        made = file.create_dataset(
            "layers/dense/vars/0",
            (1, count),
            "f4",
            chunks=(rows, 1),
            maxshape=(None, None),
            compression="gzip",
        )
        block = zlib.compress(bytes(4 * rows)) + bytes(5_000 if rows == 1 else 0)
        for column in range(count):
            made.id.write_direct_chunk((0, column), block)
    refused(path, target.load_weights, match="10000 of 80000 bytes|larger than what")


@pytest.mark.parametrize(("rows", "match"), [((0, 6), "in 2 blocks"), ((3, 6), "outside")])
def test_blocks_outside_of_an_array(tmp_path, rows, match):
    def change(file):
        del file["layers/dense/vars/0"]
        made = file.create_dataset(
            "layers/dense/vars/0", (6, 2), chunks=(3, 2), maxshape=(None, 2), dtype="f4"
        )
        made[slice(*rows)] = 1.0

    path = weights_of(tmp_path / "m.weights.h5", change)
    content = path.read_bytes()
    sizes = np.array([6, 2, 2**64 - 1], "<u8").tobytes()
    assert content.count(sizes) == 1
    path.write_bytes(content.replace(sizes, np.array([3, 2, 2**64 - 1], "<u8").tobytes()))
    refused(path, model().load_weights, match=match)


@pytest.mark.parametrize("name", ["dense\0", "den\0se", "\0", ".", "..", "/", "//", "", "a//b"])
def test_odd_names_of_an_old_file(tmp_path, name):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = np.ones((3, 2)), np.ones(2)
        # A byte behind it, as NumPy takes zeros off the end.
        file.attrs["layer_names"] = np.array([name.encode() + b"/"], "S10")
    refused(path, model().load_weights)
