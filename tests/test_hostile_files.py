"""No file can harm whoever opens it: each of these must be refused, and nothing else may happen.

Each test writes its own file. ``refused`` opens it under a guard, which notes every other file,
socket, process and piece of code that is touched, the time and the memory.
"""

import base64
import contextlib
import io
import json
import marshal
import os
import zipfile

import numpy as np
import pytest

import diptych as dp

from .guard import Guard

h5py = pytest.importorskip("h5py")


def refused(path, load=None, match=None):
    """Open the file under the guard; it must raise a ValueError, whose text is returned."""
    load = load or dp.saving.load_model
    with Guard(path), pytest.raises(ValueError, match=match) as caught:
        load(path)
    return str(caught.value)


# --------------------------------------------------------------------------------------------------
# Writing hostile files


def model():
    dp.utils.clear_session()
    made = dp.Sequential([dp.Input((3,)), dp.layers.Dense(2, name="dense")])
    made.compile("adam", "mse")
    made.train_on_batch(np.ones((1, 3), "float32"), np.ones((1, 2), "float32"))
    return made


def archive_of(path, config=None, members=None, **changes):
    """A good archive with another configuration, or with other members (None: without it)."""
    good = io.BytesIO()
    model().save(good)
    with zipfile.ZipFile(good) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    if config is not None:
        contents["config.json"] = config if isinstance(config, bytes) else json.dumps(config)
    contents |= members or {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in contents.items():
            if content is not None:
                new.writestr(name, content)
    return path


def good_config():
    buffer = io.BytesIO()
    model().save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        return json.loads(archive.read("config.json"))


def sequential(*layers, **changes):
    """The configuration of a Sequential of these layers after an Input of (3,)."""
    first = layer("InputLayer", {"batch_shape": [None, 3], "dtype": "float32", "name": "input"})
    config = {"name": "sequential", "trainable": True, "layers": [first, *layers]}
    whole = {"module": "keras", "class_name": "Sequential", "config": config}
    return {**whole, "registered_name": None, **changes}


def layer(name, config=None, module="keras.layers", registered=None, **more):
    return {
        "module": module,
        "class_name": name,
        "config": {} if config is None else config,
        "registered_name": registered,
        **more,
    }


def functional(*entries, output=None):
    """The configuration of a functional model with these layers after an Input of (3,)."""
    first = layer("InputLayer", {"batch_shape": [None, 3], "dtype": "float32", "name": "x"})
    first |= {"name": "x", "inbound_nodes": []}
    config = {
        "name": "functional",
        "trainable": True,
        "layers": [first, *entries],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[output or entries[-1]["name"], 0, 0]],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def called(entry, *args, name="node", **kwargs):
    """An entry that is called on the Input, with these further arguments."""
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": ["x", 0, 0]},
    }
    node = {"args": [tensor, *args], "kwargs": kwargs}
    return {**entry, "name": name, "inbound_nodes": [node]}


def legacy_of(path, config, training=None):
    """A .h5 file of Keras 2 with this configuration."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path


def marked_code(path):
    """A function, marshalled, that leaves a file behind if it runs."""
    source = f"lambda x: open({str(path)!r}, 'w') and x"
    code = eval(source).__code__  # noqa: S307 - our own text
    return base64.encodebytes(marshal.dumps(code)).decode()


class Bomb:
    """Unpickled, it would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


# --------------------------------------------------------------------------------------------------
# Code in the configuration: lambdas, modules, functions


def lambda_entries(mark):
    """Lambda layers with code in all the forms that Keras wrote."""
    code = marked_code(mark)
    new = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    return {
        "Keras 3": layer("Lambda", {"name": "lambda", "function": new}),
        "Keras 2": layer(
            "Lambda",
            {"name": "lambda", "function": [code, None, None], "function_type": "lambda"},
        ),
        "output_shape": layer(
            "Lambda",
            {"function": {"class_name": "function", "config": "relu"}, "output_shape": new},
        ),
        "mask": layer("Lambda", {"function": new, "mask": new}),
        "arguments": layer("Lambda", {"function": new, "arguments": {"f": new}}),
        "activation": layer("Dense", {"units": 2, "activation": new}),
        "initializer": layer("Dense", {"units": 2, "kernel_initializer": new}),
        "regularizer": layer("Dense", {"units": 2, "kernel_regularizer": new}),
        "constraint": layer("Dense", {"units": 2, "bias_constraint": new}),
    }


FORMS = list(lambda_entries("x"))


