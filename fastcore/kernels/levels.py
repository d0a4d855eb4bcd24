"""Chooses the build of the kernels that this processor is to run.

From source the kernels are compiled once, for one processor; this build has no name, and stands
beside its sources. A wheel for x86-64 has them three times, for the levels that processors are
sorted by: v2 (SSE 4.2), v3 (AVX2 and FMA) and v4 (AVX-512), each in fastcore/_levels/NAME. The
modules of all have the same names: which of them are loaded depends on where Python looks first,
and nothing else knows of it.

The levels differ in their last bits, since v2 rounds a * b + c twice and sums are as wide as the
registers. DIPTYCH_CPU_LEVEL=v2 pins one: no kernel asks at run time for anything else that
processors differ in, so its bits are the same on all that can run it.
"""

import os


def choose(builds, missing, wanted=""):
    """The name of the first of `builds` that needs nothing `missing`, or of the one `wanted`.

    builds: {name: (flags, extensions)}, the best first. Raises ImportError if none can run here.
    """
    able = [name for name, (_, needs) in builds.items() if not set(needs) & set(missing)]
    if wanted:
        if wanted in able:
            return wanted
        raise ImportError(f"DIPTYCH_CPU_LEVEL={wanted}: " + refusal(builds, missing, wanted, able))
    if able:
        return able[0]
    march, needs = list(builds.values())[-1]
    raise ImportError(
        f"diptych's fast engine was built for another processor ({march or 'no -march flag'}): "
        f"this one lacks {', '.join(n for n in needs if n in missing)}. Build it again on this "
        "machine (pip install --force-reinstall --no-cache-dir --no-binary diptych diptych, or . "
        "in its sources), or for an older processor: the same with DIPTYCH_MARCH=x86-64-v2."
    )


def refusal(builds, missing, wanted, able):
    if "" in builds:
        return (
            "this diptych was compiled once, for one processor "
            f"({builds[''][0] or 'no -march flag'}), and has no levels to choose from. Unset the "
            "variable, or build with DIPTYCH_MARCH=levels."
        )
    if wanted not in builds:
        return f"there is no such level. Built are {', '.join(builds)}."
    lacks = ", ".join(n for n in builds[wanted][1] if n in missing)
    can = f"It can run {', '.join(able)}." if able else "It can run none of those built."
    return f"this processor lacks {lacks}. {can}"


def point_to(name, packages):
    """Let Python look for the modules of `packages` first where the build `name` has them."""
    if name:
        top = packages[0].__path__[0]
        for package in packages:
            below = package.__name__.removeprefix(packages[0].__name__).strip(".")
            package.__path__.insert(0, os.path.join(top, "_levels", name, below))
