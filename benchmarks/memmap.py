"""Training from a memory-mapped file that is larger than the memory it takes.

    python benchmarks/memmap.py                  8 GB of uint8 images, one shuffled epoch
    python benchmarks/memmap.py --written        pictures that are written to the disk first
    python benchmarks/memmap.py --order ordered  in the order of the file, or "batch": whole batches

A small convolutional network trains once through the file, and makes as many steps on images in
memory. Each runs in a process of its own; printed are seconds, their ratio, and the peak of the
process's memory, which counts the pages of the file that are mapped at the time.

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
IN_MEMORY = 4096  # images of the comparison, gone through again and again
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


def train(path, count, order):
    """Train on one epoch of `count` images of the file, or as many steps on images in memory."""
    rows = count if path else min(count, IN_MEMORY)
    if path:
        images = np.memmap(path, "uint8", "r", shape=(count, *SHAPE))
    else:
        images = np.random.default_rng(0).integers(0, 256, (rows, *SHAPE), "uint8")
    labels = np.random.default_rng(0).integers(0, 10, rows)
    model = build()
    model.train_on_batch(images[:BATCH], labels[:BATCH])
    start = time.perf_counter()
    epochs = count // rows
    model.fit(images, labels, batch_size=BATCH, shuffle=ORDERS[order], epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    return {"ms": 1000 * seconds / (epochs * -(-rows // BATCH)), "peak": peak_megabytes()}


def in_a_process(path, count, order):
    command = [sys.executable, __file__, "--child", path, str(count), order]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--written", action="store_true", help="write the file instead")
    parser.add_argument("--order", choices=ORDERS, default="shuffled")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--folder", help="where the file is made; by default a temporary folder")
    arguments = parser.parse_args()
    count = int(arguments.gigabytes * 1e9 / np.prod(SHAPE)) // IN_MEMORY * IN_MEMORY
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = str(Path(folder) / "images")
        make_file(path, count, arguments.written)
        taken = os.stat(path).st_blocks * 512 / 1e9
        print(
            f"{count} images of {SHAPE} bytes, {os.path.getsize(path) / 1e9:.2f} GB in a file "
            f"({taken:.2f} GB on the disk), {arguments.order}"
        )
        for _ in range(arguments.repeat):
            memory = in_a_process("", count, arguments.order)
            mapped = in_a_process(path, count, arguments.order)
            print(
                f"from memory {memory['ms']:.2f} ms a step (peak {memory['peak']:.0f} MB); "
                f"from the file {mapped['ms']:.2f} ms (peak {mapped['peak']:.0f} MB); "
                f"ratio {mapped['ms'] / memory['ms']:.3f}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(train(sys.argv[2], int(sys.argv[3]), sys.argv[4])))
    else:
        main()
