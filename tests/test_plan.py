"""Plans of the fast engine: what twins ran, run again on other numbers, gives the same bits.

Every twin is tried on its cases: a plan is made with the numbers of the case, the same memory gets
others, and after `run` all results must be those of ordinary calls. What a twin does outside of its
stages would show here, unless the twin refuses to be planned.
"""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests import test_twins, twins

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")

from diptych.fastcore import (
    activations,
    convolution,
    dense,
    embedding,
    losses,
    optimizers,
    piecewise,
)
from diptych.fastcore.kernels.plan import Plan, chunk_times, scribble
from diptych.fastcore.kernels.steps import Rows, draw_mask, in_order, in_stages, joined
from diptych.fastcore.kernels.sums import add_accuracy, add_mean, add_values, sum_of
from diptych.fastcore.kernels.threads import get_num_threads, set_least_work, set_num_threads

# Twins that no case of theirs lets be planned, each with its reason.
NEVER_PLANNED = {
    "ctc_forward": "labels and lengths are checked first",
    "hinge_forward": "it looks at all labels before it begins",
    "squared_hinge_forward": "it looks at all labels before it begins",
    ("affine_forward", np.float32): "its transforms are converted to float64",
}


def other_numbers(rng, arguments):
    """Shuffle every array in its place: other numbers of the same kind."""
    twins.map_arrays(lambda a: (rng.shuffle(a.reshape(-1)), a)[1], arguments)


def call(pair, arguments, cotangents=None):
    """(y, gradients), the cotangents being made where none are given."""
    result = pair.forward("fast")(**arguments)
    if not test_twins.has_backward(pair):
        return result, (), ()
    y, cache = result
    parts = y if isinstance(y, tuple) else (y,)
    if cotangents is None:
        rng = np.random.default_rng(1)
        cotangents = tuple(rng.standard_normal(part.shape).astype(part.dtype) for part in parts)
    dy = cotangents if isinstance(y, tuple) else cotangents[0]
    return y, pair.backward("fast")(dy, cache), cotangents


def same_bits(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same_bits, a, b))
    return True


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize(
    ("pair", "tried"),
    [pytest.param(p, t, id=p.name) for p, t in test_twins.TABLE if not p.updates_in_place],
)
def test_a_plan_gives_the_bits_of_ordinary_calls(pair, tried, dtype):
    rng = np.random.default_rng(0)
    planned = 0
    for case in tried:
        arguments = twins.map_arrays(
            lambda a: np.array(a, dtype if a.dtype.kind == "f" else None, order="C"),
            case.arguments(),
        )
        plan = Plan()
        with plan:
            y, gradients, cotangents = call(pair, arguments)
        if plan.refusal is not None:
            with pytest.raises(ValueError, match="this plan cannot be run"):
                plan.run()
            continue
        planned += 1
        for times in (1, 2):
            other_numbers(rng, [arguments, list(cotangents)])
            expected_y, expected_gradients, _ = call(pair, arguments, cotangents)
            scribble(plan)
            assert plan.run(times) == times
            assert same_bits(y, expected_y), f"{case.label}: y"
            assert same_bits(gradients, expected_gradients), f"{case.label}: gradients"
    never = pair.name in NEVER_PLANNED or (pair.name, dtype) in NEVER_PLANNED
    assert (planned == 0) == never


def test_optimizers_go_on_counting():
    """The bias corrections of Adam and Adamax, and the rate, are those of each step."""
    rng = np.random.default_rng(0)
    for update, slots, more in (
        (optimizers.adam_update_, 2, lambda step: (None, step, 0.01, 0.9, 0.999, 1e-7)),
        (optimizers.adamax_update_, 2, lambda step: (step, 0.01, 0.9, 0.999, 1e-7)),
        (optimizers.momentum_update_, 1, lambda step: (0.01, 0.9, True)),
    ):
        start = [rng.standard_normal(7) for _ in range(slots + 2)]
        start[2:] = [np.abs(a) for a in start[2:]]
        planned, plain = ([[a.copy()] for a in start] for _ in range(2))
        plan = Plan()
        with plan:
            update(*planned, *more(1))
        plan.run(2)
        for step in (1, 2, 3):
            update(*plain, *more(step))
        assert same_bits(planned, plain), update.__name__
        (arrays,) = [kept for kept in plan.kept if hasattr(kept, "restart")]
        arrays.restart(8, 0.5)
        plan.run()
        update(*plain, *[0.5 if x == 0.01 else 9 if x == 3 else x for x in more(3)])
        assert same_bits(planned, plain), update.__name__


