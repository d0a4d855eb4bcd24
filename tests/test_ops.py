"""Every operation of `diptych.ops`: values, gradients, dtypes, and shapes before the data."""

import re

import numpy as np
import pytest

import diptych
from diptych import GradientTape, KerasTensor, Tensor, Variable, config, ops
from diptych.operation import Operation
from tests.ops_table import (
    CONSTANT,
    ENGINE_OPS,
    MORE_CONSTANT,
    MORE_SMOOTH,
    SMOOTH,
    definite,
    expected,
    label,
    leaves,
    make,
)

ALL_SMOOTH, ALL_CONSTANT = SMOOTH + MORE_SMOOTH, CONSTANT + MORE_CONSTANT

# --------------------------------------------------------------------------------------------------
# Values


@pytest.mark.parametrize("row", SMOOTH + CONSTANT, ids=label)
def test_values_are_those_of_numpy(row):
    arrays = make(row)
    for y, right in zip(
        leaves(row[1](ops, *map(Tensor, arrays))), leaves(expected(row, arrays)), strict=True
    ):
        assert isinstance(y, Tensor)
        assert isinstance(y.array, np.ndarray)
        np.testing.assert_allclose(y.array, right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("row", ALL_SMOOTH, ids=label)
def test_float32_stays_float32(row):
    arrays = [a.astype(np.float32) if a.dtype == np.float64 else a for a in make(row)]
    outputs = leaves(row[1](ops, *map(Tensor, arrays)))
    assert all(y.dtype == np.float32 for y in outputs if y.dtype.kind == "f"), [
        y.dtype for y in outputs
    ]
    assert any(y.dtype.kind == "f" for y in outputs)


@pytest.mark.parametrize("row", ALL_SMOOTH + ALL_CONSTANT, ids=label)
def test_inputs_stay_unchanged(row):
    arrays = make(row)
    before = [a.copy() for a in arrays]
    tensors = [Tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch([t for t in tensors if t.dtype.kind == "f"])
        outputs = [y for y in leaves(row[1](ops, *tensors)) if y.tracked]
    if outputs:
        tape.gradient(outputs, tensors)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


# --------------------------------------------------------------------------------------------------
# Gradients


def check_gradients(call, arrays, seed=1, step=1e-6, tolerance=1e-6):
    """Compare <dy, J v> found by finite differences with <J^T dy, v> found by the tape, v and dy
    being random.
    """
    rng = np.random.default_rng(seed)
    tensors = [Tensor(a) for a in arrays]
    floats = [t for t in tensors if t.dtype == np.float64]
    with GradientTape() as tape:
        tape.watch(floats)
        outputs = [y for y in leaves(call(ops, *tensors)) if y.dtype.kind == "f"]
    cotangents = [rng.normal(size=y.shape) for y in outputs]
    gradients = tape.gradient(outputs, floats, output_gradients=cotangents)
    directions = [rng.normal(size=t.shape) for t in floats]
    for t, g in zip(floats, gradients, strict=True):
        assert g is not None
        assert isinstance(g, np.ndarray)
        assert (g.shape, g.dtype) == (t.shape, t.dtype)

    def projected(h):
        moved = iter([t.array + h * v for t, v in zip(floats, directions, strict=True)])
        inputs = [Tensor(next(moved)) if t.dtype == np.float64 else t for t in tensors]
        found = [y for y in leaves(call(ops, *inputs)) if y.dtype.kind == "f"]
        return sum(
            float((c * np.nan_to_num(y.array)).sum())
            for c, y in zip(cotangents, found, strict=True)
        )

    numeric = (projected(step) - projected(-step)) / (2 * step)
    analytic = sum(
        float((g[np.isfinite(t.array)] * v[np.isfinite(t.array)]).sum())
        for t, g, v in zip(floats, gradients, directions, strict=True)
    )
    assert analytic == pytest.approx(numeric, rel=tolerance, abs=tolerance), (analytic, numeric)


@pytest.mark.parametrize("row", ALL_SMOOTH, ids=label)
def test_gradients_against_finite_differences(row):
    for seed in (0, 1):
        check_gradients(row[1], make(row, seed), seed)


def test_gradient_check_notices_a_wrong_rule():
    from diptych.operation import ArrayOp

    wrong = ArrayOp("wrong", np.sin, lambda g, y, x: g * np.cos(x) * 1.001)
    with pytest.raises(AssertionError):
        check_gradients(lambda xp, x: wrong(x), [np.linspace(-1, 1, 7)])


def test_cholesky_gradient():
    """Only symmetric inputs make sense, so the matrix is made symmetric inside."""
    call = lambda xp, a: xp.cholesky(xp.matmul(a, xp.swapaxes(a, -1, -2)) + 3 * np.eye(3))  # noqa: E731
    a = np.random.default_rng(0).normal(size=(2, 3, 3))
    check_gradients(call, [a])
    upper = ops.cholesky(definite(3)(np.random.default_rng(0)), upper=True).array
    np.testing.assert_array_equal(np.tril(upper, -1), 0)


@pytest.mark.parametrize("row", [row for row in ALL_CONSTANT if row[0] != "bincount"], ids=label)
def test_constant_operations_carry_no_gradient(row):
    arrays = make(row)
    tensors = [Tensor(a) for a in arrays]
    with GradientTape() as tape:
        tape.watch(tensors)
        outputs = leaves(row[1](ops, *tensors))
    assert not any(y.tracked for y in outputs)
    assert tape.gradient(outputs, tensors) == [None] * len(tensors)


STEPS = ["sign", "floor", "ceil", "round", "trunc"]


@pytest.mark.parametrize("name", STEPS)
def test_step_functions_have_the_gradient_zero(name):
    x = Variable([0.3, -1.7, 2.0])
    with GradientTape() as tape:
        y = getattr(ops, name)(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 0, 0])


def gradient_of(call, *values):
    variables = [Variable(v, dtype="float64") for v in values]
    with GradientTape() as tape:
        y = call(*variables)
    gradients = tape.gradient(y, variables)
    return gradients[0] if len(gradients) == 1 else gradients


def test_ties_share_the_gradient():
    np.testing.assert_allclose(gradient_of(ops.max, [2.0, 5.0, 5.0, 1.0]), [0, 0.5, 0.5, 0])
    np.testing.assert_allclose(
        gradient_of(ops.min, [[1.0, 1.0], [1.0, 3.0]]), [[1 / 3, 1 / 3], [1 / 3, 0]]
    )
    for name in ("maximum", "minimum", "fmax", "fmin"):
        a, b = gradient_of(getattr(ops, name), [3.0], [3.0])
        assert (a[0], b[0]) == (0.5, 0.5)
    np.testing.assert_allclose(gradient_of(lambda x: ops.max(x, initial=9.0), [2.0, 5.0]), [0, 0])


def test_gradients_at_special_points():
    assert gradient_of(ops.absolute, 0.0) == 0
    assert gradient_of(ops.sinc, 0.0) == 0
    np.testing.assert_array_equal(gradient_of(ops.norm, [0.0, 0.0]), [0, 0])
    np.testing.assert_array_equal(
        gradient_of(lambda x: ops.clip(x, 0.0, 1.0), [0.0, 1.0, 2.0]), [1, 1, 0]
    )
    base, exponent = gradient_of(ops.power, 0.0, 2.0)
    assert (base, exponent) == (0, 0)
    assert gradient_of(lambda x: ops.power(x, 0.0), 0.0) == 0
    numerator, denominator = gradient_of(ops.divide_no_nan, 3.0, 0.0)
    assert (numerator, denominator) == (0, 0)


def test_casting_between_floats_carries_the_gradient_and_its_dtype():
    x = Variable([1.0, 2.0], dtype="float32")
    with GradientTape() as tape:
        y = ops.sum(ops.cast(x, "float64") ** 2)
    gradient = tape.gradient(y, x)
    assert y.dtype == np.float64
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, [2, 4])


