"""The tape: what it records, what it gives back; and NumPy's functions on tensors."""

import contextlib
import threading

import numpy as np
import pytest

import diptych
from diptych import (
    GradientTape,
    Tensor,
    Variable,
    autodiff,
    layers,
    ops,
)
from diptych.operation import ArrayOp
from diptych.tape import record


def variable(values, **options):
    return Variable(values, dtype="float64", **options)


# --------------------------------------------------------------------------------------------------
# What is recorded


def test_nothing_is_recorded_outside_a_tape():
    w = variable([1.0, 2.0])
    y = ops.sum(w * w)
    assert not y.tracked
    with GradientTape() as tape:
        pass
    assert tape.gradient(y, w) is None


def test_only_what_depends_on_a_tracked_tensor_is_recorded():
    w, x = variable([1.0, 2.0]), Tensor(np.array([3.0, 4.0]))
    with GradientTape() as tape:
        assert not (x * x).tracked
        y = ops.sum(w * x)
        assert y.tracked
        assert not ops.stop_gradient(y).tracked
    assert len(tape.records) == 2


def test_untrainable_variables_are_constants_until_watched():
    w = variable(3.0, trainable=False)
    with GradientTape() as tape:
        y = w * w
    assert tape.gradient(y, w) is None
    with GradientTape() as tape:
        tape.watch(w)
        y = w * w
    assert tape.gradient(y, w) == 6


def test_watching_something_that_is_no_tensor_is_refused():
    with GradientTape() as tape, pytest.raises(TypeError, match="convert_to_tensor"):
        tape.watch(np.ones(2))


def test_threads_have_tapes_of_their_own():
    w = variable(2.0)
    started, done = threading.Event(), threading.Event()
    seen = []

    def other():
        started.wait(10)
        seen.append((w * w).tracked)
        with GradientTape() as tape:
            y = w * w * w
        seen.append(float(tape.gradient(y, w)))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with GradientTape() as tape:
        y = w * w
        started.set()
        assert done.wait(10)
        y = y * 5.0
    thread.join()
    assert seen == [False, 12.0]
    assert tape.gradient(y, w) == 20


# --------------------------------------------------------------------------------------------------
# What comes back


def test_the_docstring_example():
    w, x = variable(3.0), 2.0
    with GradientTape() as tape:
        y = w * x
        loss = y * y
    assert tape.gradient(loss, w) == 2 * 6 * 2


def test_gradients_come_in_the_structure_of_the_sources():
    a, b, c = variable(2.0), variable(3.0), variable(4.0)
    with GradientTape() as tape:
        y = a * b
    gradients = tape.gradient(y, [a, b, c])
    assert gradients == [3, 2, None]
    assert all(isinstance(g, np.ndarray) for g in gradients[:2])


def test_the_sum_is_differentiated_where_a_target_has_many_elements():
    w = variable([1.0, 2.0])
    with GradientTape() as tape:
        y = w * w
    np.testing.assert_array_equal(tape.gradient(y, w), [2, 4])


def test_several_targets_are_summed():
    w = variable([1.0, 2.0])
    with GradientTape() as tape:
        a, b = w * 3.0, w * w
    np.testing.assert_array_equal(tape.gradient([a, b, a], w), [8, 10])