def test_nadam_is_refused():
    plan = Plan()
    with plan:
        a = [np.ones(3)]
        optimizers.nadam_update_(a, a, [np.ones(3)], [np.ones(3)], 1, 1.0, 0.1, 0.9, 0.999, 1e-7)
    assert "Nadam" in plan.refusal


def a_step(x, kernel, bias, y):
    """Forward and back through one layer and a loss."""
    z, cache = dense.dense_forward(x, kernel, bias)
    loss, loss_cache = losses.mean_squared_error_forward(y, z)
    mean, mean_cache = losses.scaled_sum_forward(loss, len(x))
    dloss = losses.scaled_sum_backward(np.ones((), x.dtype), mean_cache)
    dz = losses.mean_squared_error_backward(dloss, loss_cache)
    return mean, dense.dense_backward(dz, cache, need_dx=False)[1:]


@pytest.fixture
def any_work():
    """Threads are called for any work, however little."""
    threads, least = get_num_threads(), set_least_work(0)
    yield
    set_num_threads(threads)
    set_least_work(least)


def test_a_whole_step_has_the_same_bits_on_any_number_of_threads(any_work):
    rng = np.random.default_rng(0)
    all_x, all_y = rng.standard_normal((2, 96, 40)).astype("f4")
    kernel, bias = rng.standard_normal((40, 40)).astype("f4"), np.zeros(40, "f4")
    order = rng.permutation(96)
    found = []
    for count in twins.THREADS:
        set_num_threads(count)
        w, b = kernel.copy(), bias.copy()
        x, y = np.empty((2, 16, 40), "f4")
        total, number = np.zeros(()), np.zeros(())
        rows = Rows(x, y)
        rows.start(order, all_x, all_y)
        plan = Plan()
        with plan:
            rows.gather()
            mean, gradients = a_step(x, w, b, y)
            optimizers.sgd_update_([w, b], gradients, 0.1)
            add_mean(total, number, mean, 16)
            rows.advance()
        plan.run(5)
        found.append((w, b, total, number))
    w, b, total, number = kernel.copy(), bias.copy(), 0.0, 96
    for i in range(0, 96, 16):
        mean, gradients = a_step(all_x[order[i : i + 16]], w, b, all_y[order[i : i + 16]])
        optimizers.sgd_update_([w, b], gradients, 0.1)
        total += float(mean) * 16
    for one in found:
        assert same_bits(one, (w, b, np.asarray(total), np.asarray(96.0)))


def test_accuracies_are_those_of_numpy():
    rng = np.random.default_rng(0)
    p = rng.standard_normal((64, 3)).astype("f4")
    p[3] = p[5, 0] = np.nan
    p[6] = 1
    y = rng.standard_normal((64, 3)).astype("f4")
    labels = rng.integers(0, 3, 64)
    binary = (rng.random((64, 3)) > 0.5).astype("f4")
    for kind, truth, right in (
        ("categorical", y, (y.argmax(-1) == p.argmax(-1)).sum()),
        ("sparse", labels, (labels == p.argmax(-1)).sum()),
        ("binary", binary, (binary == (p > 0.25)).sum() / 3),
    ):
        total, count = np.full((), 2.0), np.full((), 5.0)
        add_accuracy(kind, total, count, truth, p, 0.25)
        np.testing.assert_allclose([total, count], [2 + right, 69], rtol=1e-15)


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("shape", [(1,), (7,), (8,), (1003,), (5, 13)], ids=str)
def test_sums_of_values_are_those_of_numpy(shape, dtype):
    values = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    exact = values.astype(np.longdouble).sum()
    np.testing.assert_allclose(sum_of(values), float(exact), rtol=1e-13)
    total, count, plan = np.full((), 2.0), np.full((), 5.0), Plan()
    with plan:
        add_values(total, count, values)
    amount = sum_of(values) * shape[0] / values.size if len(shape) > 1 else sum_of(values)
    assert (total, count) == (2 + amount, 5 + shape[0])
    values[...] = np.nan
    plan.run()
    assert np.isnan(total)
    assert count == 5 + 2 * shape[0]


