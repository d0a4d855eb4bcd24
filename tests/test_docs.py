"""The guides: their examples run, and the files, functions and pages that they name exist."""

import re
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import compat

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = (ROOT, ROOT / "src" / "diptych", ROOT / "tests")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def examples():
    """(path, line, code) of each block of Python in the guides."""
    for path in GUIDES:
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
            line = text.count("\n", 0, block.start()) + 1
            # Padded with empty lines, so that an error names the line of the guide.
            yield pytest.param(path, "\n" * line + block[1], id=f"{name_of(path)}:{line}")


EXAMPLES = list(examples())


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_an_example_runs(path, code):
    """Each by itself; those of the README go on from the names of its first, as a reader does."""
    names = {}
    if path.name == "README.md" and "import diptych" not in code:
        names = of_the_readme()
    diptych.utils.set_random_seed(0)
    try:
        exec(compile(code, name_of(path), "exec"), names)
    finally:
        compat.uninstall()


def of_the_readme():
    """What a reader of the README has at hand: a model, and a few rows for it."""
    rng = np.random.default_rng(0)
    model = diptych.Sequential(
        [
            diptych.Input(shape=(6,)),
            diptych.layers.Dense(5, activation="tanh"),
            diptych.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    x, y = rng.normal(size=(8, 6)).astype("float32"), rng.integers(0, 3, 8)
    return {"diptych": diptych, "model": model, "x": x, "y": y}


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_what_is_named_exists(path):
    """`file.py`, `file.py`: `name`, and links to pages of the project."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for file, names in re.findall(r"`([\w./]+\.(?:pyx|py|pxd|md))`(?::((?:,? `\w+`)+))?", text):
        if re.search(r"\bF\.", file):  # reference/F.py: any family
            continue
        found = [folder / file for folder in FOLDERS if (folder / file).is_file()]
        assert found, f"{name_of(path)} names {file}, which does not exist"
        source = found[0].read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b(?:def|class) {name}\b", source), (
                f"{name_of(path)} names {name} of {file}, where it is not"
            )
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / link).exists(), f"{name_of(path)} links to {link}"


def test_the_guides_have_examples():
    assert len(EXAMPLES) >= 10
