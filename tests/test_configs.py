"""Configs of layers: those that Keras writes are read, and what diptych writes makes the same
layer anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from diptych import Input, Model, Sequential, layers, models, saving
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


# Models in models


@saving.register_keras_serializable()
class Branches(Model):
    """A registered model with a model in it."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units)
        self.rest = Sequential([layers.Dense(2), layers.Dense(3)])

    def call(self, x):
        return self.rest(self.first(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@saving.register_keras_serializable("Own")
class OwnSequential(Sequential):
    pass


@saving.register_keras_serializable("Own")
class Around(layers.Layer):
    """A registered layer that holds a layer or model."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": layers.serialize(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": layers.deserialize(config["inner"])})


def functional():
    x = Input((4,))
    shared = layers.Dense(4, name="shared")
    return Model(x, layers.Dense(3)(shared(shared(x))), name="functional")


INNER = {
    "Sequential": lambda: Sequential([Input((4,)), layers.Dense(3)], name="inner"),
    "Sequential without an input": lambda: Sequential([layers.Dense(3), layers.Dense(2)]),
    "functional": functional,
    "two deep": lambda: Sequential([Input((4,)), functional(), layers.Dense(2)]),
    "registered": lambda: Branches(5),
    "registered Sequential": lambda: OwnSequential([layers.Dense(3)]),
}


def in_functional(inner):
    x = Input((4,))
    return Model(x, layers.Dense(1)(layers.add([inner(x), inner(layers.Dense(4)(x))])))


OUTER = {
    "functional": in_functional,
    "Sequential": lambda inner: Sequential([Input((4,)), inner, layers.Dense(1)]),
    "a layer of one's own": lambda inner: Sequential([Input((4,)), Around(inner)]),
    "TimeDistributed": lambda inner: Sequential(
        [Input((4,)), layers.Reshape((1, 4)), layers.TimeDistributed(inner)]
    ),
}
COPY = {
    "clone_model": models.clone_model,
    "from_config": lambda model: type(model).from_config(model.get_config()),
    "json": lambda model: models.model_from_json(model.to_json()),
    "as a layer": lambda model: layers.deserialize(json.loads(json.dumps(layers.serialize(model)))),
}


@pytest.mark.parametrize("copy", COPY)
@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", INNER)
def test_a_model_in_a_model_is_copied(inner, outer, copy):
    """The copy has the same weights in the same order, and computes the same with them."""
    model = OUTER[outer](INNER[inner]())
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    right = model(x)
    again = COPY[copy](model)
    again(x)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert not np.array_equal(again(x), right)  # its weights are its own
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(x), right)
