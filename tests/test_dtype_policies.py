"""Policies: names, maps, layers that have them, and Keras's mixed precision."""

import warnings

import numpy as np
import pytest

import diptych
from diptych import DTypePolicy, Input, config, dtype_policies, layers, mixed_precision, saving
from diptych.backend import result_type

X = np.ones((2, 4), "float32")


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    dtype_policies._chosen = None
    config.set_floatx("float32")


@pytest.mark.parametrize(
    ("name", "compute", "variable"),
    [
        ("float32", "float32", "float32"),
        ("float64", "float64", "float64"),
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
        ("int32", "int32", "int32"),
        (None, "float32", "float32"),
    ],
)
def test_what_a_policy_says(name, compute, variable):
    policy = DTypePolicy(name)
    assert (policy.compute_dtype, policy.variable_dtype) == (compute, variable)
    again = dtype_policies.deserialize(dtype_policies.serialize(policy))
    assert again == policy == dtype_policies.get(policy.name)
    assert repr(policy) == f'<DTypePolicy "{policy.name}">'


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: DTypePolicy("foo"), ValueError),
        (lambda: DTypePolicy("mixed_float32"), ValueError),
        (lambda: DTypePolicy(3), TypeError),
        (lambda: dtype_policies.get(3), ValueError),
        (lambda: dtype_policies.get({"class_name": "Dense", "config": {}}), ValueError),
        (lambda: config.set_dtype_policy(3), ValueError),
        (lambda: layers.Dense(2, dtype="foo"), ValueError),
        (lambda: dtype_policies.DTypePolicyMap(policy_map=3), TypeError),
    ],
)
def test_what_is_no_policy(make, error):
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("dtype", ["float64", np.float64, DTypePolicy("float64")])
def test_a_layer_computes_in_the_dtype_of_its_policy(dtype):
    layer = layers.Dense(3, dtype=dtype)
    y = layer(X)
    assert y.dtype == layer.kernel.dtype == np.float64
    assert {layer.dtype, layer.compute_dtype, layer.variable_dtype, layer.input_dtype} == {
        "float64"
    }
    again = layers.Dense.from_config(layer.get_config())
    assert again.dtype_policy == layer.dtype_policy == DTypePolicy("float64")


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_half_precision_is_a_name(name):
    with pytest.warns(UserWarning, match="computes in float32"):
        layer = layers.Dense(3, dtype=name)
    assert layer(X).dtype == layer.kernel.dtype == np.float32
    assert layer.compute_dtype == "float32"
    assert layer.get_config()["dtype"]["config"] == {"name": name}


def test_a_map_gives_layers_policies_by_their_paths():
    policies = dtype_policies.DTypePolicyMap(policy_map={"outer/d": "float64", "e.*": "float64"})

    class Outer(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(2, name="d", dtype=self.dtype_policy)

    outer = Outer(name="outer", dtype=policies)
    assert (outer.dtype, outer.inner.dtype) == ("float32", "float64")
    assert layers.Dense(2, name="e1", dtype=policies).dtype == "float64"
    again = dtype_policies.deserialize(dtype_policies.serialize(policies))
    assert list(again) == ["outer/d", "e.*"]
    assert again == policies
    with pytest.raises(ValueError, match="delete that first"):
        policies["e.*"] = "float32"
    policies["e1.*"] = "float32"
    with pytest.raises(ValueError, match="several keys"):
        layers.Dense(2, name="e1", dtype=policies)
    del policies["e1.*"]
    assert len(policies) == 2


@pytest.mark.parametrize(
    ("policy", "module"),
    [
        (DTypePolicy("mixed_float16"), "keras"),
        (dtype_policies.FloatDTypePolicy("float32"), "keras"),
        (dtype_policies.DTypePolicyMap("float32", {"a": "float64"}), "keras.dtype_policies"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_policies_are_described_and_come_back(policy, module):
    described = saving.serialize_keras_object(policy)
    assert described["module"] == module
    assert described == dtype_policies.serialize(policy)
    again = saving.deserialize_keras_object(described)
    assert type(again) is type(policy)
    assert again.get_config() == policy.get_config()


def test_the_policy_of_all_layers():
    config.set_dtype_policy("float64")
    assert config.dtype_policy().name == "float64"
    assert layers.Dense(2).dtype == "float64"
    assert config.floatx() == "float32"
    assert Input((2,)).dtype == "float32"


def test_without_one_the_float_type_is_the_policy():
    config.set_floatx("float64")
    assert layers.Dense(2).dtype_policy == DTypePolicy("float64")


def test_a_script_of_mixed_precision_runs(tmp_path):
    mixed_precision.set_global_policy("mixed_float16")
    assert mixed_precision.global_policy().compute_dtype == "float16"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = diptych.Sequential(
            [
                Input((4,)),
                layers.Dense(3, activation="relu"),
                layers.Dense(2, activation="softmax", dtype="float32"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(np.ones((8, 4)), np.zeros(8), verbose=0)
        model.save(tmp_path / "m.keras")
        again = diptych.models.load_model(tmp_path / "m.keras")
    assert again.layers[0].dtype_policy.name == "mixed_float16"
    assert again.layers[1].dtype_policy.name == "float32"
    np.testing.assert_array_equal(again(X), model(X))


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("uint32", "int8"), "int32"),
        (("uint32", "int64"), "int64"),
        (("uint64", "int8"), "float32"),
        (("uint8", "int8"), "int16"),
        (("bool", "uint8"), "uint8"),
        (("int64", "float16"), "float16"),
        (("float16", "bfloat16"), "float32"),
        (("bfloat16", "int32"), "bfloat16"),
        (("float32", "float64"), "float64"),
        ((int, "uint8"), "uint8"),
        ((int, "bool"), "int32"),
        ((float, "int32"), "float32"),
        ((float, "float16"), "float16"),
        ((bool, bool), "bool"),
        ((None, "int32"), "float32"),
        ((), "float32"),
    ],
    ids=str,
)
def test_the_dtype_of_a_result(dtypes, expected):
    assert result_type(*dtypes) == expected
    if "bfloat16" not in dtypes and all(isinstance(dtype, str) for dtype in dtypes) and dtypes:
        a, b = (np.ones(2, dtype) for dtype in dtypes)
        assert diptych.ops.add(diptych.ops.array(a), diptych.ops.array(b)).dtype == expected
        symbols = [diptych.KerasTensor((2,), dtype) for dtype in dtypes]
        assert diptych.ops.add(*symbols).dtype == expected


@pytest.mark.parametrize("dtypes", [("string", "int32"), ("foo",), ("float8_e4m3fn", "float32")])
def test_dtypes_that_do_not_mix(dtypes):
    with pytest.raises(ValueError, match=dtypes[0]):
        result_type(*dtypes)
