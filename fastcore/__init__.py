"""The fast engine: the operations of diptych.reference in Cython, compiled for one processor.

a. For every module F.pyx there is reference/F.py with the same public functions, in the same order,
   with the same signatures. The reference explains; the docstring here says only what makes the
   twin fast. What only speed needs has no twin: its docstring begins with "Extra", and
   tests/extras.py says which composition of reference functions it must equal.
b. Three tiers. `def` functions check, allocate and choose the dtype. `cdef ... noexcept nogil`
   kernels work on pointers and sizes. `cdef inline` functions in .pxd files work on one number or
   one register tile.
c. kernels/ holds what the twins are made of; its __init__.py says what stands where.
d. What comes in both types is one fused function, `f_task`; `run_typed` takes both of its instances
   and runs the one that the data have.
e. Work is cut into chunks whose size does not depend on the number of threads, and partial sums are
   added in chunk order: the same bits for any number of threads.
"""

import os
import sys

from . import kernels


def _choose_build():
    """Point to the kernels compiled for this processor; return what is known about them."""
    try:
        from .kernels import cpu
    except ImportError as error:
        raise ModuleNotFoundError(
            "diptych was installed without its fast engine: its compiled modules are missing. "
            "Install it again with a C compiler and without DIPTYCH_NO_FASTCORE=1, or use "
            "engine='reference'.",
            name=__name__,
        ) from error
    from .kernels import levels

    builds, missing = cpu.builds(), cpu.missing_features()
    chosen = levels.choose(builds, missing, os.environ.get("DIPTYCH_CPU_LEVEL", ""))
    levels.point_to(chosen, [sys.modules[__name__], kernels])
    march, features = builds[chosen]
    return {
        **cpu.build_record(),
        "march": march,
        "features": features,
        "level": chosen or None,
        "levels": tuple(name for name in reversed(builds) if name),
    }


# No module compiled for a processor may be imported before this line: one that this processor
# cannot run would die of an illegal instruction.
_build = _choose_build()

from .kernels import memory, openmp  # noqa: E402

waiting = openmp.load()  # before any other kernel is loaded, which would load it as well
memory.keep_freed_memory()

from .kernels import plan, steps, sums  # noqa: E402, F401


def build_info():
    """What was built, by what, for which processor; a wheel's levels, and which of them is used."""
    return dict(_build)
