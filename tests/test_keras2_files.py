"""Files that Keras 2 wrote: the models in them give the same outputs, and train on."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import diptych as dp
from diptych import activations
from diptych.files import keras2
from diptych.models import tensorflow
from tests.golden import make_keras2

from .test_hostile_files import legacy_of, refused

pytest.importorskip("h5py")
FOLDER = Path(make_keras2.__file__).parent / "keras2"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))
FILES = [f"{name}{ending}" for name in make_keras2.MODELS for ending in (".h5", ".keras")]


def inputs(name):
    found = make_keras2.inputs(name.partition(".")[0])
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("name", FILES)
def test_a_model_of_keras_2_gives_the_same_and_trains_on(name, engine, recwarn):
    stem = name.partition(".")[0]
    with dp.engine(engine):
        model = dp.models.load_model(FOLDER / name)
        assert not [w for w in recwarn if "now" in str(w.message)]
        y = model.predict(inputs(name), verbose=0)
        np.testing.assert_allclose(y, EXPECTED[f"{stem}/y"], rtol=1e-5, atol=1e-6)
        losses = make_keras2.losses(model, inputs(name))
    if name == "nested.keras":  # Keras 2 left out the state of its older optimizers
        assert model.optimizer.iterations == make_keras2.STEPS
    else:
        np.testing.assert_allclose(losses, EXPECTED[f"{stem}/losses"], rtol=1e-4)


def test_weights_of_keras_2_are_read():
    model = dp.models.load_model(FOLDER / "attention.keras")
    expected = model.get_weights()
    model.set_weights([w * 0 for w in expected])
    model.load_weights(FOLDER / "attention.weights.h5")
    for weight, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, wanted)


@pytest.mark.parametrize("name", FILES)
def test_a_model_of_keras_2_goes_to_a_file_of_today(name, tmp_path):
    model = dp.models.load_model(FOLDER / name)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        text = archive.read("config.json").decode()
    assert "TFOpLambda" not in text
    assert "tensorflow" not in text
    copy = dp.models.load_model(tmp_path / "m.keras")
    x = inputs(name)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))


def test_options_that_are_gone():
    flip = {"name": "flip", "mode": "horizontal", "seed": 3, "rng_type": "stateful"}
    policy = {"class_name": "Policy", "config": {"name": "float16"}}
    changed = keras2.modern(
        {"class_name": "RandomFlip", "config": {**flip, "dtype": policy}, "build_config": {}}
    )
    assert changed == {
        "class_name": "RandomFlip",
        "config": {"name": "flip", "mode": "horizontal", "seed": 3, "dtype": "float16"},
    }
    time_major = {"class_name": "LSTM", "config": {"units": 2, "time_major": True}}
    assert keras2.modern(time_major) == time_major  # which is no longer there, and not ignored


def test_the_hard_sigmoid_of_keras_2():
    x = np.array([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0], "float32")
    found = np.asarray(activations.get("keras2_hard_sigmoid")(x))
    np.testing.assert_allclose(found, [0, 0, 0.3, 0.5, 0.7, 1, 1], atol=1e-7)


X = np.arange(24, dtype="float32").reshape(2, 4, 3) / 24
CALLS = {
    "cast": ({"dtype": "float64"}, X.astype("float64")),
    "clip_by_value": ({"clip_value_min": 0.2, "clip_value_max": 0.5}, X.clip(0.2, 0.5)),
    "expand_dims": ({"axis": 1}, X[:, None]),
    "compat.v1.gather": ({"indices": [0, 2], "axis": 2, "batch_dims": 0}, X[:, :, [0, 2]]),
    "identity": ({}, X),
    "linalg.matmul": ({"b": X, "transpose_b": True}, X @ X.swapaxes(1, 2)),
    "math.add": ({"y": 1.0, "name": None}, X + 1),
    "math.argmax": ({"axis": 1}, X.argmax(1)),
    "math.cumsum": ({"axis": 1}, X.cumsum(1)),
    "math.l2_normalize": ({"axis": [2]}, X / np.sqrt((X**2).sum(2, keepdims=True) + 1e-12)),
    "math.pow": ({"y": 2.0}, X**2),
    "math.reduce_max": ({"axis": 1, "keepdims": True}, X.max(1, keepdims=True)),
    "math.reduce_std": ({"axis": [1, 2]}, X.std((1, 2))),
    "math.squared_difference": ({"y": 1.0}, (X - 1) ** 2),
    "math.truediv": ({"y": 4.0}, X / 4),
    "nn.leaky_relu": ({"alpha": 0.3}, X),
    "nn.silu": ({"beta": 2.0}, X / (1 + np.exp(-2 * X))),
    "nn.swish": ({}, X / (1 + np.exp(-X))),
    "nn.tanh": ({}, np.tanh(X)),
    "compat.v1.norm": ({"axis": -1}, np.linalg.norm(X, axis=-1)),
    "compat.v1.pad": ({"paddings": [[0, 0], [1, 2], [0, 0]]}, np.pad(X, ((0, 0), (1, 2), (0, 0)))),
    "repeat": ({"repeats": 2, "axis": 1}, X.repeat(2, 1)),
    "reshape": ({"shape": [-1, 12]}, X.reshape(2, 12)),
    "reverse": ({"axis": [1]}, X[:, ::-1]),
    "compat.v1.squeeze": ({"axis": None}, X),
    "tile": ({"multiples": [1, 2, 1]}, np.tile(X, (1, 2, 1))),
    "compat.v1.transpose": ({"perm": [0, 2, 1], "conjugate": False}, X.transpose(0, 2, 1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_of_tensorflow(name):
    options, expected = CALLS[name]
    found = np.asarray(tensorflow.function_named(name)(dp.ops.convert_to_tensor(X), **options))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_functions_of_several_tensors():
    x = dp.ops.convert_to_tensor(X)
    call = tensorflow.function_named
    np.testing.assert_array_equal(call("concat")([x, x], axis=-1), np.concatenate([X, X], -1))
    np.testing.assert_array_equal(call("stack")([x, x], axis=1), np.stack([X, X], 1))
    np.testing.assert_array_equal(call("math.add_n")([x, x, x]), X + X + X)
    np.testing.assert_array_equal(call("split")(x, [1, 2], axis=2)[1], X[:, :, 1:])
    np.testing.assert_array_equal(call("split")(x, 2, axis=1)[1], X[:, 2:])
    np.testing.assert_array_equal(call("unstack")(x, axis=1)[3], X[:, 3])
    np.testing.assert_array_equal(
        call("where")(call("math.greater")(x, y=0.5), x=x, y=0.0), np.where(X > 0.5, X, 0)
    )


@pytest.mark.parametrize(
    "function",
    ["io.read_file", "py_function", "numpy_function", "io.write_file", "raw_ops.ReadFile", "", None,
     7, ["math.add"], {}, "math.add_v2", "__class__", "compat.v1.io.read_file"],
)  # fmt: skip
def test_other_functions_of_tensorflow_are_refused(function, tmp_path):
    first = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 3], "dtype": "float32", "name": "x"},
        "name": "x",
        "inbound_nodes": [],
    }
    entry = {
        "class_name": "TFOpLambda",
        "config": {"name": "op", "function": function},
        "name": "op",
        "inbound_nodes": [["x", 0, 0, {"filename": str(tmp_path / "made")}]],
    }
    config = {
        "name": "m",
        "layers": [first, entry],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["op", 0, 0]],
    }
    refused(legacy_of(tmp_path / "m.h5", {"class_name": "Functional", "config": config}))
    for calls in (7, [7], [[]], [["x"]], [["x", 0, 0]], [["x", 0, 0, 7]], [[["x", 0, 0, {}], 7]]):
        odd = json.loads(json.dumps(config))
        odd["layers"][1]["inbound_nodes"] = calls
        odd["layers"][1]["config"]["function"] = "math.square"
        refused(legacy_of(tmp_path / "m.h5", {"class_name": "Functional", "config": odd}))
