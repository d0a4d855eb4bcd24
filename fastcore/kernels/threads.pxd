"""The one door to threads. See threads.pyx."""

from libc.stdint cimport uint64_t

cdef enum:
    MOST_STAGES = 16
    MOST_FLAGS = 2  # conditions within each other

ctypedef void (*task_t)(Py_ssize_t chunk, void* context) noexcept nogil

# A task in both types: `cdef void f(Py_ssize_t chunk, void* context, const real* like)`. `like` is
# NULL and only says the type.
ctypedef void (*task32_t)(Py_ssize_t chunk, void* context, const float* like) noexcept nogil
ctypedef void (*task64_t)(Py_ssize_t chunk, void* context, const double* like) noexcept nogil

# Chunks 0 ... chunks - 1 of one task; made by `stage` or `typed_stage`.
cdef struct Stage:
    task_t task             # one of the three; the others are NULL
    task32_t task32
    task64_t task64
    Py_ssize_t chunks
    void* context
    size_t size             # of the context, in bytes: a plan keeps a copy of it
    # It is left out where one of these is 0; or NULL. Only a stage before it sets them, for a
    # thread that comes late reads them late.
    const int* flags[MOST_FLAGS]

cdef Stage stage(task_t task, Py_ssize_t chunks, void* context, size_t size) noexcept nogil
cdef Stage typed_stage(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context, size_t size,
) noexcept nogil

# Does all the chunks of the first stage, in any order and perhaps at the same time, then those of
# the next, and returns when all are done: one parallel region, into which the threads are called
# once. `work` is a rough number of simple vectorised scalar operations in all (an exp counts about
# 10): small work is done by the calling thread. Chunks write to disjoint memory, and their size
# must not depend on the number of threads.
cdef void run_stages(const Stage* stages, int count, double work) noexcept nogil

# The same for one stage.
cdef void run_chunks(
    task_t task, Py_ssize_t chunks, void* context, size_t size, double work,
) noexcept nogil
cdef void run_typed(
    bint single, task32_t task32, task64_t task64, Py_ssize_t chunks, void* context, size_t size,
    double work,
) noexcept nogil

# What a task calls that finds no memory for its work area: no later chunk of the call is begun, so
# that nothing is made of a result that is not there.
cdef void no_memory() noexcept nogil

# The same of a task that has found what a plan cannot go on with.
cdef void end_run() noexcept nogil

# The same for any number of stages, up to so many times, with room for how far each of them is, in
# two runs (2 * count). Returns how many runs are done: threads that have come stay for a while, so
# it may be fewer than wanted, and is at least one unless a task has `said` NO_MEMORY or ENDED, in
# the run after those.
cdef enum:
    NO_MEMORY = 1
    ENDED = 2

cdef struct Progress:
    uint64_t claimed        # chunks from the front, and 32 bits higher chunks from the end
    uint64_t done
    uint64_t unused[6]      # stages are a cache line apart

cdef Py_ssize_t run_many(
    const Stage* stages, int count, double work, Py_ssize_t times, Progress* progress, int* said,
) noexcept nogil

# The same for one stage on this thread alone, for benchmarks: the seconds that each chunk takes.
# Returns what a task has said, or 0.
cdef int time_chunks(const Stage* s, double* taken) noexcept nogil

# Stages that are collected one by one: the same as run_stages with all of them in their order.
# `region.count` and `region.work` begin as 0, and are so again after run_region.
cdef struct Region:
    Stage stages[MOST_STAGES]
    int count
    double work

cdef void add_stage(Region* region, Stage s, double work) noexcept nogil
cdef void run_region(Region* region) noexcept nogil

# What this thread runs is noted by its recorder, if it has one: a plan (plan.pyx), which runs the
# same stages again. Memory that a stage uses then stays: `release` instead of `free`. `new` gives
# arrays for results, which may lie where others have lain that nobody needs any longer.
cdef struct Recorder:
    void (*note)(
        Recorder* recorder, const Stage* stages, int count, double work
    ) noexcept nogil
    void (*own)(Recorder* recorder, void* memory) noexcept nogil
    void (*keep)(Recorder* recorder, object array)
    object (*new)(Recorder* recorder, int ndim, const Py_ssize_t* dims, int typenum)
    void (*refuse)(Recorder* recorder, const char* why) noexcept nogil
    bint may_end            # whether a task calls `end_run`

cdef Recorder* recorder() noexcept nogil
cdef Recorder* set_recorder(Recorder* recorder) noexcept nogil
cdef void release(void* memory) noexcept nogil


cdef inline void refuse_plan(const char* why) noexcept nogil:
    """What follows is not all done in stages: a plan that is being made could not do it again."""
    if recorder() != NULL:
        recorder().refuse(recorder(), why)
