"""The dtypes of sums, products and means: small integers do not overflow, nor does float16 where
its mean is finite. The expected dtypes and values are those of Keras 3.15.
"""

import json

import numpy as np
import pytest

from diptych import Input, Model, ops
from diptych.graph import KerasTensor
from diptych.tape import GradientTape
from diptych.tensor import Tensor, Variable

WIDE = {
    "bool": "int32", "int8": "int32", "int16": "int32", "int32": "int32", "int64": "int64",
    "uint8": "uint32", "uint16": "uint32", "uint32": "uint32",
    "float16": "float16", "float32": "float32", "float64": "float64",
}  # fmt: skip
SMALL = ["bool", "int8", "int16", "uint8", "uint16"]


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("name", ["sum", "prod", "nansum", "nanprod", "trace"])
def test_sums_and_products_have_the_dtype_of_keras(name, dtype):
    x = np.eye(3).astype(dtype)
    y = getattr(ops, name)(x)
    assert y.dtype == WIDE[dtype]
    assert y.item() == (0 if "prod" in name else 3)
    symbol = getattr(ops, name)(KerasTensor((3, 3), dtype))
    assert symbol.dtype == WIDE[dtype]


@pytest.mark.parametrize("dtype", SMALL)
def test_sums_of_small_integers_do_not_overflow(dtype):
    many, twos = np.ones((2, 40000), dtype), np.full((9, 2), 2).astype(dtype)
    factor = 1 if dtype == "bool" else 512
    for total in (ops.sum, ops.nansum):
        np.testing.assert_array_equal(total(many, axis=1), [40000, 40000])
        np.testing.assert_array_equal(total(many, axis=(0, 1), keepdims=True), [[80000]])
    for product in (ops.prod, ops.nanprod):
        np.testing.assert_array_equal(product(twos, axis=0), [factor, factor])
    assert ops.trace(np.eye(300, dtype=dtype)).item() == 300
    assert ops.mean(many).item() == ops.nanmean(many).item() == ops.average(many).item() == 1
    assert ops.nanvar(many).item() == ops.nanstd(many).item() == 0
    assert ops.average(many[0], weights=many[0]).item() == 1


def test_a_product_of_a_given_dtype_has_it():
    assert ops.prod(np.full(9, 2, "uint8"), dtype="int16").dtype == np.int16
    assert ops.prod(np.full(9, 2, "uint8"), dtype="int16").item() == 512


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda a: ops.matmul(a, ops.transpose(a)), "int32"),
        (lambda a: ops.einsum("ij,kj->ik", a, a), "int32"),
        (lambda a: ops.tensordot(a, ops.transpose(a), 1), "int8"),
        (lambda a: ops.dot(a, ops.transpose(a)), "int8"),
        (lambda a: ops.inner(a, a), "int8"),
        (lambda a: ops.cumsum(a, axis=1), "int8"),
        (lambda a: ops.cumprod(a, axis=1), "int8"),
    ],
)
def test_products_of_int8(call, expected):
    """Keras sums those of matmul and einsum in int32, and lets the others overflow."""
    assert call(np.ones((2, 3), "int8")).dtype == expected
    if expected == "int32":
        np.testing.assert_array_equal(call(np.full((2, 3), 100, "int8")), np.full((2, 2), 30000))
    assert call(np.ones((2, 3), "uint8")).dtype == np.uint8
    assert call(KerasTensor((2, 3), "int8")).dtype == expected
    assert call(KerasTensor((2, 3), "uint8")).dtype == "uint8"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", 45000.0), ("average", 45000.0), ("nanmean", 45000.0), ("median", 50000.0),
        ("std", 17078.0), ("nanstd", 17078.0), ("sum", np.inf), ("nansum", np.inf),
        ("var", np.inf), ("nanvar", np.inf), ("logsumexp", 60000.0), ("max", 60000.0),
    ],
)  # fmt: skip
def test_reductions_of_float16_overflow_only_in_their_result(name, expected):
    x = np.array([6e4, 5e4, 6e4, 1e4, 5e4, 4e4], "float16")
    with np.errstate(over="ignore"):
        y = getattr(ops, name)(x, axis=0)
    assert y.dtype == np.float16
    assert y.item() == pytest.approx(expected, rel=1e-3)


