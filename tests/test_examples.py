"""The examples of the API's pages: they run, and are of names that exist."""

import doctest
import inspect
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import diptych

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "_ext"))

import examples  # noqa: E402
import public  # noqa: E402

COMPLETE = """
    constraints initializers layers losses ops optimizers.schedules random regularizers
""".split()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])")


class Checker(doctest.OutputChecker):
    """Compares numbers to five digits: the last ones differ between processors."""

    def check_output(self, want, got, flags):
        if super().check_output(want, got, flags):
            return True
        texts = ["".join(NUMBER.sub("#", text).split()) for text in (want, got)]
        numbers = [list(map(float, NUMBER.findall(text))) for text in (want, got)]
        return texts[0] == texts[1] and np.allclose(*numbers, rtol=1e-5, atol=1e-6)


@pytest.fixture(autouse=True)
def _no_policy_afterwards():
    """A policy that an example has chosen would go before what other tests configure."""
    yield
    diptych.dtype_policies._chosen = None


def in_docstrings():
    """The examples that stand in docstrings."""
    found = {}
    for thing in public.things():
        text = inspect.getdoc(thing.value) or ""
        if ">>> " in text:
            found[thing.name] = text
    return found


def run(name, text, where=None):
    """The report of what an example does else than it says; empty if it does what it says."""
    test = doctest.DocTestParser().get_doctest(text, where or examples.names(), name, None, 0)
    assert test.examples, name
    report = []
    diptych.utils.set_random_seed(0)
    doctest.DocTestRunner(Checker(), verbose=False, optionflags=FLAGS).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("module", sorted({n.split(".")[1] for n in examples.examples()}))
def test_examples(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = {n: t for n, t in examples.examples().items() if n.split(".")[1] == module}
    assert here.keys() <= public.by_name().keys()
    before = diptych.config.floatx(), diptych.config.image_data_format()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", diptych.utils.TrainingWarning)
        wrong = [report for name, text in here.items() if (report := run(name, text))]
    assert not wrong, "".join(wrong)
    assert (diptych.config.floatx(), diptych.config.image_data_format()) == before


@pytest.mark.parametrize("name", in_docstrings())
def test_examples_in_docstrings(name):
    assert not run(name, in_docstrings()[name])


@pytest.mark.parametrize("module", COMPLETE)
def test_every_name_has_an_example(module):
    there = {n.rpartition(".")[0]: n for n in public.by_name()}
    assert f"diptych.{module}" in there
    found = examples.examples().keys() | in_docstrings()
    mine = [t for t in public.things() if t.name.rpartition(".")[0] == f"diptych.{module}"]
    assert [thing.name for thing in mine if not found & set(thing.names)] == []


def test_an_example_that_is_wrong_is_noticed():
    assert "Expected:\n    3\nGot:\n    2" in run("sum", ">>> 1 + 1\n3\n")
    assert "NameError" in run("name", ">>> nowhere\n")
    assert run("near", ">>> np.array([0.1234567, 2.0])\narray([0.124, 2.])\n")
    assert not run("near", ">>> np.array([0.1234567, 2.0])\narray([0.1234568, 2.])\n")
