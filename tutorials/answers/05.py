"""Answers to the exercises of tutorial 05."""

import numpy as np

import diptych
from diptych import Sequential, layers, losses

rng = np.random.default_rng(0)
x = rng.normal(size=(128, 64)).astype("float32")
y = rng.integers(10, size=128)


def outputs_and_gradients(depth, first, activation="relu"):
    diptych.utils.set_random_seed(0)
    hidden = [
        layers.Dense(64, activation, kernel_initializer=first, name=f"layer{k}")
        for k in range(1, depth + 1)
    ]
    model = Sequential([layers.Input((64,)), *hidden, layers.Dense(10)], engine="reference")
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    with diptych.capture(model, kinds=["outputs", "weight_gradients"]) as c:
        model.train_on_batch(x, y)
    return [c[0][f"layer{k}"] for k in range(1, depth + 1)]


# 1. With tanh or relu and weights of 0 every output is 0, and so is every gradient of the hidden
#    weights. With a sigmoid the outputs are 1/2, and all neurons of the second layer get the same
#    gradient, column for column: they stay equal for ever. First weights must differ.
zeros = outputs_and_gradients(2, "zeros", "tanh")
assert not any(step.weight_gradients["kernel"].any() for step in zeros)
same = outputs_and_gradients(2, diptych.initializers.Constant(0.05), "sigmoid")
gradient = same[1].weight_gradients["kernel"]
spread = np.ptp(gradient, axis=0).max()
print(f"zeros: no gradient at all. All equal: neurons of one layer differ by {spread:.0e}")
assert np.allclose(gradient, gradient[:1])

# 2. Relu halves the mean of the squares. Glorot gives a layer Var(w) = 1/n here, so each layer
#    leaves about 1/sqrt(2) of the size: 2^-15 after 30. He gives 2/n, and the size stays.
for first in ("glorot_uniform", "he_normal"):
    steps = outputs_and_gradients(30, first)
    size = [np.sqrt((step.output.astype("float64") ** 2).mean()) for step in steps]
    factor = (size[-1] / size[0]) ** (1 / 29)
    print(f"{first}: size {size[0]:.2f} after 1 layer, {size[-1]:.1e} after 30; ", end="")
    print(f"{factor:.2f} a layer")
    assert abs(factor - (0.5**0.5 if first == "glorot_uniform" else 1)) < 0.12

# 3. At 0 the slope is 1/4, so w has to be 4. But then the input w h of the next sigmoid is far from
#    0 for most h between 0 and 1, and there the slope is much less than 1/4.
z = 4 * np.array([0.5, 1.0])
slope = 1 / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z)))
print("slope at 4 h for h = 0.5 and 1:", slope.round(3), "instead of 0.25")
assert slope.max() < 0.25 / 2