@pytest.mark.parametrize("form", FORMS)
def test_a_lambda_in_an_archive_does_not_run(tmp_path, form):
    mark = tmp_path / "ran"
    path = archive_of(tmp_path / "m.keras", sequential(lambda_entries(mark)[form]))
    refused(path)
    assert not mark.exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_lambda_in_an_h5_file_does_not_run(tmp_path, form):
    mark = tmp_path / "ran"
    refused(legacy_of(tmp_path / "m.h5", sequential(lambda_entries(mark)[form])))
    assert not mark.exists()


def test_a_lambda_says_how_to_trust_the_file(tmp_path):
    path = archive_of(tmp_path / "m.keras", sequential(lambda_entries(tmp_path / "x")["Keras 3"]))
    assert "safe_mode=False" in refused(path)


@pytest.mark.parametrize("place", ["loss", "metrics", "optimizer"])
@pytest.mark.parametrize("kind", ["archive", "h5"])
def test_a_lambda_in_how_it_was_compiled_does_not_run(tmp_path, place, kind):
    mark = tmp_path / "ran"
    code = {"class_name": "__lambda__", "config": {"code": marked_code(mark), "defaults": None}}
    compiled = {"optimizer": "adam", "loss": "mse"}
    compiled[place] = [code] if place == "metrics" else code
    if kind == "h5":
        compiled["optimizer_config"] = compiled.pop("optimizer")
        path = legacy_of(tmp_path / "m.h5", sequential(), compiled)
    else:
        path = archive_of(tmp_path / "m.keras", sequential(compile_config=compiled))
    refused(path)
    assert not mark.exists()


GADGETS = [
    ("os", "system"),
    ("posix", "system"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "open"),
    ("subprocess", "Popen"),
    ("keras.utils", "get_file"),
    ("keras.saving", "load_model"),
    ("keras.models", "load_model"),
    ("keras.models", "save_model"),
    ("keras.config", "enable_unsafe_deserialization"),
    ("keras.src.backend.common.global_state", "set_global_attribute"),
    ("keras.layers", "TFSMLayer"),
    ("keras.layers", "TorchModuleWrapper"),
    ("keras.layers", "JaxLayer"),
    ("diptych.utils", "clear_session"),
    ("diptych.saving", "load_model"),
    ("diptych.files.atomic", "replacing"),
    ("numpy", "load"),
]


@pytest.mark.parametrize(("module", "name"), GADGETS)
@pytest.mark.parametrize("as_function", [False, True])
def test_a_configuration_names_no_module_or_function(tmp_path, module, name, as_function):
    mark = tmp_path / "made"
    config = {"fname": str(mark), "origin": "http://127.0.0.1:9/x", "filepath": str(mark)}
    entry = layer(name, config, module)
    if as_function:
        entry = {**entry, "class_name": "function", "config": name, "registered_name": name}
    argument = f"touch {mark}"
    places = {
        "model": entry,
        "layer": sequential(entry),
        "activation": sequential(layer("Dense", {"units": 2, "activation": entry})),
        "Activation": sequential(layer("Activation", {"activation": entry})),
        "initializer": sequential(layer("Dense", {"units": 2, "kernel_initializer": entry})),
        "regularizer": sequential(layer("Dense", {"units": 2, "kernel_regularizer": entry})),
        "Lambda": sequential(
            layer("Lambda", {"function": entry, "arguments": {"origin": "http://127.0.0.1:9"}})
        ),
        "Lambda's mask": sequential(layer("Lambda", {"function": "relu", "mask": entry})),
        "wrapped": sequential(layer("TimeDistributed", {"layer": entry})),
        "cell": sequential(layer("RNN", {"cell": entry})),
        "standardize": sequential(layer("TextVectorization", {"standardize": entry})),
        "called": functional(called(entry, argument)),
        "argument": functional(called(layer("Identity"), mask=entry)),
        "inner argument": functional(called(layer("Identity"), training={"a": [entry]})),
        "loss": sequential(compile_config={"optimizer": "adam", "loss": entry}),
        "losses": sequential(compile_config={"optimizer": "adam", "loss": [entry]}),
        "metric": sequential(
            compile_config={"optimizer": "adam", "loss": "mse", "metrics": [entry]}
        ),
        "optimizer": sequential(compile_config={"optimizer": entry, "loss": "mse"}),
        "schedule": sequential(
            compile_config={
                "optimizer": layer("Adam", {"learning_rate": entry}, "keras.optimizers"),
                "loss": "mse",
            }
        ),
    }
    for place, attack in places.items():
        for path in (
            archive_of(tmp_path / "m.keras", attack),
            legacy_of(tmp_path / "m.h5", attack, _training(attack)),
        ):
            try:
                refused(path)
            except BaseException as error:
                raise AssertionError(f"as {place}, in {path.name}: {error!r}") from error
            assert not mark.exists(), place


