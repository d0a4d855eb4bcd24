"""What the other modules were compiled for, and whether this processor has it.

Compiled without a processor flag: it must run anywhere, to choose among the builds of the others
(levels.py), or to say that none can run here.
"""

cdef extern from *:
    """
    #include "diptych_build.h"  /* written by setup.py */

    #if defined(__clang__)
    #define DIPTYCH_COMPILER "Clang " __clang_version__
    #elif defined(__GNUC__)
    #define DIPTYCH_COMPILER "GCC " __VERSION__
    #else
    #define DIPTYCH_COMPILER "MSVC"
    #endif

    /* Fills `names` with the features that the processor lacks and returns how many those are.
       __builtin_cpu_supports also asks whether the operating system saves the wide registers; it
       takes literals only, hence the macro. Other compilers and processors have no such question:
       nothing is checked. */
    static int diptych_missing(const char **names) {
        int count = 0;
        (void)names;
    #if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
        __builtin_cpu_init();
    #define DIPTYCH_CHECK(name) if (!__builtin_cpu_supports(name)) names[count++] = name;
        DIPTYCH_EACH_FEATURE(DIPTYCH_CHECK)
    #endif
        return count;
    }
    """
    const char* DIPTYCH_BUILDS
    const char* DIPTYCH_FLAGS
    const char* DIPTYCH_COMPILER
    const char* DIPTYCH_THREADS
    const int DIPTYCH_DEBUG
    int diptych_missing(const char** names) nogil


def missing_features():
    """Names of the instruction-set extensions that some build uses and this processor lacks."""
    cdef const char* names[64]
    cdef int i
    cdef int count = diptych_missing(names)
    return tuple([names[i].decode() for i in range(count)])


def builds():
    """{name: (flags that chose the processor, extensions it uses)}, the best build first.

    A single build is named "".
    """
    found = {}
    for build in DIPTYCH_BUILDS.decode().split(";"):
        name, march, features = build.split(":")
        found[name] = march, tuple(features.split())
    return found


def build_record():
    """What holds for all builds, as setup.py recorded it."""
    return {
        "compiler": DIPTYCH_COMPILER.decode(),
        "flags": DIPTYCH_FLAGS.decode(),
        "threads": DIPTYCH_THREADS.decode(),
        "debug": bool(DIPTYCH_DEBUG),
    }
