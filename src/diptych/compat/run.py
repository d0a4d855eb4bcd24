"""`diptych run`: a Keras script or notebook, run as it is, on either engine."""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import runpy
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .. import config, processes
from ..language import said
from ..legacy.notes import PACKAGE
from . import slips
from .hook import install_as_keras

USAGE = """\
usage: diptych run [options] script.py [arguments]
       diptych run [options] notebook.ipynb [arguments]
       diptych run [options] -m module [arguments]
       diptych run [options] -c code [arguments]

Runs a Keras script on diptych: in this process `keras`, `tf.keras` and `import tensorflow as tf`
are diptych. The options may also stand after the script; what follows `--` is the script's own.

options:
  --engine fast|reference    the engine; by default the one that is set (DIPTYCH_ENGINE, or fast)
  --threads N                how many threads the fast engine may use
  --processes N              how many processes share the training (needs diptych[mpi])
  --full-traceback           show the library's lines in a traceback as well
  -h, --help                 this text
"""
_SHARED = "DIPTYCH_RUN_SHARED"  # in the environment of the processes that mpiexec starts
_WITH_VALUE = ("--engine", "--threads", "--processes")


@dataclass
class Command:
    """What the command line asks for."""

    kind: str = ""  # "file", "module" or "code"
    target: str = ""
    engine: str | None = None
    threads: int | None = None
    processes: int | None = None
    full_traceback: bool = False
    arguments: list[str] = field(default_factory=list)


class UsageError(Exception):
    """The command line cannot be understood."""


def parse(arguments: list[str]) -> Command | None:
    """The command of a command line; None if it asks for help. UsageError if it is wrong."""
    command, rest = Command(), list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--" and command.kind:
            command.arguments += rest
            break
        if word in ("-h", "--help") and not command.kind:
            return None
        if name in _WITH_VALUE:
            if not equals:
                if not rest:
                    raise UsageError(said(f"{name} needs a value"))
                value = rest.pop(0)
            _set(command, name, value)
        elif word == "--full-traceback":
            command.full_traceback = True
        elif command.kind:
            command.arguments.append(word)
        elif word in ("-c", "-m"):
            if not rest:
                raise UsageError(said(f"{word} needs a value"))
            command.kind, command.target = ("code" if word == "-c" else "module"), rest.pop(0)
        elif word.startswith("-"):
            raise UsageError(said(f"there is no option {word}"))
        else:
            command.kind, command.target = "file", word
    if not command.kind:
        raise UsageError(said("which script? Give its file, -m module or -c code"))
    return command


def _set(command: Command, name: str, value: str) -> None:
    if name == "--engine":
        if value not in ("fast", "reference"):
            raise UsageError(said(f"--engine {value}: the engines are fast and reference"))
        command.engine = value
        return
    if not value.isdigit() or int(value) < 1:
        raise UsageError(said(f"{name} {value}: expected a whole number of at least 1"))
    setattr(command, name.removeprefix("--"), int(value))


def main(arguments: list[str]) -> int:
    """Run the command line after `diptych run`, and return the exit status."""
    try:
        command = parse(arguments)
        if command is not None and command.processes is not None and _SHARED not in os.environ:
            return _start(command.processes, arguments)
    except UsageError as error:
        print(f"diptych run: {error}\n\n{said(USAGE)}", end="", file=sys.stderr)
        return 2
    if command is None:
        print(said(USAGE), end="")
        return 0
    if command.engine is not None:
        config.set_engine(command.engine)
    if command.threads is not None:
        config.set_num_threads(command.threads)
    install_as_keras()
    if os.environ.pop(_SHARED, None) is None:  # it is not for programs that the script starts
        return run(command)
    from ..distribution import DataParallel, set_distribution

    with open(os.devnull, "w") as nothing:
        try:
            set_distribution(DataParallel())
        except ValueError as error:
            processes.fail(partial(print, f"diptych run: {error}", file=sys.stderr))
            return 2
        with nullcontext() if processes.is_first() else redirect_stdout(nothing):
            return run(command)


def _start(count: int, arguments: list[str]) -> int:
    """Let mpiexec start this command in several processes; return its exit status."""
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    mpiexec = beside or shutil.which("mpiexec")
    if mpiexec is None or find_spec("mpi4py") is None:
        missing = "mpi4py" if mpiexec else "mpiexec"
        raise UsageError(
            said(f"--processes needs {missing}: pip install 'diptych[mpi]' mpich installs it")
        )
    command = [mpiexec, "-n", str(count), sys.executable, "-m", "diptych", "run", *arguments]
    return subprocess.run(command, env={**os.environ, _SHARED: "1"}, check=False).returncode


def run(command: Command) -> int:
    """Run a script with keras already installed; return its exit status."""
    if command.kind == "file":
        path = Path(command.target)
        if not path.is_file():
            print(said(f"diptych run: there is no file {command.target}"), file=sys.stderr)
            return 2
        notebook = path.suffix == ".ipynb"
        pieces = _cells(path) if notebook else [(command.target, _text(path))]
        return _as_main(command, str(path.parent.resolve()), lambda names: _run(pieces, names))
    if command.kind == "code":
        pieces = [("<string>", command.target)]
        return _as_main(command, "", lambda names: _run(pieces, names))
    return _as_main(command, os.getcwd(), lambda names: _run_module(command.target))


