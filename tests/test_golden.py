"""diptych against values that Keras 3 computed, on both engines.

The recipes in `tests/golden/` are run with diptych here; `make_golden.py` ran the same text with
Keras and stored the results.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import diptych
from tests import tolerances
from tests.golden import (  # noqa: F401  (each registers its recipes)
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
from tests.golden.recipes import RECIPES, Kit

FOLDER = Path(__file__).parent / "golden"


def gradient(function, array):
    x = diptych.Variable(array)
    with diptych.GradientTape() as tape:
        y = function(x)
    return diptych.ops.convert_to_numpy(tape.gradient(y, x))


def stored(group):
    """{recipe: {key: array}} of one golden file."""
    golden = {}
    with np.load(FOLDER / f"{group}.npz") as file:
        for entry in file.files:
            if entry != "versions":
                name, _, key = entry.partition("|")
                golden.setdefault(name, {})[key] = file[entry]
    return golden


GOLDEN = {group: stored(group) for group in RECIPES}


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking")
@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, recipes in RECIPES.items() for name in recipes]
)
def test_same_as_keras(group, name, engine):
    diptych.utils.set_random_seed(0)
    expected = GOLDEN[group][name]
    with diptych.engine(engine):
        given = RECIPES[group][name](Kit(diptych, gradient))
    assert set(given) == set(expected)
    wrong = []
    for key, value in expected.items():
        ours = np.asarray(given[key])
        if ours.shape != value.shape:
            wrong.append(f"{key}: shape {ours.shape}, Keras {value.shape}")
        elif not np.allclose(ours, value, **tolerances.GOLDEN, equal_nan=True):
            worst = np.argmax(np.abs(ours - value))
            at = tuple(int(i) for i in np.unravel_index(worst, value.shape))
            wrong.append(f"{key}: at {at} {ours[at]}, Keras {value[at]}")
    assert not wrong, f"{group}/{name} on {engine}:\n  " + "\n  ".join(wrong)


@pytest.mark.parametrize("group", RECIPES)
def test_golden_files_match_the_recipes_and_name_their_versions(group):
    assert set(GOLDEN[group]) == set(RECIPES[group])
    with np.load(FOLDER / f"{group}.npz") as file:
        versions = json.loads(str(file["versions"]))
    assert versions["keras"].startswith("3.")
    assert {"numpy", "backend"} <= set(versions)


def test_golden_files_stay_small():
    assert max(path.stat().st_size for path in FOLDER.glob("*.npz")) < 200_000