def _training(config):
    compiled = config.get("compile_config")
    if not isinstance(compiled, dict):
        return compiled
    return {**compiled, "optimizer_config": compiled["optimizer"]}


@pytest.mark.parametrize(
    "name", ["eval", "system", "load_model", "os.system", "__import__", "relu "]
)
def test_a_function_named_by_text_is_one_of_a_table(tmp_path, name):
    attacks = [
        sequential(layer("Dense", {"units": 2, "activation": name})),
        sequential(layer("Lambda", {"function": name})),
        sequential(layer("Lambda", {"function": name, "function_type": "function"})),
        sequential(layer("Dense", {"units": 2, "bias_initializer": name})),
        sequential(compile_config={"optimizer": "sgd", "loss": name}),
        sequential(compile_config={"optimizer": "sgd", "loss": "mse", "metrics": [name]}),
        sequential(compile_config={"optimizer": name, "loss": "mse"}),
        sequential(name),
    ]
    for attack in attacks:
        refused(archive_of(tmp_path / "m.keras", attack))


def test_unsafe_mode_cannot_be_switched_on_by_the_file(tmp_path):
    mark = tmp_path / "ran"
    first = called(
        layer("function", "enable_unsafe_deserialization", "keras.config", "function"), name="a"
    )
    second = called(lambda_entries(mark)["Keras 3"], name="b")
    refused(archive_of(tmp_path / "m.keras", functional(first, second)))
    refused(archive_of(tmp_path / "m.keras", functional(second, first)))
    attack = sequential(lambda_entries(mark)["Keras 3"], safe_mode=False)
    attack["config"]["safe_mode"] = False
    refused(archive_of(tmp_path / "m.keras", attack))
    assert not mark.exists()


@pytest.mark.parametrize("module", ["keras.layers", "keras", None, "diptych.layers"])
@pytest.mark.parametrize("registered", ["Evil>Dense", "os>system", "get_file"])
def test_a_class_of_diptych_has_no_foreign_name(tmp_path, module, registered):
    attack = layer("Dense", {"units": 2}, module, registered)
    assert "not known" in refused(archive_of(tmp_path / "m.keras", sequential(attack)))


@pytest.mark.parametrize("module", ["os", "builtins", "keras.utils", "evil.layers", "../layers"])
def test_a_class_of_a_foreign_module_is_none_of_diptych(tmp_path, module):
    """A module that is no part of Keras is not looked for, whatever its class is called."""
    with Guard(
        path := archive_of(tmp_path / "m.keras", sequential(layer("Dense", {"units": 2}, module)))
    ):
        try:
            dp.saving.load_model(path)
        except ValueError:
            return


@pytest.mark.parametrize("from_config", [dp.Sequential.from_config, dp.Model.from_config])
def test_a_configuration_outside_a_file_runs_no_code(tmp_path, from_config):
    mark = tmp_path / "ran"
    entries = lambda_entries(mark)
    for entry in entries.values():
        config = sequential(entry)["config"]
        for inner in config["layers"]:
            inner.pop("module")
        if from_config == dp.Model.from_config:
            config = functional(called(entry))["config"]
        with Guard(), pytest.raises((ValueError, TypeError)):
            from_config(config)
    config = sequential(entries["Keras 3"])
    with Guard(), pytest.raises(ValueError):  # noqa: PT011 - any of them
        dp.saving.deserialize_keras_object(config)
    with Guard(), pytest.raises(ValueError):  # noqa: PT011 - any of them
        dp.models.model_from_json(json.dumps(config))
    assert not mark.exists()