def test_mixed_float_tensors_meet_in_the_wider_one_and_gradients_go_home():
    x, z = Variable([1.0, 2.0], dtype="float32"), Variable([3.0, 4.0], dtype="float64")
    with GradientTape() as tape:
        y = ops.sum(x * z)
    dx, dz = tape.gradient(y, [x, z])
    assert (y.dtype, dx.dtype, dz.dtype) == (np.float64, np.float32, np.float64)
    np.testing.assert_allclose(dx, [3, 4])


# --------------------------------------------------------------------------------------------------
# Dtypes


F32, F64, I32, I64, BOOL = np.float32, np.float64, np.int32, np.int64, np.bool_


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: x + 2.0, F32),
        (lambda x: 2 - x, F32),
        (lambda x: x * np.float64(2), F32),
        (lambda x: x + np.arange(3.0), F32),
        (lambda x: np.arange(3.0) + x, F32),
        (lambda x: ops.sum(x) * 0.5, F32),
        (lambda x: ops.sum(x) + np.arange(3.0), F32),
        (lambda x: ops.maximum(x, 0), F32),
        (lambda x: ops.concatenate([x, np.zeros(2)]), F32),
        (lambda x: ops.where(x > 0, x, 0.0), F32),
        (lambda x: ops.where(x > 0, 1.0, x), F32),
        (lambda x: ops.matmul(x, np.ones((3, 2))), F32),
        (lambda x: x + Tensor(np.arange(3)), F32),
        (lambda x: x * Tensor(np.ones(3)), F64),
        (lambda x: ops.clip(x, 0, 1), F32),
        (lambda x: x > 0.5, BOOL),
        (lambda x: ops.argmax(x), I32),
        (lambda x: ops.cast(x, "int64"), I64),
        (lambda x: ops.mean(x, axis=0), F32),
    ],
)
def test_dtypes_beside_a_float32_tensor(call, dtype):
    assert call(Tensor(np.ones(3, F32))).dtype == dtype


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda i: i + 1, I32),
        (lambda i: i * 2.5, F32),
        (lambda i: i / 2, F32),
        (lambda i: ops.exp(i), F32),
        (lambda i: ops.mean(i), F32),
        (lambda i: ops.sum(i), I32),
        (lambda i: ops.prod(i), I32),
        (lambda i: ops.cumsum(i), I32),
        (lambda i: ops.sum(i > 0), I32),
        (lambda i: ops.sqrt(i), F32),
        (lambda i: i // 2, I32),
        (lambda i: i + Tensor(np.arange(3)), I64),
        (lambda i: ops.max(i), I32),
        (lambda i: ops.std(i), F32),
        (lambda i: -i, I32),
    ],
)
def test_dtypes_beside_an_int32_tensor(call, dtype):
    assert call(Tensor(np.ones(3, I32))).dtype == dtype


