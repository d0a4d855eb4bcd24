"""Every public name of Keras is here, with its arguments, or on a list that says why not.

golden/signatures.json has the names and arguments. What is not there yet stands in
`keras_names.MISSING` and `MISSING_METHODS`, and what has other arguments yet in `UNLIKE`. A name
that is done goes from there, the other words staying in their lines, which makes merging easier; a
name too many fails as well.
"""

import ast
import importlib
import inspect
import json
from pathlib import Path

import pytest

from .golden.make_signatures import arguments
from .keras_names import DIFFERENT, MISSING, MISSING_METHODS, NOT_MEANT, OUT_OF_SCOPE, UNLIKE

SIGNATURES = json.loads(
    Path(__file__).with_name("golden").joinpath("signatures.json").read_text(encoding="utf-8")
)
SIGNATURES.pop("version")
EVERY = [(module, name) for module, names in SIGNATURES.items() for name in names]

# Arguments of every layer, which Keras names in some layers and takes by **kwargs in others, and
# arguments of quantisation.
SHARED = {
    "activity_regularizer", "trainable", "dtype", "autocast", "name", "kwargs", "lora_rank",
    "lora_alpha", "quantization_config", "gptq_unpacked_column_size",
}  # fmt: skip


def is_out_of_scope(module, name):
    return module in OUT_OF_SCOPE or f"{module}.{name}" in OUT_OF_SCOPE


def found(module, name):
    """What diptych has under a public name of Keras; None for nothing."""
    try:
        there = importlib.import_module("diptych" + module.removeprefix("keras"))
    except ImportError:
        return None
    return getattr(there, name, None)


PRESENT = [
    (module, name)
    for module, name in EVERY
    if not is_out_of_scope(module, name) and name not in MISSING.get(module, "").split()
]
CLASSES = [pair for pair in PRESENT if isinstance(SIGNATURES[pair[0]][pair[1]], dict)]


def dotted(pairs):
    return [f"{module}.{name}" for module, name in pairs]


def test_what_is_missing_is_exactly_what_the_list_says():
    missing = {}
    for module, name in EVERY:
        if not is_out_of_scope(module, name) and found(module, name) is None:
            missing.setdefault(module, []).append(name)
    listed = {module: sorted(names.split()) for module, names in MISSING.items()}
    assert {module: sorted(names) for module, names in missing.items()} == listed


def normalised(listed):
    """Arguments without stars and those that all layers have; 1 and (1, 1) are the same default."""
    for argument in listed:
        name, _, default = argument.lstrip("*").partition("=")
        if name and name not in SHARED:
            same = default and ast.literal_eval(default)
            if isinstance(same, tuple) and len(set(same)) == 1:
                default = repr(same[0])
            yield f"{name}={default}" if default else name


def likeness(module, name):
    """What is expected and found, as lists of arguments."""
    wanted, thing = SIGNATURES[module][name], found(module, name)
    if isinstance(wanted, list):
        return wanted, arguments(thing)
    return list(normalised(wanted["__init__"])), list(normalised(arguments(thing)))


@pytest.mark.parametrize(("module", "name"), PRESENT, ids=dotted(PRESENT))
def test_the_arguments_are_those_of_keras(module, name):
    full = f"{module}.{name}"
    wanted, got = likeness(module, name)
    if full in UNLIKE:
        assert got != wanted, f"{full} is as in Keras: remove it from UNLIKE"
    else:
        assert got == (DIFFERENT[full].split() if full in DIFFERENT else wanted)


@pytest.mark.parametrize(("module", "name"), PRESENT, ids=dotted(PRESENT))
def test_it_has_a_description(module, name):
    assert inspect.getdoc(found(module, name))


def missing_methods(module, name):
    """The methods that a class lacks; what Keras has as properties may be attributes here."""
    cls, members = found(module, name), SIGNATURES[module][name]
    return [
        member
        for member, arguments_ in members.items()
        if isinstance(arguments_, list) and member != "__init__"
        if not hasattr(cls, member) and not any(part in member for part in NOT_MEANT)
    ]


@pytest.mark.parametrize(("module", "name"), CLASSES, ids=dotted(CLASSES))
def test_a_class_has_the_methods_of_keras(module, name):
    assert missing_methods(module, name) == MISSING_METHODS.get(f"{module}.{name}", "").split()


def test_no_list_names_what_keras_does_not_have():
    every = {*dotted(EVERY), *SIGNATURES}
    assert every >= {*OUT_OF_SCOPE, *DIFFERENT, *UNLIKE, *MISSING_METHODS, *MISSING}
    for full, why in {**OUT_OF_SCOPE, **NOT_MEANT}.items():
        assert why, full


def test_every_part_of_a_name_in_not_meant_leaves_something_out():
    left_out = {
        part
        for module, name in CLASSES
        for member in SIGNATURES[module][name]
        for part in NOT_MEANT
        if part in member and not hasattr(found(module, name), member)
    }
    assert left_out == NOT_MEANT.keys()
