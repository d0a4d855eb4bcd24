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


def _check_processor():
    """Refuse to load code that would die of an illegal instruction here."""
    try:
        from .kernels import cpu
    except ImportError as error:
        raise ModuleNotFoundError(
            "diptych was installed without its fast engine: its compiled modules are missing. "
            "Install it again with a C compiler and without DIPTYCH_NO_FASTCORE=1, or use "
            "engine='reference'.",
            name=__name__,
        ) from error
    missing = cpu.missing_features()
    if missing:
        march = cpu.build_record()["march"] or "no -march flag"
        raise ImportError(
            f"diptych's fast engine was built for another processor ({march}): this one lacks "
            f"{', '.join(missing)}. Build it again on this machine (pip install --force-reinstall "
            "--no-cache-dir .), or for an older processor: "
            "DIPTYCH_MARCH=x86-64-v2 pip install --force-reinstall --no-cache-dir ."
        )
    return cpu.build_record


# Nothing else of this package may be imported before this line.
build_info = _check_processor()

from .kernels import memory, openmp  # noqa: E402

waiting = openmp.load()  # before any other kernel is loaded, which would load it as well
memory.keep_freed_memory()

from .kernels import plan, steps  # noqa: E402, F401
