"""Training from a memory-mapped file that is larger than the memory it takes.

    python benchmarks/memmap.py                  8 GB of uint8 images, one shuffled epoch
    python benchmarks/memmap.py --written        pictures that are written to the disk first
    python benchmarks/memmap.py --order ordered  in the order of the file, or "batch": whole batches

A small convolutional network trains once through the file, in a process of its own: printed is the
peak of its memory, which counts the pages of the file that are mapped at the time. Another process
trains on a part of the file and on as many images in memory by turns, until the file is used up:
printed are the medians of both times, and of their ratio.

Without --written the file is sparse: it has 8 GB, all zero, but takes no space on the disk. Then
the time is that of the way through the system's cache of files; with --written, that of the disk.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPE = (96, 96, 3)
BATCH = 32
PART = 4096  # images of a turn
ORDERS = {"shuffled": True, "batch": "batch", "ordered": False}


def make_file(path, count, written):
    """A file of `count` images: sparse, or of random bytes and out of the system's cache."""
    with open(path, "wb") as file:
        if not written:
            file.truncate(count * int(np.prod(SHAPE)))
            return
        some = np.random.default_rng(0).integers(0, 256, (1024, *SHAPE), "uint8")
        for start in range(0, count, len(some)):
            file.write(some[: count - start].data)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def peak_megabytes():
    """The peak of this process's memory, mapped pages included."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


def build():
    import diptych
    from diptych import layers

    model = diptych.Sequential(
        [
            diptych.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def epoch(model, images, labels, order):
    """Train on all images once; return the milliseconds of a step."""
    start = time.perf_counter()
    model.fit(images, labels, batch_size=BATCH, shuffle=ORDERS[order], verbose=0)
    return 1000 * (time.perf_counter() - start) / (len(images) / BATCH)


def whole(path, count, order):
    """Train through the file; return the peak of the memory."""
    images = np.memmap(path, "uint8", "r", shape=(count, *SHAPE))
    labels = np.random.default_rng(0).integers(0, 10, count)
    epoch(build(), images, labels, order)
    return {"peak": peak_megabytes()}


def by_turns(path, count, order):
    """Train on parts of the file and on images in memory by turns; return the times."""
    rng = np.random.default_rng(0)
    memory, labels = rng.integers(0, 256, (PART, *SHAPE), "uint8"), rng.integers(0, 10, PART)
    file = np.memmap(path, "uint8", "r", shape=(count, *SHAPE))
    model = build()
    epoch(model, memory, labels, order)
    found = []
    for start in range(0, count, PART):
        part = file[start : start + PART]
        found.append([epoch(model, images, labels, order) for images in (memory, part)])
    return found


def in_a_process(what, path, count, order):
    command = [sys.executable, __file__, "--child", what, path, str(count), order]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--written", action="store_true", help="write the file instead")
    parser.add_argument("--order", choices=ORDERS, default="shuffled")
    parser.add_argument("--folder", help="where the file is made; by default a temporary folder")
    arguments = parser.parse_args()
    count = int(arguments.gigabytes * 1e9 / np.prod(SHAPE)) // PART * PART
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = str(Path(folder) / "images")
        make_file(path, count, arguments.written)
        taken = os.stat(path).st_blocks * 512 / 1e9
        print(
            f"{count} images of {SHAPE} bytes, {os.path.getsize(path) / 1e9:.2f} GB in a file "
            f"({taken:.2f} GB on the disk), {arguments.order}"
        )
        times = np.array(in_a_process("by_turns", path, count, arguments.order))
        memory, mapped = np.median(times, axis=0)
        ratio = np.median(times[:, 1] / times[:, 0])
        print(f"{memory:.2f} ms a step from memory, {mapped:.2f} ms from the file: {ratio:.3f}")
        make_file(path, count, arguments.written)  # out of the cache again
        through = in_a_process("whole", path, count, arguments.order)
        print(f"peak of the memory, once through the file: {through['peak']:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run = {"whole": whole, "by_turns": by_turns}[sys.argv[2]]
        print(json.dumps(run(sys.argv[3], int(sys.argv[4]), sys.argv[5])))
    else:
        main()
