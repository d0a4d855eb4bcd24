"""Activations that change the shape, such as glu, which halves an axis, in every layer that takes
an activation.
"""

import numpy as np
import pytest

import diptych
from diptych import layers, ops

HALVED = [
    ("activation", lambda: layers.Activation("glu"), (8,), (4,)),
    ("dense", lambda: layers.Dense(6, "glu"), (3, 8), (3, 3)),
    (
        "einsum dense",
        lambda: layers.EinsumDense("abc,cd->abd", (None, 6), activation="glu"),
        (3, 8),
        (3, 3),
    ),
    ("conv 1d", lambda: layers.Conv1D(6, 3, activation="glu"), (8, 4), (6, 3)),
    ("conv 2d", lambda: layers.Conv2D(6, 3, activation="glu"), (8, 8, 4), (6, 6, 3)),
    ("transposed", lambda: layers.Conv1DTranspose(6, 3, activation="glu"), (8, 4), (10, 3)),
    ("depthwise", lambda: layers.DepthwiseConv1D(3, activation="glu"), (8, 4), (6, 2)),
    ("separable", lambda: layers.SeparableConv1D(6, 3, activation="glu"), (8, 4), (6, 3)),
    ("each step", lambda: layers.TimeDistributed(layers.Dense(6, "glu")), (3, 8), (3, 3)),
    ("another axis", lambda: layers.Activation(lambda x: ops.glu(x, axis=1)), (4, 3), (2, 3)),
    ("a function", lambda: layers.Dense(2, lambda x: ops.concatenate([x, -x], -1)), (3,), (4,)),
    ("a layer", lambda: layers.Dense(6, layers.Activation("glu")), (8,), (3,)),
]


@pytest.mark.filterwarnings("ignore:.* has no weights")
@pytest.mark.parametrize(
    ("make", "shape", "halved"), [row[1:] for row in HALVED], ids=[row[0] for row in HALVED]
)
def test_a_model_that_ends_in_a_gate_trains(make, shape, halved):
    model = diptych.Sequential([layers.Input(shape), make()])
    model.compile("sgd", "mse")
    x, y = np.ones((4, *shape), "float32"), np.zeros((4, *halved), "float32")
    assert model.output_shape == (None, *halved)
    assert model.predict(x, verbose=0).shape == y.shape
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    model.fit(x, y, epochs=2, verbose=0)
    assert model.layers[-1].compute_output_shape((None, *shape)) == (None, *halved)


def test_the_layer_after_a_gate_has_weights_for_half_the_width():
    model = diptych.Sequential([layers.Input((8,)), layers.Dense(6, "glu"), layers.Dense(2)])
    assert model.layers[-1].kernel.shape == (3, 2)


def test_a_gate_needs_an_even_width():
    with pytest.raises(ValueError, match="its length must be even"):
        diptych.Sequential([layers.Input((8,)), layers.Dense(5, "glu")])
