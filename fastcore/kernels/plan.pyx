"""A plan: what the twins ran, to be run again on the same memory, in one call without the GIL.

    plan = Plan()
    with plan:          # this thread's twins run as ever, and the plan notes their stages
        y, cache = dense_forward(x, kernel, bias, "relu")
        dx, dkernel, dbias = dense_backward(dy, cache)
    x[...] = other_rows
    plan.run()          # y, dx, dkernel and dbias are those of the other rows

All work of the fast engine goes through one door, `run_stages` of threads.pyx, as stages: a task, a
number of chunks, and a context with the addresses and sizes. A plan copies the contexts, and keeps
the arrays and the work areas in which their addresses point. To run it is to run the stages in the
same order, in one parallel region: the same sums in the same order, so the same bits.

A twin may do only a part of its work in stages: convert an array, look at numbers in order to
decide. What is known to do so says `refuse`, and the plan cannot be run. tests/test_plan.py tries
all twins: a plan made with one set of numbers must give the bits of any other.
"""

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from .threads cimport Progress, Recorder, Stage, run_many, set_recorder


cdef struct Recording:
    Recorder hooks          # the first member: a Recorder* is a Recording*
    Stage* stages
    Progress* progress
    int count
    int room
    double work             # of all stages
    void** owned            # contexts and work areas
    Py_ssize_t owns
    Py_ssize_t owned_room
    const char* refusal     # why the plan cannot be run, or NULL
    void* kept              # the list of arrays


cdef const char* NO_MEMORY = "there was no memory for it"


cdef void refuse(Recorder* recorder, const char* why) noexcept nogil:
    cdef Recording* r = <Recording*>recorder
    if r.refusal == NULL:
        r.refusal = why


cdef void own(Recorder* recorder, void* memory) noexcept nogil:
    cdef Recording* r = <Recording*>recorder
    cdef void** grown
    if r.owns == r.owned_room:
        grown = <void**>realloc(r.owned, (2 * r.owned_room + 16) * sizeof(void*))
        if grown == NULL:
            free(memory)
            refuse(recorder, NO_MEMORY)
            return
        r.owned, r.owned_room = grown, 2 * r.owned_room + 16
    r.owned[r.owns] = memory
    r.owns += 1


cdef void keep(Recorder* recorder, object array):
    (<list>(<Recording*>recorder).kept).append(array)


cdef void note(
    Recorder* recorder, const Stage* stages, int count, double work
) noexcept nogil:
    """Append stages, with copies of their contexts: stages of one call may share one."""
    cdef Recording* r = <Recording*>recorder
    cdef Stage* grown
    cdef void* copy
    cdef int i, j
    if r.count + count > r.room:
        grown = <Stage*>realloc(r.stages, (2 * r.room + count) * sizeof(Stage))
        if grown == NULL:
            refuse(recorder, NO_MEMORY)
            return
        r.stages, r.room = grown, 2 * r.room + count
    for i in range(count):
        copy = NULL
        for j in range(i):
            if stages[j].context == stages[i].context:
                copy = r.stages[r.count + j].context
        if copy == NULL:
            copy = malloc(stages[i].size)
            if copy == NULL:
                refuse(recorder, NO_MEMORY)
                return
            memcpy(copy, stages[i].context, stages[i].size)
            own(recorder, copy)
        r.stages[r.count + i] = stages[i]
        r.stages[r.count + i].context = copy
    r.count += count
    r.work += work


cdef class Plan:
    """The stages that ran in its `with` blocks; see the module.

    refusal: None, or why it cannot be run.
    """

    cdef Recording recording
    cdef Recorder* before
    cdef list arrays

    def __cinit__(self):
        cdef Recording* r = &self.recording
        self.arrays = []
        r.hooks.note, r.hooks.own, r.hooks.keep, r.hooks.refuse = note, own, keep, refuse
        r.stages, r.progress, r.owned, r.refusal = NULL, NULL, NULL, NULL
        r.count = r.room = 0
        r.owns = r.owned_room = 0
        r.work = 0
        r.kept = <void*>self.arrays

    def __dealloc__(self):
        cdef Recording* r = &self.recording
        cdef Py_ssize_t i
        for i in range(r.owns):
            free(r.owned[i])
        free(r.owned)
        free(r.stages)
        free(r.progress)

    def __enter__(self):
        self.before = set_recorder(&self.recording.hooks)
        return self

    def __exit__(self, *exc_info):
        cdef Recording* r = &self.recording
        set_recorder(self.before)
        free(r.progress)
        r.progress = <Progress*>malloc(max(1, r.count) * sizeof(Progress))
        if r.progress == NULL:
            refuse(&r.hooks, NO_MEMORY)

    @property
    def refusal(self):
        why = self.recording.refusal
        return None if why == NULL else why.decode()

    @property
    def kept(self):
        """What it keeps alive: arrays, and the updates of optimizers."""
        return tuple(self.arrays)

    def run(self, Py_ssize_t times=1):
        """Run all stages, so many times."""
        cdef Recording* r = &self.recording
        cdef Py_ssize_t _
        if r.refusal != NULL:
            raise ValueError(f"this plan cannot be run: {self.refusal}")
        with nogil:
            for _ in range(times):
                run_many(r.stages, r.count, r.work, r.progress)