def test_an_integer_tensor_times_a_fraction_keeps_the_fraction():
    np.testing.assert_allclose((Tensor(np.array([1, 2], I32)) * 2.5).array, [2.5, 5.0])


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, I32), (2.0, F32), (True, BOOL), ([1, 2], I32), ([1.0, 2], F32), ([2**40], I64),
        (np.float64(2), F64),
        (np.arange(2), I64), (np.zeros(2), F64), (np.zeros(2, F32), F32), ([[True]], BOOL),
    ],
)  # fmt: skip
def test_convert_to_tensor_dtypes(value, dtype):
    assert ops.convert_to_tensor(value).dtype == dtype


def test_floatx_decides_about_bare_numbers():
    config.set_floatx("float64")
    try:
        assert ops.convert_to_tensor(1.5).dtype == F64
        assert ops.zeros(3).dtype == F64
        assert ops.exp(1).dtype == F64
    finally:
        config.set_floatx("float32")


def test_creation():
    checks = [
        (ops.zeros((2, 3)), np.zeros((2, 3), F32)),
        (ops.ones(2, dtype="int32"), np.ones(2, I32)),
        (ops.full((2,), 7.0), np.full(2, 7, F32)),
        (ops.eye(3, 4, k=1), np.eye(3, 4, 1, dtype=F32)),
        (ops.identity(2), np.eye(2, dtype=F32)),
        (ops.tri(3), np.tri(3, dtype=F32)),
        (ops.arange(5), np.arange(5, dtype=I32)),
        (ops.arange(1, 2, 0.25), np.arange(1, 2, 0.25, dtype=F32)),
        (ops.arange(0, 6, 2, dtype="float32"), np.arange(0, 6, 2, dtype=F32)),
        (ops.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=F32)),
        (ops.logspace(0, 2, 3), np.logspace(0, 2, 3, dtype=F32)),
        (ops.empty((2,)), np.zeros(2, F32)),
        (ops.array([1.0]), np.ones(1, F32)),
    ]
    for y, right in checks:
        assert y.dtype == right.dtype
        np.testing.assert_allclose(y.array, right)


