"""The checks of `twins.py` are tried on twins broken on purpose: each fault must be noticed.

A made-up pair is broken first, where every fault can be planted; then the real dense layer.
"""

import functools
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from diptych.fastcore.kernels import threads as fast_threads

from tests import cases, test_twins, twins
from tests.cases import Case

# ------------------------------------------------------------------------- a made-up family


def tilt_forward(x, kernel, bias, slope=0.5):
    """y = z max(z, 0) + slope z with z = x kernel + bias."""
    z = x @ kernel
    if bias is not None:
        z = z + bias
    return z * np.maximum(z, 0) + slope * z, (x, kernel, z, bias is not None, slope)


def tilt_backward(dy, cache, need_dx=True):
    """dz = dy (2 max(z, 0) + slope)."""
    x, kernel, z, has_bias, slope = cache
    dz = dy * (2 * np.maximum(z, 0) + slope)
    dx = dz @ kernel.T if need_dx else None
    return dx, x.T @ dz, dz.sum(axis=0) if has_bias else None


def drag_update_(variable, gradient, speed, rate):
    """speed = 0.9 speed + gradient; variable = variable - rate speed."""
    speed *= 0.9
    speed += gradient
    variable -= rate * speed


def tilt_case(label, n, bias=True, slope=0.5):
    return Case(
        label,
        lambda rng: {
            "x": rng.normal(size=(n, 3)),
            "kernel": rng.normal(size=(3, 3)),
            "bias": rng.normal(size=3) if bias else None,
            "slope": slope,
        },
    )


TILT = [tilt_case("three rows", 3), tilt_case("steeper", 5, slope=2.0), tilt_case("bare", 2, False)]
DRAG = [
    Case(
        f"rate {rate}",
        lambda rng, rate=rate: (
            {name: rng.normal(size=(4, 3)) for name in ("variable", "gradient", "speed")}
            | {"rate": rate}
        ),
    )
    for rate in (0.1, 0.2, 0.3)
]
NAMES = ("tilt_forward", "tilt_backward", "drag_update_")


def module(**functions):
    made = ModuleType("made_up")
    for name in NAMES:
        setattr(made, name, functions.get(name, globals()[name]))
    return made


class FakeThreads(SimpleNamespace):
    """Stands where the thread settings of the fast engine stand."""

    def __init__(self):
        super().__init__(threads=1)

    def get_num_threads(self):
        return self.threads

    def set_num_threads(self, count):
        self.threads = count

    def set_least_work(self, work):
        return 1e6


@pytest.fixture
def threads(monkeypatch):
    fake = FakeThreads()
    monkeypatch.setitem(sys.modules, "diptych.fastcore.kernels.threads", fake)
    return fake


# ------------------------------------------------------------------------- the faults
# Each takes the right functions and gives broken ones.


