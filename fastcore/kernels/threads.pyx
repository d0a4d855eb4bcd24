"""The one door to threads: OpenMP, and its two diseases treated.

An OpenMP program waits awake: a thread that has nothing to do spins, for milliseconds, in the hope
of more. Beside other programs that takes from everybody the processor that the work needs: two
threads took 3 to 15 times as long as one. So the run-time is told to wait asleep (openmp.py), and a
thread wakes up once for each call of run_stages, not for each of its stages; and where a plan runs
again and again, it stays for some milliseconds.

How late they come is measured at every call: work that takes less than that is done by the caller
alone. And a thread that wakes up on the caller's processor goes to another (openmp.h), where it
shares with another program what the caller would have to share with it.

And a forked child has none of its parent's threads, for which OpenMP would wait forever: they are
ended before a fork (openmp.h).

Chunks are claimed from a counter, one after the other, so who comes late does less. The caller
takes them from the front, the others from the end: the halves of an array stay with the same
processors from one job to the next, and in their caches.
"""

import math
import operator
import os
from pathlib import Path
from threading import Thread

from cpython.array cimport array
from cython.parallel cimport parallel, threadid
from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

cdef extern from "openmp.h" nogil:
    int runtime_limit()
    uintptr_t runtime_code()
    uint64_t ADD(uint64_t* place, uint64_t n)
    uint64_t READ(uint64_t* place)
    int SWAP_INT(int* place, int value)
    int READ_INT(int* place)
    void* this_thread_s
    int task_says
    int HAS_OPENMP
    int FORKS_KEEP_THREADS
    void end_team()
    int watch_forks(void (*before)() noexcept nogil, void (*in_child)() noexcept nogil)
    double seconds()
    void wait_for(uint64_t* place, uint64_t n, double awake)
    int team_size()
    int processor()
    void leave(int processor)

# How long the caller waits for the others, in nanoseconds: a moving average of the time until one
# comes when it is called, or that one takes longer at the end, if that is more. About 1 us where
# threads wait awake, 50 us where they have to wake up (EPYC 7003, Xeon 8370C), milliseconds where
# another program has their processor. OpenMP does not go on before all have come and gone.
cdef int lateness = 50_000
cdef double NEWS = 0.25         # weight of the last call in this average
cdef double MEMORY = 5e7        # nanoseconds of work done alone after which it is forgotten
cdef double SPEED = 7           # simple vectorised operations in a nanosecond
cdef double least_work = 40_000  # on which threads that come at once save anything
cdef double TOGETHER = 2e-3      # seconds, after which threads that have stayed are called anew
cdef double AWAKE = 50e-6        # seconds; about what a sleeping thread needs to wake up
cdef int threads = 1
cdef int most_threads = 1       # of a team: one for each processor, for more would take turns there
cdef int alone = not HAS_OPENMP  # whether there can be no others
cdef int at_start = 1           # threads that the run-time would use, if nobody had limited it
cdef int busy = 0               # whether a caller has the threads: a second one works alone


cdef struct Job:
    const Stage* stages
    int count
    Progress* progress      # of each stage, in one run and, behind it, in the next one
    Progress left           # done: how often a thread has come to the end of a run
    uint64_t last           # the run after which they go; 0 while that is not known
    double called           # when
    double start            # of the last run
    int processor           # from where
    double late             # how much later one of them came
    double end              # when the caller had no more to do
    int size                # of the team, which may be smaller than was asked for
    int said                # what a task has said
    int ended               # in which run, from 1


cdef inline int team(double work) noexcept nogil:
    """How many threads so much work is worth: more than one if it takes twice their lateness."""
    cdef int limit, wanted = READ_INT(&threads)  # which another thread may be setting
    if wanted == 1 or alone or work < least_work:
        return 1
    if least_work > 0 and work < 2 * SPEED * READ_INT(&lateness):
        return 1
    limit = runtime_limit()  # threadpoolctl and omp_set_num_threads set it
    if least_work > 0:
        wanted = min(wanted, READ_INT(&most_threads))
    return wanted if limit >= at_start else min(wanted, limit)


