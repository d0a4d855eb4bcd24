"""The house rules that a machine can keep: who imports whom, and how long a file may grow."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "diptych"
FLOORS = {
    1: "reference fastcore",
    2: "config random utils legacy engine autodiff operation ops graph",
    3: "layers losses metrics optimizers initializers regularizers constraints activations "
    "preprocessing",
    4: "models callbacks saving datasets",
    5: "teach demo info __main__ __init__",
}
# An import upwards, inside a function, that has to be: {(file, what it imports): why}.
EXCEPTIONS = {
    ("autodiff.py", "initializers"): "Variable('zeros', shape) takes an initializer by its name",
    ("legacy/tables.py", "optimizers"): "the old argument `decay` becomes a schedule",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}
STANDARD = set(sys.stdlib_module_names)
PANEL_MAY_IMPORT = STANDARD | {"numpy", "cython", "cpython", "libc"}


def sources(*folders):
    """Every source file in these folders, build products left out."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".pyx", ".pxd", ".h"} and "__pycache__" not in path.parts
    ]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports_of(tree):
    """(line, dots, module, names) of each import, those for the type checker alone left out."""
    hints = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in hints:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.level, node.module or "", [a.name for a in node.names]


def own_modules(path, dots, module, names):
    """The parts of diptych that an import statement in `path` reaches: ["ops"], ["layers"], ..."""
    if dots == 0:
        parts = module.split(".")
        if parts[0] != "diptych":
            return []
        parts = parts[1:]
    else:
        here = path.relative_to(PACKAGE).with_suffix("").parts
        base = here[: len(here) - dots]
        parts = [*base, *(module.split(".") if module else [])]
    return [parts[0]] if parts else list(names)


def floor_of(path):
    return FLOOR[path.relative_to(PACKAGE).with_suffix("").parts[0]]


@pytest.mark.parametrize("path", sources("src/diptych"), ids=name_of)
def test_nothing_imports_upwards(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert parts[0] in FLOOR, f"{name_of(path)}: give {parts[0]!r} a floor in tests/test_floors.py"
    for line, dots, module, names in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        for target in own_modules(path, dots, module, names):
            if (path.relative_to(PACKAGE).as_posix(), target) in EXCEPTIONS:
                continue
            floor = FLOOR.get(target, 5)  # a name of the package itself, such as `diptych.Model`
            assert floor <= floor_of(path), (
                f"{name_of(path)}:{line} is on floor {floor_of(path)} and imports {target!r} "
                f"from floor {floor}"
            )


@pytest.mark.parametrize("path", sources("reference", "fastcore"), ids=name_of)
def test_the_panels_import_only_numpy_and_their_own_helpers(path):
    """fastcore may also take the shape arithmetic of `reference/_*.py`, which is kept once."""
    if path.suffix == ".h":
        return
    pattern = re.compile(r"^\s*(?:from\s+(\.*)([\w.]*)\s+c?import|c?import\s+()([\w.]+))", re.M)
    for match in pattern.finditer(path.read_text(encoding="utf-8")):
        dots, module = match[1] or "", match[2] or match[4] or ""
        statement = f"{name_of(path)}: {match[0].strip()}"
        if dots == ".":
            continue
        if dots:
            shared = path.parts[-len(dots)] == "fastcore" and module.startswith("reference._")
            assert shared, f"{statement}: only shape helpers of the reference may be imported"
        else:
            assert module.split(".")[0] in PANEL_MAY_IMPORT, f"{statement}: not allowed in a panel"


@pytest.mark.parametrize("path", sorted((ROOT / "fastcore/kernels").glob("*.h")), ids=name_of)
def test_a_header_keeps_to_100_columns(path):
    """clang-format wraps its code, but not the comments; the linters see to the other files."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [(n, line) for n, line in enumerate(lines, 1) if len(line) > 100]


@pytest.mark.parametrize(
    "path",
    sources("reference", "fastcore", "src", "tests", "benchmarks", "tutorials"),
    ids=name_of,
)
def test_a_file_past_800_lines_wants_to_be_two(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 800


@pytest.mark.parametrize("path", sources("reference"), ids=name_of)
def test_the_reference_is_short(path):
    """A file stays under 400 lines and a function, its docstring included, on a screen."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 45, f"{name_of(path)}: {node.name} has {lines} lines"


@pytest.mark.parametrize("path", sources("fastcore"), ids=name_of)
def test_cython_directives_stand_in_setup_py_alone(path):
    """Cython ignores a misspelt name in such a header without a word."""
    assert not re.search(r"^\s*#\s*(cython|distutils)\s*:", path.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("path", sources("src/diptych", "reference", "fastcore"), ids=name_of)
def test_the_package_raises_instead_of_asserting(path):
    """`python -O` drops assert statements, and their messages teach nobody."""
    assert not re.search(r"^\s*assert\b", path.read_text(encoding="utf-8"), re.M)