def test_what_has_no_sum_in_lanes():
    for other in (
        np.zeros((2, 2)).T[::2],
        np.zeros(3, ">f8"),
        np.zeros(3, "i8"),
        np.zeros(2, "f2"),
    ):
        assert sum_of(other) is None
        with pytest.raises(ValueError, match="for each sample"):
            add_values(a_sum(), a_sum(), other)
    for empty in (np.zeros(0), np.zeros(())):
        assert sum_of(empty) == 0
        with pytest.raises(ValueError, match="for each sample"):
            add_values(a_sum(), a_sum(), empty)


def test_bad_rows_and_sums_are_refused():
    source = np.zeros((5, 2))
    rows = Rows(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(IndexError, match="no row 5"):
        rows.start([0, 5], source, source)
    for bad in (source.astype("f4"), source[:, :1], source.T, np.zeros((5, 2), order="F")):
        with pytest.raises((ValueError, IndexError), match="do not fit|no row"):
            rows.start([0, 1, 4], source, bad)
    rows.start([0, 4], source, source)
    for bad in ([source], [source] * 3, [source, None]):
        with pytest.raises(ValueError, match="rows of"):
            rows.start([0, 1], *bad)
    rows.gather()  # what was refused has changed nothing
    for bad in ([0.0], np.zeros(()), np.zeros((2, 2), object), np.zeros((3, 2)), source[::2].T):
        with pytest.raises((ValueError, TypeError), match="batch|ndarray"):
            Rows(np.zeros((2, 2)), bad)
    fixed = np.zeros((2, 2))
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="cannot be written to"):
        Rows(fixed)


def a_sum():
    return np.zeros(())


@pytest.mark.parametrize(
    "bad", [np.zeros((), "f4"), np.zeros(2), np.zeros((), "i8"), np.zeros(2)[:0], None], ids=str
)
def test_bad_sums_are_refused(bad):
    labels, p = np.zeros((2, 3)), np.zeros((2, 3))
    for total, count in ((bad, a_sum()), (a_sum(), bad)):
        with pytest.raises((ValueError, TypeError), match="running sum|ndarray"):
            add_mean(total, count, np.zeros(()), 1)
        with pytest.raises((ValueError, TypeError), match="running sum|ndarray"):
            add_accuracy("binary", total, count, labels, p, 0)


@pytest.mark.parametrize(
    "bad", [np.zeros(2), np.zeros((), "i8"), np.zeros((), "f2"), np.zeros(0), None, 1.0], ids=str
)
def test_the_mean_of_a_batch_is_one_number(bad):
    total, count = a_sum(), a_sum()
    with pytest.raises((ValueError, TypeError), match="one number|ndarray"):
        add_mean(total, count, bad, 1)
    assert not total
    assert not count


@pytest.mark.parametrize(
    ("kind", "y", "p"),
    [
        ("sparse", np.zeros(3), np.zeros((2, 3))),
        ("sparse", np.zeros(3, "i8"), np.zeros((2, 3))),
        ("sparse", np.zeros(2, "i4"), np.zeros((2, 3))),
        ("binary", np.zeros((2, 3), "f4"), np.zeros((2, 3))),
        ("binary", np.zeros((2, 3), "i4"), np.zeros((2, 3), "i4")),
        ("binary", np.zeros(()), np.zeros(())),
        ("categorical", np.zeros((2, 0)), np.zeros((2, 0))),
        ("categorical", np.zeros((3, 2)).T, np.zeros((2, 3))),
        ("categorical", np.zeros((2, 3)), np.zeros((3, 2)).T),
        ("categorical", np.zeros((2, 3), "f2"), np.zeros((2, 3), "f2")),
        ("top", np.zeros((2, 3)), np.zeros((2, 3))),
        (None, np.zeros((2, 3)), np.zeros((2, 3))),
        ("binary", None, np.zeros((2, 3))),
    ],
    ids=str,
)
def test_bad_labels_and_predictions_are_refused(kind, y, p):
    with pytest.raises((ValueError, TypeError), match="accuracy|ndarray|str"):
        add_accuracy(kind, a_sum(), a_sum(), y, p, 0.5)


