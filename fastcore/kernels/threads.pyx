"""The one door to threads: the other modules hand over a function and a number of chunks.

How the chunks are shared out, and why not by OpenMP, stands in pool.h.

A forked child starts workers of its own; those of its parent do not exist there. The results are
the same bits.
"""

import math
import operator
import os
from pathlib import Path

cdef extern from "pool.h" nogil:
    int pool_start()
    void pool_run(task_t task, Py_ssize_t chunks, void* context, int threads)

# Handing a job to a worker that is awake costs about 1 us (EPYC 7003), and a vectorised operation
# 0.1-0.2 ns: below 40,000 of them half the work saves less than that.
cdef double least_work = 40_000.0
cdef int threads = 1


cdef bint is_parallel(double work) noexcept nogil:
    return threads > 1 and work >= least_work


cdef void do_chunk(const Stage* s, Py_ssize_t chunk) noexcept nogil:
    if s.task32 != NULL:
        s.task32(chunk, s.context, NULL)
    elif s.task64 != NULL:
        s.task64(chunk, s.context, NULL)
    else:
        s.task(chunk, s.context)


cdef void chunk_of(Py_ssize_t chunk, void* context) noexcept nogil:
    do_chunk(<const Stage*>context, chunk)


cdef void run_stages(const Stage* stages, int count, double work) noexcept nogil:
    cdef Py_ssize_t chunk
    cdef int i
    for i in range(count):
        if stages[i].chunks > 1 and is_parallel(work):
            pool_run(chunk_of, stages[i].chunks, <void*>&stages[i], threads)
        else:
            for chunk in range(stages[i].chunks):
                do_chunk(&stages[i], chunk)


cdef Stage stage(task_t task, Py_ssize_t chunks, void* context) noexcept nogil:
    cdef Stage s
    s.task, s.task32, s.task64 = task, NULL, NULL
    s.chunks, s.context = chunks, context
    return s


cdef Stage typed_stage(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context,
) noexcept nogil:
    cdef Stage s
    s.task = NULL
    s.task32, s.task64 = (task32 if single else NULL), (NULL if single else task64)
    s.chunks, s.context = chunks, context
    return s


cdef void run_chunks(task_t task, Py_ssize_t chunks, void* context, double work) noexcept nogil:
    cdef Stage s = stage(task, chunks, context)
    run_stages(&s, 1, work)


cdef void run_typed(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context, double work,
) noexcept nogil:
    cdef Stage s = typed_stage(single, task32, task64, chunks, context)
    run_stages(&s, 1, work)


def get_num_threads():
    """How many threads the fast engine may use."""
    return threads


def set_num_threads(count):
    """Set how many threads the fast engine may use; None: the default. Results keep their bits."""
    global threads
    if count is None:
        threads = default_num_threads()
        return
    try:
        number = operator.index(count)
    except TypeError:
        number = 0
    if isinstance(count, bool) or not 1 <= number <= 1024:
        raise ValueError(f"the number of threads must be an integer from 1 to 1024, got {count!r}")
    threads = number


def default_num_threads():
    """OMP_NUM_THREADS, else the processors this process may use: affinity and cgroup limits."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdigit() and int(wanted) > 0:
        return min(int(wanted), 1024)
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        processors = os.cpu_count() or 1
    return max(1, min(processors, cgroup_limit() or processors, 1024))


def cgroup_limit(root="/sys/fs/cgroup", membership="/proc/self/cgroup"):
    """Processors that the control groups of this process allow (a container's limit), or None."""
    try:
        lines = Path(membership).read_text().splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2: "max 100000" or "150000 100000"
            top, read = Path(root), _quota_v2
        elif "cpu" in controllers.split(","):
            top, read = Path(root) / "cpu", _quota_v1
        else:
            continue
        # Every group on the way up limits. In a container the path may not exist: its own group is
        # the top.
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            quota = read(folder)
            if quota is not None:
                limits.append(quota)
            if folder == top:
                break
    return max(1, math.ceil(min(limits))) if limits else None


def _quota_v2(folder):
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_v1(folder):
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota < 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None


if pool_start():
    raise ImportError("diptych cannot register its fork handler (pthread_atfork): out of memory")
set_num_threads(None)
