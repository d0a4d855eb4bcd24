"""Damaged calls of the fast twins: `python -m tests.fuzz --seed 1 --count 1000`.

A call is one of the case table's, forward, backward or update, with up to three things in it
damaged: a dtype, a shape, a layout, the values, an option, the tuple of the cache. Whatever comes
in, a twin returns or raises TypeError or ValueError; anything else ends the run, with the call and
how to make it again. A crash leaves the number of the call in the file named by `--log`.
"""

import argparse
import faulthandler
import os
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np

from tests import cases, twins

MEMORY = 4 << 30  # bytes of address space: an absurd size shall fail here, not fill the machine

# The large ones are larger than any memory holds numbers: a result of 2**35 may be asked for, and
# is then a MemoryError that says so.
NUMBERS = (-1, 0, 1, 2, 3, 7, 2**46, 2**62, 2**63 - 1, 2**70, -(2**31), -(2**70))
VALUES = (None, True, False, 0.5, 1e300, -1.0, float("nan"), float("inf"), 1j, "tanh", "x", b"y")
DTYPES = ("f2", "f4", "f8", ">f8", "g", "i1", "i4", "i8", "u8", "?", "c16", "O", "U4", "M8[s]")
FILLINGS = (np.nan, np.inf, -np.inf, 0, -1, 1e300, 2**31, 2**40, -(2**62))


def calls():
    """[(family, name, case)] of everything that the fast engine can be asked for."""
    found = []
    for family in twins.family_names("fastcore", "*.pyx"):
        tables = cases.load(family) | cases.load_extras(family)
        found += [(family, name, case) for name, tried in tables.items() for case in tried]
    return found


def forward_call(module, name, case, dtype):
    """(name, function, arguments) of a case, undamaged."""
    function = getattr(module, name)
    return name, function, list(twins.cast(bound(function, case.arguments()), dtype).values())


def bound(function, arguments):
    """The arguments in the function's order, its defaults left out."""
    return {n: arguments[n] for n, *_ in twins.parameters(function) if n in arguments}


def backward_call(module, name, case, dtype):
    """The same for the backward function, with a dy and a cache of its forward function."""
    y, cache = getattr(module, name)(**twins.cast(case.arguments(), dtype))
    backward = name.removesuffix("_forward") + "_backward"
    return backward, getattr(module, backward), [twins.cotangent(twins.as_arrays(y)), cache]


def undamaged(rng, table):
    """One of the table's calls, forward or back."""
    family, name, case = table[rng.integers(len(table))]
    module = twins.module("fastcore", family)
    dtype = twins.DTYPES[rng.integers(2)]
    goes_back = name.endswith("_forward") and name not in twins.NO_BACKWARD
    make = backward_call if goes_back and rng.random() < 0.6 else forward_call
    called, function, arguments = make(module, name, case, dtype)
    return f"{family}.{called} [{case.label}]", function, arguments


# ------------------------------------------------------------------------- damage


def pick(rng, values):
    return values[rng.integers(len(values))]


def damaged_shape(rng, array):
    """Another shape: an axis emptied, cut, doubled, dropped or added."""
    if array.ndim > 30:
        return array.reshape(-1)
    axis = int(rng.integers(array.ndim)) if array.ndim else None
    ways = [
        lambda: array[np.newaxis],
        lambda: array[..., np.newaxis],
        lambda: array.reshape(-1),
        lambda: np.zeros((0,) * array.ndim, array.dtype),
        lambda: np.zeros((1,) * 33, array.dtype),
    ]
    if axis is not None:
        ways += [
            lambda: np.take(array, [], axis),
            lambda: np.take(array, range(array.shape[axis] - 1), axis),
            lambda: np.concatenate([array, array], axis),
            lambda: np.take(array, 0, axis) if array.size else array,
            lambda: np.swapaxes(array, 0, axis),
            lambda: np.broadcast_to(array, (3, *array.shape)) if array.ndim < 8 else array,
        ]
    return pick(rng, ways)()


def damaged_values(rng, array):
    """Other values in the same type, some or all of them."""
    flat = np.array(array).reshape(-1)
    try:
        value = np.array(pick(rng, FILLINGS)).astype(array.dtype)
    except (TypeError, ValueError):
        return array
    flat[rng.integers(flat.size) if flat.size and rng.random() < 0.5 else slice(None)] = value
    return flat.reshape(array.shape)


def damaged_layout(rng, array):
    return pick(rng, (*twins.LAYOUTS, twins.read_only))(array) if array.ndim < 8 else array


def other_dtype(rng, array):
    dtype = pick(rng, DTYPES)
    try:
        return array.astype(dtype)
    except (TypeError, ValueError):  # complex numbers to dates, and the like
        return np.zeros(array.shape, dtype)


