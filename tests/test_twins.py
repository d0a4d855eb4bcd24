"""The two engines against each other: names, signatures, documents, numbers.

Families are found by listing files and functions by looking into the modules, so nothing new can be
forgotten. Every numeric check runs over the one case table in `tests/cases/`.
"""

import re

import numpy as np
import pytest

from tests import cases, extras, twins

REFERENCE = twins.family_names("reference", "*.py")
FASTCORE = twins.family_names("fastcore", "*.pyx")
FAMILIES = sorted(set(REFERENCE) & set(FASTCORE) & set(cases.families()))
ENGINES = pytest.mark.parametrize("engine", twins.ENGINES)
DTYPES = pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)


def table():
    """[(pair, cases)] of every op that has cases, the extras of the fast engine among them."""
    rows = []
    for family in FAMILIES:
        reference, fast = twins.module("reference", family), twins.module("fastcore", family)
        for name, tried in cases.load(family).items():
            rows.append((twins.Pair.of(reference, fast, name, tried), tried))
        rows += extras.table(family)
    return rows


TABLE = table()


def over_cases(keep=lambda pair, case: True):
    return pytest.mark.parametrize(
        ("pair", "case"),
        [
            pytest.param(pair, case, id=f"{pair.name}-{case.label}".replace(" ", "_"))
            for pair, tried in TABLE
            for case in tried
            if keep(pair, case)
        ],
    )


def has_backward(pair, case=None):
    return not pair.updates_in_place and pair.name not in twins.NO_BACKWARD


# ------------------------------------------------------------------------- structure


def test_both_engines_hold_the_same_families():
    assert REFERENCE == FASTCORE
    assert REFERENCE, "no family was found: the folders have moved"


def test_every_family_has_cases():
    assert cases.families() == REFERENCE


@pytest.mark.parametrize("family", FAMILIES)
def test_twins_have_the_same_functions_in_the_same_order(family):
    reference, fast = twins.module("reference", family), twins.module("fastcore", family)
    assert twins.public_functions(reference), f"reference/{family}.py defines nothing"
    both = [n for n in twins.public_functions(fast) if n not in extras.names(family)]
    assert twins.public_functions(reference) == both


@pytest.mark.parametrize("family", FAMILIES)
def test_twins_have_the_same_signatures(family):
    reference, fast = twins.module("reference", family), twins.module("fastcore", family)
    for name in twins.public_functions(reference):
        ours, theirs = (twins.parameters(getattr(m, name)) for m in (reference, fast))
        assert ours == theirs, f"{family}.{name}: reference {ours}, fastcore {theirs}"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_op_has_three_cases_and_no_case_is_orphaned(family):
    functions = twins.public_functions(twins.module("reference", family))
    ops = {name for name in functions if not name.endswith("_backward")}
    tried = cases.load(family)
    assert set(tried) == ops
    few = {name: len(each) for name, each in tried.items() if len(each) < 3}
    assert not few, f"fewer than three cases: {few}"
    for name, each in tried.items():
        labels = [case.label for case in each]
        assert len(set(labels)) == len(labels), f"{name}: two cases share a label: {labels}"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_function_is_a_forward_a_backward_or_an_update(family):
    functions = twins.public_functions(twins.module("reference", family))
    for name in functions:
        assert name.endswith(("_forward", "_backward", "_")), (
            f"{family}.{name} is neither X_forward, X_backward nor an update ending in _"
        )
        if name.endswith("_forward") and name not in twins.NO_BACKWARD:
            backward = name.removesuffix("_forward") + "_backward"
            below = functions[functions.index(name) + 1 :][:1]
            assert below == [backward], f"{backward} must stand directly under {name}"
        if name.endswith("_backward"):
            assert name.removesuffix("_backward") + "_forward" in functions


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_explains_and_the_twin_refers_to_it(family):
    reference, fast = twins.module("reference", family), twins.module("fastcore", family)
    for name in twins.public_functions(reference):
        text = getattr(reference, name).__doc__ or ""
        assert re.search(r"=|\n {8}\S", text), (
            f"reference.{family}.{name}: the docstring has no equation"
        )
        if name.endswith("_forward"):
            assert re.search(r":\s*\(.*\)|\(\.\.\.|shape", text), (
                f"reference.{family}.{name}: the docstring gives no shape"
            )
        twin = getattr(fast, name).__doc__ or ""
        opening = f"Twin of reference.{family}.{name}."
        assert twin.startswith(opening), f"fastcore.{family}.{name}: must start with {opening!r}"


