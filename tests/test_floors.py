"""The house rules that a machine can keep: who imports whom, and how long a file may grow."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import diptych

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "diptych"
# On the second floor the order counts too: a module imports only those before it.
SECOND = (
    "processes blas engine dtype_policies config promotion utils.naming utils.lambdas "
    "utils.registration utils.objects phrases language legacy utils.windows utils.numerical "
    "utils.notebook utils.progbar nested tree trial slices budget scopes generators tensor walk "
    "stateless jacobian tape shape_rules operation graph ops random pictures utils"
).split()
FLOORS = {
    1: "reference fastcore",
    2: " ".join(name for name in SECOND if "." not in name),
    3: "layers labels losses metrics optimizers initializers regularizers constraints activations "
    "preprocessing autodiff backend mixed_precision visualization",
    4: "files export models callbacks saving datasets applications wrappers distillation",
    5: "teach compat distribution demo info __main__ __init__",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}
STANDARD = set(sys.stdlib_module_names)
ENGINE_MAY_IMPORT = STANDARD | {"numpy", "cython", "cpython", "libc"}


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


def module_of(path):
    """ "ops.array_ops" for src/diptych/ops/array_ops.py, "ops" for its __init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in sources("src/diptych") if path.suffix == ".py"}


def own_imports(path):
    """(line, module) of all imports from diptych itself, those inside functions among them."""
    package = path.relative_to(PACKAGE).parent.parts
    for line, dots, module, names in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        base = module.split(".") if module else []
        if dots == 0:
            if base[0] != "diptych":
                continue
            base = base[1:]
        else:
            base = [*package[: len(package) + 1 - dots], *base]
        for name in names or [None]:
            full = ".".join([*base, *([name] if name else [])])
            yield line, full if full in MODULES else ".".join(base) or name or "__init__"


def floor_of(module):
    return FLOOR.get(module.split(".")[0], 5)  # 5: a name of the package, such as `diptych.Model`


def place_on_second_floor(module):
    """Where a module stands in SECOND: that of the longest name that it begins with."""
    fitting = [name for name in SECOND if f"{module}.".startswith(f"{name}.")]
    return SECOND.index(max(fitting, key=len))


@pytest.mark.parametrize("path", MODULES.values(), ids=name_of)
def test_nothing_imports_upwards(path):
    module = module_of(path)
    top = module.split(".")[0]
    assert top in FLOOR, f"{name_of(path)}: give {top!r} a floor in tests/test_floors.py"
    floor = floor_of(module)
    for line, target in own_imports(path):
        where = f"{name_of(path)}:{line} imports {target!r}"
        assert floor_of(target) <= floor, f"{where} of floor {floor_of(target)} on floor {floor}"
        if floor == floor_of(target) == 2:
            assert place_on_second_floor(target) <= place_on_second_floor(module), (
                f"{where}, which comes after it in SECOND"
            )


TRAINING = """
import sys, numpy
before = set(sys.modules)
import diptych
model = diptych.Sequential([diptych.layers.Dense(1, activation="sigmoid")])
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
model.fit(numpy.eye(4), [0, 1, 1, 0], verbose=0)
print(*sys.modules.keys() - before)
"""


def test_a_training_imports_nothing_that_only_files_and_reports_need():
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], check=True, capture_output=True, text=True
    )
    late = {
        "files",
        "utils.ahead",
        "callbacks.checkpoints",
        "callbacks.logs",
        "callbacks.tensorboard",
    }
    late = {f"diptych.{name}" for name in late}
    late |= {"h5py", "logging", "numpy.polynomial", "shutil", "statistics", "zipfile"}
    assert not late & set(done.stdout.split())


def test_no_modules_import_each_other_in_a_circle():
    """Take away, again and again, what imports nothing that is left: a circle would stay."""
    needs = {
        name: {target for _, target in own_imports(path) if target in MODULES} - {name}
        for name, path in MODULES.items()
    }
    while free := [name for name, targets in needs.items() if not targets & needs.keys()]:
        for name in free:
            del needs[name]
    left = {name: sorted(targets & needs.keys()) for name, targets in needs.items()}
    assert not left, f"each of these imports another: {left}"


@pytest.mark.parametrize("name", sorted(diptych._MODULES))
def test_each_module_can_be_the_first_to_be_imported(name):
    subprocess.run([sys.executable, "-c", f"import diptych.{name}"], check=True)


@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        ("tensor.py", "from .nested import flatten", False),
        ("nested.py", "from .tensor import Tensor", True),
        ("nested.py", "def f():\n    from .tensor import Tensor", True),
        ("ops/array_ops.py", "def f():\n    from .. import layers", True),
        ("ops/array_ops.py", "import diptych.layers", True),
        ("ops/array_ops.py", "if TYPE_CHECKING:\n    from ..layers import Dense", False),
        ("layers/core.py", "from ..graph import Node", False),
        ("utils/naming.py", "from ..ops import shapes", True),
        ("utils/seeds.py", "from .. import random", False),
    ],
)
def test_the_test_notices(path, text, wrong, tmp_path, monkeypatch):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    monkeypatch.setattr("tests.test_floors.PACKAGE", tmp_path)
    monkeypatch.setattr("tests.test_floors.ROOT", tmp_path)
    if wrong:
        with pytest.raises(AssertionError, match="imports"):
            test_nothing_imports_upwards(tmp_path / path)
    else:
        test_nothing_imports_upwards(tmp_path / path)


@pytest.mark.parametrize("path", sources("reference", "fastcore"), ids=name_of)
def test_the_engines_import_only_numpy_and_their_own_helpers(path):
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
            allowed = module.split(".")[0] in ENGINE_MAY_IMPORT
            assert allowed, f"{statement}: not allowed in an engine"


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
