"""Answers to the exercises of tutorial 09."""

import numpy as np

import diptych
from diptych import layers
from diptych.teach import confusion_matrix


def network(inputs, width=500):
    diptych.utils.set_random_seed(0)
    model = diptych.Sequential(
        [
            diptych.Input((inputs,)),
            layers.Dense(width, activation="sigmoid"),
            layers.Dense(width, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# 1. 784 * 500 + 500, 500 * 500 + 500, 500 * 10 + 10: most in the first.
counts = [layer.count_params() for layer in network(784).layers]
assert counts == [392_500, 250_500, 5_010]
assert sum(counts) == 648_010

# 2. It doesn't: a Dense layer has a weight for each point and knows nothing of neighbours, so a
#    fixed order is only another numbering of its weights. (A convolution would suffer.)
(x, y), (x_test, y_test) = diptych.datasets.digits.load_data()
x, x_test = (part.reshape(-1, 64).astype("float32") / 16 for part in (x, x_test))
points = np.random.default_rng(0).permutation(64)
scores = []
for swap in (np.arange(64), points):
    model = network(64, width=100)
    model.fit(x[:, swap], y, batch_size=100, epochs=60, verbose=0)
    scores.append(model.evaluate(x_test[:, swap], y_test, verbose=0)[1])
print("accuracy in order, and swapped:", np.round(scores, 3))
assert abs(scores[0] - scores[1]) < 0.04

# 3. Multiply the counts by a table of costs, and add up.
counts = confusion_matrix(model, x_test[:, points], y_test).counts
mistakes = counts - np.diag(np.diag(counts))
print(f"the largest is {mistakes.max() / mistakes.sum():.0%} of all mistakes")
cost = 1 - np.eye(10)
cost[7, 1] = 10
assert (counts * cost).sum() == mistakes.sum() + 9 * counts[7, 1]
