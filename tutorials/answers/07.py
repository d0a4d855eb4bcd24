"""Answers to the exercises of tutorial 07."""

import warnings

import numpy as np

import diptych
from diptych import layers

# 1. Trained on the 500 men, validated on the 500 women. "Man" is always right in training, so the
#    network learns to say it, and is wrong in validation.
rng = np.random.default_rng(1)
gender = np.zeros(1000, int)
gender[:500] = 1
body = rng.normal(size=(1000, 3))
body[:500] += [1, 1, -1]


def network(inputs, classes):
    diptych.utils.set_random_seed(0)
    model = diptych.Sequential(
        [
            diptych.Input((inputs,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library notices
    run = network(3, 2).fit(body, gender, validation_split=0.5, epochs=20, verbose=0).history
print(f"training {run['accuracy'][-1]:.2f}, validation {run['val_accuracy'][-1]:.2f}")
assert run["accuracy"][-1] > 0.99
assert run["val_accuracy"][-1] < 0.05

# 2. The training loss is the mean over the epoch, while the weights still change; the validation
#    loss is measured at its end. Measured at the same time, the training rows' loss is lower, too.
(x, y), _ = diptych.datasets.digits.load_data()
x = x.reshape(-1, 64) / 16
model = network(64, 10)
run = model.fit(x[:1000], y[:1000], validation_data=(x[1000:], y[1000:]), verbose=0).history
after = model.evaluate(x[:1000], y[:1000], verbose=0)[0]
print(f"during {run['loss'][0]:.2f}, after {after:.2f}, validation {run['val_loss'][0]:.2f}")
assert after < run["val_loss"][0] < run["loss"][0]

# 3. The standard error of a share p of n rows is sqrt(p (1 - p) / n): n = 0.09 / 0.0001 = 900.
n = 0.9 * 0.1 / 0.01**2
assert round(n) == 900
print("900 rows")
