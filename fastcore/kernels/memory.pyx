"""Keeps freed memory at hand.

A training step frees arrays of the very sizes that the next step asks for. glibc hands larger
ones back to the system at once, and gets them back page by page, each page with a fault and
zeroed: for a 100 x 500 result that takes several times as long as computing it. So the limits
above which it does that are raised, for the whole process, when this engine is imported. Who sets
MALLOC_MMAP_THRESHOLD_ or MALLOC_TRIM_THRESHOLD_ in the environment keeps their own.

glibc allows no limit above 32 MB. Where nothing is kept from one batch to the next, in predict()
and evaluate(), it is told to take no pages from the system for a single array at all: arrays then
stand side by side in memory that stays. In training this would leave holes between those that live
long, of a sixth of all memory for a network of convolutions.
"""

import os
from contextlib import contextmanager

cdef extern from *:
    """
    #ifdef __GLIBC__
    #include <malloc.h>
    static void diptych_keep_freed(void) {
        mallopt(M_MMAP_THRESHOLD, 1 << 25);  /* 32 MB, the most that glibc allows */
        mallopt(M_TRIM_THRESHOLD, 1 << 28);
    }
    static void diptych_keep_large(int yes) { mallopt(M_MMAP_MAX, yes ? 0 : 65536 /* as ever */); }
    #else
    static void diptych_keep_freed(void) {}
    static void diptych_keep_large(int yes) { (void)yes; }
    #endif
    """
    void diptych_keep_freed()
    void diptych_keep_large(bint yes)

cdef Py_ssize_t keepers = 0
cdef bint is_ours = not any(
    name in os.environ
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_")
)


def keep_freed_memory():
    """Raise the limits, unless the environment sets them."""
    if is_ours:
        diptych_keep_freed()


@contextmanager
def large_arrays_kept():
    """Inside it, memory of large arrays that are freed is kept as well."""
    global keepers
    keepers += 1
    if is_ours:
        diptych_keep_large(True)
    try:
        yield
    finally:
        keepers -= 1
        if is_ours and keepers == 0:
            diptych_keep_large(False)