cdef void no_memory() noexcept nogil:
    global task_says
    task_says = NO_MEMORY


cdef void end_run() noexcept nogil:
    global task_says
    task_says = ENDED


cdef inline int do_chunk(const Stage* s, Py_ssize_t chunk) noexcept nogil:
    """Return what it has said, or 0."""
    global task_says
    cdef int said
    if s.task32 != NULL:
        s.task32(chunk, s.context, NULL)
    elif s.task64 != NULL:
        s.task64(chunk, s.context, NULL)
    else:
        s.task(chunk, s.context)
    said = task_says
    if said:
        task_says = 0
    return said


cdef inline Py_ssize_t chunks_of(const Stage* s) noexcept nogil:
    """How many chunks it has, once the stages before are done."""
    cdef int i
    for i in range(MOST_FLAGS):
        if s.flags[i] != NULL and not s.flags[i][0]:
            return 0
    return s.chunks


cdef void take_part(Job* job, int run, bint from_front) noexcept nogil:
    """Claim chunks of one stage after the other, until none is left."""
    cdef uint64_t step = 1 if from_front else <uint64_t>1 << 32
    cdef uint64_t chunks, claimed, front, end
    cdef const Stage* s
    cdef Progress* at = job.progress + (0 if run % 2 else job.count)
    cdef int i, said
    for i in range(job.count):
        s = &job.stages[i]
        chunks = chunks_of(s)
        while True:
            claimed = ADD(&at.claimed, step)
            front, end = claimed & <uint64_t>0xffffffff, claimed >> 32
            if front + end >= chunks:
                break
            if not READ_INT(&job.ended):
                said = do_chunk(s, front if from_front else chunks - 1 - end)
                if said:
                    SWAP_INT(&job.said, said)
                    SWAP_INT(&job.ended, run)
            ADD(&at.done, 1)
        if i + 1 < job.count:
            wait_for(&at.done, chunks, AWAKE)
        at += 1


cdef void lead(Job* job, Py_ssize_t times) noexcept nogil:
    """The caller's part: it decides after which run all go."""
    cdef int run = 0
    job.size = team_size()
    while True:
        run += 1
        if run > 1:  # all have come to the end of the last run, so nobody needs that before it
            memset(job.progress + (job.count if run % 2 else 0), 0, job.count * sizeof(Progress))
        job.start = seconds()
        take_part(job, run, True)
        job.end = seconds()
        if job.last == 0 and (
            run == times or job.end - job.called > TOGETHER or READ_INT(&job.ended)
        ):
            ADD(&job.last, run)
        ADD(&job.left.done, 1)
        # Who arrives last at the end of the region need not be woken up.
        wait_for(&job.left.done, <uint64_t>run * job.size, AWAKE)
        if job.last == <uint64_t>run:
            return


cdef void follow(Job* job) noexcept nogil:
    """The part of another thread."""
    cdef int run = 0
    cdef uint64_t size = team_size()
    while True:
        run += 1
        take_part(job, run, False)
        ADD(&job.left.done, 1)
        if READ(&job.last) == <uint64_t>run:
            return
        wait_for(&job.left.done, run * size, AWAKE)
        if READ(&job.last) == <uint64_t>run:
            return


cdef void run_stages(const Stage* stages, int count, double work) noexcept nogil:
    cdef Progress progress[2 * MOST_STAGES]
    cdef int said = 0
    cdef Recorder* by = recorder()
    if by != NULL:
        by.note(by, stages, count, work)
    run_many(stages, count, work, 1, progress, &said)


