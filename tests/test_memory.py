"""What the fast engine tells malloc: memory of large results stays at hand from batch to batch."""

import platform
import subprocess
import sys

import pytest

# In a process of its own: where a heap has grown already, there is room for all.
SCRIPT = """
import resource
import numpy as np
from diptych import engine

fast = engine.get("fast")
x = np.zeros((72, 1 << 17), "float32")  # 36 MB, and so is the result

def faults():
    counts = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        fast.activations.tanh_forward(x)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return counts[-1]

outside = faults()
with fast.batch_after_batch():
    with fast.batch_after_batch():
        inside = faults()
    after_the_inner_one = faults()
print(outside, inside, after_the_inner_one)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a matter of glibc")
def test_large_results_take_no_new_pages_from_batch_to_batch():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outside, inside, after_the_inner_one = map(int, done.stdout.split())
    assert outside > 4
    assert inside <= outside // 4
    assert after_the_inner_one <= outside // 4
