"""What the build promises: directives and flags in one place, a check of the processor."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diptych import fastcore

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for p in (ROOT / "fastcore").rglob("*.p[yx][xd]"))


# As in a build with DIPTYCH_NO_FASTCORE=1, where no compiled module exists.
WITHOUT_FASTCORE = "import sys\nsys.modules['diptych.fastcore.kernels.cpu'] = None\n"


def run(code, *flags, **environment):
    """Run Python code in a process of its own, where `environment` has been added."""
    named = {k: v for k, v in os.environ.items() if k != "DIPTYCH_ENGINE"} | environment
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=named)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_no_directives_in_file_headers(path):
    """Directives stand in setup.py alone; in a header a misspelt name is ignored without a word."""
    header = re.search(
        r"^\s*#\s*(cython|distutils)\s*:", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert header is None, f"{path.name} has {header.group()!r}"


def test_sources_are_found():
    assert {"gemm.pyx", "threads.pyx", "dense.pyx"} <= {p.name for p in SOURCES}


def test_fast_math_is_nowhere():
    flags = fastcore.build_info()["flags"]
    assert "-ffp-contract=fast" in flags or "MSVC" in fastcore.build_info()["compiler"]
    for word in ("fast-math", "unsafe-math", "finite-math", "Ofast", "fp:fast"):
        assert word not in flags
        assert f"-{word}" not in re.sub(r"#.*", "", (ROOT / "setup.py").read_text(encoding="utf-8"))


def test_build_is_recorded():
    info = fastcore.build_info()
    assert info["compiler"]
    assert info["threads"] in ("OpenMP", "none")
    assert isinstance(info["debug"], bool)
    assert info["features"] or "march" in info


def test_missing_feature_is_a_clear_error():
    """An ImportError that says what to do, before any other code is loaded."""
    done = run(
        "import sys, types\n"
        "cpu = types.ModuleType('diptych.fastcore.kernels.cpu')\n"
        "cpu.builds = lambda: {'': ('-march=future', ('sse3', 'avx512f', 'amx'))}\n"
        "cpu.missing_features = lambda: ('avx512f', 'amx')\n"
        "sys.modules['diptych.fastcore.kernels.cpu'] = cpu\n"
        "try:\n"
        "    import diptych.fastcore.dense\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "print('diptych.fastcore.kernels.gemm' in sys.modules)\n",
        DIPTYCH_CPU_LEVEL="",
    )
    message, loaded = done.stdout.strip().rsplit("\n", 1)
    for part in ("lacks avx512f, amx", "-march=future", "DIPTYCH_MARCH", "Build it again"):
        assert part in message
    assert loaded == "False"


def test_missing_modules_are_a_clear_error():
    done = run(
        WITHOUT_FASTCORE + "try:\n"
        "    import diptych.fastcore\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert "without its fast engine" in done.stdout
    assert "engine='reference'" in done.stdout


def test_without_the_fast_engine_the_default_is_the_reference_with_one_note():
    done = run(
        WITHOUT_FASTCORE + "import diptych\n"
        "model = diptych.Sequential([diptych.Input((2,)), diptych.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\n"
        "model.fit([[0.0, 1.0]], [1.0], verbose=0)\n"
        "print(diptych.config.engine())\n"
    )
    assert done.stdout == "reference\n"
    assert done.stderr.count("without its fast engine, so the reference engine computes") == 1


@pytest.mark.parametrize(
    "choice",
    [
        "diptych.config.set_engine({})",
        "diptych.engine({}).__enter__()",
        "diptych.Sequential([diptych.Input((2,)), diptych.layers.Dense(1)], engine={})",
        "diptych.Model(engine={})",
    ],
)
def test_without_the_fast_engine_an_explicit_choice_is_heeded(choice):
    start = WITHOUT_FASTCORE + "import diptych\n"
    chosen = run(start + choice.format("'reference'"), "-W", "error")
    assert (chosen.returncode, chosen.stdout, chosen.stderr) == (0, "", "")
    refused = run(start + choice.format("'fast'"), "-W", "error")
    assert "EngineError: The fast engine is not installed" in refused.stderr


def test_without_the_fast_engine_the_environment_is_heeded():
    code = WITHOUT_FASTCORE + "import diptych\nprint(diptych.config.engine())\n"
    chosen = run(code, "-W", "error", DIPTYCH_ENGINE="reference")
    assert (chosen.stdout, chosen.stderr) == ("reference\n", "")
    refused = run(code, "-W", "error", DIPTYCH_ENGINE="fast")
    assert "EngineError: The fast engine is not installed" in refused.stderr


def test_without_the_fast_engine_the_readme_s_first_example_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)[1]
    done = run(WITHOUT_FASTCORE + example, "-W", "error", PYTHONIOENCODING="utf-8")
    assert done.returncode == 0, done.stderr
    assert "Epoch 10/10" in done.stdout


def test_without_a_compiler_the_build_stops_before_the_translation(tmp_path):
    pytest.importorskip("setuptools", minversion="77")  # older ones cannot read pyproject.toml
    (tmp_path / "Cython.py").write_text("raise ImportError\n")
    folders = ["--build-lib", str(tmp_path / "lib"), "--build-temp", str(tmp_path / "temp")]
    missing = str(tmp_path / "no-such-compiler")
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", *folders],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CC": missing, "DIPTYCH_NO_FASTCORE": "0", "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "diptych needs a C compiler to build its fast engine" in done.stderr
    assert missing in done.stderr
    assert "DIPTYCH_NO_FASTCORE=1 pip install ." in done.stderr


TRANSLATE = """
import os
from pathlib import Path
import setup
from setuptools import Distribution

