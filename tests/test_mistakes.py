"""Common mistakes: what is raised or warned of, and the words that the message must hold.

The table stands in ``tests/mistakes``: a name, the program, the exception (or the category of the
warning) with words of its message, and what Keras 3 on JAX does.
"""

import builtins
import pathlib
import re
import traceback
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import diptych
from diptych import layers
from diptych.models.checks import Checks
from diptych.utils import TrainingWarning

FOLDER = pathlib.Path(__file__).parent / "mistakes"
# How NumPy, or Python inside of diptych, speaks: of no use without the names of what was meant.
INNER = re.compile(
    r"operands could not|could not broadcast|not aligned|cannot reshape array|input array dim|"
    r"'NoneType' object|unexpected keyword|not subscriptable|unhashable"
)


@dataclass
class Mistake:
    """A row of the table."""

    name: str
    program: str
    warns: bool
    kind: type
    words: list[str]
    keras: str


def table():
    kinds = {**vars(builtins), "TrainingWarning": TrainingWarning}
    for path in sorted(FOLDER.glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("### ")[1:]:
            name, *program, told, keras = block.strip().split("\n")
            verb, kind, words = re.fullmatch(r"(raises|warns) (\w+): (.*)", told).groups()
            assert keras.startswith("Keras ")
            yield Mistake(
                name, "\n".join(program), verb == "warns", kinds[kind], words.split("; "), keras[6:]
            )


MISTAKES = list(table())


def names(tmp_path):
    """What the programs may use."""
    rng = np.random.default_rng(0)
    y = np.arange(32) % 3
    rng.shuffle(y)
    return {
        **{name: getattr(layers, name) for name in layers.__all__ if name[0].isupper()},
        **{name: getattr(diptych, name) for name in ("Input", "Model", "Sequential")},
        "keras": diptych,
        "layers": layers,
        "np": np,
        "tmp": tmp_path,
        "x": rng.normal(size=(32, 4)).astype("float32"),
        "y": y,
        "one_hot": np.eye(3, dtype="float32")[y],
        "images": rng.random((32, 8, 8, 1)).astype("float32"),
        "sequences": rng.normal(size=(32, 6, 2)).astype("float32"),
    }


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_it_is_told(mistake, engine, tmp_path, monkeypatch):
    monkeypatch.setattr(Checks, "hinted", False)
    diptych.utils.clear_session()
    error = None
    program = compile(mistake.program, mistake.name, "exec")
    with warnings.catch_warnings(record=True) as record, diptych.engine(engine):
        warnings.simplefilter("always")
        try:
            exec(program, names(tmp_path))  # noqa: S102
        except Exception as raised:
            error = raised
    if mistake.warns:
        assert error is None, "".join(traceback.format_exception(error))
        told = [str(one.message) for one in record if issubclass(one.category, mistake.kind)]
        if mistake.kind is TrainingWarning:
            assert len(set(told)) == len(told), "told twice"
    else:
        assert isinstance(error, mistake.kind), (error, [str(one.message) for one in record])
        told = [str(error)]
        assert not INNER.search(told[0])
    missing = [word for word in mistake.words if not any(word in one for one in told)]
    assert not missing, f"{missing} not in {told}"


def test_the_table_is_whole():
    assert len(MISTAKES) > 200
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize(
    "module",
    "activations applications callbacks constraints datasets initializers layers losses metrics "
    "ops optimizers preprocessing random regularizers saving utils".split(),
)
def test_every_module_suggests_the_name_that_was_meant(module):
    home = getattr(diptych, module)
    name = max((one for one in home.__all__ if hasattr(home, one)), key=len)
    with pytest.raises(AttributeError, match=f"{module}' has no .*did you mean '{name}'"):
        getattr(home, name[:2] + name[3:])
    with pytest.raises(AttributeError) as error:
        home.__wrapped__  # noqa: B018 - as Python asks
    assert "did you mean" not in str(error.value)
