"""OpenMP of several packages in one process: each with its own run-time, or one for all.

    python tests/wheel/beside.py

imports diptych before and after PyTorch and scikit-learn, as far as they are installed; each
computes on two threads, then in a forked child diptych does. Prints whose run-time serves diptych's
kernels, and how its threads wait.
"""

import itertools
import subprocess
import sys
from importlib.util import find_spec

PROGRAM = """
import os, sys
import numpy as np

x = np.random.default_rng(0).normal(size=(400, 300)).astype(np.float32)

def use(package):
    if package == "torch":
        import torch
        torch.set_num_threads(2)
        return torch.from_numpy(x).matmul(torch.from_numpy(x.T)).relu().sum().item()
    if package == "sklearn":
        from sklearn.ensemble import HistGradientBoostingClassifier
        trees = HistGradientBoostingClassifier(max_iter=3).fit(x[:, :5], x[:, 0] > 0)
        return trees.score(x[:, :5], x[:, 0] > 0)
    from diptych.fastcore import dense
    from diptych.fastcore.kernels import threads
    threads.set_num_threads(2)
    threads.set_least_work(0)
    done, early = threads.check_stages([200, 7, 50])
    assert done == [[1] * 200, [1] * 7, [1] * 50] and not early
    return dense.matmul_forward(x, x.T)[0].tobytes()

order = sys.argv[1:]
first = [use(package) for package in order]
assert [use(package) for package in order] == first
child = os.fork()
if child == 0:
    os._exit(use("diptych") != first[order.index("diptych")])
assert os.waitpid(child, 0)[1] == 0, "the forked child gave other bits"
assert [use(package) for package in order] == first
import diptych.fastcore
from diptych.fastcore.kernels import openmp, threads
serves = openmp.library_at(threads.runtime_address())
print("run-times", len(openmp.libraries()), "- diptych's is", "/".join(serves.split("/")[-3:]))
print("    its threads wait", diptych.fastcore.waiting)
"""


def main():
    others = [name for name in ("torch", "sklearn") if find_spec(name)]
    failures = 0
    for order in itertools.permutations(["diptych", *others]):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, *order],
            capture_output=True,
            text=True,
            timeout=300,
        )
        failures += done.returncode != 0
        print(" > ".join(order) + ":", done.stdout.strip() or done.stderr.strip())
    return failures


if __name__ == "__main__":
    sys.exit(main())
