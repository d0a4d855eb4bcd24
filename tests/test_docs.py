"""The guides: their examples run, and the files, functions and pages that they name exist."""

import importlib
import re
from pathlib import Path

import pytest

import diptych
from diptych import compat

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = (ROOT, ROOT / "src" / "diptych", ROOT / "tests")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def examples(path):
    """The blocks of Python in a guide, each padded with empty lines: errors name the guide's."""
    text = path.read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
        line = text.count("\n", 0, block.start()) + 1
        yield "\n" * line + block[1]


EXAMPLES = {path: list(examples(path)) for path in GUIDES}
EXTRAS = {"export.md": ("onnx", "onnxruntime")}  # what a guide's examples need besides


@pytest.mark.parametrize("path", [p for p in GUIDES if EXAMPLES[p]], ids=name_of)
def test_the_examples_run(path, tmp_path, monkeypatch):
    """One after the other, each with the names of those before it, as a reader would run them."""
    for package in EXTRAS.get(path.name, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)  # where the files go that they write
    names = {}
    diptych.utils.set_random_seed(0)
    try:
        for code in EXAMPLES[path]:
            exec(compile(code, name_of(path), "exec"), names)
    finally:
        compat.uninstall()


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
    assert sum(map(len, EXAMPLES.values())) >= 10


def section(title):
    """A section of the README, without the line breaks inside its points."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0].replace("\n  ", " ")


def test_what_is_said_to_be_missing_is():
    points = section("What isn't there yet").split("\n- ")[1:]
    modules = re.findall(r"`(\w+)`", points[0].removeprefix("whole modules: "))
    for name in modules:
        assert not hasattr(diptych, name), name
        assert importlib.util.find_spec(f"diptych.{name}") is None, name
    found = [pair for point in points[1:] for pair in re.findall(r"`(\w+)`: ([^.]+)", point)]
    assert modules
    assert found
    for module, names in found:
        for name in re.findall(r"`(\w+)`", names):
            there = importlib.import_module(f"diptych.{module}")
            assert not hasattr(there, name), f"{module}.{name} is there"