def test_questions():
    x = Tensor(np.zeros((2, 3), F32))
    assert ops.shape(x) == (2, 3)
    assert (ops.ndim(x), ops.size(x), ops.dtype(x)) == (2, 6, "float32")
    assert ops.is_tensor(x)
    assert not ops.is_tensor(x.array)
    k = KerasTensor((None, 3))
    assert ops.shape(k) == (None, 3)
    assert ops.size(k) is None
    assert ops.is_tensor(k)
    assert ops.shape([[1, 2]]) == (1, 2)
    assert isinstance(ops.convert_to_numpy(x), np.ndarray)


def test_convert_to_tensor_leaves_tensors_alone_and_stacks_lists_of_them():
    w = Variable([1.0, 2.0])
    assert ops.convert_to_tensor(tensor := w * 2.0) is tensor
    with GradientTape() as tape:
        y = ops.sum(ops.convert_to_tensor([w, w * 3.0, [0.0, 1.0]]) ** 2)
    np.testing.assert_allclose(tape.gradient(y, w), [20, 40])
    with GradientTape() as tape:
        y = ops.max([w, w])
    np.testing.assert_allclose(tape.gradient(y, w), [0, 1])


def test_decompositions_compute():
    a = definite(3)(np.random.default_rng(0))
    q, r = ops.qr(a)
    np.testing.assert_allclose(q.array @ r.array, a)
    u, s, vh = ops.svd(a)
    np.testing.assert_allclose(u.array * s.array @ vh.array, a)
    values, vectors = ops.eigh(a)
    np.testing.assert_allclose(vectors.array * values.array @ vectors.array.T, a)
    sign, log = ops.slogdet(a)
    np.testing.assert_allclose(sign.array * np.exp(log.array), np.linalg.det(a))
    np.testing.assert_allclose(ops.pinv(a).array, np.linalg.inv(a))
    assert ops.matrix_rank(a).array == 3


def test_a_gradient_that_a_decomposition_has_not_is_refused():
    w = Variable(np.arange(6.0).reshape(3, 2))
    for call, message in (
        (lambda: ops.svd(w)[0], "full_matrices=False"),
        (lambda: ops.qr(ops.transpose(w))[1], "at least as many rows"),
        (lambda: ops.lu_factor(w)[0], "square matrices only"),
        (lambda: ops.view_as_real(ops.eig(w[:2])[0]), "has no gradient rule"),
    ):
        with GradientTape() as tape:
            y = ops.sum(call())
        with pytest.raises(NotImplementedError, match=message):
            tape.gradient(y, w)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_softmax_of_all_elements(engine):
    x = np.random.default_rng(0).normal(size=(4, 3))
    with diptych.engine(engine):
        y = ops.softmax(x, axis=None).array
        np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum())
        np.testing.assert_allclose(ops.log_softmax(x, axis=None).array, np.log(y))
    assert ops.softmax(KerasTensor((None, 3)), axis=None).shape == (None, 3)


def test_an_average_along_one_axis_in_a_tuple():
    x, weights = np.arange(12.0).reshape(4, 3), np.array([1.0, 0, 0, 1])
    assert ops.average(x, axis=(0,), weights=weights).tolist() == [4.5, 5.5, 6.5]


def test_histogram():
    counts, edges = ops.histogram(np.array([0.0, 0.1, 0.9, 1.0]), bins=2)
    assert counts.tolist() == [2, 2]
    assert edges.tolist() == [0, 0.5, 1]
    counts, edges = ops.histogram(np.array([1, 2, 2]), bins=[0, 2, 3], range=None)
    assert (counts.tolist(), counts.dtype, edges.dtype) == ([1, 2], np.float32, np.float32)
    symbols = ops.histogram(KerasTensor((None, 3)), bins=4)
    assert [(y.shape, y.dtype) for y in symbols] == [((4,), "float32"), ((5,), "float32")]


