"""How two twins are held against each other.

A `Pair` is one function in both engines. The `check_*` functions each try one property of it on one
`Case` and raise `AssertionError` with the op, the case, the shapes, the worst element and its
values. `tests/test_twins.py` runs them over the whole case table; `tests/test_harness.py` breaks
ops on purpose to see that they notice.
"""

import dataclasses
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import numpy as np

from tests import tolerances

ROOT = Path(__file__).parents[1]
ENGINES = ("reference", "fast")
DTYPES = (np.float64, np.float32)
THREADS = (1, 2, 3, 4, 8)

# Forward functions without a backward, each with its reason.
NO_BACKWARD = dict.fromkeys(
    ("conv_max_pool_forward", "batch_normalization_relu_forward"),
    "it keeps nothing of what lies between its two steps",
)

# Twins whose caches differ, each with its reason; all other caches are held against each other too.
OWN_CACHES = {
    "dot_product_attention_forward": "fast keeps two numbers a query, the reference all the scores",
    "batch_normalization_training_relu_forward": "fast makes what lies between its two steps anew",
    "conv_max_pool_training_forward": "fast keeps the maxima, and not what lies between",
    "add_relu_forward": "fast keeps the result, and not the sum",
}

# Array arguments that are data: backward has no place for them.
NO_GRADIENT = {
    "y_true": "labels are data; a loss is differentiated by its predictions",
    "target": "labels are data, also those of a whole sequence",
    "target_length": "how many labels count is no number to learn",
    "output_length": "how many frames count is no number to learn",
    "indices": "they name rows of a table, and are no numbers to count with",
    "mask": "it says which rows count, and is no number",
    "dropout_mask": "which numbers dropout drops is drawn, not learned",
    "recurrent_mask": "the factors of dropout are drawn, not learned",
    "transforms": "where an image is sampled is drawn, not learned",
}

# Options that the shapes of the arrays settle: any other value has to be refused.
SETTLED = {
    ("conv_forward", "groups"): "x and kernel say how many channels a group has",
    ("conv_max_pool_forward", "groups"): "x and kernel say how many channels a group has",
    ("conv_max_pool_training_forward", "groups"): "x and kernel say how many channels a group has",
}


# ------------------------------------------------------------------------- finding the twins


def family_names(folder, pattern):
    """The families of one engine, found by listing its files where it is installed: a wheel is
    tested without its sources.
    """
    place = Path(importlib.util.find_spec(f"diptych.{folder}").origin).parent
    return sorted(p.stem for p in place.glob(pattern) if not p.stem.startswith("_"))


def module(package, family):
    """The module of one family; the package is "reference" or "fastcore"."""
    return importlib.import_module(f"diptych.{package}.{family}")


def public_functions(module):
    """The public functions that a module defines itself, in the order in which it defines them."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    ]


def parameters(function):
    """(name, kind, default) of each parameter; annotations may differ between the twins."""
    signature = inspect.signature(function)
    return [(p.name, p.kind.name, p.default) for p in signature.parameters.values()]


@dataclasses.dataclass(frozen=True)
class Pair:
    """One function of both engines: `name` in the module `reference` and in the module `fast`.

    `arrays` names the arguments that are arrays in at least one case. The functions are looked up
    at every use, so that a test may break one of them.
    """

    reference: ModuleType
    fast: ModuleType
    name: str
    arrays: tuple[str, ...]

    @classmethod
    def of(cls, reference, fast, name, cases):
        tried = [case.arguments() for case in cases]
        names = inspect.signature(getattr(reference, name)).parameters
        arrays = (n for n in names if any(arrays_in(arguments.get(n)) for arguments in tried))
        return cls(reference, fast, name, tuple(arrays))

    @property
    def updates_in_place(self):
        return self.name.endswith("_")

    def reads(self, name):
        """Whether an in-place update only reads this argument, of which it may have any layout."""
        return name.startswith("gradient") or (self.name, name) == ("average_", "variables")

    def forward(self, engine):
        return getattr(getattr(self, engine), self.name)

    def backward(self, engine):
        return getattr(getattr(self, engine), self.name.removesuffix("_forward") + "_backward")

    @property
    def differentiable(self):
        """The arguments that backward has a place for, in order."""
        return tuple(name for name in self.arrays if name not in NO_GRADIENT)

    def owed(self, arguments):
        """Those of them that get a gradient this time: None and integers get None."""
        return [
            name
            for name in self.differentiable
            if (given := arrays_in(arguments[name])) and all(map(is_real, given))
        ]


# ------------------------------------------------------------------------- arrays in arguments


def is_real(value):
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"


def map_arrays(function, value):
    """The value with `function` applied to every array in it, through tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        return function(value)
    if isinstance(value, tuple | list):
        return type(value)(map_arrays(function, item) for item in value)
    if isinstance(value, dict):
        return {key: map_arrays(function, item) for key, item in value.items()}
    return value