def test_output_gradients_weigh_the_elements():
    w = variable([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y = w * w
        z = ops.sum(w)
    np.testing.assert_array_equal(tape.gradient(y, w, output_gradients=[[10.0, 1.0]]), [20, 4])
    np.testing.assert_array_equal(
        tape.gradient(y, w, output_gradients=np.array([10.0, 1.0])), [20, 4]
    )
    np.testing.assert_array_equal(
        tape.gradient([y, z], w, output_gradients=[np.array([1.0, 0.0]), 5.0]), [7, 5]
    )


def test_a_tensor_used_twice_gets_the_sum():
    w = variable(3.0)
    with GradientTape() as tape:
        y = w * w + w * 2.0 + w
    assert tape.gradient(y, w) == 2 * 3 + 2 + 1


def test_gradients_of_intermediate_tensors():
    w = variable(3.0)
    with GradientTape() as tape:
        y = w * 2.0
        z = y * y
    assert tape.gradient(z, [y, w]) == [12, 24]


def test_the_target_may_be_a_source():
    w = variable([3.0, 4.0])
    with GradientTape() as tape:
        y = w * 2.0
    gradient_y, gradient_w = tape.gradient(y, [y, w])
    np.testing.assert_array_equal(gradient_y, [1, 1])
    np.testing.assert_array_equal(gradient_w, [2, 2])


def test_one_part_of_a_split_is_enough():
    w = variable([1.0, 2.0, 3.0, 4.0])
    with GradientTape() as tape:
        low, high = ops.split(w, 2)
        y = ops.sum(high * high)
    np.testing.assert_array_equal(tape.gradient(y, w), [0, 0, 6, 8])


def test_a_chain_of_20000_operations():
    w = variable(1.0)
    with GradientTape() as tape:
        y = w
        for _ in range(20_000):
            y = y + 1e-3
    assert tape.gradient(y, w) == 1


def test_gradients_do_not_change_each_other():
    """Rules may hand on the gradient itself; summing must not write into it."""
    a, b = variable([1.0, 2.0]), variable([3.0, 4.0])
    with GradientTape() as tape:
        c = a + b
        y = ops.sum(c) + ops.sum(a * 10.0)
    da, db, dc = tape.gradient(y, [a, b, c])
    np.testing.assert_array_equal(da, [11, 11])
    np.testing.assert_array_equal(db, [1, 1])
    np.testing.assert_array_equal(dc, [1, 1])


# --------------------------------------------------------------------------------------------------
# Tapes within and beside each other


def test_nested_tapes_see_what_happened_while_they_were_open():
    w = variable(2.0)
    with GradientTape() as outer:
        y = w * w
        with GradientTape() as inner:
            z = w * w * w
        t = y + z
    assert inner.gradient(z, w) == 12
    assert outer.gradient(t, w) == 4 + 12
    with GradientTape() as outer:
        y = w * w
        with GradientTape() as inner:
            z = y * w
    assert inner.gradient(z, [w, y]) == [4, 2]


def test_a_tape_does_not_see_what_came_after_it():
    w = variable(2.0)
    with GradientTape(), GradientTape() as early:
        y = w * 3.0
    assert early.gradient(y, w) == 3
    with GradientTape() as tape:
        y = w * 3.0
    z = y * 2.0
    assert tape.gradient(z, w) is None


def test_tapes_side_by_side():
    w = variable(2.0)
    first, second = GradientTape(), GradientTape()
    with first, second:
        y = w * w
        z = y * w
    assert first.gradient(y, w) == 4
    assert second.gradient(z, w) == 12


def test_what_a_tape_holds_can_be_read():
    w = variable(2.0)
    with GradientTape() as tape:
        y = w * w
        ops.exp(y)
    first, second = tape.records
    assert first.output is y
    assert first.inputs[0] is first.inputs[1] is w
    assert second.inputs[0] is y
    assert second.backward(np.array(1.0), second.cache, second.needs) == [np.exp(4.0)]


def test_the_name_autodiff_remains():
    assert autodiff.GradientTape is GradientTape
    assert autodiff.Variable("ones", shape=(2,)).numpy().tolist() == [1, 1]
    assert diptych.Variable is autodiff.Variable
    assert diptych.Tensor is autodiff.Tensor


def test_a_tape_that_is_opened_again_goes_on():
    w = variable(2.0)
    tape = GradientTape(persistent=True)
    with tape:
        y = w * w
    z = y * 100.0
    with tape:
        t = y * w
    assert tape.gradient(t, w) == 12
    assert tape.gradient(z, w) is None
    with tape, pytest.raises(RuntimeError, match="already open"), tape:
        pass


def test_a_gradient_within_the_open_tape_itself():
    w = variable(3.0)
    with GradientTape() as tape:
        y = w * w
        gradient = tape.gradient(y, w)
        w * gradient
    assert not isinstance(gradient, Tensor)
    assert gradient == 6


def test_gradients_beside_an_open_tape_do_no_harm():
    w, v = variable([3.0, 4.0]), variable([1.0, 2.0])
    with GradientTape() as outer:
        y = ops.sum(w * w)
        with GradientTape() as inner:
            z = ops.sum(v * w)
        gradients = inner.gradient(z, {"v": v, "w": [w], "none": variable(1.0)})
        step = ops.stop_gradient(gradients["v"])
        loss = y + ops.sum(step * w)
    assert isinstance(gradients["v"], Tensor)
    assert gradients["none"] is None
    np.testing.assert_array_equal(gradients["w"][0], [1, 2])
    np.testing.assert_array_equal(outer.gradient(loss, w), [9, 12])


def test_a_model_trains_beside_an_open_tape():
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    weights = []
    for watched in (False, True):
        diptych.utils.set_random_seed(1)
        model = diptych.Sequential([layers.Input((2,)), layers.Dense(1)])
        model.compile(diptych.optimizers.SGD(0.1, momentum=0.9), "mse")
        with GradientTape() if watched else contextlib.nullcontext():
            for _ in range(3):
                model.train_on_batch(x, y)
        weights.append([weight.tobytes() for weight in model.get_weights()])
    assert weights[0] == weights[1]


def test_optimizers_take_the_gradients_of_a_tape_within_a_tape():
    w = variable([3.0, 4.0])
    optimizer = diptych.optimizers.SGD(0.1)
    with GradientTape():
        with GradientTape() as tape:
            loss = ops.sum(w * w)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
    np.testing.assert_allclose(w.numpy(), [2.4, 3.2])


def test_a_tape_is_exhausted_by_its_first_gradient():
    w = variable(2.0)
    with GradientTape() as tape:
        y = w * w
    assert tape.gradient(y, w) == 4
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, w)
    with pytest.raises(RuntimeError, match="never opened"):
        GradientTape().gradient(y, w)


def test_a_persistent_tape_answers_again_and_again():
    w = variable(2.0)
    with GradientTape(persistent=True) as tape:
        y = w * w
        z = y * y
    assert [float(tape.gradient(t, w)) for t in (y, z, y)] == [4, 32, 4]


def test_a_tape_closes_when_its_block_fails():
    w = variable(2.0)
    with pytest.raises(ZeroDivisionError), GradientTape():
        raise ZeroDivisionError
    assert not (w * w).tracked


def test_the_target_must_be_a_tensor():
    with GradientTape() as tape:
        pass
    with pytest.raises(TypeError, match="needs a Tensor as target, but got float"):
        tape.gradient(3.0, variable(1.0))


def test_the_sources_must_be_tensors():
    w = variable(1.0)
    with GradientTape(persistent=True) as tape:
        y = w * w
    for wrong in (np.ones(1), [w, 3.0], "w"):
        with pytest.raises(TypeError, match="variables or watched tensors as sources"):
            tape.gradient(y, wrong)


# --------------------------------------------------------------------------------------------------
# Rules


def test_a_missing_rule_raises_only_when_its_gradient_is_asked_for():
    op = ArrayOp("half_known", lambda x, y: x * y, lambda g, out, x, y: g * y)
    a, b = variable(2.0), variable(3.0)
    with GradientTape() as tape:
        y = op(a, b.array)
    assert tape.gradient(y, a) == 3
    with GradientTape() as tape:
        y = op(a, b)
    with pytest.raises(
        NotImplementedError, match="ops.half_known has no gradient rule for its input number 1"
    ):
        tape.gradient(y, a)
    with GradientTape() as tape:
        y = a * 2.0 + ops.stop_gradient(op(a, b))
    assert tape.gradient(y, a) == 2


def test_constant_operations_end_the_path():
    w = variable([1.0, -2.0])
    with GradientTape() as tape:
        y = ops.sum(ops.cast(w > 0, "float64"))
    assert tape.gradient(y, w) is None


def test_a_function_of_your_own_may_record_itself():
    w = variable([1.0, 4.0])

    def root(x):
        y = np.sqrt(x.array)
        return record(y, (x,), lambda dy, cache, needs: [dy / (2 * cache[0])], (y,))

    with GradientTape() as tape:
        y = root(w)
    np.testing.assert_allclose(tape.gradient(y, w), [0.5, 0.25])


# --------------------------------------------------------------------------------------------------
# Operators and methods


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y,
        lambda x, y: x**y,
        lambda x, y: x % y, lambda x, y: x // y, lambda x, y: x @ y,
        lambda x, y: -x + abs(y), lambda x, y: +x,
        lambda x, y: 2.0 + x, lambda x, y: 2 - x, lambda x, y: 2 * x, lambda x, y: 2 / x,
        lambda x, y: 2.0**x,
        lambda x, y: 5 % x, lambda x, y: 5 // x, lambda x, y: x > y, lambda x, y: x >= y,
        lambda x, y: x < y,
        lambda x, y: x <= y, lambda x, y: x == y, lambda x, y: x != y,
        lambda x, y: (x > y) & (x > 1),
        lambda x, y: (x > y) | (x > 1), lambda x, y: (x > y) ^ (x > 1), lambda x, y: ~(x > y),
        lambda x, y: x[0], lambda x, y: x[:, 1], lambda x, y: x[x > 1], lambda x, y: x.T,
        lambda x, y: x.sum(), lambda x, y: x.sum(axis=0),
        lambda x, y: x.mean(axis=1, keepdims=True),
        lambda x, y: x.max(), lambda x, y: x.min(axis=0), lambda x, y: x.var(),
        lambda x, y: x.std(axis=1),
        lambda x, y: x.prod(), lambda x, y: x.reshape(9), lambda x, y: x.reshape((1, 9)),
        lambda x, y: x.reshape(1, 9), lambda x, y: x.transpose(), lambda x, y: x.transpose(1, 0),
        lambda x, y: x.astype("float32"), lambda x, y: x.flatten(), lambda x, y: x.ravel(),
        lambda x, y: x.argmax(axis=1), lambda x, y: x.cumsum(axis=0), lambda x, y: x.round(1),
        lambda x, y: x.clip(1.0, 2.0), lambda x, y: x.dot(y), lambda x, y: x.copy(),
        lambda x, y: (x > 0).all(),
        lambda x, y: (x > 9).any(axis=0),
    ],
)  # fmt: skip
def test_operators_and_methods_are_those_of_arrays(call):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2.5, (3, 3)), rng.uniform(0.5, 2.5, (3, 3))
    result = call(Tensor(x), Tensor(y))
    assert isinstance(result, Tensor)
    np.testing.assert_allclose(result.array, call(x, y))
    if "y" in call.__code__.co_names or call.__code__.co_argcount == 2:
        np.testing.assert_allclose(call(Tensor(x), y), call(x, y))


