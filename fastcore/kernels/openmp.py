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
    library before, its choice stands, and nobody can ask what it was. So it does where that package
    has offered its own copy to all (as PyTorch does): it serves us in place of the one of a wheel.
    """
    chosen = next((name for name in CHOICES if name in os.environ), None)
    before = libraries()
    with passive_policy() if chosen is None else nullcontext():
        from . import threads
    if not threads.has_openmp():
        return "no OpenMP"
    if before is not None and library_at(threads.runtime_address()) in before:
        return "as the package says that loaded OpenMP first"
    if chosen is not None:
        return f"as {chosen} says"
    return "asleep" if before is not None else "asleep, unless another package loaded OpenMP first"


def libraries():
    """The OpenMP run-times in this process, by their files; None where the system does not tell."""
    try:
        return {file for _, _, file in mapped() if re.search(r"/lib[gi]?omp[^/]*\.so[^/]*$", file)}
    except OSError:
        return None


def library_at(address):
    """The file whose code stands at an address, or None."""
    return next((file for start, end, file in mapped() if start <= address < end), None)


def mapped():
    """[(from, to, file)]: where in this process the files are that it has loaded."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
        found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .*?(/.*)$", lines.read(), re.M)
    return [(int(start, 16), int(end, 16), file) for start, end, file in found]


@contextmanager
def passive_policy():
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        yield
    finally:
        del os.environ["OMP_WAIT_POLICY"]