def _text(path: Path) -> str:
    """A script's text; one that is not UTF-8 is read as Latin-1 rather than refused."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


# ------------------------------------------------------------------------------------------------
# Notebooks


def _cells(path: Path) -> list[tuple[str, str]]:
    """(name, code) of each code cell of a notebook, Jupyter's own commands left out."""
    document = json.loads(path.read_text(encoding="utf-8"))
    cells = document.get("cells")
    if cells is None:  # the format before 2015
        cells = [cell for sheet in document.get("worksheets", ()) for cell in sheet["cells"]]
    found: list[tuple[str, str]] = []
    for cell in cells:
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        name = f"{path}, cell {len(found) + 1}"
        found.append((name, without_magics("".join(source), name)))
    return found


_MAGIC = re.compile(r"^(\s*)(%|!|\?|[\w.]+\?\s*$)")
_KEEPS_PYTHON = ("%%time", "%%timeit", "%%capture")


def without_magics(source: str, name: str) -> str:
    """A cell with Jupyter's commands (`%matplotlib inline`, `!pip ...`, `x?`) replaced by `pass`,
    and a note on standard error about each.
    """
    lines = source.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in _KEEPS_PYTHON:
        print(said(f"{name}: skipped, a cell for {first}"), file=sys.stderr)
        return "pass"
    for number, line in enumerate(lines, 1):
        found = _MAGIC.match(line)
        if found and not _within_expression(lines, number):
            print(said(f"{name}, line {number}: skipped {line.strip()}"), file=sys.stderr)
            lines[number - 1] = f"{found[1]}pass"
    return "\n".join(lines)


def _within_expression(lines: list[str], number: int) -> bool:
    """Whether a line goes on from the one before, such as `% name` after an open bracket."""
    if number > 1 and lines[number - 2].endswith("\\"):
        return True
    try:
        ast.parse("\n".join(lines[: number - 1]))
    except SyntaxError as error:
        return "was never closed" in str(error) or "triple-quoted" in str(error)
    return False


# ------------------------------------------------------------------------------------------------
# Running


def _run(pieces: list[tuple[str, str]], names: dict[str, Any]) -> None:
    """Run the pieces of a script, one after the other, in one namespace."""
    for name, source in pieces:
        # So that tracebacks and warnings show the lines.
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        last = None
        if len(pieces) == 1:
            code: CodeType = compile(source, name, "exec", dont_inherit=True)
        else:
            code, last = _with_last_value(source, name)
        exec(code, names)
        if last is not None:
            value = eval(last, names)
            if value is not None:
                print(repr(value))


def _with_last_value(source: str, name: str) -> tuple[CodeType, CodeType | None]:
    """A cell's code, and the expression at its end, whose value a notebook shows."""
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        expression = tree.body.pop().value  # type: ignore[attr-defined]
        last = compile(ast.Expression(expression), name, "eval", dont_inherit=True)
    return compile(tree, name, "exec", dont_inherit=True), last


def _run_module(name: str) -> None:
    if find_spec(name) is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _as_main(command: Command, folder: str, action: Callable[[dict[str, Any]], None]) -> int:
    """Run `action(names)` as Python would run a script: sys.argv, sys.path and `__main__`."""
    main_module = ModuleType("__main__")
    names = vars(main_module)
    if command.kind == "file":
        names["__file__"] = command.target
    first = {"file": command.target, "code": "-c", "module": "-m"}[command.kind]
    with _process_of(main_module, [first, *command.arguments], folder):
        try:
            action(names)
        except SystemExit as error:
            return _exit_status(error.code)
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            return 130
        except Exception as error:
            sys.stdout.flush()
            text = report(error, names, command.full_traceback)
            processes.fail(partial(print, text, file=sys.stderr))
            return 1
    return 0


@contextmanager
def _process_of(main_module: ModuleType, argv: list[str], folder: str) -> Iterator[None]:
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = argv, main_module
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = before


def _exit_status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


# ------------------------------------------------------------------------------------------------
# Errors


def report(error: BaseException, names: dict[str, Any], full: bool = False) -> str:
    """The traceback of an error in a script, with an answer if it is a known slip.

    names: the script's namespace.
    full: whether to show the frames of libraries, too; else they are folded into a line.
    """
    if full:
        parts = traceback.format_exception(error)
    else:
        parts = _folded(error) + traceback.format_exception_only(error)
    answer = slips.answer(error, names)
    if answer:
        parts.append(f"\n{answer}")
    return "".join(parts).rstrip()


def _folded(error: BaseException) -> list[str]:
    """The frames of the script's own code, and a line in place of all others between them."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [is_own(frame.filename) for frame in frames]
    if True not in own:
        return []
    lines, hidden = ["Traceback (most recent call last):\n"], 0
    for frame, is_shown in zip(frames[own.index(True) :], own[own.index(True) :], strict=True):
        if is_shown:
            lines += _fold(hidden)
            lines += traceback.format_list([frame])
        hidden = 0 if is_shown else hidden + 1
    return lines + _fold(hidden)


def _fold(count: int) -> list[str]:
    if not count:
        return []
    if count == 1:
        return [said("  ... 1 line inside libraries (--full-traceback shows them)\n")]
    return [said(f"  ... {count} lines inside libraries (--full-traceback shows them)\n")]


_LIBRARIES = (
    PACKAGE,
    str(Path(os.__file__).parent),
    *(str(Path(path)) for path in sys.path if path.endswith("site-packages")),
    "<frozen",
)


def is_own(filename: str) -> bool:
    """Whether a file is the user's, rather than of diptych, Python or an installed package."""
    return not filename.startswith(_LIBRARIES)