# --------------------------------------------------------------------------------------------------
# The operations of the engines


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("row", ENGINE_OPS, ids=label)
def test_operations_of_the_engines(row, engine):
    _, call, _, oracle = row
    arrays = make(row)
    with diptych.engine(engine):
        y = call(*map(Tensor, arrays))
        np.testing.assert_allclose(y.array, oracle(*arrays), rtol=1e-10, atol=1e-12)
        single = call(*[Tensor(a.astype(np.float32)) for a in arrays])
        assert (single.shape, single.dtype) == (y.shape, np.float32)
        check_gradients(lambda xp, *xs: call(*xs), arrays)
        symbolic = call(*[KerasTensor(a.shape, a.dtype) for a in arrays])
        assert (symbolic.shape, symbolic.dtype) == (y.shape, "float64")


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_probabilities_remember_their_logits(engine):
    z = Tensor(np.random.default_rng(0).normal(size=(4, 3)))
    with diptych.engine(engine):
        for name, y in (
            ("sigmoid", ops.sigmoid(z)),
            ("softmax", ops.softmax(z)),
            ("softmax", ops.softmax(z, axis=1)),
        ):
            made_by, logits = y.logits
            assert made_by == name
            assert logits is z
        assert ops.softmax(z, axis=0).logits is None
        assert ops.relu(z).logits is None
        for name in ("sigmoid", "softmax"):
            made_by, logits = ops.dense(z, np.eye(3), activation=name).logits
            assert made_by == name
            np.testing.assert_allclose(logits.array, z.array)
        np.testing.assert_array_equal(ops.sigmoid([0.5]).logits[1].array, [0.5])


@pytest.mark.parametrize(
    ("inputs", "dtype"),
    [
        ((np.ones((2, 3)), np.ones((3, 2), F32)), F64),
        ((Tensor(np.ones((2, 3), F32)), np.ones((3, 2))), F32),
        ((np.ones((2, 3), F32), Variable(np.ones((3, 2)), dtype="float64")), F64),
        ((np.ones((2, 3), I64), Variable(np.ones((3, 2)), dtype="float32")), F32),
        (([[1, 2, 3]], np.ones((3, 2), I32)), F32),
    ],
)
def test_engines_get_one_float_type(inputs, dtype):
    assert ops.dense(*inputs).dtype == dtype


def test_engines_compute_float16_in_float32():
    x = np.array([[1.5, -2.0, 20000.0]], np.float16)
    w = Variable(x)
    with GradientTape() as tape:
        y = ops.sum(ops.log_softmax(w))  # exp of the largest, and its sum, overflow in float16
    assert y.dtype == np.float16
    (dx,) = tape.gradient(y, [w])
    assert dx.dtype == np.float16
    np.testing.assert_allclose(dx, [[1, 1, -2]])
    assert ops.relu(x).dtype == np.float16
    assert ops.dense(x, np.ones((3, 2), np.float16)).dtype == np.float16
    assert ops.sparse_categorical_crossentropy([0], x).dtype == np.float16
    assert ops.det(np.eye(3, dtype=np.float16)).dtype == np.float16


def test_engines_refuse_complex_numbers():
    with pytest.raises(TypeError, match="float16, float32 and float64, but got complex64"):
        ops.relu(np.ones(3, np.complex64))


# --------------------------------------------------------------------------------------------------
# Symbolic tensors

# The shape hangs on the values.
NEEDS_VALUES = {"nonzero", "where alone", "bincount", "bincount of weights"}


@pytest.mark.parametrize(
    "row", [row for row in ALL_SMOOTH + ALL_CONSTANT if row[0] not in NEEDS_VALUES], ids=label
)
def test_shapes_and_dtypes_are_known_before_the_data(row):
    """Symbolically, the call must give the shape and dtype that it gives with data."""
    arrays = make(row)
    symbols = [KerasTensor(a.shape, a.dtype) for a in arrays]
    outputs = leaves(row[1](ops, *symbols))
    for y, real in zip(outputs, leaves(row[1](ops, *map(Tensor, arrays))), strict=True):
        assert isinstance(y, KerasTensor)
        assert (y.shape, y.dtype) == (real.shape, real.dtype.name)