cdef Py_ssize_t run_many(
    const Stage* stages, int count, double work, Py_ssize_t times, Progress* progress, int* said,
) noexcept nogil:
    cdef double delay, before
    cdef Job job
    cdef Py_ssize_t chunk, most = 0
    cdef int i, size = team(work)
    if size > 1:
        for i in range(count):
            most = max(most, stages[i].chunks)
        size = min(size, most)
    elif READ_INT(&threads) > 1 and work >= least_work:
        # So that they are called again some time.
        before = READ_INT(&lateness)
        SWAP_INT(&lateness, <int>(before * max(0.5, 1 - work / SPEED / MEMORY)))
    if most >= <Py_ssize_t>1 << 31:
        size = 1
    if size < 2 or SWAP_INT(&busy, 1):  # somebody else has the threads
        for i in range(count):
            for chunk in range(chunks_of(&stages[i])):
                said[0] = do_chunk(&stages[i], chunk)
                if said[0]:
                    return 0
        return 1
    memset(&job, 0, sizeof(Job))
    memset(progress, 0, 2 * count * sizeof(Progress))
    job.stages, job.count, job.progress = stages, count, progress
    job.last = 1 if times == 1 else 0
    job.called, job.processor = seconds(), processor()
    with parallel(num_threads=size):
        if threadid() == 0:
            lead(&job, times)
        else:
            if threadid() == 1:
                job.late = seconds() - job.called
            leave(job.processor)
            follow(&job)
    if least_work > 0 and job.size > 1:
        # The last chunks need not end at the same time: half of the caller's own time is no delay.
        delay = seconds() - job.end - 0.5 * (job.end - job.start)
        before = READ_INT(&lateness)
        delay = min(1e9 * max(job.late, delay), 4 * before + 1e5)  # one outlier is not the rule
        SWAP_INT(&lateness, <int>min(1e9, (1 - NEWS) * before + NEWS * delay))
    SWAP_INT(&busy, 0)
    said[0] = job.said
    return job.ended - 1 if job.ended else <Py_ssize_t>job.last


cdef int time_chunks(const Stage* s, double* taken) noexcept nogil:
    cdef Py_ssize_t chunk
    cdef int said
    for chunk in range(chunks_of(s)):
        taken[chunk] = seconds()
        said = do_chunk(s, chunk)
        if said:
            return said
        taken[chunk] = seconds() - taken[chunk]
    return 0


cdef Stage stage(task_t task, Py_ssize_t chunks, void* context, size_t size) noexcept nogil:
    cdef Stage s
    s.flags[0] = s.flags[1] = NULL
    s.task, s.task32, s.task64 = task, NULL, NULL
    s.chunks, s.context, s.size = chunks, context, size
    return s


cdef Stage typed_stage(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context, size_t size,
) noexcept nogil:
    cdef Stage s
    s.flags[0] = s.flags[1] = NULL
    s.task = NULL
    s.task32, s.task64 = (task32 if single else NULL), (NULL if single else task64)
    s.chunks, s.context, s.size = chunks, context, size
    return s


cdef void run_chunks(
    task_t task, Py_ssize_t chunks, void* context, size_t size, double work,
) noexcept nogil:
    cdef Stage s = stage(task, chunks, context, size)
    run_stages(&s, 1, work)


cdef void run_typed(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context, size_t size,
    double work,
) noexcept nogil:
    cdef Stage s = typed_stage(single, task32, task64, chunks, context, size)
    run_stages(&s, 1, work)


cdef void add_stage(Region* region, Stage s, double work) noexcept nogil:
    if region.count == MOST_STAGES:
        run_region(region)
    region.stages[region.count] = s
    region.count += 1
    region.work += work


cdef void run_region(Region* region) noexcept nogil:
    run_stages(region.stages, region.count, region.work)
    region.count, region.work = 0, 0


cdef Recorder* recorder() noexcept nogil:
    """The recorder of this thread, or NULL."""
    return <Recorder*>this_thread_s


cdef Recorder* set_recorder(Recorder* new) noexcept nogil:
    """Give this thread a recorder, or NULL; return the one before."""
    global this_thread_s
    cdef Recorder* before = <Recorder*>this_thread_s
    this_thread_s = new
    return before


cdef void release(void* memory) noexcept nogil:
    """Free what stages have used, unless a plan will run them again."""
    if recorder() != NULL and memory != NULL:
        recorder().own(recorder(), memory)
    else:
        free(memory)


cdef void in_child() noexcept nogil:
    """A forked child: whoever had the threads is not there."""
    global busy, alone
    busy = 0
    if not FORKS_KEEP_THREADS:
        alone = 1


