"""Write the model files in files/ with Keras: python -m tests.golden.make_files

And look whether Keras reads what diptych writes, and the other way round:

    python -m tests.golden.make_files --write FOLDER [--with keras]
    python -m tests.golden.make_files --read FOLDER --with diptych

Layers for text need Keras on TensorFlow; what a library does not have is left out.
"""

import argparse
import importlib
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

from tests import file_models

HERE = Path(__file__).parent / "files"
# Every one would be half a megabyte: the suite has diptych write and read the others.
KEPT = ["masked", "shared", "convolutional", "late"]
TRAINED = ["SGD", "Adam", "RMSprop", "MultiOptimizer"]
STEPS = (5, 6, 7)
# What Keras 3.15.1 does otherwise, for its own files, too.
NOT_ALIKE = {
    "layer_RandomCrop": "outside training Keras gives back the whole image",
    "operation_norm": "Keras on JAX cannot call a norm with an axis",
}
# Nor does Keras go on training from a .h5: of its own it does not know the loss "mse" again, and
# it builds the optimizer for no variables.


def outputs(model, inputs):
    """What a model gives, as a list of arrays, those of a dict in the order of the names."""

    def flat(y):
        if isinstance(y, dict):
            return [part for key in sorted(y) for part in flat(y[key])]
        if isinstance(y, (list, tuple)):
            return [part for item in y for part in flat(item)]
        return [np.asarray(y)]

    return flat(model(inputs, training=False))


def fill(model, seed=3):
    """Give all weights values that no initializer gives."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "float" in str(variable.dtype):
            variable.assign(rng.random(tuple(variable.shape)) + 0.1)


def inputs_of(name, model):
    return np.ones((4, 3), "float32") if name == "late" else file_models.inputs_for(model)


def losses(model):
    """The losses of three more steps of training."""
    results = [model.train_on_batch(*file_models.batch(step)) for step in STEPS]
    return np.array([float(np.ravel(result)[0]) for result in results])


def make():
    import keras

    expected = {}
    for name in KEPT:
        model = file_models.WHOLE[name](keras)
        fill(model)
        for ending in (".keras", ".h5"):
            model.save(HERE / f"{name}{ending}")
        model.save_weights(HERE / f"{name}.weights.h5")
        for i, array in enumerate(outputs(model, inputs_of(name, model))):
            expected[f"{name}/{i}"] = array
    for name in TRAINED:
        model = file_models.trained(keras, name)
        for ending in (".keras", ".h5"):
            model.save(HERE / f"trained_{name}{ending}")
        expected[f"trained_{name}"] = losses(model)
    np.savez(HERE / "expected.npz", keras=keras.__version__, **expected)


def cases(library):
    """Every model of file_models.py, by its name."""
    classes = json.loads((HERE.parent / "configs.json").read_text(encoding="utf-8"))
    layers = [name for name in classes if hasattr(library.layers, name)]
    found = {
        f"layer_{name}": partial(file_models.layer_model, library, name)
        for name in layers
        if name not in file_models.NO_LAYERS_OF_A_MODEL
    }
    for name in file_models.operations(library):
        found[f"operation_{name}"] = partial(file_models.operation_model, library, name)
    return found | {name: partial(make, library) for name, make in file_models.WHOLE.items()}


def write(folder, library):
    for name, build in cases(library).items():
        try:
            model = build()
            if name not in file_models.LEARNT:
                fill(model)
            found = outputs(model, inputs_of(name, model))
        except Exception as error:  # Keras on JAX has no texts, and no norm along an axis
            print(f"{name} is left out: {type(error).__name__}: {str(error)[:200]}")
            continue
        for ending in (".keras", ".h5"):
            if ending == ".keras" or name not in file_models.WITH_VOCABULARY:
                save(model, folder / f"{name}{ending}")
        np.savez(folder / f"{name}.npz", *found)
    for name in file_models.OPTIMIZERS:
        model = file_models.trained(library, name)
        for ending in (".keras", ".h5"):
            save(model, folder / f"trained_{name}{ending}")
        np.savez(folder / f"trained_{name}.npz", losses(model))


def save(model, path):
    """Write a file, or say why the library cannot: Keras copies configs, and some hold modules."""
    try:
        model.save(path)
    except Exception as error:
        path.unlink(missing_ok=True)
        print(f"{path.name} is left out: {type(error).__name__}: {str(error)[:200]}")


def read(folder, library):
    wrong = 0
    paths = [p for p in sorted(folder.glob("*")) if p.suffix in (".keras", ".h5")]
    for path in paths:
        if path.stem in NOT_ALIKE or (library.__name__ == "keras" and path.match("trained_*.h5")):
            continue
        try:
            model = library.models.load_model(path)
            if path.name.startswith("trained_"):
                found, bound = [losses(model)], 1e-5
            else:
                found, bound = outputs(model, inputs_of(path.stem, model)), 1e-6
            expected = list(np.load(path.with_suffix(".npz"), allow_pickle=False).values())
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(
                    a.astype(float), b.astype(float), rtol=bound, atol=bound * max(1, abs(b).max())
                )
        except Exception as error:
            wrong += 1
            print(f"{path.name}: {type(error).__name__}: {str(error)[-300:]}")
    print(f"{wrong} of {len(paths)} are not read alike")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=Path)
    parser.add_argument("--read", type=Path)
    parser.add_argument("--with", dest="library", choices=["diptych", "keras"], default="diptych")
    chosen = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if chosen.write:
        chosen.write.mkdir(exist_ok=True, parents=True)
        write(chosen.write, importlib.import_module(chosen.library))
    elif chosen.read:
        sys.exit(read(chosen.read, importlib.import_module(chosen.library)) > 0)
    else:
        make()


if __name__ == "__main__":
    main()