# --------------------------------------------------------------------------------------------------
# Paths and addresses in the configuration


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("place", ["/etc/passwd", "here", "http://127.0.0.1:9/x", "gs://x/y"])
def test_a_vocabulary_is_no_path(tmp_path, kind, place):
    if place == "here":
        (tmp_path / "words.txt").write_text("1\n2\n")
        place = str(tmp_path / "words.txt")
    text = layer("InputLayer", {"batch_shape": [None, 1], "dtype": "string", "name": "text"})
    for config in ({"vocabulary": place}, {"name": "words", "vocabulary": place, "max_tokens": 9}):
        entry = layer(kind, config)
        attack = sequential(entry)
        attack["config"]["layers"][0] = text
        assert "not opened" in refused(archive_of(tmp_path / "m.keras", attack))
        assert "not opened" in refused(legacy_of(tmp_path / "m.h5", attack))
        wrapped = sequential(layer("TimeDistributed", {"layer": entry}))
        assert "not opened" in refused(archive_of(tmp_path / "m.keras", wrapped))
        with Guard(), pytest.raises(ValueError, match="not opened"):
            getattr(dp.layers, kind).from_config(dict(config))


@pytest.mark.parametrize("name", ["..", "../x", "..\\x", "/x", "\\x", "a/../../x", "x\0", "C:x"])
def test_the_name_of_a_layer_is_no_path(tmp_path, name):
    """Whatever a layer is called, only the file itself is touched, and nothing beside it made."""
    folder = tmp_path / "inner"
    folder.mkdir()
    path = archive_of(
        folder / "m.keras",
        sequential(layer("Dense", {"units": 2, "name": name}), build_config=None),
    )
    weights = {f"_layer_checkpoint_dependencies/{name}/vars/0": b"", f"assets/{name}": b"x"}
    archive_of(path, sequential(layer("Dense", {"units": 2, "name": name})), weights)
    with Guard(path):
        with contextlib.suppress(ValueError):
            dp.saving.load_model(path)
    refused(legacy_of(folder / "m.h5", sequential(layer("Dense", {"units": 2, "name": name}))))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inner", "m.h5", "m.keras"]


