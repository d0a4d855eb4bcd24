"""What is computed with Keras and with diptych, in one text.

Each recipe is a function of a `Kit` and gives a dict of arrays. `make_golden.py` runs the recipes
on Keras and stores what comes out; `test_golden.py` runs them on diptych and compares. So both get
the same numbers through the same calls, and a name that diptych lacks shows at once.
"""

import functools
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kit:
    """A library with the Keras API, and what the two do not share."""

    keras: ModuleType
    gradient: Any  # gradient(function, array): d function(array) / d array, as an array

    def __getattr__(self, name):
        return getattr(self.keras, name)


RECIPES: dict[str, dict[str, Any]] = {}


def recipe(group, name, *args):
    """Decorator: register `function(kit, *args)` under a group (one .npz) and a name."""

    def register(function):
        named = RECIPES.setdefault(group, {})
        if name in named:
            raise KeyError(f"two recipes are called {group}/{name}")
        named[name] = functools.partial(function, args=args) if args else function
        return function

    return register


def numbers(seed, *shape, low=None, high=None):
    """Reproducible float32 numbers: normal, or uniform between low and high.

    RandomState, because its stream is frozen for all versions of NumPy.
    """
    rng = np.random.RandomState(seed)
    made = rng.normal(size=shape) if low is None else rng.uniform(low, high, shape)
    return made.astype(np.float32)


def one_hot(classes, count):
    return np.eye(count, dtype=np.float32)[np.asarray(classes)]


def with_fixed_weights(model, seed=11):
    """Give a model reproducible weights of a sensible size."""
    weights = [0.5 * numbers(seed + i, *w.shape) for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    return model


def weights_of(model):
    return {f"weight{i}": w for i, w in enumerate(model.get_weights())}


def history_of(history):
    return {f"history/{key}": np.array(values) for key, values in history.history.items()}
