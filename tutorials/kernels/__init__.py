"""Kernels of the tutorials, in Cython, and how they are compiled: Cython makes C, and a C compiler
makes a module of it.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Without wraparound a negative index is a mistake in the whole file, that of a tuple as well.
DIRECTIVES = ["boundscheck=False", "wraparound=False", "initializedcheck=False", "cdivision=True"]
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp"]
REPORT = "-fopt-info-vec-optimized"  # GCC's


def compiler():
    """The C compiler's command as a list; None where there is none, or no Cython."""
    names = [os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"]
    found = next((shlex.split(n) for n in names if n and shutil.which(shlex.split(n)[0])), None)
    return found if found and importlib.util.find_spec("Cython") else None


def accepts(flag):
    """Whether the compiler knows a flag."""
    command = [*compiler(), flag, "-x", "c", "-c", os.devnull, "-o", os.devnull]
    return subprocess.run(command, capture_output=True).returncode == 0


def build(name, report=False):
    """Compile name.pyx and import it.

    report: also return what GCC's vectoriser says about lines of name.pyx: {line number: text}; of
        other compilers, nothing.
    """
    folder = Path(tempfile.mkdtemp(prefix="kernels_"))
    try:
        c_file = folder / f"{name}.c"
        directives = [part for each in DIRECTIVES for part in ("-X", each)]
        cython = [sys.executable, "-m", "cython", "-3", "--line-directives", *directives]
        _run([*cython, HERE / f"{name}.pyx", "-o", c_file])
        binary = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        flags = [flag for flag in [*FLAGS, *([REPORT] if report else [])] if accepts(flag)]
        said = _run(
            [*compiler(), *flags, "-shared", "-fPIC", "-w"]
            + [f"-I{sysconfig.get_path('include')}", c_file, "-o", binary, "-lm"]
        )
        spec = importlib.util.spec_from_file_location(name, binary)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        lines = re.findall(rf"{name}\.pyx:(\d+):\d+: optimized: *(loop .*)", said)
        first = {int(number): text for number, text in reversed(lines)}  # of several, the first
        return (module, first) if report else module
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def source(name):
    """The text of name.pyx."""
    return (HERE / f"{name}.pyx").read_text(encoding="utf-8")


def _run(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stderr