def translate():
    command = setup.BuildFastcore(Distribution())
    command.extensions, command.parallel = setup.extensions(), 0
    files = {Path(s).stem: Path(c) for s, c in command.translate().items()}
    return files["user"].read_text(), files["apart"].stat().st_mtime_ns

declared = Path("fastcore/kernels/deep.pxd")
(first, before), text = translate(), declared.read_text()
declared.write_text(text.replace("1234", "5678"))
os.utime(declared, (0, 0))
second, after = translate()
print("1234" in first, "5678" in first, "1234" in second, "5678" in second, before == after)
"""


@pytest.mark.parametrize(
    "user",
    [
        "from .kernels.near cimport number\n\ndef found():\n    return number()\n",
        "from .kernels cimport near as k\n\ndef found():\n    return k.number()\n",
        "from .kernels cimport other, near\n\ndef found():\n    return near.number()\n",
    ],
    ids=["names", "module", "modules"],
)
def test_what_is_translated_again_is_told_by_contents_not_by_dates(user, tmp_path):
    """Sources that are unpacked over others may be older than what was made of those."""
    pytest.importorskip("Cython")
    kernels = tmp_path / "fastcore" / "kernels"
    kernels.mkdir(parents=True)
    (tmp_path / "setup.py").write_text((ROOT / "setup.py").read_text(encoding="utf-8"))
    (kernels.parent / "apart.pyx").write_text("def nothing():\n    pass\n")
    (kernels.parent / "user.pyx").write_text(user)
    (kernels / "other.pxd").write_text("ctypedef int other_t\n")
    (kernels / "near.pxd").write_text("from .deep cimport number\n")
    (kernels / "deep.pxd").write_text("cdef inline int number() noexcept:\n    return 1234\n")
    done = subprocess.run(
        [sys.executable, "-c", TRANSLATE], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split("\n")[-2] == "True False False True True", done.stdout + done.stderr


def test_denormal_numbers_stay_on():
    """-ffast-math in one library would flush them to zero in the whole process."""
    done = run(
        "import numpy as np, threading\n"
        "import diptych.fastcore.dense as dense\n"
        "tiny = np.full((1, 1), 1e-40, np.float32)\n"
        "y, _ = dense.dense_forward(tiny, np.full((1, 1), 0.5, np.float32), None)\n"
        "print(float(y[0, 0]) > 0, float(np.float32(1e-40) * np.float32(0.5)) > 0)\n"
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_long_doubles_stay_right():
    """They are computed where MMX registers lie, and are NaN after code that has used those."""
    from diptych.fastcore import convolution

    x, kernel = np.ones((1, 5, 5, 1), np.float32), np.ones((3, 3, 1, 2), np.float32)
    pads = ((0, 0), (0, 0))
    for activation in ("relu", "tanh", "sigmoid"):
        y, cache = convolution.conv_forward(x, kernel, None, (1, 1), pads, (1, 1), 1, activation)
        convolution.conv_backward(y, cache)
        assert np.arange(9.0).astype(np.longdouble).sum() == 36


def test_functions_show_their_signatures():
    """The twin test compares them, and so may a reader: help() shows names and defaults."""
    import inspect

    from diptych.fastcore import dense

    parameters = inspect.signature(dense.dense_forward).parameters
    assert list(parameters) == ["x", "kernel", "bias", "activation"]
    assert parameters["activation"].default == "linear"
    assert np.asarray(dense.matmul_forward(np.eye(2), np.eye(2))[0]).tolist() == [[1, 0], [0, 1]]


def test_a_wheel_without_the_fast_engine_is_for_any_machine(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    done = subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "build", "--build-base", str(tmp_path / "build")),
            *("egg_info", "--egg-base", str(tmp_path)),
            *("bdist_wheel", "--dist-dir", str(tmp_path / "dist")),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DIPTYCH_NO_FASTCORE": "1"},
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"diptych/reference/dense.py", "diptych/fastcore/dense.pyx"} <= set(names)
    assert not [n for n in names if n.endswith((".so", ".pyd"))]
