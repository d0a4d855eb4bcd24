"""Write the golden files with Keras: python -m tests.golden.make_golden [group ...]

Needs keras and tensorflow, which the tests do not. The versions are stored in each file under the
key "versions".
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from . import pooling, single, training  # noqa: F401  (each registers its recipes)
from .recipes import RECIPES, Kit

FOLDER = Path(__file__).parent


def gradient(function, array):
    x = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy()


def main(groups):
    tf.config.run_functions_eagerly(True)  # tracing each small function takes longer
    kit = Kit(keras, gradient)
    versions = {m.__name__: m.__version__ for m in (keras, tf, np)}
    versions["backend"] = keras.backend.backend()
    for group in groups or RECIPES:
        stored = {"versions": np.array(json.dumps(versions))}
        for name, make in RECIPES[group].items():
            keras.utils.clear_session()
            keras.utils.set_random_seed(0)
            for key, value in make(kit).items():
                value = np.asarray(value)
                stored[f"{name}|{key}"] = value.astype("f4") if value.dtype == "f8" else value
        path = FOLDER / f"{group}.npz"
        np.savez_compressed(path, **stored)
        print(f"{path.name}: {len(stored) - 1} arrays, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
