"""Answers to the exercises of tutorial 16."""

import numpy as np

import diptych
from diptych import layers

rng = np.random.default_rng(0)
x, dy = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))


def agrees(forward, backward, h=1e-6):
    """Whether backward's slope along a random direction is what differences say."""
    v = rng.normal(size=x.shape)
    numeric = (dy * (forward(x + h * v) - forward(x - h * v))).sum() / (2 * h)
    return abs((backward(x, dy) * v).sum() - numeric) < 1e-6


def length(x):
    return np.sqrt((x**2).sum(axis=-1, keepdims=True))


# 1. Equation: the factor g goes, and dg with it. Reference: `return x_hat, (x, length)`, no dg, and
#    1 / length in dx. Cython: g goes from forward and backward, and `along` needs no array then,
#    only a number, since nobody adds the rows' shares up.
def unit_backward(x, dy):
    x_hat = x / length(x)
    return (dy - x_hat * (dy * x_hat).sum(axis=-1, keepdims=True)) / length(x)


assert agrees(lambda x: x / length(x), unit_backward)

# 2. sqrt(mean of squares) = |x| / sqrt(D), so y is ScaleNorm's with sqrt(D) g in the place of g.
g = 1.7
root = np.sqrt(x.shape[-1])
assert agrees(
    lambda x: g * x / np.sqrt((x**2).mean(axis=-1, keepdims=True)),
    lambda x, dy: root * g * unit_backward(x, dy),
)


# 3. It trains, with g where it began; and gradcheck says that the gradient of g is wrong.
class Forgetful(layers.Layer):
    """ScaleNorm whose g gets no gradient."""

    def build(self, input_shape):
        self.g = self.add_weight(name="g", shape=(1,), initializer="ones")

    def call(self, x):
        return diptych.ops.stop_gradient(self.g) * diptych.ops.normalize(x)


(images, labels), _ = diptych.datasets.digits.load_data()
images = images.reshape(-1, 64) / 16
diptych.utils.set_random_seed(0)
model = diptych.Sequential(
    [diptych.Input((64,)), Forgetful(), layers.Dense(10, activation="softmax")]
)
model.compile(diptych.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
losses = model.fit(images, labels, epochs=10, verbose=0).history["loss"]
assert losses[-1] < 0.5 * losses[0]
assert model.layers[0].g.numpy() == 1.0
report = diptych.gradcheck(Forgetful(), x)
wrong = [check.what for check in report.checks if check.error > report.tolerance]
assert not report.ok
assert len(wrong) == 1
assert wrong[0].endswith("/g")
print("loss", round(losses[0], 2), "->", round(losses[-1], 2), "but gradcheck says:", wrong)