@pytest.mark.parametrize(
    "call",
    [
        lambda a, x: a + x, lambda a, x: a - x, lambda a, x: a * x, lambda a, x: a / x,
        lambda a, x: a**x,
        lambda a, x: a @ x, lambda a, x: a % x, lambda a, x: a > x, lambda a, x: a == x,
        lambda a, x: a[0, 0] * x,
    ],
)  # fmt: skip
def test_an_array_on_the_left(call):
    rng = np.random.default_rng(0)
    a, x = rng.uniform(0.5, 2.5, (3, 3)), rng.uniform(0.5, 2.5, (3, 3))
    result = call(a, Tensor(x))
    assert isinstance(result, Tensor)
    np.testing.assert_allclose(result.array, call(a, x))


def test_an_array_on_the_left_is_differentiated():
    w = Variable([1.0, 2.0])
    with GradientTape() as tape:
        y = ops.sum(np.array([3.0, 4.0]) * w)
    gradient = tape.gradient(y, w)
    assert (y.dtype, gradient.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(gradient, [3, 4])


def test_tensors_are_told_apart_by_identity_in_sets_and_dicts():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    assert len({a, b}) == 2
    assert {a: 1}[a] == 1
    assert (a == None) is False  # noqa: E711
    assert a != "text"


def test_iteration_and_length():
    w = variable([[1.0, 2.0], [3.0, 4.0]])
    assert len(w) == 2
    with GradientTape() as tape:
        first, second = w
        y = ops.sum(first * second)
    np.testing.assert_array_equal(tape.gradient(y, w), [[3, 4], [1, 2]])


# --------------------------------------------------------------------------------------------------
# NumPy's functions


def as_numpy_writes_it(y, p):
    return np.mean(np.square(y - p), axis=-1)


NUMPY_LOSSES = {
    "square": (as_numpy_writes_it, lambda y, p: ops.mean(ops.square(y - p), axis=-1)),
    "sum axis": (lambda y, p: np.sum(p * y, axis=0), lambda y, p: ops.sum(p * y, axis=0)),
    "sum positional": (lambda y, p: np.sum(p, 0), lambda y, p: ops.sum(p, axis=0)),
    "keepdims": (
        lambda y, p: p / np.sum(p, axis=1, keepdims=True),
        lambda y, p: p / ops.sum(p, axis=1, keepdims=True),
    ),
    "where": (lambda y, p: np.where(y > 0.5, p, 0.0), lambda y, p: ops.where(y > 0.5, p, 0.0)),
    "concatenate": (
        lambda y, p: np.concatenate([p, y], axis=1),
        lambda y, p: ops.concatenate([p, y], axis=1),
    ),
    "stack": (lambda y, p: np.stack([y, p]), lambda y, p: ops.stack([y, p])),
    "log": (
        lambda y, p: -(y * np.log(p) + (1 - y) * np.log(1 - p)),
        lambda y, p: -(y * ops.log(p) + (1 - y) * ops.log(1 - p)),
    ),
    "clip": (lambda y, p: np.clip(p, 0.2, 0.8), lambda y, p: ops.clip(p, 0.2, 0.8)),
    "clip names": (
        lambda y, p: np.clip(p, a_min=0.2, a_max=0.8),
        lambda y, p: ops.clip(p, 0.2, 0.8),
    ),
    "maximum": (lambda y, p: np.maximum(p, y), lambda y, p: ops.maximum(p, y)),
    "dot": (lambda y, p: np.dot(p, y.T), lambda y, p: ops.dot(p, ops.transpose(y))),
    "matmul": (lambda y, p: np.matmul(y.T, p), lambda y, p: ops.matmul(ops.transpose(y), p)),
    "abs": (lambda y, p: np.abs(y - p), lambda y, p: ops.abs(y - p)),
    "max": (lambda y, p: np.max(p, axis=1), lambda y, p: ops.max(p, axis=1)),
    "amax": (lambda y, p: np.amax(p, axis=1), lambda y, p: ops.max(p, axis=1)),
    "var": (lambda y, p: np.var(p, axis=0), lambda y, p: ops.var(p, axis=0)),
    "norm": (lambda y, p: np.linalg.norm(p, axis=1), lambda y, p: ops.norm(p, axis=1)),
    "reshape": (lambda y, p: np.reshape(p, (-1,)), lambda y, p: ops.reshape(p, (-1,))),
    "transpose": (lambda y, p: np.transpose(p), lambda y, p: ops.transpose(p)),
    "expand_dims": (lambda y, p: np.expand_dims(p, 1), lambda y, p: ops.expand_dims(p, 1)),
    "einsum": (lambda y, p: np.einsum("ij,ij->i", y, p), lambda y, p: ops.einsum("ij,ij->i", y, p)),
    "tanh": (lambda y, p: np.tanh(p), lambda y, p: ops.tanh(p)),
    "power": (lambda y, p: np.power(p, 3), lambda y, p: ops.power(p, 3)),
    "pad": (lambda y, p: np.pad(p, 1), lambda y, p: ops.pad(p, 1)),
    "take": (
        lambda y, p: np.take(p, [0, 0, 1], axis=1),
        lambda y, p: ops.take(p, [0, 0, 1], axis=1),
    ),
    "squeeze": (lambda y, p: np.squeeze(p[:, None]), lambda y, p: p),
    "cumsum": (lambda y, p: np.cumsum(p, axis=1), lambda y, p: ops.cumsum(p, axis=1)),
}


@pytest.mark.parametrize("name", NUMPY_LOSSES)
def test_numpy_functions_are_differentiated(name):
    through_numpy, through_ops = NUMPY_LOSSES[name]
    rng = np.random.default_rng(0)
    y = Tensor(rng.uniform(0.1, 0.9, (4, 3)))
    p = variable(rng.uniform(0.1, 0.9, (4, 3)))
    found = []
    for loss in (through_numpy, through_ops):
        with GradientTape() as tape:
            result = loss(y, p)
        assert isinstance(result, Tensor)
        seed = np.random.default_rng(1).normal(size=result.shape)
        found.append((result.array, tape.gradient(result, p, output_gradients=seed)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert np.any(found[0][1])


def test_numpy_functions_keep_values_exactly():
    a = np.random.default_rng(0).normal(size=(4, 3))
    t = Tensor(a)
    for call in (
        lambda x: np.sum(x, axis=0, dtype=np.float32),
        lambda x: np.add.reduce(x),
        lambda x: np.percentile(x, 30),
        lambda x: np.add(x, 1, dtype=np.float32, casting="same_kind"),
        lambda x: np.std(x, ddof=1),
        lambda x: np.block([[x, x]]),
        lambda x: np.histogram(x, 3)[0],
        lambda x: np.modf(x)[0],
    ):
        np.testing.assert_array_equal(np.asarray(call(t)), call(a))
    assert np.shape(t) == (4, 3)
    assert np.ndim(t) == 2
    assert np.allclose(t, a) is True
    assert np.array_equal(t, a)
    assert np.asarray(t) is a
    assert np.array(t) is not a


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.percentile(x, 30),
        lambda x: np.std(x, ddof=1),
        lambda x: np.add.reduce(x),
        lambda x: np.i0(x),
    ],
)
def test_a_numpy_function_without_an_operation_raises_when_its_gradient_is_asked_for(call):
    w = variable([1.0, 2.0, 4.0])
    with GradientTape() as tape:
        y = call(w) * 1.0
        z = ops.sum(w)
    np.testing.assert_allclose(y.array, np.asarray(call(w.array)))
    with pytest.raises(NotImplementedError, match="has no gradient rule"):
        tape.gradient(y, w)
    with GradientTape() as tape:
        call(w)
        z = ops.sum(w)
    np.testing.assert_array_equal(tape.gradient(z, w), [1, 1, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda t, a: np.add(t, 1.0, out=t),
        lambda t, a: np.add(t, 1.0, out=a),
        lambda t, a: np.sum(t, axis=0, out=a),
        lambda t, a: a.__iadd__(t),
        lambda t, a: np.add.at(a, [0, 1, 1], t),
        lambda t, a: np.put_along_axis(a, np.array([0, 1, 2]), t, 0),
    ],
)
def test_writing_into_an_array_is_refused(call):
    with pytest.raises(TypeError, match="writes into an array"):
        call(Tensor(np.ones(3), tracked=True), np.zeros(3))


# --------------------------------------------------------------------------------------------------
# Variables


def test_a_variable_keeps_its_buffer():
    w = Variable([1.0, 2.0])
    buffer = w.array
    w.assign([3.0, 4.0])
    w.assign_add([1.0, 1.0])
    w.assign_sub([0.5, 0.5])
    assert w.array is buffer
    np.testing.assert_array_equal(w.array, [3.5, 4.5])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        w.assign([1.0, 2.0, 3.0])


def test_a_variable_copies_what_it_is_given():
    values = np.ones(2, np.float32)
    w = Variable(values)
    w.assign([5.0, 5.0])
    np.testing.assert_array_equal(values, [1, 1])


def test_arithmetic_on_variables_gives_tensors():
    w = Variable([1.0, 2.0])
    assert type(w + 1) is Tensor
    assert type(w * w) is Tensor
