"""What the fast engine tells malloc: memory of large results stays at hand from batch to batch."""

import contextlib
import sys

import numpy as np
import pytest

from diptych import engine


def faults_of(function):
    """Pages that the system had to hand out while the function ran."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    function()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a matter of glibc")
def test_large_results_take_no_new_pages_from_batch_to_batch():
    fast = engine.get("fast")
    x = np.zeros((72, 1 << 17), "float32")  # 36 MB, and so is the result

    def faults(context):
        with context:
            return [faults_of(lambda: fast.activations.tanh_forward(x)) for _ in range(5)][-1]

    outside = faults(contextlib.nullcontext())
    with fast.batch_after_batch():
        assert faults(fast.batch_after_batch()) <= outside // 4
        assert faults(contextlib.nullcontext()) <= outside // 4  # the inner one ended, not this
    assert outside > 4