@pytest.mark.parametrize(
    ("call", "shapes", "expected_shapes"),
    [
        (lambda x: ops.sum(x, axis=-1), [(None, 3)], [(None,)]),
        (lambda x: ops.mean(x), [(None, 3)], [()]),
        (lambda x: ops.mean(x, axis=0, keepdims=True), [(None, 3)], [(1, 3)]),
        (lambda x: ops.reshape(x, (-1, 6)), [(None, 2, 3)], [(None, 6)]),
        (lambda x: ops.reshape(x, (None, 6)), [(None, 2, 3)], [(None, 6)]),
        (lambda x: ops.transpose(x), [(None, 3)], [(3, None)]),
        (lambda x: ops.expand_dims(x, 1), [(None, 3)], [(None, 1, 3)]),
        (lambda x, y: x + y, [(None, 3), (3,)], [(None, 3)]),
        (lambda x, y: x @ y, [(None, 3), (3, 5)], [(None, 5)]),
        (lambda x: 2.0 * x - np.ones(3), [(None, 3)], [(None, 3)]),
        (lambda x: np.ones((1, 3)) / (x + 1.0), [(None, 3)], [(None, 3)]),
        (lambda x: x[:, 1:, None], [(None, 3)], [(None, 2, 1)]),
        (lambda x: x[..., -1] > 0, [(None, 3)], [(None,)]),
        (lambda x, y: ops.concatenate([x, y], axis=-1), [(None, 3), (None, 2)], [(None, 5)]),
        (lambda x, y: ops.stack([x, y], axis=1), [(None, 3), (None, 3)], [(None, 2, 3)]),
        (lambda x: ops.split(x, 2, axis=1), [(None, 6)], [(None, 3), (None, 3)]),
        (lambda x: ops.unstack(x, axis=1), [(None, 2, 3)], [(None, 3), (None, 3)]),
        (lambda x: ops.pad(x, ((0, 0), (1, 2))), [(None, 3)], [(None, 6)]),
        (lambda x: ops.one_hot(x, 4), [(None,)], [(None, 4)]),
        (lambda x: ops.top_k(x, 2), [(None, 5)], [(None, 2), (None, 2)]),
        (lambda x: ops.moments(x, [0]), [(None, 3)], [(3,), (3,)]),
        (lambda x: ops.normalize(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.log(x), [(None, 3)], [(None, 3)]),
        (lambda x, y: ops.einsum("bi,bj->bij", x, y), [(None, 3), (None, 2)], [(None, 3, 2)]),
        (lambda x: ops.tile(x, (1, 2)), [(None, 3)], [(None, 6)]),
        (lambda x: x.reshape(-1), [(None, 3)], [(None,)]),
        (lambda x: ops.zeros_like(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.stop_gradient(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.convert_to_tensor([x, x]), [(None, 3)], [(2, None, 3)]),
        (lambda x: np.mean(np.square(x), axis=-1), [(None, 3)], [(None,)]),
        (lambda x: np.concatenate([x, x], axis=-1), [(None, 3)], [(None, 6)]),
        (lambda x: ops.relu(x), [(None, 3)], [(None, 3)]),
        (lambda x: ops.softmax(x), [(None, 3)], [(None, 3)]),
    ],
)
def test_an_unknown_batch_stays_unknown(call, shapes, expected_shapes):
    outputs = leaves(call(*[KerasTensor(shape) for shape in shapes]))
    assert [y.shape for y in outputs] == expected_shapes


def test_a_graph_of_operations_replays():
    from diptych.graph import Function

    x = KerasTensor((None, 3))
    low, high = ops.split(ops.sort(abs(x) * 2.0, axis=-1), [1], axis=-1)
    y = ops.concatenate([high, 1.0 - low], axis=-1)
    a = np.array([[3.0, -1.0, 2.0]], np.float32)
    result = Function([x], y).run([Tensor(a)])
    np.testing.assert_allclose(result.array, [[4.0, 6.0, -1.0]])


def test_symbolic_tensors_have_no_values():
    x = KerasTensor((None, 3))
    for call in (
        lambda: bool(x > 0),
        lambda: np.percentile(x, 3),
        lambda: np.asarray(x),
        lambda: ops.convert_to_numpy(x),
        lambda: list(x),
    ):
        with pytest.raises((TypeError, ValueError, NotImplementedError), match="is symbolic"):
            call()
    with pytest.raises(ValueError, match="needs `num`, or a known size"):
        ops.unstack(x)


# --------------------------------------------------------------------------------------------------
# Names, errors


KERAS_OPS = """
abs add all any arange argmax argmin argsort average average_pool batch_normalization
binary_crossentropy broadcast_to cast categorical_crossentropy ceil clip concatenate conv
conv_transpose convert_to_numpy convert_to_tensor cos count_nonzero cumsum depthwise_conv diag
divide dot dot_product_attention dtype einsum elu equal exp expand_dims eye flip floor full
full_like gelu greater greater_equal hard_sigmoid identity is_tensor isfinite isinf isnan
layer_normalization leaky_relu less less_equal linspace log log1p log_softmax logical_and
logical_not logical_or logsumexp matmul max max_pool maximum mean median meshgrid min minimum mod
moments moveaxis multiply ndim negative norm normalize not_equal one_hot ones ones_like outer pad
power prod ravel reciprocal relu relu6 repeat reshape roll round rsqrt selu separable_conv shape
sigmoid sign silu sin size slice softmax softplus softsign sort sparse_categorical_crossentropy
split sqrt square squeeze stack std stop_gradient subtract sum swapaxes swish take take_along_axis
tan tanh tensordot tile top_k trace transpose tril triu unstack var where zeros zeros_like
""".split()
LATER = {"dot_product_attention"}


@pytest.mark.parametrize("name", sorted(set(KERAS_OPS) - LATER))
def test_the_everyday_names_of_keras_are_there(name):
    assert callable(getattr(ops, name))
    assert name in ops.__all__


def test_every_operation_of_a_table_describes_itself():
    for name in ops.__all__:
        operation = getattr(ops, name)
        if isinstance(operation, Operation):
            text = vars(operation).get("__doc__", "")
            assert re.search(r"^x.*(\(\.\.\.|broadcast)", text, re.M), name
            assert re.search(r"^Returns: ", text, re.M), name
            assert max(map(len, text.split("\n"))) <= 100, name


def test_every_exported_name_exists_once():
    assert len(set(ops.__all__)) == len(ops.__all__)
    for name in ops.__all__:
        assert hasattr(ops, name)


@pytest.mark.parametrize(
    ("call", "keywords"),
    [
        (ops.add, {"x1": 1.0, "x2": 2.0}),
        (ops.exp, {"x": 1.0}),
        (ops.sum, {"x": [1.0], "axis": 0, "keepdims": True}),
        (ops.reshape, {"x": [1.0, 2.0], "newshape": (2, 1)}),
        (ops.concatenate, {"xs": [[1.0], [2.0]], "axis": 0}),
        (ops.where, {"condition": [True], "x1": [1.0], "x2": [2.0]}),
        (ops.clip, {"x": 1.0, "x_min": 0.0, "x_max": 2.0}),
        (ops.take, {"x": [1.0], "indices": [0], "axis": 0}),
        (ops.one_hot, {"x": [1], "num_classes": 2, "axis": -1, "dtype": "float32"}),
        (ops.cast, {"x": 1.0, "dtype": "int32"}),
        (ops.matmul, {"x1": [[1.0]], "x2": [[1.0]]}),
        (ops.slice, {"inputs": [1.0, 2.0], "start_indices": [0], "shape": [1]}),
        (ops.solve, {"a": [[1.0]], "b": [1.0]}),
    ],
)
def test_arguments_have_the_names_of_keras(call, keywords):
    assert isinstance(call(**keywords), Tensor)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ops.pad(x, 1, mode="mirror"), ValueError, "the modes are 'constant'"),
        (
            lambda x: ops.pad(x, 1, mode="edge", constant_values=1),
            ValueError,
            "only with mode='constant'",
        ),
        (lambda x: ops.where(x > 0, x), ValueError, "both x1 and x2"),
        (lambda x: ops.unstack(x, num=3), ValueError, "num=3, but axis 0 has size 2"),
        (lambda x: ops.one_hot(x, 3, sparse=True), ValueError, "dense"),
        (lambda x: ops.convert_to_tensor(x, sparse=True), ValueError, "dense"),
        (lambda x: ops.average(x, weights=[1.0, 2.0]), ValueError, "needs axis=int"),
        (lambda x: ops.quantile(x, [0.1, 1.2]), ValueError, "between 0 and 1"),
        (lambda x: ops.percentile(x, 120), ValueError, "between 0 and 100"),
        (lambda x: ops.quantile(x, 0.1, method="hazen"), ValueError, "'midpoint' or 'nearest'"),
        (lambda x: ops.reshape(x, (5,)), ValueError, "reshape"),
    ],
)
def test_errors_teach(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones((2, 3), np.float32)))


