"""Answers to the exercises of tutorial 08."""

import numpy as np

import diptych
from diptych import layers


# 1. 100 batches an epoch, so 2000; without 15 % of the rows 85 batches, so 1700.
def updates(**options):
    model = diptych.Sequential([diptych.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((10_000, 1), "float32")
    model.fit(x, x, batch_size=100, epochs=20, verbose=0, **options)
    return int(model.optimizer.iterations.numpy())


assert updates() == 2000
assert updates(validation_split=0.15) == 1700

# 2. The mean of all rows is the mean of all rows: variance 0. Of N rows without replacement the
#    variance is 1 / B times (N - B) / (N - 1): about a half for half of them.
rng = np.random.default_rng(0)
N, B = 100, 50
rows = rng.normal(size=N)
means = [rng.choice(rows, B, replace=False).mean() for _ in range(20_000)]
factor = np.var(means) / (np.var(rows) / B)
print(f"factor {factor:.3f}, by the formula {(N - B) / (N - 1):.3f}")
assert abs(factor - (N - B) / (N - 1)) < 0.03
assert np.isclose(rng.choice(rows, N, replace=False).mean(), rows.mean())

# 3. In proportion the rate is 0.1 * 1437 / 32 = 4.5, which is too much: the steps overshoot, and
#    the loss rises or stays where it was. A rate of 1 still works.
(x, y), _ = diptych.datasets.digits.load_data()
x = x.reshape(-1, 64).astype("float32") / 16


def loss(rate, seed):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((64,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(diptych.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=len(x), epochs=100, verbose=0)
    return model.evaluate(x, y, verbose=0)


found = {rate: [loss(rate, seed) for seed in range(5)] for rate in (0.1, 1.0, 4.5)}
for rate, losses in found.items():
    print(f"rate {rate}: losses {np.round(losses, 2)}")
assert max(found[1.0]) < min(found[0.1])
assert min(found[4.5]) > 2 * max(found[1.0])
