"""Measures what part of a training step can run on several processors, and on how many.

    python benchmarks/serial.py                       all networks of networks.py
    python benchmarks/serial.py --networks lstm,mlp   some of them
    python benchmarks/serial.py --clock               without valgrind: seconds, not instructions

It needs valgrind: callgrind counts the instructions of an epoch on one thread, all of the process
and those in chunks, which threads share. (Valgrind shows a program less than the processor has, no
AVX-512 for instance: build with DIPTYCH_MARCH=x86-64-v3, and with DIPTYCH_NAMES=1 for the names.)
The plan of the step then runs on one thread, and each chunk is timed. Chunks of a stage that has
only one are serial as well.

Printed for each network: the stages of a step; the parts of it outside of chunks and in stages of
one chunk; the speed-up that Amdahl's law gives for the sum of both; and the one where each stage
takes as long as its chunks, shared out one by one, keep the busiest processor.
"""

import argparse
import heapq
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
from networks import NETWORKS, data, in_keras
from training import print_machine

CORES = (8, 32, 128)
WARM = 3  # epochs: then there is a plan, and it knows how many steps fill a slice of time
STEPS = 200  # that are counted, in whole epochs
SECONDS = 20  # after which no other epoch is counted
REPEATS = 9
MOST = 20  # batches whose chunks are timed in an epoch


def trained(network, epochs, callbacks=()):
    import diptych

    x, y, batch = data(network)
    model = in_keras(diptych, network)
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model


def count(network):
    """Train under callgrind, which is told by its own control program when to count."""
    import diptych

    def tell(what):
        control = ["callgrind_control", f"--instr={what}", str(os.getpid())]
        done = os.posix_spawnp(control[0], control, os.environ)
        if os.waitpid(done, 0)[1]:
            raise SystemExit("callgrind_control failed")

    x, _, batch = data(network)
    last = WARM + max(1, STEPS * batch // len(x)) - 1

    class Switch(diptych.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == WARM:
                tell("on")
                self.began = time.monotonic()

        def on_epoch_end(self, epoch, logs=None):
            if epoch == last or (epoch >= WARM and time.monotonic() - self.began > SECONDS):
                tell("off")
                self.model.stop_training = True

    trained(network, last + 1, [Switch()])


def counted(network):
    """The part of the instructions that is not in chunks."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--compress-strings=no"]
        command = [sys.executable, os.path.abspath(__file__), "--one", network]
        subprocess.run(
            [*valgrind, f"--callgrind-out-file={out}", *command],
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        )
        with open(out) as lines:
            return outside(lines)


def by_clock(network):
    """The part of the seconds of an epoch that is not in chunks: for small networks too large,
    since to time a chunk takes as long as some of them.
    """
    model = trained(network, WARM)
    timer = watched(model, network)
    x, y, batch = data(network)
    x, y = x[: MOST * batch], y[: MOST * batch]
    parts = []
    for _ in range(3):
        timer.found.clear()
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch, verbose=0)
        taken = time.perf_counter() - start
        parts.append(1 - sum(stage.sum() for step in timer.found for stage in step) / taken)
    return float(np.median(parts))


def watched(model, network):
    """Have the chunks of its steps timed; return what finds the times."""
    x, y, batch = data(network)
    tensors = model._as_tensors(x[:batch], y[:batch], None)
    plan, refusal = model._plan_of(model._replay_key("update", *tensors))
    if plan is None:
        raise SystemExit(f"{network}: no plan: {refusal}")
    plan._plan = timer = Timed(plan._plan)
    return timer


def outside(lines):
    """The same from callgrind's file: below a function's name, lines with its own cost, and calls,
    each with the cost of what was called in the line after it.
    """
    total = chunks = 0
    caller = callee = ""
    is_call = False
    for line in lines:
        if line.startswith("fn="):
            caller = line[3:].strip()
        elif line.startswith("cfn="):
            callee = line[4:].strip()
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+\-*\d]", line):
            cost = int(line.split()[1])
            if not is_call:
                total += cost
            elif runs_stages(caller) and not runs_stages(callee):
                chunks += cost
            is_call = False
    return 1 - chunks / total


def runs_stages(name):
    return re.search(r"threads_(run_many|run_stages|time_chunks)", name) is not None


class Timed:
    """A plan whose runs are timed chunk by chunk."""

    runs_through = False  # so that nobody runs it in turn with others

    def __init__(self, plan):
        self.plan, self.found = plan, []

    def run(self, times):
        from diptych.fastcore.kernels.plan import chunk_times

        for _ in range(times):
            self.found.append(chunk_times(self.plan))
        return times

    @property
    def done(self):
        return self.plan.done


def timed(network):
    """The seconds of each chunk of each stage of a step, and whether threads are called for it."""
    from diptych.fastcore.kernels import threads

    model = trained(network, WARM)
    timer = watched(model, network)
    x, y, batch = data(network)
    for _ in range(REPEATS):
        model.fit(x[:batch], y[:batch], batch_size=batch, verbose=0)
    threads.set_num_threads(2)
    threads.set_lateness(50_000)
    steps = [[stage.tolist() for stage in step] for step in timer.found]
    stages = [np.median(stage, axis=0) for stage in zip(*steps, strict=True)]
    return stages, threads.team_size_for(timer.plan.work) > 1


def longest(chunks, processors):
    """How long a stage takes: whoever is done first takes the next chunk."""
    ends = [0.0] * min(processors, len(chunks))
    for chunk in chunks:
        heapq.heapreplace(ends, ends[0] + chunk)
    return max(ends, default=0.0)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--clock", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        count(chosen.one)
        return
    print_machine()
    print("| network | stages | outside, % | one chunk, % | Amdahl: 8 | 32 | 128 ", end="")
    print("| by chunks: 8 | 32 | 128 |")
    print("|---|" + "---:|" * (3 + 2 * len(CORES)))
    for network in chosen.networks.split(","):
        stages, is_shared = timed(network)
        part = by_clock(network) if chosen.clock else counted(network)
        inside = sum(map(sum, stages))
        alone = sum(sum(stage) for stage in stages if len(stage) == 1)
        around = inside * part / (1 - part)
        whole, serial = inside + around, around + alone
        amdahl = [whole / (serial + (whole - serial) / n) for n in CORES]
        limits = [whole / (around + sum(longest(stage, n) for stage in stages)) for n in CORES]
        ups = " | ".join(f"{up:.1f}" if is_shared else "-" for up in (*amdahl, *limits))
        parts = f"{100 * part:.2f} | {100 * alone / whole:.2f}"
        print(f"| {network} | {len(stages)} | {parts} | {ups} |", flush=True)


if __name__ == "__main__":
    main()