def get_num_threads():
    """How many threads the fast engine may use."""
    return threads


def set_num_threads(count):
    """Set how many threads the fast engine may use; None: the default. Results keep their bits. No
    more are called than there are processors for this process.
    """
    SWAP_INT(&most_threads, processors())
    if count is None:
        SWAP_INT(&threads, default_num_threads())
        return
    try:
        number = operator.index(count)
    except TypeError:
        number = 0
    if isinstance(count, bool) or not 1 <= number <= 1024:
        raise ValueError(
            f"set_num_threads() got {count!r}; expected an integer from 1 to 1024, or None for the "
            "default"
        )
    SWAP_INT(&threads, number)


def default_num_threads():
    """OMP_NUM_THREADS, else the processors that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), 1024)
    return processors()


def processors():
    """How many this process may use: affinity and cgroup limits."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, cgroup_limit() or allowed, 1024))


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


def has_openmp():
    """Whether this was compiled with OpenMP; without it there is one thread."""
    return bool(HAS_OPENMP)


def runtime_address():
    """Where the code of the OpenMP run-time stands that serves this module; 0 without one."""
    return runtime_code()


def team_size_for(double work=1e12):
    """How many threads a caller on this thread gets for so much work."""
    return team(work)


def set_least_work(double work):
    """Set from how much work on several threads may be used; return what it was. 0: for all, and
    then more threads than processors too, for tests.
    """
    global least_work
    before = least_work
    least_work = work
    return before


def set_lateness(int nanoseconds):
    """Set how late threads are taken to be; return what it was."""
    return SWAP_INT(&lateness, nanoseconds)


def leave_this_processor():
    """Have this thread go to another processor, where that can be; return both numbers."""
    before = processor()
    leave(before)
    return before, processor()


cdef struct Check:
    uint64_t* done          # how often, for each chunk
    uint64_t begun          # chunks, in all runs
    uint64_t finished
    uint64_t early          # chunks that were begun before the stage before was finished
    Check* before           # in the same run; for the first stage the last one, in the run before
    bint is_first
    uint64_t chunks


cdef void check_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Check* p = <Check*>context
    cdef uint64_t runs = ADD(&p.begun, 1) // p.chunks + (0 if p.is_first else 1)
    if READ(&p.before.finished) < runs * p.before.chunks:
        ADD(&p.early, 1)
    ADD(&p.done[chunk], 1)
    ADD(&p.finished, 1)


def check_stages(chunks, double work=1e12, Py_ssize_t times=1):
    """Run stages of so many chunks each, so many times, for tests; return (how often each was done,
    how many were begun too early).
    """
    cdef Check checks[MOST_STAGES]
    cdef Stage stages[MOST_STAGES]
    cdef Progress progress[2 * MOST_STAGES]
    cdef array done
    cdef int said = 0
    cdef int i, count = len(chunks)
    if count > MOST_STAGES:
        raise ValueError(f"check_stages: at most {MOST_STAGES} stages, got {count}")
    counters = [array("Q", [0]) * (n + 1) for n in chunks]
    for i in range(count):
        done = counters[i]
        checks[i].done, checks[i].chunks = <uint64_t*>done.data.as_voidptr, chunks[i]
        checks[i].begun, checks[i].finished, checks[i].early = 0, 0, 0
        checks[i].before, checks[i].is_first = &checks[i - 1 if i else count - 1], i == 0
        stages[i] = stage(check_task, chunks[i], &checks[i], sizeof(Check))
    with nogil:
        while times > 0:
            times -= run_many(stages, count, work, times, progress, &said)
    found = [c.tolist()[:n] for c, n in zip(counters, chunks, strict=True)]
    return found, sum([checks[i].early for i in range(count)])


def _measure_limit():
    global at_start
    at_start = runtime_limit()


if watch_forks(end_team, in_child):
    raise ImportError("diptych cannot register its fork handlers (pthread_atfork): out of memory")
_fresh = Thread(target=_measure_limit)  # a limit of omp_set_num_threads is the calling thread's own
_fresh.start()
_fresh.join()
set_num_threads(None)
