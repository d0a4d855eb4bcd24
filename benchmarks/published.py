"""Times the two small networks that others publish figures of.

    python benchmarks/published.py

A 4-32-16-4 network with tanh, trained on all of 10,000 rows at a time with Adam: microseconds a
step. LeNet-5 with relu, maximum pooling and no padding on 60,000 images of 28 x 28, in batches of
96 for each of two threads: seconds an epoch. Both as in the examples of SimpleChains.jl. The data
are made on the spot; nothing is printed meanwhile.
"""

import statistics
import time

import numpy as np
from training import print_machine

import diptych
from diptych import layers

REPEATS = 5


def tanh_network(rng):
    x = rng.standard_normal((10_000, 4)).astype("float32")
    y = rng.standard_normal((10_000, 4)).astype("float32")
    model = diptych.Sequential(
        [layers.Input((4,)), layers.Dense(32, "tanh"), layers.Dense(16, "tanh"), layers.Dense(4)]
    )
    model.compile("adam", "mse")
    return model, x, y, len(x)


def lenet(rng):
    x = rng.random((60_000, 28, 28, 1), np.float32)
    y = rng.integers(0, 10, 60_000)
    model = diptych.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, "relu"),
            layers.Dense(84, "relu"),
            layers.Dense(10),
        ]
    )
    loss = diptych.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(diptych.optimizers.Adam(3e-4), loss)
    return model, x, y, 192


def seconds(model, x, y, batch_size, epochs):
    """The median time of so many epochs."""
    model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    rng = np.random.default_rng(0)
    print_machine()
    step = seconds(*tanh_network(rng), epochs=200) / 200
    print(f"4-32-16-4, tanh, Adam, 10,000 rows a step: {1e6 * step:.0f} us a step")
    print(
        f"LeNet-5, 60,000 images, batches of 192: {seconds(*lenet(rng), epochs=1):.2f} s an epoch"
    )


if __name__ == "__main__":
    main()