def other_value(rng, leaf):
    return pick(rng, VALUES)


def other_number(rng, leaf):
    return pick(rng, NUMBERS)


def other_kind(rng, leaf):
    """Something of a wrong type altogether."""
    shape = np.shape(leaf) if isinstance(leaf, np.ndarray) else (2,)
    return pick(
        rng,
        (
            leaf.tolist() if isinstance(leaf, np.ndarray) else [leaf],
            (leaf, leaf),
            (),
            {},
            ...,
            np.ma.masked_array(np.zeros(shape)),
            np.float64(2.0),
            np.array([None, "x"], object),
            bytearray(b"abc"),
            type,
        ),
    )


def nearby(rng, leaf):
    """A number off by a little, or a word of another option."""
    if isinstance(leaf, int | float):
        return leaf + pick(rng, (-1, 1, 0.5, -0.5))
    return pick(
        rng, ("valid", "same", "relu", "sigmoid", "tanh", "linear", "mean", (1, 1), (2, -2))
    )


ARRAY_DAMAGE = (
    damaged_shape,
    damaged_shape,
    damaged_values,
    damaged_values,
    damaged_layout,
    other_dtype,
    other_value,
    other_number,
    other_kind,
)
OTHER_DAMAGE = (other_value, other_number, other_number, other_kind, nearby)


def damaged_tuple(rng, items):
    """A tuple cut short, too long, out of order, or no tuple."""
    ways = [
        lambda: items[:-1],
        lambda: items[1:],
        lambda: (*items, None),
        lambda: (),
        lambda: list(items),
        lambda: tuple(items[i] for i in rng.permutation(len(items))),
        lambda: other_value(rng, items),
        lambda: other_kind(rng, None),
    ]
    result = pick(rng, ways)()
    return result if isinstance(items, tuple) or not isinstance(result, tuple) else list(result)


def damaged(rng, value):
    """The value with one thing in it damaged."""
    if isinstance(value, tuple | list) and not (len(value) == 0 or rng.random() < 0.15):
        at = rng.integers(len(value))
        return type(value)(damaged(rng, item) if i == at else item for i, item in enumerate(value))
    if isinstance(value, tuple | list):
        return damaged_tuple(rng, value)
    ways = ARRAY_DAMAGE if isinstance(value, np.ndarray) else OTHER_DAMAGE
    try:
        return pick(rng, ways)(rng, value)
    except (TypeError, ValueError, OverflowError, MemoryError, RuntimeError):
        return None  # it cannot be done to this value


# ------------------------------------------------------------------------- running


def describe(value):
    if isinstance(value, np.ndarray):
        few = f" {value.tolist()!r}" if value.size <= 4 else ""
        return f"<{type(value).__name__} {value.dtype}{value.shape}{few}>"
    if isinstance(value, tuple | list):
        inside = ", ".join(map(describe, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value)


def damaged_call(seed, number, table):
    """(text, function, arguments) of a call; the same for the same seed and number."""
    rng = np.random.default_rng([seed, number])
    name, function, arguments = undamaged(rng, table)
    for _ in range(rng.integers(1, 4)):
        at = rng.integers(len(arguments))
        arguments[at] = damaged(rng, arguments[at])
    return f"{name}: {', '.join(map(describe, arguments))}", function, arguments


def wrong_exception(function, arguments):
    """What the call raised and should not have, or None."""
    try:
        function(*arguments)
    except (TypeError, ValueError):
        return None
    except Exception as error:
        return error
    return None


def limit_memory():
    """Hold the process to what it has and MEMORY more, where the system can."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first call")
    parser.add_argument("--count", type=int, default=1000, help="how many calls")
    parser.add_argument("--log", default=os.devnull, help="a file that names the call under way")
    given = parser.parse_args(arguments)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    table = calls()
    limit_memory()
    log = os.open(given.log, os.O_WRONLY | os.O_CREAT)
    for number in range(given.first, given.first + given.count):
        again = f"python -m tests.fuzz --seed {given.seed} --first {number} --count 1"
        os.pwrite(log, f"{again}\n\0".encode(), 0)
        text, function, damaged_arguments = damaged_call(given.seed, number, table)
        os.pwrite(log, f"{again}\n{text}\n\0".encode(), 0)
        if given.count == 1:
            print(text, flush=True)
        error = wrong_exception(function, damaged_arguments)
        if error is not None:
            traceback.print_exception(error)
            sys.exit(f"neither TypeError nor ValueError: {error!r}\n{again}\n{text}")
    print(f"{given.count} damaged calls: each returned, or raised TypeError or ValueError")


if __name__ == "__main__":
    main()
