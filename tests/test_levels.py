"""Builds of the kernels for several processors: which is chosen, and that it is the one in use.

A build from source has one, and the tests that need a wheel's levels are skipped there;
tests/wheel/run runs them on a wheel.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from diptych.fastcore.kernels import cpu, levels

from diptych import fastcore

WHEEL = {
    "v4": ("-march=x86-64-v4", ("sse4.2", "avx2", "fma", "avx512f")),
    "v3": ("-march=x86-64-v3", ("sse4.2", "avx2", "fma")),
    "v2": ("-march=x86-64-v2", ("sse4.2",)),
}
SOURCE = {"": ("-march=native", ("sse4.2", "avx2"))}

LEVELS = [name for name in cpu.builds() if name]
ABLE = [name for name in LEVELS if not set(cpu.builds()[name][1]) & set(cpu.missing_features())]
needs_levels = pytest.mark.skipif(not LEVELS, reason="built for one processor")


def run(code, **environment):
    named = {k: v for k, v in os.environ.items() if k != "DIPTYCH_CPU_LEVEL"} | environment
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=named)


@pytest.mark.parametrize(
    ("missing", "chosen"),
    [((), "v4"), (("amx",), "v4"), (("avx512f",), "v3"), (("avx2", "avx512f"), "v2")],
)
def test_the_best_that_this_processor_can_run(missing, chosen):
    assert levels.choose(WHEEL, missing) == chosen


@pytest.mark.parametrize("wanted", WHEEL)
def test_one_may_be_pinned(wanted):
    assert levels.choose(WHEEL, (), wanted) == wanted


def test_a_single_build_is_what_there_is():
    assert levels.choose(SOURCE, ()) == ""


@pytest.mark.parametrize(
    ("builds", "missing", "wanted", "words"),
    [
        (WHEEL, ("fma", "avx512f"), "v4", "=v4: this processor lacks fma, avx512f. It can run v2."),
        (WHEEL, ("sse4.2",), "v2", "=v2: this processor lacks sse4.2. It can run none of those"),
        (WHEEL, (), "v5", "=v5: there is no such level. Built are v4, v3, v2."),
        (WHEEL, (), "avx2", "=avx2: there is no such level."),
        (SOURCE, (), "v3", "=v3: this diptych was compiled once, .* DIPTYCH_MARCH=levels."),
        (WHEEL, ("sse4.2",), "", "another processor .*x86-64-v2.* lacks sse4.2. Build it again"),
        (SOURCE, ("avx2",), "", r"another processor \(-march=native\): this one lacks avx2."),
    ],
)  # fmt: skip
def test_refusals_say_what_is_missing_and_what_there_is(builds, missing, wanted, words):
    with pytest.raises(ImportError, match=words):
        levels.choose(builds, missing, wanted)


def test_a_pin_that_cannot_be_had_stops_the_import():
    done = run("import diptych.fastcore", DIPTYCH_CPU_LEVEL="v99")
    assert "ImportError: DIPTYCH_CPU_LEVEL=v99: " in done.stderr
    model = "import diptych\ndiptych.Sequential([diptych.layers.Dense(1)]).predict([[1.0]])"
    done = run(model, DIPTYCH_CPU_LEVEL="v99", DIPTYCH_ENGINE="fast")
    assert "ImportError: DIPTYCH_CPU_LEVEL=v99: " in done.stderr  # no silent fallback


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DIPTYCH_CPU_LEVEL": "v99"}, "DIPTYCH_CPU_LEVEL=v99: "),
        ({"DIPTYCH_ENGINE": "quick"}, "Unknown engine 'quick'. "),
    ],
)
def test_info_tells_why_there_is_no_engine(environment, words):
    done = run("from diptych import info; print(info.info_text())", **environment)
    assert re.search(rf"^engine +none: {words}", done.stdout, re.M), done.stderr
    assert "processor" in done.stdout


def test_what_is_recorded():
    info = fastcore.build_info()
    assert info["levels"] == tuple(reversed(LEVELS))
    assert (info["level"] in LEVELS) if LEVELS else (info["level"] is None)
    assert info["features"] == cpu.builds()[info["level"] or ""][1]


@needs_levels
@pytest.mark.parametrize("level", ABLE)
def test_every_module_comes_from_the_level_in_use(level):
    done = run(
        "import pkgutil, sys\n"
        "from importlib import import_module\n"
        "from diptych import fastcore, info\n"
        "for package in (fastcore, fastcore.kernels):\n"
        "    for found in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        file = import_module(found.name).__file__\n"
        "        if not file.endswith('.py'):\n"
        "            print(file)\n"
        "print(fastcore.build_info()['level'])\n"
        "print(info.info_text())\n",
        DIPTYCH_CPU_LEVEL=level,
    )
    assert done.returncode == 0, done.stderr
    files, printed = done.stdout.split(f"\n{level}\n", 1)
    anywhere = ("_shared", "arrays", "cpu", "memory", "plan", "threads")
    for file in map(Path, files.splitlines()):
        expected = file.name.split(".")[0] not in anywhere
        assert (f"_levels{os.sep}{level}{os.sep}" in str(file)) == expected, file
    assert len(files.splitlines()) > 30
    assert f"-march=x86-64-{level}" in printed
    assert f"{level} is in use, as DIPTYCH_CPU_LEVEL says" in printed


@needs_levels
def test_without_a_pin_the_best_is_in_use():
    code = "from diptych import fastcore; print(fastcore.build_info()['level'])"
    assert run(code).stdout.strip() == ABLE[0]