def test_float16_beyond_the_mean():
    x = np.array([6e4, 6e4, -6e4], "float16")
    assert ops.sum(x).item() == 60000
    assert ops.norm(np.array([300.0, 400.0], "float16")).item() == 500
    assert ops.trace(np.diag(x)).item() == 60000
    weights = np.array([2, 1, 1], "float16")
    assert ops.average(x, weights=weights).item() == pytest.approx(30000, rel=1e-3)
    mean, variance = ops.moments(x, [0])
    assert mean.dtype == variance.dtype == np.float16
    assert mean.item() == 20000
    assert variance.item() == 65504  # the greatest float16, as in Keras
    with GradientTape() as tape:
        watched = Variable(x)
        tape.watch(watched)
        y = ops.mean(watched)
    np.testing.assert_allclose(tape.gradient(y, watched), [1 / 3] * 3, rtol=1e-3)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint8", "int64"])
@pytest.mark.parametrize("name", ["nanmax", "nanmin"])
def test_integers_have_no_nan(name, dtype):
    x = np.array([[0, 1], [1, 1]], dtype)
    y = getattr(ops, name)(x, axis=1)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, [1, 1] if name == "nanmax" else [0, 1])
    great = np.array([2**24, 2**24 + 1], "int32")
    assert ops.nanargmax(great).item() == 1
    assert ops.nanargmin(great).item() == 0
    assert getattr(ops, name)(KerasTensor((2, 2), dtype)).dtype == dtype


def test_the_index_of_the_greatest_of_nan_alone_is_minus_one():
    x = np.array([[np.nan, np.nan], [1.0, np.nan]], "float32")
    for find in (ops.nanargmax, ops.nanargmin):
        np.testing.assert_array_equal(find(x, axis=1), [-1, 0])
        np.testing.assert_array_equal(find(x, axis=0), [1, -1])
        np.testing.assert_array_equal(find(x, axis=1, keepdims=True), [[-1], [0]])
        assert find(x).item() == 2
        assert find(x[0]).item() == -1
        assert find(x).dtype == np.int32


def test_several_quantiles_come_first():
    x = Tensor(np.arange(12.0).reshape(3, 4))
    y = ops.quantile(x, [0.25, 0.5], axis=1)
    np.testing.assert_allclose(y.array, [[0.75, 4.75, 8.75], [1.5, 5.5, 9.5]])
    assert ops.quantile(x, np.ones((2, 3)), axis=(0, 1), keepdims=True).shape == (2, 3, 1, 1)
    assert ops.quantile(x, Tensor(np.array([0.5]))).shape == (1,)
    for method, expected in (
        ("linear", 4.4), ("lower", 4), ("higher", 5), ("midpoint", 4.5), ("nearest", 4),
    ):  # fmt: skip
        assert ops.percentile(x, 40, method=method).item() == pytest.approx(expected)
    assert ops.quantile(np.array([1, 5, 2]), 0.5).dtype == np.float32
    assert ops.quantile(KerasTensor((None, 3)), [0.1, 0.2], axis=1).shape == (2, None)
    start = Input((4,))
    model = Model(start, ops.quantile(start, [0.25, 0.5], axis=1))
    copy = Model.from_config(json.loads(json.dumps(model.get_config())))
    np.testing.assert_allclose(copy(x.array).array, y.array)


def test_a_quantile_gives_its_gradient_to_the_elements_beside_it():
    x = Variable(np.array([3.0, 1.0, 2.0, 4.0]))
    for method, expected in (
        ("linear", [0.75, 0, 0.25, 0]),
        ("lower", [0, 0, 1, 0]),
        ("higher", [1, 0, 0, 0]),
        ("midpoint", [0.5, 0, 0.5, 0]),
        ("nearest", [1, 0, 0, 0]),
    ):
        with GradientTape() as tape:
            y = ops.sum(ops.quantile(x, [7 / 12, 1.0], method=method) * np.array([1.0, 10.0]))
        np.testing.assert_allclose(tape.gradient(y, x), np.add(expected, [0, 0, 0, 10]))
