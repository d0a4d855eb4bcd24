"""Answers to the exercises of tutorial 12."""

import numpy as np

import diptych
from diptych import layers

(x, y), (x_test, y_test) = diptych.datasets.digits.load_data()
x, x_test = (part[..., None].astype("float32") / 16 for part in (x, x_test))


def vgg(window=3, pooling=True):
    diptych.utils.set_random_seed(0)
    stack = [diptych.Input((8, 8, 1))]
    for filters in (16, 32):
        for _ in range(2):
            stack.append(layers.Conv2D(filters, window, padding="same", activation="relu"))
        if pooling:
            stack.append(layers.MaxPooling2D(2))
        stack.append(layers.Dropout(0.25))
    return compiled([*stack, layers.Flatten(), layers.Dense(10, activation="softmax")])


def dense():
    diptych.utils.set_random_seed(0)
    hidden = [layers.Dense(500, activation="sigmoid") for _ in range(2)]
    answer = layers.Dense(10, activation="softmax")
    return compiled([diptych.Input((8, 8, 1)), layers.Flatten(), *hidden, answer])


def compiled(stack):
    model = diptych.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# 1. 25 C F + F for each convolution; and 8 * 8 * 32 inputs of the dense layer instead of 128.
counts = [25 * c * f + f for c, f in ((1, 16), (16, 16), (16, 32), (32, 32))]
assert vgg(window=5).count_params() == sum(counts) + 1290 == 46_586
assert vgg(pooling=False).layers[-1].count_params() == 8 * 8 * 32 * 10 + 10 == 20_490

# 2. The dense network: to it a shifted picture is another set of points. The VGG's maps shift with
#    the picture, and the poolings forget a part of the shift; what is left, its dense layer minds.
shifted = np.roll(x_test, 1, axis=2)
shifted[:, :, 0] = 0
lost = {}
for name, model, epochs in (("dense", dense(), 40), ("VGG", vgg(), 20)):
    model.fit(x, y, epochs=epochs, verbose=0)
    still, moved = (model.evaluate(part, y_test, verbose=0)[1] for part in (x_test, shifted))
    lost[name] = still - moved
    print(f"{name:<6} {still:.3f}, shifted {moved:.3f}")
assert lost["dense"] > lost["VGG"]

# 3. In training, a little above chance after some epochs; in validation 0.1, as there is nothing to
#    learn.
rng = np.random.default_rng(0)
pictures, labels = rng.random((600, 8, 8, 1)), rng.integers(0, 10, 600)
run = vgg().fit(
    pictures[:300],
    labels[:300],
    validation_data=(pictures[300:], labels[300:]),
    epochs=20,
    verbose=0,
)
print(
    f"training {run.history['accuracy'][-1]:.2f}, validation {run.history['val_accuracy'][-1]:.2f}"
)
assert abs(run.history["val_accuracy"][-1] - 0.1) < 0.07
