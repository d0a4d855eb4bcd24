"""What diptych costs beside its training steps: import time, installed size, and one whole training
of a tiny network.

python benchmarks/footprint.py
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from training import print_machine


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


if __name__ == "__main__":
    print_machine()
    numpy, diptych = import_seconds("numpy"), import_seconds("diptych")
    print(f"import numpy {numpy:.3f} s, import diptych {diptych:.3f} s")
    print(f"installed size {installed_bytes() / 1e6:.1f} MB")
    print(f"AND gate, 1,000 epochs with validation: {and_gate_seconds():.2f} s")
