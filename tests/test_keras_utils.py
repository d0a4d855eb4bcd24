"""Small things of ``keras.utils``: dtypes, symbolic tensors, Config, configurations of Keras 2."""

import copy

import numpy as np
import pytest

import diptych
from diptych import config, layers, saving, utils
from diptych.utils import Config, legacy


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (None, "float32"),
        (float, "float32"),
        (int, "int32"),
        (bool, "bool"),
        (str, "string"),
        ("int", "int32"),
        (np.float64, "float64"),
        (np.dtype("i1"), "int8"),
        ("bfloat16", "bfloat16"),
    ],
)
def test_names_of_dtypes(dtype, name):
    assert utils.standardize_dtype(dtype) == diptych.backend.standardize_dtype(dtype) == name


def test_the_default_dtype_and_those_that_are_none():
    config.set_floatx("float64")
    assert utils.standardize_dtype(None) == "float64"
    for wrong in ("flaot32", np.dtype("S3"), [1], object):
        with pytest.raises(ValueError, match="is no dtype.*expected one of bool, float16"):
            utils.standardize_dtype(wrong)


def test_symbolic_tensors_and_their_inputs():
    first, second = layers.Input((3,), name="first"), layers.Input((3,), name="second")
    shared = layers.Dense(2)
    total = layers.Add()([shared(second), shared(first), shared(second)])
    assert utils.get_source_inputs(total) == [second, first]
    assert utils.get_source_inputs(first) == [first]
    assert utils.get_source_inputs(3) == 3
    assert [utils.is_keras_tensor(x) for x in (first, total, np.ones(2))] == [True, True, False]


def test_config():
    made = Config(rate=0.1)
    made.seed = 3
    made["name"] = "x"
    assert (made.rate, made["seed"], made.get("absent", 5), len(made)) == (0.1, 3, 5, 3)
    assert list(made) == ["name", "rate", "seed"]
    assert made.to_json() == '{"rate": 0.1, "seed": 3, "name": "x"}'
    with pytest.raises(AttributeError, match="did you mean 'seed'"):
        made.sede  # noqa: B018 - the error is what is wanted
    made.freeze()
    for change in (
        lambda: setattr(made, "rate", 1),
        lambda: made.__setitem__("rate", 1),
        lambda: made.__delitem__("rate"),
        lambda: made.update(rate=1),
        lambda: made.pop("rate"),
    ):
        with pytest.raises(ValueError, match="frozen"):
            change()
    assert made.as_dict() == {"rate": 0.1, "seed": 3, "name": "x"}
    other = copy.deepcopy(made)
    assert other.frozen
    other.unfreeze()
    assert other.pop("seed") == 3
    assert ("seed" in made, "seed" in other, made.frozen) == (True, False, True)


def test_registered_objects():
    assert utils.get_registered_object("absent", {"absent": 1}, {"absent": 2}) == 1
    assert utils.get_registered_object("absent", module_objects={"absent": 2}) == 2
    assert utils.get_registered_object("absent") is None
    assert utils.serialize_keras_object is saving.serialize_keras_object
    dense = utils.deserialize_keras_object(utils.serialize_keras_object(layers.Dense(3)))
    assert dense.units == 3


def test_configurations_of_keras_2():
    dense = layers.Dense(3, activation="relu", kernel_initializer="he_normal")
    described = legacy.serialize_keras_object(dense)
    assert described["class_name"] == "Dense"
    assert described["config"]["units"] == 3
    known = {"Dense": layers.Dense}
    made = legacy.deserialize_keras_object(described, known)
    assert made.get_config() == dense.get_config()
    assert legacy.deserialize_keras_object("Flatten", {"Flatten": layers.Flatten}).built is False
    assert legacy.deserialize_keras_object("f", {"f": len}, {"f": max}) is max
    assert legacy.serialize_keras_object(diptych.activations.relu) == "relu"
    assert legacy.deserialize_keras_object(None) is legacy.serialize_keras_object(None) is None
    assert diptych.legacy.saving.serialize_keras_object is legacy.serialize_keras_object
    for wrong in (described, "Dense", 3, {"class_name": "Dense"}):
        with pytest.raises(ValueError, match="no layer|(layer)"):
            legacy.deserialize_keras_object(wrong, {}, printable_module_name="layer")
    with pytest.raises(ValueError, match=r"no get_config\(\)"):
        legacy.serialize_keras_object(3)
