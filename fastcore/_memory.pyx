"""Keeps freed memory at hand.

A training step frees arrays of the very sizes that the next step asks for. glibc hands larger
ones back to the system at once, and gets them back page by page, each page with a fault and
zeroed: for a 100 x 500 result that takes several times as long as computing it. So the limits
above which it does that are raised, for the whole process, when this engine is imported. Who sets
MALLOC_MMAP_THRESHOLD_ or MALLOC_TRIM_THRESHOLD_ in the environment keeps their own.
"""

import os

cdef extern from *:
    """
    #ifdef __GLIBC__
    #include <malloc.h>
    static void diptych_keep_freed(void) {
        mallopt(M_MMAP_THRESHOLD, 1 << 25);  /* 32 MB, the most that glibc allows */
        mallopt(M_TRIM_THRESHOLD, 1 << 28);
    }
    #else
    static void diptych_keep_freed(void) {}
    #endif
    """
    void diptych_keep_freed()


def keep_freed_memory():
    """Raise the limits, unless the environment sets them."""
    if not any(name in os.environ for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")):
        diptych_keep_freed()
