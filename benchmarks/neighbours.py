"""Times training beside other programs, and on more threads than there are processors.

    python benchmarks/neighbours.py                       all networks of networks.py
    python benchmarks/neighbours.py --networks lstm,mlp   some of them
    python benchmarks/neighbours.py --many 32             32 threads in place of 16

Each network is trained in a process of its own, in which the numbers of threads take turns: a
quarter of a second on one thread, then on two, then on many. Then the same beside a program that
never rests and keeps the last processor busy. Printed are milliseconds a step (the median of the
turns) and two ratios, medians over the turns: many threads / two, and two threads / one beside the
busy program. Last the seconds of a processor that the process took in a second of doing nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from compare import BUSY
from networks import NETWORKS, data, in_keras
from training import print_machine

TURN = 0.25  # seconds


def turn(train, steps, threads):
    """Milliseconds a step."""
    import diptych

    diptych.config.set_num_threads(threads)
    train()  # its first steps tell how late the threads come
    start, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - start < TURN:
        train()
        passes += 1
    return (time.perf_counter() - start) / passes / steps * 1e3


def measure(network, turns, counts):
    """Milliseconds a step of each turn, for each number of threads, and the CPU seconds of a second
    of rest.
    """
    import diptych

    x, y, batch = data(network)
    model = in_keras(diptych, network)

    def train():
        model.fit(x, y, batch_size=batch, verbose=0)

    train()
    found = {n: [] for n in counts}
    for _ in range(turns):
        for n in counts:
            found[n].append(turn(train, -(-len(x) // batch), n))
    before = time.process_time()
    time.sleep(1)
    return {"turns": [found[n] for n in counts], "idle": time.process_time() - before}


def in_own_process(*arguments):
    command = [sys.executable, os.path.abspath(__file__), "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def ratio(over, under):
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--many", type=int, default=16)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        network, turns, counts = chosen.one
        print(json.dumps(measure(network, int(turns), json.loads(counts))))
        return
    print_machine()
    many = f"{chosen.many} threads"
    print(f"{'':<12}{'alone:    1':>12}{'2':>9}{many:>13}{'ratio':>7}", end="")
    print(f"{'busy:    1':>13}{'2':>9}{'ratio':>7}{'idle':>8}")
    for network in chosen.networks.split(","):
        alone = in_own_process(network, chosen.turns, [1, 2, chosen.many])
        busy = subprocess.Popen([sys.executable, "-c", BUSY, "0"])
        try:
            beside = in_own_process(network, chosen.turns, [1, 2])
        finally:
            busy.kill()
            busy.wait()
        one, two, more = alone["turns"]
        first, second = beside["turns"]
        one_ms, two_ms, more_ms, first_ms, second_ms = map(
            statistics.median, (one, two, more, first, second)
        )
        print(f"{network:<12}{one_ms:>12.3f}{two_ms:>9.3f}{more_ms:>13.3f}", end="")
        print(f"{ratio(more, two):>7.2f}{first_ms:>13.3f}{second_ms:>9.3f}", end="")
        print(f"{ratio(second, first):>7.2f}{max(alone['idle'], beside['idle']):>8.4f}", flush=True)


if __name__ == "__main__":
    main()