@pytest.mark.parametrize("row", [*ALL_SMOOTH, *ALL_CONSTANT], ids=label)
def test_no_result_changes_with_a_variable(row):
    """A result that is kept has the values of its moment."""
    arrays = make(row, 0)
    variables = [Variable(x, trainable=False) for x in arrays]
    for y in leaves(row[1](ops, *variables)):
        for v in variables:
            assert not np.shares_memory(y.array, v.array)


@pytest.mark.parametrize(
    ("choices", "default", "dtype"),
    [
        (["int8", "int8"], 0, "int8"),
        (["float32", "float32"], 0, "float32"),
        (["float32", "float32"], 1.5, "float32"),
        (["int8", "float32"], 0, "float32"),
        (["int8", "uint8"], 0, "int16"),
        (["uint8", "uint8"], 1.5, "float32"),
        (["bool", "bool"], 0, "int32"),
        (["bool", "bool"], True, "bool"),
        (["float32", "float32"], np.ones(3, "int32"), "float32"),
    ],
)
def test_select_has_the_dtype_of_its_choices(choices, default, dtype):
    x, y = (np.array([1, 2, 3], name) for name in choices)
    first, second = np.array([1, 0, 0]), np.array([True, True, False])
    found = ops.select([first, second], [x, ops.convert_to_tensor(y)], default)
    assert found.dtype == dtype
    last = np.broadcast_to(default, 3)[2]
    assert found.numpy().tolist() == [x[0], y[1], last]
    symbols = [diptych.KerasTensor((3,), name) for name in choices]
    assert ops.select([first, second], symbols, default).dtype == dtype


