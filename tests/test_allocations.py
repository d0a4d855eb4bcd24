"""Where there is no memory there is a MemoryError and nothing else: some of tests.allocations."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs glibc and a C compiler"
)


@pytest.mark.parametrize(
    ("caller", "program", "every"),
    [
        ("engine", "fit", 25),
        ("engine", "sparse", 1),
        ("numpy", "fit", 10),
        ("numpy", "save", 25),
        ("numpy", "load", 50),
        ("python", "fit", 100),
    ],
)
def test_a_failed_allocation_is_a_memory_error(caller, program, every):
    command = ["-m", "tests.allocations", "--callers", caller, "--program", program]
    done = subprocess.run(
        [sys.executable, *command, "--every", str(every)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{program:5} {caller:7}" in done.stdout
    assert " 0 wrong" in done.stdout
