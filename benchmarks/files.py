"""How long it takes to save and load a large model, beside reading and writing its bytes.

    python benchmarks/files.py [MB]

Prints for each layout the seconds, the ratio to `Path.read_bytes` or to a write with fsync, and the
memory above what the process had, in sizes of the model. The file is in the cache of the disk.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import diptych as dp

NAMES = ("m.keras", "m.h5", "m.weights.h5", "m.safetensors")


def model(size):
    width = round((size * (1 << 20) / 4) ** 0.5)
    return dp.Sequential([dp.Input((width,)), dp.layers.Dense(width)])


def save(made, path):
    (made.save if path.name in ("m.keras", "m.h5") else made.save_weights)(path)


def load(made, path):
    if path.name in ("m.keras", "m.h5"):
        dp.saving.load_model(path)
    else:
        made.load_weights(path)


def write(content, path):
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def taken(one, other, times=9):
    """The shortest and the middle of a few runs of two functions in turn, in seconds."""
    seconds = [], []
    for _ in range(times):
        for function, found in zip((one, other), seconds, strict=True):
            start = time.perf_counter()
            function()
            found.append(time.perf_counter() - start)
    return [(min(found), statistics.median(found)) for found in seconds]


def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def peak(action, path, size):
    """Run one action in this process; the peak of memory above the start, in bytes."""
    small = dp.Sequential([dp.Input((2,)), dp.layers.Dense(2)])
    other = path.parent / "small" / path.name
    other.parent.mkdir(exist_ok=True)
    save(small, other)  # so that all modules are loaded before the measurement
    load(small, other)
    makes_one = action == "load" and path.name in ("m.keras", "m.h5")
    made = None if makes_one else model(size)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    (save if action == "save" else load)(made, path)
    return memory("VmHWM") - before


def main(size):
    print(f"{size} MB of float32 weights")
    print("Seconds, the shortest and the middle of nine; memory in sizes of the model")
    heads = (("save", "write"), ("load", "read"))
    head = "".join(f"{a:>12}{b:>12}{'ratio':>11}" for a, b in heads)
    print(f"{'':14}{head}  memory")
    with tempfile.TemporaryDirectory() as folder:
        made = model(size)
        for name in NAMES:
            path = Path(folder, name)
            save(made, path)
            content = path.read_bytes()
            saved = taken(partial(save, made, path), partial(write, content, Path(folder, "bytes")))
            del content
            loaded = taken(partial(load, made, path), path.read_bytes)
            used = []
            for action in ("save", "load"):
                command = [sys.executable, __file__, action, path, str(size)]
                found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                used.append(f"{action} {int(found) / (size << 20):.2f}")
            shown = "".join(
                f"{a:6.3f}{b:6.3f}{c:6.3f}{d:6.3f}{a / c:6.2f}{b / d:5.2f}"
                for (a, b), (c, d) in (saved, loaded)
            )
            print(f"{name:14}{shown}  {', '.join(used)}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(peak(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