def test_a_bound_of_clip_may_be_none():
    x = np.array([-2.0, 0.5, 3.0], "float32")
    np.testing.assert_array_equal(ops.clip(x, None, 1.0), [-2.0, 0.5, 1.0])
    np.testing.assert_array_equal(ops.clip(x, 0.0, None), [0.0, 0.5, 3.0])
    whole = ops.clip(np.array([-2, 3], "int32"), None, 1)
    assert whole.dtype == "int32"
    np.testing.assert_array_equal(whole, [-2, 1])


def test_more_than_there_are_have_no_top():
    for x in (np.ones((2, 3), "float32"), diptych.KerasTensor((None, 3))):
        with pytest.raises(ValueError, match="k=4, but the last axis .* has only 3"):
            ops.top_k(x, 4)


def test_places_are_a_tuple_and_axes_of_softmax_may_be_a_list():
    x = np.array([[0.0, 1.0], [2.0, 0.0]], "float32")
    assert isinstance(ops.nonzero(x), tuple)
    assert isinstance(ops.where(x > 0), tuple)
    assert isinstance(ops.nonzero(diptych.KerasTensor((2, 2))), tuple)
    np.testing.assert_array_equal(x[ops.nonzero(x)], [1.0, 2.0])
    np.testing.assert_array_equal(ops.softmax(x, axis=[0, 1]), ops.softmax(x, axis=(0, 1)))
    np.testing.assert_array_equal(ops.softmax(x, axis=[0]), ops.softmax(x, axis=0))
