"""Write the golden files with Keras: python -m tests.golden.make_golden [group ...]

Needs keras and tensorflow, which the tests do not; the groups of JAX below are made
with KERAS_BACKEND=jax: TensorFlow lacks some gradients of convolutions on a CPU, and
differs in other results. The versions are stored in each file under the key "versions".
"""

import importlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from . import (  # noqa: F401  (each registers its recipes)
    attention,
    convolution,
    embedding,
    further,
    image_changes,
    images,
    masks,
    normalization,
    operations,
    pooling,
    preparation,
    recurrent,
    single,
    special,
    training,
)
from .recipes import RECIPES, Kit

FOLDER = Path(__file__).parent
JAX = ("convolution", "further", "image_changes", "operations")
JAX += ("special_losses", "special_metrics")
BACKENDS = dict.fromkeys(JAX, "jax")  # all others: tensorflow
BACKEND = keras.backend.backend()
library = importlib.import_module(BACKEND)


def gradient_by_tensorflow(function, array):
    x = library.constant(array)
    with library.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy()


def gradient_by_jax(function, array):
    return library.grad(lambda x: function(x).sum())(library.numpy.asarray(array))


def main(groups):
    if BACKEND == "tensorflow":
        library.config.run_functions_eagerly(True)  # tracing each small function takes longer
    gradient = {"tensorflow": gradient_by_tensorflow, "jax": gradient_by_jax}[BACKEND]
    kit = Kit(keras, gradient)
    versions = {m.__name__: m.__version__ for m in (keras, library, np)}
    versions["backend"] = BACKEND
    groups = groups or [g for g in RECIPES if BACKENDS.get(g, "tensorflow") == BACKEND]
    for group in groups:
        if BACKENDS.get(group, "tensorflow") != BACKEND:
            raise SystemExit(f"{group}: set KERAS_BACKEND={BACKENDS.get(group, 'tensorflow')}")
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
