"""What diptych costs beside its training steps: import time, the first step, installed size, and
one whole training of a tiny network.

python benchmarks/footprint.py           what is installed
python benchmarks/footprint.py --wheel   builds a wheel as well, and says how long and how large
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from training import print_machine

ROOT = Path(__file__).resolve().parents[1]


def import_seconds(module, repeats=9):
    """Return the median time of a fresh process that imports a module, less that of one that
    imports nothing.
    """
    times = {"": [], module: []}
    for _ in range(repeats):
        for name, found in times.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}" if name else ""], check=True)
            found.append(time.perf_counter() - start)
    return statistics.median(times[module]) - statistics.median(times[""])


def installed_bytes():
    """Return the size of the package's files, where they are."""
    import diptych
    from diptych import fastcore, reference

    folders = {Path(module.__file__).parent for module in (diptych, fastcore, reference)}
    files = {
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    return sum(
        file.stat().st_size for file in files if file.suffix not in (".pyx", ".pxd", ".c", ".html")
    )


def wheel_figures(wheel):
    """Return the bytes of a wheel, and of the files that it installs."""
    with zipfile.ZipFile(wheel) as archive:
        return Path(wheel).stat().st_size, sum(file.file_size for file in archive.infolist())


def build_wheel(folder):
    """Build this checkout's wheel into a folder; return its path and the seconds that it took."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True
    )
    (wheel,) = Path(folder).glob("*.whl")
    return wheel, time.perf_counter() - start


FIRST_STEPS = """
import time
import numpy as np
import diptych

x, y = np.zeros((32, 64)), np.zeros(32)
times = [time.perf_counter()]
model = diptych.Sequential(
    [
        diptych.Input((64,)),
        diptych.layers.Dense(128, activation="relu"),
        diptych.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
times.append(time.perf_counter())
for _ in range(100):
    model.train_on_batch(x, y)
    times.append(time.perf_counter())
print(*np.diff(times))
"""


def first_steps(repeats=9):
    """Return the median times, in fresh processes: to make a model, of its first step of training,
    and of a step once the engine is loaded and the step is known.
    """
    made, first, later = [], [], []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_STEPS], check=True, capture_output=True, text=True
        )
        times = [float(seconds) for seconds in done.stdout.split()]
        made.append(times[0])
        first.append(times[1])
        later.append(statistics.median(times[50:]))
    return statistics.median(made), statistics.median(first), statistics.median(later)


def and_gate_seconds():
    """Return the time of 1,000 epochs on the AND gate: 3,000 updates of 9 weights, and a validation
    after each epoch.
    """
    import diptych

    diptych.utils.set_random_seed(0)
    model = diptych.Sequential(
        [
            diptych.Input((2,)),
            diptych.layers.Dense(2, activation="relu"),
            diptych.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        diptych.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy", metrics=["accuracy"]
    )
    x = np.random.default_rng(0).integers(0, 2, (100, 2))
    y = x[:, 0] & x[:, 1]
    start = time.perf_counter()
    model.fit(x, y, epochs=1000, batch_size=32, validation_split=0.1, verbose=0)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--wheel", action="store_true", help="build a wheel and measure it")
    wanted = parser.parse_args()
    print_machine()
    numpy, diptych = import_seconds("numpy"), import_seconds("diptych")
    print(f"import numpy {numpy:.3f} s, import diptych {diptych:.3f} s")
    made, first, later = first_steps()
    print(
        f"a model of 64-128-10: made in {1e3 * made:.1f} ms, first step of training "
        f"{1e3 * first:.1f} ms, later ones {1e3 * later:.2f} ms"
    )
    print(f"installed size {installed_bytes() / 1e6:.1f} MB")
    if wanted.wheel:
        with tempfile.TemporaryDirectory() as folder:
            wheel, seconds = build_wheel(folder)
            packed, installed = wheel_figures(wheel)
        print(
            f"wheel: built in {seconds:.0f} s, {packed / 1e6:.1f} MB, {installed / 1e6:.1f} MB "
            "when installed"
        )
    print(f"AND gate, 1,000 epochs with validation: {and_gate_seconds():.2f} s")


if __name__ == "__main__":
    main()
