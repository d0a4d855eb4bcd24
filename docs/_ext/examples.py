"""Short examples for the pages of the API, from the files in ``docs/examples``.

Each file has examples of one module in the form of doctest: a line with a name, then the session.
``tests/test_examples.py`` runs them.
"""

import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "examples"
_MODULES = """
    activations applications backend callbacks config constraints datasets initializers layers
    losses metrics models ops optimizers preprocessing random regularizers saving tree utils
""".split()


@lru_cache
def examples() -> dict[str, str]:
    """The examples by the names that they are of: ``diptych.layers.Dense``."""
    found: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        module = "diptych" if path.stem == "diptych" else f"diptych.{path.stem}"
        lines: list[str] = []
        fresh = True
        for line in path.read_text(encoding="utf-8").splitlines():
            if fresh and line.strip():
                lines = found.setdefault(f"{module}.{line.strip()}", [])
                fresh = False
            elif line.strip():
                lines.append(line)
            else:
                fresh = True
    return {name: "\n".join(lines) for name, lines in found.items()}


def names() -> dict[str, Any]:
    """What stands before each example: NumPy, the package, its modules."""
    modules = {name: importlib.import_module(f"diptych.{name}") for name in _MODULES}
    return {"np": np, "diptych": importlib.import_module("diptych"), **modules}