def leaves(value, name):
    """[(name, leaf)] of a nested value, None and scalars included; NumPy scalars become arrays."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, key)]
    if isinstance(value, tuple | list):
        return [leaf for i, item in enumerate(value) for leaf in leaves(item, f"{name}[{i}]")]
    return [(name, np.asarray(value) if isinstance(value, np.generic) else value)]


def arrays_in(value):
    return [leaf for _, leaf in leaves(value, "") if isinstance(leaf, np.ndarray)]


def cast(arguments, dtype):
    """Fresh arguments with every float array in `dtype`."""
    return map_arrays(lambda a: a.astype(dtype if is_real(a) else a.dtype), arguments)


def strided(array):
    """The same numbers, every second element of a larger array; NaN or -1 stand in the gaps."""
    filler = np.nan if is_real(array) else np.array(-1).astype(array.dtype)
    room = np.full([2 * n + 1 for n in array.shape], filler, array.dtype)
    view = room[(..., *(slice(1, None, 2) for _ in array.shape))]
    view[...] = array
    return view


def transposed(array):
    """The same numbers in Fortran order."""
    return np.array(array, order="F")


def backwards(array):
    """The same numbers with negative strides."""
    back = (..., *(slice(None, None, -1) for _ in array.shape))
    return np.array(array[back])[back]


def unaligned(array):
    """The same numbers, one byte off their natural address."""
    room = np.zeros(array.nbytes + 1, np.uint8)
    view = room[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


LAYOUTS = (strided, transposed, backwards, unaligned)


# ------------------------------------------------------------------------- running one twin


def unchanged(array):
    return array


def cotangent(y):
    """A random dy, the same for equal shapes and exact in float32 (ones would let much pass)."""
    rng = np.random.default_rng(1)
    return map_arrays(lambda a: np.asarray(rng.normal(size=a.shape), "f4").astype(a.dtype), y)


def run(pair, engine, arguments, layout=unchanged, jog=unchanged):
    """Everything that one twin computes: {"y": ..., "cache[0]": ..., "dx": ...}, flat.

    An in-place update gives the arrays of its arguments as they are afterwards. `layout` rearranges
    the arrays that go in; `jog` moves what backward gets.
    """
    if pair.updates_in_place:
        fresh = map_arrays(np.array, arguments)
        laid_out = {k: map_arrays(layout, v) if pair.reads(k) else v for k, v in fresh.items()}
        returned = pair.forward(engine)(**laid_out)
        named = {k: v for k, v in laid_out.items() if arrays_in(v)}
        return dict(leaves(named, "") + leaves(returned, "returned"))

    returned = pair.forward(engine)(**map_arrays(lambda a: layout(np.array(a)), arguments))
    given = len(returned) if isinstance(returned, tuple) else type(returned).__name__
    assert given == 2, f"{pair.name} ({engine}) must return a tuple (y, cache), not {given}"
    y, cache = returned
    assert isinstance(cache, tuple), f"{pair.name} ({engine}): the cache must be a plain tuple"
    compared = () if pair.name in OWN_CACHES else cache
    result = dict(leaves(y, "y") + leaves(compared, "cache"))
    if pair.name not in NO_BACKWARD:
        dy = map_arrays(lambda a: layout(jog(a)), cotangent(as_arrays(y)))
        gradients = pair.backward(engine)(dy, map_arrays(jog, cache))
        result |= named_gradients(pair, engine, arguments, gradients)
    return result


def as_arrays(y):
    """NumPy scalars (what np.sum returns) as 0-d arrays."""
    return type(y)(map(np.asarray, y)) if isinstance(y, tuple | list) else np.asarray(y)


def named_gradients(pair, engine, arguments, gradients, unneeded=()):
    """{"dx": ...}: bare for one array argument, else a tuple, None where the argument was None."""
    where = f"{pair.name.removesuffix('_forward')}_backward ({engine})"
    names = pair.differentiable
    if len(names) == 1:
        gradients = (gradients,)
    given = len(gradients) if isinstance(gradients, tuple) else type(gradients).__name__
    assert given == len(names), (
        f"{where} must return a tuple of {len(names)} gradients, one for each of {names}, "
        f"not {given}"
    )
    owed = set(pair.owed(arguments)) - set(unneeded)
    for name, gradient in zip(names, gradients, strict=True):
        if name not in owed:
            assert gradient is None, f"{where}: d{name} must be None: nobody is owed it"
            continue
        shapes = [a.shape for a in arrays_in(arguments[name])]
        given = [a.shape for _, a in leaves(gradient, "") if a is not None]
        assert given == shapes, f"{where}: d{name} has the shape {given}, {name} has {shapes}"
    return dict(leaves(dict(zip((f"d{name}" for name in names), gradients, strict=True)), ""))


def part(pair, name):
    """Where a value of `run` comes from: "forward", "cache" or "backward"."""
    if pair.updates_in_place or name == "y" or name.startswith("y["):
        return "forward"
    return "cache" if name.startswith("cache") else "backward"


# ------------------------------------------------------------------------- comparing


def describe(pair, case, dtype, arguments):
    shown = []
    for name, value in leaves(arguments, ""):
        is_array = isinstance(value, np.ndarray)
        shown.append(f"{name} {value.dtype}{value.shape}" if is_array else f"{name}={value!r}")
    return f"{pair.name} [{case.label}] {np.dtype(dtype).name}: {', '.join(shown)}"


def longest_sum(arguments):
    """The longest sum in the call, as tolerances.py counts it."""
    lengths = [1]
    for array in arrays_in(arguments):
        if array.ndim and array.size:
            lengths += [array.shape[-1], array.size // array.shape[-1]]
    return max(lengths)


def truth_and_scale(pair, arguments, engine="reference"):
    """The reference in float64, and the sum of magnitudes of each element (see tolerances.py).

    `engine` is the one that is moved to find out: a cache of its own has roundings of its own.
    """
    exact = cast(arguments, np.float64)
    step = 1e-6
    rng = np.random.default_rng(2)

    def jog(array):
        if not is_real(array):
            return array
        return np.asarray(array * (1 + step * rng.choice([-1.0, 1.0], array.shape)))

    with np.errstate(all="ignore"):
        truth = run(pair, "reference", exact)
        still = truth if engine == "reference" else run(pair, engine, exact)
        moved = [run(pair, engine, map_arrays(jog, exact), jog=jog) for _ in range(4)]
        scale = {}
        for name, value in truth.items():
            if is_real(value):
                spread = np.max([np.abs(m[name] - still[name]) for m in moved], axis=0) / step
                size = np.abs(value)
                finite = size[np.isfinite(size)]
                middle = np.median(finite) if finite.size else 0.0
                scale[name] = np.nan_to_num(size + spread + middle, nan=0.0, posinf=0.0)
    return truth, scale


def compare(value, expected, truth, scale, bound):
    """None where a value is right, else what is wrong: `value` is held against the `truth`.

    `expected` is the other twin's value in the same dtype: structure, dtype, NaN and infinities
    have to be its own.
    """
    if not isinstance(expected, np.ndarray) or not isinstance(value, np.ndarray):
        same = type(value) is type(expected) and value == expected
        return None if same else f"fast {value!r}, reference {expected!r}"
    if value.shape != expected.shape or value.dtype != expected.dtype:
        return f"fast is {value.dtype}{value.shape}, reference is {expected.dtype}{expected.shape}"
    if not is_real(value):
        wrong = value != expected
        allowed = np.zeros(value.shape)
    else:
        with np.errstate(all="ignore"):
            finite = np.isfinite(value) & np.isfinite(expected) & np.isfinite(truth)
            error = np.abs(np.where(finite, value - truth, 0.0))
            allowed = bound * scale + np.finfo(value.dtype).tiny
            wrong = np.where(finite, error > allowed, ~same_special(value, expected, truth))
    if not wrong.any():
        return None
    if is_real(value):
        excess = np.where(wrong, np.where(finite, error / allowed, np.inf), -1.0)
    else:
        excess = wrong
    at = np.unravel_index(np.argmax(excess), value.shape)
    at = tuple(int(i) for i in at)
    return (
        f"{int(wrong.sum())} of {wrong.size} elements are off; the worst at {at}: "
        f"fast {value[at]}, reference {expected[at]}, truth {truth[at]}, "
        f"allowed +-{allowed[at]:.3g}"
    )


def same_special(value, expected, truth):
    """NaN with NaN, infinity with the same infinity; finite twins of an overflowing truth agree."""
    both_finite = np.isfinite(value) & np.isfinite(expected)
    return (np.isnan(value) & np.isnan(expected)) | (value == expected) | both_finite


# ------------------------------------------------------------------------- the checks


def check_parity(pair, case, dtype, parts=("forward", "cache", "backward"), layouts=(unchanged,)):
    """Both twins against the truth, in one dtype, in each of some memory layouts."""
    arguments = cast(case.arguments(), dtype)
    truth, scale = truth_and_scale(pair, arguments)
    scales = {"reference": scale, "fast": scale}
    if pair.name in OWN_CACHES:
        _, scales["fast"] = truth_and_scale(pair, arguments, "fast")
    bound = tolerances.parity(dtype, longest_sum(arguments))
    wrong = []
    for layout in layouts:
        with np.errstate(all="ignore"):
            expected = run(pair, "reference", arguments, layout)
            result = run(pair, "fast", arguments, layout)
        if list(result) != list(expected):
            wrong.append(f"  different things: fast {list(result)}, reference {list(expected)}")
            break
        for name, value in expected.items():
            if part(pair, name) not in parts:
                continue
            where = name if layout is unchanged else f"{name} ({layout.__name__} arguments)"
            if is_real(value) and part(pair, name) != "cache" and value.dtype != np.dtype(dtype):
                wrong.append(f"  {where}: the reference gives {value.dtype}")
            for engine, given in (("fast", result[name]), ("reference", value)):
                fault = compare(given, value, truth[name], scales[engine].get(name, 0), bound)
                if fault:
                    own = "" if engine == "fast" else " (the reference against the truth)"
                    wrong.append(f"  {where}{own}: {fault}")
    assert not wrong, "\n".join([describe(pair, case, dtype, arguments), *wrong])


def check_pure(pair, case, dtype, engine):
    """Inputs keep their bytes, so do the cache and dy in backward; read-only inputs will do."""
    arguments = cast(case.arguments(), dtype)
    head = f"{describe(pair, case, dtype, arguments)}\n  {engine}:"
    with np.errstate(all="ignore"):
        if pair.updates_in_place:
            check_reads(pair, arguments, engine, head)
            return

        before = bytes_of(arguments)
        y, cache = pair.forward(engine)(**arguments)
        assert bytes_of(arguments) == before, f"{head} forward writes to its inputs"
        if pair.name not in NO_BACKWARD:
            dy = cotangent(as_arrays(y))
            before = bytes_of((arguments, dy, cache))
            pair.backward(engine)(dy, cache)
            assert bytes_of((arguments, dy, cache)) == before, (
                f"{head} backward writes to its inputs, to dy or to the cache"
            )
        same_bits(
            run(pair, engine, arguments),
            run(pair, engine, arguments, layout=read_only),
            f"{head} read-only inputs change the result",
        )


def check_reads(pair, arguments, engine, head):
    """The same for an update, which owes it to what it only reads."""
    kept = {k: v for k, v in arguments.items() if pair.reads(k)}
    before = bytes_of(kept)
    pair.forward(engine)(**map_arrays(np.array, arguments) | kept)
    assert bytes_of(kept) == before, f"{head} writes to its gradients"
    frozen = {k: map_arrays(read_only, v) for k, v in kept.items()}
    pair.forward(engine)(**map_arrays(np.array, arguments) | frozen)


def bytes_of(value):
    return [array.tobytes() for array in arrays_in(value)]


def same_bits(one, other, message):
    """Every array of two runs has the same bits."""
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            differ = value.tobytes() != other[name].tobytes()
            assert not differ, f"{message}: {name} differs"


def check_repeatable(pair, case, dtype, engine):
    """Two runs on the same numbers give the same bits."""
    arguments = cast(case.arguments(), dtype)
    with np.errstate(all="ignore"):
        first, second = (run(pair, engine, cast(arguments, dtype)) for _ in range(2))
    same_bits(first, second, f"{describe(pair, case, dtype, arguments)}\n  {engine}: two runs")


def check_threads(pair, case, dtype):
    """The fast twin gives the same bits on any number of threads, also more than processors."""
    threading = importlib.import_module("diptych.fastcore.kernels.threads")
    before = threading.get_num_threads()
    least_work = threading.set_least_work(0)  # or small arrays would stay on one thread
    arguments = cast(case.arguments(), dtype)
    runs = []
    try:
        for threads in THREADS:
            threading.set_num_threads(threads)
            with np.errstate(all="ignore"):
                runs.append(run(pair, "fast", cast(arguments, dtype)))
    finally:
        threading.set_num_threads(before)
        threading.set_least_work(least_work)
    for threads, other in zip(THREADS[1:], runs[1:], strict=True):
        head = f"{describe(pair, case, dtype, arguments)}\n  {threads} threads against 1"
        same_bits(runs[0], other, head)


def check_finite_differences(pair, case, engine):
    """<dy, y(x + h v) - y(x - h v)> / 2h = <dx, v>, one argument at a time, v and dy random."""
    arguments = cast(case.arguments(), np.float64)
    gradients = run(pair, engine, arguments)
    rng = np.random.default_rng(3)
    step = 1e-6
    wrong = []
    for name in pair.owed(arguments):
        direction = rng.normal(size=arguments[name].shape)

        def along(sign, name=name, direction=direction):
            # asarray: a sum of arrays without axes is a scalar.
            moved = arguments | {name: np.asarray(arguments[name] + sign * step * direction)}
            y, _ = pair.forward(engine)(**moved)
            return as_arrays(y)

        dy = cotangent(along(0))
        pairs = list(zip(*map(arrays_in, (dy, along(1), along(-1))), strict=True))
        numeric = sum(np.sum(d * (up - down)) for d, up, down in pairs) / (2 * step)
        analytic = np.sum(gradients[f"d{name}"] * direction)
        size = np.sqrt(np.sum((gradients[f"d{name}"] * direction) ** 2))
        rounding = sum(np.linalg.norm(np.ravel(d * up)) for d, up, _ in pairs) * 2.3e-16 / step
        allowed = tolerances.FINITE_DIFFERENCES * (size + abs(numeric)) + 4 * rounding
        if not abs(numeric - analytic) <= allowed:
            wrong.append(
                f"  {engine} d{name}: <d{name}, v> = {analytic!r}, "
                f"finite differences {numeric!r}, allowed +-{allowed:.3g}"
            )
    assert not wrong, "\n".join([describe(pair, case, np.float64, arguments), *wrong])


def backward_options(pair):
    """What backward takes besides dy and cache: need_dx and the like."""
    return [name for name, *_ in parameters(pair.backward("reference"))[2:]]


def check_unneeded_gradients(pair, case, dtype, engine):
    """backward(dy, cache, need_dx=False) gives None for dx and the same bits for the others."""
    arguments = cast(case.arguments(), dtype)
    y, cache = pair.forward(engine)(**arguments)
    dy = cotangent(as_arrays(y))

    def gradients(*unneeded):
        given = pair.backward(engine)(dy, cache, **{f"need_d{name}": False for name in unneeded})
        return named_gradients(pair, engine, arguments, given, unneeded)

    everything = gradients()
    for option in backward_options(pair):
        name = option.removeprefix("need_")
        assert name in everything, f"{pair.name}: the option {option!r} names no gradient"
        rest = gradients(name.removeprefix("d"))
        same_bits(rest, everything, f"{pair.name} [{case.label}] {engine}: with {option}=False")


def check_options_matter(pair, cases):
    """Each option takes two values in the table, and changing it changes what the op computes.

    An option that both twins ignored would pass every other check.
    """
    tried = [cast(case.arguments(), np.float64) for case in cases]
    options = [n for n, *_ in parameters(pair.forward("reference")) if n not in pair.arrays]
    for option in options:
        default = inspect.signature(pair.forward("reference")).parameters[option].default
        values = [arguments.get(option, default) for arguments in tried]
        distinct = {repr(value): value for value in values}
        assert len(distinct) > 1, (
            f"{pair.name}: the cases give the option {option!r} one value only: {values[0]!r}"
        )
        if (pair.name, option) in SETTLED:
            _check_settled(pair, tried, option, default, distinct.values())
            continue
        assert any(
            _differs(pair, arguments, option, other)
            for arguments in tried
            for other in distinct.values()
        ), f"{pair.name}: no value of the option {option!r} changes the result of any case"


def _check_settled(pair, tried, option, default, values):
    for arguments in tried:
        for other in values:
            if other == arguments.get(option, default):
                continue
            for engine in ENGINES:
                try:
                    pair.forward(engine)(**arguments | {option: other})
                except ValueError:
                    continue
                raise AssertionError(f"{pair.name} ({engine}) takes {option}={other!r} too")


def _differs(pair, arguments, option, value):
    with np.errstate(all="ignore"):
        before = run(pair, "reference", cast(arguments, np.float64))
        try:
            after = run(pair, "reference", cast(arguments, np.float64) | {option: value})
        except (ValueError, TypeError, IndexError):  # the value does not fit this case's shapes
            return False
    return any(
        isinstance(a, np.ndarray) and not np.array_equal(a, after.get(name), equal_nan=True)
        for name, a in before.items()
        if part(pair, name) != "cache"
    )
