"""Trains a small VGG-like network on handwritten digits and prints its accuracy on 1,000 images
that it has not seen, epoch by epoch.

    python benchmarks/mnist.py                              after the download of the data set
    python benchmarks/mnist.py --path FOLDER                with mnist.npz or the IDX files
    python benchmarks/mnist.py --engine reference --epochs 1

Where only the IDX files of the 10,000 test images are there, 9,000 of them are for training.
"""

import argparse
import os
import time

import numpy as np

import diptych
from diptych import layers
from diptych.info import cpu_name

UNSEEN = 1000


def load(path):
    """Return (x, y) for training and (x, y) to test with, the images from 0 to 1."""
    (x, y), (x_test, y_test) = diptych.datasets.mnist.load_data(path)
    x, x_test = ((a[..., np.newaxis] / 255).astype(np.float32) for a in (x, x_test))
    return (x, y), (x_test[-UNSEEN:], y_test[-UNSEEN:])


def small_vgg(engine):
    model = diptych.Sequential(
        [
            diptych.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        engine=engine,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--path", default="mnist.npz", help="where the data set lies")
    parser.add_argument("--engine", default="fast", choices=["fast", "reference"])
    parser.add_argument("--epochs", type=int, default=5)
    chosen = parser.parse_args()
    (x, y), unseen = load(chosen.path)
    diptych.utils.set_random_seed(0)
    model = small_vgg(chosen.engine)
    print(f"{cpu_name()}, {os.cpu_count()} processors; engine {chosen.engine}; {len(x)} images")
    start = time.perf_counter()
    for epoch in range(chosen.epochs):
        model.fit(x, y, batch_size=64, verbose=0)
        _, accuracy = model.evaluate(*unseen, verbose=0)
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}: {seconds:5.1f} s, unseen images {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main()
