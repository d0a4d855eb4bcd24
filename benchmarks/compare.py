"""Times two builds of diptych against each other on the networks of networks.py.

    python benchmarks/compare.py --before /path/to/other/environment/bin/python
    python benchmarks/compare.py --before ... --busy 1         beside a program that never rests
    python benchmarks/compare.py --before ... --networks lstm,mlp --repeat 7

The two take turns, each run in a process of its own, so that both see the same machine. Printed is
the median over the pairs of runs of after / before, and the geometric mean over the networks.
"""

import argparse
import math
import statistics
import subprocess
import sys

from networks import NETWORKS
from training import in_own_process, print_machine

BUSY = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[-1 - int(sys.argv[1]) % len(allowed)]})
while True:
    pass
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", required=True, help="a Python that has the other build")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="processors to keep busy meanwhile")
    chosen = parser.parse_args()
    print_machine()
    busy = [subprocess.Popen([sys.executable, "-c", BUSY, str(i)]) for i in range(chosen.busy)]
    try:
        compare(chosen.before, chosen.networks.split(","), chosen.repeat, chosen.busy)
    finally:
        for process in busy:
            process.kill()


def compare(before, networks, repeat, busy):
    print(f"after / before, {repeat} pairs of runs, {busy} processors kept busy")
    print(f"{'':<12}{'training: before':>18}{'after':>9}{'ratio':>8}{'prediction':>12}")
    logs = []
    for network in networks:
        pairs = [
            [in_own_process(python, "diptych:fast", network) for python in (before, sys.executable)]
            for _ in range(repeat)
        ]
        pairs = [pair for pair in pairs if None not in pair]
        if not pairs:
            continue
        old, new = (statistics.median(pair[i]["train"] for pair in pairs) for i in (0, 1))
        train, predict = (
            statistics.median(after[what] / first[what] for first, after in pairs)
            for what in ("train", "predict")
        )
        logs.append((math.log(train), math.log(predict)))
        print(f"{network:<12}{old:>15.3f} ms{new:>9.3f}{train:>8.2f}{predict:>12.2f}", flush=True)
    train, predict = (math.exp(statistics.mean(column)) for column in zip(*logs, strict=True))
    print(f"{'mean':<12}{'':>27}{train:>8.2f}{predict:>12.2f}")


if __name__ == "__main__":
    main()
