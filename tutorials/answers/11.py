"""Answers to the exercises of tutorial 11."""

import numpy as np
from diptych.reference import pooling

import diptych
from diptych import layers

# 1. Only the poolings change the sides: 100, 100, 100, 50, 50, 50, 25. The dense layer has
#    25 * 25 * 64 inputs.
same = {"padding": "same", "activation": "relu"}
model = diptych.Sequential(
    [
        diptych.Input((100, 100, 3)),
        layers.Conv2D(32, 3, **same),
        layers.Conv2D(32, 3, **same),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, **same),
        layers.Conv2D(64, 3, **same),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(256, activation="relu"),
    ]
)
assert [layer.output.shape[1] for layer in model.layers[:6]] == [100, 100, 50, 50, 50, 25]
assert model.layers[-1].count_params() == 25 * 25 * 64 * 256 + 256 == 10_240_256


# 2. Both see 7 x 7 points. 3 * 9 C^2 = 27 C^2 weights against 49 C^2.
def points_seen(*blocks):
    stack = diptych.Sequential([diptych.Input((15, 15, 1)), *blocks])
    x = diptych.Variable(np.zeros((1, 15, 15, 1), "float32"))
    with diptych.GradientTape() as tape:
        y = stack(x)
        one = y[0, y.shape[1] // 2, y.shape[2] // 2, 0]
    return np.count_nonzero(np.asarray(tape.gradient(one, x)))


ones = {"kernel_initializer": "ones"}
assert points_seen(*[layers.Conv2D(1, 3, **ones) for _ in range(3)]) == 49
assert points_seen(layers.Conv2D(1, 7, **ones)) == 49
for channels in (32, 64):
    assert 3 * 9 * channels**2 < 49 * channels**2

# 3. A quarter each.
y, cache = pooling.average_pool_forward(np.eye(4)[None, :, :, None], (2, 2), (2, 2), ((0, 0),) * 2)
assert (pooling.average_pool_backward(np.ones_like(y), cache) == 0.25).all()
print("all three as claimed")
