"""How long it takes to save and load a large model, beside reading and writing its bytes.

    python benchmarks/files.py [MB]

Prints for each layout the seconds, the ratio to `Path.read_bytes` or to a write with fsync, and the
memory above what the process had, in sizes of the model. The file is in the cache of the disk.
"""

import os
import subprocess
import sys
import tempfile
import time
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


def best(function, *arguments, times=5):
    """The shortest of a few runs, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - start)
    return min(taken)


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
    print(f"{'':14}{'save':>8}{'write':>8}{'ratio':>7}{'load':>8}{'read':>8}{'ratio':>7}  memory")
    with tempfile.TemporaryDirectory() as folder:
        made = model(size)
        for name in NAMES:
            path = Path(folder, name)
            saved = best(save, made, path)
            content = path.read_bytes()
            written = best(write, content, Path(folder, "bytes"))
            del content
            loaded, read = best(load, made, path), best(path.read_bytes)
            used = []
            for action in ("save", "load"):
                command = [sys.executable, __file__, action, path, str(size)]
                found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                used.append(f"{action} {int(found) / (size << 20):.2f}")
            print(
                f"{name:14}{saved:8.3f}{written:8.3f}{saved / written:7.2f}{loaded:8.3f}{read:8.3f}"
                f"{loaded / read:7.2f}  {', '.join(used)}"
            )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(peak(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
