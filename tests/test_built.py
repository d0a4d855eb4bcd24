"""When a layer is built: after its constructor, after build(), after a call; as in Keras 3.15."""

import pickle

import numpy as np
import pytest

from diptych import Input, Model, Sequential, layers
from diptych.tensor import Structure

VECTOR, SEQUENCE, IMAGE, VOLUME = (2, 4), (2, 6, 4), (2, 8, 8, 3), (2, 6, 6, 6, 2)
FROM_THE_START = [
    (lambda: layers.Activation("relu"), VECTOR),
    (layers.Identity, VECTOR),
    (layers.Masking, SEQUENCE),
    (layers.ReLU, VECTOR),
    (layers.LeakyReLU, VECTOR),
    (layers.ELU, VECTOR),
    (layers.Softmax, VECTOR),
    (lambda: layers.Reshape((2, 2)), VECTOR),
    (lambda: layers.Dropout(0.5), VECTOR),
    (lambda: layers.GaussianNoise(0.5), VECTOR),
    (lambda: layers.GaussianDropout(0.5), VECTOR),
    (lambda: layers.AlphaDropout(0.5), VECTOR),
    (lambda: layers.SpatialDropout1D(0.5), SEQUENCE),
    (lambda: layers.SpatialDropout2D(0.5), IMAGE),
    (lambda: layers.SpatialDropout3D(0.5), VOLUME),
    (lambda: layers.ActivityRegularization(l1=0.1), VECTOR),
    (layers.UnitNormalization, VECTOR),
    *[
        (getattr(layers, f"{kind}{rank}D"), shape)
        for kind in (
            "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling",
        )
        for rank, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
    ],
    (lambda: layers.AdaptiveAveragePooling2D(2), IMAGE),
    (lambda: layers.AdaptiveMaxPooling1D(2), SEQUENCE),
]  # fmt: skip
BY_THE_INPUT = [
    (lambda: layers.Dense(2), VECTOR),
    (lambda: layers.Conv2D(2, 3), IMAGE),
    (layers.PReLU, VECTOR),
    (layers.BatchNormalization, VECTOR),
    (lambda: layers.LSTM(2), SEQUENCE),
    (layers.Flatten, SEQUENCE),
    (lambda: layers.Permute((2, 1)), SEQUENCE),
    (lambda: layers.RepeatVector(3), VECTOR),
    (lambda: layers.Lambda(lambda x: x), VECTOR),
    (layers.UpSampling1D, SEQUENCE),
    (layers.ZeroPadding2D, IMAGE),
    (lambda: layers.Rescaling(2.0), VECTOR),
    (lambda: layers.TimeDistributed(layers.ReLU()), SEQUENCE),
    (lambda: Sequential([layers.ReLU()]), VECTOR),
]


@pytest.mark.parametrize(("make", "shape"), FROM_THE_START)
def test_layers_without_weights_are_built_from_the_start(make, shape):
    layer = make()
    assert layer.built
    assert layer.count_params() == 0
    assert "built=True" in repr(layer)
    layer.build(shape)
    layer(np.zeros(shape, "float32"))
    assert layer.built


@pytest.mark.parametrize(("make", "shape"), BY_THE_INPUT)
def test_other_layers_are_built_by_their_input(make, shape):
    assert not make().built
    layer = make()
    layer.build(shape)
    assert layer.built
    layer = make()
    layer(np.zeros(shape, "float32"))
    assert layer.built


class OwnBuild(layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale


class OwnDropout(layers.Dropout):
    """A weightless layer as the base of one with a weight."""

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs, training=False):
        return super().call(inputs, training) * self.scale


class OwnModel(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize("make", [OwnBuild, lambda: OwnDropout(0.5), OwnModel])
def test_a_build_of_ones_own_leaves_the_layer_built(make):
    layer = make()
    assert not layer.built
    layer.build((None, 4))
    assert layer.built
    count = len(layer.weights)
    assert layer(np.ones((2, 4), "float32")).shape[0] == 2
    assert len(layer.weights) == count > 0
    layer = make()
    layer(np.ones((2, 4), "float32"))
    assert layer.built
    assert len(layer.weights) == count
    assert pickle.loads(pickle.dumps(layer)).built


def test_a_graph_is_built_and_an_empty_stack_is_not():
    inputs = Input((4,))
    assert Model(inputs, layers.ReLU()(inputs)).built
    assert Sequential([Input((4,)), layers.ReLU()]).built
    assert not Sequential().built


def test_a_window_that_does_not_fit_is_still_refused():
    with pytest.raises(ValueError, match="MaxPooling2D"):
        layers.MaxPooling2D(9)(Input((8, 8, 1)))
    pool = layers.MaxPooling2D(4)
    assert pool(np.zeros((1, 8, 8, 1), "float32")).shape == (1, 2, 2, 1)
    with pytest.raises(ValueError, match="MaxPooling2D"):
        pool(np.zeros((1, 3, 8, 1), "float32"))
    with pytest.raises(ValueError, match="mask_value for each of 2 features"):
        layers.Masking([1.0, 2.0])(Input((4, 3)))


def test_pooling_leaves_recorded_steps_valid():
    pool = layers.MaxPooling1D()
    version = Structure.version
    for steps in (4, 6):
        pool(np.zeros((1, steps, 1), "float32"))
    assert Structure.version == version


def test_the_path_of_a_layer_that_is_built_from_the_start():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.drop = layers.Dropout(0.5, name="drop")

    assert Net().drop.path == "net/drop"
