"""What `help` says: every public name is described, and what takes arrays names their shapes."""

import ast
import importlib
import inspect
import re
import textwrap

import pytest

MODULES = """
    activations applications backend callbacks config constraints datasets distillation
    dtype_policies initializers layers losses metrics mixed_precision models ops ops.image
    ops.linalg ops.nn ops.numpy optimizers optimizers.schedules preprocessing random regularizers
    saving teach tree utils visualization wrappers
""".split()
# Modules whose functions and classes name their arguments, besides those with arrays alone.
WITH_ARGUMENTS = """
    activations applications callbacks config constraints datasets datasets.made dtype_policies
    initializers layers losses metrics models optimizers optimizers.schedules preprocessing.image
    preprocessing.sequence preprocessing.text random regularizers saving tree utils visualization
    wrappers
""".split()
# Arguments that are the same everywhere.
EVERYWHERE = "self cls args kwargs options name dtype"
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
        "resolve_crossentropy": "from names and shapes to metrics",
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


def said_of(thing):
    """A description and the arguments that it should name, those of its class's bases too."""
    if not inspect.isclass(thing):
        return inspect.getdoc(thing) or "", inspect.signature(thing)
    ours = [cls for cls in thing.__mro__ if cls.__module__.startswith("diptych")]
    said = " ".join(vars(cls).get("__doc__") or "" for cls in ours)
    return said + (inspect.getdoc(thing.__init__) or ""), inspect.signature(thing.__init__)


def unnamed_arguments(thing):
    """The arguments that a description does not name, unless it says whose they are."""
    said, signature = said_of(thing)
    if re.search(r"\barguments\b", said, re.IGNORECASE):
        return []
    asked = [name for name in signature.parameters if name not in EVERYWHERE.split()]
    return [name for name in asked if not re.search(rf"\b{re.escape(name)}\b", said)]


@pytest.mark.parametrize("module", WITH_ARGUMENTS)
def test_descriptions_name_the_arguments(module):
    found = {name: unnamed_arguments(thing) for name, thing in names_in(module).items()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def unnamed_errors(thing):
    """The errors that a function or a method of a class raises itself, and no description names."""
    said = inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        said += " ".join(inspect.getdoc(method) or "" for method in vars(thing).values())
    code = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing))))
    raised = [node.exc for node in ast.walk(code) if isinstance(node, ast.Raise) and node.exc]
    names = {ast.unparse(getattr(error, "func", error)) for error in raised}
    return sorted(name for name in names if name not in said)


@pytest.mark.parametrize(
    "module", ["ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "teach"]
)
def test_descriptions_name_the_errors_that_are_raised(module):
    functions = {n: f for n, f in names_in(module).items() if inspect.isfunction(inspect.unwrap(f))}
    if module == "teach":
        functions["capture"] = names_in(module)["capture"]
    found = {name: unnamed_errors(thing) for name, thing in functions.items()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_an_error_that_is_not_named_is_found():
    def one(x):
        """KeyError: there is no x."""
        if x is None:
            raise KeyError(x)
        raise ValueError

    assert unnamed_errors(one) == ["ValueError"]


def test_an_argument_that_is_not_named_is_found():
    def one(first, second, name=None):
        """Take the first."""

    def other(first, second):
        """The arguments are those of ``one``."""

    class Base:
        """``second`` is told here."""

    class Derived(Base):
        """Takes the first."""

        __module__ = Base.__module__ = "diptych.test"

        def __init__(self, first, second, third):
            pass

    assert unnamed_arguments(one) == ["second"]
    assert unnamed_arguments(other) == []
    assert unnamed_arguments(Derived) == ["third"]


# Methods that are what their names say in every class; those of a callback are told in `Callback`.
PLAIN = re.compile("_|on_|get_config$|from_config$")


@pytest.mark.parametrize("module", ["callbacks", "losses", "metrics", "optimizers", "utils"])
def test_methods_have_descriptions_of_their_own_or_of_a_base(module):
    for name, thing in names_in(module).items():
        if not inspect.isclass(thing):
            continue
        methods = [key for key in vars(thing) if not PLAIN.match(key)]
        for key in methods:
            if inspect.isroutine(inspect.getattr_static(thing, key)):
                assert inspect.getdoc(getattr(thing, key)), f"diptych.{module}.{name}.{key}"


def test_a_description_is_found_without_a_shape():
    assert not SHAPE.search("The mean of (y_true - y_pred)^2.")
    assert not SHAPE.search("Return the (first) tensor less the second, or (for one axis) both.")
    assert SHAPE.search("(N, D) gives (N,)")
    assert SHAPE.search("x (..., n, ...) gives (...)")
