"""Dtypes: the names that are taken, half precision, and what integers and bools become."""

import warnings

import numpy as np
import pytest

import diptych
from diptych import KerasTensor, Tensor, initializers, layers, losses, metrics, ops, random

HALF = pytest.mark.parametrize(
    ("asked", "kept"),
    [("float16", "float16"), ("bfloat16", "float32")],
    ids=["float16", "bfloat16"],
)
X = np.array([[0.25, 1.5], [2.0, -3.0]], np.float32)

VALUES = {
    "cast": lambda dtype: ops.cast(X, dtype),
    "convert_to_tensor": lambda dtype: ops.convert_to_tensor(X, dtype),
    "zeros": lambda dtype: ops.zeros((2,), dtype),
    "full": lambda dtype: ops.full((2,), 1, dtype),
    "arange": lambda dtype: ops.arange(3, dtype=dtype),
    "linspace": lambda dtype: ops.linspace(0, 1, 3, dtype=dtype),
    "ones_like": lambda dtype: ops.ones_like(X, dtype),
    "one_hot": lambda dtype: ops.one_hot([1, 2], 3, dtype=dtype),
    "cumsum": lambda dtype: ops.cumsum(X, dtype=dtype),
    "prod": lambda dtype: ops.prod(X, dtype=dtype),
    "saturate_cast": lambda dtype: ops.saturate_cast(X, dtype),
    "symbolic cast": lambda dtype: ops.cast(KerasTensor((2,)), dtype),
    "KerasTensor": lambda dtype: KerasTensor((2,), dtype),
    "Input": lambda dtype: diptych.Input((2,), dtype=dtype),
    "Variable": lambda dtype: diptych.Variable(X, dtype=dtype),
    "Variable by name": lambda dtype: diptych.Variable("zeros", shape=(2,), dtype=dtype),
    "normal": lambda dtype: random.normal((3,), dtype=dtype),
    "uniform": lambda dtype: random.uniform((3,), dtype=dtype),
    "truncated_normal": lambda dtype: random.truncated_normal((50,), dtype=dtype),
    "gamma": lambda dtype: random.gamma((3,), 1.0, dtype=dtype),
    "beta": lambda dtype: random.beta((3,), 1.0, 2.0, dtype=dtype),
    "binomial": lambda dtype: random.binomial((3,), 4, 0.5, dtype=dtype),
    "GlorotUniform": lambda dtype: initializers.GlorotUniform()((2, 3), dtype=dtype),
    "HeNormal": lambda dtype: initializers.HeNormal()((2, 3), dtype=dtype),
    "Orthogonal": lambda dtype: initializers.Orthogonal()((2, 3), dtype=dtype),
    "Zeros": lambda dtype: initializers.Zeros()((2, 3), dtype=dtype),
    "Constant": lambda dtype: initializers.Constant(2)((2, 3), dtype=dtype),
    "Identity": lambda dtype: initializers.Identity()((3, 3), dtype=dtype),
    "img_to_array": lambda dtype: diptych.utils.img_to_array(np.ones((2, 2, 3)), dtype=dtype),
}


@HALF
@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_half_precision_is_taken_wherever_a_dtype_is(make, asked, kept):
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        assert make(asked).dtype == kept
    assert ("bfloat16 is computed and kept in float32" in str([n.message for n in notes])) == (
        asked == "bfloat16"
    )


@pytest.mark.filterwarnings("ignore:What has a policy", "ignore:bfloat16")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_what_computes_does_so_in_float32(dtype):
    p = [[0.3, 0.7]]
    for loss in (losses.MeanSquaredError, losses.CategoricalCrossentropy):
        made = loss(dtype=dtype)
        assert made([[0.0, 1.0]], p).dtype == "float32"
        assert made([[0.0, 1.0]], p) == loss()([[0.0, 1.0]], p)
        assert made.get_config()["dtype"] == dtype
    for metric in (metrics.Mean(dtype=dtype), metrics.Sum(dtype=dtype)):
        metric.update_state([0.1, 0.2])
        assert metric.result().dtype == "float32"
        assert metric.get_config()["dtype"] == dtype
    assert metrics.AUC(dtype=dtype)([0, 1], [0.1, 0.9]) == 1.0
    policy = diptych.DTypePolicy("mixed_float16")
    assert losses.MeanSquaredError(dtype=policy)(X, X).dtype == "float32"
    layer = layers.Layer(dtype=dtype)
    assert layer.add_weight(shape=(2, 3), dtype=dtype).dtype == "float32"
    x = diptych.Input((2,), dtype=dtype)
    model = diptych.Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    losses_seen = model.fit(X, X[:, :1], epochs=2, verbose=0).history["loss"]
    assert losses_seen[1] < losses_seen[0]
    assert model.predict(X, verbose=0).dtype == "float32"


