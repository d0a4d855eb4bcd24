"""The case table: for each family of twins, the arguments its functions are tried with.

`tests/cases/F.py` holds `CASES = {"f_forward": [Case(label, make), ...], ...}` for family F. This
one table feeds every check in `tests/test_twins.py`: parity, dtypes, strides, read-only inputs,
threads and finite differences.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One set of arguments for a forward function (or for an in-place update).

    `make(rng)` returns the keyword arguments. Float arrays are made in float64 and cast by the
    harness; integer arrays and options stay as they are. `smooth=False` leaves the case out of the
    finite differences, and only there: say why in the label. Better: sample away from kinks.
    """

    label: str
    make: Callable[[np.random.Generator], dict]
    smooth: bool = True

    def arguments(self, seed=0):
        """The keyword arguments; the same numbers at every call."""
        return self.make(np.random.default_rng(seed))


def families():
    """The families that have a table, by their file names."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def load(family):
    """The CASES of one family: {function name: [Case, ...]}."""
    return importlib.import_module(f"{__name__}.{family}").CASES


def load_extras(family):
    """Its EXTRAS in the same form, where it has any: those of `tests/extras.py`."""
    return getattr(importlib.import_module(f"{__name__}.{family}"), "EXTRAS", {})
