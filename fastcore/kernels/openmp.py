"""Loads OpenMP so that its threads wait asleep, and says how they wait. threads.pyx says why."""

import os
import re
from contextlib import contextmanager, nullcontext

# Whoever sets one of these has chosen how threads wait.
CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def load():
    """Import `threads`, the one module that links OpenMP; return how its threads wait.

    The run-time reads its environment once, when it is loaded. So OMP_WAIT_POLICY is set for that
    moment alone, and only if the user has not chosen. Where another package has loaded the same
    library before, its choice stands, and nobody can ask what it was.
    """
    chosen = next((name for name in CHOICES if name in os.environ), None)
    before = libraries()
    with passive_policy() if chosen is None else nullcontext():
        from . import threads
    if not threads.has_openmp():
        return "no OpenMP"
    if before is not None and before == libraries():
        return "as the package says that loaded OpenMP first"
    if chosen is not None:
        return f"as {chosen} says"
    return "asleep" if before is not None else "asleep, unless another package loaded OpenMP first"


def libraries():
    """The OpenMP run-times in this process, by their files; None where the system does not tell."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
            return {m[0] for line in lines if (m := re.search(r"/\S*lib[gi]?omp\S*\.so\S*", line))}
    except OSError:
        return None


@contextmanager
def passive_policy():
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        yield
    finally:
        del os.environ["OMP_WAIT_POLICY"]
