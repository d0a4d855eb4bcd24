"""What `help` says: every public name is described, and what takes arrays names their shapes."""

import importlib
import inspect
import re

import pytest

MODULES = """
    activations applications backend callbacks config constraints datasets distillation
    dtype_policies initializers layers losses metrics mixed_precision models ops ops.image
    ops.linalg ops.nn ops.numpy optimizers optimizers.schedules preprocessing random regularizers
    saving tree utils visualization wrappers
""".split()
OF_ARRAYS = "activations layers losses metrics ops ops.image ops.linalg ops.nn ops.numpy random"

# A shape with symbols such as (N, ..., C), its name, or a word that says that any is taken.
SHAPE = re.compile(r"\((\*?[A-Za-z]\w*|\.\.\.|\d+)(,| [*/+] )|\b[Ss]hapes?\b|\brank\b")

# Names that take no arrays, or whose shapes are said elsewhere, and why.
WITHOUT_SHAPES = {
    "activations": {"deserialize get serialize": "from names and configurations to functions"},
    "layers": {
        "deserialize serialize": "from configurations to layers",
        "Layer": "to be subclassed",
    },
    "losses": {"deserialize get serialize": "from names and configurations to losses"},
    "metrics": {
        "deserialize get serialize": "from names and configurations to metrics",
        "resolve_accuracy resolve_crossentropy": "from names and shapes to metrics",
    },
    "random": {"SeedGenerator global_generator": "where random numbers come from, not numbers"},
}


def names_in(module):
    here = importlib.import_module(f"diptych.{module}")
    things = {name: getattr(here, name) for name in here.__all__}
    return {name: thing for name, thing in things.items() if callable(thing)}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_description_of_its_own(module):
    for name, thing in names_in(module).items():
        said = vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)
        assert len((said or "").split()) > 1, f"diptych.{module}.{name}: {said!r}"


@pytest.mark.parametrize("module", OF_ARRAYS.split())
def test_what_takes_arrays_names_their_shapes(module):
    excepted = set(" ".join(WITHOUT_SHAPES.get(module, {})).split())
    found = {n for n, thing in names_in(module).items() if SHAPE.search(inspect.getdoc(thing))}
    assert sorted(names_in(module).keys() - found) == sorted(excepted)


def test_a_description_is_found_without_a_shape():
    assert not SHAPE.search("The mean of (y_true - y_pred)^2.")
    assert not SHAPE.search("Return the (first) tensor less the second, or (for one axis) both.")
    assert SHAPE.search("(N, D) gives (N,)")
    assert SHAPE.search("x (..., n, ...) gives (...)")
