"""Configs of layers: those that Keras writes are read, and what diptych writes makes the same
layer anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from diptych import layers
from tests.golden.make_configs import arguments, make

KERAS = json.loads((Path(__file__).parent / "golden" / "configs.json").read_text(encoding="utf-8"))
del KERAS["versions"]
# What Keras says and diptych has no use for; where Keras's word is not what it was given.
UNSAID = {"activity_regularizer": None, "quantization_config": None, "autocast": True}
UNSAID |= {"sparse": False, "ragged": False}
# What Keras takes after all else by position, and diptych by name or not at all.
AT_THE_END = ["lora_rank", "lora_alpha", "gptq_unpacked_column_size", "quantization_config"]
AT_THE_END += ["name", "dtype"]
OTHER_NAMES = {("RMSNormalization", "x"): "inputs", ("SimpleRNNCell", "sequence"): "inputs"}
NOT_TAKEN = {("Dense", "training"), ("EinsumDense", "training")}  # for quantization alone


def plain(value):
    """Without the modules that classes stand in, and with a policy as the name of its dtype."""
    if isinstance(value, dict) and value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    if isinstance(value, dict):
        hidden = ("module", "registered_name", "build_config")
        return {
            key: plain(part)
            for key, part in value.items()
            if key not in hidden and not (key in UNSAID and part == UNSAID[key])
        }
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", KERAS)
def test_a_config_of_keras_is_read(name):
    """Every argument that Keras names comes back with the value that Keras gave it."""
    theirs = KERAS[name]["layer"]
    layer = layers.deserialize(theirs)
    assert type(layer) is getattr(layers, name)
    expected, ours = plain(theirs["config"]), plain(layer.get_config())
    assert {key: ours.get(key) for key in expected} == expected


@pytest.mark.parametrize("name", KERAS)
def test_a_config_makes_the_same_layer(name):
    layer = make(layers, name)
    copy = layers.deserialize(layers.serialize(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    json.dumps(layer.get_config())


@pytest.mark.parametrize("name", KERAS)
def test_the_same_layers_support_masks(name):
    assert make(layers, name).supports_masking == KERAS[name]["supports_masking"]


def with_numpys(value, whole, real):
    """The same with other numbers: ``whole`` for integers, ``real`` for floats."""
    if isinstance(value, dict):
        return {key: with_numpys(part, whole, real) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(with_numpys(part, whole, real) for part in value)
    kind = {int: whole, float: real}.get(type(value), lambda same: same)
    return kind(value)


@pytest.mark.parametrize("name", KERAS)
def test_numpys_numbers_do_as_well_as_pythons(name):
    config = make(layers, name).get_config()
    layer = getattr(layers, name).from_config(with_numpys(config, np.int32, np.float32))
    plain_config = with_numpys(config, int, lambda x: float(np.float32(x)))
    # By their words, since np.float32(0.5) == 0.5.
    assert repr(layer.get_config()) == repr(
        getattr(layers, name).from_config(plain_config).get_config()
    )


@pytest.mark.parametrize("name", KERAS)
def test_arguments_stand_in_the_order_of_keras(name):
    cls, theirs = getattr(layers, name), KERAS[name]["arguments"]
    new, ours = list(theirs["new"]), arguments(cls.__init__)
    while new and new[-1] in AT_THE_END and new[-1] not in ours:
        new.pop()
    assert ours[: len(new)] == new
    call = [OTHER_NAMES.get((name, a), a) for a in theirs["call"] if (name, a) not in NOT_TAKEN]
    assert arguments(cls.call)[: len(call)] == call
