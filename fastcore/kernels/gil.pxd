"""Starting threads from where the GIL is held.

Giving the GIL away and taking it back costs time, by which small work gains nothing: then it is not
given away.
"""

from .threads cimport Stage, run_stages

cdef enum:
    WORTH_RELEASING = 40_000  # simple vectorised operations: 5 us


cdef inline void run_with_gil(const Stage* stages, int count, double work) noexcept:
    """run_stages, without the GIL where the work is worth it, on one thread too."""
    if work >= WORTH_RELEASING:
        with nogil:
            run_stages(stages, count, work)
    else:
        run_stages(stages, count, work)