def off_by_a_thousandth(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        y = y.copy()
        y[-1, -1] += 1e-3
        return y, cache

    return broken


def rows_swapped(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return y[::-1].copy(), cache

    return broken


def nan_swallowed(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return np.nan_to_num(y), cache

    return broken


def float32_widened(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return y.astype(np.float64), cache

    return broken


def float32_sloppy(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return (y * (1 + 3e-5)).astype(y.dtype) if y.dtype == np.float32 else y, cache

    return broken


def cache_off(forward):
    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return y, tuple(c * 2 if isinstance(c, np.ndarray) else c for c in cache)

    return broken


def input_overwritten(forward):
    def broken(*args, **options):
        result = forward(*args, **options)
        x = [*args, *options.values()][0]
        if x.flags.writeable:
            x[0, 0] += 1
        return result

    return broken


def read_only_refused(forward):
    def broken(*args, **options):
        x = [*args, *options.values()][0]
        x[...] = x
        return forward(*args, **options)

    return broken


def strides_ignored(forward):
    """Reads the first elements of the memory, whatever the strides say."""

    def broken(*args, **options):
        names = ("x", "kernel", "bias")
        options = dict(zip(names, args, strict=False)) | options
        x = options["x"]
        memory = x
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        memory = memory.ravel(order="K").view(np.uint8)[: x.nbytes]
        options["x"] = memory.view(x.dtype).reshape(x.shape)
        return forward(**options)

    return broken


def gradient(index, change):
    """A fault that changes one of the gradients of backward."""

    def fault(backward):
        def broken(dy, cache, need_dx=True):
            gradients = list(backward(dy, cache))
            gradients[index] = change(gradients[index])
            return tuple(gradients)

        return broken

    return fault


def option_ignored(backward):
    return lambda dy, cache, need_dx=True: backward(dy, cache)


def option_overdone(backward):
    def broken(dy, cache, need_dx=True):
        dx, dkernel, dbias = backward(dy, cache)
        return (dx, dkernel, dbias) if need_dx else (None, np.nextafter(dkernel, 9), dbias)

    return broken


def one_too_few(backward):
    return lambda dy, cache: backward(dy, cache)[:-1]


def cotangent_overwritten(backward):
    def broken(dy, cache):
        result = backward(dy, cache)
        dy *= 2
        return result

    return broken


def cache_overwritten(backward):
    def broken(dy, cache):
        result = backward(dy, cache)
        cache[0][...] = 0
        return result

    return broken


def transposed(g):
    return np.ascontiguousarray(g.T)


def bumped(g):
    g = g.copy()
    g.flat[0] += 1e-3
    return g


FORWARD_FAULTS = [
    # fault, check, the case's dtype, words of the message
    (off_by_a_thousandth, twins.check_parity, np.float64, r"y: .*worst at \(2, 2\)"),
    (off_by_a_thousandth, twins.check_parity, np.float32, r"y: .*worst at \(2, 2\)"),
    (rows_swapped, twins.check_parity, np.float64, "y: "),
    (float32_widened, twins.check_parity, np.float32, "float64"),
    (float32_sloppy, twins.check_parity, np.float32, "y: "),
    (cache_off, twins.check_parity, np.float64, r"cache\[\d\]: "),
    (input_overwritten, twins.check_pure, np.float64, "forward writes to its inputs"),
    (read_only_refused, twins.check_pure, np.float32, "read-only"),
]
BACKWARD_FAULTS = [
    (gradient(1, np.zeros_like), twins.check_parity, "dkernel: "),
    (gradient(1, np.zeros_like), twins.check_finite_differences, "fast dkernel"),
    (gradient(0, bumped), twins.check_parity, r"dx: .*worst at \(0, 0\)"),
    (gradient(0, bumped), twins.check_finite_differences, "fast dx"),
    (gradient(1, transposed), twins.check_parity, "dkernel: |dkernel has the shape"),
    (gradient(1, transposed), twins.check_finite_differences, "fast dkernel|has the shape"),
    (gradient(2, lambda g: None), twins.check_parity, "dbias has the shape"),
    (gradient(2, lambda g: 2 * g), twins.check_finite_differences, "fast dbias"),
    (one_too_few, twins.check_parity, "a tuple of 3 gradients"),
    (option_ignored, twins.check_unneeded_gradients, "dx must be None"),
    (option_overdone, twins.check_unneeded_gradients, "with need_dx=False: dkernel"),
    (cotangent_overwritten, twins.check_pure, "backward writes to its inputs"),
    (cache_overwritten, twins.check_pure, "backward writes to its inputs"),
]


def checked(check, pair, case, dtype):
    """Run one of the checks on the fast twin, whatever its arguments are called."""
    if check is twins.check_finite_differences:
        check(pair, case, "fast")
    elif check is twins.check_parity:
        check(pair, case, dtype)
    else:
        check(pair, case, dtype, "fast")


def name_of(value):
    return getattr(value, "__name__", None) or ""


# ------------------------------------------------------------------------- on the made-up pair


def tilt_pair(**broken):
    return twins.Pair.of(module(), module(**broken), "tilt_forward", TILT)


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=name_of)
@pytest.mark.parametrize("case", TILT, ids=lambda c: c.label)
def test_right_twins_pass_every_check(case, dtype, threads):
    pair = tilt_pair()
    twins.check_parity(pair, case, dtype)
    twins.check_parity(pair, case, dtype, layouts=twins.LAYOUTS)
    twins.check_threads(pair, case, dtype)
    for engine in twins.ENGINES:
        twins.check_pure(pair, case, dtype, engine)
        twins.check_repeatable(pair, case, dtype, engine)
        twins.check_unneeded_gradients(pair, case, dtype, engine)
        twins.check_finite_differences(pair, case, engine)
    twins.check_options_matter(pair, TILT)


@pytest.mark.parametrize(("fault", "check", "dtype", "words"), FORWARD_FAULTS, ids=name_of)
def test_a_broken_forward_is_noticed(fault, check, dtype, words):
    pair = tilt_pair(tilt_forward=fault(tilt_forward))
    with pytest.raises((AssertionError, ValueError), match=words):
        checked(check, pair, TILT[0], dtype)


@pytest.mark.parametrize(("fault", "check", "words"), BACKWARD_FAULTS, ids=name_of)
def test_a_broken_backward_is_noticed(fault, check, words):
    pair = tilt_pair(tilt_backward=fault(tilt_backward))
    with pytest.raises(AssertionError, match=words):
        checked(check, pair, TILT[0], np.float64)


def test_swallowed_nan_is_noticed():
    pair = tilt_pair(tilt_forward=nan_swallowed(tilt_forward))
    poisoned = Case("nan", lambda rng: TILT[0].make(rng) | {"bias": np.array([0.0, np.nan, 1.0])})
    twins.check_parity(tilt_pair(), poisoned, np.float64)
    with pytest.raises(AssertionError, match="y: .*reference nan"):
        twins.check_parity(pair, poisoned, np.float64)


@pytest.mark.parametrize("layout", twins.LAYOUTS, ids=name_of)
def test_ignored_strides_are_noticed(layout):
    pair = tilt_pair(tilt_forward=strides_ignored(tilt_forward))
    with pytest.raises(AssertionError, match=rf"y \({layout.__name__} arguments\): "):
        twins.check_parity(pair, TILT[0], np.float64, layouts=[layout])


def test_an_option_ignored_by_one_twin_is_noticed():
    def broken(x, kernel, bias, slope=0.5):
        return tilt_forward(x, kernel, bias, 0.5)

    with pytest.raises(AssertionError, match="y: "):
        twins.check_parity(tilt_pair(tilt_forward=broken), TILT[1], np.float64)


def test_an_option_ignored_by_both_twins_is_noticed():
    def broken(x, kernel, bias, slope=0.5):
        return tilt_forward(x, kernel, bias, 0.5)

    both = module(tilt_forward=broken)
    pair = twins.Pair.of(both, both, "tilt_forward", TILT)
    with pytest.raises(AssertionError, match="no value of the option 'slope' changes"):
        twins.check_options_matter(pair, TILT)


def test_an_option_that_shapes_settle_but_twins_take_as_given_is_noticed(monkeypatch):
    monkeypatch.setitem(twins.SETTLED, ("tilt_forward", "slope"), "for this test")
    with pytest.raises(AssertionError, match=r"tilt_forward \(reference\) takes slope="):
        twins.check_options_matter(tilt_pair(), [TILT[0], TILT[1]])


def test_an_option_with_one_value_is_noticed():
    with pytest.raises(AssertionError, match="'slope' one value only"):
        twins.check_options_matter(tilt_pair(), [TILT[0], TILT[2]])


def test_bits_that_depend_on_threads_are_noticed(threads):
    def broken(*args, **options):
        y, cache = tilt_forward(*args, **options)
        return np.nextafter(y, 9) if threads.get_num_threads() == 4 else y, cache

    with pytest.raises(AssertionError, match="4 threads against 1: y"):
        twins.check_threads(tilt_pair(tilt_forward=broken), TILT[0], np.float64)
    assert threads.get_num_threads() == 1, "the check must leave the threads as they were"


def test_bits_that_change_from_run_to_run_are_noticed():
    calls = []

    def broken(dy, cache):
        calls.append(1)
        dx, dkernel, dbias = tilt_backward(dy, cache)
        return (np.nextafter(dx, 9) if len(calls) == 2 else dx), dkernel, dbias

    with pytest.raises(AssertionError, match="two runs: dx differs"):
        twins.check_repeatable(tilt_pair(tilt_backward=broken), TILT[0], np.float64, "fast")


def test_a_reference_that_is_wrong_in_float32_is_noticed():
    broken = functools.wraps(tilt_forward)(float32_sloppy(tilt_forward))
    reference = module(tilt_forward=broken)
    pair = twins.Pair.of(reference, module(), "tilt_forward", TILT)
    with pytest.raises(AssertionError, match="the reference against the truth"):
        twins.check_parity(pair, TILT[0], np.float32)


# ------------------------------------------------------------------------- on in-place updates


def drag_pair(broken=drag_update_):
    return twins.Pair.of(module(), module(drag_update_=broken), "drag_update_", DRAG)


def speed_forgotten(variable, gradient, speed, rate):
    drag_update_(variable, gradient, speed.copy(), rate)


def gradient_overwritten(variable, gradient, speed, rate):
    drag_update_(variable, gradient, speed, rate)
    if gradient.flags.writeable:
        gradient[...] = 0


def test_right_updates_pass():
    for dtype in twins.DTYPES:
        twins.check_parity(drag_pair(), DRAG[0], dtype)
        twins.check_pure(drag_pair(), DRAG[0], dtype, "fast")


def test_a_forgotten_state_is_noticed():
    with pytest.raises(AssertionError, match="speed: "):
        twins.check_parity(drag_pair(speed_forgotten), DRAG[0], np.float64)


def test_an_overwritten_gradient_is_noticed():
    with pytest.raises(AssertionError, match="writes to its gradients"):
        twins.check_pure(drag_pair(gradient_overwritten), DRAG[0], np.float64, "fast")
    with pytest.raises(AssertionError, match="gradient: "):
        twins.check_parity(drag_pair(gradient_overwritten), DRAG[0], np.float64)


# ------------------------------------------------------------------------- structure


def as_family(monkeypatch, reference, fast):
    """Let the structural tests see these two modules as the family `made_up`."""
    made = {"reference": reference, "fastcore": fast}
    for each in made.values():
        for name in list(vars(each)):
            if callable(function := getattr(each, name)) and not name.startswith("_"):
                each_function = functools.wraps(function)(lambda *a, f=function, **k: f(*a, **k))
                each_function.__module__ = each.__name__
                setattr(each, name, each_function)
    monkeypatch.setattr(twins, "module", lambda package, family: made[package])


def test_a_missing_twin_is_noticed(monkeypatch):
    fast = module()
    del fast.drag_update_
    as_family(monkeypatch, module(), fast)
    with pytest.raises(AssertionError):
        test_twins.test_twins_have_the_same_functions_in_the_same_order("made_up")


def test_an_extra_that_is_not_listed_is_noticed(monkeypatch):
    fast = module()
    fast.tilt_and_drag = tilt_forward
    as_family(monkeypatch, module(), fast)
    with pytest.raises(AssertionError):
        test_twins.test_twins_have_the_same_functions_in_the_same_order("made_up")


def test_a_broken_extra_is_noticed(monkeypatch):
    pair, tried = next(row for row in test_twins.TABLE if row[0].name == "conv_max_pool_forward")
    twins.check_parity(pair, tried[0], np.float64)
    monkeypatch.setattr(pair.fast, pair.name, off_by_a_thousandth(pair.forward("fast")))
    with pytest.raises(AssertionError, match="y: "):
        twins.check_parity(pair, tried[0], np.float64)


def test_another_order_is_noticed(monkeypatch):
    fast = module()
    first = fast.tilt_forward
    del fast.tilt_forward
    fast.tilt_forward = first
    as_family(monkeypatch, module(), fast)
    with pytest.raises(AssertionError):
        test_twins.test_twins_have_the_same_functions_in_the_same_order("made_up")


def test_another_default_is_noticed(monkeypatch):
    def tilt_forward(x, kernel, bias, slope=0.1):
        raise NotImplementedError

    as_family(monkeypatch, module(), module(tilt_forward=tilt_forward))
    with pytest.raises(AssertionError, match=r"made_up\.tilt_forward"):
        test_twins.test_twins_have_the_same_signatures("made_up")


def test_a_forward_without_backward_is_noticed(monkeypatch):
    lonely = module()
    del lonely.tilt_backward
    as_family(monkeypatch, lonely, lonely)
    with pytest.raises(AssertionError, match="tilt_backward must stand directly under"):
        test_twins.test_every_function_is_a_forward_a_backward_or_an_update("made_up")


def test_an_op_without_cases_is_noticed(monkeypatch):
    as_family(monkeypatch, module(), module())
    monkeypatch.setattr(cases, "load", lambda family: {"tilt_forward": TILT})
    with pytest.raises(AssertionError, match="drag_update_"):
        test_twins.test_every_op_has_three_cases_and_no_case_is_orphaned("made_up")


# ------------------------------------------------------------------------- on the dense layer


DENSE, DENSE_CASES = next(row for row in test_twins.TABLE if row[0].name == "dense_forward")


def dense_case(**wanted):
    """The first case with a bias and several rows and columns whose options are these."""
    for case in DENSE_CASES:
        given = case.arguments()
        fits = all(given.get(name) == value for name, value in wanted.items())
        if fits and given["bias"] is not None and min(*given["x"].shape, given["bias"].size) > 1:
            return case
    raise LookupError(f"tests/cases/dense.py has no case with {wanted}")


def activation_ignored(forward):
    return lambda x, kernel, bias, activation="linear": forward(x, kernel, bias)


@pytest.mark.parametrize("check", [twins.check_parity, twins.check_pure], ids=name_of)
def test_the_dense_layer_passes(check):
    checked(check, DENSE, dense_case(), np.float64)


@pytest.mark.parametrize(("fault", "check", "dtype", "words"), FORWARD_FAULTS, ids=name_of)
def test_a_broken_dense_forward_is_noticed(fault, check, dtype, words, monkeypatch):
    monkeypatch.setattr(DENSE.fast, DENSE.name, fault(DENSE.fast.dense_forward))
    with pytest.raises((AssertionError, ValueError, TypeError), match=words.partition(".*w")[0]):
        checked(check, DENSE, dense_case(), dtype)


@pytest.mark.parametrize(("fault", "check", "words"), BACKWARD_FAULTS, ids=name_of)
def test_a_broken_dense_backward_is_noticed(fault, check, words, monkeypatch):
    monkeypatch.setattr(DENSE.fast, "dense_backward", fault(DENSE.fast.dense_backward))
    with pytest.raises(AssertionError, match=words.partition(".*w")[0]):
        checked(check, DENSE, dense_case(activation="tanh"), np.float64)


def test_an_activation_ignored_by_the_dense_layer_is_noticed(monkeypatch):
    monkeypatch.setattr(DENSE.fast, DENSE.name, activation_ignored(DENSE.fast.dense_forward))
    with pytest.raises(AssertionError, match="y: "):
        twins.check_parity(DENSE, dense_case(activation="tanh"), np.float64)


def test_thread_dependent_bits_of_the_dense_layer_are_noticed(monkeypatch):
    forward = DENSE.fast.dense_forward

    def broken(*args, **options):
        y, cache = forward(*args, **options)
        return np.nextafter(y, 9) if fast_threads.get_num_threads() == 2 else y, cache

    monkeypatch.setattr(DENSE.fast, DENSE.name, broken)
    with pytest.raises(AssertionError, match="2 threads against 1: y"):
        twins.check_threads(DENSE, dense_case(), np.float32)