UNKNOWN = {
    "cast": lambda: ops.cast(X, "foo"),
    "zeros": lambda: ops.zeros((2,), "foo"),
    "texts": lambda: ops.cast(X, "string"),
    "float8": lambda: ops.cast(X, "float8_e4m3fn"),
    "Input": lambda: diptych.Input((2,), dtype="foo"),
    "Variable": lambda: diptych.Variable(X, dtype="foo"),
    "Dense": lambda: layers.Dense(1, dtype="foo"),
    "loss": lambda: losses.MeanSquaredError(dtype="foo"),
    "metric": lambda: metrics.Mean(dtype="foo"),
    "initializer": lambda: initializers.Zeros()((2,), dtype="foo"),
    "integers from a float initializer": lambda: initializers.HeNormal()((2, 2), dtype="int32"),
    "normal": lambda: random.normal((2,), dtype="int32"),
    "randint": lambda: random.randint((2,), 0, 3, dtype="float32"),
    "view": lambda: ops.view(np.ones(2, "int16"), "bfloat16"),
}


@pytest.mark.parametrize("call", UNKNOWN.values(), ids=UNKNOWN)
def test_a_dtype_that_cannot_be_is_a_value_error(call):
    with pytest.raises(ValueError, match=r"float32|integer|NumPy has not"):
        call()


def test_pythons_types_are_dtypes():
    assert ops.cast(X, float).dtype == "float32"
    assert ops.cast(X, int).dtype == "int32"
    assert ops.cast(X, bool).dtype == "bool"
    assert ops.cast(X, np.float64).dtype == "float64"


def test_floats_beyond_the_integers_become_the_nearest_of_them():
    x = np.array([np.nan, np.inf, -np.inf, 300.7, -5.2, 1.7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ops.cast(x, "uint8").tolist() == [0, 255, 0, 255, 0, 1]
        assert ops.cast(x, "int32").tolist() == [0, 2**31 - 1, -(2**31), 300, -5, 1]
        assert ops.cast(np.float32([2**31, 2**31 - 128]), "int32").tolist() == [
            2**31 - 1, 2**31 - 128
        ]  # fmt: skip
        assert ops.cast(np.array([1e30, -1e30]), "int64").tolist() == [2**63 - 1, -(2**63)]


BOOLS = np.array([True, False, True]), np.array([True, True, True])


@pytest.mark.parametrize("name", ["power", "mod", "fmod", "floor_divide", "bitwise_left_shift",
                                  "bitwise_right_shift"])  # fmt: skip
def test_arithmetic_of_bools_is_that_of_int32(name):
    function = getattr(ops, name)
    real = function(*map(Tensor, BOOLS))
    assert real.dtype == "int32"
    assert real.tolist() == function(*[ops.cast(x, "int32") for x in BOOLS]).tolist()
    assert function(*[KerasTensor((3,), "bool") for _ in BOOLS]).dtype == "int32"


def test_other_functions_of_bools():
    x = Tensor(BOOLS[0])
    assert ops.square(x).dtype == ops.clip(x, 0, 1).dtype == "int32"
    assert ops.square(KerasTensor((3,), "bool")).dtype == "int32"
    assert ops.round(x).dtype == ops.round(KerasTensor((3,), "bool")).dtype == "bool"
    values, places = ops.top_k(x, 2)
    assert (values.tolist(), places.tolist()) == ([True, True], [0, 2])
    for refused in (ops.sign, ops.negative, ops.ptp, lambda x: ops.subtract(x, x)):
        with pytest.raises(TypeError, match=r"does not take bools.*int32"):
            refused(x)
    with pytest.raises(TypeError, match="counts integers"):
        ops.bincount(X[0])


def test_numbers_beyond_a_dtype():
    x = Tensor(np.array([1, 0, 7], np.uint8))
    assert ops.clip(x, -1, 3).tolist() == [1, 0, 3]
    assert ops.clip(x, 2, 300).tolist() == [2, 2, 7]
    assert ops.clip(KerasTensor((3,), "uint8"), -1, 300).dtype == "uint8"
    with pytest.raises(OverflowError, match="300 is beyond the numbers of uint8"):
        x + 300


@pytest.mark.parametrize("axes", [2, [[3], [0]], [[0], [0, 0]]], ids=str)
def test_axes_of_a_product_that_are_not_there(axes):
    for vector in (Tensor(np.ones(3)), KerasTensor((3,))):
        with pytest.raises(ValueError, match="ax"):
            ops.tensordot(vector, vector, axes)