@pytest.mark.parametrize("name", ["../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "a/../../evil"])
def test_members_of_an_archive_are_not_extracted(tmp_path, name):
    folder = tmp_path / "inner"
    folder.mkdir()
    path = archive_of(folder / "m.keras", members={name: b"evil", f"assets/{name}": b"evil"})
    with Guard(path):
        dp.saving.load_model(path)  # such a member is not looked at
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inner", "m.keras"]


# --------------------------------------------------------------------------------------------------
# Configurations of wrong types and sizes

SENSELESS = {
    "no dict": [],
    "a number": 7,
    "null": None,
    "a text": "Sequential",
    "nothing in it": {},
    "class_name is a list": {"class_name": ["Dense"], "config": {}},
    "class_name is a dict": {"class_name": {}, "config": {}},
    "config is a list": sequential(layer("Dense", [2])),
    "config is a text": sequential(layer("Dense", "units")),
    "config is a number": sequential(layer("Dense", 7)),
    "layers is no list": {**sequential(), "config": {"layers": 7}},
    "layers is a text": {**sequential(), "config": {"layers": "abc"}},
    "layers holds numbers": {**sequential(), "config": {"layers": [1, 2]}},
    "layers holds null": {**sequential(), "config": {"layers": [None]}},
    "no layers": {**sequential(), "config": {}},
    "an unknown option": sequential(layer("Dense", {"units": 2, "evil": 1})),
    "units is null": sequential(layer("Dense", {"units": None})),
    "units is NaN": sequential(layer("Dense", {"units": float("nan")})),
    "units is infinite": sequential(layer("Dense", {"units": float("inf")})),
    "units is negative": sequential(layer("Dense", {"units": -1})),
    "units is a text": sequential(layer("Dense", {"units": "2"})),
    "units is a list": sequential(layer("Dense", {"units": [2]})),
    "units is a dict": sequential(layer("Dense", {"units": {"a": 2}})),
    "units is true": sequential(layer("Dense", {"units": True})),
    "a cell that is no cell": sequential(layer("RNN", {"cell": layer("Dense", {"units": 2})})),
    "a cell that is a list": sequential(layer("RNN", {"cell": [1]})),
    "a wrapped text": sequential(layer("TimeDistributed", {"layer": "Dense"})),
    "an activation that is a layer's config": sequential(
        layer("Dense", {"units": 2, "activation": {"class_name": "Dense", "config": 3}})
    ),
    "an activation that is a list": sequential(layer("Dense", {"units": 2, "activation": [1]})),
    "a dtype that is none": sequential(layer("Dense", {"units": 2, "dtype": "evil"})),
    "a dtype of objects": sequential(layer("Dense", {"units": 2, "dtype": "object"})),
    "a dtype that is large": sequential(layer("Dense", {"units": 2, "dtype": "S1000000000"})),
    "a name that is a dict": sequential(layer("Dense", {"units": 2, "name": {"a": 1}})),
    "no such tensor": functional(called(layer("Dense", {"units": 2})), output="other"),
    "a loop": functional(
        {
            **layer("Dense", {"units": 2}),
            "name": "node",
            "inbound_nodes": [
                {
                    "args": [
                        {
                            "class_name": "__keras_tensor__",
                            "config": {"keras_history": ["node", 0, 0]},
                        }
                    ],
                    "kwargs": {},
                }
            ],
        }
    ),
    "a history that is null": functional(
        {
            **layer("Dense", {"units": 2}),
            "name": "node",
            "inbound_nodes": [
                {"args": [{"class_name": "__keras_tensor__", "config": {}}], "kwargs": {}}
            ],
        }
    ),
    "a history of dicts": functional(
        {
            **layer("Dense", {"units": 2}),
            "name": "node",
            "inbound_nodes": [
                {
                    "args": [
                        {
                            "class_name": "__keras_tensor__",
                            "config": {"keras_history": [{}, [], 0]},
                        }
                    ],
                    "kwargs": {},
                }
            ],
        }
    ),
    "calls that are a number": functional(
        {**layer("Dense", {"units": 2}), "name": "node", "inbound_nodes": 7}
    ),
    "a call that is a text": functional(
        {**layer("Dense", {"units": 2}), "name": "node", "inbound_nodes": ["x"]}
    ),
    "kwargs that are a list": functional(
        {
            **layer("Dense", {"units": 2}),
            "name": "node",
            "inbound_nodes": [{"args": [], "kwargs": [1]}],
        }
    ),
    "a name that is a list": functional({**called(layer("Dense", {"units": 2})), "name": ["a"]}),
    "build_config is a number": sequential(build_config=7),
    "build_config is a text": {
        **sequential(build_config={"input_shape": "abc"}),
        "config": {"layers": [layer("Dense", {"units": 2})]},
    },
    "compile_config is a text": sequential(compile_config="adam"),
    "an optimizer that is a number": sequential(compile_config={"optimizer": 7}),
    "a learning rate that is a text": sequential(
        compile_config={"optimizer": layer("Adam", {"learning_rate": "fast"})}
    ),
}


@pytest.mark.parametrize("what", SENSELESS)
def test_senseless_configurations(tmp_path, what):
    attack = SENSELESS[what]
    refused(archive_of(tmp_path / "m.keras", json.dumps(attack).encode()))
    if isinstance(attack, dict) and "build_config" not in attack:
        refused(legacy_of(tmp_path / "m.h5", attack, _training(attack)))


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * DEEP + "1" + "}" * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"class_name":"Sequential","config":{"layers":[' * DEEP + "]}}" * DEEP,
        '{"class_name":"TimeDistributed","config":{"layer":' * 300 + "1" + "}}" * 300,
        '{"class_name":"Dense","config":{"units":2,"activation":' * 300 + "1" + "}}" * 300,
        '{"class_name":"Sequential","class_name":"Model","config":{"layers":[]}}',
        '{"class_name":"Dense","config":{"units":2,"units":3}}',
        '{"class_name":"Dense","config":{"units":' + "9" * 5000 + "}}",
        "\ufeff{}",
        "{'class_name': 1}",
        "\x00",
        "",
        '"\\ud800"',
    ],
    ids=lambda text: f"{text[:30]!r}",
)
def test_json_that_is_too_deep_or_ambiguous(tmp_path, text):
    refused(archive_of(tmp_path / "m.keras", text.encode()))
    refused(archive_of(tmp_path / "m.keras", text.encode("utf-16")))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        data = np.frombuffer(text.encode() or b" ", "S1").tobytes()
        if len(data) < 60_000 and b"\0" not in data:
            file.attrs["model_config"] = data
    refused(tmp_path / "m.h5")


def huge():
    """Layers that ask for more memory than a machine has."""
    n = 10**12
    image = layer("Reshape", {"target_shape": [1, 1, 3]})
    steps = layer("Reshape", {"target_shape": [1, 3]})
    yield "Dense", [layer("Dense", {"units": n})]
    yield "Dense beyond int64", [layer("Dense", {"units": 10**30})]
    yield "Dense twice", [layer("Dense", {"units": 10**6}), layer("Dense", {"units": 10**6})]
    yield "Embedding", [layer("Embedding", {"input_dim": n, "output_dim": 8})]
    yield "LSTM", [steps, layer("LSTM", {"units": 10**9})]
    yield "Conv2D", [image, layer("Conv2D", {"filters": n, "kernel_size": 1})]
    yield (
        "Conv2D's window",
        [
            image,
            layer("Conv2D", {"filters": 1, "kernel_size": 10**6, "padding": "same"}),
        ],
    )
    yield (
        "RepeatVector",
        [layer("RepeatVector", {"n": n}), layer("Flatten"), layer("Dense", {"units": 2})],
    )
    yield (
        "UpSampling2D",
        [
            image,
            layer("UpSampling2D", {"size": [10**6, 10**6]}),
            layer("Flatten"),
            layer("Dense", {"units": 1}),
        ],
    )
    yield (
        "ZeroPadding2D",
        [
            image,
            layer("ZeroPadding2D", {"padding": 10**9}),
            layer("Flatten"),
            layer("Dense", {"units": 1}),
        ],
    )
    yield (
        "Resizing",
        [
            image,
            layer("Resizing", {"height": 10**6, "width": 10**6}),
            layer("Flatten"),
            layer("Dense", {"units": 1}),
        ],
    )
    yield (
        "CategoryEncoding",
        [layer("CategoryEncoding", {"num_tokens": n}), layer("Dense", {"units": 1})],
    )
    yield (
        "Hashing",
        [layer("Hashing", {"num_bins": n, "output_mode": "one_hot"}), layer("Dense", {"units": 1})],
    )
    yield (
        "BatchNormalization",
        [layer("RepeatVector", {"n": n}), layer("BatchNormalization", {"axis": 1})],
    )
    yield (
        "MultiHeadAttention",
        [
            steps,
            layer("GroupNormalization", {"groups": 10**9, "axis": -1}),
            layer("LSTM", {"units": 10**8}),
        ],
    )


HUGE = dict(huge())


@pytest.mark.parametrize("what", HUGE)
def test_layers_larger_than_the_file(tmp_path, what):
    attack = sequential(*HUGE[what])
    refused(archive_of(tmp_path / "m.keras", attack))
    refused(legacy_of(tmp_path / "m.h5", attack))


@pytest.mark.parametrize(
    "shape",
    [
        [None, 10**12],
        [None, 10**6, 10**6, 3],
        [10**9, 10**9],
        [None] * 3 + [10**18],
        [None, -1],
        [None, "a"],
    ],
)
def test_inputs_larger_than_a_machine(tmp_path, shape):
    """Such a shape may be described, but nothing of this size is made; weights for it are not."""
    attack = sequential(layer("Flatten"), layer("Dense", {"units": 2}))
    attack["config"]["layers"][0]["config"]["batch_shape"] = shape
    refused(archive_of(tmp_path / "m.keras", attack))
    attack["config"]["layers"] = attack["config"]["layers"][1:]
    attack["build_config"] = {"input_shape": shape}
    refused(archive_of(tmp_path / "m.keras", attack))


@pytest.mark.parametrize(
    ("name", "options", "args"),
    [
        ("Repeat", {"repeats": 10**12, "axis": 1}, []),
        ("Tile", {"repeats": [1, 10**12]}, []),
        ("OneHot", {"num_classes": 10**12}, []),
        ("BroadcastTo", {"shape": [10**6, 10**6, 3]}, []),
        ("Pad", {"pad_width": [[0, 0], [0, 10**12]], "mode": "constant"}, []),
        ("Reshape", {"newshape": [-1, 10**12]}, []),
        ("Einsum", {"subscripts": "ab->" + "ab" * 30}, []),
        ("Arange", {}, [10**12]),
        ("Zeros", {}, [[10**12]]),
        ("Eye", {}, [10**7]),
        ("Bincount", {"minlength": 10**12}, []),
        ("Tri", {}, [10**7]),
        ("Identity", {}, [10**7]),
        ("Linspace", {"num": 10**12}, [3.0]),
        ("ExpandDims", {"axis": list(range(10**5))}, []),
    ],
)
def test_operations_with_large_results(tmp_path, name, options, args):
    """The symbolic call of an operation makes nothing of the size of its result."""
    entry = layer(name, options, "keras.src.ops.numpy", name)
    attack = functional(called(entry, *args, name="op"))
    attack["config"]["layers"].append(called(layer("Dense", {"units": 2}), name="node"))
    path = archive_of(tmp_path / "m.keras", attack)
    with Guard(path):
        with contextlib.suppress(ValueError):
            dp.saving.load_model(path)