@pytest.mark.parametrize(("shape", "rate"), [((-1,), 0.5), ((1,) * 65, 0.5), ((2,), 1.0)], ids=str)
def test_a_mask_that_cannot_be_is_refused(shape, rate):
    with pytest.raises(ValueError, match="no mask"):
        draw_mask(np.random.PCG64(0), shape, rate)


def test_a_running_mean_is_rounded_as_in_python():
    """Each product is rounded before it is added."""
    total, count, expected = np.zeros(()), np.zeros(()), 0.0
    for value in np.random.default_rng(0).random(50):
        add_mean(total, count, np.array(value), 7)
        expected += float(value) * 7
    assert (total.item(), count.item()) == (expected, 350)


def test_a_plan_runs_no_further_than_its_rows():
    x = np.arange(24.0).reshape(12, 2)
    batch = np.empty((3, 2))
    rows, plan = Rows(batch), Plan()
    with pytest.raises(ValueError, match="no batch left"):
        rows.gather()
    rows.start(np.arange(3), x)
    with plan:
        rows.gather()
        rows.advance()
    for order, runs in ((11, 3), (12, 4), (2, 0)):
        rows.start(np.arange(order), x)
        with pytest.raises(ValueError, match=f"data for {runs}"):
            plan.run(runs + 1)
        assert plan.run(runs) == runs
        assert rows.most_runs == 0
    rows.start(np.arange(12), x)
    rows.let_go()
    with pytest.raises(ValueError, match="data for 0"):
        plan.run()
    with pytest.raises(ValueError, match="-1 times"):
        plan.run(-1)


def test_a_run_whose_chunks_are_timed_is_a_run():
    rng = np.random.default_rng(0)
    x, y, kernel = (rng.standard_normal((900, 30)).astype("f4") for _ in range(3))
    kernel, bias, plan = kernel[:30], np.zeros(30, "f4"), Plan()
    with plan:
        results = a_step(x, kernel, bias, y)
    for _ in range(2):
        x += 1
        scribble(plan)
        times = chunk_times(plan)
        assert same_bits(results, a_step(x, kernel, bias, y))
        assert plan.done == 1
    assert max(map(len, times)) > 1
    assert all((stage > 0).all() for stage in times)


def test_calls_are_made_while_chunks_are_timed():
    plan, calls, number = Plan(), [], np.zeros(1, np.int64)
    with plan:
        piecewise.relu6_forward(np.ones(3))
        plan.call(lambda: calls.append(1))
        embedding.embedding_forward(number, np.ones((1, 2)))
        with pytest.raises(RuntimeError, match="being made"):
            chunk_times(plan)
    stages = len(chunk_times(plan))
    assert plan.done == 1
    number[0] = 1  # a row that is not there: neither this stage is done nor the next one
    assert len(chunk_times(plan)) == stages - 2 == 1
    assert plan.done == 0
    assert calls == [1, 1]
    assert plan.run() == 0  # it is not running any longer


def test_a_plan_is_made_and_run_once_at_a_time():
    x = np.ones(3)
    plan, other = Plan(), Plan()
    with pytest.raises(RuntimeError, match="not the one"):
        plan.__exit__()
    with plan:
        y, _ = piecewise.relu6_forward(x)
        for again in (plan.run, plan.__enter__):
            with pytest.raises(RuntimeError, match="being made"):
                again()
        with other:
            with pytest.raises(RuntimeError, match="not the one"):
                plan.__exit__()
        mark = plan.mark()
        with pytest.raises(ValueError, match="no mark"):
            other.take_back(mark)
    calls = []

    def inside():
        with pytest.raises(RuntimeError, match="or run"):
            plan.run()
        calls.append(1)

    plan.call(inside)
    assert plan.run(2) == 2
    assert calls == [1, 1]

    def left_open():
        Plan().__enter__()  # nobody else holds it
        gc.collect()
        return piecewise.relu6_forward(x)[0]

    with ThreadPoolExecutor(1) as pool:
        assert same_bits(pool.submit(left_open).result(), x)