@pytest.mark.parametrize(("family", "name"), extras.FUNCTIONS)
def test_an_extra_is_the_fast_engines_alone_and_composed_of_reference_functions(family, name):
    reference, fast = twins.module("reference", family), twins.module("fastcore", family)
    assert not hasattr(reference, name), f"reference.{family}.{name}: not for speed alone, then"
    composition = extras.FUNCTIONS[family, name]
    assert twins.parameters(getattr(fast, name)) == twins.parameters(composition)
    text = getattr(fast, name).__doc__
    assert text.startswith("Extra: "), f"fastcore.{family}.{name}: must start with 'Extra: '"
    assert "tests/extras.py" in text


def test_the_lists_of_exceptions_name_real_functions():
    names = {pair.name for pair, _ in TABLE}
    assert set(twins.NO_BACKWARD) <= names
    assert set(twins.OWN_CACHES) <= names
    for name, option in twins.SETTLED:
        (pair,) = (pair for pair, _ in TABLE if pair.name == name)
        assert option in [n for n, *_ in twins.parameters(pair.forward("reference"))]
    assert set(twins.NO_GRADIENT) <= {name for pair, _ in TABLE for name in pair.arrays}


# ------------------------------------------------------------------------- numbers


@DTYPES
@over_cases()
def test_forward_parity(pair, case, dtype):
    twins.check_parity(pair, case, dtype, parts=("forward",))


@DTYPES
@over_cases(lambda pair, case: not pair.updates_in_place and pair.name not in twins.OWN_CACHES)
def test_cache_parity(pair, case, dtype):
    twins.check_parity(pair, case, dtype, parts=("cache",))


@DTYPES
@over_cases(has_backward)
def test_backward_parity(pair, case, dtype):
    twins.check_parity(pair, case, dtype, parts=("backward",))


@DTYPES
@over_cases()
def test_any_memory_layout(pair, case, dtype):
    twins.check_parity(pair, case, dtype, layouts=twins.LAYOUTS)


@ENGINES
@DTYPES
@over_cases()
def test_inputs_are_left_alone_and_may_be_read_only(pair, case, dtype, engine):
    twins.check_pure(pair, case, dtype, engine)


@ENGINES
@DTYPES
@over_cases()
def test_two_runs_give_the_same_bits(pair, case, dtype, engine):
    twins.check_repeatable(pair, case, dtype, engine)


@DTYPES
@over_cases()
def test_any_number_of_threads_gives_the_same_bits(pair, case, dtype):
    twins.check_threads(pair, case, dtype)


@ENGINES
@over_cases(lambda pair, case: has_backward(pair) and case.smooth)
def test_finite_differences(pair, case, engine):
    twins.check_finite_differences(pair, case, engine)


@ENGINES
@DTYPES
@over_cases(lambda pair, case: has_backward(pair) and len(twins.backward_options(pair)) > 0)
def test_a_gradient_may_be_left_out(pair, case, dtype, engine):
    twins.check_unneeded_gradients(pair, case, dtype, engine)


@pytest.mark.parametrize(
    ("pair", "tried"),
    [row for row in TABLE if len(row[1]) >= 3],  # fewer: a rule once more, with rows of tables
    ids=lambda v: getattr(v, "name", ""),
)
def test_every_option_matters(pair, tried):
    twins.check_options_matter(pair, tried)


def test_every_differentiable_op_meets_finite_differences():
    """At least one smooth case each, so that `smooth=False` cannot hide an op altogether."""
    for pair, tried in TABLE:
        if has_backward(pair):
            assert any(case.smooth for case in tried), f"{pair.name} has no smooth case"
