"""Stages of a plan that run only where they are needed. See plan.pyx."""

from .threads cimport Recorder

# What is noted from now on runs only if this flag is not 0 then; NULL ends the last such condition.
# One may stand within another.
cdef void only_if(Recorder* recorder, const int* flag) noexcept nogil