def test_results_are_stored_in_the_order_of_the_batches():
    x = np.arange(24.0).reshape(12, 2)
    batch, results, sums = np.empty((3, 2)), np.zeros((12, 2)), np.zeros((12, 2))
    rows, plan = Rows(batch), Plan()
    rows.start([0, 1, 2], x)
    with plan:
        rows.gather()
        y, _ = piecewise.relu6_forward(batch)
        rows.store(y, np.empty((3, 2)))
        rows.store(in_stages("add", y, y), np.empty((3, 2)))
        rows.advance()
    rows.start(np.arange(12)[::-1], x, results=(results, sums))
    plan.run(4)
    np.testing.assert_array_equal(results, np.clip(x, 0, 6)[::-1])
    np.testing.assert_array_equal(sums, 2 * results)
    for wrong in (results[:11], results.astype("f4"), results[:, :1], None):
        with pytest.raises(ValueError, match="results|fit"):
            rows.start(np.arange(12), x, results=(sums, wrong))
    with pytest.raises(ValueError, match="results"):
        rows.start(np.arange(12), x)
    with pytest.raises(ValueError, match="no batch"):
        rows.store(np.zeros((2, 2)), results)


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)
def test_sums_and_products_in_stages_are_those_of_numpy(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5, 4001)).astype(dtype)
    for name in ("add", "multiply", "subtract"):
        function = getattr(np, name)
        assert same_bits(in_stages(name, a, b), function(a, b))
        for c in (b[:, :1], b.T, b.astype("i4"), 2.0, b[:, ::-1]):
            assert in_stages(name, a, c) is None


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)
def test_a_plan_brings_arrays_in_order_and_joins_them(dtype):
    x = np.random.default_rng(0).standard_normal((5, 7, 2, 300)).astype(dtype)
    views = [
        lambda: x[:, ::-1],
        lambda: x.transpose(3, 1, 0, 2),
        lambda: x[..., 3::2],
        lambda: x[1:, :, :1, 10:20],
        lambda: np.broadcast_to(x[:, :1], x.shape),
        lambda: x[2, 3].T,
    ]
    for view in views:
        plan = Plan()
        with plan:
            y = in_order(view())
            axis = y.ndim - 2
            both = joined((view(), y, view()[..., :0, :]), axis)
        assert y.flags.c_contiguous
        x[...] = x[::-1].copy()
        plan.run()
        assert same_bits(y, np.ascontiguousarray(view()))
        assert same_bits(both, np.concatenate([y, y], axis))
    ints = np.ones((2, 3), int)[:, ::2]
    for same in (x, ints, 2.0, None, x[0, 0, 0, 0]):
        assert in_order(same) is same
    assert joined((x, x[:, :, ::2]), -1) is None  # for np.concatenate to say what is wrong
    for arrays, axis in (((x, ints), 0), ((x,), 4), ((), 0)):
        assert joined(arrays, axis) is None


def test_results_that_nobody_needs_share_memory():
    x = np.linspace(-3, 3, 1000)
    plan = Plan()
    with plan:
        y = x
        for _ in range(6):
            y, _ = activations.tanh_forward(y)
        _ = None
    assert len(plan.memory) <= 3
    expected, x[...] = x, x[::-1].copy()
    for _ in range(6):
        expected, _ = activations.tanh_forward(expected)
    scribble(plan)
    plan.run()
    assert same_bits(y, expected)


