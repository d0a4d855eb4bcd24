"""Starting threads from where the GIL is held.

Giving the GIL away and taking it back costs time, and small work, which the calling thread does
alone, gains nothing by it: then it is not given away.
"""

from .threads cimport Stage, is_parallel, run_stages


cdef inline void run_with_gil(const Stage* stages, int count, double work) noexcept:
    """run_stages, without the GIL where there is work for several threads."""
    if is_parallel(work):
        with nogil:
            run_stages(stages, count, work)
    else:
        run_stages(stages, count, work)
