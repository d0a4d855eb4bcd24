"""What completion and `help` show of the constructors."""

import inspect
import pydoc

import pytest

from diptych import callbacks, constraints, layers, losses, models, optimizers
from diptych.legacy import AcceptsOldNames

CLASSES = sorted(
    {
        thing
        for module in (layers, optimizers, losses, callbacks, constraints, models)
        for thing in map(module.__dict__.get, module.__all__)
        if isinstance(thing, AcceptsOldNames)
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)
# They have no options of their own, but the optimizers in them.
WRAPPERS = (optimizers.LossScaleOptimizer, optimizers.MultiOptimizer)
OF_LAYERS = ["activity_regularizer", "trainable", "dtype", "autocast", "name"]
OF_OPTIMIZERS = [
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
    "name",
]


def shown(cls):
    """{name: default} of the arguments, an argument without a default as in the source."""
    return {name: p.default for name, p in inspect.signature(cls).parameters.items()}


def test_a_layer_shows_its_arguments_and_those_of_every_layer():
    required = inspect.Parameter.empty
    assert shown(layers.Dense) == {
        "units": required,
        "activation": None,
        "use_bias": True,
        "kernel_initializer": "glorot_uniform",
        "bias_initializer": "zeros",
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        "trainable": True,
        "dtype": None,
        "autocast": True,
        "name": None,
    }
    assert pydoc.render_doc(layers.Dense, renderer=pydoc.plaintext).count("Dense(units: 'int'")


TAKE_A_NAME_ALONE = (models.Sequential, layers.InputLayer, layers.Pipeline)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_names_its_arguments(cls):
    parameters = inspect.signature(cls).parameters
    assert not {"self", "args"} & parameters.keys()
    assert ("kwargs" in parameters) == (cls is callbacks.LambdaCallback)  # as in Keras
    init = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
    own = [name for name in init if name not in ("args", "kwargs", "options")]
    assert list(parameters)[: len(own)] == own
    if issubclass(cls, layers.Layer) and cls not in TAKE_A_NAME_ALONE:
        assert parameters.keys() >= set(OF_LAYERS)
    if issubclass(cls, optimizers.Optimizer) and cls not in WRAPPERS:
        assert parameters.keys() >= set(OF_OPTIMIZERS)


@pytest.mark.parametrize(
    ("cls", "needed"),
    [
        (layers.Dense, {"units": 1}),
        (layers.Conv2D, {"filters": 1, "kernel_size": 1}),
        (layers.LSTM, {"units": 1}),
        (layers.ConvLSTM2D, {"filters": 1, "kernel_size": 1}),
        (layers.AdditiveAttention, {}),
        (
            layers.GroupQueryAttention,
            {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
        ),
        (layers.Cropping1D, {}),
        (layers.SpatialDropout1D, {"rate": 0.5}),
        (layers.TextVectorization, {}),
        (layers.Hashing, {"num_bins": 3}),
        (layers.Normalization, {}),
        (optimizers.Adam, {}),
        (optimizers.SGD, {}),
        (models.Model, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_argument_shown_is_taken(cls, needed):
    optional = {k: v for k, v in shown(cls).items() if v is not inspect.Parameter.empty}
    assert isinstance(cls(**{**optional, **needed}), cls)


class Scaled(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor


class Inheriting(layers.Dense):
    pass


class Stopping(callbacks.Callback):
    def __init__(self, at, *, quietly=False):
        super().__init__()


class Network(models.Model):
    def __init__(self, width):
        super().__init__()


def test_classes_of_ones_own_show_their_arguments():
    assert str(inspect.signature(Scaled)) == "(factor=2.0, **kwargs)"
    assert inspect.signature(Inheriting) == inspect.signature(layers.Dense)
    assert str(inspect.signature(Stopping)) == "(at, *, quietly=False)"
    assert str(inspect.signature(Network)) == "(width)"
