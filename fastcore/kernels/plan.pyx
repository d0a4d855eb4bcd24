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
all twins: a plan made with one set of numbers must give the bits of any other. Who makes a plan may
take such a twin back, and have Python call it again in every run:

    mark = plan.mark()
    y, cache = some_forward(x)
    if plan.take_back(mark) is not None:
        plan.call(lambda: np.copyto(y, some_forward(x)[0]))

Results lie in memory that the plan shares out: what nobody holds any longer, stages that come later
may use. So a plan needs no more memory than the calls of which it is made.
"""

cimport numpy as cnp
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from .threads cimport (
    MOST_FLAGS, NO_MEMORY, Progress, Recorder, Stage, run_many, set_recorder, time_chunks,
)
from .threads cimport recorder as recorder_in_force

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* thing)

cdef enum:
    LINE = 64  # bytes: where a cache line begins, so does an array


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
    const int* flags[MOST_FLAGS]  # of what is being noted
    int conditions          # how many of them
    void* kept              # the list of arrays
    void* memory            # the list of the buffers that results lie in
    void* calls             # the list of (stages before it, their work, function)


cdef const char* NO_ROOM = "there was no memory for it"
cdef str NO_WORK_AREA = "there is no memory for the work areas of a step of training"


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
            refuse(recorder, NO_ROOM)
            return
        r.owned, r.owned_room = grown, 2 * r.owned_room + 16
    r.owned[r.owns] = memory
    r.owns += 1


cdef void keep(Recorder* recorder, object array):
    """Keep it, unless it lies in the plan's own memory, which is there anyway. What has `most_runs`
    says before a run how often the plan may run.
    """
    cdef Recording* r = <Recording*>recorder
    cdef PyObject* base
    if cnp.PyArray_Check(array):
        base = <PyObject*>cnp.PyArray_BASE(<cnp.ndarray>array)
        for buffer in <list>r.memory:
            if base == <PyObject*>buffer:
                return
    (<list>r.kept).append(array)


cdef object new(Recorder* recorder, int ndim, const Py_ssize_t* dims, int typenum):
    """An uninitialised array, in the smallest buffer with room for it that nobody else holds."""
    cdef list memory = <list>(<Recording*>recorder).memory
    cdef cnp.npy_intp size = cnp.PyArray_DescrFromType(typenum).itemsize, room
    cdef cnp.ndarray buffer, best = None, array
    cdef PyObject* held
    cdef Py_ssize_t i
    for i in range(ndim):
        size *= dims[i]
    size = (size + LINE - 1) // LINE * LINE + LINE
    for i in range(len(memory)):
        held = <PyObject*>memory[i]
        if Py_REFCNT(held) == 1:
            buffer = <cnp.ndarray>held
            room = cnp.PyArray_SIZE(buffer)
            if room >= size and (best is None or room < cnp.PyArray_SIZE(best)):
                best = buffer
            buffer = None
    if best is None:
        best = cnp.PyArray_EMPTY(1, &size, cnp.NPY_UINT8, 0)
        memory.append(best)
    array = cnp.PyArray_SimpleNewFromData(
        ndim, <cnp.npy_intp*>dims, typenum,
        <void*>((<uintptr_t>cnp.PyArray_DATA(best) + LINE - 1) // LINE * LINE),
    )
    cnp.set_array_base(array, best)
    return array


cdef void note(
    Recorder* recorder, const Stage* stages, int count, double work
) noexcept nogil:
    """Append stages, with copies of their contexts: stages of one call may share one."""
    cdef Recording* r = <Recording*>recorder
    cdef Stage* grown
    cdef void* copy
    cdef Py_ssize_t owns
    cdef int i, j, k
    if r.conditions > MOST_FLAGS:  # it is refused
        return
    if r.count + count > r.room:
        grown = <Stage*>realloc(r.stages, (2 * r.room + count) * sizeof(Stage))
        if grown == NULL:
            refuse(recorder, NO_ROOM)
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
                refuse(recorder, NO_ROOM)
                return
            memcpy(copy, stages[i].context, stages[i].size)
            owns = r.owns
            own(recorder, copy)
            if r.owns == owns:  # it is freed
                return
        r.stages[r.count + i] = stages[i]
        r.stages[r.count + i].context = copy
        for k in range(r.conditions):
            r.stages[r.count + i].flags[k] = r.flags[k]
    r.count += count
    if r.conditions == 0:
        r.work += work


cdef void only_if(Recorder* recorder, const int* flag) noexcept nogil:
    cdef Recording* r = <Recording*>recorder
    if flag == NULL:
        r.conditions -= 1
        return
    if r.conditions < MOST_FLAGS:
        r.flags[r.conditions] = flag
    else:
        refuse(recorder, "conditions stand within each other")
    r.conditions += 1


cdef class Mark:
    """How much a plan had noted."""

    cdef object plan
    cdef int count
    cdef double work
    cdef Py_ssize_t arrays
    cdef Py_ssize_t calls


cdef class Plan:
    """The stages that ran in its `with` block; see the module.

    refusal: None, or why it cannot be run. done: how often the last `run` has come to the end.
    """

    cdef Recording recording
    cdef readonly Py_ssize_t done
    cdef Recorder* before
    cdef bint is_open           # its `with` block is not over
    cdef bint is_running
    cdef list limits            # what of `arrays` says how often it may run
    cdef list arrays
    cdef list buffers
    cdef list calls

    def __cinit__(self):
        cdef Recording* r = &self.recording
        self.arrays, self.buffers, self.calls, self.limits = [], [], [], []
        self.is_open = self.is_running = False
        r.hooks.note, r.hooks.own, r.hooks.keep, r.hooks.refuse = note, own, keep, refuse
        r.hooks.new, r.hooks.may_end = new, False
        r.stages, r.progress, r.owned, r.refusal = NULL, NULL, NULL, NULL
        r.count = r.room = r.conditions = 0
        r.owns = r.owned_room = 0
        r.work = 0
        r.kept, r.memory = <void*>self.arrays, <void*>self.buffers
        r.calls = <void*>self.calls

    def __dealloc__(self):
        cdef Recording* r = &self.recording
        cdef Py_ssize_t i
        for i in range(r.owns):
            free(r.owned[i])
        free(r.owned)
        free(r.stages)
        free(r.progress)

    def __enter__(self):
        if self.is_open or self.is_running:
            raise RuntimeError("this plan is being made or run already")
        self.before = set_recorder(&self.recording.hooks)
        self.is_open = True
        Py_INCREF(self)  # this thread notes in it until __exit__
        return self

    def __exit__(self, *exc_info):
        cdef Recording* r = &self.recording
        if not self.is_open or recorder_in_force() != &r.hooks:
            raise RuntimeError("this plan is not the one that is being made in this thread")
        set_recorder(self.before)
        self.is_open = False
        free(r.progress)
        r.progress = <Progress*>malloc(2 * max(1, r.count) * sizeof(Progress))
        if r.progress == NULL:
            refuse(&r.hooks, NO_ROOM)
        try:
            self.limits = list({
                id(kept): kept for kept in self.arrays if hasattr(kept, "most_runs")
            }.values())
        finally:
            Py_DECREF(self)

    @property
    def refusal(self):
        why = self.recording.refusal
        return None if why == NULL else why.decode()

    @property
    def work(self):
        """A rough number of simple operations in a run, see threads.pxd."""
        return self.recording.work

    @property
    def runs_through(self):
        """Whether no run calls functions of Python, or may be ended by a stage."""
        return not self.calls and not self.recording.hooks.may_end

    @property
    def kept(self):
        """What it keeps alive: arrays, and the updates of optimizers."""
        return tuple(self.arrays)

    @property
    def memory(self):
        """The buffers that results lie in."""
        return tuple(self.buffers)

    def mark(self):
        """A place to which `take_back` can return."""
        cdef Mark mark = Mark()
        mark.plan, mark.count, mark.work = self, self.recording.count, self.recording.work
        mark.arrays, mark.calls = len(self.arrays), len(self.calls)
        return mark

    def take_back(self, Mark mark not None):
        """If a refusal has come since this mark, forget all that has been noted since; return why,
        or None.
        """
        cdef Recording* r = &self.recording
        why = self.refusal
        if mark.plan is not self or mark.count > r.count or mark.arrays > len(self.arrays):
            raise ValueError("this is no mark of the plan, or it has been taken back already")
        if why is not None:
            r.count, r.work, r.refusal = mark.count, mark.work, NULL
            del self.arrays[mark.arrays:]
            del self.calls[mark.calls:]
        return why

    def call(self, function):
        """Between the stages before and those that come later, each run calls this function."""
        self.calls.append((self.recording.count, self.recording.work, function))

    def aside(self, function, *arguments):
        """Call a function now, without noting what it does."""
        cdef Recorder* by = set_recorder(NULL)
        try:
            return function(*arguments)
        finally:
            set_recorder(by)

    def run(self, Py_ssize_t times=1):
        """Run all stages and calls, so many times; return how often no stage has ended it, which
        could not go on with its numbers.

        Raises ValueError if that is oftener than there are data for, RuntimeError while it is
        being made or run, and MemoryError where a stage finds no memory: those after it have not
        run then.
        """
        self.begin(times)
        try:
            self.run_all(times)
        finally:
            self.is_running = False
        return self.done

    cdef int begin(self, Py_ssize_t times) except -1:
        """Say that it is running, if it can be."""
        if self.is_open or self.is_running:
            raise RuntimeError("this plan is being made or run already")
        if self.recording.refusal != NULL:
            raise ValueError(f"this plan cannot be run: {self.refusal}")
        if times < 0:
            raise ValueError(f"a plan cannot be run {times} times")
        for limit in self.limits:
            if times > limit.most_runs:
                raise ValueError(
                    f"this plan cannot be run {times} times: there are data for {limit.most_runs}"
                )
        self.is_running, self.done = True, 0
        return 0

    cdef int run_all(self, Py_ssize_t times) except -1:
        cdef Recording* r = &self.recording
        cdef int first, end
        cdef double work, until
        if not self.calls:
            run_part(r, times, 0, r.count, r.work, &self.done)
            return 0
        for _ in range(times):
            first, work = 0, 0
            for end, until, function in self.calls:
                if not run_part(r, 1, first, end, until - work, NULL):
                    return 0
                function()
                first, work = end, until
            if not run_part(r, 1, first, r.count, r.work - work, NULL):
                return 0
            self.done += 1
        return 0


cdef int run_part(
    Recording* r, Py_ssize_t times, int first, int end, double work, Py_ssize_t* done
) except -1:
    """Run stages so many times, and count how often; return whether none has ended it."""
    cdef int said = 0
    cdef Py_ssize_t made
    with nogil:
        while times > 0 and not said:
            made = run_many(r.stages + first, end - first, work, times, r.progress, &said)
            times -= made
            if done != NULL:
                done[0] += made
    if said == NO_MEMORY:
        raise MemoryError(NO_WORK_AREA)
    return not said


cdef struct Turn:
    Recording* recording
    Py_ssize_t times
    Py_ssize_t* done


def run_in_turn(list turns not None, Py_ssize_t rounds):
    """Run plans in turn, so many rounds, in one call without the GIL.

    turns: (plan, how often it runs in a round), each plan once. Their `run` says what is raised,
    ValueError also for a plan that does not run through.
    """
    cdef Py_ssize_t count = len(turns), i, times
    cdef Plan plan
    cdef list begun = []
    cdef int said = 0
    cdef Turn* turn = <Turn*>malloc(max(<Py_ssize_t>1, count) * sizeof(Turn))
    if turn == NULL:
        raise MemoryError
    try:
        for i in range(count):
            plan, times = turns[i]
            if plan is None:
                raise TypeError("None is no plan")
            plan.begin(times * rounds)
            begun.append(plan)
            if not plan.runs_through:
                raise ValueError("a plan that calls functions of Python, or may end, runs alone")
            turn[i].recording, turn[i].times, turn[i].done = &plan.recording, times, &plan.done
        with nogil:
            for _ in range(rounds):
                for i in range(count):
                    if not said:
                        said = run_turn(&turn[i])
    finally:
        for plan in begun:
            plan.is_running = False
        free(turn)
    if said:
        raise MemoryError(NO_WORK_AREA)


cdef int run_turn(const Turn* turn) noexcept nogil:
    """Run all stages as often as it is their turn; return what one has said, or 0."""
    cdef Recording* r = turn.recording
    cdef Py_ssize_t made, times = turn.times
    cdef int said = 0
    while times > 0 and not said:
        made = run_many(r.stages, r.count, r.work, times, r.progress, &said)
        times -= made
        turn.done[0] += made
    return said


def scribble(Plan plan not None):
    """For tests: fill the memory that results lie in with NaN. A run has to write it anew."""
    cdef cnp.ndarray buffer
    for buffer in plan.buffers:
        memset(cnp.PyArray_DATA(buffer), 0xff, cnp.PyArray_NBYTES(buffer))


def chunk_times(Plan plan not None):
    """For benchmarks: run it once, on this thread alone; an array for each stage, of the seconds
    that each of its chunks took.
    """
    cdef Recording* r = &plan.recording
    cdef cnp.npy_intp chunks
    cdef int i, said, first = 0
    plan.begin(1)
    found = []
    try:
        for end, _, function in (*plan.calls, (r.count, r.work, None)):
            for i in range(first, end):
                chunks = r.stages[i].chunks
                taken = cnp.PyArray_ZEROS(1, &chunks, cnp.NPY_FLOAT64, 0)
                said = time_chunks(&r.stages[i], <double*>cnp.PyArray_DATA(taken))
                if said == NO_MEMORY:
                    raise MemoryError("there is no memory for a work area")
                if said:
                    return found
                found.append(taken)
            first = end
            if function is not None:
                function()
        plan.done = 1
    finally:
        plan.is_running = False
    return found