def test_python_is_called_between_stages_until_one_ends_the_run():
    x, doubled = np.ones(3), np.empty(3)
    number, table = np.zeros(1, np.int64), np.ones((1, 2))

    def between():
        np.multiply(y, 2, doubled)
        number[0] = doubled[0] > 11  # a row that is not there

    plan = Plan()
    with plan:
        y, _ = piecewise.relu6_forward(x)
        plan.aside(between)
        plan.call(between)
        rows = embedding.embedding_forward(number, table)  # held, lest z lie there
        z, _ = piecewise.relu6_forward(doubled)
    for value, done, expected in ((1.5, 3, 3), (2, 3, 4), (9, 0, 4), (1, 3, 2)):
        x[:] = value
        assert plan.run(3) == done
        assert z[0] == expected
    assert rows[0].tolist() == [[1, 1]]
    plan, numbers = Plan(), iter([0, 0, 1, 0])
    with plan:
        plan.call(lambda: number.fill(next(numbers)))
        embedding.embedding_forward(number, table)
    assert plan.run(4) == 2


def test_what_a_twin_has_noted_can_be_taken_back():
    x = np.ones(3)
    plan = Plan()
    with plan:
        y, _ = piecewise.relu6_forward(x)
        mark = plan.mark()
        losses.hinge_forward(np.ones((3, 1)), np.ones((3, 1)))
        plan.call(pytest.fail)
        assert "hinge" in plan.take_back(mark)
        assert plan.take_back(mark) is None
    x[:] = 2
    assert plan.run(3) == 3
    assert y[0] == 2


def test_a_plan_ends_where_a_number_names_no_row():
    table = np.arange(8.0).reshape(4, 2)
    for dtype in ("int32", "int64"):
        numbers = np.array([0, 3, 1], dtype)
        plan = Plan()
        with plan:
            y, cache = embedding.embedding_forward(numbers, table)
            dtable = embedding.embedding_backward(y, cache)
        numbers[:] = [2, 2, 0]
        assert plan.run(2) == 2
        np.testing.assert_array_equal(y, table[numbers])
        np.testing.assert_array_equal(dtable, [[0, 1], [0, 0], [8, 10], [0, 0]])
        for wrong in (4, -1):
            numbers[1] = wrong
            assert plan.run() == 0
            numbers[1] = 0
            assert plan.run() == 1
        with pytest.raises(ValueError, match="token 4"), Plan():
            embedding.embedding_forward(np.array([4], dtype), table)


@pytest.mark.parametrize("dtype", twins.DTYPES, ids=lambda d: np.dtype(d).name)
def test_winograds_way_is_left_and_taken_again(dtype, any_work):
    """Where a number is not finite the direct way is taken, in each run anew."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 14, 14, 16)).astype(dtype)
    kernel = rng.standard_normal((3, 3, 16, 16)).astype(dtype)
    bias, dy = rng.standard_normal(16).astype(dtype), rng.standard_normal(x.shape).astype(dtype)

    def both():
        y, cache = convolution.conv_forward(
            x, kernel, bias, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, "relu"
        )
        return y, convolution.conv_backward(dy, cache)

    whole = x.copy(), dy.copy()
    for first in (0, np.inf):
        plan = Plan()
        x[1, 2, 3, 4] = first
        with plan:
            found = both()
        assert plan.refusal is None
        assert same_bits(found, both())
        for place, value in ((x, 1), (x, np.nan), (dy, np.inf), (x, 2), (x, -np.inf), (x, 3)):
            x[...], dy[...] = whole
            place[1, 2, 3, 4] = value
            expected = both()
            for count in twins.THREADS:
                set_num_threads(count)
                scribble(plan)
                assert plan.run(2) == 2
                assert same_bits(found, expected), (value, count)


def test_a_plan_keeps_its_arrays_and_no_longer():
    class Noted(np.ndarray):
        """An array that can be watched."""

    x = np.ones((4, 4)).view(Noted)
    plan = Plan()
    with plan:
        y, _ = activations.sigmoid_forward(x)
    _ = None
    watched = weakref.ref(x)
    del x
    plan.run()
    assert watched() is not None
    del plan
    gc.collect()
    assert watched() is None
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-1.0)), rtol=1e-12)
