"""The one door to threads. See threads.pyx."""

ctypedef void (*task_t)(Py_ssize_t chunk, void* context) noexcept nogil

# Runs task(0, context) ... task(chunks - 1, context), in any order and perhaps at the same time,
# and returns when all are done. `work` is a rough number of simple vectorised scalar operations in
# all (an exp counts about 10): small work runs on the calling thread. Chunks write to disjoint
# memory, and their size must not depend on the number of threads.
cdef void run_chunks(task_t task, Py_ssize_t chunks, void* context, double work) noexcept nogil

# Whether run_chunks would use more than one thread for this amount of work.
cdef bint is_parallel(double work) noexcept nogil
